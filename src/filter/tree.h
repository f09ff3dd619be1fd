/* tree: a filter after parsing: what parse makes, eval runs and filter.c asks.
 *
 * Everything lies in the filter's arena and is not changed once made, so terms about either side
 * share their lists. Chains of `and` and `or` are siblings and `not not` is nothing, so a tree is
 * at most three nodes deep for each bracket and filter by name, and those who walk it may recurse.
 */
#ifndef FILTER_TREE_H
#define FILTER_TREE_H

#include "base/mem.h"
#include "filter/filter.h"
#include "filter/pattern.h"
#include "filter/set.h"
#include "filter/what.h"

enum test_op {
    TEST_HAS,    /* is there */
    TEST_RANGE,  /* integer keys from `lo`, no more than `span` above */
    TEST_BITS,   /* the bits of a mask are these */
    TEST_TABLE,  /* a bit for each value of an 8 or 16 bit field */
    TEST_LIST,   /* integer keys in a set */
    TEST_PREFIX, /* addresses, masked */
    TEST_WIDE,   /* addresses in a set */
    TEST_ORDER,  /* text or octets before, at or behind one value */
    TEST_TEXTS,  /* text or octets that are one of `n` */
    TEST_PATTERN /* text that a pattern matches */
};

struct text {
    const uint8_t *s;
    size_t len;
};

static inline bool text_is(const struct text *t, const uint8_t *s, size_t len)
{
    return t->len == len && (len == 0 || memcmp(t->s, s, len) == 0);
}

/* Found by their hash: slots hold a place in `v` and one, or 0. */
struct texts {
    const struct text *v;
    size_t n;
    const uint32_t *slots;
    size_t mask; /* slots less one; a power of two */
};

struct like {
    const struct pattern *pattern;
    struct text text; /* as it was written */
    enum pattern_is is;
};

struct bits {
    uint16_t mask;
    uint16_t want;
};

/* In memory's order of bytes: no swap for each row. */
struct mask16 {
    uint64_t mask[2];
    uint64_t want[2];
};

enum { ORDER_LESS = 1, ORDER_SAME = 2, ORDER_MORE = 4 };

struct order {
    struct text value;
    unsigned takes; /* ORDER_ bits */
};

struct test {
    enum test_op op;
    unsigned what;
    bool negate;          /* selects where the value is there and the rest is false */
    struct wide min, max; /* of the values that it takes, where it is not negated */
    union {
        struct {
            uint64_t lo;
            uint64_t span;
        } range;
        struct bits bits;
        const uint64_t *table;
        struct set set;
        struct mask16 prefix;
        struct order order;
        struct texts texts;
        struct like like;
    };
};

enum node_op { NODE_ALL, NODE_NONE, NODE_AND, NODE_OR, NODE_NOT, NODE_TEST };

/* How dear evaluation is: the cheap parts of an `and` go first and may save the others. */
enum cost { COST_LOW, COST_MIDDLE, COST_HIGH, COST_N };

struct node {
    enum node_op op;
    enum cost cost;
    struct node *first; /* child: of AND, OR and NOT */
    struct node *next;  /* sibling */
    struct test test;   /* of TEST */
};

struct filter {
    struct arena arena;
    struct node *root;
    bool names_kind;
};

#endif
