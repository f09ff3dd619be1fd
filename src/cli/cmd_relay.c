/* weir relay: datagrams to many receivers, with samplicate's flags and file. */
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/probe_status.h"
#include "relay/match.h"
#include "relay/relay.h"
#include "relay/samplicate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    OPT_SAMPLICATE = 1,
    OPT_PORT,
    OPT_ADDRESS,
    OPT_BUFFER,
    OPT_BYTES,
    OPT_CONFIG,
    OPT_SPOOF,
    OPT_NO_CHECKSUM,
    OPT_PAUSE,
    OPT_QUIET,
    OPT_DEBUG,
    OPT_FORK,
    OPT_PIDFILE,
    OPT_V4,
    OPT_V6,
    OPT_INSTANCE,
    OPT_EXPLAIN,
    PORT = 2000,
    BUFFER = 65536,
    QUIET_STATUS = 5,
    RECEIVERS = 1024
};

static const struct opt opts[] = {
    {OPT_SAMPLICATE, "samplicate", 0, NULL,
     "flags, receivers and file as samplicate has them (as yet there are no others)"},
    {OPT_PORT, "port", 'p', "PORT", "to listen at, or a service (2000)"},
    {OPT_ADDRESS, "address", 's', "ADDR", "to listen at (all)"},
    {OPT_CONFIG, "config", 'c', "FILE", "lines of SOURCE[/MASK]: RECEIVER ..."},
    {OPT_SPOOF, "keep-source", 'S', NULL,
     "datagrams bear the address and port of their sender; needs CAP_NET_RAW"},
    {OPT_NO_CHECKSUM, "no-checksum", 'n', NULL, "with -S: without UDP's checksum (IPv4)"},
    {OPT_BUFFER, "buffer", 'b', "BYTES", "to ask the kernel for, of each socket (65536)"},
    {OPT_BYTES, "bytes", 'u', "BYTES", "longer datagrams are cut to this (65535)"},
    {OPT_PAUSE, "pause", 'x', "MICROSECONDS",
     "after each datagram to a receiver of the command line (0)"},
    {OPT_QUIET, "quiet-for", 't', "MILLISECONDS", "leave, with 5, when nothing came for so long"},
    {OPT_DEBUG, "debug", 'd', "LEVEL", "not 0: tell of each datagram"},
    {OPT_FORK, "fork", 'f', NULL, "go on in the background"},
    {OPT_PIDFILE, "pid-file", 'm', "FILE", "for the number of the process"},
    {OPT_V4, "ipv4", '4', NULL, "IPv4 only"},
    {OPT_V6, "ipv6", '6', NULL, "IPv6 only"},
    {OPT_INSTANCE, "instance", 0, "NAME", "what 'weir show relay' calls this one (relay)"},
    {OPT_EXPLAIN, "explain", 0, "SENDER",
     "say where this sender's datagrams would go, and by which line, and end"},
};

struct options {
    struct relay_source source;
    const char *explain; /* NULL: nothing is asked */
    const char *address;
    const char *config;
    const char *pidfile;
    const char *instance;
    const char *receivers[RECEIVERS];
    size_t n_receivers;
    uint64_t pause_us;
    bool trace;
    bool fork;
    enum samplicate_family family;
    struct relay_setup setup;
};

static int number(const char *value, uint64_t most, uint64_t *out, struct err *err)
{
    return text_count(value, strlen(value), most, out, err);
}

static int set_number(struct options *o, int id, const char *value, struct err *err)
{
    uint64_t n = 0;
    int r = number(value, id == OPT_BYTES ? RELAY_BYTES_MAX + 1 : UINT32_MAX, &n, err);

    if (r)
        return r;
    if (id == OPT_BUFFER)
        o->setup.buffer_bytes = (size_t)n;
    else if (id == OPT_BYTES)
        o->setup.bytes_max = (size_t)n;
    else if (id == OPT_PAUSE)
        o->pause_us = n;
    else if (id == OPT_QUIET)
        o->setup.quiet_ms = (uint32_t)n;
    else
        o->trace = n != 0;
    return 0;
}

