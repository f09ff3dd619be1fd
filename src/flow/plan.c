#include "flow/plan.h"

#include "base/mem.h"
#include "flow/bend.h"
#include "flow/convert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LABELS_MAX = 10,
    IE_PADDING = 210,
    IE_FIREWALL_EVENT = 233,
    FIREWALL_UPDATE = 5,
    IE_FRAME_SECTION = 315,
    KEY_TEXT = 24,
    VARLEN_LONG = 255
};

struct move {
    struct convert convert;
    uint16_t field;     /* of the layout */
    uint16_t sub;       /* octets into it */
    uint16_t len;       /* octets from there; 0: all there are, in a variable-length field */
    uint8_t width;      /* of a value in the column */
    bool final;         /* not of updates of firewalls */
    convert_load *load; /* NULL: by convert_run() */
};

enum extra_when { EXTRA_ALWAYS, EXTRA_IF_WIDE, EXTRA_IF_BOTH, EXTRA_IF_UPDATE };

/* A field of the layout that goes to `extra`. */
struct extra {
    uint16_t field;
    uint16_t twin; /* EXTRA_IF_BOTH: the field that won */
    enum extra_when when;
    uint8_t width; /* EXTRA_IF_WIDE: octets that the column holds */
    char key[KEY_TEXT];
};

struct plan {
    struct layout layout;
    struct layout_field *fields;
    struct move *moves;
    size_t n_moves;
    struct extra *extras;
    size_t n_extras;
    uint16_t labels[LABELS_MAX]; /* layout fields of the MPLS stack, top first */
    size_t n_labels;
    struct field_set has;
    enum record_kind kind;
    bool icmp_in_port;
    uint8_t *quirks; /* rules of it */
    size_t n_quirks;
    bool bends_times;
    bool bends_masks;
    bool ignores_sampling;
    bool finals;    /* firewalls' counters are totals: those of updates do not count */
    uint16_t event; /* the field that says whether it is an update */
    /* Where the fields of the record in hand lie, for variable-length layouts. */
    uint32_t *at;
    uint32_t *len;
};

/* --- compile --- */

struct candidate {
    struct bent bent;
    uint16_t field;
};

/* Who fills a column, while compiling. */
struct claim {
    const struct element *element;
    uint16_t field;
    bool has_twin;
};

static bool is_padding(enum space space, const struct layout_field *f)
{
    return f->enterprise == 0 && f->number == (space == SPACE_FIXED ? FIXED_PAD : IE_PADDING);
}

/* A field without octets has no value either, and thousands of them in `extra` would make a
 * hundred thousand octets of text out of a record of one. */
static bool says_nothing(enum space space, const struct layout_field *f, const struct bent *b)
{
    return f->len == 0 || (!b->known && is_padding(space, f));
}

/* Can an element of this length be converted at all? */
static bool fits(const struct bent *b, uint16_t len)
{
    const struct element *e = &b->element;

    switch (e->conv) {
    case CONV_TEXT:
    case CONV_BYTES:
        return true;
    case CONV_ADDR:
        return len == (e->family == 4 ? 4 : 16);
    case CONV_MAC:
        return len == 6;
    case CONV_NTP:
        return len == 8 || (b->unit != QUIRK_UNIT_OWN && len >= 1 && len < 8);
    case CONV_F64:
        return len == 4 || len == 8;
    case CONV_ICMP:
        return len == 2;
    case CONV_MPLS:
        return len == 3;
    case CONV_APP:
        return len >= 2 && len <= 9;
    case CONV_INT:
    case CONV_SEC:
    case CONV_MSEC:
    case CONV_USEC:
    case CONV_DELTA:
    case CONV_UPTIME:
        return len >= 1 && len <= 8;
    }
    return false;
}

static void add_extra(struct plan *p, uint16_t field, enum extra_when when, uint16_t twin,
                      uint8_t width)
{
    const struct layout_field *f = &p->fields[field];
    struct extra *x = &p->extras[p->n_extras++];

    x->field = field;
    x->when = when;
    x->twin = twin;
    x->width = width;
    (void)snprintf(x->key, sizeof x->key, "\"%u/%u\"", f->enterprise, f->number);
}

