#include "filter/eval.h"

#include "filter/kernel.h"

#include <string.h>

/* Small enough that a column's part and the temporaries of a test stay in the first-level cache,
 * and that a tree as deep as allowed needs little stack. */
enum { CHUNK = 1024, WORDS = CHUNK / 64 };

/* The same rows of one field: what a test looks at. */
struct column {
    const void *v;        /* values, as they lie in a batch; NULL: no row has one */
    const uint64_t *seen; /* presence; a multiple of 64 rows from the first */
    const uint8_t *bytes; /* what cells point into */
    size_t n;
    size_t words;
};

struct chunk {
    const struct batch *b;
    size_t from; /* row; a multiple of 64 */
    size_t n;
    size_t words;
};

/* Values of a test's subject as keys (filter/what.h), with presence. */
struct keys {
    const uint64_t *v;
    const uint64_t *seen;
    uint64_t room[CHUNK];
    uint64_t seen_room[WORDS];
};

static struct column column_of(const struct chunk *c, enum field_id f)
{
    struct column col = {.bytes = c->b->bytes.data, .n = c->n, .words = c->words};

    if (batch_uses(c->b, f)) {
        const uint8_t *first = c->b->col[f];
        col.v = first + c->from * kind_table[field_table[f].kind].width;
        col.seen = c->b->seen[f] + c->from / 64;
    }
    return col;
}

static void widen_u8(const uint8_t *v, size_t n, unsigned shift, uint64_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint64_t)v[i] >> shift;
}

static void widen_u32(const uint32_t *v, size_t n, uint64_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = v[i];
}

static void key_times(const int64_t *v, size_t n, uint64_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = key_of_time(v[i]);
}

static void key_reals(const double *v, size_t n, uint64_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = key_of_f64(v[i]);
}

static void key_macs(const uint8_t *v, size_t n, uint64_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = key_of_mac(v + i * 6);
}

/* Narrow integers have tables and never come here. */
static void load_field(enum field_id f, const struct column *c, struct keys *k)
{
    k->seen = c->seen;
    k->v = k->room;
    switch (field_table[f].kind) {
    case KIND_U32:
        widen_u32(c->v, c->n, k->room);
        break;
    case KIND_U64:
        k->v = c->v;
        break;
    case KIND_TIME:
        key_times(c->v, c->n, k->room);
        break;
    case KIND_F64:
        key_reals(c->v, c->n, k->room);
        break;
    case KIND_MAC:
        key_macs(c->v, c->n, k->room);
        break;
    case KIND_U8:
    case KIND_U16:
    case KIND_ADDR:
    case KIND_TEXT:
    case KIND_BYTES:
    case KIND_ENUM:
    case KIND_N:
        break;
    }
}

/* A source of a made number, which is of 8 or 64 bits, as keys. */
static const uint64_t *load_from(const struct column *c, const struct made_from *from,
                                 uint64_t room[CHUNK])
{
    if (field_table[from->field].kind == KIND_U64)
        return c->v;
    widen_u8(c->v, c->n, from->shift, room);
    return room;
}

/* Rows that have no number yet take this source's. */
static void fill_in(struct keys *k, const uint64_t *v, const uint64_t *seen, size_t words)
{
    for (size_t w = 0; w < words; w++) {
        uint64_t fresh = seen[w] & ~k->seen_room[w];
        k->seen_room[w] |= fresh;
        for (; fresh != 0; fresh &= fresh - 1) {
            size_t i = w * 64 + (size_t)__builtin_ctzll(fresh);
            k->room[i] = v[i];
        }
    }
}

