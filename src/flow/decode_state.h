/* decode_state: what decoding the next datagram depends on, and its saved form.
 *
 * Saved as records, big-endian: type u8, length u32 of the body, body.
 *   1 template: key, refreshed i64, space u8, flags u8 (1 options, 2 of a known sender), n u16, n ×
 *     (enterprise u32, number u16, length u16, scope u8)
 *
 *   2 rate: address, domain u32, what u32, sampler u64, the double's bits u64, since i64, heard i64
 *
 *   3 held set, 8 of a known sender: key, header (version u16, count u16, uptime u32, export i64,
 * sequence u32, domain u32), received i64, octets
 *
 *   4 exporter: address, source u32, session u32, version u16, port u16, listener u16, flags u8 (1
 *     inclusive, 2 settled, 4 proper, 8 behind, 16 known), last received i64, next u32, last u32,
 *     uptime u32, export i64; if behind: the number behind it u32; start known u8, start i64; seen
 *     to be inclusive u8; n u8, n × gap (from u32, length u32); n u8, n × datagram (number u32,
 *     export i64), the oldest first; datagrams that it was met by u8, up to EXPORTERS_SETTLED
 *
 *   5 sender: prefix (address, bits u8); the forced rate: the double's bits u64; flags u8 (1
 *     reject, 2 trusts)
 *
 *   6 name: address, domain u32, kind u16, engine u16, id u64, since i64, heard i64, name's length
 *     u8, description's u8, both; one for each version, the oldest first
 *
 *   16 row of the books, if they are carried: address, minute i64, source u32, version u16, what
 *     u16, to the end: which u8, sum i64
 *
 *   key: address, domain u32, version u16, id u16, session u32, port u16, listener u16
 *
 *   7 quirks    the rules in force, as a file says them (quirk_conf.h)
 *
 * Each but the last begins with the sender's address. Templates stand in the order of their use,
 * held sets in the order of arrival, those of strangers before the others. */
#ifndef FLOW_DECODE_STATE_H
#define FLOW_DECODE_STATE_H

#include "flow/books.h"
#include "flow/exporters.h"
#include "flow/held.h"
#include "flow/naming.h"
#include "flow/rates.h"
#include "flow/template.h"

/* Times are subtracted and multiplied; what a file says must leave room for that. */
#define DECODE_TIME_MAX (INT64_C(1) << 52)

struct decode_state {
    struct templates templates;
    struct rates rates;
    struct books books;
    struct held held;
    struct exporters exporters;
    struct naming names;
};

void decode_state_init(struct decode_state *s, const struct decode_limits *limits,
                       struct counts *counts);
void decode_state_free(struct decode_state *s);

void decode_state_save(const struct decode_state *s, struct buf *out);

/* Into a new state; `fields` is room for LAYOUT_FIELDS_MAX. 0 or ERR_DATA, with part of it loaded.
 */
int decode_state_load(struct decode_state *s, struct cur *in, struct layout_field *fields,
                      struct err *err) MUST_USE;

#endif
