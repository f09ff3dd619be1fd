/* weir collect: receive exports of every version and store them. */
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/command.h"
#include "collect/collect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPT_LISTEN = 1,
    OPT_TCP,
    OPT_PERMIT,
    OPT_DENY,
    OPT_STORE,
    OPT_SEAL_EVERY,
    OPT_JOURNAL_SIZE,
    OPT_SYNC,
    OPT_RCVBUF,
    OPT_WORKERS,
    OPT_PIN,
    OPT_INSTANCE,
    OPT_QUIET,
    OPT_VERBOSE
};

static const struct opt opts[] = {
    {OPT_LISTEN, "listen", 'l', "ADDR:PORT",
     "receive over UDP here; may be repeated (127.0.0.1:2055)"},
    {OPT_TCP, "tcp", 't', "ADDR:PORT", "receive IPFIX over TCP here; may be repeated"},
    {OPT_PERMIT, "permit", 0, "PREFIX[@PORT]",
     "hear these senders (at this port only); may be repeated; any: all"},
    {OPT_DENY, "deny", 0, "PREFIX[@PORT]",
     "do not hear these; of all --permit and --deny the first that fits decides"},
    {OPT_STORE, "store", 's', "DIR", "where flows are kept (./var)"},
    {OPT_SEAL_EVERY, "seal-every", 0, "TIME", "make a Parquet file at least so often (5m)"},
    {OPT_JOURNAL_SIZE, "journal-size", 0, "BYTES", "... and when the journal is as long (64M)"},
    {OPT_SYNC, "sync", 0, "TIME", "sync the journal to the disk so often (1s)"},
    {OPT_WORKERS, "workers", 'w', "N",
     "receive in N threads, each the senders in its share (one for two processors, at most 4)"},
    {OPT_PIN, "pin", 0, NULL, "keep each worker's receiving thread on a processor of its own"},
    {OPT_RCVBUF, "rcvbuf", 0, "BYTES",
     "receive buffer of each UDP socket (16Mi, and more as the rate asks, up to 256Mi)"},
    {OPT_INSTANCE, "instance", 0, "NAME", "name among several collectors of one store (collect)"},
    {OPT_QUIET, "quiet", 'q', NULL, "say only what went wrong"},
    {OPT_VERBOSE, "verbose", 'v', NULL, "say more"},
};

static int parse_listen(const char *text, struct collect_listen *list, size_t *n, struct err *err)
{
    static const struct addr home = {.b = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}};
    struct collect_listen l = {.addr = home};

    if (*n == COLLECT_LISTENERS)
        return err_set(err, ERR_CONFIG, "at most %d addresses to listen on", COLLECT_LISTENERS);
    int r = addr_port_parse(text, &l.addr, &l.port, err);
    if (r)
        return r;
    list[(*n)++] = l;
    return 0;
}

static int parse_ms(const char *text, int64_t least, int64_t *out, struct err *err)
{
    int64_t ms;
    int r = text_duration(text, strlen(text), &ms, err);

    if (r == 0 && ms < least)
        return err_set(err, ERR_CONFIG, "%s is too short: expected at least %lld ms", text,
                       (long long)least);
    if (r == 0)
        *out = ms;
    return r;
}

static int parse_bytes(const char *text, uint64_t least, uint64_t most, uint64_t *out,
                       struct err *err)
{
    uint64_t n;
    int r = text_count(text, strlen(text), most, &n, err);

    if (r == 0 && n < least)
        return err_set(err, ERR_CONFIG, "%s is too little: expected at least %llu bytes", text,
                       (unsigned long long)least);
    if (r == 0)
        *out = n;
    return r;
}

static int parse_access(const char *text, bool permit, struct access_rules *rules, struct err *err)
{
    struct access_rule rule;
    int r = access_rule_parse(text, permit, &rule, err);

    return r ? r : access_rules_add(rules, &rule, err);
}

static int set_option(struct collect_options *o, enum log_level *level, int id, const char *value,
                      struct err *err)
{
    uint64_t bytes;
    int r;

