#include "probe/gauge.h"

#include "base/hash.h"
#include "base/mem.h"
#include "probe/applications.h"
#include "probe/connections.h"
#include "probe/details.h"

#include <net/if.h>
#include <stdlib.h>

enum {
    FRAGMENTS = 1024,
    FRAGMENT_MS = 30000,
    TUNNELS = 8 /* in each other */
};

struct seen {
    struct facts facts;
    int64_t time_ms;
    uint32_t packets;
    uint64_t bytes;
    bool outgoing;
    bool metered; /* somewhere; or a sampler left it out */
    bool routed;  /* the facts have what routes tell */
};

/* Where a monitor stands. */
struct place {
    struct monitor *monitor;
    const struct setup_sampler *sampler; /* NULL: every packet */
    uint32_t ifindex;
    bool output;
    uint8_t family;
    uint64_t sampler_number;
    uint64_t *sizes;                 /* of packets, if they are counted */
    int64_t interval_ms;             /* the cache's clock */
    struct connections *connections; /* its monitor's; NULL: it wants none */
    uint32_t left;  /* packets of this turn that are to come, the next one included */
    uint32_t taken; /* the one that is taken, counted so */
    uint64_t random;
};

/* A packet on its way into a cache. */
struct fed {
    struct cache_packet packet;
    struct gauge *gauge;
    const struct record *record;
    struct seen *seen;
    const struct details *details; /* NULL: the record wants none */
};

/* Ports of a packet whose first fragment was seen. */
struct fragment {
    struct addr src;
    struct addr dst;
    uint32_t id;
    uint8_t proto;
    int64_t time_ms; /* 0: none */
    struct transport ports;
};

struct gauge {
    struct gauge_options o;
    struct counts *counts;
    struct exporter *const *exporters;
    size_t n_exporters;
    uint32_t ifindex; /* of the frames in hand */
    struct place *places;
    size_t n_places;
    struct connections **connections; /* by monitor */
    size_t n_monitors;
    struct details_wanted wanted; /* by any record */
    const struct routes *routes;  /* NULL: no record asks for them */
    const struct rib *rib;        /* the same */
    uint32_t local_as;
    struct applications *applications; /* NULL: nobody asks for them */
    struct fragment fragments[FRAGMENTS];
    struct seen seen[GAUGE_BATCH];
    struct details *details; /* GAUGE_BATCH of them; NULL: nobody wants any */
    struct fed fed[GAUGE_BATCH];
    uint8_t *keys; /* of a batch; as large as the largest record's */
    uint64_t *numbers;
};

static void want(struct details_wanted *all, const struct details_wanted *w)
{
    all->any = all->any || w->any;
    all->applications = all->applications || w->applications;
    all->routes = all->routes || w->routes;
    all->routes_early = all->routes_early || w->routes_early;
    all->section = w->section > all->section ? w->section : all->section;
    all->payload_section =
        w->payload_section > all->payload_section ? w->payload_section : all->payload_section;
}

/* Room for a batch's keys, and what else the records need. */
static void set_records(struct gauge *m, const struct setup *setup, struct monitor *const *monitors)
{
    size_t key = 0;

    for (size_t i = 0; i < m->n_monitors; i++) {
        const struct record *r = monitor_record(monitors[i]);
        if (setup->monitors[i].of_flows)
            continue;
        key = record_key_bytes(r) > key ? record_key_bytes(r) : key;
        want(&m->wanted, record_wanted(r));
        if (record_wanted(r)->connections)
            m->connections[i] = connections_new(m->counts);
    }
    m->keys = mem_new(GAUGE_BATCH, key + 1);
    m->numbers = mem_new((size_t)GAUGE_BATCH * CACHE_RUNNING_MAX, sizeof *m->numbers);
    if (m->wanted.any)
        m->details = mem_new(GAUGE_BATCH, sizeof *m->details);
    if (m->wanted.applications)
        m->applications = applications_new(m->counts);
}

