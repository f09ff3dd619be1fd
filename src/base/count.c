#include "base/count.h"

#include <stddef.h>

const struct count_info count_table[COUNT_N] = {
#define COUNT(id, name, help) [COUNT_##id] = {name, help, NULL},
#define LOSS(id, name, help, advice) [COUNT_##id] = {name, help, advice},
#include "base/counters.def"
#undef COUNT
#undef LOSS
};

void counts_sum(struct counts *into, const struct counts *from)
{
    for (int i = 0; i < COUNT_N; i++)
        count_add(into, (enum count_id)i, count_get(from, (enum count_id)i));
}
