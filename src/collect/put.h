/* put: such members of answers (base/put.h) as counters and exporters are. */
#ifndef COLLECT_PUT_H
#define COLLECT_PUT_H

#include "base/put.h"
#include "flow/exporters.h"

static inline void put_exporter(struct json *j, const struct exporter_key *key)
{
    put_address(j, "exporter", &key->addr, key->port);
    put_number(j, "version", key->version);
    if (key->version >= 9) {
        put_number(j, "domain", key->source);
    } else {
        put_number(j, "engine_type", key->source >> 8);
        put_number(j, "engine_id", key->source & 0xff);
    }
}

static inline void put_counters(struct json *j, const struct counts *all)
{
    json_key(j, "counters");
    json_open(j, '{');
    for (int i = 0; i < COUNT_N; i++) {
        json_key(j, count_table[i].name);
        json_u64(j, count_get(all, (enum count_id)i));
    }
    json_close(j, '}');
}

/* The counters by which something was lost, with what to do about it. */
static inline void put_losses(struct json *j, const struct counts *all)
{
    json_key(j, "drops");
    json_open(j, '[');
    for (int i = 0; i < COUNT_N; i++) {
        if (!count_table[i].advice)
            continue;
        json_open(j, '{');
        put_text(j, "name", count_table[i].name);
        put_number(j, "count", count_get(all, (enum count_id)i));
        put_text(j, "what", count_table[i].help);
        put_text(j, "advice", count_table[i].advice);
        json_close(j, '}');
    }
    json_close(j, ']');
}

#endif
