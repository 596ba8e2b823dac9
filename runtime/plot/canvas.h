/* A sheet of terminal characters with braille dots, 2 x 4 to a character. Private to runtime/plot. */
#ifndef REG_PLOT_CANVAS_H
#define REG_PLOT_CANVAS_H

#include "runtime/base/text.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct CanvasCell {
    uint32_t character; /* 0: empty; U+2800 and its dots; any other hides dots drawn before */
    int style;          /* palette index, -1: grey */
} CanvasCell;

typedef struct Canvas {
    int columns, rows;
    CanvasCell *cells;
} Canvas;

Canvas canvas_new(int columns, int rows);
void canvas_free(Canvas *canvas);
void canvas_put(Canvas *canvas, int column, int row, uint32_t character, int style); /* outside: nothing */
/* Dots count from the top left: 2 columns across and 4 rows down per character. */
void canvas_dot(Canvas *canvas, int x, int y, int style);
void canvas_stroke(Canvas *canvas, double x0, double y0, double x1, double y1, int style);
/* One row, without trailing blanks and newline. */
void canvas_row(const Canvas *canvas, int row, bool has_colour, Text *out);
/* Text in a style's colour. */
void canvas_styled(const char *string, int style, bool has_colour, Text *out);

#endif
