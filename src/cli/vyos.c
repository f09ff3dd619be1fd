#include "cli/vyos.h"

#include "base/braces.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/near.h"
#include "base/syslog.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 40, PORT = 2055, RATE_MAX_V5 = (1 << 14) - 1, VALUE = 128 };

enum what {
    INTERFACE,
    NEW_INTERFACE, /* where VyOS has it since it meters by ipt_NETFLOW */
    EGRESS,
    ENGINE,
    FLOWS,
    RATE,
    SERVER,
    SERVER_PORT,
    SERVER_SOURCE,
    SERVER_VIA,
    SOURCE,
    VERSION,
    VRF,
    FACILITY,
    NEW_ACTIVE,
    NEW_INACTIVE,
    EXPIRY,
    LIFE,
    IDLE, /* and behind it one for each cache_class */
    NOTHING = IDLE + CACHE_CLASSES,
    NOTHING_BELOW /* nor has what stands below it */
};

/* As VyOS writes them; capitals stand for a value. */
static const struct row {
    const char *words;
    int what;
    const char *why; /* it has no effect */
} rows[] = {
    {"interface NAME", INTERFACE, NULL},
    {"enable-egress", EGRESS, NULL},
    {"netflow interface NAME", NEW_INTERFACE, NULL},
    {"netflow engine-id N", ENGINE, NULL},
    {"netflow max-flows N", FLOWS, NULL},
    {"netflow sampling-rate N", RATE, NULL},
    {"netflow server ADDR", SERVER, NULL},
    {"netflow server ADDR port N", SERVER_PORT, NULL},
    {"netflow server ADDR source-address ADDR", SERVER_SOURCE, NULL},
    {"netflow server ADDR source-interface NAME", SERVER_VIA, NULL},
    {"netflow source-address ADDR", SOURCE, NULL},
    {"netflow source-ip ADDR", SOURCE, NULL},
    {"netflow version N", VERSION, NULL},
    {"netflow active-timeout N", NEW_ACTIVE, NULL},
    {"netflow inactive-timeout N", NEW_INACTIVE, NULL},
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
    {"sflow", NOTHING_BELOW, "sFlow is not exported"},
};

/* How long flows stay where it is not said, before ipt_NETFLOW; since then as our own defaults. */
static const struct {
    int what;
    uint32_t seconds;
} usual[] = {
    {EXPIRY, 60},
    {LIFE, 604800},
    {IDLE + CACHE_GENERIC, 3600},
    {IDLE + CACHE_UDP, 300},
    {IDLE + CACHE_ICMP, 300},
    {IDLE + CACHE_TCP, 3600},
    {IDLE + CACHE_TCP_FIN, 300},
    {IDLE + CACHE_TCP_RST, 120},
};

struct place {
    size_t line;
    size_t column;
};

struct reader {
    struct braces braces;
    const char *file;
    const struct vyos_options *o;
    struct probe_flags flags;
    char names[PROBE_DEVICES][IFNAMSIZ];
    struct setup_exporter servers[SETUP_EXPORTERS];
    size_t n_servers;
    bool engine_has_type;
    struct place at[NOTHING]; /* of each value; line 0: it is not said */
    bool noted[COUNT_OF(rows)];
    bool found;
    char facility[VYOS_FACILITY];
};

/* What is wrong with a value whose line is over. */
#define fail_value(r, what, err, ...)                                                       \
    conf_fail((&(const struct conf_line){.file = (r)->file, .number = (r)->at[what].line}), \
              (r)->at[what].column, (err), __VA_ARGS__)

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

/* Behind "[system] flow-accounting" from word `i` on; 0: it is about something else. */
static size_t behind(const struct braces_line *l, size_t i)
{
    static const char *const names[] = {"system", "flow-accounting"};
    size_t k = l->n > i && is(&l->path[i], names[0], strlen(names[0])) ? i + 1 : i;

    return l->n > k && is(&l->path[k], names[1], strlen(names[1])) ? k + 1 : 0;
}

static size_t begin_of(const struct braces_line *l) { return behind(l, 0); }

/* Commands that take something back would be passed over, as those about others are. */
static bool is_delete(const struct braces_line *l)
{
    static const char word[] = "delete";

    return is(&l->path[0], word, strlen(word)) && behind(l, 1) > 0;
}

/* --- values --- */

static const struct conf_word *last_of(const struct braces_line *l) { return &l->path[l->n - 1]; }

static int shown(const struct conf_word *w) { return (int)(w->len < SHOWN ? w->len : SHOWN); }

