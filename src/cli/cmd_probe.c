/* weir probe: packets → flows → collectors. */
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/config.h"
#include "cli/probe_conf.h"
#include "cli/probe_set.h"
#include "cli/probe_store.h"
#include "cli/progress.h"
#include "cli/taps.h"
#include "cli/vyos.h"
#include "net/frames.h"
#include "probe/origin.h"
#include "probe/probe.h"
#include "probe/words.h"
#include "store/name.h"
#include "wire/packet.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPT_READ = PROBE_SETTINGS,
    OPT_INNER,
    OPT_RATE,
    OPT_FILTER,
    OPT_PROMISCUOUS,
    OPT_OWN,
    OPT_CONFIG,
    OPT_VYOS,
    OPT_STORE,
    OPT_INSTANCE,
    OPT_THREADS,
    RATE_MAX = 1000000000,
    CHECK_EVERY = 1024
};

static const struct opt opts[] = {
    {OPT_CONFIG, "config", 'c', "FILE",
     "records, exporters, monitors and interfaces in the routers' commands ($WEIR_CONFIG or "
     "/etc/weir/weir.conf where no flag says what to meter)"},
    {OPT_VYOS, "vyos", 0, "FILE",
     "the same out of a configuration of VyOS: its block system flow-accounting"},
    {PROBE_INTERFACE, "interface", 'i', "DEV",
     "packets of an interface; may be given several times"},
    {PROBE_DIRECTION, "direction", 0, "in|out|both",
     "those that come in there, that leave, or both (in)"},
    {OPT_FILTER, "filter", 'f', "TEXT", "only what pcap-filter(7) says: 'not port 22'"},
    {OPT_PROMISCUOUS, "promiscuous", 'p', NULL,
     "also frames to other machines, as at a mirror port"},
    {OPT_OWN, "own", 0, NULL, "also the datagrams that this probe sends itself"},
    {OPT_READ, "read", 'r', "FILE", "packets out of a capture (pcap, pcapng); -: standard input"},
    {OPT_STORE, "store", 0, "DIR", "flows go into a store here, as a collector would put them"},
    {OPT_INSTANCE, "instance", 0, "NAME",
     "what this probe is called: in the store, and by 'weir show probe' (probe)"},
    {PROBE_TO, "to", 't', "HOST:PORT", "a collector; may be given several times"},
    {PROBE_VERSION, "version", 'v', "1|5|6|7|9|ipfix", "of what is sent (9)"},
    {PROBE_ACTIVE, "active", 'a', "TIME", "a flow that lasts longer is sent in parts (30m)"},
    {PROBE_INACTIVE, "inactive", 'q', "TIME", "a flow ends after so long without a packet (15s)"},
    {PROBE_TIMEOUT, "timeout", 0, "NAME=TIME",
     "the same for flow-generic, udp, icmp, tcp-generic, tcp-fin (after FIN: 5s) or "
     "tcp-rst (5s); max-active-life is --active; expiry-interval: how often flows that have ended "
     "are sent (1s)"},
    {PROBE_ENTRIES, "entries", 'e', "N", "flows that are held, of IPv4 and of IPv6 each (512Ki)"},
    {PROBE_SAMPLE, "sample", 's', "N", "meter one packet in N: each Nth"},
    {PROBE_RANDOM, "random", 0, NULL, "with --sample: any one of each N"},
    {OPT_THREADS, "threads", 0, "N",
     "that meter, each with a ring at every interface (1); a flow's packets all come by one"},
    {OPT_INNER, "inner", 0, NULL,
     "of packets in GRE, IP-in-IP, VXLAN and GTP tunnels meter what they carry"},
    {PROBE_SOURCE, "source", 0, "ADDR", "send from this address"},
    {PROBE_SOURCE_ID, "source-id", 0, "N", "source id, observation domain, or engine (0)"},
    {PROBE_TEMPLATE, "template", 0, "TIME", "send templates again after so long (10m)"},
    {PROBE_TEMPLATE_PACKETS, "template-packets", 0, "N", "and after so many datagrams"},
    {PROBE_APPLICATIONS, "applications", 0, NULL,
     "tell which application each flow is of, by nDPI (applicationId, and a table of names)"},
    {PROBE_RIB, "rib", 0, "FILE",
     "BGP's routes (an MRT dump, also by gzip): AS numbers, masks and next hops are exported; read "
     "again on SIGHUP"},
    {PROBE_LOCAL_AS, "local-as", 0, "N", "the AS of addresses that only the kernel has a route to"},
    {PROBE_DSCP, "dscp", 0, "N", "of the datagrams (0)"},
    {PROBE_TTL, "ttl", 0, "N", "of the datagrams (255)"},
    {PROBE_MTU, "mtu", 0, "N", "largest IP packet to send (1500)"},
    {OPT_RATE, "rate", 0, "N", "at most so many datagrams a second to each collector"},
};

