#include "query/late.h"

#include "base/mem.h"
#include "query/groups.h"

#include <stdlib.h>
#include <string.h>

/* A group's state: a word of two halves, seconds since 1970 from which on and before which rows of
 * late parts can be. */
struct span {
    uint32_t from; /* UINT32_MAX: there are none */
    uint32_t to;
};

_Static_assert(sizeof(struct span) == sizeof(uint64_t), "a state is a word");

enum { SECOND_MS = 1000 };

static struct span span_at(const uint64_t *state)
{
    struct span s;
    memcpy(&s, state, sizeof s);
    return s;
}

static void span_join(uint64_t *state, struct span other)
{
    struct span s = span_at(state);

    s.from = other.from < s.from ? other.from : s.from;
    s.to = other.to > s.to ? other.to : s.to;
    memcpy(state, &s, sizeof s);
}

static uint32_t from_of(const struct late_part *p) { return (uint32_t)(p->first / SECOND_MS); }
static uint32_t to_of(const struct late_part *p) { return (uint32_t)(p->last / SECOND_MS) + 1; }

void late_add(uint64_t *state, const struct late_part *p)
{
    span_join(state, (struct span){from_of(p), to_of(p)});
}

static void acc_init(struct acc *a, uint64_t *state)
{
    const struct span none = {UINT32_MAX, 0};

    (void)a;
    memcpy(state, &none, sizeof none);
}

static int acc_add(struct acc *a, const struct chunk *c, uint64_t *const *state, struct err *err)
{
    (void)a;
    (void)c;
    (void)state;
    (void)err;
    return 0; /* these rows have their times */
}

static int acc_merge(struct acc *to, uint64_t *to_state, struct acc *from,
                     const uint64_t *from_state, struct err *err)
{
    (void)to;
    (void)from;
    (void)err;
    span_join(to_state, span_at(from_state));
    return 0;
}

static size_t acc_size(const struct acc *a)
{
    (void)a;
    return 0;
}

static void acc_free(struct acc *a) { free(a); }

static struct acc *acc_new(const struct query_extra *e)
{
    struct acc *a = mem_new(1, sizeof *a);

    (void)e;
    *a = (struct acc){
        .init = acc_init, .add = acc_add, .merge = acc_merge, .size = acc_size, .free = acc_free};
    return a;
}

const struct query_extra late_extra = {.words = 1, .acc = acc_new};

bool late_can(const struct query_spec *spec, bool totals)
{
    const struct sort *s = &spec->sort;
    bool timeless = s->by == SORT_KEY ||
                    (s->by == SORT_MEASURE && (s->which <= GROUP_BYTES || s->which == GROUP_BPP));

    return spec->grouped && spec->top > 0 && spec->top <= LATE_TOP && timeless &&
           spec->shape == SHAPE_LIST && !spec->others && !spec->all_groups && !spec->extra &&
           spec_needs(spec, totals).times;
}

bool late_begin(struct late_parts *p, struct scan_reader *r)
{
    struct late_part part = {.part = scan_reader_part(r)};
    int64_t max;
    int64_t min;

    if (p->n > 0 && p->at[p->n - 1].part == part.part)
        return true;
    if (!scan_reader_is_inner(r) || !scan_reader_range(r, FIELD_FIRST, &part.first, &max) ||
        !scan_reader_range(r, FIELD_LAST, &min, &part.last))
        return false;
    const int64_t end = (int64_t)(UINT32_MAX - 1) * SECOND_MS;
    if (part.first < 0 || part.first > end || part.last < 0 || part.last > end ||
        !scan_reader_keep(r))
        return false;
    if (p->n == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 16;
        p->at = mem_resize(p->at, p->cap, sizeof *p->at);
    }
    p->at[p->n++] = part;
    return true;
}

/* --- the groups that are shown --- */

static size_t slot_of(const struct late_top *t, const uint64_t *key)
{
    uint64_t h = 0;

    for (size_t i = 0; i < t->words; i++)
        h = (h ^ key[i]) * UINT64_C(0x9e3779b97f4a7c15);
    return h >> 56;
}

size_t late_find(const struct late_top *t, const uint64_t *key)
{
    size_t s = slot_of(t, key);

    while (t->slots[s] && memcmp(t->key[t->slots[s] - 1], key, t->words * sizeof *key) != 0)
        s = (s + 1) % COUNT_OF(t->slots);
    return t->slots[s];
}

static struct sums *sums_at(const struct agg *a, size_t g)
{
    return (struct sums *)(void *)(agg_at(a, g) + a->keys.words);
}

static void top_add(struct late_top *t, const struct agg *a, size_t g, bool whole)
{
    const struct sums *s = sums_at(a, g);
    const struct span span = whole ? span_at(agg_state(a, g)) : (struct span){0, UINT32_MAX};
    const uint64_t *key = agg_at(a, g);
    size_t slot = slot_of(t, key);

    while (t->slots[slot])
        slot = (slot + 1) % COUNT_OF(t->slots);
    t->key[t->n] = key;
    t->at[t->n] = (struct late_known){s->first_ms, s->last_ms, span.from, span.to};
    t->slots[slot] = (uint8_t)++t->n;
}

/* A part that may know better of one of them; NULL: none does. Those that may know of something
 * earlier go by their first times, so that few of them are left when one was read. */
static const struct late_part *wanted(const struct late_top *t, const struct late_parts *p,
                                      const bool *done)
{
    const struct late_part *earlier = NULL;
    const struct late_part *later = NULL;

    for (size_t i = 0; i < p->n; i++) {
        const struct late_part *x = &p->at[i];
        bool early = false;
        bool late = false;
        for (size_t k = 0; k < t->n && !done[i]; k++) {
            early |= x->first < t->at[k].first && from_of(x) >= t->at[k].from;
            late |= x->last > t->at[k].last && to_of(x) <= t->at[k].to;
        }
        if (early && (!earlier || x->first < earlier->first))
            earlier = x;
        if (late && (!later || x->last > later->last))
            later = x;
    }
    return earlier ? earlier : later;
}

int late_finish(struct agg *a, const struct query_spec *spec, const struct late_parts *p,
                bool whole, struct late_reader *r, struct err *err)
{
    struct late_top t = {.words = a->keys.words};
    const struct late_part *next;
    uint32_t *order;
    int e = 0;

    if (p->n == 0 || a->n == 0)
        return 0;
    size_t n = groups_first(a, spec, spec->top, &order);
    if (!order)
        return err_set(err, ERR_LIMIT, "no memory to order groups");
    for (size_t i = 0; i < n; i++)
        top_add(&t, a, order[i], whole);
    bool *done = mem_new(p->n, sizeof *done);
    while (!e && (next = wanted(&t, p, done)) != NULL) {
        done[next - p->at] = true;
        r->n++;
        e = r->read(r, next->part, &t, err);
    }
    for (size_t i = 0; i < n; i++) {
        sums_at(a, order[i])->first_ms = t.at[i].first;
        sums_at(a, order[i])->last_ms = t.at[i].last;
    }
    free(done);
    free(order);
    return e;
}
