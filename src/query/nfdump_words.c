#include "query/nfdump_words.h"

#include "base/mem.h"

#include <string.h>

/* clang-format off */
const struct nfdump_word nfdump_words[NFDUMP_WORDS] = {
    {"proto",    "proto",    "pr",    "proto"},
    {"srcip",    "srcip",    "sa",    "src_addr"},
    {"dstip",    "dstip",    "da",    "dst_addr"},
    {"nhip",     "next",     "nh",    "next_hop"},
    {"nhbip",    "bgpnext",  "nhb",   "bgp_next_hop"},
    {"router",   "router",   "ra",    "exporter"},
    {"srcport",  "srcport",  "sp",    "src_port"},
    {"dstport",  "dstport",  "dp",    "dst_port"},
    {"tos",      "tos",      "tos",   "tos"},
    {"srctos",   "srctos",   "stos",  "tos"},
    {"dsttos",   "dsttos",   "dtos",  "post_tos"},
    {"dir",      NULL,       "dir",   "direction"},
    {"srcas",    "srcas",    "sas",   "src_as"},
    {"dstas",    "dstas",    "das",   "dst_as"},
    {NULL,       "nextas",   "nas",   "next_as"},
    {NULL,       "prevas",   "pas",   "prev_as"},
    {"inif",     "inif",     "in",    "in_if"},
    {"outif",    "outif",    "out",   "out_if"},
    {"srcmask",  "srcmask",  "smk",   "src_mask"},
    {"dstmask",  "dstmask",  "dmk",   "dst_mask"},
    {"srcvlan",  "srcvlan",  "svln",  "vlan"},
    {"dstvlan",  "dstvlan",  "dvln",  "post_vlan"},
    {"insrcmac", "insrcmac", "ismc",  "src_mac"},
    {"indstmac", "indstmac", "idmc",  "dst_mac"},
    {"outsrcmac","outsrcmac","osmc",  "post_src_mac"},
    {"outdstmac","outdstmac","odmc",  "post_dst_mac"},
    {"odid",     "odid",     "odid",  "domain"},
    {"opid",     "opid",     "opid",  "observation_point"},
    {"vrf",      NULL,       NULL,    "in_vrf"},
    {"ivrf",     NULL,       "ivrf",  "in_vrf"},
    {"evrf",     NULL,       "evrf",  "out_vrf"},
    {"event",    NULL,       "evt",   "fw_event"},
    {"xevent",   NULL,       "xevt",  "fw_ext_event"},
    {"nevent",   NULL,       "nevt",  "nat_event"},
    {"xsrcip",   "xsrcip",   "xsa",   "nat_src_addr"},
    {"xdstip",   "xdstip",   "xda",   "nat_dst_addr"},
    {"xsrcport", "xsrcport", "xsp",   "nat_src_port"},
    {"xdstport", "xdstport", "xdp",   "nat_dst_port"},
    {"nsrcip",   NULL,       "nsa",   "nat_src_addr"},
    {"ndstip",   NULL,       "nda",   "nat_dst_addr"},
    {"nsrcport", NULL,       "nsp",   "nat_src_port"},
    {"ndstport", NULL,       "ndp",   "nat_dst_port"},
    {NULL,       NULL,       "flg",   "tcp_flags"},
    {NULL,       NULL,       "fwd",   "forwarding_status"},
    {NULL,       NULL,       "uname", "username"},
    {NULL,       NULL,       "nfv",   "version"},
};

static const struct nfdump_order orders[] = {
    {"flows",    "flows",     NULL},
    {"packets",  "packets",   "packets"},
    {"ipkg",     "packets",   "packets"},
    {"bytes",    "bytes",     "bytes"},
    {"ibyte",    "bytes",     "bytes"},
    {"pps",      "pps",       "pps"},
    {"ipps",     "pps",       "pps"},
    {"bps",      "bps",       "bps"},
    {"ibps",     "bps",       "bps"},
    {"bpp",      "bpp",       "bpp"},
    {"ibpp",     "bpp",       "bpp"},
    {"tstart",   "first:asc", "first:asc"},
    {"tend",     "last:asc",  "last:asc"},
    {"duration", NULL,        "duration"},
};

static const struct nfdump_tag tags[] = {
    {"ts",   "first",   "first_ms"},
    {"tfs",  "first",   "first_ms"},
    {"te",   "last",    "last_ms"},
    {"tr",   NULL,      "received_ms"},
    {"td",   NULL,      "duration"},
    {"pkt",  "packets", "packets"},
    {"ipkt", "packets", "packets"},
    {"byt",  "bytes",   "bytes"},
    {"ibyt", "bytes",   "bytes"},
    {"opkt", NULL,      "rev_packets"},
    {"obyt", NULL,      "rev_bytes"},
    {"fl",   "flows",   "flows_in_record"},
    {"bps",  "bps",     "bps"},
    {"pps",  "pps",     "pps"},
    {"bpp",  "bpp",     "bpp"},
    {"sap",  "src_addr,src_port", "src_addr,src_port"},
    {"dap",  "dst_addr,dst_port", "dst_addr,dst_port"},
    {"xsap", "nat_src_addr,nat_src_port", "nat_src_addr,nat_src_port"},
    {"xdap", "nat_dst_addr,nat_dst_port", "nat_dst_addr,nat_dst_port"},
    {"eng",  NULL,      "engine_type,engine_id"},
    {"it",   NULL,      "icmp_type"},
    {"ic",   NULL,      "icmp_code"},
    {"mpls", NULL,      "mpls"},
};

static const struct {
    const char *name, *tags;
} formats[] = {
    {"line",     "%ts %td %pr %sap %dap %pkt %byt"},
    {"long",     "%ts %td %pr %sap %dap %flg %tos %pkt %byt"},
    {"extended", "%ts %td %pr %sap %dap %flg %tos %pkt %byt %pps %bps %bpp"},
    {"pipe",     "%ts %te %pr %sap %dap %sas %das %in %out %flg %tos %pkt %byt"},
};
/* clang-format on */

static bool is(const char *name, const char *s, size_t len)
{
    return name && strlen(name) == len && memcmp(name, s, len) == 0;
}

const char *nfdump_stat_field(const char *name, size_t len)
{
    for (size_t i = 0; i < NFDUMP_WORDS; i++)
        if (is(nfdump_words[i].stat, name, len))
            return nfdump_words[i].field;
    return NULL;
}

const char *nfdump_key_field(const char *name, size_t len)
{
    for (size_t i = 0; i < NFDUMP_WORDS; i++)
        if (is(nfdump_words[i].key, name, len))
            return nfdump_words[i].field;
    return NULL;
}

const struct nfdump_order *nfdump_order_find(const char *name, size_t len)
{
    for (size_t i = 0; i < COUNT_OF(orders); i++)
        if (is(orders[i].name, name, len))
            return &orders[i];
    return NULL;
}

const char *nfdump_tag_columns(const char *name, size_t len, bool groups)
{
    for (size_t i = 0; i < COUNT_OF(tags); i++)
        if (is(tags[i].name, name, len))
            return groups ? tags[i].groups : tags[i].records;
    for (size_t i = 0; i < NFDUMP_WORDS; i++)
        if (is(nfdump_words[i].tag, name, len))
            return nfdump_words[i].field;
    return NULL;
}

const char *nfdump_format_tags(const char *name, size_t len)
{
    for (size_t i = 0; i < COUNT_OF(formats); i++)
        if (is(formats[i].name, name, len))
            return formats[i].tags;
    return NULL;
}
