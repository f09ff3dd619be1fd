#include "flow/decode_state.h"

#include "flow/quirk_conf.h"
#include "wire/set.h"

#include <string.h>

enum {
    STATE_TEMPLATE = 1,
    STATE_RATE = 2,
    STATE_HELD = 3,
    STATE_EXPORTER = 4,
    STATE_SENDER = 5,
    STATE_NAME = 6,
    STATE_QUIRKS = 7,
    STATE_HELD_KNOWN = 8,
    STATE_BOOK = 16
};
enum { TEMPLATE_OPTIONS = 1, TEMPLATE_KNOWN = 2 };
enum {
    EXPORTER_INCLUSIVE = 1,
    EXPORTER_SETTLED = 2,
    EXPORTER_PROPER = 4,
    EXPORTER_BEHIND = 8,
    EXPORTER_KNOWN = 16,
    EXPORTER_DOUBT = 32
};

static bool time_ok(int64_t ms) { return ms >= -DECODE_TIME_MAX && ms <= DECODE_TIME_MAX; }

void decode_state_init(struct decode_state *s, const struct decode_limits *limits,
                       struct counts *counts)
{
    templates_init(&s->templates, limits->templates, limits->template_ms, counts);
    rates_init(&s->rates, counts);
    books_init(&s->books, counts);
    held_init(&s->held, limits->held_bytes, limits->held_ms, &s->books, counts);
    exporters_init(&s->exporters, counts);
    naming_init(&s->names, counts);
    s->templates.quirks = &s->exporters.quirks;
}

void decode_state_free(struct decode_state *s)
{
    templates_free(&s->templates);
    rates_free(&s->rates);
    held_free(&s->held);
    books_free(&s->books);
    exporters_free(&s->exporters);
    naming_free(&s->names);
}

/* --- save --- */

/* Begin a record; its length is set by end_record(). */
static size_t begin_record(struct buf *out, uint8_t type)
{
    buf_u8(out, type);
    buf_u32(out, 0);
    return out->len;
}

static void end_record(struct buf *out, size_t from)
{
    if (!buf_ok(out))
        return;
    struct buf head;
    buf_fixed(&head, out->data + from - 4, 4);
    buf_u32(&head, (uint32_t)(out->len - from));
}

static void save_key(const struct template_key *k, struct buf *out)
{
    buf_bytes(out, k->addr.b, sizeof k->addr.b);
    buf_u32(out, k->domain);
    buf_u16(out, k->version);
    buf_u16(out, k->id);
    buf_u32(out, k->session);
    buf_u16(out, k->port);
    buf_u16(out, k->listener);
}

static void save_template(const struct template *t, struct buf *out)
{
    const struct layout *layout = plan_layout(t->plan);
    size_t from = begin_record(out, STATE_TEMPLATE);

    save_key(&t->key, out);
    buf_u64(out, (uint64_t)t->refreshed_ms);
    buf_u8(out, (uint8_t)layout->space);
    buf_u8(out, (uint8_t)(layout->options * TEMPLATE_OPTIONS | t->known * TEMPLATE_KNOWN));
    buf_u16(out, layout->n);
    for (size_t i = 0; i < layout->n; i++) {
        buf_u32(out, layout->fields[i].enterprise);
        buf_u16(out, layout->fields[i].number);
        buf_u16(out, layout->fields[i].len);
        buf_u8(out, layout->fields[i].scope);
    }
    end_record(out, from);
}

static void save_rate(const struct rate *r, struct buf *out)
{
    uint64_t bits;
    size_t from = begin_record(out, STATE_RATE);

    memcpy(&bits, &r->one_in, sizeof bits);
    buf_bytes(out, r->key.addr.b, sizeof r->key.addr.b);
    buf_u32(out, r->key.domain);
    buf_u32(out, r->key.what);
    buf_u64(out, r->key.sampler);
    buf_u64(out, bits);
    buf_u64(out, (uint64_t)r->since_ms);
    buf_u64(out, (uint64_t)r->heard_ms);
    end_record(out, from);
}

