/* file: folders and files that must survive a power cut.
 *
 * A file is put in place by writing another name, syncing, renaming, and syncing the folder. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { FILE_PATH = 4096 };

/* "a/b/c" from a format; ERR_LIMIT if it does not fit FILE_PATH. */
int file_path(char out[static FILE_PATH], struct err *err, const char *fmt, ...)
    PRINTF_LIKE(3, 4) MUST_USE;

/* Makes the folder and those above it that are missing; the folder above each new one is synced. */
int file_mkdirs(const char *path, struct err *err) MUST_USE;

/* What others wrote to a file. That it is not there is no error. */
int file_sync(const char *path, struct err *err) MUST_USE;
int file_sync_dir(const char *path, struct err *err) MUST_USE;

/* Rename and sync the folder of `to`. The file's content must have been synced. */
int file_rename(const char *from, const char *to, struct err *err) MUST_USE;

/* Remove; that it is not there is no error. */
int file_remove(const char *path, struct err *err) MUST_USE;

/* Appends all of it: as much as `out` may hold, else ERR_LIMIT. */
int file_read(const char *path, struct buf *out, struct err *err) MUST_USE;

bool file_exists(const char *path);

/* Names in a folder without "." and "..", sorted by bytes. */
struct file_list {
    char **name;
    size_t n;
};

/* A folder that is not there has no names. */
int file_list_read(struct file_list *out, const char *dir, struct err *err) MUST_USE;
void file_list_free(struct file_list *l);

/* Create the file if need be and lock it for this process: ERR_LIMIT if another one has it. The
 * lock lives as long as the descriptor. */
int file_lock(const char *path, int *fd, struct err *err) MUST_USE;

#endif
