/* replay: runs a harness over the files of the folders (or over the files) named, and over an empty
 * input, where libFuzzer is not at hand. */
#include "base/mem.h"
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct stat st;

    if (!f || fstat(fileno(f), &st) != 0) {
        perror(path);
        if (f)
            (void)fclose(f);
        return 1;
    }
    size_t size = (size_t)st.st_size;
    uint8_t *data = mem_new(size + 1, 1);
    size_t n = fread(data, 1, size, f);
    (void)fclose(f);
    /* Memory of just that size, so that a sanitizer sees a read beyond it. */
    uint8_t *exact = mem_resize(data, n ? n : 1, 1);
    (void)LLVMFuzzerTestOneInput(exact, n);
    free(exact);
    return 0;
}

static int replay(const char *path, size_t *count)
{
    DIR *dir = opendir(path);
    char name[4096];
    int failed = 0;

    if (!dir) {
        ++*count;
        return replay_file(path);
    }
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        if (e->d_name[0] == '.')
            continue;
        (void)snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        failed |= replay_file(name);
        ++*count;
    }
    (void)closedir(dir);
    return failed;
}

int main(int argc, char **argv)
{
    static const uint8_t nothing[1];
    size_t count = 0;
    int failed = 0;

    (void)LLVMFuzzerTestOneInput(nothing, 0);
    for (int i = 1; i < argc; i++)
        failed |= replay(argv[i], &count);
    (void)printf("%zu inputs replayed\n", count);
    return failed;
}
