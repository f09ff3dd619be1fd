#include "query/coverage.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "query/spec.h"
#include "store/books_scan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct look {
    struct books_scan scan;
    const struct query_spec *spec;
    struct map senders; /* of struct book, with their minutes as one */
    struct coverage *out;
    void (*broken)(void *arg, const char *text);
    void *arg;
};

/* --- which rows --- */

/* A sender's records have its address and its version; of all else anything may be there. */
static bool may_range(const void *arg, enum field_id f, int64_t min, int64_t max)
{
    const struct book_key *k = arg;
    return f != FIELD_VERSION || (k->version >= min && k->version <= max);
}

static bool may_hold(const void *arg, enum field_id f, const struct addr *value)
{
    const struct book_key *k = arg;
    return f != FIELD_EXPORTER || addr_eq(&k->addr, value);
}

static bool is_asked(const struct query_spec *spec, const struct book_key *k)
{
    const struct filter_known known = {.may_range = may_range, .may_hold = may_hold, .arg = k};

    return k->what != BOOK_SENDER || k->version == 0 || filter_may_select(spec->filter, &known);
}

/* --- adding up --- */

static void on_row(struct books_scan *s, const struct book *row)
{
    struct look *l = container_of(s, struct look, scan);
    struct book_key key = row->key;

    if (!is_asked(l->spec, &key))
        return;
    book_add_row(&l->out->sum, row);
    key.minute_ms = 0;
    struct book *b = map_find(&l->senders, &key);
    if (!b) {
        b = mem_new(1, sizeof *b);
        b->key = key;
        if (!map_add(&l->senders, b))
            mem_out();
    }
    book_add_row(b, row);
}

static void on_broken(struct books_scan *s, const char *text)
{
    struct look *l = container_of(s, struct look, scan);
    l->broken(l->arg, text);
}

static double positive(int64_t n) { return n > 0 ? (double)n : 0; }

/* What is missing of a sender, in flow records. */
static double missing(const struct book *b)
{
    double lost = positive(b->n[BOOK_LOST]);

    if (b->key.version != 9)
        return lost;
    double datagrams = positive(b->n[BOOK_DATAGRAMS]);
    return datagrams > 0 ? lost * positive(b->n[BOOK_RECEIVED]) / datagrams : 0;
}

static int by_width(const void *a, const void *b)
{
    const struct coverage_gap *x = a;
    const struct coverage_gap *y = b;
    double dx = x->sent - x->stored;
    double dy = y->sent - y->stored;

    return dx < dy ? 1 : dx > dy ? -1 : book_key_compare(&x->key, &y->key);
}

static void take_sender(struct coverage *c, const struct book *b, struct coverage_gap *list)
{
    double lost = missing(b);
    struct coverage_gap g = {.key = b->key,
                             .stored = positive(b->n[BOOK_STORED]),
                             .sent = positive(b->n[BOOK_RECEIVED]) + lost,
                             .guessed = b->key.version == 9 && lost > 0};

    c->senders += b->key.what == BOOK_SENDER && b->key.version != 0;
    c->stored += g.stored;
    c->sent += g.sent;
    if (g.sent > g.stored)
        list[c->n_gaps++] = g;
}

static void sum_up(struct look *l)
{
    struct coverage *c = l->out;
    struct coverage_gap *list = mem_new(l->senders.n + 1, sizeof *list);
    struct book *b;

    for (size_t at = 0; (b = map_next(&l->senders, &at));) {
        take_sender(c, b, list);
        free(b);
    }
    if (c->n_gaps > 0)
        qsort(list, c->n_gaps, sizeof *list, by_width);
    memcpy(c->gaps, list, sizeof *list * (c->n_gaps < COVERAGE_GAPS ? c->n_gaps : COVERAGE_GAPS));
    free(list);
    map_free(&l->senders);
}

int coverage_find(struct coverage *c, const struct query_spec *spec,
                  void (*broken)(void *arg, const char *text), void *arg, struct err *err)
{
    struct look l = {.scan = {.from_ms = spec->from_ms,
                              .to_ms = spec->to_ms,
                              .row = on_row,
                              .broken = on_broken},
                     .spec = spec,
                     .out = c,
                     .broken = broken,
                     .arg = arg};
    int64_t min;
    int64_t max;

    *c = (struct coverage){0};
    if (filter_range(spec->filter, FIELD_TIME, &min, &max)) {
        l.scan.from_ms = min > l.scan.from_ms ? min : l.scan.from_ms;
        l.scan.to_ms = max < INT64_MAX && max + 1 < l.scan.to_ms ? max + 1 : l.scan.to_ms;
    }
    map_init(&l.senders, sizeof(struct book_key));
    int r = books_scan(&l.scan, spec->store, err);
    sum_up(&l);
    c->broken = l.scan.n_broken;
    c->without = l.scan.without;
    c->without_rows = l.scan.without_rows;
    return r;
}

/* --- showing --- */

double coverage_share(double stored, double sent)
{
    return sent <= 0 ? 1 : stored >= sent ? 1 : stored / sent;
}

/* Never "100.0 %" of what is not whole. */
static void put_share(struct buf *out, double stored, double sent)
{
    double share = coverage_share(stored, sent) * 100;

    if (share < 100 && share > 99.9)
        buf_text(out, share > 99.99 ? "more than 99.99 %" : "more than 99.9 %");
    else
        buf_printf(out, share < 100 ? "%.1f %%" : "%.0f %%", share);
}

