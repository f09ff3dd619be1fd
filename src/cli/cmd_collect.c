/* weir collect: receive exports of every version and store them. */
#include "base/log.h"
#include "base/mem.h"
#include "base/syslog.h"
#include "cli/collect_set.h"
#include "cli/command.h"
#include "cli/config.h"
#include "query/print.h"
#include "sink/lines.h"
#include "sink/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPT_CONFIG = SET_N,
    OPT_SYSLOG,
    OPT_JSON_LINES,
    OPT_JSON_FILTER,
    OPT_SENDER,
    OPT_QUIET,
    OPT_VERBOSE
};

static const struct opt opts[] = {
    {OPT_CONFIG, "config", 'c', "FILE",
     "settings are in FILE; flags win over it, or add to its lists"},
    {SET_LISTEN, "listen", 'l', "ADDR:PORT",
     "receive over UDP here; may be repeated (127.0.0.1:2055)"},
    {SET_TCP, "tcp", 't', "ADDR:PORT", "receive IPFIX over TCP here; may be repeated"},
    {SET_PERMIT, "permit", 0, "PREFIX[@PORT]",
     "hear these senders (at this port only); may be repeated; any: all"},
    {SET_DENY, "deny", 0, "PREFIX[@PORT]",
     "do not hear these; of all --permit and --deny the first that fits decides"},
    {SET_STORE, "store", 's', "DIR", "where flows are kept (./var)"},
    {SET_SEAL_EVERY, "seal-every", 0, "TIME", "make a Parquet file at least so often (5m)"},
    {SET_JOURNAL_SIZE, "journal-size", 0, "BYTES", "... and when the journal is as long (64M)"},
    {SET_SYNC, "sync", 0, "TIME", "sync the journal to the disk so often (1s)"},
    {SET_WORKERS, "workers", 'w', "N",
     "receive in N threads, each the senders in its share (one for two processors, at most 4)"},
    {SET_PIN, "pin", 0, NULL, "keep each worker's receiving thread on a processor of its own"},
    {SET_RCVBUF, "rcvbuf", 0, "BYTES",
     "receive buffer of each UDP socket (16Mi, and more as the rate asks, up to 256Mi)"},
    {SET_INSTANCE, "instance", 0, "NAME", "name among several collectors of one store (collect)"},
    {SET_USER, "user", 'u', "NAME",
     "become this user once ports are open; for who starts it as root"},
    {OPT_SENDER, "sender", 0, "\"PREFIX COMMAND\"",
     "of exporters there: sampling RATE, name TEXT, trust exporter-address, ...; may be repeated"},
    {OPT_SYSLOG, "syslog", 0, "FACILITY[@SOCKET]",
     "log lines go to syslog too, as daemon, local0, ... (SOCKET: /dev/log)"},
    {OPT_JSON_LINES, "json-lines", 0, "FILE|-|unix:PATH",
     "flows go there too, as JSON lines: a file, standard output, who listens at a Unix socket"},
    {OPT_JSON_FILTER, "json-filter", 0, "FILTER", "only of these, as in 'weir query FILTER'"},
    {OPT_QUIET, "quiet", 'q', NULL, "say only what went wrong"},
    {OPT_VERBOSE, "verbose", 'v', NULL, "say more"},
};

/* What the command line says, and where to read it again. */
struct settings {
    struct collect_source source;
    int argc;
    char **argv;
    const struct config *first; /* what it began with; NULL: it has not yet */
    struct config config;       /* as it was read last */
};

static const char *config_path(int argc, char **argv)
{
    struct opt_scan scan = opt_scan_of(opts, COUNT_OF(opts), argc, argv);
    const char *path = NULL;

    for (int id; (id = opt_next(&scan, NULL)) > 0 || id == OPT_POSITIONAL;)
        path = id == OPT_CONFIG ? scan.value : path;
    return path;
}

