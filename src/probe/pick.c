#include "probe/pick.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct test {
    const struct pick_field *field;
    uint8_t lo[SETUP_TEST_OCTETS];
    uint8_t hi[SETUP_TEST_OCTETS];
    bool outside;
};

struct pick {
    size_t record_bytes;
    struct test tests[SETUP_TESTS];
    size_t n_tests;
    const struct pick_field *by; /* NULL: as they come */
    bool lowest;
    size_t most; /* PICK_ALL, or what is kept is a heap with the least wanted on top */
    uint8_t *rows;
    size_t n;
    size_t cap;
    uint64_t offered;
    uint64_t passed;
    bool sorted;
};

const struct pick_field *pick_find(const struct pick_field *v, size_t n, uint32_t enterprise,
                                   uint16_t number)
{
    enum { FIRST_UPTIME = 22, LAST_UPTIME = 21, FIRST_MS = 152, LAST_MS = 153 };

    for (size_t i = 0; i < n; i++)
        if (v[i].enterprise == enterprise && v[i].number == number)
            return &v[i];
    if (enterprise == 0 && number == FIRST_UPTIME)
        return pick_find(v, n, 0, FIRST_MS);
    if (enterprise == 0 && number == LAST_UPTIME)
        return pick_find(v, n, 0, LAST_MS);
    return NULL;
}

void pick_put(uint8_t out[static SETUP_TEST_OCTETS], uint64_t v)
{
    memset(out, 0, SETUP_TEST_OCTETS);
    for (size_t i = SETUP_TEST_OCTETS; v != 0; v >>= 8)
        out[--i] = (uint8_t)v;
}

uint64_t pick_load(const uint8_t *from, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n && n <= sizeof v; i++)
        v = v << 8 | from[i];
    return v;
}

static int add_test(struct pick *p, const struct setup_test *s, const struct pick_field *fields,
                    size_t n, struct err *err)
{
    struct test *t = &p->tests[p->n_tests];

    t->field = pick_find(fields, n, s->enterprise, s->number);
    if (!t->field || t->field->len > SETUP_TEST_OCTETS)
        return err_set(err, ERR_CONFIG, "flows here have no element %u%s", s->number,
                       t->field ? " of at most 16 octets" : "");
    memcpy(t->lo, s->lo, sizeof t->lo);
    memcpy(t->hi, s->hi, sizeof t->hi);
    t->outside = s->outside;
    if (s->dev[0]) {
        pick_put(t->lo, if_nametoindex(s->dev));
        memcpy(t->hi, t->lo, sizeof t->hi);
    }
    p->n_tests++;
    return 0;
}

int pick_new(struct pick **out, const struct pick_field *fields, size_t n, size_t record_bytes,
             const struct setup_test *tests, size_t n_tests, struct err *err)
{
    struct pick *p = mem_new(1, sizeof *p);
    int r = 0;

    p->record_bytes = record_bytes;
    for (size_t i = 0; i < n_tests && i < SETUP_TESTS && r == 0; i++)
        r = add_test(p, &tests[i], fields, n, err);
    if (r)
        pick_free(p);
    else
        *out = p;
    return r;
}

void pick_order(struct pick *p, const struct pick_field *by, bool lowest, size_t most)
{
    p->by = by;
    p->lowest = lowest;
    p->most = most;
}

void pick_reset(struct pick *p)
{
    p->n = 0;
    p->sorted = false;
}

void pick_free(struct pick *p)
{
    if (!p)
        return;
    free(p->rows);
    free(p);
}

static bool passes(const struct pick *p, const uint8_t *record)
{
    for (size_t i = 0; i < p->n_tests; i++) {
        const struct test *t = &p->tests[i];
        uint8_t v[SETUP_TEST_OCTETS] = {0};
        memcpy(v + sizeof v - t->field->len, record + t->field->at, t->field->len);
        bool inside = memcmp(v, t->lo, sizeof v) >= 0 && memcmp(v, t->hi, sizeof v) <= 0;
        if (inside == t->outside)
            return false;
    }
    return true;
}

/* Does `a` come before `b`? */
static bool is_before(const struct pick *p, const uint8_t *a, const uint8_t *b)
{
    int c = memcmp(a + p->by->at, b + p->by->at, p->by->len);

    return p->lowest ? c < 0 : c > 0;
}

static uint8_t *row(const struct pick *p, size_t i) { return p->rows + i * p->record_bytes; }

static void swap(struct pick *p, size_t i, size_t k)
{
    uint8_t *a = row(p, i);
    uint8_t *b = row(p, k);

    for (size_t at = 0; at < p->record_bytes; at++) {
        uint8_t c = a[at];
        a[at] = b[at];
        b[at] = c;
    }
}

/* A heap of n rows whose top comes last in order: down from i. */
static void sift_down(struct pick *p, size_t i, size_t n)
{
    for (;;) {
        size_t last = i;
        for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < n; k++)
            if (is_before(p, row(p, last), row(p, k)))
                last = k;
        if (last == i)
            return;
        swap(p, i, last);
        i = last;
    }
}

static void sift_up(struct pick *p, size_t i)
{
    while (i > 0 && is_before(p, row(p, (i - 1) / 2), row(p, i))) {
        swap(p, i, (i - 1) / 2);
        i = (i - 1) / 2;
    }
}

static void keep(struct pick *p, const uint8_t *record)
{
    if (p->most != PICK_ALL && p->n == p->most) {
        if (!is_before(p, record, row(p, 0)))
            return;
        memcpy(row(p, 0), record, p->record_bytes);
        sift_down(p, 0, p->n);
        return;
    }
    if (p->n == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 256;
        p->rows = mem_resize(p->rows, p->cap, p->record_bytes);
    }
    memcpy(row(p, p->n++), record, p->record_bytes);
    if (p->most != PICK_ALL)
        sift_up(p, p->n - 1);
}

void pick_offer(struct pick *p, const uint8_t *records, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint8_t *record = records + i * p->record_bytes;
        p->offered++;
        if (!passes(p, record))
            continue;
        p->passed++;
        keep(p, record);
    }
}

uint64_t pick_offered(const struct pick *p) { return p->offered; }

uint64_t pick_passed(const struct pick *p) { return p->passed; }

const uint8_t *pick_rows(struct pick *p, size_t *n)
{
    *n = p->n;
    if (!p->by || p->sorted)
        return p->rows;
    p->sorted = true;
    if (p->most == PICK_ALL)
        for (size_t i = p->n / 2; i > 0; i--)
            sift_down(p, i - 1, p->n);
    for (size_t end = p->n; end > 1; end--) { /* the last of a heap goes behind it */
        swap(p, 0, end - 1);
        sift_down(p, 0, end - 1);
    }
    return p->rows;
}
