/* weir check: read a configuration, say what it means and what is wrong in it. */
#include "base/mem.h"
#include "base/text.h"
#include "cli/as_router.h"
#include "cli/check_probe.h"
#include "cli/command.h"
#include "cli/config.h"
#include "cli/vyos.h"
#include "net/sock.h"
#include "store/labels.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { RULES_SHOWN = 8 };

static bool is_for(const struct access_rule *rule, uint16_t port)
{
    return rule->port == 0 || rule->port == port;
}

static void print_rule(const struct access_rule *rule)
{
    const struct addr *a = &rule->prefix.addr;
    char text[ADDR_TEXT];

    (void)addr_print(a, text);
    (void)printf(" %s ", rule->permit ? "permit" : "deny");
    if (rule->family == ACCESS_ANY)
        (void)printf("any,");
    else
        (void)printf("%s/%u,", text,
                     rule->prefix.bits - (rule->family == ACCESS_V4 ? ADDR_V4_BITS : 0u));
}

static void print_rules(const struct access_rules *rules, uint16_t port)
{
    size_t n = 0;

    for (size_t i = 0; i < rules->n; i++)
        if (is_for(&rules->v[i], port) && n++ < RULES_SHOWN)
            print_rule(&rules->v[i]);
    if (n > RULES_SHOWN)
        (void)printf(" and %zu more,", n - RULES_SHOWN);
    (void)printf(" deny others\n");
}

