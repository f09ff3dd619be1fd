/* nfdump's flags, an argument a line: what becomes of them is whole words, of which --by can be
 * understood; the filter goes on to the filter's parser. */
#include "fuzz.h"
#include "query/nfdump.h"
#include "query/spec.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { ARGS_MAX = 64 };

/* Words as weir query gets them: as many as there are NULs. */
static void check(const struct nfdump_query *q)
{
    const char *at = (const char *)q->words.data;
    const char *end = at + q->words.len;
    const char *before = "";
    size_t n = 0;

    for (; at < end; at += strlen(at) + 1, n++) {
        struct keys keys = {0};
        struct filter *filter = NULL;
        struct err err;
        if (strcmp(before, "--by") == 0 && spec_keys(at, &keys, &err) == 0)
            assert(keys.n > 0);
        if (strcmp(before, "--") == 0 && filter_parse(&filter, at, NULL) == 0)
            filter_free(filter);
        before = at;
    }
    assert(at == end && n == q->n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    char *argv[ARGS_MAX] = {(char[]){"nfdump"}};
    int argc = 1;
    struct nfdump n;
    struct nfdump_queries q = {0};
    struct err err;

    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    for (char *s = text; argc < ARGS_MAX && s; argc++) {
        argv[argc] = s;
        s = strchr(s, '\n');
        if (s)
            *s++ = '\0';
    }
    int r = nfdump_read(argc, argv, &n, &err);
    if (!r)
        r = nfdump_translate(&n, (const char *)n.filter.data, &q, &err);
    assert(r == 0 || r == ERR_CONFIG || r == ERR_LIMIT);
    for (size_t i = 0; !r && i < q.n; i++)
        check(&q.at[i]);
    nfdump_queries_free(&q);
    nfdump_free(&n);
    free(text);
    return 0;
}
