/* journal: datagrams as received, kept until they are in a Parquet file.
 *
 * A journal belongs to one writer and ends at a size, an age, or the hour (UTC, by received time).
 * Its head is a decoder's saved state, so it can be decoded alone.
 *
 *   file    magic "weirjrnl", u32 format version, then frames
 *   frame   u32 length of body, u32 CRC-32C of type and body, u8 type, body     (little-endian)
 *   type 0  head: u64 order, decoder_save()'s bytes; exactly one, first
 *   type 1  datagram: i64 received ms, 16 B sender, u16 port, u16 listener, u32 session, payload
 *   type 2  end of a TCP session: as type 1, without payload
 *   type 3  drops of a socket: as type 1, no sender; payload: u64 by the kernel, u64 denied
 *
 * Order counts up over the journals of a writer, so that the newest is known whatever the clock
 * did. Bytes that are no frame are skipped up to the next whole one, which its checksum tells. */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include "base/err.h"
#include "flow/decode.h"

struct journal_writer;

/* Creates path, which must not exist, and writes magic and head; nobody sees it without them. */
int journal_open(struct journal_writer **out, const char *path, uint64_t order,
                 const struct decoder *state, struct err *err) MUST_USE;

/* Add frames to the buffer, then write them with one write(): once per receive batch. When a write
 * fails all frames of the batch are lost, and the file ends behind the batch before. */
void journal_add(struct journal_writer *j, const struct datagram *d);
void journal_add_end(struct journal_writer *j, const struct sender *who, int64_t now_ms);
void journal_add_drops(struct journal_writer *j, const struct drops *drops, int64_t now_ms);
int journal_write(struct journal_writer *j, struct err *err) MUST_USE;
int journal_sync(struct journal_writer *j, struct err *err) MUST_USE;
int journal_fd(const struct journal_writer *j); /* to be synced by another thread */
uint64_t journal_bytes(const struct journal_writer *j);
int journal_close(struct journal_writer *j, struct err *err) MUST_USE; /* writes, syncs, frees */
void journal_abandon(struct journal_writer *j); /* frees only: what was written stays */

struct journal_reader;

enum journal_type { JOURNAL_HEAD, JOURNAL_DATAGRAM, JOURNAL_SESSION_END, JOURNAL_DROPS };

struct journal_frame {
    enum journal_type type;
    uint64_t order;           /* of a head */
    struct datagram datagram; /* borrowed until the next call; head: data and len only */
    struct drops drops;       /* of that type */
};

int journal_reader_open(struct journal_reader **out, const char *path, struct err *err) MUST_USE;

/* 0, ERR_EOF at the end (*torn_at, may be NULL, gets the offset of the first bytes that are no
 * whole frame, else 0), ERR_DATA if it is no journal. */
int journal_next(struct journal_reader *j, struct journal_frame *out, uint64_t *torn_at,
                 struct err *err) MUST_USE;

/* What was no whole frame, at the end of reading. A live journal may seem torn at its end only. */
struct journal_torn {
    uint64_t at; /* the first; 0: nothing */
    uint64_t bytes;
    bool inside; /* whole frames follow */
};
struct journal_torn journal_reader_torn(const struct journal_reader *j);
void journal_reader_close(struct journal_reader *j);

/* Load the head into a new decoder, decode a datagram, end a session: what the frame says. */
int journal_apply(const struct journal_frame *f, struct decoder *d, struct err *err) MUST_USE;

/* Decode a whole journal into `d` (new): load the head, then every frame, then flush. */
int journal_decode(const char *path, struct decoder *d, uint64_t *torn_at,
                   struct err *err) MUST_USE;

#endif
