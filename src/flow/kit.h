/* kit: what the tests of decoding share: a decoder whose rows are kept, messages from short text,
 * and expectations that name the field.
 *
 * Octets are written as hex, spaces anywhere: "c0000201 0050". Layouts as "number:length" or
 * "enterprise/number:length", length "v" for variable: "8:4 12:4 9/12235:v". */
#ifndef FLOW_KIT_H
#define FLOW_KIT_H

#include "flow/decode.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { KIT_ROWS = 1 << 17, KIT_S = 1700000000 };

struct kit {
    struct out out;
    struct decode_watch watch;
    struct decode_limits limits;
    struct counts counts;
    struct decoder *d;
    struct batch flows;   /* all that were pushed */
    struct batch options; /* all that were seen */
    uint64_t events[DECODE_MALFORMED + 1];
    uint64_t held_rows; /* rows of sets that had been held */
    char reason[ERR_TEXT];

    /* Of the next message. */
    struct sender from;
    int64_t received_ms;
    uint32_t export_s;
    uint32_t uptime_ms;
    uint32_t domain;
    struct buf msg;
    size_t set_at;
};

static inline struct batch *kit_push(struct out *out, struct batch *full)
{
    struct kit *k = container_of(out, struct kit, out);

    for (size_t i = 0; i < full->rows; i++)
        assert_true(batch_copy_row(&k->flows, full, i));
    batch_reset(full);
    return full;
}

static inline void kit_on(struct decode_watch *watch, const struct decode_event *e)
{
    struct kit *k = container_of(watch, struct kit, watch);

    k->events[e->what]++;
    if (e->what == DECODE_OPTIONS)
        for (size_t i = e->row; i < e->row + e->rows; i++)
            assert_true(batch_copy_row(&k->options, e->batch, i));
    if ((e->what == DECODE_OPTIONS || e->what == DECODE_FLOWS) && e->was_held)
        k->held_rows += e->rows;
    if (e->what == DECODE_MALFORMED)
        (void)snprintf(k->reason, sizeof k->reason, "%s", e->reason);
}

/* The decoder is made by kit_open(), so limits may be changed between. */
static inline void kit_init(struct kit *k)
{
    *k = (struct kit){.out = {kit_push},
                      .watch = {kit_on},
                      .limits = decode_limits_default(),
                      .from = {.addr = {.b = {[10] = 0xff, 0xff, 192, 0, 2, 1}}, .port = 50000},
                      .received_ms = INT64_C(1000) * KIT_S + 250,
                      .export_s = KIT_S,
                      .uptime_ms = 1000000,
                      .domain = 7};
    assert_true(batch_init(&k->flows, KIT_ROWS));
    assert_true(batch_init(&k->options, KIT_ROWS));
    buf_init(&k->msg, 65535);
}

static inline void kit_open(struct kit *k)
{
    k->d = decoder_new(&k->limits, &k->out, &k->watch, &k->counts);
    assert_non_null(k->d);
}

static inline void kit_setup(struct kit *k)
{
    kit_init(k);
    kit_open(k);
}

static inline void kit_close(struct kit *k)
{
    decoder_free(k->d);
    batch_free(&k->flows);
    batch_free(&k->options);
    buf_free(&k->msg);
}

/* Forget what came so far; templates and rates stay. */
static inline void kit_clear(struct kit *k)
{
    decoder_flush(k->d);
    batch_reset(&k->flows);
    batch_reset(&k->options);
    memset(k->events, 0, sizeof k->events);
    k->held_rows = 0;
    k->reason[0] = '\0';
    for (int i = 0; i < COUNT_N; i++)
        k->counts.n[i] = 0;
}

/* --- writing --- */

static inline void hex(struct buf *b, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        unsigned v;
        if (*p == ' ')
            continue;
        assert_int_equal(sscanf(p, "%2x", &v), 1);
        buf_u8(b, (uint8_t)v);
        p++;
    }
}

static inline void msg_begin(struct kit *k, uint16_t version)
{
    struct buf *b = &k->msg;

    buf_reset(b);
    buf_u16(b, version);
    buf_u16(b, 0);
    if (version == 9)
        buf_u32(b, k->uptime_ms);
    buf_u32(b, k->export_s);
    buf_u32(b, 0);
    buf_u32(b, k->domain);
}

static inline void set_begin(struct kit *k, uint16_t id)
{
    k->set_at = k->msg.len;
    buf_u16(&k->msg, id);
    buf_u16(&k->msg, 0);
}

static inline void patch_u16(struct kit *k, size_t at, size_t v)
{
    assert_true(buf_ok(&k->msg));
    k->msg.data[at] = (uint8_t)(v >> 8);
    k->msg.data[at + 1] = (uint8_t)v;
}

static inline void set_end(struct kit *k) { patch_u16(k, k->set_at + 2, k->msg.len - k->set_at); }

static inline void data_set(struct kit *k, uint16_t id, const char *octets)
{
    set_begin(k, id);
    hex(&k->msg, octets);
    set_end(k);
}