static bool is_a_sides_counter(enum field_id f)
{
    return f == FIELD_INITIATOR_BYTES || f == FIELD_INITIATOR_PACKETS ||
           f == FIELD_RESPONDER_BYTES || f == FIELD_RESPONDER_PACKETS;
}

static struct move *add_move(struct plan *p, const struct candidate *c, enum field_id to)
{
    uint16_t field = c->field;
    uint16_t len = p->fields[field].len;
    struct move *m = &p->moves[p->n_moves++];

    *m = (struct move){.convert = {.conv = c->bent.element.conv,
                                   .field = to,
                                   .unit = c->bent.unit,
                                   .little = c->bent.little},
                       .field = field,
                       .final = p->finals && is_a_sides_counter(to),
                       .len = len == LAYOUT_VARLEN ? 0 : len};
    field_set_add(&p->has, to);
    return m;
}

/* Two columns from one element: its first octet, and the rest. */
static void add_pair(struct plan *p, const struct candidate *c, enum field_id first,
                     enum field_id rest)
{
    struct move *m = add_move(p, c, first);
    m->convert.conv = CONV_INT;
    m->len = 1;
    m = add_move(p, c, rest);
    m->convert.conv = CONV_INT;
    m->sub = 1;
    m->len = (uint16_t)(p->fields[c->field].len - 1);
}

/* The column that an uptime fills: a time where its origin is known. */
static enum field_id uptime_field(const struct plan *p, const struct element *e)
{
    bool known = p->layout.space != SPACE_IPFIX || plan_has(p, FIELD_INIT);
    if (known)
        return e->field;
    return e->field == FIELD_FIRST ? FIELD_FIRST_UPTIME : FIELD_LAST_UPTIME;
}

static enum field_id second_field(const struct element *e)
{
    return e->conv == CONV_ICMP  ? FIELD_ICMP_CODE
           : e->conv == CONV_APP ? FIELD_APP_SELECTOR
                                 : FIELD_NONE;
}

static void add_winner(struct plan *p, const struct candidate *c, enum field_id to,
                       enum convert_how how)
{
    const struct element *e = &c->bent.element;
    enum field_id second = second_field(e);

    if (second != FIELD_NONE && how == CONVERT_PLAIN) {
        add_pair(p, c, to, second);
        return;
    }
    struct move *m = add_move(p, c, to);
    m->convert.how = how;
    m->convert.uptime_raw = e->conv == CONV_UPTIME && to != e->field;
    m->convert.uptime_of_init =
        e->conv == CONV_UPTIME && to == e->field && p->layout.space == SPACE_IPFIX;
    uint8_t width = kind_table[field_table[to].kind].width;
    if (e->conv == CONV_INT && m->len > width && how == CONVERT_PLAIN) {
        m->convert.how = CONVERT_NARROW;
        add_extra(p, c->field, EXTRA_IF_WIDE, 0, width);
    }
    if (m->final)
        add_extra(p, c->field, EXTRA_IF_UPDATE, 0, 0);
}

/* Candidates come best first; see elements.def for who wins. */
static void place(struct plan *p, struct claim *claims, const struct candidate *c)
{
    const struct element *e = &c->bent.element;
    enum field_id to = e->conv == CONV_UPTIME ? uptime_field(p, e) : e->field;
    enum field_id second = second_field(e);
    struct claim *claim = &claims[to];
    struct claim *claim2 = second != FIELD_NONE ? &claims[second] : claim;
    uint8_t width = kind_table[field_table[to].kind].width;

    if (!claim->element && !claim2->element) {
        *claim = *claim2 = (struct claim){.element = e, .field = c->field};
        add_winner(p, c, to, CONVERT_PLAIN);
        return;
    }
    bool twins = claim->element && claim->element->family == 4 && e->family == 6 &&
                 !claim->has_twin && claim->element->conv == e->conv &&
                 (e->conv != CONV_INT || p->fields[c->field].len <= width);
    if (twins) {
        claim->has_twin = true;
        add_winner(p, c, to, CONVERT_TWIN);
        add_extra(p, c->field, EXTRA_IF_BOTH, claim->field, 0);
        return;
    }
    add_extra(p, c->field, EXTRA_ALWAYS, 0, 0);
}

