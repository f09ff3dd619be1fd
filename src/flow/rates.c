#include "flow/rates.h"

#include <stdlib.h>

_Static_assert(sizeof(struct rate_key) == 32, "a key has no padding bytes");

void rates_init(struct rates *r, struct counts *counts)
{
    *r = (struct rates){.room = RATES_MAX, .counts = counts};
    map_init(&r->map, sizeof(struct rate_key));
    map_init(&r->domains, sizeof(struct rate_key));
}

static void free_all(struct map *m)
{
    struct rate *x;

    for (size_t at = 0; (x = map_next(m, &at));)
        free(x);
    map_free(m);
}

void rates_free(struct rates *r)
{
    free_all(&r->map);
    free_all(&r->domains);
}

/* The entry with this key, made if there is none. */
static struct rate *get(struct rates *r, struct map *m, const struct rate_key *key, int64_t now_ms)
{
    struct rate *x = map_find(m, key);

    if (x)
        return x;
    if (m->n >= r->room) {
        count_add(r->counts, COUNT_RATES_REFUSED, 1);
        return NULL;
    }
    x = malloc(sizeof *x);
    if (x) {
        *x = (struct rate){.key = *key, .since_ms = now_ms, .heard_ms = now_ms};
        if (map_add(m, x))
            return x;
    }
    free(x);
    count_add(r->counts, COUNT_NO_MEMORY, 1);
    return NULL;
}

static struct rate_key domain_key(const struct addr *addr, uint32_t domain)
{
    return (struct rate_key){.addr = *addr, .domain = domain, .what = RATE_DOMAIN};
}

static void set_rate(struct rate *x, double one_in, int64_t now_ms)
{
    bool same = one_in >= x->one_in && one_in <= x->one_in;

    x->heard_ms = now_ms;
    if (one_in < 1 || same)
        return;
    if (x->one_in >= 1) {
        bool returns = one_in >= x->before && one_in <= x->before;
        x->changes++;
        x->returns += returns;
        x->before = x->one_in;
    }
    x->one_in = one_in;
    x->since_ms = now_ms;
}

bool rates_put(struct rates *r, const struct rate_key *key, double one_in, int64_t now_ms)
{
    struct rate_key of = domain_key(&key->addr, key->domain);
    struct rate *domain = get(r, &r->domains, &of, now_ms);
    struct rate *x = key->what == RATE_DOMAIN ? domain : get(r, &r->map, key, now_ms);

    if (!domain || !x)
        return false;
    bool first = x->one_in < 1 && one_in >= 1;
    set_rate(x, one_in, now_ms);
    domain->samplers += first && key->what == RATE_SAMPLER;
    domain->interfaces += first && key->what == RATE_INTERFACE;
    return true;
}

/* --- what a record says --- */

enum { SELECT_RANDOM_N_OUT_OF_N = 3 }; /* of IANA's selection methods, element 304 */

/* RFC 5477: `size` of `population`. */
static double by_population(const struct batch *b, size_t row)
{
    uint64_t size = batch_u64(b, FIELD_SAMPLING_SIZE, row);
    return size > 0 ? (double)batch_u64(b, FIELD_SAMPLING_POPULATION, row) / (double)size : 0;
}

/* RFC 5477: `interval` packets are taken, then `space` are left out. */
static double by_space(const struct batch *b, size_t row)
{
    uint64_t taken = batch_u64(b, FIELD_SAMPLING_PACKET_INTERVAL, row);

    if (taken == 0 || !batch_has(b, FIELD_SAMPLING_PACKET_SPACE, row))
        return 0;
    return (double)(taken + batch_u64(b, FIELD_SAMPLING_PACKET_SPACE, row)) / (double)taken;
}

