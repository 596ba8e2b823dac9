/* gzip in and out of memory. */
#ifndef REG_DATA_GZIP_H
#define REG_DATA_GZIP_H

#include "runtime/base/fault.h"

#include <stddef.h>

bool gzip_is(const char *bytes, size_t length); /* by the magic number */
/* The inflated bytes with a NUL after them (freed by the caller), NULL with a fault. `subject` names the source in
 * messages, quotes included: "'x.csv.gz'". Never allocates more than deflate could have packed into `length` bytes. */
char *gzip_inflate(const char *bytes, size_t length, const char *subject, size_t *out_length, Fault *fault);
/* file_read, and inflated when it is gzip, whatever its name. */
char *gzip_file_read(const char *path, size_t *length, Fault *fault);
/* Deflated, written atomically. */
bool gzip_file_write(const char *path, const char *bytes, size_t length, Fault *fault);

#endif