static void put_count(struct buf *out, double n)
{
    char text[TEXT_SHORT];

    (void)text_print_count(n, text);
    buf_text(out, text);
}

static void put_gap(struct buf *out, const struct coverage_gap *g)
{
    char who[ADDR_TEXT] = "others";

    if (g->key.what == BOOK_SENDER)
        (void)addr_print(&g->key.addr, who);
    buf_printf(out, "  %s", who);
    if (g->key.what == BOOK_SENDER && g->key.version != 0)
        buf_printf(out, " v%u source %" PRIu32, g->key.version, g->key.source);
    buf_text(out, ": ");
    put_share(out, g->stored, g->sent);
    buf_text(out, g->guessed ? ", about " : ", ");
    put_count(out, g->sent - g->stored);
    buf_text(out, " flows missing\n");
}

/* What is missing beside what numbers tell, and what may be. */
static void put_rest(const struct coverage *c, struct buf *out)
{
    static const struct {
        enum book_id id;
        const char *text;
    } rest[] = {
        {BOOK_MALFORMED, "flow records were malformed"},
        {BOOK_KERNEL_DROPS,
         "datagrams were dropped by the kernel here (they are among the missing)"},
        {BOOK_HELD_SETS, "data sets wait for their template"},
        {BOOK_REFUSED_SETS, "data sets were given up unread, with an unknown number of flows"},
        {BOOK_MALFORMED_DATAGRAMS, "datagrams could not be read, wholly or in part"},
        {BOOK_DUPLICATES, "datagrams came twice, and their flows count twice"},
    };
    int64_t refused = book_refused(&c->sum);

    if (refused > 0)
        buf_printf(out, "  %" PRId64 " flow records were refused (weir books says why)\n", refused);
    for (size_t i = 0; i < COUNT_OF(rest); i++)
        if (c->sum.n[rest[i].id] > 0)
            buf_printf(out, "  %" PRId64 " %s\n", c->sum.n[rest[i].id], rest[i].text);
    if (c->without > 0)
        buf_printf(out, "  %" PRIu64 " flows in %" PRIu64 " files without books are not counted\n",
                   c->without_rows, c->without);
    if (c->broken > 0)
        buf_printf(out, "  %" PRIu64 " files or journals could not be read\n", c->broken);
}

void coverage_text(const struct coverage *c, struct buf *out)
{
    size_t shown = c->n_gaps < COVERAGE_GAPS ? c->n_gaps : COVERAGE_GAPS;

    buf_text(out, "coverage: ");
    if (c->sent <= 0) {
        buf_text(out, "the books have no flows that were received in this time\n");
    } else {
        put_share(out, c->stored, c->sent);
        buf_printf(out, " of what %zu %s sent is stored: ", c->senders,
                   c->senders == 1 ? "sender" : "senders");
        put_count(out, c->stored);
        buf_text(out, " of ");
        put_count(out, c->sent);
        buf_text(out, " flows, by when they were received\n");
    }
    for (size_t i = 0; i < shown; i++)
        put_gap(out, &c->gaps[i]);
    if (c->n_gaps > shown)
        buf_printf(out, "  and %zu senders more\n", c->n_gaps - shown);
    put_rest(c, out);
}

static void put_number(struct json *j, const char *key, double n)
{
    json_key(j, key);
    json_f64(j, n);
}

static void json_gap(const struct coverage_gap *g, struct json *j)
{
    char who[ADDR_TEXT];

    json_open(j, '{');
    if (g->key.what == BOOK_SENDER) {
        (void)addr_print(&g->key.addr, who);
        json_key(j, "exporter");
        json_text(j, who);
        put_number(j, "version", g->key.version);
        put_number(j, "source", g->key.source);
    }
    put_number(j, "share", coverage_share(g->stored, g->sent));
    put_number(j, "stored", g->stored);
    put_number(j, "missing", g->sent - g->stored);
    json_key(j, "estimated");
    json_bool(j, g->guessed);
    json_close(j, '}');
}

void coverage_json(const struct coverage *c, struct json *j)
{
    static const enum book_id rest[] = {BOOK_MALFORMED,           BOOK_KERNEL_DROPS,
                                        BOOK_HELD_SETS,           BOOK_REFUSED_SETS,
                                        BOOK_MALFORMED_DATAGRAMS, BOOK_DUPLICATES};

    json_open(j, '{');
    put_number(j, "share", coverage_share(c->stored, c->sent));
    put_number(j, "senders", (double)c->senders);
    put_number(j, "stored", c->stored);
    put_number(j, "sent", c->sent);
    put_number(j, "refused", (double)book_refused(&c->sum));
    for (size_t i = 0; i < COUNT_OF(rest); i++)
        put_number(j, book_table[rest[i]].name, (double)c->sum.n[rest[i]]);
    put_number(j, "files_without_books", (double)c->without);
    put_number(j, "flows_without_books", (double)c->without_rows);
    put_number(j, "broken", (double)c->broken);
    put_number(j, "senders_with_gaps", (double)c->n_gaps);
    json_key(j, "gaps");
    json_open(j, '[');
    for (size_t i = 0; i < c->n_gaps && i < COVERAGE_GAPS; i++)
        json_gap(&c->gaps[i], j);
    json_close(j, ']');
    json_close(j, '}');
}
