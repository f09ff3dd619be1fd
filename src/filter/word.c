#include "filter/word.h"

#include "base/near.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum {
    NAME_MAX_BYTES = 64, /* of a name, longer than any there is */
    NAME_WORDS = 5,      /* of "post dot1q customer vlan" and the like */
    SUGGESTIONS = 3
};

/* Words beside the catalogue's names; where one is both, this table wins. */
// clang-format off
#define SIDES(word, src, dst) {word, {src, dst}}, {"src_" word, {src, WHAT_NONE}}, {"dst_" word, {dst, WHAT_NONE}}
#define WAYS(word, in, out) {"in_" word, {in, WHAT_NONE}}, {"out_" word, {out, WHAT_NONE}}
static const struct {
    const char *name;
    unsigned what[2];
} words[] = {
    SIDES("ip", FIELD_SRC_ADDR, FIELD_DST_ADDR),
    SIDES("host", FIELD_SRC_ADDR, FIELD_DST_ADDR),
    SIDES("net", FIELD_SRC_ADDR, FIELD_DST_ADDR),
    SIDES("addr", FIELD_SRC_ADDR, FIELD_DST_ADDR),
    {"src", {FIELD_SRC_ADDR, WHAT_NONE}},
    {"dst", {FIELD_DST_ADDR, WHAT_NONE}},
    SIDES("port", FIELD_SRC_PORT, FIELD_DST_PORT),
    SIDES("as", FIELD_SRC_AS, FIELD_DST_AS),
    SIDES("mac", FIELD_SRC_MAC, FIELD_DST_MAC),
    SIDES("mask", FIELD_SRC_MASK, FIELD_DST_MASK),
    SIDES("prefix", FIELD_SRC_PREFIX, FIELD_DST_PREFIX),
    {"if", {FIELD_IN_IF, FIELD_OUT_IF}},
    {"vrf", {FIELD_IN_VRF, FIELD_OUT_VRF}},
    WAYS("tos", FIELD_TOS, FIELD_POST_TOS),
    WAYS("dscp", FIELD_DSCP, FIELD_POST_DSCP),
    WAYS("vlan", FIELD_VLAN, FIELD_POST_VLAN),
    {"protocol", {FIELD_PROTO, WHAT_NONE}},
    {"flags", {FIELD_TCP_FLAGS, WHAT_NONE}},
    {"bytes", {WHAT_MEASURE + MEASURE_BYTES, WHAT_NONE}},
    {"packets", {WHAT_MEASURE + MEASURE_PACKETS, WHAT_NONE}},
    {"duration", {WHAT_MEASURE + MEASURE_DURATION_MS, WHAT_NONE}},
    {"bps", {WHAT_RATIO + RATIO_BPS, WHAT_NONE}},
    {"pps", {WHAT_RATIO + RATIO_PPS, WHAT_NONE}},
    {"bpp", {WHAT_RATIO + RATIO_BPP, WHAT_NONE}},
};
#undef SIDES
#undef WAYS

/* Terms without a value, for suggestions only. */
static const char *const plain_words[] = {"any", "inet", "inet6", "ipv4", "ipv6", "has"};
// clang-format on

static bool find(const char *name, size_t len, struct subject *out)
{
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (word_is(name, len, words[i].name)) {
            memcpy(out->what, words[i].what, sizeof out->what);
            out->bare_side = len == 3 && (words[i].what[0] == FIELD_SRC_ADDR ||
                                          words[i].what[0] == FIELD_DST_ADDR);
            return true;
        }
    }
    enum field_id f = field_by_name(name, len);
    if (f == FIELD_NONE)
        return false;
    *out = (struct subject){.what = {f, WHAT_NONE}, .at = out->at, .len = out->len};
    return true;
}

/* Append the token to "src_port" as it grows; false if the name gets too long for any. */
static bool join(const struct lex *lex, char name[static NAME_MAX_BYTES], size_t *len)
{
    size_t sep = *len > 0;

    if (lex->tok.len + sep > NAME_MAX_BYTES - 1 - *len)
        return false;
    if (sep)
        name[(*len)++] = '_';
    for (size_t i = 0; i < lex->tok.len; i++)
        name[(*len)++] = (char)tolower((unsigned char)lex->text[lex->tok.at + i]);
    return true;
}

bool subject_read(struct lex *lex, struct subject *out)
{
    char name[NAME_MAX_BYTES];
    size_t len = 0;
    size_t at = lex->tok.at;
    struct filter_error ignored;
    struct lex ahead = *lex;
    bool found = false;

    ahead.error = &ignored; /* what is wrong further on is told when it is reached */
    for (int i = 0; i < NAME_WORDS && ahead.tok.is == TOKEN_WORD; i++) {
        if (!join(&ahead, name, &len))
            break;
        struct subject s = {.at = at, .len = ahead.tok.at + ahead.tok.len - at};
        if (find(name, len, &s)) {
            *out = s;
            found = true;
        }
        if (lex_next(&ahead) != 0)
            break;
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
    char name[NAME_MAX_BYTES] = "";
    size_t len = 0;
    struct filter_error ignored;
    struct lex ahead = *lex;
    struct nearest best = {0};

    ahead.error = &ignored;
    out[0] = '\0';
    for (int i = 0; i < 2 && ahead.tok.is == TOKEN_WORD; i++) { /* "scr", "scr port" */
        if (!join(&ahead, name, &len))
            break;
        name[len] = '\0';
        consider_all(&best, name, len);
        if (lex_next(&ahead) != 0)
            break;
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
