#include "query/parts.h"

#include "base/mem.h"
#include "query/spill.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

enum {
    TRIAL_ROWS = 1024,    /* of a part, from which on it is asked whether groups are few */
    SCOUTS = 16,          /* parts that tell, a bit earlier than the others ask */
    SLAB_BYTES = 2 << 20, /* a huge page, where the system has them: blocks are met at random */
    WAITING = 8,          /* blocks: for fewer a table does not come into the cache */
    SPARE_FILL = 16,      /* blocks that a thread gets at a time, */
    SPARE_MANY = 64       /* and has at most */
};

static const uint32_t NO_FIRST = UINT32_MAX;
static const uint32_t NO_LAST = 0;

/* Entries in the file. */
struct extent {
    uint64_t at;
    size_t n;
};

struct part {
    pthread_mutex_t lock;
    struct entries entries;
    struct entries waiting; /* rows that a table has not taken yet */
    struct entries full;    /* rows that were tables, and full */
    size_t trial_at;        /* entries */
    struct extent *extents;
    size_t n_extents;
};

struct parts {
    struct entries_form form;
    size_t limit_bytes;
    atomic_bool any;
    atomic_bool few;       /* what the last scout found, */
    atomic_size_t scouted; /* and of how many rows */
    atomic_size_t used_bytes;
    struct part part[PARTS];

    pthread_mutex_t lock; /* of all that follows */
    struct entries_spare spare;
    uint8_t **slabs; /* memory of blocks */
    size_t n_slabs;
    size_t fresh; /* blocks of the last slab that were never used */
    size_t n_in;
    bool ended;
    struct spill spill;
    bool based;
    int64_t base; /* of times, ms */
    uint64_t
        tags[ENTRIES_TAGS_MAX]; /* values of the tags' word, by number; those below n_tags stay */
    size_t n_tags;
};

/* A block that is being filled. */
struct open_block {
    uint8_t *next;
    uint8_t *end;
};

struct parts_in {
    struct parts *to;
    struct open_block open[PARTS];
    struct entries_spare spare;
    uint16_t *slots; /* for trials, and in the end */
    uint64_t tags;   /* the last met, */
    uint32_t tags_number;
    bool tagged;
    bool based;
    int64_t base;
};

struct parts *parts_new(const struct keys *k, size_t limit_bytes)
{
    struct parts *p = mem_new(1, sizeof *p);

    entries_form_init(&p->form, k);
    p->limit_bytes = limit_bytes;
    spill_init(&p->spill);
    (void)pthread_mutex_init(&p->lock, NULL);
    for (size_t i = 0; i < PARTS; i++) {
        (void)pthread_mutex_init(&p->part[i].lock, NULL);
        p->part[i].trial_at = i < SCOUTS ? TRIAL_ROWS / 4 * 3 : TRIAL_ROWS;
    }
    return p;
}

void parts_free(struct parts *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < PARTS; i++) {
        entries_free(&p->part[i].entries);
        entries_free(&p->part[i].waiting);
        entries_free(&p->part[i].full);
        free(p->part[i].extents);
        (void)pthread_mutex_destroy(&p->part[i].lock);
    }
    for (size_t i = 0; i < p->n_slabs; i++)
        free(p->slabs[i]);
    free(p->slabs);
    spill_free(&p->spill);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}

struct parts_in *parts_in_new(struct parts *p)
{
    struct parts_in *in = mem_new(1, sizeof *in);

    in->to = p;
    (void)pthread_mutex_lock(&p->lock);
    p->n_in++;
    (void)pthread_mutex_unlock(&p->lock);
    return in;
}

void parts_in_free(struct parts_in *in)
{
    if (!in)
        return;
    free(in->slots);
    free(in);
}

/* --- the file --- */

/* Blocks go to the file, and are free. */
static int spill_entries(struct parts *p, struct part *part, struct entries *c, struct err *err)
{
    struct iovec *pieces = mem_new(c->n_blocks + 1, sizeof *pieces);
    struct extent extent = {.at = p->spill.bytes, .n = c->n};

    for (size_t b = 0; b < c->n_blocks; b++)
        pieces[b] = (struct iovec){c->blocks[b].at, c->blocks[b].n * p->form.bytes};
    int r = spill_write(&p->spill, pieces, c->n_blocks, err);
    free(pieces);
    if (r)
        return r;
    part->extents = mem_resize(part->extents, part->n_extents + 1, sizeof *part->extents);
    part->extents[part->n_extents++] = extent;
    for (size_t b = 0; b < c->n_blocks; b++)
        entries_give(&p->spare, c->blocks[b].at);
    entries_empty(c);
    return 0;
}

