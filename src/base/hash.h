/* hash: CRCs for what lies on disk, a keyed hash for tables that strangers can fill. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32C (Castagnoli, RFC 3720 appendix B.4), as in iSCSI: crc of nothing is 0. */
uint32_t hash_crc32c(uint32_t crc, const void *data, size_t n);

/* The same where the processor has no instruction for it. */
uint32_t hash_crc32c_tables(uint32_t crc, const void *data, size_t n);

/* CRC-32 (IEEE 802.3), as in gzip and in the pages of Parquet files; and without instructions. */
uint32_t hash_crc32(uint32_t crc, const void *data, size_t n);
uint32_t hash_crc32_tables(uint32_t crc, const void *data, size_t n);

/* 64 bits of XXH3 under a key drawn once per process: a sender cannot aim for collisions. */
uint64_t hash_keyed(const void *data, size_t n);

/* XXH64 with seed 0, where a format asks for it; for tables, strangers know it too well. */
uint64_t hash_xxh64(const void *data, size_t n);

/* A full-avalanche mix of one word, for keys that no stranger chooses freely. */
static inline uint64_t hash_mix(uint64_t z)
{
    z = (z ^ (z >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    z = (z ^ (z >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    return z ^ (z >> 32);
}

#endif
