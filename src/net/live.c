/* The way in: nothing is received before all is in place. A socket of protocol 0 hears nothing;
 * bound, it is behind a filter that refuses everything until its ring shares the interface with the
 * others.
 *
 * A frame in the ring: struct tpacket3_hdr, struct sockaddr_ll, then at tp_mac (tp_net if the link
 * has no header) the frame. Before it are 4 bytes of room for the VLAN tag (PACKET_RESERVE), and
 * before the frame too, in the same place, the virtio_net_hdr that tells of GRO. */
#include "net/live.h"

#include "net/bpf.h"
#include "wire/packet.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

enum {
    BLOCK_BYTES = 1 << 20,
    FRAME_BYTES = 2048, /* the kernel wants it to divide a block, and looks no further */
    TAG_BYTES = 4,
    MACS_BYTES = 12,
    ARP_RAWIP = 519, /* names that the C library's header lacks */
    ARP_IP6GRE = 823,
    ADDRESS_AT = /* of the sockaddr_ll in a ring's frame */
    (sizeof(struct tpacket3_hdr) + TPACKET_ALIGNMENT - 1) / TPACKET_ALIGNMENT * TPACKET_ALIGNMENT,
    GRO_KERNEL_MAJOR = 6, /* before 6.2 frames with UDP's GRO */
    GRO_KERNEL_MINOR = 2  /* would be dropped if their virtio_net_hdr was asked for */
};

/* --- opening --- */

static int find_dev(const struct live_options *o, struct live *l, int fd, struct err *err)
{
    struct ifreq r = {0};

    if (strlen(o->dev) >= sizeof r.ifr_name)
        return err_set(err, ERR_CONFIG, "%s: no such interface", o->dev);
    (void)snprintf(r.ifr_name, sizeof r.ifr_name, "%s", o->dev);
    (void)snprintf(l->dev, sizeof l->dev, "%s", o->dev);
    if (ioctl(fd, SIOCGIFINDEX, &r) != 0)
        return err_set(err, ERR_CONFIG, "%s: no such interface", o->dev);
    l->ifindex = r.ifr_ifindex;
    if (ioctl(fd, SIOCGIFHWADDR, &r) != 0)
        return err_sys(err, "%s", o->dev);
    switch (r.ifr_hwaddr.sa_family) {
    case ARPHRD_ETHER:
    case ARPHRD_LOOPBACK:
        l->link = PACKET_ETHERNET;
        return 0;
    case ARPHRD_NONE:
    case ARPHRD_PPP:
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT:
    case ARPHRD_IPGRE:
    case ARP_IP6GRE:
    case ARP_RAWIP:
        l->link = PACKET_RAW;
        return 0;
    default:
        return err_set(err, ERR_CONFIG, "%s: neither Ethernet nor an IP tunnel (ARPHRD type %u)",
                       o->dev, r.ifr_hwaddr.sa_family);
    }
}

static int dev_of(const struct live_options *o, struct live *l, struct err *err)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int r = fd < 0 ? err_sys(err, "socket") : find_dev(o, l, fd, err);

    if (fd >= 0)
        (void)close(fd);
    return r;
}

static int set(const struct live *l, int option, int value, const char *what, struct err *err)
{
    if (setsockopt(l->io.fd, SOL_PACKET, option, &value, sizeof value) != 0)
        return err_sys(err, "%s: %s", l->dev, what);
    return 0;
}

static bool kernel_tells_gro(void)
{
    struct utsname u;
    unsigned major = 0;
    unsigned minor = 0;

    if (uname(&u) != 0 || sscanf(u.release, "%u.%u", &major, &minor) != 2)
        return false;
    return major > GRO_KERNEL_MAJOR || (major == GRO_KERNEL_MAJOR && minor >= GRO_KERNEL_MINOR);
}

static int map_ring(struct live *l, size_t bytes, struct err *err)
{
    size_t blocks = bytes / BLOCK_BYTES > 2 ? bytes / BLOCK_BYTES : 2;
    struct tpacket_req3 req = {.tp_block_size = BLOCK_BYTES,
                               .tp_block_nr = (unsigned)blocks,
                               .tp_frame_size = FRAME_BYTES,
                               .tp_frame_nr = (unsigned)blocks * (BLOCK_BYTES / FRAME_BYTES),
                               .tp_retire_blk_tov = LIVE_RETIRE_MS};

    if (setsockopt(l->io.fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof req) != 0)
        return err_sys(err, "%s: a ring of %zu MiB", l->dev, blocks);
    void *p = mmap(NULL, blocks * BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                   l->io.fd, 0);
    if (p == MAP_FAILED)
        return err_sys(err, "%s: a ring of %zu MiB", l->dev, blocks);
    l->ring = p;
    l->blocks = blocks;
    return 0;
}

