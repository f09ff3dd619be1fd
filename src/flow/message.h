/* message: export datagrams of v1, v5 to v9 and IPFIX, written: header, template sets, data
 * sets.
 *
 * A struct message_session is what an exporting process keeps for one collector: its sequence
 * number counts in the version's unit (v5, v6, v7, v8: flows; v1 has none; v9: datagrams; IPFIX:
 * data records, options data included). A message is written into the caller's memory from
 * message_begin() to message_end(), and may hold sets of several kinds. */
#ifndef FLOW_MESSAGE_H
#define FLOW_MESSAGE_H

#include "base/buf.h"
#include "flow/encode.h"

enum { MESSAGE_HEADER_MAX = 28 };

struct message_session {
    uint16_t version;
    uint32_t domain; /* v9 source id, IPFIX observation domain; v5, v6, v8: engine type and id */
    uint8_t aggregation; /* v8: the scheme */
    uint16_t sampling;   /* v5: mode in the top two bits, interval in the rest */
    int64_t boot_ms;     /* UTC: where uptimes count from */
    uint32_t sequence;   /* of the next message */
};

struct message {
    struct message_session *session;
    struct buf b;
    struct encode_clock clock;
    size_t max_bytes;
    size_t set_at; /* the open set's header; 0: none */
    uint16_t set_id;
    unsigned templates; /* records by kind */
    unsigned records;
    size_t clipped; /* values, see encode_records() */
};

/* `mem` holds max_bytes. */
void message_begin(struct message *m, struct message_session *s, int64_t export_ms, void *mem,
                   size_t max_bytes);

/* A template, or an options template, whose number of scope fields comes from the layout. v9 and
 * IPFIX only. false: there is no room, and nothing was written. */
bool message_template(struct message *m, uint16_t id, const struct layout *l) MUST_USE;

/* Records of rows [from, from + n) as far as there is room: how many. `id` is the template's;
 * versions below 9 have none. */
size_t message_rows(struct message *m, uint16_t id, const struct encode *e,
                    const struct encode_rows *rows, size_t from, size_t n);

/* One record that the caller has encoded. false: no room. */
bool message_record(struct message *m, uint16_t id, const void *record, size_t len) MUST_USE;

static inline bool message_empty(const struct message *m)
{
    return m->templates == 0 && m->records == 0;
}

/* Completes the header and advances the session's sequence number. The datagram is m->b.data,
 * m->b.len. */
void message_end(struct message *m);

#endif
