/* Filters: parse, show what is wrong, run over a small batch; `not` of it selects the others;
 * printed and read back it selects the same. What stands behind a zero byte is the file that `in
 * @FILE` means, and the filter that `filter NAME` means, whatever their names. */
#include "filter/print.h"
#include "fuzz.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 70, WORDS = (ROWS + 63) / 64, TEXT_MAX = 4096 };

/* Every field here and there, with values that any bytes can be. */
static const struct batch *some_batch(void)
{
    static struct batch b;

    if (b.rows == ROWS)
        return &b;
    assert(batch_init(&b, ROWS));
    for (size_t i = 0; i < (size_t)FIELD_N * ROWS; i += 1 + i % 3) {
        enum field_id f = (enum field_id)(i / ROWS);
        enum kind kind = field_table[f].kind;
        uint8_t value[16];
        memset(value, (int)(i * 7 % 11), sizeof value);
        bool ok = kind == KIND_TEXT || kind == KIND_BYTES
                      ? batch_put_bytes(&b, f, i % ROWS, value, i % sizeof value)
                      : batch_put_raw(&b, f, i % ROWS, value);
        assert(ok);
    }
    b.rows = ROWS;
    return &b;
}

/* The input's second half. */
static char second[TEXT_MAX + 1];

static int read_second(const void *arg, const char *path, struct buf *out, struct err *err)
{
    (void)arg;
    (void)path;
    (void)err;
    buf_text(out, second);
    return 0;
}

static const struct filter_named *named_second(const void *arg, size_t i)
{
    static char name[] = "x";
    static struct filter_named row = {name, second, "x", 1, 1};

    (void)arg;
    return i == 0 ? &row : NULL;
}

static const struct filter_env env = {.read_file = read_second, .named = named_second};

static void check_print(const struct filter *f, const uint64_t selected[WORDS])
{
    uint64_t again[WORDS];
    struct filter_error e;
    struct filter *other;
    struct buf out;

    buf_init(&out, 64 << 20);
    filter_print(f, SIZE_MAX, &out);
    buf_u8(&out, 0);
    assert(buf_ok(&out));
    int r = filter_parse_at(&other, (const char *)out.data, NULL, &e);
    assert(r == 0);
    filter_eval(other, some_batch(), again);
    assert(memcmp(again, selected, sizeof again) == 0);
    filter_free(other);
    buf_free(&out);
}

static void check_not(const char *text, const uint64_t selected[WORDS])
{
    char inverse[TEXT_MAX + 8];
    struct filter_error e;
    struct filter *f;
    uint64_t others[WORDS];

    (void)snprintf(inverse, sizeof inverse, "not (%s)", text);
    if (filter_parse_at(&f, inverse, &env, &e) != 0)
        return; /* too deep with one bracket more, or no term at all */
    filter_eval(f, some_batch(), others);
    for (size_t row = 0; row < ROWS; row++)
        assert((selected[row / 64] ^ others[row / 64]) >> row % 64 & 1);
    filter_free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[TEXT_MAX + 1];
    struct filter *f;
    struct filter_error e;
    uint64_t selected[WORDS];

    if (size > TEXT_MAX)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    size_t first = strlen(text);
    (void)snprintf(second, sizeof second, "%s", first < size ? text + first + 1 : "");
    if (filter_parse_at(&f, text, &env, &e) != 0) {
        struct buf shown;
        buf_init(&shown, 65536);
        filter_error_print(&e, text, &shown);
        assert(buf_ok(&shown));
        buf_free(&shown);
        return 0;
    }
    filter_eval(f, some_batch(), selected);
    assert(selected[WORDS - 1] >> ROWS % 64 == 0);
    check_not(text, selected);
    check_print(f, selected);
    filter_free(f);
    return 0;
}
