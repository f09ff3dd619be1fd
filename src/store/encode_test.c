#include "store/encode.h"

#include "base/hash.h"
#include "base/mem.h"
#include "store/bits.h"
#include "store/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int begin(void **state)
{
    static struct buf b;
    buf_init(&b, 1 << 24);
    *state = &b;
    return 0;
}

static int end(void **state)
{
    buf_free(*state);
    return 0;
}

/* A copy with the slack that decoders want. */
static uint8_t *padded(const uint8_t *p, size_t n)
{
    uint8_t *copy = mem_new(n + DECODE_SLACK, 1);
    memcpy(copy, p, n);
    return copy;
}

/* Encodings.md, "Run Length Encoding / Bit-Packing Hybrid": 0 to 7 in three bits. */
static void packs_bits_as_the_specification_shows(void **state)
{
    static const uint32_t codes[] = {0, 1, 2, 3, 4, 5, 6, 7};
    static const uint8_t want[] = {3, 1 << 1 | 1, 0x88, 0xc6, 0xfa};
    struct buf *b = *state;

    encode_codes(b, codes, COUNT_OF(codes), 3);
    assert_int_equal(b->len, sizeof want);
    assert_memory_equal(b->data, want, sizeof want);
}

static void writes_a_run_once(void **state)
{
    static const uint8_t want[] = {9, 0xa0, 0x06, 0x2c, 0x01}; /* 400 << 1, 300 in two bytes */
    struct buf *b = *state;
    uint32_t codes[400];

    for (size_t i = 0; i < COUNT_OF(codes); i++)
        codes[i] = 300;
    encode_codes(b, codes, COUNT_OF(codes), 9);
    assert_int_equal(b->len, sizeof want);
    assert_memory_equal(b->data, want, sizeof want);
    buf_reset(b);
    encode_codes_same(b, 300, COUNT_OF(codes), 9);
    assert_memory_equal(b->data, want, sizeof want);
}

/* Encodings.md, "Delta Encoding": 1, 2, 3, 4, 5, with our size of blocks. */
static void writes_deltas_as_the_specification_says(void **state)
{
    static const uint64_t v[] = {1, 2, 3, 4, 5};
    static const uint8_t want[] = {0x80, 0x01, 4, 5, 2, 2, 0, 0, 0, 0};
    struct buf *b = *state;

    encode_delta(b, v, COUNT_OF(v));
    assert_int_equal(b->len, sizeof want);
    assert_memory_equal(b->data, want, sizeof want);
}

/* Encodings.md, "Byte Stream Split". */
static void splits_bytes_as_the_specification_shows(void **state)
{
    static const uint8_t v[] = {0xaa, 0xbb, 0xcc, 0xdd, 0x00, 0x11,
                                0x22, 0x33, 0xa3, 0xb4, 0xc5, 0xd6};
    static const uint8_t want[] = {0xaa, 0x00, 0xa3, 0xbb, 0x11, 0xb4,
                                   0xcc, 0x22, 0xc5, 0xdd, 0x33, 0xd6};
    struct buf *b = *state;

    encode_split(b, v, 3, 4, 4);
    assert_int_equal(b->len, sizeof want);
    assert_memory_equal(b->data, want, sizeof want);
}

static void codes_round(struct buf *b, const uint32_t *codes, size_t n, unsigned width)
{
    uint32_t *out = mem_new(n + DECODE_GROUP, sizeof *out);
    bool same;

    buf_reset(b);
    encode_codes(b, codes, n, width);
    uint8_t *bytes = padded(b->data, b->len);
    struct cur c = cur_of(bytes, b->len);
    assert_true(decode_codes(&c, n, out, &same));
    assert_int_equal(cur_left(&c), 0);
    if (same)
        assert_int_equal(out[0], codes[0]);
    else
        assert_memory_equal(out, codes, n * sizeof *out);
    for (size_t cut = 0; cut < b->len; cut += 1 + b->len / 50) {
        c = cur_of(bytes, cut);
        assert_false(decode_codes(&c, n, out, &same));
    }
    free(bytes);
    free(out);
}

static void codes_of_every_width_come_back(void **state)
{
    static const size_t sizes[] = {1, 7, 8, 9, 64, 1000, 4099};
    uint32_t codes[4099];

    for (unsigned width = 1; width <= 32; width++)
        for (size_t s = 0; s < COUNT_OF(sizes); s++)
            for (unsigned run = 1; run < 100; run += 33) {
                for (size_t i = 0; i < sizes[s]; i++)
                    codes[i] = (uint32_t)(hash_mix(i / run + width) & bits_low(width));
                codes_round(*state, codes, sizes[s], width);
            }
}

