#include "cli/probe_conf.h"

#include "cli/config.h"

#include <stdio.h>

/* Does an earlier place give the monitor the same packets, once it does not matter where? */
static bool is_there(const struct setup *s, size_t n, const struct setup_place *p)
{
    for (size_t i = 0; i < n; i++)
        if (s->places[i].monitor == p->monitor && s->places[i].family == p->family)
            return true;
    return false;
}

static int for_capture(struct setup *s, const char *path, struct err *err)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_places; i++) {
        struct setup_place p = s->places[i];
        if (p.output || is_there(s, n, &p))
            continue;
        p.dev[0] = '\0';
        s->places[n++] = p;
    }
    s->n_places = n;
    if (n == 0)
        return err_set(err, ERR_CONFIG,
                       "%s: no flow monitor stands at an interface's input, so packets of a "
                       "capture go to none; expected 'ip flow monitor NAME input'",
                       path);
    return 0;
}

static int take(struct config *c, const char *path, bool capture, struct setup *s, struct err *err)
{
    struct err note;

    if (!fnf_any(c->fnf))
        return err_set(err, ERR_CONFIG,
                       "%s says nothing of metering; expected flow record, flow exporter, flow "
                       "monitor and interface (docs/probe.md), or --to and --interface",
                       path);
    int r = fnf_setup(c->fnf, &c->conf, s, err);
    for (size_t i = 0; r == 0 && fnf_note(c->fnf, i, &note); i++)
        (void)fprintf(stderr, "weir probe: %s\n", note.text);
    if (r == 0 && s->n_places == 0)
        return err_set(err, ERR_CONFIG,
                       "%s: no flow monitor stands at an interface; expected 'ip flow monitor NAME "
                       "input' below 'interface NAME'",
                       path);
    return r == 0 && capture ? for_capture(s, path, err) : r;
}

int probe_conf_setup(const char *path, bool capture, struct setup *out, struct err *err)
{
    struct config c;
    struct setup s = {0};

    config_init(&c);
    int r = config_read(&c, path, err);
    if (r == 0)
        r = take(&c, path, capture, &s, err);
    config_free(&c);
    if (r)
        setup_free(&s);
    else
        *out = s;
    return r;
}
