/* weir filter: is this filter right, and what does it mean? */
#include "base/json.h"
#include "cli/command.h"
#include "cli/filters.h"
#include "filter/print.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { OPT_CONFIG = 1, OPT_JSON, OPT_FULL };

enum { LIST_SHOWN = 20, REPORT_MAX = 1 << 30, MESSAGE_MAX = 4096 };

static const struct opt opts[] = {
    FILTERS_OPT(OPT_CONFIG),
    {OPT_JSON, "json", 'j', NULL, "print JSON"},
    {OPT_FULL, "full", 0, NULL, "print lists whole, however long"},
};

struct flags {
    const char *word;
    const char *config;
    bool json;
    bool full;
    struct buf text; /* all behind the word, with spaces between them */
};

static size_t shown(const struct flags *f) { return f->full ? SIZE_MAX : LIST_SHOWN; }

/* --- how parts let row groups be skipped --- */

static const char *const skip_words[] = {
    [SKIP_NEVER] = "never",
    [SKIP_ABSENT] = "presence",
    [SKIP_RANGE] = "range",
    [SKIP_ADDRESSES] = "bloom filter",
};

/* Of an `and`, one part that can is enough; an `or` needs all. */
static bool can_skip(const struct node *node)
{
    int64_t min;
    int64_t max;
    bool all = true;
    bool any = false;

    for (const struct node *part = node_first(node); part; part = node_next(part)) {
        bool can = can_skip(part);
        all = all && can;
        any = any || can;
    }
    switch (node_op(node)) {
    case FILTER_NONE:
        return true;
    case FILTER_LEAF:
        return leaf_skips(node, &min, &max) != SKIP_NEVER;
    case FILTER_AND:
        return any;
    case FILTER_OR:
        return all;
    case FILTER_ALL:
    case FILTER_NOT:
        break;
    }
    return false;
}

/* --- text --- */

static void text_fields(const struct field_set *set, struct buf *out)
{
    bool first = true;

    for (int f = 0; f < FIELD_N; f++) {
        if (!field_set_has(set, (enum field_id)f))
            continue;
        buf_printf(out, "%s%s", first ? "" : ", ", field_table[f].name);
        first = false;
    }
    buf_text(out, first ? "none" : "");
}

static void text_range(const struct node *leaf, int64_t min, int64_t max, struct buf *out)
{
    const char *name = field_table[leaf_field(leaf)].name;

    if (min == max)
        buf_printf(out, "no %s in them is %" PRId64, name, min);
    else if (max == INT64_MAX)
        buf_printf(out, "no %s in them is %" PRId64 " or more", name, min);
    else if (min == INT64_MIN)
        buf_printf(out, "no %s in them is %" PRId64 " or less", name, max);
    else
        buf_printf(out, "no %s in them is %" PRId64 " to %" PRId64, name, min, max);
}

static void text_skip(const struct node *leaf, struct buf *out)
{
    int64_t min;
    int64_t max;
    enum leaf_skip by = leaf_skips(leaf, &min, &max);
    const char *name = by == SKIP_NEVER ? "" : field_table[leaf_field(leaf)].name;

    buf_text(out, by == SKIP_NEVER ? "" : "   # skips row groups if ");
    if (by == SKIP_ABSENT)
        buf_printf(out, "none has %s", name);
    else if (by == SKIP_ADDRESSES)
        buf_printf(out, "their Bloom filter of %s has none of these", name);
    else if (by == SKIP_RANGE)
        text_range(leaf, min, max, out);
}

static void text_tree(const struct flags *f, const struct node *node, int depth, bool skips,
                      struct buf *out)
{
    static const char *const ops[] = {
        [FILTER_AND] = "all of", [FILTER_OR] = "any of", [FILTER_NOT] = "not"};
    enum filter_op op = node_op(node);

    buf_printf(out, "%*s", 2 + depth * 2, "");
    if (op == FILTER_AND || op == FILTER_OR || op == FILTER_NOT)
        buf_text(out, ops[op]);
    else
        node_print(node, shown(f), out);
    if (op == FILTER_LEAF && skips)
        text_skip(node, out);
    buf_u8(out, '\n');
    for (const struct node *part = node_first(node); part; part = node_next(part))
        text_tree(f, part, depth + 1, skips && op != FILTER_NOT, out);
}

