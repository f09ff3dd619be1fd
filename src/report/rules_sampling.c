#include "report/finding.h"
#include "report/member.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool differ(double a, double b) { return fabs(a - b) > 1e-9 * fabs(a); }

static void subject(const json_t *s, char *out, size_t size)
{
    if (json_object_get(s, "sampler"))
        (void)snprintf(out, size, "sampler %" PRIu64, number(s, "sampler"));
    else if (json_object_get(s, "interface"))
        (void)snprintf(out, size, "interface %" PRIu64, number(s, "interface"));
    else
        (void)snprintf(out, size, "the domain");
}

/* Some of its records were rated by nobody. */
static bool unrated(const struct patient *p)
{
    const json_t *list = json_object_get(p->x, "rates_from");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *from = json_string_value(json_array_get(list, i));
        if (strcmp(from, "none") == 0 || strcmp(from, "default") == 0)
            return true;
    }
    return false;
}

/* One rate that it announced. */
static void announced(const struct patient *p, const json_t *s)
{
    double rate = json_number_value(json_object_get(s, "rate"));
    double header = (double)number(p->x, "header_interval");
    double forced = json_number_value(json_object_get(p->x, "forced_rate"));
    char of[64];

    subject(s, of, sizeof of);
    if (rate < 1) {
        if (unrated(p))
            finding_add(p, SEVERITY_WARNING, ADVICE_SAMPLING_UNKNOWN, json_object(),
                        "it announces %s without a rate", of);
        return;
    }
    if (number(s, "returns") > 0)
        finding_add(p, SEVERITY_WARNING, ADVICE_SAMPLING_CONTRADICTORY,
                    json_pack("{s:f,s:f,s:I}", "rate", rate, "before",
                              json_number_value(json_object_get(s, "before")), "changes",
                              (json_int_t)number(s, "changes")),
                    "%s: one in %.12g and one in %.12g in turn, changed %" PRIu64 " times", of,
                    rate, json_number_value(json_object_get(s, "before")), number(s, "changes"));
    if (header >= 1 && differ(header, rate))
        finding_add(p, SEVERITY_WARNING, ADVICE_SAMPLING_CONTRADICTORY,
                    json_pack("{s:f,s:f}", "header", header, "options", rate),
                    "its header says one in %.12g, its options data one in %.12g (%s)", header,
                    rate, of);
    if (forced >= 1 && differ(forced, rate))
        finding_add(p, SEVERITY_NOTE, ADVICE_SAMPLING_FORCED,
                    json_pack("{s:f,s:f}", "forced", forced, "announced", rate),
                    "one in %.12g is forced, it says one in %.12g (%s)", forced, rate, of);
}

/* In options data or in records. */
static void turned_round(const struct patient *p)
{
    double rate = json_number_value(json_object_get(p->x, "rate_suspected"));
    double swapped = json_number_value(json_object_get(p->x, "rate_if_swapped"));

    if (swapped >= 1)
        finding_add(p, SEVERITY_WARNING, ADVICE_SAMPLING_SWAPPED,
                    json_pack("{s:f,s:f}", "rate", rate, "proposed", swapped),
                    "one in %.12g is no rate; with its octets turned it is one in %.12g", rate,
                    swapped);
}

void rules_of_sampling(const struct patient *p)
{
    const json_t *list = json_object_get(p->facts->answer[DOCTOR_SAMPLERS], "samplers");
    bool sets = json_object_get(p->x, "domain") != NULL;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *s = json_array_get(list, i);
        bool mine = !sets || number(s, "domain") == number(p->x, "domain");
        if (mine && patient_has(p, s))
            announced(p, s);
    }
    turned_round(p);
    if (number(p->x, "unknown_sampler") > 0)
        finding_add(p, SEVERITY_WARNING, ADVICE_SAMPLING_UNKNOWN,
                    json_pack("{s:I,s:I}", "sampler", (json_int_t)number(p->x, "sampler"),
                              "records", (json_int_t)number(p->x, "unknown_sampler")),
                    "records name sampler %" PRIu64 ", whose rate nobody has announced",
                    number(p->x, "sampler"));
    if (number(p->x, "header_mode") > 0 && number(p->x, "header_interval") == 0 && unrated(p))
        finding_add(p, SEVERITY_WARNING, ADVICE_SAMPLING_UNKNOWN,
                    json_pack("{s:I}", "mode", (json_int_t)number(p->x, "header_mode")),
                    "its header says that it samples (mode %" PRIu64 ") one in 0",
                    number(p->x, "header_mode"));
}
