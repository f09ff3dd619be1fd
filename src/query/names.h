/* names: what numbers and addresses of an answer are called: services, hosts, autonomous systems,
 * countries. */
#ifndef QUERY_NAMES_H
#define QUERY_NAMES_H

#include "query/geo.h"
#include "query/lookup.h"
#include "query/value.h"

enum { NAMES_GEO_FILES = 4, NAMES_LIMIT_MS = 2000 };

struct names {
    bool services; /* of ports and protocols */
    bool hosts;    /* by DNS */
    struct geo *geo[NAMES_GEO_FILES];
    size_t n_geo;
    struct lookup *lookup; /* if hosts */
};

/* --names: services, dns, or both with a comma. 0 or ERR_CONFIG. */
int names_parse(const char *text, struct names *out, struct err *err) MUST_USE;

/* --geo: one more file. 0 or ERR_CONFIG. */
int names_geo(struct names *n, const char *path, struct err *err) MUST_USE;

void names_free(struct names *n);

/* Kinds of names that the values of a field may have. */
enum name_kind { NAME_SERVICE, NAME_PROTO, NAME_HOST, NAME_COUNTRY, NAME_SYSTEM, NAME_KINDS };

/* Does a column of this field get another with such names? */
bool names_has(const struct names *n, enum field_id f, enum name_kind kind);

/* Suffix of that column's name: src_addr_name, src_addr_country, src_addr_as_name, src_as_name. */
const char *names_suffix(enum field_id f, enum name_kind kind);

/* Ask for what takes time. */
void names_want(struct names *n, const struct value *v);
void names_wait(struct names *n);

/* The name of a value; VALUE_NONE if it has none. `proto` of ports: 6, 17, or 0 if it is not known.
 * Points into `room` or what lives as long as `n`. */
struct value names_of(struct names *n, enum name_kind kind, const struct value *v, uint64_t proto,
                      char room[static GEO_TEXT]);

#endif