static int spill_all(struct parts *p, struct err *err)
{
    int r = 0;

    for (size_t i = 0; i < PARTS && !r; i++) {
        struct part *part = &p->part[i];
        (void)pthread_mutex_lock(&part->lock);
        if (part->full.n > 0)
            r = spill_entries(p, part, &part->full, err);
        if (!r && part->waiting.n > 0)
            r = spill_entries(p, part, &part->waiting, err);
        if (!r && part->entries.n > 0)
            r = spill_entries(p, part, &part->entries, err);
        (void)pthread_mutex_unlock(&part->lock);
    }
    return r;
}

/* --- blocks --- */

static int slab_add(struct parts *p, struct err *err)
{
    uint8_t *slab = aligned_alloc(SLAB_BYTES, SLAB_BYTES);

    if (!slab)
        return err_set(err, ERR_LIMIT, "no memory for groups");
    (void)madvise(slab, SLAB_BYTES, MADV_HUGEPAGE); /* works without, too */
    p->slabs = mem_resize(p->slabs, p->n_slabs + 1, sizeof *p->slabs);
    p->slabs[p->n_slabs++] = slab;
    p->fresh = SLAB_BYTES / entries_block_bytes(&p->form);
    atomic_fetch_add(&p->used_bytes, (size_t)SLAB_BYTES);
    return 0;
}

/* More blocks, by the file if there are too many. Those that threads fill cannot go. */
static int more(struct parts *p, struct err *err)
{
    size_t least = p->n_in * PARTS / 4 * 5 * entries_block_bytes(&p->form);
    size_t used = atomic_load(&p->used_bytes);
    int r = 0;

    if (!p->ended && used >= p->limit_bytes && used >= least)
        r = spill_all(p, err);
    return r || p->spare.n >= SPARE_FILL ? r : slab_add(p, err);
}

static int spare_fill(struct parts_in *in, struct err *err)
{
    struct parts *p = in->to;
    int r = 0;

    (void)pthread_mutex_lock(&p->lock);
    while (in->spare.n < SPARE_FILL && !r) {
        if (p->spare.n > 0)
            entries_give(&in->spare, entries_take(&p->spare));
        else if (p->fresh > 0)
            entries_give(&in->spare,
                         p->slabs[p->n_slabs - 1] + --p->fresh * entries_block_bytes(&p->form));
        else
            r = more(p, err);
    }
    while (in->spare.n > SPARE_MANY)
        entries_give(&p->spare, entries_take(&in->spare));
    (void)pthread_mutex_unlock(&p->lock);
    return r;
}

/* --- a part --- */

static uint16_t *scratch(struct parts_in *in, size_t n_slots)
{
    if (!in->slots)
        in->slots = mem_new(entries_slots(ENTRIES_TABLE_MAX), sizeof *in->slots);
    memset(in->slots, 0, n_slots * sizeof *in->slots);
    return in->slots;
}

/* Are there far fewer groups than rows? Scouts look, the others believe them; but for those that
 * have many times as many rows, by a few groups that are met all the time. */
static void trial(struct parts_in *in, struct part *part)
{
    struct parts *p = in->to;
    struct entries *c = &part->entries;
    size_t before = c->n;
    size_t n_slots = entries_slots(before);
    bool scout = part - p->part < SCOUTS;
    bool unlike = before / 4 > atomic_load(&p->scouted);

    part->trial_at = before * 2;
    if (before > ENTRIES_TABLE_MAX || (!scout && !unlike && !atomic_load(&p->few)))
        return;
    entries_tidy(&p->form, c, scratch(in, n_slots), n_slots, &in->spare);
    entries_untidy(c);
    bool few = c->n < before / 5 * 4;
    if (scout) {
        atomic_store(&p->few, few);
        atomic_store(&p->scouted, before);
    }
    if (few && !c->split) {
        entries_table(&p->form, c);
        atomic_fetch_add(&p->used_bytes, c->n_slots * sizeof *c->slots);
    }
}

