/* source: what of a record an aggregate is about: a field, or a measure as --sort knows them.
 *
 * Bytes and packets, and rates made of them, are multiplied by the record's sampling rate, as
 * everywhere in groups. */
#ifndef QUERY_SOURCE_H
#define QUERY_SOURCE_H

#include "query/acc.h"
#include "query/value.h"

enum source_kind {
    SOURCE_FIELD,
    SOURCE_BYTES,
    SOURCE_PACKETS,
    SOURCE_DURATION, /* in milliseconds */
    SOURCE_BPS,
    SOURCE_PPS,
    SOURCE_BPP,
    SOURCE_BYTES_OUT, /* of a folded conversation: from its client; of parts, the part's */
    SOURCE_BYTES_IN,
    SOURCE_PACKETS_OUT,
    SOURCE_PACKETS_IN
};

struct source {
    enum source_kind kind;
    enum field_id field; /* of SOURCE_FIELD */
};

/* How its values are to be read. */
enum number {
    NUMBER_NONE, /* none: an address, text */
    NUMBER_UINT,
    NUMBER_REAL, /* the bits of a double */
    NUMBER_TIME  /* int64_t */
};

enum number source_number(const struct source *s);

/* Name in columns: "bytes", "duration_ms". */
const char *source_name(const struct source *s);
enum unit source_unit(const struct source *s);

/* A source by its name: bytes, packets, duration, bps, pps, bpp, or a field. */
bool source_find(const char *name, size_t len, struct source *out) MUST_USE;

/* The fields that it reads. */
void source_fields(const struct source *s, struct field_set *want);

/* Values of a chunk's rows: numbers, or hashes of what is there (distinct_hash()). */
struct values {
    uint64_t v[METER_CHUNK];
    bool seen[METER_CHUNK];
};

void source_numbers(const struct source *s, const struct chunk *c, struct values *out);
void source_hashes(const struct source *s, const struct chunk *c, struct values *out);

/* The hashes of n values of a field as a column has them; cells refer to `text`. */
void source_hash(enum field_id f, const void *values, const uint8_t *text, size_t n, uint64_t *out);

#endif
