#include "query/dedup.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { SLACK_MS = 1000, FIRST_SIGHTINGS = 1024, CONVERSATION_FIELDS = 5 };

static const enum field_id identity[] = {FIELD_SRC_ADDR, FIELD_DST_ADDR, FIELD_SRC_PORT,
                                         FIELD_DST_PORT, FIELD_PROTO,    FIELD_EXPORTER,
                                         FIELD_DIRECTION};
static const char identity_text[] = "src_addr,dst_addr,src_port,dst_port,proto,exporter,direction";

/* Columns behind the keys, and how they are asked for. */
enum { COLUMN_BYTES = COUNT_OF(identity), COLUMN_PACKETS, COLUMN_FIRST, COLUMN_LAST };
static const char sums_text[] = "bytes,packets,first,last";

/* 128 bits of a keyed hash: no two of a store's flows have the same. */
struct id {
    uint64_t v[2];
};

/* What a point saw of a conversation. */
struct sighting {
    struct id conversation;
    struct id id; /* with the point */
    struct addr exporter;
    uint64_t direction;
    uint64_t bytes;
    uint64_t packets;
    int64_t first_ms;
    int64_t last_ms;
};

struct dedup {
    struct id *slots; /* open addressing; all 0: free */
    size_t n_slots;   /* a power of two, or 0 */
    size_t n;
};

/* Values of fields one behind the other, each with a byte that says whether it is there. */
struct bytes {
    uint8_t at[96];
    size_t n;
};

static void add(struct bytes *b, const void *value, size_t n)
{
    b->at[b->n++] = value != NULL;
    if (value)
        memcpy(b->at + b->n, value, n);
    b->n += n;
}

static struct id id_of(struct bytes *b)
{
    struct id id;

    for (uint8_t i = 0; i < 2; i++) {
        b->at[b->n] = i;
        id.v[i] = hash_keyed(b->at, b->n + 1);
    }
    id.v[0] += id.v[0] == 0; /* a free slot is 0 */
    return id;
}

static bool same(const struct id *a, const struct id *b)
{
    return a->v[0] == b->v[0] && a->v[1] == b->v[1];
}

/* A value as it lies in a batch's column. */
static void add_value(struct bytes *b, enum field_id f, const struct value *v)
{
    size_t width = kind_table[field_table[f].kind].width;
    uint8_t low = (uint8_t)v->as.u;
    uint16_t both = (uint16_t)v->as.u;

    if (v->type == VALUE_ADDR)
        add(b, &v->as.addr, width);
    else if (v->type == VALUE_UINT)
        add(b, width == sizeof low ? (const void *)&low : &both, width);
    else
        add(b, NULL, width);
}

/* Gathers the groups of the first scan. */
struct catcher {
    struct printer printer;
    struct sighting *seen;
    size_t n;
    size_t cap;
    size_t limit_bytes;
    bool full;
};

static struct catcher *catcher_of(struct printer *p)
{
    return container_of(p, struct catcher, printer);
}

static void catch_begin(struct printer *p) { (void)p; }

static bool reserve(struct catcher *c)
{
    size_t cap = c->cap ? c->cap * 2 : FIRST_SIGHTINGS;

    if (c->n < c->cap)
        return true;
    c->full |= cap > c->limit_bytes / sizeof *c->seen;
    if (!c->full) {
        c->seen = mem_resize(c->seen, cap, sizeof *c->seen);
        c->cap = cap;
    }
    return !c->full;
}

static void catch_row(struct printer *p, const struct value *v)
{
    struct catcher *c = catcher_of(p);
    struct bytes b = {.n = 0};

    if (!reserve(c))
        return;
    struct sighting *s = &c->seen[c->n++];
    *s = (struct sighting){.bytes = v[COLUMN_BYTES].as.u, .packets = v[COLUMN_PACKETS].as.u};
    for (size_t i = 0; i < COUNT_OF(identity); i++) {
        if (i == CONVERSATION_FIELDS)
            s->conversation = id_of(&b);
        add_value(&b, identity[i], &v[i]);
        if (identity[i] == FIELD_EXPORTER && v[i].type == VALUE_ADDR)
            s->exporter = v[i].as.addr;
        if (identity[i] == FIELD_DIRECTION && v[i].type == VALUE_UINT)
            s->direction = v[i].as.u;
    }
    s->id = id_of(&b);
    /* times that are not known are all times; halves, so that differences do not wrap */
    s->first_ms = v[COLUMN_FIRST].type == VALUE_TIME ? v[COLUMN_FIRST].as.ms / 2 : INT64_MIN / 4;
    s->last_ms = v[COLUMN_LAST].type == VALUE_TIME ? v[COLUMN_LAST].as.ms / 2 : INT64_MAX / 4;
}

static void catch_end(struct printer *p, const struct summary *s)
{
    (void)p;
    (void)s;
}

static void catch_free(struct printer *p) { free(catcher_of(p)->seen); }

static const struct print_format catching = {
    .name = "dedup",
    .size = sizeof(struct catcher),
    .all_columns = true,
    .begin = catch_begin,
    .row = catch_row,
    .end = catch_end,
    .free = catch_free,
};

static int order(uint64_t a, uint64_t b) { return (a > b) - (a < b); }

