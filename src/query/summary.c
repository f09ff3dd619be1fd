#include "query/summary.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>

/* 1,234,567 */
static void grouped(uint64_t v, struct buf *out)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%" PRIu64, v);

    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            buf_u8(out, ',');
        buf_u8(out, (uint8_t)digits[i]);
    }
}

static void counted(uint64_t v, const char *one, const char *many, struct buf *out)
{
    grouped(v, out);
    buf_printf(out, " %s", v == 1 ? one : many);
}

/* "12.3 M flows", "999 flows"; "12.3 GB", "999 B" */
static void amount(double v, const char *unit, bool is_prefixed, struct buf *out)
{
    char text[TEXT_SHORT];
    size_t n = text_print_count(v, text);
    bool suffix = n > 0 && (text[n - 1] < '0' || text[n - 1] > '9');

    buf_printf(out, "%s%s%s", text, suffix && is_prefixed ? "" : " ", unit);
}

static void scanned(const struct summary *s, struct buf *out)
{
    buf_text(out, "; scanned ");
    amount((double)s->scan.rows, "flows", false, out);
    buf_text(out, " in ");
    if (s->scan.files || !s->scan.journals)
        counted(s->scan.files, "file", "files", out);
    if (s->scan.files && s->scan.journals)
        buf_text(out, " and ");
    if (s->scan.journals)
        counted(s->scan.journals, "journal", "journals", out);
    buf_printf(out, " in %.2f s", s->seconds);
    if (s->seconds > 0 && s->scan.rows > 0) {
        buf_text(out, " (");
        amount((double)s->scan.rows / s->seconds, "flows/s", false, out);
        buf_text(out, ")");
    }
}

void summary_line(const struct summary *s, struct buf *out)
{
    if (s->grouped) {
        if (s->shown < s->groups) {
            grouped(s->shown, out);
            buf_text(out, " of ");
        }
        counted(s->groups, "group", "groups", out);
    } else {
        if (s->shown < s->records) {
            grouped(s->shown, out);
            buf_text(out, " of ");
        }
        counted(s->records, "record", "records", out);
    }
    buf_text(out, s->interrupted ? ", interrupted there; "
                  : s->stopped   ? ", where the scan ended; "
                                 : "; ");
    amount((double)s->flows, s->flows == 1 ? "flow" : "flows", false, out);
    if (!s->no_bytes) {
        buf_text(out, ", ");
        amount((double)s->bytes, "B", true, out);
    }
    if (!s->no_packets) {
        buf_text(out, ", ");
        amount((double)s->packets, "packets", false, out);
    }
    buf_text(out, s->scaled ? " (times sampling rate) matched" : " matched");
    scanned(s, out);
    if (s->scan.broken) {
        buf_text(out, "; ");
        counted(s->scan.broken, "file could not be read", "files could not be read", out);
    }
}

void summary_explain(const struct summary *s, struct buf *out)
{
    const struct scan_stats *c = &s->scan;
    const struct {
        const char *name;
        double seconds;
    } times[] = {
        {"open", c->open_s},
        {"read", s->times.read},
        {"decompress", s->times.decompress},
        {"decode", s->times.decode},
        {"filter", s->times.filter},
        {s->grouped ? "group" : "list", s->times.group},
        {"merge", s->times.merge},
        {"sort and print", s->times.print},
    };

    buf_printf(out, "files: %" PRIu64 " opened, %" PRIu64 " skipped by the hour in their path\n",
               c->files, c->files_skipped);
    buf_printf(out,
               "row groups: %" PRIu64 " asked for, %" PRIu64 " skipped: %" PRIu64
               " by time, %" PRIu64 " by statistics, %" PRIu64 " by Bloom filters\n",
               c->groups, c->groups_skipped, c->by_time, c->by_statistics, c->by_bloom);
    buf_printf(out, "journals: %" PRIu64 " decoded\n", c->journals);
    if (s->late)
        buf_printf(out, "times of groups: %zu row groups read without, %zu of these once more\n",
                   s->late, s->again);
    if (s->spilled_bytes)
        buf_printf(out, "groups past the memory limit: %.1f MB to a file and back\n",
                   (double)s->spilled_bytes / 1e6);
    buf_printf(out, "time: %.3f s on %zu %s; of each step, all threads together:\n", s->seconds,
               s->threads, s->threads == 1 ? "thread" : "threads");
    for (size_t i = 0; i < COUNT_OF(times); i++)
        buf_printf(out, "  %-14s %8.3f s\n", times[i].name, times[i].seconds);
}

void summary_json(const struct summary *s, struct json *out)
{
    const struct {
        const char *key;
        uint64_t v;
    } numbers[] = {
        {"shown", s->shown},
        {"groups", s->groups},
        {"records", s->records},
        {"flows", s->flows},
        {"packets", s->packets},
        {"bytes", s->bytes},
        {"scanned", s->scan.rows},
        {"files", s->scan.files},
        {"files_skipped", s->scan.files_skipped},
        {"row_groups", s->scan.groups},
        {"row_groups_skipped", s->scan.groups_skipped},
        {"journals", s->scan.journals},
        {"broken", s->scan.broken},
    };

    json_open(out, '{');
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        if (!s->grouped && i == 1)
            continue;
        json_key(out, numbers[i].key);
        json_u64(out, numbers[i].v);
    }
    json_key(out, "scaled");
    json_bool(out, s->scaled);
    json_key(out, "complete");
    json_bool(out, !s->stopped && s->scan.broken == 0);
    json_key(out, "seconds");
    json_f64(out, s->seconds);
    json_close(out, '}');
}
