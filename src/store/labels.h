/* labels: names of interfaces, VRFs, applications and samplers, with the times from which they
 * hold: what a store keeps of those that exporters announce, and files that people write. Lines of
 * CSV (RFC 4180, a name on one line):
 *
 *   exporter,kind,number,name[,since[,domain]]
 *
 *   exporter  an address; people may write a prefix, or any
 *   kind      interface, vrf, application, sampler
 *   number    of an application ENGINE:SELECTOR (RFC 6759)
 *   since     2026-11-22T14:05:00.000Z; none: it always held
 *   domain    observation domain or source id; none: any
 *
 * A first line that begins with "exporter," is a heading; blank lines and those that begin with #
 * mean nothing. In a store it is DIR/names.csv, which is only ever replaced whole. What is in it
 * are facts with times: who adds some twice, or in another order, gives the same file.
 *
 * Bounds: the enum below; of one thing the oldest names go first, beyond that new ones do not come
 * in. Memory: at most 16 MB, and the texts'. */
#ifndef STORE_LABELS_H
#define STORE_LABELS_H

#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"
#include "flow/naming.h"

enum {
    LABELS_MAX = 200000,
    LABELS_TEXT_MAX = 16 * 1024 * 1024,
    LABELS_FILE_MAX = 64 * 1024 * 1024,
    LABEL_VERSIONS = 32,
    LABEL_TEXT = 256,
    LABEL_EARLY_MS = 3600000 /* the first name holds so long before it was announced */
};

/* What has the name. */
struct label_key {
    struct prefix exporter;
    enum name_kind kind;
    uint16_t engine; /* of an application */
    uint64_t id;
    bool any_domain;
    uint32_t domain;
};

struct label {
    struct label_key key;
    int64_t since_ms; /* INT64_MIN: always */
    uint32_t at;      /* its text */
    uint16_t len;
};

struct labels {
    struct label *v;
    size_t n, cap;
    struct buf text;
    bool tidy;              /* in order, nothing twice */
    bool has_bits[128 + 1]; /* prefixes as long are there, once it is tidy */
};

void labels_init(struct labels *l);
void labels_free(struct labels *l);

/* Octets that are no text become U+FFFD, what is too long is cut. false: there is no room. */
bool labels_add(struct labels *l, const struct label_key *key, int64_t since_ms, const void *name,
                size_t len) MUST_USE;

/* Versions that came after the first `told` changes; of those without a name the description.
 * Returns how many there was no room for. */
uint64_t labels_take(struct labels *l, const struct naming *n, uint64_t told);

/* All of `from` goes over, which is empty then. Returns how many there was no room for. */
uint64_t labels_move(struct labels *to, struct labels *from);

/* In order, without what says nothing new. */
void labels_tidy(struct labels *l);

/* Text as above, added to `l`. ERR_CONFIG: "FILE:LINE:COLUMN: expected ..., found ...". */
int labels_read(struct labels *l, const char *file, const char *text, size_t len,
                struct err *err) MUST_USE;
int labels_read_file(struct labels *l, const char *path, struct err *err) MUST_USE;
void labels_write(struct labels *l, struct buf *out);

/* Those of a store, which may have none. */
int labels_of_store(struct labels *l, const char *dir, struct err *err) MUST_USE;

/* Have the store know these, too. `refused` (may be NULL) is added how many it has no room for. */
int labels_keep(const char *dir, const struct labels *news, uint64_t *refused,
                struct err *err) MUST_USE;

/* The name of what `key` says (its exporter a single address) in the time from from_ms to to_ms, of
 * a tidy list: all it had then, with commas between them. The longest prefix counts; names of the
 * key's domain, else those of others if they agree. Returns the length, 0: it has none. */
size_t labels_find(const struct labels *l, const struct label_key *key, int64_t from_ms,
                   int64_t to_ms, char out[static LABEL_TEXT]);

#endif