struct options {
    const char *path;
    struct live_options live;
    struct probe_flags flags;
    const char *config;
    const char *vyos;
    char facility[VYOS_FACILITY]; /* of syslog; "": no lines go there */
    const char *store;            /* NULL: none */
    const char *instance;
    const char *flag; /* one that says what a configuration would; NULL: none */
    struct probe_options probe;
};

struct run {
    const char *path;
    struct frames *frames;
    struct probe *probe;
    struct counts counts; /* what the probe does not count itself */
    struct progress progress;
    int64_t begin_ns;
    struct routes *routes;
    struct rib *rib;
    struct probe_store *store; /* NULL: none */
    uint64_t stored;
    uint64_t unknown; /* frames of a link type that we cannot read */
};

static volatile sig_atomic_t stopped; /* set by the signal, which can reach nothing else */

static void on_signal(int signal_number) { stopped = signal_number; }

static uint64_t counted(const struct run *r, enum count_id id)
{
    struct counts all = {0};

    counts_sum(&all, &r->counts);
    probe_counts(r->probe, &all);
    return count_get(&all, id);
}

static void show(struct run *r)
{
    char rate[TEXT_SHORT];
    char text[100];
    uint64_t at;
    uint64_t of;
    double n = (double)counted(r, COUNT_PACKETS);
    int64_t ns = clock_mono_ns() - r->begin_ns;

    if (!progress_due(&r->progress))
        return;
    (void)text_print_count(ns > 0 ? n * 1e9 / (double)ns : 0, rate);
    (void)snprintf(text, sizeof text, "%.0f packets, %s/s", n, rate);
    frames_progress(r->frames, &at, &of);
    progress_show(&r->progress, at, of, text);
}

static int meter_file(struct run *r, struct err *err)
{
    struct frame v[GAUGE_BATCH];
    size_t n;
    int e = 0;

    for (unsigned i = 0; !stopped && (e = frames_read(r->frames, v, GAUGE_BATCH, &n, err)) == 0;
         i++) {
        if (!packet_link_ok(v[0].link)) {
            r->unknown += n;
            if (r->unknown == n && counted(r, COUNT_PACKETS) == 0)
                (void)fprintf(stderr,
                              "weir probe: %s: link type %d is not supported; expected Ethernet, "
                              "Linux cooked, raw IP, PPP or loopback\n",
                              r->path, v[0].link);
        }
        probe_frames(r->probe, 0, 0, v, n);
        if (i % CHECK_EVERY == 0)
            show(r);
    }
    return e == ERR_EOF || stopped ? 0 : err_in(err, e, "%s", r->path);
}

static void say(const struct run *r, enum count_id id)
{
    uint64_t n = count_get(&r->counts, id);

    if (n > 0)
        (void)fprintf(stderr, "  %" PRIu64 " %s\n", n, count_table[id].help);
}

static bool summary(const struct run *r)
{
    static const enum count_id told[] = {
        COUNT_CAPTURE_DROPS, COUNT_PACKETS_OWN,    COUNT_PACKETS_UNSAMPLED, COUNT_FRAMES_NOT_IP,
        COUNT_FRAMES_SHORT,  COUNT_FRAMES_BROKEN,  COUNT_FRAMES_DEEP,       COUNT_PACKETS_NO_PORTS,
        COUNT_FLOWS_EARLY,   COUNT_EXPORT_CLIPPED, COUNT_EXPORT_BELOW,      COUNT_EXPORT_REFUSED,
        COUNT_EXPORT_FAILED};
    char took[TEXT_SHORT];
    char rate[TEXT_SHORT];
    uint64_t packets = count_get(&r->counts, COUNT_PACKETS);
    int64_t ns = clock_mono_ns() - r->begin_ns;

    (void)text_print_duration(ns / 1000000, took);
    (void)text_print_count((double)packets * 1e9 / (double)(ns > 0 ? ns : 1), rate);
    (void)fprintf(stderr,
                  "metered %" PRIu64 " packets (%" PRIu64 " bytes) into %" PRIu64
                  " flows in %s: %s packets/s; sent %" PRIu64 " records in %" PRIu64 " datagrams\n",
                  packets, count_get(&r->counts, COUNT_PACKET_BYTES),
                  count_get(&r->counts, COUNT_FLOWS_METERED), took, rate,
                  count_get(&r->counts, COUNT_EXPORTED_RECORDS),
                  count_get(&r->counts, COUNT_EXPORTED_DATAGRAMS));
    if (r->stored > 0)
        (void)fprintf(stderr, "  %" PRIu64 " flows are in the store\n", r->stored);
    for (size_t i = 0; i < COUNT_OF(told); i++)
        say(r, told[i]);
    return count_get(&r->counts, COUNT_EXPORT_REFUSED) == 0 &&
           count_get(&r->counts, COUNT_EXPORT_FAILED) == 0;
}

