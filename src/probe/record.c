#include "probe/record.h"

#include "base/mem.h"
#include "flow/element.h"
#include "wire/fixed.h"
#include "wire/set.h"

#include <stddef.h>
#include <stdlib.h>

enum { MOVES = SETUP_FIELDS, COLUMNS = SETUP_FIELDS + 8, V4_BYTES = 4, WORD = 8 };

/* Octets that stand together in the facts, and in the key or the values. */
struct move {
    uint16_t from;
    uint16_t to;
    uint16_t len;
};

/* What a column of a row is made of. */
enum origin {
    FROM_DATA, /* octets of key and values, as they are */
    FROM_DATA_V4,
    FROM_FLOW_BYTES,
    FROM_FLOW_PACKETS,
    FROM_FLOW_FIRST,
    FROM_FLOW_LAST,
    FROM_FLOW_AGE,
    FROM_FLOW_TCP_FLAGS,
    FROM_FLOW_END
};

struct column {
    enum origin origin;
    enum field_id field;
    uint16_t at; /* in the flow's data */
    uint16_t width;
    uint16_t kind_width; /* of the column's values */
};

struct record {
    struct setup_record setup;
    size_t key_bytes;
    size_t value_bytes;
    size_t n_key;
    size_t n_value;
    size_t n_columns;
    struct move key[MOVES];
    struct move value[MOVES];
    struct column column[COLUMNS];
};

/* Where the facts have an element, and which column it fills; width: of the column. */
struct fact {
    uint16_t number;
    uint16_t at;
    uint16_t width;
    enum field_id field;
};

#define FACT(number, member, field)                                                                \
    {                                                                                              \
        number, offsetof(struct facts, member), sizeof(((struct facts *)0)->member), FIELD_##field \
    }
#define FACT_V4(number, member, field)                                       \
    {                                                                        \
        number, offsetof(struct facts, member) + 12, V4_BYTES, FIELD_##field \
    }

static const struct fact facts[] = {
    FACT_V4(8, src, SRC_ADDR),
    FACT_V4(12, dst, DST_ADDR),
    FACT(27, src, SRC_ADDR),
    FACT(28, dst, DST_ADDR),
    FACT(7, src_port, SRC_PORT),
    FACT(11, dst_port, DST_PORT),
    FACT(4, proto, PROTO),
    FACT(5, tos, TOS),
    FACT(176, icmp_type, ICMP_TYPE),
    FACT(177, icmp_code, ICMP_CODE),
    FACT(178, icmp_type, ICMP_TYPE),
    FACT(179, icmp_code, ICMP_CODE),
    FACT(10, in_if, IN_IF),
    FACT(14, out_if, OUT_IF),
    FACT(60, ip_version, IP_VERSION),
    FACT(61, direction, DIRECTION),
    FACT(195, dscp, DSCP),
    FACT(192, ttl, TTL),
    FACT(58, vlan, VLAN),
    FACT(243, vlan, DOT1Q_VLAN),
    FACT(245, customer_vlan, DOT1Q_CUSTOMER_VLAN),
    FACT(31, flow_label, FLOW_LABEL),
    FACT(54, fragment_id, FRAGMENT_ID),
    FACT(88, fragment_offset, FRAGMENT_OFFSET),
    FACT(197, fragment_flags, FRAGMENT_FLAGS),
    FACT(56, src_mac, SRC_MAC),
    FACT(80, dst_mac, DST_MAC),
    FACT(48, sampler, SAMPLER_ID),
    FACT_V4(15, next_hop, NEXT_HOP),
    FACT(62, next_hop, NEXT_HOP),
    FACT_V4(18, bgp_next_hop, BGP_NEXT_HOP),
    FACT(63, bgp_next_hop, BGP_NEXT_HOP),
    FACT(16, src_as, SRC_AS),
    FACT(17, dst_as, DST_AS),
    FACT(9, src_mask, SRC_MASK),
    FACT(13, dst_mask, DST_MASK),
    FACT(29, src_mask, SRC_MASK),
    FACT(30, dst_mask, DST_MASK),
};

/* What the cache counts by itself. */
static const struct {
    uint16_t number;
    enum origin origin;
    enum field_id field;
} counted[] = {
    {1, FROM_FLOW_BYTES, FIELD_BYTES},      {2, FROM_FLOW_PACKETS, FIELD_PACKETS},
    {22, FROM_FLOW_FIRST, FIELD_FIRST},     {21, FROM_FLOW_LAST, FIELD_LAST},
    {152, FROM_FLOW_FIRST, FIELD_FIRST},    {153, FROM_FLOW_LAST, FIELD_LAST},
    {150, FROM_FLOW_FIRST, FIELD_FIRST},    {151, FROM_FLOW_LAST, FIELD_LAST},
    {161, FROM_FLOW_AGE, FIELD_DURATION},   {6, FROM_FLOW_TCP_FLAGS, FIELD_TCP_FLAGS},
    {136, FROM_FLOW_END, FIELD_END_REASON},
};

