/* names: what numbers and addresses of an answer are called: services, hosts, autonomous systems,
 * countries; and interfaces, VRFs, applications and samplers, whose names depend on who exports
 * them, and when: they are for rows of which that is known. */
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
    bool interfaces;
    struct named_things *things; /* if interfaces; NULL until names_things() */
};

/* --names: services, dns, interfaces, or some with commas. 0 or ERR_CONFIG. */
int names_parse(const char *text, struct names *out, struct err *err) MUST_USE;

/* --geo: one more file. 0 or ERR_CONFIG. */
int names_geo(struct names *n, const char *path, struct err *err) MUST_USE;

/* What a store knows of interfaces and the like, and a file (NULL: none), which is asked second. 0,
 * ERR_CONFIG for a mistake in it, with its place. */
int names_things(struct names *n, const char *store, const char *file, struct err *err) MUST_USE;

/* What is known of a row beside the value that has a name. */
struct names_row {
    uint64_t proto;       /* of ports: 6, 17, or 0 if it is not known */
    bool exported;        /* it is one exporter's, */
    struct addr exporter; /* this one's */
    bool has_domain;
    uint32_t domain;
    bool has_engine; /* of an application's selector */
    uint64_t engine;
    int64_t from_ms; /* when it was, to */
    int64_t to_ms;
};

void names_free(struct names *n);

/* Kinds of names that the values of a field may have. */
enum names_kind {
    NAMES_SERVICE,
    NAMES_PROTO,
    NAMES_HOST,
    NAMES_COUNTRY,
    NAMES_SYSTEM,
    NAMES_THING,
    NAMES_KINDS
};

/* Does a column of this field get another with such names? */
bool names_has(const struct names *n, enum field_id f, enum names_kind kind);

/* Suffix of that column's name: src_addr_name, src_addr_country, src_addr_as_name, src_as_name. */
const char *names_suffix(enum field_id f, enum names_kind kind);

/* Ask for what takes time. */
void names_want(struct names *n, const struct value *v);
void names_wait(struct names *n);

/* The name of a value of field `f`; VALUE_NONE if it has none. Points into `room` or what lives as
 * long as `n`. */
struct value names_of(struct names *n, enum names_kind kind, enum field_id f, const struct value *v,
                      const struct names_row *row, char room[static GEO_TEXT]);

#endif
