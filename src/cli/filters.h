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
    struct conf conf;
    struct filter_named *v;
    size_t n;
};

/* `config` is the value of --config, or NULL. Each named filter is parsed, so that a mistake shows
 * with its file, line and column. */
int filters_load(struct filters *f, const char *config, struct err *err) MUST_USE;
void filters_free(struct filters *f);

/* For filter_parse_at(); lives as long as `f`. */
struct filter_env filters_env(const struct filters *f);

/* The filter with its kind; says on stderr what is wrong, with the place. Returns the exit status.
 */
int filters_parse(const struct command *c, const char *config, const char *text,
                  struct filter **out);

#endif
