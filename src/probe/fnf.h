/* fnf: the routers' NetFlow commands, flexible and traditional → what a probe is to do.
 *
 * They stand in the configuration file among the commands of other roles: its reader has rows of
 * probe/fnf.def in its table, and hands their lines to fnf_take(). What refers to what is asked
 * when the file is at its end, so the order of blocks is free. Bounds: SETUP_MAX of each kind. */
#ifndef PROBE_FNF_H
#define PROBE_FNF_H

#include "base/conf.h"
#include "probe/setup.h"
#include "probe/words.h"

/* Blocks; the reader's own have smaller numbers. */
enum {
    FNF_IN_RECORD = 64,
    FNF_IN_EXPORTER,
    FNF_IN_MONITOR,
    FNF_IN_SAMPLER,
    FNF_IN_INTERFACE,
    FNF_IN_CACHE,
    FNF_IN_TOP
};

enum fnf_command {
    FNF_RECORD,
    FNF_EXPORTER,
    FNF_MONITOR,
    FNF_SAMPLER,
    FNF_INTERFACE,
    FNF_ALIAS,
    FNF_RIB,
    FNF_LOCAL_AS,
    FNF_MATCH,
    FNF_COLLECT,
    FNF_DESCRIPTION,
    FNF_DESTINATION,
    FNF_SOURCE,
    FNF_UDP,
    FNF_TCP,
    FNF_V5,
    FNF_V9,
    FNF_IPFIX,
    FNF_DSCP,
    FNF_TTL,
    FNF_MTU,
    FNF_SOURCE_ID,
    FNF_FEATURES,
    FNF_TEMPLATE_S,
    FNF_TEMPLATE_N,
    FNF_OPTION,
    FNF_ABOVE,
    FNF_USES_RECORD,
    FNF_USES_EXPORTER,
    FNF_NORMAL,
    FNF_IMMEDIATE,
    FNF_PERMANENT,
    FNF_ENTRIES,
    FNF_TIMEOUT,
    FNF_HISTORY,
    FNF_PROTOCOLS,
    FNF_SIZES,
    FNF_RANDOM,
    FNF_EACH,
    FNF_IP,
    FNF_IPV6,

    /* the traditional ones; see probe/classic.h */
    CLASSIC_VERSION,
    CLASSIC_TO,
    CLASSIC_SOURCE,
    CLASSIC_TEMPLATE_N,
    CLASSIC_TEMPLATE_MIN,
    CLASSIC_STATS,
    CLASSIC_SAMPLERS,
    CLASSIC_OPTIONS_MIN,
    CLASSIC_NAMES,
    CLASSIC_ACTIVE,
    CLASSIC_INACTIVE,
    CLASSIC_ENTRIES,
    CLASSIC_SAMPLING,
    CLASSIC_IN,
    CLASSIC_OUT,
    CLASSIC_CACHE,
    CLASSIC_ENABLED,
    CLASSIC_SRC_MASK,
    CLASSIC_DST_MASK,
    CLASSIC_TOP,
    CLASSIC_TOP_N,
    CLASSIC_BY_BYTES,
    CLASSIC_BY_PACKETS,
    CLASSIC_KEEP,
    CLASSIC_MATCH
};

/* A row of fnf.def, in a table whose taker calls fnf_take():
 *   #define FNF(...) FNF_COMMAND(taker, __VA_ARGS__)
 *   #include "probe/fnf.def" */
#define FNF_COMMAND(taker, i, block, text, opened, can_be_bare, goes_on) \
    {.words = (text),                                                    \
     .take = (taker),                                                    \
     .in = (block),                                                      \
     .opens = (opened),                                                  \
     .id = (i),                                                          \
     .bare = (can_be_bare),                                              \
     .then = (goes_on)},

/* For rows of fnf.def. */
extern const struct conf_command fnf_options[];
extern const struct conf_command fnf_timeouts[];
extern const struct conf_command fnf_places[];
extern const struct conf_command classic_versions[];
extern const struct conf_command classic_matches[];

struct fnf;

struct fnf *fnf_new(void);
void fnf_free(struct fnf *f);

/* A line of fnf.def's. The name of its file must live as long as `f`. */
int fnf_take(struct fnf *f, const struct conf_line *line, struct err *err) MUST_USE;

/* Has the file said anything of this? */
bool fnf_any(const struct fnf *f);

/* What it all means: *out is the caller's. ERR_CONFIG: something is missing, or cannot be; each
 * mistake is told to c->wrong if that is set. */
int fnf_setup(const struct fnf *f, struct conf *c, struct setup *out, struct err *err) MUST_USE;

/* The i-th line that is right and has no effect here: "FILE:LINE:COLUMN: why"; false: there are no
 * more. */
bool fnf_note(const struct fnf *f, size_t i, struct err *out);

#endif