double rates_of_record(const struct batch *b, size_t row)
{
    uint64_t n = batch_u64(b, FIELD_SAMPLER_INTERVAL, row);
    if (n > 0)
        return (double)n;
    n = batch_u64(b, FIELD_SAMPLING_INTERVAL, row);
    if (n > 0)
        return (double)n;

    bool random = batch_u64(b, FIELD_SELECTOR_ALGORITHM, row) == SELECT_RANDOM_N_OUT_OF_N;
    double space = by_space(b, row);
    double population = by_population(b, row);
    if (population > 0 && (random || space < 1))
        return population;
    if (space >= 1)
        return space;
    const double *p = batch_at(b, FIELD_SAMPLING_PROBABILITY, row);
    if (p && *p > 0 && rate_ok(1 / *p))
        return 1 / *p;
    /* some routers mean one in so many by 305 alone */
    return (double)batch_u64(b, FIELD_SAMPLING_PACKET_INTERVAL, row);
}

const uint64_t *rates_sampler_of(const struct batch *b, size_t row)
{
    const uint64_t *id = batch_at(b, FIELD_SAMPLER_ID, row);
    return id ? id : batch_at(b, FIELD_SELECTOR_ID, row);
}

/* The interface that options data are about, as their scope or beside it, or NULL. */
static const uint32_t *interface_of(const struct batch *b, size_t row)
{
    static const enum field_id fields[] = {FIELD_SCOPE_INTERFACE, FIELD_IN_IF, FIELD_OUT_IF};

    for (size_t i = 0; i < COUNT_OF(fields); i++)
        if (batch_has(b, fields[i], row))
            return batch_at(b, fields[i], row);
    return NULL;
}

/* Deterministic and random are 1 and 2; some say 0 or 3. */
static bool believable(const struct batch *b, size_t row)
{
    return batch_u64(b, FIELD_SAMPLING_ALGORITHM, row) <= 3 &&
           batch_u64(b, FIELD_SAMPLER_MODE, row) <= 3;
}

static void learn(struct rates *r, struct rate_key key, const struct batch *b, size_t row,
                  double one_in, int64_t now_ms)
{
    const uint64_t *sampler = rates_sampler_of(b, row);
    const uint32_t *interface = interface_of(b, row);

    if (sampler) {
        key.what = RATE_SAMPLER;
        key.sampler = *sampler;
        (void)rates_put(r, &key, one_in, now_ms);
    }
    if (interface && one_in >= 1) {
        key.what = RATE_INTERFACE;
        key.sampler = *interface;
        (void)rates_put(r, &key, one_in, now_ms);
    }
    if (!sampler && !interface && one_in >= 1)
        (void)rates_put(r, &key, one_in, now_ms);
}

void rates_learn(struct rates *r, const struct addr *addr, uint32_t domain, bool known,
                 const struct batch *b, size_t row, size_t n, int64_t now_ms)
{
    r->room = known ? RATES_MAX : RATES_MAX / 2;
    for (size_t i = row; i < row + n; i++) {
        double one_in = rates_of_record(b, i);
        if (!rate_ok(one_in)) {
            one_in = 0;
        } else if (!believable(b, i)) {
            count_add(r->counts, COUNT_RATES_DOUBTED, 1);
            continue;
        }
        if (rates_swapped(one_in) > 0)
            count_add(r->counts, COUNT_RATES_SWAPPED, 1);
        learn(r, domain_key(addr, domain), b, i, one_in, now_ms);
    }
}

/* --- what is known --- */

const struct rate *rates_domain(const struct rates *r, const struct addr *addr, uint32_t domain)
{
    struct rate_key key = domain_key(addr, domain);
    return map_find(&r->domains, &key);
}

double rates_find(const struct rates *r, const struct addr *addr, uint32_t domain,
                  enum rate_from what, uint64_t which)
{
    struct rate_key key = {.addr = *addr, .domain = domain, .what = what, .sampler = which};
    const struct rate *x = map_find(&r->map, &key);

    return x ? x->one_in : 0;
}

/* No router samples one in a multiple of 65,536 packets; read from the other end it is a rate. */
double rates_swapped(double one_in)
{
    if (one_in < 65536 || one_in > UINT32_MAX)
        return 0;
    uint32_t n = (uint32_t)one_in;
    return (n & 0xffff) == 0 ? (double)__builtin_bswap32(n) : 0;
}