static void save_held(const struct held_set *x, struct buf *out)
{
    size_t from = begin_record(out, x->known ? STATE_HELD_KNOWN : STATE_HELD);

    save_key(&x->key, out);
    buf_u16(out, x->head.version);
    buf_u16(out, x->head.count);
    buf_u32(out, x->head.uptime_ms);
    buf_u64(out, (uint64_t)x->head.export_ms);
    buf_u32(out, x->head.sequence);
    buf_u32(out, x->head.domain);
    buf_u64(out, (uint64_t)x->received_ms);
    buf_bytes(out, x->bytes, x->len);
    end_record(out, from);
}

/* By which what comes late or twice is told. */
static void save_memory(const struct sequence *s, struct buf *out)
{
    size_t oldest = s->n_recent < SEQUENCE_RECENT ? 0 : s->recent_at;

    buf_u8(out, s->inclusive_seen);
    buf_u8(out, s->n_gaps);
    for (size_t i = 0; i < s->n_gaps; i++) {
        buf_u32(out, s->gap[i].from);
        buf_u32(out, s->gap[i].len);
    }
    buf_u8(out, s->n_recent);
    for (size_t i = 0; i < s->n_recent; i++) {
        const struct sequence_seen *seen = &s->recent[(oldest + i) % SEQUENCE_RECENT];
        buf_u32(out, seen->first);
        buf_u64(out, (uint64_t)seen->export_ms);
    }
}

/* What its next number is compared with, and what its times are counted from. */
static void save_exporter(const struct exporter *x, struct buf *out)
{
    const struct sequence *s = &x->sequence;

    bool counted_from = x->key.version == 10 && x->boot_ms != INT64_MIN;
    if (!s->known && !counted_from && s->n_recent == 0)
        return;
    size_t from = begin_record(out, STATE_EXPORTER);
    buf_bytes(out, x->key.addr.b, sizeof x->key.addr.b);
    buf_u32(out, x->key.source);
    buf_u32(out, x->key.session);
    buf_u16(out, x->key.version);
    buf_u16(out, x->key.port);
    buf_u16(out, x->key.listener);
    buf_u8(out,
           (uint8_t)((s->inclusive ? EXPORTER_INCLUSIVE : 0) | (x->settled ? EXPORTER_SETTLED : 0) |
                     (s->proper ? EXPORTER_PROPER : 0) | (s->is_behind ? EXPORTER_BEHIND : 0) |
                     (s->known ? EXPORTER_KNOWN : 0) | (s->doubt.len > 0 ? EXPORTER_DOUBT : 0)));
    buf_u64(out, (uint64_t)x->last_ms);
    buf_u32(out, s->next);
    buf_u32(out, s->last);
    buf_u32(out, s->uptime_ms);
    buf_u64(out, (uint64_t)s->export_ms);
    if (s->is_behind)
        buf_u32(out, s->behind);
    if (s->doubt.len > 0) {
        buf_u32(out, s->doubt.from);
        buf_u32(out, s->doubt.len);
    }
    buf_u8(out, x->boot_ms != INT64_MIN);
    buf_u64(out, (uint64_t)x->boot_ms);
    save_memory(s, out);
    buf_u8(out, x->met);
    end_record(out, from);
}

static void save_sender(const struct sender_rule *s, struct buf *out)
{
    uint64_t bits;
    size_t from = begin_record(out, STATE_SENDER);

    memcpy(&bits, &s->rate, sizeof bits);
    buf_bytes(out, s->prefix.addr.b, sizeof s->prefix.addr.b);
    buf_u8(out, s->prefix.bits);
    buf_u64(out, bits);
    buf_u8(out, (uint8_t)(s->reject | s->trusts << 1));
    end_record(out, from);
}

static void save_quirks(const struct quirks *q, struct buf *out)
{
    size_t from = begin_record(out, STATE_QUIRKS);

    for (size_t i = 0; i < q->n; i++)
        quirk_print(&q->v[i], out);
    end_record(out, from);
}

