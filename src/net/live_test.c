/* In a network of our own, with a veth pair: what is sent at "sender" comes in at "meter". */
#include "net/live.h"

#include "base/attr.h"
#include "base/clock.h"
#include "wire/packet.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { FRAME = 2048, KEPT = 4096, WAIT_MS = 20000, UDP = 17, TCP = 6 };

static const uint8_t sender_mac[6] = {2, 0, 0, 0, 0, 0xaa};
static const char ours[] = "ether src 02:00:00:00:00:aa"; /* the kernel sends IPv6's by itself */
static int sender = -1;                                   /* -1: there is no network of our own */

/* --- the network --- */

struct request {
    struct nlmsghdr n;
    struct ifinfomsg i;
    uint8_t attributes[256];
};

static struct rtattr *put(struct request *r, unsigned short type, const void *data, size_t len)
{
    struct rtattr *a = (void *)((uint8_t *)r + NLMSG_ALIGN(r->n.nlmsg_len));

    a->rta_type = type;
    a->rta_len = (unsigned short)RTA_LENGTH(len);
    if (len)
        memcpy(RTA_DATA(a), data, len);
    r->n.nlmsg_len = (uint32_t)(NLMSG_ALIGN(r->n.nlmsg_len) + RTA_ALIGN(a->rta_len));
    return a;
}

static void end(const struct request *r, struct rtattr *a)
{
    a->rta_len = (unsigned short)((const uint8_t *)r + r->n.nlmsg_len - (uint8_t *)a);
}

static bool ask(struct request *r)
{
    struct {
        struct nlmsghdr n;
        struct nlmsgerr e;
        uint8_t more[512];
    } answer;
    int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    bool good = fd >= 0 && send(fd, r, r->n.nlmsg_len, 0) == (ssize_t)r->n.nlmsg_len &&
                recv(fd, &answer, sizeof answer, 0) > (ssize_t)sizeof answer.n &&
                answer.n.nlmsg_type == NLMSG_ERROR && answer.e.error == 0;

    (void)close(fd);
    return good;
}

static bool make_pair(void)
{
    struct request r = {.n = {.nlmsg_len = NLMSG_LENGTH(sizeof r.i),
                              .nlmsg_type = RTM_NEWLINK,
                              .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE}};
    const struct ifinfomsg none = {0};

    (void)put(&r, IFLA_IFNAME, "sender", sizeof "sender");
    struct rtattr *info = put(&r, IFLA_LINKINFO, NULL, 0);
    (void)put(&r, IFLA_INFO_KIND, "veth", sizeof "veth");
    struct rtattr *data = put(&r, IFLA_INFO_DATA, NULL, 0);
    struct rtattr *peer = put(&r, VETH_INFO_PEER, &none, sizeof none);
    (void)put(&r, IFLA_IFNAME, "meter", sizeof "meter");
    end(&r, peer);
    end(&r, data);
    end(&r, info);
    return ask(&r);
}

static bool remove_dev(const char *dev)
{
    struct request r = {.n = {.nlmsg_len = NLMSG_LENGTH(sizeof r.i),
                              .nlmsg_type = RTM_DELLINK,
                              .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
                        .i = {.ifi_index = (int)if_nametoindex(dev)}};

    return ask(&r);
}

static bool set_up(const char *dev, short flags)
{
    struct ifreq r = {.ifr_flags = flags};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    (void)snprintf(r.ifr_name, sizeof r.ifr_name, "%s", dev);
    bool good = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &r) == 0;
    (void)close(fd);
    return good;
}

/* Its peer is up too, and what is sent is not dropped: a moment later than both were set up. */
static bool becomes_ready(const char *dev)
{
    struct ifreq r = {0};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    bool good = false;

    (void)snprintf(r.ifr_name, sizeof r.ifr_name, "%s", dev);
    for (int i = 0; i < WAIT_MS && fd >= 0 && !good; i++) {
        good = ioctl(fd, SIOCGIFFLAGS, &r) == 0 && (r.ifr_flags & IFF_RUNNING);
        if (!good)
            (void)poll(NULL, 0, 1);
    }
    (void)close(fd);
    return good;
}

static int packet_socket(const char *dev, bool gso)
{
    struct sockaddr_ll a = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(dev)};
    int fd = socket(AF_PACKET, SOCK_RAW, 0);
    int yes = 1;

    if (fd >= 0 && gso)
        assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &yes, sizeof yes), 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)(void *)&a, sizeof a) == 0)
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

