#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/syslog.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum dress { DRESS_TERMINAL, DRESS_JOURNALD, DRESS_FILE };

enum { LINE_BYTES = 2048 };

static _Atomic int log_most = LOG_INFO;
static _Atomic int log_dress = DRESS_TERMINAL;
static _Atomic bool log_has_syslog;
static struct syslog log_syslog;

static const int severity[] = {3, 4, 6, 7}; /* syslog's, of our levels */

void log_open(enum log_level most)
{
    atomic_store(&log_most, (int)most);
    if (getenv("JOURNAL_STREAM") && !isatty(STDERR_FILENO))
        atomic_store(&log_dress, DRESS_JOURNALD);
    else
        atomic_store(&log_dress, isatty(STDERR_FILENO) ? DRESS_TERMINAL : DRESS_FILE);
}

int log_to_syslog(const char *text, struct err *err)
{
    static const char hello[] = "log lines go to syslog";
    struct err why;
    int r = syslog_open_to(&log_syslog, text, err);

    if (r)
        return r;
    if (syslog_send(&log_syslog, severity[LOG_INFO], hello, sizeof hello - 1, &why) != 0)
        log_warn("syslog does not take log lines now; it is tried again with each",
                 KV("error", why.text));
    atomic_store(&log_has_syslog, true);
    return 0;
}

static void put_head(struct buf *b, enum log_level level)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    char time[TEXT_TIME];

    switch ((enum dress)atomic_load(&log_dress)) {
    case DRESS_JOURNALD:
        buf_printf(b, "<%d>", severity[level]);
        return;
    case DRESS_FILE:
        (void)text_print_time(clock_wall_ms(), time);
        buf_printf(b, "%s %s: ", time, names[level]);
        return;
    case DRESS_TERMINAL:
        buf_printf(b, "%s: ", names[level]);
        return;
    }
}

/* A value with a space, a quote or a control character in it is quoted: one line stays one line. */
static void put_text(struct buf *b, const char *s)
{
    bool plain = *s != '\0';

    for (const char *p = s; *p != '\0'; p++)
        if ((unsigned char)*p <= ' ' || *p == '"' || *p == '\\' || *p == 0x7f)
            plain = false;
    if (plain) {
        buf_text(b, s);
        return;
    }
    buf_u8(b, '"');
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s < ' ' || *s == 0x7f) {
            buf_printf(b, "\\x%02x", (unsigned)(unsigned char)*s);
            continue;
        }
        if (*s == '"' || *s == '\\')
            buf_u8(b, '\\');
        buf_u8(b, (uint8_t)*s);
    }
    buf_u8(b, '"');
}

/* Whether this place may write now, and how many lines it kept back before. Two threads at once may
 * let one line more pass: that does no harm. */
static bool allowed(struct log_site *site, uint32_t *held_back)
{
    int64_t now = clock_mono_ms();
    int64_t since = atomic_load_explicit(&site->window_mono_ms, memory_order_relaxed);

    *held_back = 0;
    if (since == 0 || now - since >= LOG_WINDOW_MS) {
        uint32_t lines = atomic_exchange_explicit(&site->lines, 0, memory_order_relaxed);
        *held_back = lines > LOG_BURST ? lines - LOG_BURST : 0;
        atomic_store_explicit(&site->window_mono_ms, now, memory_order_relaxed);
    }
    return atomic_fetch_add_explicit(&site->lines, 1, memory_order_relaxed) < LOG_BURST;
}

void log_write(enum log_level level, struct log_site *site, const char *message, ...)
{
    uint8_t line[LINE_BYTES];
    struct buf b;
    uint32_t held_back;
    va_list ap;

    if ((int)level > atomic_load(&log_most) || !allowed(site, &held_back))
        return;
    buf_fixed(&b, line, sizeof line - 1); /* room for the newline whatever happens */
    put_head(&b, level);
    size_t head = b.len;
    buf_text(&b, message);
    va_start(ap, message);
    for (struct log_kv kv = va_arg(ap, struct log_kv); kv.key; kv = va_arg(ap, struct log_kv)) {
        buf_printf(&b, " %s=", kv.key);
        if (kv.text)
            put_text(&b, kv.text);
        else
            buf_printf(&b, "%s%" PRIu64, kv.negative ? "-" : "", kv.number);
    }
    va_end(ap);
    if (held_back)
        buf_printf(&b, " suppressed=%u", held_back);
    if (atomic_load(&log_has_syslog))
        (void)syslog_send(&log_syslog, severity[level], (const char *)line + head, b.len - head,
                          NULL);
    line[b.len] = '\n';
    (void)!write(STDERR_FILENO, line, b.len + 1); /* one write: lines of threads do not mix */
}
