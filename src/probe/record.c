#include "probe/record.h"

#include "base/hash.h"
#include "base/mem.h"
#include "flow/element.h"
#include "probe/applications.h"
#include "probe/origin.h"
#include "wire/fixed.h"
#include "wire/set.h"

#include <stddef.h>
#include <stdlib.h>

enum { COLUMNS = SETUP_FIELDS + 8, V4_BYTES = 4, WORD = 8, TCP_FLAGS = 6, SAMPLER = 48 };

/* Octets that stand together in the facts or details, and in the key or the values. */
struct move {
    uint16_t from;
    uint16_t to;
    uint16_t len;
};

struct moves {
    struct move v[SETUP_FIELDS];
    size_t n;
};

/* What an element says of a flow, as the cache has it. */
struct value {
    enum origin_from from;
    enum origin_form form;
    uint16_t at; /* in the flow's data */
    uint16_t width;
    uint8_t mask; /* of TCP's flags; 0: all */
};

struct column {
    struct value value;
    enum field_id field;
    uint16_t width; /* of the column's values */
};

/* An element that is written beside the batch. */
struct beside {
    struct value value;
    uint16_t to;
    uint16_t len;
};

struct record {
    const struct setup_record *setup;
    struct details_wanted wanted;
    size_t key_bytes;
    size_t value_bytes;
    size_t stride; /* octets of a row beside the batch */
    struct moves key_facts;
    struct moves key_details;
    struct moves value_facts;
    struct moves value_details;
    uint16_t flags_at; /* in the key, where only some of TCP's flags count */
    uint8_t flags_mask;
    size_t n_running;
    uint16_t running_from[CACHE_RUNNING_MAX];
    uint8_t running[CACHE_RUNNING_MAX];
    size_t n_columns;
    struct column columns[COLUMNS];
    size_t n_beside;
    struct beside beside[SETUP_FIELDS];
    uint16_t octets[SETUP_FIELDS]; /* where each field's are, see encode_new() */
};

/* --- compile: which octets of a packet are kept --- */

/* A field of the setup, while its record is made. */
struct part {
    const struct setup_field *field;
    const struct origin *origin;
    struct value value;
};

static uint16_t width_of(const struct part *p)
{
    return p->origin->width ? p->origin->width : p->field->len;
}

static void add_move(struct moves *m, size_t from, size_t to, size_t len)
{
    struct move *last = m->n > 0 ? &m->v[m->n - 1] : NULL;

    if (last && last->from + last->len == (int)from && last->to + last->len == (int)to)
        last->len = (uint16_t)(last->len + len);
    else
        m->v[m->n++] =
            (struct move){.from = (uint16_t)from, .to = (uint16_t)to, .len = (uint16_t)len};
}

static int by_place(const void *a, const void *b)
{
    const struct part *const *x = a;
    const struct part *const *y = b;
    return (int)(*x)->origin->at - (int)(*y)->origin->at;
}

/* Of an application the conversation is kept, which the details have. */
static enum origin_from kept_from(const struct origin *o)
{
    return o->from == ORIGIN_APPLICATION ? ORIGIN_DETAILS : o->from;
}

/* In the order of the facts, so that neighbours are copied at once; of two elements that are one
 * place, one copy. `base` is where the octets begin in the flow's data. */
static void add_moves(struct part *parts, size_t n, bool key, enum origin_from from, size_t base,
                      size_t *bytes, struct moves *out)
{
    struct part *found[SETUP_FIELDS];
    size_t k = 0;

    for (size_t i = 0; i < n; i++)
        if (parts[i].field->key == key && kept_from(parts[i].origin) == from)
            found[k++] = &parts[i];
    qsort(found, k, sizeof(found[0]), by_place);
    for (size_t i = 0; i < k; i++) {
        struct part *p = found[i];
        const struct part *before = i > 0 ? found[i - 1] : NULL;
        if (before && before->origin->at == p->origin->at && width_of(before) == width_of(p)) {
            p->value.at = before->value.at;
            continue;
        }
        add_move(out, p->origin->at, *bytes, width_of(p));
        p->value.at = (uint16_t)(base + *bytes);
        *bytes += width_of(p);
    }
}

