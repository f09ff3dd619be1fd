/* quirk_conf: rules of quirk.h as commands of a configuration.
 *
 *   quirk NAME                       begins a rule; one of that name from another file goes
 *     description TEXT
 *     match sender PREFIX            any of these
 *     match confirmed                for those only whom "match sender" or "for" name
 *     match version|scheme|enterprise N
 *     match has ELEMENT [length N]
 *     match lacks ELEMENT
 *     action times UNIT              seconds, milliseconds, microseconds, nanoseconds
 *     action byte-order ELEMENT little
 *     action masks swapped
 *     action ignore ELEMENT
 *     action element ELEMENT means FIELD
 *     action element ELEMENT at OCTET
 *     action bytes delta|total
 *     action sampling ignore
 *   quirk NAME for PREFIX            the same as "match sender", of a rule that there is
 *   no quirk NAME                    it does not hold
 *
 * ELEMENT is a number, or ENTERPRISE/NUMBER. */
#ifndef FLOW_QUIRK_CONF_H
#define FLOW_QUIRK_CONF_H

#include "base/conf.h"
#include "flow/quirk.h"

/* Rules while they are read. Zeroed is ready. */
struct quirk_reading {
    struct quirks quirks;
    char name[QUIRK_NAME_MAX]; /* of the rule in hand; "" if it was wrong */
};

enum quirk_command {
    QUIRK_CMD_NEW,
    QUIRK_CMD_FOR,
    QUIRK_CMD_DESCRIPTION,
    QUIRK_CMD_SENDER,
    QUIRK_CMD_CONFIRMED,
    QUIRK_CMD_MATCH,
    QUIRK_CMD_HAS = QUIRK_CMD_MATCH + QUIRK_HAS,
    QUIRK_CMD_LACKS = QUIRK_CMD_MATCH + QUIRK_LACKS,
    QUIRK_CMD_ACTION,
    QUIRK_CMD_TIMES = QUIRK_CMD_ACTION + QUIRK_VERBS /* + the unit */
};

/* Rows of a struct conf_command table whose taker calls quirk_take(); `block` is a number that no
 * other block of the table has. */
#define QUIRK_ROW(block, taker, text, what)                           \
    {                                                                 \
        .words = (text), .take = (taker), .in = (block), .id = (what) \
    }
#define QUIRK_COMMANDS(block, taker)                                                              \
    {.words = "quirk NAME", .take = (taker), .opens = (block), .id = QUIRK_CMD_NEW},              \
        {.words = "quirk NAME for PREFIX", .take = (taker), .id = QUIRK_CMD_FOR},                 \
        QUIRK_ROW(block, taker, "description TEXT", QUIRK_CMD_DESCRIPTION),                       \
        QUIRK_ROW(block, taker, "match sender PREFIX", QUIRK_CMD_SENDER),                         \
        QUIRK_ROW(block, taker, "match confirmed", QUIRK_CMD_CONFIRMED),                          \
        QUIRK_ROW(block, taker, "match version N", QUIRK_CMD_MATCH + QUIRK_VERSION),              \
        QUIRK_ROW(block, taker, "match scheme N", QUIRK_CMD_MATCH + QUIRK_SCHEME),                \
        QUIRK_ROW(block, taker, "match enterprise N", QUIRK_CMD_MATCH + QUIRK_ENTERPRISE),        \
        QUIRK_ROW(block, taker, "match has ELEMENT", QUIRK_CMD_HAS),                              \
        QUIRK_ROW(block, taker, "match has ELEMENT length N", QUIRK_CMD_HAS),                     \
        QUIRK_ROW(block, taker, "match lacks ELEMENT", QUIRK_CMD_LACKS),                          \
        QUIRK_ROW(block, taker, "action times seconds", QUIRK_CMD_TIMES + QUIRK_SECONDS),         \
        QUIRK_ROW(block, taker, "action times milliseconds",                                      \
                  QUIRK_CMD_TIMES + QUIRK_MILLISECONDS),                                          \
        QUIRK_ROW(block, taker, "action times microseconds",                                      \
                  QUIRK_CMD_TIMES + QUIRK_MICROSECONDS),                                          \
        QUIRK_ROW(block, taker, "action times nanoseconds", QUIRK_CMD_TIMES + QUIRK_NANOSECONDS), \
        QUIRK_ROW(block, taker, "action byte-order ELEMENT little",                               \
                  QUIRK_CMD_ACTION + QUIRK_LITTLE),                                               \
        QUIRK_ROW(block, taker, "action masks swapped", QUIRK_CMD_ACTION + QUIRK_MASKS),          \
        QUIRK_ROW(block, taker, "action ignore ELEMENT", QUIRK_CMD_ACTION + QUIRK_IGNORE),        \
        QUIRK_ROW(block, taker, "action element ELEMENT means FIELD",                             \
                  QUIRK_CMD_ACTION + QUIRK_MEANS),                                                \
        QUIRK_ROW(block, taker, "action element ELEMENT at OCTET", QUIRK_CMD_ACTION + QUIRK_AT),  \
        QUIRK_ROW(block, taker, "action bytes delta", QUIRK_CMD_ACTION + QUIRK_DELTA),            \
        QUIRK_ROW(block, taker, "action bytes total", QUIRK_CMD_ACTION + QUIRK_TOTAL),            \
        QUIRK_ROW(block, taker, "action sampling ignore", QUIRK_CMD_ACTION + QUIRK_SAMPLING)

/* One command of the table. 0 or ERR_CONFIG. */
int quirk_take(struct quirk_reading *q, const struct conf_line *line, struct err *err) MUST_USE;

/* When all is read: every rule does something. Else ERR_CONFIG, with the place of the first. */
int quirk_check(const struct quirk_reading *q, struct err *err) MUST_USE;

/* A text, or a file, of rules only. 0 or an error with its place; *q may then hold part of it. */
int quirk_read(struct quirk_reading *q, const char *file, const char *text, size_t len,
               struct err *err) MUST_USE;
int quirk_read_file(struct quirk_reading *q, const char *path, struct err *err) MUST_USE;

#endif