static int by_rank(const void *a, const void *b)
{
    const struct candidate *x = a;
    const struct candidate *y = b;
    if (x->bent.rank != y->bent.rank)
        return x->bent.rank < y->bent.rank ? -1 : 1;
    return (x->field > y->field) - (x->field < y->field);
}

/* One MPLS label of each position; a second one of the same goes to extra. */
static void place_label(struct plan *p, const struct candidate *c, size_t *last)
{
    if (*last == c->bent.rank || p->n_labels == LABELS_MAX) {
        add_extra(p, c->field, EXTRA_ALWAYS, 0, 0);
        return;
    }
    *last = c->bent.rank;
    p->labels[p->n_labels++] = c->field;
    field_set_add(&p->has, FIELD_MPLS);
}

/* The exporter's start must be in its column before uptimes that count from it are converted. */
static void init_first(struct plan *p)
{
    for (size_t i = 1; i < p->n_moves; i++) {
        if (p->moves[i].convert.field != FIELD_INIT)
            continue;
        struct move init = p->moves[i];
        memmove(&p->moves[1], &p->moves[0], i * sizeof init);
        p->moves[0] = init;
    }
}

/* Firewalls' events carry what both sides sent until then, or since the last; ASA has had counters
 * of flows beside them, of 0. */
static enum record_kind judge(const struct plan *p)
{
    if (p->layout.options)
        return RECORD_OPTIONS;
    for (size_t i = 0; i < p->layout.n; i++)
        if (p->fields[i].enterprise == 0 && p->fields[i].number == IE_FRAME_SECTION)
            return RECORD_SAMPLE;
    bool asa = plan_has(p, FIELD_FW_EVENT) && plan_has(p, FIELD_INITIATOR_BYTES);
    if ((plan_has(p, FIELD_BYTES) || plan_has(p, FIELD_PACKETS)) && !asa)
        return RECORD_FLOW;
    if (plan_has(p, FIELD_FW_EVENT))
        return RECORD_FIREWALL;
    return plan_has(p, FIELD_NAT_EVENT) ? RECORD_NAT : RECORD_FLOW;
}

static int by_layout(const void *a, const void *b)
{
    const struct extra *x = a;
    const struct extra *y = b;
    int keys = strcmp(x->key, y->key);
    return keys ? keys : (x->field > y->field) - (x->field < y->field);
}

static void note_quirks(struct plan *p, const struct quirk_choice *choice)
{
    p->bends_times = bend_has(choice, QUIRK_TIMES);
    p->bends_masks = bend_has(choice, QUIRK_MASKS);
    p->ignores_sampling = bend_has(choice, QUIRK_SAMPLING);
    for (uint16_t i = 0; i < p->layout.n && !p->finals; i++) {
        const struct layout_field *f = &p->fields[i];
        p->finals = f->enterprise == 0 && f->number == IE_FIREWALL_EVENT && f->len == 1 &&
                    bend_has(choice, QUIRK_TOTAL);
        p->event = i;
    }
    bend_offsets(choice, &p->layout, p->fields);
}

static void compile(struct plan *p, const struct quirk_choice *choice, struct candidate *candidates,
                    struct claim *claims)
{
    size_t n = 0;
    size_t last_label = SIZE_MAX;

    note_quirks(p, choice);

    for (uint16_t i = 0; i < p->layout.n; i++) {
        const struct layout_field *f = &p->fields[i];
        struct bent b = bend_field(choice, p->layout.space, f);
        if (says_nothing(p->layout.space, f, &b))
            continue;
        if (!b.known || !fits(&b, f->len)) {
            add_extra(p, i, EXTRA_ALWAYS, 0, 0);
            continue;
        }
        if (b.element.field == FIELD_INIT) /* uptime_field() asks before it is placed */
            field_set_add(&p->has, FIELD_INIT);
        candidates[n++] = (struct candidate){.bent = b, .field = i};
    }
    qsort(candidates, n, sizeof *candidates, by_rank);
    for (size_t i = 0; i < n; i++) {
        if (candidates[i].bent.element.conv == CONV_MPLS)
            place_label(p, &candidates[i], &last_label);
        else
            place(p, claims, &candidates[i]);
    }
    init_first(p);
    for (size_t i = 0; i < p->n_moves; i++) {
        struct move *m = &p->moves[i];
        m->width = kind_table[field_table[m->convert.field].kind].width;
        m->load = m->len && !m->final ? convert_loader(&m->convert, m->len) : NULL;
    }
    qsort(p->extras, p->n_extras, sizeof *p->extras, by_layout);
    p->kind = judge(p);
    p->icmp_in_port = plan_has(p, FIELD_PROTO) && plan_has(p, FIELD_DST_PORT) &&
                      !plan_has(p, FIELD_ICMP_TYPE) && !plan_has(p, FIELD_ICMP_CODE);
}