static void load_made(const struct chunk *c, enum made which, struct keys *k)
{
    const struct made_info *made = &made_table[which];
    uint64_t room[CHUNK];

    k->v = k->room;
    k->seen = k->seen_room;
    memset(k->seen_room, 0, sizeof k->seen_room);
    memset(k->room, 0, sizeof k->room);
    for (size_t i = 0; i < made->n; i++) {
        struct column col = column_of(c, made->from[i].field);
        if (col.v)
            fill_in(k, load_from(&col, &made->from[i], room), col.seen, c->words);
    }
    for (size_t i = 0; made->else_one && i < c->n; i++)
        if (!(k->seen_room[i / 64] >> i % 64 & 1))
            k->room[i] = 1;
    if (made->else_one)
        memset(k->seen_room, 0xff, c->words * sizeof *k->seen_room);
}

/* What is made of several fields. */
static void load_several(const struct chunk *c, unsigned what, struct keys *k)
{
    if (what >= WHAT_MADE) {
        load_made(c, (enum made)(what - WHAT_MADE), k);
        return;
    }
    if (what < WHAT_RATIO) {
        struct measure_room room = {k->room, k->seen_room};
        struct measure_col col =
            measure_get(c->b, (enum measure)(what - WHAT_MEASURE), c->from, c->n, room);
        k->v = col.v;
        k->seen = col.seen;
        return;
    }
    double v[CHUNK];
    ratio_get(c->b, (enum ratio)(what - WHAT_RATIO), c->from, c->n, v, k->seen_room);
    key_reals(v, c->n, k->room);
    k->v = k->room;
    k->seen = k->seen_room;
}

/* hit &= seen, or what is seen and not hit. */
static void finish(const struct test *t, const uint64_t *seen, size_t words, uint64_t *hit)
{
    uint64_t flip = t->negate ? ~UINT64_C(0) : 0;

    for (size_t w = 0; w < words; w++)
        hit[w] = (hit[w] ^ flip) & seen[w];
}

/* Tests of what is loaded as keys. */
static void test_keys(const struct test *t, const struct keys *k, size_t n, const uint64_t *want,
                      uint64_t *hit)
{
    size_t words = (n + 63) / 64;

    if (t->op == TEST_HAS)
        memcpy(hit, k->seen, words * sizeof *hit);
    else if (t->op == TEST_RANGE)
        kernel_range64(k->v, n, t->range.lo, t->range.span, hit);
    else
        for (size_t w = 0; w < words; w++)
            hit[w] = kernel_list(k->v + w * 64, want[w] & k->seen[w], &t->set);
    finish(t, k->seen, words, hit);
}

static void test_range(const struct test *t, const struct column *c, uint64_t *hit)
{
    uint64_t lo = t->range.lo;
    uint64_t span = t->range.span;

    switch (kind_table[field_table[t->what].kind].width) {
    case 1:
        kernel_range8(c->v, c->n, (uint8_t)lo, (uint8_t)span, hit);
        break;
    case 2:
        kernel_range16(c->v, c->n, (uint16_t)lo, (uint16_t)span, hit);
        break;
    case 4:
        kernel_range32(c->v, c->n, (uint32_t)lo, (uint32_t)span, hit);
        break;
    default:
        /* A key of time is the time and a constant: the same constant off the lower end. */
        if (field_table[t->what].kind == KIND_TIME)
            lo = key_of_time((int64_t)lo);
        kernel_range64(c->v, c->n, lo, span, hit);
    }
}

/* Whether a range can be tested on the column as it lies. */
static bool is_plain(enum field_id f)
{
    enum kind kind = field_table[f].kind;
    return kind != KIND_F64 && kind != KIND_MAC;
}

