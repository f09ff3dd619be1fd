/* show_router: `weir show` and `weir clear` in the routers' words: `ip cache flow`, `flow monitor
 * NAME cache`, ... of a running probe. */
#ifndef CLI_SHOW_ROUTER_H
#define CLI_SHOW_ROUTER_H

#include "base/buf.h"
#include "probe/pick.h"
#include "report/member.h"

#include <stdbool.h>

/* Whom to ask, and how to say it. */
struct show_router {
    const char *socket;
    bool as_json;
};

/* Do the words begin as such a command does? */
bool show_router_is(const char *words);

/* `words`: the whole command, parted by blanks. The exit status. */
int show_router(const struct show_router *s, const char *words);
int clear_router(const struct show_router *s, const char *words);

/* For its files: an answer, its JSON (NULL, and it is said why, if it says that there is none). The
 * octets behind its first line stay in `answer`, from *at on. */
json_t *show_ask(const struct show_router *s, const char *question, struct buf *answer, size_t *at);

/* The member of a list that has this name; NULL: none. */
const json_t *show_named(const json_t *list, const char *name);

/* --- show_flows.c --- */

/* The flows that are the answers to "QUESTION PLACE MONITOR" (or to "QUESTION", monitor NULL), as
 * `ask` (probe/ask.h) wants to see them. */
int show_flows(const struct show_router *s, const json_t *setup, const char *question,
               const char *monitor, const char *ask);

/* Flows one after the other, for tables of their own: columns by element. */
struct show_rows;
typedef void show_row(const struct show_rows *r, const uint8_t *record);
int show_each(const struct show_router *s, const json_t *setup, const char *question,
              const char *monitor, const struct show_rows *table);

struct show_rows {
    show_row *row;
    void (*end)(const struct show_rows *r, uint64_t flows, uint64_t matched, uint64_t shown);
    bool by_packets;
    /* set while rows are printed */
    const json_t *setup;
    const struct pick_field *fields;
    size_t n;
};

/* What a record says of an element: 0 where it does not. */
uint64_t show_number(const struct show_rows *r, const uint8_t *record, uint16_t element);
const char *show_address(const struct show_rows *r, const uint8_t *record, uint16_t element,
                         char *out, size_t size);
/* The name of an interface, or its number; "-": 0. */
const char *show_interface(const json_t *setup, uint64_t index, char *out, size_t size);

/* --- show_ip.c, show_fnf.c --- */

int show_ip_cache(const struct show_router *s, const json_t *setup, bool verbose);
int show_ip_aggregation(const struct show_router *s, const json_t *setup, const char *scheme);
int show_ip_top(const struct show_router *s, const json_t *setup);
void show_ip_export(const json_t *setup);
void show_ip_interface(const json_t *setup);

void show_fnf_monitor(const json_t *setup, const json_t *m);
void show_fnf_cache(const json_t *m);
void show_fnf_statistics(const json_t *m);
void show_fnf_exporter(const json_t *x);
void show_fnf_sent(const json_t *setup, const json_t *x);
void show_fnf_templates(const json_t *setup, const json_t *x);
void show_fnf_record(const json_t *r);
void show_fnf_interface(const json_t *setup, const char *dev);
void show_fnf_sampler(const json_t *setup, const json_t *x);

/* "Packet sizes" and "protocols" of a monitor, where it counts them. */
void show_sizes(const json_t *m);
void show_protocols(const json_t *m, int64_t now_ms, int64_t since_ms);

#endif
