/* Whole files in and out. Writing is atomic: a temporary file beside the target, flushed, then renamed. */
#ifndef REG_BASE_FILE_H
#define REG_BASE_FILE_H

#include "runtime/base/fault.h"

#include <stddef.h>

/* The file's bytes with a NUL after them (freed by the caller), NULL with a fault ("cannot read 'x.csv': no such file"). */
char *file_read(const char *path, size_t *length, Fault *fault);
/* Writes all or nothing; an existing file stays as it was on failure. */
bool file_write(const char *path, const void *bytes, size_t length, Fault *fault);
bool file_write_executable(const char *path, const void *bytes, size_t length, Fault *fault); /* the same; whoever may read it may run it */

#endif
