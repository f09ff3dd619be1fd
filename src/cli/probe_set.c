#include "cli/probe_set.h"

#include "base/mem.h"
#include "base/text.h"
#include "net/sock.h"
#include "probe/applications.h"

#include <stdio.h>
#include <string.h>

enum { SECONDS_MAX = 604800, MTU_MIN = 576, MTU_MAX = 9216 };

/* As VyOS and others name them. */
static const struct {
    const char *name;
    enum cache_class class;
} timeouts[] = {
    {"flow-generic", CACHE_GENERIC}, {"udp", CACHE_UDP},         {"icmp", CACHE_ICMP},
    {"tcp-generic", CACHE_TCP},      {"tcp-fin", CACHE_TCP_FIN}, {"tcp-rst", CACHE_TCP_RST},
};

struct probe_flags probe_flags_default(void)
{
    return (struct probe_flags){
        .in = true, .exporter = setup_exporter_default(), .monitor = setup_monitor_default()};
}

static int number(const char *text, uint64_t least, uint64_t most, uint64_t *out, struct err *err)
{
    int r = text_count(text, strlen(text), most, out, err);

    if (r == 0 && *out < least)
        return err_set(err, ERR_CONFIG, "expected at least %llu, found %s",
                       (unsigned long long)least, text);
    return r;
}

static int seconds(const char *text, uint32_t *out, struct err *err)
{
    int64_t ms;
    int r = text_duration(text, strlen(text), &ms, err);

    if (r == 0 && (ms < 1000 || ms % 1000 != 0 || ms / 1000 > SECONDS_MAX))
        return err_set(err, ERR_CONFIG, "expected whole seconds, 1s to 1w, found %s", text);
    if (r == 0)
        *out = (uint32_t)(ms / 1000);
    return r;
}

static int set_to(struct probe_flags *f, const char *text, struct err *err)
{
    struct setup_exporter e = {0};
    struct sockaddr_storage ss;
    socklen_t len;

    if (f->n_to == SETUP_EXPORTERS)
        return err_set(err, ERR_CONFIG, "at most %d collectors", SETUP_EXPORTERS);
    int r = sock_resolve(text, &ss, &len, err);
    if (r)
        return r;
    sock_addr(&ss, &e.to, &e.port);
    (void)snprintf(e.name, sizeof e.name, "%.*s", (int)sizeof e.name - 1, text);
    f->to[f->n_to++] = e;
    return 0;
}

static int set_version(struct probe_flags *f, const char *text, struct err *err)
{
    static const struct {
        const char *name;
        uint16_t version;
    } versions[] = {{"1", 1}, {"5", 5}, {"6", 6}, {"7", 7}, {"9", 9}, {"10", 10}, {"ipfix", 10}};

    for (size_t i = 0; i < COUNT_OF(versions); i++)
        if (strcmp(text, versions[i].name) == 0) {
            f->exporter.version = versions[i].version;
            return 0;
        }
    return err_set(err, ERR_CONFIG, "--version: expected 1, 5, 6, 7, 9 or ipfix, found \"%s\"",
                   text);
}

static int set_timeout(struct probe_flags *f, const char *text, struct err *err)
{
    static const char max_life[] = "max-active-life"; /* --active, as VyOS calls it */
    static const char interval[] = "expiry-interval";
    const char *equals = strchr(text, '=');
    size_t n = equals ? (size_t)(equals - text) : 0;

    if (equals && strlen(interval) == n && memcmp(interval, text, n) == 0)
        return seconds(equals + 1, &f->monitor.give_s, err);
    if (equals && strlen(max_life) == n && memcmp(max_life, text, n) == 0)
        return seconds(equals + 1, &f->monitor.active_s, err);
    for (size_t i = 0; i < COUNT_OF(timeouts); i++)
        if (equals && strlen(timeouts[i].name) == n && memcmp(timeouts[i].name, text, n) == 0)
            return seconds(equals + 1, &f->monitor.idle_s[timeouts[i].class], err);
    return err_set(
        err, ERR_CONFIG,
        "--timeout: expected NAME=TIME, where NAME is flow-generic, udp, icmp, "
        "tcp-generic, tcp-fin, tcp-rst, max-active-life or expiry-interval; found \"%s\"",
        text);
}

static int set_source(struct probe_flags *f, const char *text, struct err *err)
{
    f->exporter.has_source = true;
    return addr_parse(text, &f->exporter.source, err);
}

static int set_interface(struct probe_flags *f, const char *text, struct err *err)
{
    if (f->n_dev == PROBE_DEVICES)
        return err_set(err, ERR_CONFIG, "at most %d interfaces", PROBE_DEVICES);
    if (strlen(text) >= IFNAMSIZ || text[0] == '\0')
        return err_set(err, ERR_CONFIG, "--interface: no interface is called \"%s\"", text);
    for (size_t i = 0; i < f->n_dev; i++)
        if (strcmp(f->dev[i], text) == 0)
            return err_set(err, ERR_CONFIG, "--interface %s is there twice", text);
    f->dev[f->n_dev++] = text;
    return 0;
}

