#include "probe/exporter.h"

#include "base/clock.h"
#include "base/mem.h"
#include "flow/message.h"
#include "net/sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    KINDS = SETUP_MAX,
    TEMPLATE_FIRST = 256,
    TEMPLATE_SAMPLING = TEMPLATE_FIRST + KINDS,
    SAMPLING_FIELDS = 3,
    SAMPLING_OCTETS = 9,
    IPV4_HEAD = 20,
    IPV6_HEAD = 40,
    UDP_HEAD = 8,
    NO_BUFFERS_MS = 10,
    SPECIFIER = 8, /* of a template, at most */
    SPARE = MESSAGE_HEADER_MAX + 16
};

struct carried {
    struct record_layout out;
    struct encode *encode;
};

struct exporter {
    const struct setup_exporter *setup;
    struct counts *counts;
    struct exporter_way *way;
    struct exporter_way udp; /* ours, where nobody gave another */
    int fd;
    struct addr local;
    uint16_t local_port;
    uint64_t pace;
    uint64_t paced;
    int64_t pace_begin_ns;
    struct message_session session;
    const struct setup_sampler *sampler; /* NULL: every packet is metered */
    struct layout_field sampling_fields[SAMPLING_FIELDS];
    struct layout sampling;
    struct carried *kinds;
    size_t n_kinds;
    bool has_sent_templates;
    int64_t templates_ms;     /* when they went out */
    uint32_t since_templates; /* datagrams */
    size_t place;             /* octets of a datagram */
    bool open;                /* message is being filled; it lies at place n */
    struct message message;
    int64_t export_ms;
    size_t n; /* datagrams that wait */
    struct udp_out out[UDP_BATCH];
    uint8_t *mem;
};

/* --- sending --- */

static void wait_for_pace(struct exporter *e, size_t n)
{
    if (e->pace == 0)
        return;
    if (e->pace_begin_ns == 0)
        e->pace_begin_ns = clock_mono_ns();
    int64_t due = e->pace_begin_ns + (int64_t)((double)e->paced * 1e9 / (double)e->pace);
    int64_t left = due - clock_mono_ns();
    struct timespec t = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
    if (left > 0)
        (void)nanosleep(&t, NULL);
    e->paced += n;
}

/* Of a failure: whether to try the same datagram again. */
static bool again(const struct exporter *e)
{
    struct pollfd p = {.fd = e->fd, .events = POLLOUT};

    if (errno == EAGAIN || errno == ENOBUFS)
        (void)poll(&p, 1, NO_BUFFERS_MS);
    return errno == EAGAIN || errno == ENOBUFS || errno == EINTR;
}

static void send_udp(struct exporter_way *w, const struct udp_out *v, size_t n, int64_t export_ms)
{
    struct exporter *e = container_of(w, struct exporter, udp);
    size_t at = 0;

    (void)export_ms;
    wait_for_pace(e, n);
    for (int tries = 0; at < n;) {
        size_t some = n - at;
        if (udp_send(e->fd, v + at, &some, NULL) == 0) {
            at += some;
            continue;
        }
        if (errno == ECONNREFUSED && tries++ < 2) { /* the answer to one sent before */
            count_add(e->counts, COUNT_EXPORT_REFUSED, 1);
            continue;
        }
        if (tries++ < 2 && again(e))
            continue;
        count_add(e->counts, COUNT_EXPORT_FAILED, 1);
        at++;
        tries = 0;
    }
}

static void send_waiting(struct exporter *e)
{
    if (e->n > 0)
        e->way->send(e->way, e->out, e->n, e->export_ms);
    e->n = 0;
}

static int bind_source(int fd, const struct setup_exporter *s, struct err *err)
{
    struct sockaddr_storage ss;
    socklen_t len = sock_of(&s->source, 0, &ss);
    char text[ADDR_TEXT];

    if (bind(fd, (struct sockaddr *)&ss, len) == 0)
        return 0;
    (void)addr_print(&s->source, text);
    return errno == EADDRNOTAVAIL
               ? err_set(err, ERR_CONFIG, "source %s: this machine does not have that address",
                         text)
               : err_sys(err, "source %s", text);
}

static int set_int(int fd, bool v4, int v4_option, int v6_option, int value, struct err *err)
{
    if (setsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? v4_option : v6_option, &value,
                   sizeof value) != 0)
        return err_sys(err, "set option of a socket");
    return 0;
}

