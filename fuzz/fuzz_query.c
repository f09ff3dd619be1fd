/* Words of --by and --sort, and the check of JSON that a file brings. */
#include "fuzz.h"
#include "query/spec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct keys keys = {0};
    struct keys none = {0};
    struct sort sort;
    struct err err;

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    (void)json_ok(data, size);
    if (spec_sort(text, &none, &sort, &err) == 0 && sort.by == SORT_NONE)
        abort();
    if (spec_keys(text, &keys, &err) == 0 && (keys.words == 0 || keys.words > KEYS_WORDS_MAX))
        abort();
    text[strcspn(text, ",/")] = '\0'; /* a key is a name to sort by, too */
    if (keys.n > 0 && spec_sort(text, &keys, &sort, &err) != 0)
        abort();
    free(text);
    return 0;
}