/* In this order: the ring's frames are laid out by what was asked for before. */
static int set_ring(struct live *l, const struct live_options *o, struct err *err)
{
    int r = set(l, PACKET_VERSION, TPACKET_V3, "TPACKET_V3", err);

    if (!r)
        r = set(l, PACKET_RESERVE, TAG_BYTES, "PACKET_RESERVE", err);
    l->gro = l->link == PACKET_ETHERNET && kernel_tells_gro();
    if (!r && l->gro)
        r = set(l, PACKET_VNET_HDR, 1, "PACKET_VNET_HDR", err);
    if (!r && !o->outgoing)
        r = set(l, PACKET_IGNORE_OUTGOING, 1, "PACKET_IGNORE_OUTGOING", err);
    return r ? r : map_ring(l, o->ring_bytes ? o->ring_bytes : LIVE_RING_BYTES, err);
}

static int bind_dev(struct live *l, const struct live_options *o, struct err *err)
{
    struct sockaddr_ll a = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = l->ifindex};
    struct packet_mreq m = {.mr_ifindex = l->ifindex, .mr_type = PACKET_MR_PROMISC};

    if (bind(l->io.fd, (const struct sockaddr *)(const void *)&a, sizeof a) != 0)
        return err_sys(err, "%s", l->dev);
    if (o->promiscuous &&
        setsockopt(l->io.fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof m) != 0)
        return err_sys(err, "%s: promiscuous mode", l->dev);
    return 0;
}

