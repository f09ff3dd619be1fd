#include "flow/suspect.h"

#include "flow/rates.h"

enum {
    ROWS_MAX = 8, /* of a set */
    ENOUGH = 8,   /* records that speak for it, */
    AGAINST = 16, /* and at most one in so many against it */
    COUNT_MAX = 60000
};

static const uint32_t ahead_ms = 60000;    /* clocks within a router differ by less */
static const uint32_t behind_ms = 3600000; /* the longest active timeout that is usual */

/* Halved when one is full: the proportion is what counts. */
static void add(uint16_t *to, uint16_t *other)
{
    if (*to == COUNT_MAX) {
        *to /= 2;
        *other /= 2;
    }
    (*to)++;
}

/* Is it an uptime that a flow may have ended at? */
static bool is_recent(uint32_t uptime_ms, uint32_t at_ms)
{
    uint32_t age_ms = uptime_ms - at_ms;

    return age_ms <= behind_ms || age_ms >= UINT32_MAX - ahead_ms;
}

/* What was in the record: the reverse of convert_uptime(). */
static uint32_t uptime_of(const struct msg *head, int64_t ms)
{
    return head->uptime_ms - (uint32_t)(uint64_t)(head->export_ms - ms);
}

static void look_at_times(struct suspect *s, const struct msg *head, const struct batch *b,
                          size_t row)
{
    if (!batch_has(b, FIELD_LAST, row))
        return;
    uint32_t last = uptime_of(head, (int64_t)batch_u64(b, FIELD_LAST, row));
    bool ms = is_recent(head->uptime_ms, last);
    bool seconds = is_recent(head->uptime_ms, last * 1000);
    if (seconds && !ms)
        add(&s->seconds, &s->milliseconds);
    else if (ms && !seconds)
        add(&s->milliseconds, &s->seconds);
}

/* Has the prefix no bits behind so many? */
static bool is_prefix(const struct batch *b, enum field_id f, size_t row, uint64_t bits)
{
    const struct addr *a = batch_at(b, f, row);
    struct addr m = addr_mask(*a, bits > 32 ? 128 : ADDR_V4_BITS + (unsigned)bits);

    return addr_eq(&m, a);
}

static bool are_masks(const struct batch *b, size_t row, enum field_id src_mask,
                      enum field_id dst_mask)
{
    return is_prefix(b, FIELD_SRC_PREFIX, row, batch_u64(b, src_mask, row)) &&
           is_prefix(b, FIELD_DST_PREFIX, row, batch_u64(b, dst_mask, row));
}

static void look_at_masks(struct suspect *s, const struct batch *b, size_t row)
{
    static const enum field_id needed[] = {FIELD_SRC_PREFIX, FIELD_DST_PREFIX, FIELD_SRC_MASK,
                                           FIELD_DST_MASK};

    for (size_t i = 0; i < COUNT_OF(needed); i++)
        if (!batch_has(b, needed[i], row))
            return;
    bool right = are_masks(b, row, FIELD_SRC_MASK, FIELD_DST_MASK);
    bool swapped = are_masks(b, row, FIELD_DST_MASK, FIELD_SRC_MASK);
    if (swapped && !right)
        add(&s->masks, &s->masks_swapped);
    else if (right && !swapped)
        add(&s->masks_swapped, &s->masks);
}

void suspect_v8(struct suspect *s, const struct msg *head, const struct plan *p,
                const struct batch *b, size_t row, size_t n)
{
    for (size_t i = row; i < row + n && i < row + ROWS_MAX; i++) {
        if (!plan_bends_times(p))
            look_at_times(s, head, b, i);
        if (!plan_bends_masks(p))
            look_at_masks(s, b, i);
    }
}

void suspect_rates(struct suspect *s, const struct batch *b, size_t row, size_t n)
{
    for (size_t i = row; i < row + n && i < row + ROWS_MAX; i++) {
        double one_in = rates_of_record(b, i);
        if (rates_swapped(one_in) < 1)
            continue;
        if (s->rates < COUNT_MAX)
            s->rates++;
        s->rate = one_in;
    }
}

bool suspect_is(const struct suspect *s, enum suspicion what)
{
    switch (what) {
    case SUSPECT_SECONDS:
        return s->seconds >= ENOUGH && s->milliseconds <= s->seconds / AGAINST;
    case SUSPECT_MASKS:
        return s->masks >= ENOUGH && s->masks_swapped <= s->masks / AGAINST;
    case SUSPECT_RATE:
        return s->rates > 0;
    case SUSPICIONS:
        break;
    }
    return false;
}
