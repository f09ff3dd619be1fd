#include "store/name.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_TRIES = 10, LOCK_WAIT_NS = 10000000 };

bool name_instance_ok(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return n > 0 && n < NAME_INSTANCE && s[n] == '\0';
}

int name_instance_check(const char *instance, struct err *err)
{
    if (name_instance_ok(instance))
        return 0;
    return err_set(err, ERR_CONFIG,
                   "expected at most %d lower-case letters, digits and \"_\", found \"%.40s\"",
                   NAME_INSTANCE - 1, instance);
}

struct store_id name_id(const char *instance, unsigned worker, int64_t opened_ms)
{
    struct store_id id;
    char t[TEXT_TIME];

    (void)text_print_time(opened_ms, t); /* YYYY-MM-DDTHH:MM:SS.mmmZ */
    (void)snprintf(id.text, sizeof id.text, "%.*s-%u-%.4s%.2s%.5s%.2s%.2s%.3s", NAME_INSTANCE - 1,
                   instance, worker, t, t + 5, t + 8, t + 14, t + 17, t + 20);
    return id;
}

/* "YYYYMMDDTHHMMSSmmm" */
static bool parse_time(const char *s, int64_t *out)
{
    static const char shape[] = "ddddddddTddddddddd";
    char iso[TEXT_TIME];

    for (size_t i = 0; i < sizeof shape; i++)
        if (shape[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != shape[i])
            return false;
    (void)snprintf(iso, sizeof iso, "%.4s-%.2s-%.5s:%.2s:%.2s.%.3sZ", s, s + 4, s + 6, s + 11,
                   s + 13, s + 15);
    return text_time(iso, strlen(iso), 0, out, NULL) == 0;
}

bool name_parse(const char *file, const char *suffix, struct store_id *out, int64_t *opened_ms)
{
    struct store_id id;
    size_t len = strlen(file);
    size_t suffix_len = strlen(suffix);

    if (len < suffix_len || strcmp(file + len - suffix_len, suffix) != 0)
        return false;
    len -= suffix_len;
    if (len == 0 || len >= sizeof id.text)
        return false;
    memcpy(id.text, file, len);
    id.text[len] = '\0';
    const char *time = strrchr(id.text, '-');
    const char *worker = strchr(id.text, '-');
    if (!worker || worker == time || worker - id.text >= NAME_INSTANCE ||
        strspn(worker + 1, "0123456789") != (size_t)(time - worker - 1) ||
        !parse_time(time + 1, opened_ms))
        return false;
    *out = id;
    return true;
}

void name_instance(const struct store_id *id, char out[static NAME_INSTANCE])
{
    (void)snprintf(out, NAME_INSTANCE, "%.*s", (int)strcspn(id->text, "-"), id->text);
}

unsigned name_worker(const struct store_id *id)
{
    return (unsigned)strtoul(id->text + strcspn(id->text, "-") + 1, NULL, 10);
}

bool name_is_date(const char *folder, int64_t *day_ms)
{
    return strncmp(folder, "date=", 5) == 0 && strlen(folder) == 15 &&
           text_time(folder + 5, 10, 0, day_ms, NULL) == 0;
}

bool name_is_hour(const char *folder, int64_t *in_day_ms)
{
    int hour;
    int used = 0;

    if (sscanf(folder, "hour=%2d%n", &hour, &used) != 1 || used != 7 || folder[7] != '\0' ||
        hour < 0 || hour > 23)
        return false;
    *in_day_ms = (int64_t)hour * NAME_HOUR_MS;
    return true;
}

int name_journal(char out[static FILE_PATH], const char *dir, const struct store_id *id,
                 struct err *err)
{
    return file_path(out, err, "%s/journal/%s.journal", dir, id->text);
}

int name_partition(char out[static FILE_PATH], const char *dir, int64_t hour_ms, struct err *err)
{
    char t[TEXT_TIME];

    (void)text_print_time(hour_ms, t);
    return file_path(out, err, "%s/date=%.10s/hour=%.2s", dir, t, t + 11);
}

static int in_partition(char out[static FILE_PATH], const char *dir, int64_t hour_ms,
                        const char *before, const struct store_id *id, const char *behind,
                        struct err *err)
{
    char folder[FILE_PATH];
    int r = name_partition(folder, dir, hour_ms, err);
    return r ? r : file_path(out, err, "%s/%s%s%s", folder, before, id->text, behind);
}

int name_parquet(char out[static FILE_PATH], const char *dir, int64_t hour_ms,
                 const struct store_id *id, struct err *err)
{
    return in_partition(out, dir, hour_ms, "", id, ".parquet", err);
}

int name_parquet_tmp(char out[static FILE_PATH], const char *dir, int64_t hour_ms,
                     const struct store_id *id, struct err *err)
{
    return in_partition(out, dir, hour_ms, ".", id, ".parquet.tmp", err);
}

int store_lock(const char *dir, const char *instance, int *fd, struct err *err)
{
    char path[FILE_PATH];

    if (!name_instance_ok(instance))
        return err_set(err, ERR_CONFIG,
                       "instance \"%s\": expected at most %d lower-case letters, digits and \"_\"",
                       instance, NAME_INSTANCE - 1);
    int r = file_path(path, err, "%s/journal", dir);
    if (r == 0)
        r = file_mkdirs(path, err);
    if (r == 0)
        r = file_path(path, err, "%s/run", dir);
    if (r == 0)
        r = file_mkdirs(path, err);
    if (r == 0)
        r = file_path(path, err, "%s/run/%s.lock", dir, instance);
    if (r == 0)
        r = file_lock(path, fd, err);
    for (int i = 0; i < LOCK_TRIES && r == ERR_LIMIT; i++) {
        struct timespec t = {.tv_nsec = LOCK_WAIT_NS};
        (void)nanosleep(&t, NULL);
        r = file_lock(path, fd, err);
    }
    if (r == ERR_LIMIT)
        return err_set(err, ERR_CONFIG,
                       "instance \"%s\" of store %s is running already: stop it, or give this one "
                       "another name with --instance",
                       instance, dir);
    return r;
}

bool store_is_running(const char *dir, const char *instance)
{
    char path[FILE_PATH];
    int fd;

    if (file_path(path, NULL, "%s/run/%s.lock", dir, instance) != 0 || !file_exists(path))
        return false;
    int r = file_lock(path, &fd, NULL);
    if (r == 0)
        (void)close(fd);
    return r == ERR_LIMIT;
}
