/* capfile: files of recorded datagrams: pcap, pcapng, or bare datagrams one after another.
 *
 * A capture gives the payload of every UDP datagram, put together from its fragments, and IPFIX
 * messages out of TCP streams that were captured from their begin or from a message's begin,
 * without gaps. A bare file gives its datagrams with frame numbers from 1, no addresses (0.0.0.0
 * port 0), and as time the export time of each header. What cannot be read of a capture is counted
 * in capfile_skipped(). */
#ifndef NET_CAPFILE_H
#define NET_CAPFILE_H

#include "base/addr.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct capfile;

struct capfile_item {
    const uint8_t *data; /* borrowed until the next call */
    size_t len;
    int64_t time_ms;
    struct addr src;
    struct addr dst;
    uint16_t src_port;
    uint16_t dst_port;
    uint64_t frame;   /* that the last byte came in, from 1 */
    uint32_t session; /* TCP: number of the stream, from 1; UDP: 0 */
    bool ended;       /* TCP: the stream is over; no data */
};

struct capfile_skipped {
    uint64_t frames;    /* that are not IP, or broken */
    uint64_t other;     /* packets of other protocols */
    uint64_t fragments; /* packets whose fragments did not all come */
    uint64_t cut;       /* datagrams that the capture holds only in part: given out as they are */
    uint64_t streams;   /* TCP streams given up: bytes missing */
};

/* "-" is standard input. ERR_DATA: a capture of a link type that we don't know. */
int capfile_open(struct capfile **out, const char *path, struct err *err) MUST_USE;

/* 0, ERR_EOF, or ERR_DATA where a capture is broken: what came before is good. */
int capfile_next(struct capfile *c, struct capfile_item *out, struct err *err) MUST_USE;
struct capfile_skipped capfile_skipped(const struct capfile *c);

/* Whether the item can be an export datagram: see net/bare.h. */
bool capfile_is_export(const struct capfile_item *item);

/* How far reading is, and how far it goes, in bytes; *of is 0 if nobody knows. */
void capfile_progress(const struct capfile *c, uint64_t *at, uint64_t *of);
void capfile_close(struct capfile *c);

#endif
