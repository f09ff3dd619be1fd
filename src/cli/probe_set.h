/* probe_set: what a probe is to do, as flags say it: the traditional record of IPv4 and of IPv6,
 * each in a monitor of its own, to every collector named. */
#ifndef CLI_PROBE_SET_H
#define CLI_PROBE_SET_H

#include "probe/setup.h"

enum probe_setting {
    PROBE_TO = 1,
    PROBE_VERSION,
    PROBE_ACTIVE,
    PROBE_INACTIVE,
    PROBE_TIMEOUT,
    PROBE_ENTRIES,
    PROBE_SAMPLE,
    PROBE_RANDOM,
    PROBE_SOURCE,
    PROBE_SOURCE_ID,
    PROBE_DSCP,
    PROBE_TTL,
    PROBE_MTU,
    PROBE_TEMPLATE,
    PROBE_TEMPLATE_PACKETS,
    PROBE_RIB,
    PROBE_LOCAL_AS,
    PROBE_INTERFACE,
    PROBE_DIRECTION,
    PROBE_APPLICATIONS,
    PROBE_SETTINGS
};

enum { PROBE_DEVICES = 64 };

struct probe_flags {
    const char *dev[PROBE_DEVICES];
    size_t n_dev; /* 0: a file */
    bool in;
    bool out;
    struct setup_exporter to[SETUP_EXPORTERS]; /* name, address, port; source and via if its own */
    size_t n_to;
    struct setup_exporter exporter; /* what all of them have in common */
    struct setup_monitor monitor;
    struct setup_sampler sampler; /* rate 0: none */
    bool applications;
    const char *rib; /* NULL: none */
    uint32_t local_as;
};

struct probe_flags probe_flags_default(void);

/* ERR_CONFIG: `text` is wrong. */
int probe_set(struct probe_flags *f, enum probe_setting what, const char *text,
              struct err *err) MUST_USE;

/* may_be_none: no collector, too. *out is the caller's to free. ERR_CONFIG: something is missing,
 * or cannot be. */
int probe_setup(const struct probe_flags *f, bool may_be_none, struct setup *out,
                struct err *err) MUST_USE;

#endif
