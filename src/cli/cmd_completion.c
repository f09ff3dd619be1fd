/* weir completion: scripts for shells, printed from the rows of commands and the catalogue. What a
 * value may be follows from how its option writes it, see cli/command.h. */
#include "cli/command.h"
#include "flow/field.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* What completes a value. */
enum values {
    VALUES_NONE,
    VALUES_CHOICES,
    VALUES_FIELDS,
    VALUES_DIRS,
    VALUES_FILES,
    VALUES_COMMANDS
};

static bool has_word(const char *text, const char *word)
{
    size_t n = strlen(word);

    for (const char *s = strstr(text, word); s; s = strstr(s + 1, word))
        if ((s == text || !isalpha((unsigned char)s[-1])) && !islower((unsigned char)s[n]))
            return true;
    return false;
}

static enum values values_of(const char *arg)
{
    static const struct {
        const char *word;
        enum values values;
    } words[] = {{"FIELDS", VALUES_FIELDS}, {"COLUMNS", VALUES_FIELDS},
                 {"COLUMN", VALUES_FIELDS}, {"DIR", VALUES_DIRS},
                 {"FILE", VALUES_FILES},    {"COMMAND", VALUES_COMMANDS}};

    for (size_t i = 0; arg && i < COUNT_OF(words); i++)
        if (has_word(arg, words[i].word))
            return words[i].values;
    return arg && strchr(arg, '|') && islower((unsigned char)arg[0]) ? VALUES_CHOICES : VALUES_NONE;
}

/* "a|b|c" → "a b c", without what else is behind them */
static void print_choices(const char *arg)
{
    for (const char *s = arg; *s && *s != ' '; s++)
        (void)putchar(*s == '|' ? ' ' : *s);
}

static void print_fields(void)
{
    for (int f = 0; f < FIELD_N; f++)
        (void)printf("%s%s", f ? " " : "", field_table[f].name);
}

static void print_commands(void)
{
    for (size_t i = 0; i < command_count; i++)
        (void)printf("%s%s", i ? " " : "", command_table[i]->name);
}

/* Text within single quotes of sh, zsh and (with its own rule) fish. */
static void print_quoted(const char *s, const char *quote)
{
    for (; *s; s++) {
        if (*s == '\'')
            (void)fputs(quote, stdout);
        else
            (void)putchar(*s);
    }
}

static void bash_values(const char *arg)
{
    enum values v = values_of(arg);

    if (v == VALUES_CHOICES) {
        (void)printf("COMPREPLY=($(compgen -W '");
        print_choices(arg);
        (void)printf("' -- \"$cur\"))");
    } else if (v == VALUES_COMMANDS) {
        (void)printf("COMPREPLY=($(compgen -W '");
        print_commands();
        (void)printf("' -- \"$cur\"))");
    } else if (v == VALUES_FIELDS) {
        (void)printf("_weir_fields \"$cur\"");
    } else if (v == VALUES_DIRS) {
        (void)printf("compopt -o filenames; COMPREPLY=($(compgen -d -- \"$cur\"))");
    } else if (v == VALUES_FILES) {
        (void)printf("compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\"))");
    } else {
        (void)printf(":");
    }
}

static void bash_command(const struct command *c)
{
    (void)printf("    %s)\n        case $prev in\n", c->name);
    for (size_t i = 0; i < c->n_opts; i++) {
        const struct opt *o = &c->opts[i];
        if (!o->arg)
            continue;
        (void)printf("        --%s", o->name);
        if (o->letter)
            (void)printf("|-%c", o->letter);
        (void)printf(") ");
        bash_values(o->arg);
        (void)printf("; return;;\n");
    }
    (void)printf("        esac\n        if [[ $cur == -* ]]; then\n"
                 "            COMPREPLY=($(compgen -W '");
    for (size_t i = 0; i < c->n_opts; i++)
        (void)printf("--%s ", c->opts[i].name);
    (void)printf("--help' -- \"$cur\"))\n            return\n        fi\n        ");
    bash_values(c->usage);
    (void)printf(";;\n");
}

