/* bpf: what people write as a capture filter (pcap-filter(7)) → a program for the kernel. */
#ifndef NET_BPF_H
#define NET_BPF_H

#include "base/err.h"

#include <linux/filter.h>
#include <stdint.h>

struct bpf {
    struct sock_filter *code;
    unsigned short n;
};

/* Keep the first `keep_bytes` of each frame that `text` selects (NULL: of every frame). dev: an
 * interface with Ethernet's frames, whose VLAN tags the kernel keeps beside the frame, which the
 * program has to know; NULL: frames are IP packets. ERR_CONFIG: the text is wrong. */
int bpf_make(const char *text, const char *dev, uint32_t keep_bytes, struct bpf *out,
             struct err *err) MUST_USE;

/* Refuses everything. */
struct bpf bpf_nothing(void);

void bpf_free(struct bpf *b);

/* In place of what the socket had. */
int bpf_attach(const struct bpf *b, int fd, struct err *err) MUST_USE;

#endif