/* A full table becomes rows, and begins anew. */
static void retire(struct part *part)
{
    for (size_t b = 0; b < part->entries.n_blocks; b++)
        entries_push(&part->full, part->entries.blocks[b].at, part->entries.blocks[b].n);
    entries_empty(&part->entries);
}

/* Add what waits to the groups. */
static void settle(struct parts_in *in, struct part *part)
{
    struct parts *p = in->to;
    size_t slots = part->entries.n_slots;

    for (size_t b = 0; b < part->waiting.n_blocks; b++) {
        const struct entries_block *block = &part->waiting.blocks[b];
        if (!entries_add(&p->form, &part->entries, block->at, block->n, &in->spare)) {
            retire(part);
            bool added = entries_add(&p->form, &part->entries, block->at, block->n, &in->spare);
            assert(added); /* a block is less than a table */
            (void)added;
        }
        entries_give(&in->spare, block->at);
    }
    entries_empty(&part->waiting);
    atomic_fetch_add(&p->used_bytes, (part->entries.n_slots - slots) * sizeof *part->entries.slots);
}

static int spare_ready(struct parts_in *in, struct err *err)
{
    bool ready = in->spare.n > ENTRIES_SPARE && in->spare.n <= SPARE_MANY;
    return ready ? 0 : spare_fill(in, err);
}

/* Give n rows in a block to their part. */
static void hand_over(struct parts_in *in, size_t number, uint8_t *block, size_t n)
{
    struct part *part = &in->to->part[number];

    (void)pthread_mutex_lock(&part->lock);
    entries_push(part->entries.slots ? &part->waiting : &part->entries, block, n);
    if (part->waiting.n_blocks >= WAITING)
        settle(in, part);
    else if (!part->entries.slots && part->entries.n >= part->trial_at)
        trial(in, part);
    (void)pthread_mutex_unlock(&part->lock);
}

/* The block in hand is full, or there is none yet. */
static int turn(struct parts_in *in, size_t number, struct err *err)
{
    struct open_block *open = &in->open[number];
    size_t bytes = entries_block_bytes(&in->to->form);
    uint8_t *block = open->end ? open->end - bytes : NULL;
    int r = spare_ready(in, err);

    if (r)
        return r;
    if (block)
        hand_over(in, number, block, entries_block(&in->to->form));
    block = entries_take(&in->spare);
    *open = (struct open_block){block, block + bytes};
    return 0;
}

/* --- rows --- */

static void set_base(struct parts_in *in, const struct tally *t, size_t i)
{
    enum { BEFORE_MS = 10 * 24 * 3600 * 1000 }; /* flows may come that began earlier */
    struct parts *p = in->to;

    if (t->last[i] == SUMS_NO_LAST)
        return;
    (void)pthread_mutex_lock(&p->lock);
    if (!p->based && __builtin_sub_overflow(t->last[i], (int64_t)BEFORE_MS, &p->base))
        p->base = 0;
    p->based = true;
    in->based = true;
    in->base = p->base;
    (void)pthread_mutex_unlock(&p->lock);
}

/* The number of a value of the tags' word; false if there are too many. */
static bool find_tags(struct parts_in *in, uint64_t tags)
{
    struct parts *p = in->to;
    uint32_t i = 0;

    (void)pthread_mutex_lock(&p->lock);
    while (i < p->n_tags && p->tags[i] != tags)
        i++;
    bool there = i < ENTRIES_TAGS_MAX;
    if (there && i == p->n_tags)
        p->tags[p->n_tags++] = tags;
    (void)pthread_mutex_unlock(&p->lock);
    in->tagged = there;
    in->tags = tags;
    in->tags_number = i;
    return there;
}

ALWAYS_INLINE bool time_in(const struct parts_in *in, int64_t ms, uint32_t *out)
{
    uint64_t d = (uint64_t)ms - (uint64_t)in->base;

    *out = (uint32_t)d;
    return in->based && d < UINT32_MAX - 1; /* one less, for last + 1 */
}

ALWAYS_INLINE bool entry_of(struct parts_in *in, const struct sums *s, const uint64_t *key,
                            const size_t kept, struct entry_sums *out)
{
    uint64_t tags = kept < in->to->form.words ? key[kept] : 0;
    uint32_t first = NO_FIRST;
    uint32_t last = NO_LAST;

    if (s->packets > UINT32_MAX || s->flows > ENTRY_FLOWS_MAX ||
        (s->first_ms != SUMS_NO_FIRST && !time_in(in, s->first_ms, &first)))
        return false;
    if (s->last_ms != SUMS_NO_LAST) {
        if (!time_in(in, s->last_ms, &last))
            return false;
        last++;
    }
    if ((!in->tagged || in->tags != tags) && !find_tags(in, tags))
        return false;
    *out = (struct entry_sums){.bytes = s->bytes,
                               .packets = (uint32_t)s->packets,
                               .flows_tags = (uint32_t)s->flows | in->tags_number << 24,
                               .first = first,
                               .last = last};
    return true;
}

