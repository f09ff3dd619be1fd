#include "flow/template.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

enum {
    FIELDS_LIMIT = 1 << 20,
    SENDER_LIMIT = 4096, /* of one sender: a quarter of all, as the default has it */
    SENDER_FIELDS = FIELDS_LIMIT / 4,
    SHAPE_SESSIONS_MAX = 64,
    REFRESH_MS = 1000
};

_Static_assert(sizeof(struct template_key) == 32, "a key has no padding bytes");

/* The same sender's templates of one id in all its sessions. */
struct template_shape {
    uint8_t key[TEMPLATE_SHAPE_KEY]; /* first: map.h */
    struct template *first;
};

/* All templates of an address. */
struct template_owner {
    struct addr addr; /* first: map.h */
    size_t n;
    size_t n_fields;
    struct template_list own;
};

void templates_init(struct templates *t, size_t limit, int64_t lifetime_ms, struct counts *counts)
{
    *t = (struct templates){.limit = limit,
                            .limit_fields = FIELDS_LIMIT,
                            .limit_sender = SENDER_LIMIT,
                            .limit_sender_fields = SENDER_FIELDS,
                            .lifetime_ms = lifetime_ms,
                            .counts = counts};
    map_init(&t->by_key, sizeof(struct template_key));
    map_init(&t->by_shape, TEMPLATE_SHAPE_KEY);
    map_init(&t->by_owner, sizeof(struct addr));
}

// NOLINTBEGIN(clang-analyzer-unix.Malloc): forget() takes what it frees out of every list
static struct template_list *list_of(struct templates *t, const struct template *x)
{
    return x->known ? &t->known : &t->strangers;
}

static void unlink_use(struct templates *t, struct template *x)
{
    struct template_list *l = list_of(t, x);
    struct template_list *own = &x->owner->own;

    *(x->older ? &x->older->newer : &l->oldest) = x->newer;
    *(x->newer ? &x->newer->older : &l->newest) = x->older;
    *(x->owner_older ? &x->owner_older->owner_newer : &own->oldest) = x->owner_newer;
    *(x->owner_newer ? &x->owner_newer->owner_older : &own->newest) = x->owner_older;
}

static void link_newest(struct templates *t, struct template *x)
{
    struct template_list *l = list_of(t, x);
    struct template_list *own = &x->owner->own;

    x->older = l->newest;
    x->newer = NULL;
    *(l->newest ? &l->newest->newer : &l->oldest) = x;
    l->newest = x;
    x->owner_older = own->newest;
    x->owner_newer = NULL;
    *(own->newest ? &own->newest->owner_newer : &own->oldest) = x;
    own->newest = x;
}

static void touch(struct templates *t, struct template *x, bool known)
{
    if (x == list_of(t, x)->newest && x == x->owner->own.newest && x->known >= known)
        return;
    unlink_use(t, x);
    x->known |= known;
    link_newest(t, x);
}

struct template *templates_next(const struct templates *t, const struct template *x)
{
    struct template *next = x ? x->newer : t->strangers.oldest;

    return next || (x && x->known) ? next : t->known.oldest;
}

static void unlink_shape(struct templates *t, struct template *x)
{
    *x->shape_at = x->shape_next;
    if (x->shape_next)
        x->shape_next->shape_at = x->shape_at;
    if (!x->shape->first)
        free(map_remove(&t->by_shape, x->shape->key));
}

static void unlink_owner(struct templates *t, struct template *x)
{
    struct template_owner *o = x->owner;

    o->n_fields -= plan_layout(x->plan)->n;
    if (--o->n == 0)
        free(map_remove(&t->by_owner, &o->addr));
}

static void forget(struct templates *t, struct template *x)
{
    (void)map_remove(&t->by_key, &x->key);
    unlink_shape(t, x);
    unlink_use(t, x);
    unlink_owner(t, x);
    t->n_fields -= plan_layout(x->plan)->n;
    plan_free(x->plan);
    free(x);
}

void templates_free(struct templates *t)
{
    for (struct template *x; (x = templates_next(t, NULL));)
        forget(t, x);
    map_free(&t->by_key);
    map_free(&t->by_shape);
    map_free(&t->by_owner);
}

static bool same_layout(const struct layout *a, const struct layout *b)
{
    if (a->n != b->n || a->options != b->options || a->space != b->space)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (a->fields[i].number != b->fields[i].number || a->fields[i].len != b->fields[i].len ||
            a->fields[i].enterprise != b->fields[i].enterprise ||
            a->fields[i].scope != b->fields[i].scope)
            return false;
    return true;
}

