/* value: one value of a term, as text → as keys or octets to compare with. */
#ifndef FILTER_VALUE_H
#define FILTER_VALUE_H

#include "base/mem.h"
#include "filter/icmp.h"
#include "filter/lex.h"
#include "filter/tree.h"
#include "filter/what.h"

enum item_is {
    ITEM_RANGE, /* keys from lo to hi, both included; one value is a range of itself */
    ITEM_BITS,  /* keys whose bits of `mask` are `want`, or, `other`, are not */
    ITEM_TEXT,
    ITEM_ICMP,    /* a name of a type or code, which goes with a protocol */
    ITEM_PATTERN, /* what texts are to look like */
    ITEM_ANY      /* `kind any` */
};

struct item {
    enum item_is is;
    bool other;
    union {
        struct {
            struct wide lo;
            struct wide hi;
        };
        struct bits bits;
        struct text text;
        struct icmp_name icmp;
        struct like like;
    };
};

/* Where values are read from and what for. */
struct value_in {
    const char *text;    /* of the whole filter, or of a file of values */
    struct arena *arena; /* for texts */
    struct filter_error *error;
    unsigned what;
    const char *name; /* as the user wrote it, for messages */
    int name_len;
};

/* A piece of the text that is read as one value. */
struct piece {
    const char *s;
    size_t n;
    size_t at;
};

enum {
    VALUE_WORD_MAX = 64, /* a value that is not text is shorter, with its zero byte */
    NOT_ONE = 1          /* the text is no such value, and there is no more to say */
};

/* "an address or prefix such as 10.0.0.0/8": what the values of `what` look like. Names that values
 * may have are listed. */
struct expected {
    char text[200];
};
struct expected value_expected(unsigned what);

/* Reads the token (a word or a string). 0, ERR_CONFIG or ERR_LIMIT. */
int value_read(const struct value_in *in, struct token tok, struct item *out) MUST_USE;

/* TCP flags in letters, of which all, any or none are to be set. */
enum flags_mode { FLAGS_PLAIN, FLAGS_ALL, FLAGS_ANY, FLAGS_NONE };
int value_read_flags(const struct value_in *in, enum flags_mode mode, struct token tok,
                     struct item *out) MUST_USE;

/* A glob, or between slashes a regular expression; with `any_case` whatever the case. */
int value_read_pattern(const struct value_in *in, struct token tok, bool any_case,
                       struct item *out) MUST_USE;

/* With a zero byte behind, for those who want one; false if it is longer or nothing. */
bool piece_copy(struct piece p, char out[static VALUE_WORD_MAX]);

bool piece_is_digits(struct piece p);

/* Of addresses and MACs (value_addr.c): 0, NOT_ONE, ERR_CONFIG. */
int read_addr(const struct value_in *in, struct piece p, struct item *out) MUST_USE;
int read_mac(struct piece p, struct item *out) MUST_USE;

/* The item is one address and the word a netmask for it: makes it the prefix. */
bool take_netmask(struct item *item, struct piece word);

/* Whether this is an address or a prefix. */
bool is_address(const char *s, size_t n);

#endif