static int run_file(struct run *r, const struct options *o, struct err *err)
{
    struct sigaction a = {.sa_handler = on_signal};
    int e = frames_open(&r->frames, o->path, err);

    (void)sigaction(SIGINT, &a, NULL);
    (void)sigaction(SIGTERM, &a, NULL);
    if (e)
        return e;
    r->begin_ns = clock_mono_ns();
    e = meter_file(r, err);
    probe_end(r->probe);
    progress_end(&r->progress);
    frames_close(r->frames);
    return e;
}

/* The interfaces where anything is metered, each once. */
static size_t devices(const struct setup *s, const char **dev)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_places; i++) {
        size_t k = 0;
        while (k < n && strcmp(dev[k], s->places[i].dev) != 0)
            k++;
        if (k == n)
            dev[n++] = s->places[i].dev;
    }
    return n;
}

/* How much of a packet has to be seen: headers, and sections that records ask for. */
static uint32_t keep_bytes(const struct run *r, const struct options *o)
{
    enum { HEADERS = 160, INNER_HEADERS = 96 };

    size_t inner = o->probe.gauge.inner ? INNER_HEADERS : 0;
    return (uint32_t)(HEADERS + inner + probe_section_bytes(r->probe));
}

static int run_live(struct run *r, const struct options *o, const struct setup *setup,
                    struct err *err)
{
    const char **dev = mem_new(setup->n_places, sizeof *dev);
    char socket[FILE_PATH];
    struct err why;
    struct taps *t;
    bool has_socket = probe_socket(socket, sizeof socket, o->store, o->instance, &why) == 0;
    struct taps_options options = {.live = o->live,
                                   .probe = r->probe,
                                   .threads = o->probe.threads,
                                   .counts = &r->counts,
                                   .routes = &r->routes,
                                   .rib = &r->rib,
                                   .rib_path = setup->rib,
                                   .status = {.instance = o->instance,
                                              .started_ms = clock_wall_ms(),
                                              .setup = setup,
                                              .probe = r->probe,
                                              .counts = &r->counts,
                                              .store = r->store},
                                   .socket = has_socket ? socket : NULL};
    options.live.keep_bytes = keep_bytes(r, o);
    int e = taps_open(&t, dev, devices(setup, dev), &options, err);
    free(dev);
    if (!has_socket)
        log_warn("nobody can ask this probe (weir show)", KV("reason", why.text));
    if (e)
        return e;
    r->begin_ns = clock_mono_ns();
    e = taps_run(t, err);
    probe_end(r->probe);
    taps_close(t);
    return e;
}

static void say_unknown(const struct setup *s)
{
    char words[SETUP_FIELDS * WORDS_TEXT];

    if (!s->rib && setup_wants_bgp(s))
        (void)fprintf(
            stderr, "weir probe: AS numbers are exported as %s: there is no --rib, or 'rib FILE'\n",
            s->local_as ? "the local one, or 0" : "0");
    for (size_t i = 0; i < s->n_records; i++)
        if (origin_print_unknown(&s->records[i], words, sizeof words))
            (void)fprintf(stderr,
                          "weir probe: record %s: not known to a probe, and exported as 0: %s\n",
                          s->records[i].name, words);
}

static void say_rib(const struct rib *r, const char *path)
{
    const struct rib_stats *s = rib_stats(r);

    if (s->left_out > 0 || s->broken > 0)
        (void)fprintf(stderr,
                      "weir probe: %s: %zu prefixes; %zu left out (too long, or too many), %zu "
                      "broken records\n",
                      path, s->prefixes, s->left_out, s->broken);
}

