#include "flow/books.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct book_key) == 32, "a key has no padding bytes");

const struct book_info book_table[BOOK_N] = {
#define BOOK(id, name, unit, help) [BOOK_##id] = {name, unit, help},
#include "flow/books.def"
#undef BOOK
};

void books_init(struct books *b, struct counts *counts)
{
    *b = (struct books){.max = BOOKS_MAX, .max_strangers = BOOKS_STRANGERS_MAX, .counts = counts};
    map_init(&b->map, sizeof(struct book_key));
}

void books_free(struct books *b)
{
    struct book *row;

    for (size_t at = 0; (row = map_next(&b->map, &at));)
        free(row);
    map_free(&b->map);
    uint64_t generation = b->generation;
    books_init(b, b->counts);
    b->generation = generation + 1;
}

void books_delete(struct books *b)
{
    if (!b)
        return;
    books_free(b);
    free(b);
}

int64_t books_minute(int64_t ms)
{
    int64_t rest = ms % BOOKS_MINUTE_MS;
    return ms - (rest < 0 ? rest + BOOKS_MINUTE_MS : rest);
}

struct book_key books_key(const struct addr *addr, uint16_t version, uint32_t source, int64_t ms)
{
    return (struct book_key){.addr = *addr,
                             .minute_ms = books_minute(ms),
                             .source = source,
                             .version = version,
                             .what = BOOK_SENDER};
}

static struct book *new_row(struct books *b, const struct book_key *key)
{
    struct book *row = calloc(1, sizeof *row);

    if (!row)
        return NULL;
    row->key = *key;
    if (map_add(&b->map, row))
        return row;
    free(row);
    return NULL;
}

static struct book *spill(struct books *b, const struct book_key *key)
{
    if (!b->spilled)
        b->spill = (struct book){.key = *key};
    b->spilled = true;
    return &b->spill;
}

static struct book *others(struct books *b, int64_t minute_ms)
{
    struct book_key key = {.minute_ms = minute_ms, .what = BOOK_OTHERS};
    struct book *row = map_find(&b->map, &key);

    if (b->counts)
        count_add(b->counts, COUNT_BOOKS_REFUSED, 1);
    if (!row && b->others < BOOKS_OTHERS_MAX) {
        row = new_row(b, &key);
        b->others += row != NULL;
    }
    return row ? row : spill(b, &key);
}

struct book *books_get(struct books *b, const struct book_key *key, bool known)
{
    struct book *row = map_find(&b->map, key);

    if (row)
        return row;
    if (b->map.n - b->others >= b->max || (!known && b->strangers >= b->max_strangers))
        return others(b, key->minute_ms);
    row = new_row(b, key);
    if (!row)
        return others(b, key->minute_ms);
    b->strangers += !known;
    return row;
}

void book_add_row(struct book *to, const struct book *row)
{
    for (int i = 0; i < BOOK_N; i++)
        book_add(to, (enum book_id)i, row->n[i]);
}

static int64_t sum(const struct book *row, const enum book_id *ids, size_t n)
{
    struct book all = {0};

    for (size_t i = 0; i < n; i++)
        book_add(&all, BOOK_RECEIVED, row->n[ids[i]]);
    return all.n[BOOK_RECEIVED];
}

int64_t book_refused(const struct book *row)
{
    static const enum book_id ids[] = {BOOK_REJECTED, BOOK_NO_MEMORY, BOOK_NO_JOURNAL,
                                       BOOK_UNWRITTEN};
    return sum(row, ids, COUNT_OF(ids));
}

int64_t book_difference(const struct book *row)
{
    static const enum book_id ids[] = {BOOK_STORED, BOOK_MALFORMED};
    uint64_t there = (uint64_t)sum(row, ids, COUNT_OF(ids)) + (uint64_t)book_refused(row);
    return (int64_t)((uint64_t)row->n[BOOK_RECEIVED] - there);
}

bool books_empty(const struct books *b) { return b->map.n == 0 && !b->spilled; }

struct books *books_take(struct books *b)
{
    struct books *taken = mem_new(1, sizeof *taken);

    *taken = *b;
    books_init(b, b->counts);
    b->generation = taken->generation + 1;
    return taken;
}

void books_add(struct books *to, const struct books *from)
{
    const struct book *row;

    for (size_t at = 0; (row = map_next(&from->map, &at));)
        book_add_row(books_get(to, &row->key, true), row);
    if (from->spilled)
        book_add_row(books_get(to, &from->spill.key, true), &from->spill);
    to->beyond_journal |= from->beyond_journal;
}

static void lose(struct book *row, enum book_id why, int64_t flows)
{
    book_add(row, why, flows);
    book_add(row, BOOK_STORED, -flows);
}

void books_no_journal(struct books *b)
{
    struct book *row;

    for (size_t at = 0; (row = map_next(&b->map, &at));)
        lose(row, BOOK_NO_JOURNAL, row->n[BOOK_STORED]);
    lose(&b->spill, BOOK_NO_JOURNAL, b->spill.n[BOOK_STORED]);
}

static void settle(struct book *row, const struct book *decoded)
{
    int64_t stored = decoded ? decoded->n[BOOK_STORED] : 0;

    if (decoded && stored > row->n[BOOK_STORED]) /* memory was short then, and is not now */
        memcpy(row->n, decoded->n, sizeof row->n);
    else
        lose(row, BOOK_UNWRITTEN, row->n[BOOK_STORED] - stored);
}

void books_settle(struct books *b, const struct books *decoded)
{
    struct book *row;
    const struct book *other;

    for (size_t at = 0; (row = map_next(&b->map, &at));)
        settle(row, map_find(&decoded->map, &row->key));
    if (b->spilled || decoded->spilled)
        settle(spill(b, &decoded->spill.key), decoded->spilled ? &decoded->spill : NULL);
    for (size_t at = 0; (other = map_next(&decoded->map, &at));)
        if (!map_find(&b->map, &other->key))
            book_add_row(books_get(b, &other->key, true), other);
}

int book_key_compare(const struct book_key *x, const struct book_key *y)
{
    if (x->minute_ms != y->minute_ms)
        return x->minute_ms < y->minute_ms ? -1 : 1;
    if (x->what != y->what)
        return x->what < y->what ? -1 : 1;
    int addrs = memcmp(&x->addr, &y->addr, sizeof x->addr);
    if (addrs)
        return addrs;
    if (x->version != y->version)
        return x->version < y->version ? -1 : 1;
    return (x->source > y->source) - (x->source < y->source);
}

static int compare(const void *a, const void *b)
{
    return book_key_compare(&(*(struct book *const *)a)->key, &(*(struct book *const *)b)->key);
}

struct book **books_sorted(struct books *b, size_t *n)
{
    struct book **list = mem_new(b->map.n + 1, sizeof *list);
    struct book *row;

    *n = 0;
    for (size_t at = 0; (row = map_next(&b->map, &at));)
        list[(*n)++] = row;
    if (b->spilled)
        list[(*n)++] = &b->spill;
    if (*n > 0)
        qsort(list, *n, sizeof *list, compare);
    return list;
}