struct gauge *gauge_new(const struct setup *setup, struct monitor *const *monitors,
                        struct exporter *const *exporters, const struct gauge_options *o,
                        struct counts *counts)
{
    struct gauge *m = mem_new(1, sizeof *m);

    m->o = *o;
    m->counts = counts;
    m->exporters = exporters;
    m->n_exporters = setup->n_exporters;
    m->n_places = setup->n_places;
    m->places = mem_new(setup->n_places, sizeof *m->places);
    m->n_monitors = setup->n_monitors;
    m->connections = mem_new(setup->n_monitors + 1, sizeof(*m->connections));
    set_records(m, setup, monitors);
    gauge_set_routes(m, o->routes);
    gauge_set_rib(m, o->rib);
    m->local_as = setup->local_as;
    for (size_t i = 0; i < setup->n_places; i++) {
        const struct setup_place *s = &setup->places[i];
        struct place *p = &m->places[i];
        p->monitor = monitors[s->monitor];
        p->ifindex = s->dev[0] != '\0' ? if_nametoindex(s->dev) : 0;
        p->output = s->output;
        p->family = s->family;
        if (setup->monitors[s->monitor].sizes)
            p->sizes = monitor_traffic(p->monitor)->sizes;
        p->interval_ms = monitor_interval_ms(monitors[s->monitor]);
        p->connections = m->connections[s->monitor];
        if (s->sampler == SETUP_NONE)
            continue;
        p->sampler = &setup->samplers[s->sampler];
        p->sampler_number = (uint64_t)s->sampler + 1;
        p->random = hash_keyed(&i, sizeof i);
    }
    return m;
}

void gauge_free(struct gauge *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->n_monitors; i++)
        connections_free(m->connections[i]);
    applications_free(m->applications);
    free((void *)m->connections);
    free(m->places);
    free(m->details);
    free(m->keys);
    free(m->numbers);
    free(m);
}

/* --- packets --- */

static struct fragment *fragment_of(struct gauge *m, const struct packet *p)
{
    uint64_t where[2];

    memcpy(where, p->src.b + 8, sizeof where[0]);
    memcpy(where + 1, p->dst.b + 8, sizeof where[1]);
    return &m->fragments[hash_mix(where[0] ^ hash_mix(where[1] ^ p->id)) % FRAGMENTS];
}

static void find_ports(struct gauge *m, const struct packet *p, int64_t time_ms,
                       struct transport *t)
{
    struct fragment *f = fragment_of(m, p);

    if (p->offset == 0) {
        *f = (struct fragment){.src = p->src,
                               .dst = p->dst,
                               .id = p->id,
                               .proto = p->proto,
                               .time_ms = time_ms,
                               .ports = *t};
        f->ports.tcp_flags = 0; /* those of the packet were counted with its first fragment */
        return;
    }
    if (f->id == p->id && f->proto == p->proto && addr_eq(&f->src, &p->src) &&
        addr_eq(&f->dst, &p->dst) && time_ms - f->time_ms < FRAGMENT_MS &&
        f->time_ms - time_ms < FRAGMENT_MS)
        *t = f->ports;
    else
        count_add(m->counts, COUNT_PACKETS_NO_PORTS, 1);
}

/* The kernel makes one packet of many segments, and many of one: each had the headers. */
static void count_segments(struct seen *s, const struct packet *p, uint16_t segment_bytes)
{
    enum { UDP_HEAD = 8, TCP_OFFSET = 12, TCP_HEAD = 20 };
    size_t head = p->head;
    struct cur in = p->body;

    s->packets = 1;
    s->bytes = p->bytes;
    if (segment_bytes == 0)
        return;
    if (p->proto == PACKET_TCP) {
        (void)cur_bytes(&in, TCP_OFFSET);
        size_t octets = (size_t)(cur_u8(&in) >> 4) * 4;
        head += octets > TCP_HEAD ? octets : TCP_HEAD;
    } else {
        head += UDP_HEAD;
    }
    if (p->bytes <= head)
        return;
    s->packets = (uint32_t)((p->bytes - head + segment_bytes - 1) / segment_bytes);
    s->bytes += (s->packets - 1) * head;
}

