/* weir fields: the catalogue of flow fields, for people, scripts and other databases. */
#include "base/json.h"
#include "cli/command.h"
#include "flow/field.h"

#include <stdio.h>
#include <string.h>

enum { OPT_FORMAT = 1 };

static const struct opt opts[] = {
    {OPT_FORMAT, "format", 'f', "text|markdown|json|sql", "how to print it (default: text)"},
};

static void text_row(const struct field *f, const struct kind_info *k)
{
    (void)printf("%-26s %-8s %s\n", f->name, k->name, f->doc);
}

static void markdown_head(void)
{
    (void)printf("# Fields of a flow\n\n"
                 "Printed by `weir fields --format markdown`. The name is the Parquet column, the "
                 "JSON key and the word in\nfilters and `--by`. A field that a record does not "
                 "have is null, which is not zero. Catalogue version %d.\n\n"
                 "| name | kind | Parquet | ClickHouse | what it means |\n|---|---|---|---|---|\n",
                 FIELD_CATALOGUE_VERSION);
}

static void markdown_row(const struct field *f, const struct kind_info *k)
{
    (void)printf("| `%s` | %s | %s | %s | ", f->name, k->name, k->parquet, k->sql);
    for (const char *s = f->doc; *s; s++) { /* a bar would end the cell */
        if (*s == '|')
            (void)putchar('\\');
        (void)putchar(*s);
    }
    (void)printf(" |\n");
}

/* One JSON object a line. */
static void json_row(const struct field *f, const struct kind_info *k)
{
    uint8_t line[1024];
    struct buf b;

    buf_fixed(&b, line, sizeof line);
    struct json j = json_of(&b);
    json_open(&j, '{');
    json_key(&j, "name");
    json_text(&j, f->name);
    json_key(&j, "kind");
    json_text(&j, k->name);
    json_key(&j, "parquet");
    json_text(&j, k->parquet);
    json_key(&j, "sql");
    json_text(&j, k->sql);
    json_key(&j, "doc");
    json_text(&j, f->doc);
    json_close(&j, '}');
    (void)printf("%.*s\n", (int)b.len, (const char *)line);
}

static void sql_head(void) { (void)printf("CREATE TABLE flows (\n"); }

static void sql_row(const struct field *f, const struct kind_info *k)
{
    bool last = f == &field_table[FIELD_N - 1];
    bool always = f == &field_table[FIELD_TIME]; /* what the table is sorted by */
    const char *type = k->sql;

    /* LowCardinality goes around Nullable, not the other way. */
    if (always)
        (void)printf("  `%s` %s%s\n", f->name, type, last ? "" : ",");
    else if (strncmp(type, "LowCardinality(", 15) == 0)
        (void)printf("  `%s` LowCardinality(Nullable(%.*s))%s\n", f->name, (int)strlen(type) - 16,
                     type + 15, last ? "" : ",");
    else
        (void)printf("  `%s` Nullable(%s)%s\n", f->name, type, last ? "" : ",");
}

static void sql_foot(void)
{
    (void)printf(") ENGINE = MergeTree PARTITION BY toDate(`%s`) ORDER BY `%s`;\n",
                 field_table[FIELD_TIME].name, field_table[FIELD_TIME].name);
}

static const struct {
    const char *name;
    void (*head)(void);
    void (*row)(const struct field *, const struct kind_info *);
    void (*foot)(void);
} formats[] = {
    {"text", NULL, text_row, NULL},
    {"markdown", markdown_head, markdown_row, NULL},
    {"json", NULL, json_row, NULL},
    {"sql", sql_head, sql_row, sql_foot},
};

static int print_as(const char *want)
{
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        if (strcmp(want, formats[i].name) != 0)
            continue;
        if (formats[i].head)
            formats[i].head();
        for (int f = 0; f < FIELD_N; f++)
            formats[i].row(&field_table[f], &kind_table[field_table[f].kind]);
        if (formats[i].foot)
            formats[i].foot();
        return 0;
    }
    struct err err;
    (void)err_set(&err, ERR_CONFIG, "--format is one of %s, found \"%s\"", opts[0].arg, want);
    return command_usage_error(&cmd_fields, err.text);
}

static int cmd_fields_run(int argc, char **argv)
{
    struct opt_scan scan = opt_scan_of(opts, COUNT_OF(opts), argc, argv);
    const char *format = formats[0].name;
    struct err err;
    int id;

    while ((id = opt_next(&scan, &err)) != OPT_END) {
        if (id != OPT_FORMAT)
            return command_usage_error(&cmd_fields,
                                       id == OPT_POSITIONAL ? "it takes options only" : err.text);
        format = scan.value;
    }
    return print_as(format);
}

const struct command cmd_fields = {
    .name = "fields",
    .summary = "list the fields that a flow can have",
    .usage = "[options]",
    .details = "The catalogue: every field's name (in Parquet, JSON, filters and --by), kind and "
               "meaning. The SQL makes a table with a column for each of them in ClickHouse.",
    .examples = "weir fields\n    all of them, one a line\n"
                "weir fields --format sql | clickhouse-client\n    make the table in ClickHouse\n",
    .opts = opts,
    .n_opts = COUNT_OF(opts),
    .run = cmd_fields_run,
};
