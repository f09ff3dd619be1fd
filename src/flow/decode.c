#include "flow/decode_in.h"
#include "wire/fixed.h"
#include "wire/set.h"

#include <stdlib.h>
#include <string.h>

enum {
    V1_LONG_RECORD = 52,
    RELEASE_MISSES =
        4096, /* held sets of other sessions passed over for one datagram's templates */
    WITHDRAWALS_OF_ALL = 16 /* in one message, as each walks the whole table; two make sense */
};

struct decode_limits decode_limits_default(void)
{
    return (struct decode_limits){.templates = 16384,
                                  .held_bytes = 16 * 1024 * 1024,
                                  .held_ms = 35 * 60 * 1000, /* some send templates twice an hour */
                                  .template_ms = decode_day_ms};
}

struct decoder *decoder_new(const struct decode_limits *limits, struct out *out,
                            struct decode_watch *watch, struct counts *counts)
{
    struct decoder *d = calloc(1, sizeof *d);

    if (!d)
        return NULL;
    d->limits = *limits;
    d->out = out;
    d->watch = watch;
    d->counts = counts;
    decode_state_init(&d->state, limits, counts);
    fixed_plans_init(&d->fixed, &d->state.exporters.quirks);
    d->batch = batch_new(BATCH_ROWS);
    d->options = batch_new(BATCH_ROWS);
    d->fields = calloc(LAYOUT_FIELDS_MAX, sizeof *d->fields);
    if (d->batch && d->options && d->fields)
        return d;
    decoder_free(d);
    return NULL;
}

void decoder_free(struct decoder *d)
{
    if (!d)
        return;
    decode_state_free(&d->state);
    batch_delete(d->batch);
    batch_delete(d->options);
    fixed_plans_free(&d->fixed);
    free(d->fields);
    free(d);
}

void decoder_flush(struct decoder *d)
{
    if (d->batch->rows > 0)
        d->batch = d->out->push(d->out, d->batch);
}

const struct batch *decoder_in_hand(const struct decoder *d) { return d->batch; }

struct troubles *decoder_troubles(struct decoder *d) { return &d->troubles; }

/* --- fixed versions --- */

/* Records that the header counts and that are not there; none where it cannot be right. */
static int64_t missing_records(const struct msg *m, size_t record_len, size_t there)
{
    enum { PAYLOAD_MAX = 65507 };
    bool can_be = msg_header_len(m->version) + m->count * record_len <= PAYLOAD_MAX;
    return can_be && m->count > there ? (int64_t)(m->count - there) : 0;
}

static void decode_fixed(struct decoder *d, struct context *c, const struct msg *m)
{
    size_t left = cur_left(&m->body);
    const struct layout *layout = fixed_layout(m->version, m->aggregation);
    bool v1_long = m->version == 1 && m->count > 0 && left == (size_t)m->count * V1_LONG_RECORD;

    if (!layout) {
        decode_malformed(d, c, COUNT_BAD_VERSION, left, "v8: no such aggregation");
        return;
    }
    if (v1_long)
        layout = fixed_layout_v1_long();
    struct plan *plan = fixed_plans_get(&d->fixed, m, v1_long, layout, &c->from->addr);
    if (!plan) {
        decode_malformed(d, c, COUNT_NO_MEMORY, left, "no memory for a plan");
        return;
    }

    /* The count is a hint: the octets decide how many there can be. */
    size_t fit = left / layout->record_len;
    size_t n = m->count < fit ? m->count : fit;
    struct cur records = m->body;
    struct cur window = cur_take(&records, n * layout->record_len);
    if (n > 0)
        (void)decode_records(d, c, plan, window);
    int64_t missing = missing_records(m, layout->record_len, fit);
    book_add(c->book, BOOK_RECEIVED, missing);
    book_add(c->book, BOOK_MALFORMED, missing);
    if (m->count > fit)
        decode_malformed(d, c, COUNT_BAD_COUNT, cur_left(&records),
                         "header counts more records than there are");
    else if (cur_left(&records) > 0)
        decode_malformed(d, c, COUNT_BAD_LENGTH, cur_left(&records),
                         "octets behind the last record");
}

/* --- v9 and IPFIX --- */

