/* nfdump's filter as weir's. Most of both is the same, so this only replaces the words before a
 * value, where nfdump has others, and comparison words; what it does not know stays as it is.
 *
 *   term   words that name something, [in], [comparison], value or [list]
 *
 * Where nfdump's word means several fields, the term becomes (A value or B value). */
#include "base/mem.h"
#include "query/nfdump.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

enum { NAME_MAX_BYTES = 64 };

/* nfdump's words and weir's fields; a field alone replaces them, several are either-side. The
 * longest that fits counts. `end`: what to put behind the value. `why`: there is no counterpart. */
static const struct {
    const char *words;
    const char *fields[4];
    const char *end;
    const char *why;
} terms[] = {
    {"duration", {"duration"}, "ms", NULL},
    {"router ip", {"exporter"}, "", NULL},
    {"next ip", {"next_hop"}, "", NULL},
    {"bgpnext ip", {"bgp_next_hop"}, "", NULL},
    {"icmp-type", {"icmp_type"}, "", NULL},
    {"icmp-code", {"icmp_code"}, "", NULL},
    {"engine-type", {"engine_type"}, "", NULL},
    {"engine-id", {"engine_id"}, "", NULL},
    {"prev as", {"prev_as"}, "", NULL},
    {"next as", {"next_as"}, "", NULL},
    {"src vlan", {"vlan"}, "", NULL},
    {"dst vlan", {"post_vlan"}, "", NULL},
    {"vlan", {"vlan", "post_vlan"}, "", NULL},
    {"in src mac", {"src_mac"}, "", NULL},
    {"in dst mac", {"dst_mac"}, "", NULL},
    {"out src mac", {"post_src_mac"}, "", NULL},
    {"out dst mac", {"post_dst_mac"}, "", NULL},
    {"in mac", {"src_mac", "dst_mac"}, "", NULL},
    {"out mac", {"post_src_mac", "post_dst_mac"}, "", NULL},
    {"src mac", {"src_mac", "post_src_mac"}, "", NULL},
    {"dst mac", {"dst_mac", "post_dst_mac"}, "", NULL},
    {"mac", {"src_mac", "dst_mac", "post_src_mac", "post_dst_mac"}, "", NULL},
    {"in packets", {"packets"}, "", NULL},
    {"in bytes", {"bytes"}, "", NULL},
    {"out packets", {"rev_packets"}, "", NULL},
    {"out bytes", {"rev_bytes"}, "", NULL},
    {"flow", {"flows_in_record"}, "", NULL},
    {"flows", {"flows_in_record"}, "", NULL},
    {"flowdir", {"direction"}, "", NULL},
    {"observation domain id", {"domain"}, "", NULL},
    {"observation point id", {"observation_point"}, "", NULL},
    {"ingress vrf", {"in_vrf"}, "", NULL},
    {"egress vrf", {"out_vrf"}, "", NULL},
    {"src xip", {"nat_src_addr"}, "", NULL},
    {"dst xip", {"nat_dst_addr"}, "", NULL},
    {"xip", {"nat_src_addr", "nat_dst_addr"}, "", NULL},
    {"src nip", {"nat_src_addr"}, "", NULL},
    {"dst nip", {"nat_dst_addr"}, "", NULL},
    {"nip", {"nat_src_addr", "nat_dst_addr"}, "", NULL},
    {"src xnet", {"nat_src_addr"}, "", NULL},
    {"dst xnet", {"nat_dst_addr"}, "", NULL},
    {"xnet", {"nat_src_addr", "nat_dst_addr"}, "", NULL},
    {"src xport", {"nat_src_port"}, "", NULL},
    {"dst xport", {"nat_dst_port"}, "", NULL},
    {"xport", {"nat_src_port", "nat_dst_port"}, "", NULL},
    {"src nport", {"nat_src_port"}, "", NULL},
    {"dst nport", {"nat_dst_port"}, "", NULL},
    {"nport", {"nat_src_port", "nat_dst_port"}, "", NULL},
    {"pblock start", {"port_block_start"}, "", NULL},
    {"pblock end", {"port_block_end"}, "", NULL},
    {"pblock step", {"port_block_step"}, "", NULL},
    {"nat event", {"nat_event"}, "", NULL},
    {"asa event", {"fw_event"}, "", NULL},
    {"asa xevent", {"fw_ext_event"}, "", NULL},
    {"src or dst ip", {"src_addr", "dst_addr"}, "", NULL},
    {"src or dst net", {"src_addr", "dst_addr"}, "", NULL},
    {"src or dst port", {"src_port", "dst_port"}, "", NULL},
    {"src or dst as", {"src_as", "dst_as"}, "", NULL},
    {"src net", {"src_addr"}, "", NULL},
    {"dst net", {"dst_addr"}, "", NULL},
    {"net", {"src_addr", "dst_addr"}, "", NULL},
    {"asa event denied", {0}, NULL, "write fw_event 3, and the reason as fw_ext_event"},
    {"count", {0}, NULL, "records are not numbered here"},
    {"ident", {0}, NULL, "a store has no ident; write exporter ADDRESS"},
    {"sysid", {0}, NULL, "exporters have no number here; write exporter ADDRESS"},
    {"payload", {0}, NULL, "payloads are not stored in columns"},
    {"tun", {0}, NULL, "inner headers are in the column \"extra\""},
    {"tunip", {0}, NULL, "inner headers are in the column \"extra\""},
    {"src tunip", {0}, NULL, "inner headers are in the column \"extra\""},
    {"dst tunip", {0}, NULL, "inner headers are in the column \"extra\""},
    {"client latency", {0}, NULL, "latencies are in the column \"extra\""},
    {"server latency", {0}, NULL, "latencies are in the column \"extra\""},
};

