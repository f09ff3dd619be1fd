#include "query/geo.h"

#ifdef HAVE_MAXMINDDB

#include "base/mem.h"

#include <maxminddb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { DEPTH_MAX = 129, SYSTEMS_MAX = 1 << 20 };

struct system {
    uint32_t as;
    char *name;
};

struct geo {
    MMDB_s file;
    bool walked;
    struct system *systems; /* by number, once they were asked for */
    size_t n_systems;
    size_t cap_systems;
};

int geo_open(struct geo **out, const char *path, struct err *err)
{
    struct geo *g = mem_new(1, sizeof *g);
    int r = MMDB_open(path, MMDB_MODE_MMAP, &g->file);

    if (r != MMDB_SUCCESS) {
        free(g);
        return err_set(err, ERR_CONFIG, "%s: %s", path, MMDB_strerror(r));
    }
    *out = g;
    return 0;
}

void geo_close(struct geo *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->n_systems; i++)
        free(g->systems[i].name);
    free(g->systems);
    MMDB_close(&g->file);
    free(g);
}

static bool find(const struct geo *g, const struct addr *a, MMDB_entry_s *out)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    MMDB_lookup_result_s found;
    int r = MMDB_SUCCESS;

    if (addr_is_v4(a)) {
        memcpy(&v4.sin_addr, a->b + 12, 4);
        found = MMDB_lookup_sockaddr(&g->file, (const struct sockaddr *)&v4, &r);
    } else if (g->file.metadata.ip_version == 6) {
        memcpy(&v6.sin6_addr, a->b, 16);
        found = MMDB_lookup_sockaddr(&g->file, (const struct sockaddr *)&v6, &r);
    } else {
        return false;
    }
    *out = found.entry;
    return r == MMDB_SUCCESS && found.found_entry;
}

static bool text_at(MMDB_entry_s *e, const char *const *path, char out[static GEO_TEXT])
{
    MMDB_entry_data_s data;

    if (MMDB_aget_value(e, &data, path) != MMDB_SUCCESS || !data.has_data ||
        data.type != MMDB_DATA_TYPE_UTF8_STRING)
        return false;
    (void)snprintf(out, GEO_TEXT, "%.*s", (int)data.data_size, data.utf8_string);
    return true;
}

static const char *const as_name_path[] = {"autonomous_system_organization", NULL};
static const char *const as_number_path[] = {"autonomous_system_number", NULL};

static bool system_at(MMDB_entry_s *e, uint32_t *as, char out[static GEO_TEXT])
{
    MMDB_entry_data_s data;

    if (!text_at(e, as_name_path, out) ||
        MMDB_aget_value(e, &data, as_number_path) != MMDB_SUCCESS || !data.has_data ||
        data.type != MMDB_DATA_TYPE_UINT32)
        return false;
    *as = data.uint32;
    return true;
}

bool geo_country(const struct geo *g, const struct addr *a, char out[static GEO_TEXT])
{
    static const char *const paths[][3] = {{"country", "iso_code", NULL},
                                           {"registered_country", "iso_code", NULL}};
    MMDB_entry_s e;

    return find(g, a, &e) && (text_at(&e, paths[0], out) || text_at(&e, paths[1], out));
}

bool geo_system(const struct geo *g, const struct addr *a, uint32_t *as, char out[static GEO_TEXT])
{
    MMDB_entry_s e;
    uint32_t number;

    if (!find(g, a, &e) || !system_at(&e, &number, out))
        return false;
    if (as)
        *as = number;
    return true;
}

static void system_add(struct geo *g, MMDB_entry_s *e)
{
    char name[GEO_TEXT];
    uint32_t as;

    if (!system_at(e, &as, name) || g->n_systems == SYSTEMS_MAX)
        return;
    if (g->n_systems > 0 && g->systems[g->n_systems - 1].as == as) /* as neighbours often are */
        return;
    if (g->n_systems == g->cap_systems) {
        g->cap_systems = g->cap_systems ? g->cap_systems * 2 : 1024;
        g->systems = mem_resize(g->systems, g->cap_systems, sizeof *g->systems);
    }
    g->systems[g->n_systems++] = (struct system){as, strdup(name)};
}

static int by_number(const void *a, const void *b)
{
    const struct system *x = a;
    const struct system *y = b;
    return (x->as > y->as) - (x->as < y->as);
}

/* Nodes of the tree that are still to be looked at; a tree is no deeper than an address. */
struct walk {
    uint32_t node[DEPTH_MAX * 2];
    unsigned depth[DEPTH_MAX * 2];
    size_t n;
};

static void visit(struct geo *g, struct walk *w, uint8_t type, uint64_t record, MMDB_entry_s *e,
                  unsigned depth)
{
    if (type == MMDB_RECORD_TYPE_DATA)
        system_add(g, e);
    else if (type == MMDB_RECORD_TYPE_SEARCH_NODE && depth < DEPTH_MAX && w->n < DEPTH_MAX * 2) {
        w->node[w->n] = (uint32_t)record;
        w->depth[w->n++] = depth;
    }
}

/* A broken file could lead the same way again and again: no tree has more nodes than it says. */
static void walk(struct geo *g)
{
    struct walk w = {.n = 1};
    uint32_t left = g->file.metadata.node_count;

    while (w.n > 0 && left-- > 0) {
        uint32_t node = w.node[--w.n];
        unsigned depth = w.depth[w.n];
        MMDB_search_node_s s;
        if (MMDB_read_node(&g->file, node, &s) != MMDB_SUCCESS)
            break;
        visit(g, &w, s.right_record_type, s.right_record, &s.right_record_entry, depth + 1);
        visit(g, &w, s.left_record_type, s.left_record, &s.left_record_entry, depth + 1);
    }
    if (g->n_systems > 0)
        qsort(g->systems, g->n_systems, sizeof *g->systems, by_number);
    g->walked = true;
}

const char *geo_as_name(struct geo *g, uint32_t as)
{
    struct system key = {.as = as};

    if (!g->walked)
        walk(g);
    const struct system *s =
        g->n_systems > 0 ? bsearch(&key, g->systems, g->n_systems, sizeof *g->systems, by_number)
                         : NULL;
    return s ? s->name : NULL;
}

#else

int geo_open(struct geo **out, const char *path, struct err *err)
{
    (void)out;
    return err_set(err, ERR_CONFIG, "%s: this weir is built without libmaxminddb", path);
}

void geo_close(struct geo *g) { (void)g; }

bool geo_country(const struct geo *g, const struct addr *a, char out[static GEO_TEXT])
{
    (void)g;
    (void)a;
    (void)out;
    return false;
}

bool geo_system(const struct geo *g, const struct addr *a, uint32_t *as, char out[static GEO_TEXT])
{
    (void)g;
    (void)a;
    (void)as;
    (void)out;
    return false;
}

const char *geo_as_name(struct geo *g, uint32_t as)
{
    (void)g;
    (void)as;
    return NULL;
}

#endif
