/* finding: how the rules of doctor say what they found. */
#ifndef REPORT_FINDING_H
#define REPORT_FINDING_H

#include "base/attr.h"
#include "report/doctor.h"

/* The exporter in hand. */
struct patient {
    const struct doctor_facts *facts;
    const json_t *x; /* of the answer to DOCTOR_HEALTH */
    struct addr addr;
    struct findings *out;
};

/* One more; `figures` is taken over. The next call may move what it returns. */
struct finding *finding_add(const struct patient *p, enum severity severity, enum advice_id what,
                            json_t *figures, const char *format, ...) PRINTF_LIKE(5, 6);

/* Whether an object of an answer is about the patient's address. */
bool patient_has(const struct patient *p, const json_t *of);

void rules_of_loss(const struct patient *p);
void rules_of_records(const struct patient *p);
void rules_of_sampling(const struct patient *p);
void rules_of_templates(const struct patient *p);
void rules_of_time(const struct patient *p);

#endif
