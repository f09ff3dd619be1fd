/* Files of names: what is read is written so that it reads back the same. */
#include "fuzz.h"
#include "store/labels.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct labels first;
    struct labels second;
    struct buf a;
    struct buf b;
    struct err err = {""};
    char name[LABEL_TEXT];

    labels_init(&first);
    labels_init(&second);
    buf_init(&a, LABELS_FILE_MAX);
    buf_init(&b, LABELS_FILE_MAX);
    if (labels_read(&first, "x", (const char *)data, size, &err) != 0) {
        assert(strncmp(err.text, "x:", 2) == 0);
    } else {
        labels_write(&first, &a);
        assert(labels_read(&second, "y", (const char *)a.data, a.len, &err) == 0);
        labels_write(&second, &b);
        assert(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
        for (size_t i = 0; i < first.n && i < 100; i++) {
            struct label_key key = first.v[i].key;
            assert(labels_find(&first, &key, INT64_MIN, INT64_MAX, name) < LABEL_TEXT);
        }
    }
    labels_free(&first);
    labels_free(&second);
    buf_free(&a);
    buf_free(&b);
    return 0;
}
