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
    for (struct held_set *x; (x = held_next(h, NULL));)
        held_drop(h, x);
    map_free(&h->queues);
}

static struct held_list *list_of(struct held *h, bool known)
{
    return known ? &h->known : &h->strangers;
}

struct held_set *held_next(const struct held *h, const struct held_set *x)
{
    struct held_set *next = x ? x->newer : h->strangers.oldest;

    return next || (x && x->known) ? next : h->known.oldest;
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

static void make_room(struct held *h, bool known, size_t bytes)
{
    while (h->bytes + bytes > h->limit_bytes) {
        struct held_set *x = h->strangers.oldest;
        if (!x && known)
            x = h->known.oldest;
        if (!x)
            return;
        give_up(h, x);
    }
}

bool held_put(struct held *h, const struct held_set *like, struct cur set)
{
    size_t len = cur_left(&set);
    struct held_list *l = list_of(h, like->known);

    make_room(h, like->known, cost(len));
    struct held_set *x = h->bytes + cost(len) <= h->limit_bytes ? malloc(cost(len)) : NULL;
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

    x->older = l->newest;
    x->newer = NULL;
    *(l->newest ? &l->newest->newer : &l->oldest) = x;
    l->newest = x;
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
    struct held_list *l = list_of(h, x->known);

    *(x->queue_before ? &x->queue_before->queue_next : &q->first) = x->queue_next;
    *(x->queue_next ? &x->queue_next->queue_before : &q->last) = x->queue_before;
    if (!q->first)
        free(map_remove(&h->queues, q->key));

    *(x->older ? &x->older->newer : &l->oldest) = x->newer;
    *(x->newer ? &x->newer->older : &l->newest) = x->older;
    h->bytes -= cost(x->len);
    free(x);
}

void held_expire(struct held *h, int64_t now_ms)
{
    struct held_list *lists[] = {&h->strangers, &h->known};

    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        struct held_list *l = lists[i];
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): held_drop() has moved `oldest` on
        while (l->oldest && now_ms - l->oldest->received_ms > h->limit_ms)
            give_up(h, l->oldest);
    }
}
