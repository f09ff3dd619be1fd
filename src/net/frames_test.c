/* Files are drawn by hand from the pcap and pcapng drafts (draft-ietf-opsawg-pcap, -pcapng), and
 * libpcap reads recorded ones too. */
#include "net/frames.h"

#include "base/buf.h"
#include "base/mem.h"

#include <dirent.h>
#include <pcap/pcap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { MANY = 64 };

struct file {
    struct buf b;
    bool big;
};

static void put(struct file *f, uint64_t v, size_t n)
{
    if (f->big)
        buf_be(&f->b, v, n);
    else
        buf_le(&f->b, v, n);
}

static int open_bytes(const void *data, size_t n, struct frames **out, struct err *err)
{
    char path[64];
    int fd = memfd_create("capture", 0);

    assert_true(fd >= 0 && write(fd, data, n) == (ssize_t)n);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int r = frames_open(out, path, err);
    (void)close(fd);
    return r;
}

static void pcap_head(struct file *f, bool big, uint32_t magic, uint32_t link)
{
    f->big = big;
    buf_init(&f->b, 1 << 22);
    put(f, magic, 4);
    put(f, 2, 2);
    put(f, 4, 2);
    put(f, 0, 4);
    put(f, 0, 4);
    put(f, 65535, 4);
    put(f, link, 4);
}

static void pcap_frame(struct file *f, uint32_t s, uint32_t fraction, const char *data,
                       uint32_t wire_len, size_t extra)
{
    put(f, s, 4);
    put(f, fraction, 4);
    put(f, strlen(data), 4);
    put(f, wire_len, 4);
    put(f, 0, extra);
    buf_text(&f->b, data);
}

static void expect(const struct frame *f, const char *data, uint32_t wire_len, int64_t ms, int link)
{
    assert_int_equal(f->len, strlen(data));
    assert_memory_equal(f->data, data, f->len);
    assert_int_equal(f->wire_len, wire_len);
    assert_int_equal(f->time_ms, ms);
    assert_int_equal(f->link, link);
}

static void reads_every_kind_of_pcap(void **state)
{
    static const struct {
        uint32_t magic;
        uint32_t fraction; /* 250 ms of it */
        size_t extra;
    } kinds[] = {{0xa1b2c3d4, 250999, 0}, {0xa1b23c4d, 250999999, 0}, {0xa1b2cd34, 250000, 8}};
    struct frames *r;
    struct frame v[MANY];
    size_t n;

    (void)state;
    for (size_t k = 0; k < COUNT_OF(kinds); k++)
        for (int big = 0; big < 2; big++) {
            struct file f;
            pcap_head(&f, big, kinds[k].magic, 0xf0000071);
            pcap_frame(&f, 1700000000, kinds[k].fraction, "abc", 99, kinds[k].extra);
            pcap_frame(&f, 1700000001, 0, "", 0, kinds[k].extra);
            assert_int_equal(open_bytes(f.b.data, f.b.len, &r, NULL), 0);
            assert_int_equal(frames_read(r, v, MANY, &n, NULL), 0);
            assert_int_equal(n, 2);
            expect(&v[0], "abc", 99, INT64_C(1700000000250), 113);
            expect(&v[1], "", 0, INT64_C(1700000001000), 113);
            assert_int_equal(frames_read(r, v, MANY, &n, NULL), ERR_EOF);
            frames_close(r);
            buf_free(&f.b);
        }
}

static void ng_block(struct file *f, uint32_t type, const struct file *body)
{
    size_t pad = -body->b.len & 3;

    put(f, type, 4);
    put(f, 12 + body->b.len + pad, 4);
    buf_bytes(&f->b, body->b.data, body->b.len);
    put(f, 0, pad);
    put(f, 12 + body->b.len + pad, 4);
}

static void ng_section(struct file *f)
{
    struct file body = {.big = f->big};

    buf_init(&body.b, 1000);
    put(&body, 0x1a2b3c4d, 4);
    put(&body, 1, 2);
    put(&body, 0, 2);
    put(&body, UINT64_MAX, 8);
    ng_block(f, 0x0a0d0d0a, &body);
    buf_free(&body.b);
}

