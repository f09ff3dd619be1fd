/* weir nfdump: nfdump's flags, answered by weir query. Each question that they are is an argument
 * list of `weir query`, which is shown or run. */
#include "base/mem.h"
#include "cli/command.h"
#include "filter/filter.h"
#include "query/nfdump.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_file(const char *path, struct buf *out, struct err *err)
{
    char part[4096];
    FILE *f = fopen(path, "r");
    size_t n;

    if (!f)
        return err_sys(err, "-f %s", path);
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        buf_bytes(out, part, n);
    bool failed = ferror(f) != 0;
    (void)fclose(f);
    if (failed)
        return err_set(err, ERR_SYS, "-f %s: cannot be read", path);
    if (out->len > 0 && memchr(out->data, 0, out->len))
        return err_set(err, ERR_CONFIG, "-f %s: is no text", path);
    buf_u8(out, 0);
    return buf_ok(out) ? 0 : err_set(err, ERR_LIMIT, "-f %s: the filter is too long", path);
}

/* The filter of the command line, which comes before that of -f, as nfdump has it. */
static int filter_text(const struct nfdump *n, struct buf *file, const char **out, struct err *err)
{
    *out = (const char *)n->filter.data;
    if (!n->filter_file || **out)
        return 0;
    int r = read_file(n->filter_file, file, err);
    if (!r)
        *out = (const char *)file->data;
    return r;
}

/* A word as a shell takes it. */
static void print_word(const char *s)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-.,:/=@%+";

    if (*s && s[strspn(s, plain)] == '\0') {
        (void)printf(" %s", s);
        return;
    }
    (void)printf(" '");
    for (; *s; s++)
        (void)printf(*s == '\'' ? "'\\''" : "%c", *s);
    (void)printf("'");
}

static int ask(const struct nfdump_query *q, bool explain)
{
    char **argv = mem_new(q->n + 2, sizeof *argv);
    char *at = (char *)q->words.data;

    argv[0] = (char[]){"query"};
    for (size_t i = 1; i <= q->n; i++) {
        argv[i] = at;
        at += strlen(at) + 1;
    }
    int status = 0;
    if (explain) {
        (void)printf("weir query");
        for (size_t i = 1; i <= q->n; i++)
            print_word(argv[i]);
        (void)printf("\n");
    } else {
        status = cmd_query.run((int)q->n + 1, argv);
    }
    free(argv);
    return status;
}

static int cmd_nfdump_run(int argc, char **argv)
{
    struct nfdump n;
    struct nfdump_queries q = {0};
    struct buf file;
    const char *filter;
    struct err err;
    int status = 0;

    buf_init(&file, FILTER_TEXT_MAX + 1);
    int r = nfdump_read(argc, argv, &n, &err);
    if (!r)
        r = filter_text(&n, &file, &filter, &err);
    if (!r)
        r = nfdump_translate(&n, filter, &q, &err);
    if (r)
        status = command_usage_error(&cmd_nfdump, err.text);
    for (size_t i = 0; !r && i < q.n; i++) {
        int s = ask(&q.at[i], n.explain);
        status = s > status ? s : status;
    }
    nfdump_queries_free(&q);
    nfdump_free(&n);
    buf_free(&file);
    return status;
}

const struct command cmd_nfdump = {
    .name = "nfdump",
    .summary = "ask with nfdump's flags",
    .usage = "[options] [FILTER]",
    .details =
        "Takes the common flags of nfdump, makes `weir query` of them and runs it; "
        "--explain-command shows what it made. -r, -R and -M name a store, not a file. The filter "
        "is nfdump's or weir's; what nfdump spells otherwise is replaced, and a bare number of a "
        "duration is milliseconds.\n"
        "Columns and numbers are those of weir query. What has no counterpart is an error that "
        "says what to write instead. docs/from-nfdump.md has the tables.",
    .examples = "weir nfdump -R /var/lib/weir -s srcip/bytes -n 20 'proto tcp and dst port 443'\n"
                "    who sent most to port 443\n"
                "weir nfdump --explain-command -A srcip4/24,dstport -O bytes\n"
                "    what that is for weir query\n"
                "weir nfdump -o 'fmt:%ts %td %sap -> %dap %byt' -c 20 'duration > 60000'\n"
                "    20 flows of more than a minute, own columns\n",
    .opts = nfdump_opts,
    .n_opts = NFDUMP_SHOWN,
    .run = cmd_nfdump_run,
};