/* In a user namespace as the user that it belongs to outside. */
static bool leave(void)
{
    char map[64];
    int n = snprintf(map, sizeof map, "0 %u 1", getuid());

    if (unshare(CLONE_NEWNET) == 0)
        return true;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return false;
    int fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
    bool good = fd >= 0 && write(fd, map, (size_t)n) == n;
    (void)close(fd);
    return good;
}

static int make_network(void **state)
{
    (void)state;
    if (!leave())
        return 0;
    if (make_pair() && set_up("sender", IFF_UP) && set_up("meter", IFF_UP) &&
        becomes_ready("sender"))
        sender = packet_socket("sender", false);
    return 0;
}

static void need_network(void)
{
    if (sender < 0) {
        print_message("no network namespace with a veth pair can be made here\n");
        skip();
    }
}

/* --- frames --- */

struct sent {
    uint8_t b[FRAME * 4];
    size_t len;
};

/* IPv4 from 10.0.0.src to 10.0.0.dst; offset and more as fragments have them; tagged: in VLAN 7. */
struct shape {
    uint8_t proto;
    uint8_t src;
    uint8_t dst;
    uint16_t src_port;
    uint16_t dst_port;
    uint16_t fragment; /* the field of the header */
    size_t payload;    /* behind the IP header */
    bool tagged;
};

static void put16(uint8_t *p, size_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static struct sent frame_of(const struct shape *s)
{
    struct sent f = {.len = ETH_HLEN};

    memset(f.b, 0xff, 6);
    memcpy(f.b + 6, sender_mac, 6);
    if (s->tagged) {
        put16(f.b + 12, ETH_P_8021Q);
        put16(f.b + 14, 7 | 5 << 13);
        f.len += 4;
    }
    put16(f.b + f.len - 2, ETH_P_IP);
    uint8_t *ip = f.b + f.len;
    ip[0] = 0x45;
    put16(ip + 2, 20 + s->payload);
    put16(ip + 6, s->fragment);
    ip[8] = 64;
    ip[9] = s->proto;
    memcpy(ip + 12, (uint8_t[]){10, 0, 0, s->src, 10, 0, 0, s->dst}, 8);
    put16(ip + 20, s->src_port);
    put16(ip + 22, s->dst_port);
    if (s->proto == UDP && !(s->fragment & 0x1fff))
        put16(ip + 24, s->payload);
    ip[32] = s->proto == TCP ? 0x50 : 0;
    f.len += 20 + s->payload;
    return f;
}

static const struct shape dns = {
    .proto = UDP, .src = 1, .dst = 2, .src_port = 53, .dst_port = 53, .payload = 100};

static void transmit(int fd, const struct sent *f)
{
    assert_int_equal(send(fd, f->b, f->len, 0), (ssize_t)f->len);
}

static struct sent transmit_shape(const struct shape *s)
{
    struct sent f = frame_of(s);

    transmit(sender, &f);
    return f;
}

/* --- what comes --- */

struct got {
    struct live_out out;
    size_t n;
    struct live_frame v[KEPT]; /* data: in bytes, if there is room */
    uint8_t bytes[64][FRAME];
};

static void take(struct live_out *out, const struct live_frame *v, size_t n)
{
    struct got *g = container_of(out, struct got, out);

    assert_in_range(n, 1, LIVE_BATCH);
    for (size_t i = 0; i < n; i++, g->n++) {
        assert_true(g->n < KEPT);
        g->v[g->n] = v[i];
        g->v[g->n].data = NULL;
        if (g->n < COUNT_OF(g->bytes) && v[i].len <= FRAME) {
            memcpy(g->bytes[g->n], v[i].data, v[i].len);
            g->v[g->n].data = g->bytes[g->n];
        }
    }
}

static void got_reset(struct got *g)
{
    g->out.frames = take;
    g->n = 0;
}

static void read_until(struct live *l, size_t rings, struct got *g, size_t n)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    struct pollfd p[LIVE_RINGS_MAX];

    for (size_t i = 0; i < rings; i++)
        p[i] = (struct pollfd){.fd = l[i].io.fd, .events = POLLIN};
    for (;;) {
        size_t sum = 0;
        for (size_t i = 0; i < rings; i++) {
            while (live_read(&l[i], &g[i].out)) {
            }
            sum += g[i].n;
        }
        if (sum >= n)
            return;
        if (clock_mono_ms() > until)
            fail_msg("%zu of %zu frames came", sum, n);
        (void)poll(p, rings, 100);
    }
}

