/* flowgen: NetFlow v5, v9 or IPFIX of a made-up but realistic network, to a capture file or by UDP
 * at a rate. For UDP everything is made before the first datagram is sent, so that the rate is the
 * network's and not the generator's. */
#include "base/addr.h"
#include "base/attr.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/text.h"
#include "wire.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EXPORTERS_MAX = 1000, SEND_BATCH = 64, FRAME_HEAD = 42 };

struct options {
    struct mix_options mix;
    struct wire wire;
    const char *file;
    const char *to;
    double rate;
    uint64_t exporters;
    uint64_t strangers;
};

/* Datagrams made and not yet sent. */
struct packet {
    size_t at;
    uint16_t len;
    uint16_t exporter;
};

struct load {
    struct buf bytes;
    struct packet *packets;
    size_t count;
    size_t cap;
    uint64_t strangers;
};

/* clang-format off */
enum { VERSION = 1, FLOWS, FILE_, TO, RATE, EXPORTERS, RECORDS, TEMPLATES, IPV6, HOSTS, ZIPF, SPAN, START, SEED, STRANGERS, HELP };

static const struct opt opts[] = {
    {VERSION,   "version",   'v', "5|9|10", "export version, 10 for IPFIX (default 5)"},
    {FLOWS,     "flows",     'n', "N",    "how many flows (default 1M)"},
    {FILE_,     "output",    'o', "FILE", "write a capture file, - for standard output"},
    {TO,        "to",        'd', "ADDRESS:PORT", "send by UDP (IPv4)"},
    {RATE,      "rate",      'r', "N",    "datagrams per second (default: as fast as it goes)"},
    {EXPORTERS, "exporters", 'e', "N",    "senders, 127.0.0.10 and up (default 1)"},
    {RECORDS,   "records",   'R', "N",    "flows in a datagram (default 30, 24, 20 for v5, v9, IPFIX)"},
    {TEMPLATES, "templates", 't', "N",    "templates every N datagrams (default 100)"},
    {IPV6,      "ipv6",      '6', "PERCENT", "share of IPv6 flows in v9 and IPFIX (default 0)"},
    {HOSTS,     "hosts",     'H', "N",    "hosts (default 200k)"},
    {ZIPF,      "zipf",      'z', "X",    "exponent of their frequency, in hundredths (default 95)"},
    {SPAN,      "span",      'T', "TIME", "time between first and last flow (default 1h)"},
    {START,     "start",     'b', "TIME", "when it starts (default @1700000000)"},
    {SEED,      "seed",      's', "N",    "another seed, other flows (default 1)"},
    {STRANGERS, "strangers", 'x', "N",    "send from N addresses, 127.1.0.0 and up, each datagram from another"},
    {HELP,      "help",      'h', NULL,   "show this"},
};
/* clang-format on */

static int usage(FILE *to, int status)
{
    (void)fprintf(to, "usage: flowgen [options] (-o FILE | -d ADDRESS:PORT)\n");
    for (size_t i = 0; i < COUNT_OF(opts); i++)
        (void)fprintf(to, "  -%c, --%-10s %-14s %s\n", opts[i].letter, opts[i].name,
                      opts[i].arg ? opts[i].arg : "", opts[i].help);
    return status;
}

static int count_of(const char *text, uint64_t least, uint64_t most, uint64_t *out, struct err *err)
{
    int r = text_count(text, strlen(text), most, out, err);

    if (r == 0 && *out < least)
        return err_set(err, ERR_CONFIG, "%s is below the least that is possible, %" PRIu64, text,
                       least);
    return r;
}

