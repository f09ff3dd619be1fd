/* field: the catalogue, derived from flow/fields.def.
 *
 * A field is a column of a batch and of the store, a key in JSON and a word in queries. Which
 * information element fills it, and how, is the business of flow/element.h. */
#ifndef FLOW_FIELD_H
#define FLOW_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kind {
    KIND_U8,
    KIND_U16,
    KIND_U32,
    KIND_U64,
    KIND_F64,
    KIND_TIME,  /* int64_t, UTC milliseconds since 1970 */
    KIND_ADDR,  /* struct addr, 16 bytes */
    KIND_MAC,   /* 6 bytes */
    KIND_TEXT,  /* struct cell: UTF-8 as the exporter sent it, without trailing zero bytes */
    KIND_BYTES, /* struct cell: octets */
    KIND_ENUM,  /* uint8_t: index of a name, see field_enum_name() */
    KIND_N
};

enum encoding { ENC_DICT, ENC_BSS, ENC_DELTA };

enum field_id {
#define FIELD(id, kind, enc, name, doc) FIELD_##id,
#include "flow/fields.def"
#undef FIELD
    FIELD_N,
    FIELD_NONE = FIELD_N
};

_Static_assert(FIELD_N < UINT8_MAX, "a field id fits a byte");

/* The catalogue's version, written into every file's footer; raised when rows are appended. */
enum { FIELD_CATALOGUE_VERSION = 1 };

struct field {
    const char *name;
    const char *doc;
    enum kind kind;
    enum encoding enc;
};

struct kind_info {
    const char *name;    /* as documentation writes it */
    const char *parquet; /* Parquet physical and logical type, for documentation */
    const char *sql;     /* ClickHouse type */
    uint8_t width;       /* bytes of a value in a batch column */
};

extern const struct field field_table[FIELD_N];
extern const struct kind_info kind_table[KIND_N];

/* FIELD_NONE if there is no such name. */
enum field_id field_by_name(const char *name, size_t len);

/* Names of KIND_ENUM fields: "flow" for kind 0. NULL if the code has none. */
const char *field_enum_name(enum field_id f, uint8_t code);

/* The code of a name, or -1. */
int field_enum_code(enum field_id f, const char *name, size_t len);

enum record_kind { RECORD_FLOW, RECORD_FIREWALL, RECORD_NAT, RECORD_SAMPLE, RECORD_OPTIONS };

enum rate_from {
    RATE_NONE,
    RATE_FORCED,
    RATE_RECORD,
    RATE_SAMPLER,
    RATE_INTERFACE,
    RATE_DOMAIN,
    RATE_HEADER,
    RATE_DEFAULT
};

/* A set of fields. */
struct field_set {
    uint64_t bits[(FIELD_N + 63) / 64];
};

static inline void field_set_add(struct field_set *s, enum field_id f)
{
    s->bits[f / 64] |= UINT64_C(1) << (f % 64);
}

static inline bool field_set_has(const struct field_set *s, enum field_id f)
{
    return s->bits[f / 64] >> (f % 64) & 1;
}

#endif
