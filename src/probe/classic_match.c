/* What `match` says below `ip flow-top-talkers`: each line is a value of one element, or bounds of
 * it. */
#include "base/attr.h"
#include "base/text.h"
#include "probe/classic.h"
#include "probe/fnf_draft.h"
#include "probe/pick.h"

#include <stdlib.h>
#include <string.h>

enum {
    BYTES = 1,
    PACKETS = 2,
    PROTO = 4,
    TOS = 5,
    SRC_PORT = 7,
    SRC = 8,
    IN_IF = 10,
    DST_PORT = 11,
    DST = 12,
    OUT_IF = 14,
    NEXT_HOP = 15,
    SRC_AS = 16,
    DST_AS = 17,
    DIRECTION = 61
};

/* What stands behind the words. */
enum form {
    FORM_ADDR = 1,
    FORM_NUMBER,
    FORM_MIN,
    FORM_MAX,
    FORM_MIN_MAX,
    FORM_MAX_MIN,
    FORM_DEVICE,
    FORM_PROTO,
    FORM_DSCP,
    FORM_PRECEDENCE,
    FORM_IN,
    FORM_OUT,
    FORM_SHIFT = 8
};

#define ROW(text, element, form_of)                                     \
    {                                                                   \
        .words = (text), .id = (element) | FORM_##form_of << FORM_SHIFT \
    }
#define RANGE(text, element)                                            \
    ROW(text " min N", element, MIN), ROW(text " max N", element, MAX), \
        ROW(text " min N max N", element, MIN_MAX), ROW(text " max N min N", element, MAX_MIN)

const struct conf_command classic_matches[] = {
    ROW("source address ADDR", SRC, ADDR),
    ROW("source address ADDR MASK", SRC, ADDR),
    ROW("destination address ADDR", DST, ADDR),
    ROW("destination address ADDR MASK", DST, ADDR),
    ROW("nexthop-address ADDR", NEXT_HOP, ADDR),
    ROW("nexthop-address ADDR MASK", NEXT_HOP, ADDR),
    ROW("source port N", SRC_PORT, NUMBER),
    RANGE("source port", SRC_PORT),
    ROW("destination port N", DST_PORT, NUMBER),
    RANGE("destination port", DST_PORT),
    ROW("source as N", SRC_AS, NUMBER),
    ROW("destination as N", DST_AS, NUMBER),
    ROW("input-interface TEXT", IN_IF, DEVICE),
    ROW("output-interface TEXT", OUT_IF, DEVICE),
    ROW("protocol NAME", PROTO, PROTO),
    ROW("tos N", TOS, NUMBER),
    ROW("tos dscp N", TOS, DSCP),
    ROW("tos precedence N", TOS, PRECEDENCE),
    RANGE("byte-range", BYTES),
    RANGE("packet-range", PACKETS),
    ROW("direction ingress", DIRECTION, IN),
    ROW("direction egress", DIRECTION, OUT),
    {.words = NULL},
};

static void set_bounds(struct setup_test *t, uint64_t lo, uint64_t hi)
{
    pick_put(t->lo, lo);
    pick_put(t->hi, hi);
}

static uint32_t v4_of(const struct addr *a)
{
    return (uint32_t)a->b[12] << 24 | (uint32_t)a->b[13] << 16 | (uint32_t)a->b[14] << 8 | a->b[15];
}

/* "10.0.0.0/8", "10.0.0.0 /8", "10.0.0.0 255.0.0.0", "10.1.2.3". */
static int read_addr(const struct conf_line *line, struct setup_test *t, struct err *err)
{
    const struct conf_word *mask = &line->arg[1];
    struct fnf_said text;
    struct prefix p;
    struct addr m;
    int r = fnf_say(line, &line->arg[0], &text, err);

    if (r)
        return r;
    if (prefix_parse(text.s, &p, NULL) != 0 || !addr_is_v4(&p.addr))
        return conf_fail(line, line->arg[0].column, err, "expected an IPv4 address, found \"%s\"",
                         text.s);
    uint64_t bits = p.bits - ADDR_V4_BITS;
    if (line->n > 1 && mask->s[0] == '/') {
        if (text_count(mask->s + 1, mask->len - 1, 32, &bits, NULL) != 0)
            return conf_fail(line, mask->column, err, "expected /0 to /32");
    } else if (line->n > 1) {
        uint8_t ones = 0;
        r = fnf_address(line, mask, &m, err);
        if (r == 0 && !addr_netmask(&m, &ones))
            r = conf_fail(line, mask->column, err, "expected a mask of ones, then zeros");
        bits = ones;
    }
    if (r)
        return r;
    uint64_t behind = (UINT64_C(1) << (32 - bits)) - 1;
    uint64_t net = v4_of(&p.addr) & ~behind;
    set_bounds(t, net, net | behind);
    return 0;
}

