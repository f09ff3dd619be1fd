#include "flow/held.h"

#include <stdlib.h>
#include <string.h>

struct held_queue {
    uint8_t key[TEMPLATE_SHAPE_KEY]; /* first: map.h */
    struct held_set *first;
    struct held_set *last;
};

void held_init(struct held *h, size_t limit_bytes, int64_t limit_ms, struct books *books,
               struct counts *counts)
{
    *h = (struct held){
        .limit_bytes = limit_bytes, .limit_ms = limit_ms, .books = books, .counts = counts};
    map_init(&h->queues, TEMPLATE_SHAPE_KEY);
}

void held_free(struct held *h)
{
    while (h->oldest)
        held_drop(h, h->oldest);
    map_free(&h->queues);
}

static size_t cost(size_t len) { return sizeof(struct held_set) + len; }

static struct held_queue *queue_of(struct held *h, const struct template_key *key)
{
    struct held_queue *q = map_find(&h->queues, key);

    if (q)
        return q;
    q = calloc(1, sizeof *q);
    if (!q)
        return NULL;
    memcpy(q->key, key, sizeof q->key);
    if (!map_add(&h->queues, q)) {
        free(q);
        return NULL;
    }
    return q;
}

struct book *held_book(struct held *h, const struct held_set *x)
{
    struct book_key key = books_key(&x->key.addr, x->key.version, x->key.domain, x->received_ms);
    return books_get(h->books, &key, false);
}

static void give_up(struct held *h, struct held_set *x)
{
    struct book *book = held_book(h, x);

    book_add(book, BOOK_HELD_SETS, -1);
    book_add(book, BOOK_HELD_BYTES, -(int64_t)x->len);
    book_add(book, BOOK_REFUSED_SETS, 1);
    book_add(book, BOOK_REFUSED_BYTES, (int64_t)x->len);
    count_add(h->counts, COUNT_SETS_HELD_LOST, 1);
    held_drop(h, x);
}

bool held_put(struct held *h, const struct held_set *like, struct cur set)
{
    size_t len = cur_left(&set);

    while (h->oldest && h->bytes + cost(len) > h->limit_bytes)
        give_up(h, h->oldest);
    struct held_set *x = cost(len) <= h->limit_bytes ? malloc(cost(len)) : NULL;
    struct held_queue *q = x ? queue_of(h, &like->key) : NULL;
    if (!q) {
        free(x);
        count_add(h->counts, COUNT_SETS_HELD_LOST, 1);
        return false;
    }
    *x = *like;
    x->len = len;
    if (len > 0)
        memcpy(x->bytes, set.at, len);

    x->older = h->newest;
    x->newer = NULL;
    *(h->newest ? &h->newest->newer : &h->oldest) = x;
    h->newest = x;
    x->queue = q;
    x->queue_before = q->last;
    x->queue_next = NULL;
    *(q->last ? &q->last->queue_next : &q->first) = x;
    q->last = x;
    h->bytes += cost(len);
    return true;
}

struct held_set *held_first(const struct held *h, const struct template_key *key)
{
    const struct held_queue *q = map_find(&h->queues, key);
    return q ? q->first : NULL;
}

void held_drop(struct held *h, struct held_set *x)
{
    struct held_queue *q = x->queue;

    *(x->queue_before ? &x->queue_before->queue_next : &q->first) = x->queue_next;
    *(x->queue_next ? &x->queue_next->queue_before : &q->last) = x->queue_before;
    if (!q->first)
        free(map_remove(&h->queues, q->key));

    *(x->older ? &x->older->newer : &h->oldest) = x->newer;
    *(x->newer ? &x->newer->older : &h->newest) = x->older;
    h->bytes -= cost(x->len);
    free(x);
}

void held_expire(struct held *h, int64_t now_ms)
{
    // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): held_drop() has moved `oldest` on
    while (h->oldest && now_ms - h->oldest->received_ms > h->limit_ms)
        give_up(h, h->oldest);
}
