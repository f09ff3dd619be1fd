/* Real exporters' datagrams: state saved and loaded in the middle, cut short at every length, with
 * every octet changed.
 *
 * Captures come from $WEIR_SHARED/captures or ../shared/captures; without them the tests are
 * skipped. What takes long is sampled; WEIR_LONG=1 tries everything. */
#include "base/hash.h"
#include "flow/kit.h"

#include <dirent.h>
#include <pcap/pcap.h>

enum { NAME_MAX_LEN = 512, CAPTURES_MAX = 400 };

struct payload {
    struct sender from;
    int64_t received_ms;
    uint8_t *data;
    size_t len;
};

struct capture {
    char name[NAME_MAX_LEN];
    struct payload *payloads;
    size_t n;
};

static struct capture captures[CAPTURES_MAX];
static size_t n_captures;

/* --- reading --- */

/* UDP over IPv4 or IPv6 without options or fragments over Ethernet; all else is left out. */
static bool payload_of(struct cur in, struct payload *p)
{
    (void)cur_bytes(&in, 12);
    uint16_t type = cur_u16(&in);
    while (type == 0x8100 || type == 0x88a8) {
        (void)cur_u16(&in);
        type = cur_u16(&in);
    }
    const uint8_t *addr;
    uint8_t proto;
    if (type == 0x0800) {
        uint8_t head = cur_u8(&in);
        (void)cur_bytes(&in, 8);
        proto = cur_u8(&in);
        (void)cur_u16(&in);
        addr = cur_bytes(&in, 4);
        (void)cur_bytes(&in, 4 + (head & 15u) * 4 - 20);
    } else {
        (void)cur_bytes(&in, 6);
        proto = cur_u8(&in);
        (void)cur_u8(&in);
        addr = cur_bytes(&in, 16);
        (void)cur_bytes(&in, 16);
    }
    uint16_t port = cur_u16(&in);
    (void)cur_u16(&in);
    uint16_t length = cur_u16(&in);
    (void)cur_u16(&in);
    if (!cur_ok(&in) || proto != 17 || (type != 0x0800 && type != 0x86dd) || length < 8 ||
        length - 8u > cur_left(&in))
        return false;
    if (type == 0x0800)
        p->from.addr = addr_of_v4(addr);
    else
        memcpy(p->from.addr.b, addr, 16);
    p->from.port = port;
    p->len = length - 8u;
    p->data = malloc(p->len ? p->len : 1); /* of just that size: a sanitizer sees a read beyond */
    assert_non_null(p->data);
    memcpy(p->data, in.at, p->len);
    return true;
}

static void read_capture(const char *path, const char *name)
{
    char why[PCAP_ERRBUF_SIZE];
    pcap_t *file = pcap_open_offline(path, why);
    struct capture *c = &captures[n_captures];
    struct pcap_pkthdr *head;
    const u_char *bytes;
    size_t cap = 0;

    if (!file)
        return;
    (void)snprintf(c->name, sizeof c->name, "%s", name);
    while (pcap_datalink(file) == DLT_EN10MB && pcap_next_ex(file, &head, &bytes) == 1) {
        if (c->n == cap) {
            cap = cap ? 2 * cap : 64;
            c->payloads = realloc(c->payloads, cap * sizeof *c->payloads);
            assert_non_null(c->payloads);
        }
        struct payload *p = &c->payloads[c->n];
        *p = (struct payload){.received_ms =
                                  head->ts.tv_sec * INT64_C(1000) + head->ts.tv_usec / 1000};
        if (payload_of(cur_of(bytes, head->caplen), p))
            c->n++;
    }
    pcap_close(file);
    if (c->n > 0)
        n_captures++;
}

static int by_name(const void *a, const void *b)
{
    const struct capture *x = a;
    const struct capture *y = b;
    return strcmp(x->name, y->name);
}

