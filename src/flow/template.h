/* template: the templates in force, by transport session, version, domain and id.
 *
 * A data set looks for its template under its exact session first; failing that, under the same
 * sender's address, version, domain and id in other sessions, if all of these agree (an exporter
 * that changes its port, or data that a NAT moved): templates_find() says when that happened.
 *
 * Bounded: at most `limit` templates, and `limit_sender` of one sender, whose least recently used
 * goes first. Where all are too many, strangers' go first: no exporter that has a history
 * loses one to them, however many senders they claim to be, and when nothing of strangers is left
 * they get no more. A template takes about 100 octets a field (layout, plan), so 4,096 templates of
 * 30 fields are 12 MB; the worst case is LAYOUT_FIELDS_MAX fields each, which `limit_fields` cuts
 * off: 1 M fields in all, 100 MB; `limit_sender_fields`, a quarter of that, those of one sender. */
#ifndef FLOW_TEMPLATE_H
#define FLOW_TEMPLATE_H

#include "base/addr.h"
#include "base/buf.h"
#include "base/count.h"
#include "base/map.h"
#include "flow/plan.h"
#include "flow/quirk.h"

/* Who defines a template, and under what id. No padding: it is hashed as bytes. */
struct template_key {
    struct addr addr;
    uint32_t domain;
    uint16_t version;
    uint16_t id;
    /* From here on the session. */
    uint32_t session;
    uint16_t port;
    uint16_t listener;
};

enum { TEMPLATE_SHAPE_KEY = offsetof(struct template_key, session) };

struct template_shape;
struct template_owner;

struct template
{
    struct template_key key; /* first: map.h */
    struct plan *plan;
    int64_t refreshed_ms; /* received time of its last definition, */
    int64_t interval_ms;  /* and how long that was after the one before; 0: there was none */
    bool of_earlier_run;  /* nobody knows how often it was sent since then */
    uint64_t refreshes;
    uint64_t changes; /* how often it got another definition, */
    uint64_t returns; /* and how often that was the one before the last again */
    uint64_t print;   /* of its definition, and of the one before: 0, or a hash */
    uint64_t print_before;
    uint64_t records; /* decoded by it since it was defined so, in this run */
    struct template_shape *shape;
    struct template *shape_next;
    struct template **shape_at; /* the pointer that points here */
    bool known;                 /* it was defined or used by who is no stranger */
    struct template *older;     /* list by use, of those that are known or of the others */
    struct template *newer;
    struct template_owner *owner;
    struct template *owner_older; /* the same list of its sender's */
    struct template *owner_newer;
};

struct template_list {
    struct template *oldest;
    struct template *newest;
};

struct templates {
    struct map by_key;
    struct map by_shape;
    struct map by_owner;
    struct template_list strangers;
    struct template_list known;
    size_t n_fields;
    size_t limit;
    size_t limit_fields;
    size_t limit_sender;
    size_t limit_sender_fields;
    int64_t lifetime_ms;         /* over UDP */
    const struct quirks *quirks; /* the owner's; NULL: none */
    struct counts *counts;
};

void templates_init(struct templates *t, size_t limit, int64_t lifetime_ms, struct counts *counts);
void templates_free(struct templates *t);

/* Define or refresh; known: the sender is no stranger. An unchanged definition keeps its plan.
 * NULL, counted: there is no room, or no memory. */
struct template *templates_put(struct templates *t, const struct template_key *key, bool known,
                               const struct layout *layout, int64_t now_ms);

/* The template for data of this key, or NULL; marks it used, by who is known or a stranger. */
struct template *templates_find(struct templates *t, const struct template_key *key, bool known,
                                int64_t now_ms);

/* All of them: those of strangers first, each oldest first; x NULL: the first. */
struct template *templates_next(const struct templates *t, const struct template *x);

/* The rules have changed: all are compiled anew. What there is no memory for is forgotten, and
 * counted. */
void templates_compile(struct templates *t);

/* Forget one; or, with key->id below 256, all of that kind (options or not) of the session's
 * domain. */
void templates_withdraw(struct templates *t, const struct template_key *key, bool options);

/* Forget all of a session. */
void templates_end_session(struct templates *t, const struct template_key *key);

/* Forget all of every connection; those that came over UDP stay. */
void templates_end_sessions(struct templates *t);

#endif
