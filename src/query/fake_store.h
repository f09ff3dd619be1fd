/* A store and a filter for tests of query.c: the scan gives copies of batches in memory, with
 * broken files between them; the filter is a function. */
#ifndef QUERY_FAKE_STORE_H
#define QUERY_FAKE_STORE_H

#include "base/mem.h"
#include "filter/filter.h"
#include "query/select.h"
#include "store/scan.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct filter {
    bool (*selects)(const struct batch *b, size_t row); /* NULL: all */
};

void filter_fields(const struct filter *f, struct field_set *out)
{
    if (f->selects)
        for (int i = 0; i < FIELD_N; i++)
            field_set_add(out, (enum field_id)i);
}

bool filter_range(const struct filter *f, enum field_id field, int64_t *min, int64_t *max)
{
    (void)f;
    (void)field;
    (void)min;
    (void)max;
    return false;
}

bool filter_may_select(const struct filter *f, const struct filter_known *known)
{
    (void)f;
    (void)known;
    return true;
}

bool scan_may_range(const struct scan_group *g, enum field_id f, int64_t min, int64_t max)
{
    (void)g;
    (void)f;
    (void)min;
    (void)max;
    return true;
}

bool scan_may_hold(const struct scan_group *g, enum field_id f, const struct addr *value)
{
    (void)g;
    (void)f;
    (void)value;
    return true;
}

/* What the next scan gives: a batch each, or a broken file where NULL. */
struct fake_store {
    struct batch *files[16];
    size_t n;
};

struct scan {
    const struct fake_store *store;
    struct scan_spec spec;
    struct scan_stats stats;
    size_t at;
    size_t row;
};

/* Threads take turns; each has copies of its rows. */
struct scan_reader {
    struct scan *scan;
    struct batch batch;
    uint64_t part;
};

static pthread_mutex_t fake_lock = PTHREAD_MUTEX_INITIALIZER;

/* scan_open()'s folder is the address of a struct fake_store; NULL is no store. */
int scan_open(struct scan **out, const char *dir, const struct scan_spec *spec, struct err *err)
{
    if (!dir)
        return err_set(err, ERR_CONFIG, "there is no store");
    struct scan *s = mem_new(1, sizeof *s);
    s->store = (const struct fake_store *)(const void *)dir;
    s->spec = *spec;
    *out = s;
    return 0;
}

static bool fake_in_span(const struct scan *s, const struct batch *b, size_t row)
{
    int64_t t = (int64_t)batch_u64(b, FIELD_TIME, row);
    return t >= s->spec.from_ms && t < s->spec.to_ms;
}

static int fake_next(struct scan *s, struct batch *out, struct err *err)
{
    batch_reset(out);
    while (s->at < s->store->n && out->rows == 0) {
        const struct batch *b = s->store->files[s->at];
        if (!b) {
            s->at++;
            s->stats.broken++;
            return err_set(err, ERR_DATA, "date=2026-11-22/hour=14/x.parquet: broken");
        }
        for (; s->row < b->rows && out->rows < out->cap; s->row++) {
            s->stats.rows++;
            if (fake_in_span(s, b, s->row) && !batch_copy_row(out, b, s->row))
                abort();
        }
        if (s->row == b->rows) {
            s->at++;
            s->row = 0;
            s->stats.files++;
        }
    }
    for (int f = 0; f < FIELD_N; f++) /* what was not wanted may not be read */
        if (!field_set_has(&s->spec.want, (enum field_id)f) && batch_uses(out, (enum field_id)f)) {
            memset(out->seen[f], 0, (out->cap + 63) / 64 * sizeof(uint64_t));
            out->used.bits[f / 64] &= ~(UINT64_C(1) << (f % 64));
        }
    return out->rows ? 0 : ERR_EOF;
}

struct scan_reader *scan_reader_new(struct scan *s)
{
    struct scan_reader *r = mem_new(1, sizeof *r);

    r->scan = s;
    if (!batch_init(&r->batch, BATCH_ROWS))
        abort();
    return r;
}

void scan_reader_free(struct scan_reader *r)
{
    if (r)
        batch_free(&r->batch);
    free(r);
}

int scan_reader_next(struct scan_reader *r, struct err *err)
{
    (void)pthread_mutex_lock(&fake_lock);
    int e = fake_next(r->scan, &r->batch, err);
    (void)pthread_mutex_unlock(&fake_lock);
    return e;
}

struct batch *scan_reader_batch(struct scan_reader *r) { return &r->batch; }

int scan_reader_need(struct scan_reader *r, enum field_id f, struct err *err)
{
    (void)r;
    (void)f;
    (void)err;
    return 0;
}

int scan_reader_need_rows(struct scan_reader *r, enum field_id f, const uint32_t *rows, size_t n,
                          struct err *err)
{
    (void)rows;
    (void)n;
    return scan_reader_need(r, f, err);
}

int scan_reader_codes(struct scan_reader *r, enum field_id f, const struct pq_codes **out,
                      struct err *err)
{
    (void)r;
    (void)f;
    (void)err;
    *out = NULL;
    return 0;
}

int scan_reader_cut(struct scan_reader *r, uint64_t *selected, struct err *err)
{
    (void)r;
    (void)selected;
    (void)err;
    return 0;
}

/* Evaluates the function, instead of a tree. */
struct select {
    const struct filter *filter;
};

struct select *select_new(const struct filter *f)
{
    struct select *s = mem_new(1, sizeof *s);

    s->filter = f;
    return s;
}

void select_free(struct select *s) { free(s); }

int select_rows(struct select *s, struct scan_reader *r, uint64_t selected[static SELECT_WORDS],
                struct err *err)
{
    const struct batch *b = &r->batch;

    (void)err;
    memset(selected, 0, SELECT_WORDS * sizeof *selected);
    for (size_t i = 0; i < b->rows; i++)
        if (!s->filter->selects || s->filter->selects(b, i))
            selected[i / 64] |= UINT64_C(1) << (i % 64);
    return 0;
}

bool scan_reader_range(const struct scan_reader *r, enum field_id f, int64_t *min, int64_t *max)
{
    (void)r;
    (void)f;
    (void)min;
    (void)max;
    return false;
}

bool scan_reader_is_inner(const struct scan_reader *r) { return r == NULL; }
bool scan_reader_keep(struct scan_reader *r) { return r == NULL; }

int scan_reader_again(struct scan_reader *r, uint64_t part, struct err *err)
{
    (void)r;
    (void)part;
    (void)err;
    abort();
}

struct pq_times scan_reader_times(const struct scan_reader *r)
{
    (void)r;
    return (struct pq_times){0};
}

uint64_t scan_reader_part(const struct scan_reader *r) { return r->part; }
bool scan_reader_is_file(const struct scan_reader *r) { return r == NULL; }
bool scan_reader_is_last(const struct scan_reader *r) { return r == NULL; }
bool scan_reader_is_first(struct scan_reader *r) { return r != NULL; }
size_t scan_parts(struct scan *s) { return s ? 1 : 0; }
struct scan_stats scan_stats(struct scan *s) { return s->stats; }
double scan_progress(struct scan *s) { return (double)s->at / (double)s->store->n; }
void scan_close(struct scan *s) { free(s); }

#endif
