#include "probe/classic.h"

#include "base/attr.h"
#include "base/near.h"
#include "base/text.h"
#include "probe/fnf_draft.h"

#include <stdlib.h>
#include <string.h>

/* As routers have them, where nothing is said. */
enum {
    VERSION = 1,
    AGGREGATION_VERSION = 8,

    TEMPLATE_PACKETS_MAX = 600,
    MINUTES_MAX = 60 * 24 * 7,
    SECONDS_MAX = 604800,
    ENTRIES_MIN = 16,
    SAMPLING_MAX = 65535,
    TOP_MAX = 200,
    TOP_KEEP_MAX = 3600000,
    MINUTE_S = 60,
    SHOWN = 40
};

static const struct {
    const char *name;
    uint8_t aggregation;
} schemes[CLASSIC_SCHEMES] = {
    {"as", 1},           {"protocol-port", 2},           {"source-prefix", 3},
    {"prefix", 5},       {"destination-prefix", 4},      {"as-tos", 9},
    {"prefix-tos", 13},  {"protocol-port-tos", 10},      {"source-prefix-tos", 11},
    {"prefix-port", 14}, {"destination-prefix-tos", 12}, {"bgp-nexthop-tos", 0},
};

enum { WITH_ORIGIN = 1, WITH_PEER = 2, WITH_NEXT_HOP = 4 };

const struct conf_command classic_versions[] = {
    {.words = "N", .id = 0},
    {.words = "N origin-as", .id = WITH_ORIGIN},
    {.words = "N peer-as", .id = WITH_PEER},
    {.words = "N bgp-nexthop", .id = WITH_NEXT_HOP},
    {.words = "N origin-as bgp-nexthop", .id = WITH_ORIGIN | WITH_NEXT_HOP},
    {.words = "N peer-as bgp-nexthop", .id = WITH_PEER | WITH_NEXT_HOP},
    {.words = NULL},
};

const char *classic_scheme(size_t i, uint8_t *aggregation)
{
    *aggregation = schemes[i].aggregation;
    return schemes[i].name;
}

static struct classic_export export_of(uint16_t version)
{
    return (struct classic_export){.version = version,
                                   .template_packets = CLASSIC_TEMPLATE_PACKETS,
                                   .template_s = CLASSIC_TEMPLATE_S,
                                   .m = setup_monitor_default()};
}

void classic_init(struct classic *c)
{
    *c = (struct classic){.out = export_of(VERSION), .options_s = CLASSIC_TEMPLATE_S};
    for (size_t i = 0; i < CLASSIC_SCHEMES; i++)
        c->caches[i].out = export_of(AGGREGATION_VERSION);
}

bool classic_note(const struct classic *c, size_t i, struct fnf_note *out)
{
    bool old = c->out.version < 9 && c->out.version != 5;
    struct fnf_note notes[3];
    size_t n = 0;

    if (c->sampling != 0 && old)
        notes[n++] = (struct fnf_note){c->sampling_line,
                                       "this version cannot tell collectors the rate; 5 and 9 can"};
    if (c->bgp_next_hop && c->out.version < 9)
        notes[n++] = (struct fnf_note){c->out.version_at.line,
                                       "versions below 9 have no place for the BGP next hop; "
                                       "'weir show ip cache verbose flow' shows it"};
    if (c->as != CLASSIC_NO_AS && c->out.version == VERSION)
        notes[n++] = (struct fnf_note){c->out.version_at.line, "version 1 has no AS numbers"};
    if (i >= n)
        return false;
    *out = notes[i];
    return true;
}

/* --- export --- */

static int on_version(struct classic *c, struct classic_export *x, const struct conf_line *line,
                      struct err *err)
{
    static const uint16_t known[2][7] = {{1, 5, 6, 7, 9, 10}, {8, 9, 10}};
    bool aggregated = x != &c->out;
    uint64_t n = 0;
    int r = fnf_number(line, 1, 10, "", aggregated ? AGGREGATION_VERSION : VERSION, &n, err);
    size_t i = 0;

    while (r == 0 && known[aggregated][i] != n && known[aggregated][i] != 0)
        i++;
    if (r == 0 && known[aggregated][i] == 0)
        r = conf_fail(line, line->arg[0].column, err, "expected version %s, found %llu",
                      aggregated ? "8, 9 or 10 (IPFIX)" : "1, 5, 6, 7, 9 or 10 (IPFIX)",
                      (unsigned long long)n);
    if (r)
        return r;
    x->version = (uint16_t)n;
    x->version_at = fnf_here(line);
    if (aggregated)
        return 0;
    int with = line->no ? 0 : line->then->id;
    c->as = with & WITH_ORIGIN ? CLASSIC_ORIGIN_AS
            : with & WITH_PEER ? CLASSIC_PEER_AS
                               : CLASSIC_NO_AS;
    c->bgp_next_hop = with & WITH_NEXT_HOP;
    return 0;
}