static int open_probe(struct run *r, const struct options *o, const struct setup *setup,
                      struct err *err)
{
    struct probe_options po = o->probe;
    int e = o->store ? probe_store_open(&r->store, o->store, o->instance, !o->path, err) : 0;

    if (e)
        return e;
    if (!o->path) { /* of a capture nobody knows the routes */
        r->routes = routes_new();
        if (routes_read(r->routes, err) != 0)
            (void)fprintf(stderr, "weir probe: no routes are known: %s\n", err->text);
    }
    if (setup->rib) {
        e = rib_read(&r->rib, setup->rib, err);
        if (e)
            return e;
        say_rib(r->rib, setup->rib);
    }
    po.gauge.routes = r->routes;
    po.gauge.rib = r->rib;
    po.own_way = r->store ? probe_store_way(r->store) : NULL;
    return probe_new(&r->probe, setup, &po, err);
}

/* `e` and `err` are what went wrong until now. */
static int close_probe(struct run *r, int e, struct err *err)
{
    if (r->probe)
        probe_counts(r->probe, &r->counts);
    probe_free(r->probe);
    routes_free(r->routes);
    rib_free(r->rib);
    int closed = r->store ? probe_store_close(r->store, &r->stored, e ? NULL : err) : 0;
    return e ? e : closed;
}

static int run(const struct options *o, const struct setup *setup)
{
    struct run *r = mem_new(1, sizeof *r);
    struct err err;

    *r = (struct run){.path = o->path, .progress = progress_of()};
    say_unknown(setup);
    int e = open_probe(r, o, setup, &err);
    if (e == 0)
        e = o->path ? run_file(r, o, &err) : run_live(r, o, setup, &err);
    e = close_probe(r, e, &err);
    if (e)
        (void)fprintf(stderr, "weir probe: %s\n", err.text);
    bool good = r->begin_ns == 0 || summary(r);
    free(r);
    return e == ERR_CONFIG ? 2 : e || !good;
}

static int set_threads(struct options *o, const char *value, struct err *err)
{
    uint64_t n;
    int r = text_count(value, strlen(value), LIVE_RINGS_MAX, &n, err);

    if (r == 0 && n == 0)
        r = err_set(err, ERR_CONFIG, "expected a number from 1 to %d, found 0", LIVE_RINGS_MAX);
    o->probe.threads = r ? 1 : (size_t)n;
    return r;
}

static int set_option(struct options *o, int id, const char *value, struct err *err)
{
    switch (id) {
    case OPT_READ:
        o->path = value;
        return 0;
    case OPT_THREADS:
        return set_threads(o, value, err);
    case OPT_INNER:
        o->probe.gauge.inner = true;
        return 0;
    case OPT_OWN:
        o->probe.gauge.own = true;
        return 0;
    case OPT_FILTER:
        o->live.filter = value;
        return 0;
    case OPT_PROMISCUOUS:
        o->live.promiscuous = true;
        return 0;
    case OPT_STORE:
        o->store = value;
        return 0;
    case OPT_INSTANCE:
        o->instance = value;
        return name_instance_check(value, err);
    case OPT_CONFIG:
        o->config = value;
        return 0;
    case OPT_VYOS:
        o->vyos = value;
        return 0;
    case OPT_RATE:
        return text_count(value, strlen(value), RATE_MAX, &o->probe.way.pace, err);
    case OPT_POSITIONAL:
        return err_set(err, ERR_CONFIG, "unexpected argument \"%s\"", value);
    default:
        return probe_set(&o->flags, (enum probe_setting)id, value, err);
    }
}

static const char *name_of(int id)
{
    for (size_t i = 0; i < COUNT_OF(opts); i++)
        if (opts[i].id == id)
            return opts[i].name;
    return "";
}

static void say_note(const char *text) { (void)fprintf(stderr, "weir probe: %s\n", text); }

/* What is to be done, as flags or a configuration say it. */
static int make_setup(struct options *o, struct setup *out, struct err *err)
{
    const char *path = o->config ? o->config : o->flag || o->store ? NULL : config_usual();

    if (o->config && o->vyos)
        return err_set(err, ERR_CONFIG, "--config and --vyos: expected one of them");
    if ((o->config || o->vyos) && o->flag)
        return err_set(err, ERR_CONFIG,
                       "--%s and --%s: the file says what is metered; say it there", o->flag,
                       o->config ? "config" : "vyos");
    if (o->vyos) {
        const struct vyos_options options = {
            .capture = o->path != NULL, .may_be_none = o->store != NULL, .note = say_note};
        return vyos_setup(o->vyos, &options, out, o->facility, err);
    }
    if (path)
        return probe_conf_setup(path, o->path != NULL, out, err);
    if ((o->flags.n_dev > 0) == (o->path != NULL))
        return err_set(err, ERR_CONFIG, "expected --interface DEV, --read FILE, or --config FILE");
    return probe_setup(&o->flags, o->store != NULL, out, err);
}

