#include "query/finish.h"

#include "base/mem.h"
#include "query/groups.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SPARE = 4096 /* groups that are kept beyond the first before the best are picked */ };

struct job {
    const struct agg *all; /* groups that were made already */
    uint32_t *by_part;     /* their numbers, */
    size_t begin[PARTS + 1];
    struct parts *parts;
    const struct query_spec *spec;
    size_t keep; /* the first so many are enough; 0: all */
    atomic_size_t next;
    atomic_bool failed;
};

struct hand {
    struct job *job;
    pthread_t thread;
    struct parts_in *in;
    struct agg table; /* of the part in hand, where groups cannot be made in its entries */
    struct agg kept;
    size_t n_all;
    bool floored;
    uint64_t floor; /* what a group must have to be among the first */
    int status;
    struct err err;
};

static const struct sums *sums_at(const struct agg *a, size_t g)
{
    return (const struct sums *)(const void *)(agg_at(a, g) + a->keys.words);
}

/* What the groups are ordered by, where that is a plain number, largest first. */
static bool plain_measure(const struct query_spec *spec, const struct sums *s, uint64_t *out)
{
    if (spec->sort.by != SORT_MEASURE || spec->sort.ascending)
        return false;
    *out = spec->sort.which == GROUP_FLOWS     ? s->flows
           : spec->sort.which == GROUP_PACKETS ? s->packets
                                               : s->bytes;
    return spec->sort.which == GROUP_FLOWS || spec->sort.which == GROUP_PACKETS ||
           spec->sort.which == GROUP_BYTES;
}

/* Keep the first job->keep groups of those kept. */
static int pick(struct hand *h, struct err *err)
{
    struct agg best;
    uint32_t *order;
    size_t n = groups_first(&h->kept, h->job->spec, h->job->keep, &order);
    int r = 0;

    if (!order)
        return err_set(err, ERR_LIMIT, "no memory to order groups");
    if (!agg_init(&best, &h->kept.keys, NULL, h->kept.ids, h->kept.limit_bytes))
        r = err_set(err, ERR_LIMIT, "no memory to order groups");
    for (size_t i = 0; i < n && !r; i++)
        r = agg_append(&best, agg_at(&h->kept, order[i]), sums_at(&h->kept, order[i]), err);
    if (!r && n > 0)
        h->floored = plain_measure(h->job->spec, sums_at(&best, n - 1), &h->floor);
    free(order);
    agg_free(&h->kept);
    h->kept = best;
    return r;
}

/* Can it not be among the first? */
static bool is_below(const struct hand *h, const struct sums *s)
{
    uint64_t v;
    return h->floored && plain_measure(h->job->spec, s, &v) && v < h->floor;
}

static int keep(struct hand *h, const uint64_t *key, const struct sums *s, struct err *err)
{
    int r = agg_append(&h->kept, key, s, err);

    if (!r && h->job->keep > 0 && h->kept.n >= h->job->keep * 2 + SPARE)
        r = pick(h, err);
    return r;
}

static int keep_groups(struct hand *h, struct err *err)
{
    const struct agg *t = &h->table;
    int r = 0;

    h->n_all += t->n;
    for (size_t g = 0; g < t->n && !r; g++)
        if (!is_below(h, sums_at(t, g)))
            r = keep(h, agg_at(t, g), sums_at(t, g), err);
    return r;
}

static int keep_entries(struct hand *h, size_t part, struct err *err)
{
    const struct parts *p = h->job->parts;
    const struct entries *c = parts_entries(p, part);
    size_t bytes = parts_entry_bytes(p);
    uint64_t key[KEYS_WORDS_MAX];
    int r = 0;

    h->n_all += c->n;
    for (size_t b = 0; b < c->n_blocks; b++) {
        const uint8_t *at = c->blocks[b].at;
        for (size_t i = 0; i < c->blocks[b].n && !r; i++, at += bytes) {
            struct sums s = parts_sums(p, at);
            if (is_below(h, &s))
                continue;
            parts_entry(p, at, key);
            r = keep(h, key, &s, err);
        }
    }
    return r;
}

