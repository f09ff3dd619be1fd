/* A store and a filter for tests of query.c: the scan gives copies of batches in memory, with
 * broken files between them; the filter is a function. */
#ifndef QUERY_FAKE_STORE_H
#define QUERY_FAKE_STORE_H

#include "base/mem.h"
#include "filter/filter.h"
#include "store/scan.h"

#include <stdlib.h>
#include <string.h>

struct filter {
    bool (*selects)(const struct batch *b, size_t row); /* NULL: all */
};

void filter_eval(const struct filter *f, const struct batch *b, uint64_t *selected)
{
    memset(selected, 0, (b->rows + 63) / 64 * sizeof *selected);
    for (size_t i = 0; i < b->rows; i++)
        if (!f->selects || f->selects(b, i))
            selected[i / 64] |= UINT64_C(1) << (i % 64);
}

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

int scan_next(struct scan *s, struct batch *out, struct err *err)
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

const struct scan_stats *scan_stats(const struct scan *s) { return &s->stats; }
double scan_progress(const struct scan *s) { return (double)s->at / (double)s->store->n; }
void scan_close(struct scan *s) { free(s); }

#endif
