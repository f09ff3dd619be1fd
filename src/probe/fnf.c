#include "probe/fnf.h"

#include "base/attr.h"
#include "base/mem.h"
#include "probe/fnf_draft.h"

#include <stdlib.h>
#include <string.h>

enum {
    TIMEOUT_MAX = 604800,
    DAY = 86400,
    OPTION_S = 600,
    ENTRIES_MIN = 16,
    MTU_MIN = 576,
    MTU_MAX = 65535,
    DSCP_MAX = 63
};

static const size_t no_block = SIZE_MAX;

enum { TIMEOUT_ACTIVE = CACHE_CLASSES, TIMEOUT_UPDATE };

const struct conf_command fnf_options[] = {
    {.words = "interface-table", .id = SETUP_INTERFACE_TABLE},
    {.words = "interface-table timeout SECONDS", .id = SETUP_INTERFACE_TABLE, .bare = true},
    {.words = "sampler-table", .id = SETUP_SAMPLER_TABLE},
    {.words = "sampler-table timeout SECONDS", .id = SETUP_SAMPLER_TABLE, .bare = true},
    {.words = "exporter-stats", .id = SETUP_EXPORTER_STATS},
    {.words = "exporter-stats timeout SECONDS", .id = SETUP_EXPORTER_STATS, .bare = true},
    {.words = "application-table", .id = SETUP_APPLICATION_TABLE},
    {.words = "application-table timeout SECONDS", .id = SETUP_APPLICATION_TABLE, .bare = true},
    {.words = "vrf-table", .id = SETUP_VRF_TABLE},
    {.words = "vrf-table timeout SECONDS", .id = SETUP_VRF_TABLE, .bare = true},
    {.words = NULL},
};

const struct conf_command fnf_timeouts[] = {
    {.words = "active SECONDS", .id = TIMEOUT_ACTIVE, .bare = true},
    {.words = "inactive SECONDS", .id = CACHE_GENERIC, .bare = true},
    {.words = "update SECONDS", .id = TIMEOUT_UPDATE, .bare = true},
    {.words = "udp SECONDS", .id = CACHE_UDP, .bare = true},
    {.words = "icmp SECONDS", .id = CACHE_ICMP, .bare = true},
    {.words = "tcp-generic SECONDS", .id = CACHE_TCP, .bare = true},
    {.words = "tcp-fin SECONDS", .id = CACHE_TCP_FIN, .bare = true},
    {.words = "tcp-rst SECONDS", .id = CACHE_TCP_RST, .bare = true},
    {.words = NULL},
};

enum { PLACE_OUTPUT = 1, PLACE_SAMPLER = 2 };

const struct conf_command fnf_places[] = {
    {.words = "input", .id = 0},
    {.words = "output", .id = PLACE_OUTPUT},
    {.words = "sampler NAME input", .id = PLACE_SAMPLER},
    {.words = "sampler NAME output", .id = PLACE_SAMPLER | PLACE_OUTPUT},
    {.words = NULL},
};

static const size_t sizes[FNF_KINDS] = {
    [FNF_RECORDS] = sizeof(struct fnf_record),   [FNF_EXPORTERS] = sizeof(struct fnf_exporter),
    [FNF_MONITORS] = sizeof(struct fnf_monitor), [FNF_SAMPLERS] = sizeof(struct fnf_sampler),
    [FNF_ALIASES] = sizeof(struct fnf_alias),
};

static const char *const kinds[FNF_KINDS] = {"flow records", "flow exporters", "flow monitors",
                                             "samplers", "interface aliases"};

struct fnf *fnf_new(void)
{
    struct fnf *f = mem_new(1, sizeof *f);

    classic_init(&f->classic);
    return f;
}

void fnf_free(struct fnf *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < FNF_KINDS; i++)
        free(f->list[i].v);
    free(f->places);
    free(f->rib);
    free(f->notes);
    free(f);
}

void *fnf_at(const struct fnf *f, enum fnf_kind kind, size_t i)
{
    return f->list[kind].v + i * sizes[kind];
}

int fnf_find(const struct fnf *f, enum fnf_kind kind, const char *name)
{
    for (size_t i = 0; i < f->list[kind].n; i++)
        if (strcmp(((const struct fnf_said *)fnf_at(f, kind, i))->s, name) == 0)
            return (int)i;
    return SETUP_NONE;
}

