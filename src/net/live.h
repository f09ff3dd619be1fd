/* live: frames of an interface, out of a ring that the kernel writes them into (AF_PACKET,
 * TPACKET_V3).
 *
 * An interface may have several rings, a thread for each: all fragments, and both directions, of a
 * flow come by the same one (PACKET_FANOUT_HASH). The ring's blocks of 1 MiB are given back as soon
 * as their frames were handed over. Frames are as they were on the wire, VLAN tags included, though
 * the kernel takes those out. */
#ifndef NET_LIVE_H
#define NET_LIVE_H

#include "base/err.h"
#include "net/loop.h"

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LIVE_BATCH = 64, LIVE_RINGS_MAX = 64, LIVE_RING_BYTES = 64 << 20 };

struct live_options {
    const char *dev;
    const char *filter;  /* pcap-filter(7); NULL: every frame */
    uint32_t keep_bytes; /* of each frame, from its begin */
    bool promiscuous;    /* also frames to other hosts, as at a mirror port */
    bool outgoing;       /* also what this host sends */
    size_t ring_bytes;   /* of each ring; 0: LIVE_RING_BYTES */
};

struct live_frame {
    const uint8_t *data;
    uint32_t len;
    uint32_t wire_len;      /* of the whole frame */
    int64_t time_ms;        /* wall */
    uint16_t segment_bytes; /* the kernel made one of many TCP segments or UDP datagrams, of so many
                               bytes of payload each but the last (GRO); 0: this is one packet */
    bool outgoing;
};

/* Who takes the frames; embedded in the owner's. Not more than LIVE_BATCH at a time, and valid
 * during the call. */
struct live_out {
    void (*frames)(struct live_out *out, const struct live_frame *v, size_t n);
};

struct live {
    struct io io; /* readable: call live_read(); EPOLLERR: live_check(); the owner sets on() */
    char dev[IF_NAMESIZE];
    int ifindex;
    int link;         /* PACKET_ETHERNET, or PACKET_RAW: frames are IP packets */
    uint64_t packets; /* that the kernel had for us, those dropped included; see live_count() */
    uint64_t drops;   /* there was no room in the ring */
    uint8_t *ring;
    size_t blocks;
    size_t at; /* the block that is filled next */
    bool gro;  /* a virtio_net_hdr stands before each frame */
};

/* n rings at one interface, from 1 to LIVE_RINGS_MAX. ERR_CONFIG: no such interface, or one that
 * has no IP; the filter is wrong. ERR_SYS: we may not (CAP_NET_RAW), or there is no memory. */
int live_open(struct live *out, size_t n, const struct live_options *o, struct err *err) MUST_USE;

/* One ring; takes a zeroed one. */
void live_close(struct live *l);

/* Hand over the frames of the next block, if the kernel has filled one; it gives up a block that is
 * not full within LIVE_RETIRE_MS. false: there is none. */
bool live_read(struct live *l, struct live_out *out);

enum { LIVE_RETIRE_MS = 16 };

/* Bring `packets` and `drops` up to date. */
void live_count(struct live *l);

/* ERR_SYS: the interface is gone, and this ring will get nothing any more. One that is down comes
 * again. */
int live_check(struct live *l, struct err *err) MUST_USE;

#endif
