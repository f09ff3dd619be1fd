#include "report/advice.h"

#define FNF "Cisco IOS, IOS-XE: Flexible NetFlow"
#define IOS "Cisco IOS: traditional NetFlow"
#define XR "Cisco IOS-XR"
#define JUNOS "Junos: inline flow monitoring"
#define SOFT "softflowd"
#define LINUX "this machine"
#define WEIR "weir.conf"
#define ALL (ADVICE_OLD | ADVICE_V9 | ADVICE_IPFIX)
#define NEW (ADVICE_V9 | ADVICE_IPFIX)

const struct advice advice_table[ADVICE_N] = {
#define ADVICE(id, name, what, todo, ...) [ADVICE_##id] = {name, what, todo, {__VA_ARGS__}},
#include "report/advice.def"
#undef ADVICE
};
