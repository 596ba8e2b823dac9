/* A growable string. `Text text = {0};` is an empty one; free with text_free. */
#ifndef REG_BASE_TEXT_H
#define REG_BASE_TEXT_H

#include <stdarg.h>
#include <stddef.h>

typedef struct Text {
    char *bytes; /* always NUL-terminated once anything was added; NULL before */
    size_t length;
    size_t capacity;
} Text;

void text_add(Text *text, const char *string);
void text_add_bytes(Text *text, const char *bytes, size_t length);
void text_add_char(Text *text, char c);
void text_addf(Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_addv(Text *text, const char *format, va_list args);
const char *text_string(const Text *text); /* "" when empty */
void text_free(Text *text);

#endif
