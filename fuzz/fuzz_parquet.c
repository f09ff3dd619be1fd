/* Parquet files: the footer, a Bloom filter, then every page of every column of every row group. */
#include "base/mem.h"
#include "fuzz.h"
#include "store/pq_meta.h"
#include "store/pq_read.h"
#include "store/sample.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* Give the footer the checksum that it should have: a change behind it would be found else, and
 * nothing would be read. */
static void mend_sum(uint8_t *data, size_t size)
{
    const size_t key = strlen(PQ_KEY_SUM);
    char sum[PQ_SUM_DIGITS + 1];

    if (size < 8)
        return;
    struct cur end = cur_of(data + size - 8, 4);
    size_t n = cur_le(&end, 4);
    if (n > size - 8)
        return;
    uint8_t *footer = data + size - 8 - n;
    uint8_t *at = memmem(footer, n, PQ_KEY_SUM, key);
    if (!at || (size_t)(footer + n - at) < key + 2 + PQ_SUM_DIGITS)
        return;
    pq_footer_sum(footer, n, at + key + 2, sum); /* behind the field's head and the length */
    memcpy(at + key + 2, sum, PQ_SUM_DIGITS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *mended = mem_new(size + 1, 1);
    char path[64];
    struct pq_file *f;
    struct batch b;
    int fd = memfd_create("fuzz", 0);

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    memcpy(mended, data, size);
    mend_sum(mended, size);
    if (write(fd, mended, size) == (ssize_t)size && pq_open(&f, path, NULL) == 0) {
        if (batch_init(&b, 1000)) {
            read_groups(f, &b);
            batch_free(&b);
        }
        pq_close(f);
    }
    (void)close(fd);
    free(mended);
    return 0;
}
