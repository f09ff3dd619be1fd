#include "query/names.h"

#include "base/mem.h"
#include "store/labels.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRY_ROOM = 2048, PROTO_TCP = 6, PROTO_UDP = 17 };

_Static_assert((int)GEO_TEXT >= (int)LABEL_TEXT, "room for any name");

/* In the order in which they are asked. */
struct named_things {
    struct labels announced;
    struct labels written;
};

/* Fields of numbers that have names. */
static const struct {
    enum field_id field;
    enum name_kind kind;
} thing_fields[] = {
    {FIELD_IN_IF, NAME_INTERFACE},
    {FIELD_OUT_IF, NAME_INTERFACE},
    {FIELD_IN_PHYS_IF, NAME_INTERFACE},
    {FIELD_OUT_PHYS_IF, NAME_INTERFACE},
    {FIELD_IN_VRF, NAME_VRF},
    {FIELD_OUT_VRF, NAME_VRF},
    {FIELD_APP_SELECTOR, NAME_APPLICATION},
    {FIELD_SAMPLER_ID, NAME_SAMPLER},
    {FIELD_SELECTOR_ID, NAME_SAMPLER},
};

int names_parse(const char *text, struct names *out, struct err *err)
{
    struct names n = {0};

    for (const char *s = text;;) {
        size_t len = strcspn(s, ",");
        if (len == 8 && memcmp(s, "services", 8) == 0)
            n.services = true;
        else if (len == 3 && memcmp(s, "dns", 3) == 0)
            n.hosts = true;
        else if (len == 10 && memcmp(s, "interfaces", 10) == 0)
            n.interfaces = true;
        else
            return err_set(err, ERR_CONFIG,
                           "--names: expected services, dns or interfaces, found \"%.*s\"",
                           (int)(len < 64 ? len : 64), s);
        if (s[len] == '\0')
            break;
        s += len + 1;
    }
    *out = n;
    return 0;
}

int names_geo(struct names *n, const char *path, struct err *err)
{
    if (n->n_geo == NAMES_GEO_FILES)
        return err_set(err, ERR_CONFIG, "--geo: more than %d files", NAMES_GEO_FILES);
    int r = geo_open(&n->geo[n->n_geo], path, err);
    if (r)
        return err_in(err, r, "--geo");
    n->n_geo++;
    return 0;
}

int names_things(struct names *n, const char *store, const char *file, struct err *err)
{
    struct named_things *t = mem_new(1, sizeof *t);

    labels_init(&t->announced);
    labels_init(&t->written);
    n->things = t;
    int r = labels_of_store(&t->announced, store, err);
    if (r == 0 && file)
        r = labels_read_file(&t->written, file, err);
    labels_tidy(&t->announced);
    labels_tidy(&t->written);
    return r;
}

void names_free(struct names *n)
{
    if (n->things) {
        labels_free(&n->things->announced);
        labels_free(&n->things->written);
        free(n->things);
    }
    for (size_t i = 0; i < n->n_geo; i++)
        geo_close(n->geo[i]);
    lookup_free(n->lookup);
    *n = (struct names){0};
}

static bool is_port(enum field_id f)
{
    return f == FIELD_SRC_PORT || f == FIELD_DST_PORT || f == FIELD_NAT_SRC_PORT ||
           f == FIELD_NAT_DST_PORT;
}

static bool is_as(enum field_id f)
{
    return f == FIELD_SRC_AS || f == FIELD_DST_AS || f == FIELD_NEXT_AS || f == FIELD_PREV_AS;
}

static bool thing_kind(enum field_id f, enum name_kind *out)
{
    for (size_t i = 0; i < COUNT_OF(thing_fields); i++)
        if (thing_fields[i].field == f) {
            *out = thing_fields[i].kind;
            return true;
        }
    return false;
}

bool names_has(const struct names *n, enum field_id f, enum names_kind kind)
{
    bool is_addr = field_table[f].kind == KIND_ADDR;
    enum name_kind thing;

    switch (kind) {
    case NAMES_SERVICE:
        return n->services && is_port(f);
    case NAMES_PROTO:
        return n->services && f == FIELD_PROTO;
    case NAMES_HOST:
        return n->hosts && is_addr;
    case NAMES_COUNTRY:
        return n->n_geo > 0 && is_addr;
    case NAMES_SYSTEM:
        return n->n_geo > 0 && (is_addr || is_as(f));
    case NAMES_THING:
        return n->things && thing_kind(f, &thing);
    case NAMES_KINDS:
        break;
    }
    return false;
}

