/* lists: answers that are lists of what the receivers' decoders know: senders, templates, samplers,
 * names.
 *
 * An answer ends before it is LISTS_BYTES long; what is left off is counted in it. */
#ifndef COLLECT_LISTS_H
#define COLLECT_LISTS_H

#include "base/json.h"
#include "collect/status.h"

/* Members of the object that is open: the list under its name, left_off, workers_without_answer.
 * false: there is no such list. */
bool lists_put(struct collect *c, const char *name, struct json *j);

#endif
