/* snapshot: what a decoder knows, copied by its thread for one that asks.
 *
 * Bounded: SNAPSHOT_MAX of a kind, and SNAPSHOT_FIELDS_MAX fields of templates in all, 3 MB; what
 * was used last comes first, what there is no room for is counted in n_all. */
#ifndef COLLECT_SNAPSHOT_H
#define COLLECT_SNAPSHOT_H

#include "flow/decode.h"
#include "flow/naming.h"
#include "flow/rates.h"
#include "flow/template.h"

enum { SNAPSHOT_MAX = 4096, SNAPSHOT_FIELDS_MAX = 65536 };

enum snapshot_what {
    SNAPSHOT_SENDERS,
    SNAPSHOT_TEMPLATES,
    SNAPSHOT_SAMPLERS,
    SNAPSHOT_INTERFACES,
    SNAPSHOT_NAMES,
    SNAPSHOT_HEALTH,  /* senders, with all that is noted of them */
    SNAPSHOT_WAITING, /* for their template */
    SNAPSHOT_QUIRKS   /* of senders, see quirk_list.h */
};

struct snapshot_template {
    struct template_key key;
    int64_t refreshed_ms;
    int64_t interval_ms;
    uint64_t changes;
    uint64_t returns;
    uint64_t records;
    enum space space;
    bool options;
    size_t at; /* its fields, in snapshot.fields */
    size_t n;
};

/* Data sets that wait for one template. */
struct snapshot_waiting {
    struct template_key key;
    int64_t since_ms; /* received, the first */
    uint64_t sets;
    uint64_t bytes;
};

/* One version of a name. */
struct snapshot_name {
    struct name_key key;
    int64_t since_ms;
    int64_t until_ms; /* INT64_MAX: it holds */
    int64_t heard_ms; /* the latest version of it */
    size_t name_len;
    size_t description_len;
    uint8_t name[NAME_TEXT_MAX];
    uint8_t description[NAME_TEXT_MAX];
};

struct snapshot {
    enum snapshot_what what;
    size_t n;
    size_t n_all;
    /* One of: */
    struct exporter *senders;
    struct quirks quirks; /* of senders */
    uint64_t quirk_records[QUIRKS_MAX];
    struct snapshot_template *templates;
    struct rate *samplers;
    struct snapshot_name *names;
    struct snapshot_waiting *waiting;
    struct layout_field *fields; /* of templates */
};

struct snapshot snapshot_of(struct decoder *d, enum snapshot_what what);
void snapshot_free(struct snapshot *s);

#endif
