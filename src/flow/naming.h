/* naming: what exporters call their interfaces, VRFs, applications and samplers, from options data.
 *
 * Kept by sender's address, domain, kind and number. A name has versions: each holds from when it
 * was said first until the next one, so that what came before a renaming keeps the name it had.
 *
 * Bounded: NAMES_BYTES_MAX octets in all, texts and what stands around them, and NAME_VERSIONS of
 * one name, of which the oldest goes first. When full, new ones are not learned and counted; when
 * half full none of strangers are. They are in each journal's head, so the bound is on that too. */
#ifndef FLOW_NAMING_H
#define FLOW_NAMING_H

#include "base/addr.h"
#include "base/count.h"
#include "base/map.h"
#include "flow/batch.h"

enum { NAMES_BYTES_MAX = 8 * 1024 * 1024, NAME_VERSIONS = 8, NAME_TEXT_MAX = 255 };

enum name_kind { NAME_INTERFACE, NAME_VRF, NAME_APPLICATION, NAME_SAMPLER, NAME_KINDS };

extern const char *const name_kinds[NAME_KINDS]; /* as words: "interface" */

/* No padding: it is hashed as bytes. */
struct name_key {
    struct addr addr;
    uint32_t domain;
    uint16_t kind;
    uint16_t engine; /* of an application (RFC 6759), else 0 */
    uint64_t id;     /* interface, VRF, selector of the application, sampler */
};

/* Texts as the exporter sent them, cut at NAME_TEXT_MAX octets; none: not said. */
struct name_said {
    const uint8_t *name;
    size_t name_len;
    const uint8_t *description;
    size_t description_len;
};

struct name_version {
    struct name_version *before;
    int64_t since_ms; /* received */
    uint64_t change;  /* naming.changes when it came */
    uint8_t name_len;
    uint8_t description_len;
    uint8_t text[]; /* the name, then the description */
};

struct name {
    struct name_key key; /* first: map.h */
    int64_t heard_ms;
    struct name_version *now;
};

struct naming {
    struct map map;
    size_t bytes;
    size_t room;      /* for who speaks now */
    uint64_t changes; /* versions that ever came */
    struct counts *counts;
};

void naming_init(struct naming *n, struct counts *counts);
void naming_free(struct naming *n);

/* A text that is not said leaves the one that is known. Something unchanged is only heard again. */
void naming_put(struct naming *n, const struct name_key *key, const struct name_said *said,
                int64_t now_ms);

/* NULL: it has none. */
const struct name *naming_find(const struct naming *n, const struct name_key *key);

struct name_said name_version_said(const struct name_version *v);

/* Learn from rows [row, row + n) of options data; known: of who is no stranger. */
void naming_learn(struct naming *n, const struct addr *addr, uint32_t domain, bool known,
                  const struct batch *b, size_t row, size_t rows, int64_t now_ms);

#endif
