/* build: values of a term → the test that is cheapest to run for them. */
#ifndef FILTER_BUILD_H
#define FILTER_BUILD_H

#include "filter/tree.h"
#include "filter/value.h"

enum compare { COMPARE_EQ, COMPARE_NE, COMPARE_LT, COMPARE_LE, COMPARE_GT, COMPARE_GE };

/* `what` compared with one value, or for EQ and NE with any number of them; items are sorted in
 * place. All of them are texts, or patterns, or neither; names of ICMP are not for it. NULL when
 * the arena is spent. */
struct node *build_compare(struct arena *a, unsigned what, enum compare op, struct item *items,
                           size_t n);

struct node *build_has(struct arena *a, unsigned what);

/* A node without children. */
struct node *build_node(struct arena *a, enum node_op op);

/* The same test of something else of the same kind. */
struct node *build_same(struct arena *a, const struct node *node, unsigned what);

/* Children collected for an AND or OR, by what they cost. */
struct children {
    struct node *head[COST_N];
    struct node **tail[COST_N];
    size_t n;
    struct node *idle;     /* one that changes nothing: ALL in an AND, NONE in an OR */
    struct node *decisive; /* the other of these: the rest does not matter */
};

void children_add(struct children *c, struct node *node);

/* For children of an `op`: of a node that is such an AND or OR itself its children, and nothing
 * that changes nothing. */
void children_add_flat(struct children *c, struct node *node, enum node_op op);

/* The only child itself, else a node of them all, cheap ones first; leaves `c` empty. */
struct node *children_join(struct arena *a, struct children *c, enum node_op op);

#endif
