#include "filter/pattern.h"

#include "base/err.h"

#include <ctype.h>
#include <string.h>

enum {
    BEGIN = 256, /* symbols beside the octets */
    END,
    SYMBOLS,
    POSITION_WORDS = PATTERN_POSITIONS / 64,
    SYMBOL_WORDS = (SYMBOLS + 63) / 64,
    MANY = -1, /* as often as one likes */
    VISITS_MAX = 8192
};

struct positions {
    uint64_t w[POSITION_WORDS];
};

struct pattern {
    size_t words; /* of `positions` that are in use */
    size_t n;     /* positions */
    struct positions first;
    struct positions last;
    bool anything; /* even nothing will do */
    bool at_begin; /* it can only begin where the text does */
    struct positions follow[PATTERN_POSITIONS];
    struct positions takes[SYMBOLS]; /* positions that take the symbol */
};

/* --- what a pattern says, as a tree --- */

enum part_is { PART_NOTHING, PART_SYMBOL, PART_THEN, PART_EITHER, PART_REPEAT };

struct part {
    enum part_is is;
    uint64_t symbols[SYMBOL_WORDS];
    struct part *a;
    struct part *b;
    int min;
    int max;
};

struct reader {
    struct arena *arena;
    const char *s;
    size_t n;
    size_t at;
    unsigned depth;
    bool any_case;
    struct pattern_error *error;
    int failed;
};

static void *fail(struct reader *r, size_t at, const char *expected)
{
    if (r->failed)
        return NULL;
    r->failed = ERR_CONFIG;
    *r->error = (struct pattern_error){at, expected};
    return NULL;
}

static struct part *new_part(struct reader *r, enum part_is is, struct part *a, struct part *b)
{
    struct part *p = r->failed ? NULL : arena_new(r->arena, sizeof *p);

    if (!p) {
        r->failed = r->failed ? r->failed : ERR_LIMIT;
        return NULL;
    }
    p->is = is;
    p->a = a;
    p->b = b;
    return p;
}

static struct part *repeat(struct reader *r, struct part *a, int min, int max)
{
    struct part *p = new_part(r, PART_REPEAT, a, NULL);

    if (p) {
        p->min = min;
        p->max = max;
    }
    return p;
}

static void take(struct part *p, unsigned symbol)
{
    p->symbols[symbol / 64] |= UINT64_C(1) << symbol % 64;
}

static bool takes(const struct part *p, unsigned symbol)
{
    return p->symbols[symbol / 64] >> symbol % 64 & 1;
}

static void take_range(struct part *p, unsigned from, unsigned to)
{
    for (unsigned c = from; c <= to; c++)
        take(p, c);
}

static struct part *one_symbol(struct reader *r, unsigned symbol)
{
    struct part *p = new_part(r, PART_SYMBOL, NULL, NULL);

    if (!p)
        return NULL;
    take(p, symbol);
    if (r->any_case && symbol < 0x80) {
        take(p, (unsigned)tolower((int)symbol));
        take(p, (unsigned)toupper((int)symbol));
    }
    return p;
}

/* The octets of one character behind `first`, which may be more than one octet. */
static struct part *whole_character(struct reader *r, struct part *first)
{
    struct part *rest = new_part(r, PART_SYMBOL, NULL, NULL);

    if (!rest)
        return NULL;
    take_range(rest, 0x80, 0xbf);
    return new_part(r, PART_THEN, first, repeat(r, rest, 0, MANY));
}

static struct part *any_character(struct reader *r)
{
    struct part *p = new_part(r, PART_SYMBOL, NULL, NULL);

    if (!p)
        return NULL;
    take_range(p, 0, 0x7f);
    take_range(p, 0xc0, 0xff);
    return whole_character(r, p);
}

static struct part *any_octets(struct reader *r)
{
    struct part *p = new_part(r, PART_SYMBOL, NULL, NULL);

    if (!p)
        return NULL;
    take_range(p, 0, 0xff);
    return repeat(r, p, 0, MANY);
}

static bool is_continued(char c) { return ((unsigned char)c & 0xc0) == 0x80; }