static bool link_shape(struct templates *t, struct template *x)
{
    struct template_shape *shape = map_find(&t->by_shape, &x->key);
    if (!shape) {
        shape = calloc(1, sizeof *shape);
        if (!shape)
            return false;
        memcpy(shape->key, &x->key, sizeof shape->key);
        if (!map_add(&t->by_shape, shape)) {
            free(shape);
            return false;
        }
    }
    x->shape = shape;
    x->shape_next = shape->first;
    x->shape_at = &shape->first;
    if (shape->first)
        shape->first->shape_at = &x->shape_next;
    shape->first = x;
    return true;
}

static struct template_owner *owner_of(struct templates *t, const struct addr *addr)
{
    struct template_owner *o = map_find(&t->by_owner, addr);

    if (o)
        return o;
    o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    o->addr = *addr;
    if (map_add(&t->by_owner, o))
        return o;
    free(o);
    return NULL;
}

static bool link_owner(struct templates *t, struct template *x)
{
    x->owner = owner_of(t, &x->key.addr);
    if (!x->owner)
        return false;
    x->owner->n++;
    x->owner->n_fields += plan_layout(x->plan)->n;
    return true;
}

static struct template *add(struct templates *t, const struct template_key *key, bool known,
                            struct plan *plan)
{
    struct template *x = calloc(1, sizeof *x);

    if (!x)
        return NULL;
    x->key = *key;
    x->plan = plan;
    x->known = known;
    if (!map_add(&t->by_key, x)) {
        free(x);
        return NULL;
    }
    if (!link_shape(t, x)) {
        (void)map_remove(&t->by_key, key);
        free(x);
        return NULL;
    }
    if (!link_owner(t, x)) {
        unlink_shape(t, x);
        (void)map_remove(&t->by_key, key);
        free(x);
        return NULL;
    }
    link_newest(t, x);
    t->n_fields += plan_layout(plan)->n;
    return x;
}

/* Tells definitions apart, and is no more than a hint: never 0. */
static uint64_t print_of(const struct layout *l)
{
    uint64_t h = l->options;

    for (size_t i = 0; i < l->n; i++) {
        const struct layout_field *f = &l->fields[i];
        h = hash_mix(h + f->enterprise);
        h = hash_mix(h + ((uint64_t)f->number << 32 | (uint64_t)f->len << 8 | f->scope));
    }
    return h | 1;
}

/* Some send each template twice at once. */
static void refresh(struct template *x, int64_t now_ms)
{
    if (!x->of_earlier_run && now_ms - x->refreshed_ms >= REFRESH_MS)
        x->interval_ms = now_ms - x->refreshed_ms;
    x->of_earlier_run = false;
    x->refreshes++;
    x->refreshed_ms = now_ms;
}

static void evict(struct templates *t, struct template *x)
{
    count_add(t->counts, COUNT_TEMPLATES_EVICTED, 1);
    forget(t, x);
}

static bool too_many(size_t n, size_t limit, size_t n_fields, size_t limit_fields, size_t fields)
{
    return n >= limit || n_fields + fields > limit_fields;
}

/* false: there is none for a stranger. */
static bool make_room(struct templates *t, const struct addr *addr, bool known, size_t fields)
{
    for (struct template_owner *o;
         (o = map_find(&t->by_owner, addr)) &&
         too_many(o->n, t->limit_sender, o->n_fields, t->limit_sender_fields, fields);)
        evict(t, o->own.oldest);
    while (t->by_key.n > 0 &&
           too_many(t->by_key.n, t->limit, t->n_fields, t->limit_fields, fields)) {
        struct template *x = t->strangers.oldest;
        if (!x && !known)
            return false;
        evict(t, x ? x : t->known.oldest);
    }
    return true;
}

static struct plan *plan_of(const struct templates *t, const struct template_key *key,
                            const struct layout *layout)
{
    struct quirk_choice choice;
    bool bent = t->quirks && t->quirks->n > 0 &&
                quirks_choose(t->quirks, &key->addr, key->version, 0, layout, &choice);

    return plan_new(layout, bent ? &choice : NULL);
}

void templates_compile(struct templates *t)
{
    for (struct template *x = templates_next(t, NULL), *next; x; x = next) {
        next = templates_next(t, x);
        struct plan *plan = plan_of(t, &x->key, plan_layout(x->plan));
        if (plan) {
            plan_free(x->plan);
            x->plan = plan;
        } else {
            count_add(t->counts, COUNT_NO_MEMORY, 1);
            forget(t, x);
        }
    }
}

