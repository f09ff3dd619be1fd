#include "query/spread.h"

#include "base/mem.h"

#include <stdlib.h>

__extension__ typedef unsigned __int128 wide;

/* Parts on their way out, as the arrays of a chunk. */
struct spread {
    int64_t bucket_ms;
    size_t n;
    uint32_t rows[METER_CHUNK];
    struct sums sums[METER_CHUNK];
    struct sums whole[METER_CHUNK];
    struct fraction rest[METER_CHUNK];
    int64_t time[METER_CHUNK];
    uint64_t swap[METER_CHUNK / 64];
};

struct spread *spread_new(int64_t bucket_ms)
{
    struct spread *s = mem_new(1, sizeof *s);

    s->bucket_ms = bucket_ms;
    return s;
}

void spread_free(struct spread *s) { free(s); }

void spread_fields(struct field_set *want) { field_set_add(want, FIELD_TIME); }

static int flush(struct spread *s, const struct chunk *c, struct chunk_sink *to, struct err *err)
{
    struct chunk out = *c;

    out.rows = s->rows;
    out.n = s->n;
    out.sums = s->sums;
    out.whole = s->whole;
    out.rest = c->rest ? s->rest : NULL;
    out.time = s->time;
    out.swap = c->swap ? s->swap : NULL;
    s->n = 0;
    return out.n > 0 ? to->take(to, &out, err) : 0;
}

/* Row i of the chunk, with these sums at that time. */
static int push(struct spread *s, const struct chunk *c, size_t i, const struct sums *part,
                int64_t time, struct chunk_sink *to, struct err *err)
{
    size_t n = s->n++;
    uint64_t bit = UINT64_C(1) << (n % 64);
    bool swapped = c->swap && (c->swap[i / 64] >> (i % 64) & 1);

    s->rows[n] = c->rows[i];
    s->sums[n] = *part;
    s->whole[n] = c->whole ? c->whole[i] : c->sums[i];
    s->rest[n] = c->rest && part->flows > 0 ? c->rest[i] : (struct fraction){0, 0};
    s->time[n] = time;
    s->swap[n / 64] = swapped ? s->swap[n / 64] | bit : s->swap[n / 64] & ~bit;
    return s->n == METER_CHUNK ? flush(s, c, to, err) : 0;
}

/* What of `total` belongs to the first `elapsed` of `life`. */
static uint64_t until(uint64_t total, uint64_t elapsed, uint64_t life)
{
    return (uint64_t)((wide)total * elapsed / life);
}

/* Where the bucket of a time begins; not for times near the ends of int64_t. */
static int64_t bucket_of(int64_t ms, int64_t bucket_ms)
{
    int64_t rest = ms % bucket_ms;
    return ms - rest - (rest < 0 ? bucket_ms : 0);
}

static int push_parts(struct spread *s, const struct chunk *c, size_t i, struct chunk_sink *to,
                      struct err *err)
{
    struct sums all = c->sums[i];
    uint64_t life = (uint64_t)(all.last_ms - all.first_ms);
    struct sums given = {0};
    int r = 0;

    for (int64_t at = bucket_of(all.first_ms, s->bucket_ms); !r && at <= all.last_ms;
         at += s->bucket_ms) {
        bool is_last = all.last_ms - at < s->bucket_ms;
        uint64_t elapsed = is_last ? life : (uint64_t)(at + s->bucket_ms - all.first_ms);
        struct sums part = {
            .flows = is_last ? all.flows : 0,
            .packets = until(all.packets, elapsed, life) - given.packets,
            .bytes = until(all.bytes, elapsed, life) - given.bytes,
            .first_ms = at > all.first_ms ? at : all.first_ms,
            .last_ms = is_last ? all.last_ms : at + s->bucket_ms - 1,
        };
        given.packets += part.packets;
        given.bytes += part.bytes;
        r = push(s, c, i, &part, at, to, err);
    }
    return r;
}

/* Does it live in more than one bucket, at times that can be believed? */
static bool is_spread(const struct spread *s, const struct sums *all, int64_t time)
{
    int64_t life;
    int64_t first = all->first_ms;
    int64_t last = all->last_ms;

    if (first == SUMS_NO_FIRST || last == SUMS_NO_LAST || last != time || first >= last)
        return false;
    if (first <= INT64_MIN / 2 || last >= INT64_MAX / 2 ||
        __builtin_sub_overflow(last, first, &life))
        return false;
    return life / s->bucket_ms < SPREAD_MAX &&
           bucket_of(first, s->bucket_ms) != bucket_of(last, s->bucket_ms);
}

int spread_run(struct spread *s, const struct chunk *c, struct chunk_sink *to, struct err *err)
{
    int r = 0;

    for (size_t i = 0; !r && i < c->n; i++) {
        int64_t time = (int64_t)batch_u64(c->batch, FIELD_TIME, c->rows[i]);
        if (is_spread(s, &c->sums[i], time))
            r = push_parts(s, c, i, to, err);
        else
            r = push(s, c, i, &c->sums[i], time, to, err);
    }
    return r ? r : flush(s, c, to, err);
}
