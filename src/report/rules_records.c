#include "report/finding.h"
#include "report/member.h"

#include <stdlib.h>
#include <string.h>

/* So many records that say 0 and nothing else are no accident. */
enum { LOOKED_MIN = 20, DOUBLES_MIN = 3, DOUBLES_SHARE = 4 };

static bool in(const json_t *list, const char *word)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_array_get(list, i)), word) == 0)
            return true;
    return false;
}

static bool sent(const struct patient *p, const char *word)
{
    return in(json_object_get(p->x, "sent"), word);
}

static bool told(const struct patient *p, const char *word)
{
    return in(json_object_get(p->x, "told"), word);
}

/* Either its records have no such field, or it is always 0. `of`: how many records could have it.
 */
static void missing(const struct patient *p, const char *word, enum severity severity,
                    enum advice_id what, const char *subject, uint64_t of)
{
    bool absent = !sent(p, word);

    if (told(p, word) || of == 0 || (!absent && of < LOOKED_MIN))
        return;
    finding_add(p, severity, what,
                json_pack("{s:b,s:I}", "absent", absent, "looked", (json_int_t)of),
                absent ? "its records have no %s" : "its records say 0 for %s", subject);
}

static void times_missing(const struct patient *p, uint64_t looked)
{
    if (looked == 0 || sent(p, "times"))
        missing(p, "times", SEVERITY_WARNING, ADVICE_TIMES_MISSING, "the time of the flow", looked);
    else if (sent(p, "uptimes"))
        finding_add(p, SEVERITY_WARNING, ADVICE_TIMES_MISSING,
                    json_pack("{s:b,s:I}", "absent", 0, "looked", (json_int_t)looked),
                    "its times count from its start, and it does not say when that was (element "
                    "160)");
    else
        missing(p, "times", SEVERITY_WARNING, ADVICE_TIMES_MISSING, "times", looked);
}

/* A list that is cut short proves nothing by what is not in it. */
static bool has_names(const struct patient *p)
{
    const json_t *answer = p->facts->answer[DOCTOR_INTERFACES];
    const json_t *list = json_object_get(answer, "interfaces");

    if (number(answer, "left_off") > 0)
        return true;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (patient_has(p, json_array_get(list, i)))
            return true;
    return false;
}

static void doubles(const struct patient *p)
{
    uint64_t n = number(p->x, "doubles");
    uint64_t of = number(p->x, "watched");

    if (n < DOUBLES_MIN || n * DOUBLES_SHARE < of)
        return;
    finding_add(p, SEVERITY_WARNING, ADVICE_BOTH_DIRECTIONS,
                json_pack("{s:I,s:I,s:b}", "doubles", (json_int_t)n, "watched", (json_int_t)of,
                          "both_directions", told(p, "entry") && told(p, "exit")),
                "of %" PRIu64 " flows that were watched %" PRIu64
                " came again with equal counters, from another interface or direction",
                of, n);
}

static void read_wrong(const struct patient *p)
{
    uint64_t seconds = number(p->x, "v8_in_seconds");
    uint64_t masks = number(p->x, "v8_masks_swapped");

    if (seconds > 0)
        finding_add(p, SEVERITY_WARNING, ADVICE_V8_SECONDS,
                    json_pack("{s:I}", "records", (json_int_t)seconds),
                    "the times of %" PRIu64 " records make sense in seconds only", seconds);
    if (masks > 0)
        finding_add(p, SEVERITY_WARNING, ADVICE_V8_MASKS,
                    json_pack("{s:I}", "records", (json_int_t)masks),
                    "the prefixes of %" PRIu64 " records have bits behind their lengths, and none "
                    "if the lengths change places",
                    masks);
}

void rules_of_records(const struct patient *p)
{
    uint64_t looked = number(p->x, "looked");

    doubles(p);
    read_wrong(p);
    if (number(p->x, "version") == 8) /* aggregates leave out what they are not about */
        return;
    times_missing(p, looked);
    missing(p, "bytes", SEVERITY_WARNING, ADVICE_NO_COUNTERS, "bytes", looked);
    missing(p, "packets", SEVERITY_WARNING, ADVICE_NO_COUNTERS, "packets", looked);
    missing(p, "as", SEVERITY_NOTE, ADVICE_NO_AS, "autonomous systems", looked);
    missing(p, "interface", SEVERITY_NOTE, ADVICE_NO_INTERFACES, "interfaces", looked);
    missing(p, "mask", SEVERITY_NOTE, ADVICE_NO_MASKS, "prefix lengths", looked);
    missing(p, "tcp_flags", SEVERITY_NOTE, ADVICE_NO_TCP_FLAGS, "TCP flags", number(p->x, "tcp"));
    if (told(p, "interface") && !has_names(p))
        finding_add(p, SEVERITY_NOTE, ADVICE_NO_NAMES, json_object(),
                    "it has not said what its interfaces are called");
}