/* Tests of values as they lie, but for what finish() does. */
static void test_values(const struct test *t, const struct column *c, const uint64_t *want,
                        uint64_t *hit)
{
    const struct addr *addrs = c->v;
    const struct cell *cells = c->v;

    switch (t->op) {
    case TEST_HAS:
        memcpy(hit, c->seen, c->words * sizeof *hit);
        break;
    case TEST_RANGE:
        test_range(t, c, hit);
        break;
    case TEST_BITS:
        kernel_bits16(c->v, c->n, t->bits, hit);
        break;
    case TEST_TABLE:
        if (kind_table[field_table[t->what].kind].width == 1)
            kernel_table8(c->v, c->n, t->table, hit);
        else
            kernel_table16(c->v, c->n, t->table, hit);
        break;
    case TEST_PREFIX:
        kernel_prefix(c->v, c->n, &t->prefix, hit);
        break;
    case TEST_WIDE:
        for (size_t w = 0; w < c->words; w++)
            hit[w] = kernel_wide(addrs + w * 64, want[w] & c->seen[w], &t->set);
        break;
    case TEST_ORDER:
        for (size_t w = 0; w < c->words; w++)
            hit[w] = kernel_order(c->bytes, cells + w * 64, want[w] & c->seen[w], &t->order);
        break;
    case TEST_TEXTS:
        for (size_t w = 0; w < c->words; w++)
            hit[w] = kernel_texts(c->bytes, cells + w * 64, want[w] & c->seen[w], &t->texts);
        break;
    case TEST_PATTERN:
        for (size_t w = 0; w < c->words; w++)
            hit[w] =
                kernel_pattern(c->bytes, cells + w * 64, want[w] & c->seen[w], t->like.pattern);
        break;
    case TEST_LIST: /* by test_keys() */
        break;
    }
}

/* The number that a part of octets is, or false: `nth` counts the entries of a stack. */
static bool part_at(const struct part_info *part, const uint8_t *s, size_t len, size_t nth,
                    uint64_t *out)
{
    size_t width = part->of == PART_NTH_WORD ? 4 : 3;
    uint64_t v = 0;

    if (part->of == PART_ENTRIES) {
        *out = len / width;
        return true;
    }
    if (part->of == PART_LAST_ENTRY)
        nth = len / width - 1; /* none: beyond all */
    if (nth >= len / width)
        return false;
    for (size_t i = 0; i < width; i++)
        v = v << 8 | s[nth * width + i];
    *out = v >> part->shift & part->mask;
    return true;
}

/* The nth numbers of the values in `want`; false if none has one. */
static bool load_part(const struct part_info *part, const struct column *c, size_t nth,
                      const uint64_t *want, struct keys *k)
{
    const struct cell *cells = c->v;
    uint64_t any = 0;

    k->v = k->room;
    k->seen = k->seen_room;
    memset(k->room, 0, sizeof k->room);
    for (size_t w = 0; w < c->words; w++) {
        k->seen_room[w] = 0;
        for (uint64_t left = want[w] & c->seen[w]; left; left &= left - 1) {
            size_t i = w * 64 + (size_t)__builtin_ctzll(left);
            bool is = part_at(part, c->bytes + cells[i].at, cells[i].len, nth, &k->room[i]);
            k->seen_room[w] |= (uint64_t)is << i % 64;
        }
        any |= k->seen_room[w];
    }
    return any != 0;
}

/* Any number of the octets will do; negated, there is one and none will. */
static void test_any_part(const struct test *t, const struct part_info *part,
                          const struct column *c, const uint64_t *want, uint64_t *hit)
{
    struct test one = *t;
    struct keys k;
    uint64_t first[WORDS];
    uint64_t some[WORDS];
    size_t bytes = c->words * sizeof *hit;

    one.negate = false;
    memset(hit, 0, bytes);
    memset(first, 0, bytes);
    for (size_t nth = 0; load_part(part, c, nth, want, &k); nth++) {
        if (nth == 0)
            memcpy(first, k.seen, bytes);
        test_keys(&one, &k, c->n, want, some);
        for (size_t w = 0; w < c->words; w++)
            hit[w] |= some[w];
    }
    finish(t, first, c->words, hit);
}

static void test_part(const struct test *t, const struct column *c, const uint64_t *want,
                      uint64_t *hit)
{
    struct part_info part = part_of_what(t->what);
    struct keys k;

    if (part.of == PART_ANY_ENTRY) {
        test_any_part(t, &part, c, want, hit);
        return;
    }
    (void)load_part(&part, c, part.nth, want, &k);
    test_keys(t, &k, c->n, want, hit);
}

