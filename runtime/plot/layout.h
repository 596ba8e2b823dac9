/* What the axes of a plot cover, worked out from its layers: the part that pictures and terminal plots share. */
#ifndef REG_PLOT_LAYOUT_H
#define REG_PLOT_LAYOUT_H

#include "runtime/plot/axis.h"
#include "runtime/plot/plot.h"

enum { BINS_MOST = 200 };

typedef struct Layout {
    Axis x, y;
    bool y_down;   /* row 0 of a matrix is at the top */
    bool has_axes; /* false for a plot of pictures */
    int bin_count; /* of all histograms */
    double bin_low, bin_high;
    int bar_layers;          /* how many bar layers share the place of one category */
    const Layer *categories; /* names its columns along x; NULL: numbers */
    const Layer *heat;       /* the layer that the colour bar belongs to, NULL: none */
    const Layer *images;
    Range heat_range;
} Layout;

/* One entry of a legend; `class_number` is -1 unless the layer is a scatter with classes. */
typedef struct LegendEntry {
    const Layer *layer;
    int style; /* index into the palette */
    int64_t class_number;
    char label[96];
} LegendEntry;

enum { LEGEND_MOST = 16 };

Layout layout_of(const Plot *plot);
/* Counts of a histogram layer in the layout's bins; `counts` has room for BINS_MOST. */
void layout_histogram(const Layout *layout, const Layer *layer, double *counts);
/* Left edge of a bin; that of bin `bin_count` is the right end. */
double layout_bin_edge(const Layout *layout, int bin);
/* Left and right end of bar `index` of the `order`-th bar layer. */
void layout_bar(const Layout *layout, int order, size_t index, double *left, double *right);
/* Where a matrix lies on the axes: x0, x1, y of the first row's outer edge, y of the last row's. */
void layout_heat_extent(const Layer *layer, double extent[4]);
/* Index into the palette of a layer: how many layers before it take a colour of their own. */
int layout_style(const Plot *plot, const Layer *layer);
int layout_legend(const Plot *plot, LegendEntry entries[LEGEND_MOST]);
/* A matrix value as a place on the colour map; diverging maps are centred on 0. */
bool layout_is_diverging(const Layout *layout);
double layout_heat_place(const Layout *layout, double value);

#endif