static void bash_print(void)
{
    (void)printf("# bash completion of weir, printed by 'weir completion bash'\n"
                 "_weir_fields()\n{\n    local done=\n"
                 "    [[ $1 == *,* ]] && done=${1%%,*},\n    compopt -o nospace\n"
                 "    COMPREPLY=($(compgen -P \"$done\" -W '");
    print_fields();
    (void)printf("' -- \"${1##*,}\"))\n}\n\n"
                 "_weir()\n{\n    local cur=${COMP_WORDS[COMP_CWORD]} "
                 "prev=${COMP_WORDS[COMP_CWORD-1]}\n    COMPREPLY=()\n"
                 "    # bash takes the = of --name=value for a word of its own\n"
                 "    if [[ $cur == '=' ]]; then\n        cur=\n"
                 "    elif [[ $prev == '=' ]]; then\n        prev=${COMP_WORDS[COMP_CWORD-2]}\n"
                 "    fi\n"
                 "    if ((COMP_CWORD == 1)); then\n        COMPREPLY=($(compgen -W '");
    print_commands();
    (void)printf(" --help --version' -- \"$cur\"))\n        return\n    fi\n"
                 "    case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; i < command_count; i++)
        bash_command(command_table[i]);
    (void)printf("    esac\n}\n\ncomplete -F _weir weir\n");
}

/* Brackets and colons end a part of a specification of _arguments. */
static void zsh_text(const char *s)
{
    for (; *s; s++) {
        if (strchr("[]:\\", *s))
            (void)putchar('\\');
        if (*s == '\'')
            (void)fputs("'\\''", stdout);
        else
            (void)putchar(*s);
    }
}

static void zsh_values(const char *arg)
{
    enum values v = values_of(arg);

    if (v == VALUES_CHOICES || v == VALUES_COMMANDS) {
        (void)printf("(");
        if (v == VALUES_CHOICES)
            print_choices(arg);
        else
            print_commands();
        (void)printf(")");
    } else if (v == VALUES_FIELDS) {
        (void)printf("_weir_fields");
    } else if (v == VALUES_DIRS) {
        (void)printf("_files -/");
    } else if (v == VALUES_FILES) {
        (void)printf("_files");
    } else {
        (void)printf(" ");
    }
}

static void zsh_opt(const struct opt *o)
{
    const char *equals = o->arg ? "=" : "";

    (void)printf("            ");
    if (o->letter)
        (void)printf("'*'{-%c%s,--%s%s}'[", o->letter, o->arg ? "+" : "", o->name, equals);
    else
        (void)printf("'*--%s%s[", o->name, equals);
    zsh_text(o->help);
    (void)printf("]");
    if (o->arg) {
        (void)printf(":");
        zsh_text(values_of(o->arg) == VALUES_CHOICES ? o->name : o->arg);
        (void)printf(":");
        zsh_values(o->arg);
    }
    (void)printf("' \\\n");
}

static void zsh_command(const struct command *c)
{
    (void)printf("    %s)\n        _arguments -s -S \\\n", c->name);
    for (size_t i = 0; i < c->n_opts; i++)
        zsh_opt(&c->opts[i]);
    (void)printf("            '(-h --help)'{-h,--help}'[show this and end]'");
    if (values_of(c->usage) != VALUES_NONE) {
        (void)printf(" \\\n            '*:argument:");
        zsh_values(c->usage);
        (void)printf("'");
    }
    (void)printf(";;\n");
}

static void zsh_print(void)
{
    (void)printf("#compdef weir\n# zsh completion of weir, printed by 'weir completion zsh'\n"
                 "_weir_fields()\n{\n    _values -s , field ");
    print_fields();
    (void)printf("\n}\n\n_weir()\n{\n    local -a commands=(\n");
    for (size_t i = 0; i < command_count; i++) {
        (void)printf("        '%s:", command_table[i]->name);
        zsh_text(command_table[i]->summary);
        (void)printf("'\n");
    }
    (void)printf("    )\n    if ((CURRENT == 2)); then\n        _describe command commands\n"
                 "        return\n    fi\n    shift words\n    ((CURRENT--))\n"
                 "    case $words[1] in\n");
    for (size_t i = 0; i < command_count; i++)
        zsh_command(command_table[i]);
    (void)printf("    esac\n}\n\nif [[ $funcstack[1] == _weir ]]; then\n    _weir \"$@\"\n"
                 "else\n    compdef _weir weir\nfi\n");
}

static void fish_values(const char *arg)
{
    enum values v = values_of(arg);

    if (v == VALUES_CHOICES) {
        (void)printf(" -a '");
        print_choices(arg);
        (void)printf("'");
    } else if (v == VALUES_COMMANDS) {
        (void)printf(" -a '");
        print_commands();
        (void)printf("'");
    } else if (v == VALUES_FIELDS) {
        (void)printf(" -a '(__fish_append , $__weir_fields)'");
    } else if (v == VALUES_DIRS) {
        (void)printf(" -a '(__fish_complete_directories)'");
    } else if (v == VALUES_FILES) {
        (void)printf(" -F");
    }
}

static void fish_command(const struct command *c)
{
    for (size_t i = 0; i < c->n_opts; i++) {
        const struct opt *o = &c->opts[i];
        (void)printf("complete -c weir -n '__fish_seen_subcommand_from %s' -l %s", c->name,
                     o->name);
        if (o->letter)
            (void)printf(" -s %c", o->letter);
        if (o->arg) {
            (void)printf(values_of(o->arg) == VALUES_FILES ? " -r" : " -x");
            fish_values(o->arg);
        }
        (void)printf(" -d '");
        print_quoted(o->help, "\\'");
        (void)printf("'\n");
    }
    if (values_of(c->usage) != VALUES_NONE) {
        (void)printf("complete -c weir -n '__fish_seen_subcommand_from %s'", c->name);
        fish_values(c->usage);
        (void)printf("\n");
    }
}

static void fish_print(void)
{
    (void)printf("# fish completion of weir, printed by 'weir completion fish'\n"
                 "set -g __weir_fields ");
    print_fields();
    (void)printf(
        "\ncomplete -c weir -f\ncomplete -c weir -s h -l help -d 'show help and end'\n"
        "complete -c weir -n __fish_use_subcommand -s V -l version -d 'show the version'\n");
    for (size_t i = 0; i < command_count; i++) {
        (void)printf("complete -c weir -n __fish_use_subcommand -a %s -d '",
                     command_table[i]->name);
        print_quoted(command_table[i]->summary, "\\'");
        (void)printf("'\n");
    }
    for (size_t i = 0; i < command_count; i++)
        fish_command(command_table[i]);
}

static const struct {
    const char *name;
    void (*print)(void);
} shells[] = {{"bash", bash_print}, {"zsh", zsh_print}, {"fish", fish_print}};

static int cmd_completion_run(int argc, char **argv)
{
    struct opt_scan scan = opt_scan_of(NULL, 0, argc, argv);
    struct err err;
    int id = opt_next(&scan, &err);

    if (id == ERR_CONFIG)
        return command_usage_error(&cmd_completion, err.text);
    for (size_t i = 0; id == OPT_POSITIONAL && i < COUNT_OF(shells); i++) {
        if (strcmp(scan.value, shells[i].name) != 0)
            continue;
        if (opt_next(&scan, &err) != OPT_END)
            break;
        shells[i].print();
        return 0;
    }
    return command_usage_error(&cmd_completion, "expected one shell: bash, zsh or fish");
}

const struct command cmd_completion = {
    .name = "completion",
    .summary = "print a completion script for a shell",
    .usage = "bash|zsh|fish",
    .details = "It completes commands, options, their values, and names of fields.",
    .examples = "weir completion fish > ~/.config/fish/completions/weir.fish\n"
                "    for all fish shells to come\n"
                "source <(weir completion bash)\n    for this bash only\n",
    .run = cmd_completion_run,
};