static int take_flag(struct settings *s, int id, const char *value, struct err *err)
{
    switch (id) {
    case OPT_CONFIG: /* has been read */
        return 0;
    case OPT_QUIET:
        s->config.level = LOG_WARN;
        return 0;
    case OPT_VERBOSE:
        s->config.level = LOG_DEBUG;
        return 0;
    case OPT_SYSLOG:
        s->config.syslog = value;
        return syslog_check(value, err);
    case OPT_SENDER:
        return config_sender(&s->config, value, err);
    case OPT_JSON_FILTER:
        s->config.json_filter = value;
        s->config.json_line = 0;
        return 0;
    case OPT_JSON_LINES:
        s->config.json = value;
        return target_check(value, err);
    case OPT_POSITIONAL:
        return err_set(err, ERR_CONFIG, "unexpected argument \"%s\"", value);
    default:
        return collect_set(&s->config.collect, (enum collect_setting)id, value, err);
    }
}

static int take_flags(struct settings *s, struct err *err)
{
    struct opt_scan scan = opt_scan_of(opts, COUNT_OF(opts), s->argc, s->argv);
    struct collect_options *o = &s->config.collect;
    int id;

    while ((id = opt_next(&scan, err)) != OPT_END) {
        int r = id == ERR_CONFIG ? id : take_flag(s, id, scan.value, err);
        if (r)
            return r;
    }
    return o->n_udp == 0 && o->n_tcp == 0 ? collect_set(o, SET_LISTEN, "2055", err) : 0;
}

static bool is_changed(const char *was, const char *is)
{
    return strcmp(was ? was : "", is ? is : "") != 0;
}

/* Levels hold at once; what other threads have in hand stays. */
static void take_log(const struct settings *s)
{
    const char *restart = NULL;

    log_open(s->config.level);
    if (is_changed(s->first->syslog, s->config.syslog))
        restart = "syslog";
    else if (is_changed(s->first->json, s->config.json) ||
             is_changed(s->first->json_filter, s->config.json_filter))
        restart = "json";
    if (restart)
        log_warn("SIGHUP: some of what has changed in the configuration needs a restart",
                 KV("settings", restart));
}

static int reread(struct collect_source *source, const struct collect_options **out,
                  struct err *err)
{
    struct settings *s = container_of(source, struct settings, source);
    const char *path = config_path(s->argc, s->argv);

    config_free(&s->config);
    config_init(&s->config);
    int r = config_read(&s->config, path, err);
    s->config.collect.file = path;
    if (r == 0)
        r = take_flags(s, err);
    if (r == 0 && s->first)
        take_log(s);
    *out = &s->config.collect;
    return r;
}

static void select_rows(const void *arg, const struct batch *b, uint64_t *selected)
{
    filter_eval(arg, b, selected);
}

static int collect(struct collect_options *o, const struct config *config, struct err *err)
{
    struct filter *filter;
    int r = config_json_filter(config, &filter, err);

    if (r == 0 && filter && !config->json)
        r = err_set(err, ERR_CONFIG,
                    "--json-filter says which flows go as JSON lines, and nothing "
                    "says where: expected --json-lines, too");
    if (r == 0) {
        const struct lines_options options = {.to = config->json,
                                              .line = print_json_line,
                                              .select = filter ? select_rows : NULL,
                                              .arg = filter};
        struct lines *lines = config->json ? lines_new(&options) : NULL;
        o->sink = lines ? lines_sink(lines) : NULL;
        r = collect_run(o, err);
        lines_free(lines);
    }
    filter_free(filter);
    return r;
}

