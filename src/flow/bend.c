#include "flow/bend.h"

#include "base/attr.h"

enum { BYTES = 1, PACKETS = 2, BYTES_TOTAL = 85, PACKETS_TOTAL = 86 };
enum { SRC_MASK = 9, DST_MASK = 13, SRC_MASK6 = 29, DST_MASK6 = 30 };

/* The actions of the rules chosen, one after another. */
struct steps {
    const struct quirk_choice *choice;
    size_t rule;
    size_t action;
};

static const struct quirk_action *next(struct steps *s)
{
    for (; s->choice && s->rule < s->choice->n; s->rule++, s->action = 0) {
        const struct quirk *r = &s->choice->quirks->v[s->choice->rule[s->rule]];
        if (s->action < r->n_actions)
            return &r->action[s->action++];
    }
    return NULL;
}

static bool is_about(const struct quirk_action *a, const struct layout_field *f)
{
    return a->element.number == f->number && a->element.enterprise == f->enterprise;
}

/* The element whose meaning this one has, where that is another one's. */
static uint16_t stands_for(enum quirk_verb verb, uint16_t number)
{
    static const struct {
        enum quirk_verb verb;
        uint16_t from;
        uint16_t to;
    } others[] = {
        {QUIRK_MASKS, SRC_MASK, DST_MASK},   {QUIRK_MASKS, DST_MASK, SRC_MASK},
        {QUIRK_MASKS, SRC_MASK6, DST_MASK6}, {QUIRK_MASKS, DST_MASK6, SRC_MASK6},
        {QUIRK_TOTAL, BYTES, BYTES_TOTAL},   {QUIRK_TOTAL, PACKETS, PACKETS_TOTAL},
        {QUIRK_DELTA, BYTES_TOTAL, BYTES},   {QUIRK_DELTA, PACKETS_TOTAL, PACKETS},
    };

    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (others[i].verb == verb && others[i].from == number)
            return others[i].to;
    return number;
}

static struct bent bent_of(enum space space, const struct layout_field *f)
{
    const struct element *e = element_find(space, f);

    return e ? (struct bent){.element = *e, .known = true, .rank = element_rank(e) + 1}
             : (struct bent){.known = false};
}

/* What fills the field by its own octets. */
static struct bent bent_to(const struct layout_field *f, enum field_id to)
{
    static const enum conv conv[KIND_N] = {
        [KIND_F64] = CONV_F64, [KIND_TIME] = CONV_MSEC, [KIND_ADDR] = CONV_ADDR,
        [KIND_MAC] = CONV_MAC, [KIND_TEXT] = CONV_TEXT, [KIND_BYTES] = CONV_BYTES};
    struct bent b = {.known = true}; /* it wins: somebody wants it so */

    b.element = (struct element){.enterprise = f->enterprise,
                                 .number = f->number,
                                 .field = to,
                                 .conv = conv[field_table[to].kind],
                                 .family = f->len == 4 ? 4 : 6};
    if (b.element.conv != CONV_ADDR)
        b.element.family = 0;
    return b;
}

struct bent bend_field(const struct quirk_choice *choice, enum space space,
                       const struct layout_field *f)
{
    struct steps steps = {.choice = choice};
    struct bent b = bent_of(space, f);
    const struct quirk_action *a;
    enum quirk_unit unit = QUIRK_UNIT_OWN;
    bool little = false;

    while ((a = next(&steps))) { /* a later one has the last word */
        struct layout_field as = *f;
        as.number = f->enterprise == 0 ? stands_for(a->verb, f->number) : f->number;
        if (as.number != f->number)
            b = bent_of(space, &as);
        else if (a->verb == QUIRK_IGNORE && is_about(a, f))
            b = (struct bent){.known = false};
        else if (a->verb == QUIRK_MEANS && is_about(a, f))
            b = bent_to(f, (enum field_id)a->n);
        else if (a->verb == QUIRK_TIMES)
            unit = (enum quirk_unit)a->n;
        little = little || (a->verb == QUIRK_LITTLE && is_about(a, f));
    }
    b.unit = b.known && element_is_time(&b.element) ? unit : QUIRK_UNIT_OWN;
    b.little = b.known && element_is_number(&b.element) && little;
    return b;
}

void bend_offsets(const struct quirk_choice *choice, const struct layout *layout,
                  struct layout_field *fields)
{
    struct steps steps = {.choice = choice};
    const struct quirk_action *a;

    while ((a = next(&steps)))
        for (size_t i = 0; i < layout->n && layout->space == SPACE_FIXED; i++)
            if (a->verb == QUIRK_AT && is_about(a, &fields[i]) &&
                (uint32_t)a->n + fields[i].len <= layout->record_len)
                fields[i].offset = a->n;
}

bool bend_has(const struct quirk_choice *choice, enum quirk_verb verb)
{
    struct steps steps = {.choice = choice};
    const struct quirk_action *a;

    while ((a = next(&steps)))
        if (a->verb == verb)
            return true;
    return false;
}