/* A record for each version, the oldest first. */
static void save_name(const struct name *x, struct buf *out)
{
    const struct name_version *versions[NAME_VERSIONS] = {0};
    size_t n = 0;

    for (const struct name_version *v = x->now; v && n < NAME_VERSIONS; v = v->before)
        versions[n++] = v;
    while (n-- > 0) {
        const struct name_version *v = versions[n];
        size_t from = begin_record(out, STATE_NAME);
        buf_bytes(out, x->key.addr.b, sizeof x->key.addr.b);
        buf_u32(out, x->key.domain);
        buf_u16(out, x->key.kind);
        buf_u16(out, x->key.engine);
        buf_u64(out, x->key.id);
        buf_u64(out, (uint64_t)v->since_ms);
        buf_u64(out, (uint64_t)x->heard_ms);
        buf_u8(out, v->name_len);
        buf_u8(out, v->description_len);
        buf_bytes(out, v->text, (size_t)v->name_len + v->description_len);
        end_record(out, from);
    }
}

static void save_book(const struct book *b, struct buf *out)
{
    size_t from = begin_record(out, STATE_BOOK);

    buf_bytes(out, b->key.addr.b, sizeof b->key.addr.b);
    buf_u64(out, (uint64_t)b->key.minute_ms);
    buf_u32(out, b->key.source);
    buf_u16(out, b->key.version);
    buf_u16(out, b->key.what);
    for (int i = 0; i < BOOK_N; i++) {
        if (b->n[i] == 0)
            continue;
        buf_u8(out, (uint8_t)i);
        buf_u64(out, (uint64_t)b->n[i]);
    }
    end_record(out, from);
}

static void save_books(const struct books *b, struct buf *out)
{
    const struct book *row;

    for (size_t at = 0; (row = map_next(&b->map, &at));)
        save_book(row, out);
    if (b->spilled)
        save_book(&b->spill, out);
}

void decode_state_save(const struct decode_state *s, struct buf *out)
{
    const struct rate *r;
    const struct name *name;

    if (s->exporters.quirks.n > 0) /* before what is compiled by them */
        save_quirks(&s->exporters.quirks, out);
    for (const struct template *t = NULL; (t = templates_next(&s->templates, t));)
        save_template(t, out);
    for (size_t at = 0; (r = map_next(&s->rates.map, &at));)
        save_rate(r, out);
    for (size_t at = 0; (r = map_next(&s->rates.domains, &at));)
        if (r->one_in >= 1)
            save_rate(r, out);
    for (const struct held_set *x = NULL; (x = held_next(&s->held, x));)
        save_held(x, out);
    for (size_t i = 0; i < s->exporters.senders.n; i++) /* before those whom they are about */
        save_sender(&s->exporters.senders.v[i], out);
    for (const struct exporter *x = s->exporters.newcomers.oldest; x; x = x->newer)
        save_exporter(x, out);
    for (const struct exporter *x = s->exporters.settled.oldest; x; x = x->newer)
        save_exporter(x, out);
    for (size_t at = 0; (name = map_next(&s->names.map, &at));)
        save_name(name, out);
    if (s->books.carried)
        save_books(&s->books, out);
}

/* --- load --- */

static void load_addr(struct cur *in, struct addr *a)
{
    const uint8_t *p = cur_bytes(in, sizeof a->b);
    if (p)
        memcpy(a->b, p, sizeof a->b);
}

static struct template_key load_key(struct cur *in)
{
    struct template_key k = {0};

    load_addr(in, &k.addr);
    k.domain = cur_u32(in);
    k.version = cur_u16(in);
    k.id = cur_u16(in);
    k.session = cur_u32(in);
    k.port = cur_u16(in);
    k.listener = cur_u16(in);
    return k;
}

static int load_template(struct decode_state *s, struct cur *in, struct layout_field *fields,
                         struct err *err)
{
    struct template_key key = load_key(in);
    int64_t refreshed_ms = (int64_t)cur_u64(in);
    uint8_t space = cur_u8(in);
    uint8_t flags = cur_u8(in);
    struct layout layout = {.options = flags & TEMPLATE_OPTIONS};

