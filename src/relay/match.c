#include "relay/match.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { LENGTHS = 129, ROWS = 1 << 15, PLACES = 8 };

/* Prefixes of one length: open addressing; rules of the same prefix are chained by `next`. */
struct table {
    uint32_t *spots; /* number of a rule, from 1; 0: empty */
    size_t n_spots;  /* a power of two; 0: there is none of this length */
};

struct sender {
    struct addr addr;
    struct match_found found;
    uint32_t used; /* when; 0: free */
};

struct match {
    const struct relay_setup *setup;
    struct table tables[LENGTHS];
    uint8_t lengths[LENGTHS]; /* that there are */
    size_t n_lengths;
    uint32_t *next; /* of each rule: another of the same prefix, from 1 */
    uint32_t *all;  /* rules whoever sends falls under */
    size_t n_all;
    uint32_t *scratch;
    uint32_t clock;
    struct sender rows[ROWS][PLACES];
};

static uint64_t hash_of(const struct addr *a) { return hash_keyed(a->b, sizeof a->b); }

static uint32_t *spot_of(const struct match *m, const struct table *t, const struct addr *net)
{
    size_t i = hash_of(net) & (t->n_spots - 1);

    while (t->spots[i] != 0 && !addr_eq(&m->setup->rules[t->spots[i] - 1].from.addr, net))
        i = (i + 1) & (t->n_spots - 1);
    return &t->spots[i];
}

static void make_tables(struct match *m)
{
    size_t count[LENGTHS] = {0};

    for (size_t i = 0; i < m->setup->n_rules; i++)
        if (m->setup->rules[i].line != 0 && !m->setup->rules[i].all)
            count[m->setup->rules[i].from.bits]++;
    for (size_t bits = LENGTHS; bits-- > 0;) {
        struct table *t = &m->tables[bits];
        if (count[bits] == 0)
            continue;
        for (t->n_spots = 4; t->n_spots < 2 * count[bits];)
            t->n_spots *= 2;
        t->spots = mem_new(t->n_spots, sizeof *t->spots);
        m->lengths[m->n_lengths++] = (uint8_t)bits;
    }
}

struct match *match_new(const struct relay_setup *setup)
{
    struct match *m = mem_new(1, sizeof *m);

    m->setup = setup;
    m->next = mem_new(setup->n_rules + 1, sizeof *m->next);
    m->all = mem_new(setup->n_rules + 1, sizeof *m->all);
    m->scratch = mem_new(setup->n_rules + 1, sizeof *m->scratch);
    make_tables(m);
    for (size_t i = setup->n_rules; i-- > 0;) {
        const struct relay_rule *r = &setup->rules[i];
        if (r->line == 0 || r->all)
            continue;
        uint32_t *spot = spot_of(m, &m->tables[r->from.bits], &r->from.addr);
        m->next[i] = *spot;
        *spot = (uint32_t)i + 1;
    }
    for (size_t i = 0; i < setup->n_rules; i++)
        if (setup->rules[i].line == 0 || setup->rules[i].all)
            m->all[m->n_all++] = (uint32_t)i;
    return m;
}

void match_free(struct match *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < LENGTHS; i++)
        free(m->tables[i].spots);
    free(m->next);
    free(m->all);
    free(m->scratch);
    free(m);
}

static int by_number(const void *a, const void *b)
{
    const uint32_t *x = a;
    const uint32_t *y = b;

    return (*x > *y) - (*x < *y);
}

/* "0.0.0.0" is whoever sends by IPv4, "::" by IPv6; receivers of the command line get all. */
static bool is_for(const struct relay_rule *r, const struct addr *from)
{
    return r->line == 0 || addr_is_v4(&r->from.addr) == addr_is_v4(from);
}

size_t match_all(const struct match *m, const struct addr *from, uint32_t *out)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n_lengths; i++) {
        struct addr net = addr_mask(*from, m->lengths[i]);
        uint32_t rule = *spot_of(m, &m->tables[m->lengths[i]], &net);
        for (; rule != 0; rule = m->next[rule - 1])
            out[n++] = rule - 1;
    }
    for (size_t i = 0; i < m->n_all; i++)
        if (is_for(&m->setup->rules[m->all[i]], from))
            out[n++] = m->all[i];
    if (n > 1)
        qsort(out, n, sizeof *out, by_number);
    return n;
}

static void find_anew(struct match *m, const struct addr *from, struct match_found *out)
{
    size_t n = match_all(m, from, m->scratch);

    out->n = n <= MATCH_RULES ? (uint32_t)n : MATCH_RULES + 1;
    for (size_t i = 0; i < n && i < MATCH_RULES; i++)
        out->rules[i] = m->scratch[i];
}

struct match_found *match_find(struct match *m, const struct addr *from)
{
    struct sender *row = m->rows[hash_of(from) % ROWS];
    struct sender *oldest = row;

    m->clock++;
    for (size_t i = 0; i < PLACES; i++) {
        struct sender *s = &row[i];
        if (s->used != 0 && addr_eq(&s->addr, from)) {
            s->used = m->clock | 1;
            return &s->found;
        }
        if (m->clock - s->used > m->clock - oldest->used || s->used == 0)
            oldest = s;
        if (s->used == 0)
            break;
    }
    *oldest = (struct sender){.addr = *from, .used = m->clock | 1};
    find_anew(m, from, &oldest->found);
    return &oldest->found;
}

static void keep(struct match_sender *out, size_t *have, size_t n, const struct sender *s)
{
    size_t at = *have;

    if (at == n && out[n - 1].datagrams >= s->found.datagrams)
        return;
    if (at < n)
        ++*have;
    else
        at = n - 1;
    for (; at > 0 && out[at - 1].datagrams < s->found.datagrams; at--)
        out[at] = out[at - 1];
    out[at] = (struct match_sender){.addr = s->addr,
                                    .datagrams = s->found.datagrams,
                                    .bytes = s->found.bytes,
                                    .rules = s->found.n};
}

size_t match_largest(const struct match *m, struct match_sender *out, size_t n)
{
    size_t have = 0;

    for (size_t i = 0; i < ROWS; i++)
        for (size_t k = 0; k < PLACES; k++)
            if (m->rows[i][k].used != 0)
                keep(out, &have, n, &m->rows[i][k]);
    return have;
}
