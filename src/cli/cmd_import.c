/* weir import: files of recorded exports → the store. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/config.h"
#include "cli/progress.h"
#include "flow/decode.h"
#include "net/capfile.h"
#include "store/import.h"
#include "store/labels.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHECK_EVERY = 64 };

/* One run over its files. All go through one decoder, so that templates in one serve the next. */
struct run {
    struct import *import;
    struct decoder *decoder;
    struct counts counts;
    struct progress progress;
    int64_t begin_mono_ms;
    uint64_t items;
    uint64_t other; /* datagrams that are no exports */
    struct capfile_skipped skipped;
};

static volatile sig_atomic_t stopped; /* set by the signal, which can reach nothing else */

static void on_signal(int number) { stopped = number; }

static void catch_signals(void)
{
    struct sigaction a = {.sa_handler = on_signal};

    (void)sigaction(SIGINT, &a, NULL);
    (void)sigaction(SIGTERM, &a, NULL);
}

static void show(struct run *r, const struct capfile *file, const char *path)
{
    char flows[TEXT_SHORT];
    char rate[TEXT_SHORT];
    char text[200];
    uint64_t at;
    uint64_t of;
    double n = (double)count_get(&r->counts, COUNT_FLOWS);
    int64_t ms = clock_mono_ms() - r->begin_mono_ms;

    (void)text_print_count(n, flows);
    (void)text_print_count(ms > 0 ? n * 1000 / (double)ms : 0, rate);
    (void)snprintf(text, sizeof text, "%.80s: %s flows, %s flows/s", path, flows, rate);
    capfile_progress(file, &at, &of);
    progress_show(&r->progress, at, of, text);
}

static void feed(struct run *r, const struct capfile_item *item)
{
    struct datagram d = {.data = item->data,
                         .len = item->len,
                         .received_ms = item->time_ms,
                         .from = {.addr = item->src,
                                  .port = item->src_port,
                                  .listener = item->dst_port,
                                  .session = item->session}};

    if (item->ended) {
        decoder_session_end(r->decoder, &d.from);
        return;
    }
    if (!capfile_is_export(item)) {
        r->other++;
        return;
    }
    if (import_is_other_hour(r->import, item->time_ms)) {
        decoder_flush(r->decoder);
        import_books(r->import, decoder_books(r->decoder));
        import_hour(r->import, item->time_ms);
    }
    decoder_datagram(r->decoder, &d);
}

static int import_file(struct run *r, const char *path, struct err *err)
{
    struct capfile *file;
    struct capfile_item item;
    int e = capfile_open(&file, path, err);

    if (e)
        return e;
    while (!stopped && (e = capfile_next(file, &item, err)) == 0) {
        feed(r, &item);
        if (++r->items % CHECK_EVERY == 0) {
            e = import_error(r->import, err);
            if (e)
                break;
            if (progress_due(&r->progress))
                show(r, file, path);
        }
    }
    struct capfile_skipped s = capfile_skipped(file);
    r->skipped.frames += s.frames;
    r->skipped.fragments += s.fragments;
    r->skipped.cut += s.cut;
    r->skipped.streams += s.streams;
    capfile_close(file);
    if (stopped)
        return err_set(err, ERR_SYS, "stopped: nothing was imported");
    return e == ERR_EOF ? 0 : err_in(err, e, "%s", path);
}

static void say_number(uint64_t n, const char *what)
{
    if (n > 0)
        (void)fprintf(stderr, "  %" PRIu64 " %s\n", n, what);
}

static void summary(const struct run *r, uint64_t rows, uint64_t files, const char *dir)
{
    char took[TEXT_SHORT];

    (void)text_print_duration(clock_mono_ms() - r->begin_mono_ms, took);
    (void)fprintf(
        stderr,
        "imported %" PRIu64 " flows of %" PRIu64 " datagrams into %s: %" PRIu64 " file%s, %s\n",
        rows, count_get(&r->counts, COUNT_DATAGRAMS), dir, files, files == 1 ? "" : "s", took);
    say_number(r->other, "datagrams are no exports, and were left out");
    say_number(r->skipped.frames, "frames could not be read");
    say_number(r->skipped.fragments, "fragmented packets are not whole");
    say_number(r->skipped.cut, "datagrams were cut by the capture's snap length");
    say_number(r->skipped.streams, "TCP streams have gaps");
    say_number(count_get(&r->counts, COUNT_SETS_HELD) - count_get(&r->counts, COUNT_SETS_RELEASED),
               "data sets without a template, not decoded");
    for (int i = COUNT_BAD_VERSION; i <= COUNT_BAD_WITHDRAWAL; i++)
        say_number(count_get(&r->counts, (enum count_id)i), count_table[i].help);
}

