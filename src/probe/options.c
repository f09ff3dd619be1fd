#include "probe/options.h"

#include "base/attr.h"
#include "base/buf.h"
#include "probe/applications.h"

#include <string.h>

enum {
    V9_SYSTEM = 1,
    IPFIX_DOMAIN = 149,
    DETERMINISTIC = 1,
    RANDOM = 2,
    NAME = IFNAMSIZ,
    APPLICATION_NAME = 24, /* as long as routers have it */
    APPLICATION_KIND = 55,
    SAMPLER_NAME = SETUP_NAME
};

/* Behind the scope. */
static const struct {
    uint16_t number;
    uint16_t len;
} elements[OPTIONS_KINDS][OPTIONS_FIELDS - 1] = {
    [SETUP_INTERFACE_TABLE] = {{10, 4}, {82, NAME}, {83, LINK_ALIAS}},
    [SETUP_SAMPLER_TABLE] = {{48, 4}, {49, 1}, {50, 4}, {84, SAMPLER_NAME}},
    [SETUP_EXPORTER_STATS] = {{40, 8}, {41, 8}, {42, 8}},
    [SETUP_VRF_TABLE] = {{234, 4}, {236, NAME}},
    [SETUP_APPLICATION_TABLE] = {{95, 4}, {96, APPLICATION_NAME}, {94, APPLICATION_KIND}},
    [OPTIONS_SAMPLING] = {{34, 4}, {35, 1}},
};

/* In IPFIX a name has as its scope what is named (RFC 6759 section 6.6). */
static bool has_own_scope(int kind, uint16_t version)
{
    return (kind == SETUP_INTERFACE_TABLE || kind == SETUP_APPLICATION_TABLE) && version == 10;
}

void options_table(int kind, uint16_t version, struct options_table *out)
{
    uint16_t n = 0;

    *out = (struct options_table){
        .layout = {.space = version == 9 ? SPACE_V9 : SPACE_IPFIX, .options = true}};
    if (version < 9)
        return;
    if (!has_own_scope(kind, version))
        out->fields[n++] = (struct layout_field){
            .number = version == 9 ? V9_SYSTEM : IPFIX_DOMAIN, .len = 4, .scope = true};
    for (size_t i = 0; i < OPTIONS_FIELDS - 1 && elements[kind][i].number != 0; i++)
        out->fields[n++] =
            (struct layout_field){.number = elements[kind][i].number, .len = elements[kind][i].len};
    out->fields[0].scope = true;
    for (uint16_t i = 0; i < n; i++) {
        out->fields[i].offset = (uint16_t)out->layout.record_len;
        out->layout.record_len += out->fields[i].len;
    }
    out->layout.n = n;
    out->layout.fields = out->fields;
}

static void put_text(struct buf *b, const char *text, size_t len)
{
    static const uint8_t zeros[SAMPLER_NAME];
    size_t n = strnlen(text, len);

    buf_bytes(b, text, n);
    buf_bytes(b, zeros, len - n);
}

static void put_sampler(struct buf *b, const struct setup_sampler *s)
{
    buf_u32(b, s->rate);
    buf_u8(b, s->random ? RANDOM : DETERMINISTIC);
}

static bool put_link(struct buf *b, const struct links *l, size_t i)
{
    if (i >= l->n)
        return false;
    buf_u32(b, l->v[i].index);
    put_text(b, l->v[i].name, NAME);
    put_text(b, l->v[i].alias, LINK_ALIAS);
    return true;
}

/* The i-th of those that are VRFs. */
static bool put_vrf(struct buf *b, const struct links *l, size_t i)
{
    for (size_t k = 0; k < l->n; k++) {
        if (l->v[k].vrf == 0 || i-- > 0)
            continue;
        buf_u32(b, l->v[k].vrf);
        put_text(b, l->v[k].name, NAME);
        return true;
    }
    return false;
}

static bool put_application(struct buf *b, const struct applications_names *names, size_t i)
{
    uint32_t application;
    const char *name;
    const char *kind;

    if (!names || !applications_name(names, i, &application, &name, &kind))
        return false;
    buf_u32(b, application);
    put_text(b, name, APPLICATION_NAME);
    put_text(b, kind, APPLICATION_KIND);
    return true;
}

static bool put_row(struct buf *b, int kind, const struct options_world *w, size_t i)
{
    switch (kind) {
    case SETUP_INTERFACE_TABLE:
        return put_link(b, w->links, i);
    case SETUP_APPLICATION_TABLE:
        return put_application(b, w->applications, i);
    case SETUP_VRF_TABLE:
        return put_vrf(b, w->links, i);
    case SETUP_SAMPLER_TABLE:
        if (i >= w->n_samplers)
            return false;
        buf_u32(b, (uint32_t)i + 1);
        buf_u8(b, w->samplers[i].random ? RANDOM : DETERMINISTIC);
        buf_u32(b, w->samplers[i].rate);
        put_text(b, w->samplers[i].name, SAMPLER_NAME);
        return true;
    case SETUP_EXPORTER_STATS:
        buf_u64(b, w->bytes);
        buf_u64(b, w->messages);
        buf_u64(b, w->records);
        return i == 0;
    default:
        if (i > 0 || !w->sampling)
            return false;
        put_sampler(b, w->sampling);
        return true;
    }
}

size_t options_record(int kind, uint16_t version, const struct options_world *w, size_t i,
                      uint8_t out[static OPTIONS_RECORD_MAX])
{
    struct buf b;

    buf_fixed(&b, out, OPTIONS_RECORD_MAX);
    if (!has_own_scope(kind, version))
        buf_u32(&b, w->domain);
    return put_row(&b, kind, w, i) ? b.len : 0;
}
