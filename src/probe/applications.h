/* applications: which application a conversation is of, as nDPI sees it from its first packets.
 *
 * Both directions are one conversation. Packets are looked at until nDPI has decided or 24 of UDP,
 * 80 of others went by (ndpiReader's limits); then, or when a flow of it ends earlier, nDPI guesses
 * by addresses and ports, as ndpiReader does at a file's end.
 *
 * An application is told as RFC 6759 has it: engine 13 (PANA-L7: numbers that the exporter's maker
 * assigns, as routers' NBAR has them), and a selector of three octets: nDPI's number of the
 * application, or of what carries it where no application is known; 0: unknown.
 *
 * Bounds: 65,536 conversations, at most 5 MiB, and nDPI's state (about a kilobyte) of those that it
 * has not decided on; when a row of the table is full the one that was quiet for longest goes.
 * Owner: a lane's thread. Where weir is built without nDPI, applications_new() gives NULL. */
#ifndef PROBE_APPLICATIONS_H
#define PROBE_APPLICATIONS_H

#include "base/count.h"
#include "probe/facts.h"
#include "wire/packet.h"

enum { APPLICATIONS_ENGINE = 13, APPLICATIONS_BYTES = 1600 /* of a packet are looked at */ };

struct applications;

bool applications_built(void);

/* NULL: weir was built without nDPI, or it has no memory. */
struct applications *applications_new(struct counts *counts);
void applications_free(struct applications *a); /* NULL: nothing */

/* What is known so far: the application, and a number by which the conversation can be found. */
struct application_seen {
    uint64_t conversation;
    uint32_t application;
};
struct application_seen applications_see(struct applications *a, const struct packet *p,
                                         const struct facts *f, int64_t time_ms);

/* Of a conversation that was seen; `ends`: no more of it is waited for, and nDPI guesses if it has
 * not decided. Unknown if it was forgotten. */
uint32_t applications_of(struct applications *a, uint64_t conversation, bool ends);

/* The i-th of nDPI's applications: its name and its kind ("Zoom", "Video"), valid until
 * applications_names_free(); false: there are no more. Any thread. */
struct applications_names;
struct applications_names *applications_names_new(void); /* NULL as above */
void applications_names_free(struct applications_names *n);
bool applications_name(const struct applications_names *n, size_t i, uint32_t *application,
                       const char **name, const char **kind);

#endif
