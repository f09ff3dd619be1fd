#include "flow/rates.h"

#include <stdlib.h>

_Static_assert(sizeof(struct rate_key) == 32, "a key has no padding bytes");

void rates_init(struct rates *r, struct counts *counts)
{
    *r = (struct rates){.counts = counts};
    map_init(&r->map, sizeof(struct rate_key));
}

void rates_free(struct rates *r)
{
    struct rate *x;
    for (size_t at = 0; (x = map_next(&r->map, &at));)
        free(x);
    map_free(&r->map);
}

bool rates_put(struct rates *r, const struct rate_key *key, double one_in)
{
    struct rate *x = map_find(&r->map, key);

    if (x) {
        x->one_in = one_in;
        return true;
    }
    if (r->map.n >= RATES_MAX) {
        count_add(r->counts, COUNT_RATES_REFUSED, 1);
        return false;
    }
    x = malloc(sizeof *x);
    if (x) {
        *x = (struct rate){.key = *key, .one_in = one_in};
        if (map_add(&r->map, x))
            return true;
    }
    free(x);
    count_add(r->counts, COUNT_NO_MEMORY, 1);
    return false;
}

double rates_of_record(const struct batch *b, size_t row)
{
    uint64_t n = batch_u64(b, FIELD_SAMPLER_INTERVAL, row);
    if (n > 0)
        return (double)n;
    n = batch_u64(b, FIELD_SAMPLING_INTERVAL, row);
    if (n > 0)
        return (double)n;

    /* RFC 5477: `interval` packets are taken, then `space` are left out; or `size` of `population`.
     */
    uint64_t taken = batch_u64(b, FIELD_SAMPLING_PACKET_INTERVAL, row);
    if (taken > 0 && batch_has(b, FIELD_SAMPLING_PACKET_SPACE, row))
        return (double)(taken + batch_u64(b, FIELD_SAMPLING_PACKET_SPACE, row)) / (double)taken;
    uint64_t size = batch_u64(b, FIELD_SAMPLING_SIZE, row);
    if (size > 0 && batch_has(b, FIELD_SAMPLING_POPULATION, row))
        return (double)batch_u64(b, FIELD_SAMPLING_POPULATION, row) / (double)size;
    const double *p = batch_at(b, FIELD_SAMPLING_PROBABILITY, row);
    if (p && *p > 0 && rate_ok(1 / *p))
        return 1 / *p;
    return (double)taken; /* some routers mean one in so many by 305 alone */
}

/* The sampler or selector that a row names. */
static const uint64_t *sampler_of(const struct batch *b, size_t row)
{
    const uint64_t *id = batch_at(b, FIELD_SAMPLER_ID, row);
    return id ? id : batch_at(b, FIELD_SELECTOR_ID, row);
}

void rates_learn(struct rates *r, const struct addr *addr, uint32_t domain, const struct batch *b,
                 size_t row, size_t n)
{
    for (size_t i = row; i < row + n; i++) {
        double one_in = rates_of_record(b, i);
        const uint64_t *sampler = sampler_of(b, i);
        struct rate_key key = {.addr = *addr,
                               .domain = domain,
                               .what = sampler ? RATE_SAMPLER : RATE_DOMAIN,
                               .sampler = sampler ? *sampler : 0};
        if (rate_ok(one_in))
            (void)rates_put(r, &key, one_in);
    }
}

double rates_find(const struct rates *r, const struct addr *addr, uint32_t domain,
                  const uint64_t *sampler)
{
    struct rate_key key = {.addr = *addr,
                           .domain = domain,
                           .what = sampler ? RATE_SAMPLER : RATE_DOMAIN,
                           .sampler = sampler ? *sampler : 0};
    const struct rate *x = map_find(&r->map, &key);
    return x ? x->one_in : 0;
}