static int add_running(struct record *r, struct part *parts, struct err *err)
{
    for (size_t i = 0; i < r->setup->n; i++) {
        const struct origin *o = parts[i].origin;
        if (o->from != ORIGIN_RUNNING)
            continue;
        if (r->n_running == CACHE_RUNNING_MAX)
            return err_set(err, ERR_CONFIG, "record %s: more than %d sums and smallest and largest",
                           r->setup->name, (int)CACHE_RUNNING_MAX);
        parts[i].value.at =
            (uint16_t)(r->key_bytes + r->value_bytes + r->n_running * sizeof(uint64_t));
        r->running_from[r->n_running] = o->at;
        r->running[r->n_running++] = o->run;
    }
    return 0;
}

static void want(struct details_wanted *w, const struct part *p)
{
    const struct origin *o = p->origin;

    w->any |= kept_from(o) == ORIGIN_DETAILS || o->from == ORIGIN_RUNNING;
    w->applications |= origin_is_application(o);
    w->connections |= origin_is_connection(o);
    w->intervals |= origin_is_interval(o);
    w->routes |= origin_is_route(o);
    w->routes_early |= origin_is_route(o) && (p->field->key || o->from == ORIGIN_DETAILS);
    if (o->from != ORIGIN_DETAILS || o->width != 0)
        return;
    uint16_t *most = o->at == offsetof(struct details, section) ? &w->section : &w->payload_section;
    if (p->field->len > *most)
        *most = p->field->len;
}

/* --- compile: where it goes --- */

static bool is_same(const struct value *a, const struct value *b)
{
    return a->from == b->from && a->form == b->form && a->at == b->at && a->mask == b->mask;
}

/* FIELD_NONE: it is written beside the batch. */
static enum field_id field_of(const struct setup_field *f)
{
    const struct element *e = element_find(
        SPACE_IPFIX, &(struct layout_field){.enterprise = f->enterprise, .number = f->number});

    if (!e)
        return FIELD_NONE;
    switch (e->conv) {
    case CONV_INT:
    case CONV_ADDR:
    case CONV_MAC:
    case CONV_MSEC:
    case CONV_UPTIME:
        return e->field;
    case CONV_F64:
    case CONV_TEXT:
    case CONV_BYTES:
    case CONV_SEC:
    case CONV_USEC:
    case CONV_NTP:
    case CONV_DELTA:
    case CONV_ICMP:
    case CONV_APP:
    case CONV_MPLS:
        return FIELD_NONE;
    }
    return FIELD_NONE;
}

/* false: another element has the column. */
static bool add_column(struct record *r, enum field_id field, const struct value *v)
{
    for (size_t i = 0; i < r->n_columns; i++)
        if (r->columns[i].field == field)
            return is_same(&r->columns[i].value, v);
    r->columns[r->n_columns++] = (struct column){
        .value = *v, .field = field, .width = kind_table[field_table[field].kind].width};
    return true;
}

static uint16_t add_beside(struct record *r, const struct part *p)
{
    uint16_t to = (uint16_t)r->stride;

    r->beside[r->n_beside++] = (struct beside){.value = p->value, .to = to, .len = p->field->len};
    r->stride += p->field->len;
    return to;
}

static void add_places(struct record *r, const struct part *parts)
{
    const struct value first = {.from = ORIGIN_FIRST};
    const struct value last = {.from = ORIGIN_LAST};
    const struct value packets = {.from = ORIGIN_PACKETS};

    for (size_t i = 0; i < r->setup->n; i++) {
        const struct part *p = &parts[i];
        enum field_id field = field_of(p->field);
        if (p->origin->from == ORIGIN_UNKNOWN)
            r->octets[i] = ENCODE_ZERO;
        else if (field != FIELD_NONE && add_column(r, field, &p->value))
            r->octets[i] = ENCODE_COLUMN;
        else
            r->octets[i] = add_beside(r, p);
    }
    /* what the store and v5 want of every flow */
    (void)add_column(r, FIELD_FIRST, &first);
    (void)add_column(r, FIELD_LAST, &last);
    (void)add_column(r, FIELD_PACKETS, &packets); /* which flows are exported may depend on it */
}