static struct template_key key_of(const struct msg *m, const struct sender *from, uint16_t id)
{
    return (struct template_key){.addr = from->addr,
                                 .domain = m->domain,
                                 .version = m->version,
                                 .id = id,
                                 .session = from->session,
                                 .port = from->port,
                                 .listener = from->listener};
}

/* Decode what waited for this template. Sets of other sessions may stand in the same queue and go
 * on waiting; thousands of these and thousands of templates in a datagram must not multiply. */
static void release(struct decoder *d, const struct template_key *key, struct exporter *exporter,
                    int64_t now_ms)
{
    for (struct held_set *x = held_first(&d->state.held, key), *next; x; x = next) {
        struct template *t =
            templates_find(&d->state.templates, &x->key, decode_is_known(exporter), now_ms);
        next = x->queue_next;
        if (!t && ++d->misses > RELEASE_MISSES)
            return;
        if (!t)
            continue;
        const struct sender_rule *rule = exporters_rule(&d->state.exporters, &x->from.addr);
        struct context c = {.head = &x->head,
                            .from = &x->from,
                            .exporter = exporter,
                            .book = held_book(&d->state.held, x),
                            .received_ms = x->received_ms,
                            .number = x->number,
                            .set = x->key.id,
                            .was_held = true,
                            .forced_rate = rule ? rule->rate : 0,
                            .trusts = rule && rule->trusts};
        count_add(d->counts, COUNT_SETS_RELEASED, 1);
        if (exporter)
            exporter->health.released++;
        decode_tell(d, &c, (struct decode_event){.what = DECODE_RELEASED, .octets = x->len});
        book_add(c.book, BOOK_HELD_SETS, -1);
        book_add(c.book, BOOK_HELD_BYTES, -(int64_t)x->len);
        size_t n = decode_records(d, &c, t->plan, cur_of(x->bytes, x->len));
        t->records += n;
        if (exporter && plan_kind(t->plan) == RECORD_OPTIONS)
            exporter->options += n;
        else if (exporter)
            exporter->flows += n;
        held_drop(&d->state.held, x);
    }
}

static void withdraw(struct decoder *d, const struct context *c, const struct template_key *key)
{
    if (c->from->session == 0) /* RFC 7011 8.4: not over UDP */
        decode_malformed(d, c, COUNT_BAD_WITHDRAWAL, 0, "template withdrawal over UDP");
    else if (key->id < SET_DATA_MIN && ++d->withdrawals_of_all > WITHDRAWALS_OF_ALL)
        decode_malformed(d, c, COUNT_BAD_WITHDRAWAL, 0, "all templates withdrawn again and again");
    else
        templates_withdraw(&d->state.templates, key, c->set == SET_IPFIX_OPTIONS);
}

static void decode_templates(struct decoder *d, const struct context *c, struct set *set)
{
    struct template_record t;
    struct err err;
    size_t n = 0;
    int r;

    while ((r = set_template_next(set, c->head->version, d->fields, &t, &err)) == 0) {
        struct template_key key = key_of(c->head, c->from, t.id);
        if (t.withdrawal) {
            withdraw(d, c, &key);
            continue;
        }
        n++;
        count_add(d->counts, COUNT_TEMPLATES, 1);
        if (templates_put(&d->state.templates, &key, decode_is_known(c->exporter), &t.layout,
                          c->received_ms))
            release(d, &key, c->exporter, c->received_ms);
    }
    if (n > 0)
        decode_tell(d, c, (struct decode_event){.what = DECODE_TEMPLATES, .rows = n});
    if (r != ERR_EOF)
        decode_malformed(d, c, COUNT_BAD_TEMPLATE, cur_left(&set->body), err.text);
}

static void hold(struct decoder *d, const struct context *c, const struct template_key *key,
                 struct cur set)
{
    struct held_set like = {.key = *key,
                            .from = *c->from,
                            .head = *c->head,
                            .received_ms = c->received_ms,
                            .number = c->number,
                            .known = decode_is_known(c->exporter)};

    d->uncounted = true;
    if (c->reject) {
        decode_refuse_set(c->book, cur_left(&set));
        return;
    }
    like.head.body = (struct cur){0}; /* borrowed memory, gone by then */
    count_add(d->counts, COUNT_SETS_HELD, 1);
    if (c->exporter)
        c->exporter->health.held++;
    decode_tell(d, c, (struct decode_event){.what = DECODE_HELD, .octets = cur_left(&set)});
    if (!held_put(&d->state.held, &like, set)) {
        decode_refuse_set(c->book, cur_left(&set));
        return;
    }
    book_add(c->book, BOOK_HELD_SETS, 1);
    book_add(c->book, BOOK_HELD_BYTES, (int64_t)cur_left(&set));
}