    layout.n = cur_u16(in);
    if (!cur_ok(in) || !time_ok(refreshed_ms) || (space != SPACE_IPFIX && space != SPACE_V9) ||
        layout.n == 0 || layout.n > LAYOUT_FIELDS_MAX)
        return err_set(err, ERR_DATA, "saved template %u: bad header", key.id);
    layout.space = (enum space)space;
    for (size_t i = 0; i < layout.n; i++) {
        fields[i] = (struct layout_field){.enterprise = cur_u32(in)};
        fields[i].number = cur_u16(in);
        fields[i].len = cur_u16(in);
        fields[i].scope = cur_u8(in) != 0;
    }
    if (!cur_ok(in) || !layout_measure(&layout, fields))
        return err_set(err, ERR_DATA, "saved template %u: bad fields", key.id);
    struct template *t =
        templates_put(&s->templates, &key, flags & TEMPLATE_KNOWN, &layout, refreshed_ms);
    if (!t)
        return err_set(err, ERR_DATA, "saved template %u: no memory", key.id);
    t->of_earlier_run = true;
    return 0;
}

static int load_rate(struct decode_state *s, struct cur *in, struct err *err)
{
    struct rate_key key = {0};
    double one_in;

    load_addr(in, &key.addr);
    key.domain = cur_u32(in);
    key.what = cur_u32(in);
    key.sampler = cur_u64(in);
    uint64_t bits = cur_u64(in);
    memcpy(&one_in, &bits, sizeof one_in);
    int64_t since_ms = (int64_t)cur_u64(in);
    int64_t heard_ms = (int64_t)cur_u64(in);
    bool known = key.what == RATE_DOMAIN || key.what == RATE_SAMPLER || key.what == RATE_INTERFACE;
    if (!cur_ok(in) || !known || (bits != 0 && !rate_ok(one_in)) || !time_ok(since_ms) ||
        !time_ok(heard_ms))
        return err_set(err, ERR_DATA, "saved sampling rate: bad");
    if (rates_put(&s->rates, &key, one_in, since_ms))
        (void)rates_put(&s->rates, &key, one_in, heard_ms);
    return 0;
}

static int load_held(struct decode_state *s, bool known, struct cur *in, struct err *err)
{
    struct held_set like = {.key = load_key(in), .known = known};

    like.head.version = cur_u16(in);
    like.head.count = cur_u16(in);
    like.head.uptime_ms = cur_u32(in);
    like.head.export_ms = (int64_t)cur_u64(in);
    like.head.sequence = cur_u32(in);
    like.head.domain = cur_u32(in);
    like.received_ms = (int64_t)cur_u64(in);
    like.from = (struct sender){.addr = like.key.addr,
                                .port = like.key.port,
                                .listener = like.key.listener,
                                .session = like.key.session};
    if (!cur_ok(in) || !time_ok(like.head.export_ms) || !time_ok(like.received_ms))
        return err_set(err, ERR_DATA, "saved data set: bad header");
    (void)held_put(&s->held, &like, *in);
    return 0;
}

static bool load_memory(struct cur *in, struct sequence *s)
{
    s->inclusive_seen = cur_u8(in);
    s->n_gaps = cur_u8(in);
    for (size_t i = 0; i < s->n_gaps && i < SEQUENCE_GAPS; i++) {
        s->gap[i].from = cur_u32(in);
        s->gap[i].len = cur_u32(in);
    }
    if (s->n_gaps > SEQUENCE_GAPS)
        return false;
    s->n_recent = cur_u8(in);
    for (size_t i = 0; i < s->n_recent && i < SEQUENCE_RECENT; i++) {
        s->recent[i].first = cur_u32(in);
        s->recent[i].export_ms = (int64_t)cur_u64(in);
    }
    s->recent_at = (uint8_t)(s->n_recent % SEQUENCE_RECENT);
    return s->n_recent <= SEQUENCE_RECENT;
}