/* One of those that a destination may have; 0: another. */
static uint16_t read_version(const struct conf_word *w)
{
    uint64_t n = 0;

    if (text_count(w->s, w->len, 10, &n, NULL) != 0 || (n < 5 && n != 1) || n == 8)
        return 0;
    return (uint16_t)n;
}

/* "ADDR PORT", then what the command's words say. */
static int read_to(const struct conf_line *line, struct classic_to *out, struct err *err)
{
    const char *words = line->command->words;
    const struct conf_word *arg = line->arg;
    struct classic_to t = {.name = {.line = line->number, .column = arg[0].column}};
    uint64_t port = 0;
    int r = fnf_address(line, &arg[0], &t.to, err);

    if (r == 0 && (text_count(arg[1].s, arg[1].len, UINT16_MAX, &port, NULL) != 0 || port == 0))
        r = conf_fail(line, arg[1].column, err, "expected a port, 1 to 65535, found \"%.*s\"",
                      (int)(arg[1].len < SHOWN ? arg[1].len : SHOWN), arg[1].s);
    if (r == 0 && strstr(words, " vrf "))
        r = fnf_device(line, &arg[2], t.vrf, err);
    if (r == 0 && strstr(words, " version ")) {
        const struct conf_word *w = &arg[line->n - 1];
        t.version = read_version(w);
        if (t.version == 0)
            r = conf_fail(line, w->column, err, "expected version 1, 5, 6, 7, 9 or 10 (IPFIX)");
    }
    if (r)
        return r;
    t.port = (uint16_t)port;
    (void)addr_port_print(&t.to, t.port, t.name.s);
    *out = t;
    return 0;
}

static int on_to(struct classic_export *x, const struct conf_line *line, struct err *err)
{
    struct classic_to t;
    size_t i = 0;
    int r = read_to(line, &t, err);

    if (r)
        return r;
    while (i < x->n_to && (x->to[i].port != t.port || !addr_eq(&x->to[i].to, &t.to)))
        i++;
    if (line->no && i < x->n_to) {
        x->n_to--;
        memmove(&x->to[i], &x->to[i + 1], (x->n_to - i) * sizeof t);
    }
    if (line->no)
        return 0;
    if (i == SETUP_EXPORTERS)
        return conf_fail(line, 1, err, "at most %d destinations", SETUP_EXPORTERS);
    x->n_to += i == x->n_to;
    x->to[i] = t;
    return 0;
}

/* What is a number and nothing else. */
static int on_number(struct classic *c, struct classic_export *x, const struct conf_line *line,
                     struct err *err)
{
    const struct setup_monitor d = setup_monitor_default();
    uint64_t n = 0;
    int r;

    switch (line->command->id) {
    case CLASSIC_TEMPLATE_N:
        r = fnf_number(line, 1, TEMPLATE_PACKETS_MAX, "datagrams", CLASSIC_TEMPLATE_PACKETS, &n,
                       err);
        x->template_packets = r ? x->template_packets : (uint32_t)n;
        return r;
    case CLASSIC_TEMPLATE_MIN:
        r = fnf_number(line, 1, MINUTES_MAX, "minutes", CLASSIC_TEMPLATE_S / MINUTE_S, &n, err);
        x->template_s = r ? x->template_s : (uint32_t)n * MINUTE_S;
        return r;
    case CLASSIC_OPTIONS_MIN:
        r = fnf_number(line, 1, MINUTES_MAX, "minutes", CLASSIC_TEMPLATE_S / MINUTE_S, &n, err);
        c->options_s = r ? c->options_s : (uint32_t)n * MINUTE_S;
        return r;
    case CLASSIC_ACTIVE:
        r = fnf_number(line, 1, MINUTES_MAX, "minutes", d.active_s / MINUTE_S, &n, err);
        x->m.active_s = r ? x->m.active_s : (uint32_t)n * MINUTE_S;
        return r;
    case CLASSIC_INACTIVE:
        r = fnf_number(line, 1, SECONDS_MAX, "seconds", d.idle_s[CACHE_GENERIC], &n, err);
        x->m.idle_s[CACHE_GENERIC] = r ? x->m.idle_s[CACHE_GENERIC] : (uint32_t)n;
        return r;
    case CLASSIC_ENTRIES:
        r = fnf_number(line, ENTRIES_MIN, CACHE_ENTRIES_MAX, "flows", d.entries, &n, err);
        x->m.entries = r ? x->m.entries : (uint32_t)n;
        return r;
    case CLASSIC_SRC_MASK:
        r = fnf_number(line, 1, 32, "bits", 0, &n, err);
        x->m.src_bits_min = r ? x->m.src_bits_min : (uint8_t)n;
        return r;
    case CLASSIC_DST_MASK:
        r = fnf_number(line, 1, 32, "bits", 0, &n, err);
        x->m.dst_bits_min = r ? x->m.dst_bits_min : (uint8_t)n;
        return r;
    case CLASSIC_TOP_N:
        r = fnf_number(line, 1, TOP_MAX, "flows", 0, &n, err);
        c->top.n = r ? c->top.n : (uint32_t)n;
        return r;
    case CLASSIC_KEEP:
        r = fnf_number(line, 1, TOP_KEEP_MAX, "milliseconds", CLASSIC_TOP_KEEP_MS, &n, err);
        c->top.keep_ms = r ? c->top.keep_ms : (uint32_t)n;
        return r;
    default: /* CLASSIC_SAMPLING */
        r = fnf_number(line, 2, SAMPLING_MAX, "packets", 0, &n, err);
        c->sampling = r ? c->sampling : (uint32_t)n;
        c->sampling_line = line->number;
        return r;
    }
}

