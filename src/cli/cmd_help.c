/* weir help: what `--help`, `weir help` and the manual pages say, printed from the rows of
 * commands. */
#include "cli/command.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 80, OPT_COLUMN = 26 };

/* The length of the line at `s`, without its end. */
static size_t line_len(const char *s) { return strcspn(s, "\n"); }

static const char *line_after(const char *s)
{
    s += line_len(s);
    return *s ? s + 1 : s;
}

/* Words of the line at `s`, filled from column `at` on and indented by `indent`. */
static size_t fill_line(const char *s, size_t len, size_t indent, size_t at)
{
    for (size_t i = 0; i < len;) {
        while (i < len && s[i] == ' ')
            i++;
        size_t n = 0;
        while (i + n < len && s[i + n] != ' ')
            n++;
        if (n == 0)
            break;
        if (at > indent && at + 1 + n > WIDTH) {
            (void)printf("\n%*s", (int)indent, "");
            at = indent;
        } else if (at > indent) {
            (void)putchar(' ');
            at++;
        }
        (void)printf("%.*s", (int)n, s + i);
        at += n;
        i += n;
    }
    return at;
}

static void print_details(const char *s)
{
    size_t at = 0;

    for (; *s; s = line_after(s)) {
        bool as_it_is = *s == ' ' || *s == '\n';
        if (at > 0 && as_it_is)
            (void)putchar('\n');
        if (as_it_is) {
            (void)printf("%.*s\n", (int)line_len(s), s);
            at = 0;
        } else {
            at = fill_line(s, line_len(s), 0, at);
        }
    }
    (void)printf("%s\n", at > 0 ? "\n" : "");
}

static void print_opt(const struct opt *o)
{
    char left[OPT_COLUMN + 64];
    char letter[] = {'-', o->letter, ',', ' ', '\0'};

    int n = snprintf(left, sizeof left, "  %s--%s%s%s", o->letter ? letter : "    ", o->name,
                     o->arg ? " " : "", o->arg ? o->arg : "");
    (void)printf("%-*s", OPT_COLUMN, left);
    if (n >= OPT_COLUMN)
        (void)printf("\n%*s", OPT_COLUMN, "");
    (void)fill_line(o->help, strlen(o->help), OPT_COLUMN, OPT_COLUMN);
    (void)putchar('\n');
}

static const struct opt help_opt = {.name = "help", .letter = 'h', .help = "show this and end"};

void help_print(const struct command *c)
{
    (void)printf("weir %s: %s\n\nusage: weir %s %s\n\n", c->name, c->summary, c->name, c->usage);
    if (c->details)
        print_details(c->details);
    (void)printf("options:\n");
    for (size_t i = 0; i < c->n_opts; i++)
        print_opt(&c->opts[i]);
    print_opt(&help_opt);
    if (!c->examples)
        return;
    (void)printf("\nexamples:\n");
    for (const char *s = c->examples; *s; s = line_after(s)) {
        (void)fputs("  ", stdout);
        (void)fwrite(s, 1, line_len(s), stdout);
        (void)putchar('\n');
    }
}

void help_print_all(void)
{
    (void)printf("weir: NetFlow and IPFIX from packet to answer\n\n"
                 "usage: weir COMMAND [options] [arguments]\n\ncommands:\n");
    for (size_t i = 0; i < command_count; i++)
        (void)printf("  %-12s  %s\n", command_table[i]->name, command_table[i]->summary);
    (void)printf("\n'weir COMMAND --help' shows a command's options and examples; 'weir --version' "
                 "shows\nthe version.\n");
}

/* Text for roff: hyphens that stay hyphens, and no line that roff takes for a request. */
static void roff_text(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i == 0 && (*s == '.' || *s == '\''))
            (void)fputs("\\&", stdout);
        if (s[i] == '-')
            (void)fputs("\\-", stdout);
        else if (s[i] == '\\')
            (void)fputs("\\e", stdout);
        else if (s[i] == '\'')
            (void)fputs("\\(aq", stdout);
        else
            (void)putchar(s[i]);
    }
}

static void roff_line(const char *s)
{
    roff_text(s, strlen(s));
    (void)putchar('\n');
}

static void man_head(const char *name, const char *summary)
{
    (void)printf(".TH \"");
    for (const char *s = name; *s; s++)
        (void)putchar(toupper((unsigned char)*s));
    (void)printf("\" 1 \"\" \"weir %s\" \"Weir\"\n.SH NAME\n", WEIR_VERSION);
    roff_text(name, strlen(name));
    (void)printf(" \\- ");
    roff_line(summary);
}

