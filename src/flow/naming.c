#include "flow/naming.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct name_key) == 32, "a key has no padding bytes");

const char *const name_kinds[NAME_KINDS] = {[NAME_INTERFACE] = "interface",
                                            [NAME_VRF] = "vrf",
                                            [NAME_APPLICATION] = "application",
                                            [NAME_SAMPLER] = "sampler"};

void naming_init(struct naming *n, struct counts *counts)
{
    *n = (struct naming){.room = NAMES_BYTES_MAX, .counts = counts};
    map_init(&n->map, sizeof(struct name_key));
}

static void free_versions(struct name_version *v)
{
    for (struct name_version *before; v; v = before) {
        before = v->before;
        free(v);
    }
}

void naming_free(struct naming *n)
{
    struct name *x;

    for (size_t at = 0; (x = map_next(&n->map, &at));) {
        free_versions(x->now);
        free(x);
    }
    map_free(&n->map);
    n->bytes = 0;
}

const struct name *naming_find(const struct naming *n, const struct name_key *key)
{
    return map_find(&n->map, key);
}

/* --- versions --- */

struct name_said name_version_said(const struct name_version *v)
{
    return (struct name_said){.name = v->text,
                              .name_len = v->name_len,
                              .description = v->text + v->name_len,
                              .description_len = v->description_len};
}

static size_t version_bytes(const struct name_version *v)
{
    return sizeof *v + v->name_len + v->description_len;
}

