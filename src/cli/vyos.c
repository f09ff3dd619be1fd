#include "cli/vyos.h"

#include "base/braces.h"
#include "base/mem.h"
#include "base/near.h"
#include "base/syslog.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 8, SHOWN = 40, PORT = 2055, RATE_MAX_V5 = (1 << 14) - 1, VALUE = 128 };

enum what {
    INTERFACE,
    EGRESS,
    ENGINE,
    FLOWS,
    RATE,
    SERVER,
    SERVER_PORT,
    SOURCE,
    VERSION,
    VRF,
    FACILITY,
    EXPIRY,
    LIFE,
    IDLE, /* and behind it one for each cache_class */
    NOTHING = IDLE + CACHE_CLASSES
};

/* As VyOS writes them; capitals stand for a value. */
static const struct row {
    const char *words;
    int what;
    const char *why; /* it has no effect */
} rows[] = {
    {"interface NAME", INTERFACE, NULL},
    {"enable-egress", EGRESS, NULL},
    {"netflow engine-id N", ENGINE, NULL},
    {"netflow max-flows N", FLOWS, NULL},
    {"netflow sampling-rate N", RATE, NULL},
    {"netflow server ADDR", SERVER, NULL},
    {"netflow server ADDR port N", SERVER_PORT, NULL},
    {"netflow source-address ADDR", SOURCE, NULL},
    {"netflow source-ip ADDR", SOURCE, NULL},
    {"netflow version N", VERSION, NULL},
    {"netflow timeout expiry-interval N", EXPIRY, NULL},
    {"netflow timeout max-active-life N", LIFE, NULL},
    {"netflow timeout flow-generic N", IDLE + CACHE_GENERIC, NULL},
    {"netflow timeout udp N", IDLE + CACHE_UDP, NULL},
    {"netflow timeout icmp N", IDLE + CACHE_ICMP, NULL},
    {"netflow timeout tcp-generic N", IDLE + CACHE_TCP, NULL},
    {"netflow timeout tcp-fin N", IDLE + CACHE_TCP_FIN, NULL},
    {"netflow timeout tcp-rst N", IDLE + CACHE_TCP_RST, NULL},
    {"syslog-facility NAME", FACILITY, NULL},
    {"vrf NAME", VRF, NULL},
    {"buffer-size N", NOTHING, "packets wait in the kernel's ring, of a size of its own"},
    {"packet-length N", NOTHING, "as much of each packet is looked at as is needed"},
    {"disable-imt", NOTHING,
     "there is no table in memory besides the flow cache, which 'weir show ip cache flow' shows"},
    {"sflow", NOTHING, "sFlow is not exported"},
};

struct reader {
    struct braces braces;
    struct probe_flags flags;
    char names[PROBE_DEVICES][IFNAMSIZ];
    struct setup_exporter servers[SETUP_EXPORTERS];
    size_t n_servers;
    size_t rate_line;
    bool found;
    char facility[VYOS_FACILITY];
    void (*note)(const char *text);
};

static bool is(const struct conf_word *w, const char *text, size_t n)
{
    return w->len == n && memcmp(w->s, text, n) == 0;
}

/* The i-th word of a row, its length; 0: it has none. */
static size_t row_word(const char *words, size_t i, const char **out)
{
    for (; i > 0 && *words; i--) {
        words += strcspn(words, " ");
        words += *words == ' ';
    }
    *out = words;
    return strcspn(words, " ");
}

static bool is_value(const char *word) { return *word >= 'A' && *word <= 'Z'; }

/* How many of the words, from `from` on, are the row's. */
static size_t matched(const struct braces_line *l, size_t from, const char *words)
{
    size_t i = 0;
    const char *w;
    size_t n;

    while (from + i < l->n && (n = row_word(words, i, &w)) > 0 &&
           (is_value(w) || is(&l->path[from + i], w, n)))
        i++;
    return i;
}

static size_t count_words(const char *words)
{
    const char *w;
    size_t n = 0;

    while (row_word(words, n, &w) > 0)
        n++;
    return n;
}

