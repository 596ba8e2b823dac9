#include "runtime/base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The one place below the driver that ends the process: there is no memory left to report anything through a Fault.
 * _exit, because handlers registered with atexit may themselves allocate. */
static _Noreturn void memory_exhausted(void) {
    static const char message[] = "reg: out of memory\n";
    ssize_t ignored = write(STDERR_FILENO, message, sizeof message - 1);
    (void)ignored;
    _exit(70);
}

void *allocate(size_t bytes) {
    void *memory = calloc(1, bytes ? bytes : 1);
    if (!memory) memory_exhausted();
    return memory;
}

void *reallocate(void *memory, size_t bytes) {
    void *larger = realloc(memory, bytes ? bytes : 1);
    if (!larger) memory_exhausted();
    return larger;
}

char *copy_bytes(const char *text, size_t length) {
    if (length == SIZE_MAX) memory_exhausted();
    char *copy = allocate(length + 1);
    if (length) memcpy(copy, text, length);
    return copy;
}

char *copy_string(const char *text) { return copy_bytes(text, strlen(text)); }

void list_reserve(void **items, size_t item_bytes, size_t needed, size_t *capacity) {
    if (needed <= *capacity) return;
    size_t larger = *capacity ? *capacity : 8;
    while (larger < needed) larger = larger > SIZE_MAX / 2 ? needed : larger * 2;
    if (larger > SIZE_MAX / item_bytes) memory_exhausted();
    *items = reallocate(*items, larger * item_bytes);
    *capacity = larger;
}
