/* weir replay: send the export datagrams of a file again, over UDP. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "net/capfile.h"
#include "net/sock.h"
#include "net/udp.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    OPT_TO = 1,
    OPT_SPEED,
    OPT_RATE,
    OPT_LOOP,
    OPT_ALL,
    DATAGRAM_MAX = 65535,
    EARLY_NS = 500000,   /* datagrams due within this are sent together */
    SLICE_NS = 100000000 /* of a long sleep, to keep the progress line alive */
};

static const struct opt opts[] = {
    {OPT_TO, "to", 't', "HOST:PORT", "where to send; needed"},
    {OPT_SPEED, "speed", 'x', "FACTOR",
     "so many times as fast as recorded; 0: as fast as it goes (1)"},
    {OPT_RATE, "rate", 'r', "N", "datagrams a second, whatever the recorded times say"},
    {OPT_LOOP, "loop", 'n', "N", "send the file N times (1)"},
    {OPT_ALL, "all", 'a', NULL, "every UDP datagram, also those that are no exports"},
};

struct options {
    const char *path;
    const char *to;
    double speed;
    uint64_t rate; /* 0: by the recorded times */
    uint64_t loops;
    bool all;
};

struct run {
    const struct options *options;
    int fd;
    struct progress progress;
    struct capfile *file;
    int64_t begin_ns;
    int64_t pass_ns;  /* begin of this pass over the file */
    int64_t first_ms; /* recorded time of its first datagram */
    bool has_first;
    uint64_t taken; /* datagrams put into batches */
    uint64_t sent;
    uint64_t sent_bytes;
    uint64_t refused;
    uint64_t failed; /* too large, say */
    uint64_t left_out;
    size_t n;
    struct udp_out batch[UDP_BATCH];
    uint8_t *mem; /* UDP_BATCH places of DATAGRAM_MAX bytes */
};

static volatile sig_atomic_t stopped; /* set by the signal, which can reach nothing else */

static void on_signal(int number) { stopped = number; }

static void show(struct run *r)
{
    char rate[TEXT_SHORT];
    char text[100];
    uint64_t at;
    uint64_t of;
    int64_t ns = clock_mono_ns() - r->begin_ns;

    if (!progress_due(&r->progress))
        return;
    (void)text_print_count(ns > 0 ? (double)r->sent * 1e9 / (double)ns : 0, rate);
    (void)snprintf(text, sizeof text, "%" PRIu64 " datagrams, %s/s", r->sent, rate);
    capfile_progress(r->file, &at, &of);
    progress_show(&r->progress, at, of, text);
}

/* A failure of sending: whether to try the same datagram again. */
static bool again(struct run *r)
{
    struct pollfd p = {.fd = r->fd, .events = POLLOUT};

    switch (errno) {
    case ECONNREFUSED: /* the answer to one sent before */
        r->refused++;
        return true;
    case EINTR:
        return true;
    case EAGAIN:
    case ENOBUFS:
        (void)poll(&p, 1, 10);
        return true;
    default:
        r->failed++;
        return false;
    }
}

static void flush(struct run *r)
{
    size_t at = 0;

    while (at < r->n && !stopped) {
        size_t n = r->n - at;
        if (udp_send(r->fd, r->batch + at, &n, NULL) != 0) {
            at += !again(r);
            continue;
        }
        for (size_t i = at; i < at + n; i++)
            r->sent_bytes += r->batch[i].len;
        r->sent += n;
        at += n;
    }
    r->n = 0;
    show(r);
}

static int64_t due_ns(struct run *r, int64_t time_ms)
{
    const struct options *o = r->options;

    if (o->rate > 0)
        return r->begin_ns + (int64_t)((double)r->taken * 1e9 / (double)o->rate);
    if (!(o->speed > 0))
        return 0;
    if (!r->has_first) {
        r->has_first = true;
        r->first_ms = time_ms;
        r->pass_ns = clock_mono_ns();
    }
    return r->pass_ns + (int64_t)((double)(time_ms - r->first_ms) * 1e6 / o->speed);
}

static void sleep_until(struct run *r, int64_t due)
{
    for (int64_t left; !stopped && (left = due - clock_mono_ns()) > 0;) {
        struct timespec t = {.tv_nsec = left < SLICE_NS ? (long)left : SLICE_NS};
        (void)nanosleep(&t, NULL);
        show(r);
    }
}

static void send_one(struct run *r, const struct capfile_item *item)
{
    int64_t due = due_ns(r, item->time_ms);

    if (due - clock_mono_ns() > EARLY_NS) {
        flush(r);
        sleep_until(r, due);
    }
    uint8_t *place = r->mem + r->n * DATAGRAM_MAX;
    size_t len = item->len < DATAGRAM_MAX ? item->len : DATAGRAM_MAX;
    memcpy(place, item->data, len);
    r->batch[r->n++] = (struct udp_out){.data = place, .len = len};
    r->taken++;
    if (r->n == UDP_BATCH)
        flush(r);
}

static int pass(struct run *r, struct err *err)
{
    struct capfile_item item;
    int e = capfile_open(&r->file, r->options->path, err);

    if (e)
        return e;
    r->has_first = false;
    while (!stopped && (e = capfile_next(r->file, &item, err)) == 0) {
        if (item.ended)
            continue;
        if (r->options->all || capfile_is_export(&item))
            send_one(r, &item);
        else
            r->left_out++;
    }
    flush(r);
    capfile_close(r->file);
    r->file = NULL;
    return e == ERR_EOF || stopped ? 0 : err_in(err, e, "%s", r->options->path);
}

