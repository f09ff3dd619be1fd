/* fnf_draft: what the routers' commands said, before it is known what refers to what. */
#ifndef PROBE_FNF_DRAFT_H
#define PROBE_FNF_DRAFT_H

#include "probe/fnf.h"

/* A name, or other text, and where it was said. */
struct fnf_said {
    char s[SETUP_NAME];
    size_t line; /* 0: nowhere */
    size_t column;
};

struct fnf_record {
    struct fnf_said name;
    struct setup_record r;
    const char *words[SETUP_FIELDS];
    size_t line[SETUP_FIELDS];
};

struct fnf_exporter {
    struct fnf_said name;
    struct setup_exporter x;
    bool has_to;
    struct fnf_said source;
    struct fnf_said tcp;
    struct fnf_said templates; /* v5 has none */
    struct fnf_said options;
};

struct fnf_monitor {
    struct fnf_said name;
    struct setup_monitor m;
    struct fnf_said record;
    struct fnf_said exporters[SETUP_EXPORTERS];
    size_t n_exporters;
};

struct fnf_sampler {
    struct fnf_said name;
    struct setup_sampler s; /* rate 0: nothing was said */
};

struct fnf_alias {
    struct fnf_said name;
    char dev[IFNAMSIZ];
};

struct fnf_place {
    struct fnf_said interface;
    struct fnf_said monitor;
    struct fnf_said sampler; /* "": none */
    bool output;
    uint8_t family;
};

struct fnf_note {
    size_t line;
    const char *why;
};

enum fnf_kind { FNF_RECORDS, FNF_EXPORTERS, FNF_MONITORS, FNF_SAMPLERS, FNF_ALIASES, FNF_KINDS };

/* Of each kind, which begins with its name, up to SETUP_MAX. */
struct fnf_list {
    uint8_t *v;
    size_t n;
};

struct fnf {
    const char *file;
    struct fnf_list list[FNF_KINDS];
    size_t now; /* which one the block in hand is about */
    struct fnf_said interface;
    struct fnf_place *places;
    size_t n_places;
    char *rib; /* NULL: none */
    uint32_t local_as;
    struct fnf_note *notes;
    size_t n_notes;
};

/* The i-th of a kind, and which one has this name: SETUP_NONE if none has. */
void *fnf_at(const struct fnf *f, enum fnf_kind kind, size_t i);
int fnf_find(const struct fnf *f, enum fnf_kind kind, const char *name);

#endif