static bool is_own(const struct gauge *m, const struct packet *p, const struct transport *t)
{
    for (size_t i = 0; i < m->n_exporters && p->proto == PACKET_UDP; i++)
        if (exporter_is_own(m->exporters[i], &p->src, t->src_port, &p->dst, t->dst_port))
            return true;
    return false;
}

static void set_facts(struct facts *f, const struct packet *p, const struct transport *t)
{
    f->src = p->src;
    f->dst = p->dst;
    f->src_port = t->src_port;
    f->dst_port = t->dst_port;
    f->proto = p->proto;
    f->tos = p->tos;
    f->tcp_flags = t->tcp_flags;
    f->ip_version = p->version;
}

static const enum count_id fault_counts[PACKET_FAULTS] = {
    [PACKET_NOT_IP] = COUNT_FRAMES_NOT_IP,
    [PACKET_SHORT] = COUNT_FRAMES_SHORT,
    [PACKET_BROKEN] = COUNT_FRAMES_BROKEN,
    [PACKET_DEEP] = COUNT_FRAMES_DEEP,
};

static void see_details(const struct gauge *m, const struct frame *frame, const struct packet *p,
                        const struct seen *s, struct details *out)
{
    struct details_source source = {.packet = p,
                                    .frame = frame,
                                    .facts = &s->facts,
                                    .packets = s->packets,
                                    .bytes = s->bytes,
                                    .interface = m->ifindex};

    details_read(&source, &m->wanted, out);
}

static uint8_t mask_of(const struct route *r, uint8_t version)
{
    return (uint8_t)(version == 4 ? r->bits - ADDR_V4_BITS : r->bits);
}

static void set_routes(const struct gauge *m, struct facts *f, bool outgoing)
{
    const struct route *to = m->routes ? routes_find(m->routes, &f->dst) : NULL;
    const struct route *from = m->routes ? routes_find(m->routes, &f->src) : NULL;

    f->next_hop = to ? to->via : (struct addr){0};
    f->dst_mask = to ? mask_of(to, f->ip_version) : 0;
    f->src_mask = from ? mask_of(from, f->ip_version) : 0;
    if (to && !outgoing)
        f->out_if = to->out_if;
    f->src_as = f->prev_as = f->src_mask > 0 ? m->local_as : 0; /* but for what BGP knows better */
    f->dst_as = f->next_as = f->dst_mask > 0 ? m->local_as : 0;
    f->bgp_next_hop = (struct addr){0};
}

/* The longer of two prefixes is the one that routers go by. */
static void set_bgp(const struct gauge *m, struct facts *f)
{
    uint8_t v4_bits = f->ip_version == 4 ? ADDR_V4_BITS : 0;
    uint8_t bits;
    const struct rib_route *from = rib_find(m->rib, &f->src, &bits);

    if (from && bits - v4_bits >= f->src_mask) {
        f->src_mask = (uint8_t)(bits - v4_bits);
        f->src_as = from->origin_as ? from->origin_as : m->local_as;
        f->prev_as = from->peer_as ? from->peer_as : m->local_as;
    }
    const struct rib_route *to = rib_find(m->rib, &f->dst, &bits);
    if (to && bits - v4_bits >= f->dst_mask) {
        f->dst_mask = (uint8_t)(bits - v4_bits);
        f->dst_as = to->origin_as ? to->origin_as : m->local_as;
        f->next_as = to->peer_as ? to->peer_as : m->local_as;
        f->bgp_next_hop = to->next_hop;
        if (!m->routes)
            f->next_hop = to->next_hop;
    }
}

static void set_routing(const struct gauge *m, struct seen *s)
{
    if (m->routes || m->rib)
        set_routes(m, &s->facts, s->outgoing);
    if (m->rib)
        set_bgp(m, &s->facts);
    s->routed = true;
}

