#include "net/loop.h"

#include "base/buf.h"
#include "base/clock.h"
#include "net/ctl.h"
#include "net/sock.h"
#include "net/tcp.h"
#include "net/udp.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const struct addr home = {.b = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}};
static const struct addr home6 = {.b = {[15] = 1}};

static struct loop loop;

static int open_loop(void **state)
{
    (void)state;
    return loop_open(&loop, NULL);
}

static int close_loop(void **state)
{
    (void)state;
    loop_close(&loop);
    return 0;
}

static int64_t fired[64];
static size_t fired_n;

static void note(struct timer *t, int64_t now)
{
    (void)now;
    fired[fired_n++] = t->at_mono_ms;
}

static void timers_fire_in_order(void **state)
{
    struct timer t[20];
    int64_t now = clock_mono_ms();

    (void)state;
    fired_n = 0;
    for (size_t i = 0; i < 20; i++) {
        t[i] = (struct timer){.on = note};
        timer_set(&loop, &t[i], now + (int64_t)(i * 7 % 20));
    }
    timer_set(&loop, &t[3], now + 30); /* was 1 */
    timer_stop(&loop, &t[0]);          /* was 0 */
    timer_stop(&loop, &t[0]);
    while (fired_n < 19)
        assert_int_equal(loop_round(&loop, -1, NULL), 0);
    for (size_t i = 1; i < fired_n; i++)
        assert_true(fired[i - 1] <= fired[i]);
    assert_int_equal(fired[18], now + 30);
    assert_int_equal(loop.timers, 0);
}

static struct io pair_io[2];
static int calls;
static int burials;

static void count_burial(struct io *io)
{
    (void)io;
    burials++;
}

static void delete_both(struct io *io, uint32_t events)
{
    (void)io;
    (void)events;
    calls++;
    loop_del(&loop, &pair_io[0]);
    loop_del(&loop, &pair_io[1]);
}

static void a_deleted_io_gets_no_event_of_the_same_round(void **state)
{
    int a[2];
    int b[2];

    (void)state;
    assert_int_equal(pipe(a) | pipe(b), 0);
    assert_int_equal(write(a[1], "x", 1) + write(b[1], "x", 1), 2);
    pair_io[0] = (struct io){.fd = a[0], .on = delete_both, .gone = count_burial};
    pair_io[1] = (struct io){.fd = b[0], .on = delete_both, .gone = count_burial};
    assert_int_equal(loop_add(&loop, &pair_io[0], EPOLLIN, NULL), 0);
    assert_int_equal(loop_add(&loop, &pair_io[1], EPOLLIN, NULL), 0);
    assert_int_equal(loop_round(&loop, 1000, NULL), 0);
    assert_int_equal(calls, 1);
    assert_int_equal(burials, 2);
    for (int i = 0; i < 2; i++)
        (void)!(close(a[i]) | close(b[i]));
}

static void on_signal(struct io *io, uint32_t events)
{
    (void)events;
    calls = signals_read(io);
    loop_stop(&loop);
}

static void signals_come_as_events(void **state)
{
    static const int wanted[] = {SIGUSR1};
    struct io io = {.on = on_signal};

    (void)state;
    assert_int_equal(signals_open(&io, wanted, 1, NULL), 0);
    assert_int_equal(loop_add(&loop, &io, EPOLLIN, NULL), 0);
    assert_int_equal(raise(SIGUSR1), 0);
    assert_int_equal(loop_run(&loop, NULL), 0);
    assert_int_equal(calls, SIGUSR1);
    loop_del(&loop, &io);
    (void)close(io.fd);
}

static int dial(const struct addr *to, uint16_t port, int type)
{
    struct sockaddr_storage ss;
    socklen_t len = sock_of(to, port, &ss);
    int fd = socket(ss.ss_family, type, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&ss, len), 0);
    return fd;
}