static void explain_text(const struct flags *f, const struct filter *filter, struct buf *out)
{
    struct field_set fields = {0};

    filter_fields(filter, &fields);
    buf_text(out, "means\n  ");
    filter_print(filter, shown(f), out);
    buf_text(out, "\nas a tree, cheap parts first\n");
    text_tree(f, filter_root(filter), 0, true, out);
    buf_text(out, "reads\n  ");
    text_fields(&fields, out);
    buf_printf(out, "\nskips\n  %s\n",
               can_skip(filter_root(filter)) ? "row groups of which their footer rules it out, as "
                                               "said above"
                                             : "nothing: rows of every row group may be selected");
}

/* --- JSON --- */

static void json_fields(struct json *j, const struct field_set *set)
{
    json_key(j, "fields");
    json_open(j, '[');
    for (int f = 0; f < FIELD_N; f++)
        if (field_set_has(set, (enum field_id)f))
            json_text(j, field_table[f].name);
    json_close(j, ']');
}

static void json_print(struct json *j, const struct flags *f, const struct node *node)
{
    struct buf text;

    buf_init(&text, REPORT_MAX);
    node_print(node, shown(f), &text);
    json_key(j, "filter");
    json_textn(j, text.data, text.len);
    buf_free(&text);
}

static void json_skip(struct json *j, const struct node *leaf)
{
    int64_t min;
    int64_t max;
    enum leaf_skip by = leaf_skips(leaf, &min, &max);

    json_key(j, "skips_by");
    json_text(j, skip_words[by]);
    if (by != SKIP_RANGE)
        return;
    json_key(j, "min");
    json_i64(j, min);
    json_key(j, "max");
    json_i64(j, max);
}

static void json_tree(struct json *j, const struct flags *f, const struct node *node, bool skips)
{
    static const char *const ops[] = {
        [FILTER_ALL] = "all", [FILTER_NONE] = "none", [FILTER_AND] = "and",
        [FILTER_OR] = "or",   [FILTER_NOT] = "not",   [FILTER_LEAF] = "test",
    };
    struct field_set fields = {0};
    enum filter_op op = node_op(node);

    json_open(j, '{');
    json_key(j, "op");
    json_text(j, ops[op]);
    if (op == FILTER_LEAF) {
        node_fields(node, &fields);
        json_print(j, f, node);
        json_fields(j, &fields);
        if (skips)
            json_skip(j, node);
    } else if (node_first(node)) {
        json_key(j, "parts");
        json_open(j, '[');
        for (const struct node *part = node_first(node); part; part = node_next(part))
            json_tree(j, f, part, skips && op != FILTER_NOT);
        json_close(j, ']');
    }
    json_close(j, '}');
}

static void explain_json(const struct flags *f, const struct filter *filter, struct buf *out)
{
    struct field_set fields = {0};
    struct json j = json_of(out);

    filter_fields(filter, &fields);
    json_open(&j, '{');
    json_print(&j, f, filter_root(filter));
    json_fields(&j, &fields);
    json_key(&j, "skips");
    json_bool(&j, can_skip(filter_root(filter)));
    json_key(&j, "tree");
    json_tree(&j, f, filter_root(filter), true);
    json_close(&j, '}');
    buf_u8(out, '\n');
}

static int explain(const struct flags *f)
{
    struct filter *filter = NULL;
    struct buf out;

    int status = filters_parse(&cmd_filter, f->config, (const char *)f->text.data, &filter);
    if (status)
        return status;
    buf_init(&out, REPORT_MAX);
    if (f->json)
        explain_json(f, filter, &out);
    else
        explain_text(f, filter, &out);
    if (!buf_ok(&out) || fwrite(out.data, 1, out.len, stdout) != out.len)
        status = 1;
    buf_free(&out);
    filter_free(filter);
    return status;
}

/* --- check --- */

