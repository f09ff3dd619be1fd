/* Filters: parse, show what is wrong, run over a small batch; `not` of it selects the others. */
#include "filter/filter.h"
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

static void check_not(const char *text, const uint64_t selected[WORDS])
{
    char inverse[TEXT_MAX + 8];
    struct filter *f;
    uint64_t others[WORDS];

    (void)snprintf(inverse, sizeof inverse, "not (%s)", text);
    if (filter_parse(&f, inverse, NULL) != 0)
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
    if (filter_parse_at(&f, text, NULL, &e) != 0) {
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
    filter_free(f);
    return 0;
}
