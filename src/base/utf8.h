/* utf8: is this text? */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What stands for a byte that is no UTF-8: U+FFFD. */
#define UTF8_BAD "\xef\xbf\xbd"

/* Length of the well-formed UTF-8 sequence at s (Unicode table 3-7), or 0. n is at least 1. */
size_t utf8_len(const uint8_t *s, size_t n);

/* Are all n bytes well-formed UTF-8? */
bool utf8_ok(const uint8_t *s, size_t n);

#endif
