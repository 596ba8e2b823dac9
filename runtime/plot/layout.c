#include "runtime/plot/layout.h"

#include "runtime/base/memory.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_numbers(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Freedman and Diaconis (1981): width 2 IQR n^(-1/3). */
static double bin_width(const Layer *layer, bool *is_whole) {
    double *sorted = allocate(layer->count * sizeof *sorted);
    size_t count = 0;
    *is_whole = true;
    for (size_t i = 0; i < layer->count; i++)
        if (isfinite(layer->y[i])) {
            *is_whole = *is_whole && layer->y[i] == nearbyint(layer->y[i]);
            sorted[count++] = layer->y[i];
        }
    double width = 0;
    if (count > 1) {
        qsort(sorted, count, sizeof *sorted, compare_numbers);
        width = 2 * (sorted[3 * count / 4] - sorted[count / 4]) / cbrt((double)count);
        if (width <= 0) width = (sorted[count - 1] - sorted[0]) / 20;
    }
    free(sorted);
    return width;
}

static void choose_bins(const Plot *plot, Layout *layout) {
    Range range = range_empty();
    double width = INFINITY;
    bool is_whole = true;
    int wanted = 0;
    for (size_t i = 0; i < plot->layer_count; i++) {
        const Layer *layer = &plot->layers[i];
        if (layer->kind != LAYER_HISTOGRAM) continue;
        for (size_t j = 0; j < layer->count; j++) range_add(&range, layer->y[j], plot->x_log);
        bool is_layer_whole;
        double layer_width = bin_width(layer, &is_layer_whole);
        is_whole = is_whole && is_layer_whole;
        if (layer_width > 0 && layer_width < width) width = layer_width;
        if (layer->bins > wanted) wanted = layer->bins;
    }
    Axis axis = axis_over(range, plot->x_log, 0, NAN, NAN);
    double low = axis.low, high = axis.high;
    if (!wanted && is_whole && !plot->x_log && high - low <= 60 && range.low <= range.high) {
        low = range.low - 0.5; /* whole numbers: one bin each, centred on it */
        high = range.high + 0.5;
        wanted = (int)(high - low + 0.5);
    }
    if (!wanted) wanted = plot->x_log || !isfinite(width) ? 20 : (int)fmin(60, fmax(8, ceil((high - low) / width)));
    layout->bin_count = wanted > BINS_MOST ? BINS_MOST : wanted;
    layout->bin_low = low;
    layout->bin_high = high;
}

double layout_bin_edge(const Layout *layout, int bin) {
    Axis axis = {.is_log = layout->x.is_log, .low = layout->bin_low, .high = layout->bin_high};
    return axis_value(&axis, (double)bin / layout->bin_count);
}

void layout_histogram(const Layout *layout, const Layer *layer, double *counts) {
    Axis axis = {.is_log = layout->x.is_log, .low = layout->bin_low, .high = layout->bin_high};
    memset(counts, 0, BINS_MOST * sizeof *counts);
    for (size_t i = 0; i < layer->count; i++) {
        if (!axis_can_show(layer->y[i], axis.is_log)) continue;
        double place = axis_place(&axis, layer->y[i]);
        int bin = (int)(fmax(0, fmin(1, place)) * layout->bin_count);
        counts[bin < layout->bin_count ? bin : layout->bin_count - 1]++;
    }
}

void layout_bar(const Layout *layout, int order, size_t index, double *left, double *right) {
    double width = 0.8 / layout->bar_layers;
    *left = (double)index - 0.4 + order * width;
    *right = *left + width;
}

void layout_heat_extent(const Layer *layer, double extent[4]) {
    if (layer->has_extent) {
        memcpy(extent, layer->extent, 4 * sizeof *extent);
        return;
    }
    extent[0] = extent[2] = -0.5;
    extent[1] = (double)layer->columns - 0.5;
    extent[3] = (double)layer->rows - 0.5;
}

int layout_style(const Plot *plot, const Layer *layer) {
    int style = 0;
    for (const Layer *before = plot->layers; before < layer; before++) {
        if (before->kind == LAYER_HEAT || before->kind == LAYER_IMAGES || before->classes) continue;
        /* A band shares the colour of the line after it. */
        if (before->kind == LAYER_BAND && before + 1 < plot->layers + plot->layer_count && before[1].kind == LAYER_LINE) continue;
        style++;
    }
    return style;
}

static void add_class_entries(const Layer *layer, LegendEntry entries[LEGEND_MOST], int *count) {
    bool is_present[LEGEND_MOST] = {false};
    for (size_t i = 0; i < layer->count; i++)
        if (layer->classes[i] >= 0 && layer->classes[i] < LEGEND_MOST) is_present[layer->classes[i]] = true;
    for (int class = 0; class < LEGEND_MOST && *count < LEGEND_MOST; class ++) {
        if (!is_present[class]) continue;
        LegendEntry *entry = &entries[(*count)++];
        *entry = (LegendEntry){.layer = layer, .style = class, .class_number = class};
        const char *gap = *layer->label ? " " : "";
        if ((size_t) class < layer->name_count)
            snprintf(entry->label, sizeof entry->label, "%s%s%s", layer->label, gap, layer->names[class]);
        else snprintf(entry->label, sizeof entry->label, "%s%s%d", layer->label, gap, class);
    }
}

