/* The routers' commands: every line is taken or refused with its place, and what is made of all
 * refers to what is there. */
#include "base/attr.h"
#include "fuzz.h"
#include "probe/fnf.h"

#include <assert.h>
#include <string.h>

struct reader {
    struct conf conf;
    struct fnf *fnf;
};

static int on_fnf(struct conf *c, const struct conf_line *line, struct err *err)
{
    return fnf_take(container_of(c, struct reader, conf)->fnf, line, err);
}

static void on_wrong(struct conf *c, const struct err *err)
{
    (void)c;
    assert(strncmp(err->text, "x:", 2) == 0);
}

static bool refers(int i, size_t n) { return i >= 0 && (size_t)i < n; }

static void check_record(const struct setup_record *r)
{
    char words[WORDS_TEXT];

    assert(r->n > 0 && r->n <= SETUP_FIELDS && r->fields[0].key);
    for (size_t i = 0; i < r->n; i++) {
        assert(r->fields[i].number != 0 && r->fields[i].len != 0);
        assert(i == 0 || r->fields[i - 1].key || !r->fields[i].key);
        words_print(r, i, words);
        assert(strncmp(words, "element ", 8) != 0);
    }
}

static void check(const struct setup *s)
{
    for (size_t i = 0; i < s->n_records; i++)
        check_record(&s->records[i]);
    for (size_t i = 0; i < s->n_monitors; i++) {
        const struct setup_monitor *m = &s->monitors[i];
        assert(refers(m->record, s->n_records) && m->entries > 0 && m->active_s > 0);
        assert(m->n_exporters <= SETUP_EXPORTERS);
        for (size_t k = 0; k < m->n_exporters; k++)
            assert(refers(m->exporters[k], s->n_exporters));
        for (size_t k = 0; k < CACHE_CLASSES; k++)
            assert(m->idle_s[k] > 0);
    }
    for (size_t i = 0; i < s->n_places; i++) {
        const struct setup_place *p = &s->places[i];
        assert(refers(p->monitor, s->n_monitors) && p->dev[0] && memchr(p->dev, 0, IFNAMSIZ));
        assert(p->sampler == SETUP_NONE || refers(p->sampler, s->n_samplers));
    }
    for (size_t i = 0; i < s->n_exporters; i++)
        assert(s->exporters[i].port > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
#define FNF(...) FNF_COMMAND(on_fnf, __VA_ARGS__)
    const struct conf_command commands[] = {
#include "probe/fnf.def"
    };
#undef FNF
    struct reader r = {.conf = {.commands = commands, .n = COUNT_OF(commands), .wrong = on_wrong},
                       .fnf = fnf_new()};
    struct setup s = {0};
    struct err err;

    int bad = conf_read(&r.conf, "x", (const char *)data, size, &err);
    for (size_t i = 0; fnf_note(r.fnf, i, &err); i++)
        assert(strncmp(err.text, "x:", 2) == 0);
    if (fnf_setup(r.fnf, &r.conf, &s, &err) == 0 && !bad)
        check(&s);
    setup_free(&s);
    fnf_free(r.fnf);
    return 0;
}