static int load_exporter(struct decode_state *s, struct cur *in, struct err *err)
{
    struct exporter_key key = {0};

    load_addr(in, &key.addr);
    key.source = cur_u32(in);
    key.session = cur_u32(in);
    key.version = cur_u16(in);
    key.port = cur_u16(in);
    key.listener = cur_u16(in);
    uint8_t flags = cur_u8(in);
    int64_t last_ms = (int64_t)cur_u64(in);
    struct sequence q = {.known = flags & EXPORTER_KNOWN,
                         .inclusive = flags & EXPORTER_INCLUSIVE,
                         .proper = flags & EXPORTER_PROPER};
    q.next = cur_u32(in);
    q.last = cur_u32(in);
    q.uptime_ms = cur_u32(in);
    q.export_ms = (int64_t)cur_u64(in);
    q.is_behind = flags & EXPORTER_BEHIND;
    q.behind = q.is_behind ? cur_u32(in) : 0;
    if (flags & EXPORTER_DOUBT) {
        q.doubt.from = cur_u32(in);
        q.doubt.len = cur_u32(in);
    }
    bool booted = cur_u8(in) != 0;
    int64_t boot_ms = (int64_t)cur_u64(in);
    bool remembered = load_memory(in, &q);
    uint8_t met = cur_left(in) > 0 ? cur_u8(in) : 0; /* an older weir did not say it */
    if (!remembered || !cur_ok(in) || !time_ok(q.export_ms) || (booted && !time_ok(boot_ms)) ||
        !time_ok(last_ms) || msg_header_len(key.version) == 0)
        return err_set(err, ERR_DATA, "saved exporter: bad");
    struct exporter *x = exporters_get(&s->exporters, &key, last_ms);
    if (!x) /* there is no room, which is counted */
        return 0;
    x->sequence = q;
    x->last_ms = last_ms;
    x->met = met;
    if (booted)
        x->boot_ms = boot_ms;
    if (flags & EXPORTER_SETTLED)
        exporters_settle(&s->exporters, x);
    return 0;
}

static int load_sender(struct decode_state *s, struct cur *in, struct err *err)
{
    struct prefix p = {0};
    double rate;

    load_addr(in, &p.addr);
    p.bits = cur_u8(in);
    uint64_t bits = cur_u64(in);
    uint8_t flags = cur_u8(in);
    memcpy(&rate, &bits, sizeof rate);
    struct addr net = addr_mask(p.addr, p.bits);
    if (!cur_ok(in) || p.bits > 128 || flags > 3 || !addr_eq(&net, &p.addr) ||
        !(rate == 0 || rate_ok(rate)))
        return err_set(err, ERR_DATA, "saved sender: bad");
    struct sender_rule *rule = senders_get(&s->exporters.senders, &p);
    if (!rule)
        return err_set(err, ERR_DATA, "saved sender: too many");
    rule->rate = rate;
    rule->reject = flags & 1;
    rule->trusts = flags & 2;
    return 0;
}

static int load_name(struct decode_state *s, struct cur *in, struct err *err)
{
    struct name_key key = {0};
    struct name_said said = {0};

    load_addr(in, &key.addr);
    key.domain = cur_u32(in);
    key.kind = cur_u16(in);
    key.engine = cur_u16(in);
    key.id = cur_u64(in);
    int64_t since_ms = (int64_t)cur_u64(in);
    int64_t heard_ms = (int64_t)cur_u64(in);
    said.name_len = cur_u8(in);
    said.description_len = cur_u8(in);
    said.name = cur_bytes(in, said.name_len);
    said.description = cur_bytes(in, said.description_len);
    if (!cur_ok(in) || key.kind >= NAME_KINDS || !time_ok(since_ms) || !time_ok(heard_ms))
        return err_set(err, ERR_DATA, "saved name: bad");
    naming_put(&s->names, &key, &said, since_ms);
    naming_put(&s->names, &key, &said, heard_ms);
    return 0;
}

