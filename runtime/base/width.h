/* How many terminal columns a UTF-8 string takes: 0 for combining marks, 2 for East Asian wide characters and emoji. */
#ifndef REG_BASE_WIDTH_H
#define REG_BASE_WIDTH_H

#include "runtime/base/text.h"

#include <stdint.h>

/* Decodes the character at *at and moves past it; a byte that is not UTF-8 is U+FFFD and one byte long. 0 at the end. */
uint32_t utf8_next(const char **at);
int utf8_columns(uint32_t character);
int text_columns(const char *string);
void text_add_utf8(Text *text, uint32_t character);
void text_add_repeat(Text *text, const char *piece, int count); /* nothing when count <= 0 */
/* Pads with blanks to `columns`, or cuts with "…" when the string is wider. */
void text_add_left(Text *text, const char *string, int columns);
void text_add_right(Text *text, const char *string, int columns);

#endif