static void ng_interface(struct file *f, uint16_t link, int resolution, int64_t offset)
{
    struct file body = {.big = f->big};

    buf_init(&body.b, 1000);
    put(&body, link, 2);
    put(&body, 0, 2);
    put(&body, 4, 4);
    put(&body, 2, 2); /* if_name */
    put(&body, 3, 2);
    buf_bytes(&body.b, "lo0", 4);
    if (resolution >= 0) {
        put(&body, 9, 2);
        put(&body, 1, 2);
        put(&body, (uint64_t)resolution, 1);
        put(&body, 0, 3);
        put(&body, 14, 2);
        put(&body, 8, 2);
        put(&body, (uint64_t)offset, 8);
        put(&body, 0, 4);
    }
    ng_block(f, 1, &body);
    buf_free(&body.b);
}

static void ng_packet(struct file *f, uint32_t type, uint32_t interface, uint64_t ticks,
                      const char *data, uint32_t wire_len)
{
    struct file body = {.big = f->big};

    buf_init(&body.b, 1000);
    if (type != 3) {
        put(&body, interface, type == 6 ? 4 : 2);
        put(&body, 0, type == 6 ? 0 : 2);
        put(&body, ticks >> 32, 4);
        put(&body, ticks & UINT32_MAX, 4);
        put(&body, strlen(data), 4);
    }
    put(&body, wire_len, 4);
    buf_text(&body.b, data);
    ng_block(f, type, &body);
    buf_free(&body.b);
}

static struct file ng_file(bool big)
{
    struct file f = {.big = big};

    buf_init(&f.b, 1 << 20);
    ng_section(&f);
    ng_interface(&f, 1, -1, 0);
    ng_interface(&f, 101, 9, 100);
    ng_interface(&f, 113, 0x80 | 10, 0);
    ng_packet(&f, 6, 0, UINT64_C(1700000000123999), "abcde", 60);
    ng_packet(&f, 5, 0, 0, "statistics", 10);
    ng_packet(&f, 6, 1, UINT64_C(1700000000500000000), "ab", 2);
    ng_packet(&f, 2, 2, UINT64_C(1700000000) << 10 | 512, "abc", 3);
    ng_packet(&f, 6, 9, 0, "nobody's", 8);
    ng_packet(&f, 3, 0, 0, "abcd", 1000); /* the interface keeps four octets */
    return f;
}

static void reads_pcapng_of_several_interfaces(void **state)
{
    struct frames *r;
    struct frame v[MANY];
    size_t n;

    (void)state;
    for (int big = 0; big < 2; big++) {
        struct file f = ng_file(big);
        struct file g = ng_file(!big); /* another section */
        buf_bytes(&f.b, g.b.data, g.b.len);
        assert_int_equal(open_bytes(f.b.data, f.b.len, &r, NULL), 0);
        assert_int_equal(frames_read(r, v, MANY, &n, NULL), 0);
        assert_int_equal(n, 8);
        for (size_t i = 0; i < 8; i += 4) {
            expect(&v[i], "abcde", 60, INT64_C(1700000000123), 1);
            expect(&v[i + 1], "ab", 2, INT64_C(1700000100500), 101);
            expect(&v[i + 2], "abc", 3, INT64_C(1700000000500), 113);
            expect(&v[i + 3], "abcd", 1000, INT64_C(1700000000500), 1);
        }
        assert_int_equal(frames_read(r, v, MANY, &n, NULL), ERR_EOF);
        frames_close(r);
        buf_free(&f.b);
        buf_free(&g.b);
    }
}

/* Whatever is cut off, what came before is given out, and the end is told. */
static void reads_what_is_there_of_a_file_that_is_cut(void **state)
{
    struct file files[2] = {0};
    struct frames *r;
    struct frame v[MANY];
    size_t n;

    (void)state;
    files[0] = ng_file(false);
    pcap_head(&files[1], false, 0xa1b2c3d4, 1);
    for (uint32_t i = 0; i < 5; i++)
        pcap_frame(&files[1], i, 0, "abcdef", 6, 0);
    for (size_t k = 0; k < COUNT_OF(files); k++) {
        size_t had = 0;
        for (size_t len = 0; len < files[k].b.len; len++) {
            size_t have = 0;
            int e = open_bytes(files[k].b.data, len, &r, NULL);
            if (e == 0) {
                while ((e = frames_read(r, v, MANY, &n, NULL)) == 0)
                    have += n;
                frames_close(r);
            }
            assert_true(e == ERR_EOF || e == ERR_DATA);
            assert_true(have >= had);
            had = have;
        }
        assert_int_equal(had, k == 0 ? 3 : 4);
        buf_free(&files[k].b);
    }
}

