/* text: numbers, sizes, durations and times as people write and read them. All times are UTC. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/attr.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum { TEXT_TIME = 32, TEXT_SHORT = 32 };

/* "1500", "10M", "1.5G": decimal, suffix k, M, G, T (powers of 1000) or Ki, Mi, Gi, Ti (of 1024);
 * upper or lower case. Whole after scaling, at most `max`. 0 or ERR_CONFIG. */
int text_count(const char *s, size_t n, uint64_t max, uint64_t *out, struct err *err) MUST_USE;

/* "90", "90s", "250ms", "5m", "1h30m", "2d", "1w"; a bare number is seconds. In milliseconds. */
int text_duration(const char *s, size_t n, int64_t *out_ms, struct err *err) MUST_USE;

/* "2026-11-22", "2026-11-22T14:05", "2026-11-22 14:05:09.250", with "Z" or "+02:00" behind it, or
 * "@1700000000" (seconds) , "now". UTC where no offset is said. `now_ms` is what "now" means. */
int text_time(const char *s, size_t n, int64_t now_ms, int64_t *out_ms, struct err *err) MUST_USE;

/* "2026-11-22T14:05:09.250Z" */
size_t text_print_time(int64_t ms, char out[static TEXT_TIME]);

/* "12.3 G", "999", "1.00 k": three digits and a decimal suffix, to be followed by a unit. */
/* v in decimal, without an end; the length, at most 20. */
size_t text_print_u64(uint64_t v, char *out);

size_t text_print_count(double v, char out[static TEXT_SHORT]);

/* "4m 10s", "1.2 s", "35 ms" */
size_t text_print_duration(int64_t ms, char out[static TEXT_SHORT]);

#endif