static struct live_options options(const char *dev, const char *filter)
{
    return (struct live_options){
        .dev = dev, .filter = filter, .keep_bytes = FRAME, .ring_bytes = 8 << 20};
}

static struct live opened(const struct live_options *o)
{
    struct live l;
    struct err err;

    if (live_open(&l, 1, o, &err) != 0)
        fail_msg("%s", err.text);
    return l;
}

static struct got got;

static void frames_come_whole_and_in_order(void **state)
{
    struct live_options o = options("meter", ours);
    struct sent sent[40];

    (void)state;
    need_network();
    struct live l = opened(&o);
    int64_t before = clock_wall_ms();
    for (size_t i = 0; i < COUNT_OF(sent); i++) {
        struct shape s = dns;
        s.payload = 20 + i * 37;
        sent[i] = transmit_shape(&s);
    }
    got_reset(&got);
    read_until(&l, 1, &got, COUNT_OF(sent));
    assert_int_equal(got.n, COUNT_OF(sent));
    for (size_t i = 0; i < COUNT_OF(sent); i++) {
        assert_int_equal(got.v[i].len, sent[i].len);
        assert_int_equal(got.v[i].wire_len, sent[i].len);
        assert_memory_equal(got.v[i].data, sent[i].b, sent[i].len);
        assert_in_range(got.v[i].time_ms, before, clock_wall_ms());
        assert_int_equal(got.v[i].segment_bytes, 0);
        assert_false(got.v[i].outgoing);
    }
    assert_int_equal(l.link, PACKET_ETHERNET);
    live_count(&l);
    assert_int_equal(l.packets, COUNT_OF(sent));
    assert_int_equal(l.drops, 0);
    live_close(&l);
    live_close(&l);
}

static void a_cut_frame_has_its_length(void **state)
{
    struct live_options o = options("meter", NULL);
    struct shape s = dns;

    (void)state;
    need_network();
    for (int filtered = 0; filtered < 2; filtered++) {
        o.keep_bytes = 96;
        o.filter = filtered ? ours : NULL;
        struct live l = opened(&o);
        s.payload = 1400;
        struct sent f = transmit_shape(&s);
        got_reset(&got);
        size_t i = 0;
        do
            read_until(&l, 1, &got, i + 1);
        while (got.v[i++].wire_len != f.len);
        assert_int_equal(got.v[i - 1].len, 96);
        assert_memory_equal(got.v[i - 1].data, f.b, 96);
        live_close(&l);
    }
}

/* The kernel takes the tag out before we see the frame. */
static void a_vlan_tag_is_in_its_place(void **state)
{
    const char *filters[] = {ours, "vlan 7 and udp port 53"};
    struct shape s = dns;

    (void)state;
    need_network();
    for (size_t i = 0; i < COUNT_OF(filters); i++) {
        struct live_options o = options("meter", filters[i]);
        struct live l = opened(&o);
        s.tagged = true;
        struct sent f = transmit_shape(&s);
        got_reset(&got);
        read_until(&l, 1, &got, 1);
        assert_int_equal(got.v[0].len, f.len);
        assert_int_equal(got.v[0].wire_len, f.len);
        assert_memory_equal(got.v[0].data, f.b, f.len);
        live_close(&l);
    }
}

static void only_what_the_filter_selects_comes(void **state)
{
    struct live_options o = options("meter", "udp port 53 and not vlan");
    struct shape s = dns;

    (void)state;
    need_network();
    struct live l = opened(&o);
    s.tagged = true;
    (void)transmit_shape(&s);
    s = dns;
    s.src_port = s.dst_port = 54;
    (void)transmit_shape(&s);
    s.proto = TCP;
    s.src_port = 53;
    (void)transmit_shape(&s);
    struct sent f = transmit_shape(&dns);
    got_reset(&got);
    read_until(&l, 1, &got, 1);
    assert_int_equal(got.n, 1);
    assert_memory_equal(got.v[0].data, f.b, f.len);
    live_close(&l);
}

static void what_we_send_comes_if_asked_for(void **state)
{
    struct live_options o = options("sender", ours);

    (void)state;
    need_network();
    struct live without = opened(&o);
    o.outgoing = true;
    struct live with = opened(&o);
    struct sent f = transmit_shape(&dns);
    got_reset(&got);
    read_until(&with, 1, &got, 1);
    assert_true(got.v[0].outgoing);
    assert_memory_equal(got.v[0].data, f.b, f.len);
    live_count(&without);
    assert_int_equal(without.packets, 0);
    live_close(&with);
    live_close(&without);
}