/* Values that are words. */
static const struct {
    const char *field, *value, *number;
} values[] = {
    {"direction", "ingress", "0"}, {"direction", "egress", "1"}, {"nat_event", "add", "1"},
    {"nat_event", "delete", "2"},  {"fw_event", "create", "1"},  {"fw_event", "term", "2"},
    {"fw_event", "delete", "2"},   {"fw_event", "deny", "3"},    {"fw_event", "ignore", "0"},
};

static const struct {
    const char *word, *sign;
} comparisons[] = {{"eq", "="}, {"lt", "<"}, {"gt", ">"}, {"le", "<="}, {"ge", ">="}};

/* A piece of the text: a word, signs of comparison, quoted text, or one other octet. */
struct piece {
    const char *at;
    size_t len;
};

static bool is_word(char c) { return c && !strchr(" \t\r\n()[],<>=!&|#\"'", c); }

static const char *skip_blank(const char *s)
{
    for (;;) {
        s += strspn(s, " \t\r\n");
        if (*s != '#')
            return s;
        s += strcspn(s, "\n");
    }
}

static struct piece piece_at(const char *s)
{
    struct piece p = {skip_blank(s), 0};

    if (*p.at == '"' || *p.at == '\'') {
        const char *end = strchr(p.at + 1, *p.at);
        p.len = end ? (size_t)(end - p.at) + 1 : strlen(p.at);
        return p;
    }
    while (is_word(p.at[p.len]))
        p.len++;
    if (p.len == 0)
        p.len = strspn(p.at, "<>=!&|");
    if (p.len == 0 && *p.at)
        p.len = 1;
    return p;
}

static struct piece next(struct piece p) { return piece_at(p.at + p.len); }

static bool is(struct piece p, const char *word)
{
    size_t len = strlen(word);

    if (p.len != len)
        return false;
    for (size_t i = 0; i < len; i++)
        if (tolower((unsigned char)p.at[i]) != word[i])
            return false;
    return true;
}

/* Do these words stand at p? *behind is what follows them. */
static bool stand(const char *words, struct piece p, struct piece *behind)
{
    char name[NAME_MAX_BYTES];

    for (const char *s = words;; s++) {
        size_t len = strcspn(s, " ");
        memcpy(name, s, len);
        name[len] = '\0';
        if (!is(p, name))
            return false;
        p = next(p);
        s += len;
        if (*s == '\0')
            break;
    }
    *behind = p;
    return true;
}

static size_t find(struct piece p, struct piece *behind)
{
    size_t best = COUNT_OF(terms);
    size_t most = 0;
    struct piece b;

    for (size_t i = 0; i < COUNT_OF(terms); i++) {
        size_t len = strlen(terms[i].words);
        if (len > most && stand(terms[i].words, p, &b)) {
            most = len;
            best = i;
            *behind = b;
        }
    }
    return best;
}

static void put(struct buf *out, const char *s, size_t len)
{
    if (out->len > 0 && out->data[out->len - 1] != 0 && out->data[out->len - 1] != '(')
        buf_u8(out, ' ');
    buf_bytes(out, s, len);
}

