/* receiver: one thread that receives: sockets and connections → worker → the sealing thread.
 *
 * The receivers of a collector share its ports; each gets the senders in its share (net/steer.h),
 * so all that is known of an exporter is in one of them, and they have nothing in common. The main
 * thread opens a receiver, starts it, gives it orders and waits for its end. Counters it may read
 * at any time; what else can be seen of a receiver is in a receiver_status, written a few times a
 * second under a lock, so that questions never wait for a receiver that is busy.
 *
 * Receive buffers grow while it runs, to hold a second of what has been measured. */
#ifndef COLLECT_RECEIVER_H
#define COLLECT_RECEIVER_H

#include "collect/collect.h"
#include "collect/gate.h"
#include "collect/snapshot.h"
#include "collect/worker.h"
#include "net/loop.h"
#include "net/tcp.h"
#include "net/udp.h"

#include <pthread.h>

enum { RECEIVER_TICK_MS = 250 };

struct receiver_socket {
    uint64_t datagrams;
    uint64_t kernel_drops;
    uint64_t denied;
    size_t rcvbuf_bytes;  /* as the kernel accounts */
    size_t rcvbuf_wanted; /* half of that, if the kernel allows it: by option or measured rate */
};

struct receiver_status {
    struct receiver_socket udp[COLLECT_LISTENERS];
    int64_t at_mono_ms; /* when it was written: the receiver was alive then */
    double datagrams_per_s;
    size_t tcp_sessions;
    bool has_journal;
    struct store_id journal;
    uint64_t journal_bytes;
    uint64_t journal_datagrams;
    int64_t journal_age_ms;
    struct denied denied;
};

/* What a receiver can take up while it runs. */
struct receiver_settings {
    struct gate_lists lists;
    struct senders senders;
    struct quirks quirks;
};

struct receiver;

struct socket {
    struct udp udp;
    struct receiver *receiver;
    uint64_t denied;
    uint64_t noted;   /* of these, in the books */
    uint64_t counted; /* received and dropped at the last tick */
    unsigned nap_us;
    size_t wanted; /* receive buffer */
};

struct receiver {
    const struct collect_options *options;
    unsigned number;
    pthread_t thread;
    bool running;
    const struct io *ended; /* gets a wake-up if the thread ends without having been told to */
    int result;             /* of the thread, once it has ended */
    struct err err;
    struct counts last; /* its worker's, once it has ended */
    /* The main thread's until receiver_start(), then the receiver's. */
    struct loop loop;
    struct io orders;
    struct timer tick;
    struct udp_batch *batch;
    struct socket udp[COLLECT_LISTENERS];
    size_t n_udp;
    double datagrams_per_s;
    int64_t ticked_mono_ms;
    struct tcp tcp;
    struct tcp_handler handler;
    struct tcp_listener tcp_listener[COLLECT_LISTENERS];
    size_t n_tcp;
    struct gate gate;
    bool in_batch; /* messages of a TCP read have been added and not committed */
    int64_t batch_ms;
    struct worker worker; /* its counters may be read by any thread */
    bool has_worker;
    pthread_mutex_t lock;
    struct receiver_status status;   /* under lock */
    pthread_cond_t answered;         /* the snapshot is what was asked for */
    struct snapshot snapshot;        /* under lock */
    bool asked;                      /* under lock */
    enum snapshot_what asked_for;    /* under lock */
    struct receiver_settings *fresh; /* under lock: to be taken next, or NULL */
};

int receiver_open(struct receiver *r, const struct collect_options *options, unsigned number,
                  struct err *err) MUST_USE;

/* Bound sockets, which are its own then also on failure. */
int receiver_add_udp(struct receiver *r, int fd, const struct addr *addr, uint16_t port,
                     struct err *err) MUST_USE;
int receiver_add_tcp(struct receiver *r, int fd, const struct addr *addr, uint16_t port,
                     struct err *err) MUST_USE;

int receiver_open_worker(struct receiver *r, const struct worker_options *options,
                         const struct buf *state, struct err *err) MUST_USE;

/* `ended` is the main thread's, see wake_open(). */
int receiver_start(struct receiver *r, const struct io *ended, struct err *err) MUST_USE;

/* What these options mean for its listeners. NULL if there is no memory. */
struct receiver_settings *receiver_settings_of(const struct receiver *r,
                                               const struct collect_options *options);
void receiver_settings_free(struct receiver_settings *s);

/* `fresh` (NULL: no change), now the receiver's, hold from the next datagram on; what has been
 * received until now goes into a file, and receive buffers are asked for again. */
void receiver_reload(struct receiver *r, struct receiver_settings *fresh);

/* Take nothing more, store what is there, end. Do not wait: receiver_close() does. */
void receiver_stop(struct receiver *r);
void receiver_close(struct receiver *r); /* of an opened, half-opened or zeroed one */

void receiver_look(struct receiver *r, struct receiver_status *out);

/* Ask for a snapshot (of several receivers first, then), and wait for it, a second at most. The
 * caller frees *out. false: the receiver does not answer. */
void receiver_ask(struct receiver *r, enum snapshot_what what);
bool receiver_get(struct receiver *r, struct snapshot *out);

#endif
