/* dict: the distinct values of a column, numbered in the order of their first appearance.
 *
 * Built while values come in: 1- and 2-byte values by a table of all, others by open addressing.
 * Values that fit 32 bits (all U32, small U64, IPv4 addresses) live in slots that hold the value
 * itself, so a hit touches one cache line; the rest is found by hash and compared. Strangers choose
 * the values, so both hashes are keyed.
 *
 * Bounds: the owner stops at its own limit of entries (n) and bytes (dict_bytes); slots are at most
 * four times the entries. Memory is kept over dict_reset(). */
#ifndef STORE_DICT_H
#define STORE_DICT_H

#include "base/buf.h"
#include "flow/batch.h"

struct dict_slot {
    uint32_t key;  /* the value, or the upper half of its hash */
    uint32_t code; /* + 1; 0: empty */
};

struct dict_table {
    struct dict_slot *slots;
    unsigned bits; /* log2 of the number of slots */
    uint32_t n;
};

struct dict {
    enum kind kind;
    size_t width;    /* of an entry in `keys` */
    uint32_t n;      /* entries */
    struct buf keys; /* values one after another; for TEXT and BYTES cells into `bytes` */
    struct buf bytes;
    uint32_t *direct;        /* code + 1 by value */
    struct dict_table small; /* by value */
    struct dict_table large; /* by hash */
    uint64_t multiplier;
};

void dict_init(struct dict *d, enum kind kind);
void dict_free(struct dict *d);
void dict_reset(struct dict *d);

static inline size_t dict_bytes(const struct dict *d) { return d->keys.len + d->bytes.len; }

/* Codes of n values of any kind but TEXT and BYTES, as they lie in a batch column. */
void dict_codes(struct dict *d, const void *values, size_t n, uint32_t *codes);

/* Code of one TEXT or BYTES value. */
uint32_t dict_code_text(struct dict *d, const uint8_t *s, size_t n);

#endif
