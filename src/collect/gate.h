/* gate: who is heard at which listener, and what is remembered of those who are not. One receive
 * thread's, between the socket and everything else: journal and decoder never see who is denied. */
#ifndef COLLECT_GATE_H
#define COLLECT_GATE_H

#include "collect/collect.h"
#include "net/denied.h"

/* By listener; NULL: everybody is heard. */
struct gate_lists {
    struct access *v[2 * COLLECT_LISTENERS];
};

struct gate {
    struct gate_lists lists;
    struct denied denied;
    struct addr last; /* denied */
    uint64_t n;       /* denied until now, */
    uint64_t told;    /* and until the log last said so */
};

/* The rules for a listener, by its port. */
void gate_set(struct gate_lists *g, uint16_t listener, const struct access_rules *rules,
              uint16_t port);
void gate_lists_free(struct gate_lists *g);

/* Whether the sender is heard; one that is not is noted. */
bool gate_admits(struct gate *g, uint16_t listener, const struct addr *who, int64_t now_ms);

/* Now and then: log what was denied since. */
void gate_tell(struct gate *g);

#endif