static bool see(struct gauge *m, const struct frame *frame, size_t i)
{
    struct seen *s = &m->seen[i];
    struct packet p;
    struct transport t;

    enum packet_fault fault = packet_read(frame->link, cur_of(frame->data, frame->len), &p);
    if (fault != PACKET_GOOD) {
        count_add(m->counts, fault_counts[fault], 1);
        return false;
    }
    for (int deep = 0; m->o.inner && deep < TUNNELS && packet_inner(&p, &p); deep++)
        ;
    (void)packet_transport(&p, &t); /* what is missing is 0 */
    if (p.fragment)
        find_ports(m, &p, frame->time_ms, &t);
    if (m->ifindex != 0 && !m->o.own && is_own(m, &p, &t)) {
        count_add(m->counts, COUNT_PACKETS_OWN, 1);
        return false;
    }
    set_facts(&s->facts, &p, &t);
    s->facts.in_if = frame->outgoing ? 0 : m->ifindex;
    s->facts.out_if = frame->outgoing ? m->ifindex : 0;
    s->facts.direction = frame->outgoing;
    s->outgoing = frame->outgoing;
    s->routed = false;
    if (m->wanted.routes_early)
        set_routing(m, s);
    count_segments(s, &p, frame->segment_bytes);
    s->time_ms = frame->time_ms;
    s->metered = false;
    if (m->details)
        see_details(m, frame, &p, s, &m->details[i]);
    if (m->applications) {
        struct application_seen a = applications_see(m->applications, &p, &s->facts, s->time_ms);
        m->details[i].conversation = a.conversation;
        m->details[i].application = a.application;
    }
    return true;
}

/* --- places --- */

/* One of each `rate` packets: the last of them, or any. */
static bool is_sampled(struct place *p)
{
    uint32_t rate = p->sampler->rate;

    if (p->left == 0) {
        p->left = rate;
        p->taken = 1;
        if (p->sampler->random) {
            p->random = hash_mix(p->random + 1);
            p->taken = 1 + (uint32_t)((p->random >> 32) * rate >> 32);
        }
    }
    return p->left-- == p->taken;
}

static bool is_wanted(struct gauge *m, struct place *p, struct seen *s)
{
    if (p->ifindex != m->ifindex || p->output != s->outgoing)
        return false;
    if (p->family != 0 && p->family != s->facts.ip_version)
        return false;
    s->metered = true;
    if (!p->sampler || is_sampled(p))
        return true;
    count_add(m->counts, COUNT_PACKETS_UNSAMPLED, 1);
    return false;
}

static void set_connection(const struct place *pl, const struct seen *s, struct details *d)
{
    struct connection c;
    const struct facts *f = &s->facts;
    bool icmp = f->proto == PACKET_ICMP || f->proto == PACKET_ICMPV6;
    uint16_t src_port = icmp ? 0 : f->src_port;
    uint16_t dst_port = icmp ? 0 : f->dst_port;

    connections_see(pl->connections, f, s->time_ms, &c);
    d->client = c.from_client ? f->src : f->dst;
    d->server = c.from_client ? f->dst : f->src;
    d->client_port = c.from_client ? src_port : dst_port;
    d->server_port = c.from_client ? dst_port : src_port;
    d->connection = c.number;
    d->initiator = c.from_client ? 1 : 2;
    d->connections_begun = c.begun;
    d->connection_ms = c.since_ms;
    d->client_packets = c.from_client ? s->packets : 0;
    d->client_bytes = c.from_client ? s->bytes : 0;
    d->client_payload = c.from_client ? d->h.transport : 0;
    d->server_packets = s->packets - d->client_packets;
    d->server_bytes = s->bytes - d->client_bytes;
    d->server_payload = d->h.transport - d->client_payload;
}

