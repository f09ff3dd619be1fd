#include "flow/fixed_plans.h"

#include <stdlib.h>
#include <string.h>

struct fixed_plan {
    struct fixed_plan *next;
    size_t slot;
    struct plan *plan;
};

void fixed_plans_init(struct fixed_plans *f, const struct quirks *quirks)
{
    *f = (struct fixed_plans){.quirks = quirks};
}

void fixed_plans_reset(struct fixed_plans *f)
{
    for (size_t i = 0; i < FIXED_SLOTS; i++) {
        plan_free(f->plain[i]);
        f->plain[i] = NULL;
    }
    for (struct fixed_plan *x = f->bent, *next; x; x = next) {
        next = x->next;
        plan_free(x->plan);
        free(x);
    }
    f->bent = NULL;
    f->n_bent = 0;
}

void fixed_plans_free(struct fixed_plans *f) { fixed_plans_reset(f); }

static size_t slot_of(const struct msg *m, bool v1_long)
{
    if (m->version == 8)
        return 5 + m->aggregation;
    return m->version == 1 ? (v1_long ? 1 : 0) : (size_t)(m->version - 3); /* v5, v6, v7: 2, 3, 4 */
}

static bool is_of(const struct fixed_plan *x, size_t slot, const struct quirk_choice *choice)
{
    size_t n;
    const uint8_t *rules = plan_quirks(x->plan, &n);

    return x->slot == slot && n == choice->n && memcmp(rules, choice->rule, n) == 0;
}

static struct plan *get_bent(struct fixed_plans *f, size_t slot, const struct layout *layout,
                             const struct quirk_choice *choice)
{
    struct fixed_plan **at = &f->bent;

    while (*at && !is_of(*at, slot, choice))
        at = &(*at)->next;
    struct fixed_plan *x = *at;
    if (x) { /* the last used comes first */
        *at = x->next;
        x->next = f->bent;
        f->bent = x;
        return x->plan;
    }
    if (f->n_bent >= FIXED_PLANS_MAX)
        fixed_plans_reset(f);
    x = malloc(sizeof *x);
    if (!x)
        return NULL;
    *x = (struct fixed_plan){.next = f->bent, .slot = slot, .plan = plan_new(layout, choice)};
    if (!x->plan) {
        free(x);
        return NULL;
    }
    f->bent = x;
    f->n_bent++;
    return x->plan;
}

struct plan *fixed_plans_get(struct fixed_plans *f, const struct msg *m, bool v1_long,
                             const struct layout *layout, const struct addr *who)
{
    size_t slot = slot_of(m, v1_long);
    struct quirk_choice choice;

    if (f->quirks->n > 0 &&
        quirks_choose(f->quirks, who, m->version, m->aggregation, layout, &choice))
        return get_bent(f, slot, layout, &choice);
    if (!f->plain[slot])
        f->plain[slot] = plan_new(layout, NULL);
    return f->plain[slot];
}
