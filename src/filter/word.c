#include "filter/word.h"

#include "base/near.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum {
    NAME_WORDS = 5, /* of "post dot1q customer vlan" and the like */
    SUGGESTIONS = 3
};

/* Words beside the catalogue's names; where one is both, this table wins. */
// clang-format off
#define ONE(word, a) {word, {a}, 1}
#define TWO(word, a, b) {word, {a, b}, 2}
#define SIDES(word, a, b) TWO(word, a, b), ONE("src_" word, a), ONE("dst_" word, b)
#define WAYS(word, a, b) ONE("in_" word, a), ONE("out_" word, b)
#define NAT(word, a, b) SIDES(word, a, b), ONE("nat_src_" word, a), ONE("nat_dst_" word, b), \
    TWO("nat_" word, a, b), ONE("src_nat_" word, a), ONE("dst_nat_" word, b)
struct word {
    const char *name;
    unsigned what[SUBJECT_MAX];
    size_t n;
};

static const struct word words[] = {
    SIDES("ip", FIELD_SRC_ADDR, FIELD_DST_ADDR),
    SIDES("host", FIELD_SRC_ADDR, FIELD_DST_ADDR),
    SIDES("net", FIELD_SRC_ADDR, FIELD_DST_ADDR),
    SIDES("addr", FIELD_SRC_ADDR, FIELD_DST_ADDR),
    ONE("src", FIELD_SRC_ADDR),
    ONE("dst", FIELD_DST_ADDR),
    SIDES("port", FIELD_SRC_PORT, FIELD_DST_PORT),
    SIDES("as", FIELD_SRC_AS, FIELD_DST_AS),
    SIDES("mask", FIELD_SRC_MASK, FIELD_DST_MASK),
    SIDES("prefix", FIELD_SRC_PREFIX, FIELD_DST_PREFIX),
    SIDES("vlan", FIELD_VLAN, FIELD_POST_VLAN),
    {"mac", {FIELD_SRC_MAC, FIELD_DST_MAC, FIELD_POST_SRC_MAC, FIELD_POST_DST_MAC}, 4},
    TWO("in_mac", FIELD_SRC_MAC, FIELD_DST_MAC),
    TWO("out_mac", FIELD_POST_SRC_MAC, FIELD_POST_DST_MAC),
    WAYS("src_mac", FIELD_SRC_MAC, FIELD_POST_SRC_MAC),
    WAYS("dst_mac", FIELD_DST_MAC, FIELD_POST_DST_MAC),
    TWO("if", FIELD_IN_IF, FIELD_OUT_IF),
    TWO("vrf", FIELD_IN_VRF, FIELD_OUT_VRF),
    ONE("ingress_vrf", FIELD_IN_VRF),
    ONE("egress_vrf", FIELD_OUT_VRF),
    WAYS("tos", FIELD_TOS, FIELD_POST_TOS),
    WAYS("vlan", FIELD_VLAN, FIELD_POST_VLAN),
    ONE("dscp", WHAT_MADE + MADE_DSCP),
    WAYS("dscp", WHAT_MADE + MADE_DSCP, WHAT_MADE + MADE_OUT_DSCP),
    ONE("post_dscp", WHAT_MADE + MADE_OUT_DSCP),
    NAT("ip", FIELD_NAT_SRC_ADDR, FIELD_NAT_DST_ADDR),
    NAT("host", FIELD_NAT_SRC_ADDR, FIELD_NAT_DST_ADDR),
    NAT("net", FIELD_NAT_SRC_ADDR, FIELD_NAT_DST_ADDR),
    NAT("addr", FIELD_NAT_SRC_ADDR, FIELD_NAT_DST_ADDR),
    NAT("port", FIELD_NAT_SRC_PORT, FIELD_NAT_DST_PORT),
    ONE("protocol", FIELD_PROTO),
    ONE("flags", FIELD_TCP_FLAGS),
    ONE("bytes", WHAT_MEASURE + MEASURE_BYTES),
    ONE("in_bytes", WHAT_MEASURE + MEASURE_BYTES),
    ONE("out_bytes", WHAT_MADE + MADE_OUT_BYTES),
    ONE("packets", WHAT_MEASURE + MEASURE_PACKETS),
    ONE("in_packets", WHAT_MEASURE + MEASURE_PACKETS),
    ONE("out_packets", WHAT_MADE + MADE_OUT_PACKETS),
    ONE("flows", WHAT_MADE + MADE_FLOWS),
    ONE("duration", WHAT_MEASURE + MEASURE_DURATION_MS),
    ONE("bps", WHAT_RATIO + RATIO_BPS),
    ONE("pps", WHAT_RATIO + RATIO_PPS),
    ONE("bpp", WHAT_RATIO + RATIO_BPP),
    ONE("mpls_top_label", WHAT_PART + PART_LABEL + 1),
    ONE("mpls_eos", WHAT_PART + PART_LABEL_BOTTOM),
    ONE("mpls_top_exp", WHAT_PART + PART_EXP + 1),
};

