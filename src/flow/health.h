/* health: what is noted of an exporter beside its numbers, so that `weir doctor` can say what is
 * wrong with it: its clock, its silences, what its records tell, how long flows are, doubles.
 *
 * It changes nothing that is decoded and is not saved: it is about this run. The first
 * HEALTH_CLOSE_SETS data sets are looked at closely, and one in HEALTH_ONE_IN from then on: all
 * their times, and what the first record tells. One record at a time is remembered, and a copy of
 * it by another interface or direction looked for in all that follow within HEALTH_WATCH_MS: a flow
 * that is metered on its way in and out comes twice soon.
 *
 * Part of each exporter, of fixed size (some 350 octets). */
#ifndef FLOW_HEALTH_H
#define FLOW_HEALTH_H

#include "base/addr.h"
#include "base/count.h"
#include "flow/batch.h"
#include "wire/msg.h"

enum { HEALTH_CLOCK_MS = 60000, HEALTH_QUIET_MS = 60000, HEALTH_WATCH_MS = 30000 };
enum { HEALTH_CLOSE_SETS = 128, HEALTH_ONE_IN = 32 };

/* What records say, as bits: `sent` if a record had the field, `told` if it was not 0. */
enum health_says {
    HEALTH_BYTES = 1,
    HEALTH_PACKETS = 2,
    HEALTH_INTERFACE = 4, /* either of the two, likewise below */
    HEALTH_AS = 8,
    HEALTH_MASK = 16,
    HEALTH_TCP_FLAGS = 32,
    HEALTH_TIMES = 64,
    HEALTH_UPTIMES = 128, /* in ms since a start that nobody has told */
    HEALTH_ENTRY = 256,   /* direction 0, */
    HEALTH_EXIT = 512     /* and 1 */
};

/* The flow of which a copy is looked for. */
struct health_watch {
    bool on;
    uint8_t proto;
    uint8_t direction;
    uint16_t src_port;
    uint16_t dst_port;
    uint32_t in_if;
    uint32_t out_if;
    struct addr src;
    struct addr dst;
    uint64_t bytes;
    uint64_t packets;
    int64_t first_ms;
    int64_t since_ms; /* received */
};

struct health {
    /* The clock: how far it is ahead of ours, by the datagram that was the shortest time on its
     * way in each HEALTH_CLOCK_MS. */
    int64_t clock_best_ms; /* in the span in hand */
    int64_t clock_since_ms;
    uint64_t clock_spans; /* that are over: */
    int64_t clock_first_ms;
    int64_t clock_last_ms;
    int64_t clock_first_at_ms; /* received, the end of the first span and of the last */
    int64_t clock_last_at_ms;

    int64_t quiet_ms;   /* the longest silence that is usual */
    uint64_t silences;  /* those that were not, */
    int64_t silence_ms; /* and the longest of them */

    uint16_t sent; /* of enum health_says */
    uint16_t told;
    uint16_t rates;           /* bits: enum rate_from of records */
    uint16_t header;          /* the sampling that a v5 header said last */
    uint64_t sets;            /* of flows */
    uint64_t looked;          /* records that were looked at closely, */
    uint64_t tcp;             /* those of TCP among them, */
    uint64_t unknown_sampler; /* and those of a sampler whose rate is not known: */
    uint64_t sampler;         /* the last such */

    uint64_t timed;       /* flows whose times were looked at: */
    int64_t longest_ms;   /* flow, of those up to a day */
    uint64_t over_minute; /* and a tenth more, likewise */
    uint64_t over_five;   /* minutes */
    uint64_t over_day;
    uint64_t backward; /* end before they begin */
    uint64_t ahead;    /* end an hour after they were exported, or later */

    struct health_watch watch;
    uint64_t watched;
    uint64_t doubles;

    uint64_t held;     /* data sets that waited for their template, */
    uint64_t released; /* those whose template came */
    uint64_t malformed;
    enum count_id malformed_why; /* the last: what, */
    uint16_t malformed_set;      /* in which set, */
    int64_t malformed_ms;        /* and when */
};

/* A datagram of it has come; `last_ms` is when the one before did, INT64_MIN: it is the first. */
void health_datagram(struct health *h, const struct msg *m, int64_t received_ms, int64_t last_ms,
                     bool settled);

/* Rows [row, row + n), at least one, have been decoded; events and samples among them are not
 * looked at. */
void health_flows(struct health *h, const struct batch *b, size_t row, size_t n);

#endif
