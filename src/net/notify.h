/* notify: tells the service manager how we are: sd_notify(3)'s protocol, a datagram to the Unix
 * socket that $NOTIFY_SOCKET names (a path, or @NAME in the abstract space). */
#ifndef NET_NOTIFY_H
#define NET_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* "READY=1", "STOPPING=1", "WATCHDOG=1"; false: nobody listens. */
bool notify_send(const char *text);

/* "RELOADING=1" with the time that it asks for; "READY=1" ends it. */
void notify_reloading(void);

/* Within what time it wants to hear "WATCHDOG=1" of this process; 0: it does not watch. */
int64_t notify_watchdog_ms(void);

#endif
