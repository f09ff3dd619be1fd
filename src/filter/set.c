#include "filter/set.h"

#include "base/buf.h"

#include <assert.h>
#include <string.h>

enum { SLICE = 32, OCTETS = 16 };

#define INNER (UINT32_C(1) << 31)

_Static_assert(SET_MAX < INNER, "places of ranges leave a bit for telling nodes apart");

struct set_node {
    struct wide prefix; /* that all ranges below begin with, and */
    struct wide mask;   /* the octets of it */
    unsigned shift;     /* of the octet behind it: 120 for the first, 0 for the last */
    uint32_t from;      /* the first range below */
    /* By that octet of their first keys: where a slice of ranges begins, or INNER and a node.
     * The last one is where the node ends. */
    uint32_t child[257];
};

static unsigned octet(struct wide key, unsigned shift)
{
    return (unsigned)(shift >= 64 ? key.hi >> (shift - 64) : key.lo >> shift) & 0xff;
}

static struct wide mask_of(unsigned octets)
{
    unsigned bits = octets * 8;
    uint64_t ones = UINT64_MAX;

    return (struct wide){.hi = bits == 0   ? 0
                               : bits < 64 ? ones << (64 - bits)
                                           : ones,
                         .lo = bits <= 64 ? 0 : ones << (128 - bits)};
}

static struct wide masked(struct wide key, struct wide mask)
{
    return (struct wide){key.hi & mask.hi, key.lo & mask.lo};
}

/* Octets that two keys begin with in common. */
static unsigned common(struct wide a, struct wide b)
{
    unsigned n = 0;

    while (n < OCTETS && octet(a, 120 - n * 8) == octet(b, 120 - n * 8))
        n++;
    return n;
}

static uint32_t start_of(const struct set_node *nodes, uint32_t child)
{
    return child & INNER ? nodes[child & ~INNER].from : child;
}

/* Nodes are made in rows from the root down, each giving work to those behind it. */
static void branch(struct buf *nodes, size_t self, const struct wide *first, size_t from,
                   size_t end)
{
    struct set_node node = {.from = (uint32_t)from};
    unsigned octets = common(first[from], first[end - 1]);
    size_t at = from;

    assert(octets < OCTETS); /* there are two different ones */
    node.mask = mask_of(octets);
    node.prefix = masked(first[from], node.mask);
    node.shift = 120 - octets * 8;
    for (unsigned v = 0; v < 256; v++) {
        size_t begin = at;
        while (at < end && octet(first[at], node.shift) == v)
            at++;
        node.child[v] = (uint32_t)begin;
        if (at - begin > SLICE) {
            node.child[v] = INNER | (uint32_t)(nodes->len / sizeof node);
            struct set_node todo = {.from = (uint32_t)begin};
            buf_bytes(nodes, &todo, sizeof todo);
        }
    }
    node.child[256] = (uint32_t)end;
    if (buf_ok(nodes))
        memcpy(nodes->data + self * sizeof node, &node, sizeof node);
}

/* Where the ranges of a node that is still to be made end: it begins as the slice of its parent
 * does, so all that share the octets up to its parent's are its own. */
static size_t end_of(const struct set_node *parent, const struct set_node *nodes, unsigned v)
{
    return start_of(nodes, parent->child[v + 1]);
}

static void branch_below(struct buf *nodes, size_t self, const struct wide *first)
{
    for (unsigned v = 0; v < 256 && buf_ok(nodes); v++) {
        const struct set_node *all = (const struct set_node *)(const void *)nodes->data;
        const struct set_node *parent = &all[self];
        uint32_t child = parent->child[v];
        if (child & INNER) {
            size_t end = end_of(parent, all, v);
            branch(nodes, child & ~INNER, first, start_of(all, child), end);
        }
    }
}

bool set_init(struct set *out, struct arena *a, const struct wide *first, const struct wide *last,
              size_t n)
{
    struct buf nodes;
    struct set_node root = {0};

    assert(n > 0 && n <= SET_MAX);
    *out = (struct set){first, last, n, NULL};
    if (n <= SLICE)
        return true;
    buf_init(&nodes, a->limit_bytes - a->used_bytes);
    buf_bytes(&nodes, &root, sizeof root);
    if (buf_ok(&nodes))
        branch(&nodes, 0, first, 0, n);
    for (size_t i = 0; buf_ok(&nodes) && i < nodes.len / sizeof root; i++)
        branch_below(&nodes, i, first);
    void *kept = buf_ok(&nodes) ? arena_new(a, nodes.len) : NULL;
    if (kept)
        memcpy(kept, nodes.data, nodes.len);
    buf_free(&nodes);
    out->nodes = kept;
    return kept != NULL;
}

/* The ranges [*from, *end) among which the last that begins at or before the key is; it may also be
 * the one before *from. */
static void narrow(const struct set *set, struct wide key, size_t *from, size_t *end)
{
    const struct set_node *node = set->nodes;

    for (;;) {
        int c = wide_cmp(masked(key, node->mask), node->prefix);
        if (c != 0) { /* before all of them or behind */
            *from = c < 0 ? node->from : node->child[256];
            *end = *from;
            return;
        }
        unsigned v = octet(key, node->shift);
        uint32_t child = node->child[v];
        if (!(child & INNER)) {
            *from = child;
            *end = start_of(set->nodes, node->child[v + 1]);
            return;
        }
        node = &set->nodes[child & ~INNER];
    }
}

bool set_has(const struct set *set, struct wide key)
{
    size_t from = 0;
    size_t end = set->n;

    if (set->nodes)
        narrow(set, key, &from, &end);
    while (from < end) { /* the first that begins behind the key */
        size_t mid = from + (end - from) / 2;
        bool at_or_before = wide_cmp(set->first[mid], key) <= 0;
        from = at_or_before ? mid + 1 : from;
        end = at_or_before ? end : mid;
    }
    return from > 0 && wide_cmp(key, set->last[from - 1]) <= 0;
}
