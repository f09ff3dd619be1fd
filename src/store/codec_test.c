#include "store/codec.h"

#include "base/hash.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PLANE = 50000, PLANES = 4, N = PLANE * PLANES };

/* As numbers lie in BYTE_STREAM_SPLIT: bytes without order, three bits of such, nothing. */
static uint8_t *planes(void)
{
    uint8_t *v = mem_new(N, 1);

    for (size_t i = 0; i < PLANE; i++) {
        v[i] = (uint8_t)hash_mix(i);
        v[PLANE + i] = (uint8_t)(hash_mix(i + N) & 7);
    }
    return v;
}

static void must_unpack(enum codec_id id, const uint8_t *packed, size_t len, const uint8_t *want)
{
    struct codec *c = codec_new();
    uint8_t *out = mem_new(N, 1);
    struct err err;

    assert_int_equal(codec_unpack(c, id, packed, len, out, N, &err), 0);
    assert_memory_equal(out, want, N);
    for (size_t cut = 1; cut < len; cut = cut * 3 + 1)
        assert_int_equal(codec_unpack(c, id, packed, len - cut, out, N, &err), ERR_DATA);
    assert_int_equal(codec_unpack(c, id, packed, len, out, N - 1, &err), ERR_DATA);
    free(out);
    codec_free(c);
}

static void what_is_packed_comes_out(void **state)
{
    static const enum codec_id ids[] = {CODEC_ZSTD, CODEC_LZ4};
    static const size_t plane[] = {1, 100, PLANE, N};
    uint8_t *v = planes();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        struct codec *c = codec_new();
        size_t cap = codec_bound(ids[i], N);
        uint8_t *out = mem_new(cap, 1);
        size_t len = codec_pack(c, ids[i], v, N, out, cap);
        assert_in_range(len, 1, cap);
        must_unpack(ids[i], out, len, v);
        for (size_t k = 0; k < COUNT_OF(plane); k++) {
            len = codec_pack_numbers(c, ids[i], v, N, plane[k], out, cap);
            assert_in_range(len, 1, cap);
            must_unpack(ids[i], out, len, v);
        }
        assert_int_equal(codec_pack_numbers(c, ids[i], v, N, PLANE, out, 100), 0);
        free(out);
        codec_free(c);
    }
    free(v);
}

/* A plane of 256 and one of 8 equally frequent bytes are 8 and 3 bits a value, each by itself;
 * by one Huffman code the bytes of both cost more. */
static void planes_are_packed_each_by_itself(void **state)
{
    struct codec *c = codec_new();
    size_t cap = codec_bound(CODEC_ZSTD, N);
    uint8_t *out = mem_new(cap, 1);
    uint8_t *v = planes();

    (void)state;
    size_t apart = codec_pack_numbers(c, CODEC_ZSTD, v, N, PLANE, out, cap);
    size_t together = codec_pack_numbers(c, CODEC_ZSTD, v, N, N, out, cap);
    assert_in_range(apart, PLANE + PLANE * 3 / 8, PLANE + PLANE * 3 / 8 + PLANE / 50);
    assert_in_range(together, apart + PLANE / 50, N);
    free(v);
    free(out);
    codec_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_packed_comes_out),
        cmocka_unit_test(planes_are_packed_each_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
