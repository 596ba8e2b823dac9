/* The one piece of memory that all intermediates of a plan live in: on huge pages where the system gives them, every page
 * touched before the first step runs, so that no step pays for page faults. */
#ifndef REG_EXEC_SLAB_H
#define REG_EXEC_SLAB_H

#include <stddef.h>

void *slab_new(size_t bytes); /* NULL when there is not enough memory; 64-byte aligned; freed with free() */

#endif
