#include "base/text.h"
#include "report/finding.h"
#include "report/member.h"

#include <stdlib.h>
#include <string.h>

enum { SHARE_BAD = 100 /* one in so many lost is an error */, MIXED_MIN = 6, MIXED_SHARE = 50 };

static const char *unit(uint64_t version) { return version == 9 ? "datagrams" : "flow records"; }

static const char *ago(const struct patient *p, const char *key, char out[static TEXT_SHORT])
{
    (void)text_print_duration(p->facts->now_ms - signed_number(p->x, key), out);
    return out;
}

static uint64_t kernel_drops(const struct patient *p)
{
    const json_t *list = json_object_get(p->facts->answer[DOCTOR_COLLECT], "listeners");
    uint64_t n = 0;

    for (size_t i = 0; i < json_array_size(list); i++)
        n += number(json_array_get(list, i), "kernel_drops");
    return n;
}

static void loss(const struct patient *p)
{
    uint64_t version = number(p->x, "version");
    uint64_t before = number(p->x, "lost_before");
    uint64_t all = number(p->x, "lost");
    uint64_t lost = all > before ? all - before : 0;
    uint64_t came = version == 9
                        ? number(p->x, "datagrams")
                        : number(p->x, "flows") + (version == 10 ? number(p->x, "options") : 0);
    uint64_t drops = kernel_drops(p);
    char when[TEXT_SHORT];

    if (before > 0 && all > 0)
        finding_add(p, SEVERITY_NOTE, ADVICE_LOSS_DOWN,
                    json_pack("{s:I}", "lost", (json_int_t)before),
                    "%" PRIu64 " %s are missing before its first datagram of this run", before,
                    unit(version));
    if (lost == 0)
        return;
    finding_add(
        p, lost * SHARE_BAD >= came + lost ? SEVERITY_ERROR : SEVERITY_WARNING,
        drops > 0 ? ADVICE_LOSS_HERE : ADVICE_LOSS_BEFORE,
        json_pack("{s:I,s:I,s:I,s:I,s:I}", "lost", (json_int_t)lost, "received", (json_int_t)came,
                  "gaps", (json_int_t)number(p->x, "gaps"), "gap_ms",
                  (json_int_t)signed_number(p->x, "gap_ms"), "kernel_drops", (json_int_t)drops),
        "%" PRIu64 " of %" PRIu64 " %s are missing (%.2g %%), in %" PRIu64
        " gaps, the last %s ago; the kernel dropped %" PRIu64 " datagrams of all senders here",
        lost, came + lost, unit(version), 100.0 * (double)lost / (double)(came + lost),
        number(p->x, "gaps"), ago(p, "gap_ms", when), drops);
}

static void order(const struct patient *p)
{
    uint64_t datagrams = number(p->x, "datagrams");
    uint64_t twice = number(p->x, "duplicates");
    uint64_t behind = number(p->x, "behind");
    uint64_t late = number(p->x, "late");
    uint64_t restarts = number(p->x, "restarts");
    char when[TEXT_SHORT];

    if (twice > 0)
        finding_add(p, SEVERITY_WARNING, ADVICE_DUPLICATES,
                    json_pack("{s:I,s:I}", "duplicates", (json_int_t)twice, "datagrams",
                              (json_int_t)datagrams),
                    "%" PRIu64 " of %" PRIu64 " datagrams came twice", twice, datagrams);
    /* A restart may be told by two datagrams, of which the first is behind. */
    if (behind + restarts >= MIXED_MIN && (behind + restarts) * MIXED_SHARE > datagrams) {
        finding_add(p, SEVERITY_WARNING, ADVICE_NUMBERS_MIXED,
                    json_pack("{s:I,s:I,s:I}", "behind", (json_int_t)behind, "restarts",
                              (json_int_t)restarts, "datagrams", (json_int_t)datagrams),
                    "its numbers jumped back %" PRIu64 " times in %" PRIu64 " datagrams",
                    behind + restarts, datagrams);
        return;
    }
    if (late > 0 || behind > restarts)
        finding_add(p, SEVERITY_NOTE, ADVICE_REORDER,
                    json_pack("{s:I,s:I,s:I}", "late", (json_int_t)late, "behind",
                              (json_int_t)behind, "datagrams", (json_int_t)datagrams),
                    "%" PRIu64 " of %" PRIu64 " datagrams came late", late + behind, datagrams);
    if (restarts > 0)
        finding_add(p, SEVERITY_WARNING, ADVICE_REBOOT,
                    json_pack("{s:I,s:I}", "restarts", (json_int_t)restarts, "restarted_ms",
                              (json_int_t)signed_number(p->x, "restarted_ms")),
                    "it counted anew %" PRIu64 " times, the last %s ago", restarts,
                    ago(p, "restarted_ms", when));
}

static void malformed(const struct patient *p)
{
    const json_t *list = json_object_get(p->facts->answer[DOCTOR_DROPS], "drops");
    uint64_t n = number(p->x, "malformed");
    const char *why = text(p->x, "malformed_why");
    const json_t *row = NULL;
    char when[TEXT_SHORT];

    if (n == 0)
        return;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(text(json_array_get(list, i), "name"), why) == 0)
            row = json_array_get(list, i);
    struct finding *x = finding_add(
        p, SEVERITY_WARNING, ADVICE_MALFORMED,
        json_pack("{s:I,s:s,s:I,s:I}", "malformed", (json_int_t)n, "why", why, "set",
                  (json_int_t)number(p->x, "malformed_set"), "last_ms",
                  (json_int_t)signed_number(p->x, "malformed_ms")),
        "%" PRIu64 " times in %" PRIu64 " datagrams; the last %s ago, in set %" PRIu64 ": %s (%s)",
        n, number(p->x, "datagrams"), ago(p, "malformed_ms", when), number(p->x, "malformed_set"),
        why, text(row, "what"));
    (void)snprintf(x->todo, sizeof x->todo, "%s", text(row, "advice"));
}

void rules_of_loss(const struct patient *p)
{
    loss(p);
    order(p);
    malformed(p);
}
