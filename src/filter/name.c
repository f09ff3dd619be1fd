#include "filter/name.h"

#include "base/attr.h"
#include "filter/lex.h"

enum { DSCP = WHAT_MADE + MADE_DSCP, OUT_DSCP = WHAT_MADE + MADE_OUT_DSCP };

/* clang-format off */
static const struct value_name names[] = {
    /* IANA's assigned protocol numbers, those that people ask for by name. */
    {"hopopt", FIELD_PROTO, 0, 0}, {"icmp", FIELD_PROTO, 1, 0}, {"igmp", FIELD_PROTO, 2, 0},
    {"ipip", FIELD_PROTO, 4, 0}, {"ipv4", FIELD_PROTO, 4, 0}, {"st", FIELD_PROTO, 5, 0},
    {"tcp", FIELD_PROTO, 6, 0}, {"cbt", FIELD_PROTO, 7, 0}, {"egp", FIELD_PROTO, 8, 0},
    {"igp", FIELD_PROTO, 9, 0}, {"udp", FIELD_PROTO, 17, 0}, {"rdp", FIELD_PROTO, 27, 0},
    {"dccp", FIELD_PROTO, 33, 0}, {"ipv6", FIELD_PROTO, 41, 0}, {"sdrp", FIELD_PROTO, 42, 0},
    {"ipv6-route", FIELD_PROTO, 43, 0}, {"ipv6-frag", FIELD_PROTO, 44, 0},
    {"idrp", FIELD_PROTO, 45, 0}, {"rsvp", FIELD_PROTO, 46, 0}, {"gre", FIELD_PROTO, 47, 0},
    {"dsr", FIELD_PROTO, 48, 0}, {"esp", FIELD_PROTO, 50, 0}, {"ah", FIELD_PROTO, 51, 0},
    {"narp", FIELD_PROTO, 54, 0}, {"mobile", FIELD_PROTO, 55, 0}, {"skip", FIELD_PROTO, 57, 0},
    {"icmp6", FIELD_PROTO, 58, 0}, {"icmpv6", FIELD_PROTO, 58, 0},
    {"ipv6-icmp", FIELD_PROTO, 58, 0}, {"ipv6-nonxt", FIELD_PROTO, 59, 0},
    {"ipv6-opts", FIELD_PROTO, 60, 0}, {"eigrp", FIELD_PROTO, 88, 0},
    {"ospf", FIELD_PROTO, 89, 0}, {"mtp", FIELD_PROTO, 92, 0}, {"etherip", FIELD_PROTO, 97, 0},
    {"encap", FIELD_PROTO, 98, 0}, {"pim", FIELD_PROTO, 103, 0}, {"ipcomp", FIELD_PROTO, 108, 0},
    {"vrrp", FIELD_PROTO, 112, 0}, {"l2tp", FIELD_PROTO, 115, 0}, {"isis", FIELD_PROTO, 124, 0},
    {"sctp", FIELD_PROTO, 132, 0}, {"fc", FIELD_PROTO, 133, 0}, {"mobility", FIELD_PROTO, 135, 0},
    {"udplite", FIELD_PROTO, 136, 0}, {"mpls-in-ip", FIELD_PROTO, 137, 0},
    {"manet", FIELD_PROTO, 138, 0}, {"shim6", FIELD_PROTO, 139, 0}, {"wesp", FIELD_PROTO, 141, 0},
    {"rohc", FIELD_PROTO, 142, 0}, {"ethernet", FIELD_PROTO, 143, 0},

    /* IANA's code points: RFC 2474, 2597, 3246, 5865, 8622. */
    {"ef", DSCP, 46, 0}, {"be", DSCP, 0, 0}, {"default", DSCP, 0, 0}, {"df", DSCP, 0, 0},
    {"le", DSCP, 1, 0}, {"va", DSCP, 44, 0}, {"voice-admit", DSCP, 44, 0},
    {"af11", DSCP, 10, 0}, {"af12", DSCP, 12, 0}, {"af13", DSCP, 14, 0},
    {"af21", DSCP, 18, 0}, {"af22", DSCP, 20, 0}, {"af23", DSCP, 22, 0},
    {"af31", DSCP, 26, 0}, {"af32", DSCP, 28, 0}, {"af33", DSCP, 30, 0},
    {"af41", DSCP, 34, 0}, {"af42", DSCP, 36, 0}, {"af43", DSCP, 38, 0},
    {"cs0", DSCP, 0, 0}, {"cs1", DSCP, 8, 0}, {"cs2", DSCP, 16, 0}, {"cs3", DSCP, 24, 0},
    {"cs4", DSCP, 32, 0}, {"cs5", DSCP, 40, 0}, {"cs6", DSCP, 48, 0}, {"cs7", DSCP, 56, 0},

    /* RFC 1349's four bits; code points are known to `tos` as well. */
    {"minimize-delay", FIELD_TOS, 0x10, 0x1e}, {"maximize-throughput", FIELD_TOS, 0x08, 0x1e},
    {"maximize-reliability", FIELD_TOS, 0x04, 0x1e}, {"minimize-cost", FIELD_TOS, 0x02, 0x1e},
    {"normal-service", FIELD_TOS, 0x00, 0x1e},

    {"ingress", FIELD_DIRECTION, 0, 0}, {"egress", FIELD_DIRECTION, 1, 0},

    {"idle", FIELD_END_REASON, 1, 0}, {"active", FIELD_END_REASON, 2, 0},
    {"end", FIELD_END_REASON, 3, 0}, {"forced", FIELD_END_REASON, 4, 0},
    {"resources", FIELD_END_REASON, 5, 0},

    /* IANA's firewallEvent, and what Cisco ASA and nfdump call them. */
    {"ignore", FIELD_FW_EVENT, 0, 0}, {"create", FIELD_FW_EVENT, 1, 0},
    {"created", FIELD_FW_EVENT, 1, 0}, {"delete", FIELD_FW_EVENT, 2, 0},
    {"deleted", FIELD_FW_EVENT, 2, 0}, {"term", FIELD_FW_EVENT, 2, 0},
    {"deny", FIELD_FW_EVENT, 3, 0}, {"denied", FIELD_FW_EVENT, 3, 0},
    {"alert", FIELD_FW_EVENT, 4, 0}, {"update", FIELD_FW_EVENT, 5, 0},
    {"updated", FIELD_FW_EVENT, 5, 0},

    /* Cisco's NF_F_FW_EXT_EVENT of a denied flow. */
    {"ingress", FIELD_FW_EXT_EVENT, 1001, 0}, {"egress", FIELD_FW_EXT_EVENT, 1002, 0},
    {"interface", FIELD_FW_EXT_EVENT, 1003, 0}, {"nosyn", FIELD_FW_EXT_EVENT, 1004, 0},

    /* RFC 8158. */
    {"create", FIELD_NAT_EVENT, 1, 0}, {"add", FIELD_NAT_EVENT, 1, 0},
    {"delete", FIELD_NAT_EVENT, 2, 0}, {"addresses-exhausted", FIELD_NAT_EVENT, 3, 0},
    {"nat44-create", FIELD_NAT_EVENT, 4, 0}, {"nat44-delete", FIELD_NAT_EVENT, 5, 0},
    {"nat64-create", FIELD_NAT_EVENT, 6, 0}, {"nat64-delete", FIELD_NAT_EVENT, 7, 0},
    {"nat44-bib-create", FIELD_NAT_EVENT, 8, 0}, {"nat44-bib-delete", FIELD_NAT_EVENT, 9, 0},
    {"nat64-bib-create", FIELD_NAT_EVENT, 10, 0}, {"nat64-bib-delete", FIELD_NAT_EVENT, 11, 0},
    {"ports-exhausted", FIELD_NAT_EVENT, 12, 0}, {"quota-exceeded", FIELD_NAT_EVENT, 13, 0},
    {"address-binding-create", FIELD_NAT_EVENT, 14, 0},
    {"address-binding-delete", FIELD_NAT_EVENT, 15, 0},
    {"port-block-allocation", FIELD_NAT_EVENT, 16, 0},
    {"port-block-deallocation", FIELD_NAT_EVENT, 17, 0},
    {"threshold-reached", FIELD_NAT_EVENT, 18, 0},
};
/* clang-format on */

