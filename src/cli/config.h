/* config: the configuration file, whole: what each of its commands sets.
 *
 *   filter NAME TEXT
 *   collector                                     store
 *     listen udp|tcp ADDR PORT                      path DIR
 *     permit|deny PREFIX [port PORT]                seal-every TIME
 *     workers N, pin, rcvbuf BYTES                  journal-size BYTES
 *     instance NAME                                 sync TIME
 *     log quiet|verbose, syslog FACILITY
 *   sender PREFIX
 *     sampling RATE
 *     out-of-sequence log|reject
 *   quirks FILE
 *   quirk NAME ...                                as flow/quirk_conf.h says
 *
 * docs/configuration.md describes them. */
#ifndef CLI_CONFIG_H
#define CLI_CONFIG_H

#include "base/log.h"
#include "base/mem.h"
#include "cli/filters.h"
#include "collect/collect.h"
#include "flow/quirk_conf.h"

struct config {
    struct conf conf;
    struct arena text; /* of its words */
    struct collect_options collect;
    struct filters filters;
    struct quirk_reading quirks; /* collect.quirks is a view of it */
    const char *no_quirks;       /* where the rules that weir comes with should be; NULL: found */
    struct prefix sender;        /* of the block in hand */
    enum log_level level;
    const char *syslog; /* as log_to_syslog() takes it, or NULL */
    bool has_collector;
    size_t mistakes; /* told on stderr */
};

/* Everything as without a file. */
void config_init(struct config *c);
void config_free(struct config *c);

/* $WEIR_CONFIG, else the usual place if there is one, else NULL. */
const char *config_usual(void);

/* The rules that weir comes with, then the file (NULL: none). The first mistake ends it, with its
 * place in `err`. */
int config_read(struct config *c, const char *path, struct err *err) MUST_USE;

/* Every mistake is written to stderr, a line each. ERR_CONFIG if there was any. */
int config_check(struct config *c, const char *path, struct err *err) MUST_USE;

#endif
