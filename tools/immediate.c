/* immediate: preloaded into softflowd by tools/run.sh.
 *
 * softflowd 1.1.0 asks libpcap for no time limit on its buffer, so on a quiet machine its packets
 * wait in the kernel until 256 KB of them are together, which takes minutes (its pull request 71).
 * This asks for packets at once. */
#include "base/attr.h"

#include <dlfcn.h>
#include <pcap/pcap.h>
#include <string.h>

int pcap_activate(pcap_t *p)
{
    int (*real)(pcap_t *);
    void *found = dlsym(RTLD_NEXT, "pcap_activate");

    if (!found)
        return PCAP_ERROR;
    memcpy(&real, &found, sizeof real); /* ISO C has no cast from void * to a function */
    (void)pcap_set_immediate_mode(p, 1);
    return real(p);
}