const char *names_suffix(enum field_id f, enum names_kind kind)
{
    if (kind == NAMES_COUNTRY)
        return "country";
    return kind == NAMES_SYSTEM && !is_as(f) ? "as_name" : "name";
}

void names_want(struct names *n, const struct value *v)
{
    if (n->hosts && v->type == VALUE_ADDR) {
        if (!n->lookup)
            n->lookup = lookup_new(lookup_system, NAMES_LIMIT_MS);
        lookup_want(n->lookup, &v->as.addr);
    }
}

void names_wait(struct names *n)
{
    if (n->lookup)
        lookup_wait(n->lookup);
}

static struct value text(const char *s)
{
    return s ? value_text(s, strlen(s)) : (struct value){.type = VALUE_NONE};
}

static struct value service(uint64_t port, uint64_t proto, char room[static GEO_TEXT])
{
    const char *words = proto == PROTO_UDP ? "udp" : proto == PROTO_TCP ? "tcp" : NULL;
    struct servent entry;
    struct servent *found = NULL;
    char memory[ENTRY_ROOM];

    if (port > UINT16_MAX || (proto != 0 && !words) ||
        getservbyport_r(htons((uint16_t)port), words, &entry, memory, sizeof memory, &found) != 0 ||
        !found)
        return text(NULL);
    (void)snprintf(room, GEO_TEXT, "%s", found->s_name);
    return text(room);
}

static struct value protocol(uint64_t number, char room[static GEO_TEXT])
{
    struct protoent entry;
    struct protoent *found = NULL;
    char memory[ENTRY_ROOM];

    if (number > UINT8_MAX ||
        getprotobynumber_r((int)number, &entry, memory, sizeof memory, &found) != 0 || !found)
        return text(NULL);
    (void)snprintf(room, GEO_TEXT, "%s", found->p_name);
    return text(room);
}

static struct value system_name(struct names *n, const struct value *v, char room[static GEO_TEXT])
{
    for (size_t i = 0; i < n->n_geo; i++) {
        if (v->type != VALUE_UINT) {
            if (geo_system(n->geo[i], &v->as.addr, NULL, room))
                return text(room);
            continue;
        }
        const char *name = geo_as_name(n->geo[i], (uint32_t)v->as.u);
        if (name)
            return text(name);
    }
    return text(NULL);
}

static struct value country(struct names *n, const struct value *v, char room[static GEO_TEXT])
{
    for (size_t i = 0; i < n->n_geo; i++)
        if (geo_country(n->geo[i], &v->as.addr, room))
            return text(room);
    return text(NULL);
}

static struct value thing(const struct named_things *t, enum field_id f, uint64_t number,
                          const struct names_row *row, char room[static GEO_TEXT])
{
    struct label_key key = {.exporter = {.addr = row->exporter, .bits = 128},
                            .id = number,
                            .any_domain = !row->has_domain,
                            .domain = row->domain};

    if (!thing_kind(f, &key.kind) || !row->exported)
        return text(NULL);
    if (key.kind == NAME_APPLICATION) {
        if (!row->has_engine || row->engine > UINT8_MAX)
            return text(NULL);
        key.engine = (uint16_t)row->engine;
    }
    size_t n = labels_find(&t->announced, &key, row->from_ms, row->to_ms, room);
    if (n == 0)
        n = labels_find(&t->written, &key, row->from_ms, row->to_ms, room);
    return n > 0 ? value_text(room, n) : text(NULL);
}

struct value names_of(struct names *n, enum names_kind kind, enum field_id f, const struct value *v,
                      const struct names_row *row, char room[static GEO_TEXT])
{
    bool is_addr = v->type == VALUE_ADDR || v->type == VALUE_PREFIX;

    switch (kind) {
    case NAMES_SERVICE:
        return v->type == VALUE_UINT ? service(v->as.u, row->proto, room) : text(NULL);
    case NAMES_PROTO:
        return v->type == VALUE_UINT ? protocol(v->as.u, room) : text(NULL);
    case NAMES_HOST:
        return v->type == VALUE_ADDR && n->lookup ? text(lookup_find(n->lookup, &v->as.addr))
                                                  : text(NULL);
    case NAMES_COUNTRY:
        return is_addr ? country(n, v, room) : text(NULL);
    case NAMES_SYSTEM:
        return is_addr || v->type == VALUE_UINT ? system_name(n, v, room) : text(NULL);
    case NAMES_THING:
        return v->type == VALUE_UINT ? thing(n->things, f, v->as.u, row, room) : text(NULL);
    case NAMES_KINDS:
        break;
    }
    return text(NULL);
}
