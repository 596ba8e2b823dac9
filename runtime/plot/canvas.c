#include "runtime/plot/canvas.h"

#include "runtime/base/memory.h"
#include "runtime/base/width.h"
#include "runtime/plot/colours.h"

#include <math.h>
#include <stdlib.h>

enum { BRAILLE = 0x2800 };

Canvas canvas_new(int columns, int rows) { return (Canvas){columns, rows, allocate((size_t)columns * (size_t)rows * sizeof(CanvasCell))}; }

void canvas_free(Canvas *canvas) { free(canvas->cells); }

void canvas_put(Canvas *canvas, int column, int row, uint32_t character, int style) {
    if (column < 0 || row < 0 || column >= canvas->columns || row >= canvas->rows) return;
    canvas->cells[row * canvas->columns + column] = (CanvasCell){character, style};
}

void canvas_dot(Canvas *canvas, int x, int y, int style) {
    static const unsigned char bits[4][2] = {{1, 8}, {2, 16}, {4, 32}, {64, 128}};
    if (x < 0 || y < 0 || x >= 2 * canvas->columns || y >= 4 * canvas->rows) return;
    CanvasCell *cell = &canvas->cells[y / 4 * canvas->columns + x / 2];
    if (cell->character < BRAILLE || cell->character > BRAILLE + 255) cell->character = BRAILLE;
    cell->character |= bits[y % 4][x % 2];
    cell->style = style;
}

/* The part of the stroke on the sheet is walked dot by dot. */
void canvas_stroke(Canvas *canvas, double x0, double y0, double x1, double y1, int style) {
    double width = 2.0 * canvas->columns, height = 4.0 * canvas->rows, from = 0, to = 1;
    double deltas[] = {x1 - x0, y1 - y0}, starts[] = {x0, y0}, ends[] = {width, height};
    for (int axis = 0; axis < 2; axis++) {
        if (deltas[axis] == 0) continue;
        double a = -starts[axis] / deltas[axis], b = (ends[axis] - starts[axis]) / deltas[axis];
        from = fmax(from, fmin(a, b));
        to = fmin(to, fmax(a, b));
    }
    if (!(from <= to)) return;
    double length = fmax(fabs(deltas[0]), fabs(deltas[1])) * (to - from);
    int steps = (int)ceil(length) + 1;
    for (int i = 0; i <= steps; i++) {
        double at = from + (to - from) * i / steps;
        canvas_dot(canvas, (int)floor(x0 + at * deltas[0]), (int)floor(y0 + at * deltas[1]), style);
    }
}

static void set_colour(int style, Text *out) {
    Colour colour = colour_of_style(style);
    text_addf(out, "\033[38;2;%d;%d;%dm", (int)(255 * colour.red), (int)(255 * colour.green), (int)(255 * colour.blue));
}

void canvas_styled(const char *string, int style, bool has_colour, Text *out) {
    if (has_colour) set_colour(style, out);
    text_add(out, string);
    if (has_colour) text_add(out, "\033[0m");
}

void canvas_row(const Canvas *canvas, int row, bool has_colour, Text *out) {
    const CanvasCell *cells = &canvas->cells[row * canvas->columns];
    int last = canvas->columns;
    while (last > 0 && (!cells[last - 1].character || cells[last - 1].character == ' ')) last--;
    for (int column = 0; column < last; column++) {
        const CanvasCell *cell = &cells[column];
        bool changes = column == 0 || cells[column - 1].style != cell->style || !cells[column - 1].character;
        if (has_colour && cell->character && changes) set_colour(cell->style, out);
        text_add_utf8(out, cell->character ? cell->character : ' ');
    }
    if (has_colour && last) text_add(out, "\033[0m");
}
