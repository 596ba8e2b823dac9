#include "runtime/base/arena.h"

#include "runtime/base/memory.h"

#include <stdarg.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BYTES = 2 * 1024, BLOCK_BYTES = 64 * 1024, ALIGNMENT = 16 }; /* many arenas hold little: blocks double up to a size */

typedef struct Block {
    struct Block *next;
    size_t used, size; /* bytes of the payload */
    alignas(ALIGNMENT) unsigned char payload[];
} Block;

typedef struct Deferred {
    struct Deferred *next;
    void (*release)(void *object);
    void *object;
} Deferred;

struct Arena {
    Deferred *deferred;
    Block *current; /* newest first; a block for one large object is put behind it */
};

Arena *arena_new(void) { return allocate(sizeof(Arena)); }

void arena_free(Arena *arena) {
    if (!arena) return;
    for (Deferred *at = arena->deferred; at; at = at->next) at->release(at->object);
    for (Block *block = arena->current, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(arena);
}

static Block *block_new(size_t size) {
    Block *block = allocate(size > SIZE_MAX - sizeof(Block) ? SIZE_MAX : sizeof(Block) + size);
    block->size = size;
    return block;
}

/* A large object gets a block of its own, behind the current one, so that the room left in the current one is still used. */
static void *allocate_large(Arena *arena, size_t bytes) {
    Block *block = block_new(bytes);
    block->used = bytes;
    if (arena->current) {
        block->next = arena->current->next;
        arena->current->next = block;
    } else {
        arena->current = block;
    }
    return block->payload;
}

static size_t next_size(const Arena *arena, size_t least) {
    size_t size = arena->current ? 2 * arena->current->size : FIRST_BYTES;
    while (size < least) size *= 2;
    return size < BLOCK_BYTES ? size : BLOCK_BYTES;
}

void *arena_alloc(Arena *arena, size_t bytes) {
    if (bytes > BLOCK_BYTES / 4) return allocate_large(arena, bytes);
    size_t rounded = bytes ? (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : ALIGNMENT;
    Block *block = arena->current;
    if (!block || block->size - block->used < rounded) {
        block = block_new(next_size(arena, rounded));
        block->next = arena->current;
        arena->current = block;
    }
    void *memory = block->payload + block->used;
    block->used += rounded;
    return memory;
}

void arena_defer(Arena *arena, void (*release)(void *object), void *object) {
    Deferred *deferred = arena_alloc(arena, sizeof *deferred);
    *deferred = (Deferred){arena->deferred, release, object};
    arena->deferred = deferred;
}

char *arena_bytes(Arena *arena, const char *text, size_t length) {
    char *copy = arena_alloc(arena, length + 1);
    if (length) memcpy(copy, text, length);
    return copy;
}

void *arena_grow(Arena *arena, void *items, size_t item_bytes, int count, int *capacity) {
    if (count < *capacity) return items;
    int larger = *capacity ? 2 * *capacity : 8;
    void *moved = arena_alloc(arena, item_bytes * (size_t)larger);
    if (count) memcpy(moved, items, item_bytes * (size_t)count);
    *capacity = larger;
    return moved;
}

char *arena_string(Arena *arena, const char *text) { return arena_bytes(arena, text, strlen(text)); }

char *arena_format(Arena *arena, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = arena_alloc(arena, length < 0 ? 1 : (size_t)length + 1);
    if (length > 0) vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}