/* Both directions, and the fragments of a datagram. */
static void rings_share_the_flows(void **state)
{
    enum { RINGS = 3, FLOWS = 240, OF_FLOW = 4 };
    static struct got g[RINGS];
    struct live_options o = options("meter", ours);
    struct live l[RINGS];
    uint64_t packets = 0;

    (void)state;
    need_network();
    assert_int_equal(live_open(l, RINGS, &o, NULL), 0);
    for (int i = 0; i < FLOWS; i++) {
        struct shape to = dns;
        to.src = (uint8_t)(i + 10);
        to.payload = 64 + (size_t)i; /* tells which flow it is */
        to.src_port = (uint16_t)(1024 + i);
        struct shape back = to;
        back.src = to.dst;
        back.dst = to.src;
        back.src_port = to.dst_port;
        back.dst_port = to.src_port;
        struct shape first = to;
        first.fragment = 0x2000;
        first.payload += 512; /* flows of their own: their ports are not looked at */
        struct shape later = to;
        later.fragment = 64;
        later.payload = first.payload;
        (void)transmit_shape(&to);
        (void)transmit_shape(&back);
        (void)transmit_shape(&first);
        (void)transmit_shape(&later);
    }
    for (size_t i = 0; i < RINGS; i++)
        got_reset(&g[i]);
    read_until(l, RINGS, g, (size_t)FLOWS * OF_FLOW);
    for (size_t i = 0; i < RINGS; i++) {
        uint8_t seen[FRAME] = {0}; /* by length */
        assert_true(g[i].n > (size_t)FLOWS * OF_FLOW / RINGS / 2);
        for (size_t k = 0; k < g[i].n; k++)
            seen[g[i].v[k].wire_len]++;
        for (size_t len = 0; len < FRAME; len++)
            assert_true(seen[len] == 0 || seen[len] == 2);
        live_count(&l[i]);
        packets += l[i].packets;
        live_close(&l[i]);
    }
    assert_int_equal(packets, FLOWS * OF_FLOW);
}

static void what_finds_no_room_is_counted(void **state)
{
    enum { SENT = 3000 };
    struct live_options o = options("meter", ours);
    struct shape s = dns;

    (void)state;
    need_network();
    o.ring_bytes = 1;
    struct live l = opened(&o);
    s.payload = 1400;
    for (int i = 0; i < SENT; i++)
        (void)transmit_shape(&s);
    int64_t until = clock_mono_ms() + WAIT_MS;
    while (l.packets < SENT && clock_mono_ms() < until)
        live_count(&l);
    assert_int_equal(l.packets, SENT);
    assert_in_range(l.drops, 1, SENT - 1);
    got_reset(&got);
    read_until(&l, 1, &got, SENT - (size_t)l.drops);
    assert_int_equal(got.n, SENT - l.drops);

    (void)transmit_shape(&dns); /* and then it goes on */
    read_until(&l, 1, &got, SENT - (size_t)l.drops + 1);
    assert_int_equal(got.v[got.n - 1].wire_len, 134);
    live_close(&l);
}

static bool kernel_from(unsigned major, unsigned minor)
{
    struct utsname u;
    unsigned a = 0;
    unsigned b = 0;

    assert_int_equal(uname(&u), 0);
    assert_int_equal(sscanf(u.release, "%u.%u", &a, &b), 2);
    return a > major || (a == major && b >= minor);
}

/* What a network card's driver put together of five packets. */
static void packets_that_the_kernel_put_together_are_told(void **state)
{
    struct live_options o = options("meter", ours);
    const struct virtio_net_hdr v = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                     .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
                                     .hdr_len = 54,
                                     .gso_size = 1000,
                                     .csum_start = 34,
                                     .csum_offset = 16};
    struct shape s = {
        .proto = TCP, .src = 1, .dst = 2, .src_port = 80, .dst_port = 1025, .payload = 20 + 4500};
    uint8_t b[sizeof v + sizeof(struct sent)];

    (void)state;
    need_network();
    if (!kernel_from(6, 2))
        skip();
    struct live l = opened(&o);
    struct sent f = frame_of(&s);
    int fd = packet_socket("sender", true);
    memcpy(b, &v, sizeof v);
    memcpy(b + sizeof v, f.b, f.len);
    assert_int_equal(send(fd, b, sizeof v + f.len, 0), (ssize_t)(sizeof v + f.len));
    (void)close(fd);
    got_reset(&got);
    read_until(&l, 1, &got, 1);
    assert_int_equal(got.n, 1);
    assert_int_equal(got.v[0].wire_len, f.len);
    assert_int_equal(got.v[0].segment_bytes, 1000);
    live_close(&l);
}

