/* filters: what commands that take a filter share: the filters that the configuration names, files
 * of values, and how mistakes are shown. */
#ifndef CLI_FILTERS_H
#define CLI_FILTERS_H

#include "base/conf.h"
#include "cli/command.h"
#include "filter/filter.h"

/* Where the configuration is if neither --config nor $WEIR_CONFIG says so; it need not be there. */
#define FILTERS_CONFIG "/etc/weir/weir.conf"

#define FILTERS_OPT(id)                                                                      \
    {                                                                                        \
        (id), "config", 0, "FILE", "named filters are in FILE (default: " FILTERS_CONFIG ")" \
    }

struct filters {
    struct filter_named *v;
    size_t n;
};

/* `config` is the value of --config, or NULL. Filters are not parsed before they are asked for:
 * they may name large files. */
int filters_load(struct filters *f, const char *config, struct err *err) MUST_USE;
/* For the reader of the configuration: `filter NAME TEXT`, or `no filter NAME`. */
int filters_take(struct filters *f, const struct conf_line *line, struct err *err) MUST_USE;

void filters_free(struct filters *f);

/* Whether all of them are right; else the first mistake with its file, line and column. */
int filters_check(const struct filters *f, struct err *err) MUST_USE;

/* For filter_parse_at(); lives as long as `f`. */
struct filter_env filters_env(const struct filters *f);

/* The filter with its kind; says on stderr what is wrong, with the place. The configuration is read
 * if --config names it, or the text has a filter by name. Returns the exit status. */
int filters_parse(const struct command *c, const char *config, const char *text,
                  struct filter **out);

#endif
