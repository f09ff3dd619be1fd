#include "probe/origin.h"

#include "base/attr.h"
#include "probe/applications.h"
#include "probe/cache.h"
#include "probe/details.h"
#include "probe/words.h"

#include <stdio.h>

enum { CISCO = 9, V4_BYTES = 4, V4_AT = 12, APPLICATION_ID = 95, KEY = 1, VALUE = 2 };

struct row {
    struct origin o;
    uint8_t use; /* KEY, VALUE or both */
    uint8_t of;  /* enum setup_of */
};

#define ROW(pen, num, use_of, src, kind, place, octets) \
    {                                                   \
        .o = {.enterprise = (pen),                      \
              .number = (num),                          \
              .from = ORIGIN_##src,                     \
              .form = ORIGIN_##kind,                    \
              .at = (place),                            \
              .width = (octets)},                       \
        .use = (use_of),                                \
    }
#define MEMBER(pen, num, use_of, src, kind, st, member) \
    ROW(pen, num, use_of, src, kind, offsetof(struct st, member), sizeof(((struct st *)0)->member))
#define MEMBER_V4(pen, num, src, st, member) \
    ROW(pen, num, KEY | VALUE, src, V4, offsetof(struct st, member) + V4_AT, V4_BYTES)

#define FACT(num, member) MEMBER(0, num, KEY | VALUE, FACTS, NUMBER, facts, member)
#define FACT_ADDR(num, member) MEMBER(0, num, KEY | VALUE, FACTS, OCTETS, facts, member)
#define FACT_V4(num, member) MEMBER_V4(0, num, FACTS, facts, member)
#define DETAIL(num, member) MEMBER(0, num, KEY | VALUE, DETAILS, NUMBER, details, member)
#define DETAIL_OCTETS(num, member) MEMBER(0, num, KEY | VALUE, DETAILS, OCTETS, details, member)
#define DETAIL_V4(num, member) MEMBER_V4(0, num, DETAILS, details, member)
#define SECTION(num, member) \
    ROW(0, num, KEY | VALUE, DETAILS, OCTETS, offsetof(struct details, member), 0)