static void refuses_what_is_no_capture(void **state)
{
    struct frames *r;
    struct err err;
    struct file f;
    struct frame v[MANY];
    size_t n;

    (void)state;
    assert_int_equal(open_bytes("these are no packets, but a text", 32, &r, &err), ERR_DATA);
    assert_int_equal(frames_open(&r, "/nowhere/at.all", &err), ERR_SYS);
    assert_int_equal(frames_open(&r, "/tmp", &err), ERR_CONFIG);
    pcap_head(&f, false, 0xa1b2c3d4, 1);
    pcap_frame(&f, 1, 0, "abc", 3, 0);
    put(&f, 1, 8);
    put(&f, 0x7fffffff, 4);
    put(&f, 60, 4);
    assert_int_equal(open_bytes(f.b.data, f.b.len, &r, &err), 0);
    assert_int_equal(frames_read(r, v, MANY, &n, &err), 0);
    assert_int_equal(n, 1);
    assert_int_equal(frames_read(r, v, MANY, &n, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "broken at byte 43"));
    frames_close(r);
    buf_free(&f.b);
}

/* Frames that lie over the window's end, and the largest. */
static void reads_files_larger_than_its_window(void **state)
{
    char *data = mem_new(1 << 18, 1);
    struct frames *r;
    struct frame v[MANY];
    struct file f;
    size_t n;
    uint32_t i = 0;

    (void)state;
    memset(data, 'x', (1 << 18) - 1);
    f.big = false;
    pcap_head(&f, false, 0xa1b2c3d4, 1);
    for (i = 0; f.b.len < 3 << 20; i++) {
        char c = data[(i * 7919 + 1) % (1 << 18)];
        data[(i * 7919) % (1 << 18)] = '\0';
        pcap_frame(&f, i, 0, data, i, 0);
        data[(i * 7919) % (1 << 18)] = c;
    }
    assert_int_equal(open_bytes(f.b.data, f.b.len, &r, NULL), 0);
    uint32_t at = 0;
    while (frames_read(r, v, MANY, &n, NULL) == 0)
        for (size_t k = 0; k < n; k++, at++) {
            assert_int_equal(v[k].wire_len, at);
            assert_int_equal(v[k].len, (at * 7919) % (1 << 18));
        }
    assert_int_equal(at, i);
    frames_close(r);
    buf_free(&f.b);
    free(data);
}

static void libpcap_reads_the_same(void **state)
{
    DIR *d = opendir("tests/fixtures");
    char path[600];
    char text[PCAP_ERRBUF_SIZE];
    size_t files = 0;

    (void)state;
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        struct frames *r;
        struct frame v[7];
        size_t n = 0;
        size_t at = 0;
        struct pcap_pkthdr *h;
        const u_char *bytes;
        if (!strstr(e->d_name, ".pcap"))
            continue;
        (void)snprintf(path, sizeof path, "tests/fixtures/%s", e->d_name);
        pcap_t *p = pcap_open_offline(path, text);
        assert_non_null(p);
        assert_int_equal(frames_open(&r, path, NULL), 0);
        while (pcap_next_ex(p, &h, &bytes) == 1) {
            if (at == n) {
                assert_int_equal(frames_read(r, v, COUNT_OF(v), &n, NULL), 0);
                at = 0;
            }
            assert_int_equal(v[at].len, h->caplen);
            assert_int_equal(v[at].wire_len, h->len);
            assert_int_equal(v[at].time_ms, h->ts.tv_sec * 1000 + h->ts.tv_usec / 1000);
            assert_memory_equal(v[at].data, bytes, h->caplen);
            at++;
        }
        assert_int_equal(at, n);
        assert_int_equal(frames_read(r, v, COUNT_OF(v), &n, NULL), ERR_EOF);
        frames_close(r);
        pcap_close(p);
        files++;
    }
    (void)closedir(d);
    assert_true(files > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_kind_of_pcap),
        cmocka_unit_test(reads_pcapng_of_several_interfaces),
        cmocka_unit_test(reads_what_is_there_of_a_file_that_is_cut),
        cmocka_unit_test(refuses_what_is_no_capture),
        cmocka_unit_test(reads_files_larger_than_its_window),
        cmocka_unit_test(libpcap_reads_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
