/* words: what `match` and `collect` say ↔ information elements; words.def is the table. */
#ifndef PROBE_WORDS_H
#define PROBE_WORDS_H

#include "base/conf.h"
#include "probe/setup.h"

enum { WORDS_SECTION_MAX = 1200, WORDS_TEXT = 80 };

/* For `then` of the commands "match" and "collect". */
extern const struct conf_command words_match[];
extern const struct conf_command words_collect[];

/* What the line of such a command means. ERR_CONFIG, with the place: nobody knows the element; an
 * argument is wrong. */
int words_read(const struct conf_line *line, bool key, struct setup_field *out,
               struct err *err) MUST_USE;

/* The i-th field of a record: "ipv6 protocol" (or "ipv4 protocol", where its other fields are not
 * IPv6's alone), or "element 12 of enterprise 9" of what has no words. */
void words_print(const struct setup_record *r, size_t i, char out[static WORDS_TEXT]);

/* Which packets these words are for: 4 or 6, or 0: any. */
uint8_t words_family(const char *words);

/* Has NetFlow v5 a place for it? */
bool words_fit_v5(const struct setup_field *f);

#endif
