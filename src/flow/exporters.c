#include "flow/exporters.h"

#include "base/attr.h"

#include <stdlib.h>
#include <string.h>

static const int64_t day_ms = 86400000;

_Static_assert(sizeof(struct exporter_key) == 32, "a key has no padding bytes");

void exporters_init(struct exporters *e, struct counts *counts)
{
    *e = (struct exporters){.counts = counts};
    map_init(&e->map, sizeof(struct exporter_key));
}

void exporters_free(struct exporters *e)
{
    struct exporter *x;

    for (size_t at = 0; (x = map_next(&e->map, &at));) {
        free(x->quirk_records);
        free(x);
    }
    map_free(&e->map);
    senders_free(&e->senders);
    quirks_free(&e->quirks);
    *e = (struct exporters){.counts = e->counts};
}

/* --- the two lists, longest silent first --- */

static struct exporter_list *list_of(struct exporters *e, const struct exporter *x)
{
    return x->settled ? &e->settled : &e->newcomers;
}

static void list_add(struct exporter_list *l, struct exporter *x)
{
    x->older = l->newest;
    x->newer = NULL;
    if (l->newest)
        l->newest->newer = x;
    else
        l->oldest = x;
    l->newest = x;
}

static void list_take(struct exporter_list *l, struct exporter *x)
{
    if (x->older)
        x->older->newer = x->newer;
    else
        l->oldest = x->newer;
    if (x->newer)
        x->newer->older = x->older;
    else
        l->newest = x->older;
}

static void touch(struct exporters *e, struct exporter *x, bool settled)
{
    list_take(list_of(e, x), x);
    x->settled = settled;
    list_add(list_of(e, x), x);
}

static void drop(struct exporters *e, struct exporter *x)
{
    list_take(list_of(e, x), x);
    (void)map_remove(&e->map, &x->key);
    free(x->quirk_records);
    free(x);
}

static bool make_room(struct exporters *e, int64_t now_ms)
{
    struct exporter *x = e->newcomers.oldest;

    if (e->map.n < EXPORTERS_MAX)
        return true;
    if (!x && e->settled.oldest && now_ms - e->settled.oldest->last_ms > day_ms)
        x = e->settled.oldest;
    if (!x)
        return false;
    drop(e, x);
    count_add(e->counts, COUNT_EXPORTERS_EVICTED, 1);
    return true;
}

const struct sender_rule *exporters_rule(const struct exporters *e, const struct addr *who)
{
    return senders_find(&e->senders, who);
}

/* Has the operator said something of this very address? */
static bool is_configured(const struct exporters *e, const struct exporter *x)
{
    const struct sender_rule *rule = senders_find(&e->senders, &x->key.addr);
    return rule && rule->prefix.bits == 8 * sizeof(struct addr);
}

static void take_rule(const struct exporters *e, struct exporter *x)
{
    static const struct sender_rule none;
    const struct sender_rule *found = senders_find(&e->senders, &x->key.addr);
    const struct sender_rule *rule = found ? found : &none;

    x->forced_rate = rule->rate;
    x->reject = rule->reject;
    x->trusts = rule->trusts;
    memcpy(x->name, rule->name, sizeof x->name);
    x->identity = (struct exporter_identity){0};
}

void exporters_name(const struct exporters *e, struct exporter *x, const struct addr *who)
{
    struct exporter_identity *i = &x->identity;

    if (i->known && addr_eq(&i->addr, who))
        return;
    const struct sender_rule *rule = senders_find(&e->senders, who);
    bool several = i->known;
    *i = (struct exporter_identity){
        .addr = *who, .forced_rate = rule ? rule->rate : 0, .known = true, .several = several};
    if (rule)
        memcpy(i->name, rule->name, sizeof i->name);
}

bool exporters_set_senders(struct exporters *e, const struct senders *senders)
{
    struct exporter *x;

    if (!senders_copy(&e->senders, senders))
        return false;
    for (size_t at = 0; (x = map_next(&e->map, &at));)
        take_rule(e, x);
    return true;
}

/* --- rules --- */

/* Counts by the places that the rules have now. Where there is no memory they begin anew. */
static void move_counts(const struct quirks *old, const struct quirks *now, const uint64_t *from,
                        uint64_t *to)
{
    for (size_t i = 0; i < now->n; i++) {
        const struct quirk *was = quirks_find(old, now->v[i].name, strlen(now->v[i].name));
        to[i] = was ? from[was - old->v] : 0;
    }
}

static void move_counts_of(const struct quirks *old, const struct quirks *now, struct exporter *x)
{
    uint64_t *counts = now->n > 0 ? calloc(now->n, sizeof *counts) : NULL;

    if (counts)
        move_counts(old, now, x->quirk_records, counts);
    free(x->quirk_records);
    x->quirk_records = counts;
}