static void levels_come_back(void **state)
{
    enum { N = 5000 };
    static const size_t sizes[] = {1, 8, 63, 64, 65, 700, N};
    struct buf *b = *state;

    for (unsigned pattern = 0; pattern < 5; pattern++)
        for (size_t s = 0; s < COUNT_OF(sizes); s++) {
            uint64_t in[N / 64 + 1] = {0};
            uint64_t out[N / 64 + 1] = {0};
            for (size_t i = 0; i < sizes[s]; i++) {
                bool on = pattern == 0   ? i % 2
                          : pattern == 1 ? i / 300 % 2
                          : pattern == 2 ? true
                          : pattern == 3 ? hash_mix(i) % 97 == 0
                                         : i + 1 == sizes[s];
                in[i / 64] |= (uint64_t)on << i % 64;
            }
            buf_reset(b);
            encode_levels(b, in, sizes[s]);
            struct cur c = cur_of(b->data, b->len);
            assert_true(decode_levels(&c, sizes[s], out));
            assert_int_equal(cur_left(&c), 0);
            assert_memory_equal(in, out, sizeof in);
            c = cur_of(b->data, b->len - 1);
            assert_false(decode_levels(&c, sizes[s], out));
        }
}

static bool deltas_all(struct cur c, size_t n, uint64_t *out)
{
    struct delta d;
    return delta_begin(&d, c, n) && delta_next(&d, n, out) && cur_left(&d.in) == 0;
}

static void deltas_of_every_width_come_back(void **state)
{
    static const size_t sizes[] = {1, 2, 32, 33, 129, 130, 1000};
    struct buf *b = *state;
    uint64_t v[1000];
    uint64_t out[1000];

    for (unsigned width = 0; width <= 64; width++)
        for (size_t s = 0; s < COUNT_OF(sizes); s++) {
            uint64_t sum = 0;
            for (size_t i = 0; i < sizes[s]; i++)
                v[i] = sum += hash_mix(i + width) & bits_low(width);
            buf_reset(b);
            encode_delta(b, v, sizes[s]);
            uint8_t *bytes = padded(b->data, b->len);
            assert_true(deltas_all(cur_of(bytes, b->len), sizes[s], out));
            assert_memory_equal(out, v, sizes[s] * sizeof *v);
            for (size_t cut = 0; cut < b->len; cut += 1 + b->len / 20)
                assert_false(deltas_all(cur_of(bytes, cut), sizes[s], out));
            free(bytes);
        }
}

static void deltas_come_in_pieces(void **state)
{
    enum { N = 1000 };
    struct buf *b = *state;
    uint64_t v[N];
    uint64_t out[N];
    struct delta d;

    for (size_t i = 0; i < N; i++)
        v[i] = hash_mix(i) % 100000;
    encode_delta(b, v, N);
    uint8_t *bytes = padded(b->data, b->len);
    for (size_t piece = 1; piece < 200; piece++) {
        size_t at = 0;
        assert_true(delta_begin(&d, cur_of(bytes, b->len), N));
        for (bool skip = false; at + piece <= N; at += piece, skip = !skip) {
            assert_true(skip ? delta_skip(&d, piece) : delta_next(&d, piece, out));
            if (!skip)
                assert_memory_equal(out, v + at, piece * sizeof *v);
        }
        assert_true(delta_next(&d, N - at, out));
        assert_memory_equal(out, v + at, (N - at) * sizeof *v);
        assert_false(delta_next(&d, 1, out));
    }
    free(bytes);
}

static void split_and_plain_numbers_come_back(void **state)
{
    enum { N = 1003, FROM = 100, SOME = 777 };
    struct buf *b = *state;
    uint64_t v[N];
    uint64_t out[N];

    for (size_t i = 0; i < N; i++)
        v[i] = hash_mix(i);
    for (size_t width = 1; width <= 8; width *= 2) {
        size_t wide = width < 4 ? 4 : width;
        const uint8_t *part = (const uint8_t *)v + FROM * width;
        buf_reset(b);
        encode_split(b, v, N, width, wide);
        assert_true(decode_split(b->data, N, FROM, SOME, wide, out, width));
        assert_memory_equal(out, part, SOME * width);
        buf_reset(b);
        encode_plain(b, v, N, width, wide);
        assert_true(decode_plain(b->data + FROM * wide, SOME, wide, out, width));
        assert_memory_equal(out, part, SOME * width);
    }
}

static void refuses_numbers_that_do_not_fit(void **state)
{
    static const uint32_t v[] = {1, 2, 256};
    struct buf *b = *state;
    uint8_t out[3];

    encode_split(b, v, 3, 4, 4);
    assert_false(decode_split(b->data, 3, 0, 3, 4, out, 1));
    assert_true(decode_split(b->data, 3, 0, 2, 4, out, 1));
    assert_false(decode_plain((const uint8_t *)v, 3, 4, out, 1));
    assert_true(decode_plain((const uint8_t *)v, 2, 4, out, 1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(packs_bits_as_the_specification_shows),
        TEST(writes_a_run_once),
        TEST(writes_deltas_as_the_specification_says),
        TEST(splits_bytes_as_the_specification_shows),
        TEST(codes_of_every_width_come_back),
        TEST(levels_come_back),
        TEST(deltas_of_every_width_come_back),
        TEST(deltas_come_in_pieces),
        TEST(split_and_plain_numbers_come_back),
        TEST(refuses_numbers_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
