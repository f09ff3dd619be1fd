/* ask: what somebody wants to see of a cache, in the routers' words:
 *
 *   filter FIELD [eq|ne|lt|le|gt|ge] VALUE [and FIELD ...]
 *   aggregate FIELD [FIELD ...]
 *   sort [highest|lowest] FIELD [top N]
 *   format table|record|csv
 *
 * each at most once, in any order. FIELD are words of the record's `match` and `collect` ("ipv4
 * source address", "counter bytes"). VALUE is a number (0x too), an address or a prefix, a MAC
 * address, an interface, an application ("13:189": engine and selector). */
#ifndef PROBE_ASK_H
#define PROBE_ASK_H

#include "probe/pick.h"

enum ask_format { ASK_RECORD, ASK_TABLE, ASK_CSV };

/* How the values of a field are written. */
enum ask_form {
    ASK_NUMBER,
    ASK_ADDR,
    ASK_MAC,
    ASK_INTERFACE,
    ASK_TIME,
    ASK_APPLICATION,
    ASK_OCTETS
};
enum ask_form ask_form(const struct pick_field *f);

struct ask {
    enum ask_format format;
    struct setup_test tests[SETUP_TESTS];
    size_t n_tests;
    int by; /* which field it is sorted by; -1: none */
    bool lowest;
    size_t top; /* 0: all */
    size_t group[SETUP_FIELDS];
    size_t n_group; /* 0: flows as they are */
};

/* `words` of each field; ERR_CONFIG with the place of what is wrong in `text`. */
int ask_read(const char *text, const struct pick_field *fields, const char *const *words, size_t n,
             struct ask *out, struct err *err) MUST_USE;

#endif