static int option_read(struct options *o, int id, const char *value, struct err *err)
{
    static const struct {
        int id;
        uint64_t least;
        uint64_t most;
    } ranges[] = {{VERSION, 5, 10},
                  {FLOWS, 1, 1000000000},
                  {RATE, 0, 100000000},
                  {EXPORTERS, 1, EXPORTERS_MAX},
                  {RECORDS, 1, WIRE_RECORDS_MAX},
                  {TEMPLATES, 1, 1000000},
                  {IPV6, 0, 100},
                  {HOSTS, 1, 100000000},
                  {ZIPF, 0, 1000},
                  {SEED, 0, UINT64_MAX},
                  {STRANGERS, 1, 0xfe0000}};
    uint64_t n = 0;
    int r = 0;

    for (size_t i = 0; i < COUNT_OF(ranges); i++)
        if (ranges[i].id == id)
            r = count_of(value, ranges[i].least, ranges[i].most, &n, err);
    if (r)
        return r;
    switch (id) {
    case VERSION:
        o->wire.version = (unsigned)n;
        break;
    case FLOWS:
        o->mix.flows = n;
        break;
    case FILE_:
        o->file = value;
        break;
    case TO:
        o->to = value;
        break;
    case RATE:
        o->rate = (double)n;
        break;
    case EXPORTERS:
        o->exporters = n;
        break;
    case RECORDS:
        o->wire.records = (unsigned)n;
        break;
    case TEMPLATES:
        o->wire.template_every = (unsigned)n;
        break;
    case IPV6:
        o->mix.ipv6_percent = (unsigned)n;
        break;
    case HOSTS:
        o->mix.hosts = (unsigned)n;
        break;
    case ZIPF:
        o->mix.zipf = (double)n / 100;
        break;
    case SPAN:
        return text_duration(value, strlen(value), &o->mix.span_ms, err);
    case START:
        return text_time(value, strlen(value), 0, &o->mix.start_ms, err);
    case SEED:
        o->mix.seed = n;
        break;
    case STRANGERS:
        o->strangers = n;
        break;
    default:
        return err_set(err, ERR_CONFIG, "what is \"%s\"?", value);
    }
    return 0;
}

static int options_check(struct options *o, struct err *err)
{
    unsigned usual = o->wire.version == 5 ? 30 : o->wire.version == 9 ? 24 : 20;

    if (o->wire.version != 5 && o->wire.version != 9 && o->wire.version != 10)
        return err_set(err, ERR_CONFIG, "version %u: it makes 5, 9 and 10", o->wire.version);
    if (!o->file == !o->to)
        return err_set(err, ERR_CONFIG, "either -o FILE or -d ADDRESS:PORT");
    if (o->wire.records == 0 || (o->wire.version == 5 && o->wire.records > usual))
        o->wire.records = usual;
    if (o->wire.version == 5)
        o->mix.ipv6_percent = 0;
    o->wire.ipv6 = o->mix.ipv6_percent > 0;
    return 0;
}

/* A capture file of Ethernet frames: classic pcap, microseconds, little-endian. */
static void pcap_head(struct buf *b)
{
    buf_le(b, 0xa1b2c3d4, 4);
    buf_le(b, 2, 2);
    buf_le(b, 4, 2);
    buf_le(b, 0, 8);
    buf_le(b, 65536, 4);
    buf_le(b, 1, 4); /* LINKTYPE_ETHERNET */
}

static uint16_t ip_checksum(const uint8_t *p, size_t n)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < n; i += 2)
        sum += (uint32_t)p[i] << 8 | p[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t) ~(sum + (sum >> 16));
}

static void pcap_frame(struct buf *b, size_t len, int64_t ms, unsigned exporter, size_t number)
{
    uint8_t ip[20];
    struct buf h;

    buf_le(b, (uint64_t)(ms / 1000), 4);
    buf_le(b, (uint64_t)(ms % 1000 * 1000), 4);
    buf_le(b, len + FRAME_HEAD, 4);
    buf_le(b, len + FRAME_HEAD, 4);
    buf_be(b, 0x020000000001, 6);
    buf_be(b, 0x020000000002, 6);
    buf_u16(b, 0x0800);

    buf_fixed(&h, ip, sizeof ip);
    buf_u16(&h, 0x4500);
    buf_u16(&h, (uint16_t)(len + 28));
    buf_u16(&h, (uint16_t)number);
    buf_u16(&h, 0);
    buf_u16(&h, 64 << 8 | IPPROTO_UDP);
    buf_u16(&h, 0);
    buf_u32(&h, 0x7f00000a + exporter);
    buf_u32(&h, 0x7f000001);
    uint16_t sum = ip_checksum(ip, sizeof ip);
    ip[10] = (uint8_t)(sum >> 8);
    ip[11] = (uint8_t)sum;
    buf_bytes(b, ip, sizeof ip);
    buf_u16(b, 40000);
    buf_u16(b, 2055);
    buf_u16(b, (uint16_t)(len + 8));
    buf_u16(b, 0); /* no checksum */
}

