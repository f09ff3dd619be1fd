/* Books in a file's footer: any text. What can be read is printed and read again the same. */
#include "fuzz.h"
#include "store/books_text.h"

#include <stdlib.h>
#include <string.h>

static void enter(struct books *b, const struct book_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        book_add_row(books_get(b, &l->v[i].key, true), &l->v[i]);
}

static void again(struct books *b, struct buf *out)
{
    buf_init(out, 1 << 26);
    books_print(b, out);
    if (!buf_ok(out))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct book_list list;
    struct books one;
    struct books two;
    struct buf first;
    struct buf second;

    if (books_parse(cur_of(data, size), &list, NULL) == 0) {
        books_init(&one, NULL);
        enter(&one, &list);
        again(&one, &first);
        book_list_free(&list);
        if (books_parse(cur_of(first.data, first.len), &list, NULL) != 0)
            abort();
        books_init(&two, NULL);
        enter(&two, &list);
        again(&two, &second);
        if (second.len != first.len || memcmp(second.data, first.data, first.len) != 0)
            abort();
        books_free(&one);
        books_free(&two);
        buf_free(&first);
        buf_free(&second);
    }
    book_list_free(&list);
    return 0;
}
