/* put_health: what is noted of an exporter, as members of its object in answers. */
#ifndef COLLECT_PUT_HEALTH_H
#define COLLECT_PUT_HEALTH_H

#include "base/json.h"
#include "flow/health.h"

void put_health(struct json *j, const struct health *h);

#endif
