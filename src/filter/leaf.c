#include "filter/leaf.h"

#include "filter/eval.h"
#include "filter/tree.h"

#include <assert.h>

const struct node *filter_root(const struct filter *f) { return f->root; }

enum filter_op node_op(const struct node *node)
{
    static const enum filter_op ops[] = {
        [NODE_ALL] = FILTER_ALL, [NODE_NONE] = FILTER_NONE, [NODE_AND] = FILTER_AND,
        [NODE_OR] = FILTER_OR,   [NODE_NOT] = FILTER_NOT,   [NODE_TEST] = FILTER_LEAF,
    };
    return ops[node->op];
}

const struct node *node_first(const struct node *node) { return node->first; }

const struct node *node_next(const struct node *node) { return node->next; }

enum field_id leaf_field(const struct node *leaf)
{
    return leaf->op == NODE_TEST ? what_field(leaf->test.what) : FIELD_NONE;
}

void node_fields(const struct node *node, struct field_set *out)
{
    if (node->op == NODE_TEST)
        what_fields(node->test.what, out);
    for (const struct node *child = node->first; child; child = child->next)
        node_fields(child, out);
}

bool leaf_is_has(const struct node *leaf)
{
    return leaf->op == NODE_TEST && leaf->test.op == TEST_HAS && leaf->test.what < WHAT_MEASURE;
}

void leaf_eval(const struct node *leaf, const void *values, const uint8_t *bytes, size_t n,
               uint64_t *hit)
{
    assert(leaf_field(leaf) != FIELD_NONE);
    eval_values(&leaf->test, values, bytes, n, hit);
}

void node_eval(const struct node *node, const struct batch *b, uint64_t *selected)
{
    eval_tree(node, b, selected);
}