/* Flows are in place by now: names would be of no use without them. */
static int keep_names(const struct run *r, const char *dir, struct err *err)
{
    struct labels names;

    labels_init(&names);
    (void)labels_take(&names, decoder_names(r->decoder), 0); /* the decoder's bound is lower */
    int e = labels_keep(dir, &names, NULL, err);
    labels_free(&names);
    return e ? err_in(err, e, "the flows are imported, but not what exporters call things") : 0;
}

static int import_all(struct run *r, const char *dir, const char *config, char **paths, size_t n)
{
    struct pq_write_options pq = {.codec = PQ_ZSTD};
    struct decode_limits limits = decode_limits_default();
    struct err err;
    uint64_t files = 0;
    uint64_t rows = 0;
    int e = import_open(&r->import, dir, &pq, &err);

    if (e == 0) {
        r->decoder = decoder_new(&limits, import_out(r->import), NULL, &r->counts);
        e = r->decoder ? 0 : err_set(&err, ERR_LIMIT, "no memory for a decoder");
    }
    if (e == 0)
        e = config_teach(config, r->decoder, &err);
    for (size_t i = 0; i < n && e == 0; i++)
        e = import_file(r, paths[i], &err);
    progress_end(&r->progress);
    if (e == 0) {
        decoder_flush(r->decoder);
        import_books(r->import, decoder_books(r->decoder));
        rows = import_rows(r->import);
        e = import_publish(r->import, &files, &err);
        r->import = NULL;
        if (e == 0)
            e = keep_names(r, dir, &err);
    }
    import_abort(r->import);
    decoder_free(r->decoder);
    if (e) {
        (void)fprintf(stderr, "weir import: %s\n", err.text);
        return e == ERR_CONFIG ? 2 : 1;
    }
    summary(r, rows, files, dir);
    return 0;
}

enum { OPT_STORE = 1, OPT_CONFIG };

static const struct opt opts[] = {
    {OPT_STORE, "store", 's', "DIR", "the store to add to (./var)"},
    {OPT_CONFIG, "config", 'c', "FILE",
     "what it says of senders and quirks holds here too (default: " FILTERS_CONFIG ")"},
};

static int cmd_import_run(int argc, char **argv)
{
    struct opt_scan scan = opt_scan_of(opts, COUNT_OF(opts), argc, argv);
    char **paths = mem_new((size_t)argc, sizeof *paths);
    const char *dir = "./var";
    const char *config = config_usual();
    size_t n = 0;
    struct err err;
    int id;
    int status;

    while ((id = opt_next(&scan, &err)) != OPT_END && id != ERR_CONFIG) {
        if (id == OPT_STORE)
            dir = scan.value;
        else if (id == OPT_CONFIG)
            config = scan.value;
        else
            paths[n++] = argv[scan.at - 1];
    }
    if (id == ERR_CONFIG) {
        status = command_usage_error(&cmd_import, err.text);
    } else if (n == 0) {
        status = command_usage_error(&cmd_import, "expected a file, or - for standard input");
    } else {
        struct run *r = mem_new(1, sizeof *r);
        r->begin_mono_ms = clock_mono_ms();
        r->progress = progress_of();
        catch_signals();
        status = import_all(r, dir, config, paths, n);
        free(r);
    }
    free(paths);
    return status;
}

const struct command cmd_import = {
    .name = "import",
    .summary = "add recorded exports to a store",
    .usage = "[options] FILE...",
    .details =
        "Reads pcap, pcapng, or export datagrams one after another (- is standard input) and "
        "stores "
        "the flows in them. When they were received is what the capture says, or for bare "
        "datagrams "
        "the export time of their headers; they are stored under that hour. Files are read in the "
        "order given, and templates of one serve the next. Either all of it gets into the store "
        "or, "
        "if something fails or you stop it, nothing. A collector may run on the same store "
        "meanwhile.",
    .examples = "weir import --store /var/lib/weir router.pcap\n    add a capture\n"
                "zcat old.pcap.gz | weir import -\n    from standard input, into ./var\n",
    .opts = opts,
    .n_opts = COUNT_OF(opts),
    .run = cmd_import_run,
};