/* With a constant number of words the copies are some moves. */
ALWAYS_INLINE int put(struct parts_in *in, size_t part, const uint64_t *key,
                      const struct entry_sums *c, const size_t kept, struct err *err)
{
    struct open_block *open = &in->open[part];

    if (open->next == open->end) {
        int r = turn(in, part, err);
        if (r)
            return r;
    }
    __builtin_prefetch(open->next + 64, 1); /* its next row comes after a thousand of others */
    memcpy(open->next, key, kept * sizeof *key);
    memcpy(open->next + kept * sizeof *key, c, sizeof *c);
    open->next += kept * sizeof *key + sizeof *c;
    return 0;
}

ALWAYS_INLINE int add_rows(struct parts_in *in, const struct tally *t, size_t from, size_t n,
                           const uint64_t *packed, const uint32_t *hashes, uint32_t *left,
                           size_t *n_left, const size_t kept, struct err *err)
{
    size_t words = in->to->form.words;

    *n_left = 0;
    for (size_t i = 0; i < n; i++, packed += words) {
        struct sums s = tally_at(t, from + i);
        struct entry_sums c;
        if (!in->based)
            set_base(in, t, from + i);
        if (!entry_of(in, &s, packed, kept, &c)) {
            left[(*n_left)++] = (uint32_t)i;
            continue;
        }
        int r = put(in, parts_of(hashes[i]), packed, &c, kept, err);
        if (r)
            return r;
    }
    return 0;
}

int parts_add(struct parts_in *in, const struct tally *t, size_t from, size_t n,
              const uint64_t *packed, const uint32_t *hashes, uint32_t *left, size_t *n_left,
              struct err *err)
{
    atomic_store_explicit(&in->to->any, true, memory_order_relaxed);
    switch (in->to->form.kept) {
    case 1:
        return add_rows(in, t, from, n, packed, hashes, left, n_left, 1, err);
    case 2:
        return add_rows(in, t, from, n, packed, hashes, left, n_left, 2, err);
    default:
        return add_rows(in, t, from, n, packed, hashes, left, n_left, in->to->form.kept, err);
    }
}

int parts_take(struct parts_in *in, struct agg *a, struct err *err)
{
    size_t kept = in->to->form.kept;
    struct entry_sums c;
    int r = 0;

    for (size_t g = 0; g < a->n; g++) {
        struct sums s = agg_sums(a, g);
        if (!in->based)
            set_base(in, &(struct tally){.last = &s.last_ms}, 0);
        if (!entry_of(in, &s, agg_at(a, g), kept, &c))
            return 0;
    }
    for (size_t g = 0; g < a->n && !r; g++) {
        struct sums s = agg_sums(a, g);
        const uint64_t *key = agg_at(a, g);
        bool fits = entry_of(in, &s, key, kept, &c);
        assert(fits); /* it did before */
        (void)fits;
        r = put(in, parts_of(agg_hash(a, key)), key, &c, kept, err);
    }
    if (!r && !agg_clear(a))
        r = err_set(err, ERR_LIMIT, "no memory for groups");
    atomic_store(&in->to->any, true);
    return r;
}

int parts_over(struct parts_in *in, struct err *err)
{
    size_t bytes = entries_block_bytes(&in->to->form);
    int r = 0;

    for (size_t i = 0; i < PARTS && !r; i++) {
        struct open_block *open = &in->open[i];
        uint8_t *block = open->end ? open->end - bytes : NULL;
        r = block ? spare_ready(in, err) : 0;
        if (!r && block)
            hand_over(in, i, block, (size_t)(open->next - block) / in->to->form.bytes);
        if (!r)
            *open = (struct open_block){NULL, NULL};
    }
    return r;
}

void parts_end(struct parts *p)
{
    (void)pthread_mutex_lock(&p->lock);
    p->ended = true;
    (void)pthread_mutex_unlock(&p->lock);
}

