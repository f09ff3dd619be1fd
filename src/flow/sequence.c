#include "flow/sequence.h"

#include <string.h>

enum {
    SMALL = 1000,           /* a number below is that of an exporter which has just begun, */
    FAR = 1 << 20,          /* this far ahead nobody loses: it counts anew, from anywhere */
    INCLUSIVE_SURE = 2,     /* datagrams that agree with softflowd's way only */
    UPTIME_BACK_MS = 60000, /* clocks and reordering move it less */
};

static bool counts_datagrams(const struct msg *m) { return m->version == 9; }

const char *sequence_unit(uint16_t version)
{
    return version == 1 ? "nothing" : version == 9 ? "datagrams" : "records";
}

/* By how much a datagram moves the number on. */
static uint32_t units(const struct sequence *s, const struct sequence_step *step)
{
    if (counts_datagrams(step->head))
        return 1;
    return s->inclusive || step->head->version != 10 ? step->flows : step->flows + step->options;
}

/* The number that the datagram's first unit has. */
static uint32_t first_unit(const struct sequence *s, const struct sequence_step *step)
{
    return s->inclusive ? step->head->sequence - step->flows : step->head->sequence;
}

static void begin(struct sequence *s)
{
    s->n_gaps = 0;
    s->n_recent = 0;
    s->recent_at = 0;
    s->is_behind = false;
    s->inclusive_seen = 0;
    s->inclusive = s->proper = false;
    s->doubt.len = 0;
}

static void remember(struct sequence *s, uint32_t first, const struct msg *m)
{
    s->recent[s->recent_at] = (struct sequence_seen){.first = first, .export_ms = m->export_ms};
    s->recent_at = (uint8_t)((s->recent_at + 1) % SEQUENCE_RECENT);
    if (s->n_recent < SEQUENCE_RECENT)
        s->n_recent++;
}

/* An exporter that begins again soon may use the same number, but at another time. */
static bool seen(const struct sequence *s, uint32_t first, const struct msg *m)
{
    for (size_t i = 0; i < s->n_recent; i++)
        if (s->recent[i].first == first && s->recent[i].export_ms == m->export_ms)
            return true;
    return false;
}

static void go_on(struct sequence *s, const struct sequence_step *step, uint32_t first, uint32_t n)
{
    s->known = step->whole || counts_datagrams(step->head);
    s->next = first + n;
    s->last = step->head->sequence;
    s->uptime_ms = step->head->uptime_ms;
    s->export_ms = step->head->export_ms;
    s->is_behind = false;
    if (n > 0)
        remember(s, first, step->head);
}

/* The oldest gap is forgotten where there are too many: it stays lost. */
static void gap_drop(struct sequence *s, size_t at)
{
    memmove(&s->gap[at], &s->gap[at + 1], (s->n_gaps - at - 1) * sizeof s->gap[0]);
    s->n_gaps--;
}

static void gap_add(struct sequence *s, uint32_t from, uint32_t len)
{
    if (s->n_gaps == SEQUENCE_GAPS)
        gap_drop(s, 0);
    s->gap[s->n_gaps++] = (struct sequence_gap){.from = from, .len = len};
}

static void miss(struct sequence *s, uint32_t from, uint32_t len)
{
    gap_add(s, from, len);
    s->lost += len;
    s->missed += len;
    s->gaps++;
}

/* Units [first, first + n) have come after all. */
static bool gap_fill(struct sequence *s, uint32_t first, uint32_t n)
{
    for (size_t i = 0; i < s->n_gaps; i++) {
        struct sequence_gap g = s->gap[i];
        uint32_t before = first - g.from;
        if (before >= g.len || n > g.len - before)
            continue;
        uint32_t after = g.len - before - n;
        gap_drop(s, i);
        if (before > 0)
            gap_add(s, g.from, before);
        if (after > 0)
            gap_add(s, first + n, after);
        s->lost -= n;
        return true;
    }
    return false;
}

/* Its clock began again: since the newest datagram, more uptime is gone than any delay explains. It
 * also goes back when it wraps, after 49.7 days; then the difference is small again. */