static int find_parts(const struct setup_record *s, struct part *parts, struct err *err)
{
    bool key = false;

    for (size_t i = 0; i < s->n; i++) {
        const struct setup_field *f = &s->fields[i];
        const struct origin *o = origin_find(f);
        if (!o)
            return err_set(err, ERR_CONFIG, "record %s: element %u/%u is not metered", s->name,
                           (unsigned)f->enterprise, f->number);
        parts[i] = (struct part){
            .field = f,
            .origin = o,
            .value = {.from = o->from, .form = o->form, .mask = f->key ? 0 : f->flags}};
        parts[i].value.width = width_of(&parts[i]);
        key = key || f->key;
    }
    return key ? 0 : err_set(err, ERR_CONFIG, "record %s has no key: expected match", s->name);
}

static int compile(struct record *r, struct err *err)
{
    struct part parts[SETUP_FIELDS];
    const size_t n = r->setup->n;
    int e = find_parts(r->setup, parts, err);

    if (e)
        return e;
    add_moves(parts, n, true, ORIGIN_FACTS, 0, &r->key_bytes, &r->key_facts);
    add_moves(parts, n, true, ORIGIN_DETAILS, 0, &r->key_bytes, &r->key_details);
    r->key_bytes = r->key_bytes == 0 ? WORD : (r->key_bytes + WORD - 1) / WORD * WORD;
    add_moves(parts, n, false, ORIGIN_FACTS, r->key_bytes, &r->value_bytes, &r->value_facts);
    add_moves(parts, n, false, ORIGIN_DETAILS, r->key_bytes, &r->value_bytes, &r->value_details);
    e = add_running(r, parts, err);
    for (size_t i = 0; i < n; i++) {
        want(&r->wanted, &parts[i]);
        if (parts[i].field->key && parts[i].field->flags) {
            r->flags_mask = parts[i].field->flags;
            r->flags_at = parts[i].value.at;
        }
    }
    add_places(r, parts);
    return e;
}

int record_new(struct record **out, const struct setup_record *setup, struct err *err)
{
    struct record *r = mem_new(1, sizeof *r);

    r->setup = setup;
    int e = compile(r, err);
    if (e)
        free(r);
    else
        *out = r;
    return e;
}

void record_free(struct record *r) { free(r); }

const struct setup_record *record_setup(const struct record *r) { return r->setup; }

size_t record_key_bytes(const struct record *r) { return r->key_bytes; }

size_t record_value_bytes(const struct record *r) { return r->value_bytes; }

size_t record_running(const struct record *r, uint8_t out[static CACHE_RUNNING_MAX])
{
    memcpy(out, r->running, sizeof r->running);
    return r->n_running;
}

const struct details_wanted *record_wanted(const struct record *r) { return &r->wanted; }

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

static inline void run(const struct moves *m, const void *of, uint8_t *out)
{
    const uint8_t *from = of;

    for (size_t i = 0; i < m->n; i++)
        copy(out + m->v[i].to, from + m->v[i].from, m->v[i].len);
}

/* The other way round. */
static void run_back(const struct moves *m, const uint8_t *from, void *to)
{
    uint8_t *out = to;

    for (size_t i = 0; i < m->n; i++)
        copy(out + m->v[i].from, from + m->v[i].to, m->v[i].len);
}

void record_facts(const struct record *r, const struct cache_flow *f, struct facts *out)
{
    run_back(&r->key_facts, f->data, out);
    run_back(&r->value_facts, f->data + r->key_bytes, out);
}

void record_key(const struct record *r, const struct facts *f, const struct details *d,
                uint8_t *out)
{
    memset(out + r->key_bytes - WORD, 0, WORD); /* what the fields do not fill */
    run(&r->key_facts, f, out);
    run(&r->key_details, d, out);
    if (r->flags_mask)
        out[r->flags_at] &= r->flags_mask;
}