static int load_quirks(struct decode_state *s, struct cur *in, struct err *err)
{
    struct quirk_reading reading = {.name = ""};
    size_t len = cur_left(in);
    struct err why;
    int r = quirk_read(&reading, "saved", (const char *)cur_bytes(in, len), len, &why);

    if (r)
        r = err_set(err, ERR_DATA, "saved quirks: %.400s", why.text);
    else if (!exporters_set_quirks(&s->exporters, &reading.quirks))
        r = err_set(err, ERR_DATA, "saved quirks: no memory");
    else
        templates_compile(&s->templates);
    quirks_free(&reading.quirks);
    return r;
}

static int load_book(struct decode_state *s, struct cur *in, struct err *err)
{
    struct book b = {0};

    load_addr(in, &b.key.addr);
    b.key.minute_ms = (int64_t)cur_u64(in);
    b.key.source = cur_u32(in);
    b.key.version = cur_u16(in);
    b.key.what = cur_u16(in);
    while (cur_left(in) > 0) {
        uint8_t id = cur_u8(in);
        int64_t n = (int64_t)cur_u64(in);
        if (!cur_ok(in) || id >= BOOK_N)
            return err_set(err, ERR_DATA, "saved books: bad entry");
        b.n[id] = n;
    }
    if (!cur_ok(in) || b.key.what >= BOOK_WHATS || !time_ok(b.key.minute_ms) ||
        books_minute(b.key.minute_ms) != b.key.minute_ms)
        return err_set(err, ERR_DATA, "saved books: bad");
    book_add_row(books_get(&s->books, &b.key, true), &b);
    return 0;
}

int decode_state_load(struct decode_state *s, struct cur *in, struct layout_field *fields,
                      struct err *err)
{
    while (cur_left(in) > 0) {
        uint8_t type = cur_u8(in);
        uint32_t len = cur_u32(in);
        struct cur body = cur_take(in, len);
        int r;
        if (!cur_ok(in))
            return err_set(err, ERR_DATA, "saved state: record of %u octets is cut short", len);
        if (type == STATE_TEMPLATE)
            r = load_template(s, &body, fields, err);
        else if (type == STATE_RATE)
            r = load_rate(s, &body, err);
        else if (type == STATE_HELD || type == STATE_HELD_KNOWN)
            r = load_held(s, type == STATE_HELD_KNOWN, &body, err);
        else if (type == STATE_EXPORTER)
            r = load_exporter(s, &body, err);
        else if (type == STATE_SENDER)
            r = load_sender(s, &body, err);
        else if (type == STATE_NAME)
            r = load_name(s, &body, err);
        else if (type == STATE_QUIRKS)
            r = load_quirks(s, &body, err);
        else if (type == STATE_BOOK)
            r = load_book(s, &body, err);
        else
            r = err_set(err, ERR_DATA, "saved state: no record of type %u", type);
        if (r)
            return r;
    }
    return 0;
}

int decoder_state_share(const struct buf *state, unsigned n, unsigned of, struct buf *out,
                        struct err *err)
{
    struct cur in = cur_of(state->data, state->len);

    while (cur_left(&in) > 0) {
        struct addr a = {0};
        uint8_t type = cur_u8(&in);
        uint32_t len = cur_u32(&in);
        struct cur body = cur_take(&in, len);
        struct cur rest = body;
        bool for_all = type == STATE_SENDER || type == STATE_QUIRKS;
        if (!for_all)
            load_addr(&rest, &a);
        if (!cur_ok(&in) || !cur_ok(&rest))
            return err_set(err, ERR_DATA, "saved state: record of %u octets is cut short", len);
        if (!for_all && addr_share(&a, n) != of)
            continue;
        buf_u8(out, type);
        buf_u32(out, len);
        buf_bytes(out, body.at, len);
    }
    return buf_ok(out) ? 0 : err_set(err, ERR_LIMIT, "saved state: above %zu bytes", out->limit);
}
