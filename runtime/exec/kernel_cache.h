/* Compiled kernels on disk, by the hash of all they depend on: in $XDG_CACHE_HOME/reg, else ~/.cache/reg. It only saves time: a cache that
 * is missing, full, read-only or damaged is as good as an empty one. */
#ifndef REG_EXEC_KERNEL_CACHE_H
#define REG_EXEC_KERNEL_CACHE_H

#include "runtime/base/hash.h"

/* The shared object, freed by the caller; NULL when it is not there whole, or is someone else's. */
char *kernel_cache_read(Hash key, size_t *length);
void kernel_cache_write(Hash key, const char *bytes, size_t length);

#endif