bool parts_any(const struct parts *p) { return atomic_load(&p->any); }

uint64_t parts_spilled(const struct parts *p) { return p->spill.bytes; }

/* --- groups --- */

int parts_make(struct parts_in *in, size_t number, bool *made, struct err *err)
{
    struct part *part = &in->to->part[number];
    struct entries *c = &part->entries;
    int r = c->slots ? spare_ready(in, err) : 0;

    *made = false;
    if (r)
        return r;
    if (c->slots)
        settle(in, part);
    if (part->n_extents > 0 || part->full.n > 0 || c->n > ENTRIES_TABLE_MAX)
        return 0;
    if (!c->slots) {
        size_t n_slots = entries_slots(c->n);
        entries_tidy(&in->to->form, c, scratch(in, n_slots), n_slots, &in->spare);
        entries_untidy(c);
    }
    *made = !c->split;
    return 0;
}

const struct entries *parts_entries(const struct parts *p, size_t part)
{
    return &p->part[part].entries;
}

size_t parts_entry_bytes(const struct parts *p) { return p->form.bytes; }

void parts_entry(const struct parts *p, const uint8_t *entry, uint64_t *key)
{
    struct entry_sums c;

    memcpy(key, entry, p->form.kept * sizeof *key);
    memcpy(&c, entry + p->form.kept * sizeof *key, sizeof c);
    if (p->form.kept < p->form.words)
        key[p->form.kept] = p->tags[c.flows_tags >> 24];
}

struct sums parts_sums(const struct parts *p, const uint8_t *entry)
{
    struct entry_sums c;

    memcpy(&c, entry + p->form.kept * sizeof(uint64_t), sizeof c);
    return (struct sums){
        .flows = c.flows_tags & ENTRY_FLOWS_MAX,
        .packets = c.packets,
        .bytes = c.bytes,
        .first_ms = c.first == NO_FIRST ? SUMS_NO_FIRST : p->base + c.first,
        .last_ms = c.last == NO_LAST ? SUMS_NO_LAST : p->base + c.last - 1,
    };
}

static int block_groups(const struct parts *p, const uint8_t *at, size_t n, struct agg *a,
                        struct err *err)
{
    uint64_t key[KEYS_WORDS_MAX];
    uint32_t hashes[ENTRIES_BLOCK_MAX];
    int r = agg_reserve(a, n, err);

    assert(n <= ENTRIES_BLOCK_MAX);
    for (size_t i = 0; i < n && !r; i++) {
        parts_entry(p, at + i * p->form.bytes, key);
        hashes[i] = agg_hash(a, key);
        agg_fetch(a, hashes[i]);
    }
    for (size_t i = 0; i < n && !r; i++, at += p->form.bytes) {
        parts_entry(p, at, key);
        struct sums s = parts_sums(p, at);
        uint64_t *group = agg_at(a, agg_find(a, key, hashes[i]));
        sums_add((struct sums *)(void *)(group + p->form.words), &s);
    }
    return r;
}

static int entries_groups(const struct parts *p, const struct entries *c, struct agg *a,
                          struct err *err)
{
    int r = 0;

    for (size_t b = 0; b < c->n_blocks && !r; b++)
        r = block_groups(p, c->blocks[b].at, c->blocks[b].n, a, err);
    return r;
}

static int extent_groups(const struct parts *p, const struct extent *e, uint8_t *block,
                         struct agg *a, struct err *err)
{
    size_t most = entries_block(&p->form);
    int r = 0;

    for (size_t i = 0; i < e->n && !r; i += most) {
        size_t n = e->n - i < most ? e->n - i : most;
        r = spill_read(&p->spill, e->at + i * p->form.bytes, block, n * p->form.bytes, err);
        if (!r)
            r = block_groups(p, block, n, a, err);
    }
    return r;
}

int parts_groups(const struct parts *p, size_t part, struct agg *a, struct err *err)
{
    const struct part *of = &p->part[part];
    uint8_t *block = mem_new(1, entries_block_bytes(&p->form));
    int r = entries_groups(p, &of->full, a, err);

    if (!r)
        r = entries_groups(p, &of->waiting, a, err);
    if (!r)
        r = entries_groups(p, &of->entries, a, err);
    for (size_t e = 0; e < of->n_extents && !r; e++)
        r = extent_groups(p, &of->extents[e], block, a, err);
    free(block);
    return r;
}
