/* check_probe: what the routers' commands in a configuration mean, and what is wrong in them. */
#ifndef CLI_CHECK_PROBE_H
#define CLI_CHECK_PROBE_H

#include "cli/config.h"

/* On stdout; each mistake is told to c->conf.wrong, and lines that have no effect on stdout too.
 * false: there was a mistake. */
bool check_probe(struct config *c);

/* The same, as commands of a router (cli/as_router.h), and nothing else. */
bool check_as_router(struct config *c);

/* What a setup means. */
void check_setup(const struct setup *s);

#endif
