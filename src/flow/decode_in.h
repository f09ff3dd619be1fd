/* decode_in: what the parts of the decoder share: decode.c, which goes through messages, and
 * decode_records.c, which makes rows of records. Nobody else's. */
#ifndef FLOW_DECODE_IN_H
#define FLOW_DECODE_IN_H

#include "flow/decode.h"
#include "flow/decode_state.h"
#include "flow/fixed_plans.h"

static const int64_t decode_day_ms = 86400000;

struct decoder {
    struct decode_limits limits;
    struct out *out;
    struct decode_watch *watch;
    struct counts *counts;
    struct batch *batch;   /* in hand */
    struct batch *options; /* of the set in hand */
    struct decode_state state;
    struct fixed_plans fixed;
    struct layout_field *fields; /* of the template in hand */
    uint64_t number;
    size_t misses; /* of the datagram in hand, see release() */
    size_t withdrawals_of_all;
    struct troubles troubles;
    /* Of the message in hand. */
    uint32_t flows;
    uint32_t n_options;
    bool uncounted; /* it has records that could not be counted */
    bool malformed; /* something of it could not be read */
};

/* What is known of the set in hand. */
struct context {
    const struct msg *head;
    const struct sender *from;
    struct exporter *exporter; /* NULL: there is no room for it */
    struct book *book;         /* where its records are entered */
    int64_t received_ms;
    uint64_t number;
    uint16_t set;
    bool was_held;
    double forced_rate; /* the operator's; 0: none */
    bool trusts;        /* exporters are whom records name */
    bool reject;        /* it comes out of order, and the operator wants none of that */
};

/* No stranger: what it has said is not pushed out by what strangers say. */
static inline bool decode_is_known(const struct exporter *x) { return x && x->settled; }

/* Who watches hears of it. */
void decode_tell(struct decoder *d, const struct context *c, struct decode_event e);

/* It is counted, entered in the books and among the troubles, and told: so many octets were not
 * read. */
void decode_malformed(struct decoder *d, const struct context *c, enum count_id why, size_t octets,
                      const char *reason);

/* A set whose records nobody can count is not stored. */
void decode_refuse_set(struct book *book, size_t octets);

/* All records at the cursor, into the batches. Returns how many there were. */
size_t decode_records(struct decoder *d, const struct context *c, struct plan *p,
                      struct cur records);

#endif
