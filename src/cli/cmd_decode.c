/* weir decode: every record in a file of exports, of every kind, as JSON lines. */
#include "base/json.h"
#include "base/mem.h"
#include "cli/command.h"
#include "cli/config.h"
#include "flow/decode.h"
#include "net/capfile.h"
#include "query/print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OUT_CHUNK = 1 << 16, OUT_MAX = BATCH_BYTES_MAX * 2 };

/* A held set that has not been decoded yet. */
struct pending {
    uint64_t number;
    uint16_t set;
    size_t octets;
    struct msg head;
    struct sender from;
};

/* One run of the command over its files. */
struct run {
    struct decode_watch watch;
    struct out out;
    struct buf text;
    const char *file; /* named in each line if there are several */
    uint64_t *frames; /* frame of each datagram of the file, by its number - 1 */
    size_t n_frames;
    size_t cap_frames;
    struct pending *pending;
    size_t n_pending;
    size_t cap_pending;
    uint64_t flows;
    uint64_t options;
    uint64_t undecoded;
    uint64_t malformed;
    uint64_t datagrams;
    uint64_t others; /* that don't begin as an export */
    bool failed;     /* standard output is gone */
};

static void write_out(struct run *r)
{
    if (r->text.len > 0 && fwrite(r->text.data, 1, r->text.len, stdout) != r->text.len)
        r->failed = true;
    buf_reset(&r->text);
}

static uint64_t frame_of(const struct run *r, uint64_t number)
{
    return number > 0 && number <= r->n_frames ? r->frames[number - 1] : 0;
}

static void line_begin(struct json *j, const struct run *r, uint64_t number, uint16_t set)
{
    json_open(j, '{');
    if (r->file) {
        json_key(j, "file");
        json_text(j, r->file);
    }
    json_key(j, "frame");
    json_u64(j, frame_of(r, number));
    if (set != 0) {
        json_key(j, "set");
        json_u64(j, set);
    }
}

static void line_end(struct json *j, struct run *r)
{
    json_close(j, '}');
    buf_u8(&r->text, '\n');
    if (r->text.len >= OUT_CHUNK)
        write_out(r);
}

static void put_sequence(struct json *j, const struct msg *head)
{
    if (head->version == 1)
        return;
    json_key(j, "sequence");
    json_u64(j, head->sequence);
}

static void put_record(struct run *r, const struct decode_event *e, size_t row)
{
    struct json j = json_of(&r->text);

    line_begin(&j, r, e->number, e->set);
    put_sequence(&j, e->head);
    if (e->was_held) {
        json_key(&j, "held");
        json_bool(&j, true);
    }
    print_json_fields(&j, e->batch, row);
    line_end(&j, r);
}

/* What a line says of a message without decoded records. */
static void put_head(struct json *j, const struct msg *head, const struct sender *from)
{
    char text[ADDR_TEXT];

    (void)addr_print(&from->addr, text);
    json_key(j, "exporter");
    json_text(j, text);
    if (!head)
        return;
    put_sequence(j, head);
    json_key(j, "version");
    json_u64(j, head->version);
    json_key(j, "export_ms");
    json_i64(j, head->export_ms);
    if (msg_has_sets(head)) {
        json_key(j, "domain");
        json_u64(j, head->domain);
    }
}

static void put_undecoded(struct run *r, const struct pending *p)
{
    struct json j = json_of(&r->text);

    line_begin(&j, r, p->number, p->set);
    put_head(&j, &p->head, &p->from);
    json_key(&j, "kind");
    json_text(&j, "undecoded");
    json_key(&j, "octets");
    json_u64(&j, p->octets);
    line_end(&j, r);
    r->undecoded++;
}

static void put_malformed(struct run *r, const struct decode_event *e)
{
    struct json j = json_of(&r->text);

    line_begin(&j, r, e->number, e->set);
    put_head(&j, e->head, e->from);
    json_key(&j, "kind");
    json_text(&j, "malformed");
    json_key(&j, "octets");
    json_u64(&j, e->octets);
    json_key(&j, "reason");
    json_text(&j, e->reason);
    line_end(&j, r);
    r->malformed++;
}

