#include "net/frames.h"

#include "base/cursor.h"
#include "base/mem.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    WINDOW = 1 << 20,
    BLOCK_MAX = WINDOW / 2, /* of a frame with its header, or of a block of pcapng */
    PCAP_HEAD = 24,
    NG_SECTION = 0x0a0d0d0a,
    NG_INTERFACE = 1,
    NG_PACKET_OLD = 2,
    NG_SIMPLE = 3,
    NG_PACKET = 6,
    NG_BLOCK_MIN = 12,
    NG_INTERFACES = 256, /* of a section */
    TIME_RESOLUTION = 9, /* options of an interface */
    TIME_OFFSET = 14
};

static const uint64_t order_magic = 0x1a2b3c4d;

/* Of pcapng: ticks of its clock are 10 ^ -power seconds, or 2 ^ -power. */
struct interface {
    int link;
    uint32_t snap;
    bool binary;
    uint8_t power;
    int64_t offset_s;
};

struct frames {
    int fd;
    bool at_end;
    bool ng;
    bool big_endian;
    uint64_t size;
    uint64_t done; /* bytes before the window */
    size_t at;     /* of the window: what has been given out */
    size_t len;
    /* pcap */
    int link;
    bool nanoseconds;
    size_t head; /* octets before each frame */
    /* pcapng */
    size_t interfaces;
    int64_t last_ms;
    struct interface interface[NG_INTERFACES];
    uint8_t window[WINDOW];
};

static uint64_t get(const struct frames *f, struct cur *in, size_t n)
{
    return f->big_endian ? cur_be(in, n) : cur_le(in, n);
}

static struct cur rest(const struct frames *f) { return cur_of(f->window + f->at, f->len - f->at); }

static uint64_t where(const struct frames *f) { return f->done + f->at; }

/* Until the window holds n octets that were not given out, or the file has no more. Frames that
 * were given out are gone. */
static int fill(struct frames *f, size_t n, struct err *err)
{
    if (f->len - f->at >= n)
        return 0;
    memmove(f->window, f->window + f->at, f->len - f->at);
    f->done += f->at;
    f->len -= f->at;
    f->at = 0;
    while (f->len < n && !f->at_end) {
        ssize_t got = read(f->fd, f->window + f->len, WINDOW - f->len);
        if (got < 0)
            return err_sys(err, "read");
        f->at_end = got == 0;
        f->len += (size_t)got;
    }
    return 0;
}

/* --- pcap --- */

static bool is_pcap(struct frames *f, uint32_t magic)
{
    switch (magic) {
    case 0xa1b2c3d4:
    case 0xa1b2cd34:
        break;
    case 0xa1b23c4d:
        f->nanoseconds = true;
        break;
    default:
        return false;
    }
    f->head = magic == 0xa1b2cd34 ? 24 : 16;
    return true;
}

static int open_pcap(struct frames *f, struct err *err)
{
    struct cur in = rest(f);

    (void)cur_bytes(&in, PCAP_HEAD - 4);
    f->link =
        (int)(get(f, &in, 4) & 0x0fffffff); /* above it: whether frames have check sequences */
    if (!cur_ok(&in))
        return err_set(err, ERR_DATA, "cut short within its header");
    f->at += PCAP_HEAD;
    return 0;
}

static uint32_t word(const struct frames *f, const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return f->big_endian == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) ? v : __builtin_bswap32(v);
}

/* The next frame that is in the window as a whole. false: it is not, or (*wrong) it cannot be. */
static bool next_pcap(struct frames *f, struct frame *out, bool *wrong)
{
    struct cur in = rest(f);
    const uint8_t *h = cur_bytes(&in, f->head);

    if (!h)
        return false;
    uint32_t len = word(f, h + 8);
    if (len > BLOCK_MAX - f->head) {
        *wrong = true;
        return false;
    }
    const uint8_t *data = cur_bytes(&in, len);
    if (!data)
        return false;
    uint32_t fraction = word(f, h + 4);
    *out = (struct frame){.data = data,
                          .len = len,
                          .wire_len = word(f, h + 12),
                          .time_ms = (int64_t)word(f, h) * 1000 +
                                     (f->nanoseconds ? fraction / 1000000 : fraction / 1000),
                          .link = f->link};
    f->at += f->head + len;
    return true;
}