/* The character at r->at as it is, with the octets that belong to it. */
static struct part *plain_character(struct reader *r)
{
    struct part *p = one_symbol(r, (unsigned char)r->s[r->at++]);

    while (r->at < r->n && is_continued(r->s[r->at]))
        p = new_part(r, PART_THEN, p, one_symbol(r, (unsigned char)r->s[r->at++]));
    return p;
}

/* All but those, of ASCII; *beyond: what is not ASCII is meant too. */
static void invert(struct part *p)
{
    for (unsigned c = 0; c < 0x80; c++)
        p->symbols[c / 64] ^= UINT64_C(1) << c % 64;
    take_range(p, 0xc0, 0xff);
}

/* \d and the like into `p`; false if the letter is none. */
static bool take_named(struct part *p, char letter)
{
    struct part own = {0};
    char lower = (char)tolower((unsigned char)letter);

    if (lower != 'd' && lower != 'w' && lower != 's')
        return false;
    for (unsigned c = 0; c < 0x80; c++)
        if (lower == 'd' ? isdigit((int)c) : lower == 's' ? isspace((int)c) : isalnum((int)c))
            take(&own, c);
    if (lower == 'w')
        take(&own, '_');
    if (letter != lower)
        invert(&own);
    for (size_t w = 0; w < SYMBOL_WORDS; w++)
        p->symbols[w] |= own.symbols[w];
    return true;
}

