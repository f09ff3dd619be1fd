#include "store/walk.h"

#include "store/name.h"

static int walk_hour(struct walk *w, const char *folder, int64_t hour_ms, struct err *err)
{
    struct file_list names;
    int r = file_list_read(&names, folder, err);

    if (r)
        return r;
    for (size_t i = 0; i < names.n && r == 0; i++)
        r = w->entry(w, hour_ms, folder, names.name[i], err);
    file_list_free(&names);
    return r;
}

static int walk_day(struct walk *w, const char *day, int64_t day_ms, struct err *err)
{
    struct file_list hours;
    char folder[FILE_PATH];
    int r = file_list_read(&hours, day, err);

    if (r)
        return r;
    for (size_t i = 0; i < hours.n && r == 0; i++) {
        int64_t ms;
        if (!name_is_hour(hours.name[i], &ms))
            continue;
        r = file_path(folder, err, "%s/%s", day, hours.name[i]);
        if (r == 0)
            r = walk_hour(w, folder, day_ms + ms, err);
    }
    file_list_free(&hours);
    return r;
}

int walk_store(struct walk *w, const char *dir, struct err *err)
{
    struct file_list days;
    char folder[FILE_PATH];
    int r = file_list_read(&days, dir, err);

    if (r)
        return r;
    for (size_t i = 0; i < days.n && r == 0; i++) {
        int64_t ms;
        if (!name_is_date(days.name[i], &ms))
            continue;
        r = file_path(folder, err, "%s/%s", dir, days.name[i]);
        if (r == 0)
            r = walk_day(w, folder, ms, err);
    }
    file_list_free(&days);
    return r;
}
