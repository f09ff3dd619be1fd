#include "probe/applications.h"

#include "base/hash.h"
#include "base/mem.h"
#include "probe/ends.h"

/* Its headers, not ours: what they say is not warned of. */
#include <ndpi_api.h>
#include <stdlib.h>

enum {
    ROWS = 1 << 13,
    PLACES = 8,
    IDLE_MS = 300000,
    UDP_PACKETS = 24,
    OTHER_PACKETS = 80,
    ENGINE_SHIFT = 24,
    SERIAL_BITS = 32
};

struct entry {
    struct ends ends;
    uint32_t serial; /* 0: free */
    uint16_t application;
    uint8_t packets; /* that nDPI has seen */
    bool done;
    bool closed;
    int64_t last_ms;
    struct ndpi_flow_struct *flow; /* NULL: it has decided */
};

struct applications {
    struct counts *counts;
    struct ndpi_detection_module_struct *ndpi;
    size_t flow_bytes;
    uint32_t last;
    struct ndpi_flow_struct **spare; /* of those that have decided, to be used again */
    size_t n_spare;
    struct entry rows[ROWS][PLACES];
};

_Static_assert(sizeof(struct entry) * PLACES * ROWS <= 5 << 20, "as the header says");

bool applications_built(void) { return true; }

static struct ndpi_detection_module_struct *module_new(void)
{
    struct ndpi_detection_module_struct *m = ndpi_init_detection_module(ndpi_no_prefs);
    NDPI_PROTOCOL_BITMASK all;

    if (!m)
        return NULL;
    NDPI_BITMASK_SET_ALL(all);
    ndpi_set_protocol_detection_bitmask2(m, &all);
    ndpi_finalize_initialization(m);
    return m;
}

struct applications *applications_new(struct counts *counts)
{
    struct ndpi_detection_module_struct *ndpi = module_new();

    if (!ndpi)
        return NULL;
    struct applications *a = mem_new(1, sizeof *a);
    a->counts = counts;
    a->ndpi = ndpi;
    a->flow_bytes = ndpi_detection_get_sizeof_ndpi_flow_struct();
    a->spare = mem_new((size_t)ROWS * PLACES, sizeof(*a->spare));
    return a;
}

/* What nDPI keeps of a conversation goes; its memory waits for another. */
static void decided(struct applications *a, struct entry *e)
{
    e->done = true;
    if (!e->flow)
        return;
    ndpi_free_flow_data(e->flow);
    a->spare[a->n_spare++] = e->flow;
    e->flow = NULL;
}

void applications_free(struct applications *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < ROWS; i++)
        for (size_t k = 0; k < PLACES; k++)
            decided(a, &a->rows[i][k]);
    for (size_t i = 0; i < a->n_spare; i++)
        free(a->spare[i]);
    free((void *)a->spare);
    ndpi_exit_detection_module(a->ndpi);
    free(a);
}

/* --- conversations --- */

static bool is_over(const struct entry *e, const struct facts *f, int64_t time_ms)
{
    return time_ms - e->last_ms > IDLE_MS || (e->closed && ends_open(f));
}

/* The entry of these ends, or the one that they may have. */
static struct entry *entry_of(struct applications *a, const struct ends *ends, int64_t time_ms)
{
    struct entry *row = a->rows[hash_keyed(ends, sizeof *ends) % ROWS];
    struct entry *oldest = row;

    for (size_t i = 0; i < PLACES; i++) {
        struct entry *e = &row[i];
        if (e->serial == 0 || memcmp(&e->ends, ends, sizeof *ends) == 0)
            return e;
        if (e->last_ms < oldest->last_ms)
            oldest = e;
    }
    if (!oldest->closed && time_ms - oldest->last_ms <= IDLE_MS)
        count_add(a->counts, COUNT_APPLICATIONS_FORGOTTEN, 1);
    decided(a, oldest);
    oldest->serial = 0;
    return oldest;
}

/* Of the same ends again, flows of before may go on: what was known holds until more is. */
static void begin(struct applications *a, struct entry *e, const struct ends *ends, int64_t time_ms)
{
    struct entry begun = {.ends = *ends, .serial = e->serial, .last_ms = time_ms};

    decided(a, e);
    if (begun.serial == 0)
        begun.serial = ++a->last ? a->last : ++a->last;
    else
        begun.application = e->application;
    *e = begun;
    if (a->n_spare > 0)
        e->flow = a->spare[--a->n_spare];
    else
        e->flow = mem_new(1, a->flow_bytes);
    memset(e->flow, 0, a->flow_bytes);
}