bool fnf_any(const struct fnf *f)
{
    size_t n = f->n_places + (f->classic.line > 0);

    for (size_t i = 0; i < FNF_KINDS; i++)
        n += f->list[i].n;
    return n > 0;
}

bool fnf_note(const struct fnf *f, size_t i, struct err *out)
{
    struct fnf_note note;

    if (i < f->n_notes)
        note = f->notes[i];
    else if (!classic_note(&f->classic, i - f->n_notes, &note))
        return false;
    const struct conf_line line = {.file = f->file, .number = note.line};
    conf_say(&line, 1, out, "%s", note.why);
    return true;
}

/* --- blocks --- */

static void remove_at(struct fnf *f, enum fnf_kind kind, size_t i)
{
    struct fnf_list *l = &f->list[kind];
    uint8_t *p = fnf_at(f, kind, i);

    memmove(p, p + sizes[kind], (l->n - i - 1) * sizes[kind]);
    l->n--;
}

static void begin(struct fnf *f, enum fnf_kind kind, void *p, const struct fnf_said *name)
{
    memset(p, 0, sizes[kind]);
    *(struct fnf_said *)p = *name;
    if (kind == FNF_EXPORTERS)
        ((struct fnf_exporter *)p)->x = setup_exporter_default();
    else if (kind == FNF_MONITORS)
        ((struct fnf_monitor *)p)->m = setup_monitor_default();
    f->list[kind].n++;
}

/* The one of this name, a new one if there was none; undone: it goes. */
static int open_block(struct fnf *f, enum fnf_kind kind, const struct conf_line *line,
                      struct err *err)
{
    struct fnf_list *l = &f->list[kind];
    struct fnf_said name;
    int r = fnf_say(line, &line->arg[0], &name, err);

    f->now = no_block;
    if (r)
        return r;
    int at = fnf_find(f, kind, name.s);
    if (line->no) {
        if (at != SETUP_NONE)
            remove_at(f, kind, (size_t)at);
        return 0;
    }
    if (at == SETUP_NONE && l->n == SETUP_MAX)
        return conf_fail(line, 1, err, "at most %d %s", SETUP_MAX, kinds[kind]);
    if (at == SETUP_NONE) {
        l->v = mem_resize(l->v, l->n + 1, sizes[kind]);
        begin(f, kind, fnf_at(f, kind, l->n), &name);
    }
    f->now = at == SETUP_NONE ? l->n - 1 : (size_t)at;
    return 0;
}

static int on_interface(struct fnf *f, const struct conf_line *line, struct err *err)
{
    if (line->no)
        return conf_fail(line, 1, err,
                         "expected a command to undo, found a block: leave it out instead");
    return fnf_say_joined(line, &line->arg[0], 0, &f->interface, err);
}

static int on_alias(struct fnf *f, const struct conf_line *line, struct err *err)
{
    char dev[IFNAMSIZ];
    int r = line->no ? 0 : fnf_device(line, &line->arg[1], dev, err);

    if (!r)
        r = open_block(f, FNF_ALIASES, line, err);
    if (!r && !line->no)
        memcpy(((struct fnf_alias *)fnf_at(f, FNF_ALIASES, f->now))->dev, dev, sizeof dev);
    return r;
}

static void on_rib(struct fnf *f, const struct conf_line *line)
{
    free(f->rib);
    f->rib = NULL;
    if (line->no)
        return;
    f->rib = mem_new(line->arg[0].len + 1, 1);
    memcpy(f->rib, line->arg[0].s, line->arg[0].len);
}

static int on_local_as(struct fnf *f, const struct conf_line *line, struct err *err)
{
    uint64_t as = 0;
    int r = fnf_number(line, 1, UINT32_MAX, "", 0, &as, err);

    if (r == 0)
        f->local_as = (uint32_t)as;
    return r;
}

/* --- flow record --- */

static void remove_field(struct fnf_record *r, size_t i)
{
    size_t behind = r->r.n - i - 1;

    memmove(&r->r.fields[i], &r->r.fields[i + 1], behind * sizeof r->r.fields[0]);
    memmove(&r->words[i], &r->words[i + 1], behind * sizeof r->words[0]);
    memmove(&r->line[i], &r->line[i + 1], behind * sizeof r->line[0]);
    r->r.n--;
}

