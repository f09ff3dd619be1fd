/* geo: what files of MaxMind's format (.mmdb) say of addresses: countries and autonomous systems.
 * The only file that knows libmaxminddb; a weir that is built without it opens none. */
#ifndef QUERY_GEO_H
#define QUERY_GEO_H

#include "base/addr.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum { GEO_TEXT = 256 };

struct geo;

/* Returns 0, ERR_CONFIG (no such file, not of that format, no libmaxminddb). */
int geo_open(struct geo **out, const char *path, struct err *err) MUST_USE;
void geo_close(struct geo *g);

/* "NZ"; false if it is not known. */
bool geo_country(const struct geo *g, const struct addr *a, char out[static GEO_TEXT]);

/* The system that an address belongs to: its name, and its number if `as` is not NULL. */
bool geo_system(const struct geo *g, const struct addr *a, uint32_t *as, char out[static GEO_TEXT]);

/* The name of a system by its number. The first time all of the file is read for it. */
const char *geo_as_name(struct geo *g, uint32_t as);

#endif
