/* bounds: smallest and largest value of a column chunk, in Parquet's order for its type: numbers as
 * numbers (unsigned but for times), everything else byte by byte. */
#ifndef STORE_BOUNDS_H
#define STORE_BOUNDS_H

#include "store/pq_format.h"

struct bounds {
    bool any;
    bool off;        /* a value was too long, or not a number only: nothing is said */
    uint64_t lo, hi; /* integers; times with the sign bit flipped */
    double flo, fhi;
    struct pq_bound blo, bhi; /* bytes */
};

/* n values of a fixed-width kind as they lie in a batch column; not ENUM. */
void bounds_add(struct bounds *b, enum kind kind, const void *values, size_t n);

/* One value of bytes. */
void bounds_add_bytes(struct bounds *b, const void *s, size_t n);

/* As the footer has them; false if there is nothing to say. */
bool bounds_get(const struct bounds *b, enum kind kind, struct pq_bound *min, struct pq_bound *max);

#endif
