/* value: one value of a term, as text → as keys or octets to compare with. */
#ifndef FILTER_VALUE_H
#define FILTER_VALUE_H

#include "base/mem.h"
#include "filter/lex.h"
#include "filter/tree.h"
#include "filter/what.h"

enum item_is {
    ITEM_RANGE, /* keys from lo to hi, both included; one value is a range of itself */
    ITEM_FLAGS, /* TCP flags as letters: all of lo.lo are set */
    ITEM_TEXT,
    ITEM_ANY /* `kind any` */
};

struct item {
    enum item_is is;
    union {
        struct {
            struct wide lo;
            struct wide hi;
        };
        struct text text;
    };
};

/* Where values are read from and what for. */
struct value_in {
    const char *text;    /* of the whole filter */
    struct arena *arena; /* for texts */
    struct filter_error *error;
    unsigned what;
    const char *name; /* as the user wrote it, for messages */
    int name_len;
};

/* "an address or prefix such as 10.0.0.0/8": what the values of `what` look like. Names of a
 * KIND_ENUM field are listed. */
struct expected {
    char text[160];
};
struct expected value_expected(unsigned what);

/* Reads the token (a word or a string). 0, ERR_CONFIG or ERR_LIMIT. */
int value_read(const struct value_in *in, struct token tok, struct item *out) MUST_USE;

/* The number of a protocol's name, or -1. */
int proto_number(const char *s, size_t n);

/* Whether this is an address or a prefix. */
bool is_address(const char *s, size_t n);

#endif