static int dial(const struct setup_exporter *s, int *out, struct err *err)
{
    enum { SNDBUF = 4 << 20, DSCP_SHIFT = 2 };
    struct sockaddr_storage ss;
    socklen_t len = sock_of(&s->to, s->port, &ss);
    bool v4 = addr_is_v4(&s->to);
    char to[ADDR_PORT_TEXT];
    int bytes = SNDBUF;
    int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int r = 0;

    if (fd < 0)
        return err_sys(err, "socket");
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    if (s->has_source)
        r = bind_source(fd, s, err);
    if (r == 0)
        r = set_int(fd, v4, IP_TOS, IPV6_TCLASS, s->dscp << DSCP_SHIFT, err);
    if (r == 0)
        r = set_int(fd, v4, IP_TTL, IPV6_UNICAST_HOPS, s->ttl, err);
    if (r == 0 && connect(fd, (struct sockaddr *)&ss, len) != 0) {
        (void)addr_port_print(&s->to, s->port, to);
        r = err_sys(err, "send to %s", to);
    }
    if (r)
        (void)close(fd);
    else
        *out = fd;
    return r;
}

int exporter_new(struct exporter **out, const struct setup_exporter *setup,
                 struct exporter_way *way, struct counts *counts, struct err *err)
{
    struct exporter *e = mem_new(1, sizeof *e);

    *e = (struct exporter){.setup = setup,
                           .counts = counts,
                           .udp = {.send = send_udp},
                           .fd = -1,
                           .session = {.version = setup->version, .domain = setup->domain}};
    e->place = (size_t)setup->mtu - UDP_HEAD - (addr_is_v4(&setup->to) ? IPV4_HEAD : IPV6_HEAD);
    e->way = way ? way : &e->udp;
    int r = way ? 0 : dial(setup, &e->fd, err);
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;
    if (r == 0 && e->fd >= 0 && getsockname(e->fd, (struct sockaddr *)&ss, &len) == 0)
        sock_addr(&ss, &e->local, &e->local_port);
    if (r) {
        free(e);
        return r;
    }
    e->mem = mem_new(UDP_BATCH, e->place);
    *out = e;
    return 0;
}

void exporter_free(struct exporter *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->n_kinds; i++)
        encode_free(e->kinds[i].encode);
    free(e->kinds);
    free(e->mem);
    if (e->fd >= 0)
        (void)close(e->fd);
    free(e);
}

void exporter_set_pace(struct exporter *e, uint64_t datagrams_per_s) { e->pace = datagrams_per_s; }

/* How packets were sampled, of all that this exporter sends: elements 34 and 35, which were
 * deprecated and are what everybody reads. */
void exporter_set_sampling(struct exporter *e, const struct setup_sampler *s)
{
    enum { MODE_SHIFT = 14, DETERMINISTIC = 1, RANDOM = 2, MOST = (1 << MODE_SHIFT) - 1 };
    enum { V9_SCOPE_SYSTEM = 1, IPFIX_DOMAIN = 149 };
    unsigned rate = s->rate > MOST ? MOST : s->rate;
    bool v9 = e->session.version == 9;

    e->sampler = s;
    e->session.sampling =
        (uint16_t)((unsigned)(s->random ? RANDOM : DETERMINISTIC) << MODE_SHIFT | rate);
    e->sampling_fields[0] = (struct layout_field){
        .number = v9 ? V9_SCOPE_SYSTEM : IPFIX_DOMAIN, .len = 4, .scope = true};
    e->sampling_fields[1] = (struct layout_field){.number = 34, .len = 4};
    e->sampling_fields[2] = (struct layout_field){.number = 35, .len = 1};
    e->sampling = (struct layout){.space = v9 ? SPACE_V9 : SPACE_IPFIX,
                                  .options = true,
                                  .n = SAMPLING_FIELDS,
                                  .record_len = SAMPLING_OCTETS,
                                  .fields = e->sampling_fields};
}

int exporter_add(struct exporter *e, const struct record *r, size_t *number, struct err *err)
{
    if (e->n_kinds == 0)
        e->kinds = mem_new(KINDS, sizeof *e->kinds);
    struct carried *k = &e->kinds[e->n_kinds];
    int rc = record_layout(r, e->setup->version, &k->out, err);
    const struct layout *l = &k->out.layout;

    if (rc == 0 &&
        (l->record_len + SPARE > e->place || (size_t)l->n * SPECIFIER + SPARE > e->place))
        rc = err_set(err, ERR_CONFIG,
                     "exporter %s: its MTU holds no record of %u octets in %u fields",
                     e->setup->name, (unsigned)l->record_len, (unsigned)l->n);
    if (rc == 0)
        rc = encode_new(&k->encode, l, k->out.octets, err);
    if (rc == 0)
        *number = e->n_kinds++;
    return rc;
}

