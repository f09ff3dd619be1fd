/* term: one term of a filter, from its first word on → a tree. */
#ifndef FILTER_TERM_H
#define FILTER_TERM_H

#include "filter/parse.h"

int term_read(struct parse *p, struct node **out) MUST_USE;

#endif