/* Behind "flow-accounting"; 0: it is about something else. */
static size_t begin_of(const struct braces_line *l)
{
    static const char own[] = "flow-accounting";
    static const char system[] = "system";

    if (is(&l->path[0], own, strlen(own)))
        return 1;
    return l->n > 1 && is(&l->path[0], system, strlen(system)) && is(&l->path[1], own, strlen(own))
               ? 2
               : 0;
}

/* --- values --- */

static const char *text_of(const struct conf_word *w, char out[static VALUE])
{
    (void)snprintf(out, VALUE, "%.*s", (int)w->len, w->s);
    return out;
}

static int read_number(const struct braces_line *l, uint64_t least, uint64_t most, uint64_t *out,
                       struct err *err)
{
    const struct conf_word *w = &l->path[l->n - 1];

    if (text_count(w->s, w->len, most, out, NULL) == 0 && *out >= least)
        return 0;
    return braces_fail(l, l->n - 1, err, "expected %llu to %llu, found \"%.*s\"",
                       (unsigned long long)least, (unsigned long long)most,
                       (int)(w->len < SHOWN ? w->len : SHOWN), w->s);
}

static int read_addr(const struct braces_line *l, size_t i, struct addr *out, struct err *err)
{
    char text[VALUE];

    if (l->path[i].len < VALUE && addr_parse(text_of(&l->path[i], text), out, NULL) == 0)
        return 0;
    return braces_fail(l, i, err, "expected an IP address, found \"%.40s\"",
                       text_of(&l->path[i], text));
}

static int read_device(const struct braces_line *l, char out[static IFNAMSIZ], struct err *err)
{
    const struct conf_word *w = &l->path[l->n - 1];

    if (w->len == 0 || w->len >= IFNAMSIZ || memchr(w->s, '/', w->len) ||
        memchr(w->s, '\0', w->len))
        return braces_fail(l, l->n - 1, err, "expected the name of an interface, found \"%.*s\"",
                           (int)(w->len < SHOWN ? w->len : SHOWN), w->s);
    memset(out, 0, IFNAMSIZ);
    memcpy(out, w->s, w->len);
    return 0;
}

static int on_interface(struct reader *r, const struct braces_line *l, struct err *err)
{
    struct probe_flags *f = &r->flags;
    char name[IFNAMSIZ];
    int bad = read_device(l, name, err);

    if (bad)
        return bad;
    for (size_t i = 0; i < f->n_dev; i++)
        if (strcmp(f->dev[i], name) == 0)
            return 0;
    if (f->n_dev == PROBE_DEVICES)
        return braces_fail(l, l->n - 1, err, "at most %d interfaces", PROBE_DEVICES);
    memcpy(r->names[f->n_dev], name, sizeof name);
    f->dev[f->n_dev] = r->names[f->n_dev];
    f->n_dev++;
    return 0;
}

/* The path is "... server ADDR" or "... server ADDR port N". */
static int on_server(struct reader *r, const struct braces_line *l, bool port, struct err *err)
{
    struct addr to;
    uint64_t n = PORT;
    size_t i = 0;
    int bad = read_addr(l, l->n - (port ? 3 : 1), &to, err);

    if (bad == 0 && port)
        bad = read_number(l, 1, UINT16_MAX, &n, err);
    if (bad)
        return bad;
    while (i < r->n_servers && !addr_eq(&r->servers[i].to, &to))
        i++;
    if (i == SETUP_EXPORTERS)
        return braces_fail(l, l->n - 1, err, "at most %d servers", SETUP_EXPORTERS);
    if (i == r->n_servers || port)
        r->servers[i] = (struct setup_exporter){.to = to, .port = (uint16_t)n};
    r->n_servers += i == r->n_servers;
    return 0;
}

static int on_facility(struct reader *r, const struct braces_line *l, struct err *err)
{
    char text[VALUE];
    struct err why;

    (void)text_of(&l->path[l->n - 1], text);
    if (strlen(text) >= sizeof r->facility || syslog_check(text, &why) != 0)
        return braces_fail(l, l->n - 1, err,
                           "expected a facility of syslog, as daemon or local0, found \"%.40s\"",
                           text);
    memcpy(r->facility, text, strlen(text) + 1);
    return 0;
}