static bool copy_quirks(struct plan *p, const struct quirk_choice *choice)
{
    p->n_quirks = choice ? choice->n : 0;
    p->quirks = malloc(p->n_quirks + 1);
    if (p->quirks && p->n_quirks > 0)
        memcpy(p->quirks, choice->rule, p->n_quirks);
    return p->quirks;
}

struct plan *plan_new(const struct layout *layout, const struct quirk_choice *choice)
{
    size_t n = layout->n;
    struct plan *p = calloc(1, sizeof *p);
    struct candidate *candidates = calloc(n + 1, sizeof *candidates);
    struct claim *claims = calloc(FIELD_N, sizeof *claims);
    bool ok = p && candidates && claims;

    if (ok) {
        p->layout = *layout;
        p->fields = calloc(n + 1, sizeof *p->fields);
        p->moves = calloc(2 * n + 1, sizeof *p->moves); /* two where an element fills two columns */
        p->extras = calloc(2 * n + 1, sizeof *p->extras); /* two of: too wide, a twin, of updates */
        p->at = calloc(n + 1, sizeof *p->at);
        p->len = calloc(n + 1, sizeof *p->len);
        ok = p->fields && p->moves && p->extras && p->at && p->len && copy_quirks(p, choice);
    }
    if (ok) {
        memcpy(p->fields, layout->fields, n * sizeof *p->fields);
        p->layout.fields = p->fields;
        compile(p, choice, candidates, claims);
    } else {
        plan_free(p);
        p = NULL;
    }
    free(candidates);
    free(claims);
    return p;
}

void plan_free(struct plan *p)
{
    if (!p)
        return;
    free(p->fields);
    free(p->moves);
    free(p->extras);
    free(p->at);
    free(p->len);
    free(p->quirks);
    free(p);
}

const struct layout *plan_layout(const struct plan *p) { return &p->layout; }
enum record_kind plan_kind(const struct plan *p) { return p->kind; }
bool plan_has(const struct plan *p, enum field_id f) { return field_set_has(&p->has, f); }

const uint8_t *plan_quirks(const struct plan *p, size_t *n)
{
    *n = p->n_quirks;
    return p->quirks;
}

bool plan_ignores_sampling(const struct plan *p) { return p->ignores_sampling; }
bool plan_bends_times(const struct plan *p) { return p->bends_times; }
bool plan_bends_masks(const struct plan *p) { return p->bends_masks; }

/* --- run --- */

/* n records from `records`, `stride` apart; for n above 1 fields lie where the layout says, for 1
 * where p->at and p->len say. */
struct span {
    const uint8_t *records;
    size_t stride;
    size_t n;
};

static const uint8_t *field_at(const struct plan *p, const struct span *s, size_t i, uint16_t field)
{
    return s->records + i * s->stride +
           (p->layout.variable ? p->at[field] : p->fields[field].offset);
}

static size_t field_len(const struct plan *p, uint16_t field)
{
    return p->layout.variable ? p->len[field] : p->fields[field].len;
}

static bool is_update(const struct plan *p, const struct span *s, size_t i)
{
    return *field_at(p, s, i, p->event) == FIREWALL_UPDATE;
}

/* A record at a time, since some are left out. */
static bool run_final(const struct plan *p, const struct plan_clock *clock, const struct move *m,
                      const struct strip *all, const struct span *s, struct batch *b)
{
    struct strip one = {.len = all->len, .stride = all->stride, .n = 1};

    for (size_t i = 0; i < s->n; i++) {
        one.src = all->src + i * all->stride;
        if (!is_update(p, s, i) && !convert_run(&m->convert, clock, &one, b, b->rows + i))
            return false;
    }
    return true;
}