static int open_at(struct udp *u, const struct addr *addr, uint16_t port, size_t rcvbuf,
                   struct err *err)
{
    int fd;
    int r = sock_bind(addr, &port, SOCK_DGRAM, SOCK_ALONE, &fd, err);
    if (r == 0)
        udp_open(u, fd, addr, port, rcvbuf);
    return r;
}

static void receives_whole_datagrams_of_both_families(void **state)
{
    static uint8_t big[65507];
    const struct addr *at[] = {&home, &home6};
    struct udp_batch *b = udp_batch_new();

    (void)state;
    memset(big, 'b', sizeof big);
    for (int i = 0; i < 2; i++) {
        struct udp u = {.port = 0};
        assert_int_equal(open_at(&u, at[i], 0, 1 << 20, NULL), 0);
        assert_true(u.port > 0);
        assert_int_equal(udp_recv(&u, b), 0);
        int fd = dial(at[i], u.port, SOCK_DGRAM);
        struct udp_out out[] = {{(const uint8_t *)"abc", 3}, {big, sizeof big}, {big, 0}};
        size_t n = 3;
        assert_int_equal(udp_send(fd, out, &n, NULL), 0);
        assert_int_equal(n, 3);
        assert_int_equal(udp_recv(&u, b), 3);
        assert_int_equal(udp_at(b, 0)->len, 3);
        assert_memory_equal(udp_at(b, 0)->data, "abc", 3);
        assert_true(addr_eq(&udp_at(b, 0)->addr, at[i]));
        assert_int_equal(udp_at(b, 1)->len, sizeof big);
        assert_memory_equal(udp_at(b, 1)->data, big, sizeof big);
        assert_int_equal(udp_at(b, 2)->len, 0);
        (void)close(fd);
        udp_close(&u);
    }
    udp_batch_free(b);
}

/* They go down as few long packets, and come as they were. */
static void datagrams_of_one_length_keep_their_bounds(void **state)
{
    enum { N = 100 };
    static uint8_t payload[N][2000];
    const struct addr *at[] = {&home, &home6};
    struct udp_batch *b = udp_batch_new();

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct udp u = {.port = 0};
        struct udp_out out[N];
        assert_int_equal(open_at(&u, at[i], 0, 1 << 20, NULL), 0);
        int fd = dial(at[i], u.port, SOCK_DGRAM);
        for (int k = 0; k < N; k++) {
            memset(payload[k], k, sizeof payload[k]);
            out[k] = (struct udp_out){payload[k], k % 40 == 39 ? 7 : k > 90 ? 2000 : 1464};
        }
        for (size_t sent = 0, n; sent < N; sent += n) {
            n = N - sent;
            assert_int_equal(udp_send(fd, out + sent, &n, NULL), 0);
        }
        assert_int_equal(udp_recv(&u, b), N);
        for (size_t k = 0; k < N; k++) {
            assert_int_equal(udp_at(b, k)->len, out[k].len);
            assert_memory_equal(udp_at(b, k)->data, payload[k], out[k].len);
        }
        (void)close(fd);
        udp_close(&u);
    }
    udp_batch_free(b);
}

static void kernel_drops_and_received_make_what_was_sent(void **state)
{
    struct udp_batch *b = udp_batch_new();
    uint8_t payload[1464] = {0};
    struct udp u = {.port = 0};

    (void)state;
    assert_int_equal(open_at(&u, &home, 0, 8192, NULL), 0);
    int fd = dial(&home, u.port, SOCK_DGRAM);
    for (int i = 0; i < 500; i++)
        assert_int_equal(send(fd, payload, sizeof payload, 0), (ssize_t)sizeof payload);
    uint64_t got = 0;
    for (size_t n; (n = udp_recv(&u, b)) > 0;)
        got += n;
    assert_true(udp_drops(&u) > 0);
    assert_int_equal(udp_drops(&u), 0);
    assert_int_equal(got + u.kernel_drops, 500);
    assert_int_equal(udp_nap_us(&u, 100000), 0); /* it would overrun this buffer */
    udp_set_rcvbuf(&u, udp_rcvbuf_for(100000, 1464));
    assert_in_range(udp_nap_us(&u, 100000), 100, 1000);
    assert_in_range(udp_nap_us(&u, 10000), 1000, 10000);
    assert_int_equal(udp_nap_us(&u, 100), 0);
    udp_shut(&u);
    assert_int_equal(send(fd, payload, sizeof payload, 0), (ssize_t)sizeof payload);
    assert_int_equal(udp_recv(&u, b), 0);
    (void)close(fd);
    udp_close(&u);
    udp_batch_free(b);
}

