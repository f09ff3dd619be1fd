/* syscalls: which system calls a collector may make once it is at work (a filter for seccomp).
 *
 * Three kinds. What it needs is allowed: sockets and files that are open, files by name, threads,
 * memory that cannot be executed, new sockets of the Unix family only. What nobody but an intruder
 * would want here (run a program, trace another process, reach the network by another socket,
 * execute what was written, change user) ends the process, and says which it was. Everything else
 * does not exist (ENOSYS), as on a kernel that is older: a C library that tries something newer
 * has another way then.
 *
 * The filter is a list of comparisons, made here: libseccomp 2.5.4 can loop for ever where memory
 * ends. The kernel asks it once for calls that are allowed whatever their arguments (from 5.11 on),
 * so that its length does not matter. */
#ifndef NET_SYSCALLS_H
#define NET_SYSCALLS_H

#include "base/err.h"

/* Of this thread and those that it makes from now on; there is no way back. PR_SET_NO_NEW_PRIVS has
 * been set. ERR_SYS if the kernel cannot, ERR_LIMIT if this build cannot (sanitizers make other
 * calls). */
int syscalls_restrict(struct err *err) MUST_USE;

#endif
