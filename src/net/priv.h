/* priv: from a user who may do anything to one who may do little, for good.
 *
 * Linux keeps capabilities by thread, so this is done while there is one. */
#ifndef NET_PRIV_H
#define NET_PRIV_H

#include "base/err.h"

#include <sys/types.h>

struct priv_user {
    const char *name;
    uid_t uid;
    gid_t gid;
};

/* ERR_CONFIG: there is no such user, or it is root. Both of these while there is one thread, and
 * before system calls are restricted. */
int priv_check(const char *name, struct err *err) MUST_USE;

/* The same, or we may not become it. */
int priv_find(const char *name, struct priv_user *out, struct err *err) MUST_USE;

/* The folder is the user's, if it was not there and is made. */
int priv_make_dir(const char *path, const struct priv_user *user, struct err *err) MUST_USE;

/* Become `user` (NULL: stay who we are), in its groups only, without any capability. Who stays root
 * keeps them: files of others are its too. Nobody regains anything by running another program. */
int priv_drop(const struct priv_user *user, struct err *err) MUST_USE;

#endif
