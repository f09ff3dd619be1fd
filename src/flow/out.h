/* out: how batches leave whoever fills them.
 *
 * push() takes ownership of a full batch and gives an empty one to fill next: the same one after
 * batch_reset() where the sink works at once, another from a free ring where a thread takes it.
 * It never fails and never returns NULL; what a sink cannot keep, it counts. Batches come from
 * batch_new(); who holds one when all is over deletes it. */
#ifndef FLOW_OUT_H
#define FLOW_OUT_H

#include "flow/batch.h"

struct out {
    struct batch *(*push)(struct out *out, struct batch *full);
};

#endif
