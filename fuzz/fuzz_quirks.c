/* Files of quirk rules: what is read is printed so that it reads back the same, and holds for
 * layouts or not. */
#include "flow/plan.h"
#include "flow/quirk_conf.h"
#include "fuzz.h"

#include <assert.h>
#include <string.h>

static void try_layout(const struct quirks *q)
{
    static const struct layout_field fields[] = {
        {.number = 8, .len = 4},
        {.number = 34, .len = 4, .offset = 4},
        {.enterprise = 9, .number = 12236, .len = 4, .offset = 8}};
    static const struct layout layout = {
        .space = SPACE_IPFIX, .n = 3, .record_len = 12, .fields = fields};
    struct quirk_choice choice;
    struct addr who = {.b = {[10] = 0xff, 0xff, 10, 0, 0, 1}};

    if (!quirks_choose(q, &who, 10, 0, &layout, &choice))
        return;
    assert(choice.n <= q->n);
    struct plan *p = plan_new(&layout, &choice);
    assert(p);
    plan_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct quirk_reading first = {.name = ""};
    struct quirk_reading second = {.name = ""};
    struct buf text;
    struct err err = {""};

    buf_init(&text, 64 << 20);
    if (quirk_read(&first, "x", (const char *)data, size, &err) != 0) {
        assert(strncmp(err.text, "x:", 2) == 0);
    } else {
        for (size_t i = 0; i < first.quirks.n; i++) {
            quirk_print(&first.quirks.v[i], &text);
            struct buf said;
            buf_init(&said, 1 << 16);
            quirk_say(&first.quirks.v[i], &said);
            buf_free(&said);
        }
        assert(quirk_read(&second, "y", text.len > 0 ? (const char *)text.data : "", text.len,
                          &err) == 0);
        assert(quirks_same(&first.quirks, &second.quirks));
        try_layout(&first.quirks);
    }
    quirks_free(&first.quirks);
    quirks_free(&second.quirks);
    buf_free(&text);
    return 0;
}
