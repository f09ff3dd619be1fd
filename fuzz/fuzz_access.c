/* Rules of access, a line each ("+" permits, "-" denies): whatever they are, the compiled list
 * decides as if they were tried in turn. Asked are the first and last addresses of all of them. */
#include "fuzz.h"
#include "net/access.h"

#include <assert.h>
#include <string.h>

enum { RULES = 64, LINE = 80, PORT = 1 };

static bool in_turn(const struct access_rules *rules, const struct addr *who)
{
    for (size_t i = 0; i < rules->n; i++) {
        const struct access_rule *r = &rules->v[i];
        bool family = r->family == ACCESS_ANY || (r->family == ACCESS_V4) == addr_is_v4(who);
        if (family && (r->port == 0 || r->port == PORT) && prefix_has(&r->prefix, who))
            return r->permit;
    }
    return false;
}

static void check(const struct access_rules *rules, const struct access *a, struct addr who)
{
    assert(access_permits(a, &who) == in_turn(rules, &who));
    for (size_t i = sizeof who.b; i-- > 0 && ++who.b[i] == 0;)
        ;
    assert(access_permits(a, &who) == in_turn(rules, &who));
}

static void check_all(const struct access_rules *rules)
{
    struct access *a = access_new(rules, PORT);

    for (size_t i = 0; i < rules->n && a; i++) {
        struct prefix p = rules->v[i].prefix;
        check(rules, a, p.addr);
        for (size_t bit = p.bits; bit < 128; bit++)
            p.addr.b[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
        check(rules, a, p.addr);
    }
    access_free(a);
}

static void read_line(struct access_rules *rules, const uint8_t *s, size_t len)
{
    struct access_rule rule;
    char line[LINE];

    if (len == 0 || len >= sizeof line || rules->n == RULES)
        return;
    memcpy(line, s, len);
    line[len] = '\0';
    if (access_rule_parse(line + 1, line[0] == '+', &rule, NULL) == 0)
        assert(access_rules_add(rules, &rule, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct access_rules rules = {0};

    for (size_t at = 0; at < size;) {
        const uint8_t *stop = memchr(data + at, '\n', size - at);
        size_t end = stop ? (size_t)(stop - data) : size;
        read_line(&rules, data + at, end - at);
        at = end + 1;
    }
    check_all(&rules);
    access_rules_free(&rules);
    return 0;
}