static int read_captures(void **state)
{
    const char *shared = getenv("WEIR_SHARED");
    char folder[NAME_MAX_LEN];
    char path[3 * NAME_MAX_LEN];

    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/captures",
                   shared ? shared : WEIR_SOURCE "/../shared");
    DIR *dir = opendir(folder);
    if (!dir)
        return 0;
    for (struct dirent *e = readdir(dir); e && n_captures < CAPTURES_MAX; e = readdir(dir)) {
        if (e->d_name[0] == '.' || strncmp(e->d_name, "traffic-", 8) == 0 ||
            strncmp(e->d_name, "sflow-", 6) == 0)
            continue;
        (void)snprintf(path, sizeof path, "%s/%s/%s.pcap", folder, e->d_name, e->d_name);
        read_capture(path, e->d_name);
    }
    (void)closedir(dir);
    qsort(captures, n_captures, sizeof *captures, by_name);
    return 0;
}

static int free_captures(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_captures; i++) {
        for (size_t p = 0; p < captures[i].n; p++)
            free(captures[i].payloads[p].data);
        free(captures[i].payloads);
    }
    return 0;
}

static void need_captures(void)
{
    if (n_captures > 0)
        return;
    print_message("skipped: no captures in $WEIR_SHARED/captures or ../shared/captures\n");
    skip();
}

static bool is_long(void) { return getenv("WEIR_LONG") != NULL; }

/* --- decoding --- */

/* A decoder whose rows are reduced to a checksum each. */
struct run {
    struct out out;
    struct decode_watch watch;
    struct decode_limits limits;
    struct counts counts;
    struct decoder *d;
    uint32_t *rows;
    size_t n;
    size_t cap;
    uint64_t flows;
    uint64_t options;
};

static struct batch *drop(struct out *out, struct batch *full)
{
    (void)out;
    batch_reset(full);
    return full;
}

static uint32_t row_sum(const struct batch *b, size_t row)
{
    uint32_t sum = 0;

    for (int i = 0; i < FIELD_N; i++) {
        enum field_id f = (enum field_id)i;
        const void *p = batch_at(b, f, row);
        size_t n = kind_table[field_table[f].kind].width;
        if (!p)
            continue;
        if (field_table[f].kind == KIND_TEXT || field_table[f].kind == KIND_BYTES)
            p = batch_bytes(b, f, row, &n);
        uint8_t id = (uint8_t)i;
        sum = hash_crc32c(hash_crc32c(sum, &id, 1), p, n);
    }
    return sum;
}

static void take(struct decode_watch *watch, const struct decode_event *e)
{
    struct run *r = container_of(watch, struct run, watch);

    if (e->what != DECODE_FLOWS && e->what != DECODE_OPTIONS)
        return;
    *(e->what == DECODE_FLOWS ? &r->flows : &r->options) += e->rows;
    for (size_t row = e->row; row < e->row + e->rows; row++) {
        if (r->n == r->cap) {
            r->cap = r->cap ? 2 * r->cap : 1024;
            r->rows = realloc(r->rows, r->cap * sizeof *r->rows);
            assert_non_null(r->rows);
        }
        r->rows[r->n++] = row_sum(e->batch, row);
    }
}

static void run_open(struct run *r, const struct decode_limits *limits)
{
    *r = (struct run){.out = {drop}, .watch = {take}, .limits = *limits};
    r->d = decoder_new(limits, &r->out, &r->watch, &r->counts);
    assert_non_null(r->d);
}

static void run_close(struct run *r)
{
    decoder_free(r->d);
    free(r->rows);
}

static void run_one(struct run *r, const struct payload *p, size_t len)
{
    struct datagram in = {
        .data = p->data, .len = len, .received_ms = p->received_ms, .from = p->from};
    decoder_datagram(r->d, &in);
}

static void run_part(struct run *r, const struct capture *c, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        run_one(r, &c->payloads[i], c->payloads[i].len);
}

/* Decode the rest by a new decoder that knows what this one knows. */
static void change_horses(struct run *r)
{
    struct buf saved;

    buf_init(&saved, 256 * 1024 * 1024);
    decoder_flush(r->d);
    decoder_save(r->d, &saved);
    assert_true(buf_ok(&saved));
    decoder_free(r->d);
    r->d = decoder_new(&r->limits, &r->out, &r->watch, &r->counts);
    assert_non_null(r->d);
    struct cur in = cur_of(saved.data, saved.len);
    struct err err;
    if (decoder_load(r->d, &in, &err) != 0)
        fail_msg("%s", err.text);
    buf_free(&saved);
}

