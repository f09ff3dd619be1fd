#include "net/loop.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 64 };

int loop_open(struct loop *l, struct err *err)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "loop: epoll");
    *l = (struct loop){.fd = fd, .open = true, .now_mono_ms = clock_mono_ms()};
    return 0;
}

static void bury(struct loop *l)
{
    while (l->gone) {
        struct io *io = l->gone;
        l->gone = io->next_gone;
        io->gone(io);
    }
}

void loop_close(struct loop *l)
{
    bury(l);
    if (l->open)
        (void)close(l->fd);
    free(l->heap);
    *l = (struct loop){0};
}

int loop_add(struct loop *l, struct io *io, uint32_t events, struct err *err)
{
    struct epoll_event e = {.events = events, .data.ptr = io};

    io->deleted = false;
    return epoll_ctl(l->fd, EPOLL_CTL_ADD, io->fd, &e) == 0 ? 0 : err_sys(err, "loop: epoll add");
}

int loop_change(struct loop *l, struct io *io, uint32_t events, struct err *err)
{
    struct epoll_event e = {.events = events, .data.ptr = io};
    return epoll_ctl(l->fd, EPOLL_CTL_MOD, io->fd, &e) == 0 ? 0
                                                            : err_sys(err, "loop: epoll change");
}

void loop_del(struct loop *l, struct io *io)
{
    if (io->deleted)
        return;
    (void)epoll_ctl(l->fd, EPOLL_CTL_DEL, io->fd, NULL);
    io->deleted = true;
    if (io->gone) {
        io->next_gone = l->gone;
        l->gone = io;
    }
}

/* A binary heap, earliest first, in heap[1..timers]. */
static void put(struct loop *l, struct timer *t, size_t place)
{
    l->heap[place] = t;
    t->place = place;
}

static void sift(struct loop *l, struct timer *t, size_t place)
{
    while (place > 1 && l->heap[place / 2]->at_mono_ms > t->at_mono_ms) {
        put(l, l->heap[place / 2], place);
        place /= 2;
    }
    for (size_t child; (child = 2 * place) <= l->timers; place = child) {
        if (child < l->timers && l->heap[child + 1]->at_mono_ms < l->heap[child]->at_mono_ms)
            child++;
        if (l->heap[child]->at_mono_ms >= t->at_mono_ms)
            break;
        put(l, l->heap[child], place);
    }
    put(l, t, place);
}

void timer_set(struct loop *l, struct timer *t, int64_t at_mono_ms)
{
    t->at_mono_ms = at_mono_ms;
    if (t->place == 0) {
        if (l->timers + 1 >= l->heap_cap) {
            l->heap_cap = l->heap_cap ? l->heap_cap * 2 : 16;
            l->heap = mem_resize(l->heap, l->heap_cap, sizeof(struct timer *));
        }
        t->place = ++l->timers;
    }
    sift(l, t, t->place);
}

void timer_stop(struct loop *l, struct timer *t)
{
    if (t->place == 0)
        return;
    struct timer *last = l->heap[l->timers--];
    if (last != t)
        sift(l, last, t->place);
    t->place = 0;
}

int signals_open(struct io *io, const int *signals, size_t n, struct err *err)
{
    sigset_t set;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < n; i++)
        (void)sigaddset(&set, signals[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return err_sys(err, "loop: block signals");
    io->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return io->fd < 0 ? err_sys(err, "loop: signalfd") : 0;
}

int signals_read(struct io *io)
{
    struct signalfd_siginfo info;

    if (read(io->fd, &info, sizeof info) != (ssize_t)sizeof info)
        return 0;
    return (int)info.ssi_signo;
}

int wake_open(struct io *io, struct err *err)
{
    io->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return io->fd < 0 ? err_sys(err, "loop: eventfd") : 0;
}

void wake_send(const struct io *io, uint64_t what) { (void)!write(io->fd, &what, sizeof what); }

uint64_t wake_read(const struct io *io)
{
    uint64_t what = 0;

    return read(io->fd, &what, sizeof what) == (ssize_t)sizeof what ? what : 0;
}

static int wait_ms(const struct loop *l, int timeout_ms)
{
    if (l->timers == 0)
        return timeout_ms;
    int64_t left = l->heap[1]->at_mono_ms - clock_mono_ms();
    if (left < 0)
        left = 0;
    if (timeout_ms >= 0 && left > timeout_ms)
        return timeout_ms;
    return left > INT_MAX ? INT_MAX : (int)left;
}

int loop_round(struct loop *l, int timeout_ms, struct err *err)
{
    struct epoll_event events[EVENTS];

    if (l->nap_us > 0) {
        struct timespec t = {.tv_nsec = l->nap_us * 1000L};
        (void)nanosleep(&t, NULL);
        l->nap_us = 0;
    }
    int n = epoll_wait(l->fd, events, EVENTS, wait_ms(l, timeout_ms));
    if (n < 0 && errno != EINTR)
        return err_sys(err, "loop: epoll wait");
    l->now_mono_ms = clock_mono_ms();
    for (int i = 0; i < n; i++) {
        struct io *io = events[i].data.ptr;
        if (!io->deleted)
            io->on(io, events[i].events);
    }
    /* A timer that sets itself again for now waits for the next round. */
    for (size_t due = l->timers; due > 0 && l->timers > 0; due--) {
        struct timer *t = l->heap[1];
        if (t->at_mono_ms > l->now_mono_ms)
            break;
        timer_stop(l, t);
        t->on(t, l->now_mono_ms);
    }
    bury(l);
    return 0;
}

int loop_run(struct loop *l, struct err *err)
{
    int r = 0;

    for (l->stop = false; !l->stop && r == 0;)
        r = loop_round(l, -1, err);
    return r;
}
