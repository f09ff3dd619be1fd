/* quirk_list: the answer that says which quirk rules are in force, for whom, and which are
 * proposed.
 *
 * As lists.h's answers it is bounded; what is left off is counted in it. */
#ifndef COLLECT_QUIRK_LIST_H
#define COLLECT_QUIRK_LIST_H

#include "base/json.h"
#include "collect/status.h"

/* Members of the object that is open: quirks, proposals, left_off, workers_without_answer. */
void quirk_list_put(struct collect *c, struct json *j);

#endif
