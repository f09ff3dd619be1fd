/* decode: export datagrams of every version → batches of flows.
 *
 * One path for all: wire/ finds the sets, a layout (a template, or the constant one of a fixed
 * version) is compiled into a plan once, and the plan fills the batch's columns from the records
 * of a set. Options data feed the sampling table; data whose template is not known are held.
 *
 * A decoder belongs to one thread. Its clock is the `received_ms` of the datagrams, nothing else,
 * so that the same datagrams give the same rows live, from a journal, and from a file.
 *
 * State that strangers can create is bounded by struct decode_limits. */
#ifndef FLOW_DECODE_H
#define FLOW_DECODE_H

#include "base/addr.h"
#include "base/buf.h"
#include "base/count.h"
#include "base/cursor.h"
#include "base/err.h"
#include "flow/exporters.h"
#include "flow/out.h"
#include "flow/trouble.h"
#include "wire/msg.h"

/* Who sent it, and by which way: the transport session of RFC 7011. */
struct sender {
    struct addr addr;
    uint16_t port;
    uint16_t listener; /* which of our sockets: a number of the caller's */
    uint32_t session;  /* 0 over UDP, else the TCP connection's number, never used twice in a run */
};

/* One UDP payload, or one IPFIX message taken from a TCP stream. Bytes are borrowed. */
struct datagram {
    const uint8_t *data;
    size_t len;
    int64_t received_ms;
    struct sender from;
};

struct decode_limits {
    size_t templates;    /* in all */
    size_t held_bytes;   /* of data sets held for their template */
    int64_t held_ms;     /* how long */
    int64_t template_ms; /* lifetime of a template over UDP without refresh */
    double default_rate; /* sampling rate where nobody says one; 0: none */
    double forced_rate;  /* for everybody; 0: none */
};

struct decode_limits decode_limits_default(void);

enum decode_what {
    DECODE_FLOWS,     /* rows [row, row + rows) of the flow batch */
    DECODE_OPTIONS,   /* rows [row, row + rows) of the options batch */
    DECODE_TEMPLATES, /* `rows` templates were read from this set */
    DECODE_HELD,      /* set without template, kept */
    DECODE_RELEASED,  /* a held set's template has come; its records follow */
    DECODE_MALFORMED  /* `reason` says what; nothing of the rest of the set (or datagram) is used */
};

/* What became of a set; for `weir decode` and tests. */
struct decode_event {
    enum decode_what what;
    const struct batch *batch; /* for FLOWS and OPTIONS; valid during the call only */
    size_t row;
    size_t rows;
    uint16_t set;           /* set id: template id, 0 to 3 for templates; 0 in fixed versions */
    bool was_held;          /* from a set that was held; `number` is its own */
    size_t octets;          /* HELD: the set's content; MALFORMED: what was left unread */
    uint64_t number;        /* of the datagram it came in, counted from 1 by this decoder; 0 when
                             * it was held before decoder_load() */
    const struct msg *head; /* the message's header; NULL if that is what is wrong */
    const struct sender *from;
    int64_t received_ms;
    const char *reason; /* MALFORMED */
};

struct decode_watch {
    void (*on)(struct decode_watch *watch, const struct decode_event *event);
};

struct books;
struct decoder;
struct held;
struct naming;
struct rates;
struct templates;

/* `out` takes the flows; `watch` may be NULL; `counts` is the caller's and written by the
 * decoder's thread. NULL if there is no memory. */
struct decoder *decoder_new(const struct decode_limits *limits, struct out *out,
                            struct decode_watch *watch, struct counts *counts) MUST_USE;
void decoder_free(struct decoder *d);

/* Decode one datagram. Cannot fail: what is wrong is counted. Flows go to the batch in hand, which
 * goes to `out` when it is full. */
void decoder_datagram(struct decoder *d, const struct datagram *in);

/* What did not get as far as here, at one of our sockets. */
struct drops {
    uint16_t port;
    uint64_t kernel; /* datagrams that the kernel dropped */
    uint64_t denied; /* that the access list does not permit */
};

/* For the books only. */
void decoder_note(struct decoder *d, int64_t received_ms, const struct drops *drops);

/* A TCP connection has ended: its templates are gone. */
void decoder_session_end(struct decoder *d, const struct sender *who);

/* All of them have: they were an earlier run's. */
void decoder_sessions_end(struct decoder *d);

/* What came of what was received, since they were last taken or the state was loaded. */
struct books *decoder_books(struct decoder *d);

/* Who has sent, and what is known of each. The decoder's thread's, and its until it is freed. */
struct exporters *decoder_exporters(struct decoder *d);

/* What could not be read since whoever logs it has zeroed them. */
struct troubles *decoder_troubles(struct decoder *d);

/* What the operator says of senders, from the next datagram on; it is part of the state that is
 * saved. false, and no change, if there is no memory. */
bool decoder_set_senders(struct decoder *d, const struct senders *senders) MUST_USE;
/* Rules for what exporters send otherwise, likewise. */
bool decoder_set_quirks(struct decoder *d, const struct quirks *quirks) MUST_USE;
/* The templates in force, and the rates and names announced, likewise. */
const struct templates *decoder_templates(const struct decoder *d);
const struct naming *decoder_names(const struct decoder *d);
const struct rates *decoder_rates(const struct decoder *d);
const struct held *decoder_held(const struct decoder *d); /* what waits for its template */

/* Hand the batch in hand to `out` now if it has rows. */
void decoder_flush(struct decoder *d);

/* The batch in hand: between two datagrams, what has not gone to `out` yet. */
const struct batch *decoder_in_hand(const struct decoder *d);

/* The state that decoding what comes next depends on: templates, sampling rates, names, held sets,
 * as records of their own; and back, into a new decoder. load returns 0 or ERR_DATA, in which case
 * the decoder is as new. */
void decoder_save(const struct decoder *d, struct buf *out);
int decoder_load(struct decoder *d, struct cur *in, struct err *err) MUST_USE;

/* Of saved state (or several, one behind the other) what concerns senders in share `of` of `n`, see
 * addr_share(), to the end of `out`. 0 or ERR_DATA. */
int decoder_state_share(const struct buf *state, unsigned n, unsigned of, struct buf *out,
                        struct err *err) MUST_USE;

#endif
