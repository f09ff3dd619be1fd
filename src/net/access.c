#include "net/access.h"

#include "base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { DEPTH = 129, RULE_TEXT = 80 };

struct key {
    uint64_t hi;
    uint64_t lo;
};

struct range {
    struct key first; /* it ends where the next begins */
    bool permit;
};

struct ranges {
    struct range *v;
    size_t n;
};

struct access {
    struct ranges v4;
    struct ranges v6;
};

/* --- rules --- */

static int parse_port(const char *digits, uint16_t *out, const char *text, struct err *err)
{
    char *end;
    unsigned long port = strtoul(digits, &end, 10);

    if (*digits < '0' || *digits > '9' || *end != '\0' || port == 0 || port > UINT16_MAX)
        return err_set(err, ERR_CONFIG, "expected a port of 1 to 65535 behind @ in \"%s\"", text);
    *out = (uint16_t)port;
    return 0;
}

int access_rule_parse(const char *text, bool permit, struct access_rule *out, struct err *err)
{
    struct access_rule rule = {.permit = permit};
    const char *at = strchr(text, '@');
    size_t n = at ? (size_t)(at - text) : strlen(text);
    char prefix[RULE_TEXT];

    if (n >= sizeof prefix)
        return err_set(err, ERR_CONFIG, "expected an address, a prefix or any, found \"%.40s...\"",
                       text);
    memcpy(prefix, text, n);
    prefix[n] = '\0';
    int r = at ? parse_port(at + 1, &rule.port, text, err) : 0;
    if (r == 0 && strcmp(prefix, "any") != 0) {
        r = prefix_parse(prefix, &rule.prefix, err);
        rule.family = rule.prefix.bits >= ADDR_V4_BITS && addr_is_v4(&rule.prefix.addr) ? ACCESS_V4
                                                                                        : ACCESS_V6;
    }
    if (r == 0)
        *out = rule;
    return r;
}

int access_rules_add(struct access_rules *rules, const struct access_rule *rule, struct err *err)
{
    if (rules->n == ACCESS_RULES_MAX)
        return err_set(err, ERR_LIMIT, "at most %d rules of access", ACCESS_RULES_MAX);
    if (rules->n == rules->room) {
        rules->room = rules->room ? rules->room * 2 : 1;
        rules->v = mem_resize(rules->v, rules->room, sizeof *rules->v);
    }
    rules->v[rules->n++] = *rule;
    return 0;
}

void access_rules_remove(struct access_rules *rules, size_t i)
{
    assert(i < rules->n);
    memmove(&rules->v[i], &rules->v[i + 1], (--rules->n - i) * sizeof *rules->v);
}

void access_rules_free(struct access_rules *rules)
{
    free(rules->v);
    *rules = (struct access_rules){0};
}

/* --- rules to ranges --- */

/* A prefix of the list. Of two prefixes one holds the other, or they have nothing in common. */
struct item {
    struct key first;
    struct key last;
    size_t index; /* of its rule; in the sweep the lowest of all that hold it, too */
};

static struct key key_of(const struct addr *a)
{
    struct key k = {0};

    for (size_t i = 0; i < 8; i++) {
        k.hi = k.hi << 8 | a->b[i];
        k.lo = k.lo << 8 | a->b[i + 8];
    }
    return k;
}

static int cmp(struct key a, struct key b)
{
    if (a.hi != b.hi)
        return a.hi < b.hi ? -1 : 1;
    return a.lo == b.lo ? 0 : a.lo < b.lo ? -1 : 1;
}

static struct key last_of(struct key first, unsigned bits)
{
    if (bits < 64)
        return (struct key){first.hi | UINT64_MAX >> bits, UINT64_MAX};
    return (struct key){first.hi, bits < 128 ? first.lo | UINT64_MAX >> (bits - 64) : first.lo};
}

/* The outer before the inner, of the same prefix the first rule. */
static int by_place(const void *a, const void *b)
{
    const struct item *x = a;
    const struct item *y = b;
    int c = cmp(x->first, y->first);

    if (c == 0)
        c = -cmp(x->last, y->last);
    return c ? c : x->index < y->index ? -1 : 1;
}