static bool uptime_went_back(const struct sequence *s, const struct msg *m)
{
    int32_t on = (int32_t)(m->uptime_ms - s->uptime_ms);
    return m->version < 10 && on < -UPTIME_BACK_MS;
}

static bool starts_anew(const struct sequence *s, const struct msg *m, uint32_t first)
{
    if (uptime_went_back(s, m) && m->export_ms >= s->export_ms)
        return true;
    if (first < SMALL && s->next >= SMALL && m->export_ms >= s->export_ms)
        return true;
    return s->is_behind && first == s->behind;
}

/* Does the number agree with softflowd's way, and not with the right one? One that does may be
 * chance: then something is missing before it. Numbers from there are such as softflowd skips. */
static bool looks_inclusive(struct sequence *s, const struct sequence_step *step)
{
    const struct msg *m = step->head;
    bool doubted = m->sequence - s->doubt.from < s->doubt.len;
    bool theirs = m->sequence == s->last + step->flows;
    bool ours = m->sequence == s->next || doubted;

    if (m->version != 10 || s->inclusive || s->proper || !step->whole || theirs == ours)
        return false;
    s->proper = ours;
    s->inclusive_seen = theirs ? (uint8_t)(s->inclusive_seen + 1) : 0;
    s->inclusive = s->inclusive_seen >= INCLUSIVE_SURE;
    s->doubt.len = ours ? s->doubt.len : 0;
    if (theirs && !s->inclusive && (int32_t)(m->sequence - s->next) > 0)
        s->doubt = (struct sequence_gap){.from = s->next, .len = m->sequence - s->next};
    return theirs;
}

/* It counts the right way after all: was something in doubt, which is missing then? */
static bool miss_doubted(struct sequence *s)
{
    struct sequence_gap doubt = s->doubt;

    if (!s->proper || doubt.len == 0)
        return false;
    s->doubt.len = 0;
    miss(s, doubt.from, doubt.len);
    return true;
}

static enum sequence_verdict behind(struct sequence *s, const struct sequence_step *step,
                                    uint32_t first, uint32_t n)
{
    if (n > 0 && gap_fill(s, first, n)) {
        remember(s, first, step->head);
        s->late++;
        return SEQUENCE_LATE;
    }
    if (n > 0 && seen(s, first, step->head)) {
        s->duplicates++;
        return SEQUENCE_DUPLICATE;
    }
    if (starts_anew(s, step->head, first)) {
        begin(s);
        s->restarts++;
        go_on(s, step, first, n);
        return SEQUENCE_RESTART;
    }
    s->behind = first + n;
    s->is_behind = true;
    s->behinds++;
    return SEQUENCE_BEHIND;
}

bool sequence_out_of_order(const struct sequence *s, const struct msg *head)
{
    /* softflowd's number has moved on by the records behind it, and nobody has counted them yet. */
    bool proper = head->version != 10 || s->proper;
    uint32_t expected = proper ? s->next : s->last;

    return s->known && sequence_counts(head) && (int32_t)(head->sequence - expected) < 0 &&
           !starts_anew(s, head, head->sequence);
}

enum sequence_verdict sequence_add(struct sequence *s, const struct sequence_step *step)
{
    bool agrees = s->known && looks_inclusive(s, step);
    bool missed = miss_doubted(s);
    uint32_t first = first_unit(s, step);
    uint32_t n = units(s, step);
    int32_t ahead = (int32_t)(first - s->next);

    if (!s->known) {
        go_on(s, step, first, n);
        return SEQUENCE_FIRST;
    }
    if (ahead == 0 || agrees) {
        go_on(s, step, first, n);
        return missed ? SEQUENCE_GAP : SEQUENCE_IN_ORDER;
    }
    if (ahead < 0)
        return behind(s, step, first, n);
    if (ahead > FAR || uptime_went_back(s, step->head)) {
        begin(s);
        s->restarts++;
        go_on(s, step, first, n);
        return SEQUENCE_RESTART;
    }
    miss(s, s->next, (uint32_t)ahead);
    go_on(s, step, first, n);
    return SEQUENCE_GAP;
}
