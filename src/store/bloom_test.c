#include "store/bloom.h"

#include "base/hash.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HEAD = 15 };

/* 192.0.2.1 to .10 and 2001:db8::1, as DuckDB 2.0 writes a filter of them. */
static const uint8_t duckdb[HEAD + BLOOM_BLOCK] = {
    0x15, 0x40, 0x1c, 0x1c, 0x00, 0x00, 0x1c, 0x1c, 0x00, 0x00, 0x1c, 0x1c, 0x00, 0x00, 0x00, 0x00,
    0x16, 0x18, 0x63, 0x17, 0x90, 0x24, 0x05, 0xa0, 0x30, 0xab, 0x20, 0x00, 0xa4, 0xc0, 0x95, 0x40,
    0x30, 0x11, 0x32, 0xa0, 0x23, 0x92, 0x20, 0x28, 0x02, 0x19, 0x29, 0x6a, 0x40, 0x1b, 0x00};

static void has_the_bytes_that_another_implementation_writes(void **state)
{
    struct addr values[11] = {[10] = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}}};
    struct buf b;

    (void)state;
    for (uint8_t i = 0; i < 10; i++)
        values[i] = addr_of_v4((uint8_t[]){192, 0, 2, (uint8_t)(i + 1)});
    buf_init(&b, 1000);
    bloom_put(&b, values, COUNT_OF(values));
    assert_int_equal(b.len, sizeof duckdb);
    assert_memory_equal(b.data, duckdb, sizeof duckdb);
    buf_free(&b);
}

static struct addr value_of(uint64_t i)
{
    uint64_t h[2] = {hash_mix(i + 1), hash_mix(~i)};
    struct addr a;

    memcpy(a.b, h, sizeof a.b);
    return i % 3 ? addr_of_v4(a.b) : a;
}

static bool has(const struct buf *b, const struct addr *a)
{
    struct cur c = cur_of(b->data, b->len);
    size_t bytes = bloom_head_read(&c);

    assert_int_equal(cur_left(&c), bytes);
    struct bloom_probe p = bloom_probe_of(a, bytes);
    assert_true(p.block < bytes / BLOOM_BLOCK);
    return bloom_block_has(c.at + p.block * BLOOM_BLOCK, p.key);
}

static void never_denies_what_is_there_and_mostly_what_is_not(void **state)
{
    enum { MOST = 5000, ABSENT = 2000 };
    struct addr *values = mem_new(MOST, sizeof *values);
    struct buf b;

    (void)state;
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < MOST; i++)
        values[i] = value_of(i);
    for (size_t n = 1; n <= MOST; n += 1 + n / 3) {
        size_t wrong = 0;
        buf_reset(&b);
        bloom_put(&b, values, n);
        for (size_t i = 0; i < n; i++)
            assert_true(has(&b, &values[i]));
        for (size_t i = 0; i < ABSENT; i++) {
            struct addr a = value_of(MOST + i);
            wrong += has(&b, &a);
        }
        assert_in_range(wrong, 0, ABSENT / 20);
        struct cur c = cur_of(b.data, b.len);
        size_t bytes = bloom_head_read(&c);
        assert_true(bytes >= n && (bytes < n * 2 || bytes == BLOOM_BLOCK));
        assert_int_equal(bytes & (bytes - 1), 0);
    }
    buf_free(&b);
    free(values);
}

static void refuses_heads_cut_short_or_of_another_kind(void **state)
{
    (void)state;
    for (size_t n = 0; n < HEAD; n++) {
        struct cur c = cur_of(duckdb, n);
        assert_int_equal(bloom_head_read(&c), 0);
    }
    for (size_t i = 0; i < HEAD * 8; i++) {
        uint8_t bad[HEAD];
        memcpy(bad, duckdb, sizeof bad);
        bad[i / 8] ^= (uint8_t)(1u << i % 8);
        struct cur c = cur_of(bad, sizeof bad);
        size_t bytes = bloom_head_read(&c);
        assert_true(bytes % BLOOM_BLOCK == 0 && bytes <= BLOOM_BYTES_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_bytes_that_another_implementation_writes),
        cmocka_unit_test(never_denies_what_is_there_and_mostly_what_is_not),
        cmocka_unit_test(refuses_heads_cut_short_or_of_another_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