/* --- blocks --- */

static int on_cache(struct classic *c, const struct conf_line *line, struct err *err)
{
    const struct conf_word *w = &line->arg[0];
    struct near near = near_of(w->s, w->len);

    for (size_t i = 0; i < CLASSIC_SCHEMES; i++) {
        near_try(&near, schemes[i].name);
        if (strlen(schemes[i].name) != w->len || memcmp(schemes[i].name, w->s, w->len) != 0)
            continue;
        c->cache = i;
        if (line->no)
            c->caches[i] = (struct classic_cache){.out = export_of(AGGREGATION_VERSION)};
        return 0;
    }
    c->cache = CLASSIC_SCHEMES;
    const char *best = near_best(&near);
    return conf_fail(
        line, w->column, err,
        "expected as, protocol-port, prefix, source-prefix or destination-prefix, each "
        "with -tos or without, prefix-port or bgp-nexthop-tos, found \"%.*s\"%s%s%s",
        (int)(w->len < SHOWN ? w->len : SHOWN), w->s, best ? "; did you mean " : "",
        best ? best : "", best ? "?" : "");
}

static void on_top(struct classic *c, const struct conf_line *line)
{
    if (line->no)
        c->top = (struct setup_top){.n = 0};
    else if (c->top.keep_ms == 0)
        c->top.keep_ms = CLASSIC_TOP_KEEP_MS;
}

static int on_place(struct fnf *f, const struct conf_line *line, struct err *err)
{
    struct classic *c = &f->classic;
    struct classic_place p = {.interface = f->interface,
                              .output = line->command->id == CLASSIC_OUT,
                              .sampled =
                                  strstr(line->command->words, "sampled") ? line->number : 0};
    size_t i = 0;

    while (i < c->n_places && (strcmp(c->places[i].interface.s, p.interface.s) != 0 ||
                               c->places[i].output != p.output))
        i++;
    if (line->no && i < c->n_places) {
        c->n_places--;
        memmove(&c->places[i], &c->places[i + 1], (c->n_places - i) * sizeof p);
    }
    if (line->no)
        return 0;
    if (i == SETUP_MAX)
        return conf_fail(line, 1, err, "at most %d interfaces", SETUP_MAX);
    c->n_places += i == c->n_places;
    c->places[i] = p;
    return 0;
}

int classic_take(struct fnf *f, const struct conf_line *line, struct err *err)
{
    struct classic *c = &f->classic;
    bool in_cache = line->command->in == FNF_IN_CACHE;

    if (in_cache && c->cache == CLASSIC_SCHEMES)
        return 0; /* the line that began the block was wrong */
    struct classic_export *x = in_cache ? &c->caches[c->cache].out : &c->out;
    if (c->line == 0 && !line->no)
        c->line = line->number;
    switch (line->command->id) {
    case CLASSIC_VERSION:
        return on_version(c, x, line, err);
    case CLASSIC_TO:
        return on_to(x, line, err);
    case CLASSIC_SOURCE:
        c->source = (struct fnf_said){.line = 0};
        return line->no ? 0 : fnf_say_joined(line, &line->arg[0], 0, &c->source, err);
    case CLASSIC_STATS:
        c->options[SETUP_EXPORTER_STATS] = !line->no;
        return 0;
    case CLASSIC_SAMPLERS:
        c->options[SETUP_SAMPLER_TABLE] = !line->no;
        return 0;
    case CLASSIC_NAMES:
        c->options[SETUP_INTERFACE_TABLE] = !line->no;
        return 0;
    case CLASSIC_IN:
    case CLASSIC_OUT:
        return on_place(f, line, err);
    case CLASSIC_CACHE:
        return on_cache(c, line, err);
    case CLASSIC_ENABLED:
        c->caches[c->cache].enabled = !line->no;
        return 0;
    case CLASSIC_TOP:
        on_top(c, line);
        return 0;
    case CLASSIC_BY_BYTES:
    case CLASSIC_BY_PACKETS:
        c->top.by_packets = line->command->id == CLASSIC_BY_PACKETS && !line->no;
        return 0;
    case CLASSIC_MATCH:
        return classic_match(c, line, err);
    default:
        return on_number(c, x, line, err);
    }
}
