#include "query/lookup.h"

#include "base/attr.h"
#include "base/mem.h"

#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { SLOTS = LOOKUP_ADDRESSES_MAX * 2 };

struct entry {
    struct addr addr;
    bool used;
    bool done;
    char *name; /* NULL: none */
};

/* Of the asking thread and those that resolve; everything under the lock. */
struct lookup {
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_cond_t done;
    lookup_resolve *resolve;
    int64_t left_ms;
    size_t holders; /* threads, and who asks */
    bool closed;
    struct entry slots[SLOTS];
    uint16_t queue[LOOKUP_ADDRESSES_MAX]; /* slots, in the order of asking */
    size_t asked;
    size_t taken;
    size_t answered;
    size_t threads;
};

bool lookup_system(const struct addr *a, char out[static LOOKUP_NAME])
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    int r;

    if (addr_is_v4(a)) {
        memcpy(&v4.sin_addr, a->b + 12, 4);
        r = getnameinfo((const struct sockaddr *)&v4, sizeof v4, out, LOOKUP_NAME, NULL, 0,
                        NI_NAMEREQD);
    } else {
        memcpy(&v6.sin6_addr, a->b, 16);
        r = getnameinfo((const struct sockaddr *)&v6, sizeof v6, out, LOOKUP_NAME, NULL, 0,
                        NI_NAMEREQD);
    }
    return r == 0;
}

struct lookup *lookup_new(lookup_resolve *resolve, int64_t limit_ms)
{
    struct lookup *l = mem_new(1, sizeof *l);
    pthread_condattr_t attr;

    (void)pthread_mutex_init(&l->lock, NULL);
    (void)pthread_cond_init(&l->work, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&l->done, &attr);
    (void)pthread_condattr_destroy(&attr);
    l->resolve = resolve;
    l->left_ms = limit_ms;
    l->holders = 1;
    return l;
}

/* With the lock held; gives it up. */
static void release(struct lookup *l)
{
    bool last = --l->holders == 0;

    (void)pthread_mutex_unlock(&l->lock);
    if (!last)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        free(l->slots[i].name);
    (void)pthread_cond_destroy(&l->work);
    (void)pthread_cond_destroy(&l->done);
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
}

static void *resolver(void *arg)
{
    struct lookup *l = arg;
    char name[LOOKUP_NAME];

    (void)pthread_mutex_lock(&l->lock);
    while (!l->closed) {
        if (l->taken == l->asked) {
            (void)pthread_cond_wait(&l->work, &l->lock);
            continue;
        }
        struct entry *e = &l->slots[l->queue[l->taken++]];
        struct addr addr = e->addr;
        (void)pthread_mutex_unlock(&l->lock);
        bool found = l->resolve(&addr, name);
        (void)pthread_mutex_lock(&l->lock);
        e->name = found ? strdup(name) : NULL;
        e->done = true;
        l->answered++;
        (void)pthread_cond_signal(&l->done);
    }
    release(l);
    return NULL;
}

static void thread_add(struct lookup *l)
{
    pthread_attr_t attr;
    pthread_t thread;

    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    l->holders++;
    if (pthread_create(&thread, &attr, resolver, l) == 0)
        l->threads++;
    else
        l->holders--; /* the others do its work, or nobody: names are a help, no need */
    (void)pthread_attr_destroy(&attr);
}

/* The slot of an address, or a free one; NULL if all are taken. */
static struct entry *slot_of(struct lookup *l, const struct addr *a)
{
    uint64_t words[2];

    memcpy(words, a->b, sizeof words);
    size_t s = (size_t)((words[0] ^ words[1]) * UINT64_C(0x9e3779b97f4a7c15) >> 40) % SLOTS;
    for (size_t i = 0; i < SLOTS; i++, s = (s + 1) % SLOTS)
        if (!l->slots[s].used || memcmp(&l->slots[s].addr, a, sizeof *a) == 0)
            return &l->slots[s];
    return NULL;
}

void lookup_want(struct lookup *l, const struct addr *a)
{
    (void)pthread_mutex_lock(&l->lock);
    struct entry *e = slot_of(l, a);
    if (e && !e->used && l->asked < LOOKUP_ADDRESSES_MAX && l->left_ms > 0) {
        e->used = true;
        e->addr = *a;
        l->queue[l->asked++] = (uint16_t)(e - l->slots);
        if (l->threads < LOOKUP_THREADS && l->asked - l->taken > 0)
            thread_add(l);
        (void)pthread_cond_signal(&l->work);
    }
    (void)pthread_mutex_unlock(&l->lock);
}

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void lookup_wait(struct lookup *l)
{
    int64_t begun = now_ms();
    int64_t end = begun + l->left_ms;
    struct timespec until = {.tv_sec = end / 1000, .tv_nsec = end % 1000 * 1000000};
    bool in_time = l->left_ms > 0;

    (void)pthread_mutex_lock(&l->lock);
    while (in_time && l->threads > 0 && l->answered < l->asked)
        in_time = pthread_cond_timedwait(&l->done, &l->lock, &until) == 0;
    l->left_ms = in_time ? end - now_ms() : 0;
    (void)pthread_mutex_unlock(&l->lock);
}

const char *lookup_find(struct lookup *l, const struct addr *a)
{
    (void)pthread_mutex_lock(&l->lock);
    const struct entry *e = slot_of(l, a);
    const char *name = e && e->used && e->done ? e->name : NULL;
    (void)pthread_mutex_unlock(&l->lock);
    return name;
}

void lookup_free(struct lookup *l)
{
    if (!l)
        return;
    (void)pthread_mutex_lock(&l->lock);
    l->closed = true;
    (void)pthread_cond_broadcast(&l->work);
    release(l);
}