static int set_option(struct options *o, int id, const char *value, struct err *err)
{
    switch (id) {
    case OPT_SAMPLICATE:
        return 0;
    case OPT_PORT:
        return samplicate_port(value, &o->setup.port, err);
    case OPT_ADDRESS:
        o->address = value;
        return 0;
    case OPT_CONFIG:
        o->config = value;
        return 0;
    case OPT_SPOOF:
        o->setup.keep_source = true;
        return 0;
    case OPT_NO_CHECKSUM:
        o->setup.no_checksum = true;
        return 0;
    case OPT_FORK:
        o->fork = true;
        return 0;
    case OPT_PIDFILE:
        o->pidfile = value;
        return 0;
    case OPT_V4:
        o->family = SAMPLICATE_V4;
        return 0;
    case OPT_V6:
        o->family = SAMPLICATE_V6;
        return 0;
    case OPT_INSTANCE:
        o->instance = value;
        return 0;
    case OPT_EXPLAIN:
        o->explain = value;
        return 0;
    case OPT_POSITIONAL:
        if (o->n_receivers == RECEIVERS)
            return err_set(err, ERR_CONFIG, "at most %d receivers here", RECEIVERS);
        o->receivers[o->n_receivers++] = value;
        return 0;
    default:
        return set_number(o, id, value, err);
    }
}

/* Flags hold wherever they stand, so the file and the receivers are read behind them. */
static int make_setup(const struct options *o, struct relay_setup *s, struct err *err)
{
    struct samplicate_reader reader = {.family = o->family, .out = s};
    int r = 0;

    s->v4 = o->family != SAMPLICATE_V6;
    s->v6 = o->family != SAMPLICATE_V4;
    s->any = o->address == NULL;
    if (o->address)
        r = samplicate_host(&reader, o->address, &s->listen, err);
    if (r == 0 && o->config)
        r = samplicate_read_file(&reader, o->config, err);
    for (size_t i = 0; i < o->n_receivers && r == 0; i++)
        r = samplicate_receiver(&reader, o->receivers[i], (uint32_t)o->pause_us, err);
    if (r == 0 && s->n_receivers == 0)
        r = err_set(err, ERR_CONFIG, "expected a receiver, HOST/PORT, or a file of them (-c FILE)");
    if (r == 0 && s->no_checksum && !s->keep_source)
        r = err_set(err, ERR_CONFIG, "-n: expected -S, too");
    return r;
}

/* As at the start, but for names: they may be others now. */
static int read_again(struct relay_source *source, struct relay_setup *out, struct err *err)
{
    const struct options *o = container_of(source, struct options, source);

    *out = o->setup;
    out->receivers = NULL;
    out->rules = NULL;
    out->n_receivers = out->n_rules = 0;
    return make_setup(o, out, err);
}

static void explain_rule(const struct options *o, const struct relay_rule *r)
{
    for (size_t k = r->first; k < r->first + r->n; k++) {
        const struct relay_receiver *to = &o->setup.receivers[k];
        (void)printf("%s to %s", o->explain, to->name);
        if (to->every > 1)
            (void)printf(", one in %u", to->every);
        if (r->line)
            (void)printf(", by %s:%zu\n", o->config, r->line);
        else
            (void)printf(", of the command line\n");
    }
}

static int explain(const struct options *o)
{
    const struct relay_setup *s = &o->setup;
    struct addr from;
    struct err err;

    if (addr_parse(o->explain, &from, &err) != 0)
        return command_usage_error(&cmd_relay, err.text);
    uint32_t *rules = mem_new(s->n_rules + 1, sizeof *rules);
    struct match *m = match_new(s);
    size_t n = match_all(m, &from, rules);
    for (size_t i = 0; i < n; i++)
        explain_rule(o, &s->rules[rules[i]]);
    if (n == 0)
        (void)printf("%s: no line is for it; its datagrams are counted, and go nowhere\n",
                     o->explain);
    match_free(m);
    free(rules);
    return 0;
}