/* By conversation, then the one that counts first. */
static int by_rank(const void *a, const void *b)
{
    const struct sighting *x = a;
    const struct sighting *y = b;
    int r = order(x->conversation.v[0], y->conversation.v[0]);

    r = r ? r : order(x->conversation.v[1], y->conversation.v[1]);
    r = r ? r : order(y->bytes, x->bytes);
    r = r ? r : order(y->packets, x->packets);
    r = r ? r : memcmp(&x->exporter, &y->exporter, sizeof x->exporter);
    return r ? r : order(x->direction, y->direction);
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

static bool at_the_same_time(const struct sighting *a, const struct sighting *b)
{
    const int64_t slack = SLACK_MS / 2; /* as times are */
    int64_t common = least(a->last_ms, b->last_ms) - most(a->first_ms, b->first_ms) + 2 * slack;
    int64_t shorter = least(a->last_ms - a->first_ms, b->last_ms - b->first_ms) + 2 * slack;

    return common > 0 && common >= shorter / 2;
}

static size_t slot_of(const struct dedup *d, const struct id *id)
{
    size_t s = (size_t)id->v[1] & (d->n_slots - 1);

    while (d->slots[s].v[0] && !same(&d->slots[s], id))
        s = (s + 1) & (d->n_slots - 1);
    return s;
}

static void grow(struct dedup *d)
{
    struct dedup larger = {.n_slots = d->n_slots ? d->n_slots * 2 : FIRST_SIGHTINGS, .n = d->n};

    larger.slots = mem_new(larger.n_slots, sizeof *larger.slots);
    for (size_t i = 0; i < d->n_slots; i++)
        if (d->slots[i].v[0])
            larger.slots[slot_of(&larger, &d->slots[i])] = d->slots[i];
    free(d->slots);
    *d = larger;
}

static void drop(struct dedup *d, const struct id *id)
{
    if (d->n >= d->n_slots / 2)
        grow(d);
    d->slots[slot_of(d, id)] = *id;
    d->n++;
}

/* The sightings of one conversation, the best first. Those that count are moved to its front. */
static void choose(struct dedup *d, struct sighting *s, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        bool dropped = false;
        for (size_t k = 0; k < kept && !dropped; k++)
            dropped = at_the_same_time(&s[k], &s[i]);
        if (dropped)
            drop(d, &s[i].id);
        else
            s[kept++] = s[i];
    }
}

static void choose_all(struct dedup *d, struct sighting *s, size_t n)
{
    if (n > 0)
        qsort(s, n, sizeof *s, by_rank);
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && same(&s[from].conversation, &s[to].conversation); to++)
            ;
        choose(d, s + from, to - from);
    }
}

/* The question of the first scan: what each point saw of each conversation. */
static int first_spec(const struct query_spec *spec, struct query_spec *out, struct err *err)
{
    *out = (struct query_spec){.store = spec->store,
                               .from_ms = spec->from_ms,
                               .to_ms = spec->to_ms,
                               .until_ms = INT64_MIN,
                               .filter = spec->filter,
                               .grouped = true,
                               .raw = spec->raw,
                               .limit_bytes = spec->limit_bytes,
                               .threads = spec->threads,
                               .all_groups = true};
    int r = spec_keys(identity_text, &out->keys, err);
    return r ? r : spec_columns(sums_text, out, err);
}

static void ignore_broken(struct query_watch *w, const char *what)
{
    (void)w; /* the scan that answers names it */
    (void)what;
}

static void ignore_scanned(struct query_watch *w) { (void)w; }

struct first_watch {
    struct query_watch query;
    struct query_watch *of;
};

static void pass_progress(struct query_watch *w, double part, uint64_t rows, double seconds)
{
    struct query_watch *of = container_of(w, struct first_watch, query)->of;

    of->progress(of, part / 2, rows, seconds);
}

int dedup_find(struct dedup **out, const struct query_spec *spec, struct query_watch *w,
               struct err *err)
{
    struct query_spec *first = mem_new(1, sizeof *first);
    struct print_options options = {.out = stdout}; /* nothing is printed */
    struct printer *p = print_new(&catching, &options);
    struct catcher *c = catcher_of(p);
    struct first_watch watch = {.query = {.broken = ignore_broken,
                                          .progress = pass_progress,
                                          .scanned = ignore_scanned,
                                          .stop = w->stop},
                                .of = w};
    struct summary summary;

    c->limit_bytes = spec->limit_bytes;
    int r = first_spec(spec, first, err);
    if (!r)
        r = query_run(first, p, &watch.query, &summary, err);
    if (!r && c->full)
        r = err_set(err, ERR_LIMIT,
                    "--dedup: what %zu points saw of conversations fills the memory limit of %zu "
                    "MB; ask for a shorter time, filter more, or raise --memory",
                    c->n, c->limit_bytes / 1000000);
    if (!r) {
        *out = mem_new(1, sizeof **out);
        choose_all(*out, c->seen, c->n);
    }
    print_free(p);
    free(first);
    return r;
}

void dedup_free(struct dedup *d)
{
    if (d)
        free(d->slots);
    free(d);
}

void dedup_fields(struct field_set *want)
{
    for (size_t i = 0; i < COUNT_OF(identity); i++)
        field_set_add(want, identity[i]);
}

bool dedup_drops(const struct dedup *d, const struct batch *b, size_t row)
{
    struct bytes bytes = {.n = 0};

    if (d->n == 0)
        return false;
    for (size_t i = 0; i < COUNT_OF(identity); i++)
        add(&bytes, batch_at(b, identity[i], row), kind_table[field_table[identity[i]].kind].width);
    struct id id = id_of(&bytes);
    return d->slots[slot_of(d, &id)].v[0] != 0;
}

size_t dedup_count(const struct dedup *d) { return d->n; }