static void a_taken_port_is_refused_with_its_owner(void **state)
{
    struct udp u = {.port = 0};
    struct udp second;
    struct err err;
    char me[32];

    (void)state;
    assert_int_equal(open_at(&u, &home, 0, 0, NULL), 0);
    assert_int_equal(open_at(&second, &home, u.port, 0, &err), ERR_CONFIG);
    (void)snprintf(me, sizeof me, "(pid %d)", (int)getpid());
    assert_non_null(strstr(err.text, me));
    udp_close(&u);
}

static struct {
    size_t opened, refused, messages, broken, closed;
    uint32_t session[8];
    size_t len[8];
} seen;

static bool on_connecting(struct tcp_handler *h, const struct tcp_peer *p)
{
    (void)h;
    return p->port != 0;
}

static void on_opened(struct tcp_handler *h, const struct tcp_peer *p)
{
    (void)h;
    seen.session[seen.opened++ % 8] = p->session;
}

static void on_refused(struct tcp_handler *h, const struct tcp_peer *p)
{
    (void)h;
    (void)p;
    seen.refused++;
}

static void on_message(struct tcp_handler *h, const struct tcp_peer *p, const uint8_t *data,
                       size_t len)
{
    (void)h;
    (void)p;
    assert_int_equal(data[1], 10);
    seen.len[seen.messages++ % 8] = len;
}

static void on_read(struct tcp_handler *h) { (void)h; }

static void on_ended(struct tcp_handler *h, const struct tcp_peer *p, enum tcp_end why)
{
    (void)h;
    (void)p;
    *(why == TCP_BROKEN ? &seen.broken : &seen.closed) += 1;
}

static void cuts_messages_from_streams_and_closes_strangers(void **state)
{
    static uint8_t stream[16 + 65535 + 20] = {
        [1] = 10, [3] = 16, [17] = 10, [18] = 255, [19] = 255};
    struct tcp_handler h = {.admits = on_connecting,
                            .opened = on_opened,
                            .refused = on_refused,
                            .message = on_message,
                            .read = on_read,
                            .ended = on_ended};
    struct tcp t = {.loop = &loop, .handler = &h, .max = 2, .next_session = UINT32_MAX};
    struct tcp_listener l;

    (void)state;
    stream[16 + 65535 + 1] = 10;
    stream[16 + 65535 + 3] = 20;
    uint16_t port = 0;
    int listening;
    assert_int_equal(sock_bind(&home, &port, SOCK_STREAM, SOCK_ALONE, &listening, NULL), 0);
    assert_int_equal(tcp_listen(&l, &t, listening, &home, port, 3, NULL), 0);
    int good = dial(&home, l.port, SOCK_STREAM);
    int bad = dial(&home, l.port, SOCK_STREAM);
    int third = dial(&home, l.port, SOCK_STREAM);
    assert_int_equal(send(bad, "GET / HTTP", 10, 0), 10);
    for (size_t at = 0; at < sizeof stream;) {
        size_t n = sizeof stream - at < 7777 ? sizeof stream - at : 7777;
        assert_int_equal(send(good, stream + at, n, 0), (ssize_t)n);
        at += n;
        for (int i = 0; i < 3; i++)
            assert_int_equal(loop_round(&loop, 5, NULL), 0);
    }
    assert_int_equal(seen.opened, 2);
    assert_int_equal(seen.refused, 1);
    assert_int_equal(seen.broken, 1);
    assert_int_equal(seen.messages, 3);
    assert_int_equal(seen.len[0], 16);
    assert_int_equal(seen.len[1], 65535);
    assert_int_equal(seen.len[2], 20);
    assert_int_equal(seen.session[0], UINT32_MAX);
    assert_int_equal(seen.session[1], 1);
    (void)close(good);
    tcp_drain(&t);
    assert_int_equal(seen.closed, 1);
    assert_int_equal(t.n, 0);

    int silent = dial(&home, l.port, SOCK_STREAM);
    assert_int_equal(loop_round(&loop, 100, NULL), 0);
    assert_int_equal(t.n, 1);
    loop.now_mono_ms += TCP_SILENT_MS + 1;
    tcp_sweep(&t);
    assert_int_equal(t.n, 0);
    tcp_listener_close(&l);
    (void)!(close(bad) | close(third) | close(silent));
}

