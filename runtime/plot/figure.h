/* A plot being drawn with cairo: the frame of its axes on the page. Private to runtime/plot. */
#ifndef REG_PLOT_FIGURE_H
#define REG_PLOT_FIGURE_H

#include "runtime/plot/brush.h"
#include "runtime/plot/layout.h"

typedef struct Figure {
    cairo_t *cr;
    const Plot *plot;
    Layout layout;
    Box frame;          /* of the axes */
    double legend_room; /* in the right margin, 0: the legend stands inside the frame */
} Figure;

/* Draws the whole plot on a white page of plot->width x plot->height points. */
void figure_draw(cairo_t *cr, const Plot *plot);

double figure_x(const Figure *figure, double value);
double figure_y(const Figure *figure, double value);

/* marks.c: one layer within the frame. */
void marks_draw(const Figure *figure, const Layer *layer);
/* The sample of a layer that stands in a legend, in a box 16 points wide around (x, y). */
void marks_sample(const Figure *figure, const LegendEntry *entry, double x, double y);

/* legend.c: the legend where it hides least, or in the margin; room it needs there, 0 when it goes inside the frame. */
double legend_margin(const Figure *figure);
void legend_draw(const Figure *figure);

/* gallery.c: a plot of pictures, inside `box`. */
void gallery_draw(cairo_t *cr, const Layer *layer, Box box);

#endif
