/* sequence: what the numbers in export datagrams say of datagrams that did not come.
 *
 * Each version counts something else, and each counts before the datagram it stands in:
 *
 *   v1              nothing
 *   v5, v6, v7, v8  flow records of an engine
 *   v9              datagrams of a source id (RFC 3954, section 5.1)
 *   IPFIX           data records of an observation domain, options data included, templates not
 *                   (RFC 7011, section 3.1)
 *
 * softflowd's IPFIX counts the flow records of the datagram itself too, and no options data. Which
 * way an exporter counts is told by its first numbers that agree with one way only; with
 * softflowd's it takes two. What is missing if the first of them was chance is in doubt until then.
 *
 * A datagram ahead of what was expected leaves a gap, which counts as lost until what fits it
 * comes: then that was late, and not lost. Some gaps are remembered, and where recent datagrams
 * began, by which one that comes twice is told. What is far behind and fits no gap is a restart, if
 * the exporter's uptime went back, its numbers begin anew, or a second such datagram follows on it.
 *
 * Numbers are 32 bits and wrap. */
#ifndef FLOW_SEQUENCE_H
#define FLOW_SEQUENCE_H

#include "wire/msg.h"

#include <stdbool.h>
#include <stdint.h>

enum { SEQUENCE_GAPS = 8, SEQUENCE_RECENT = 16 };

enum sequence_verdict {
    SEQUENCE_FIRST, /* nothing to compare with */
    SEQUENCE_IN_ORDER,
    SEQUENCE_GAP,       /* something before it did not come (yet) */
    SEQUENCE_LATE,      /* it fills a gap, or part of one */
    SEQUENCE_DUPLICATE, /* it has come before */
    SEQUENCE_BEHIND,    /* from before what is remembered: too late, or the first of a restart */
    SEQUENCE_RESTART    /* the exporter counts anew */
};

/* One datagram, as far as its number is concerned. */
struct sequence_step {
    const struct msg *head;
    uint32_t flows;   /* flow records in it */
    uint32_t options; /* records of options data */
    bool whole;       /* false: some of its records could not be counted (no template, malformed) */
};

struct sequence_gap {
    uint32_t from;
    uint32_t len;
};

struct sequence {
    bool known;     /* `next` is what should come */
    bool inclusive; /* softflowd's way of counting */
    bool proper;    /* the right way: a number has agreed with that only */
    uint8_t inclusive_seen;
    struct sequence_gap doubt; /* missing, unless it counts in softflowd's way; len 0: nothing */
    uint32_t next;
    uint32_t last; /* number of the newest datagram, */
    uint32_t uptime_ms;
    int64_t export_ms;
    uint32_t behind; /* where the datagram after one that was BEHIND should be; if is_behind */
    bool is_behind;
    struct sequence_gap gap[SEQUENCE_GAPS]; /* oldest first */
    uint8_t n_gaps;
    struct sequence_seen {
        uint32_t first;
        int64_t export_ms;
    } recent[SEQUENCE_RECENT];
    uint8_t n_recent;
    uint8_t recent_at;
    /* Totals. `lost` is in units of the version and falls again when what was missed comes late. */
    uint64_t lost;
    uint64_t missed; /* that which came late too */
    uint64_t gaps;
    uint64_t late;
    uint64_t duplicates;
    uint64_t behinds;
    uint64_t restarts;
};

/* Does the version count at all? */
static inline bool sequence_counts(const struct msg *m) { return m->version != 1; }

/* Take the next datagram of this sequence, which must be zeroed before the first. */
enum sequence_verdict sequence_add(struct sequence *s, const struct sequence_step *step);

/* Whether a datagram with this header comes out of order: late, twice, or from before what is
 * remembered. What begins anew does not. It depends on what is saved of a sequence only. */
bool sequence_out_of_order(const struct sequence *s, const struct msg *head);

/* "records", "datagrams"; what a version counts. */
const char *sequence_unit(uint16_t version);

#endif
