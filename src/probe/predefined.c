/* Each is written in the routers' own words, read as those of a flow record are. The aggregations
 * hold what NetFlow v8's do (wire/fixed). */
#include "probe/predefined.h"

#include "base/attr.h"
#include "base/near.h"
#include "probe/words.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
#define COUNTERS \
    "collect counter bytes\ncollect counter packets\n" \
    "collect timestamp sys-uptime first\ncollect timestamp sys-uptime last\n"
#define AS "match routing source as\nmatch routing destination as\n"
#define SOURCE "match ipv@ source prefix\nmatch ipv@ source mask\n"
#define DESTINATION "match ipv@ destination prefix\nmatch ipv@ destination mask\n"
#define INPUT "match interface input\n"
#define OUTPUT "match interface output\n"
#define DIRECTION "match flow direction\n"
#define TOS "match ipv4 tos\n"
#define PORTS "match transport source-port\nmatch transport destination-port\n"
#define ADDRESSES "match ipv@ source address\nmatch ipv@ destination address\n"
#define ORIGINAL_KEYS4 TOS "match ipv4 protocol\n" ADDRESSES PORTS
#define ORIGINAL_KEYS6 \
    "match ipv6 traffic-class\nmatch ipv6 flow-label\nmatch ipv6 protocol\n" \
    "match ipv6 extension map\n" ADDRESSES PORTS
#define ORIGINAL_VALUES \
    "collect routing source as\ncollect routing destination as\n" \
    "collect routing next-hop address ipv@\n" \
    "collect ipv@ source mask\ncollect ipv@ destination mask\ncollect transport tcp flags\n"
#define APPLICATION "match ipv@ version\nmatch ipv@ protocol\n"

enum { V4 = 1, V6 = 2, PEER = 4 /* also with AS numbers of peers */ };

/* "@" is the IP version. */
static const struct {
    const char *name; /* behind "netflow ipv4" */
    int forms;
    const char *text;
} records[] = {
    {"original-input", V4 | PEER, ORIGINAL_KEYS4 INPUT "match flow sampler\n" ORIGINAL_VALUES "collect interface output\n" COUNTERS},
    {"original-output", V4 | PEER, ORIGINAL_KEYS4 OUTPUT "match flow sampler\n" ORIGINAL_VALUES "collect interface input\n" COUNTERS},
    {"original-input", V6 | PEER, ORIGINAL_KEYS6 INPUT DIRECTION "match flow sampler\n" ORIGINAL_VALUES "collect interface output\n" COUNTERS},
    {"original-output", V6 | PEER, ORIGINAL_KEYS6 OUTPUT DIRECTION "match flow sampler\n" ORIGINAL_VALUES "collect interface input\n" COUNTERS},
    {"as", V4 | V6 | PEER, AS INPUT OUTPUT DIRECTION COUNTERS},
    {"as-tos", V4 | PEER, TOS AS INPUT OUTPUT DIRECTION COUNTERS},
    {"bgp-nexthop", V6 | PEER, AS "match routing next-hop address ipv@ bgp\n" INPUT OUTPUT DIRECTION COUNTERS},
    {"bgp-nexthop-tos", V4 | PEER, TOS AS "match routing next-hop address ipv@ bgp\n" INPUT OUTPUT DIRECTION COUNTERS},
    {"destination-prefix", V4 | V6 | PEER, "match routing destination as\n" DESTINATION OUTPUT DIRECTION COUNTERS},
    {"destination-prefix-tos", V4 | PEER, TOS "match routing destination as\n" DESTINATION OUTPUT DIRECTION COUNTERS},
    {"prefix", V4 | V6 | PEER, AS SOURCE DESTINATION INPUT OUTPUT DIRECTION COUNTERS},
    {"prefix-port", V4, TOS "match ipv4 protocol\n" SOURCE DESTINATION PORTS INPUT OUTPUT DIRECTION COUNTERS},
    {"prefix-tos", V4 | PEER, TOS AS SOURCE DESTINATION INPUT OUTPUT DIRECTION COUNTERS},
    {"protocol-port", V4 | V6, "match ipv@ protocol\n" PORTS DIRECTION COUNTERS},
    {"protocol-port-tos", V4, TOS "match ipv4 protocol\n" PORTS INPUT OUTPUT DIRECTION COUNTERS},
    {"source-prefix", V4 | V6 | PEER, "match routing source as\n" SOURCE INPUT DIRECTION COUNTERS},
    {"source-prefix-tos", V4 | PEER, TOS "match routing source as\n" SOURCE INPUT DIRECTION COUNTERS},
    {"app-stats-input", V4 | V6,
     APPLICATION ADDRESSES PORTS INPUT "match application name\n"
     "collect datalink dot1q vlan input\ncollect datalink mac source address input\n"
     "collect datalink mac destination address input\ncollect transport tcp flags\n"
     "collect interface output\ncollect counter bytes long\ncollect counter packets long\n"
     "collect timestamp absolute first\ncollect timestamp absolute last\n"},
    {"app-client-server-stats", V4 | V6,
     APPLICATION "match application name\n"
     "match connection client ipv@ address\nmatch connection server ipv@ address\n"
     "match connection server transport port\nmatch flow observation point\n"
     "collect flow direction\n"
     "collect timestamp absolute first\ncollect timestamp absolute last\n"
     "collect connection initiator\ncollect connection new-connections\n"
     "collect connection server counter packets long\ncollect connection client counter packets long\n"
     "collect connection server counter bytes network long\n"
     "collect connection client counter bytes network long\n"},
};
/* clang-format on */