/* A test of one field. */
static void test_field(const struct test *t, const struct column *c, const uint64_t *want,
                       uint64_t *hit)
{
    enum field_id f = what_field(t->what);
    struct keys k;

    if (!c->v) {
        memset(hit, 0, c->words * sizeof *hit);
    } else if (t->what >= WHAT_PART) {
        test_part(t, c, want, hit);
    } else if (t->op == TEST_LIST || (t->op == TEST_RANGE && !is_plain(f))) {
        load_field(f, c, &k);
        test_keys(t, &k, c->n, want, hit);
    } else {
        test_values(t, c, want, hit);
        finish(t, c->seen, c->words, hit);
    }
}

static void run_test(const struct test *t, const struct chunk *c, const uint64_t *want,
                     uint64_t *hit)
{
    struct keys k;

    if (what_field(t->what) != FIELD_NONE) {
        struct column col = column_of(c, what_field(t->what));
        test_field(t, &col, want, hit);
    } else {
        load_several(c, t->what, &k);
        test_keys(t, &k, c->n, want, hit);
    }
    for (size_t w = 0; w < c->words; w++)
        hit[w] &= want[w];
}

/* hit: those of `want` that the node selects. */
static void run(const struct node *node, const struct chunk *c, const uint64_t *want, uint64_t *hit)
{
    uint64_t left[WORDS]; /* AND: selected so far; OR: not selected so far */
    uint64_t part[WORDS];
    uint64_t any = 1;
    size_t bytes = c->words * sizeof *hit;

    switch (node->op) {
    case NODE_ALL:
        memcpy(hit, want, bytes);
        break;
    case NODE_NONE:
        memset(hit, 0, bytes);
        break;
    case NODE_TEST:
        run_test(&node->test, c, want, hit);
        break;
    case NODE_NOT:
        run(node->first, c, want, hit);
        for (size_t w = 0; w < c->words; w++)
            hit[w] = want[w] & ~hit[w];
        break;
    case NODE_AND:
        memcpy(left, want, bytes);
        for (const struct node *child = node->first; child && any; child = child->next) {
            run(child, c, left, part);
            any = 0;
            for (size_t w = 0; w < c->words; w++)
                any |= left[w] = part[w];
        }
        memcpy(hit, left, bytes);
        break;
    case NODE_OR:
        memcpy(left, want, bytes);
        for (const struct node *child = node->first; child && any; child = child->next) {
            run(child, c, left, part);
            any = 0;
            for (size_t w = 0; w < c->words; w++)
                any |= left[w] &= ~part[w];
        }
        for (size_t w = 0; w < c->words; w++)
            hit[w] = want[w] & ~left[w];
        break;
    }
}

/* Bits for n rows. */
static void fill(uint64_t want[static WORDS], size_t n)
{
    memset(want, 0xff, WORDS * sizeof *want);
    if (n % 64 != 0)
        want[n / 64] = (UINT64_C(1) << n % 64) - 1;
}

void eval_tree(const struct node *root, const struct batch *b, uint64_t *selected)
{
    uint64_t want[WORDS];

    for (size_t from = 0; from < b->rows; from += CHUNK) {
        size_t n = b->rows - from < CHUNK ? b->rows - from : CHUNK;
        struct chunk c = {b, from, n, (n + 63) / 64};
        fill(want, n);
        run(root, &c, want, selected + from / 64);
    }
}

void eval_values(const struct test *t, const void *values, const uint8_t *bytes, size_t n,
                 uint64_t *hit)
{
    const uint8_t *v = values;
    size_t width = kind_table[field_table[what_field(t->what)].kind].width;
    uint64_t want[WORDS];

    for (size_t from = 0; from < n; from += CHUNK) {
        size_t some = n - from < CHUNK ? n - from : CHUNK;
        fill(want, some);
        struct column c = {v + from * width, want, bytes, some, (some + 63) / 64};
        test_field(t, &c, want, hit + from / 64);
    }
}
