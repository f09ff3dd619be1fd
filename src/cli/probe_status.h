/* probe_status: a running probe's state, and its answers on the control socket. */
#ifndef CLI_PROBE_STATUS_H
#define CLI_PROBE_STATUS_H

#include "base/buf.h"
#include "cli/probe_answers.h"
#include "cli/probe_store.h"
#include "net/live.h"

/* Where a probe's control socket is: with a store as a collector's, else
 * $RUNTIME_DIRECTORY/INSTANCE.sock, /run/weir/INSTANCE.sock (root) or
 * $XDG_RUNTIME_DIR/weir/INSTANCE.sock. ERR_CONFIG: there is no such place. */
int probe_socket(char *out, size_t size, const char *store, const char *instance,
                 struct err *err) MUST_USE;

/* What there is to tell of; all borrowed. */
struct probe_status {
    const char *instance;
    int64_t started_ms;
    const struct setup *setup;
    const struct probe *probe;
    const struct counts *counts;     /* beside those of the probe and the store */
    const struct probe_store *store; /* NULL: none */
    const struct live *const *live;  /* the rings of an interface stand together */
    size_t n_live;
    size_t n_rings; /* of each interface */
    struct probe_answers *answers;
    const struct rib *const *rib; /* *rib NULL: none */
};

/* Answers "probe", "counters" or "drops" as one JSON object, and what cli/probe_answers.h has. */
void probe_status_answer(const struct probe_status *s, const char *line, struct buf *out);

#endif
