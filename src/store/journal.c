#include "store/journal.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FORMAT_VERSION = 4,
    MAGIC_BYTES = 8,
    FILE_HEAD = MAGIC_BYTES + 4,
    FRAME_HEAD = 9, /* length, CRC, type */
    ORDER_BYTES = 8,
    SENDER_BYTES = 8 + 16 + 2 + 2 + 4,
    DROPS_BYTES = 8 + 8,
    DATAGRAM_MAX = 65535,
    HEAD_MAX = 256 * 1024 * 1024, /* of a decoder's state */
    BATCH_MAX = 64 * 1024 * 1024, /* of frames between two journal_write() */
    READ_BYTES = 256 * 1024
};

static const char magic[MAGIC_BYTES] = {'w', 'e', 'i', 'r', 'j', 'r', 'n', 'l'};

/* Frames wait in `pending`; `bytes` is the length of the file, all of it whole frames. */
struct journal_writer {
    int fd;
    bool torn; /* a frame could not be taken back: nothing may follow it */
    uint64_t bytes;
    struct buf pending;
};

/* Begin a frame; end_frame() fills length and CRC in. */
static size_t begin_frame(struct buf *b, enum journal_type type)
{
    size_t at = b->len;

    (void)buf_room(b, FRAME_HEAD - 1);
    buf_u8(b, (uint8_t)type);
    return at;
}

static void end_frame(struct buf *b, size_t at)
{
    if (!buf_ok(b))
        return;
    size_t end = b->len;
    uint32_t crc = hash_crc32c(0, b->data + at + 8, end - at - 8);
    struct buf head;
    buf_fixed(&head, b->data + at, 8);
    buf_le(&head, end - at - FRAME_HEAD, 4);
    buf_le(&head, crc, 4);
}

static void put_sender(struct buf *b, const struct sender *s, int64_t ms)
{
    buf_le(b, (uint64_t)ms, 8);
    buf_bytes(b, s->addr.b, sizeof s->addr.b);
    buf_le(b, s->port, 2);
    buf_le(b, s->listener, 2);
    buf_le(b, s->session, 4);
}

static int write_head(struct journal_writer *j, uint64_t order, const struct decoder *state,
                      struct err *err)
{
    buf_init(&j->pending, HEAD_MAX + FILE_HEAD + FRAME_HEAD + ORDER_BYTES);
    buf_bytes(&j->pending, magic, sizeof magic);
    buf_le(&j->pending, FORMAT_VERSION, 4);
    size_t at = begin_frame(&j->pending, JOURNAL_HEAD);
    buf_le(&j->pending, order, ORDER_BYTES);
    decoder_save(state, &j->pending);
    end_frame(&j->pending, at);
    return buf_ok(&j->pending)
               ? journal_write(j, err)
               : err_set(err, ERR_LIMIT, "the decoder's state is above %d bytes", HEAD_MAX);
}