static const char *const unknown[] = {"default-rtp",
                                      "default-tcp",
                                      "wireless avc basic",
                                      "wireless avc ipv4",
                                      "wireless avc ipv6",
                                      "netflow ipv4 app-stats-output",
                                      "netflow ipv6 app-stats-output",
                                      "netflow ipv4 app-client-server-trans-stats",
                                      "netflow ipv6 app-client-server-trans-stats",
                                      "netflow ipv4 assurance",
                                      "netflow ipv6 assurance",
                                      "netflow ipv4 assurance-rtp",
                                      "netflow ipv6 assurance-rtp"};

enum { FORMS = 4, NAMES = FORMS * COUNT_OF(records) + 1, TEXT = 1024 };

static const char *const original = "netflow-original";

/* Its i-th name, of all its forms: as itself, and with "peer"; for both versions of IP. */
static bool name_of(size_t record, size_t form, char out[static SETUP_NAME])
{
    bool six = form & 1;
    bool peer = form & 2;

    if (!(records[record].forms & (six ? V6 : V4)) || (peer && !(records[record].forms & PEER)))
        return false;
    (void)snprintf(out, SETUP_NAME, "netflow ipv%c %s%s", six ? '6' : '4', records[record].name,
                   peer ? " peer" : "");
    return true;
}

bool predefined_name(size_t i, char out[static SETUP_NAME])
{
    if (i == 0) {
        (void)snprintf(out, SETUP_NAME, "%s", original);
        return true;
    }
    for (size_t record = 0; record < COUNT_OF(records); record++)
        for (size_t form = 0; form < FORMS; form++)
            if (name_of(record, form, out) && --i == 0)
                return true;
    return false;
}

bool predefined_is(const char *name)
{
    return strchr(name, ' ') || strcmp(name, original) == 0 || strcmp(name, unknown[0]) == 0 ||
           strcmp(name, unknown[1]) == 0;
}

struct reader {
    struct conf conf;
    struct setup_record *record;
};

static int on_word(struct conf *c, const struct conf_line *line, struct err *err)
{
    struct setup_record *r = container_of(c, struct reader, conf)->record;

    assert(r->n < SETUP_FIELDS);
    return words_read(line, line->command->id != 0, &r->fields[r->n++], err);
}

static void use_peers(struct setup_record *r)
{
    enum { SRC_AS = 16, DST_AS = 17, NEXT_AS = 128, PREV_AS = 129 };

    for (size_t i = 0; i < r->n; i++) {
        if (r->fields[i].number == SRC_AS)
            r->fields[i].number = PREV_AS;
        else if (r->fields[i].number == DST_AS)
            r->fields[i].number = NEXT_AS;
    }
}

static int read_record(size_t record, size_t form, struct setup_record *out, struct err *err)
{
    const struct conf_command commands[] = {
        {.words = "match", .take = on_word, .id = 1, .then = words_match},
        {.words = "collect", .take = on_word, .then = words_collect},
    };
    struct setup_record r = {.n = 0};
    struct reader reader = {.conf = {.commands = commands, .n = COUNT_OF(commands)}, .record = &r};
    char text[TEXT];
    size_t n = 0;

    for (const char *s = records[record].text; *s; s++) {
        text[n] = *s;
        if (*s == '@')
            text[n] = form & 1 ? '6' : '4';
        n++;
    }
    int bad = conf_read(&reader.conf, records[record].name, text, n, err);
    if (bad)
        return bad;
    if (form & 2)
        use_peers(&r);
    *out = r;
    return 0;
}

static int fail_name(const char *name, struct err *err)
{
    char names[NAMES][SETUP_NAME];
    struct near near = near_of(name, strlen(name));

    for (size_t i = 0; i < COUNT_OF(unknown); i++)
        if (strcmp(name, unknown[i]) == 0)
            return err_set(err, ERR_CONFIG,
                           "what is in this record nobody has published; a flow "
                           "record can be written with what you need of it");
    for (size_t i = 0; i < NAMES && predefined_name(i, names[i]); i++)
        near_try(&near, names[i]);
    const char *best = near_best(&near);
    return err_set(err, ERR_CONFIG, "there is no predefined record \"%.60s\"%s%s%s", name,
                   best ? "; did you mean \"" : "", best ? best : "", best ? "\"?" : "");
}

int predefined_read(const char *name, struct setup_record *out, struct err *err)
{
    char known[SETUP_NAME];
    const char *want = strcmp(name, original) == 0 ? "netflow ipv4 original-input" : name;
    struct setup_record r;

    for (size_t record = 0; record < COUNT_OF(records); record++)
        for (size_t form = 0; form < FORMS; form++) {
            if (!name_of(record, form, known) || strcmp(known, want) != 0)
                continue;
            int bad = read_record(record, form, &r, err);
            if (bad)
                return bad;
            (void)snprintf(r.name, sizeof r.name, "%s", name);
            *out = r;
            return 0;
        }
    return fail_name(name, err);
}