static int old_groups(struct hand *h, size_t part, struct err *err)
{
    const struct job *j = h->job;
    size_t words = j->all->keys.words;
    int r = agg_reserve(&h->table, j->begin[part + 1] - j->begin[part], err);

    for (size_t i = j->begin[part]; i < j->begin[part + 1] && !r; i++) {
        const uint64_t *key = agg_at(j->all, j->by_part[i]);
        size_t g = agg_find(&h->table, key, agg_hash(j->all, key));
        memcpy(agg_at(&h->table, g) + words, key + words, sizeof(struct sums));
    }
    return r;
}

static int finish_part(struct hand *h, size_t part, struct err *err)
{
    const struct job *j = h->job;

    bool made = false;
    int r = j->begin[part + 1] > j->begin[part] ? 0 : parts_make(h->in, part, &made, err);

    if (r || made)
        return r ? r : keep_entries(h, part, err);
    agg_reset(&h->table);
    r = old_groups(h, part, err);
    if (!r)
        r = parts_groups(j->parts, part, &h->table, err);
    return r ? r : keep_groups(h, err);
}

static void *hand_main(void *arg)
{
    struct hand *h = arg;
    size_t part;

    while (!h->status && !atomic_load(&h->job->failed) &&
           (part = atomic_fetch_add(&h->job->next, 1)) < PARTS)
        h->status = finish_part(h, part, &h->err);
    if (h->status)
        atomic_store(&h->job->failed, true);
    return NULL;
}

/* The groups that were made already, by their parts. */
static void sort_old(struct job *j)
{
    size_t at[PARTS];

    for (size_t g = 0; g < j->all->n; g++)
        j->begin[parts_of(agg_hash(j->all, agg_at(j->all, g))) + 1]++;
    for (size_t p = 0; p < PARTS; p++) {
        j->begin[p + 1] += j->begin[p];
        at[p] = j->begin[p];
    }
    for (size_t g = 0; g < j->all->n; g++)
        j->by_part[at[parts_of(agg_hash(j->all, agg_at(j->all, g)))]++] = (uint32_t)g;
}

static int run_hands(struct hand *hands, size_t n, struct err *err)
{
    size_t started = 1;

    while (started < n &&
           pthread_create(&hands[started].thread, NULL, hand_main, &hands[started]) == 0)
        started++;
    (void)hand_main(&hands[0]);
    for (size_t i = 1; i < started; i++)
        (void)pthread_join(hands[i].thread, NULL);
    for (size_t i = 0; i < started; i++)
        if (hands[i].status)
            return err_set(err, hands[i].status, "%s", hands[i].err.text);
    return 0;
}

/* What the hands have kept becomes `all`. */
static int collect(struct agg *all, struct hand *hands, size_t n, struct err *err)
{
    size_t n_all = 0;
    int r = agg_clear(all) ? 0 : err_set(err, ERR_LIMIT, "no memory for groups");

    for (size_t i = 0; i < n; i++) {
        for (size_t g = 0; g < hands[i].kept.n && !r; g++)
            r = agg_append(all, agg_at(&hands[i].kept, g), sums_at(&hands[i].kept, g), err);
        n_all += hands[i].n_all;
        agg_free(&hands[i].kept);
        agg_free(&hands[i].table);
        parts_in_free(hands[i].in);
    }
    all->n_all = n_all;
    return r;
}

int finish_groups(struct agg *all, struct parts *parts, const struct query_spec *spec,
                  size_t threads, struct err *err)
{
    struct job j = {.all = all,
                    .by_part = mem_new(all->n + 1, sizeof *j.by_part),
                    .parts = parts,
                    .spec = spec,
                    .keep = spec->all_groups ? 0 : spec->top};
    struct hand *hands = mem_new(threads, sizeof *hands);
    size_t ready = 0;
    int r = 0;

    parts_end(parts);
    sort_old(&j);
    for (; ready < threads && !r; ready++) {
        struct hand *h = &hands[ready];
        h->job = &j;
        h->in = parts_in_new(parts);
        if (!agg_init(&h->table, &all->keys, NULL, all->ids, all->limit_bytes) ||
            !agg_init(&h->kept, &all->keys, NULL, all->ids, all->limit_bytes))
            r = err_set(err, ERR_LIMIT, "no memory for groups");
    }
    if (!r)
        r = run_hands(hands, threads, err);
    struct err ignored;
    int c = collect(all, hands, ready, r ? &ignored : err);
    free(hands);
    free(j.by_part);
    return r ? r : c;
}
