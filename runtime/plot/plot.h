/* Plots: what is to be shown, and the two ways of showing it: a picture file (SVG, PNG) and text for a terminal.
 *
 * A Plot is a list of layers on common axes. Every array is copied when a layer is added. NaN and infinite values, and values
 * that a log axis cannot show, are gaps. Defaults are meant to be kept: ranges, ticks, colours and the place of the legend
 * follow from the data; the palette is safe for colour-blind readers (Okabe and Ito 2008; viridis for matrices). */
#ifndef REG_PLOT_PLOT_H
#define REG_PLOT_PLOT_H

#include "runtime/base/fault.h"
#include "runtime/base/tensor.h"
#include "runtime/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum LayerKind {
    LAYER_LINE,
    LAYER_BAND, /* the area between `y` and `high` */
    LAYER_SCATTER,
    LAYER_BARS,
    LAYER_HISTOGRAM, /* `y` holds the values; counted when drawn, all histograms of a plot in the same bins */
    LAYER_HEAT,      /* `y` holds rows x columns values */
    LAYER_IMAGES,
} LayerKind;

typedef struct Layer {
    LayerKind kind;
    char *label; /* "" for no entry in the legend */
    double *x, *y, *high;
    size_t count;     /* of x and y */
    int64_t *classes; /* scatter: class of each point, NULL for one colour */
    char **names;     /* bars, heat columns, classes of a scatter, captions of images; NULL when unnamed */
    size_t name_count;
    char **row_names; /* heat only */
    size_t row_name_count;
    int bins;             /* histogram; 0: chosen from the data */
    size_t rows, columns; /* heat */
    bool has_extent;      /* heat: covers [extent 0, extent 1] x [extent 2, extent 3], row 0 at the bottom */
    double extent[4];
    Tensor *images; /* [h, w], [c, h, w] or [n, c, h, w] */
    bool is_dashed; /* line */
} Layer;

typedef struct Plot {
    double width, height; /* points (1/72 inch); PNG files have twice as many pixels */
    char *title, *x_label, *y_label;
    bool x_log, y_log;
    double x_min, x_max, y_min, y_max; /* NaN: from the data */
    bool has_colour;                   /* ANSI colours in plot_terminal */
    Layer *layers;
    size_t layer_count, layer_capacity;
} Plot;

Plot *plot_new(void);       /* 480 x 320, no labels, linear axes */
void plot_free(Plot *plot); /* NULL allowed */
void plot_set_title(Plot *plot, const char *title);
void plot_set_labels(Plot *plot, const char *x_label, const char *y_label);

/* Each adds a layer and returns it for finer settings, valid until the next layer. `x` NULL: 0, 1, 2, …; `label` NULL: none. */
Layer *plot_line(Plot *plot, const char *label, const double *x, const double *y, size_t count);
Layer *plot_band(Plot *plot, const char *label, const double *x, const double *low, const double *high, size_t count);
/* `classes` NULL: one colour; otherwise a colour and a mark per class, negative classes in grey. */
Layer *plot_scatter(Plot *plot, const char *label, const double *x, const double *y, const int64_t *classes, size_t count);
/* Several bar layers stand beside one another. `names` NULL: 0, 1, 2, … */
Layer *plot_bars(Plot *plot, const char *label, const char *const *names, const double *heights, size_t count);
Layer *plot_histogram(Plot *plot, const char *label, const double *values, size_t count, int bins);
/* A matrix, row 0 at the top, with a colour bar named `label`; small ones have their values written into the cells. */
Layer *plot_heat(Plot *plot, const char *label, const double *values, size_t rows, size_t columns);
/* A function sampled on a grid over [x0, x1] x [y0, y1], row 0 at y0: a background for lines and points. */
Layer *plot_field(Plot *plot, const char *label, const double *values, size_t rows, size_t columns, double x0, double x1, double y0,
                  double y1);
/* A grid of pictures, see image.h for the shapes; the other layers of such a plot are not drawn. Retains the tensor. */
Layer *plot_images(Plot *plot, const char *label, Tensor *images);
/* Names of a layer's bars, columns, classes or pictures, and of a matrix's rows; copied. */
void layer_set_names(Layer *layer, const char *const *names, size_t count);
void layer_set_row_names(Layer *layer, const char *const *names, size_t count);

/* Writes `path` by its ending, ".svg" or ".png", all or nothing. False with a fault for another ending or a failed write. */
bool plot_write(const Plot *plot, const char *path, Fault *fault);
/* The bytes of an SVG picture, to be put into a page. */
bool plot_svg(const Plot *plot, Text *out, Fault *fault);
/* Text of about `columns` x `rows` characters (0: 80 x 20), every line ended; readable without colour. */
void plot_terminal(const Plot *plot, int columns, int rows, Text *out);

#endif