static int fail_twice(const struct fnf_record *r, size_t i, const struct conf_line *line,
                      struct err *err)
{
    return conf_fail(line, 1, err, "element %u is in this record already: \"%s %s\" of line %zu",
                     r->r.fields[i].number, r->r.fields[i].key ? "match" : "collect", r->words[i],
                     r->line[i]);
}

/* Said again it is the same; said otherwise it would be the same element with another meaning. */
static int on_field(struct fnf *f, const struct conf_line *line, struct err *err)
{
    struct fnf_record *r = fnf_at(f, FNF_RECORDS, f->now);
    struct setup_field x;
    size_t i = 0;
    int bad = words_read(line, line->command->id == FNF_MATCH, &x, err);

    if (bad)
        return bad;
    while (i < r->r.n &&
           (r->r.fields[i].enterprise != x.enterprise || r->r.fields[i].number != x.number))
        i++;
    bool same = i < r->r.n && r->words[i] == line->then->words && r->r.fields[i].key == x.key;
    if (line->no) {
        if (same)
            remove_field(r, i);
        return 0;
    }
    if (i < r->r.n && !same)
        return fail_twice(r, i, line, err);
    if (i == SETUP_FIELDS)
        return conf_fail(line, 1, err, "at most %d fields in a record", SETUP_FIELDS);
    r->r.fields[i] = x;
    r->words[i] = line->then->words;
    r->line[i] = line->number;
    r->r.n += !same;
    return 0;
}

/* --- flow exporter --- */

static int on_destination(struct fnf_exporter *e, const struct conf_line *line, struct err *err)
{
    struct addr to;
    char vrf[IFNAMSIZ] = "";
    int r = line->no ? 0 : fnf_address(line, &line->arg[0], &to, err);

    if (!r && !line->no && line->n > 1)
        r = fnf_device(line, &line->arg[1], vrf, err);
    if (r)
        return r;
    e->has_to = !line->no;
    if (!line->no)
        e->x.to = to;
    memcpy(e->x.vrf, vrf, sizeof vrf);
    return 0;
}

static int on_transport(struct fnf_exporter *e, const struct conf_line *line, struct err *err)
{
    uint64_t port = 0;
    int r = fnf_number(line, 1, UINT16_MAX, "", setup_exporter_default().port, &port, err);

    if (r)
        return r;
    e->x.port = (uint16_t)port;
    e->x.tcp = line->command->id == FNF_TCP && !line->no;
    e->tcp = fnf_here(line);
    return 0;
}

static int on_option(struct fnf_exporter *e, const struct conf_line *line, struct err *err)
{
    uint64_t s = OPTION_S;
    int r = line->n > 0 ? fnf_number(line, 1, DAY, "seconds", OPTION_S, &s, err) : 0;

    if (r)
        return r;
    e->x.option_s[line->then->id] = line->no ? 0 : (uint32_t)s;
    e->options = fnf_here(line);
    return 0;
}

/* What is a number and nothing else. */
static int on_exporter_number(struct fnf_exporter *e, const struct conf_line *line, struct err *err)
{
    const struct setup_exporter d = setup_exporter_default();
    uint64_t n = 0;
    int r;

    switch (line->command->id) {
    case FNF_DSCP:
        r = fnf_number(line, 0, DSCP_MAX, "", d.dscp, &n, err);
        e->x.dscp = r ? e->x.dscp : (uint8_t)n;
        return r;
    case FNF_TTL:
        r = fnf_number(line, 1, UINT8_MAX, "", d.ttl, &n, err);
        e->x.ttl = r ? e->x.ttl : (uint8_t)n;
        return r;
    case FNF_MTU:
        r = fnf_number(line, MTU_MIN, MTU_MAX, "octets", d.mtu, &n, err);
        e->x.mtu = r ? e->x.mtu : (uint16_t)n;
        return r;
    case FNF_SOURCE_ID:
        r = fnf_number(line, 0, UINT32_MAX, "", d.domain, &n, err);
        e->x.domain = r ? e->x.domain : (uint32_t)n;
        return r;
    case FNF_TEMPLATE_S:
        r = fnf_number(line, 1, DAY, "seconds", d.template_s, &n, err);
        e->x.template_s = r ? e->x.template_s : (uint32_t)n;
        e->templates = fnf_here(line);
        return r;
    case FNF_TEMPLATE_N:
        r = fnf_number(line, 1, UINT32_MAX, "datagrams", d.template_packets, &n, err);
        e->x.template_packets = r ? e->x.template_packets : (uint32_t)n;
        e->templates = fnf_here(line);
        return r;
    default:
        r = fnf_number(line, 0, UINT32_MAX, "packets", d.packets_above, &n, err);
        e->x.packets_above = r ? e->x.packets_above : n;
        return r;
    }
}

