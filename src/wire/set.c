#include "wire/set.h"

enum { SET_HEAD = 4, TEMPLATE_HEAD = 4, ENTERPRISE = 0x8000, RECORD_MAX = 65535 };

/* Some pad the datagram with zeros behind the last set. */
static bool only_zeros(struct cur in)
{
    while (cur_left(&in) > 0)
        if (cur_u8(&in) != 0)
            return false;
    return true;
}

int set_next(struct cur *sets, struct set *out, struct err *err)
{
    if (cur_left(sets) < SET_HEAD || only_zeros(*sets)) /* the end, or padding */
        return ERR_EOF;

    uint16_t id = cur_u16(sets);
    uint16_t length = cur_u16(sets);
    if (length < SET_HEAD || length - (size_t)SET_HEAD > cur_left(sets))
        return err_set(err, ERR_DATA, "set %u: length %u of %zu left", id, length,
                       cur_left(sets) + SET_HEAD);

    *out = (struct set){.id = id, .body = cur_take(sets, length - (size_t)SET_HEAD)};
    return 0;
}

bool layout_measure(struct layout *layout, struct layout_field *fields)
{
    uint32_t at = 0;
    bool variable = false;

    for (size_t i = 0; i < layout->n; i++) {
        fields[i].offset = (uint16_t)at;
        if (fields[i].len == LAYOUT_VARLEN) {
            variable = true;
            at += 1; /* its length octet, at least */
        } else {
            at += fields[i].len;
        }
        if (at > RECORD_MAX)
            return false;
    }
    layout->variable = variable;
    layout->record_len = at;
    layout->fields = fields;
    return at > 0;
}

/* Read `n` field specifiers of IPFIX or v9. */
static int read_fields(struct cur *in, bool ipfix, size_t n, struct layout_field *fields,
                       struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t number = cur_u16(in);
        uint16_t len = cur_u16(in);
        uint32_t enterprise = 0;
        if (ipfix && number & ENTERPRISE) {
            number &= (uint16_t)~ENTERPRISE;
            enterprise = cur_u32(in);
        }
        if (!cur_ok(in))
            return err_set(err, ERR_DATA, "template cut short at field %zu of %zu", i + 1, n);
        fields[i] = (struct layout_field){.enterprise = enterprise, .number = number, .len = len};
    }
    return 0;
}

/* How many fields, and how many of them are scope. */
static int read_counts(struct cur *in, uint16_t version, bool options, size_t *n, size_t *scope,
                       struct err *err)
{
    *n = cur_u16(in);
    *scope = 0;
    if (options && version == 9) {
        size_t scope_octets = *n;
        size_t option_octets = cur_u16(in);
        if (scope_octets % 4 != 0 || option_octets % 4 != 0)
            return err_set(err, ERR_DATA,
                           "options template: scope of %zu and options of %zu octets", scope_octets,
                           option_octets);
        *scope = scope_octets / 4;
        *n = *scope + option_octets / 4;
    } else if (options && *n > 0) { /* a withdrawal ends after the field count */
        *scope = cur_u16(in);
        if (*scope > *n)
            return err_set(err, ERR_DATA, "options template: %zu scope fields of %zu", *scope, *n);
    }
    return cur_ok(in) ? 0 : err_set(err, ERR_DATA, "template cut short in its header");
}

int set_template_next(struct set *set, uint16_t version, struct layout_field *fields,
                      struct template_record *out, struct err *err)
{
    struct cur *in = &set->body;
    bool options = set->id == SET_V9_OPTIONS || set->id == SET_IPFIX_OPTIONS;
    size_t n;
    size_t scope;

    if (cur_left(in) < TEMPLATE_HEAD)
        return ERR_EOF;
    struct cur ahead = *in;
    if (cur_u32(&ahead) == 0) /* padding to a boundary */
        return ERR_EOF;
    uint16_t id = cur_u16(in);
    int r = read_counts(in, version, options, &n, &scope, err);
    if (r)
        return r;

    bool withdrawal = version == 10 && n == 0;
    if (id < SET_DATA_MIN && !(withdrawal && id == set->id))
        return err_set(err, ERR_DATA, "template id %u is below 256", id);
    if (n > LAYOUT_FIELDS_MAX)
        return err_set(err, ERR_LIMIT, "template %u: %zu fields, at most %d are read", id, n,
                       LAYOUT_FIELDS_MAX);
    r = read_fields(in, version == 10, n, fields, err);
    if (r)
        return err_in(err, r, "template %u", id);
    for (size_t i = 0; i < scope; i++)
        fields[i].scope = true;

    struct layout layout = {
        .space = version == 9 ? SPACE_V9 : SPACE_IPFIX, .options = options, .n = (uint16_t)n};
    if (!withdrawal && !layout_measure(&layout, fields))
        return err_set(err, ERR_DATA, "template %u: a record of no octets, or above 65535", id);
    *out = (struct template_record){.id = id, .withdrawal = withdrawal, .layout = layout};
    return 0;
}
