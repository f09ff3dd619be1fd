/* as_router_traditional: the same for a traditional cache and its aggregations. */
#ifndef CLI_AS_ROUTER_TRADITIONAL_H
#define CLI_AS_ROUTER_TRADITIONAL_H

#include "probe/setup.h"

#include <stdio.h>

/* The i-th monitor: the traditional cache; one that adds up its flows. */
void as_router_traditional(const struct setup *s, size_t i, FILE *out);
void as_router_aggregation(const struct setup *s, size_t i, FILE *out);

/* What a router calls the interface. */
const char *as_router_device(const struct setup *s, const char *dev);

#endif
