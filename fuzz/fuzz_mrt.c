/* Any bytes as a file of BGP's routes: its records one behind the other. */
#include "fuzz.h"
#include "wire/mrt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cur in = cur_of(data, size);

    while (cur_left(&in) >= MRT_HEADER) {
        struct mrt_header h = mrt_header(&in);
        struct mrt_route r;
        enum mrt_kind kind = mrt_route(&h, cur_take(&in, h.len), &r);
        struct addr net = addr_mask(r.net, r.version == 4 ? r.bits + 96u : r.bits);
        if (kind == MRT_ROUTE && (r.bits > (r.version == 4 ? 32 : 128) || !addr_eq(&net, &r.net)))
            __builtin_trap();
    }
    return 0;
}