static bool same_text(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

/* What is said, and what was known of what is not. */
static struct name_said merged(const struct name_said *said, const struct name_version *now)
{
    struct name_said all = *said;
    struct name_said known = now ? name_version_said(now) : (struct name_said){0};

    all.name_len = all.name_len < NAME_TEXT_MAX ? all.name_len : NAME_TEXT_MAX;
    all.description_len = all.description_len < NAME_TEXT_MAX ? all.description_len : NAME_TEXT_MAX;
    if (all.name_len == 0) {
        all.name = known.name;
        all.name_len = known.name_len;
    }
    if (all.description_len == 0) {
        all.description = known.description;
        all.description_len = known.description_len;
    }
    return all;
}

static bool unchanged(const struct name_version *now, const struct name_said *all)
{
    return now && same_text(now->text, now->name_len, all->name, all->name_len) &&
           same_text(now->text + now->name_len, now->description_len, all->description,
                     all->description_len);
}

/* NULL: no room or no memory, which is counted. */
static struct name_version *new_version(struct naming *n, const struct name_said *all,
                                        struct name_version *before, int64_t now_ms)
{
    size_t text = all->name_len + all->description_len;
    struct name_version *v = NULL;

    if (n->bytes > n->room - sizeof *v - sizeof(struct name) - text) {
        count_add(n->counts, COUNT_NAMES_REFUSED, 1);
        return NULL;
    }
    v = malloc(sizeof *v + text);
    if (!v) {
        count_add(n->counts, COUNT_NO_MEMORY, 1);
        return NULL;
    }
    *v = (struct name_version){.before = before,
                               .since_ms = now_ms,
                               .change = ++n->changes,
                               .name_len = (uint8_t)all->name_len,
                               .description_len = (uint8_t)all->description_len};
    if (all->name_len > 0)
        memcpy(v->text, all->name, all->name_len);
    if (all->description_len > 0)
        memcpy(v->text + all->name_len, all->description, all->description_len);
    n->bytes += version_bytes(v);
    return v;
}

static void drop_oldest(struct naming *n, struct name_version *newest)
{
    struct name_version *v = newest;

    for (int i = 1; i < NAME_VERSIONS && v; i++)
        v = v->before;
    if (!v || !v->before)
        return;
    n->bytes -= version_bytes(v->before); /* there is one too many at most */
    free(v->before);
    v->before = NULL;
}

static void add(struct naming *n, const struct name_key *key, struct name_version *v,
                int64_t now_ms)
{
    struct name *x = malloc(sizeof *x);

    if (x) {
        *x = (struct name){.key = *key, .heard_ms = now_ms, .now = v};
        if (map_add(&n->map, x)) {
            n->bytes += sizeof *x;
            return;
        }
    }
    free(x);
    n->bytes -= version_bytes(v);
    free(v);
    count_add(n->counts, COUNT_NO_MEMORY, 1);
}

void naming_put(struct naming *n, const struct name_key *key, const struct name_said *said,
                int64_t now_ms)
{
    struct name *x = map_find(&n->map, key);
    struct name_said all = merged(said, x ? x->now : NULL);

    if (all.name_len == 0 && all.description_len == 0)
        return;
    if (x)
        x->heard_ms = now_ms;
    if (x && unchanged(x->now, &all))
        return;
    struct name_version *v = new_version(n, &all, x ? x->now : NULL, now_ms);
    if (v && x) {
        x->now = v;
        drop_oldest(n, v);
    } else if (v) {
        add(n, key, v, now_ms);
    }
}

/* --- options data --- */

/* Where the options say which one it is: the first of these that is there. */
struct name_fields {
    enum field_id number[3];
    enum field_id name;
    enum field_id description;
};

static const struct name_fields name_fields[NAME_KINDS] = {
    [NAME_INTERFACE] = {{FIELD_SCOPE_INTERFACE, FIELD_IN_IF, FIELD_OUT_IF},
                        FIELD_IF_NAME,
                        FIELD_IF_DESCRIPTION},
    [NAME_VRF] = {{FIELD_IN_VRF, FIELD_OUT_VRF, FIELD_NONE}, FIELD_VRF_NAME, FIELD_NONE},
    [NAME_APPLICATION] = {{FIELD_APP_SELECTOR, FIELD_NONE, FIELD_NONE},
                          FIELD_APP_NAME,
                          FIELD_APP_DESCRIPTION},
    [NAME_SAMPLER] = {{FIELD_SAMPLER_ID, FIELD_SELECTOR_ID, FIELD_NONE},
                      FIELD_SAMPLER_NAME,
                      FIELD_NONE},
};

static bool number_of(const struct name_fields *g, const struct batch *b, size_t row, uint64_t *id)
{
    for (size_t i = 0; i < COUNT_OF(g->number) && g->number[i] != FIELD_NONE; i++)
        if (batch_has(b, g->number[i], row)) {
            *id = batch_u64(b, g->number[i], row);
            return true;
        }
    return false;
}

static const uint8_t *text_of(const struct batch *b, enum field_id f, size_t row, size_t *len)
{
    *len = 0;
    return f != FIELD_NONE ? batch_bytes(b, f, row, len) : NULL;
}

static struct name_said said_by(const struct name_fields *g, const struct batch *b, size_t row)
{
    struct name_said s = {0};

    s.name = text_of(b, g->name, row, &s.name_len);
    if (s.name_len == 0 && g->name == FIELD_SAMPLER_NAME)
        s.name = text_of(b, FIELD_SELECTOR_NAME, row, &s.name_len);
    s.description = text_of(b, g->description, row, &s.description_len);
    return s;
}

void naming_learn(struct naming *n, const struct addr *addr, uint32_t domain, bool known,
                  const struct batch *b, size_t row, size_t rows, int64_t now_ms)
{
    n->room = known ? NAMES_BYTES_MAX : NAMES_BYTES_MAX / 2;
    for (size_t i = row; i < row + rows; i++)
        for (size_t kind = 0; kind < NAME_KINDS; kind++) {
            const struct name_fields *g = &name_fields[kind];
            struct name_key key = {.addr = *addr, .domain = domain, .kind = (uint16_t)kind};
            struct name_said said = said_by(g, b, i);
            if (said.name_len + said.description_len == 0 || !number_of(g, b, i, &key.id))
                continue;
            if (kind == NAME_APPLICATION)
                key.engine = (uint16_t)batch_u64(b, FIELD_APP_ENGINE, i);
            naming_put(n, &key, &said, now_ms);
        }
}