static int run(struct settings *s)
{
    const struct collect_options *read;
    struct collect_options *o = mem_new(1, sizeof *o);
    struct config *first = mem_new(1, sizeof *first);
    struct err err;
    int r = reread(&s->source, &read, &err);

    if (r == 0) { /* reading again must leave the running collector what it has */
        *first = s->config;
        *o = *read;
        o->source = &s->source;
        config_init(&s->config);
        log_open(first->level);
        if (first->syslog)
            r = log_to_syslog(first->syslog, &err);
        s->first = first;
        if (first->no_quirks)
            log_warn(
                "the quirk rules that weir comes with are not installed (share/weir/quirks.conf): "
                "exporters are taken to send what the standards say");
        if (r == 0)
            r = collect(o, first, &err);
        config_free(first);
        if (r)
            (void)fprintf(stderr, "weir collect: %s\n", err.text);
    } else {
        r = ERR_CONFIG;
        (void)command_usage_error(&cmd_collect, err.text);
    }
    free(first);
    free(o);
    return r;
}

static int cmd_collect_run(int argc, char **argv)
{
    struct settings *s = mem_new(1, sizeof *s);

    *s = (struct settings){.source = {.read = reread}, .argc = argc, .argv = argv};
    config_init(&s->config);
    int r = run(s);
    config_free(&s->config);
    free(s);
    return r == 0 ? 0 : r == ERR_CONFIG ? 2 : 1;
}

const struct command cmd_collect = {
    .name = "collect",
    .summary = "receive NetFlow and IPFIX of every version, and store it",
    .usage = "[options]",
    .details =
        "Receives NetFlow v1, v5, v6, v7, v8, v9 and IPFIX over UDP, and IPFIX over TCP, and keeps "
        "the "
        "flows as Parquet files under DIR/date=YYYY-MM-DD/hour=HH/, by the time (UTC) they were "
        "received. What has not been made into a file yet is in a journal, which 'weir query' "
        "reads too: a "
        "flow can be asked for the moment it has arrived. After a crash the next start stores what "
        "is in "
        "the journals.\n"
        "Several workers share the ports; each takes the exporters in its share of all addresses. "
        "SIGINT and SIGTERM end it: it stores everything first. SIGHUP reads the configuration "
        "again, makes files of "
        "what has been received until now, and asks the kernel again for the receive buffers.\n"
        "--permit and --deny say whose exports are heard: the first that fits a sender decides, "
        "and "
        "where there are any, whom none fits is denied. Denied datagrams are never parsed; 'weir "
        "show drops' says how many there were and from where. A rule with @PORT is for that port; "
        "a port without rules hears everybody.\n"
        "--config names a file with the same settings (docs/configuration.md; 'weir check' says "
        "what "
        "is wrong in it). SIGHUP takes the access list, the senders and the quirks from it without "
        "losing a "
        "datagram; what "
        "else has changed needs a restart, and is named in the log.\n"
        "--json-lines gives all flows as lines of JSON besides, as 'weir query --format jsonl "
        "--raw' "
        "prints them, to a file, standard output, or a program that listens at a stream socket. "
        "It never holds up what is received and stored: what the taker has no room for is left "
        "out, and 'weir show drops' says how much. The file is opened again on SIGHUP.\n"
        "--user names whom root becomes once the ports are open. Capabilities are given up, and "
        "system calls restricted, before the first datagram is read.\n"
        "Without an address it listens on this machine only. PORT 0 takes any free port; the log "
        "and "
        "'weir show collect' say which.",
    .examples =
        "weir collect --listen 0.0.0.0:2055 --listen [::]:4739 --store /var/lib/weir\n"
        "    two ports, IPv4 and IPv6\n"
        "weir collect --listen 0.0.0.0:2055 --deny 10.1.9.0/24 --permit 10.0.0.0/8\n"
        "    routers in 10.0.0.0/8 but for one network\n"
        "weir collect --sender \"192.0.2.1 sampling 1:1000\"\n    an exporter that does not say "
        "its rate\n"
        "weir collect --tcp 192.0.2.10:4739\n    IPFIX over TCP\n"
        "weir collect --json-lines - | jq 'select(.dst_port == 53)'\n    flows as they come\n"
        "weir show collect\n    how it is doing\n",
    .opts = opts,
    .n_opts = COUNT_OF(opts),
    .run = cmd_collect_run,
};