/* --- nDPI --- */

static uint16_t number_of(const ndpi_protocol *p)
{
    return p->app_protocol != NDPI_PROTOCOL_UNKNOWN ? p->app_protocol : p->master_protocol;
}

static void guess(struct applications *a, struct entry *e)
{
    uint8_t guessed;

    if (!e->flow)
        return;
    ndpi_protocol p = ndpi_detection_giveup(a->ndpi, e->flow, 1, &guessed);
    if (number_of(&p) != NDPI_PROTOCOL_UNKNOWN)
        e->application = number_of(&p);
    decided(a, e);
}

static void feed(struct applications *a, struct entry *e, const struct packet *p, int64_t time_ms)
{
    size_t len = (size_t)(p->body.at - p->ip) + cur_left(&p->body);
    uint8_t most = p->proto == PACKET_UDP ? UDP_PACKETS : OTHER_PACKETS;
    bool enough = ++e->packets > most;

    len = len < UINT16_MAX ? len : UINT16_MAX;
    ndpi_protocol found = ndpi_detection_process_packet(a->ndpi, e->flow, p->ip,
                                                        (unsigned short)len, (uint64_t)time_ms);
    if (number_of(&found) != NDPI_PROTOCOL_UNKNOWN)
        e->application = number_of(&found);
    if (found.app_protocol == NDPI_PROTOCOL_UNKNOWN && enough)
        guess(a, e);
    else if (enough || (found.app_protocol != NDPI_PROTOCOL_UNKNOWN &&
                        !ndpi_extra_dissection_possible(a->ndpi, e->flow)))
        decided(a, e);
}

static uint32_t id_of(uint16_t number)
{
    return (uint32_t)APPLICATIONS_ENGINE << ENGINE_SHIFT | number;
}

struct application_seen applications_see(struct applications *a, const struct packet *p,
                                         const struct facts *f, int64_t time_ms)
{
    struct ends ends;

    (void)ends_of(f, f->proto == PACKET_TCP || f->proto == PACKET_UDP, &ends);
    struct entry *e = entry_of(a, &ends, time_ms);

    if (e->serial == 0 || is_over(e, f, time_ms))
        begin(a, e, &ends, time_ms);
    if (!e->done && p->offset == 0)
        feed(a, e, p, time_ms);
    if (time_ms > e->last_ms)
        e->last_ms = time_ms;
    if (ends_close(f))
        e->closed = true;
    return (struct application_seen){.conversation =
                                         (uint64_t)(e - &a->rows[0][0]) << SERIAL_BITS | e->serial,
                                     .application = id_of(e->application)};
}

uint32_t applications_of(struct applications *a, uint64_t conversation, bool ends)
{
    size_t at = (size_t)(conversation >> SERIAL_BITS);
    struct entry *e = &a->rows[0][0] + at % ((size_t)ROWS * PLACES);

    if (e->serial != (uint32_t)conversation)
        return id_of(NDPI_PROTOCOL_UNKNOWN);
    if (ends && !e->done)
        guess(a, e);
    return id_of(e->application);
}

/* --- names --- */

struct applications_names {
    struct ndpi_detection_module_struct *ndpi;
};

struct applications_names *applications_names_new(void)
{
    struct ndpi_detection_module_struct *ndpi = module_new();

    if (!ndpi)
        return NULL;
    struct applications_names *n = mem_new(1, sizeof *n);
    n->ndpi = ndpi;
    return n;
}

void applications_names_free(struct applications_names *n)
{
    if (!n)
        return;
    ndpi_exit_detection_module(n->ndpi);
    free(n);
}

bool applications_name(const struct applications_names *n, size_t i, uint32_t *application,
                       const char **name, const char **kind)
{
    if (i >= ndpi_get_num_supported_protocols(n->ndpi))
        return false;
    const ndpi_protocol p = {.app_protocol = (uint16_t)i};
    *application = id_of((uint16_t)i);
    *name = ndpi_get_proto_name(n->ndpi, (uint16_t)i);
    *kind = ndpi_category_get_name(n->ndpi, ndpi_get_proto_category(n->ndpi, p));
    return true;
}