bool exporter_is_own(const struct exporter *e, const struct addr *src, uint16_t src_port,
                     const struct addr *dst, uint16_t dst_port)
{
    return dst_port == e->setup->port && src_port == e->local_port && addr_eq(dst, &e->setup->to) &&
           addr_eq(src, &e->local);
}

void exporter_boot(struct exporter *e, int64_t boot_ms) { e->session.boot_ms = boot_ms; }

/* --- messages --- */

static void close_message(struct exporter *e)
{
    e->open = false;
    if (message_empty(&e->message))
        return;
    message_end(&e->message);
    count_add(e->counts, COUNT_EXPORTED_DATAGRAMS, 1);
    count_add(e->counts, COUNT_EXPORTED_BYTES, e->message.b.len);
    count_add(e->counts, COUNT_EXPORT_CLIPPED, e->message.clipped);
    e->since_templates++;
    e->out[e->n++] = (struct udp_out){.data = e->message.b.data, .len = e->message.b.len};
    if (e->n == UDP_BATCH)
        send_waiting(e);
}

static void open_message(struct exporter *e, int64_t now_ms)
{
    enum { SECOND_MS = 1000 };
    int64_t export_ms = e->session.version == 9 ? now_ms - now_ms % SECOND_MS : now_ms;

    message_begin(&e->message, &e->session, export_ms, e->mem + e->n * e->place, e->place);
    e->export_ms = now_ms;
    e->open = true;
}

static bool templates_due(const struct exporter *e, int64_t now_ms)
{
    const struct setup_exporter *s = e->setup;

    if (e->session.version == 5)
        return false;
    return !e->has_sent_templates || now_ms - e->templates_ms >= (int64_t)s->template_s * 1000 ||
           (s->template_packets != 0 && e->since_templates >= s->template_packets);
}

static void put_sampling(struct exporter *e, int64_t now_ms)
{
    enum { DETERMINISTIC = 1, RANDOM = 2 };
    uint8_t record[SAMPLING_OCTETS];
    struct buf b;

    buf_fixed(&b, record, sizeof record);
    buf_u32(&b, e->session.domain);
    buf_u32(&b, e->sampler->rate);
    buf_u8(&b, e->sampler->random ? RANDOM : DETERMINISTIC);
    while (!message_template(&e->message, TEMPLATE_SAMPLING, &e->sampling) ||
           !message_record(&e->message, TEMPLATE_SAMPLING, record, sizeof record)) {
        close_message(e);
        open_message(e, now_ms);
    }
}

static void put_templates(struct exporter *e, int64_t now_ms)
{
    for (size_t i = 0; i < e->n_kinds; i++) {
        uint16_t id = (uint16_t)(TEMPLATE_FIRST + i);
        while (!message_template(&e->message, id, &e->kinds[i].out.layout)) {
            close_message(e); /* an empty one has room, see exporter_add() */
            open_message(e, now_ms);
        }
    }
    if (e->sampler)
        put_sampling(e, now_ms);
    e->has_sent_templates = true;
    e->templates_ms = now_ms;
    e->since_templates = 0;
}

static void make_room(struct exporter *e, int64_t now_ms)
{
    if (e->open)
        close_message(e);
    open_message(e, now_ms);
    if (templates_due(e, now_ms))
        put_templates(e, now_ms);
}

void exporter_rows(struct exporter *e, size_t number, const struct encode_rows *rows,
                   int64_t now_ms)
{
    const struct carried *k = &e->kinds[number];
    uint16_t id = (uint16_t)(TEMPLATE_FIRST + number);

    for (size_t at = 0; at < rows->batch->rows;) {
        if (!e->open)
            make_room(e, now_ms);
        size_t n = message_rows(&e->message, id, k->encode, rows, at, rows->batch->rows - at);
        count_add(e->counts, COUNT_EXPORTED_RECORDS, n);
        at += n;
        if (at < rows->batch->rows)
            make_room(e, now_ms);
    }
}

void exporter_flush(struct exporter *e)
{
    if (e->open)
        close_message(e);
    send_waiting(e);
}
