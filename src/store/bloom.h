/* bloom: Parquet's split-block Bloom filters of addresses: "is this address surely not in the
 * column chunk?" without reading the chunk.
 *
 *   thrift BloomFilterHeader, then the bits: blocks of 32 bytes, each eight words of 32 bits,
 *   little-endian. XXH64 of the value as PLAIN has it chooses with its upper half the block, with
 *   its lower half a bit in each word.
 *
 * 8 to 16 bits a value: the number of bytes is a power of two, since Arrow and ClickHouse refuse
 * others. About 1 to 3 in 100 absent addresses are not told to be absent.
 *
 * https://github.com/apache/parquet-format/blob/master/BloomFilter.md */
#ifndef STORE_BLOOM_H
#define STORE_BLOOM_H

#include "base/addr.h"
#include "base/buf.h"
#include "base/cursor.h"

enum {
    BLOOM_BLOCK = 32,         /* bytes */
    BLOOM_HEAD_MAX = 64,      /* ours have 15 bytes */
    BLOOM_BYTES_MAX = 1 << 27 /* other writers' limit, too */
};

/* Append head and bits of a filter of n (1 or more) distinct addresses. */
void bloom_put(struct buf *b, const struct addr *values, size_t n);

/* Read a head: the number of bytes behind it, or 0 if it is broken or not of the kind above. */
size_t bloom_head_read(struct cur *c);

struct bloom_probe {
    uint64_t block; /* which one to look at, of a filter of so many bytes */
    uint32_t key;
};

struct bloom_probe bloom_probe_of(const struct addr *value, size_t bytes);

/* false: the value is not there. */
bool bloom_block_has(const uint8_t block[static BLOOM_BLOCK], uint32_t key);

#endif
