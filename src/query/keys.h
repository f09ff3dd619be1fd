/* keys: what groups are made by, and their packed form.
 *
 * The keys of a row are packed into some 8-byte words, so that hashing and comparing a group is
 * hashing and comparing words. Each key has a place of 1 to 8 bytes that does not cross a word,
 * and a tag of two bits beside the others' (absent, here, or here by its number in `ids`):
 *
 *   integers, names, times   their own width; a time cut to a bucket stays a time
 *   address                  4 bytes: IPv4 as it is, IPv6 by number - the tag keeps families apart
 *   MAC                      6 bytes
 *   text, octets             4 bytes: by number
 *
 * So the classic five (addresses, ports, protocol) are two words. */
#ifndef QUERY_KEYS_H
#define QUERY_KEYS_H

#include "query/acc.h"
#include "query/intern.h"
#include "query/meter.h"
#include "query/value.h"

enum {
    KEYS_MAX = 16,
    KEYS_WORDS_MAX = KEYS_MAX + 1 /* all keys a word wide, and their tags */
};

struct key {
    enum field_id field;
    bool masked;       /* addresses: v4_bits of IPv4, v6_bits of IPv6 */
    uint8_t v4_bits;   /* 0..32 */
    uint8_t v6_bits;   /* 0..128 */
    int64_t bucket_ms; /* times: above 0, the length of a bucket */

    /* Where it lies; set by keys_place(). */
    uint8_t word, shift;
    uint8_t tag_word, tag_shift;
};

struct keys {
    struct key at[KEYS_MAX];
    size_t n;
    size_t words;
};

/* Give each key its place. */
void keys_place(struct keys *k);

/* The fields that packing reads. */
void keys_fields(const struct keys *k, struct field_set *want);

/* Pack the keys of a chunk's rows into out[n][words]. false if `ids` is full. */
bool keys_pack(const struct keys *k, struct intern *ids, const struct chunk *c,
               uint64_t *out) MUST_USE;

/* What one value gives to a packed row: `value` << shift in its word, `tag` << tag_shift in that of
 * the tags. An absent value is {0, 0}. */
struct key_part {
    uint64_t value;
    uint64_t tag;
};

/* The parts of n distinct values as a dictionary has them. false if `ids` is full. */
bool keys_parts(const struct key *key, struct intern *ids, const void *values, const uint8_t *text,
                size_t n, struct key_part *out) MUST_USE;

/* The field that takes the place of `f` when source and destination change places. */
enum field_id keys_swapped(enum field_id f);

/* Key i of a packed row. */
struct value keys_value(const struct keys *k, size_t i, const struct intern *ids,
                        const uint64_t *packed);

#endif