void record_values(const struct record *r, const struct facts *f, const struct details *d,
                   uint8_t *out)
{
    run(&r->value_facts, f, out);
    run(&r->value_details, d, out);
}

void record_numbers(const struct record *r, const struct details *d, uint64_t *out)
{
    for (size_t i = 0; i < r->n_running; i++)
        memcpy(&out[i], (const uint8_t *)d + r->running_from[i], sizeof out[i]);
}

/* --- rows --- */

bool record_begin(const struct record *r, struct batch *b, struct record_rows *rows)
{
    rows->record = r;
    rows->batch = b;
    rows->stride = r->stride;
    if (!rows->octets && r->stride != 0)
        rows->octets = mem_new(b->cap, r->stride);
    for (size_t i = 0; i < r->n_columns; i++) {
        rows->next[i] = batch_col(b, r->columns[i].field);
        if (!rows->next[i])
            return false;
    }
    return true;
}

static void store(uint8_t *to, uint64_t v, size_t width)
{
    uint32_t v4 = (uint32_t)v;
    uint16_t v2 = (uint16_t)v;

    switch (width) {
    case 1:
        *to = (uint8_t)v;
        break;
    case 2:
        memcpy(to, &v2, sizeof v2);
        break;
    case 4:
        memcpy(to, &v4, sizeof v4);
        break;
    default:
        memcpy(to, &v, sizeof v);
    }
}

static uint32_t application_of(const struct record_rows *rows, const struct value *v,
                               const struct cache_flow *f)
{
    return rows->applications ? applications_of(rows->applications,
                                                batch_load(f->data + v->at, v->width), !rows->looks)
                              : 0;
}

static uint64_t number_of(const struct record_rows *rows, const struct value *v,
                          const struct cache_flow *f)
{
    enum { SECOND_MS = 1000 };

    switch (v->from) {
    case ORIGIN_FACTS:
    case ORIGIN_DETAILS:
    case ORIGIN_RUNNING:
        return batch_load(f->data + v->at, v->width) / (v->form == ORIGIN_SECONDS ? SECOND_MS : 1);
    case ORIGIN_BYTES:
        return f->bytes;
    case ORIGIN_PACKETS:
        return f->packets;
    case ORIGIN_FLOWS:
        return 1;
    case ORIGIN_FIRST:
        return (uint64_t)f->first_ms;
    case ORIGIN_LAST:
        return (uint64_t)f->first_ms + f->age_ms;
    case ORIGIN_TCP_FLAGS:
        return v->mask ? f->tcp_flags & v->mask : f->tcp_flags;
    case ORIGIN_END:
        return f->end;
    case ORIGIN_APPLICATION:
        return application_of(rows, v, f);
    case ORIGIN_KEY:
        return hash_keyed(f->data, rows->record->key_bytes);
    case ORIGIN_UNKNOWN:
        return 0;
    }
    return 0;
}

static inline void put(const struct record_rows *rows, const struct column *c,
                       const struct cache_flow *f, uint8_t *to)
{
    const struct value *v = &c->value;
    struct addr a;

    if (v->form == ORIGIN_V4) {
        a = addr_of_v4(f->data + v->at);
        memcpy(to, &a, sizeof a);
    } else if (v->from <= ORIGIN_RUNNING && v->width == c->width) {
        copy(to, f->data + v->at, v->width);
    } else {
        store(to, number_of(rows, v, f), c->width);
    }
}

/* As they are exported. */
static void put_beside(const struct record_rows *rows, const struct beside *b,
                       const struct cache_flow *f, uint8_t *to)
{
    const struct value *v = &b->value;

    if (v->form == ORIGIN_OCTETS || v->form == ORIGIN_V4) {
        memcpy(to, f->data + v->at, b->len < v->width ? b->len : v->width);
        return;
    }
    uint64_t n = number_of(rows, v, f);
    for (size_t i = b->len; i > 0; i--, n >>= 8)
        to[i - 1] = (uint8_t)n;
}

