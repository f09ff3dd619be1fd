#include "probe/view.h"

#include "base/mem.h"

#include <stdlib.h>

enum { IPFIX = 10 };

struct view {
    size_t monitor;
    struct record *record;
    struct record_layout layout;
    struct encode *encode;
    struct pick_field fields[SETUP_FIELDS];
    size_t field_of[SETUP_FIELDS];
    struct batch batch;
    struct record_rows rows;
    struct cache_out out;
    uint8_t *octets;
};

static void on_flow(struct cache_out *out, const struct cache_flow *f)
{
    record_row(&container_of(out, struct view, out)->rows, f);
}

/* Which field of the setup's record the i-th of the layout is: IPFIX has times for uptimes. */
static size_t find_field(const struct setup_record *r, const struct layout_field *f)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct setup_field *own = &r->fields[i];
        const struct pick_field as = {.enterprise = f->enterprise, .number = f->number};
        if (pick_find(&as, 1, own->enterprise, own->number))
            return i;
    }
    return 0;
}

static void set_fields(struct view *v, const struct setup_record *r)
{
    const struct layout *l = &v->layout.layout;

    for (size_t i = 0; i < l->n; i++) {
        const struct layout_field *f = &l->fields[i];
        v->field_of[i] = find_field(r, f);
        v->fields[i] = (struct pick_field){.enterprise = f->enterprise,
                                           .number = f->number,
                                           .at = f->offset,
                                           .len = f->len == LAYOUT_VARLEN ? 1 : f->len,
                                           .key = r->fields[v->field_of[i]].key};
    }
}

int view_new(struct view **out, const struct setup *setup, size_t i, struct err *err)
{
    const struct setup_record *r = &setup->records[setup->monitors[i].record];
    struct view *v = mem_new(1, sizeof *v);
    int bad = record_new(&v->record, r, err);

    v->monitor = i;
    v->out.flow = on_flow;
    if (bad == 0)
        bad = record_layout(v->record, IPFIX, 0, &v->layout, err);
    if (bad == 0)
        bad = encode_new(&v->encode, &v->layout.layout, v->layout.octets, err);
    if (bad == 0 && !batch_init(&v->batch, VIEW_ENTRIES))
        bad = err_set(err, ERR_LIMIT, "no memory");
    if (bad) {
        view_free(v);
        return bad;
    }
    set_fields(v, r);
    v->octets = mem_new(VIEW_ENTRIES, v->layout.layout.record_len);
    *out = v;
    return 0;
}

void view_free(struct view *v)
{
    if (!v)
        return;
    record_rows_free(&v->rows);
    record_free(v->record);
    encode_free(v->encode);
    batch_free(&v->batch);
    free(v->octets);
    free(v);
}

const struct pick_field *view_fields(const struct view *v, size_t *n)
{
    *n = v->layout.layout.n;
    return v->fields;
}

size_t view_field_of(const struct view *v, size_t i) { return v->field_of[i]; }

size_t view_record_bytes(const struct view *v) { return v->layout.layout.record_len; }

bool view_read(struct view *v, struct probe *p, struct probe_place *at, const uint8_t **records,
               size_t *n)
{
    const struct encode_clock clock = {.export_ms = 0};

    batch_reset(&v->batch);
    if (!record_begin(v->record, &v->batch, &v->rows))
        mem_out();
    v->rows.looks = true;
    v->rows.applications = probe_applications(p, at);
    bool more = probe_look(p, v->monitor, at, VIEW_ENTRIES, &v->out);
    struct encode_rows rows = record_end(&v->rows);
    *n = v->batch.rows;
    *records = v->octets;
    (void)encode_records(v->encode, &clock, &rows, 0, *n, v->octets);
    return more;
}