static int write_file(const struct options *o, struct mix *mix, struct wire *wires, struct err *err)
{
    FILE *f = strcmp(o->file, "-") == 0 ? stdout : fopen(o->file, "wb");
    struct buf frame;
    struct buf payload;
    uint64_t flows = 0;
    size_t count = 0;

    assert(o->exporters > 0); /* option_read() */
    if (!f)
        return err_sys(err, "%s", o->file);
    buf_init(&frame, 65536);
    buf_init(&payload, 65536);
    pcap_head(&frame);
    for (; flows < o->mix.flows; count++) {
        int64_t ms = 0;
        unsigned e = (unsigned)(count % o->exporters);
        flows += wire_datagram(&wires[e], mix, o->mix.flows - flows, &payload, &ms);
        pcap_frame(&frame, payload.len, ms, e, count);
        buf_bytes(&frame, payload.data, payload.len);
        (void)fwrite(frame.data, 1, frame.len, f);
        buf_reset(&frame);
        buf_reset(&payload);
    }
    buf_free(&frame);
    buf_free(&payload);
    if (fflush(f) != 0 || ferror(f))
        return err_sys(err, "%s", o->file);
    if (f != stdout && fclose(f) != 0)
        return err_sys(err, "%s", o->file);
    (void)fprintf(stderr, "flows=%" PRIu64 " datagrams=%zu\n", flows, count);
    return 0;
}

static int load_make(struct load *load, const struct options *o, struct mix *mix,
                     struct wire *wires, struct err *err)
{
    assert(o->exporters > 0); /* option_read() */
    buf_init(&load->bytes, SIZE_MAX / 4);
    for (uint64_t flows = 0; flows < o->mix.flows; load->count++) {
        if (load->count == load->cap) {
            load->cap = load->cap ? load->cap * 2 : 4096;
            load->packets = mem_resize(load->packets, load->cap, sizeof *load->packets);
        }
        int64_t ms = 0;
        struct packet *p = &load->packets[load->count];
        *p = (struct packet){.at = load->bytes.len,
                             .exporter = (uint16_t)(load->count % o->exporters)};
        flows += wire_datagram(&wires[p->exporter], mix, o->mix.flows - flows, &load->bytes, &ms);
        p->len = (uint16_t)(load->bytes.len - p->at);
    }
    return buf_ok(&load->bytes)
               ? 0
               : err_set(err, ERR_LIMIT, "no memory for %zu datagrams", load->count);
}

static double now_s(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* One message from the exporter's own address, or a stranger's, which IP_PKTINFO chooses. */
struct message {
    struct iovec iov;
    _Alignas(size_t) char control[CMSG_SPACE(sizeof(struct in_pktinfo))];
};

static void message_fill(struct message *m, struct mmsghdr *h, const struct load *load, size_t i)
{
    const struct packet *p = &load->packets[i];
    uint32_t from = load->strangers > 0 ? 0x7f010000 + (uint32_t)(i % load->strangers)
                                        : 0x7f00000a + (uint32_t)p->exporter;
    struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(from)};

    m->iov = (struct iovec){.iov_base = load->bytes.data + p->at, .iov_len = p->len};
    h->msg_hdr = (struct msghdr){.msg_iov = &m->iov,
                                 .msg_iovlen = 1,
                                 .msg_control = m->control,
                                 .msg_controllen = sizeof m->control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&h->msg_hdr);
    c->cmsg_level = IPPROTO_IP;
    c->cmsg_type = IP_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(c), &info, sizeof info);
}

/* Send messages [0, n); a datagram that the kernel refuses is counted and left out. */
static size_t send_batch(int fd, struct mmsghdr *heads, size_t n)
{
    size_t refused = 0;

    for (size_t done = 0; done < n;) {
        int r = sendmmsg(fd, heads + done, (unsigned)(n - done), 0);
        if (r > 0) {
            done += (size_t)r;
        } else if (errno != EINTR && errno != ECONNREFUSED) {
            refused++;
            done++;
        }
    }
    return refused;
}