static void put_text(struct buf *out, const char *s) { put(out, s, strlen(s)); }

static bool put_comparison(struct buf *out, struct piece p)
{
    for (size_t i = 0; i < COUNT_OF(comparisons); i++) {
        if (is(p, comparisons[i].word)) {
            put_text(out, comparisons[i].sign);
            return true;
        }
    }
    return false;
}

/* A mask such as 255.255.0.0 in bits; -1 if it is none. */
static int mask_bits(struct piece p)
{
    uint32_t mask = 0;
    unsigned octet = 0;
    int dots = 0;

    for (size_t i = 0; i < p.len; i++) {
        if (p.at[i] == '.') {
            mask = mask << 8 | octet;
            octet = 0;
            dots++;
        } else if (isdigit((unsigned char)p.at[i]) && octet < 26) {
            octet = octet * 10 + (unsigned)(p.at[i] - '0');
        } else {
            return -1;
        }
        if (octet > 255 || dots > 3)
            return -1;
    }
    mask = mask << 8 | octet;
    int bits = mask ? 32 - __builtin_ctz(mask) : 0;
    bool whole = mask == (bits ? UINT32_MAX << (32 - bits) : 0);
    return dots == 3 && whole ? bits : -1;
}

static void put_value(struct buf *out, const char *field, const char *end, struct piece p)
{
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        if (strcmp(values[i].field, field) == 0 && is(p, values[i].value)) {
            put_text(out, values[i].number);
            return;
        }
    }
    put(out, p.at, p.len);
    if (p.len > 0 && isdigit((unsigned char)p.at[p.len - 1]))
        buf_text(out, end);
}

/* One field with what stands behind the words; returns what follows the term. */
static struct piece put_term(struct buf *out, const char *field, const char *end, struct piece p)
{
    put_text(out, field);
    if (is(p, "in")) {
        put_text(out, "in");
        p = next(p);
    } else if (put_comparison(out, p)) {
        p = next(p);
    } else if (p.len > 0 && strchr("<>=!", *p.at)) {
        put(out, p.at, p.len);
        p = next(p);
    }
    bool list = is(p, "[");
    for (bool more = list; more && p.len > 0; p = next(p)) {
        more = !is(p, "]");
        if (more)
            put_value(out, field, end, p);
        else
            put(out, p.at, p.len);
    }
    if (list)
        return p;
    put_value(out, field, end, p);
    struct piece mask = next(p);
    int bits = strchr(field, '_') && strstr(field, "addr") ? mask_bits(mask) : -1;
    if (bits < 0)
        return mask;
    buf_printf(out, "/%d", bits);
    return next(mask);
}

static struct piece put_terms(struct buf *out, size_t term, struct piece p)
{
    struct piece end = p;
    bool several = terms[term].fields[1] != NULL;

    if (several)
        put_text(out, "(");
    for (size_t i = 0; i < COUNT_OF(terms[term].fields) && terms[term].fields[i]; i++) {
        if (i > 0)
            put_text(out, "or");
        end = put_term(out, terms[term].fields[i], terms[term].end, p);
    }
    if (several)
        buf_u8(out, ')');
    return end;
}

static int put_piece(struct buf *out, struct piece *p, struct err *err)
{
    struct piece behind;
    size_t term = find(*p, &behind);

    if (is(*p, "@include"))
        return err_set(err, ERR_CONFIG,
                       "the filter: @include is not there; -f FILE reads a filter "
                       "from a file");
    if (term < COUNT_OF(terms) && terms[term].why)
        return err_set(err, ERR_CONFIG, "the filter: \"%s\" has no counterpart: %s",
                       terms[term].words, terms[term].why);
    if (term < COUNT_OF(terms)) {
        *p = put_terms(out, term, behind);
        return 0;
    }
    if (stand("flags x", *p, &behind)) {
        put_text(out, "flags FSRPAU");
        *p = behind;
        return 0;
    }
    if (!put_comparison(out, *p))
        put(out, p->at, p->len);
    *p = next(*p);
    return 0;
}

int nfdump_filter(const char *text, struct buf *out, struct err *err)
{
    for (struct piece p = piece_at(text); p.len > 0;) {
        int r = put_piece(out, &p, err);
        if (r)
            return r;
    }
    return 0;
}