/* false: it is longer than any value, or no text. */
static bool text_of(const struct conf_word *w, char out[static VALUE])
{
    if (w->len >= VALUE || memchr(w->s, '\0', w->len))
        return false;
    memcpy(out, w->s, w->len);
    out[w->len] = '\0';
    return true;
}

static int read_number(const struct braces_line *l, uint64_t least, uint64_t most, uint64_t *out,
                       struct err *err)
{
    const struct conf_word *w = last_of(l);

    if (text_count(w->s, w->len, most, out, NULL) == 0 && *out >= least)
        return 0;
    return braces_fail(l, l->n - 1, err, "expected %llu to %llu, found \"%.*s\"",
                       (unsigned long long)least, (unsigned long long)most, shown(w), w->s);
}

static int read_addr(const struct braces_line *l, size_t i, struct addr *out, struct err *err)
{
    const struct conf_word *w = &l->path[i];
    char text[VALUE];

    if (text_of(w, text) && addr_parse(text, out, NULL) == 0)
        return 0;
    return braces_fail(l, i, err, "expected an IP address, found \"%.*s\"", shown(w), w->s);
}

static int read_device(const struct braces_line *l, char out[static IFNAMSIZ], struct err *err)
{
    const struct conf_word *w = last_of(l);

    if (w->len == 0 || w->len >= IFNAMSIZ || memchr(w->s, '/', w->len) ||
        memchr(w->s, '\0', w->len))
        return braces_fail(l, l->n - 1, err, "expected the name of an interface, found \"%.*s\"",
                           shown(w), w->s);
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

static const char *family_of(const struct addr *a) { return addr_is_v4(a) ? "IPv4" : "IPv6"; }

/* The server that is named at path[i]: it is there from now on. */
static int get_server(struct reader *r, const struct braces_line *l, size_t i,
                      struct setup_exporter **out, struct err *err)
{
    struct addr to;
    size_t k = 0;
    int bad = read_addr(l, i, &to, err);

    if (bad)
        return bad;
    while (k < r->n_servers && !addr_eq(&r->servers[k].to, &to))
        k++;
    if (k == SETUP_EXPORTERS)
        return braces_fail(l, i, err, "at most %d servers", SETUP_EXPORTERS);
    if (k == r->n_servers)
        r->servers[r->n_servers++] = (struct setup_exporter){.to = to, .port = PORT};
    *out = &r->servers[k];
    return 0;
}

/* "... server ADDR", or what is said of it. */
static int on_server(struct reader *r, const struct braces_line *l, int what, struct err *err)
{
    struct setup_exporter *x;
    uint64_t n;
    int bad = get_server(r, l, l->n - (what == SERVER ? 1 : 3), &x, err);

    if (bad || what == SERVER)
        return bad;
    if (what == SERVER_VIA)
        return read_device(l, x->via, err);
    if (what == SERVER_PORT) {
        bad = read_number(l, 1, UINT16_MAX, &n, err);
        x->port = bad ? x->port : (uint16_t)n;
        return bad;
    }
    bad = read_addr(l, l->n - 1, &x->source, err);
    if (bad == 0 && addr_is_v4(&x->source) != addr_is_v4(&x->to))
        bad =
            braces_fail(l, l->n - 1, err, "expected an %s address, as the server's, found \"%.*s\"",
                        family_of(&x->to), shown(last_of(l)), last_of(l)->s);
    x->has_source = bad == 0;
    return bad;
}

/* VyOS has some names that are others in syslog, and two that no message can have. */
static int on_facility(struct reader *r, const struct braces_line *l, struct err *err)
{
    static const char *const names[][2] = {
        {"protocols", "local7"}, {"security", "auth"}, {"mark", "daemon"}, {"all", "daemon"}};
    const struct conf_word *w = last_of(l);
    char text[VALUE];
    bool good = text_of(w, text);

    for (size_t i = 0; good && i < COUNT_OF(names); i++)
        if (strcmp(text, names[i][0]) == 0)
            (void)snprintf(text, sizeof text, "%s", names[i][1]);
    if (!good || strlen(text) >= sizeof r->facility || strchr(text, '@') ||
        syslog_check(text, NULL) != 0)
        return braces_fail(l, l->n - 1, err,
                           "expected a facility of syslog, as daemon or local0, found \"%.*s\"",
                           shown(w), w->s);
    memcpy(r->facility, text, strlen(text) + 1);
    return 0;
}

/* Of version 5 it is TYPE:ID, or ID alone. Which version it is for is known at the end. */
static int on_engine(struct reader *r, const struct braces_line *l, struct err *err)
{
    const struct conf_word *w = last_of(l);
    const char *colon = memchr(w->s, ':', w->len);
    uint64_t type = 0;
    uint64_t id;

    if (!colon) {
        int bad = read_number(l, 0, UINT32_MAX, &id, err);
        if (bad)
            return bad;
    } else {
        size_t n = (size_t)(colon - w->s);
        if (text_count(w->s, n, UINT8_MAX, &type, NULL) != 0 ||
            text_count(colon + 1, w->len - n - 1, UINT8_MAX, &id, NULL) != 0)
            return braces_fail(l, l->n - 1, err,
                               "expected a number, or TYPE:ID of 0 to 255 each, found \"%.*s\"",
                               shown(w), w->s);
    }
    r->engine_has_type = colon != NULL;
    r->flags.exporter.domain = (uint32_t)(type << 8 | id);
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

static void set_seconds(struct setup_monitor *m, int what, uint32_t seconds)
{
    if (what == EXPIRY)
        m->give_s = seconds;
    else if (what == LIFE || what == NEW_ACTIVE)
        m->active_s = seconds;
    else if (what == NEW_INACTIVE)
        m->idle_s[CACHE_GENERIC] = seconds;
    else
        m->idle_s[what - IDLE] = seconds;
}

static int on_number(struct reader *r, const struct braces_line *l, int what, struct err *err)
{
    uint64_t least = what == FLOWS ? 16 : what == RATE || what == EXPIRY ? 0 : 1;
    uint64_t most = what == FLOWS ? CACHE_ENTRIES_MAX : what == RATE ? UINT32_MAX : INT32_MAX;
    uint64_t n;
    int bad = read_number(l, least, most, &n, err);

    if (bad)
        return bad;
    if (what == FLOWS) {
        r->flags.monitor.entries = (uint32_t)n;
    } else if (what == RATE) { /* 0 and 1: every packet */
        r->flags.sampler.rate = n > 1 ? (uint32_t)n : 0;
        r->flags.sampler.random = n > 1;
    } else {
        set_seconds(&r->flags.monitor, what, (uint32_t)n);
    }
    return 0;
}

/* Of what is repeated or goes on below, once. */
static void say_nothing(struct reader *r, const struct braces_line *l, const struct row *row)
{
    struct err note;
    bool *noted = &r->noted[row - rows];

    if (r->o->note && !*noted) {
        (void)braces_fail(l, begin_of(l), &note, "%.*s has no effect here: %s",
                          (int)strcspn(row->words, " "), row->words, row->why);
        r->o->note(note.text);
    }
    *noted = true;
}

static int take_row(struct reader *r, const struct braces_line *l, const struct row *row,
                    struct err *err)
{
    if (row->what < NOTHING)
        r->at[row->what] = (struct place){l->number, last_of(l)->column};
    switch (row->what) {
    case INTERFACE:
    case NEW_INTERFACE:
        return on_interface(r, l, err);
    case EGRESS:
        r->flags.out = true;
        return 0;
    case SERVER:
    case SERVER_PORT:
    case SERVER_SOURCE:
    case SERVER_VIA:
        return on_server(r, l, row->what, err);
    case SOURCE:
        return read_addr(l, l->n - 1, &r->flags.exporter.source, err);
    case ENGINE:
        return on_engine(r, l, err);
    case VERSION:
        return on_version(r, l, err);
    case VRF:
        return read_device(l, r->flags.exporter.vrf, err);
    case FACILITY:
        return on_facility(r, l, err);
    case NOTHING:
    case NOTHING_BELOW:
        say_nothing(r, l, row);
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
        return braces_fail(l, at, err, "expected %s behind \"%.*s\"", expected, shown(&l->path[at]),
                           l->path[at].s);
    return braces_fail(l, at, err, "expected %s, found \"%.*s\"%s%s%s",
                       *expected ? expected : "the end of the line", shown(&l->path[at]),
                       l->path[at].s, best ? "; did you mean " : "", best ? best : "",
                       best ? "?" : "");
}

static int take(struct braces *b, const struct braces_line *l, struct err *err)
{
    struct reader *r = container_of(b, struct reader, braces);
    size_t from = begin_of(l);
    bool begins = false;

    if (is_delete(l))
        return braces_fail(l, 0, err, "expected set, found \"delete\": say what there is to be");
    if (from == 0)
        return 0;
    r->found = true;
    if (l->n == from)
        return 0;
    for (size_t k = 0; k < COUNT_OF(rows); k++) {
        size_t n = matched(l, from, rows[k].words);
        bool whole = n == count_words(rows[k].words);
        if (whole && (from + n == l->n || rows[k].what == NOTHING_BELOW))
            return take_row(r, l, &rows[k], err);
        begins = begins || from + n == l->n;
    }
    return l->opens && begins ? 0 : fail_word(l, from, err);
}

static void put_timeouts(struct reader *r)
{
    bool is_new = r->at[NEW_INTERFACE].line || r->at[NEW_ACTIVE].line || r->at[NEW_INACTIVE].line;

    for (size_t i = 0; !is_new && i < COUNT_OF(usual); i++)
        if (r->at[usual[i].what].line == 0)
            set_seconds(&r->flags.monitor, usual[i].what, usual[i].seconds);
}

/* What is said of all servers holds for those that it can be true of. */
static void put_servers(struct reader *r)
{
    const struct addr *source = &r->flags.exporter.source;
    struct err note;

    for (size_t i = 0; i < r->n_servers; i++) {
        struct setup_exporter *to = &r->flags.to[i];
        char text[ADDR_PORT_TEXT];
        *to = r->servers[i];
        (void)addr_port_print(&to->to, to->port, text);
        (void)snprintf(to->name, sizeof to->name, "%s", text);
        if (to->has_source || r->at[SOURCE].line == 0)
            continue;
        to->has_source = addr_is_v4(source) == addr_is_v4(&to->to);
        to->source = *source;
        (void)fail_value(r, SOURCE, &note,
                         "source-address has no effect for server %s, which has an %s address",
                         text, family_of(&to->to));
        if (!to->has_source && r->o->note)
            r->o->note(note.text);
    }
    r->flags.n_to = r->n_servers;
}

/* What only some versions can say. */
static int check_version(const struct reader *r, struct err *err)
{
    const struct setup_exporter *x = &r->flags.exporter;

    if (x->version == 5 && r->flags.sampler.rate > RATE_MAX_V5)
        return fail_value(r, RATE, err, "expected 0 to %d, as NetFlow v5 can say it, found %u",
                          RATE_MAX_V5, r->flags.sampler.rate);
    if (x->version == 5 && !r->engine_has_type && x->domain > UINT8_MAX)
        return fail_value(r, ENGINE, err,
                          "expected 0 to 255 or TYPE:ID, as NetFlow v5 can say it, found %u",
                          x->domain);
    if (x->version != 5 && r->engine_has_type)
        return fail_value(r, ENGINE, err, "expected a number: TYPE:ID is for version 5");
    return 0;
}

static int finish(struct reader *r, struct err *err)
{
    if (!r->found)
        return err_set(err, ERR_CONFIG, "%s: expected system flow-accounting, found none", r->file);
    if (r->n_servers == 0 && !r->o->may_be_none)
        return err_set(err, ERR_CONFIG,
                       "%s: expected netflow server ADDRESS in flow-accounting, or --store DIR",
                       r->file);
    if (r->flags.n_dev == 0 && !r->o->capture)
        return err_set(err, ERR_CONFIG, "%s: expected interface NAME in flow-accounting", r->file);
    if (r->o->capture) { /* there all packets come */
        r->flags.n_dev = 0;
        r->flags.out = false;
    }
    put_timeouts(r);
    put_servers(r);
    return check_version(r, err);
}

int vyos_read(const char *file, const char *text, size_t len, const struct vyos_options *o,
              struct setup *out, char facility[static VYOS_FACILITY], struct err *err)
{
    struct reader *r = mem_new(1, sizeof *r);

    r->braces.take = take;
    r->file = file;
    r->o = o;
    r->flags = probe_flags_default();
    int bad = braces_read(&r->braces, file, text, len, err);
    if (bad == 0)
        bad = finish(r, err);
    if (bad == 0)
        bad = probe_setup(&r->flags, o->may_be_none, out, err);
    if (bad == 0)
        memcpy(facility, r->facility, VYOS_FACILITY);
    free(r);
    return bad;
}

int vyos_setup(const char *path, const struct vyos_options *o, struct setup *out,
               char facility[static VYOS_FACILITY], struct err *err)
{
    struct buf text;

    buf_init(&text, CONF_BYTES_MAX);
    int bad = file_read(path, &text, err);
    if (bad == 0)
        bad = vyos_read(path, (const char *)text.data, text.len, o, out, facility, err);
    buf_free(&text);
    return bad;
}