static int open_one(struct live *l, const struct live_options *o, const struct bpf *nothing,
                    struct err *err)
{
    *l = (struct live){.io.fd = -1};
    int r = dev_of(o, l, err);
    if (r)
        return r;
    l->io.fd =
        socket(AF_PACKET, (l->link == PACKET_ETHERNET ? SOCK_RAW : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
    if (l->io.fd < 0)
        return errno == EPERM
                   ? err_set(err, ERR_SYS, "%s: we may not capture: it takes root or CAP_NET_RAW",
                             o->dev)
                   : err_sys(err, "%s: AF_PACKET", o->dev);
    r = set_ring(l, o, err);
    if (!r)
        r = bpf_attach(nothing, l->io.fd, err);
    return r ? r : bind_dev(l, o, err);
}

/* The first one's group gets a number that nobody else has in this network namespace. */
static int share(struct live *l, int *group, struct err *err)
{
    bool first = *group < 0;
    int want = first ? PACKET_FANOUT_FLAG_UNIQUEID << 16 : *group;
    socklen_t len = sizeof *group;

    if (setsockopt(l->io.fd, SOL_PACKET, PACKET_FANOUT, &want, sizeof want) != 0)
        return err_sys(err, "%s: PACKET_FANOUT", l->dev);
    if (first && getsockopt(l->io.fd, SOL_PACKET, PACKET_FANOUT, group, &len) != 0)
        return err_sys(err, "%s: PACKET_FANOUT", l->dev);
    *group &= 0xffff; /* PACKET_FANOUT_HASH, without flags */
    return 0;
}

static int start(struct live *l, size_t n, const struct live_options *o, struct err *err)
{
    struct bpf b;
    int group = -1;
    int r = bpf_make(o->filter, l->link == PACKET_ETHERNET ? o->dev : NULL, o->keep_bytes, &b, err);

    if (r)
        return r;
    for (size_t i = 0; i < n && n > 1 && !r; i++)
        r = share(&l[i], &group, err);
    for (size_t i = 0; i < n && !r; i++)
        r = bpf_attach(&b, l[i].io.fd, err);
    bpf_free(&b);
    return r;
}

int live_open(struct live *out, size_t n, const struct live_options *o, struct err *err)
{
    struct live l[LIVE_RINGS_MAX];
    struct bpf nothing = bpf_nothing();
    size_t opened = 0;
    int r = 0;

    assert(n > 0 && n <= LIVE_RINGS_MAX);
    for (; opened < n && !r; opened++)
        r = open_one(&l[opened], o, &nothing, err);
    bpf_free(&nothing);
    if (!r)
        r = start(l, n, o, err);
    for (size_t i = 0; i < opened && r; i++)
        live_close(&l[i]);
    if (!r)
        memcpy(out, l, n * sizeof *l);
    return r;
}

void live_close(struct live *l)
{
    if (l->ring)
        (void)munmap(l->ring, l->blocks * BLOCK_BYTES);
    if (l->dev[0] && l->io.fd >= 0)
        (void)close(l->io.fd);
    *l = (struct live){.io.fd = -1};
}

/* --- reading --- */

static uint16_t segment_bytes(const uint8_t *frame)
{
    struct virtio_net_hdr v;

    memcpy(&v, frame - sizeof v, sizeof v);
    return v.gso_type == VIRTIO_NET_HDR_GSO_NONE ? 0 : v.gso_size;
}

static void put_tag(struct live_frame *f, uint8_t *frame, const struct tpacket3_hdr *h)
{
    uint16_t type = h->tp_status & TP_STATUS_VLAN_TPID_VALID ? h->hv1.tp_vlan_tpid : ETH_P_8021Q;
    const uint8_t tag[TAG_BYTES] = {(uint8_t)(type >> 8), (uint8_t)type,
                                    (uint8_t)(h->hv1.tp_vlan_tci >> 8),
                                    (uint8_t)h->hv1.tp_vlan_tci};

    memmove(frame - TAG_BYTES, frame, MACS_BYTES);
    memcpy(frame - TAG_BYTES + MACS_BYTES, tag, TAG_BYTES);
    f->data = frame - TAG_BYTES;
    f->len += TAG_BYTES;
    f->wire_len += TAG_BYTES;
}

/* false: it is neither IPv4 nor IPv6, and its link has no header to tell so. */
static bool frame_of(const struct live *l, uint8_t *at, struct live_frame *out)
{
    const struct tpacket3_hdr *h = (const void *)at;
    const struct sockaddr_ll *a = (const void *)(at + ADDRESS_AT);
    uint8_t *frame = at + h->tp_mac;

    *out = (struct live_frame){.data = frame,
                               .len = h->tp_snaplen,
                               .wire_len = h->tp_len,
                               .time_ms = (int64_t)h->tp_sec * 1000 + h->tp_nsec / 1000000,
                               .outgoing = a->sll_pkttype == PACKET_OUTGOING};
    if (l->link != PACKET_ETHERNET)
        return a->sll_protocol == htons(ETH_P_IP) || a->sll_protocol == htons(ETH_P_IPV6);
    if (l->gro)
        out->segment_bytes = segment_bytes(frame);
    if ((h->tp_status & TP_STATUS_VLAN_VALID) && h->tp_snaplen >= MACS_BYTES)
        put_tag(out, frame, h);
    return true;
}

static void hand_over(const struct live *l, uint8_t *block, struct live_out *out)
{
    const struct tpacket_block_desc *d = (const void *)block;
    uint8_t *at = block + d->hdr.bh1.offset_to_first_pkt;
    struct live_frame v[LIVE_BATCH];
    size_t n = 0;

    for (uint32_t left = d->hdr.bh1.num_pkts; left > 0; left--) {
        n += frame_of(l, at, &v[n]);
        at += ((const struct tpacket3_hdr *)(const void *)at)->tp_next_offset;
        if (n == LIVE_BATCH || (left == 1 && n > 0)) {
            out->frames(out, v, n);
            n = 0;
        }
    }
}

bool live_read(struct live *l, struct live_out *out)
{
    uint8_t *block = l->ring + l->at * BLOCK_BYTES;
    struct tpacket_block_desc *d = (void *)block;

    if (!(__atomic_load_n(&d->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
        return false;
    hand_over(l, block, out);
    __atomic_store_n(&d->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    l->at = l->at + 1 == l->blocks ? 0 : l->at + 1;
    return true;
}

/* The kernel's numbers begin anew with each question. */
void live_count(struct live *l)
{
    struct tpacket_stats_v3 s = {0};
    socklen_t len = sizeof s;

    if (getsockopt(l->io.fd, SOL_PACKET, PACKET_STATISTICS, &s, &len) != 0)
        return;
    l->packets += s.tp_packets;
    l->drops += s.tp_drops;
}

int live_check(struct live *l, struct err *err)
{
    int failure = 0;
    socklen_t len = sizeof failure;
    struct sockaddr_ll at = {0};
    socklen_t at_len = sizeof at;

    (void)getsockopt(l->io.fd, SOL_SOCKET, SO_ERROR, &failure, &len); /* asking clears it */
    /* A socket whose interface went is at none. */
    if (getsockname(l->io.fd, (struct sockaddr *)(void *)&at, &at_len) == 0 &&
        at.sll_ifindex != l->ifindex)
        return err_set(err, ERR_SYS, "%s: the interface is gone", l->dev);
    return 0;
}
