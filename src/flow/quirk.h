/* quirk: rules for exporters that do not send what the standards say.
 *
 * A rule has matches, which say whose layouts it is about, and actions, which say what their
 * elements mean. Rules are looked at when a layout is compiled into a plan, so they cost nothing
 * for a record. What they look like in a file: quirk_conf.h, docs/quirks.md.
 *
 * Bounded: QUIRKS_MAX rules of 1 KB, and QUIRK_PREFIXES senders of each. */
#ifndef FLOW_QUIRK_H
#define FLOW_QUIRK_H

#include "base/addr.h"
#include "base/buf.h"
#include "flow/field.h"
#include "wire/layout.h"

enum {
    QUIRKS_MAX = 256,
    QUIRK_NAME_MAX = 48,
    QUIRK_TEXT_MAX = 160,
    QUIRK_PLACE_MAX = 128,
    QUIRK_MATCHES = 16,
    QUIRK_ACTIONS = 16,
    QUIRK_PREFIXES = 1024
};

struct quirk_element {
    uint32_t enterprise;
    uint16_t number;
};

/* Several versions, schemes or enterprises: any of them will do. Of the elements all must hold. */
enum quirk_test { QUIRK_VERSION, QUIRK_SCHEME, QUIRK_ENTERPRISE, QUIRK_HAS, QUIRK_LACKS };

struct quirk_match {
    enum quirk_test test;
    uint32_t n; /* version, scheme or enterprise */
    struct quirk_element element;
    uint16_t len; /* of the element it has; 0: any */
};

enum quirk_verb {
    QUIRK_TIMES,    /* all times are in the unit n */
    QUIRK_LITTLE,   /* the element's octets stand last first */
    QUIRK_MASKS,    /* the prefix lengths of source and destination have changed places */
    QUIRK_IGNORE,   /* the element means nothing; it goes to `extra` */
    QUIRK_MEANS,    /* the element fills the field n */
    QUIRK_AT,       /* in a fixed layout the element lies at octet n of the record */
    QUIRK_DELTA,    /* totals are what came since the last record */
    QUIRK_TOTAL,    /* counters are totals since the flow began */
    QUIRK_SAMPLING, /* what is said of sampling in options data and headers is not believed */
    QUIRK_VERBS
};

enum quirk_unit {
    QUIRK_UNIT_OWN, /* as the element says */
    QUIRK_SECONDS,
    QUIRK_MILLISECONDS,
    QUIRK_MICROSECONDS,
    QUIRK_NANOSECONDS
};

struct quirk_action {
    enum quirk_verb verb;
    struct quirk_element element;
    uint16_t n; /* a quirk_unit, a field_id, octets */
};

struct quirk {
    char name[QUIRK_NAME_MAX];
    char text[QUIRK_TEXT_MAX];   /* its description */
    char place[QUIRK_PLACE_MAX]; /* FILE:LINE where it begins; "" of saved state */
    bool confirmed;              /* it holds for `prefix` only, be there any or none */
    struct quirk_match match[QUIRK_MATCHES];
    size_t n_matches;
    struct quirk_action action[QUIRK_ACTIONS];
    size_t n_actions;
    struct prefix *prefix; /* of senders; none: of all, unless `confirmed` */
    size_t n_prefixes;
};

/* Zeroed is empty. */
struct quirks {
    struct quirk *v;
    size_t n;
};

/* NULL: there is none of this name. */
struct quirk *quirks_find(const struct quirks *q, const char *name, size_t len);

/* A new rule at the end, or in place of the one of this name; NULL if there are QUIRKS_MAX, or
 * there is no memory. */
struct quirk *quirks_new(struct quirks *q, const char *name, size_t len);
void quirks_remove(struct quirks *q, struct quirk *which);

/* false: QUIRK_PREFIXES, or no memory. */
bool quirk_add_prefix(struct quirk *r, const struct prefix *p);
void quirk_remove_prefix(struct quirk *r, const struct prefix *p);

void quirks_free(struct quirks *q);

/* false if there is no memory; then `to` is as it was. */
bool quirks_copy(struct quirks *to, const struct quirks *from);

/* Whether they are the same, wherever they were read. */
bool quirks_same(const struct quirks *a, const struct quirks *b);

/* The first rule that is to be confirmed and does this; NULL: none. */
const struct quirk *quirks_to_confirm(const struct quirks *q, enum quirk_verb verb, uint16_t n);

/* The rules that hold for a layout of this sender's, in their order. */
struct quirk_choice {
    const struct quirks *quirks;
    size_t n;
    uint8_t rule[QUIRKS_MAX];
};

/* `scheme`: of v8, else 0. Whether any holds. */
bool quirks_choose(const struct quirks *q, const struct addr *who, uint16_t version, uint8_t scheme,
                   const struct layout *layout, struct quirk_choice *out);

/* As a file says it (without the place), and as people do: "times are in seconds". */
void quirk_print(const struct quirk *r, struct buf *out);
void quirk_say(const struct quirk *r, struct buf *out);

#endif
