/* as_router: a setup as the commands that a router takes, to be pasted into it: one page for each
 * monitor, with all that it needs. What a router has no command for is said in a comment. */
#ifndef CLI_AS_ROUTER_H
#define CLI_AS_ROUTER_H

#include "probe/setup.h"

#include <stdio.h>

void as_router_print(const struct setup *s, FILE *out);

#endif
