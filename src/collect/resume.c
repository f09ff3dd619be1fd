#include "collect/resume.h"

#include "base/log.h"

static void say_recovered(const struct recover *r)
{
    if (r->journals > 0)
        log_info("journals of an earlier run are now in the store", KV("journals", r->journals),
                 KV("datagrams", r->datagrams), KV("flows", r->rows));
    if (r->torn > 0)
        log_warn("journals of an earlier run are torn; what can be read of them is kept",
                 KV("journals", r->torn), KV("last", r->last_torn.text));
    if (r->broken > 0)
        log_error("journals of an earlier run cannot be read; they are kept as *.journal.broken",
                  KV("journals", r->broken), KV("last", r->last_broken.text));
    if (r->failed > 0)
        log_error("journals of an earlier run could not be made into files; they are tried again",
                  KV("journals", r->failed), KV("last", r->last_failed.text));
}

int resume_begin(struct resume *r, const struct collect_options *o, struct err *err)
{
    *r = (struct resume){.worker = {.dir = o->dir,
                                    .instance = o->instance,
                                    .seal_every_ms = o->seal_every_ms,
                                    .journal_bytes = o->journal_bytes,
                                    .sync_ms = o->sync_ms,
                                    .pq = {.codec = PQ_ZSTD},
                                    .limits = decode_limits_default(),
                                    .senders = &o->senders,
                                    .quirks = &o->quirks,
                                    .sink = o->sink}};
    r->recover = (struct recover){.dir = o->dir,
                                  .instance = o->instance,
                                  .options = &r->worker.pq,
                                  .limits = &r->worker.limits,
                                  .state = &r->state};
    buf_init(&r->state, RESUME_STATE_MAX);
    int e = recover_run(&r->recover, err);
    if (e)
        return e;
    say_recovered(&r->recover);
    r->worker.order = recover_next_order(r->recover.run);
    return 0;
}

int resume_end(struct resume *r, struct worker *first, struct err *err)
{
    const struct recover *from = &r->recover;
    int e = recover_done(&r->recover, err);

    if (e)
        return e;
    for (size_t i = 0; i < from->failed; i++)
        seal_adopt(first->seal, &from->failed_list[i].id, from->failed_list[i].hour_ms);
    count_add(&first->counts, COUNT_JOURNAL_RECOVERED, from->journals);
    count_add(&first->counts, COUNT_FLOWS_RECOVERED, from->rows);
    count_add(&first->counts, COUNT_JOURNALS_TORN, from->torn);
    return 0;
}

void resume_free(struct resume *r)
{
    buf_free(&r->state);
    recover_free(&r->recover);
}