/* --- pcapng --- */

/* ms since 1970, for any ticks. */
static int64_t ng_time(const struct interface *i, uint64_t ticks)
{
    enum { MILLI = 3, SECONDS_MAX = 1 << 30, FRACTION_BITS = 54 };
    uint64_t ms;

    if (i->binary) {
        uint64_t mask = i->power >= 64 ? UINT64_MAX : (UINT64_C(1) << i->power) - 1;
        uint64_t fraction = ticks & mask;
        unsigned power = i->power >= 64 ? 64 : i->power;
        unsigned excess = power > FRACTION_BITS ? power - FRACTION_BITS : 0;
        uint64_t s = power >= 64 ? 0 : ticks >> power;
        s = s > UINT32_MAX ? UINT32_MAX : s;
        ms = s * 1000 + ((fraction >> excess) * 1000 >> (power - excess));
    } else {
        uint64_t per_ms = 1;
        for (int p = MILLI; p < i->power && per_ms < UINT64_MAX / 10; p++)
            per_ms *= 10;
        ms = ticks / per_ms;
        for (int p = i->power; p < MILLI; p++)
            ms = ms < UINT64_MAX / 10 ? ms * 10 : UINT64_MAX;
        ms = ms > (uint64_t)UINT32_MAX * 1000 ? (uint64_t)UINT32_MAX * 1000 : ms;
    }
    int64_t offset = i->offset_s > SECONDS_MAX    ? SECONDS_MAX
                     : i->offset_s < -SECONDS_MAX ? -SECONDS_MAX
                                                  : i->offset_s;
    return (int64_t)ms + offset * 1000;
}

static void read_options(const struct frames *f, struct cur *in, struct interface *i)
{
    while (cur_left(in) >= 4) {
        uint64_t code = get(f, in, 2);
        uint64_t len = get(f, in, 2);
        struct cur value = cur_take(in, (size_t)len);
        (void)cur_bytes(in, (size_t)(-len & 3));
        if (code == 0)
            return;
        if (code == TIME_RESOLUTION && len == 1) {
            uint8_t r = cur_u8(&value);
            i->binary = r & 0x80;
            i->power = r & 0x7f;
        } else if (code == TIME_OFFSET && len == 8) {
            i->offset_s = (int64_t)get(f, &value, 8);
        }
    }
}

static void read_interface(struct frames *f, struct cur in)
{
    enum { MICRO = 6 };
    struct interface i = {.power = MICRO};

    i.link = (int)get(f, &in, 2);
    (void)cur_bytes(&in, 2);
    i.snap = (uint32_t)get(f, &in, 4);
    if (!cur_ok(&in) || f->interfaces == NG_INTERFACES)
        return;
    read_options(f, &in, &i);
    f->interface[f->interfaces++] = i;
}

/* false: no frame, or one of an interface that was not announced. */
static bool read_packet(struct frames *f, uint32_t type, struct cur in, struct frame *out)
{
    bool simple = type == NG_SIMPLE;
    size_t number = simple ? 0 : (size_t)get(f, &in, type == NG_PACKET ? 4 : 2);

    if (type == NG_PACKET_OLD)
        (void)cur_bytes(&in, 2);
    uint64_t high = simple ? 0 : get(f, &in, 4);
    uint64_t low = simple ? 0 : get(f, &in, 4);
    uint64_t len = simple ? 0 : get(f, &in, 4);
    uint64_t wire_len = get(f, &in, 4);
    if (!cur_ok(&in) || number >= f->interfaces)
        return false;
    const struct interface *i = &f->interface[number];
    if (simple) {
        len = i->snap != 0 && i->snap < wire_len ? i->snap : wire_len;
        len = len < cur_left(&in) ? len : cur_left(&in);
    } else {
        f->last_ms = ng_time(i, high << 32 | low);
    }
    const uint8_t *data = cur_bytes(&in, (size_t)len);
    if (!data)
        return false;
    *out = (struct frame){.data = data,
                          .len = (uint32_t)len,
                          .wire_len = (uint32_t)wire_len,
                          .time_ms = f->last_ms,
                          .link = i->link};
    return true;
}

