/* Names with times: which one holds when, what a file may say, and what a store keeps. */
#include "store/labels.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { HOUR_MS = 3600000 };

/* 2026-11-22T12:00:00Z, as `date -d` says. */
#define NOON_MS (INT64_C(1795348800) * 1000)

static void read_text(struct labels *l, const char *text)
{
    struct err err = {""};

    labels_init(l);
    int r = labels_read(l, "f", text, strlen(text), &err);
    if (r)
        fail_msg("%s", err.text);
    labels_tidy(l);
}

static struct label_key key_of(const char *exporter, enum name_kind kind, uint64_t id)
{
    struct label_key key = {.kind = kind, .id = id, .any_domain = true};

    assert_int_equal(prefix_parse(exporter, &key.exporter, NULL), 0);
    return key;
}

static void want(const struct labels *l, const struct label_key *key, int64_t from_ms,
                 int64_t to_ms, const char *expected)
{
    char name[LABEL_TEXT];
    size_t n = labels_find(l, key, from_ms, to_ms, name);

    assert_int_equal(n, strlen(expected));
    assert_memory_equal(name, expected, n);
}

static void a_renamed_interface_has_the_name_of_the_time(void **state)
{
    struct labels l;

    (void)state;
    read_text(&l, "192.0.2.1,interface,3,new,2026-11-22T12:00:00Z,5\n"
                  "192.0.2.1,interface,3,old,2026-11-22T06:00:00Z,5\n");
    struct label_key key = key_of("192.0.2.1", NAME_INTERFACE, 3);
    want(&l, &key, NOON_MS - 1, NOON_MS - 1, "old");
    want(&l, &key, NOON_MS, NOON_MS, "new");
    want(&l, &key, NOON_MS + 1000 * (int64_t)HOUR_MS, NOON_MS + 1000 * (int64_t)HOUR_MS, "new");
    want(&l, &key, NOON_MS - 10, NOON_MS + 10, "old, new");
    want(&l, &key, INT64_MIN, INT64_MAX, "old, new");
    /* Announced for the first time at six: known for an hour before. */
    want(&l, &key, NOON_MS - 7 * HOUR_MS, NOON_MS - 7 * HOUR_MS, "old");
    want(&l, &key, NOON_MS - 7 * HOUR_MS - 1, NOON_MS - 7 * HOUR_MS - 1, "");
    key.id = 4;
    want(&l, &key, NOON_MS, NOON_MS, "");
    key = key_of("192.0.2.2", NAME_INTERFACE, 3);
    want(&l, &key, NOON_MS, NOON_MS, "");
    key = key_of("192.0.2.1", NAME_VRF, 3);
    want(&l, &key, NOON_MS, NOON_MS, "");
    labels_free(&l);
}

static void the_longest_prefix_counts(void **state)
{
    struct labels l;

    (void)state;
    read_text(&l, "# written by hand\r\n"
                  "any,interface,1,anywhere\r\n"
                  "10.0.0.0/8,interface,1,ten\r\n"
                  "10.1.0.0/16,interface,1,\"one, \"\"1\"\"\"\r\n"
                  "2001:db8::/32,interface,1,six\r\n"
                  "\r\n"
                  "10.1.0.1,application,3:80,http\r\n");
    struct label_key key = key_of("10.1.2.3", NAME_INTERFACE, 1);
    want(&l, &key, 0, 0, "one, \"1\"");
    key = key_of("10.2.2.3", NAME_INTERFACE, 1);
    want(&l, &key, 0, 0, "ten");
    key = key_of("2001:db8::1", NAME_INTERFACE, 1);
    want(&l, &key, 0, 0, "six");
    key = key_of("192.0.2.1", NAME_INTERFACE, 1);
    want(&l, &key, 0, 0, "anywhere");
    key = key_of("10.1.0.1", NAME_APPLICATION, 80);
    want(&l, &key, 0, 0, "");
    key.engine = 3;
    want(&l, &key, 0, 0, "http");
    labels_free(&l);
}

static void another_domain_is_asked_only_where_all_agree(void **state)
{
    struct labels l;

    (void)state;
    read_text(&l, "192.0.2.1,interface,3,a,,1\n192.0.2.1,interface,3,b,,2\n"
                  "192.0.2.1,interface,4,c,,1\n192.0.2.1,interface,4,c,,2\n");
    struct label_key key = key_of("192.0.2.1", NAME_INTERFACE, 3);
    want(&l, &key, 0, 0, "");
    key.any_domain = false;
    key.domain = 2;
    want(&l, &key, 0, 0, "b");
    key.domain = 7;
    want(&l, &key, 0, 0, "");
    key.id = 4;
    want(&l, &key, 0, 0, "c");
    labels_free(&l);
}

