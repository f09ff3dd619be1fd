#include "store/bloom.h"

#include "base/hash.h"
#include "store/thrift.h"

#include <string.h>

enum { WORDS = BLOOM_BLOCK / 4, BITS_MIN = 8 /* of a value */ };
enum { HEAD_BYTES = 1, HEAD_ALGORITHM = 2, HEAD_HASH = 3, HEAD_COMPRESSION = 4 };
enum { SPLIT_BLOCK = 1, XXHASH = 1, UNCOMPRESSED = 1 };

static const uint32_t salt[WORDS] = {0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d,
                                     0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31};

static size_t bytes_for(size_t n)
{
    size_t bytes = BLOOM_BLOCK;

    while (bytes < BLOOM_BYTES_MAX && bytes * 8 / BITS_MIN < n)
        bytes *= 2;
    return bytes;
}

/* A union of which an empty struct is chosen. */
static void put_choice(struct thrift_out *t, int id, int chosen)
{
    struct thrift_out outer = thrift_put_struct(t, id);
    struct thrift_out inner = thrift_put_struct(&outer, chosen);
    thrift_end(&inner);
    thrift_end(&outer);
}

struct bloom_probe bloom_probe_of(const struct addr *value, size_t bytes)
{
    uint64_t h = hash_xxh64(value, sizeof *value);
    return (struct bloom_probe){.block = (h >> 32) * (bytes / BLOOM_BLOCK) >> 32,
                                .key = (uint32_t)h};
}

static void block_add(uint8_t *block, uint32_t key)
{
    for (size_t i = 0; i < WORDS; i++) {
        uint32_t bit = key * salt[i] >> 27;
        block[i * 4 + bit / 8] |= (uint8_t)(1u << bit % 8);
    }
}

bool bloom_block_has(const uint8_t block[static BLOOM_BLOCK], uint32_t key)
{
    for (size_t i = 0; i < WORDS; i++) {
        uint32_t bit = key * salt[i] >> 27;
        if (!(block[i * 4 + bit / 8] >> bit % 8 & 1))
            return false;
    }
    return true;
}

void bloom_put(struct buf *b, const struct addr *values, size_t n)
{
    size_t bytes = bytes_for(n);
    struct thrift_out head = thrift_out_of(b);

    thrift_put_i32(&head, HEAD_BYTES, (int32_t)bytes);
    put_choice(&head, HEAD_ALGORITHM, SPLIT_BLOCK);
    put_choice(&head, HEAD_HASH, XXHASH);
    put_choice(&head, HEAD_COMPRESSION, UNCOMPRESSED);
    thrift_end(&head);
    uint8_t *bits = buf_room(b, bytes);
    if (!bits)
        return;
    memset(bits, 0, bytes);
    for (size_t i = 0; i < n; i++) {
        struct bloom_probe p = bloom_probe_of(&values[i], bytes);
        block_add(bits + p.block * BLOOM_BLOCK, p.key);
    }
}

/* Which struct of a union is chosen; 0: none. */
static int choice_read(struct thrift_in t)
{
    int chosen = 0;

    while (thrift_next(&t)) {
        chosen = t.id;
        thrift_skip(&t);
    }
    return chosen;
}

size_t bloom_head_read(struct cur *c)
{
    struct thrift_in t = thrift_in_of(c);
    int64_t bytes = 0;
    int algorithm = 0;
    int hash = 0;
    int compression = 0;

    while (thrift_next(&t)) {
        if (t.id == HEAD_BYTES)
            bytes = thrift_int(&t);
        else if (t.id == HEAD_ALGORITHM)
            algorithm = choice_read(thrift_struct(&t));
        else if (t.id == HEAD_HASH)
            hash = choice_read(thrift_struct(&t));
        else if (t.id == HEAD_COMPRESSION)
            compression = choice_read(thrift_struct(&t));
        else
            thrift_skip(&t);
    }
    bool ok = cur_ok(c) && algorithm == SPLIT_BLOCK && hash == XXHASH &&
              compression == UNCOMPRESSED && bytes > 0 && bytes <= BLOOM_BYTES_MAX &&
              bytes % BLOOM_BLOCK == 0;
    return ok ? (size_t)bytes : 0;
}