static void decode_set(struct decoder *d, const struct context *c, struct set *set)
{
    if (set_is_template(c->head->version, set->id)) {
        decode_templates(d, c, set);
        return;
    }
    if (set->id < SET_DATA_MIN) {
        decode_malformed(d, c, COUNT_BAD_SET, cur_left(&set->body),
                         "set id is neither data nor template");
        return;
    }
    struct template_key key = key_of(c->head, c->from, set->id);
    struct template *t =
        templates_find(&d->state.templates, &key, decode_is_known(c->exporter), c->received_ms);
    if (t)
        t->records += decode_records(d, c, t->plan, set->body);
    else
        hold(d, c, &key, set->body);
}

static void decode_sets(struct decoder *d, struct context *c, const struct msg *m)
{
    struct cur sets = m->body;
    struct set set;
    struct err err;
    int r;

    if (m->odd_length)
        decode_malformed(d, c, COUNT_BAD_LENGTH, 0, "message length does not match the datagram's");
    while ((r = set_next(&sets, &set, &err)) == 0) {
        c->set = set.id;
        decode_set(d, c, &set);
    }
    c->set = 0;
    if (r != ERR_EOF)
        decode_malformed(d, c, COUNT_BAD_SET, cur_left(&sets), err.text);
}

static uint32_t source_of(const struct msg *m)
{
    return msg_has_sets(m) ? m->domain : (uint32_t)m->engine_type << 8 | m->engine_id;
}

/* Whose message it is; NULL if there are too many. */
static struct exporter *exporter_of(struct decoder *d, const struct context *c)
{
    const struct msg *m = c->head;
    struct exporter_key key = {.addr = c->from->addr,
                               .source = source_of(m),
                               .session = c->from->session,
                               .version = m->version,
                               .port = c->from->port,
                               .listener = c->from->listener};

    return exporters_get(&d->state.exporters, &key, c->received_ms);
}

/* Where to enter a message; of who is in the table that is known without looking it up. */
static struct book *book_of(struct decoder *d, const struct context *c, struct exporter *x)
{
    struct books *b = &d->state.books;
    const struct msg *m = c->head;

    if (x && books_is(b, x->book, x->books, c->received_ms))
        return x->book;
    struct book_key key =
        books_key(&c->from->addr, m ? m->version : 0, m ? source_of(m) : 0, c->received_ms);
    struct book *book = books_get(b, &key, decode_is_known(x));
    if (x) {
        x->book = book;
        x->books = b->generation;
    }
    return book;
}

/* Enter what is known of a message now that it has been decoded. */
static void enter_message(const struct decoder *d, const struct context *c, size_t octets)
{
    book_add(c->book, BOOK_DATAGRAMS, 1);
    book_add(c->book, BOOK_BYTES, (int64_t)octets);
    book_add(c->book, BOOK_OPTIONS, c->reject ? 0 : d->n_options);
    book_add(c->book, BOOK_MALFORMED_DATAGRAMS, d->malformed);
}

static void follow(struct decoder *d, const struct context *c, const struct sequence_step *step)
{
    struct exporter *x = c->exporter;
    uint64_t lost = x->sequence.lost;
    uint64_t duplicates = x->sequence.duplicates;

    exporters_step(&d->state.exporters, x, step, c->received_ms);
    book_add(c->book, BOOK_LOST, (int64_t)(x->sequence.lost - lost));
    book_add(c->book, BOOK_DUPLICATES, (int64_t)(x->sequence.duplicates - duplicates));
}

static void decode_message(struct decoder *d, struct context *c, const struct msg *m)
{
    struct exporters *e = &d->state.exporters;
    struct exporter *x = exporter_of(d, c);

    c->exporter = x;
    c->book = book_of(d, c, x);
    const struct sender_rule *rule = x ? NULL : exporters_rule(e, &c->from->addr);
    c->forced_rate = x ? x->forced_rate : rule ? rule->rate : 0;
    c->trusts = x && x->trusts;
    c->reject = x && x->reject && sequence_out_of_order(&x->sequence, m);
    count_add(d->counts, COUNT_DATAGRAMS_REJECTED, c->reject);
    if (msg_has_sets(m))
        decode_sets(d, c, m);
    else
        decode_fixed(d, c, m);
    struct sequence_step step = {
        .head = m, .flows = d->flows, .options = d->n_options, .whole = !d->uncounted};
    if (x) /* is one missing before it? */
        follow(d, c, &step);
}

