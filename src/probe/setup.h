/* setup: what a probe is to do: records, exporters, samplers, monitors, and where they stand.
 *
 * Made from flags (cli) or from the routers' commands (probe/fnf); the probe only reads it. Things
 * refer to each other by their place in the arrays. Owner: who made it; one setup_free() ends all.
 */
#ifndef PROBE_SETUP_H
#define PROBE_SETUP_H

#include "base/addr.h"
#include "probe/cache.h"

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SETUP_NAME = 64,      /* with its zero byte */
    SETUP_FIELDS = 64,    /* of a record */
    SETUP_EXPORTERS = 16, /* of a monitor */
    SETUP_MAX = 256,      /* of each kind */
    SETUP_TESTS = 16,
    SETUP_TEST_OCTETS = 16,
    SETUP_NONE = -1
};

/* One element of a record, as it is exported: IANA's number, or Cisco's (enterprise 9), which is
 * 32768 more in v9. See probe/words.def. */
struct setup_field {
    uint32_t enterprise;
    uint16_t number;
    uint16_t len;  /* LAYOUT_VARLEN: varies */
    bool key;      /* match, else collect */
    uint8_t flags; /* of element 6: only these of the flags; 0: all */
    uint8_t of;    /* enum setup_of */
};

/* What some elements are about, where it is not what they usually are. */
enum setup_of {
    SETUP_OF_USUAL,
    SETUP_OF_PEERS, /* 16, 17: the neighbours' AS, as traditional exports have them there */
    SETUP_OF_FLOWS  /* 3, 21, 22: of the flows that are added up here, not of packets */
};

struct setup_record {
    char name[SETUP_NAME];
    struct setup_field fields[SETUP_FIELDS]; /* keys first */
    size_t n;
};

/* Options data that an exporter announces. */
enum setup_option {
    SETUP_INTERFACE_TABLE,
    SETUP_SAMPLER_TABLE,
    SETUP_EXPORTER_STATS,
    SETUP_VRF_TABLE,
    SETUP_APPLICATION_TABLE,
    SETUP_OPTIONS
};

/* As routers call them: "interface-table". */
extern const char *const setup_option_names[SETUP_OPTIONS];

struct setup_exporter {
    char name[SETUP_NAME];
    struct addr to;
    uint16_t port;
    uint16_t version;    /* 1, 5 to 10 */
    uint8_t aggregation; /* of version 8: the scheme */
    bool tcp;
    bool own_way; /* to whom the program says, not to an address */
    bool has_source;
    struct addr source;       /* sends from it */
    char vrf[IFNAMSIZ];       /* in this VRF (the name of its device); "": in none */
    char via[IFNAMSIZ];       /* or out of this device, whatever routes say */
    char source_if[IFNAMSIZ]; /* or from this interface's address; "": the kernel chooses */
    uint8_t dscp;
    uint8_t ttl;
    uint16_t mtu;                     /* of the datagram's IP packet */
    uint32_t domain;                  /* source id, observation domain; v5: engine type and id */
    uint32_t template_s;              /* templates again after so many seconds */
    uint32_t template_packets;        /* and after so many datagrams; 0: not by them */
    uint32_t option_s[SETUP_OPTIONS]; /* 0: that one is not sent */
    uint64_t packets_above;           /* only flows of more packets than this */
};

struct setup_sampler {
    char name[SETUP_NAME];
    uint32_t rate; /* one packet in so many */
    bool random;   /* one at random among each `rate`; else each rate-th */
};

struct setup_monitor {
    char name[SETUP_NAME];
    int record;
    int exporters[SETUP_EXPORTERS];
    size_t n_exporters;
    enum cache_type type;
    uint32_t entries;
    uint32_t active_s;
    uint32_t update_s; /* permanent caches: how often totals go out */
    uint32_t idle_s[CACHE_CLASSES];
    uint32_t give_s; /* flows that have ended go out so often; 0: within LANE_WAIT_MS */
    bool sizes;      /* of its packets are counted */
    bool protocols;  /* of its flows */
    bool of_flows;   /* it adds up flows of an earlier monitor, not packets: */
    int from;
    uint8_t src_bits_min; /* prefixes that it makes have at least so many bits */
    uint8_t dst_bits_min;
};

/* A monitor at an interface. */
struct setup_place {
    char dev[IFNAMSIZ];
    int monitor;
    int sampler;    /* or SETUP_NONE */
    bool output;    /* packets that leave, else those that come */
    uint8_t family; /* 4 or 6; 0: both */
};

/* A flow passes if the element's value, as 16 octets with zeros before it, is in these bounds. */
struct setup_test {
    uint32_t enterprise;
    uint16_t number;
    uint8_t lo[SETUP_TEST_OCTETS];
    uint8_t hi[SETUP_TEST_OCTETS];
    char dev[IFNAMSIZ]; /* if there: the number of this interface instead */
    bool outside;       /* passes if it is not in the bounds */
};

/* Which flows of the traditional cache are told as the largest. */
struct setup_top {
    uint32_t n; /* 0: none */
    bool by_packets;
    uint32_t keep_ms; /* an answer is good for so long */
    struct setup_test tests[SETUP_TESTS];
    size_t n_tests; /* all must pass */
};

/* What a router calls an interface of ours. */
struct setup_alias {
    char name[SETUP_NAME];
    char dev[IFNAMSIZ];
};

struct setup {
    char *rib;         /* a file of BGP's routes; NULL: none */
    uint32_t local_as; /* that is ours */
    struct setup_record *records;
    size_t n_records;
    struct setup_exporter *exporters;
    size_t n_exporters;
    struct setup_sampler *samplers;
    size_t n_samplers;
    struct setup_monitor *monitors;
    size_t n_monitors;
    struct setup_place *places;
    size_t n_places;
    struct setup_alias *aliases; /* for who shows the setup: devices are in place */
    size_t n_aliases;
    int traditional; /* the monitor that the commands without monitors are about; or SETUP_NONE */
    struct setup_top top;
};

/* Does any record ask for what only BGP's routes tell? */
bool setup_wants_bgp(const struct setup *s);

void setup_free(struct setup *s); /* takes a zeroed one */

/* As they are where nothing is said: v9, UDP port 9995, ... */
struct setup_exporter setup_exporter_default(void);

/* idle_s 0 in a class: setup_monitor_fill() gives it what the others imply. */
struct setup_monitor setup_monitor_default(void);
void setup_monitor_fill(struct setup_monitor *m);

#endif
