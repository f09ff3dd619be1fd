#include "net/capfile.h"

#include "base/mem.h"
#include "net/bare.h"
#include "net/frag.h"
#include "net/packet.h"
#include "net/stream.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    WINDOW_BYTES = 4 * BARE_MAX,
    MAGIC_BYTES = 4,
    READ_BYTES = 1 << 18 /* at a time: stdio's own 4 KB are a call for two or three datagrams */
};

struct capfile {
    FILE *file; /* pcap's, if it is a capture */
    bool is_stdin;
    char *buffer; /* the file's */
    uint64_t size;
    uint64_t frame;
    /* A capture. */
    pcap_t *pcap;
    int link;
    struct frag *frag;
    struct streams *streams;
    struct stream *stream; /* has messages, or its end, to give out */
    struct capfile_item stream_item;
    struct capfile_skipped skipped;
    /* Bare datagrams: window[at..len) has been read and not given out. */
    uint8_t *window;
    size_t at;
    size_t len;
    uint64_t done; /* bytes before the window's begin */
    int64_t last_ms;
};

/* The first bytes, which are put back. */
static size_t peek(FILE *f, uint8_t out[static MAGIC_BYTES])
{
    size_t n = fread(out, 1, MAGIC_BYTES, f);

    for (size_t i = n; i > 0;
         i--) /* they are still in the stream's buffer, so glibc takes them all */
        (void)ungetc(out[i - 1], f);
    return n;
}

static bool is_capture(const uint8_t m[static MAGIC_BYTES], size_t n)
{
    static const uint8_t magics[][MAGIC_BYTES] = {
        {0xa1, 0xb2, 0xc3, 0xd4}, {0xd4, 0xc3, 0xb2, 0xa1}, /* microseconds */
        {0xa1, 0xb2, 0x3c, 0x4d}, {0x4d, 0x3c, 0xb2, 0xa1}, /* nanoseconds */
        {0xa1, 0xb2, 0xcd, 0x34}, {0x34, 0xcd, 0xb2, 0xa1}, /* Kuznetzov's */
        {0x0a, 0x0d, 0x0d, 0x0a},                           /* pcapng */
    };

    for (size_t i = 0; i < COUNT_OF(magics); i++)
        if (n == MAGIC_BYTES && memcmp(m, magics[i], MAGIC_BYTES) == 0)
            return true;
    return false;
}

static int open_capture(struct capfile *c, const char *path, struct err *err)
{
    char text[PCAP_ERRBUF_SIZE];

    c->pcap = pcap_fopen_offline(c->file, text);
    if (!c->pcap)
        return err_set(err, ERR_DATA, "%s: %s", path, text);
    c->link = pcap_datalink(c->pcap);
    if (!packet_link_ok(c->link)) {
        const char *name = pcap_datalink_val_to_name(c->link);
        return err_set(
            err, ERR_DATA,
            "%s: link type %d (%s) is not supported; expected Ethernet, Linux cooked, raw "
            "IP or loopback",
            path, c->link, name ? name : "unknown");
    }
    c->frag = frag_new();
    c->streams = streams_new();
    return 0;
}

int capfile_open(struct capfile **out, const char *path, struct err *err)
{
    struct capfile *c = mem_new(1, sizeof *c);
    uint8_t magic[MAGIC_BYTES] = {0};
    struct stat st;

    c->is_stdin = strcmp(path, "-") == 0;
    c->file = c->is_stdin ? stdin : fopen(path, "rbe");
    int r = 0;
    if (!c->file || fstat(fileno(c->file), &st) != 0)
        r = err_sys(err, "open %s", path);
    else if (S_ISDIR(st.st_mode))
        r = err_set(err, ERR_CONFIG, "%s: expected a file, found a folder", path);
    if (r == 0) {
        if (!c->is_stdin) {
            c->buffer = mem_new(READ_BYTES, 1);
            (void)setvbuf(c->file, c->buffer, _IOFBF, READ_BYTES);
        }
        c->size = S_ISREG(st.st_mode) && st.st_size > 0 ? (uint64_t)st.st_size : 0;
        size_t n = peek(c->file, magic);
        if (is_capture(magic, n))
            r = open_capture(c, path, err);
        else
            c->window = mem_new(WINDOW_BYTES, 1);
    }
    if (r) {
        capfile_close(c);
        return r;
    }
    *out = c;
    return 0;
}

void capfile_close(struct capfile *c)
{
    if (!c)
        return;
    if (c->pcap)
        pcap_close(c->pcap); /* closes the file, but not stdin */
    else if (c->file && !c->is_stdin)
        (void)fclose(c->file);
    frag_free(c->frag);
    streams_free(c->streams);
    free(c->window);
    free(c->buffer);
    free(c);
}