/* A capture or a damaged journal may say anything. */
static int64_t bounded(int64_t ms)
{
    return ms > DECODE_TIME_MAX ? DECODE_TIME_MAX : ms < -DECODE_TIME_MAX ? -DECODE_TIME_MAX : ms;
}

void decoder_datagram(struct decoder *d, const struct datagram *in)
{
    struct context c = {
        .from = &in->from, .received_ms = bounded(in->received_ms), .number = ++d->number};
    struct cur left = cur_of(in->data, in->len);

    count_add(d->counts, COUNT_DATAGRAMS, 1);
    count_add(d->counts, COUNT_DATAGRAM_BYTES, in->len);
    d->misses = 0;
    d->withdrawals_of_all = 0;
    held_expire(&d->state.held, c.received_ms);
    do { /* more than once only where IPFIX messages share a datagram */
        struct msg m;
        struct err err;
        size_t octets = cur_left(&left);
        int r = msg_read(&left, &m, &err);
        c.head = r ? NULL : &m;
        d->flows = d->n_options = 0;
        d->uncounted = d->malformed = false;
        if (r) {
            c.book = book_of(d, &c, NULL);
            decode_malformed(d, &c, r == ERR_LIMIT ? COUNT_BAD_VERSION : COUNT_BAD_HEADER,
                             cur_left(&left), err.text);
            enter_message(d, &c, octets);
            return;
        }
        decode_message(d, &c, &m);
        enter_message(d, &c, octets - cur_left(&left));
    } while (cur_left(&left) > 0);
}

void decoder_session_end(struct decoder *d, const struct sender *who)
{
    struct template_key key = {
        .addr = who->addr, .session = who->session, .port = who->port, .listener = who->listener};
    templates_end_session(&d->state.templates, &key);
    if (who->session != 0)
        exporters_end_session(&d->state.exporters, who->session);
}

void decoder_note(struct decoder *d, int64_t received_ms, const struct drops *drops)
{
    struct addr nobody = {0};
    struct book_key key = books_key(&nobody, 0, drops->port, bounded(received_ms));

    key.what = BOOK_SOCKET;
    struct book *book = books_get(&d->state.books, &key, true);
    book_add(book, BOOK_KERNEL_DROPS, (int64_t)drops->kernel);
    book_add(book, BOOK_DENIED, (int64_t)drops->denied);
}

struct books *decoder_books(struct decoder *d) { return &d->state.books; }

struct exporters *decoder_exporters(struct decoder *d) { return &d->state.exporters; }

bool decoder_set_senders(struct decoder *d, const struct senders *senders)
{
    return exporters_set_senders(&d->state.exporters, senders);
}

bool decoder_set_quirks(struct decoder *d, const struct quirks *quirks)
{
    if (!exporters_set_quirks(&d->state.exporters, quirks))
        return false;
    templates_compile(&d->state.templates);
    fixed_plans_reset(&d->fixed);
    return true;
}

const struct templates *decoder_templates(const struct decoder *d) { return &d->state.templates; }

const struct naming *decoder_names(const struct decoder *d) { return &d->state.names; }

const struct rates *decoder_rates(const struct decoder *d) { return &d->state.rates; }

const struct held *decoder_held(const struct decoder *d) { return &d->state.held; }

void decoder_sessions_end(struct decoder *d)
{
    templates_end_sessions(&d->state.templates);
    exporters_end_session(&d->state.exporters, 0);
}

/* --- state --- */

void decoder_save(const struct decoder *d, struct buf *out) { decode_state_save(&d->state, out); }

int decoder_load(struct decoder *d, struct cur *in, struct err *err)
{
    int r = decode_state_load(&d->state, in, d->fields, err);
    if (r) {
        decode_state_free(&d->state);
        decode_state_init(&d->state, &d->limits, d->counts);
        fixed_plans_reset(&d->fixed);
    }
    return r;
}
