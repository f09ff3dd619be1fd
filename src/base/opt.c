#include "base/opt.h"

#include "base/near.h"

#include <string.h>

struct opt_scan opt_scan_of(const struct opt *table, size_t n, int argc, char **argv)
{
    return (struct opt_scan){.table = table, .n = n, .argc = argc, .argv = argv, .at = 1};
}

static void explain_unknown(const struct opt_scan *s, const char *name, size_t len, struct err *err)
{
    struct near near = near_of(name, len);

    for (size_t i = 0; i < s->n; i++)
        near_try(&near, s->table[i].name);
    const char *best = near_best(&near);
    err_text(err, "unknown option --%.*s%s%s%s", (int)len, name, best ? "; did you mean --" : "",
             best ? best : "", best ? "?" : "");
}

/* The option of that long name, or the only one that begins so; else NULL, and why in err. */
static const struct opt *long_find(const struct opt_scan *s, const char *name, size_t len,
                                   struct err *err)
{
    const struct opt *found = NULL;

    for (size_t i = 0; i < s->n && len > 0; i++) {
        const struct opt *o = &s->table[i];
        if (strncmp(o->name, name, len) != 0)
            continue;
        if (o->name[len] == '\0')
            return o;
        if (found) {
            err_text(err, "--%.*s may be --%s or --%s; write more of it", (int)len, name,
                     found->name, o->name);
            return NULL;
        }
        found = o;
    }
    if (!found)
        explain_unknown(s, name, len, err);
    return found;
}

static int long_next(struct opt_scan *s, const char *name, struct err *err)
{
    size_t len = strcspn(name, "=");
    const char *value = name[len] == '=' ? name + len + 1 : NULL;
    const struct opt *o = long_find(s, name, len, err);

    if (!o)
        return ERR_CONFIG;
    if (!o->arg && value)
        return err_set(err, ERR_CONFIG, "--%s takes no value, found \"%s\"", o->name, value);
    if (o->arg && !value) {
        if (s->at >= s->argc)
            return err_set(err, ERR_CONFIG, "--%s needs a value: --%s %s", o->name, o->name,
                           o->arg);
        value = s->argv[s->at++];
    }
    s->value = value;
    return o->id;
}

static const struct opt *letter_find(const struct opt_scan *s, char letter)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->table[i].letter == letter)
            return &s->table[i];
    return NULL;
}

/* argv[at] is "-abc"; letter_at is where in it we are. */
static int letter_next(struct opt_scan *s, struct err *err)
{
    const char *group = s->argv[s->at];
    char letter = group[s->letter_at++];
    const char *rest = group + s->letter_at;
    const struct opt *o = letter_find(s, letter);

    if (!o)
        return err_set(err, ERR_CONFIG, "unknown option -%c", letter);
    if (o->arg || *rest == '\0') {
        s->at++;
        s->letter_at = 0;
    }
    s->value = NULL;
    if (!o->arg)
        return o->id;
    if (*rest == '\0') {
        if (s->at >= s->argc)
            return err_set(err, ERR_CONFIG, "-%c needs a value: -%c %s", letter, letter, o->arg);
        rest = s->argv[s->at++];
    }
    s->value = rest;
    return o->id;
}

int opt_next(struct opt_scan *s, struct err *err)
{
    s->value = NULL;
    if (s->letter_at > 0)
        return letter_next(s, err);
    if (s->at >= s->argc)
        return OPT_END;

    char *word = s->argv[s->at];
    if (!s->no_more && strcmp(word, "--") == 0) {
        s->no_more = true;
        s->at++;
        return opt_next(s, err);
    }
    if (s->no_more || word[0] != '-' || word[1] == '\0') { /* "-" is standard input */
        s->value = word;
        s->at++;
        return OPT_POSITIONAL;
    }
    if (word[1] == '-') {
        s->at++;
        return long_next(s, word + 2, err);
    }
    s->letter_at = 1;
    return letter_next(s, err);
}