static void check_same(const struct capture *c, const struct run *whole, const struct run *parts,
                       size_t k)
{
    if (whole->n != parts->n)
        fail_msg("%s, cut at %zu: %zu rows, %zu uninterrupted", c->name, k, parts->n, whole->n);
    for (size_t i = 0; i < whole->n; i++)
        if (whole->rows[i] != parts->rows[i])
            fail_msg("%s, cut at %zu: row %zu differs", c->name, k, i);
}

static void check_interrupted(const struct decode_limits *limits)
{
    for (size_t i = 0; i < n_captures; i++) {
        const struct capture *c = &captures[i];
        size_t step = is_long() || c->n < 12 ? 1 : c->n / 12;
        struct run whole;
        run_open(&whole, limits);
        run_part(&whole, c, 0, c->n);
        for (size_t k = 0; k <= c->n; k += step) {
            struct run parts;
            run_open(&parts, limits);
            run_part(&parts, c, 0, k);
            change_horses(&parts);
            run_part(&parts, c, k, c->n);
            check_same(c, &whole, &parts, k);
            assert_int_equal(parts.flows, count_get(&parts.counts, COUNT_FLOWS));
            run_close(&parts);
        }
        run_close(&whole);
    }
}

static void a_loaded_decoder_goes_on_as_the_saved_one_would(void **state)
{
    struct decode_limits limits = decode_limits_default();

    (void)state;
    need_captures();
    check_interrupted(&limits);
    limits.templates = 5; /* what is evicted next is state too */
    limits.held_bytes = 4000;
    check_interrupted(&limits);
}

/* All captures into one decoder, changed before every datagram of some. */
static void many_changes_make_no_difference_either(void **state)
{
    struct decode_limits limits = decode_limits_default();
    struct run whole;
    struct run parts;

    (void)state;
    need_captures();
    run_open(&whole, &limits);
    run_open(&parts, &limits);
    for (size_t i = 0; i < n_captures; i++) {
        size_t n = captures[i].n < 20 ? captures[i].n : 20;
        run_part(&whole, &captures[i], 0, n);
        for (size_t p = 0; p < n; p++) {
            if (p < 2)
                change_horses(&parts);
            run_part(&parts, &captures[i], p, p + 1);
        }
    }
    check_same(&(struct capture){.name = "all"}, &whole, &parts, 0);
    assert_true(whole.flows > 1000);
    run_close(&whole);
    run_close(&parts);
}

/* --- damage --- */

/* Held sets in the saved state. */
static uint64_t still_held(const struct decoder *d)
{
    struct buf saved;
    uint64_t n = 0;

    buf_init(&saved, 256 * 1024 * 1024);
    decoder_save(d, &saved);
    struct cur in = cur_of(saved.data, saved.len);
    while (cur_left(&in) > 0) {
        uint8_t type = cur_u8(&in);
        n += type == 3 || type == 8;
        uint32_t len = cur_u32(&in);
        (void)cur_bytes(&in, len);
    }
    assert_true(cur_ok(&in));
    buf_free(&saved);
    return n;
}

static void check_books(struct run *r, uint64_t datagrams)
{
    decoder_flush(r->d);
    assert_int_equal(count_get(&r->counts, COUNT_DATAGRAMS), datagrams);
    assert_int_equal(count_get(&r->counts, COUNT_FLOWS), r->flows);
    assert_int_equal(count_get(&r->counts, COUNT_OPTIONS), r->options);
    assert_int_equal(count_get(&r->counts, COUNT_SETS_HELD),
                     count_get(&r->counts, COUNT_SETS_RELEASED) +
                         count_get(&r->counts, COUNT_SETS_HELD_LOST) + still_held(r->d));
    assert_int_equal(count_get(&r->counts, COUNT_NO_MEMORY), 0);
}