static int go_background(struct err *err)
{
    pid_t pid = fork();

    if (pid < 0)
        return err_sys(err, "fork");
    if (pid > 0)
        _exit(0);
    return 0;
}

static int write_pid(const char *path, struct err *err)
{
    FILE *f = fopen(path, "w");

    if (!f)
        return err_sys(err, "%s", path);
    (void)fprintf(f, "%ld\n", (long)getpid());
    return fclose(f) == 0 ? 0 : err_sys(err, "%s", path);
}

static int run(struct options *o)
{
    struct relay *relay = NULL;
    char socket[FILE_PATH];
    struct err err;
    bool quiet = false;
    bool has_socket = probe_socket(socket, sizeof socket, NULL, o->instance, &err) == 0;
    int r = relay_new(&relay, &o->setup, &err);

    if (r == 0 && o->fork)
        r = go_background(&err);
    if (r == 0 && o->pidfile)
        r = write_pid(o->pidfile, &err);
    if (r == 0) {
        log_info("relaying", KV("port", o->setup.port), KV("receivers", o->setup.n_receivers),
                 KV("rules", o->setup.n_rules));
        const struct relay_options how = {
            .socket = has_socket ? socket : NULL, .trace = o->trace, .source = &o->source};
        r = relay_run(relay, &how, &quiet, &err);
    }
    relay_free(relay);
    if (r == 0)
        return quiet ? QUIET_STATUS : 0;
    (void)fprintf(stderr, "weir relay: %s\n", err.text);
    return r == ERR_CONFIG ? 2 : 1;
}

static int cmd_relay_run(int argc, char **argv)
{
    struct opt_scan scan = opt_scan_of(opts, COUNT_OF(opts), argc, argv);
    struct options o = {
        .source = {.read = read_again},
        .instance = "relay",
        .setup = {.port = PORT, .buffer_bytes = BUFFER, .bytes_max = RELAY_BYTES_MAX}};
    struct err err;
    int r = 0;
    int id;

    while (r == 0 && (id = opt_next(&scan, &err)) != OPT_END)
        r = id == ERR_CONFIG ? id : set_option(&o, id, scan.value, &err);
    if (r == 0)
        r = make_setup(&o, &o.setup, &err);
    int status = r ? command_usage_error(&cmd_relay, err.text) : o.explain ? explain(&o) : run(&o);
    relay_setup_free(&o.setup);
    return status;
}

const struct command cmd_relay = {
    .name = "relay",
    .summary = "receive datagrams, send each on to many receivers",
    .usage = "--samplicate [options] [RECEIVER...]",
    .details =
        "Does what samplicate does, with its flags and its file; called as 'samplicate' (a link) "
        "that word is not needed. RECEIVER is HOST[/PORT[/N[,TTL]]], with an IPv6 address in "
        "brackets; PORT may be a range (7000-7010, 7000+10); N: of so many datagrams the first; "
        "TTL counts with -S.\n"
        "A line of the file is SOURCE[/MASK]: RECEIVER ...; every line that a sender falls under "
        "gets a copy, as do all receivers of the command line. What differs: flags hold for the "
        "file wherever they stand; a receiver that cannot be reached costs the others nothing; "
        "with -S, IPv6 works, and datagrams longer than the way's MTU go in fragments; a receiver "
        "that is the relay itself is refused. SIGHUP reads the file again, and resolves names, "
        "without losing a datagram. 'weir show relay' says what became of what came.",
    .examples = "weir relay --samplicate -s 192.168.3.2 -S -p 2055 192.168.4.1/2055 "
                "192.168.5.1/2055\n    to two collectors, as if routers had sent it there\n"
                "weir relay --samplicate -p 2055 -c /etc/samplicate.conf\n"
                "    by the sender\n"
                "weir relay --samplicate -c /etc/samplicate.conf --explain 10.1.2.3\n"
                "    where its datagrams would go\n",
    .opts = opts,
    .n_opts = COUNT_OF(opts),
    .run = cmd_relay_run,
};
