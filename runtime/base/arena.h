/* A bump allocator: everything of one compilation dies together. */
#ifndef REG_BASE_ARENA_H
#define REG_BASE_ARENA_H

#include <stddef.h>

typedef struct Arena Arena;

Arena *arena_new(void);
void arena_free(Arena *arena);
void *arena_alloc(Arena *arena, size_t bytes); /* zeroed, aligned to 16 */
/* Room for one more item: `items` itself while `count` is below `*capacity`, else a copy twice as large. */
void *arena_grow(Arena *arena, void *items, size_t item_bytes, int count, int *capacity);
/* Calls release(object) when the arena is freed, newest first: for what it refers to but does not hold. */
void arena_defer(Arena *arena, void (*release)(void *object), void *object);
char *arena_string(Arena *arena, const char *text);
char *arena_bytes(Arena *arena, const char *text, size_t length); /* NUL-terminated */
char *arena_format(Arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
