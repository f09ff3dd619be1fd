/* frames: link-layer frames out of pcap and pcapng files, many at a time.
 *
 * pcap (little and big endian, micro- and nanoseconds, Kuznetzov's) and pcapng (several sections
 * and interfaces, each with its link type and clock) are read here and not by libpcap, which gives
 * one frame a call and wants one link type in a file. The file is read in large pieces; frames lie
 * in them. What a frame is by itself is not looked at. */
#ifndef NET_FRAMES_H
#define NET_FRAMES_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frames;

struct frame {
    const uint8_t *data;
    uint32_t len;
    uint32_t wire_len; /* before the capture cut it */
    int64_t time_ms;
    int link;               /* LINKTYPE_*, see wire/packet.h */
    uint16_t segment_bytes; /* one of many segments, see net/live.h; in files 0 */
    bool outgoing;          /* in files false */
};

/* "-" is standard input. ERR_DATA: not a capture. */
int frames_open(struct frames **out, const char *path, struct err *err) MUST_USE;

/* At least one and at most `max` frames, *n of them, valid until the next call. 0, ERR_EOF,
 * ERR_SYS, or ERR_DATA where the file is broken: what came before is good. */
int frames_read(struct frames *f, struct frame *v, size_t max, size_t *n, struct err *err) MUST_USE;

/* How far reading is, and how far it goes, in bytes; *of is 0 if nobody knows. */
void frames_progress(const struct frames *f, uint64_t *at, uint64_t *of);
void frames_close(struct frames *f);

#endif