static void mistakes_are_named_with_their_place(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } wrong[] = {
        {"\n10.0.0/8,interface,1,x\n", "f:2:1: expected an address, a prefix as 10.0.0.0/24, or"},
        {"any,port,1,x", "f:1:5: expected interface, vrf, application or sampler, found \"port\""},
        {"any,vrf,1k,x", "f:1:9: expected a number, found \"1k\""},
        {"any,vrf,-1,x", "f:1:9: expected a number, found \"-1\""},
        {"any,application,80,x", "f:1:17: expected ENGINE:SELECTOR as 3:80, found \"80\""},
        {"any,application,256:80,x", "f:1:17: expected ENGINE:SELECTOR"},
        {"any,vrf,1,", "f:1:11: expected a name of 1 to 255 octets, found \"\""},
        {"any,vrf,1", "f:1:9: expected EXPORTER,KIND,NUMBER,NAME: more behind this"},
        {"any,vrf,1,x,soon", "f:1:13: expected a time as 2026-11-22T14:05, found \"soon\""},
        {"any,vrf,1,x,,all", "f:1:14: expected the number of an observation domain"},
        {"any,vrf,1,x,,1,", "f:1:16: expected the end of the line, found \"\""},
        {"any,vrf,1,\"x", "f:1:11: expected a quote at its end, found \"x\""},
        {"any,vrf,1,\"x\"y", "f:1:11: expected a comma behind the quote, found \"x\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct labels l;
        struct err err = {""};
        labels_init(&l);
        assert_int_equal(labels_read(&l, "f", wrong[i].text, strlen(wrong[i].text), &err),
                         ERR_CONFIG);
        assert_memory_equal(err.text, wrong[i].says, strlen(wrong[i].says));
        labels_free(&l);
    }
}

static void every_cut_of_a_file_is_read_or_refused(void **state)
{
    static const char text[] = "exporter,kind,number,name,since,domain\n"
                               "192.0.2.1,interface,3,\"a \"\"b\"\"\",2026-11-22T12:00:00.000Z,5\n";

    (void)state;
    for (size_t n = 0; n < sizeof text; n++) {
        struct labels l;
        labels_init(&l);
        int r = labels_read(&l, "f", text, n, NULL);
        assert_true(r == 0 || r == ERR_CONFIG);
        labels_free(&l);
    }
}

static void add(struct labels *l, uint64_t id, int64_t since_ms, const char *name)
{
    struct label_key key = key_of("192.0.2.1", NAME_INTERFACE, id);

    key.any_domain = false;
    assert_true(labels_add(l, &key, since_ms, name, strlen(name)));
}

static void want_file(const char *dir, const char *expected)
{
    char path[FILE_PATH];
    struct buf text;

    assert_int_equal(file_path(path, NULL, "%s/names.csv", dir), 0);
    buf_init(&text, 1 << 20);
    assert_int_equal(file_read(path, &text, NULL), 0);
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.data, expected, text.len);
    buf_free(&text);
}

static void a_store_keeps_each_name_once_in_whatever_order_it_comes(void **state)
{
    static const char expected[] = "exporter,kind,number,name,since,domain\n"
                                   "192.0.2.1,interface,1,a\xef\xbf\xbd\xef\xbf\xbd,"
                                   "1970-01-01T00:00:01.000Z,0\n"
                                   "192.0.2.1,interface,1,\"b,c\",1970-01-01T00:00:02.000Z,0\n";
    char dir[] = "/tmp/labelsXXXXXX";
    char path[FILE_PATH];
    struct labels l;
    uint64_t refused = 0;

    (void)state;
    assert_non_null(mkdtemp(dir));
    labels_init(&l);
    add(&l, 1, 2000, "b,c");
    add(&l, 1, 3000, "b,c"); /* says nothing new */
    assert_int_equal(labels_keep(dir, &l, &refused, NULL), 0);
    add(&l, 1, 1000, "a\n\xff"); /* no text, but known to be earlier */
    assert_int_equal(labels_keep(dir, &l, &refused, NULL), 0);
    want_file(dir, expected);
    assert_int_equal(labels_keep(dir, &l, &refused, NULL), 0);
    want_file(dir, expected);
    labels_free(&l);
    labels_init(&l);
    assert_int_equal(labels_of_store(&l, dir, NULL), 0);
    labels_tidy(&l);
    assert_int_equal(l.n, 2);
    assert_int_equal(refused, 0);
    labels_free(&l);
    static const char *const left[] = {"names.csv", "run/names.lock", "run", ""};
    for (size_t i = 0; i < COUNT_OF(left); i++) {
        assert_int_equal(file_path(path, NULL, "%s/%s", dir, left[i]), 0);
        assert_int_equal(remove(path), 0);
    }
}

static void names_are_bounded(void **state)
{
    struct label_key key = key_of("192.0.2.1", NAME_INTERFACE, 0);
    struct labels l;
    char text[400];

    (void)state;
    labels_init(&l);
    memset(text, 'x', sizeof text);
    while (labels_add(&l, &key, 1, text, sizeof text))
        key.id++;
    assert_true(l.n <= LABELS_MAX && l.text.len <= LABELS_TEXT_MAX);
    assert_int_equal(l.v[0].len, LABEL_TEXT - 1);
    labels_free(&l);
    labels_init(&l);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(text, sizeof text, "eth%d", i);
        add(&l, 1, i, text);
    }
    labels_tidy(&l);
    assert_int_equal(l.n, LABEL_VERSIONS);
    assert_int_equal(l.v[LABEL_VERSIONS - 1].since_ms, 99);
    labels_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_renamed_interface_has_the_name_of_the_time),
        cmocka_unit_test(the_longest_prefix_counts),
        cmocka_unit_test(another_domain_is_asked_only_where_all_agree),
        cmocka_unit_test(mistakes_are_named_with_their_place),
        cmocka_unit_test(every_cut_of_a_file_is_read_or_refused),
        cmocka_unit_test(a_store_keeps_each_name_once_in_whatever_order_it_comes),
        cmocka_unit_test(names_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
