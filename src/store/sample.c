#include "store/sample.h"

#include "base/hash.h"

#include <stdio.h>
#include <string.h>

enum pattern { MANY, CONSTANT, NOTHING, FEW, FEW_GAPS, RUNS, LATE, EXTREMES };
enum { LATE_ROW = 70000, RUN_ROWS = 1000 };

static uint64_t mix(enum field_id f, uint64_t n) { return hash_mix(n * 256 + (uint64_t)f + 1); }

/* A number that stands for the value: equal numbers are equal values. */
static bool seed_of(enum field_id f, enum pattern pattern, uint64_t row, uint64_t *seed)
{
    uint64_t r = mix(f, row);

    switch (pattern) {
    case MANY:
        *seed = r;
        return true;
    case CONSTANT:
        *seed = 42;
        return true;
    case NOTHING:
        return false;
    case FEW:
        *seed = mix(f, r % 5);
        return true;
    case FEW_GAPS:
        *seed = mix(f, r % 1000);
        return r >> 32 & 3;
    case RUNS:
        *seed = mix(f, row / 40);
        return row / RUN_ROWS % 2 || row % 97 == 0;
    case LATE:
        *seed = row < LATE_ROW ? 7 : r;
        return true;
    case EXTREMES:
        *seed = r % 2 ? UINT64_MAX : 0;
        return r >> 32 & 1;
    }
    return false;
}

static void text_of(enum kind kind, uint64_t seed, struct sample_value *out)
{
    if (seed == 0) /* present, but empty */
        return;
    if (kind == KIND_BYTES) {
        out->len = 1 + seed % 20;
        for (size_t i = 0; i < out->len; i++)
            out->text[i] = (uint8_t)hash_mix(seed + i);
        return;
    }
    int n = snprintf((char *)out->text, sizeof out->text,
                     "gr\xc3\xbc\xc3\x9f %llx \xf0\x9f\x8c\x8a", (unsigned long long)seed);
    out->len = (size_t)n;
    for (size_t i = seed % 97; i > 0 && seed % 3 == 0; i--)
        out->text[out->len++] = (uint8_t)('a' + i % 26);
}

static void fixed_of(enum field_id f, uint64_t seed, struct sample_value *out)
{
    uint64_t more = hash_mix(seed);
    double d = (double)(int64_t)seed / 7;
    int64_t ms = (int64_t)(INT64_C(1700000000000) + (int64_t)(seed % 100000000));

    memcpy(out->bytes, &seed, sizeof seed);
    memcpy(out->bytes + 8, seed && ~seed ? &more : &seed, sizeof more);
    if (field_table[f].kind == KIND_F64)
        memcpy(out->bytes, &d, sizeof d);
    else if (field_table[f].kind == KIND_TIME && seed && ~seed)
        memcpy(out->bytes, &ms, sizeof ms);
    else if (field_table[f].kind == KIND_TIME) /* the ends of what Python's datetime can say */
        memcpy(out->bytes,
               seed ? &(int64_t){INT64_C(253402300799999)} : &(int64_t){-62135596800000},
               sizeof ms);
    else if (field_table[f].kind == KIND_ADDR && seed % 4 != 0 && ~seed)
        memcpy(out->bytes, (const uint8_t[]){0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 12);
    else if (f == FIELD_RECORD_KIND)
        out->bytes[0] = (uint8_t)(seed % (RECORD_OPTIONS + 1));
    else if (f == FIELD_RATE_FROM)
        out->bytes[0] = (uint8_t)(seed % (RATE_DEFAULT + 1));
}

void sample_value(enum field_id f, unsigned salt, uint64_t row, struct sample_value *out)
{
    enum kind kind = field_table[f].kind;
    uint64_t seed = 0;

    *out = (struct sample_value){0};
    out->present = seed_of(f, (enum pattern)(((unsigned)f + salt) % SAMPLE_PATTERNS), row, &seed);
    if (!out->present)
        return;
    if (kind == KIND_TEXT || kind == KIND_BYTES)
        text_of(kind, seed, out);
    else
        fixed_of(f, seed, out);
}

static bool put(struct batch *b, enum field_id f, const struct sample_value *v)
{
    enum kind kind = field_table[f].kind;

    if (!v->present)
        return true;
    if (kind == KIND_TEXT || kind == KIND_BYTES)
        return batch_put_bytes(b, f, b->rows, v->text, v->len);
    return batch_put_raw(b, f, b->rows, v->bytes);
}

bool sample_fill(struct batch *b, unsigned salt, uint64_t row, size_t n)
{
    for (size_t i = 0; i < n; i++, b->rows++)
        for (int f = 0; f < FIELD_N; f++) {
            struct sample_value v;
            sample_value((enum field_id)f, salt, row + i, &v);
            if (!put(b, (enum field_id)f, &v))
                return false;
        }
    return true;
}

static bool field_equal(const struct batch *b, size_t at, enum field_id f,
                        const struct sample_value *v)
{
    enum kind kind = field_table[f].kind;
    size_t len;

    if (batch_has(b, f, at) != v->present)
        return false;
    if (!v->present)
        return true;
    if (kind != KIND_TEXT && kind != KIND_BYTES)
        return memcmp(batch_at(b, f, at), v->bytes, kind_table[kind].width) == 0;
    const uint8_t *s = batch_bytes(b, f, at, &len);
    return len == v->len && memcmp(s, v->text, len) == 0;
}

bool sample_equal(const struct batch *b, size_t at, const struct field_set *want, unsigned salt,
                  uint64_t row)
{
    for (int i = 0; i < FIELD_N; i++) {
        enum field_id f = (enum field_id)i;
        struct sample_value v;
        sample_value(f, salt, row, &v);
        if (!field_set_has(want, f))
            v.present = false;
        if (field_equal(b, at, f, &v))
            continue;
        (void)fprintf(stderr, "row %llu, column %s differs\n", (unsigned long long)row,
                      field_table[f].name);
        return false;
    }
    return true;
}

struct field_set sample_all(void)
{
    struct field_set s = {0};
    for (int f = 0; f < FIELD_N; f++)
        field_set_add(&s, (enum field_id)f);
    return s;
}