static void hold(struct run *r, const struct decode_event *e)
{
    if (r->n_pending == r->cap_pending) {
        r->cap_pending = r->cap_pending ? r->cap_pending * 2 : 64;
        r->pending = mem_resize(r->pending, r->cap_pending, sizeof *r->pending);
    }
    r->pending[r->n_pending++] = (struct pending){.number = e->number,
                                                  .set = e->set,
                                                  .octets = e->octets,
                                                  .head = *e->head,
                                                  .from = *e->from};
}

/* A held set has been decoded: it is pending no more. Those of one id are decoded in order. */
static void unhold(struct run *r, const struct decode_event *e)
{
    for (size_t i = 0; i < r->n_pending; i++) {
        struct pending *p = &r->pending[i];
        if (p->number != e->number || p->set != e->set)
            continue;
        memmove(p, p + 1, (r->n_pending - i - 1) * sizeof *p);
        r->n_pending--;
        return;
    }
}

static void on_event(struct decode_watch *watch, const struct decode_event *e)
{
    struct run *r = container_of(watch, struct run, watch);

    switch (e->what) {
    case DECODE_FLOWS:
    case DECODE_OPTIONS:
        *(e->what == DECODE_FLOWS ? &r->flows : &r->options) += e->rows;
        for (size_t row = e->row; row < e->row + e->rows; row++)
            put_record(r, e, row);
        break;
    case DECODE_HELD:
        hold(r, e);
        break;
    case DECODE_RELEASED:
        unhold(r, e);
        break;
    case DECODE_MALFORMED:
        put_malformed(r, e);
        break;
    case DECODE_TEMPLATES:
        break;
    }
}

static struct batch *on_full(struct out *out, struct batch *full)
{
    (void)out; /* its rows were printed when they were decoded */
    batch_reset(full);
    return full;
}

static void feed(struct run *r, struct decoder *d, const struct capfile_item *item)
{
    struct datagram in = {.data = item->data,
                          .len = item->len,
                          .received_ms = item->time_ms,
                          .from = {.addr = item->src,
                                   .port = item->src_port,
                                   .listener = item->dst_port,
                                   .session = item->session}};
    if (item->ended) {
        decoder_session_end(d, &in.from);
        return;
    }
    if (r->n_frames == r->cap_frames) {
        r->cap_frames = r->cap_frames ? r->cap_frames * 2 : 1024;
        r->frames = mem_resize(r->frames, r->cap_frames, sizeof *r->frames);
    }
    r->frames[r->n_frames++] = item->frame;
    r->datagrams++;
    decoder_datagram(d, &in);
}

static int decode_items(struct run *r, struct decoder *d, struct capfile *file, bool all,
                        struct err *err)
{
    struct capfile_item item;
    int code = 0;

    while (!r->failed && (code = capfile_next(file, &item, err)) == 0) {
        if (all || item.ended || capfile_is_export(&item))
            feed(r, d, &item);
        else
            r->others++;
    }
    for (size_t i = 0; i < r->n_pending; i++)
        put_undecoded(r, &r->pending[i]);
    r->n_pending = 0;
    write_out(r);
    return code == ERR_EOF ? 0 : code;
}

struct settings {
    bool all;
    const char *config; /* NULL: as it is on the wire */
};

/* 0 or an error; what was decoded before it is printed. */
static int decode_file(struct run *r, const char *path, const struct settings *set, struct err *err)
{
    struct decode_limits limits = decode_limits_default();
    struct counts counts = {0};
    struct capfile *file = NULL;
    struct decoder *d = decoder_new(&limits, &r->out, &r->watch, &counts);
    uint64_t before = r->datagrams;
    int code = d ? 0 : err_set(err, ERR_SYS, "out of memory");

    if (code == 0 && set->config)
        code = config_teach(set->config, d, err);
    if (code == 0)
        code = capfile_open(&file, path, err);
    r->n_frames = 0;
    if (code == 0) {
        code = decode_items(r, d, file, set->all, err);
        capfile_close(file);
    }
    decoder_free(d);
    if (code == 0 && r->datagrams == before)
        code = err_set(err, ERR_DATA, "%s: no export datagrams in it%s", path,
                       set->all ? "" : "; --all takes what does not begin as one, too");
    return code;
}