static void send_load(int fd, const struct load *load, double rate)
{
    static struct message messages[SEND_BATCH];
    static struct mmsghdr heads[SEND_BATCH];
    size_t batch = rate > 0 && rate / 2000 < SEND_BATCH ? (size_t)(rate / 2000) + 1 : SEND_BATCH;
    size_t refused = 0;
    double began = now_s();
    double start = began; /* of the schedule; moved where we were held up, so as not to burst */

    for (size_t i = 0; i < load->count; i += batch) {
        double ahead = rate > 0 ? start + (double)i / rate - now_s() : 0;
        if (ahead > 20e-6) {
            struct timespec ts = {.tv_sec = (time_t)ahead,
                                  .tv_nsec = (long)((ahead - (double)(time_t)ahead) * 1e9)};
            (void)nanosleep(&ts, NULL);
        } else if (ahead < -0.002) {
            start -= ahead;
        }
        size_t n = load->count - i < batch ? load->count - i : batch;
        for (size_t k = 0; k < n; k++)
            message_fill(&messages[k], &heads[k], load, i + k);
        refused += send_batch(fd, heads, n);
    }
    double seconds = now_s() - began;
    (void)fprintf(stderr, "sent=%zu seconds=%.3f per_second=%.0f refused=%zu\n",
                  load->count - refused, seconds, (double)load->count / seconds, refused);
}

static int socket_to(const char *text, int *out, struct err *err)
{
    struct addr addr = {{0}};
    uint16_t port = 0;
    int size = 4 << 20;
    int r = addr_port_parse(text, &addr, &port, err);

    if (r)
        return r;
    if (!addr_is_v4(&addr))
        return err_set(err, ERR_CONFIG, "%s: expected an IPv4 address and a port", text);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    memcpy(&to.sin_addr, addr.b + 12, 4);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_sys(err, "socket");
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        r = err_sys(err, "connect to %s", text);
        (void)close(fd);
        return r;
    }
    *out = fd;
    return 0;
}

static int send_udp(const struct options *o, struct mix *mix, struct wire *wires, struct err *err)
{
    struct load load = {.strangers = o->strangers};
    int fd = -1;
    int r = socket_to(o->to, &fd, err);

    if (r)
        return r;
    r = load_make(&load, o, mix, wires, err);
    if (r == 0) {
        (void)prctl(PR_SET_TIMERSLACK, 1000);
        (void)fprintf(stderr, "flows=%" PRIu64 " datagrams=%zu\n", o->mix.flows, load.count);
        send_load(fd, &load, o->rate);
    }
    (void)close(fd);
    buf_free(&load.bytes);
    free(load.packets);
    return r;
}

static int options_read(struct options *o, int argc, char **argv, struct err *err)
{
    struct opt_scan scan = opt_scan_of(opts, COUNT_OF(opts), argc, argv);
    int id;

    while ((id = opt_next(&scan, err)) != OPT_END) {
        int r = id == ERR_CONFIG || id == HELP ? id : option_read(o, id, scan.value, err);
        if (r)
            return r;
    }
    return options_check(o, err);
}

int main(int argc, char **argv)
{
    struct options o = {.mix = {.seed = 1,
                                .flows = 1000000,
                                .start_ms = INT64_C(1700000000000),
                                .span_ms = 3600000,
                                .hosts = 200000,
                                .zipf = 0.95},
                        .wire = {.version = 5, .template_every = 100},
                        .exporters = 1};
    static struct wire wires[EXPORTERS_MAX];
    struct err err = {{0}};
    int r = options_read(&o, argc, argv, &err);

    if (r == HELP)
        return usage(stdout, 0);
    if (r) {
        (void)fprintf(stderr, "flowgen: %s\n", err.text);
        return usage(stderr, 2);
    }
    for (uint32_t i = 0; i < o.exporters; i++) {
        wires[i] = o.wire;
        wires[i].domain = i;
    }
    struct mix *mix = mix_new(&o.mix);
    r = (o.file ? write_file : send_udp)(&o, mix, wires, &err);
    mix_free(mix);
    if (r)
        (void)fprintf(stderr, "flowgen: %s\n", err.text);
    return r ? 1 : 0;
}
