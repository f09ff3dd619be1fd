/* show_lists: the tables of `weir show` that are lists of what exporters announced. */
#ifndef CLI_SHOW_LISTS_H
#define CLI_SHOW_LISTS_H

#include "report/member.h"

/* What a list does not show, said below it. */
void show_rest(const json_t *answer);

/* "domain 7", "engine 0/1": which of a sender's counts by itself. */
void show_source(const json_t *s, char *out, size_t size);

void show_templates(const json_t *answer);
void show_samplers(const json_t *answer);
void show_interfaces(const json_t *answer);
void show_names(const json_t *answer);
void show_quirks(const json_t *answer);
void show_waiting(const json_t *answer);

void show_probe(const json_t *answer);
void show_relay(const json_t *answer);

#endif