static int hex_digit(char c)
{
    if (!isxdigit((unsigned char)c))
        return -1;
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* Behind a backslash: the octet that is meant; -1 with the error set. */
static int escaped(struct reader *r)
{
    char c = r->s[r->at];

    if (c == 'n' || c == 't' || c == 'r') {
        r->at++;
        return c == 'n' ? '\n' : c == 't' ? '\t' : '\r';
    }
    if (c == 'x') {
        int high = r->n - r->at > 2 ? hex_digit(r->s[r->at + 1]) : -1;
        int low = r->n - r->at > 2 ? hex_digit(r->s[r->at + 2]) : -1;
        if (high < 0 || low < 0) {
            (void)fail(r, r->at, "expected two hexadecimal digits behind \\x");
            return -1;
        }
        r->at += 3;
        return high * 16 + low;
    }
    if (isalnum((unsigned char)c)) {
        (void)fail(r, r->at, "expected \\d \\w \\s \\n \\t \\xHH or a sign behind the backslash");
        return -1;
    }
    r->at++;
    return (unsigned char)c;
}

/* --- [...] --- */

/* One octet of a class at r->at, escaped or not. */
static int class_octet(struct reader *r, bool regex)
{
    if (r->s[r->at] == '\\' && r->at + 1 < r->n) {
        r->at++;
        return regex ? escaped(r) : (unsigned char)r->s[r->at++];
    }
    if ((unsigned char)r->s[r->at] >= 0x80) {
        (void)fail(r, r->at, "expected ASCII within [ ]; write (x|y) for other characters");
        return -1;
    }
    return (unsigned char)r->s[r->at++];
}

static bool class_range(struct reader *r, bool regex, struct part *p)
{
    size_t at = r->at;
    int from = class_octet(r, regex);
    int to = from;

    if (from >= 0 && r->n - r->at > 1 && r->s[r->at] == '-' && r->s[r->at + 1] != ']') {
        r->at++;
        to = class_octet(r, regex);
    }
    if (from < 0 || to < 0)
        return false;
    if (from >= 0x80 || to >= 0x80 || from > to) {
        (void)fail(r, at, "expected a range of ASCII with the smaller one first");
        return false;
    }
    take_range(p, (unsigned)from, (unsigned)to);
    return true;
}

static void fold_case(struct part *p)
{
    for (unsigned c = 'a'; c <= 'z'; c++) {
        unsigned upper = c - 'a' + 'A';
        if (takes(p, c) || takes(p, upper)) {
            take(p, c);
            take(p, upper);
        }
    }
}

/* Behind "[". */
static struct part *read_class(struct reader *r, bool regex)
{
    size_t opened = r->at - 1;
    struct part *p = new_part(r, PART_SYMBOL, NULL, NULL);
    bool inverted = r->at < r->n && (r->s[r->at] == '^' || (!regex && r->s[r->at] == '!'));

    if (!p)
        return NULL;
    r->at += inverted;
    size_t begin = r->at;
    while (r->at < r->n && (r->s[r->at] != ']' || r->at == begin)) {
        bool named = regex && r->s[r->at] == '\\' && r->n - r->at > 1;
        if (named && take_named(p, r->s[r->at + 1]))
            r->at += 2;
        else if (!class_range(r, regex, p))
            return NULL;
    }
    if (r->at >= r->n)
        return fail(r, opened, "expected a closing ]");
    r->at++;
    if (r->any_case)
        fold_case(p);
    if (inverted)
        invert(p);
    return takes(p, 0xc0) ? whole_character(r, p) : p; /* 0xc0: beyond ASCII, as inverted ones */
}

/* --- globs --- */

static struct part *read_glob_one(struct reader *r)
{
    char c = r->s[r->at];

    if (c == '?') {
        r->at++;
        return any_character(r);
    }
    if (c == '[') {
        r->at++;
        return read_class(r, false);
    }
    if (c == '\\' && r->at + 1 < r->n)
        r->at++;
    return plain_character(r);
}

/* A `*` at either end is no more than the lack of an anchor there. */
static struct part *read_glob(struct reader *r)
{
    struct part *p = new_part(r, PART_NOTHING, NULL, NULL);
    bool open = r->n > 0 && r->s[0] == '*';

    if (!open)
        p = one_symbol(r, BEGIN);
    while (r->at < r->n && !r->failed) {
        open = r->s[r->at] == '*';
        if (!open) {
            p = new_part(r, PART_THEN, p, read_glob_one(r));
            continue;
        }
        while (r->at < r->n && r->s[r->at] == '*')
            r->at++;
        if (p && p->is != PART_NOTHING && r->at < r->n)
            p = new_part(r, PART_THEN, p, any_octets(r));
    }
    return open ? p : new_part(r, PART_THEN, p, one_symbol(r, END));
}

/* --- regular expressions --- */

static struct part *read_either(struct reader *r);

/* Behind "(". */
static struct part *read_group(struct reader *r)
{
    size_t opened = r->at - 1;

    if (r->depth == PATTERN_DEPTH)
        return fail(r, opened, "expected at most 32 brackets within brackets");
    if (r->at < r->n && r->s[r->at] == '?') {
        if (r->n - r->at < 2 || r->s[r->at + 1] != ':')
            return fail(r, r->at, "expected (?: or a plain bracket");
        r->at += 2;
    }
    r->depth++;
    struct part *p = read_either(r);
    r->depth--;
    if (p && (r->at >= r->n || r->s[r->at] != ')'))
        return fail(r, opened, "expected a closing )");
    r->at++;
    return p;
}

static struct part *read_escape(struct reader *r)
{
    struct part *p = new_part(r, PART_SYMBOL, NULL, NULL);

    if (!p)
        return NULL;
    if (r->at >= r->n)
        return fail(r, r->at - 1, "expected a character behind the backslash");
    if (take_named(p, r->s[r->at])) {
        r->at++;
        return takes(p, 0xc0) ? whole_character(r, p) : p;
    }
    if ((unsigned char)r->s[r->at] >= 0x80)
        return plain_character(r);
    int octet = escaped(r);
    return octet < 0 ? NULL : one_symbol(r, (unsigned)octet);
}

static struct part *read_atom(struct reader *r)
{
    char c = r->s[r->at];

    switch (c) {
    case '.':
        r->at++;
        return any_character(r);
    case '^':
        r->at++;
        return one_symbol(r, BEGIN);
    case '$':
        r->at++;
        return one_symbol(r, END);
    case '[':
        r->at++;
        return read_class(r, true);
    case '(':
        r->at++;
        return read_group(r);
    case '\\':
        r->at++;
        return read_escape(r);
    case '*':
    case '+':
    case '?':
    case '{':
        return fail(r, r->at, "expected something to repeat before it");
    default:
        return plain_character(r);
    }
}

static bool read_count(struct reader *r, int *out)
{
    size_t begin = r->at;
    int v = 0;

    while (r->at < r->n && isdigit((unsigned char)r->s[r->at]) && v <= PATTERN_REPEAT)
        v = v * 10 + (r->s[r->at++] - '0');
    *out = v;
    return r->at > begin && v <= PATTERN_REPEAT;
}

/* Behind "{": "2}", "2,}" or "2,5}". */
static bool read_counts(struct reader *r, int *min, int *max)
{
    size_t opened = r->at - 1;

    bool ok = read_count(r, min);
    *max = *min;
    if (ok && r->at < r->n && r->s[r->at] == ',') {
        r->at++;
        *max = MANY;
        if (r->at < r->n && r->s[r->at] != '}')
            ok = read_count(r, max) && *max >= *min;
    }
    if (!ok || r->at >= r->n || r->s[r->at] != '}') {
        (void)fail(r, opened, "expected {n}, {n,} or {n,m} of at most 255");
        return false;
    }
    r->at++;
    return true;
}

static struct part *read_repeated(struct reader *r)
{
    struct part *p = read_atom(r);
    int min = 0;
    int max = MANY;

    while (p && r->at < r->n && strchr("*+?{", r->s[r->at])) {
        char c = r->s[r->at++];
        min = c == '+';
        max = c == '?' ? 1 : MANY;
        if (c == '{' && !read_counts(r, &min, &max))
            return NULL;
        if (r->at < r->n && r->s[r->at] == '?') /* lazy: the same question */
            r->at++;
        p = repeat(r, p, min, max);
    }
    return p;
}

static struct part *read_sequence(struct reader *r)
{
    struct part *p = new_part(r, PART_NOTHING, NULL, NULL);

    while (p && r->at < r->n && r->s[r->at] != '|' && r->s[r->at] != ')') {
        struct part *one = read_repeated(r);
        p = p->is == PART_NOTHING ? one : new_part(r, PART_THEN, p, one);
    }
    return r->failed ? NULL : p;
}

static struct part *read_either(struct reader *r)
{
    struct part *p = read_sequence(r);

    while (p && r->at < r->n && r->s[r->at] == '|') {
        r->at++;
        p = new_part(r, PART_EITHER, p, read_sequence(r));
    }
    return r->failed ? NULL : p;
}

static struct part *read_regex(struct reader *r)
{
    struct part *p = read_either(r);

    return p && r->at < r->n ? fail(r, r->at, "expected no ) without its (") : p;
}

/* --- the automaton --- */

/* What a part of the tree became. */
struct piece {
    struct positions first;
    struct positions last;
    bool nothing; /* it takes nothing as well */
};

struct maker {
    struct pattern *p;
    unsigned visits;
    bool full;
};

static void join(struct positions *to, const struct positions *from)
{
    for (size_t w = 0; w < POSITION_WORDS; w++)
        to->w[w] |= from->w[w];
}

/* Positions `next` may come behind any of `last`. */
static void connect(struct pattern *p, const struct positions *last, const struct positions *next)
{
    for (size_t w = 0; w < POSITION_WORDS; w++)
        for (uint64_t left = last->w[w]; left; left &= left - 1)
            join(&p->follow[w * 64 + (size_t)__builtin_ctzll(left)], next);
}

static struct piece make_symbol(struct maker *m, const struct part *part)
{
    struct piece out = {0};

    if (m->p->n == PATTERN_POSITIONS) {
        m->full = true;
        return out;
    }
    size_t at = m->p->n++;
    uint64_t bit = UINT64_C(1) << at % 64;
    for (unsigned c = 0; c < SYMBOLS; c++)
        if (takes(part, c))
            m->p->takes[c].w[at / 64] |= bit;
    out.first.w[at / 64] = bit;
    out.last.w[at / 64] = bit;
    return out;
}

static void then(struct pattern *p, struct piece *a, const struct piece *b)
{
    connect(p, &a->last, &b->first);
    if (a->nothing)
        join(&a->first, &b->first);
    if (b->nothing)
        join(&a->last, &b->last);
    else
        a->last = b->last;
    a->nothing = a->nothing && b->nothing;
}

static struct piece make(struct maker *m, const struct part *part);

static struct piece make_repeat(struct maker *m, const struct part *part)
{
    struct piece all = {.nothing = true};
    int copies = part->max == MANY ? (part->min ? part->min : 1) : part->max;

    for (int i = 0; i < copies && !m->full; i++) {
        struct piece one = make(m, part->a);
        if (part->max == MANY && i + 1 == copies)
            connect(m->p, &one.last, &one.first);
        one.nothing = one.nothing || i >= part->min;
        then(m->p, &all, &one);
    }
    return all;
}

static struct piece make(struct maker *m, const struct part *part)
{
    struct piece a = {.nothing = true};

    if (m->full || ++m->visits > VISITS_MAX) {
        m->full = true;
        return a;
    }
    switch (part->is) {
    case PART_NOTHING:
        return a;
    case PART_SYMBOL:
        return make_symbol(m, part);
    case PART_REPEAT:
        return make_repeat(m, part);
    case PART_THEN:
    case PART_EITHER:
        break;
    }
    a = make(m, part->a);
    struct piece b = make(m, part->b);
    if (part->is == PART_THEN) {
        then(m->p, &a, &b);
        return a;
    }
    join(&a.first, &b.first);
    join(&a.last, &b.last);
    a.nothing = a.nothing || b.nothing;
    return a;
}

static bool only_begins(const struct pattern *p)
{
    for (size_t w = 0; w < POSITION_WORDS; w++)
        if (p->first.w[w] & ~p->takes[BEGIN].w[w])
            return false;
    return !p->anything;
}

int pattern_read(struct pattern **out, struct arena *a, enum pattern_is is, const char *s, size_t n,
                 struct pattern_error *error)
{
    struct reader r = {
        .arena = a, .s = s, .n = n, .any_case = is == PATTERN_REGEX_ANY_CASE, .error = error};

    if (n > PATTERN_BYTES)
        (void)fail(&r, PATTERN_BYTES, "expected a pattern of at most 1024 octets");
    struct part *tree = r.failed ? NULL : is == PATTERN_GLOB ? read_glob(&r) : read_regex(&r);
    struct maker m = {.p = tree && !r.failed ? arena_new(a, sizeof *m.p) : NULL};
    if (!m.p)
        return r.failed ? r.failed : ERR_LIMIT;
    struct piece all = make(&m, tree);
    if (m.full) {
        (void)fail(&r, 0, "expected a simpler pattern: this one takes more than 256 places");
        return ERR_CONFIG;
    }
    m.p->first = all.first;
    m.p->last = all.last;
    m.p->anything = all.nothing;
    m.p->words = (m.p->n + 63) / 64;
    m.p->at_begin = only_begins(m.p);
    *out = m.p;
    return 0;
}

/* Moves the set by one symbol: 1 if the pattern is through, 0 if it goes on, -1 if it is over. */
static int step(const struct pattern *p, struct positions *now, unsigned symbol)
{
    struct positions next = p->first;
    uint64_t through = 0;
    uint64_t any = 0;

    for (size_t w = 0; w < p->words; w++)
        for (uint64_t left = now->w[w]; left; left &= left - 1) {
            const struct positions *f = &p->follow[w * 64 + (size_t)__builtin_ctzll(left)];
            for (size_t k = 0; k < p->words; k++)
                next.w[k] |= f->w[k];
        }
    for (size_t w = 0; w < p->words; w++) {
        now->w[w] = next.w[w] & p->takes[symbol].w[w];
        any |= now->w[w];
        through |= now->w[w] & p->last.w[w];
    }
    if (through)
        return 1;
    return any == 0 && p->at_begin ? -1 : 0;
}

bool pattern_matches(const struct pattern *p, const uint8_t *s, size_t n)
{
    struct positions now = {0};

    if (p->anything)
        return true;
    int is = step(p, &now, BEGIN);
    for (size_t i = 0; i < n && is == 0; i++)
        is = step(p, &now, s[i]);
    if (is == 0)
        is = step(p, &now, END);
    return is > 0;
}
