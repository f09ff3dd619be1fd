#include "collect/quirk_list.h"

#include "base/mem.h"
#include "collect/put.h"
#include "flow/rates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_BYTES = CTL_ANSWER_MAX / 4 * 3, WHY_MAX = 200 };

/* What the workers say. */
struct answers {
    struct snapshot *of;
    unsigned n;
    size_t left_off;
};

/* --- rules --- */

/* All workers have the same rules, but for a moment when they are read again. */
static const uint64_t *counts_by(const struct snapshot *s, size_t rule, const struct quirk *which)
{
    bool same = rule < s->quirks.n && strcmp(s->quirks.v[rule].name, which->name) == 0;
    return same ? &s->quirk_records[rule] : NULL;
}

static void put_held_for(struct answers *a, size_t rule, const struct quirk *which, struct json *j)
{
    json_key(j, "holds_for");
    json_open(j, '[');
    for (unsigned w = 0; w < a->n; w++)
        for (size_t i = 0; i < a->of[w].n && counts_by(&a->of[w], rule, which); i++) {
            const struct exporter *x = &a->of[w].senders[i];
            if (!x->quirk_records || x->quirk_records[rule] == 0)
                continue;
            if (j->out->len > LIST_BYTES) {
                a->left_off++;
                continue;
            }
            json_open(j, '{');
            put_exporter(j, &x->key);
            put_number(j, "records", x->quirk_records[rule]);
            put_number(j, "worker", w);
            json_close(j, '}');
        }
    json_close(j, ']');
}

static void put_rule(struct answers *a, size_t rule, const struct quirk *which, struct json *j)
{
    uint64_t records = 0;
    struct buf text;

    for (unsigned w = 0; w < a->n; w++) {
        const uint64_t *n = counts_by(&a->of[w], rule, which);
        records += n ? *n : 0;
    }
    buf_init(&text, 1 << 16);
    quirk_say(which, &text);
    json_open(j, '{');
    put_text(j, "quirk", which->name);
    put_text(j, "description", which->text);
    put_text(j, "from", which->place);
    json_key(j, "means");
    json_textn(j, text.data, buf_ok(&text) ? text.len : 0);
    json_key(j, "waits_to_be_confirmed");
    json_bool(j, which->confirmed && which->n_prefixes == 0);
    put_number(j, "records", records);
    put_held_for(a, rule, which, j);
    json_close(j, '}');
    buf_free(&text);
}

/* --- proposals --- */

static const struct {
    enum quirk_verb verb;
    uint16_t n;
    const char *action;
} cures[SUSPICIONS] = {[SUSPECT_SECONDS] = {QUIRK_TIMES, QUIRK_SECONDS, "times seconds"},
                       [SUSPECT_MASKS] = {QUIRK_MASKS, 0, "masks swapped"},
                       [SUSPECT_RATE] = {QUIRK_LITTLE, 0, "byte-order ELEMENT little"}};

static void put_why(const struct suspect *s, enum suspicion what, struct json *j)
{
    char why[WHY_MAX];

    if (what == SUSPECT_SECONDS)
        (void)snprintf(why, sizeof why,
                       "the times of %u records of v8 make sense in seconds only, of %u in "
                       "milliseconds only",
                       s->seconds, s->milliseconds);
    else if (what == SUSPECT_MASKS)
        (void)snprintf(why, sizeof why,
                       "the prefixes of %u records of v8 have bits behind their masks, and none if "
                       "the masks change places; of %u it is the other way round",
                       s->masks, s->masks_swapped);
    else
        (void)snprintf(why, sizeof why,
                       "a sampling rate of one in %.0f was announced %u times; with its octets in "
                       "the other order it is one in %.0f",
                       s->rate, s->rates, rates_swapped(s->rate));
    put_text(j, "why", why);
}

static void put_proposal(const struct snapshot *from, const struct exporter *x, enum suspicion what,
                         struct json *j)
{
    const struct quirk *cure = quirks_to_confirm(&from->quirks, cures[what].verb, cures[what].n);
    char who[ADDR_TEXT];
    char line[QUIRK_NAME_MAX + ADDR_TEXT + 16];

    (void)addr_print(&x->key.addr, who);
    json_open(j, '{');
    put_exporter(j, &x->key);
    put_text(j, "action", cures[what].action);
    put_why(&x->suspect, what, j);
    json_key(j, "quirk");
    if (cure) {
        json_text(j, cure->name);
        (void)snprintf(line, sizeof line, "quirk %s for %s", cure->name, who);
        put_text(j, "config", line);
    } else { /* no rule does it: one must be written */
        json_null(j);
    }
    json_close(j, '}');
}

/* Was it said of this address, by an exporter before it? */
static bool is_said(const struct snapshot *s, size_t i, enum suspicion what)
{
    for (size_t k = 0; k < i; k++)
        if (addr_eq(&s->senders[k].key.addr, &s->senders[i].key.addr) &&
            suspect_is(&s->senders[k].suspect, what))
            return true;
    return false;
}

static void put_proposals(struct answers *a, struct json *j)
{
    json_key(j, "proposals");
    json_open(j, '[');
    for (unsigned w = 0; w < a->n; w++)
        for (size_t i = 0; a->of[w].senders && i < a->of[w].n; i++)
            for (int what = 0; what < SUSPICIONS; what++) {
                enum suspicion s = (enum suspicion)what;
                if (!suspect_is(&a->of[w].senders[i].suspect, s))
                    continue;
                if (j->out->len > LIST_BYTES)
                    a->left_off++;
                else if (!is_said(&a->of[w], i, s))
                    put_proposal(&a->of[w], &a->of[w].senders[i], s, j);
            }
    json_close(j, ']');
}

/* --- all --- */

static void put_answers(struct answers *a, struct json *j)
{
    const struct snapshot *first = NULL;

    for (unsigned w = 0; w < a->n && !first; w++)
        first = a->of[w].senders ? &a->of[w] : NULL;
    put_proposals(a, j);
    json_key(j, "quirks");
    json_open(j, '[');
    for (size_t i = 0; first && i < first->quirks.n; i++)
        put_rule(a, i, &first->quirks.v[i], j);
    json_close(j, ']');
}

void quirk_list_put(struct collect *c, struct json *j)
{
    struct answers a = {.of = mem_new(c->workers, sizeof *a.of), .n = c->workers};
    uint64_t silent = 0;

    for (unsigned w = 0; w < c->workers; w++)
        receiver_ask(&c->receiver[w], SNAPSHOT_QUIRKS);
    for (unsigned w = 0; w < c->workers; w++) {
        bool answers = receiver_get(&c->receiver[w], &a.of[w]);
        if (answers && a.of[w].what == SNAPSHOT_QUIRKS) {
            a.left_off += a.of[w].n_all - a.of[w].n;
            continue;
        }
        snapshot_free(&a.of[w]);
        silent++;
    }
    put_answers(&a, j);
    put_number(j, "left_off", a.left_off);
    put_number(j, "workers_without_answer", silent);
    for (unsigned w = 0; w < c->workers; w++)
        snapshot_free(&a.of[w]);
    free(a.of);
}
