/* options: the tables that an exporter tells besides flows, as options data: names of interfaces,
 * samplers, how much it has exported, names of VRFs.
 *
 * Elements as routers send them: in v9 all of the scope System; in IPFIX of the observation domain
 * (149), or of the interface (10). */
#ifndef PROBE_OPTIONS_H
#define PROBE_OPTIONS_H

#include "net/links.h"
#include "probe/setup.h"
#include "wire/layout.h"

/* How all packets were sampled: elements 34 and 35, which were deprecated and are what everybody
 * reads. It stands beside the tables that can be asked for. */
enum { OPTIONS_SAMPLING = SETUP_OPTIONS, OPTIONS_KINDS };

enum { OPTIONS_FIELDS = 5, OPTIONS_RECORD_MAX = 128 };

/* What a table of that kind is made of; layout.n 0: v5 has none. */
struct options_table {
    struct layout layout;
    struct layout_field fields[OPTIONS_FIELDS];
};
void options_table(int kind, uint16_t version, struct options_table *out);

/* What the tables are about. */
struct options_world {
    uint32_t domain;
    const struct links *links;
    const struct applications_names *applications;
    const struct setup_sampler *samplers; /* number i + 1 is samplers[i] */
    size_t n_samplers;
    const struct setup_sampler *sampling; /* of all packets; NULL: not one for all */
    uint64_t bytes;                       /* exported */
    uint64_t messages;
    uint64_t records;
};

/* The i-th record of a table into `out`; how many octets, 0: there are no more. */
size_t options_record(int kind, uint16_t version, const struct options_world *w, size_t i,
                      uint8_t out[static OPTIONS_RECORD_MAX]);

#endif
