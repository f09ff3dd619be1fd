#include "query/distinct.h"

#include "base/hash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_SLOTS = 8,
    REGISTER_BITS = 15,
    REGISTERS = 1 << REGISTER_BITS,
    RANK_MAX = 64 - REGISTER_BITS + 1
};

uint64_t distinct_hash(const void *at, size_t n) { return hash_xxh64(at, n); }

uint64_t distinct_hash_u64(uint64_t v)
{
    return hash_mix(v + UINT64_C(0x9e3779b97f4a7c15)); /* so that 0 is not 0 */
}

static bool put(uint64_t *slots, uint32_t n_slots, uint64_t hash)
{
    uint32_t mask = n_slots - 1;
    uint32_t s = (uint32_t)hash & mask;

    for (; slots[s]; s = (s + 1) & mask)
        if (slots[s] == hash)
            return false;
    slots[s] = hash;
    return true;
}

/* The first bits choose a register, which keeps the longest run of zeros behind them. */
static void mark(struct distinct *d, uint64_t hash)
{
    uint32_t at = (uint32_t)(hash >> (64 - REGISTER_BITS));
    uint64_t rest = hash << REGISTER_BITS;
    uint8_t rank = rest ? (uint8_t)(__builtin_clzll(rest) + 1) : RANK_MAX;

    if (rank > d->registers[at])
        d->registers[at] = rank;
}

static bool to_registers(struct distinct *d, struct budget *b)
{
    if (!budget_take(b, REGISTERS))
        return false;
    d->registers = calloc(REGISTERS, 1);
    if (!d->registers) {
        budget_give(b, REGISTERS);
        return false;
    }
    for (uint32_t i = 0; i < d->n_slots; i++)
        if (d->slots[i])
            mark(d, d->slots[i]);
    budget_give(b, d->n_slots * sizeof *d->slots);
    free(d->slots);
    d->slots = NULL;
    d->n_slots = d->n = 0;
    return true;
}

static bool grow(struct distinct *d, struct budget *b)
{
    uint32_t n = d->n_slots ? d->n_slots * 2 : FIRST_SLOTS;

    if (!budget_take(b, (n - d->n_slots) * sizeof *d->slots))
        return false;
    uint64_t *slots = calloc(n, sizeof *slots);
    if (!slots) {
        budget_give(b, (n - d->n_slots) * sizeof *d->slots);
        return false;
    }
    for (uint32_t i = 0; i < d->n_slots; i++)
        if (d->slots[i])
            (void)put(slots, n, d->slots[i]);
    free(d->slots);
    d->slots = slots;
    d->n_slots = n;
    return true;
}

bool distinct_add(struct distinct *d, uint64_t hash, struct budget *b)
{
    hash += hash == 0; /* a free slot is 0 */
    if (d->registers) {
        mark(d, hash);
        return true;
    }
    if (d->n >= d->n_slots / 4 * 3 && d->n < DISTINCT_EXACT && !grow(d, b))
        return false;
    if (!put(d->slots, d->n_slots, hash))
        return true;
    return ++d->n <= DISTINCT_EXACT || to_registers(d, b);
}

bool distinct_merge(struct distinct *d, const struct distinct *from, struct budget *b)
{
    if (from->registers) {
        if (!d->registers && !to_registers(d, b))
            return false;
        for (uint32_t i = 0; i < REGISTERS; i++)
            if (from->registers[i] > d->registers[i])
                d->registers[i] = from->registers[i];
        return true;
    }
    for (uint32_t i = 0; i < from->n_slots; i++)
        if (from->slots[i] && !distinct_add(d, from->slots[i], b))
            return false;
    return true;
}

void distinct_free(struct distinct *d, struct budget *b)
{
    budget_give(b, d->n_slots * sizeof *d->slots + (d->registers ? REGISTERS : 0));
    free(d->slots);
    free(d->registers);
    *d = (struct distinct){0};
}

/* Sums of Ertl's estimator: of registers that are empty, and of those that are full. */
static double sigma(double x)
{
    double y = 1;
    double z = x;
    double before;

    if (x >= 1)
        return HUGE_VAL;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (z > before);
    return z;
}

static double tau(double x)
{
    double y = 1;
    double z = 1 - x;
    double before;

    if (x <= 0 || x >= 1)
        return 0;
    do {
        x = sqrt(x);
        before = z;
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    } while (z < before);
    return z / 3;
}

uint64_t distinct_count(const struct distinct *d)
{
    uint32_t ranks[RANK_MAX + 1] = {0};
    const double m = REGISTERS;

    if (!d->registers)
        return d->n;
    for (uint32_t i = 0; i < REGISTERS; i++)
        ranks[d->registers[i]]++;
    double z = m * tau(1 - (double)ranks[RANK_MAX] / m);
    for (int k = RANK_MAX - 1; k >= 1; k--)
        z = 0.5 * (z + (double)ranks[k]);
    z += m * sigma((double)ranks[0] / m);
    return (uint64_t)llround(m * m / (2 * log(2.0) * z));
}
