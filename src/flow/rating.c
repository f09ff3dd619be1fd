#include "flow/rating.h"

struct said {
    double one_in;
    enum rate_from from;
};

/* Of records that say nothing themselves and name neither sampler nor interface. */
static struct said of_set(const struct rating *r, const struct rate *domain)
{
    uint16_t header = r->no_header ? 0 : r->head->sampling & 0x3fff;

    if (domain && domain->one_in >= 1)
        return (struct said){domain->one_in, RATE_DOMAIN};
    if (header > 0)
        return (struct said){header, RATE_HEADER};
    if (r->otherwise >= 1)
        return (struct said){r->otherwise, RATE_DEFAULT};
    return (struct said){1, RATE_NONE};
}

/* Where the record was metered: on exit, if it says so, else on entry, or where it does not say, at
 * the one of the two that has a rate. */
static double of_interface(const struct rating *r, const struct batch *b, size_t row)
{
    bool says = batch_has(b, FIELD_DIRECTION, row);
    bool on_exit = batch_u64(b, FIELD_DIRECTION, row) == 1;
    enum field_id first = says && on_exit ? FIELD_OUT_IF : FIELD_IN_IF;
    double one_in = 0;

    if (batch_has(b, first, row))
        one_in = rates_find(r->rates, r->addr, r->head->domain, RATE_INTERFACE,
                            batch_u64(b, first, row));
    if (one_in < 1 && !says && batch_has(b, FIELD_OUT_IF, row))
        one_in = rates_find(r->rates, r->addr, r->head->domain, RATE_INTERFACE,
                            batch_u64(b, FIELD_OUT_IF, row));
    return one_in;
}

static struct said of_row(const struct rating *r, const struct rate *domain, const struct batch *b,
                          size_t row, struct said otherwise)
{
    double one_in = rates_of_record(b, row);
    if (one_in >= 1)
        return (struct said){one_in, RATE_RECORD};
    if (!domain)
        return otherwise;

    const uint64_t *sampler = rates_sampler_of(b, row);
    if (sampler)
        one_in = rates_find(r->rates, r->addr, r->head->domain, RATE_SAMPLER, *sampler);
    if (one_in >= 1)
        return (struct said){one_in, RATE_SAMPLER};
    if (sampler && *sampler == 0 && domain->samplers > 0)
        return (struct said){1, RATE_NONE};
    if (domain->interfaces > 0)
        one_in = of_interface(r, b, row);
    return one_in >= 1 ? (struct said){one_in, RATE_INTERFACE} : otherwise;
}

static bool speaks_of_sampling(const struct plan *p)
{
    static const enum field_id fields[] = {
        FIELD_SAMPLER_INTERVAL, FIELD_SAMPLING_INTERVAL,    FIELD_SAMPLING_PACKET_INTERVAL,
        FIELD_SAMPLING_SIZE,    FIELD_SAMPLING_PROBABILITY, FIELD_SAMPLER_ID,
        FIELD_SELECTOR_ID};

    for (size_t i = 0; i < COUNT_OF(fields); i++)
        if (plan_has(p, fields[i]))
            return true;
    return false;
}

bool rating_fill(const struct rating *r, const struct plan *p, struct batch *b, size_t row,
                 size_t n)
{
    double *rate = batch_col(b, FIELD_RATE);
    uint8_t *from = batch_col(b, FIELD_RATE_FROM);
    const struct rate *domain = rates_domain(r->rates, r->addr, r->head->domain);
    bool forced = r->forced >= 1;
    struct said set = forced ? (struct said){r->forced, RATE_FORCED} : of_set(r, domain);
    bool by_row = !forced && (speaks_of_sampling(p) || (domain && domain->interfaces > 0));

    if (!rate || !from)
        return false;
    for (size_t i = row; i < row + n; i++) {
        struct said said = by_row ? of_row(r, domain, b, i, set) : set;
        rate[i] = said.one_in;
        from[i] = (uint8_t)said.from;
    }
    batch_set(b, FIELD_RATE, row, n);
    batch_set(b, FIELD_RATE_FROM, row, n);
    return true;
}
