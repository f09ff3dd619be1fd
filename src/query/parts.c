#include "query/parts.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

enum {
    BLOCK_BYTES = 4096,
    TIDY_TRIAL = 16,      /* parts that tell whether it pays */
    SLAB_BYTES = 2 << 20, /* a huge page, where the system has them: blocks are met at random */
    SLAB_BLOCKS = SLAB_BYTES / BLOCK_BYTES,
    SLABS_MIN = (PARTS + PARTS / 2) / SLAB_BLOCKS /* blocks that are not full cannot go */
};

struct entry {
    uint64_t bytes;
    uint32_t packets;
    uint32_t flows;
    uint32_t first; /* of a time, its distance from `base`; NO_TIME: there is none */
    uint32_t last;
};

#define NO_TIME UINT32_MAX

/* A block in memory, or, once it was written, where in the file. */
struct block {
    uint8_t *at;
    uint64_t offset;
    uint32_t n; /* entries */
};

struct part {
    struct block *blocks; /* the last one is being filled */
    size_t n;
    size_t cap;
};

struct parts {
    struct parts_room *room;
    size_t words;
    size_t entry_bytes;
    size_t per_block;
    bool based;
    int64_t base; /* of times, ms */
    struct part part[PARTS];
    uint8_t **slabs; /* memory of blocks */
    size_t n_slabs;
    uint8_t *free; /* blocks that were written: each begins with a pointer to the next */
    size_t fresh;  /* blocks of the last slab that were never used */
    int file;      /* -1: none yet */
    uint64_t file_bytes;
    size_t used_blocks; /* in memory */
    size_t tidy_blocks; /* from so many on putting together is tried */
};

struct parts *parts_new(size_t words, struct parts_room *room)
{
    struct parts *p = mem_new(1, sizeof *p);

    p->room = room;
    p->words = words;
    p->entry_bytes = words * sizeof(uint64_t) + sizeof(struct entry);
    p->per_block = BLOCK_BYTES / p->entry_bytes;
    p->file = -1;
    p->tidy_blocks = room->tidy_bytes / BLOCK_BYTES;
    return p;
}

void parts_free(struct parts *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < PARTS; i++)
        free(p->part[i].blocks);
    for (size_t i = 0; i < p->n_slabs; i++)
        free(p->slabs[i]);
    free(p->slabs);
    if (p->file >= 0)
        (void)close(p->file);
    free(p);
}

/* --- the file --- */

static int file_open(struct parts *p, struct err *err)
{
    const char *folder = getenv("TMPDIR");

    if (!folder || !*folder)
        folder = p->room->folder;
    p->file = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (p->file < 0)
        return err_sys(err, "groups pass the memory limit, and there is no room for them in %s",
                       folder);
    return 0;
}

/* Its memory is for another block. */
static void block_give(struct parts *p, struct block *b)
{
    memcpy(b->at, &p->free, sizeof p->free);
    p->free = b->at;
    b->at = NULL;
    p->used_blocks--;
}

