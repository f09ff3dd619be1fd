#include "base/hash.h"

#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

typedef uint32_t crc_function(uint32_t crc, const void *data, size_t n);

/* RFC 3720 appendix B.4 lists the octets of the digest, least significant first. */
static void check_rfc3720(crc_function *crc)
{
    static const uint8_t read10[48] = {
        0x01, 0xc0, [16] = 0x14, [22] = 0x04, [27] = 0x14, [31] = 0x18, [32] = 0x28, [40] = 0x02};
    uint8_t data[32];

    memset(data, 0, sizeof data);
    assert_int_equal(crc(0, data, sizeof data), 0x8a9136aa);
    memset(data, 0xff, sizeof data);
    assert_int_equal(crc(0, data, sizeof data), 0x62a8ab43);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    assert_int_equal(crc(0, data, sizeof data), 0x46dd794e);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(31 - i);
    assert_int_equal(crc(0, data, sizeof data), 0x113fdb5c);
    assert_int_equal(crc(0, read10, sizeof read10), 0xd9963a56);
    assert_int_equal(crc(0, "123456789", 9), 0xe3069283); /* the usual check value */
    assert_int_equal(crc(0, "", 0), 0);
}

static void crc32c_gives_the_values_of_rfc_3720(void **state)
{
    (void)state;
    check_rfc3720(hash_crc32c);
    check_rfc3720(hash_crc32c_tables);
}

/* The usual check value, and what RFC 1952's code (section 8) gives. */
static void check_ieee(crc_function *crc)
{
    uint8_t data[1000];

    assert_int_equal(crc(0, "123456789", 9), 0xcbf43926);
    assert_int_equal(crc(0, "", 0), 0);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    assert_int_equal(crc(0, data, 256), 0x29058c73);
    assert_int_equal(crc(0, data, sizeof data), 0x74e3fb41);
}

static void crc32_gives_the_values_of_gzip(void **state)
{
    (void)state;
    check_ieee(hash_crc32);
    check_ieee(hash_crc32_tables);
}

static void check_agree(crc_function *crc, crc_function *tables)
{
    uint8_t data[1300];

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 167 + (i >> 3));
    for (size_t from = 0; from < 9; from++)
        for (size_t n = 0; from + n <= sizeof data; n++) {
            uint32_t all = crc(0, data + from, n);
            assert_int_equal(all, tables(0, data + from, n));
            size_t cut = n / 3;
            assert_int_equal(all, crc(crc(0, data + from, cut), data + from + cut, n - cut));
        }
}

static void both_ways_agree_at_every_length_offset_and_split(void **state)
{
    (void)state;
    check_agree(hash_crc32c, hash_crc32c_tables);
    check_agree(hash_crc32, hash_crc32_tables);
}

/* Values of the reference implementation's own test of its sanity (xxhsum). */
static void xxh64_is_the_one_without_seed(void **state)
{
    (void)state;
    assert_true(hash_xxh64("", 0) == UINT64_C(0xef46db3751d8e999));
    assert_true(hash_xxh64("abc", 3) == UINT64_C(0x44bc2cf5ad770999));
}

static void the_keyed_hash_depends_on_every_octet_and_the_length(void **state)
{
    uint8_t data[40] = {0};
    uint64_t h = hash_keyed(data, sizeof data);

    (void)state;
    assert_true(h == hash_keyed(data, sizeof data));
    assert_true(h != hash_keyed(data, sizeof data - 1));
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] ^= 1;
        assert_true(h != hash_keyed(data, sizeof data));
        data[i] ^= 1;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c_gives_the_values_of_rfc_3720),
        cmocka_unit_test(crc32_gives_the_values_of_gzip),
        cmocka_unit_test(both_ways_agree_at_every_length_offset_and_split),
        cmocka_unit_test(xxh64_is_the_one_without_seed),
        cmocka_unit_test(the_keyed_hash_depends_on_every_octet_and_the_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