static inline size_t put_fields(struct kit *k, bool ipfix, const char *layout)
{
    size_t n = 0;

    for (const char *p = layout; *p != '\0'; n++) {
        char *end;
        unsigned long pen = 0;
        unsigned long number = strtoul(p, &end, 10);
        if (*end == '/') {
            pen = number;
            number = strtoul(end + 1, &end, 10);
        }
        assert_int_equal(*end, ':');
        p = end + 1;
        unsigned long len = *p == 'v' ? 65535 : strtoul(p, &end, 10);
        p = *p == 'v' ? p + 1 : end;
        while (*p == ' ')
            p++;
        buf_u16(&k->msg, (uint16_t)(number | (ipfix && pen ? 0x8000u : 0)));
        buf_u16(&k->msg, (uint16_t)len);
        if (ipfix && pen)
            buf_u32(&k->msg, (uint32_t)pen);
    }
    return n;
}

static inline void template_set(struct kit *k, uint16_t version, uint16_t id, const char *layout)
{
    set_begin(k, version == 9 ? 0 : 2);
    buf_u16(&k->msg, id);
    buf_u16(&k->msg, 0);
    patch_u16(k, k->set_at + 6, put_fields(k, version == 10, layout));
    set_end(k);
}

static inline void options_set(struct kit *k, uint16_t version, uint16_t id, const char *scope,
                               const char *options)
{
    set_begin(k, version == 9 ? 1 : 3);
    buf_u16(&k->msg, id);
    buf_u32(&k->msg, 0);
    size_t n = put_fields(k, version == 10, scope);
    size_t m = put_fields(k, version == 10, options);
    patch_u16(k, k->set_at + 6, version == 9 ? 4 * n : n + m);
    patch_u16(k, k->set_at + 8, version == 9 ? 4 * m : n);
    set_end(k);
}

/* Send octets as they are, from memory of just that size. */
static inline void kit_datagram(struct kit *k, const void *data, size_t len)
{
    uint8_t *exact = malloc(len ? len : 1);

    assert_non_null(exact);
    if (len > 0)
        memcpy(exact, data, len);
    struct datagram in = {
        .data = exact, .len = len, .received_ms = k->received_ms, .from = k->from};
    decoder_datagram(k->d, &in);
    free(exact);
}

/* Send the message in hand. */
static inline void kit_send(struct kit *k)
{
    assert_true(buf_ok(&k->msg));
    if (k->msg.data[1] == 10)
        patch_u16(k, 2, k->msg.len);
    kit_datagram(k, k->msg.data, k->msg.len);
    decoder_flush(k->d);
}

/* One message with a template and its records. */
static inline void kit_flows(struct kit *k, uint16_t version, const char *layout,
                             const char *records)
{
    msg_begin(k, version);
    template_set(k, version, 256, layout);
    data_set(k, 256, records);
    kit_send(k);
}

/* --- expecting --- */

static inline const void *want_value(const struct batch *b, size_t row, enum field_id f)
{
    if (row >= b->rows)
        fail_msg("row %zu of %zu", row, b->rows);
    const void *p = batch_at(b, f, row);
    if (!p)
        fail_msg("row %zu has no %s", row, field_table[f].name);
    return p;
}

static inline void want_u64(const struct batch *b, size_t row, enum field_id f, uint64_t want)
{
    (void)want_value(b, row, f);
    if (batch_u64(b, f, row) != want)
        fail_msg("row %zu: %s is %" PRIu64 ", expected %" PRIu64, row, field_table[f].name,
                 batch_u64(b, f, row), want);
}

static inline void want_f64(const struct batch *b, size_t row, enum field_id f, double want)
{
    const double *p = want_value(b, row, f);
    if (*p < want || *p > want)
        fail_msg("row %zu: %s is %g, expected %g", row, field_table[f].name, *p, want);
}

static inline void want_none(const struct batch *b, size_t row, enum field_id f)
{
    assert_true(row < b->rows);
    if (batch_has(b, f, row))
        fail_msg("row %zu has %s", row, field_table[f].name);
}

static inline void want_addr(const struct batch *b, size_t row, enum field_id f, const char *want)
{
    char text[ADDR_TEXT];

    (void)addr_print(want_value(b, row, f), text);
    if (strcmp(text, want) != 0)
        fail_msg("row %zu: %s is %s, expected %s", row, field_table[f].name, text, want);
}

static inline void want_bytes(const struct batch *b, size_t row, enum field_id f, const void *want,
                              size_t n)
{
    size_t len;

    (void)want_value(b, row, f);
    const uint8_t *p = batch_bytes(b, f, row, &len);
    if (len != n || memcmp(p, want, n) != 0)
        fail_msg("row %zu: %s is \"%.*s\" (%zu octets), expected \"%.*s\"", row,
                 field_table[f].name, (int)len, (const char *)p, len, (int)n, (const char *)want);
}

static inline void want_text(const struct batch *b, size_t row, enum field_id f, const char *want)
{
    want_bytes(b, row, f, want, strlen(want));
}

static inline void want_count(struct kit *k, enum count_id id, uint64_t want)
{
    if (count_get(&k->counts, id) != want)
        fail_msg("counted %" PRIu64 " %s, expected %" PRIu64, count_get(&k->counts, id),
                 count_table[id].name, want);
}

#endif