/* --- compile --- */

static void add_column(struct record *r, enum origin origin, enum field_id field, size_t at,
                       size_t width)
{
    for (size_t i = 0; i < r->n_columns; i++)
        if (r->column[i].field == field)
            return;
    r->column[r->n_columns++] =
        (struct column){.origin = origin,
                        .field = field,
                        .at = (uint16_t)at,
                        .width = (uint16_t)width,
                        .kind_width = kind_table[field_table[field].kind].width};
}

static const struct fact *fact_of(const struct setup_field *f)
{
    for (size_t i = 0; i < COUNT_OF(facts) && f->enterprise == 0; i++)
        if (facts[i].number == f->number)
            return &facts[i];
    return NULL;
}

static bool add_counted(struct record *r, const struct setup_field *f)
{
    if (f->enterprise != 0 || f->key)
        return false;
    for (size_t i = 0; i < COUNT_OF(counted); i++)
        if (counted[i].number == f->number) {
            add_column(r, counted[i].origin, counted[i].field, 0, 0);
            return true;
        }
    return false;
}

/* ICMP's type and code in one element: two columns. */
static bool is_icmp(const struct setup_field *f)
{
    return f->enterprise == 0 && (f->number == 32 || f->number == 139);
}

static void add_move(struct move *v, size_t *n, size_t from, size_t to, size_t len)
{
    struct move *last = *n > 0 ? &v[*n - 1] : NULL;

    if (last && last->from + last->len == (int)from && last->to + last->len == (int)to)
        last->len = (uint16_t)(last->len + len);
    else
        v[(*n)++] = (struct move){.from = (uint16_t)from, .to = (uint16_t)to, .len = (uint16_t)len};
}

static void add_fact(struct record *r, const struct fact *f, bool key)
{
    size_t *bytes = key ? &r->key_bytes : &r->value_bytes;
    bool v4 = f->width == V4_BYTES && kind_table[field_table[f->field].kind].width != V4_BYTES;

    add_move(key ? r->key : r->value, key ? &r->n_key : &r->n_value, f->at, *bytes, f->width);
    /* Values stand behind the key, which is all there when its fields are compiled first. */
    add_column(r, v4 ? FROM_DATA_V4 : FROM_DATA, f->field, (key ? 0 : r->key_bytes) + *bytes,
               f->width);
    *bytes += f->width;
}

static int by_place(const void *a, const void *b)
{
    const struct fact *const *x = a;
    const struct fact *const *y = b;
    return (int)(*x)->at - (int)(*y)->at;
}

/* In the order of the facts, so that neighbours are copied at once. */
static int add_facts(struct record *r, bool key, struct err *err)
{
    static const struct fact icmp[] = {FACT(176, icmp_type, ICMP_TYPE),
                                       FACT(177, icmp_code, ICMP_CODE)};
    const struct fact *found[2 * SETUP_FIELDS] = {NULL};
    size_t n = 0;

    for (size_t i = 0; i < r->setup.n; i++) {
        const struct setup_field *f = &r->setup.fields[i];
        if (f->key != key || add_counted(r, f))
            continue;
        if (is_icmp(f)) {
            found[n++] = &icmp[0];
            found[n++] = &icmp[1];
            continue;
        }
        found[n] = fact_of(f);
        if (!found[n++])
            return err_set(err, ERR_CONFIG, "record %s: element %u/%u is not metered",
                           r->setup.name, (unsigned)f->enterprise, f->number);
    }
    qsort(found, n, sizeof found[0], by_place);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || found[i]->field != found[i - 1]->field)
            add_fact(r, found[i], key);
    return 0;
}

int record_new(struct record **out, const struct setup_record *setup, struct err *err)
{
    struct record *r = mem_new(1, sizeof *r);

    r->setup = *setup;
    int e = add_facts(r, true, err);
    r->key_bytes = (r->key_bytes + WORD - 1) / WORD * WORD;
    if (e == 0)
        e = add_facts(r, false, err);
    if (e == 0 && r->key_bytes == 0)
        e = err_set(err, ERR_CONFIG, "record %s has no key: expected match", setup->name);
    if (e == 0) { /* what the store and v5 want of every flow */
        add_column(r, FROM_FLOW_FIRST, FIELD_FIRST, 0, 0);
        add_column(r, FROM_FLOW_LAST, FIELD_LAST, 0, 0);
        *out = r;
    } else {
        free(r);
    }
    return e;
}

void record_free(struct record *r) { free(r); }

size_t record_key_bytes(const struct record *r) { return r->key_bytes; }

size_t record_value_bytes(const struct record *r) { return r->value_bytes; }

/* --- packets --- */

