/* pattern: globs and regular expressions over texts, in time that grows with the text alone.
 *
 *   glob    * any octets   ? one character   [a-z] [!a-z] one of   \x as it is; of the whole text
 *   regex   . [a-z] [^a-z] (a|b) (?:a) * + ? {n} {n,} {n,m} ^ $ \d \w \s \D \W \S \n \t \xHH;
 *           anywhere in the text; `*?` and the like are `*`, since only whether it is there counts
 *
 * Both become a position automaton (Glushkov): each octet that the pattern can take is a position,
 * and the positions that may have been reached are a set of bits. Each octet of a text moves the
 * set once, so there is no going back, whatever the pattern. The ends of the text are symbols of
 * their own, which ^ and $ take. `.`, `?` and [^a] take a whole character of UTF-8.
 *
 * Bounds: PATTERN_POSITIONS, of which {n,m} takes as many as it repeats; the enum below. */
#ifndef FILTER_PATTERN_H
#define FILTER_PATTERN_H

#include "base/attr.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PATTERN_POSITIONS = 256,
    PATTERN_BYTES = 1024, /* of its text */
    PATTERN_DEPTH = 32,   /* brackets within brackets */
    PATTERN_REPEAT = 255  /* {n,m} */
};

enum pattern_is { PATTERN_GLOB, PATTERN_REGEX, PATTERN_REGEX_ANY_CASE };

struct pattern;

/* What is wrong with a pattern, and the byte where. */
struct pattern_error {
    size_t at;
    const char *expected;
};

/* 0, ERR_CONFIG (with *error set) or ERR_LIMIT (the arena is spent). */
int pattern_read(struct pattern **out, struct arena *a, enum pattern_is is, const char *s, size_t n,
                 struct pattern_error *error) MUST_USE;

bool pattern_matches(const struct pattern *p, const uint8_t *s, size_t n);

#endif