static int check(struct options *o, const struct setup *s, struct err *err)
{
    if (o->path && (o->flags.out || o->live.filter || o->live.promiscuous || o->probe.gauge.own ||
                    o->probe.threads > 1))
        return err_set(
            err, ERR_CONFIG,
            "--direction, --filter, --promiscuous, --own and --threads are for interfaces");
    o->probe.way.patient = o->path != NULL;
    for (size_t i = 0; i < s->n_places; i++)
        o->live.outgoing |= s->places[i].output;
    return 0;
}

static int cmd_probe_run(int argc, char **argv)
{
    struct opt_scan scan = opt_scan_of(opts, COUNT_OF(opts), argc, argv);
    struct options o = {
        .flags = probe_flags_default(), .instance = "probe", .probe = {.threads = 1}};
    struct setup setup = {0};
    struct err err;
    int r = 0;
    int id;

    while (r == 0 && (id = opt_next(&scan, &err)) != OPT_END) {
        r = id == ERR_CONFIG ? id : set_option(&o, id, scan.value, &err);
        if (id > 0 && id < PROBE_SETTINGS)
            o.flag = name_of(id);
    }
    if (r == 0)
        r = make_setup(&o, &setup, &err);
    if (r == 0 && o.store)
        r = probe_store_join(&setup, &err);
    if (r == 0)
        r = check(&o, &setup, &err);
    if (r == 0 && o.facility[0])
        r = log_to_syslog(o.facility, &err);
    int status = r ? command_usage_error(&cmd_probe, err.text) : run(&o, &setup);
    setup_free(&setup);
    return status;
}

const struct command cmd_probe = {
    .name = "probe",
    .summary = "meter packets into flows, and export them",
    .usage = "[options] -i DEV|--read FILE --to HOST:PORT|--store DIR | --config|--vyos FILE",
    .details = "Does what a router's NetFlow does, with the packets of interfaces or of a capture: "
               "adds up those of the same addresses, protocol, ports, type of service and input "
               "interface, and sends each flow to the collectors when it has ended: when nothing "
               "came for --inactive, after FIN or RST, when it lasted for --active, when the table "
               "is full, or when the probe ends. Later fragments count with the flow of their "
               "first. ICMP's type and code stand in the destination port, as type * 256 + code. "
               "Versions below 9 have IPv4 only.\n"
               "At interfaces, packets that come in are metered, as on a router that has the probe "
               "at each of them; on a host, --direction both meters what it sends, too. What the "
               "probe sends itself is left out. It needs CAP_NET_RAW, and gives up all "
               "capabilities once it has begun.\n"
               "The time of a capture is its own: exports bear the times at which a router would "
               "have sent them. It is read as fast as it goes, perhaps faster than a collector "
               "receives; --rate slows it down.\n"
               "Records, several monitors and exporters, samplers and interfaces can be given in "
               "the commands of routers instead, in a file (docs/probe.md; 'weir check FILE' says "
               "what it means). With --read, packets go to every monitor that stands at an "
               "interface's input there.\n"
               "--sample tells collectors the rate: v5 in each header, v9 and IPFIX in options "
               "data.",
    .examples = "weir probe -i eth0 --to 192.0.2.1:2055\n    a router's interface, as NetFlow v9\n"
                "weir probe -i eth0 -i eth1 --to 192.0.2.1:2055 --sample 100 --random\n"
                "    two, and one packet in a hundred\n"
                "weir probe -r traffic.pcap --to 127.0.0.1:4739 --version ipfix --active 60\n"
                "    a capture as IPFIX; long flows each minute\n"
                "weir probe -i eth0 --store /var/lib/weir\n"
                "    straight into a store, for weir query\n"
                "weir probe --config router.conf\n"
                "    a router's own configuration\n"
                "weir probe --vyos /config/config.boot\n"
                "    what VyOS would meter\n",
    .opts = opts,
    .n_opts = COUNT_OF(opts),
    .run = cmd_probe_run,
};
