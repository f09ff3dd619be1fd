/* classic: the routers' commands for traditional NetFlow: one cache of the seven keys, its
 * aggregations, its largest flows.
 *
 * What the lines said is kept here until the file is at its end (classic.c); classic_build() makes
 * monitors, exporters and places of it, beside those of Flexible NetFlow (classic_setup.c). As in
 * the routers the version is 1 where nothing is said, that of aggregations 8. */
#ifndef PROBE_CLASSIC_H
#define PROBE_CLASSIC_H

#include "base/conf.h"
#include "probe/setup.h"

/* As routers have them where nothing is said. */
enum {
    CLASSIC_TEMPLATE_PACKETS = 20,
    CLASSIC_TEMPLATE_S = 30 * 60, /* of templates and options data */
    CLASSIC_TOP_KEEP_MS = 5000
};

/* A name, or other text, and where it was said. */
struct fnf_said {
    char s[SETUP_NAME];
    size_t line; /* 0: nowhere */
    size_t column;
};

struct classic_to {
    struct fnf_said name; /* "192.0.2.1:9991" */
    struct addr to;
    uint16_t port;
    uint16_t version; /* 0: that of all */
    char vrf[IFNAMSIZ];
};

/* How flows of a cache are exported, and how long they stay in it. */
struct classic_export {
    uint16_t version;
    struct fnf_said version_at;
    struct classic_to to[SETUP_EXPORTERS];
    size_t n_to;
    uint32_t template_packets;
    uint32_t template_s;
    struct setup_monitor m;
};

enum { CLASSIC_SCHEMES = 12 };

struct classic_cache {
    bool enabled;
    struct classic_export out;
};

enum classic_as { CLASSIC_NO_AS, CLASSIC_ORIGIN_AS, CLASSIC_PEER_AS };

struct classic_place {
    struct fnf_said interface;
    size_t sampled; /* the line that says so; 0: none */
    bool output;
};

struct classic {
    size_t line; /* the first; 0: nothing was said */
    struct classic_export out;
    enum classic_as as;
    bool bgp_next_hop;
    struct fnf_said source;
    bool options[SETUP_OPTIONS]; /* are told every: */
    uint32_t options_s;
    uint32_t sampling; /* one packet in so many; 0: each */
    size_t sampling_line;
    struct classic_place places[SETUP_MAX];
    size_t n_places;
    struct classic_cache caches[CLASSIC_SCHEMES];
    size_t cache; /* the one that the block in hand is about */
    struct setup_top top;
    struct fnf_said devices[SETUP_TESTS]; /* of top's tests: the interfaces that they are about */
};

void classic_init(struct classic *c);

struct fnf;
struct fnf_note;
struct fnf_build;

/* A line of classic.def's. */
int classic_take(struct fnf *f, const struct conf_line *line, struct err *err) MUST_USE;

int classic_match(struct classic *c, const struct conf_line *line, struct err *err) MUST_USE;

/* The i-th line that is right and does less here than one may think. */
bool classic_note(const struct classic *c, size_t i, struct fnf_note *out);

/* An aggregation: the name that routers give it, and its number in NetFlow v8, 0: it has none. */
const char *classic_scheme(size_t i, uint8_t *aggregation);

/* What it adds to a setup, at most: places for them are there. */
enum {
    CLASSIC_RECORDS = 1 + CLASSIC_SCHEMES,
    CLASSIC_EXPORTERS = (1 + CLASSIC_SCHEMES) * SETUP_EXPORTERS
};
void classic_build(struct fnf_build *b);

#endif