static void say_wrong(const struct config *c, size_t line, size_t column, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
static void say_wrong(const struct config *c, size_t line, size_t column, const char *fmt, ...)
{
    char place[COLLECT_PLACE];
    va_list ap;

    collect_place(&c->collect, line, column, place);
    (void)fputs(place, stderr);
    va_start(ap, fmt);
    (void)vfprintf(stderr, fmt, ap);
    va_end(ap);
    (void)fputc('\n', stderr);
}

/* What is heard at a listener; false if that is nobody. */
static bool print_listener(const struct config *c, const char *kind, const struct collect_listen *l)
{
    struct access *a = access_new(&c->collect.access, l->port);
    bool good = access_permits_some(a);
    char text[ADDR_PORT_TEXT];

    (void)addr_port_print(&l->addr, l->port, text);
    (void)printf("  %s %s:", kind, text);
    if (a)
        print_rules(&c->collect.access, l->port);
    else
        (void)printf(" everybody is heard%s\n",
                     sock_is_loopback(&l->addr)
                         ? ", on this machine"
                         : "; warning: it is open to the network, permit your exporters only");
    if (!good)
        say_wrong(c, l->line, l->column, "the access list of %s permits nobody", text);
    access_free(a);
    return good;
}

static bool has_port(const struct collect_options *o, uint16_t port)
{
    bool has = port == 0;

    for (size_t i = 0; i < o->n_udp; i++)
        has = has || o->udp[i].port == port;
    for (size_t i = 0; i < o->n_tcp; i++)
        has = has || o->tcp[i].port == port;
    return has;
}

/* Ports may be given by flags, so only a file that listens can be wrong in this. */
static bool ports_are_right(const struct config *c)
{
    const struct collect_options *o = &c->collect;
    bool right = true;

    for (size_t i = 0; i < o->access.n && o->n_udp + o->n_tcp > 0; i++) {
        if (has_port(o, o->access.v[i].port))
            continue;
        const struct access_rule *rule = &o->access.v[i];
        say_wrong(c, rule->line, rule->column,
                  "a rule of access is for port %u, where nothing listens", rule->port);
        right = false;
    }
    return right;
}

static void print_workers(const struct collect_options *o)
{
    if (o->workers)
        (void)printf("  workers: %u", o->workers);
    else
        (void)printf("  workers: as many as suit the machine");
    (void)printf("%s\n", o->pin ? ", each on a processor of its own" : "");
    if (o->rcvbuf_bytes)
        (void)printf("  receive buffers: %zu bytes\n", o->rcvbuf_bytes);
}

static bool print_collector(const struct config *c)
{
    const struct collect_options *o = &c->collect;
    bool right = ports_are_right(c);
    char every[TEXT_SHORT];
    char sync[TEXT_SHORT];

    (void)text_print_duration(o->seal_every_ms, every);
    (void)text_print_duration(o->sync_ms, sync);
    (void)printf("Collector \"%s\"\n", o->instance);
    if (o->n_udp + o->n_tcp == 0)
        (void)printf("  it says nowhere to listen: flags do, else UDP 127.0.0.1:2055\n");
    for (size_t i = 0; i < o->n_udp; i++)
        right = print_listener(c, "UDP", &o->udp[i]) && right;
    for (size_t i = 0; i < o->n_tcp; i++)
        right = print_listener(c, "TCP", &o->tcp[i]) && right;
    print_workers(o);
    (void)printf("  store: %s, a file every %s or %.1f MB, synced every %s\n", o->dir, every,
                 (double)o->journal_bytes / 1e6, sync);
    return right;
}

static void print_senders(const struct senders *s)
{
    char text[PREFIX_TEXT];

    for (size_t i = 0; i < s->n; i++) {
        (void)prefix_print(&s->v[i].prefix, text);
        (void)printf("Sender %s: ", text);
        if (*s->v[i].name)
            (void)printf("%s; ", s->v[i].name);
        if (s->v[i].trusts)
            (void)printf("exporters are whom its records name; ");
        if (s->v[i].rate >= 1)
            (void)printf("samples one in %.0f, whatever it says; ", s->v[i].rate);
        (void)printf("what comes out of sequence is %s\n",
                     s->v[i].reject ? "rejected" : "stored as all else");
    }
}

static void print_quirks(const struct quirks *q)
{
    struct buf text;

    buf_init(&text, 1 << 16);
    for (size_t i = 0; i < q->n; i++) {
        buf_reset(&text);
        quirk_say(&q->v[i], &text);
        (void)printf("Quirk %s (%s): %.*s\n", q->v[i].name, q->v[i].place, (int)text.len,
                     (const char *)text.data);
    }
    buf_free(&text);
}

static bool print_filters(const struct config *c)
{
    struct err err;
    struct filter *json;
    bool right = filters_check(&c->filters, &err) == 0 && config_json_filter(c, &json, &err) == 0;

    filter_free(right ? json : NULL);

    if (!right)
        (void)fprintf(stderr, "%s\n", err.text);
    for (size_t i = 0; i < c->filters.n; i++)
        (void)printf("%s %s", i == 0 ? "Filters:" : ",", c->filters.v[i].name);
    (void)printf("%s", c->filters.n > 0 ? "\n" : "");
    return right;
}

static bool print_names(const struct config *c)
{
    struct labels names;
    struct err err;

    if (!c->names)
        return true;
    labels_init(&names);
    bool right = labels_read_file(&names, c->names, &err) == 0;
    labels_tidy(&names);
    if (right)
        (void)printf("Names: %zu in %s\n", names.n, c->names);
    else
        (void)fprintf(stderr, "%s\n", err.text);
    labels_free(&names);
    return right;
}

static int check(const char *path, bool as_router)
{
    struct config *c = mem_new(1, sizeof *c);
    struct err err;

    config_init(c);
    c->collect.file = path;
    int r = config_check(c, path, &err);
    if (r && c->mistakes == 0)
        (void)fprintf(stderr, "weir check: %s\n", err.text);
    if (as_router) {
        bool printed = r == 0 && check_as_router(c);
        config_free(c);
        free(c);
        return printed ? 0 : r == ERR_SYS ? 1 : 2;
    }
    bool right = print_filters(c);
    right = print_names(c) && right;
    if (r == 0 && c->has_collector)
        right = print_collector(c) && right;
    print_senders(&c->collect.senders);
    print_quirks(&c->collect.quirks);
    right = check_probe(c) && right;
    config_free(c);
    free(c);
    return r == 0 && right ? 0 : r == ERR_SYS ? 1 : 2;
}

static void say_note(const char *text) { (void)printf("%s\n", text); }

static int check_vyos(const char *path, bool as_router)
{
    const struct vyos_options options = {.note = as_router ? NULL : say_note};
    char facility[VYOS_FACILITY];
    struct setup s = {0};
    struct err err;
    int r = vyos_setup(path, &options, &s, facility, &err);

    if (r) {
        (void)fprintf(stderr, "weir check: %s\n", err.text);
        return r == ERR_SYS ? 1 : 2;
    }
    if (as_router)
        as_router_print(&s, stdout);
    else
        check_setup(&s);
    if (facility[0] && !as_router)
        (void)printf("Log lines go to syslog, too, as %s\n", facility);
    setup_free(&s);
    return 0;
}

enum { OPT_VYOS = 1, OPT_AS_ROUTER };

static const struct opt opts[] = {
    {OPT_VYOS, "vyos", 0, "FILE",
     "a configuration of VyOS: what 'weir probe --vyos' makes of its flow-accounting"},
    {OPT_AS_ROUTER, "as-router", 0, NULL,
     "print what is metered as the commands of a router, a page for each monitor, to be pasted"},
};

static int cmd_check_run(int argc, char **argv)
{
    struct opt_scan scan = opt_scan_of(opts, COUNT_OF(opts), argc, argv);
    const char *path = NULL;
    const char *vyos = NULL;
    bool as_router = false;
    struct err err;
    int id;

    while ((id = opt_next(&scan, &err)) != OPT_END) {
        if (id == ERR_CONFIG)
            return command_usage_error(&cmd_check, err.text);
        if (id == OPT_AS_ROUTER) {
            as_router = true;
            continue;
        }
        if (path || vyos)
            return command_usage_error(&cmd_check, "expected one file");
        *(id == OPT_VYOS ? &vyos : &path) = scan.value;
    }
    if (vyos)
        return check_vyos(vyos, as_router);
    path = path ? path : config_usual();
    return path ? check(path, as_router)
                : command_usage_error(&cmd_check, "expected a file: there is no " FILTERS_CONFIG);
}

const struct command cmd_check = {
    .name = "check",
    .summary = "read a configuration: what it means, what is wrong in it",
    .usage = "[--as-router] [FILE | --vyos FILE]",
    .details = "Reads FILE (else $WEIR_CONFIG, else " FILTERS_CONFIG ") as 'weir collect' and "
               "'weir query' do, and says what it means. Every mistake is written to stderr as "
               "FILE:LINE:COLUMN: what was expected, and the exit status is then 2.\n"
               "docs/configuration.md describes the commands.",
    .examples = "weir check weir.conf\n    before SIGHUP or a restart\n"
                "weir check --as-router weir.conf\n    the same flow monitors, for a router\n",
    .opts = opts,
    .n_opts = COUNT_OF(opts),
    .run = cmd_check_run,
};