static void man_details(const char *s)
{
    bool literal = false;
    bool gap = true; /* no paragraph break at the start */

    (void)printf(".SH DESCRIPTION\n");
    for (; *s; s = line_after(s)) {
        bool as_it_is = *s == ' ';
        if (as_it_is != literal)
            (void)puts(as_it_is ? ".PP\n.nf" : ".fi");
        literal = as_it_is;
        if (line_len(s) == 0 && !gap)
            (void)puts(".PP");
        gap = line_len(s) == 0;
        if (gap)
            continue;
        roff_text(s, line_len(s));
        (void)putchar('\n');
    }
    if (literal)
        (void)puts(".fi");
}

static void man_opt(const struct opt *o)
{
    (void)printf(".TP\n.B ");
    if (o->letter)
        (void)printf("\\-%c, ", o->letter);
    (void)printf("\\-\\-");
    roff_text(o->name, strlen(o->name));
    if (o->arg) {
        (void)printf(" \\fI");
        roff_text(o->arg, strlen(o->arg));
        (void)printf("\\fR");
    }
    (void)putchar('\n');
    roff_line(o->help);
}

static void man_examples(const char *s)
{
    (void)printf(".SH EXAMPLES\n");
    for (; *s; s = line_after(s)) {
        bool explains = *s == ' ';
        size_t skip = strspn(s, " ");
        (void)fputs(explains ? "" : ".TP\n.B ", stdout);
        roff_text(s + skip, line_len(s) - skip);
        (void)putchar('\n');
    }
}

static void man_command(const struct command *c)
{
    char name[64];

    (void)snprintf(name, sizeof name, "weir-%s", c->name);
    man_head(name, c->summary);
    (void)printf(".SH SYNOPSIS\n.B weir %s\n", c->name);
    roff_line(c->usage);
    if (c->details)
        man_details(c->details);
    (void)printf(".SH OPTIONS\n");
    for (size_t i = 0; i < c->n_opts; i++)
        man_opt(&c->opts[i]);
    man_opt(&help_opt);
    if (c->examples)
        man_examples(c->examples);
    (void)printf(".SH EXIT STATUS\n0 when all went well, 1 when something failed, 2 when the "
                 "command was used wrongly.\n.SH SEE ALSO\n.BR weir (1),\n.BR weir.conf (5)\n");
}

static void man_all(void)
{
    man_head("weir", "NetFlow and IPFIX from packet to answer");
    (void)printf(".SH SYNOPSIS\n.B weir\n.I COMMAND\n[options] [arguments]\n.SH COMMANDS\n");
    for (size_t i = 0; i < command_count; i++) {
        (void)printf(".TP\n.BR weir\\-%s (1)\n", command_table[i]->name);
        roff_line(command_table[i]->summary);
    }
    (void)printf(".SH OPTIONS\n");
    man_opt(&help_opt);
    man_opt(&(struct opt){
        .name = "version", .letter = 'V', .help = "show the version and what it was built with"});
}

enum { OPT_MAN = 1 };

static const struct opt opts[] = {
    {OPT_MAN, "man", 0, NULL, "print the manual page's source instead (see man(7))"},
};

static int cmd_help_run(int argc, char **argv)
{
    struct opt_scan scan = opt_scan_of(opts, COUNT_OF(opts), argc, argv);
    const char *name = NULL;
    bool man = false;
    struct err err;
    int id;

    while ((id = opt_next(&scan, &err)) != OPT_END) {
        if (id == OPT_MAN)
            man = true;
        else if (id == OPT_POSITIONAL && !name)
            name = scan.value;
        else
            return command_usage_error(&cmd_help,
                                       id == OPT_POSITIONAL ? "one command, please" : err.text);
    }
    const struct command *c = name ? command_find(name) : NULL;
    if (name && !c)
        return command_unknown(name);
    if (c)
        (man ? man_command : help_print)(c);
    else
        (man ? man_all : help_print_all)();
    return 0;
}

const struct command cmd_help = {
    .name = "help",
    .summary = "show the commands, or one command's options and examples",
    .usage = "[options] [COMMAND]",
    .examples =
        "weir help query\n    the same as 'weir query --help'\n"
        "weir help --man query | man -l -\n    read the manual page without installing it\n",
    .opts = opts,
    .n_opts = COUNT_OF(opts),
    .run = cmd_help_run,
};
