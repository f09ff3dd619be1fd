#include "net/priv.h"

#include "base/file.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int priv_check(const char *name, struct err *err)
{
    const struct passwd *p = getpwnam(name); /* there is one thread */

    if (!p)
        return err_set(err, ERR_CONFIG, "there is no user \"%s\"", name);
    return p->pw_uid != 0 ? 0
                          : err_set(err, ERR_CONFIG,
                                    "user \"%s\" is root: expected one without privileges", name);
}

int priv_find(const char *name, struct priv_user *out, struct err *err)
{
    int r = priv_check(name, err);
    const struct passwd *p = r == 0 ? getpwnam(name) : NULL;

    if (!p)
        return r ? r : err_set(err, ERR_CONFIG, "user \"%s\" is gone", name);
    if (geteuid() != 0 && geteuid() != p->pw_uid)
        return err_set(err, ERR_CONFIG, "only root can become user \"%s\"", name);
    *out = (struct priv_user){.name = name, .uid = p->pw_uid, .gid = p->pw_gid};
    return 0;
}

int priv_make_dir(const char *path, const struct priv_user *user, struct err *err)
{
    if (file_exists(path))
        return 0;
    int r = file_mkdirs(path, err);
    if (r == 0 && chown(path, user->uid, user->gid) != 0)
        r = err_sys(err, "give %s to user %s", path, user->name);
    return r;
}

static int become(const struct priv_user *user, struct err *err)
{
    if (initgroups(user->name, user->gid) != 0)
        return err_sys(err, "take the groups of user %s", user->name);
    if (setresgid(user->gid, user->gid, user->gid) != 0)
        return err_sys(err, "take the group of user %s", user->name);
    if (setresuid(user->uid, user->uid, user->uid) != 0)
        return err_sys(err, "become user %s", user->name);
    /* The kernel holds for secret what a privileged process had; ours are sockets. It may be
     * looked at, and reach its own /proc/self, as if that user had started it. */
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    return 0;
}

/* The permitted set too, so that there is no way back; the ambient one goes with it. */
static int drop_capabilities(struct err *err)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

    return syscall(SYS_capset, &head, none) == 0 ? 0 : err_sys(err, "give up capabilities");
}

int priv_drop(const struct priv_user *user, struct err *err)
{
    int r = user && geteuid() == 0 ? become(user, err) : 0;

    if (r == 0 && geteuid() != 0)
        r = drop_capabilities(err);
    if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        r = err_sys(err, "give up new privileges");
    return r;
}