/* Whose names the values of a field have. */
static unsigned named_as(unsigned what)
{
    switch (what) {
    case FIELD_POST_TOS:
    case FIELD_REV_TOS:
    case FIELD_MARKED_TOS:
        return FIELD_TOS;
    case OUT_DSCP:
        return DSCP;
    default:
        return what;
    }
}

static const struct value_name *find(unsigned what, const char *s, size_t n)
{
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (names[i].what == what && word_is(s, n, names[i].name))
            return &names[i];
    return NULL;
}

const struct value_name *name_find(unsigned what, const char *s, size_t n)
{
    return find(named_as(what), s, n);
}

const char *name_of(unsigned what, uint64_t value)
{
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (names[i].what == named_as(what) && names[i].value == value && names[i].mask == 0)
            return names[i].name;
    return NULL;
}

const char *name_at(unsigned what, size_t i)
{
    for (size_t k = 0; k < COUNT_OF(names); k++)
        if (names[k].what == named_as(what) && i-- == 0)
            return names[k].name;
    return NULL;
}

void name_try(unsigned what, struct near *near)
{
    const char *name;

    for (size_t i = 0; (name = name_at(what, i)) != NULL; i++)
        near_try(near, name);
}

int name_protocol(const char *s, size_t n)
{
    const struct value_name *found = find(FIELD_PROTO, s, n);
    return found ? (int)found->value : -1;
}