/* nfdump's, which are understood but not suggested. */
static const struct word nfdump_words[] = {
    ONE("router", FIELD_EXPORTER),
    ONE("router_ip", FIELD_EXPORTER),
    ONE("next_ip", FIELD_NEXT_HOP),
    ONE("bgpnext_ip", FIELD_BGP_NEXT_HOP),
    ONE("flow", WHAT_MADE + MADE_FLOWS),
    ONE("flowdir", FIELD_DIRECTION),
    ONE("observation_domain_id", FIELD_DOMAIN),
    ONE("observation_point_id", FIELD_OBSERVATION_POINT),
    ONE("asa_event", FIELD_FW_EVENT),
    ONE("asa_xevent", FIELD_FW_EXT_EVENT),
    SIDES("xip", FIELD_NAT_SRC_ADDR, FIELD_NAT_DST_ADDR),
    SIDES("xnet", FIELD_NAT_SRC_ADDR, FIELD_NAT_DST_ADDR),
    SIDES("xport", FIELD_NAT_SRC_PORT, FIELD_NAT_DST_PORT),
    SIDES("nip", FIELD_NAT_SRC_ADDR, FIELD_NAT_DST_ADDR),
    SIDES("nport", FIELD_NAT_SRC_PORT, FIELD_NAT_DST_PORT),
    ONE("pblock_start", FIELD_PORT_BLOCK_START),
    ONE("pblock_end", FIELD_PORT_BLOCK_END),
    ONE("pblock_step", FIELD_PORT_BLOCK_STEP),
};
#undef ONE
#undef TWO
#undef SIDES
#undef WAYS
#undef NAT

/* Terms without a value, for suggestions only. */
static const char *const plain_words[] = {"any", "inet", "inet6", "ipv4", "ipv6", "has", "filter"};
// clang-format on

static bool find_in(const struct word *table, size_t n, const char *name, size_t len,
                    struct subject *out)
{
    for (size_t i = 0; i < n; i++) {
        if (!word_is(name, len, table[i].name))
            continue;
        memcpy(out->what, table[i].what, sizeof out->what);
        out->n = table[i].n;
        out->bare_side =
            len == 3 && (table[i].what[0] == FIELD_SRC_ADDR || table[i].what[0] == FIELD_DST_ADDR);
        return true;
    }
    return false;
}

static bool find(const char *name, size_t len, struct subject *out)
{
    if (find_in(words, COUNT_OF(words), name, len, out) ||
        find_in(nfdump_words, COUNT_OF(nfdump_words), name, len, out))
        return true;
    out->n = 1;
    for (unsigned part = WHAT_PART; part < WHAT_N; part++) {
        out->what[0] = part;
        if (word_is(name, len, what_name(part)))
            return true;
    }
    out->what[0] = field_by_name(name, len);
    return out->what[0] != FIELD_NONE;
}

/* Append the token to "src_port" as it grows; false if the name gets too long for any. */
static bool join(const struct lex *lex, char name[static NAME_MAX_BYTES], size_t *len)
{
    size_t sep = *len > 0;

    if (lex->tok.len + sep > NAME_MAX_BYTES - 1 - *len)
        return false;
    if (sep)
        name[(*len)++] = '_';
    for (size_t i = 0; i < lex->tok.len; i++) {
        char c = lex->text[lex->tok.at + i];
        name[(*len)++] = (char)(c == '-' || c == ' ' ? '_' : tolower((unsigned char)c));
    }
    return true;
}

size_t words_join(const struct lex *lex, int most, char out[static NAME_MAX_BYTES])
{
    struct filter_error ignored;
    struct lex ahead = *lex;
    size_t len = 0;

    ahead.error = &ignored;
    for (int i = 0; i < most && ahead.tok.is == TOKEN_WORD; i++)
        if (!join(&ahead, out, &len) || lex_next(&ahead) != 0)
            break;
    out[len] = '\0';
    return len;
}

/* The longest name at `ahead`; *found_len octets of `name` are it, joined. */
static bool read_longest(struct lex *ahead, char name[static NAME_MAX_BYTES], size_t *found_len,
                         struct subject *out)
{
    size_t at = ahead->tok.at;
    size_t len = 0;
    bool found = false;

    for (int i = 0; i < NAME_WORDS && ahead->tok.is == TOKEN_WORD; i++) {
        if (!join(ahead, name, &len))
            break;
        struct subject s = {.at = at, .len = ahead->tok.at + ahead->tok.len - at};
        if (find(name, len, &s)) {
            *out = s;
            *found_len = len;
            found = true;
        }
        if (lex_next(ahead) != 0)
            break;
    }
    return found;
}