#define RUNNING(pen, num, kind, member, how)                  \
    {                                                         \
        .o = {.enterprise = (pen),                            \
              .number = (num),                                \
              .from = ORIGIN_RUNNING,                         \
              .form = ORIGIN_##kind,                          \
              .at = offsetof(struct details, member),         \
              .width = sizeof(((struct details *)0)->member), \
              .run = CACHE_##how},                            \
        .use = VALUE,                                         \
    }
#define PEER(num, member)                                    \
    {                                                        \
        .o = {.number = (num),                               \
              .from = ORIGIN_FACTS,                          \
              .form = ORIGIN_NUMBER,                         \
              .at = offsetof(struct facts, member),          \
              .width = sizeof(((struct facts *)0)->member)}, \
        .use = KEY | VALUE, .of = SETUP_OF_PEERS,            \
    }
#define FLOWS(num, member, how)                               \
    {                                                         \
        .o = {.number = (num),                                \
              .from = ORIGIN_RUNNING,                         \
              .form = ORIGIN_NUMBER,                          \
              .at = offsetof(struct details, member),         \
              .width = sizeof(((struct details *)0)->member), \
              .run = CACHE_##how},                            \
        .use = VALUE, .of = SETUP_OF_FLOWS,                   \
    }
#define COUNTED(num, what) ROW(0, num, VALUE, what, NUMBER, 0, 8)
#define UNKNOWN(pen, num) ROW(pen, num, KEY | VALUE, UNKNOWN, NUMBER, 0, 0)

static const struct row rows[] = {
    FACT_V4(8, src),
    FACT_V4(12, dst),
    FACT_ADDR(27, src),
    FACT_ADDR(28, dst),
    FACT(7, src_port),
    FACT(11, dst_port),
    FACT(4, proto),
    FACT(5, tos),
    FACT(55, tos),
    FACT(60, ip_version),
    FACT(10, in_if),
    FACT(14, out_if),
    FACT(252, in_if),
    FACT(253, out_if),
    FACT(61, direction),
    FACT(48, sampler),
    FACT(9, src_mask),
    FACT(13, dst_mask),
    FACT(29, src_mask),
    FACT(30, dst_mask),
    FACT_V4(15, next_hop),
    FACT_ADDR(62, next_hop),
    FACT(16, src_as),
    FACT(17, dst_as),
    PEER(16, prev_as),
    PEER(17, next_as),
    FACT(128, next_as),
    FACT(129, prev_as),
    FACT_V4(18, bgp_next_hop),
    FACT_ADDR(63, bgp_next_hop),
    MEMBER(0, 6, KEY, FACTS, NUMBER, facts, tcp_flags),
    COUNTED(6, TCP_FLAGS),

    FLOWS(3, flows, SUM),
    FLOWS(22, flow_first_ms, MIN),
    FLOWS(21, flow_last_ms, MAX),
    COUNTED(1, BYTES),
    COUNTED(2, PACKETS),
    COUNTED(3, FLOWS),
    COUNTED(22, FIRST),
    COUNTED(21, LAST),
    COUNTED(152, FIRST),
    COUNTED(153, LAST),
    COUNTED(136, END),
    COUNTED(148, KEY),
    MEMBER(0, 148, KEY, DETAILS, NUMBER, details, flow_id),

    DETAIL_V4(44, src_prefix),
    DETAIL_V4(45, dst_prefix),
    DETAIL_OCTETS(170, src_prefix),
    DETAIL_OCTETS(169, dst_prefix),
    DETAIL(98, h.dscp),
    DETAIL(195, h.dscp),
    DETAIL(196, h.precedence),
    DETAIL(192, h.ttl),
    DETAIL(54, h.fragment_id),
    DETAIL(88, h.fragment_offset),
    DETAIL(197, h.fragment_flags),
    DETAIL(208, h.options),
    DETAIL(207, h.header_words),
    DETAIL(189, h.header_octets),
    DETAIL(190, h.v4_total),
    DETAIL(191, h.v6_payload),
    DETAIL(204, h.payload),
    DETAIL(224, h.total),
    DETAIL(31, h.flow_label),
    DETAIL(64, h.extensions),
    DETAIL(193, h.next_header),
    DETAIL(206, h.multicast),
    SECTION(313, section),
    SECTION(314, payload_section),

    DETAIL(182, tcp_src_port),
    DETAIL(183, tcp_dst_port),
    DETAIL(180, udp_src_port),
    DETAIL(181, udp_dst_port),
    DETAIL(184, h.tcp_seq),
    DETAIL(185, h.tcp_ack),
    DETAIL(186, h.tcp_window),
    DETAIL(187, h.tcp_urgent),
    DETAIL(188, h.tcp_head),
    DETAIL(209, h.tcp_options),
    DETAIL(205, h.udp_length),
    DETAIL(176, icmp_type),
    DETAIL(177, icmp_code),
    DETAIL(178, icmpv6_type),
    DETAIL(179, icmpv6_code),
    DETAIL(33, h.igmp_type),

    DETAIL(138, interface),
    DETAIL_OCTETS(56, in_src_mac),
    DETAIL_OCTETS(80, in_dst_mac),
    DETAIL_OCTETS(81, out_src_mac),
    DETAIL_OCTETS(57, out_dst_mac),
    DETAIL(58, in_vlan),
    DETAIL(243, in_vlan),
    DETAIL(59, out_vlan),
    DETAIL(254, out_vlan),
    DETAIL(245, h.customer_vlan),
    DETAIL(244, h.priority),
    DETAIL(256, h.ethertype),
    DETAIL(351, h.segment),
    DETAIL_OCTETS(70, h.labels[0]),
    DETAIL_OCTETS(71, h.labels[1]),
    DETAIL_OCTETS(72, h.labels[2]),
    DETAIL_OCTETS(73, h.labels[3]),
    DETAIL_OCTETS(74, h.labels[4]),
    DETAIL_OCTETS(75, h.labels[5]),
    DETAIL(203, h.label_exp),
    DETAIL(200, h.label_ttl),

    RUNNING(0, 52, NUMBER, ttl, MIN),
    RUNNING(0, 53, NUMBER, ttl, MAX),
    RUNNING(0, 25, NUMBER, length_min, MIN),
    RUNNING(0, 26, NUMBER, length_max, MAX),
    RUNNING(0, 198, NUMBER, squares, SUM),
    RUNNING(0, 352, NUMBER, frame_bytes, SUM),
    DETAIL(359, interval_start_ms),
    RUNNING(0, 360, NUMBER, interval_end_ms, MAX),

    DETAIL(239, initiator),
    MEMBER(CISCO, 12242, KEY | VALUE, DETAILS, NUMBER, details, connection),
    MEMBER(CISCO, 12240, KEY | VALUE, DETAILS, NUMBER, details, client_port),
    MEMBER(CISCO, 12241, KEY | VALUE, DETAILS, NUMBER, details, server_port),
    MEMBER_V4(CISCO, 12236, DETAILS, details, client),
    MEMBER_V4(CISCO, 12237, DETAILS, details, server),
    MEMBER(CISCO, 12238, KEY | VALUE, DETAILS, OCTETS, details, client),
    MEMBER(CISCO, 12239, KEY | VALUE, DETAILS, OCTETS, details, server),
    RUNNING(0, 278, NUMBER, connections_begun, SUM),
    RUNNING(0, 279, SECONDS, connection_ms, SUM),
    RUNNING(0, 231, NUMBER, client_payload, SUM),
    RUNNING(0, 298, NUMBER, client_packets, SUM),
    RUNNING(CISCO, 8338, NUMBER, client_bytes, SUM),
    RUNNING(0, 232, NUMBER, server_payload, SUM),
    RUNNING(0, 299, NUMBER, server_packets, SUM),
    RUNNING(CISCO, 8337, NUMBER, server_bytes, SUM),

    UNKNOWN(0, 133), /* packets that were dropped */
    UNKNOWN(0, 92),  /* classes of traffic, by BGP's policy */
    UNKNOWN(0, 93),
    UNKNOWN(0, 89),  /* forwarding status */
    UNKNOWN(0, 234), /* VRFs */
    UNKNOWN(0, 235),
    UNKNOWN(0, 46), /* who gave a label */
    MEMBER(0, 95, KEY, DETAILS, NUMBER, details, application),
    MEMBER(0, 95, VALUE, APPLICATION, NUMBER, details, conversation),
    UNKNOWN(CISCO, 12235),
    UNKNOWN(CISCO, 1232), /* group tags, QoS, WAAS */
    UNKNOWN(CISCO, 1233),
    UNKNOWN(CISCO, 8232),
    UNKNOWN(CISCO, 9360),
    UNKNOWN(CISCO, 9361),
    UNKNOWN(CISCO, 9252),
    UNKNOWN(CISCO, 9253),
    UNKNOWN(0, 147), /* wireless */
    UNKNOWN(0, 365),
    UNKNOWN(0, 367),
};

const struct origin *origin_find(const struct setup_field *f)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].o.enterprise == f->enterprise && rows[i].o.number == f->number &&
            rows[i].of == f->of && (rows[i].use & (f->key ? KEY : VALUE)))
            return &rows[i].o;
    return NULL;
}

