/* exporters: who sends, and what is known of each.
 *
 * An exporter is what counts its datagrams by itself: a transport session, an export version, and
 * in it an engine (v5, v6, v8: type and number), source id (v9) or observation domain (IPFIX). Line
 * cards of one router, and routers behind one address, are several.
 *
 * Bounded: EXPORTERS_MAX entries of some 1,100 octets, 18 MB, and 8 for each rule where any holds
 * (quirk.h: 34 MB at the very most). When there is no room, the newcomer that has been silent for
 * longest makes it. Who has sent EXPORTERS_SETTLED datagrams is no newcomer, nor is whose very
 * address is in the configuration: strangers cannot push it out, whatever addresses they claim; a
 * day's silence makes it one again. Where all are settled nobody more is taken, and that is
 * counted. */
#ifndef FLOW_EXPORTERS_H
#define FLOW_EXPORTERS_H

#include "base/addr.h"
#include "base/count.h"
#include "base/map.h"
#include "flow/health.h"
#include "flow/quirk.h"
#include "flow/senders.h"
#include "flow/sequence.h"
#include "flow/suspect.h"

enum { EXPORTERS_MAX = 16384, EXPORTERS_SETTLED = 32, EXPORTERS_NEWS = 32 };

/* No padding: it is hashed as bytes. */
struct exporter_key {
    struct addr addr;
    uint32_t source; /* domain or source id; engine type << 8 | engine id */
    uint32_t session;
    uint16_t version;
    uint16_t port;
    uint16_t listener;
    uint16_t none; /* 0 */
};

struct exporter {
    struct exporter_key key; /* first: map.h */
    struct exporter *older;
    struct exporter *newer;
    bool settled;
    uint8_t met; /* datagrams of all runs, up to EXPORTERS_SETTLED */
    uint64_t datagrams;
    uint64_t flows;
    uint64_t options;
    int64_t first_ms; /* received, its first datagram and its last */
    int64_t last_ms;
    int64_t export_ms;  /* of the last, by its own clock */
    int64_t boot_ms;    /* when its uptime was 0, by its own clock: of the header, in IPFIX of
                         * options data (element 160); INT64_MIN: it does not say */
    double forced_rate; /* the operator's, see senders.h; 0: none */
    bool reject;        /* what comes out of order */
    struct book *book;  /* where its messages were entered last, in the */
    uint64_t books;     /* generation of books; to be asked by books_is() */
    bool trusts;        /* a relay: exporters are whom its records name */
    char name[SENDER_NAME];
    /* Of relays that are trusted: who was named last, and what the operator says of it. */
    struct exporter_identity {
        struct addr addr;
        double forced_rate;
        char name[SENDER_NAME];
        bool known;
        bool several; /* others were named too */
    } identity;
    struct sequence sequence;
    struct suspect suspect;
    uint64_t *quirk_records; /* of each rule: decoded by it, since the rules are in force; NULL:
                              * none holds for it */
    int64_t gap_ms;          /* received, when something was missing last, */
    int64_t restarted_ms;    /* and when it counted anew last; if it ever did */
    uint64_t lost_before;    /* of what is lost: before its first datagram of this run */
    struct health health;
};

/* Something that an operator wants to know: a gap, a restart. */
struct exporter_news {
    struct exporter_key key;
    char name[SENDER_NAME];
    enum sequence_verdict verdict;
    uint64_t missed; /* GAP: units of the version */
    int64_t received_ms;
};

struct exporter_list {
    struct exporter *oldest;
    struct exporter *newest;
};

struct exporters {
    struct map map;
    struct exporter_list newcomers;
    struct exporter_list settled;
    struct senders senders;
    struct quirks quirks;
    uint64_t quirk_records[QUIRKS_MAX]; /* of each rule, since it is in force */
    struct counts *counts;
    struct exporter_news news[EXPORTERS_NEWS];
    size_t n_news;
    uint64_t news_lost; /* there was no room for, since they were last taken */
};

void exporters_init(struct exporters *e, struct counts *counts);
void exporters_free(struct exporters *e);

/* The exporter with this key, made if there is none; NULL if there can be none. */
struct exporter *exporters_get(struct exporters *e, const struct exporter_key *key, int64_t now_ms);

/* What the operator says of them from now on; false, and no change, if there is no memory. */
bool exporters_set_senders(struct exporters *e, const struct senders *senders);

/* The rules in force from now on, likewise. What was counted by rules that stay is kept. */
bool exporters_set_quirks(struct exporters *e, const struct quirks *quirks);

/* So many records of it (NULL: of one that there is no room for) were decoded by these rules. */
void exporters_bent(struct exporters *e, struct exporter *x, const uint8_t *rules, size_t n_rules,
                    size_t records);

/* What the operator says of this address; NULL: nothing. Slow: for who is no exporter. */
const struct sender_rule *exporters_rule(const struct exporters *e, const struct addr *who);

/* A record of x, which is trusted, names its exporter. */
void exporters_name(const struct exporters *e, struct exporter *x, const struct addr *who);

/* It was settled in an earlier run. */
void exporters_settle(struct exporters *e, struct exporter *x);

/* A TCP connection has ended; 0: all of them. */
void exporters_end_session(struct exporters *e, uint32_t session);

/* A datagram (or IPFIX message) of it has been decoded. */
void exporters_step(struct exporters *e, struct exporter *x, const struct sequence_step *step,
                    int64_t received_ms);

/* Forget the news. */
void exporters_told(struct exporters *e);

#endif