static inline void copy(uint8_t *to, const uint8_t *from, size_t n)
{
    switch (n) { /* lengths that the compiler knows are one or two moves */
    case 4:
        memcpy(to, from, 4);
        break;
    case 6:
        memcpy(to, from, 6);
        break;
    case 16:
        memcpy(to, from, 16);
        break;
    default:
        memcpy(to, from, n);
    }
}

static inline void run(const struct move *v, size_t n, const struct facts *f, uint8_t *out)
{
    const uint8_t *from = (const uint8_t *)f;

    for (size_t i = 0; i < n; i++)
        copy(out + v[i].to, from + v[i].from, v[i].len);
}

void record_key(const struct record *r, const struct facts *f, uint8_t *out)
{
    memset(out + r->key_bytes - WORD, 0, WORD); /* what the fields do not fill */
    run(r->key, r->n_key, f, out);
}

void record_values(const struct record *r, const struct facts *f, uint8_t *out)
{
    run(r->value, r->n_value, f, out);
}

/* --- rows --- */

bool record_begin(const struct record *r, struct batch *b, struct record_rows *out)
{
    *out = (struct record_rows){.record = r, .batch = b};
    for (size_t i = 0; i < r->n_columns; i++) {
        out->next[i] = batch_col(b, r->column[i].field);
        if (!out->next[i])
            return false;
    }
    return true;
}

static void put(uint8_t *to, const struct column *c, const struct cache_flow *f)
{
    struct addr a;
    uint64_t wide;
    uint16_t flags;

    switch (c->origin) {
    case FROM_DATA:
        copy(to, f->data + c->at, c->width);
        return;
    case FROM_DATA_V4:
        a = addr_of_v4(f->data + c->at);
        memcpy(to, &a, sizeof a);
        return;
    case FROM_FLOW_BYTES:
        memcpy(to, &f->bytes, sizeof f->bytes);
        return;
    case FROM_FLOW_PACKETS:
        memcpy(to, &f->packets, sizeof f->packets);
        return;
    case FROM_FLOW_FIRST:
        memcpy(to, &f->first_ms, sizeof f->first_ms);
        return;
    case FROM_FLOW_LAST:
        wide = (uint64_t)f->first_ms + f->age_ms;
        memcpy(to, &wide, sizeof wide);
        return;
    case FROM_FLOW_AGE:
        wide = f->age_ms;
        memcpy(to, &wide, sizeof wide);
        return;
    case FROM_FLOW_TCP_FLAGS:
        flags = f->tcp_flags;
        memcpy(to, &flags, sizeof flags);
        return;
    case FROM_FLOW_END:
        *to = f->end;
        return;
    }
}

void record_row(struct record_rows *rows, const struct cache_flow *f)
{
    const struct record *r = rows->record;

    rows->batch->rows++;
    for (size_t i = 0; i < r->n_columns; i++) {
        put(rows->next[i], &r->column[i], f);
        rows->next[i] += r->column[i].kind_width;
    }
}

void record_end(struct record_rows *rows)
{
    for (size_t i = 0; i < rows->record->n_columns; i++)
        batch_set(rows->batch, rows->record->column[i].field, 0, rows->batch->rows);
}

/* --- layouts --- */

static int v5_layout(const struct record *r, struct layout *out, struct err *err)
{
    const struct layout *v5 = fixed_layout(5, 0);

    for (size_t i = 0; i < r->setup.n; i++) {
        const struct setup_field *f = &r->setup.fields[i];
        bool has = false;
        for (size_t k = 0; k < v5->n; k++)
            has = has || (f->enterprise == 0 && v5->fields[k].number == f->number);
        if (!has && f->key)
            return err_set(err, ERR_CONFIG,
                           "record %s: NetFlow v5 cannot carry element %u%s: expected version 9 or "
                           "IPFIX",
                           r->setup.name, f->number,
                           f->number == 27 || f->number == 28 ? " (an IPv6 address)" : "");
    }
    *out = *v5;
    return 0;
}

int record_layout(const struct record *r, uint16_t version, struct layout_field *fields,
                  struct layout *out, struct err *err)
{
    if (version == 5)
        return v5_layout(r, out, err);
    for (size_t i = 0; i < r->setup.n; i++) {
        const struct setup_field *f = &r->setup.fields[i];
        fields[i] =
            (struct layout_field){.enterprise = f->enterprise, .number = f->number, .len = f->len};
        if (version == 10 && f->enterprise == 0 && (f->number == 21 || f->number == 22)) {
            fields[i].number = f->number == 22 ? 152 : 153;
            fields[i].len = 8;
        }
    }
    *out = (struct layout){.space = version == 9 ? SPACE_V9 : SPACE_IPFIX,
                           .n = (uint16_t)r->setup.n,
                           .fields = fields};
    if (!layout_measure(out, fields))
        return err_set(err, ERR_CONFIG, "record %s is too large for a datagram", r->setup.name);
    return 0;
}
