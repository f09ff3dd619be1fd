#include "filter/hint.h"

#include "base/attr.h"
#include "filter/word.h"

#include <string.h>

enum { HINT_WORDS = 4 };

static const struct {
    const char *words; /* joined as names are */
    const char *hint;
} hints[] = {
    /* nfdump */
    {"@include", "name the filter in the configuration and write \"filter NAME\", or for a list of "
                 "values \"ip in @FILE\""},
    {"count", "records have no numbers here; \"weir query --top N\" shows the first N"},
    {"ident", "write \"exporter ADDRESS\" for one sender's flows"},
    {"sysid", "write \"exporter ADDRESS\" for one sender's flows"},
    {"tun", "tunnels have no fields here; what exporters send of them is in \"extra\""},
    {"tunip", "tunnels have no fields here; what exporters send of them is in \"extra\""},
    {"src_tunip", "tunnels have no fields here; what exporters send of them is in \"extra\""},
    {"dst_tunip", "tunnels have no fields here; what exporters send of them is in \"extra\""},
    {"geo", "countries are not stored; write \"ip in @FILE\" with the country's prefixes"},
    {"src_geo", "countries are not stored; write \"src in @FILE\" with the country's prefixes"},
    {"dst_geo", "countries are not stored; write \"dst in @FILE\" with the country's prefixes"},
    {"payload", "payload is not stored"},
    {"client_latency", "latencies have no field here; what exporters send of them is in \"extra\""},
    {"server_latency", "latencies have no field here; what exporters send of them is in \"extra\""},
    {"src_in_ip", "write \"src ip in [...]\""},
    {"dst_in_ip", "write \"dst ip in [...]\""},
    {"port_in_pblock", "two fields are not compared here; see port_block_start and port_block_end"},
    {"src_port_in_pblock",
     "two fields are not compared here; see port_block_start and port_block_end"},
    {"dst_port_in_pblock",
     "two fields are not compared here; see port_block_start and port_block_end"},
    {"nbar", "write \"app_selector N\" or \"app_name NAME\""},
    {"ja3", "payload is not stored"},
    /* tcpdump and pcap filters */
    {"portrange", "write \"port 8000-8100\""},
    {"src_portrange", "write \"src port 8000-8100\""},
    {"dst_portrange", "write \"dst port 8000-8100\""},
    {"less", "write \"bytes <= N\" or \"max_length <= N\""},
    {"greater", "write \"bytes >= N\" or \"min_length >= N\""},
    {"gateway", "write \"next_hop ADDRESS\""},
    {"ether_host", "write \"mac ADDRESS\""},
    {"ether_src", "write \"src mac ADDRESS\""},
    {"ether_dst", "write \"dst mac ADDRESS\""},
    {"ether_proto", "write \"ethertype N\""},
    {"ip_proto", "write \"proto NAME\""},
    {"ip6_proto", "write \"inet6 and proto NAME\""},
    {"ip6", "write \"inet6\", or \"ip ADDRESS\" for an address"},
    {"broadcast", "write \"dst ip 255.255.255.255\" or \"dst mac ff:ff:ff:ff:ff:ff\""},
    {"multicast", "write \"dst net in [224.0.0.0/4, ff00::/8]\""},
    /* SQL */
    {"where", "a filter begins with its first term"},
    {"select", "a filter is only the condition: \"dst_port = 443 and bytes > 1M\""},
};

const char *hint_find(const struct lex *lex)
{
    char name[NAME_MAX_BYTES];

    for (int words = HINT_WORDS; words > 0; words--) {
        (void)words_join(lex, words, name);
        for (size_t i = 0; i < COUNT_OF(hints); i++)
            if (strcmp(name, hints[i].words) == 0)
                return hints[i].hint;
    }
    return NULL;
}
