/* Where weir is built without nDPI. */
#include "probe/applications.h"

#include <stddef.h>

bool applications_built(void) { return false; }

struct applications *applications_new(struct counts *counts)
{
    (void)counts;
    return NULL;
}

void applications_free(struct applications *a) { (void)a; }

struct application_seen applications_see(struct applications *a, const struct packet *p,
                                         const struct facts *f, int64_t time_ms)
{
    (void)a;
    (void)p;
    (void)f;
    (void)time_ms;
    return (struct application_seen){0};
}

uint32_t applications_of(struct applications *a, uint64_t conversation, bool ends)
{
    (void)a;
    (void)conversation;
    (void)ends;
    return 0;
}

struct applications_names *applications_names_new(void) { return NULL; }

void applications_names_free(struct applications_names *n) { (void)n; }

bool applications_name(const struct applications_names *n, size_t i, uint32_t *application,
                       const char **name, const char **kind)
{
    (void)n;
    (void)i;
    (void)application;
    (void)name;
    (void)kind;
    return false;
}