/* A section has its own byte order, which its head tells before anything else can be read. */
static bool begin_section(struct frames *f, struct cur in)
{
    (void)cur_bytes(&in, 8);
    uint32_t magic = cur_u32(&in);
    if (magic != order_magic && magic != __builtin_bswap32((uint32_t)order_magic))
        return false;
    f->big_endian = magic == order_magic;
    f->interfaces = 0;
    return true;
}

/* The same as next_pcap(), a block that has no frame leaves *out without data. */
static bool next_block(struct frames *f, struct frame *out, bool *wrong)
{
    struct cur in = rest(f);

    out->data = NULL;
    if (cur_left(&in) < NG_BLOCK_MIN)
        return false;
    struct cur ahead = in;
    uint32_t type = cur_u32(&ahead);
    if (type == NG_SECTION && !begin_section(f, in)) {
        *wrong = true;
        return false;
    }
    type = (uint32_t)get(f, &in, 4);
    uint64_t total = get(f, &in, 4);
    if (total < NG_BLOCK_MIN || total % 4 != 0 || total > BLOCK_MAX) {
        *wrong = true;
        return false;
    }
    struct cur body = cur_take(&in, (size_t)total - NG_BLOCK_MIN);
    (void)cur_bytes(&in, 4);
    if (!cur_ok(&in))
        return false;
    if (type == NG_INTERFACE)
        read_interface(f, body);
    else if (type == NG_PACKET || type == NG_PACKET_OLD || type == NG_SIMPLE)
        (void)read_packet(f, type, body, out);
    f->at += (size_t)total;
    return true;
}

/* --- either --- */

/* What of the window is whole. */
static bool take(struct frames *f, struct frame *v, size_t max, size_t *n)
{
    bool wrong = false;

    *n = 0;
    while (*n < max && (f->ng ? next_block(f, &v[*n], &wrong) : next_pcap(f, &v[*n], &wrong)))
        *n += v[*n].data != NULL;
    return !wrong;
}

int frames_read(struct frames *f, struct frame *v, size_t max, size_t *n, struct err *err)
{
    for (;;) {
        size_t had = f->at;
        bool good = take(f, v, max, n);
        if (*n > 0)
            return 0;
        if (!good)
            return err_set(err, ERR_DATA, "broken at byte %" PRIu64 ": an impossible length",
                           where(f));
        if (f->at != had)
            continue;
        if (f->at_end) {
            if (f->at == f->len)
                return ERR_EOF;
            return err_set(err, ERR_DATA, "ends within a frame, at byte %" PRIu64, where(f));
        }
        int r = fill(f, f->len - f->at < BLOCK_MAX ? BLOCK_MAX : WINDOW, err);
        if (r)
            return r;
    }
}

static int begin(struct frames *f, struct err *err)
{
    int r = fill(f, PCAP_HEAD, err);

    if (r)
        return r;
    struct cur in = rest(f);
    uint32_t magic = cur_u32(&in);
    f->ng = magic == NG_SECTION;
    if (f->ng)
        return 0;
    f->big_endian = is_pcap(f, magic);
    if (f->big_endian || is_pcap(f, __builtin_bswap32(magic)))
        return open_pcap(f, err);
    return err_set(err, ERR_DATA, "not a capture of packets: expected pcap or pcapng");
}

int frames_open(struct frames **out, const char *path, struct err *err)
{
    struct frames *f = mem_new(1, sizeof *f);
    struct stat st;
    int r = 0;

    f->fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0 || fstat(f->fd, &st) != 0)
        r = err_sys(err, "open %s", path);
    else if (S_ISDIR(st.st_mode))
        r = err_set(err, ERR_CONFIG, "%s: expected a file, found a folder", path);
    if (r == 0) {
        f->size = S_ISREG(st.st_mode) && st.st_size > 0 ? (uint64_t)st.st_size : 0;
        r = begin(f, err);
        if (r)
            r = err_in(err, r, "%s", path);
    }
    if (r) {
        frames_close(f);
        return r;
    }
    *out = f;
    return 0;
}

void frames_progress(const struct frames *f, uint64_t *at, uint64_t *of)
{
    *at = where(f);
    *of = f->size;
}

void frames_close(struct frames *f)
{
    if (f && f->fd > STDIN_FILENO)
        (void)close(f->fd);
    free(f);
}
