/* held: data sets that came before their template, kept until it comes.
 *
 * Bounded in octets and in age; the oldest goes first, but nothing of an exporter that has a
 * history goes for a stranger's. What is given up is counted, and entered in the books. */
#ifndef FLOW_HELD_H
#define FLOW_HELD_H

#include "flow/books.h"
#include "flow/decode.h"
#include "flow/template.h"

struct held_queue;

struct held_set {
    struct template_key key;
    struct sender from;
    struct msg head; /* of its message; body is not used */
    int64_t received_ms;
    uint64_t number;
    size_t len;
    bool known;             /* its sender is no stranger */
    struct held_set *older; /* list by arrival, of strangers or of the others */
    struct held_set *newer;
    struct held_queue *queue; /* those of one sender, version, domain and id */
    struct held_set *queue_before;
    struct held_set *queue_next;
    uint8_t bytes[];
};

struct held {
    struct map queues;
    struct held_list {
        struct held_set *oldest;
        struct held_set *newest;
    } strangers, known;
    size_t bytes;
    size_t limit_bytes;
    int64_t limit_ms;
    struct books *books;
    struct counts *counts;
};

void held_init(struct held *h, size_t limit_bytes, int64_t limit_ms, struct books *books,
               struct counts *counts);
void held_free(struct held *h);

/* Keep a copy of `set` with what `like` says of its origin (its bytes and links are not used).
 * false: there is no room, whatever may go for it; counted as lost. */
bool held_put(struct held *h, const struct held_set *like, struct cur set);

/* The first that waits for a template of this sender, version, domain and id; go on by queue_next.
 */
struct held_set *held_first(const struct held *h, const struct template_key *key);

/* Where it is entered in the books: what becomes of it belongs to when it was received. */
struct book *held_book(struct held *h, const struct held_set *x);

/* Take it out and free it. */
void held_drop(struct held *h, struct held_set *x);

/* All of them: those of strangers first, each oldest first; x NULL: the first. */
struct held_set *held_next(const struct held *h, const struct held_set *x);

/* Give up what is too old. */
void held_expire(struct held *h, int64_t now_ms);

#endif
