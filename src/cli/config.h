/* config: the configuration file, whole: what each of its commands sets.
 *
 *   filter NAME TEXT
 *   names FILE
 *   collector                                     store
 *     listen udp|tcp ADDR PORT                      path DIR
 *     permit|deny PREFIX [port PORT]                seal-every TIME
 *     workers N, pin, rcvbuf BYTES                  journal-size BYTES
 *     instance NAME, user NAME                      sync TIME
 *     log quiet|verbose, syslog FACILITY, json TARGET, json-filter TEXT
 *   sender PREFIX
 *     sampling RATE
 *     out-of-sequence log|reject
 *     name TEXT, trust exporter-address
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
#include "flow/decode.h"
#include "flow/quirk_conf.h"

struct config {
    struct conf conf;
    struct arena text; /* of its words */
    struct collect_options collect;
    struct filters filters;
    struct quirk_reading quirks; /* collect.quirks is a view of it */
    bool no_quirks;              /* the rules that weir comes with are not installed */
    const char *names;           /* a file of them (store/labels.h), or NULL */
    struct prefix sender;        /* of the block in hand */
    enum log_level level;
    const char *syslog;      /* as log_to_syslog() takes it, or NULL */
    const char *json;        /* where flows go as JSON lines, see sink/target.h, or NULL */
    const char *json_filter; /* which of them, or NULL */
    size_t json_line;        /* where that was said; 0: in no file */
    size_t json_column;
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

/* Which flows go as JSON lines: as a query means it, flows unless it says otherwise. *out is NULL
 * for all of every kind. The error has its place. */
int config_json_filter(const struct config *c, struct filter **out, struct err *err) MUST_USE;

/* "PREFIX COMMAND": a command of the sender's block, as a flag gives it. */
int config_sender(struct config *c, const char *text, struct err *err) MUST_USE;

/* What the configuration says of exporters, to a decoder: senders and quirks. `path` as in
 * config_read(). */
int config_teach(const char *path, struct decoder *d, struct err *err) MUST_USE;

/* Every mistake is written to stderr, a line each. ERR_CONFIG if there was any. */
int config_check(struct config *c, const char *path, struct err *err) MUST_USE;

#endif