static void survives_every_truncation(void **state)
{
    struct decode_limits limits = decode_limits_default();

    (void)state;
    need_captures();
    for (size_t i = 0; i < n_captures; i++) {
        const struct capture *c = &captures[i];
        size_t each = is_long() ? 1 : 1 + c->n / 4;
        uint64_t sent = 0;
        struct run r;
        run_open(&r, &limits);
        for (size_t p = 0; p < c->n; p++) {
            struct payload cut = c->payloads[p];
            for (size_t len = 0; p % each == 0 && len < cut.len;
                 len += is_long() || len < 64 ? 1 : 37) {
                cut.data = malloc(len ? len : 1);
                assert_non_null(cut.data);
                memcpy(cut.data, c->payloads[p].data, len);
                run_one(&r, &cut, len);
                free(cut.data);
                sent++;
            }
            run_one(&r, &c->payloads[p], cut.len);
            sent++;
        }
        check_books(&r, sent);
        run_close(&r);
    }
}

static void survives_every_changed_octet(void **state)
{
    static const uint8_t flips[] = {0xff, 0x01, 0x80};
    struct decode_limits limits = decode_limits_default();

    (void)state;
    need_captures();
    limits.held_bytes = 1024 * 1024;
    for (size_t i = 0; i < n_captures; i++) {
        const struct capture *c = &captures[i];
        size_t each = is_long() ? 1 : 1 + c->n / 3;
        uint64_t sent = 0;
        struct run r;
        run_open(&r, &limits);
        for (size_t p = 0; p < c->n; p++) {
            const struct payload *whole = &c->payloads[p];
            for (size_t at = 0; p % each == 0 && at < whole->len;
                 at += is_long() || at < 96 ? 1 : 41)
                for (size_t f = 0; f < COUNT_OF(flips); f++) {
                    whole->data[at] ^= flips[f];
                    run_one(&r, whole, whole->len);
                    whole->data[at] ^= flips[f];
                    sent++;
                }
            run_one(&r, whole, whole->len);
            sent++;
        }
        check_books(&r, sent);
        run_close(&r);
    }
}

/* Saved state comes from a file, which may be damaged. */
static void survives_damage_of_the_saved_state(void **state)
{
    struct decode_limits limits = decode_limits_default();

    (void)state;
    need_captures();
    for (size_t i = 0; i < n_captures; i++) {
        const struct capture *c = &captures[i];
        struct buf saved;
        struct run r;
        struct err err;
        run_open(&r, &limits);
        run_part(&r, c, 0, c->n < 10 ? c->n : 10);
        buf_init(&saved, 1 << 24);
        decoder_save(r.d, &saved);
        size_t step = is_long() ? 1 : 1 + saved.len / 60;
        for (size_t at = 0; at < saved.len; at += step) {
            uint8_t *exact = malloc(saved.len);
            assert_non_null(exact);
            memcpy(exact, saved.data, saved.len);
            exact[at] ^= 0xff;
            for (int cut = 0; cut < 2; cut++) {
                struct cur in = cur_of(exact, cut ? at : saved.len);
                struct decoder *d = decoder_new(&limits, &r.out, NULL, &r.counts);
                assert_non_null(d);
                int loaded = decoder_load(d, &in, &err);
                assert_true(loaded == 0 || loaded == ERR_DATA);
                struct datagram again = {.data = c->payloads[0].data,
                                         .len = c->payloads[0].len,
                                         .received_ms = c->payloads[0].received_ms,
                                         .from = c->payloads[0].from};
                decoder_datagram(d, &again);
                decoder_free(d);
            }
            free(exact);
        }
        buf_free(&saved);
        run_close(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loaded_decoder_goes_on_as_the_saved_one_would),
        cmocka_unit_test(many_changes_make_no_difference_either),
        cmocka_unit_test(survives_every_truncation),
        cmocka_unit_test(survives_every_changed_octet),
        cmocka_unit_test(survives_damage_of_the_saved_state),
    };
    return cmocka_run_group_tests(tests, read_captures, free_captures);
}