/* What depends on the place where the packet went by. */
static struct details *details_at(struct gauge *m, const struct place *pl, size_t i)
{
    const struct details_wanted *w = record_wanted(monitor_record(pl->monitor));
    struct details *d = &m->details[i];

    if (w->intervals)
        details_set_interval(d, m->seen[i].time_ms, pl->interval_ms);
    if (w->connections)
        set_connection(pl, &m->seen[i], d);
    return d;
}

/* Of a flow that begins: where routes are no keys, they are looked for here only. */
static void put_values(const struct cache_packet *p, void *out)
{
    const struct fed *fed = const_container_of(p, struct fed, packet);

    if (!fed->seen->routed && record_wanted(fed->record)->routes)
        set_routing(fed->gauge, fed->seen);
    record_values(fed->record, &fed->seen->facts, fed->details, out);
}

static void feed(struct gauge *m, struct place *pl, size_t n)
{
    const struct record *r = monitor_record(pl->monitor);
    const size_t key_bytes = record_key_bytes(r);
    const bool wants = record_wanted(r)->any;
    struct cache *c = monitor_cache(pl->monitor);
    size_t k = 0;

    for (size_t i = 0; i < n; i++) {
        struct seen *s = &m->seen[i];
        if (!is_wanted(m, pl, s))
            continue;
        if (pl->sizes)
            pl->sizes[traffic_size(s->bytes / s->packets)] += s->packets;
        const struct details *d = wants ? details_at(m, pl, i) : NULL;
        uint8_t *key = m->keys + k * key_bytes;
        uint64_t *numbers = m->numbers + k * CACHE_RUNNING_MAX;
        s->facts.sampler = pl->sampler_number;
        record_key(r, &s->facts, d, key);
        if (wants)
            record_numbers(r, d, numbers);
        struct fed *fed = &m->fed[k];
        *fed = (struct fed){.packet = {.time_ms = s->time_ms,
                                       .hash = cache_hash(c, key),
                                       .key = key,
                                       .values = put_values,
                                       .running = numbers,
                                       .packets = s->packets,
                                       .bytes = s->bytes,
                                       .proto = s->facts.proto,
                                       .tcp_flags = s->facts.tcp_flags},
                            .gauge = m,
                            .record = r,
                            .seen = s,
                            .details = d};
        cache_fetch_spot(c, fed->packet.hash);
        k++;
    }
    for (size_t i = 0; i < k; i++)
        cache_fetch_flow(c, m->fed[i].packet.hash);
    for (size_t i = 0; i < k; i++)
        cache_add(c, &m->fed[i].packet);
}

void gauge_frames(struct gauge *m, uint32_t ifindex, const struct frame *v, size_t n)
{
    size_t k = 0;
    uint64_t packets = 0;
    uint64_t bytes = 0;

    m->ifindex = ifindex;
    for (size_t i = 0; i < n; i++)
        k += see(m, &v[i], k);
    for (size_t i = 0; i < m->n_places && k > 0; i++)
        feed(m, &m->places[i], k);
    for (size_t i = 0; i < k; i++) {
        packets += m->seen[i].metered ? m->seen[i].packets : 0;
        bytes += m->seen[i].metered ? m->seen[i].bytes : 0;
    }
    count_add(m->counts, COUNT_PACKETS, packets);
    count_add(m->counts, COUNT_PACKET_BYTES, bytes);
}

void gauge_set_routes(struct gauge *m, const struct routes *routes)
{
    m->routes = m->wanted.routes ? routes : NULL;
}

void gauge_set_rib(struct gauge *m, const struct rib *rib)
{
    m->rib = m->wanted.routes ? rib : NULL;
}

struct applications *gauge_applications(const struct gauge *m) { return m->applications; }

size_t gauge_section_bytes(const struct gauge *m)
{
    size_t most = m->applications ? APPLICATIONS_BYTES : 0;

    most = m->wanted.section > most ? m->wanted.section : most;
    return m->wanted.payload_section > most ? m->wanted.payload_section : most;
}
