/* log: one line an event to stderr, and to syslog if asked: a constant message, then key=value.
 *
 *   log_warn("journal not written", KV("path", path), KV("error", err.text));
 *
 * error: an operator must act; warn: something was lost; info: lifecycle; debug: for us. Each place
 * in the code writes at most LOG_BURST lines in LOG_WINDOW_MS; how many it held back stands in the
 * next one. On a terminal a line begins with the level, under journald with its priority "<4>",
 * else with time and level. Any thread may log. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

enum { LOG_BURST = 10, LOG_WINDOW_MS = 10000 };

/* Lines go to syslog too, see syslog.h for the text; before there are other threads. A daemon that
 * does not answer is warned of. ERR_CONFIG, ERR_SYS. */
int log_to_syslog(const char *text, struct err *err) MUST_USE;

/* Look at stderr and the environment; until then lines look as on a terminal. */
void log_open(enum log_level most);

struct log_kv {
    const char *key; /* NULL ends a list */
    const char *text;
    uint64_t number; /* if text is NULL */
    bool negative;   /* number is below zero: its distance from it */
};

static inline struct log_kv log_kv_text(const char *key, const char *text)
{
    return (struct log_kv){.key = key, .text = text ? text : ""};
}

static inline struct log_kv log_kv_u64(const char *key, uint64_t number)
{
    return (struct log_kv){.key = key, .number = number};
}

static inline struct log_kv log_kv_i64(const char *key, int64_t number)
{
    uint64_t n = (uint64_t)number;
    return (struct log_kv){.key = key, .number = number < 0 ? 0 - n : n, .negative = number < 0};
}

/* clang-format off */
#define KV(key, value)                                                                             \
    _Generic((value),                                                                              \
        char *: log_kv_text, const char *: log_kv_text,                                            \
        int: log_kv_i64, long: log_kv_i64, long long: log_kv_i64,                                  \
        default: log_kv_u64)(key, value)
/* clang-format on */

/* Where in the code a line comes from, for the limit. */
struct log_site {
    _Atomic int64_t window_mono_ms;
    _Atomic uint32_t lines;
};

void log_write(enum log_level level, struct log_site *site, const char *message, ...);

#define LOG_HERE(level, ...)                                           \
    do {                                                               \
        static struct log_site log_site_;                              \
        log_write(level, &log_site_, __VA_ARGS__, (struct log_kv){0}); \
    } while (0)

#define log_error(...) LOG_HERE(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) LOG_HERE(LOG_WARN, __VA_ARGS__)
#define log_info(...) LOG_HERE(LOG_INFO, __VA_ARGS__)
#define log_debug(...) LOG_HERE(LOG_DEBUG, __VA_ARGS__)

#endif