static int open_tun(void)
{
    struct ifreq r = {.ifr_name = "tunnel", .ifr_flags = IFF_TUN | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

    if (fd >= 0 && ioctl(fd, TUNSETIFF, &r) == 0 && set_up("tunnel", IFF_UP))
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

static void a_tunnel_gives_ip_packets(void **state)
{
    struct sent f = frame_of(&dns);
    size_t len = f.len - ETH_HLEN;

    (void)state;
    need_network();
    int fd = open_tun();
    if (fd < 0) {
        print_message("no tunnel can be made here\n");
        skip();
    }
    struct live_options o = options("tunnel", "udp src port 53 and dst host 10.0.0.2");
    struct live l = opened(&o);
    assert_int_equal(l.link, PACKET_RAW);
    assert_int_equal(write(fd, f.b + ETH_HLEN, len), (ssize_t)len);
    got_reset(&got);
    read_until(&l, 1, &got, 1);
    assert_int_equal(got.v[0].wire_len, len);
    assert_memory_equal(got.v[0].data, f.b + ETH_HLEN, len);
    live_close(&l);
    (void)close(fd);
}

static void says_why_it_cannot(void **state)
{
    struct live_options o = options("nowhere", NULL);
    struct live l[2];
    struct err err;

    (void)state;
    assert_int_equal(live_open(l, 1, &o, &err), ERR_CONFIG);
    assert_string_equal(err.text, "nowhere: no such interface");
    o.dev = "a-name-longer-than-any-interface";
    assert_int_equal(live_open(l, 1, &o, &err), ERR_CONFIG);
    need_network();
    o = options("meter", "udp prot 53");
    assert_int_equal(live_open(l, 1, &o, &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "filter 'udp prot 53': "));
    o = options("meter", NULL);
    assert_int_equal(live_open(l, 2, &o, NULL), 0); /* nothing of those before is in the way */
    live_close(&l[0]);
    live_close(&l[1]);
}

static void says_what_right_it_lacks(void **state)
{
    (void)state;
    need_network();
    pid_t pid = fork();
    if (pid == 0) {
        struct live_options o = options("meter", NULL);
        struct live l;
        struct err err;
        if (unshare(CLONE_NEWUSER) != 0) /* this network belongs to the user namespace outside */
            _exit(2);
        bool good =
            live_open(&l, 1, &o, &err) == ERR_SYS &&
            strcmp(err.text, "meter: we may not capture: it takes root or CAP_NET_RAW") == 0;
        _exit(good ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WEXITSTATUS(status) == 2)
        skip();
    assert_int_equal(status, 0);
}

/* Down: it comes again. Gone: never. The last test: the pair is gone then. */
static void sees_its_interface_go(void **state)
{
    struct live_options o = options("meter", ours);
    struct err err;

    (void)state;
    need_network();
    struct live l = opened(&o);
    struct pollfd p = {.fd = l.io.fd, .events = POLLIN};
    assert_true(set_up("meter", 0));
    assert_int_equal(poll(&p, 1, WAIT_MS), 1);
    assert_true(p.revents & POLLERR);
    assert_int_equal(live_check(&l, &err), 0);
    assert_true(set_up("meter", IFF_UP));
    assert_true(becomes_ready("sender"));
    (void)transmit_shape(&dns);
    got_reset(&got);
    read_until(&l, 1, &got, 1);

    assert_true(remove_dev("meter"));
    assert_int_equal(poll(&p, 1, WAIT_MS), 1);
    assert_true(p.revents & POLLERR);
    assert_int_equal(live_check(&l, &err), ERR_SYS);
    assert_string_equal(err.text, "meter: the interface is gone");
    live_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_whole_and_in_order),
        cmocka_unit_test(a_cut_frame_has_its_length),
        cmocka_unit_test(a_vlan_tag_is_in_its_place),
        cmocka_unit_test(only_what_the_filter_selects_comes),
        cmocka_unit_test(what_we_send_comes_if_asked_for),
        cmocka_unit_test(rings_share_the_flows),
        cmocka_unit_test(what_finds_no_room_is_counted),
        cmocka_unit_test(packets_that_the_kernel_put_together_are_told),
        cmocka_unit_test(a_tunnel_gives_ip_packets),
        cmocka_unit_test(says_why_it_cannot),
        cmocka_unit_test(says_what_right_it_lacks),
        cmocka_unit_test(sees_its_interface_go),
    };
    return cmocka_run_group_tests(tests, make_network, NULL);
}