static int set_direction(struct probe_flags *f, const char *text, struct err *err)
{
    f->in = strcmp(text, "in") == 0 || strcmp(text, "both") == 0;
    f->out = strcmp(text, "out") == 0 || strcmp(text, "both") == 0;
    if (f->in || f->out)
        return 0;
    return err_set(err, ERR_CONFIG, "--direction: expected in, out or both, found \"%s\"", text);
}

/* What is one number. */
static int set_number(struct probe_flags *f, enum probe_setting what, const char *text,
                      struct err *err)
{
    static const struct {
        uint64_t least;
        uint64_t most;
    } bounds[PROBE_SETTINGS] = {
        [PROBE_ENTRIES] = {16, CACHE_ENTRIES_MAX}, [PROBE_SAMPLE] = {1, UINT32_MAX},
        [PROBE_SOURCE_ID] = {0, UINT32_MAX},       [PROBE_DSCP] = {0, 63},
        [PROBE_LOCAL_AS] = {1, UINT32_MAX},        [PROBE_TTL] = {1, 255},
        [PROBE_MTU] = {MTU_MIN, MTU_MAX},          [PROBE_TEMPLATE_PACKETS] = {1, UINT32_MAX}};
    uint64_t n;
    int r = number(text, bounds[what].least, bounds[what].most, &n, err);

    if (r)
        return r;
    if (what == PROBE_ENTRIES)
        f->monitor.entries = (uint32_t)n;
    else if (what == PROBE_SAMPLE)
        f->sampler.rate = (uint32_t)n;
    else if (what == PROBE_SOURCE_ID)
        f->exporter.domain = (uint32_t)n;
    else if (what == PROBE_LOCAL_AS)
        f->local_as = (uint32_t)n;
    else if (what == PROBE_DSCP)
        f->exporter.dscp = (uint8_t)n;
    else if (what == PROBE_TTL)
        f->exporter.ttl = (uint8_t)n;
    else if (what == PROBE_MTU)
        f->exporter.mtu = (uint16_t)n;
    else
        f->exporter.template_packets = (uint32_t)n;
    return 0;
}

int probe_set(struct probe_flags *f, enum probe_setting what, const char *text, struct err *err)
{
    switch (what) {
    case PROBE_TO:
        return set_to(f, text, err);
    case PROBE_VERSION:
        return set_version(f, text, err);
    case PROBE_ACTIVE:
        return seconds(text, &f->monitor.active_s, err);
    case PROBE_INACTIVE:
        return seconds(text, &f->monitor.idle_s[CACHE_GENERIC], err);
    case PROBE_TIMEOUT:
        return set_timeout(f, text, err);
    case PROBE_RANDOM:
        f->sampler.random = true;
        return 0;
    case PROBE_INTERFACE:
        return set_interface(f, text, err);
    case PROBE_DIRECTION:
        return set_direction(f, text, err);
    case PROBE_SOURCE:
        return set_source(f, text, err);
    case PROBE_TEMPLATE:
        return seconds(text, &f->exporter.template_s, err);
    case PROBE_APPLICATIONS:
        f->applications = true;
        return applications_built()
                   ? 0
                   : err_set(err, ERR_CONFIG, "--applications: this weir was built without nDPI");
    case PROBE_RIB:
        f->rib = text;
        return 0;
    case PROBE_ENTRIES:
    case PROBE_SAMPLE:
    case PROBE_SOURCE_ID:
    case PROBE_LOCAL_AS:
    case PROBE_DSCP:
    case PROBE_TTL:
    case PROBE_MTU:
    case PROBE_TEMPLATE_PACKETS:
        return set_number(f, what, text, err);
    case PROBE_SETTINGS:
        break;
    }
    return err_set(err, ERR_CONFIG, "there is no such setting");
}

/* The seven traditional keys, and what routers tell besides. */
static struct setup_record record_of(uint8_t family)
{
    const struct setup_record r = {
        .name = "traditional",
        .fields = {{.number = family == 4 ? 8 : 27, .len = family == 4 ? 4 : 16, .key = true},
                   {.number = family == 4 ? 12 : 28, .len = family == 4 ? 4 : 16, .key = true},
                   {.number = 4, .len = 1, .key = true},
                   {.number = 7, .len = 2, .key = true},
                   {.number = 11, .len = 2, .key = true},
                   {.number = 5, .len = 1, .key = true},
                   {.number = 10, .len = 4, .key = true},
                   {.number = 14, .len = 4},
                   {.number = 6, .len = 1},
                   {.number = 1, .len = 8},
                   {.number = 2, .len = 8},
                   {.number = 22, .len = 4},
                   {.number = 21, .len = 4},
                   {.number = 136, .len = 1}},
        .n = 14};
    return r;
}