int journal_open(struct journal_writer **out, const char *path, uint64_t order,
                 const struct decoder *state, struct err *err)
{
    char begun[FILE_PATH];
    int r = file_path(begun, err, "%s.new", path);

    if (r == 0 && file_exists(path))
        r = err_set(err, ERR_SYS, "make journal %s: it is there already", path);
    if (r)
        return r;
    int fd = open(begun, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return err_sys(err, "make journal %s", path);

    struct journal_writer *j = mem_new(1, sizeof *j);
    *j = (struct journal_writer){.fd = fd};
    r = write_head(j, order, state, err);
    if (r == 0 && rename(begun, path) != 0)
        r = err_sys(err, "rename %s", begun);
    if (r) {
        journal_abandon(j);
        (void)unlink(begun);
        return err_in(err, r, "journal %s", path);
    }
    j->pending.limit = BATCH_MAX;
    *out = j;
    return 0;
}

/* A frame that does not fit is taken back whole; journal_write() then says so. */
static void add(struct journal_writer *j, enum journal_type type, const struct sender *who,
                int64_t ms, const uint8_t *data, size_t len)
{
    size_t at = begin_frame(&j->pending, type);
    put_sender(&j->pending, who, ms);
    buf_bytes(&j->pending, data, len);
    end_frame(&j->pending, at);
}

void journal_add(struct journal_writer *j, const struct datagram *d)
{
    add(j, JOURNAL_DATAGRAM, &d->from, d->received_ms, d->data,
        d->len > DATAGRAM_MAX ? DATAGRAM_MAX : d->len);
}

void journal_add_end(struct journal_writer *j, const struct sender *who, int64_t now_ms)
{
    add(j, JOURNAL_SESSION_END, who, now_ms, NULL, 0);
}

void journal_add_drops(struct journal_writer *j, const struct drops *drops, int64_t now_ms)
{
    struct sender nobody = {.port = drops->port};
    uint8_t counts[DROPS_BYTES];
    struct buf b;

    buf_fixed(&b, counts, sizeof counts);
    buf_le(&b, drops->kernel, 8);
    buf_le(&b, drops->denied, 8);
    add(j, JOURNAL_DROPS, &nobody, now_ms, counts, sizeof counts);
}

int journal_write(struct journal_writer *j, struct err *err)
{
    size_t done = 0;
    int r = buf_ok(&j->pending) ? 0 : err_set(err, ERR_LIMIT, "journal: too much in one batch");

    if (j->torn)
        r = err_set(err, ERR_SYS, "journal: its end is torn");
    while (r == 0 && done < j->pending.len) {
        ssize_t n = write(j->fd, j->pending.data + done, j->pending.len - done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            r = err_sys(err, "journal: write");
    }
    if (r == 0) {
        j->bytes += done;
    } else if (done > 0 && (ftruncate(j->fd, (off_t)j->bytes) != 0 ||
                            lseek(j->fd, (off_t)j->bytes, SEEK_SET) < 0)) {
        j->torn = true;
        r = err_sys(err, "journal: take back %zu bytes of a torn frame", done);
    }
    buf_reset(&j->pending);
    return r;
}

int journal_sync(struct journal_writer *j, struct err *err)
{
    return fdatasync(j->fd) == 0 ? 0 : err_sys(err, "journal: sync");
}

int journal_fd(const struct journal_writer *j) { return j->fd; }

uint64_t journal_bytes(const struct journal_writer *j) { return j->bytes; }

void journal_abandon(struct journal_writer *j)
{
    if (!j)
        return;
    (void)close(j->fd);
    buf_free(&j->pending);
    free(j);
}

int journal_close(struct journal_writer *j, struct err *err)
{
    int r = journal_write(j, err);

    if (r == 0)
        r = journal_sync(j, err);
    journal_abandon(j);
    return r;
}

/* `frame` holds the frame in hand; `at` is the offset in the file of what comes after it. The file
 * is read through `chunk`, so a live journal can be followed to wherever its writer is. */
struct journal_reader {
    int fd;
    bool ended;
    bool has_head;
    uint64_t at;
    struct journal_torn torn;
    uint8_t *chunk;
    size_t chunk_at;
    size_t chunk_len;
    struct buf frame;
};

/* Up to n more bytes of the file to the end of `frame`: how many. */
static size_t pull(struct journal_reader *j, size_t n)
{
    size_t got = 0;

    while (got < n) {
        if (j->chunk_at == j->chunk_len) {
            ssize_t r = read(j->fd, j->chunk, READ_BYTES);
            if (r < 0 && errno == EINTR)
                continue;
            if (r <= 0)
                break;
            j->chunk_at = 0;
            j->chunk_len = (size_t)r;
        }
        size_t take = j->chunk_len - j->chunk_at;
        take = take < n - got ? take : n - got;
        buf_bytes(&j->frame, j->chunk + j->chunk_at, take);
        if (!buf_ok(&j->frame))
            break;
        j->chunk_at += take;
        got += take;
    }
    return got;
}

int journal_reader_open(struct journal_reader **out, const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "open journal %s", path);

    struct journal_reader *j = mem_new(1, sizeof *j);
    *j = (struct journal_reader){.fd = fd, .chunk = mem_new(READ_BYTES, 1)};
    buf_init(&j->frame, HEAD_MAX + FRAME_HEAD + ORDER_BYTES);
    (void)pull(j, FILE_HEAD);
    struct cur head = cur_of(j->frame.data, j->frame.len);
    const uint8_t *m = cur_bytes(&head, sizeof magic);
    uint64_t version = cur_le(&head, 4);
    int r = 0;
    if (!cur_ok(&head) || memcmp(m, magic, sizeof magic) != 0)
        r = err_set(err, ERR_DATA, "%s: no journal: it does not begin with \"weirjrnl\"", path);
    else if (version != FORMAT_VERSION)
        r = err_set(err, ERR_DATA, "%s: journal of version %llu, expected %d", path,
                    (unsigned long long)version, FORMAT_VERSION);
    if (r) {
        journal_reader_close(j);
        return r;
    }
    j->at = FILE_HEAD;
    *out = j;
    return 0;
}

void journal_reader_close(struct journal_reader *j)
{
    if (!j)
        return;
    (void)close(j->fd);
    free(j->chunk);
    buf_free(&j->frame);
    free(j);
}

static size_t body_max(uint8_t type)
{
    switch (type) {
    case JOURNAL_HEAD:
        return ORDER_BYTES + HEAD_MAX;
    case JOURNAL_DATAGRAM:
        return SENDER_BYTES + DATAGRAM_MAX;
    case JOURNAL_SESSION_END:
        return SENDER_BYTES;
    case JOURNAL_DROPS:
        return SENDER_BYTES + DROPS_BYTES;
    default:
        return 0;
    }
}

/* The next whole and right frame: its type, and its body as a cursor. */
static bool read_frame(struct journal_reader *j, uint8_t *type, struct cur *body)
{
    buf_reset(&j->frame);
    if (pull(j, FRAME_HEAD) < FRAME_HEAD)
        return false;
    struct cur head = cur_of(j->frame.data, j->frame.len);
    size_t len = (size_t)cur_le(&head, 4);
    uint32_t crc = (uint32_t)cur_le(&head, 4);
    *type = cur_u8(&head);
    if (len > body_max(*type) || pull(j, len) < len)
        return false;
    *body = cur_of(j->frame.data + FRAME_HEAD, len);
    return hash_crc32c(0, j->frame.data + FRAME_HEAD - 1, len + 1) == crc;
}

static bool parse_frame(uint8_t type, struct cur *body, struct journal_frame *out)
{
    struct journal_frame f = {.type = (enum journal_type)type};

    if (type == JOURNAL_HEAD) {
        f.order = cur_le(body, ORDER_BYTES);
        if (!cur_ok(body))
            return false;
    } else {
        struct sender *from = &f.datagram.from;
        f.datagram.received_ms = (int64_t)cur_le(body, 8);
        const uint8_t *addr = cur_bytes(body, sizeof from->addr.b);
        from->port = (uint16_t)cur_le(body, 2);
        from->listener = (uint16_t)cur_le(body, 2);
        from->session = (uint32_t)cur_le(body, 4);
        if (!cur_ok(body))
            return false;
        memcpy(from->addr.b, addr, sizeof from->addr.b);
    }
    if (type == JOURNAL_DROPS) {
        f.drops.port = f.datagram.from.port;
        f.drops.kernel = cur_le(body, 8);
        f.drops.denied = cur_le(body, 8);
        if (!cur_ok(body))
            return false;
    }
    f.datagram.len = cur_left(body);
    f.datagram.data = cur_bytes(body, f.datagram.len);
    *out = f;
    return true;
}

/* Whether a whole frame, other than a head, begins at `at`; the file's position does not move. */
static bool is_frame(struct journal_reader *j, uint64_t at)
{
    uint8_t head[FRAME_HEAD];

    if (pread(j->fd, head, sizeof head, (off_t)at) != (ssize_t)sizeof head)
        return false;
    struct cur c = cur_of(head, sizeof head);
    size_t len = (size_t)cur_le(&c, 4);
    uint32_t crc = (uint32_t)cur_le(&c, 4);
    uint8_t type = cur_u8(&c);
    if (type == JOURNAL_HEAD || len < SENDER_BYTES || len > body_max(type))
        return false;
    buf_reset(&j->frame);
    uint8_t *body = buf_room(&j->frame, len + 1);
    return body && pread(j->fd, body, len + 1, (off_t)at + FRAME_HEAD - 1) == (ssize_t)len + 1 &&
           hash_crc32c(0, body, len + 1) == crc;
}

/* The next frame behind `at`, or 0. A head must be right in type and length before its checksum is
 * looked at, so this is one pass over the file. */
static uint64_t find_frame(struct journal_reader *j, uint64_t at)
{
    for (;;) {
        ssize_t n = pread(j->fd, j->chunk, READ_BYTES, (off_t)at);
        if (n < FRAME_HEAD + SENDER_BYTES)
            return 0;
        for (size_t i = 0; i + FRAME_HEAD <= (size_t)n; i++) {
            uint8_t type = j->chunk[i + FRAME_HEAD - 1];
            if (type > JOURNAL_HEAD && type <= JOURNAL_DROPS && is_frame(j, at + i))
                return at + i;
        }
        at += (uint64_t)n - (FRAME_HEAD - 1);
    }
}

/* Over what is no frame, to the next that is; `whole`: it has the checksum of one, but its content
 * can't be. false: nothing but the end follows. */
static bool skip_torn(struct journal_reader *j, bool whole)
{
    uint64_t next = find_frame(j, j->at + 1);

    j->chunk_at = j->chunk_len = 0;
    if (next == 0)
        return false;
    if (!whole && is_frame(j, j->at)) { /* a live journal: it was being written a moment ago */
        next = j->at;
    } else {
        if (j->torn.bytes == 0)
            j->torn.at = j->at;
        j->torn.bytes += next - j->at;
        j->torn.inside = true;
    }
    j->at = next;
    return lseek(j->fd, (off_t)next, SEEK_SET) >= 0;
}

/* Nothing can be read any more: what is behind the last frame is torn. */
static void end_reader(struct journal_reader *j)
{
    struct stat st;

    j->ended = true; /* a live journal grows on, but whoever met its end once stays there */
    if (fstat(j->fd, &st) != 0 || (uint64_t)st.st_size <= j->at)
        return;
    if (j->torn.bytes == 0)
        j->torn.at = j->at;
    j->torn.bytes += (uint64_t)st.st_size - j->at;
}

int journal_next(struct journal_reader *j, struct journal_frame *out, uint64_t *torn_at,
                 struct err *err)
{
    if (torn_at)
        *torn_at = 0;
    while (!j->ended) {
        uint8_t type = 0;
        struct cur body = cur_of(NULL, 0);
        bool whole = read_frame(j, &type, &body);
        if (whole && (type == JOURNAL_HEAD) != j->has_head && parse_frame(type, &body, out)) {
            j->has_head = true;
            j->at += j->frame.len;
            return 0;
        }
        bool at_end = j->frame.len == 0;
        if (at_end || !j->has_head || !skip_torn(j, whole)) {
            if (at_end)
                j->ended = true;
            else
                end_reader(j);
        }
    }
    if (torn_at)
        *torn_at = j->torn.at;
    if (!j->has_head)
        return err_set(err, ERR_DATA,
                       "journal: expected its head at offset %llu, found no whole frame",
                       (unsigned long long)j->at);
    return ERR_EOF;
}

struct journal_torn journal_reader_torn(const struct journal_reader *j) { return j->torn; }

int journal_decode(const char *path, struct decoder *d, uint64_t *torn_at, struct err *err)
{
    struct journal_reader *j;
    struct journal_frame f;
    int r = journal_reader_open(&j, path, err);

    if (r)
        return r;
    while ((r = journal_next(j, &f, torn_at, err)) == 0 && (r = journal_apply(&f, d, err)) == 0)
        ;
    if (r == ERR_EOF) {
        decoder_flush(d);
        r = 0;
    } else {
        r = err_in(err, r, "%s", path);
    }
    journal_reader_close(j);
    return r;
}

int journal_apply(const struct journal_frame *f, struct decoder *d, struct err *err)
{
    struct cur head;

    switch (f->type) {
    case JOURNAL_HEAD:
        head = cur_of(f->datagram.data, f->datagram.len);
        return decoder_load(d, &head, err);
    case JOURNAL_DATAGRAM:
        decoder_datagram(d, &f->datagram);
        return 0;
    case JOURNAL_SESSION_END:
        decoder_session_end(d, &f->datagram.from);
        return 0;
    case JOURNAL_DROPS:
        decoder_note(d, f->datagram.received_ms, &f->drops);
        return 0;
    }
    return err_set(err, ERR_DATA, "journal: frame of type %d", (int)f->type);
}