static bool is_member(const struct origin *o, size_t from, size_t end)
{
    return (o->from == ORIGIN_DETAILS || o->from == ORIGIN_RUNNING) && o->at >= from && o->at < end;
}

bool origin_is_application(const struct origin *o)
{
    return o->enterprise == 0 && o->number == APPLICATION_ID;
}

bool origin_is_connection(const struct origin *o)
{
    return is_member(o, offsetof(struct details, client), offsetof(struct details, section));
}

bool origin_is_interval(const struct origin *o)
{
    return is_member(o, offsetof(struct details, interval_start_ms),
                     offsetof(struct details, client));
}

bool origin_is_route(const struct origin *o)
{
    if (o->from == ORIGIN_FACTS)
        return o->at == offsetof(struct facts, out_if) || o->at >= offsetof(struct facts, src_mask);
    return is_member(o, offsetof(struct details, src_prefix), offsetof(struct details, interface));
}

bool origin_is_bgp(const struct origin *o)
{
    return o->from == ORIGIN_FACTS && o->at >= offsetof(struct facts, bgp_next_hop);
}

static bool is_unknown(const struct origin *o)
{
    return o->from == ORIGIN_UNKNOWN || (origin_is_application(o) && !applications_built());
}

bool origin_print_unknown(const struct setup_record *r, char *out, size_t n)
{
    char words[WORDS_TEXT];
    size_t last = r->n;
    size_t count = 0;
    size_t len = 0;

    for (size_t i = 0; i < r->n; i++) {
        const struct origin *o = origin_find(&r->fields[i]);
        if (o && is_unknown(o)) {
            last = i;
            count++;
        }
    }
    out[0] = '\0';
    for (size_t i = 0, k = 0; i < r->n && count > 0; i++) {
        const struct origin *o = origin_find(&r->fields[i]);
        if (!o || !is_unknown(o))
            continue;
        words_print(r, i, words);
        int some = snprintf(out + len, n - len, "%s%s%s",
                            k == 0      ? ""
                            : i == last ? " and "
                                        : ", ",
                            words, origin_is_application(o) ? " (built without nDPI)" : "");
        len = some > 0 && (size_t)some < n - len ? len + (size_t)some : n - 1;
        k++;
    }
    return count > 0;
}