/* What is known where there are BGP's routes. */
static void add_routing(struct setup_record *r, uint8_t family)
{
    uint16_t octets = family == 4 ? 4 : 16;
    const struct setup_field more[] = {{.number = family == 4 ? 15 : 62, .len = octets},
                                       {.number = family == 4 ? 18 : 63, .len = octets},
                                       {.number = 16, .len = 4},
                                       {.number = 17, .len = 4},
                                       {.number = family == 4 ? 9 : 29, .len = 1},
                                       {.number = family == 4 ? 13 : 30, .len = 1}};

    memcpy(&r->fields[r->n], more, sizeof more);
    r->n += COUNT_OF(more);
}

static void put_exporters(const struct probe_flags *f, struct setup *s)
{
    s->exporters = mem_new(f->n_to + 1, sizeof *s->exporters);
    s->n_exporters = f->n_to;
    for (size_t i = 0; i < f->n_to; i++) {
        struct setup_exporter *e = &s->exporters[i];
        *e = f->exporter;
        if (f->applications)
            e->option_s[SETUP_APPLICATION_TABLE] = e->template_s;
        e->to = f->to[i].to;
        e->port = f->to[i].port;
        memcpy(e->name, f->to[i].name, sizeof e->name);
        if (f->to[i].has_source) {
            e->has_source = true;
            e->source = f->to[i].source;
        }
        if (f->to[i].via[0]) { /* which is out of the VRF, too */
            memcpy(e->via, f->to[i].via, sizeof e->via);
            e->vrf[0] = '\0';
        }
    }
}

/* Each monitor at each interface, in each direction. */
static void put_places(const struct probe_flags *f, struct setup *s)
{
    size_t devices = f->n_dev > 0 ? f->n_dev : 1;

    s->places = mem_new(devices * s->n_monitors * 2, sizeof *s->places);
    for (size_t d = 0; d < devices; d++)
        for (size_t m = 0; m < s->n_monitors; m++)
            for (int output = 0; output < 2; output++) {
                struct setup_place *p = &s->places[s->n_places];
                if (!(output ? f->out : f->in))
                    continue;
                *p = (struct setup_place){.monitor = (int)m,
                                          .sampler = s->n_samplers ? 0 : SETUP_NONE,
                                          .output = output,
                                          .family = m == 0 ? 4 : 6};
                if (f->n_dev > 0)
                    (void)snprintf(p->dev, sizeof p->dev, "%s", f->dev[d]);
                s->n_places++;
            }
}

static void put_monitors(const struct probe_flags *f, struct setup *s)
{
    size_t families = f->exporter.version < 9 ? 1 : 2; /* the old ones have no IPv6 */

    s->records = mem_new(families, sizeof *s->records);
    s->monitors = mem_new(families, sizeof *s->monitors);
    s->n_records = s->n_monitors = families;
    for (size_t i = 0; i < families; i++) {
        struct setup_monitor *m = &s->monitors[i];
        *m = f->monitor;
        m->record = (int)i;
        m->n_exporters = f->n_to;
        m->sizes = m->protocols = f->n_dev > 0; /* of a capture nobody asks for them */
        for (size_t k = 0; k < f->n_to; k++)
            m->exporters[k] = (int)k;
        setup_monitor_fill(m);
        (void)snprintf(m->name, sizeof m->name, "ipv%d", i == 0 ? 4 : 6);
        s->records[i] = record_of(i == 0 ? 4 : 6);
        if (f->applications)
            s->records[i].fields[s->records[i].n++] = (struct setup_field){.number = 95, .len = 4};
        if (f->rib)
            add_routing(&s->records[i], i == 0 ? 4 : 6);
    }
}

int probe_setup(const struct probe_flags *f, bool may_be_none, struct setup *out, struct err *err)
{
    enum { V5_RATE_MAX = (1 << 14) - 1 };
    struct setup s = {.traditional = 0}; /* IPv4's monitor, which is the first */

    if (f->n_to == 0 && !may_be_none)
        return err_set(err, ERR_CONFIG, "expected --to HOST:PORT, or --store DIR");
    if (f->applications && f->exporter.version < 9)
        return err_set(err, ERR_CONFIG,
                       "--applications: NetFlow v%u cannot say them; expected "
                       "--version 9 or ipfix",
                       f->exporter.version);
    if (f->sampler.random && f->sampler.rate == 0)
        return err_set(err, ERR_CONFIG, "--random: expected --sample N, too");
    if (f->exporter.version < 9 && f->exporter.version != 5 && f->sampler.rate != 0)
        return err_set(err, ERR_CONFIG,
                       "--sample: NetFlow v%u cannot say it; expected --version 5, 9 or ipfix",
                       f->exporter.version);
    if (f->exporter.version == 5 && f->sampler.rate > V5_RATE_MAX)
        return err_set(err, ERR_CONFIG, "--sample: NetFlow v5 cannot say more than %d",
                       V5_RATE_MAX);
    s.rib = f->rib ? mem_text(f->rib) : NULL;
    s.local_as = f->local_as;
    put_exporters(f, &s);
    s.samplers = mem_new(1, sizeof *s.samplers);
    s.samplers[0] = f->sampler;
    s.n_samplers = f->sampler.rate != 0;
    put_monitors(f, &s);
    put_places(f, &s);
    *out = s;
    return 0;
}
