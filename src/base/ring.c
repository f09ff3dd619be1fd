#include "base/ring.h"

#include "base/mem.h"

#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { RING_MAX = 65536 };

int ring_init(struct ring *r, size_t cap, struct err *err)
{
    size_t n = 1;

    if (cap == 0 || cap > RING_MAX)
        return err_set(err, ERR_LIMIT, "ring: capacity %zu, expected 1 to %d", cap, RING_MAX);
    while (n < cap)
        n *= 2;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return err_sys(err, "ring: eventfd");
    r->slot = mem_new(n, sizeof *r->slot);
    r->mask = n - 1;
    r->fd = fd;
    atomic_init(&r->head, 0);
    atomic_init(&r->tail, 0);
    atomic_init(&r->asleep, false);
    return 0;
}

void ring_free(struct ring *r)
{
    if (!r->slot)
        return;
    (void)close(r->fd);
    free(r->slot);
    r->slot = NULL;
}

bool ring_push(struct ring *r, void *p)
{
    size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    size_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);

    if (head - tail > r->mask)
        return false;
    r->slot[head & r->mask] = p;
    /* Sequentially consistent, as the loads and stores of `asleep` and of `head` in ring_sleep():
     * either we see that the consumer sleeps, or it sees our push. */
    atomic_store(&r->head, head + 1);
    if (atomic_load(&r->asleep)) {
        uint64_t one = 1;
        (void)!write(r->fd, &one, sizeof one);
    }
    return true;
}

void *ring_pop(struct ring *r)
{
    size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

    if (tail == atomic_load_explicit(&r->head, memory_order_acquire))
        return NULL;
    void *p = r->slot[tail & r->mask];
    atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
    return p;
}

bool ring_sleep(struct ring *r)
{
    atomic_store(&r->asleep, true);
    if (atomic_load(&r->head) == atomic_load_explicit(&r->tail, memory_order_relaxed))
        return true;
    ring_awake(r);
    return false;
}

void ring_awake(struct ring *r)
{
    uint64_t n;

    atomic_store(&r->asleep, false);
    (void)!read(r->fd, &n, sizeof n);
}

void *ring_wait(struct ring *r, int timeout_ms)
{
    void *p = ring_pop(r);

    while (!p) {
        if (ring_sleep(r)) {
            struct pollfd pfd = {.fd = r->fd, .events = POLLIN};
            int n = poll(&pfd, 1, timeout_ms);
            ring_awake(r);
            p = ring_pop(r);
            if (n == 0)
                return p;
        } else {
            p = ring_pop(r);
        }
    }
    return p;
}
