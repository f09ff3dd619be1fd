/* import: flows of any time → Parquet files, one for each hour of received time, all put in place
 * together at the end; an import that fails or is stopped leaves nothing behind.
 *
 * Used as a decoder's sink: before a datagram that import_is_other_hour(), flush the decoder, give
 * its books, and say import_hour(); at the end flush it and give its books once more. At most
 * IMPORT_OPEN files are written at a time; when an hour comes again after its file was completed,
 * it gets another file. */
#ifndef STORE_IMPORT_H
#define STORE_IMPORT_H

#include "flow/books.h"
#include "flow/out.h"
#include "store/pq_write.h"

#include <stdint.h>

enum { IMPORT_OPEN = 8 };

struct import;

/* Takes an instance of its own in the store, made of the process's number. */
int import_open(struct import **out, const char *dir, const struct pq_write_options *options,
                struct err *err) MUST_USE;
struct out *import_out(struct import *i);
bool import_is_other_hour(const struct import *i, int64_t received_ms);
void import_hour(struct import *i, int64_t received_ms);

/* Takes the decoder's books of the hour that is over; an hour without flows has no file, and its
 * books stay where they are, for the next. */
void import_books(struct import *i, struct books *books);

/* What has gone wrong so far: 0 or an error. */
int import_error(const struct import *i, struct err *err) MUST_USE;
uint64_t import_rows(const struct import *i);

/* Complete all files and put them in place. Frees i whatever it returns. */
int import_publish(struct import *i, uint64_t *files, struct err *err) MUST_USE;
void import_abort(struct import *i);

#endif