static int on_exporter(struct fnf *f, const struct conf_line *line, struct err *err)
{
    enum { V5 = 5, V9 = 9, IPFIX = 10 };
    struct fnf_exporter *e = fnf_at(f, FNF_EXPORTERS, f->now);
    uint16_t otherwise = setup_exporter_default().version;

    switch (line->command->id) {
    case FNF_DESTINATION:
        return on_destination(e, line, err);
    case FNF_SOURCE:
        if (!line->no)
            return fnf_say_joined(line, &line->arg[0], 0, &e->source, err);
        e->source = (struct fnf_said){.line = 0};
        return 0;
    case FNF_UDP:
    case FNF_TCP:
        return on_transport(e, line, err);
    case FNF_V5:
        e->x.version = line->no ? otherwise : V5;
        return 0;
    case FNF_V9:
        e->x.version = line->no ? otherwise : V9;
        return 0;
    case FNF_IPFIX:
        e->x.version = line->no ? otherwise : IPFIX;
        return 0;
    case FNF_FEATURES:
        fnf_remark(f, line,
                   "output-features has no effect: Linux treats what it exports as all else "
                   "that it sends");
        return 0;
    case FNF_OPTION:
        return on_option(e, line, err);
    default:
        return on_exporter_number(e, line, err);
    }
}

/* --- flow monitor, sampler, interface --- */

static int on_uses_exporter(struct fnf_monitor *m, const struct conf_line *line, struct err *err)
{
    struct fnf_said name;
    size_t i = 0;
    int r = fnf_say(line, &line->arg[0], &name, err);

    if (r)
        return r;
    while (i < m->n_exporters && strcmp(m->exporters[i].s, name.s) != 0)
        i++;
    if (line->no && i < m->n_exporters) {
        m->n_exporters--;
        memmove(&m->exporters[i], &m->exporters[i + 1], (m->n_exporters - i) * sizeof name);
    }
    if (line->no || i < m->n_exporters)
        return 0;
    if (i == SETUP_EXPORTERS)
        return conf_fail(line, 1, err, "at most %d exporters of a monitor", SETUP_EXPORTERS);
    m->exporters[m->n_exporters++] = name;
    return 0;
}

static int on_timeout(struct fnf_monitor *m, const struct conf_line *line, struct err *err)
{
    const struct setup_monitor d = setup_monitor_default();
    uint32_t *at = line->then->id == TIMEOUT_ACTIVE   ? &m->m.active_s
                   : line->then->id == TIMEOUT_UPDATE ? &m->m.update_s
                                                      : &m->m.idle_s[line->then->id];
    uint32_t otherwise = line->then->id == TIMEOUT_ACTIVE   ? d.active_s
                         : line->then->id == TIMEOUT_UPDATE ? d.update_s
                                                            : d.idle_s[line->then->id];
    uint64_t s = 0;
    int r = fnf_number(line, 1, TIMEOUT_MAX, "seconds", otherwise, &s, err);

    if (r == 0)
        *at = (uint32_t)s;
    return r;
}