void record_row(struct record_rows *rows, const struct cache_flow *f)
{
    const struct record *r = rows->record;
    size_t row = rows->batch->rows++;

    for (size_t i = 0; i < r->n_columns; i++) {
        put(rows, &r->columns[i], f, rows->next[i]);
        rows->next[i] += r->columns[i].width;
    }
    for (size_t i = 0; i < r->n_beside; i++)
        put_beside(rows, &r->beside[i], f, rows->octets + row * r->stride + r->beside[i].to);
}

struct encode_rows record_end(struct record_rows *rows)
{
    for (size_t i = 0; i < rows->record->n_columns; i++)
        batch_set(rows->batch, rows->record->columns[i].field, 0, rows->batch->rows);
    return (struct encode_rows){
        .batch = rows->batch, .octets = rows->octets, .stride = rows->stride};
}

void record_rows_free(struct record_rows *rows)
{
    free(rows->octets);
    rows->octets = NULL;
}

/* --- layouts --- */

static int old_layout(const struct record *r, uint16_t version, uint8_t aggregation,
                      struct record_layout *out, struct err *err)
{
    const struct layout *old = fixed_layout(version, aggregation);

    for (size_t i = 0; i < r->setup->n; i++) {
        const struct setup_field *f = &r->setup->fields[i];
        bool has = f->enterprise == 0 && f->number == SAMPLER; /* v5's header says the rate */
        for (size_t k = 0; k < old->n; k++)
            has = has || (f->enterprise == 0 && old->fields[k].number == f->number);
        if (!has && f->key)
            return err_set(
                err, ERR_CONFIG,
                "record %s: NetFlow v%u cannot carry element %u%s: expected version 9 or "
                "IPFIX",
                r->setup->name, version, f->number,
                f->number == 27 || f->number == 28 ? " (an IPv6 address)" : "");
    }
    out->layout = *old;
    for (size_t i = 0; i < old->n; i++)
        out->octets[i] = ENCODE_COLUMN;
    return 0;
}

static bool has_element(const struct record *r, uint16_t number)
{
    for (size_t i = 0; i < r->setup->n; i++)
        if (r->setup->fields[i].enterprise == 0 && r->setup->fields[i].number == number)
            return true;
    return false;
}

/* Of variable length is only what is empty; v9 has no such, and gets an octet. */
static struct layout_field field_v9(const struct setup_field *f)
{
    enum { CISCO = 9, CISCO_V9 = 32768 };
    unsigned number = f->number + (f->enterprise == CISCO ? CISCO_V9 : 0u);

    return (struct layout_field){.number = (uint16_t)number,
                                 .len = f->len == LAYOUT_VARLEN ? 1 : f->len};
}

/* false: the record has that element besides. */
static bool field_ipfix(const struct record *r, const struct setup_field *f,
                        struct layout_field *out)
{
    enum { FIRST_UPTIME = 22, LAST_UPTIME = 21, FIRST_MS = 152, LAST_MS = 153, MS_OCTETS = 8 };
    uint16_t clock = f->number == FIRST_UPTIME ? FIRST_MS : LAST_MS;

    *out = (struct layout_field){.enterprise = f->enterprise, .number = f->number, .len = f->len};
    if (f->enterprise != 0 || (f->number != FIRST_UPTIME && f->number != LAST_UPTIME))
        return true;
    out->number = clock;
    out->len = MS_OCTETS;
    return !has_element(r, clock);
}

int record_layout(const struct record *r, uint16_t version, uint8_t aggregation,
                  struct record_layout *out, struct err *err)
{
    size_t n = 0;

    if (version < 9)
        return old_layout(r, version, aggregation, out, err);
    for (size_t i = 0; i < r->setup->n; i++) {
        const struct setup_field *f = &r->setup->fields[i];
        if (version == 9)
            out->fields[n] = field_v9(f);
        else if (!field_ipfix(r, f, &out->fields[n]))
            continue;
        out->octets[n++] = r->octets[i];
    }
    out->layout = (struct layout){
        .space = version == 9 ? SPACE_V9 : SPACE_IPFIX, .n = (uint16_t)n, .fields = out->fields};
    if (!layout_measure(&out->layout, out->fields))
        return err_set(err, ERR_CONFIG, "record %s is too large for a datagram", r->setup->name);
    return 0;
}