/* From `first` on the verdict is this. */
static void mark(struct ranges *r, struct key first, bool permit)
{
    if (r->n > 0 && cmp(r->v[r->n - 1].first, first) == 0)
        r->n--;
    if (r->n == 0 || r->v[r->n - 1].permit != permit)
        r->v[r->n++] = (struct range){first, permit};
}

struct sweep {
    const struct access_rules *rules;
    struct ranges *out;
    struct item open[DEPTH]; /* prefixes around this place, the outermost first */
    size_t depth;
};

/* Behind the innermost prefix the one around it holds again. */
static void leave(struct sweep *s)
{
    struct key next = s->open[--s->depth].last;

    next.lo++;
    next.hi += next.lo == 0;
    if (next.lo == 0 && next.hi == 0)
        return; /* there is no address behind it */
    mark(s->out, next, s->depth > 0 && s->rules->v[s->open[s->depth - 1].index].permit);
}

static void enter(struct sweep *s, struct item item)
{
    while (s->depth > 0 && cmp(s->open[s->depth - 1].last, item.first) < 0)
        leave(s);
    if (s->depth > 0 && s->open[s->depth - 1].index < item.index)
        item.index = s->open[s->depth - 1].index;
    assert(s->depth < DEPTH); /* as many as there are lengths of a prefix */
    s->open[s->depth++] = item;
    mark(s->out, item.first, s->rules->v[item.index].permit);
}

static bool is_for(const struct access_rule *rule, uint16_t port)
{
    return rule->port == 0 || rule->port == port;
}

static void compile(const struct access_rules *rules, uint16_t port, enum access_family family,
                    struct ranges *out)
{
    struct item *items = mem_new(rules->n, sizeof *items);
    struct sweep s = {.rules = rules, .out = out};
    size_t n = 0;

    for (size_t i = 0; i < rules->n; i++) {
        const struct access_rule *rule = &rules->v[i];
        if (!is_for(rule, port) || (rule->family != ACCESS_ANY && rule->family != family))
            continue;
        struct key first = key_of(&rule->prefix.addr);
        items[n++] = (struct item){first, last_of(first, rule->prefix.bits), i};
    }
    qsort(items, n, sizeof *items, by_place);
    out->v = mem_new(2 * n + 1, sizeof *out->v);
    mark(out, (struct key){0, 0}, false);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || cmp(items[i].first, items[i - 1].first) != 0 ||
            cmp(items[i].last, items[i - 1].last) != 0)
            enter(&s, items[i]);
    while (s.depth > 0)
        leave(&s);
    free(items);
}

struct access *access_new(const struct access_rules *rules, uint16_t port)
{
    bool any = false;

    for (size_t i = 0; i < rules->n; i++)
        any = any || is_for(&rules->v[i], port);
    if (!any)
        return NULL;
    struct access *a = mem_new(1, sizeof *a);
    compile(rules, port, ACCESS_V4, &a->v4);
    compile(rules, port, ACCESS_V6, &a->v6);
    return a;
}

void access_free(struct access *a)
{
    if (!a)
        return;
    free(a->v4.v);
    free(a->v6.v);
    free(a);
}

/* --- questions --- */

bool access_permits(const struct access *a, const struct addr *who)
{
    if (!a)
        return true;
    const struct ranges *r = addr_is_v4(who) ? &a->v4 : &a->v6;
    struct key key = key_of(who);
    size_t at = 0;     /* the range is at or behind it, */
    size_t end = r->n; /* and before this one */

    while (end - at > 1) {
        size_t mid = at + (end - at) / 2;
        if (cmp(r->v[mid].first, key) <= 0)
            at = mid;
        else
            end = mid;
    }
    return r->v[at].permit;
}

bool access_permits_some(const struct access *a)
{
    return !a || a->v4.n > 1 || a->v4.v[0].permit || a->v6.n > 1 || a->v6.v[0].permit;
}