    switch (id) {
    case OPT_LISTEN:
        return parse_listen(value, o->udp, &o->n_udp, err);
    case OPT_TCP:
        return parse_listen(value, o->tcp, &o->n_tcp, err);
    case OPT_PERMIT:
        return parse_access(value, true, &o->access, err);
    case OPT_DENY:
        return parse_access(value, false, &o->access, err);
    case OPT_STORE:
        o->dir = value;
        return 0;
    case OPT_SEAL_EVERY:
        return parse_ms(value, 1000, &o->seal_every_ms, err);
    case OPT_JOURNAL_SIZE:
        return parse_bytes(value, 1 << 16, UINT64_C(1) << 32, &o->journal_bytes, err);
    case OPT_SYNC:
        return parse_ms(value, 1, &o->sync_ms, err);
    case OPT_RCVBUF:
        r = parse_bytes(value, 1 << 12, 1 << 30, &bytes, err);
        if (r == 0)
            o->rcvbuf_bytes = (size_t)bytes;
        return r;
    case OPT_WORKERS:
        r = text_count(value, strlen(value), COLLECT_WORKERS, &bytes, err);
        if (r == 0 && bytes == 0)
            r = err_set(err, ERR_CONFIG, "expected 1 to %d workers", COLLECT_WORKERS);
        if (r == 0)
            o->workers = (unsigned)bytes;
        return r;
    case OPT_PIN:
        o->pin = true;
        return 0;
    case OPT_INSTANCE:
        o->instance = value;
        return 0;
    case OPT_QUIET:
        *level = LOG_WARN;
        return 0;
    case OPT_VERBOSE:
        *level = LOG_DEBUG;
        return 0;
    default:
        return err_set(err, ERR_CONFIG, "unexpected argument \"%s\"", value);
    }
}

static int cmd_collect_run(int argc, char **argv)
{
    struct opt_scan scan = opt_scan_of(opts, COUNT_OF(opts), argc, argv);
    struct collect_options *o = mem_new(1, sizeof *o);
    enum log_level level = LOG_INFO;
    struct err err;
    int r = 0;
    int id;

    *o = collect_options_default();
    while (r == 0 && (id = opt_next(&scan, &err)) != OPT_END)
        r = id == ERR_CONFIG ? id : set_option(o, &level, id, scan.value, &err);
    if (r) {
        access_rules_free(&o->access);
        free(o);
        return command_usage_error(&cmd_collect, err.text);
    }
    if (o->n_udp == 0 && o->n_tcp == 0)
        r = parse_listen("2055", o->udp, &o->n_udp, &err);
    log_open(level);
    if (r == 0)
        r = collect_run(o, &err);
    access_rules_free(&o->access);
    free(o);
    if (r == 0)
        return 0;
    (void)fprintf(stderr, "weir collect: %s\n", err.text);
    return r == ERR_CONFIG ? 2 : 1;
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
        "SIGINT and SIGTERM end it: it stores everything first. SIGHUP makes files of what has "
        "been received until now, and asks the kernel again for the receive buffers.\n"
        "--permit and --deny say whose exports are heard: the first that fits a sender decides, "
        "and "
        "where there are any, whom none fits is denied. Denied datagrams are never parsed; 'weir "
        "show drops' says how many there were and from where. A rule with @PORT is for that port; "
        "a port without rules hears everybody.\n"
        "Without an address it listens on this machine only. PORT 0 takes any free port; the log "
        "and "
        "'weir show collect' say which.",
    .examples = "weir collect --listen 0.0.0.0:2055 --listen [::]:4739 --store /var/lib/weir\n"
                "    two ports, IPv4 and IPv6\n"
                "weir collect --listen 0.0.0.0:2055 --deny 10.1.9.0/24 --permit 10.0.0.0/8\n"
                "    routers in 10.0.0.0/8 but for one network\n"
                "weir collect --tcp 192.0.2.10:4739\n    IPFIX over TCP\n"
                "weir show collect\n    how it is doing\n",
    .opts = opts,
    .n_opts = COUNT_OF(opts),
    .run = cmd_collect_run,
};
