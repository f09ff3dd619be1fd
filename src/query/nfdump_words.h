/* nfdump_words: nfdump's names of things in -s, -A, -O and -o fmt, and weir's. */
#ifndef QUERY_NFDUMP_WORDS_H
#define QUERY_NFDUMP_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* A field; NULL where nfdump or weir has no name for it there. */
struct nfdump_word {
    const char *stat; /* -s */
    const char *key;  /* -A */
    const char *tag;  /* -o fmt:%tag */
    const char *field;
};

enum { NFDUMP_WORDS = 46 };
extern const struct nfdump_word nfdump_words[NFDUMP_WORDS];

/* An order of -s and -O; NULL: groups or records cannot be sorted by it. */
struct nfdump_order {
    const char *name;
    const char *groups;
    const char *records;
};

/* A tag of -o fmt that is no field; NULL: groups or records have no such column. */
struct nfdump_tag {
    const char *name;
    const char *groups;
    const char *records;
};

/* The field of a statistic, an aggregation key or a tag; NULL if there is none. `len` of it count.
 */
const char *nfdump_stat_field(const char *name, size_t len);
const char *nfdump_key_field(const char *name, size_t len);

const struct nfdump_order *nfdump_order_find(const char *name, size_t len);

/* Columns of a tag, or NULL. */
const char *nfdump_tag_columns(const char *name, size_t len, bool groups);

/* nfdump's predefined format of that name as tags, or NULL. */
const char *nfdump_format_tags(const char *name, size_t len);

#endif
