#include "probe/gauge.h"

#include "wire/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PAYLOAD = 3000, SEGMENT = 1448, HEADS = 20 + 32 };

struct kit {
    struct setup setup;
    struct setup_record record;
    struct setup_monitor monitor;
    struct setup_place place;
    struct counts counts;
    struct monitor *monitors[1];
    struct gauge *gauge;
};

static void begin(struct kit *k)
{
    const struct gauge_options o = {0};

    memset(k, 0, sizeof *k);
    k->record = (struct setup_record){
        .name = "r", .fields = {{.number = 8, .len = 4, .key = true}}, .n = 1};
    k->monitor = setup_monitor_default();
    k->monitor.record = 0;
    setup_monitor_fill(&k->monitor);
    k->place.sampler = SETUP_NONE;
    k->setup = (struct setup){.records = &k->record,
                              .n_records = 1,
                              .monitors = &k->monitor,
                              .n_monitors = 1,
                              .places = &k->place,
                              .n_places = 1};
    assert_int_equal(monitor_new(&k->monitors[0], &k->setup, 0, 1, NULL, NULL), 0);
    k->gauge = gauge_new(&k->setup, k->monitors, NULL, &o, &k->counts);
}

static void end(struct kit *k)
{
    gauge_free(k->gauge);
    monitor_free(k->monitors[0]);
}

/* An IPv4 packet of TCP with timestamps, or of UDP, of which the capture has the headers. */
static struct frame frame_of(uint8_t *packet, uint8_t proto, size_t payload)
{
    size_t total = 20 + (size_t)(proto == PACKET_TCP ? 32 : 8) + payload;

    memset(packet, 0, HEADS);
    packet[0] = 0x45;
    packet[2] = (uint8_t)(total >> 8);
    packet[3] = (uint8_t)total;
    packet[9] = proto;
    packet[32] = 0x80;
    return (struct frame){
        .data = packet, .len = HEADS, .wire_len = (uint32_t)total, .link = PACKET_RAW};
}

static void one_of_many_segments_counts_as_many(void **state)
{
    static const struct {
        uint8_t proto;
        uint16_t segment_bytes;
        size_t payload;
        uint64_t packets;
        uint64_t bytes;
    } cases[] = {
        {PACKET_TCP, 0, PAYLOAD, 1, PAYLOAD + HEADS},
        {PACKET_TCP, SEGMENT, PAYLOAD, 3, PAYLOAD + 3 * HEADS},
        {PACKET_TCP, SEGMENT, 2 * SEGMENT, 2, 2 * (SEGMENT + HEADS)},
        {PACKET_TCP, SEGMENT, SEGMENT, 1, SEGMENT + HEADS},
        {PACKET_TCP, SEGMENT, 0, 1, HEADS},
        {PACKET_UDP, 1000, 2500, 3, 2500 + 3 * 28},
    };
    uint8_t packet[HEADS];
    struct kit k;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct frame f = frame_of(packet, cases[i].proto, cases[i].payload);
        f.segment_bytes = cases[i].segment_bytes;
        begin(&k);
        gauge_frames(k.gauge, 0, &f, 1);
        assert_int_equal(count_get(&k.counts, COUNT_PACKETS), cases[i].packets);
        assert_int_equal(count_get(&k.counts, COUNT_PACKET_BYTES), cases[i].bytes);
        assert_int_equal(cache_stats(monitor_cache(k.monitors[0]))->added, 1);
        end(&k);
    }
}

static void monitors_see_what_goes_by_where_they_stand(void **state)
{
    uint8_t packet[HEADS];
    struct frame f = frame_of(packet, PACKET_UDP, 100);
    struct kit k;

    (void)state;
    begin(&k);
    gauge_frames(k.gauge, 7, &f, 1); /* another interface */
    f.outgoing = true;
    gauge_frames(k.gauge, 0, &f, 1); /* the other direction */
    assert_int_equal(cache_stats(monitor_cache(k.monitors[0]))->added, 0);
    f.outgoing = false;
    gauge_frames(k.gauge, 0, &f, 1);
    assert_int_equal(cache_stats(monitor_cache(k.monitors[0]))->added, 1);
    end(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_of_many_segments_counts_as_many),
        cmocka_unit_test(monitors_see_what_goes_by_where_they_stand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
