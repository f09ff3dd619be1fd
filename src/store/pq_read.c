#include "store/pq_read.h"

#include "base/mem.h"
#include "store/bloom.h"
#include "store/decode.h"
#include "store/pq_meta.h"
#include "store/pq_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct pq_file {
    int fd;
    char *path;
    uint64_t data_end; /* where the footer begins */
    struct pq_footer meta;
};

enum column_state { COLUMN_UNREAD, COLUMN_EMPTY, COLUMN_OPEN };

struct column {
    enum column_state state;
    struct pq_pages pages;
    uint64_t row;          /* of the group, that `pages` gives next */
    bool coded;            /* the rows in hand were given as codes: */
    struct pq_codes codes; /* these */
};

struct pq_group {
    const struct pq_file *f;
    size_t group;
    struct field_set want;
    uint64_t rows; /* of the group */
    uint64_t row;  /* the first in hand, */
    size_t n;      /* and how many */
    uint32_t batch;
    struct codec *codec;
    struct pq_times times;
    enum field_id text[FIELD_N]; /* wanted columns of TEXT and BYTES */
    size_t n_text;
    struct column columns[FIELD_N];
};

/* ---- File ---- */

static int read_at(const struct pq_file *f, void *out, size_t n, uint64_t at, struct err *err)
{
    uint8_t *p = out;

    while (n != 0) {
        ssize_t got = pread(f->fd, p, n, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_sys(err, "read of %zu bytes at offset %llu", n, (unsigned long long)at);
        if (got == 0)
            return err_set(err, ERR_DATA, "file has become shorter than %llu bytes",
                           (unsigned long long)at + 1);
        p += got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return 0;
}

static int footer_open(struct pq_file *f, struct err *err)
{
    enum { SMALLEST = PQ_MAGIC_BYTES + PQ_TAIL_BYTES };
    uint8_t head[PQ_MAGIC_BYTES];
    uint8_t tail[PQ_TAIL_BYTES];
    struct stat st;

    if (fstat(f->fd, &st) != 0)
        return err_sys(err, "stat");
    if (!S_ISREG(st.st_mode) || st.st_size < SMALLEST)
        return err_set(err, ERR_DATA, "%lld bytes are no Parquet file (it has %d at least)",
                       (long long)st.st_size, SMALLEST);
    uint64_t size = (uint64_t)st.st_size;
    int r = read_at(f, head, sizeof head, 0, err);
    if (r == 0)
        r = read_at(f, tail, sizeof tail, size - sizeof tail, err);
    if (r)
        return r;
    if (memcmp(head, pq_magic, sizeof head) != 0 || memcmp(tail + 4, pq_magic, PQ_MAGIC_BYTES) != 0)
        return err_set(err, ERR_DATA, "no Parquet file, or cut short: no PAR1 at offset 0 or %llu",
                       (unsigned long long)size - PQ_MAGIC_BYTES);
    struct cur c = cur_of(tail, 4);
    uint64_t len = cur_le(&c, 4);
    if (len > size - SMALLEST)
        return err_set(err, ERR_DATA,
                       "offset %llu: footer of %llu bytes in a file of %llu: cut short?",
                       (unsigned long long)size - PQ_TAIL_BYTES, (unsigned long long)len,
                       (unsigned long long)size);
    if (len > PQ_FOOTER_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "footer of %llu bytes, at most %d are read",
                       (unsigned long long)len, PQ_FOOTER_BYTES_MAX);
    f->data_end = size - PQ_TAIL_BYTES - len;
    uint8_t *bytes = mem_new((size_t)len, 1);
    r = read_at(f, bytes, (size_t)len, f->data_end, err);
    if (r == 0)
        r = pq_footer_read(cur_of(bytes, (size_t)len), &f->meta, err);
    free(bytes);
    if (r)
        r = err_in(err, r, "footer at offset %llu", (unsigned long long)f->data_end);
    return r;
}

int pq_open(struct pq_file **out, const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "%s: open", path);

    struct pq_file *f = mem_new(1, sizeof *f);
    f->fd = fd;
    f->path = mem_new(strlen(path) + 1, 1);
    memcpy(f->path, path, strlen(path));
    int r = footer_open(f, err);
    if (r) {
        r = err_in(err, r, "%s", path);
        pq_close(f);
        return r;
    }
    *out = f;
    return 0;
}

void pq_close(struct pq_file *f)
{
    if (!f)
        return;
    (void)close(f->fd);
    pq_footer_free(&f->meta);
    free(f->path);
    free(f);
}

uint64_t pq_rows(const struct pq_file *f) { return f->meta.rows; }

size_t pq_groups(const struct pq_file *f) { return f->meta.n_groups; }

uint64_t pq_group_rows(const struct pq_file *f, size_t group) { return f->meta.groups[group].rows; }

const char *pq_key(const struct pq_file *f, const char *key)
{
    for (size_t i = 0; i < f->meta.n_kv; i++)
        if (strcmp(f->meta.kv[i].key, key) == 0)
            return f->meta.kv[i].value;
    return NULL;
}

/* NULL: the file lacks the column. */
static const struct pq_chunk *chunk_of(const struct pq_file *f, size_t group, enum field_id field)
{
    size_t column = f->meta.column[field];
    return column == SIZE_MAX ? NULL : &f->meta.chunks[f->meta.groups[group].first + column];
}

static bool bound_int(const struct pq_bound *b, enum kind kind, int64_t *out)
{
    struct cur c = cur_of(b->bytes, b->len);
    uint64_t v = cur_le(&c, pq_kinds[kind].width);

    if (!cur_ok(&c) || cur_left(&c) != 0 || (kind == KIND_U64 && v > INT64_MAX))
        return false;
    *out = (int64_t)v;
    return true;
}

bool pq_group_range(const struct pq_file *f, size_t group, enum field_id field, int64_t *min,
                    int64_t *max)
{
    const struct pq_chunk *c = chunk_of(f, group, field);
    enum kind kind = field_table[field].kind;
    enum pq_physical physical = pq_kinds[kind].physical;
    int64_t lo;
    int64_t hi;

    if (!c || !c->bounded || (physical != PQ_INT32 && physical != PQ_INT64))
        return false;
    if (!bound_int(&c->min, kind, &lo) || !bound_int(&c->max, kind, &hi))
        return false;
    *min = lo;
    *max = hi;
    return true;
}

static bool bloom_may_hold(const struct pq_file *f, uint64_t at, const struct addr *value)
{
    uint8_t head[BLOOM_HEAD_MAX];
    uint8_t block[BLOOM_BLOCK];

    if (at >= f->data_end)
        return true;
    uint64_t left = f->data_end - at;
    size_t n = left < sizeof head ? (size_t)left : sizeof head;
    if (read_at(f, head, n, at, NULL) != 0)
        return true;
    struct cur c = cur_of(head, n);
    size_t bytes = bloom_head_read(&c);
    size_t head_len = (size_t)(c.at - head);
    if (bytes == 0 || bytes > left - head_len)
        return true;
    struct bloom_probe p = bloom_probe_of(value, bytes);
    if (read_at(f, block, sizeof block, at + head_len + p.block * BLOOM_BLOCK, NULL) != 0)
        return true;
    return bloom_block_has(block, p.key);
}

bool pq_group_any(const struct pq_file *f, size_t group, enum field_id field)
{
    const struct pq_chunk *c = chunk_of(f, group, field);
    return c && c->nulls != c->values;
}

bool pq_group_may_hold(const struct pq_file *f, size_t group, enum field_id field,
                       const struct addr *value)
{
    const struct pq_chunk *c = chunk_of(f, group, field);

    if (!pq_group_any(f, group, field))
        return false;
    if (c->bounded && c->min.len == sizeof *value && c->max.len == sizeof *value &&
        (memcmp(value, c->min.bytes, sizeof *value) < 0 ||
         memcmp(value, c->max.bytes, sizeof *value) > 0))
        return false;
    return c->bloom_at == 0 || bloom_may_hold(f, c->bloom_at, value);
}

/* ---- Row group ---- */

static int column_check(const struct pq_group *g, const struct pq_chunk *c, struct err *err)
{
    if (c->values != g->rows)
        return err_set(err, ERR_DATA, "%llu values in a row group of %llu",
                       (unsigned long long)c->values, (unsigned long long)g->rows);
    if (c->codec != CODEC_NONE && c->codec != CODEC_ZSTD && c->codec != CODEC_LZ4)
        return err_set(err, ERR_DATA, "codec %d, expected none (0), zstd (6) or lz4_raw (7)",
                       (int)c->codec);
    uint64_t at = pq_chunk_at(c);
    if (at < PQ_MAGIC_BYTES || at > g->f->data_end || c->bytes > g->f->data_end - at)
        return err_set(err, ERR_DATA, "%llu bytes at offset %llu, but the footer is at %llu",
                       (unsigned long long)c->bytes, (unsigned long long)at,
                       (unsigned long long)g->f->data_end);
    return 0;
}

static int column_read(struct pq_group *g, enum field_id field, const struct pq_chunk *c,
                       struct err *err)
{
    struct pq_pages *p = &g->columns[field].pages;
    size_t len = (size_t)c->bytes;
    int r = column_check(g, c, err);

    if (r == 0 && !pq_space_need(&p->chunk, len + DECODE_SLACK))
        r = err_set(err, ERR_LIMIT, "no memory for %zu bytes", len);
    double begun = pq_now();
    if (r == 0)
        r = read_at(g->f, p->chunk.p, len, pq_chunk_at(c), err);
    g->times.read += pq_now() - begun;
    if (r)
        return r;
    memset((uint8_t *)p->chunk.p + len, 0, DECODE_SLACK);
    pq_pages_begin(p, field, c, g->codec, &g->times, len);
    return 0;
}

/* Have the column read, if it has any value. */
static int column_open(struct pq_group *g, enum field_id field, struct err *err)
{
    struct column *column = &g->columns[field];
    const struct pq_chunk *c = chunk_of(g->f, g->group, field);

    if (column->state != COLUMN_UNREAD)
        return 0;
    column->state = COLUMN_EMPTY;
    if (!c || c->nulls == c->values)
        return 0;
    int r = column_read(g, field, c, err);
    if (r)
        return err_in(err, r, "%s: row group %zu: column %s", g->f->path, g->group,
                      field_table[field].name);
    column->state = COLUMN_OPEN;
    column->row = 0;
    return 0;
}

int pq_group_reopen(struct pq_group *g, const struct pq_file *f, size_t group,
                    const struct field_set *want, struct err *err)
{
    (void)err;
    g->f = f;
    g->group = group;
    g->want = *want;
    g->rows = f->meta.groups[group].rows;
    g->row = 0;
    g->n = 0;
    g->n_text = 0;
    for (int i = 0; i < FIELD_N; i++) {
        enum kind kind = field_table[i].kind;
        g->columns[i].state = COLUMN_UNREAD;
        g->columns[i].coded = false;
        if (field_set_has(want, (enum field_id)i) && (kind == KIND_TEXT || kind == KIND_BYTES))
            g->text[g->n_text++] = (enum field_id)i;
    }
    return 0;
}

int pq_group_open(struct pq_group **out, const struct pq_file *f, size_t group,
                  const struct field_set *want, struct err *err)
{
    struct pq_group *g = mem_new(1, sizeof *g);

    g->codec = codec_new();
    int r = pq_group_reopen(g, f, group, want, err);
    if (r) {
        pq_group_close(g);
        return r;
    }
    *out = g;
    return 0;
}

static int column_err(const struct pq_group *g, enum field_id field, int r, struct err *err)
{
    const struct pq_pages *p = &g->columns[field].pages;

    return err_in(err, r, "%s: row group %zu: column %s: before offset %llu", g->f->path, g->group,
                  field_table[field].name, (unsigned long long)pq_pages_offset(p));
}

/* Have the column at the rows in hand. *has: it has values. */
static int column_reach(struct pq_group *g, enum field_id field, bool *has, struct err *err)
{
    struct column *c = &g->columns[field];
    int r = column_open(g, field, err);

    *has = c->state == COLUMN_OPEN;
    if (r || !*has || c->row >= g->row)
        return r;
    r = pq_pages_skip(&c->pages, g->row - c->row, err);
    c->row = g->row;
    return r ? column_err(g, field, r, err) : 0;
}

/* Text is what may not fit a batch: each such column gets an even share. */
static int rows_fit(struct pq_group *g, size_t *n, struct err *err)
{
    for (size_t i = 0; i < g->n_text; i++) {
        enum field_id field = g->text[i];
        bool has;
        int r = column_reach(g, field, &has, err);
        if (r)
            return r;
        if (has)
            r = pq_pages_fit(&g->columns[field].pages, *n, BATCH_BYTES_MAX / g->n_text, n, err);
        if (r)
            return column_err(g, field, r, err);
    }
    return 0;
}

int pq_group_step(struct pq_group *g, size_t cap, size_t *n, struct err *err)
{
    g->row += g->n;
    g->n = 0;
    uint64_t left = g->rows - g->row;
    *n = left < cap ? (size_t)left : cap;
    if (*n == 0)
        return ERR_EOF;
    for (int i = 0; i < FIELD_N; i++)
        g->columns[i].coded = false;
    g->batch++;
    int r = rows_fit(g, n, err);
    if (r == 0)
        g->n = *n;
    return r;
}

static int codes_of(struct pq_group *g, enum field_id field, const struct pq_codes **out,
                    struct err *err)
{
    struct column *c = &g->columns[field];
    bool found = true;
    bool has;
    int r = column_reach(g, field, &has, err);

    *out = NULL;
    if (r)
        return r;
    if (!has && !c->coded)
        c->codes = (struct pq_codes){0};
    else if (!c->coded && c->row == g->row)
        r = pq_pages_codes(&c->pages, g->n, &c->codes, &found, err);
    else if (!c->coded)
        found = false; /* the batch has it */
    if (r)
        return column_err(g, field, r, err);
    if (has && found)
        c->row = g->row + g->n;
    c->coded = found;
    *out = found ? &c->codes : NULL;
    return 0;
}

int pq_group_codes(struct pq_group *g, enum field_id field, const struct pq_codes **out,
                   struct err *err)
{
    double begun = pq_now();
    int r = codes_of(g, field, out, err);

    g->times.all += pq_now() - begun;
    return r;
}

static int column_need(struct pq_group *g, enum field_id field, struct batch *out, struct err *err)
{
    struct column *c = &g->columns[field];
    bool has;
    int r = column_reach(g, field, &has, err);

    if (r || !has || batch_uses(out, field))
        return r;
    c->pages.batch = g->batch;
    if (c->coded)
        r = pq_pages_from_codes(&c->pages, &c->codes, out, g->n, err);
    else if (c->row == g->row)
        r = pq_pages_read(&c->pages, out, 0, g->n, err);
    c->row = g->row + g->n;
    return r ? column_err(g, field, r, err) : 0;
}

int pq_group_need(struct pq_group *g, enum field_id field, struct batch *out, struct err *err)
{
    double begun = pq_now();
    int r = column_need(g, field, out, err);

    g->times.all += pq_now() - begun;
    return r;
}

uint64_t pq_group_left(const struct pq_group *g) { return g->rows - g->row - g->n; }

struct pq_times pq_group_times(const struct pq_group *g) { return g->times; }

int pq_group_next(struct pq_group *g, struct batch *out, struct err *err)
{
    size_t n;

    batch_reset(out);
    int r = pq_group_step(g, out->cap, &n, err);
    for (int i = 0; i < FIELD_N && r == 0; i++)
        if (field_set_has(&g->want, (enum field_id)i))
            r = pq_group_need(g, (enum field_id)i, out, err);
    if (r) {
        batch_reset(out);
        return r;
    }
    out->rows = n;
    return 0;
}

void pq_group_close(struct pq_group *g)
{
    if (!g)
        return;
    for (int i = 0; i < FIELD_N; i++)
        pq_pages_free(&g->columns[i].pages);
    codec_free(g->codec);
    free(g);
}
