/* fixed_plans: the plans of the fixed layouts (v1 to v8), one for all, and others for senders whom
 * rules are about.
 *
 * Bounded: a plan for each choice of rules that there is, FIXED_PLANS_MAX of a few KB. */
#ifndef FLOW_FIXED_PLANS_H
#define FLOW_FIXED_PLANS_H

#include "flow/plan.h"
#include "flow/quirk.h"
#include "wire/msg.h"

enum { FIXED_SLOTS = 20, FIXED_PLANS_MAX = 1024 };

struct fixed_plan;

struct fixed_plans {
    const struct quirks *quirks;
    struct plan *plain[FIXED_SLOTS];
    struct fixed_plan *bent; /* a list */
    size_t n_bent;
};

void fixed_plans_init(struct fixed_plans *f, const struct quirks *quirks);
void fixed_plans_free(struct fixed_plans *f);

/* The rules have changed. */
void fixed_plans_reset(struct fixed_plans *f);

/* For datagrams of this kind from this sender; *layout: of a version that there is. NULL if there
 * is no memory. */
struct plan *fixed_plans_get(struct fixed_plans *f, const struct msg *m, bool v1_long,
                             const struct layout *layout, const struct addr *who);

#endif