bool exporters_set_quirks(struct exporters *e, const struct quirks *quirks)
{
    struct quirks copy = {0};
    uint64_t counts[QUIRKS_MAX] = {0};
    struct exporter *x;

    if (!quirks_copy(&copy, quirks))
        return false;
    for (size_t at = 0; (x = map_next(&e->map, &at));) {
        x->suspect = (struct suspect){0};
        if (x->quirk_records)
            move_counts_of(&e->quirks, &copy, x);
    }
    move_counts(&e->quirks, &copy, e->quirk_records, counts);
    memcpy(e->quirk_records, counts, sizeof counts);
    quirks_free(&e->quirks);
    e->quirks = copy;
    return true;
}

void exporters_bent(struct exporters *e, struct exporter *x, const uint8_t *rules, size_t n_rules,
                    size_t records)
{
    if (x && !x->quirk_records)
        x->quirk_records = calloc(e->quirks.n, sizeof *x->quirk_records);
    for (size_t i = 0; i < n_rules; i++) {
        e->quirk_records[rules[i]] += records;
        if (x && x->quirk_records)
            x->quirk_records[rules[i]] += records;
    }
}

void exporters_settle(struct exporters *e, struct exporter *x) { touch(e, x, true); }

void exporters_end_session(struct exporters *e, uint32_t session)
{
    struct exporter_list *lists[] = {&e->newcomers, &e->settled};

    for (size_t i = 0; i < COUNT_OF(lists); i++)
        for (struct exporter *x = lists[i]->oldest, *next; x; x = next) {
            next = x->newer;
            if (x->key.session != 0 && (session == 0 || x->key.session == session))
                drop(e, x);
        }
}

struct exporter *exporters_get(struct exporters *e, const struct exporter_key *key, int64_t now_ms)
{
    struct exporter *x = map_find(&e->map, key);

    if (x)
        return x;
    if (!make_room(e, now_ms)) {
        count_add(e->counts, COUNT_EXPORTERS_REFUSED, 1);
        return NULL;
    }
    x = calloc(1, sizeof *x);
    if (x) {
        x->key = *key;
        x->boot_ms = INT64_MIN;
        take_rule(e, x);
        if (map_add(&e->map, x)) {
            x->settled = is_configured(e, x);
            list_add(list_of(e, x), x);
            return x;
        }
    }
    free(x);
    count_add(e->counts, COUNT_NO_MEMORY, 1);
    return NULL;
}

/* --- what a datagram says --- */

static void tell(struct exporters *e, const struct exporter *x, enum sequence_verdict v,
                 uint64_t missed, int64_t received_ms)
{
    if (e->n_news == EXPORTERS_NEWS) {
        e->news_lost++;
        return;
    }
    struct exporter_news *n = &e->news[e->n_news++];
    *n = (struct exporter_news){
        .key = x->key, .verdict = v, .missed = missed, .received_ms = received_ms};
    memcpy(n->name, x->name, sizeof n->name);
}

void exporters_told(struct exporters *e)
{
    e->n_news = 0;
    e->news_lost = 0;
}

static void take_sequence(struct exporters *e, struct exporter *x, const struct sequence_step *step,
                          int64_t received_ms)
{
    uint64_t gaps = x->sequence.gaps;
    uint64_t missed_before = x->sequence.missed;
    enum sequence_verdict v = sequence_add(&x->sequence, step);
    uint64_t missed = x->sequence.missed - missed_before;

    count_add(e->counts, COUNT_SEQUENCE_GAPS, x->sequence.gaps - gaps);
    count_add(e->counts, COUNT_SEQUENCE_MISSED, missed);
    switch (v) {
    case SEQUENCE_GAP:
        tell(e, x, v, missed, received_ms);
        x->gap_ms = received_ms;
        if (x->datagrams == 1)
            x->lost_before = missed;
        break;
    case SEQUENCE_LATE:
        count_add(e->counts, COUNT_SEQUENCE_LATE, 1);
        break;
    case SEQUENCE_DUPLICATE:
        count_add(e->counts, COUNT_SEQUENCE_DUPLICATES, 1);
        break;
    case SEQUENCE_BEHIND:
        count_add(e->counts, COUNT_SEQUENCE_BEHIND, 1);
        break;
    case SEQUENCE_RESTART:
        count_add(e->counts, COUNT_SEQUENCE_RESTARTS, 1);
        tell(e, x, v, 0, received_ms);
        x->restarted_ms = received_ms;
        break;
    case SEQUENCE_FIRST:
    case SEQUENCE_IN_ORDER:
        break;
    }
}

void exporters_step(struct exporters *e, struct exporter *x, const struct sequence_step *step,
                    int64_t received_ms)
{
    const struct msg *m = step->head;

    health_datagram(&x->health, m, received_ms, x->datagrams > 0 ? x->last_ms : INT64_MIN,
                    x->settled);
    if (x->datagrams++ == 0)
        x->first_ms = received_ms;
    x->flows += step->flows;
    x->options += step->options;
    x->last_ms = received_ms;
    x->export_ms = m->export_ms;
    if (m->version < 10)
        x->boot_ms = m->export_ms - m->uptime_ms;
    if (sequence_counts(m))
        take_sequence(e, x, step, received_ms);
    if (x->met < EXPORTERS_SETTLED)
        x->met++;
    touch(e, x, x->settled || x->met >= EXPORTERS_SETTLED);
}
