/* pick: of many flows, as octets, those that pass tests, and the largest of them.
 *
 * A flow is a record of fields with fixed places, numbers most significant octet first: its values
 * compare as their octets do. */
#ifndef PROBE_PICK_H
#define PROBE_PICK_H

#include "base/err.h"
#include "probe/setup.h"

struct pick_field {
    uint32_t enterprise;
    uint16_t number;
    uint16_t at;
    uint16_t len;
    bool key;
};

/* A number as a test's 16 octets; and of a value's octets, at most 8 (longer ones are 0). */
void pick_put(uint8_t out[static SETUP_TEST_OCTETS], uint64_t v);
uint64_t pick_load(const uint8_t *from, size_t n);

/* The field of an element, its uptime (21, 22) also as a time of the clock; NULL: there is none. */
const struct pick_field *pick_find(const struct pick_field *v, size_t n, uint32_t enterprise,
                                   uint16_t number);

struct pick;

enum { PICK_ALL = 0 };

/* ERR_CONFIG: a test is about an element that the fields do not have, or of more than
 * SETUP_TEST_OCTETS. most: PICK_ALL, or only the first so many in the order of `by` (which must be
 * there then). All that is pointed to, but tests, must outlive it. */
int pick_new(struct pick **out, const struct pick_field *fields, size_t n, size_t record_bytes,
             const struct setup_test *tests, size_t n_tests, struct err *err) MUST_USE;
void pick_order(struct pick *p, const struct pick_field *by, bool lowest, size_t most);
void pick_reset(struct pick *p); /* nothing is picked */
void pick_free(struct pick *p);

/* Records one after the other. */
void pick_offer(struct pick *p, const uint8_t *records, size_t n);

/* How many were offered, and passed. */
uint64_t pick_offered(const struct pick *p);
uint64_t pick_passed(const struct pick *p);

/* Those that were picked, in order; the pick's. */
const uint8_t *pick_rows(struct pick *p, size_t *n);

#endif
