/* probe_conf: what a probe is to do, as the routers' commands in a configuration file say it. */
#ifndef CLI_PROBE_CONF_H
#define CLI_PROBE_CONF_H

#include "probe/setup.h"

/* `capture`: packets of a file, so what stands at interfaces for packets that come in gets them,
 * and nothing else is left. Notes go to stderr. *out is the caller's to free. ERR_CONFIG, with its
 * place where it has one: a mistake, or it says nothing of metering. */
int probe_conf_setup(const char *path, bool capture, struct setup *out, struct err *err) MUST_USE;

#endif
