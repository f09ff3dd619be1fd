#include "net/frag.h"

#include "base/mem.h"

#include <stdlib.h>

enum { BODY_MAX = 65536, UNIT = 8, UNITS = BODY_MAX / UNIT };

/* Fragments come in units of 8 bytes; only the last may end elsewhere. */
struct slot {
    bool used;
    uint64_t age;
    struct addr src;
    struct addr dst;
    uint32_t id;
    uint8_t proto;
    size_t total; /* 0: the last fragment has not come */
    size_t have;  /* units */
    uint8_t *body;
    uint8_t seen[UNITS / 8];
};

struct frag {
    uint64_t now;
    struct slot slot[FRAG_SLOTS];
};

struct frag *frag_new(void) { return mem_new(1, sizeof(struct frag)); }

void frag_free(struct frag *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < FRAG_SLOTS; i++)
        free(f->slot[i].body);
    free(f);
}

uint64_t frag_open(const struct frag *f)
{
    uint64_t n = 0;

    for (size_t i = 0; i < FRAG_SLOTS; i++)
        n += f->slot[i].used;
    return n;
}

static struct slot *slot_for(struct frag *f, const struct packet *p, uint64_t *lost)
{
    struct slot *s = &f->slot[0];

    for (size_t i = 0; i < FRAG_SLOTS; i++) {
        struct slot *c = &f->slot[i];
        if (c->used && c->id == p->id && c->proto == p->proto && addr_eq(&c->src, &p->src) &&
            addr_eq(&c->dst, &p->dst))
            return c;
        if (s->used && (!c->used || c->age < s->age))
            s = c;
    }
    *lost += s->used;
    uint8_t *body = s->body ? s->body : mem_new(BODY_MAX, 1);
    *s = (struct slot){.used = true,
                       .age = ++f->now,
                       .src = p->src,
                       .dst = p->dst,
                       .id = p->id,
                       .proto = p->proto,
                       .body = body};
    return s;
}

/* false: it contradicts what came before. */
static bool put(struct slot *s, const struct packet *p, size_t len)
{
    size_t end = p->offset + len;

    if (!p->more) {
        if (s->total != 0 && s->total != end)
            return false;
        s->total = end;
    }
    if (s->total != 0 && end > s->total)
        return false;
    for (size_t at = 0; at < len; at += UNIT) {
        size_t unit = (p->offset + at) / UNIT;
        size_t n = len - at < UNIT ? len - at : UNIT;
        if (s->seen[unit / 8] >> (unit % 8) & 1) {
            if (memcmp(s->body + unit * UNIT, p->body.at + at, n) != 0)
                return false;
            continue;
        }
        memcpy(s->body + unit * UNIT, p->body.at + at, n);
        s->seen[unit / 8] |= (uint8_t)(1u << (unit % 8));
        s->have++;
    }
    return true;
}

bool frag_add(struct frag *f, struct packet *p, uint64_t *lost)
{
    size_t len = cur_left(&p->body);

    if (p->cut || len == 0 || len > BODY_MAX || p->offset > BODY_MAX - len ||
        (p->more && len % UNIT != 0)) {
        *lost += 1;
        return false;
    }
    struct slot *s = slot_for(f, p, lost);
    if (!put(s, p, len)) {
        s->used = false;
        *lost += 1;
        return false;
    }
    if (s->total == 0 || s->have < (s->total + UNIT - 1) / UNIT)
        return false;
    s->used = false;
    p->body = cur_of(s->body, s->total);
    p->fragment = false;
    return true;
}
