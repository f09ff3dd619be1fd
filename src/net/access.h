/* access: which senders are heard at a port: rules by prefix, of which the first that fits decides.
 *
 * A rule may be for one port; a port that no rule is for has no list and hears everybody. Where
 * there is a list, whom none of its rules names is denied, as in routers' lists.
 *
 * For each port its rules are compiled into ascending ranges of addresses with one verdict each, so
 * a question is a binary search: 15 steps for 10,000 rules, which make at most 20,001 ranges of 24
 * bytes for each family of addresses. */
#ifndef NET_ACCESS_H
#define NET_ACCESS_H

#include "base/addr.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ACCESS_RULES_MAX = 100000 };

enum access_family { ACCESS_ANY, ACCESS_V4, ACCESS_V6 };

struct access_rule {
    struct prefix prefix;
    enum access_family family; /* "any" is both, ::/0 is IPv6 only */
    uint16_t port;             /* 0: all */
    bool permit;
    size_t line; /* where it was said; 0: in no file */
    size_t column;
};

/* In the order in which they are tried. Zeroed is empty. */
struct access_rules {
    struct access_rule *v;
    size_t n;
    size_t room;
};

/* "PREFIX", "any", or either with "@PORT". 0 or ERR_CONFIG. */
int access_rule_parse(const char *text, bool permit, struct access_rule *out,
                      struct err *err) MUST_USE;

/* ERR_LIMIT where there are ACCESS_RULES_MAX. */
int access_rules_add(struct access_rules *rules, const struct access_rule *rule,
                     struct err *err) MUST_USE;
void access_rules_remove(struct access_rules *rules, size_t i);
void access_rules_free(struct access_rules *rules);

struct access;

/* What holds at a port; NULL if no rule is for it. */
struct access *access_new(const struct access_rules *rules, uint16_t port);
void access_free(struct access *a);

/* `a` may be NULL: everybody is heard. */
bool access_permits(const struct access *a, const struct addr *who);

/* Whether there is any address that is heard. */
bool access_permits_some(const struct access *a);

#endif
