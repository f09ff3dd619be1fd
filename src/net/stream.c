#include "net/stream.h"

#include "base/mem.h"

#include <stdlib.h>

enum { MESSAGE_MAX = 65535, IPFIX_HEAD = 16, BYTES_MAX = 128 * 1024, IPFIX_VERSION = 10 };

enum stream_state { FREE, NEW, IPFIX, STRANGER };

struct stream {
    enum stream_state state;
    struct streams *table;
    uint64_t age;
    uint32_t number;
    struct addr src;
    struct addr dst;
    uint16_t src_port;
    uint16_t dst_port;
    uint32_t next_seq;
    bool ended;
    size_t at; /* of what has not been given out in bytes[0..len) */
    size_t len;
    uint8_t *bytes;
};

struct streams {
    uint64_t now;
    uint64_t lost;
    uint32_t numbers;
    struct stream slot[STREAM_SLOTS];
};

struct streams *streams_new(void) { return mem_new(1, sizeof(struct streams)); }

void streams_free(struct streams *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < STREAM_SLOTS; i++)
        free(t->slot[i].bytes);
    free(t);
}

uint64_t streams_lost(const struct streams *t) { return t->lost; }
uint32_t stream_number(const struct stream *s) { return s->number; }

static bool is_ipfix(struct cur in)
{
    uint16_t version = cur_u16(&in);
    uint16_t len = cur_u16(&in);
    return cur_ok(&in) && version == IPFIX_VERSION && len >= IPFIX_HEAD;
}

static void give_up(struct stream *s, enum stream_state to)
{
    s->table->lost += s->state == IPFIX;
    s->state = to;
    s->at = 0;
    s->len = 0;
}

static struct stream *slot_for(struct streams *t, const struct packet *p, const struct segment *g)
{
    struct stream *s = &t->slot[0];

    for (size_t i = 0; i < STREAM_SLOTS; i++) {
        struct stream *c = &t->slot[i];
        if (c->state != FREE && c->src_port == g->src_port && c->dst_port == g->dst_port &&
            addr_eq(&c->src, &p->src) && addr_eq(&c->dst, &p->dst)) {
            c->age = ++t->now;
            return c;
        }
        if (s->state != FREE && (c->state == FREE || c->age < s->age))
            s = c;
    }
    if (!g->syn && !is_ipfix(g->payload))
        return NULL;
    if (s->len > s->at)
        give_up(s, FREE);
    *s = (struct stream){.state = NEW,
                         .table = t,
                         .age = ++t->now,
                         .src = p->src,
                         .dst = p->dst,
                         .src_port = g->src_port,
                         .dst_port = g->dst_port,
                         .next_seq = g->syn ? g->seq + 1 : g->seq,
                         .bytes = s->bytes ? s->bytes : mem_new(BYTES_MAX, 1)};
    return s;
}

/* Bytes of the segment that are new and in order, behind those that are still there. */
static void append(struct stream *s, const struct segment *g)
{
    struct cur in = g->payload;
    uint32_t seq = g->seq + g->syn;
    int32_t again = (int32_t)(s->next_seq - seq);

    if (again < 0 || cur_left(&in) > BYTES_MAX - MESSAGE_MAX) {
        give_up(s, STRANGER);
        return;
    }
    if ((size_t)again >= cur_left(&in))
        return;
    (void)cur_bytes(&in, (size_t)again);
    memmove(s->bytes, s->bytes + s->at, s->len - s->at);
    s->len -= s->at;
    s->at = 0;
    size_t n = cur_left(&in);
    if (n > BYTES_MAX - s->len) {
        give_up(s, STRANGER);
        return;
    }
    memcpy(s->bytes + s->len, in.at, n);
    s->len += n;
    s->next_seq += (uint32_t)n;
}

struct stream *streams_add(struct streams *t, const struct packet *p, const struct segment *g)
{
    struct stream *s = slot_for(t, p, g);

    if (!s)
        return NULL;
    if (g->syn && (s->state == STRANGER || g->seq + 1 != s->next_seq)) { /* ports used again */
        give_up(s, FREE);
        s = slot_for(t, p, g);
    }
    if (s->state != STRANGER && cur_left(&g->payload) > 0)
        append(s, g);
    if (s->state == NEW && s->len >= 4) {
        s->state = is_ipfix(cur_of(s->bytes, s->len)) ? IPFIX : STRANGER;
        if (s->state == IPFIX)
            s->number = ++t->numbers;
    }
    s->ended = g->end;
    if (s->state != IPFIX) {
        if (g->end)
            s->state = FREE;
        return NULL;
    }
    return s;
}

bool stream_next(struct stream *s, struct cur *message)
{
    struct cur in = cur_of(s->bytes + s->at, s->len - s->at);
    struct cur head = in;

    if (s->state != IPFIX || cur_left(&in) < 4)
        return false;
    if (!is_ipfix(in)) {
        give_up(s, STRANGER);
        return false;
    }
    (void)cur_u16(&head);
    uint16_t len = cur_u16(&head);
    if (len > cur_left(&in))
        return false;
    *message = cur_take(&in, len);
    s->at += len;
    return true;
}

bool stream_ended(struct stream *s)
{
    if (!s->ended)
        return false;
    if (s->len > s->at)
        s->table->lost++;
    s->state = FREE;
    s->len = s->at = 0;
    return true;
}
