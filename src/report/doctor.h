/* doctor: what a running collector knows of its exporters → what is wrong with each.
 *
 * It looks at the answers to the questions that doctor_questions names, as they came over the
 * control socket, and asks nothing itself. What is below a finding's threshold is none; each
 * threshold stands with its reason where it is used. */
#ifndef REPORT_DOCTOR_H
#define REPORT_DOCTOR_H

#include "base/addr.h"
#include "report/advice.h"

#include <jansson.h>
#include <stdbool.h>

enum doctor_question {
    DOCTOR_COLLECT,
    DOCTOR_DROPS,
    DOCTOR_HEALTH,
    DOCTOR_TEMPLATES,
    DOCTOR_SAMPLERS,
    DOCTOR_INTERFACES,
    DOCTOR_WAITING,
    DOCTOR_QUESTIONS
};

extern const char *const doctor_questions[DOCTOR_QUESTIONS];

enum severity {
    SEVERITY_NOTE, /* good to know; nothing is wrong */
    SEVERITY_WARNING,
    SEVERITY_ERROR /* something is being lost */
};

struct finding {
    const struct advice *advice;
    enum severity severity;
    const json_t *exporter; /* its object in the answer to DOCTOR_HEALTH; NULL: the collector */
    char name[32];          /* of the finding */
    char text[400];         /* a sentence, with the figures */
    char todo[300];         /* what to do, if not advice->todo; else empty */
    json_t *figures;        /* its own */
};

struct findings {
    struct finding *v;
    size_t n;
    size_t room;
    size_t exporters; /* that were looked at */
    size_t count[SEVERITY_ERROR + 1];
};

struct doctor_facts {
    const json_t *answer[DOCTOR_QUESTIONS];
    const struct prefix *only; /* exporters in here, and nothing of the collector; NULL: all */
    int64_t now_ms;
};

/* Worst first. To be freed with findings_free(). */
struct findings doctor_examine(const struct doctor_facts *facts);
void findings_free(struct findings *f);

const char *severity_name(enum severity s);

#endif
