#include "cli/collect_set.h"

#include "base/text.h"
#include "store/name.h"

#include <string.h>

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

static int parse_workers(const char *text, unsigned *out, struct err *err)
{
    uint64_t n;
    int r = text_count(text, strlen(text), COLLECT_WORKERS, &n, err);

    if (r == 0 && n == 0)
        return err_set(err, ERR_CONFIG, "expected 1 to %d workers", COLLECT_WORKERS);
    if (r == 0)
        *out = (unsigned)n;
    return r;
}

static int parse_rcvbuf(const char *text, size_t *out, struct err *err)
{
    uint64_t bytes;
    int r = parse_bytes(text, 1 << 12, 1 << 30, &bytes, err);

    if (r == 0)
        *out = (size_t)bytes;
    return r;
}

int collect_set(struct collect_options *o, enum collect_setting what, const char *text,
                struct err *err)
{
    switch (what) {
    case SET_LISTEN:
        return parse_listen(text, o->udp, &o->n_udp, err);
    case SET_TCP:
        return parse_listen(text, o->tcp, &o->n_tcp, err);
    case SET_PERMIT:
        return parse_access(text, true, &o->access, err);
    case SET_DENY:
        return parse_access(text, false, &o->access, err);
    case SET_STORE:
        o->dir = text;
        return 0;
    case SET_SEAL_EVERY:
        return parse_ms(text, 1000, &o->seal_every_ms, err);
    case SET_JOURNAL_SIZE:
        return parse_bytes(text, 1 << 16, UINT64_C(1) << 32, &o->journal_bytes, err);
    case SET_SYNC:
        return parse_ms(text, 1, &o->sync_ms, err);
    case SET_RCVBUF:
        return parse_rcvbuf(text, &o->rcvbuf_bytes, err);
    case SET_WORKERS:
        return parse_workers(text, &o->workers, err);
    case SET_PIN:
        o->pin = true;
        return 0;
    case SET_INSTANCE:
        o->instance = text;
        return name_instance_check(text, err);
    case SET_USER:
        o->user = text;
        return 0;
    case SET_N:
        break;
    }
    return err_set(err, ERR_CONFIG, "there is no such setting");
}

static int remove_listen(struct collect_listen *list, size_t *n, const char *text, struct err *err)
{
    struct collect_listen one;
    size_t none = 0;
    int r = parse_listen(text, &one, &none, err);

    for (size_t i = 0; i < *n && r == 0; i++) {
        if (list[i].port != one.port || !addr_eq(&list[i].addr, &one.addr))
            continue;
        memmove(&list[i], &list[i + 1], (--*n - i) * sizeof *list);
        return 0;
    }
    return r ? r : err_set(err, ERR_CONFIG, "nothing listens at %s before this line", text);
}

static bool is_same(const struct access_rule *a, const struct access_rule *b)
{
    return a->permit == b->permit && a->port == b->port && a->family == b->family &&
           a->prefix.bits == b->prefix.bits && addr_eq(&a->prefix.addr, &b->prefix.addr);
}

static int remove_rule(struct access_rules *rules, const char *text, bool permit, struct err *err)
{
    struct access_rule one;
    int r = access_rule_parse(text, permit, &one, err);

    for (size_t i = 0; i < rules->n && r == 0; i++)
        if (is_same(&rules->v[i], &one)) {
            access_rules_remove(rules, i);
            return 0;
        }
    return r ? r : err_set(err, ERR_CONFIG, "there is no such rule before this line");
}

int collect_unset(struct collect_options *o, enum collect_setting what, const char *text,
                  struct err *err)
{
    const struct collect_options usual = collect_options_default();

    switch (what) {
    case SET_LISTEN:
        return remove_listen(o->udp, &o->n_udp, text, err);
    case SET_TCP:
        return remove_listen(o->tcp, &o->n_tcp, text, err);
    case SET_PERMIT:
        return remove_rule(&o->access, text, true, err);
    case SET_DENY:
        return remove_rule(&o->access, text, false, err);
    case SET_STORE:
        o->dir = usual.dir;
        break;
    case SET_SEAL_EVERY:
        o->seal_every_ms = usual.seal_every_ms;
        break;
    case SET_JOURNAL_SIZE:
        o->journal_bytes = usual.journal_bytes;
        break;
    case SET_SYNC:
        o->sync_ms = usual.sync_ms;
        break;
    case SET_RCVBUF:
        o->rcvbuf_bytes = usual.rcvbuf_bytes;
        break;
    case SET_WORKERS:
        o->workers = usual.workers;
        break;
    case SET_PIN:
        o->pin = usual.pin;
        break;
    case SET_INSTANCE:
        o->instance = usual.instance;
        break;
    case SET_USER:
        o->user = usual.user;
        break;
    case SET_N:
        break;
    }
    return 0;
}
