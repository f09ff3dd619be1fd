/* Parquet files: the footer, a Bloom filter, then every page of every column of every row group. */
#include "fuzz.h"
#include "store/pq_read.h"
#include "store/sample.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* The same in steps: of every second step nothing is asked, of the others some columns as codes,
 * some as codes and values, some as values. */
static void step_groups(struct pq_group *g, struct batch *b)
{
    size_t n;

    for (unsigned step = 0; pq_group_step(g, b->cap, &n, NULL) == 0; step++) {
        batch_reset(b);
        b->rows = n;
        for (unsigned f = 0; f < FIELD_N && step % 2; f++) {
            const struct pq_codes *codes;
            if ((f + step) % 3 && pq_group_codes(g, (enum field_id)f, &codes, NULL) != 0)
                return;
            if ((f + step) % 3 != 1 && pq_group_need(g, (enum field_id)f, b, NULL) != 0)
                return;
        }
    }
}

static void read_groups(const struct pq_file *f, struct batch *b)
{
    const struct field_set all = sample_all();
    const struct addr value = addr_of_v4((uint8_t[]){192, 0, 2, 1});
    struct pq_group *g;

    for (size_t i = 0; i < pq_groups(f) && i < 100; i++) {
        (void)pq_group_may_hold(f, i, FIELD_SRC_ADDR, &value);
        if (pq_group_open(&g, f, i, &all, NULL) != 0)
            continue;
        while (pq_group_next(g, b, NULL) == 0)
            ;
        if (pq_group_reopen(g, f, i, &all, NULL) == 0)
            step_groups(g, b);
        pq_group_close(g);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct pq_file *f;
    struct batch b;
    int fd = memfd_create("fuzz", 0);

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (write(fd, data, size) == (ssize_t)size && pq_open(&f, path, NULL) == 0) {
        if (batch_init(&b, 1000)) {
            read_groups(f, &b);
            batch_free(&b);
        }
        pq_close(f);
    }
    (void)close(fd);
    return 0;
}
