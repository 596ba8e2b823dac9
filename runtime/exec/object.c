#include "runtime/exec/object.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static bool write_all(int descriptor, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t written = write(descriptor, bytes, length);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes += written;
        length -= (size_t)written;
    }
    return true;
}

bool object_load(Object *object, const char *bytes, size_t length, Fault *fault) {
    *object = (Object){.descriptor = memfd_create("reg-kernels", MFD_CLOEXEC)};
    if (object->descriptor < 0) return fault_set(fault, "compiled kernels have no place in memory: %s", strerror(errno));
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", object->descriptor);
    if (write_all(object->descriptor, bytes, length)) object->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (object->handle != NULL) return true;
    const char *reason = dlerror();
    close(object->descriptor);
    return fault_set(fault, "compiled kernels cannot be loaded: %s", reason != NULL ? reason : strerror(errno));
}

void *object_find(const Object *object, const char *name) { return dlsym(object->handle, name); }

void object_unload(Object *object) {
    dlclose(object->handle);
    close(object->descriptor);
}
