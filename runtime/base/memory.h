/* Allocation that never returns NULL, and growable arrays.
 *
 * For the small, countless objects of the compiler. What can be large because the user said so (tensors, slabs) goes
 * through tensor_new and plan_memory, which report a Fault instead. Running out of memory here ends the process through
 * `memory_exhausted`, after whatever is being written atomically has been left alone (see runtime/base/file.h). */
#ifndef REG_BASE_MEMORY_H
#define REG_BASE_MEMORY_H

#include <stddef.h>

/* Zeroed memory of `bytes` bytes (at least 1); freed with free(). */
void *allocate(size_t bytes);
void *reallocate(void *memory, size_t bytes);
char *copy_string(const char *text);
char *copy_bytes(const char *text, size_t length); /* NUL-terminated copy of a slice */

/* A growable array of TYPE: LIST(Node *) nodes = {0}; list_push(&nodes, node); free with list_free. */
#define LIST(TYPE) \
    struct { \
        TYPE *items; \
        size_t count; \
        size_t capacity; \
    }
#define list_push(list, value) \
    (list_reserve((void **)&(list)->items, sizeof *(list)->items, (list)->count + 1, &(list)->capacity), \
     (list)->items[(list)->count++] = (value))
#define list_free(list) (free((list)->items), (list)->items = NULL, (list)->count = (list)->capacity = 0)
void list_reserve(void **items, size_t item_bytes, size_t needed, size_t *capacity);

#endif