enum { OPT_ALL = 1, OPT_CONFIG };

static const struct opt opts[] = {
    {OPT_ALL, "all", 'a', NULL, "every UDP datagram, also those that don't begin as an export"},
    {OPT_CONFIG, "config", 'c', "FILE",
     "read it as FILE, and the quirk rules that weir comes with, say of those who sent it"},
};

static void summary(const struct run *r)
{
    if (!isatty(STDERR_FILENO))
        return;
    (void)fprintf(
        stderr,
        "%llu datagrams: %llu flow records, %llu options records, %llu undecoded sets, %llu "
        "malformed\n",
        (unsigned long long)r->datagrams, (unsigned long long)r->flows,
        (unsigned long long)r->options, (unsigned long long)r->undecoded,
        (unsigned long long)r->malformed);
    if (r->others > 0)
        (void)fprintf(stderr,
                      "%llu datagrams left out that don't begin as exports; --all takes them too\n",
                      (unsigned long long)r->others);
}

static int run_files(struct run *r, char **paths, size_t n, const struct settings *set)
{
    struct err err;
    int status = 0;

    for (size_t i = 0; i < n && !r->failed; i++) {
        r->file = n > 1 ? paths[i] : NULL;
        int e = decode_file(r, paths[i], set, &err);
        if (e) {
            (void)fprintf(stderr, "weir decode: %s\n", err.text);
            status = e == ERR_CONFIG ? 2 : 1;
        }
    }
    if (fflush(stdout) != 0 || r->failed)
        status = 1;
    summary(r);
    return status;
}

static int cmd_decode_run(int argc, char **argv)
{
    struct opt_scan scan = opt_scan_of(opts, COUNT_OF(opts), argc, argv);
    char **paths = mem_new((size_t)argc, sizeof *paths);
    size_t n = 0;
    struct settings set = {.all = false};
    struct err err;
    int id;
    int status;

    while ((id = opt_next(&scan, &err)) != OPT_END && id != ERR_CONFIG) {
        if (id == OPT_ALL)
            set.all = true;
        else if (id == OPT_CONFIG)
            set.config = scan.value;
        else
            paths[n++] = argv[scan.at - 1];
    }
    if (id == ERR_CONFIG) {
        status = command_usage_error(&cmd_decode, err.text);
    } else if (n == 0) {
        status = command_usage_error(&cmd_decode, "expected a file, or - for standard input");
    } else {
        struct run r = {.watch = {.on = on_event}, .out = {.push = on_full}};
        buf_init(&r.text, OUT_MAX);
        status = run_files(&r, paths, n, &set);
        buf_free(&r.text);
        free(r.frames);
        free(r.pending);
    }
    free(paths);
    return status;
}

const struct command cmd_decode = {
    .name = "decode",
    .summary = "show every record in a capture of exports, as it is on the wire",
    .usage = "[options] FILE...",
    .details =
        "Reads pcap, pcapng, or datagrams one after another (- is standard input) and prints a "
        "line of "
        "JSON for each record: flow records, options records, sets that never got their template "
        "(\"kind\": \"undecoded\") and what is malformed, with the frame it came in, its set, "
        "domain and "
        "sequence number. A set that came before its template is decoded when the template comes, "
        "and "
        "says \"held\": true. 'weir fields' explains the names; elements without a name are in "
        "\"extra\".",
    .examples = "weir decode router.pcap | jq 'select(.kind == \"options\")'\n    what the "
                "exporter says of itself\n"
                "tcpdump -i eth0 -w - udp port 2055 | weir decode -\n    live, from the wire\n",
    .opts = opts,
    .n_opts = COUNT_OF(opts),
    .run = cmd_decode_run,
};