static int on_version(struct reader *r, const struct braces_line *l, struct err *err)
{
    uint64_t n;
    int bad = read_number(l, 5, 10, &n, err);

    if (bad == 0 && n != 5 && n != 9 && n != 10)
        bad =
            braces_fail(l, l->n - 1, err, "expected 5, 9 or 10, found %llu", (unsigned long long)n);
    if (bad == 0)
        r->flags.exporter.version = (uint16_t)n;
    return bad;
}

static int on_number(struct reader *r, const struct braces_line *l, int what, struct err *err)
{
    static const struct {
        uint64_t least;
        uint64_t most;
    } bounds[IDLE] = {[ENGINE] = {0, UINT32_MAX},
                      [FLOWS] = {16, CACHE_ENTRIES_MAX},
                      [RATE] = {0, UINT32_MAX},
                      [EXPIRY] = {0, INT32_MAX},
                      [LIFE] = {1, INT32_MAX}};
    uint64_t n;
    int bad = what >= IDLE ? read_number(l, 1, INT32_MAX, &n, err)
                           : read_number(l, bounds[what].least, bounds[what].most, &n, err);

    if (bad)
        return bad;
    if (what == ENGINE)
        r->flags.exporter.domain = (uint32_t)n;
    else if (what == FLOWS)
        r->flags.monitor.entries = (uint32_t)n;
    else if (what == EXPIRY)
        r->flags.monitor.give_s = (uint32_t)n;
    else if (what == LIFE)
        r->flags.monitor.active_s = (uint32_t)n;
    else if (what >= IDLE)
        r->flags.monitor.idle_s[what - IDLE] = (uint32_t)n;
    if (what != RATE)
        return 0;
    r->rate_line = l->number;
    r->flags.sampler.rate = n > 1 ? (uint32_t)n : 0;
    r->flags.sampler.random = n > 1;
    return 0;
}

static int take_row(struct reader *r, const struct braces_line *l, const struct row *row,
                    struct err *err)
{
    struct err note;

    switch (row->what) {
    case INTERFACE:
        return on_interface(r, l, err);
    case EGRESS:
        r->flags.out = true;
        return 0;
    case SERVER:
    case SERVER_PORT:
        return on_server(r, l, row->what == SERVER_PORT, err);
    case SOURCE:
        r->flags.exporter.has_source = true;
        return read_addr(l, l->n - 1, &r->flags.exporter.source, err);
    case VERSION:
        return on_version(r, l, err);
    case VRF:
        return read_device(l, r->flags.exporter.vrf, err);
    case FACILITY:
        return on_facility(r, l, err);
    case NOTHING:
        (void)braces_fail(l, begin_of(l), &note, "%.*s has no effect here: %s",
                          (int)strcspn(row->words, " "), row->words, row->why);
        if (r->note)
            r->note(note.text);
        return 0;
    default:
        return on_number(r, l, row->what, err);
    }
}

/* --- statements --- */

/* What may stand where the path leaves what is known: "interface or netflow ...". */
static int fail_word(const struct braces_line *l, size_t from, struct err *err)
{
    size_t most = 0;
    char expected[300] = "";
    size_t used = 0;
    const char *last = "";
    size_t last_n = 0;

    for (size_t k = 0; k < COUNT_OF(rows); k++) {
        size_t n = matched(l, from, rows[k].words);
        most = n > most ? n : most;
    }
    size_t at = from + most < l->n ? from + most : l->n - 1;
    struct near near = near_of(l->path[at].s, l->path[at].len);
    char names[COUNT_OF(rows)][SHOWN];
    for (size_t k = 0; k < COUNT_OF(rows); k++) {
        const char *w;
        size_t n = row_word(rows[k].words, most, &w);
        if (n == 0 || matched(l, from, rows[k].words) < most ||
            (n == last_n && memcmp(w, last, n) == 0))
            continue;
        last = w;
        last_n = n;
        (void)snprintf(names[k], sizeof names[k], "%.*s", (int)n, w);
        near_try(&near, names[k]);
        used += (size_t)snprintf(expected + used, sizeof expected - used, "%s%s",
                                 used ? " or " : "", names[k]);
        used = used < sizeof expected ? used : sizeof expected - 1;
    }
    const char *best = near_best(&near);
    if (from + most >= l->n)
        return braces_fail(l, at, err, "expected %s behind \"%.*s\"", expected,
                           (int)(l->path[at].len < SHOWN ? l->path[at].len : SHOWN), l->path[at].s);
    return braces_fail(l, at, err, "expected %s, found \"%.*s\"%s%s%s",
                       *expected ? expected : "the end of the line",
                       (int)(l->path[at].len < SHOWN ? l->path[at].len : SHOWN), l->path[at].s,
                       best ? "; did you mean " : "", best ? best : "", best ? "?" : "");
}

