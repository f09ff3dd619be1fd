/* kit: what the tests of filters share: rows written by hand, and the rows that a text selects. */
#ifndef FILTER_KIT_H
#define FILTER_KIT_H

#include "filter/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct batch batch;

static inline void num(enum field_id f, size_t row, uint64_t v)
{
    assert_true(batch_put_u64(&batch, f, row, v));
}

static inline void addr(enum field_id f, size_t row, const char *text)
{
    struct addr a;
    assert_int_equal(addr_parse(text, &a, NULL), 0);
    assert_true(batch_put_raw(&batch, f, row, &a));
}

static inline void octets(enum field_id f, size_t row, const void *s, size_t n)
{
    assert_true(batch_put_bytes(&batch, f, row, s, n));
}

static inline void text(enum field_id f, size_t row, const char *s)
{
    octets(f, row, s, strlen(s));
}

static inline void mac(enum field_id f, size_t row, uint8_t last)
{
    const uint8_t v[6] = {0x00, 0x11, 0x22, 0x33, 0x44, last};
    assert_true(batch_put_raw(&batch, f, row, v));
}

/* The rows that a filter selects, as "0 2 3". */
struct kit_rows {
    char text[200];
};

static inline struct kit_rows rows_of(const struct filter *f)
{
    uint64_t selected = ~UINT64_C(0);
    struct kit_rows out = {""};
    size_t len = 0;

    filter_eval(f, &batch, &selected);
    for (size_t row = 0; row < 64; row++)
        if (selected >> row & 1)
            len +=
                (size_t)snprintf(out.text + len, sizeof out.text - len, len ? " %zu" : "%zu", row);
    return out;
}

static inline void check_with(const struct filter_env *env, const char *s, const char *rows)
{
    struct filter *f = NULL;
    struct filter_error wrong = {0};

    if (filter_parse_at(&f, s, env, &wrong) != 0)
        fail_msg("%s: %s", s, wrong.text);
    struct kit_rows got = rows_of(f);
    if (strcmp(got.text, rows) != 0)
        fail_msg("%s selects rows \"%s\", expected \"%s\"", s, got.text, rows);
    filter_free(f);
}

/* The text must be wrong at `at`, and what is said of it must have `says` in it. */
static inline void check_wrong(const struct filter_env *env, const char *s, size_t at,
                               const char *says)
{
    struct filter *f = NULL;
    struct filter_error wrong = {0};

    if (filter_parse_at(&f, s, env, &wrong) == 0)
        fail_msg("%s: is taken", s);
    if (wrong.at != at || !strstr(wrong.text, says))
        fail_msg("%s: at %zu: %s; expected at %zu: %s", s, wrong.at, wrong.text, at, says);
}

#endif
