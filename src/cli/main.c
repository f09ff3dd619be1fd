/* weir: the list of commands. A new command is a row here, a file in meson.build, and its
 * cmd_NAME.c. Owner of nothing; one thread until a command starts more. */
#include "base/mem.h"
#include "base/near.h"
#include "cli/command.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
const struct command *const command_table[] = {
    &cmd_probe,
    &cmd_collect,
    &cmd_relay,
    &cmd_query,
    &cmd_nfdump,
    &cmd_filter,
    &cmd_decode,
    &cmd_import,
    &cmd_replay,
    &cmd_show,
    &cmd_clear,
    &cmd_doctor,
    &cmd_store,
    &cmd_books,
    &cmd_check,
    &cmd_fields,
    &cmd_completion,
    &cmd_help,
};
/* clang-format on */
const size_t command_count = COUNT_OF(command_table);

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(command_table[i]->name, name) == 0)
            return command_table[i];
    return NULL;
}

int command_usage_error(const struct command *c, const char *text)
{
    (void)fprintf(stderr, "weir %s: %s\n'weir %s --help' shows its options.\n", c->name, text,
                  c->name);
    return 2;
}

int command_unknown(const char *name)
{
    struct near near = near_of(name, strlen(name));

    for (size_t i = 0; i < command_count; i++)
        near_try(&near, command_table[i]->name);
    (void)fprintf(stderr, "weir: there is no command \"%s\"", name);
    if (near_best(&near))
        (void)fprintf(stderr, "; did you mean \"weir %s\"?\n", near_best(&near));
    else
        (void)fprintf(stderr, "; 'weir --help' lists them.\n");
    return 2;
}

bool command_join(char *words, size_t size, const char *word)
{
    size_t n = strlen(words);
    int len = snprintf(words + n, size - n, "%s%s", n > 0 ? " " : "", word);

    return len > 0 && (size_t)len < size - n;
}

static int print_version(void)
{
    (void)printf("weir %s\nbuilt with %s: %s\n", WEIR_VERSION, WEIR_COMPILER, WEIR_FEATURES);
    return 0;
}

/* Whether --help or -h is among the command's own options, not the value of one. What is wrong
 * with the others is for the command to say. */
static bool wants_help(const struct command *c, int argc, char **argv)
{
    enum { HELP = -1000 };
    struct opt *opts = mem_new(c->n_opts + 1, sizeof *opts);
    int id;

    if (c->n_opts > 0)
        memcpy(opts, c->opts, c->n_opts * sizeof *opts);
    opts[c->n_opts] = (struct opt){.id = HELP, .name = "help", .letter = 'h'};
    struct opt_scan scan = opt_scan_of(opts, c->n_opts + 1, argc, argv);
    do
        id = opt_next(&scan, NULL);
    while (id > 0 || id == OPT_POSITIONAL);
    free(opts);
    return id == HELP;
}

static int run_command(const struct command *c, int argc, char **argv)
{
    if (!wants_help(c, argc, argv))
        return c->run(argc, argv);
    help_print(c);
    return 0;
}

static bool is_samplicate(const char *program)
{
    const char *name = strrchr(program, '/');

    return strcmp(name ? name + 1 : program, "samplicate") == 0;
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        help_print_all();
        return 2;
    }
    const char *word = argv[1];
    if (is_samplicate(argv[0]))
        return run_command(&cmd_relay, argc, argv);
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
        return print_version();
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        help_print_all();
        return 0;
    }
    const struct command *c = command_find(word);
    if (!c)
        return command_unknown(word);
    return run_command(c, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    int status = run(argc, argv);

    /* A full disk shows here; `weir query | head` is no failure. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && errno != EPIPE) {
        (void)fprintf(stderr, "weir: standard output: %s\n", strerror(errno ? errno : EIO));
        return status ? status : 1;
    }
    return status;
}