static bool run_moves(const struct plan *p, const struct plan_clock *clock, const struct span *s,
                      struct batch *b)
{
    const struct batch_run run = batch_run_of(b->rows, s->n);

    for (size_t i = 0; i < p->n_moves; i++) {
        const struct move *m = &p->moves[i];
        const uint8_t *src = field_at(p, s, 0, m->field) + m->sub;
        if (m->load) {
            uint8_t *col = batch_col(b, m->convert.field);
            if (!col)
                return false;
            m->load(col + b->rows * m->width, src, s->stride, s->n);
            batch_set_run(b, m->convert.field, &run);
            continue;
        }
        struct strip strip = {.src = src,
                              .len = m->len ? m->len : field_len(p, m->field),
                              .stride = s->stride,
                              .n = s->n};
        if (m->final ? !run_final(p, clock, m, &strip, s, b)
                     : !convert_run(&m->convert, clock, &strip, b, b->rows))
            return false;
    }
    return true;
}

static bool run_labels(const struct plan *p, const struct span *s, struct batch *b)
{
    uint8_t stack[LABELS_MAX * 3];

    for (size_t i = 0; p->n_labels > 0 && i < s->n; i++) {
        for (size_t l = 0; l < p->n_labels; l++)
            memcpy(stack + l * 3, field_at(p, s, i, p->labels[l]), 3);
        if (!batch_put_bytes(b, FIELD_MPLS, b->rows + i, stack, p->n_labels * 3))
            return false;
    }
    return true;
}

static bool extra_applies(const struct plan *p, const struct span *s, size_t i,
                          const struct extra *x)
{
    const uint8_t *at = field_at(p, s, i, x->field);
    size_t len = field_len(p, x->field);

    if (x->when == EXTRA_IF_UPDATE)
        return is_update(p, s, i);
    if (x->when == EXTRA_IF_WIDE)
        return !convert_zero(at, len - x->width);
    if (x->when == EXTRA_IF_BOTH)
        return !convert_zero(at, len) &&
               !convert_zero(field_at(p, s, i, x->twin), field_len(p, x->twin));
    return true;
}

static void put_hex(struct buf *out, const uint8_t *p, size_t n)
{
    static const char digit[] = "0123456789abcdef";
    uint8_t *to = buf_room(out, 2 * n + 2);

    if (!to)
        return;
    *to++ = '"';
    for (size_t i = 0; i < n; i++) {
        *to++ = (uint8_t)digit[p[i] >> 4];
        *to++ = (uint8_t)digit[p[i] & 15];
    }
    *to = '"';
}

/* {"enterprise/element": ["hex", ...], ...}: extras are sorted, so equal keys stand together. */
static bool extra_row(const struct plan *p, const struct span *s, size_t i, struct batch *b)
{
    struct buf *out = &b->bytes;
    size_t from = out->len;
    const char *open = NULL;

    for (size_t k = 0; k < p->n_extras; k++) {
        const struct extra *x = &p->extras[k];
        if (!extra_applies(p, s, i, x))
            continue;
        bool same = open && strcmp(open, x->key) == 0;
        if (!same) {
            buf_text(out, open ? "]," : "{");
            buf_text(out, x->key);
            buf_text(out, ":[");
            open = x->key;
        } else {
            buf_u8(out, ',');
        }
        put_hex(out, field_at(p, s, i, x->field), field_len(p, x->field));
    }
    if (!open)
        return true;
    buf_text(out, "]}");
    if (!buf_ok(out)) {
        out->bad = false;
        out->len = from;
        return false;
    }
    struct cell c = {.at = (uint32_t)from, .len = (uint32_t)(out->len - from)};
    return batch_put_raw(b, FIELD_EXTRA, b->rows + i, &c);
}

static bool run_extras(const struct plan *p, const struct span *s, struct batch *b)
{
    for (size_t i = 0; p->n_extras > 0 && i < s->n; i++)
        if (!extra_row(p, s, i, b))
            return false;
    return true;
}

