/* Machine code in memory: a shared object that stands on its own, loaded without a file. */
#ifndef REG_EXEC_OBJECT_H
#define REG_EXEC_OBJECT_H

#include "runtime/base/fault.h"

#include <stddef.h>

typedef struct Object {
    void *handle;
    int descriptor; /* of the memory; open as long as the object is loaded, because the loader knows objects by their paths */
} Object;

bool object_load(Object *object, const char *bytes, size_t length, Fault *fault);
void *object_find(const Object *object, const char *name); /* NULL: it has no such function */
void object_unload(Object *object);

#endif