static int dial(const char *to, int *fd, struct err *err)
{
    struct sockaddr_storage ss;
    socklen_t len;
    int r = sock_resolve(to, &ss, &len, err);

    if (r)
        return r;
    int f = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (f < 0 || connect(f, (struct sockaddr *)&ss, len) != 0) {
        r = err_sys(err, "send to %s", to);
        if (f >= 0)
            (void)close(f);
    } else {
        *fd = f;
    }
    return r;
}

static int summary(const struct run *r)
{
    char took[TEXT_SHORT];
    char rate[TEXT_SHORT];
    int64_t ns = clock_mono_ns() - r->begin_ns;

    (void)text_print_duration(ns / 1000000, took);
    (void)text_print_count((double)r->sent * 1e9 / (double)(ns > 0 ? ns : 1), rate);
    (void)fprintf(stderr, "sent %" PRIu64 " datagrams (%" PRIu64 " bytes) to %s in %s: %s/s\n",
                  r->sent, r->sent_bytes, r->options->to, took, rate);
    if (r->left_out > 0)
        (void)fprintf(stderr, "  %" PRIu64 " datagrams are no exports, and were left out (--all)\n",
                      r->left_out);
    if (r->failed > 0)
        (void)fprintf(stderr, "  %" PRIu64 " datagrams could not be sent\n", r->failed);
    if (r->refused > 0)
        (void)fprintf(stderr, "  nobody listens at %s: %" PRIu64 " refusals came back\n",
                      r->options->to, r->refused);
    return r->failed > 0 || r->refused > 0;
}

static int replay(const struct options *o)
{
    struct sigaction a = {.sa_handler = on_signal};
    struct run *r = mem_new(1, sizeof *r);
    struct err err;
    int status = 1;
    int e = dial(o->to, &r->fd, &err);

    if (e == 0) {
        (void)sigaction(SIGINT, &a, NULL);
        (void)sigaction(SIGTERM, &a, NULL);
        r->options = o;
        r->progress = progress_of();
        r->mem = mem_new(UDP_BATCH, DATAGRAM_MAX);
        r->begin_ns = clock_mono_ns();
        for (uint64_t i = 0; i < o->loops && e == 0 && !stopped; i++)
            e = pass(r, &err);
        progress_end(&r->progress);
        status = summary(r);
        free(r->mem);
        (void)close(r->fd);
    }
    free(r);
    if (e == 0)
        return status;
    (void)fprintf(stderr, "weir replay: %s\n", err.text);
    return e == ERR_CONFIG ? 2 : 1;
}

static int set_option(struct options *o, int id, const char *value, struct err *err)
{
    char *end;

    switch (id) {
    case OPT_TO:
        o->to = value;
        return 0;
    case OPT_SPEED:
        o->speed = strtod(value, &end);
        if (end == value || *end != '\0' || !isfinite(o->speed) || o->speed < 0)
            return err_set(err, ERR_CONFIG,
                           "--speed: expected a number such as 10 or 0.5, found \"%s\"", value);
        return 0;
    case OPT_RATE:
        return text_count(value, strlen(value), 1000000000, &o->rate, err);
    case OPT_LOOP:
        return text_count(value, strlen(value), UINT64_MAX, &o->loops, err);
    case OPT_ALL:
        o->all = true;
        return 0;
    default:
        if (o->path)
            return err_set(err, ERR_CONFIG, "one file at a time; found \"%s\" too", value);
        o->path = value;
        return 0;
    }
}

static int cmd_replay_run(int argc, char **argv)
{
    struct opt_scan scan = opt_scan_of(opts, COUNT_OF(opts), argc, argv);
    struct options o = {.speed = 1, .loops = 1};
    struct err err;
    int r = 0;
    int id;

    while (r == 0 && (id = opt_next(&scan, &err)) != OPT_END)
        r = id == ERR_CONFIG ? id : set_option(&o, id, scan.value, &err);
    if (r == 0 && !o.path)
        r = err_set(&err, ERR_CONFIG, "expected a file, or - for standard input");
    if (r == 0 && !o.to)
        r = err_set(&err, ERR_CONFIG, "expected --to HOST:PORT");
    if (r == 0 && o.loops > 1 && strcmp(o.path, "-") == 0)
        r = err_set(&err, ERR_CONFIG, "standard input can be sent once only");
    return r ? command_usage_error(&cmd_replay, err.text) : replay(&o);
}

const struct command cmd_replay = {
    .name = "replay",
    .summary = "send recorded exports again",
    .usage = "[options] --to HOST:PORT FILE",
    .details = "Reads pcap, pcapng, or export datagrams one after another (- is standard input) "
               "and sends each "
               "payload over UDP from this machine's address, with the time between them as it was "
               "recorded, or as "
               "--speed or --rate say. Messages of IPFIX over TCP are sent as datagrams. The bytes "
               "are not "
               "changed: times inside are as old as the recording.",
    .examples = "weir replay router.pcap --to 127.0.0.1:2055\n    as recorded\n"
                "weir replay router.pcap --to 127.0.0.1:2055 --rate 50k --loop 100\n"
                "    to see what a collector can take\n",
    .opts = opts,
    .n_opts = COUNT_OF(opts),
    .run = cmd_replay_run,
};