enum { ICMP = 1, ICMP6 = 58 };

/* Bit 7 of each byte of x that is zero; above the first such byte others may have it too. */
static uint64_t zero_bytes(uint64_t x)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    return (x - ones) & ~x & ones << 7;
}

/* Eight protocols at once, since hardly any is ICMP. */
static bool any_icmp(const uint8_t *proto, size_t n)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t found = 0;
    size_t i = 0;

    for (; n - i >= sizeof found; i += sizeof found) {
        uint64_t v;
        memcpy(&v, proto + i, sizeof v);
        found |= zero_bytes(v ^ ones * ICMP) | zero_bytes(v ^ ones * ICMP6);
    }
    for (; i < n; i++)
        found |= proto[i] == ICMP || proto[i] == ICMP6;
    return found != 0;
}

/* Routers put ICMP type and code into the destination port: type × 256 + code. */
static bool icmp_from_port(struct batch *b, size_t n)
{
    const uint8_t *proto = b->col[FIELD_PROTO]; /* in every record: the plan has it */

    if (!any_icmp(proto + b->rows, n))
        return true;
    for (size_t row = b->rows; row < b->rows + n; row++) {
        if ((proto[row] != ICMP && proto[row] != ICMP6) || !batch_has(b, FIELD_PROTO, row) ||
            !batch_has(b, FIELD_DST_PORT, row))
            continue;
        uint64_t port = batch_u64(b, FIELD_DST_PORT, row);
        if (!batch_put_u64(b, FIELD_ICMP_TYPE, row, port >> 8) ||
            !batch_put_u64(b, FIELD_ICMP_CODE, row, port & 0xff))
            return false;
    }
    return true;
}

/* Append the span's records to the batch, which has room. */
static bool run_span(const struct plan *p, const struct plan_clock *clock, const struct span *s,
                     struct batch *b)
{
    size_t bytes = b->bytes.len;

    if (!run_moves(p, clock, s, b) || !run_labels(p, s, b) || !run_extras(p, s, b) ||
        (p->icmp_in_port && !icmp_from_port(b, s->n))) {
        batch_cut(b, b->rows, bytes);
        return false;
    }
    b->rows += s->n;
    return true;
}

/* Find the fields of the variable-length record at the cursor; RFC 7011 section 7. */
static bool walk_record(struct plan *p, struct cur *in)
{
    const uint8_t *start = in->at;

    for (size_t i = 0; i < p->layout.n; i++) {
        size_t len = p->fields[i].len;
        if (len == LAYOUT_VARLEN) {
            len = cur_u8(in);
            if (len == VARLEN_LONG)
                len = cur_u16(in);
        }
        p->at[i] = (uint32_t)(in->at - start);
        p->len[i] = (uint32_t)len;
        (void)cur_bytes(in, len);
    }
    return cur_ok(in);
}

static int run_variable(struct plan *p, const struct plan_clock *clock, struct cur *records,
                        struct batch *b, struct err *err)
{
    while (b->rows < b->cap && cur_left(records) >= p->layout.record_len) {
        struct cur ahead = *records;
        struct span s = {.records = records->at, .n = 1};
        if (!walk_record(p, &ahead))
            return err_set(err, ERR_DATA, "record cut short: %zu octets left", cur_left(records));
        if (!run_span(p, clock, &s, b))
            return err_set(err, ERR_LIMIT, "no memory for a record");
        *records = ahead;
    }
    return 0;
}

int plan_run(struct plan *p, const struct plan_clock *clock, struct cur *records, struct batch *b,
             size_t *rows, struct err *err)
{
    size_t before = b->rows;
    int r = 0;

    if (p->layout.variable) {
        r = run_variable(p, clock, records, b, err);
    } else {
        size_t n = cur_left(records) / p->layout.record_len;
        n = n < b->cap - b->rows ? n : b->cap - b->rows;
        const uint8_t *at = cur_bytes(records, n * p->layout.record_len);
        struct span s = {.records = at, .stride = p->layout.record_len, .n = n};
        if (n > 0 && !run_span(p, clock, &s, b))
            r = err_set(err, ERR_LIMIT, "no memory for %zu records", n);
    }
    *rows = b->rows - before;
    return r;
}
