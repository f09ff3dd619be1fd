/* The messages of RFC 7011 appendix A, with the values that it states. */
#include "flow/kit.h"

/* clang-format off */

/* A.1: the header; 152 octets are A.2.1 (28), A.3 (64), A.4.1 (24) and A.4.3 (20) behind 16. The
 * RFC leaves time, sequence and domain open. */
static const char message[] =
    "000a 0098 6553f100 00000000 00000001"
    /* A.2.1 */
    "0002 001c 0100 0005 0008 0004 000c 0004 000f 0004 0002 0004 0001 0004"
    /* A.3: source, destination, next hop, packets, octets */
    "0100 0040"
    "c000020c c00002fe c0000201 00001391 00518c81"
    "c000021b c0000217 c0000202 000002ec 0005ef46"
    "c0000238 c0000241 c0000203 00000005 00001986"
    /* A.4.1: lineCardId as scope; exported messages and flow records; padding */
    "0003 0018 0102 0003 0001 008d 0004 0029 0002 002a 0002 0000"
    /* A.4.3 */
    "0102 0014 00000001 0159 27d9 00000002 02b2 4fb2";

/* clang-format on */

static void the_message_of_appendix_a(void **state)
{
    static const struct {
        const char *src, *dst, *next_hop;
        uint64_t packets, octets;
    } flows[] = {{"192.0.2.12", "192.0.2.254", "192.0.2.1", 5009, 5344385},
                 {"192.0.2.27", "192.0.2.23", "192.0.2.2", 748, 388934},
                 {"192.0.2.56", "192.0.2.65", "192.0.2.3", 5, 6534}};
    struct kit k;

    (void)state;
    kit_setup(&k);
    hex(&k.msg, message);
    assert_int_equal(k.msg.len, 152);
    kit_datagram(&k, k.msg.data, k.msg.len);
    decoder_flush(k.d);
    assert_int_equal(k.flows.rows, 3);
    for (size_t i = 0; i < 3; i++) {
        want_addr(&k.flows, i, FIELD_SRC_ADDR, flows[i].src);
        want_addr(&k.flows, i, FIELD_DST_ADDR, flows[i].dst);
        want_addr(&k.flows, i, FIELD_NEXT_HOP, flows[i].next_hop);
        want_u64(&k.flows, i, FIELD_PACKETS, flows[i].packets);
        want_u64(&k.flows, i, FIELD_BYTES, flows[i].octets);
        want_u64(&k.flows, i, FIELD_DOMAIN, 1);
        want_none(&k.flows, i, FIELD_EXTRA);
    }
    assert_int_equal(k.options.rows, 2);
    want_u64(&k.options, 0, FIELD_EXPORTED_PACKETS, 345);
    want_u64(&k.options, 0, FIELD_EXPORTED_FLOWS, 10201);
    want_text(&k.options, 0, FIELD_EXTRA, "{\"0/141\":[\"00000001\"]}");
    want_u64(&k.options, 1, FIELD_EXPORTED_PACKETS, 690);
    want_u64(&k.options, 1, FIELD_EXPORTED_FLOWS, 20402);
    want_text(&k.options, 1, FIELD_EXTRA, "{\"0/141\":[\"00000002\"]}");
    want_count(&k, COUNT_TEMPLATES, 2);
    want_count(&k, COUNT_FLOWS, 3);
    want_count(&k, COUNT_OPTIONS, 2);
    assert_int_equal(k.events[DECODE_MALFORMED], 0);
    kit_close(&k);
}

/* A.2.2: an element of an enterprise (which, the RFC leaves open) in place of the next hop. */
static void the_enterprise_element_of_appendix_a(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    msg_begin(&k, 10);
    hex(&k.msg, "0002 0020 0101 0005 0008 0004 000c 0004 800f 0004 00007ed9 0002 0004 0001 0004");
    data_set(&k, 257, "c000020c c00002fe 0a0b0c0d 00001391 00518c81");
    kit_send(&k);
    assert_int_equal(k.flows.rows, 1);
    want_addr(&k.flows, 0, FIELD_SRC_ADDR, "192.0.2.12");
    want_none(&k.flows, 0, FIELD_NEXT_HOP); /* IANA's 15, not the enterprise's */
    want_u64(&k.flows, 0, FIELD_PACKETS, 5009);
    want_text(&k.flows, 0, FIELD_EXTRA, "{\"32473/15\":[\"0a0b0c0d\"]}");
    kit_close(&k);
}

static void every_truncation_of_it_is_taken_as_far_as_it_goes(void **state)
{
    struct kit k;
    struct kit whole;

    (void)state;
    kit_init(&whole);
    hex(&whole.msg, message);
    for (size_t n = 0; n < 152; n++) {
        kit_setup(&k);
        kit_datagram(&k, whole.msg.data, n);
        decoder_flush(k.d);
        want_count(&k, COUNT_DATAGRAMS, 1);
        assert_true(k.events[DECODE_MALFORMED] > 0);
        assert_int_equal(k.flows.rows, n < 108 ? 0 : 3); /* the data set ends at 108 */
        assert_int_equal(k.options.rows, 0);
        kit_close(&k);
    }
    kit_close(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_message_of_appendix_a),
        cmocka_unit_test(the_enterprise_element_of_appendix_a),
        cmocka_unit_test(every_truncation_of_it_is_taken_as_far_as_it_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
