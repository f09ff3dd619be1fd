/* msg: the header of an export datagram of any version.
 *
 *        v1     v5, v6, v7   v8           v9          IPFIX (RFC 7011 3.1)
 *   0    version, u16 everywhere
 *   2    count  count        count        count       length
 *   4    uptime uptime       uptime       uptime      export seconds
 *   8    secs   secs         secs         secs        sequence
 *   12   nsecs  nsecs        nsecs        sequence    domain
 *   16   -      sequence     sequence     source id   -
 *   20   -      engine type  engine type  -           -
 *   21   -      engine id    engine id    -           -
 *   22   -      sampling     aggregation, version of it
 *   len  16     24           28           20          16
 *
 * v6 and v7 leave 20 to 23 reserved or use them in part (see reference in docs/architecture.md). */
#ifndef WIRE_MSG_H
#define WIRE_MSG_H

#include "base/cursor.h"
#include "base/err.h"

struct msg {
    uint16_t version;
    uint16_t count;      /* records that the header claims; 0 in IPFIX */
    uint32_t uptime_ms;  /* v1 to v9 */
    int64_t export_ms;   /* UTC */
    uint32_t sequence;   /* 0 in v1 */
    uint32_t domain;     /* v9 source id, IPFIX observation domain */
    uint8_t engine_type; /* v5, v6, v8 */
    uint8_t engine_id;
    uint8_t aggregation; /* v8 scheme, 1 to 14 */
    uint16_t sampling;   /* v5: mode in the top two bits, interval in the rest */
    bool odd_length;     /* IPFIX: the length is not that of the octets there are */
    struct cur body;     /* records (v1 to v8) or sets (v9, IPFIX) */
};

/* The version at the start of the bytes, or 0 if they are too few. */
uint16_t msg_version(const void *data, size_t len);

/* Length of the header of a version, 0 if there is no such version. */
size_t msg_header_len(uint16_t version);

static inline bool msg_has_sets(const struct msg *m) { return m->version >= 9; }
static inline bool msg_has_engine(const struct msg *m)
{
    return m->version == 5 || m->version == 6 || m->version == 8;
}

/* Read a header; *in is left at what is behind the message: nothing, or another IPFIX message.
 * Where IPFIX's length is wrong the octets count, all that there are. 0; ERR_LIMIT: no version that
 * we know; ERR_DATA: too short for its header. */
int msg_read(struct cur *in, struct msg *out, struct err *err) MUST_USE;

#endif
