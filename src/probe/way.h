/* way: how an exporter's messages reach its collector: by UDP, or as a stream by TCP.
 *
 * Nobody waits for a collector: what cannot go is counted and given up. Only where packets come out
 * of a file a stream may be waited for (`patient`). */
#ifndef PROBE_WAY_H
#define PROBE_WAY_H

#include "base/count.h"
#include "net/udp.h"
#include "probe/setup.h"

/* Embedded in the owner's. */
struct way {
    /* At most UDP_BATCH. */
    void (*send)(struct way *w, const struct udp_out *v, size_t n, int64_t export_ms);
    /* May be NULL: to be called now and then. */
    void (*tick)(struct way *w);
    /* Send what waits, for as long as it moves; free. */
    void (*close)(struct way *w);
    bool fresh; /* nothing has been sent by it yet, or its connection is another: whoever reads has
                 * to be told everything anew. The exporter clears it. */
    struct addr local;
    uint16_t local_port;
};

struct way_options {
    uint64_t pace; /* UDP datagrams a second at most, by waiting, for files that may be read faster
                    * than a collector takes them; 0: no limit */
    bool patient;
};

/* As the exporter's setup says. `s` and `counts` must outlive it. ERR_CONFIG: there is no such
 * source, or VRF. */
int way_open(struct way **out, const struct setup_exporter *s, const struct way_options *o,
             struct counts *counts, struct err *err) MUST_USE;

/* For way_udp.c and way_tcp.c: a socket that is bound to the source, in the VRF, with the DSCP and
 * TTL that are asked for, not connected yet. */
int way_socket(const struct setup_exporter *s, int type, int *out, struct err *err) MUST_USE;
void way_bound(struct way *w, int fd); /* sets its local address */
int way_udp(struct way **out, const struct setup_exporter *s, const struct way_options *o,
            struct counts *counts, struct err *err) MUST_USE;
int way_tcp(struct way **out, const struct setup_exporter *s, const struct way_options *o,
            struct counts *counts, struct err *err) MUST_USE;

#endif