/* What is wrong, for programs: place and length in octets of the text. */
static int check_json(const struct filters *names, const char *text)
{
    struct filter_env env = filters_env(names);
    struct filter_error wrong;
    struct filter *filter = NULL;
    struct buf out;

    int r = filter_parse_at(&filter, text, &env, &wrong);
    filter_free(filter);
    buf_init(&out, MESSAGE_MAX);
    struct json j = json_of(&out);
    json_open(&j, '{');
    json_key(&j, "ok");
    json_bool(&j, r == 0);
    if (r) {
        json_key(&j, "at");
        json_u64(&j, wrong.at);
        json_key(&j, "length");
        json_u64(&j, wrong.len);
        json_key(&j, "error");
        json_text(&j, wrong.text);
    }
    json_close(&j, '}');
    buf_u8(&out, '\n');
    bool printed = fwrite(out.data, 1, out.len, stdout) == out.len;
    buf_free(&out);
    return r ? 2 : printed ? 0 : 1;
}

/* Without a filter, those of the configuration. */
static int check(const struct flags *f)
{
    const char *text = (const char *)f->text.data;
    struct filters names;
    struct err err;
    int status = 2;

    if (!f->json && *text) {
        struct filter *filter = NULL;
        status = filters_parse(&cmd_filter, f->config, text, &filter);
        filter_free(filter);
        return status;
    }
    if (filters_load(&names, f->config, &err) != 0 || (!*text && filters_check(&names, &err) != 0))
        (void)fprintf(stderr, "weir filter: %s\n", err.text);
    else
        status = f->json ? check_json(&names, text) : 0;
    filters_free(&names);
    return status;
}

static int act(struct flags *f)
{
    if (!f->word)
        return command_usage_error(&cmd_filter, "expected what to do: explain or check");
    buf_u8(&f->text, 0);
    if (!buf_ok(&f->text))
        return command_usage_error(&cmd_filter, "the filter is too long");
    if (strcmp(f->word, "explain") == 0)
        return explain(f);
    if (strcmp(f->word, "check") == 0)
        return check(f);
    return command_usage_error(&cmd_filter, "expected explain or check, then the filter");
}

static int cmd_filter_run(int argc, char **argv)
{
    struct opt_scan scan = opt_scan_of(opts, COUNT_OF(opts), argc, argv);
    struct flags f = {0};
    struct err err;
    int id;

    buf_init(&f.text, FILTER_TEXT_MAX + 1);
    while ((id = opt_next(&scan, &err)) > 0 || id == OPT_POSITIONAL) {
        if (id == OPT_CONFIG)
            f.config = scan.value;
        else if (id == OPT_JSON)
            f.json = true;
        else if (id == OPT_FULL)
            f.full = true;
        else if (!f.word)
            f.word = scan.value;
        else
            buf_printf(&f.text, "%s%s", f.text.len > 0 ? " " : "", scan.value);
    }
    int status = id == OPT_END ? act(&f) : command_usage_error(&cmd_filter, err.text);
    buf_free(&f.text);
    return status;
}

const struct command cmd_filter = {
    .name = "filter",
    .summary = "say what a filter means, or whether it is right",
    .usage = "explain|check [options] [FILTER]",
    .details =
        "explain prints the filter in one way of writing, with names, words for either side and "
        "filters of the configuration taken apart; then as a tree, with what each part can tell "
        "from the statistics and Bloom filters of row groups before they are read; and the "
        "columns that are read. As in a query, `kind = flow` is added unless the filter names "
        "`kind` or an event. Lists are cut to 20 values unless --full.\n"
        "check prints nothing if the filter is right; else where it is wrong and what was "
        "expected there. Without a filter, the configuration's own are checked.\n"
        "The exit status is 2 if the filter or the configuration is wrong. docs/filter.md "
        "describes the language.",
    .examples = "weir filter explain 'src net 10.0.0.0/8 and dst port https'\n"
                "    what is asked, what is read, what can be skipped\n"
                "weir filter check --json 'port 80 an proto tcp'\n"
                "    the place and the reason, for programs\n",
    .opts = opts,
    .n_opts = COUNT_OF(opts),
    .run = cmd_filter_run,
};