struct template *templates_put(struct templates *t, const struct template_key *key, bool known,
                               const struct layout *layout, int64_t now_ms)
{
    struct template *x = map_find(&t->by_key, key);

    if (x && same_layout(plan_layout(x->plan), layout)) {
        refresh(x, now_ms);
        touch(t, x, known);
        return x;
    }
    struct template before = x ? *x : (struct template){0};
    struct plan *plan = plan_of(t, key, layout);
    if (!plan) {
        count_add(t->counts, COUNT_NO_MEMORY, 1);
        return NULL;
    }
    if (x) {
        count_add(t->counts, COUNT_TEMPLATES_CHANGED, 1);
        known |= x->known;
        forget(t, x);
    }
    bool room = make_room(t, &key->addr, known, layout->n);
    x = room ? add(t, key, known, plan) : NULL;
    if (!x) {
        count_add(t->counts, room ? COUNT_NO_MEMORY : COUNT_TEMPLATES_REFUSED, 1);
        plan_free(plan);
        return NULL;
    }
    x->refreshed_ms = now_ms;
    x->print = print_of(layout);
    x->print_before = before.print;
    x->changes = before.changes + (before.plan != NULL);
    x->returns = before.returns + (before.plan && before.print_before == x->print);
    return x;
}

/* Over TCP templates last as long as the connection (RFC 7011 8.4). */
static bool expired(const struct templates *t, const struct template *x, int64_t now_ms)
{
    return x->key.session == 0 && now_ms - x->refreshed_ms > t->lifetime_ms;
}

/* One of the sender's other sessions, if all of them agree; over TCP never: there each connection
 * speaks for itself. */
static struct template *borrow(struct templates *t, const struct template_key *key, int64_t now_ms)
{
    const struct template_shape *shape = key->session == 0 ? map_find(&t->by_shape, key) : NULL;
    struct template *found = NULL;
    size_t n = 0;

    for (struct template *x = shape ? shape->first : NULL; x; x = x->shape_next) {
        if (++n > SHAPE_SESSIONS_MAX)
            return NULL;
        if (x->key.session != 0 || expired(t, x, now_ms))
            continue;
        if (found && !same_layout(plan_layout(found->plan), plan_layout(x->plan)))
            return NULL;
        found = x;
    }
    return found;
}

struct template *templates_find(struct templates *t, const struct template_key *key, bool known,
                                int64_t now_ms)
{
    struct template *x = map_find(&t->by_key, key);

    if (x && expired(t, x, now_ms)) {
        count_add(t->counts, COUNT_TEMPLATES_EXPIRED, 1);
        forget(t, x);
        x = NULL;
    }
    if (!x) {
        x = borrow(t, key, now_ms);
        if (x)
            count_add(t->counts, COUNT_TEMPLATES_BORROWED, 1);
    }
    if (x)
        touch(t, x, known);
    return x;
}

static bool same_session(const struct template_key *a, const struct template_key *b)
{
    return a->session == b->session && a->port == b->port && a->listener == b->listener &&
           addr_eq(&a->addr, &b->addr);
}

static void withdraw(struct templates *t, struct template *x)
{
    count_add(t->counts, COUNT_TEMPLATES_WITHDRAWN, 1);
    forget(t, x);
}

void templates_withdraw(struct templates *t, const struct template_key *key, bool options)
{
    if (key->id >= 256) {
        struct template *one = map_find(&t->by_key, key);
        if (one)
            withdraw(t, one);
        return;
    }
    for (struct template *x = templates_next(t, NULL), *next; x; x = next) {
        next = templates_next(t, x);
        if (plan_layout(x->plan)->options == options && x->key.domain == key->domain &&
            same_session(&x->key, key))
            withdraw(t, x);
    }
}

void templates_end_session(struct templates *t, const struct template_key *key)
{
    for (struct template *x = templates_next(t, NULL), *next; x; x = next) {
        next = templates_next(t, x);
        if (same_session(&x->key, key))
            forget(t, x);
    }
}

void templates_end_sessions(struct templates *t)
{
    for (struct template *x = templates_next(t, NULL), *next; x; x = next) {
        next = templates_next(t, x);
        if (x->key.session != 0)
            forget(t, x);
    }
}
// NOLINTEND(clang-analyzer-unix.Malloc)
