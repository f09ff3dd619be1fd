/* pq_format: numbers and structures of Parquet's metadata that writer and reader share.
 *
 *   file      "PAR1", column chunks of all row groups, footer, u32 length of footer, "PAR1"
 *   chunk     [dictionary page] data page...         a column of a row group
 *   page      thrift PageHeader, then its bytes; data pages are of version 2: definition levels as
 *             they are, then the values, which alone may be compressed
 *   footer    thrift FileMetaData: schema, chunks with offsets and statistics, keys and values
 *
 * https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift */
#ifndef STORE_PQ_FORMAT_H
#define STORE_PQ_FORMAT_H

#include "base/cursor.h"
#include "flow/field.h"
#include "store/codec.h"

enum { PQ_MAGIC_BYTES = 4, PQ_TAIL_BYTES = 8 };
extern const char pq_magic[PQ_MAGIC_BYTES];

enum pq_physical { PQ_INT32 = 1, PQ_INT64 = 2, PQ_DOUBLE = 5, PQ_BYTE_ARRAY = 6, PQ_FIXED = 7 };

enum pq_encoding {
    PQ_PLAIN = 0,
    PQ_RLE = 3,
    PQ_DELTA = 5,
    PQ_RLE_DICTIONARY = 8,
    PQ_SPLIT = 9 /* BYTE_STREAM_SPLIT */
};

enum pq_page_type { PQ_PAGE_DATA = 0, PQ_PAGE_DICTIONARY = 2, PQ_PAGE_DATA_V2 = 3 };

enum {
    PQ_PAGE_ROWS = 65536,          /* rows of a page, unless all are null */
    PQ_GROUP_ROWS = 1 << 20,       /* rows of a row group, unless told */
    PQ_GROUP_ROWS_MAX = 1 << 20,   /* and of a page, since all-null chunks have one */
    PQ_PAGE_BYTES_MAX = 256 << 20, /* one value of a batch (64 MB), each byte as U+FFFD, and some */
    PQ_FOOTER_BYTES_MAX = 64 << 20
};

/* What a kind of field is in Parquet. */
struct pq_kind {
    enum pq_physical physical;
    int8_t converted; /* ConvertedType, -1: none */
    uint8_t int_bits; /* LogicalType INTEGER, unsigned, of so many bits; 0: none */
    bool timestamp;   /* LogicalType TIMESTAMP, milliseconds, UTC */
    bool string;      /* LogicalType STRING */
    uint8_t width;    /* bytes of a PLAIN value; 0: they have a length before them */
};

extern const struct pq_kind pq_kinds[KIND_N];

/* A column chunk as the footer describes it. */
enum { PQ_BOUND_BYTES = 32 /* of a longer text no minimum and maximum is written */ };

struct pq_bound {
    uint8_t len;
    uint8_t bytes[PQ_BOUND_BYTES]; /* as PLAIN would write it, without length */
};

struct pq_chunk {
    enum codec_id codec;
    uint32_t encodings; /* a bit for each pq_encoding */
    uint64_t values;    /* nulls included */
    uint64_t nulls;     /* reading: UINT64_MAX if the file does not say */
    uint64_t raw_bytes;
    uint64_t bytes;
    uint64_t data_at;
    uint64_t dict_at;     /* 0: no dictionary */
    uint64_t bloom_at;    /* 0: no Bloom filter */
    uint64_t bloom_bytes; /* with its head; 0: the file does not say */
    bool bounded;
    struct pq_bound min;
    struct pq_bound max;
};

/* Where a chunk begins. */
static inline uint64_t pq_chunk_at(const struct pq_chunk *c)
{
    return c->dict_at != 0 && c->dict_at < c->data_at ? c->dict_at : c->data_at;
}

/* A page's head. */
struct pq_page {
    enum pq_page_type type;
    enum pq_encoding encoding;
    uint32_t raw_bytes; /* levels included */
    uint32_t bytes;
    uint32_t values; /* nulls included */
    uint32_t nulls;
    uint32_t level_bytes;
    bool packed;
    bool summed;  /* reading: there is a checksum; we always write one */
    uint32_t crc; /* CRC-32 of the bytes behind the head */
};

#endif