enum { LONG_ANSWER = 3000000 };

static void answer(struct ctl *c, const char *line, struct buf *out)
{
    (void)c;
    buf_printf(out, "{\"asked\":\"%s\"}", line);
    if (strcmp(line, "long") == 0)
        for (int i = 0; i < LONG_ANSWER; i++)
            buf_u8(out, ' ');
}

struct question {
    const char *path;
    const char *line;
    struct buf answer;
    int r;
};

static void *ask(void *arg)
{
    struct question *q = arg;
    q->r = ctl_ask(q->path, q->line, &q->answer, NULL);
    return NULL;
}

static void the_control_socket_answers(void **state)
{
    static const char *const lines[] = {"short", "long"};
    char dir[300] = "/tmp/weir-ctl-XXXXXX";
    char path[400];
    struct ctl c = {.answer = answer};
    struct ctl other = {.answer = answer};
    struct err err;

    (void)state;
    assert_non_null(mkdtemp(dir));
    /* Longer than a socket's address can be. */
    (void)snprintf(path, sizeof path, "%s/%0150d", dir, 0);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/%0150d/collect.sock", dir, 0);
    assert_int_equal(ctl_open(&c, &loop, path, &err), 0);
    assert_int_equal(ctl_open(&other, &loop, path, &err), ERR_CONFIG);
    for (size_t i = 0; i < 2; i++) {
        struct question q = {.path = path, .line = lines[i]};
        pthread_t t;
        buf_init(&q.answer, CTL_ANSWER_MAX);
        assert_int_equal(pthread_create(&t, NULL, ask, &q), 0);
        do
            assert_int_equal(loop_round(&loop, 20, NULL), 0);
        while (pthread_tryjoin_np(t, NULL) != 0);
        assert_int_equal(q.r, 0);
        assert_memory_equal(q.answer.data, "{\"asked\":\"", 10);
        assert_int_equal(q.answer.len, 12 + strlen(lines[i]) + (i ? LONG_ANSWER : 0));
        buf_free(&q.answer);
    }
    ctl_close(&c);
    struct question q = {.path = path, .line = "x"};
    assert_null(ask(&q));
    assert_int_equal(q.r, ERR_CONFIG);
    (void)snprintf(path, sizeof path, "rm -r %s", dir);
    assert_int_equal(system(path), 0);
}

#define WITH_LOOP(f) cmocka_unit_test_setup_teardown(f, open_loop, close_loop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LOOP(timers_fire_in_order),
        WITH_LOOP(a_deleted_io_gets_no_event_of_the_same_round),
        WITH_LOOP(signals_come_as_events),
        WITH_LOOP(cuts_messages_from_streams_and_closes_strangers),
        WITH_LOOP(the_control_socket_answers),
        cmocka_unit_test(receives_whole_datagrams_of_both_families),
        cmocka_unit_test(datagrams_of_one_length_keep_their_bounds),
        cmocka_unit_test(kernel_drops_and_received_make_what_was_sent),
        cmocka_unit_test(a_taken_port_is_refused_with_its_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
