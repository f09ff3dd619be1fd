/* fnf_draft: what the routers' commands said, before it is known what refers to what. */
#ifndef PROBE_FNF_DRAFT_H
#define PROBE_FNF_DRAFT_H

#include "probe/classic.h"
#include "probe/fnf.h"

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
    struct classic classic;
};

/* The i-th of a kind, and which one has this name: SETUP_NONE if none has. */
void *fnf_at(const struct fnf *f, enum fnf_kind kind, size_t i);
int fnf_find(const struct fnf *f, enum fnf_kind kind, const char *name);

/* --- arguments of a line (fnf_args.c) --- */

/* Words that are parted by blanks are joined by `glue`; 0: by nothing ("GigabitEthernet 0/1"). */
int fnf_say_joined(const struct conf_line *line, const struct conf_word *w, char glue,
                   struct fnf_said *out, struct err *err) MUST_USE;
int fnf_say(const struct conf_line *line, const struct conf_word *w, struct fnf_said *out,
            struct err *err) MUST_USE;
struct fnf_said fnf_here(const struct conf_line *line);

/* `what`: "seconds". Undone: `otherwise`. The first argument, or this one. */
int fnf_number(const struct conf_line *line, uint64_t min, uint64_t max, const char *what,
               uint64_t otherwise, uint64_t *out, struct err *err) MUST_USE;
int fnf_number_at(const struct conf_line *line, const struct conf_word *w, uint64_t min,
                  uint64_t max, const char *what, uint64_t otherwise, uint64_t *out,
                  struct err *err) MUST_USE;
int fnf_address(const struct conf_line *line, const struct conf_word *w, struct addr *out,
                struct err *err) MUST_USE;
int fnf_device(const struct conf_line *line, const struct conf_word *w, char out[static IFNAMSIZ],
               struct err *err) MUST_USE;

/* The line is right, and has no effect here. */
void fnf_remark(struct fnf *f, const struct conf_line *line, const char *why);

/* --- a setup in the making (fnf_setup.c) --- */

struct fnf_build {
    const struct fnf *f;
    struct conf *c;
    struct err *err;
    int r; /* of the first mistake */
    struct setup out;
};

void fnf_wrong(struct fnf_build *b, size_t line, size_t column, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* Is it what Linux calls an interface, or does an alias say so? */
void fnf_find_device(struct fnf_build *b, const struct fnf_said *interface,
                     char out[static IFNAMSIZ]);

/* The source is an address, or an interface's. */
void fnf_find_source(struct fnf_build *b, const struct fnf_said *source, bool has_to,
                     struct setup_exporter *x);

#endif