static int on_monitor(struct fnf *f, const struct conf_line *line, struct err *err)
{
    struct fnf_monitor *m = fnf_at(f, FNF_MONITORS, f->now);
    uint64_t n = 0;
    int r;

    switch (line->command->id) {
    case FNF_USES_RECORD:
        if (!line->no)
            return fnf_say(line, &line->arg[0], &m->record, err);
        m->record = (struct fnf_said){.line = 0};
        return 0;
    case FNF_USES_EXPORTER:
        return on_uses_exporter(m, line, err);
    case FNF_IMMEDIATE:
        m->m.type = line->no ? CACHE_NORMAL : CACHE_IMMEDIATE;
        return 0;
    case FNF_PERMANENT:
        m->m.type = line->no ? CACHE_NORMAL : CACHE_PERMANENT;
        return 0;
    case FNF_ENTRIES:
        r = fnf_number(line, ENTRIES_MIN, CACHE_ENTRIES_MAX, "flows",
                       setup_monitor_default().entries, &n, err);
        m->m.entries = r ? m->m.entries : (uint32_t)n;
        return r;
    case FNF_TIMEOUT:
        return on_timeout(m, line, err);
    case FNF_HISTORY:
        fnf_remark(f, line,
                   "history has no effect: flows that have ended are exported, and not kept");
        return 0;
    case FNF_PROTOCOLS:
        m->m.protocols = !line->no;
        return 0;
    case FNF_SIZES:
        m->m.sizes = !line->no;
        return 0;
    default: /* FNF_NORMAL */
        m->m.type = CACHE_NORMAL;
        return 0;
    }
}

static int on_mode(struct fnf *f, const struct conf_line *line, struct err *err)
{
    struct fnf_sampler *s = fnf_at(f, FNF_SAMPLERS, f->now);
    uint64_t rate = 0;
    int r = fnf_number(line, 2, UINT32_MAX, "packets", 0, &rate, err);

    if (r)
        return r;
    s->s.rate = (uint32_t)rate;
    s->s.random = line->command->id == FNF_RANDOM;
    return 0;
}

/* Said again with another sampler, or without one, the later line holds. */
static int on_place(struct fnf *f, const struct conf_line *line, struct err *err)
{
    struct fnf_place p = {.interface = f->interface,
                          .output = line->then->id & PLACE_OUTPUT,
                          .family = line->command->id == FNF_IP ? 4 : 6};
    size_t i = 0;
    int r = fnf_say(line, &line->arg[0], &p.monitor, err);

    if (!r && (line->then->id & PLACE_SAMPLER))
        r = fnf_say(line, &line->arg[1], &p.sampler, err);
    if (r)
        return r;
    while (i < f->n_places && (strcmp(f->places[i].interface.s, p.interface.s) != 0 ||
                               strcmp(f->places[i].monitor.s, p.monitor.s) != 0 ||
                               f->places[i].output != p.output || f->places[i].family != p.family))
        i++;
    if (line->no && i < f->n_places) {
        f->n_places--;
        memmove(&f->places[i], &f->places[i + 1], (f->n_places - i) * sizeof p);
    }
    if (line->no)
        return 0;
    if (i == SETUP_MAX)
        return conf_fail(line, 1, err, "at most %d monitors at interfaces", SETUP_MAX);
    if (i == f->n_places)
        f->places = mem_resize(f->places, ++f->n_places, sizeof p);
    f->places[i] = p;
    return 0;
}

int fnf_take(struct fnf *f, const struct conf_line *line, struct err *err)
{
    int in = line->command->in;

    f->file = line->file;
    if (line->command->id >= CLASSIC_VERSION)
        return classic_take(f, line, err);
    if (in != 0 && in != FNF_IN_INTERFACE && f->now == no_block)
        return 0; /* the line that began the block was wrong */
    switch (line->command->id) {
    case FNF_RECORD:
        return open_block(f, FNF_RECORDS, line, err);
    case FNF_EXPORTER:
        return open_block(f, FNF_EXPORTERS, line, err);
    case FNF_MONITOR:
        return open_block(f, FNF_MONITORS, line, err);
    case FNF_SAMPLER:
        return open_block(f, FNF_SAMPLERS, line, err);
    case FNF_INTERFACE:
        return on_interface(f, line, err);
    case FNF_ALIAS:
        return on_alias(f, line, err);
    case FNF_RIB:
        on_rib(f, line);
        return 0;
    case FNF_LOCAL_AS:
        return on_local_as(f, line, err);
    case FNF_DESCRIPTION: /* for who reads the file */
        return 0;
    case FNF_MATCH:
    case FNF_COLLECT:
        return on_field(f, line, err);
    case FNF_RANDOM:
    case FNF_EACH:
        return on_mode(f, line, err);
    case FNF_IP:
    case FNF_IPV6:
        return on_place(f, line, err);
    default:
        return in == FNF_IN_EXPORTER ? on_exporter(f, line, err) : on_monitor(f, line, err);
    }
}
