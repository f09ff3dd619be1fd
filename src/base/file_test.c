#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void makes_folders_and_lists_sorted_names(void **state)
{
    char dir[] = "/tmp/weir-file-XXXXXX";
    char path[FILE_PATH];
    char other[FILE_PATH];
    struct file_list l;

    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(file_path(path, NULL, "%s/a/b", dir), 0);
    assert_int_equal(file_mkdirs(path, NULL), 0);
    assert_int_equal(file_mkdirs(path, NULL), 0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(file_path(other, NULL, "%s/%02d", path, 99 - i), 0);
        FILE *f = fopen(other, "w");
        assert_non_null(f);
        assert_int_equal(fclose(f), 0);
    }
    assert_int_equal(file_list_read(&l, path, NULL), 0);
    assert_int_equal(l.n, 100);
    assert_string_equal(l.name[0], "00");
    assert_string_equal(l.name[99], "99");
    file_list_free(&l);

    assert_int_equal(file_path(path, NULL, "%s/a/b/moved", dir), 0);
    assert_int_equal(file_rename(other, path, NULL), 0);
    assert_true(file_exists(path));
    assert_false(file_exists(other));
    assert_int_equal(file_remove(other, NULL), 0);
    assert_int_equal(file_list_read(&l, "/nonexistent", NULL), 0);
    assert_int_equal(l.n, 0);
    assert_int_equal(file_mkdirs(other, NULL), 0);
    assert_int_equal(file_mkdirs(path, NULL), ERR_SYS);
    (void)snprintf(path, sizeof path, "rm -r %s", dir);
    assert_int_equal(system(path), 0);
}

static void one_process_has_the_lock(void **state)
{
    char path[] = "/tmp/weir-lock-XXXXXX";
    struct err err;
    int fd = mkstemp(path);
    int first;
    int second;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(file_lock(path, &first, NULL), 0);
    assert_int_equal(file_lock(path, &second, &err), ERR_LIMIT);
    assert_non_null(strstr(err.text, "another process"));
    (void)close(first);
    assert_int_equal(file_lock(path, &second, NULL), 0);
    (void)close(second);
    (void)close(fd);
    (void)unlink(path);
}

static void refuses_a_path_that_is_too_long(void **state)
{
    char path[FILE_PATH];

    (void)state;
    assert_int_equal(file_path(path, NULL, "%*s", FILE_PATH, "x"), ERR_LIMIT);
    assert_int_equal(file_path(path, NULL, "%*s", FILE_PATH - 1, "x"), 0);
}

/* As much as the buffer may hold, and one byte more. */
static void reads_a_file_whole_or_not_at_all(void **state)
{
    enum { BYTES = 3 * 1024 * 1024 + 17 };
    char path[] = "/tmp/weir-file-XXXXXX";
    struct buf b;
    struct err err;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, BYTES), 0);
    assert_int_equal(pwrite(fd, "end", 3, BYTES - 3), 3);
    assert_int_equal(close(fd), 0);
    buf_init(&b, BYTES);
    assert_int_equal(file_read(path, &b, &err), 0);
    assert_int_equal(b.len, BYTES);
    assert_memory_equal(b.data + BYTES - 3, "end", 3);
    buf_free(&b);
    buf_init(&b, BYTES - 1);
    assert_int_equal(file_read(path, &b, &err), ERR_LIMIT);
    buf_free(&b);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(file_read(path, &b, &err), ERR_SYS);
    assert_non_null(strstr(err.text, path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_folders_and_lists_sorted_names),
        cmocka_unit_test(one_process_has_the_lock),
        cmocka_unit_test(reads_a_file_whole_or_not_at_all),
        cmocka_unit_test(refuses_a_path_that_is_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
