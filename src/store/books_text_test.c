/* Books as text, and back. */
#include "store/books_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct addr v4(uint8_t last) { return addr_of_v4((const uint8_t[4]){192, 0, 2, last}); }

static void enter(struct books *b, struct book_key key, enum book_id id, int64_t n)
{
    book_add(books_get(b, &key, true), id, n);
}

/* A sender's two minutes, one whose header could not be read, a socket, others. */
static void make(struct books *b)
{
    struct addr one = v4(1);
    struct addr nobody = {0};
    struct book_key socket = books_key(&nobody, 0, 2055, 60000);
    struct book_key others = books_key(&nobody, 0, 0, 60000);

    socket.what = BOOK_SOCKET;
    others.what = BOOK_OTHERS;
    books_init(b, NULL);
    enter(b, books_key(&one, 9, 4294967295, 60000), BOOK_RECEIVED, 12);
    enter(b, books_key(&one, 9, 4294967295, 60000), BOOK_STORED, 12);
    enter(b, books_key(&one, 9, 4294967295, 0), BOOK_HELD_SETS, -3);
    enter(b, books_key(&one, 0, 0, 60000), BOOK_MALFORMED_DATAGRAMS, 1);
    enter(b, socket, BOOK_KERNEL_DROPS, INT64_MAX);
    enter(b, others, BOOK_DATAGRAMS, 5);
}

static const char expected[] =
    "{\"minute_ms\":[0,60000,60000,60000,60000],"
    "\"what\":[\"sender\",\"sender\",\"sender\",\"socket\",\"others\"],"
    "\"exporter\":[\"192.0.2.1\",\"192.0.2.1\",\"192.0.2.1\",null,null],"
    "\"version\":[9,null,9,null,null],"
    "\"source\":[4294967295,null,4294967295,2055,null],"
    "\"datagrams\":[0,0,0,0,5],\"received\":[0,0,12,0,0],\"stored\":[0,0,12,0,0],"
    "\"held_sets\":[-3,0,0,0,0],\"malformed_datagrams\":[0,1,0,0,0],"
    "\"kernel_drops\":[0,0,0,9223372036854775807,0]}";

static void are_printed_as_lists_of_columns(void **state)
{
    struct books b;
    struct buf out;

    (void)state;
    make(&b);
    buf_init(&out, 1 << 20);
    books_print(&b, &out);
    buf_u8(&out, '\0');
    assert_string_equal(out.data, expected);
    buf_free(&out);
    books_free(&b);
}

static void are_read_as_they_were_written(void **state)
{
    struct books b;
    struct book_list list;
    struct book **row;
    size_t n;

    (void)state;
    make(&b);
    row = books_sorted(&b, &n);
    assert_int_equal(books_parse(cur_of(expected, sizeof expected - 1), &list, NULL), 0);
    assert_int_equal(list.n, n);
    for (size_t i = 0; i < n; i++)
        assert_memory_equal(&list.v[i], row[i], sizeof *row[i]);
    free(row);
    book_list_free(&list);
    books_free(&b);
}

static int parse(const char *text, size_t len)
{
    struct book_list list;
    char *exact = malloc(len ? len : 1);
    int r;

    assert_non_null(exact);
    if (len > 0)
        memcpy(exact, text, len);
    r = books_parse(cur_of(exact, len), &list, NULL);
    book_list_free(&list);
    free(exact);
    return r;
}

static void no_beginning_of_a_text_is_one(void **state)
{
    (void)state;
    for (size_t n = 0; n + 1 < sizeof expected; n++)
        assert_int_equal(parse(expected, n), ERR_DATA);
}

static void any_octet_may_be_wrong(void **state)
{
    char text[sizeof expected];

    (void)state;
    for (size_t i = 0; i + 1 < sizeof expected; i++) {
        memcpy(text, expected, sizeof text);
        for (int bit = 0; bit < 8; bit++) {
            text[i] = (char)(expected[i] ^ 1 << bit);
            (void)parse(text, sizeof text - 1);
        }
    }
}

static void what_cannot_be_is_refused(void **state)
{
    static const char *const bad[] = {
        "[]",
        "{} {}",
        "{\"minute_ms\":[1]}",
        "{\"minute_ms\":[0,null]}",
        "{\"minute_ms\":[\"0\"]}",
        "{\"what\":[\"router\"]}",
        "{\"exporter\":[\"300.0.0.1\"]}",
        "{\"version\":[65536]}",
        "{\"version\":[-1]}",
        "{\"source\":[4294967296]}",
        "{\"stored\":[9223372036854775808]}",
        "{\"stored\":[1.5]}",
        "{\"stored\":[null]}",
        "{\"stored\":[1],\"received\":[1,2]}",
        "{\"stored\":[1,2],\"received\":[1]}",
        "{\"stored\":[],\"received\":[1]}",
        "{\"sto\\u0072ed\":[1]}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (parse(bad[i], strlen(bad[i])) != ERR_DATA)
            fail_msg("read: %s", bad[i]);
}

static void what_a_later_version_adds_is_skipped(void **state)
{
    static const char text[] =
        "{ \"new\" : [ \"x\" , 5 ] ,\n\"stored\":[1,-2], \"none\":[null,null] }";
    struct book_list list;

    (void)state;
    assert_int_equal(books_parse(cur_of(text, sizeof text - 1), &list, NULL), 0);
    assert_int_equal(list.n, 2);
    assert_int_equal(list.v[1].n[BOOK_STORED], -2);
    book_list_free(&list);
    assert_int_equal(parse("{}", 2), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(are_printed_as_lists_of_columns),
        cmocka_unit_test(are_read_as_they_were_written),
        cmocka_unit_test(no_beginning_of_a_text_is_one),
        cmocka_unit_test(any_octet_may_be_wrong),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(what_a_later_version_adds_is_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
