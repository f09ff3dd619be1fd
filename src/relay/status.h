/* status: what became of what a relay received, as its answer to "relay" on the control socket. */
#ifndef RELAY_STATUS_H
#define RELAY_STATUS_H

#include "base/buf.h"
#include "relay/match.h"
#include "relay/out.h"

enum { STATUS_SENDERS = 100 };

struct relay_state {
    int64_t started_ms;
    uint64_t datagrams;
    uint64_t bytes;
    uint64_t unmatched; /* of senders that no rule is for */
    uint64_t cut;       /* longer than they may be */
    uint64_t kernel_drops;
    double per_s;
};

/* One JSON object and a line's end, with the STATUS_SENDERS that sent most. outs: the setup's
 * receivers'. */
void relay_status_answer(const struct relay_state *s, const struct relay_setup *setup,
                         const struct relay_out *const *outs, const struct match *senders,
                         const char *line, struct buf *out);

#endif
