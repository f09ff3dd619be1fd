/* name: what things are called in a store.
 *
 *   DIR/journal/ID.journal                         ID.journal.new until its head is written
 *   DIR/date=YYYY-MM-DD/hour=HH/ID.parquet         .ID.parquet.tmp while it is written
 *   DIR/run/INSTANCE.lock, INSTANCE.sock
 *   ID = INSTANCE-WORKER-YYYYMMDDTHHMMSSmmm        UTC, by the time of opening */
#ifndef STORE_NAME_H
#define STORE_NAME_H

#include "base/file.h"

#include <stdbool.h>
#include <stdint.h>

enum { NAME_INSTANCE = 32, NAME_ID = 80, NAME_HOUR_MS = 3600000 };

struct store_id {
    char text[NAME_ID];
};

/* Lower-case letters, digits and "_", at most NAME_INSTANCE - 1. */
bool name_instance_ok(const char *instance);
int name_instance_check(const char *instance, struct err *err) MUST_USE; /* ERR_CONFIG */

struct store_id name_id(const char *instance, unsigned worker, int64_t opened_ms);

/* "ID" + suffix, as in "collect-0-20261122T140500000.journal". false: it is no such name. */
bool name_parse(const char *file, const char *suffix, struct store_id *out, int64_t *opened_ms);
void name_instance(const struct store_id *id, char out[static NAME_INSTANCE]);
unsigned name_worker(const struct store_id *id);

/* The hour that a time is in. */
static inline int64_t name_hour(int64_t ms)
{
    int64_t rest = ms % NAME_HOUR_MS;
    return ms - (rest < 0 ? rest + NAME_HOUR_MS : rest);
}

/* Reads "date=YYYY-MM-DD", "hour=HH". */
bool name_is_date(const char *folder, int64_t *day_ms);
bool name_is_hour(const char *folder, int64_t *in_day_ms);

int name_journal(char out[static FILE_PATH], const char *dir, const struct store_id *id,
                 struct err *err) MUST_USE;
int name_partition(char out[static FILE_PATH], const char *dir, int64_t hour_ms,
                   struct err *err) MUST_USE;
int name_parquet(char out[static FILE_PATH], const char *dir, int64_t hour_ms,
                 const struct store_id *id, struct err *err) MUST_USE;
int name_parquet_tmp(char out[static FILE_PATH], const char *dir, int64_t hour_ms,
                     const struct store_id *id, struct err *err) MUST_USE;

/* Take the instance for this process: ERR_CONFIG if another one runs it. Makes DIR, DIR/run and
 * DIR/journal. The lock lasts until *fd is closed. */
int store_lock(const char *dir, const char *instance, int *fd, struct err *err) MUST_USE;

/* Whether a process has it. (For a moment this one does, so store_lock() tries more than once.) */
bool store_is_running(const char *dir, const char *instance);

#endif