static int take(struct braces *b, const struct braces_line *l, struct err *err)
{
    struct reader *r = container_of(b, struct reader, braces);
    size_t from = begin_of(l);
    bool begins = false;

    if (from == 0)
        return 0;
    r->found = true;
    if (l->n == from)
        return 0;
    for (size_t k = 0; k < COUNT_OF(rows); k++) {
        size_t n = matched(l, from, rows[k].words);
        bool whole = n == count_words(rows[k].words);
        if (whole && rows[k].what == NOTHING && from + n < l->n)
            return 0; /* said where its block began, or by its first `set` */
        if (whole && from + n == l->n)
            return take_row(r, l, &rows[k], err);
        begins = begins || from + n == l->n;
    }
    return l->opens && begins ? 0 : fail_word(l, from, err);
}

static struct probe_flags defaults(void)
{
    struct probe_flags f = probe_flags_default();
    uint32_t *idle = f.monitor.idle_s;

    f.monitor.give_s = 60;
    f.monitor.active_s = 604800;
    idle[CACHE_GENERIC] = 3600;
    idle[CACHE_UDP] = idle[CACHE_ICMP] = idle[CACHE_TCP_FIN] = 300;
    idle[CACHE_TCP] = 3600;
    idle[CACHE_TCP_RST] = 120;
    return f;
}

static void put_servers(struct reader *r)
{
    char text[ADDR_PORT_TEXT];

    for (size_t i = 0; i < r->n_servers; i++) {
        struct setup_exporter *to = &r->flags.to[i];
        *to = r->servers[i];
        (void)addr_port_print(&to->to, to->port, text);
        (void)snprintf(to->name, sizeof to->name, "%s", text);
    }
    r->flags.n_to = r->n_servers;
}

static int finish(struct reader *r, const char *path, bool capture, bool may_be_none,
                  struct err *err)
{
    const struct probe_flags *f = &r->flags;

    if (!r->found)
        return err_set(err, ERR_CONFIG, "%s: expected system flow-accounting, found none", path);
    if (r->n_servers == 0 && !may_be_none)
        return err_set(err, ERR_CONFIG,
                       "%s: expected netflow server ADDRESS in flow-accounting, or --store DIR",
                       path);
    if (f->n_dev == 0 && !capture)
        return err_set(err, ERR_CONFIG, "%s: expected interface NAME in flow-accounting", path);
    if (f->exporter.version == 5 && f->sampler.rate > RATE_MAX_V5)
        return err_set(err, ERR_CONFIG,
                       "%s:%zu: NetFlow v5 cannot say a sampling-rate above %d; expected version 9",
                       path, r->rate_line, RATE_MAX_V5);
    if (capture) { /* there all packets come */
        r->flags.n_dev = 0;
        r->flags.out = false;
    }
    put_servers(r);
    return 0;
}

int vyos_setup(const char *path, bool capture, bool may_be_none, void (*note)(const char *text),
               struct setup *out, char facility[static VYOS_FACILITY], struct err *err)
{
    struct reader *r = mem_new(1, sizeof *r);

    r->braces.take = take;
    r->flags = defaults();
    r->note = note;
    int bad = braces_read_file(&r->braces, path, err);
    if (bad == 0)
        bad = finish(r, path, capture, may_be_none, err);
    if (bad == 0)
        bad = probe_setup(&r->flags, may_be_none, out, err);
    if (bad == 0)
        memcpy(facility, r->facility, VYOS_FACILITY);
    free(r);
    return bad;
}