static int read_proto(const struct conf_line *line, struct setup_test *t, struct err *err)
{
    static const struct {
        const char *name;
        uint8_t number;
    } known[] = {{"icmp", 1},   {"igmp", 2},  {"ipinip", 4}, {"tcp", 6},
                 {"udp", 17},   {"gre", 47},  {"esp", 50},   {"ahp", 51},
                 {"eigrp", 88}, {"ospf", 89}, {"pim", 103},  {"sctp", 132}};
    const struct conf_word *w = &line->arg[0];
    uint64_t n = 0;

    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (strlen(known[i].name) == w->len && memcmp(known[i].name, w->s, w->len) == 0) {
            set_bounds(t, known[i].number, known[i].number);
            return 0;
        }
    if (text_count(w->s, w->len, UINT8_MAX, &n, NULL) != 0)
        return conf_fail(line, w->column, err,
                         "expected a protocol's number, or tcp, udp, icmp, igmp, ipinip, gre, esp, "
                         "ahp, eigrp, ospf, pim or sctp");
    set_bounds(t, n, n);
    return 0;
}

static uint64_t most_of(uint16_t element)
{
    switch (element) {
    case TOS:
        return UINT8_MAX;
    case SRC_PORT:
    case DST_PORT:
        return UINT16_MAX;
    default:
        return UINT32_MAX;
    }
}

static int read_numbers(const struct conf_line *line, int form, struct setup_test *t,
                        struct err *err)
{
    uint64_t most = form == FORM_DSCP ? 63 : form == FORM_PRECEDENCE ? 7 : most_of(t->number);
    uint64_t v[2] = {0, 0};

    for (size_t i = 0; i < line->n; i++)
        if (text_count(line->arg[i].s, line->arg[i].len, most, &v[i], NULL) != 0)
            return conf_fail(line, line->arg[i].column, err, "expected 0 to %llu",
                             (unsigned long long)most);
    switch (form) {
    case FORM_MIN:
        set_bounds(t, v[0], UINT64_MAX);
        return 0;
    case FORM_MAX:
        set_bounds(t, 0, v[0]);
        return 0;
    case FORM_MIN_MAX:
        set_bounds(t, v[0], v[1]);
        return 0;
    case FORM_MAX_MIN:
        set_bounds(t, v[1], v[0]);
        return 0;
    case FORM_DSCP:
        set_bounds(t, v[0] << 2, v[0] << 2 | 3);
        return 0;
    case FORM_PRECEDENCE:
        set_bounds(t, v[0] << 5, v[0] << 5 | 31);
        return 0;
    default:
        set_bounds(t, v[0], v[0]);
        return 0;
    }
}

static int read_test(const struct conf_line *line, struct setup_test *t, struct fnf_said *dev,
                     struct err *err)
{
    int form = line->then->id >> FORM_SHIFT;

    t->number = (uint16_t)(line->then->id & ((1 << FORM_SHIFT) - 1));
    switch (form) {
    case FORM_ADDR:
        return read_addr(line, t, err);
    case FORM_DEVICE:
        return fnf_say_joined(line, &line->arg[0], 0, dev, err);
    case FORM_PROTO:
        return read_proto(line, t, err);
    case FORM_IN:
    case FORM_OUT:
        set_bounds(t, form == FORM_OUT, form == FORM_OUT);
        return 0;
    default:
        return read_numbers(line, form, t, err);
    }
}

int classic_match(struct classic *c, const struct conf_line *line, struct err *err)
{
    struct setup_top *top = &c->top;
    struct setup_test t = {.number = 0};
    struct fnf_said dev = {.line = 0};
    int r = read_test(line, &t, &dev, err);
    size_t i = 0;

    if (r)
        return r;
    while (i < top->n_tests &&
           (memcmp(&top->tests[i], &t, sizeof t) != 0 || strcmp(c->devices[i].s, dev.s) != 0))
        i++;
    if (line->no && i < top->n_tests) {
        top->n_tests--;
        memmove(&top->tests[i], &top->tests[i + 1], (top->n_tests - i) * sizeof t);
        memmove(&c->devices[i], &c->devices[i + 1], (top->n_tests - i) * sizeof dev);
    }
    if (line->no || i < top->n_tests)
        return 0;
    if (i == SETUP_TESTS)
        return conf_fail(line, 1, err, "at most %d lines of match", SETUP_TESTS);
    c->devices[top->n_tests] = dev;
    top->tests[top->n_tests++] = t;
    return 0;
}