int layout_legend(const Plot *plot, LegendEntry entries[LEGEND_MOST]) {
    int count = 0;
    for (size_t i = 0; i < plot->layer_count && count < LEGEND_MOST; i++) {
        const Layer *layer = &plot->layers[i];
        if (layer->kind == LAYER_HEAT || layer->kind == LAYER_IMAGES) continue;
        if (layer->classes) add_class_entries(layer, entries, &count);
        if (layer->classes || !*layer->label) continue;
        LegendEntry *entry = &entries[count++];
        *entry = (LegendEntry){.layer = layer, .style = layout_style(plot, layer), .class_number = -1};
        snprintf(entry->label, sizeof entry->label, "%s", layer->label);
    }
    return count;
}

bool layout_is_diverging(const Layout *layout) { return layout->heat_range.low < 0 && layout->heat_range.high > 0; }

double layout_heat_place(const Layout *layout, double value) {
    double low = layout->heat_range.low, high = layout->heat_range.high;
    if (layout_is_diverging(layout)) {
        high = fmax(high, -low);
        low = -high;
    }
    return high > low ? fmax(0, fmin(1, value / (high - low) - low / (high - low))) : 0.5;
}

/* ---- ranges ---- */

typedef struct Extents {
    Range x, y;
    double x_margin, y_margin;
    bool keeps_zero; /* bars stand on the axis */
} Extents;

static void add_points(const Plot *plot, const Layer *layer, Extents *extents) {
    for (size_t i = 0; i < layer->count; i++) {
        bool is_shown = axis_can_show(layer->x[i], plot->x_log) && axis_can_show(layer->y[i], plot->y_log);
        if (!is_shown) continue;
        range_add(&extents->x, layer->x[i], plot->x_log);
        range_add(&extents->y, layer->y[i], plot->y_log);
        if (layer->high) range_add(&extents->y, layer->high[i], plot->y_log);
    }
    double margin = layer->kind == LAYER_SCATTER ? 0.05 : 0.02;
    extents->x_margin = fmax(extents->x_margin, margin);
    extents->y_margin = fmax(extents->y_margin, 0.05);
}

static void add_bars(const Plot *plot, const Layer *layer, Layout *layout, Extents *extents) {
    layout->bar_layers++;
    if (layer->names && !layout->categories) layout->categories = layer;
    range_add(&extents->x, -0.6, false);
    range_add(&extents->x, (double)layer->count - 0.4, false);
    for (size_t i = 0; i < layer->count; i++) range_add(&extents->y, layer->y[i], plot->y_log);
    extents->keeps_zero = true;
}

static void add_histogram(const Plot *plot, const Layer *layer, Layout *layout, Extents *extents) {
    double counts[BINS_MOST];
    if (!layout->bin_count) choose_bins(plot, layout);
    layout_histogram(layout, layer, counts);
    for (int i = 0; i < layout->bin_count; i++) range_add(&extents->y, counts[i], plot->y_log);
    range_add(&extents->x, layout->bin_low, plot->x_log);
    range_add(&extents->x, layout->bin_high, plot->x_log);
    extents->x_margin = fmax(extents->x_margin, 0.02);
    extents->keeps_zero = true;
}

static void add_heat(const Plot *plot, const Layer *layer, Layout *layout, Extents *extents) {
    double extent[4];
    layout_heat_extent(layer, extent);
    for (int i = 0; i < 4; i++) range_add(i < 2 ? &extents->x : &extents->y, extent[i], i < 2 ? plot->x_log : plot->y_log);
    for (size_t i = 0; i < layer->count; i++) range_add(&layout->heat_range, layer->y[i], false);
    if (!layout->heat) layout->heat = layer;
    if (!layer->has_extent) layout->y_down = true;
    if (layer->names && !layout->categories) layout->categories = layer;
}

Layout layout_of(const Plot *plot) {
    Layout layout = {.has_axes = true, .heat_range = range_empty()};
    Extents extents = {.x = range_empty(), .y = range_empty()};
    layout.x.is_log = plot->x_log;
    for (size_t i = 0; i < plot->layer_count; i++) {
        const Layer *layer = &plot->layers[i];
        switch (layer->kind) {
        case LAYER_LINE:
        case LAYER_BAND:
        case LAYER_SCATTER: add_points(plot, layer, &extents); break;
        case LAYER_BARS: add_bars(plot, layer, &layout, &extents); break;
        case LAYER_HISTOGRAM: add_histogram(plot, layer, &layout, &extents); break;
        case LAYER_HEAT: add_heat(plot, layer, &layout, &extents); break;
        case LAYER_IMAGES:
            layout.images = layer;
            layout.has_axes = false;
            break;
        }
    }
    if (layout.heat) extents.x_margin = extents.y_margin = 0;
    double y_min = plot->y_min, y_max = plot->y_max;
    if (extents.keeps_zero && !plot->y_log) {
        range_add(&extents.y, 0, false);
        extents.y_margin = 0.05;
        if (isnan(y_min) && extents.y.low >= 0) y_min = 0;
        if (isnan(y_max) && extents.y.high <= 0 && extents.y.low < 0) y_max = 0;
    }
    layout.x = axis_over(extents.x, plot->x_log && !layout.bar_layers, extents.x_margin, plot->x_min, plot->x_max);
    layout.y = axis_over(extents.y, plot->y_log, extents.y_margin, y_min, y_max);
    return layout;
}
