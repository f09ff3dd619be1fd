#include "base/text.h"
#include "report/finding.h"
#include "report/member.h"

#include <stdlib.h>
#include <string.h>

/* v9 and IPFIX say when they were sent in whole seconds; NTP is better than that by far. */
enum { CLOCK_OFF_MS = 5000, CLOCK_BAD_MS = 300000, DRIFT_MS = 2000, DRIFT_SPANS = 5 };
/* Who has sent less has no habits. */
enum { SETTLED = 32, QUIET_MS = 60000, QUIET_FACTOR = 3, START_MS = 600000 };

static int64_t magnitude(int64_t ms) { return ms < 0 ? -ms : ms; }

static void clock_off(const struct patient *p)
{
    int64_t ahead = signed_number(p->x, "clock_ms");
    int64_t moved = signed_number(p->x, "clock_moved_ms");
    int64_t in = signed_number(p->x, "clock_moved_in_ms");
    char by[TEXT_SHORT];
    char within[TEXT_SHORT];

    if (number(p->x, "datagrams") == 0)
        return;
    (void)text_print_duration(magnitude(ahead), by);
    if (magnitude(ahead) >= CLOCK_OFF_MS)
        finding_add(p, magnitude(ahead) >= CLOCK_BAD_MS ? SEVERITY_ERROR : SEVERITY_WARNING,
                    ADVICE_CLOCK_OFF, json_pack("{s:I}", "ahead_ms", (json_int_t)ahead),
                    "its clock is %s %s ours", by, ahead < 0 ? "behind" : "ahead of");
    if (number(p->x, "clock_spans") < DRIFT_SPANS || magnitude(moved) < DRIFT_MS || in <= 0)
        return;
    (void)text_print_duration(magnitude(moved), by);
    (void)text_print_duration(in, within);
    finding_add(p, SEVERITY_WARNING, ADVICE_CLOCK_DRIFT,
                json_pack("{s:I,s:I}", "moved_ms", (json_int_t)moved, "in_ms", (json_int_t)in),
                "its clock moved %s %s against ours in %s (%.0f ppm)", moved < 0 ? "back" : "on",
                by, within, 1e6 * (double)magnitude(moved) / (double)in);
}

/* After a restart an exporter may send from another port, and then is another entry. */
static bool heard_since(const struct patient *p)
{
    static const char *const same[] = {"version", "domain", "engine_type", "engine_id"};
    const json_t *list = json_object_get(p->facts->answer[DOCTOR_HEALTH], "health");
    int64_t last = signed_number(p->x, "last_ms");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *y = json_array_get(list, i);
        bool like = signed_number(y, "last_ms") > last && patient_has(p, y);
        for (size_t k = 0; k < COUNT_OF(same) && like; k++)
            like = number(y, same[k]) == number(p->x, same[k]);
        if (like)
            return true;
    }
    return false;
}

static void silent(const struct patient *p)
{
    int64_t now_ms = p->facts->now_ms;
    int64_t since = now_ms - signed_number(p->x, "last_ms");
    int64_t usual = signed_number(p->x, "quiet_ms");
    int64_t up = now_ms - signed_number(p->facts->answer[DOCTOR_COLLECT], "started_ms");
    bool of_earlier_run = number(p->x, "datagrams") == 0;
    char quiet[TEXT_SHORT];
    char usually[TEXT_SHORT];

    (void)text_print_duration(since, quiet);
    (void)text_print_duration(usual, usually);
    if (of_earlier_run && up > START_MS && !heard_since(p))
        finding_add(p, SEVERITY_WARNING, ADVICE_SILENT,
                    json_pack("{s:I}", "silent_ms", (json_int_t)since),
                    "nothing has come for %s, nor since this collector's start", quiet);
    if (number(p->x, "datagrams") < SETTLED)
        return;
    if (since > QUIET_MS && since > QUIET_FACTOR * usual && !heard_since(p))
        finding_add(
            p, SEVERITY_WARNING, ADVICE_SILENT,
            json_pack("{s:I,s:I}", "silent_ms", (json_int_t)since, "usual_ms", (json_int_t)usual),
            "nothing has come for %s; usually %s is the longest", quiet, usually);
    if (number(p->x, "silences") == 0)
        return;
    (void)text_print_duration(signed_number(p->x, "silence_ms"), quiet);
    finding_add(p, SEVERITY_NOTE, ADVICE_SILENCES,
                json_pack("{s:I,s:I}", "silences", (json_int_t)number(p->x, "silences"),
                          "longest_ms", (json_int_t)signed_number(p->x, "silence_ms")),
                "silent %" PRIu64 " times, %s at the longest", number(p->x, "silences"), quiet);
}

static void impossible(const struct patient *p)
{
    uint64_t backward = number(p->x, "backward");
    uint64_t over_day = number(p->x, "over_day");
    uint64_t ahead = number(p->x, "ahead");

    if (backward + over_day + ahead == 0)
        return;
    finding_add(p, SEVERITY_WARNING, ADVICE_TIMES_IMPOSSIBLE,
                json_pack("{s:I,s:I,s:I,s:I}", "backward", (json_int_t)backward, "over_day",
                          (json_int_t)over_day, "ahead", (json_int_t)ahead, "flows",
                          (json_int_t)number(p->x, "timed")),
                "of %" PRIu64 " flows %" PRIu64 " end before they begin, %" PRIu64
                " are longer than a day, %" PRIu64 " end an hour after their export",
                number(p->x, "timed"), backward, over_day, ahead);
}

static void timeouts(const struct patient *p)
{
    uint64_t five = number(p->x, "over_five_minutes");
    uint64_t one = number(p->x, "over_minute");
    char longest[TEXT_SHORT];

    if (one == 0)
        return;
    (void)text_print_duration(signed_number(p->x, "longest_ms"), longest);
    finding_add(p, five > 0 ? SEVERITY_WARNING : SEVERITY_NOTE, ADVICE_ACTIVE_TIMEOUT,
                json_pack("{s:I,s:I,s:I,s:I}", "longest_ms",
                          (json_int_t)signed_number(p->x, "longest_ms"), "over_minute",
                          (json_int_t)one, "over_five_minutes", (json_int_t)five, "flows",
                          (json_int_t)number(p->x, "timed")),
                "of %" PRIu64 " flows %" PRIu64 " are longer than a minute, %" PRIu64
                " longer than five; the longest is of %s",
                number(p->x, "timed"), one, five, longest);
}

void rules_of_time(const struct patient *p)
{
    clock_off(p);
    silent(p);
    impossible(p);
    timeouts(p);
}
