/* Words of --by, --every, --columns and --sort, and the check of JSON that a file brings. */
#include "fuzz.h"
#include "query/spec.h"

#include <stdlib.h>
#include <string.h>

static void check_columns(const struct query_spec *spec)
{
    const struct columns *c = &spec->columns;

    if (c->n > COLUMNS_MAX || (spec->grouped && c->n < spec->keys.n))
        abort();
    for (size_t i = 0; i < c->n; i++) {
        struct query_spec again = *spec;
        if (c->at[i].name[0] == '\0' || !memchr(c->at[i].name, '\0', COLUMN_NAME))
            abort();
        if (spec_sort(c->at[i].title, &again, NULL) != 0 && spec_sort(c->at[i].name, &again, NULL))
            abort(); /* what can be shown can be sorted by */
    }
}

static void columns(const char *text, bool grouped)
{
    struct query_spec spec = {.grouped = grouped, .fold = grouped};
    struct err err;

    (void)columns_ask_groups(text);
    keys_place(&spec.keys);
    if (grouped && spec_keys("src_addr/24,dst_port,bytes", &spec.keys, &err) != 0)
        abort();
    if (spec_columns(text, &spec, &err) == 0)
        check_columns(&spec);
    if (spec_sort(text, &spec, &err) == 0 && spec.sort.by == SORT_NONE)
        abort();
}

static void keys(char *text)
{
    struct query_spec spec = {.grouped = true};
    struct keys series;
    struct err err;

    if (spec_every(text, NULL, &series, &err) == 0 && series.at[0].bucket_ms < 1)
        abort();
    if (spec_keys(text, &spec.keys, &err) != 0)
        return;
    if (spec.keys.words == 0 || spec.keys.words > KEYS_WORDS_MAX)
        abort();
    if (spec_columns(NULL, &spec, &err) != 0)
        abort();
    text[strcspn(text, ",/")] = '\0'; /* a key is a name to sort by, too */
    if (spec_sort(text, &spec, &err) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    (void)json_ok(data, size);
    columns(text, true);
    columns(text, false);
    keys(text);
    free(text);
    return 0;
}
