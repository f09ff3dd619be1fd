/* trouble: what could not be read of late, for the log: by sender and reason, and how often.
 *
 * Bounded: TROUBLES_MAX kinds between two looks; what is beyond is only counted. */
#ifndef FLOW_TROUBLE_H
#define FLOW_TROUBLE_H

#include "base/addr.h"
#include "base/count.h"

#include <stddef.h>

enum { TROUBLES_MAX = 8, TROUBLE_TEXT = 112 };

struct trouble {
    struct addr addr;
    uint16_t port;
    uint16_t version; /* 0: the header could not be read */
    uint32_t source;  /* as in struct exporter_key */
    uint16_t set;     /* 0: none */
    enum count_id why;
    char reason[TROUBLE_TEXT]; /* of the last one, as all above but for addr and why */
    uint64_t n;
};

/* Zeroed: none. */
struct troubles {
    struct trouble v[TROUBLES_MAX];
    size_t n;
    uint64_t more; /* for which there was no room */
};

/* One more like `t`, whose reason is this text. */
void troubles_add(struct troubles *all, const struct trouble *t, const char *reason);

#endif
