/* A few strokes on top of cairo: text placed by its own box, matrices of pixels, marks. */
#ifndef REG_PLOT_BRUSH_H
#define REG_PLOT_BRUSH_H

#include "runtime/plot/colours.h"

#include <cairo/cairo.h>
#include <stdbool.h>

enum { MARK_SHAPES = 6 };

typedef struct Box {
    double left, top, right, bottom;
} Box;

void brush_colour(cairo_t *cr, Colour colour, double alpha);
void brush_grey(cairo_t *cr, double lightness);
void brush_font(cairo_t *cr, double size, bool is_bold);
double brush_text_width(cairo_t *cr, const char *text);
/* Text whose box is left of, centred on or right of x (0, 0.5, 1), and below, centred on or above y. */
void brush_text(cairo_t *cr, double x, double y, double align_x, double align_y, const char *text);
/* The same, turned by `angle` radians around (x, y). */
void brush_turned_text(cairo_t *cr, double x, double y, double angle, double align_x, double align_y, const char *text);
/* One of MARK_SHAPES filled shapes of about equal area. */
void brush_mark(cairo_t *cr, int shape, double x, double y, double radius);
void brush_line(cairo_t *cr, double x0, double y0, double x1, double y1);

/* A matrix of colours stretched over a box with sharp edges; the callback gives the colour of a cell. */
typedef Colour (*CellColour)(const void *context, long row, long column);
void brush_cells(cairo_t *cr, Box box, long rows, long columns, CellColour colour, const void *context);

#endif