/* Export time of a header, in ms; 0 if it has none. */
static int64_t export_ms(struct cur in)
{
    uint16_t version = cur_u16(&in);

    (void)cur_bytes(&in, version == 10 ? 2 : 6);
    uint32_t s = cur_u32(&in);
    uint32_t ns = version < 9 ? cur_u32(&in) : 0;
    return cur_ok(&in) ? (int64_t)s * 1000 + (ns < 1000000000 ? ns / 1000000 : 0) : 0;
}

static int next_bare(struct capfile *c, struct capfile_item *out, struct err *err)
{
    if (c->len - c->at < 2 * BARE_MAX) {
        memmove(c->window, c->window + c->at, c->len - c->at);
        c->done += c->at;
        c->len -= c->at;
        c->at = 0;
        c->len += fread(c->window + c->len, 1, WINDOW_BYTES - c->len, c->file);
        if (ferror(c->file))
            return err_sys(err, "read");
    }
    struct cur in = cur_of(c->window + c->at, c->len - c->at);
    size_t n = bare_len(in);
    if (n == 0)
        return ERR_EOF;
    if (bare_ok(in))
        c->last_ms = export_ms(in);
    *out = (struct capfile_item){.data = in.at,
                                 .len = n,
                                 .time_ms = c->last_ms,
                                 .src = {.b = {[10] = 0xff, [11] = 0xff}},
                                 .dst = {.b = {[10] = 0xff, [11] = 0xff}},
                                 .frame = ++c->frame};
    c->at += n;
    return 0;
}

/* What the stream in hand has left: a message, then its end. */
static bool next_of_stream(struct capfile *c, struct capfile_item *out)
{
    struct cur message;

    if (!c->stream)
        return false;
    *out = c->stream_item;
    if (stream_next(c->stream, &message)) {
        out->len = cur_left(&message);
        out->data = message.at;
        return true;
    }
    out->ended = stream_ended(c->stream);
    c->stream = NULL;
    return out->ended;
}

/* pcapng has 64 bits of time in a unit of the file's choice. */
static int64_t ms_of(const struct timeval *ts)
{
    enum { SECONDS_BITS = 42 };
    int64_t most = INT64_C(1) << SECONDS_BITS;
    int64_t sec = ts->tv_sec > most ? most : ts->tv_sec < -most ? -most : ts->tv_sec;

    return sec * 1000 + ts->tv_usec / 1000;
}

/* The payload of a frame, or a stream that it adds to. */
static bool read_frame(struct capfile *c, const struct pcap_pkthdr *h, const u_char *bytes,
                       struct capfile_item *out)
{
    struct packet p;
    struct segment s;

    if (!packet_read(c->link, cur_of(bytes, h->caplen), &p)) {
        c->skipped.frames++;
        return false;
    }
    if (p.fragment && !frag_add(c->frag, &p, &c->skipped.fragments))
        return false;
    if (p.proto != PACKET_UDP && p.proto != PACKET_TCP) {
        c->skipped.other++;
        return false;
    }
    if (!packet_segment(&p, &s)) {
        c->skipped.frames++;
        return false;
    }
    *out = (struct capfile_item){.data = s.payload.at,
                                 .len = cur_left(&s.payload),
                                 .time_ms = ms_of(&h->ts),
                                 .src = p.src,
                                 .dst = p.dst,
                                 .src_port = s.src_port,
                                 .dst_port = s.dst_port,
                                 .frame = c->frame};
    if (p.proto == PACKET_UDP) {
        c->skipped.cut += p.cut;
        return true;
    }
    c->stream = p.cut ? NULL : streams_add(c->streams, &p, &s);
    if (!c->stream)
        return false;
    c->stream_item = *out;
    c->stream_item.session = stream_number(c->stream);
    c->stream_item.len = 0;
    return next_of_stream(c, out);
}

int capfile_next(struct capfile *c, struct capfile_item *out, struct err *err)
{
    struct pcap_pkthdr *h;
    const u_char *bytes;
    int r;

    if (!c->pcap)
        return next_bare(c, out, err);
    if (next_of_stream(c, out))
        return 0;
    while ((r = pcap_next_ex(c->pcap, &h, &bytes)) == 1) {
        c->frame++;
        if (read_frame(c, h, bytes, out))
            return 0;
    }
    if (r == PCAP_ERROR_BREAK)
        return ERR_EOF;
    return err_set(err, ERR_DATA, "broken behind frame %llu: %s", (unsigned long long)c->frame,
                   pcap_geterr(c->pcap));
}

struct capfile_skipped capfile_skipped(const struct capfile *c)
{
    struct capfile_skipped s = c->skipped;

    if (c->pcap) {
        s.fragments += frag_open(c->frag);
        s.streams = streams_lost(c->streams);
    }
    return s;
}

bool capfile_is_export(const struct capfile_item *item)
{
    return item->len > 0 && bare_ok(cur_of(item->data, item->len));
}

void capfile_progress(const struct capfile *c, uint64_t *at, uint64_t *of)
{
    long pos = c->pcap ? ftell(c->file) : 0;

    *of = c->size;
    *at = c->pcap ? (pos > 0 ? (uint64_t)pos : 0) : c->done + c->at;
}
