/* Any text as what is asked of a cache (`weir show flow monitor NAME cache ...`), and the rest as
 * its flows: what passes is what was offered, and sorted as asked. */
#include "fuzz.h"
#include "probe/ask.h"
#include "probe/regroup.h"

#include <stdlib.h>
#include <string.h>

static const struct pick_field fields[] = {
    {.number = 8, .at = 0, .len = 4, .key = true},
    {.number = 28, .at = 4, .len = 16, .key = true},
    {.number = 7, .at = 20, .len = 2, .key = true},
    {.number = 10, .at = 22, .len = 4, .key = true},
    {.number = 1, .at = 26, .len = 8},
    {.number = 152, .at = 34, .len = 8},
    {.number = 56, .at = 42, .len = 6},
    {.number = 313, .at = 48, .len = 20},
};
static const char *const words[] = {"ipv4 source address",
                                    "ipv6 destination address",
                                    "transport source-port",
                                    "interface input",
                                    "counter bytes long",
                                    "timestamp sys-uptime first",
                                    "datalink mac source address input",
                                    "ipv4 section header size 20"};
enum { N = sizeof fields / sizeof fields[0], BYTES = 68 };

static void use(const struct ask *a, const uint8_t *records, size_t n)
{
    struct pick *p;
    size_t left;

    if (pick_new(&p, fields, N, BYTES, a->tests, a->n_tests, NULL) != 0)
        return;
    if (a->by >= 0)
        pick_order(p, &fields[a->by], a->lowest, a->top);
    pick_offer(p, records, n);
    const uint8_t *rows = pick_rows(p, &left);
    if (left > n || (a->top && a->by >= 0 && left > a->top))
        __builtin_trap();
    for (size_t i = 1; i < left && a->by >= 0; i++) {
        const struct pick_field *f = &fields[a->by];
        int c = memcmp(rows + (i - 1) * BYTES + f->at, rows + i * BYTES + f->at, f->len);
        if (a->lowest ? c > 0 : c < 0)
            __builtin_trap();
    }
    if (a->n_group > 0) {
        struct regroup *g = regroup_new(fields, N, BYTES, a->group, a->n_group);
        regroup_offer(g, rows, left);
        (void)regroup_rows(g, &n);
        if (n > left)
            __builtin_trap();
        regroup_free(g);
    }
    pick_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, '\n', size);
    size_t len = end ? (size_t)(end - data) : size;
    char *text = malloc(len + 1);
    struct ask a;

    if (!text)
        return 0;
    memcpy(text, data, len);
    text[len] = '\0';
    if (ask_read(text, fields, words, N, &a, NULL) == 0)
        use(&a, data + len + (end != NULL), (size - len - (end != NULL)) / BYTES);
    free(text);
    return 0;
}