static int write_block(struct parts *p, struct block *b, struct err *err)
{
    size_t left = b->n * p->entry_bytes;
    const uint8_t *from = b->at;

    b->offset = p->file_bytes;
    while (left != 0) {
        ssize_t n = pwrite(p->file, from, left, (off_t)p->file_bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_sys(err, "writing groups that pass the memory limit to a file");
        from += n;
        p->file_bytes += (uint64_t)n;
        left -= (size_t)n;
    }
    block_give(p, b);
    return 0;
}

/* All full blocks go; those that are being filled stay. */
static int spill(struct parts *p, struct err *err)
{
    uint64_t before = p->file_bytes;
    int r = p->file < 0 ? file_open(p, err) : 0;

    for (size_t i = 0; i < PARTS && !r; i++)
        for (size_t b = p->part[i].n; b-- > 0 && !r;)
            if (p->part[i].blocks[b].at && p->part[i].blocks[b].n == p->per_block)
                r = write_block(p, &p->part[i].blocks[b], err);
    atomic_fetch_add(&p->room->spilled_bytes, p->file_bytes - before);
    return r;
}

static int read_block(const struct parts *p, const struct block *b, uint8_t *out, struct err *err)
{
    size_t left = b->n * p->entry_bytes;
    uint64_t at = b->offset;

    while (left != 0) {
        ssize_t n = pread(p->file, out, left, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_sys(err, "reading groups back from a file");
        out += n;
        at += (uint64_t)n;
        left -= (size_t)n;
    }
    return 0;
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
    p->fresh = SLAB_BLOCKS;
    atomic_fetch_add(&p->room->used_bytes, (size_t)SLAB_BYTES);
    return 0;
}

static int block_memory(struct parts *p, uint8_t **out, struct err *err)
{
    int r = 0;

    if (!p->free && p->fresh == 0 && p->n_slabs >= SLABS_MIN &&
        atomic_load(&p->room->used_bytes) >= p->room->limit_bytes)
        r = spill(p, err);
    if (!r && !p->free && p->fresh == 0)
        r = slab_add(p, err);
    if (r)
        return r;
    if (p->free) {
        *out = p->free;
        memcpy(&p->free, *out, sizeof p->free);
    } else {
        *out = p->slabs[p->n_slabs - 1] + --p->fresh * BLOCK_BYTES;
    }
    return 0;
}

static int block_add(struct parts *p, struct part *part, struct err *err)
{
    uint8_t *at;
    int r = block_memory(p, &at, err);

    if (r)
        return r;
    if (part->n == part->cap) {
        part->cap = part->cap ? part->cap * 2 : 8;
        part->blocks = mem_resize(part->blocks, part->cap, sizeof *part->blocks);
    }
    assert(part->blocks); /* cap is 8 at least */
    part->blocks[part->n++] = (struct block){.at = at};
    p->used_blocks++;
    return 0;
}

/* --- rows --- */

static bool time_in(const struct parts *p, int64_t ms, int64_t none, uint32_t *out)
{
    int64_t d;

    *out = NO_TIME;
    if (ms == none)
        return true;
    if (__builtin_sub_overflow(ms, p->base, &d) || d < 0 || d >= NO_TIME)
        return false;
    *out = (uint32_t)d;
    return true;
}

static bool entry_of(const struct parts *p, const struct tally *t, size_t i, struct entry *e)
{
    uint64_t flows = t->flows ? t->flows[i] : 1;

    if (t->packets[i] > UINT32_MAX || flows > UINT32_MAX ||
        !time_in(p, t->first[i], SUMS_NO_FIRST, &e->first) ||
        !time_in(p, t->last[i], SUMS_NO_LAST, &e->last))
        return false;
    e->bytes = t->bytes[i];
    e->packets = (uint32_t)t->packets[i];
    e->flows = (uint32_t)flows;
    return true;
}

static void set_base(struct parts *p, const struct tally *t, size_t i)
{
    enum { BEFORE_MS = 10 * 24 * 3600 * 1000 }; /* flows may come that began earlier */

    if (p->based || t->last[i] == SUMS_NO_LAST)
        return;
    p->based = true;
    if (__builtin_sub_overflow(t->last[i], (int64_t)BEFORE_MS, &p->base))
        p->base = 0;
}

/* With a constant number of words the copies are some moves. */
ALWAYS_INLINE int put(struct parts *p, struct part *part, const uint64_t *key,
                      const struct entry *e, const size_t words, struct err *err)
{
    struct block *b = part->n ? &part->blocks[part->n - 1] : NULL;

    if (!b || !b->at || b->n == p->per_block) {
        int r = block_add(p, part, err);
        if (r)
            return r;
        b = &part->blocks[part->n - 1];
    }
    uint8_t *at = b->at + b->n++ * (words * sizeof *key + sizeof *e);
    memcpy(at, key, words * sizeof *key);
    memcpy(at + words * sizeof *key, e, sizeof *e);
    return 0;
}

static int entry_put(struct parts *p, struct part *part, const uint64_t *key, const struct entry *e,
                     struct err *err)
{
    return put(p, part, key, e, p->words, err);
}

ALWAYS_INLINE int add_entries(struct parts *p, const struct tally *t, size_t from, size_t n,
                              const uint64_t *packed, const uint32_t *hashes, uint32_t *left,
                              size_t *n_left, const size_t words, struct err *err)
{
    *n_left = 0;
    for (size_t i = 0; i < n; i++) {
        struct entry e;
        set_base(p, t, from + i);
        if (!entry_of(p, t, from + i, &e)) {
            left[(*n_left)++] = (uint32_t)i;
            continue;
        }
        int r = put(p, &p->part[parts_of(hashes[i])], packed + i * words, &e, words, err);
        if (r)
            return r;
    }
    return 0;
}

int parts_add(struct parts *p, const struct tally *t, size_t from, size_t n, const uint64_t *packed,
              const uint32_t *hashes, uint32_t *left, size_t *n_left, struct err *err)
{
    switch (p->words) {
    case 1:
        return add_entries(p, t, from, n, packed, hashes, left, n_left, 1, err);
    case 2:
        return add_entries(p, t, from, n, packed, hashes, left, n_left, 2, err);
    case 3:
        return add_entries(p, t, from, n, packed, hashes, left, n_left, 3, err);
    default:
        return add_entries(p, t, from, n, packed, hashes, left, n_left, p->words, err);
    }
}

/* --- groups --- */

static struct sums sums_of(const struct parts *p, const struct entry *e)
{
    return (struct sums){
        .flows = e->flows,
        .packets = e->packets,
        .bytes = e->bytes,
        .first_ms = e->first == NO_TIME ? SUMS_NO_FIRST : p->base + e->first,
        .last_ms = e->last == NO_TIME ? SUMS_NO_LAST : p->base + e->last,
    };
}

static int block_groups(const struct parts *p, const uint8_t *at, size_t n, struct agg *a,
                        struct err *err)
{
    uint64_t key[KEYS_WORDS_MAX];
    size_t key_bytes = p->words * sizeof *key;
    int r = agg_reserve(a, n, err);

    for (size_t i = 0; i < n && !r; i++, at += p->entry_bytes) {
        struct entry e;
        memcpy(key, at, key_bytes);
        memcpy(&e, at + key_bytes, sizeof e);
        struct sums s = sums_of(p, &e);
        uint64_t *group = agg_at(a, agg_find(a, key, agg_hash(a, key)));
        sums_add((struct sums *)(void *)(group + p->words), &s);
    }
    return r;
}

int parts_groups(const struct parts *p, size_t part, struct agg *a, struct err *err)
{
    const struct part *of = &p->part[part];
    uint8_t read[BLOCK_BYTES];
    int r = 0;

    for (size_t b = 0; b < of->n && !r; b++) {
        const struct block *block = &of->blocks[b];
        if (!block->at)
            r = read_block(p, block, read, err);
        if (!r)
            r = block_groups(p, block->at ? block->at : read, block->n, a, err);
    }
    return r;
}

/* --- putting together --- */

/* A group as entries; of one that does not fit, the first has as much as can be. There are never
 * more than were put together. */
static int group_put(struct parts *p, struct part *part, const uint64_t *group, struct err *err)
{
    struct sums s;
    int r = 0;

    memcpy(&s, group + p->words, sizeof s);
    struct entry e = {.bytes = s.bytes};
    (void)time_in(p, s.first_ms, SUMS_NO_FIRST, &e.first); /* they came from entries */
    (void)time_in(p, s.last_ms, SUMS_NO_LAST, &e.last);
    do {
        e.packets = s.packets < UINT32_MAX ? (uint32_t)s.packets : UINT32_MAX;
        e.flows = s.flows < UINT32_MAX ? (uint32_t)s.flows : UINT32_MAX;
        r = entry_put(p, part, group, &e, err);
        s.packets -= e.packets;
        s.flows -= e.flows;
        e.bytes = 0;
    } while (!r && (s.packets || s.flows));
    return r;
}

static int tidy_part(struct parts *p, struct part *part, struct agg *a, struct err *err)
{
    size_t kept = 0;
    int r = 0;

    agg_reset(a);
    for (size_t b = 0; b < part->n && !r; b++)
        if (part->blocks[b].at)
            r = block_groups(p, part->blocks[b].at, part->blocks[b].n, a, err);
    for (size_t b = 0; b < part->n && !r; b++) {
        if (part->blocks[b].at)
            block_give(p, &part->blocks[b]);
        else
            part->blocks[kept++] = part->blocks[b];
    }
    if (r)
        return r;
    part->n = kept;
    for (size_t g = 0; g < a->n && !r; g++)
        r = group_put(p, part, agg_at(a, g), err);
    return r;
}

int parts_tidy(struct parts *p, struct agg *a, struct err *err)
{
    size_t before = p->used_blocks;
    size_t trial = 0; /* blocks of the parts that tell */
    int r = 0;

    if (before < p->tidy_blocks)
        return 0;
    for (size_t i = 0; i < PARTS && !r; i++) {
        trial += i < TIDY_TRIAL ? p->part[i].n : 0;
        r = tidy_part(p, &p->part[i], a, err);
        if (i + 1 == TIDY_TRIAL && (before - p->used_blocks) * 5 < trial)
            break; /* a fifth at least should go */
    }
    size_t next = p->used_blocks + p->used_blocks / 2;
    bool paid = p->used_blocks < before - before / 5;
    p->tidy_blocks = !paid ? before * 2 : next > p->tidy_blocks ? next : p->tidy_blocks;
    return r;
}
