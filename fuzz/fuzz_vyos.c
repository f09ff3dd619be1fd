/* Any text as a configuration of VyOS: messages have their place, and what is made of it can be. */
#include "base/attr.h"
#include "cli/vyos.h"
#include "fuzz.h"

#include <assert.h>
#include <string.h>

static void note(const char *text) { assert(strncmp(text, "x:", 2) == 0); }

static void check(const struct setup *s, bool capture)
{
    assert(s->n_monitors > 0 && s->n_places > 0 && s->n_exporters <= SETUP_EXPORTERS);
    for (size_t i = 0; i < s->n_monitors; i++) {
        const struct setup_monitor *m = &s->monitors[i];
        assert(m->entries > 0 && m->active_s > 0 && m->n_exporters == s->n_exporters);
        for (size_t k = 0; k < CACHE_CLASSES; k++)
            assert(m->idle_s[k] > 0);
    }
    for (size_t i = 0; i < s->n_places; i++) {
        const struct setup_place *p = &s->places[i];
        assert(memchr(p->dev, 0, IFNAMSIZ) && capture == (p->dev[0] == '\0'));
        assert(p->sampler == SETUP_NONE || s->samplers[p->sampler].rate > 1);
    }
    for (size_t i = 0; i < s->n_exporters; i++) {
        const struct setup_exporter *x = &s->exporters[i];
        assert(x->port > 0 && (x->version == 5 || x->version == 9 || x->version == 10));
        assert(x->version != 5 || x->domain <= UINT16_MAX);
        assert(!x->has_source || addr_is_v4(&x->source) == addr_is_v4(&x->to));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int capture = 0; capture < 2; capture++) {
        const struct vyos_options o = {.capture = capture, .may_be_none = capture, .note = note};
        char facility[VYOS_FACILITY];
        struct setup s = {0};
        struct err err = {0};
        if (vyos_read("x", (const char *)data, size, &o, &s, facility, &err) == 0)
            check(&s, capture);
        else
            assert(err.text[0] == 'x');
        setup_free(&s);
    }
    return 0;
}
