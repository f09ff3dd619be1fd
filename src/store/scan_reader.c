/* One thread's way through the parts of a scan. */
#include "base/mem.h"
#include "store/scan_parts.h"

#include <assert.h>
#include <stdlib.h>

struct scan_reader *scan_reader_new(struct scan *s)
{
    struct scan_reader *r = mem_new(1, sizeof *r);

    r->scan = s;
    r->busy = UINT64_MAX;
    r->scratch = mem_new(1, sizeof *r->scratch);
    if (!batch_init(&r->batch, BATCH_ROWS)) {
        free(r->scratch);
        free(r);
        return NULL;
    }
    (void)pthread_mutex_lock(&s->lock);
    r->next = s->readers;
    s->readers = r;
    (void)pthread_mutex_unlock(&s->lock);
    return r;
}

static void end_part(struct scan_reader *r, bool broken)
{
    journal_decode_free(r->decode);
    r->decode = NULL;
    r->in_part = false;
    scan_give(r, broken);
}

void scan_reader_free(struct scan_reader *r)
{
    if (!r)
        return;
    if (r->in_part)
        end_part(r, false);
    (void)pthread_mutex_lock(&r->scan->lock);
    struct scan_reader **at = &r->scan->readers;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    (void)pthread_mutex_unlock(&r->scan->lock);
    pq_group_close(r->group);
    batch_free(&r->batch);
    free(r->scratch);
    free(r);
}

static int begin_part(struct scan_reader *r, struct err *err)
{
    const struct scan_part *p = &r->part;
    const struct field_set *want = &r->scan->spec.want;

    r->in_part = true;
    if (p->journal) {
        r->decode = journal_decode_new(r->scan->dir, p->journal, r->scratch);
        return 0;
    }
    return r->group ? pq_group_reopen(r->group, p->file->pq, p->group, want, err)
                    : pq_group_open(&r->group, p->file->pq, p->group, want, err);
}

static int part_next(struct scan_reader *r, struct err *err)
{
    size_t n;

    if (r->decode)
        return journal_decode_next(r->decode, &r->batch, err);
    batch_reset(&r->batch);
    int e = pq_group_step(r->group, r->batch.cap, &n, err);
    if (e == 0)
        r->batch.rows = n;
    return e;
}

static void count_rows(struct scan_reader *r)
{
    (void)pthread_mutex_lock(&r->scan->lock);
    r->scan->stats.rows += r->batch.rows;
    (void)pthread_mutex_unlock(&r->scan->lock);
}

int scan_reader_next(struct scan_reader *r, struct err *err)
{
    for (;;) {
        int e = 0;
        if (!r->in_part) {
            e = r->again ? ERR_EOF : scan_take(r, err);
            if (e)
                return e;
            e = begin_part(r, err);
        }
        if (e == 0)
            e = part_next(r, err);
        if (e == 0 && r->batch.rows > 0) {
            if (!r->again)
                count_rows(r);
            return 0;
        }
        if (e == 0)
            continue;
        end_part(r, e != ERR_EOF);
        if (e != ERR_EOF)
            return e;
    }
}

int scan_reader_again(struct scan_reader *r, uint64_t part, struct err *err)
{
    assert(!r->in_part);
    r->again = true;
    scan_take_again(r, part);
    int e = r->part.file->broken ? ERR_EOF : begin_part(r, err);
    if (e)
        end_part(r, e != ERR_EOF);
    return e;
}

struct batch *scan_reader_batch(struct scan_reader *r) { return &r->batch; }

static int failed(struct scan_reader *r, int e)
{
    if (e) {
        batch_reset(&r->batch);
        end_part(r, true);
    }
    return e;
}

int scan_reader_need(struct scan_reader *r, enum field_id f, struct err *err)
{
    if (r->decode || !field_set_has(&r->scan->spec.want, f))
        return 0;
    return failed(r, pq_group_need(r->group, f, &r->batch, err));
}

int scan_reader_need_rows(struct scan_reader *r, enum field_id f, const uint32_t *rows, size_t n,
                          struct err *err)
{
    if (r->decode || !field_set_has(&r->scan->spec.want, f))
        return 0;
    return failed(r, pq_group_need_rows(r->group, f, rows, n, &r->batch, err));
}

int scan_reader_codes(struct scan_reader *r, enum field_id f, const struct pq_codes **out,
                      struct err *err)
{
    *out = NULL;
    return r->decode ? 0 : failed(r, pq_group_codes(r->group, f, out, err));
}

int scan_reader_cut(struct scan_reader *r, uint64_t *selected, struct err *err)
{
    const struct scan_spec *spec = &r->scan->spec;

    if (r->part.whole)
        return 0;
    int e = scan_reader_need(r, FIELD_TIME, err);
    if (e)
        return e;
    const struct batch *b = &r->batch;
    const int64_t *time = batch_uses(b, FIELD_TIME) ? b->col[FIELD_TIME] : NULL; /* never null */
    for (size_t i = 0; i < b->rows; i++)
        if (!time || time[i] < spec->from_ms || time[i] >= spec->to_ms)
            selected[i / 64] &= ~(UINT64_C(1) << i % 64);
    return 0;
}

struct pq_times scan_reader_times(const struct scan_reader *r)
{
    return r->group ? pq_group_times(r->group) : (struct pq_times){0};
}

bool scan_reader_is_file(const struct scan_reader *r) { return !r->decode; }

bool scan_reader_is_last(const struct scan_reader *r)
{
    return !r->decode && pq_group_left(r->group) == 0;
}

uint64_t scan_reader_part(const struct scan_reader *r) { return r->part.number; }