static bool is_side(const struct lex *lex, bool *second)
{
    *second = lex_is(lex, lex->tok, "dst") || lex_is(lex, lex->tok, "out");
    return *second || lex_is(lex, lex->tok, "src") || lex_is(lex, lex->tok, "in");
}

/* "src or dst port", "in and out if": two names in one. Without a word behind it is addresses. */
static bool read_pair(struct lex *ahead, struct subject *out)
{
    struct token side = ahead->tok;
    struct subject first;
    struct subject second;
    char name[NAME_MAX_BYTES];
    char other[2 * NAME_MAX_BYTES];
    size_t len;
    bool is_second[2];

    if (!is_side(ahead, &is_second[0]) || lex_next(ahead) != 0)
        return false;
    bool both = ahead->tok.is == TOKEN_AND;
    if ((!both && ahead->tok.is != TOKEN_OR) || lex_next(ahead) != 0)
        return false;
    size_t skip = ahead->tok.len;
    if (!is_side(ahead, &is_second[1]) || is_second[0] == is_second[1] ||
        !read_longest(ahead, name, &len, &second) || second.n != 1)
        return false;
    int n = snprintf(other, sizeof other, "%.*s%.*s", (int)side.len, ahead->text + side.at,
                     (int)(len - skip), name + skip);
    if (!find(other, (size_t)n, &first) || first.n != 1)
        return false;
    *out = (struct subject){.what = {first.what[0], second.what[0]},
                            .n = 2,
                            .sides = both ? SIDES_BOTH : SIDES_EITHER,
                            .at = side.at,
                            .len = second.at + second.len - side.at,
                            .bare_side = len == skip};
    return true;
}

bool subject_read(struct lex *lex, bool pairs, struct subject *out)
{
    char name[NAME_MAX_BYTES];
    size_t len;
    struct filter_error ignored;
    struct lex ahead = *lex;

    ahead.error = &ignored; /* what is wrong further on is told when it is reached */
    bool found = pairs && read_pair(&ahead, out);
    if (!found) {
        ahead = *lex;
        ahead.error = &ignored;
        found = read_longest(&ahead, name, &len, out);
    }
    if (found)
        lex->next = out->at + out->len;
    return found;
}

struct nearest {
    const char *name[SUGGESTIONS];
    size_t score[SUGGESTIONS];
    size_t n;
};

static void consider(struct nearest *best, const char *typed, size_t len, const char *name)
{
    size_t score = near_distance(typed, len, name, strlen(name));

    if (score > 1 && len >= 3 && strstr(name, typed)) /* a part of the name was meant */
        score = 2;
    else if (score >= len || score > (len < 5 ? 1 : len / 3))
        return;
    size_t at = best->n;
    while (at > 0 && best->score[at - 1] > score)
        at--;
    for (size_t i = 0; i < best->n; i++)
        if (strcmp(best->name[i], name) == 0)
            return;
    if (at == SUGGESTIONS)
        return;
    if (best->n < SUGGESTIONS)
        best->n++;
    for (size_t i = best->n - 1; i > at; i--) {
        best->name[i] = best->name[i - 1];
        best->score[i] = best->score[i - 1];
    }
    best->name[at] = name;
    best->score[at] = score;
}

static void consider_all(struct nearest *best, const char *typed, size_t len)
{
    for (int f = 0; f < FIELD_N; f++)
        consider(best, typed, len, field_table[f].name);
    for (size_t i = 0; i < COUNT_OF(words); i++)
        consider(best, typed, len, words[i].name);
    for (size_t i = 0; i < COUNT_OF(plain_words); i++)
        consider(best, typed, len, plain_words[i]);
}

void subject_suggest(const struct lex *lex, char out[static SUGGEST_TEXT])
{
    char name[NAME_MAX_BYTES];
    size_t before = 0;
    struct nearest best = {0};

    out[0] = '\0';
    for (int n = 1; n <= 2; n++) { /* "scr", "scr port" */
        size_t len = words_join(lex, n, name);
        if (len == before)
            break;
        consider_all(&best, name, len);
        before = len;
    }
    size_t used = 0;
    while (best.n > 0 && best.score[best.n - 1] > best.score[0])
        best.n--; /* behind the best */
    for (size_t i = 0; i < best.n; i++) {
        const char *sep = i == 0 ? "; did you mean " : i + 1 == best.n ? " or " : ", ";
        used += (size_t)snprintf(out + used, SUGGEST_TEXT - used, "%s%s", sep, best.name[i]);
    }
    if (used > 0)
        (void)snprintf(out + used, SUGGEST_TEXT - used, "?");
}
