#include "runtime/plot/plot.h"

#include "runtime/base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

Plot *plot_new(void) {
    Plot *plot = allocate(sizeof *plot);
    *plot = (Plot){.width = 480, .height = 320, .x_min = NAN, .x_max = NAN, .y_min = NAN, .y_max = NAN};
    plot->title = copy_string("");
    plot->x_label = copy_string("");
    plot->y_label = copy_string("");
    return plot;
}

static void free_names(char **names, size_t count) {
    for (size_t i = 0; i < count; i++) free(names[i]);
    free(names);
}

static void free_layer(Layer *layer) {
    free(layer->label);
    free(layer->x);
    free(layer->y);
    free(layer->high);
    free(layer->classes);
    free_names(layer->names, layer->name_count);
    free_names(layer->row_names, layer->row_name_count);
    tensor_release(layer->images);
}

void plot_free(Plot *plot) {
    if (!plot) return;
    for (size_t i = 0; i < plot->layer_count; i++) free_layer(&plot->layers[i]);
    free(plot->layers);
    free(plot->title);
    free(plot->x_label);
    free(plot->y_label);
    free(plot);
}

static void replace(char **slot, const char *text) {
    free(*slot);
    *slot = copy_string(text ? text : "");
}

void plot_set_title(Plot *plot, const char *title) { replace(&plot->title, title); }

void plot_set_labels(Plot *plot, const char *x_label, const char *y_label) {
    replace(&plot->x_label, x_label);
    replace(&plot->y_label, y_label);
}

static double *copy_numbers(const double *numbers, size_t count) {
    double *copy = allocate(count * sizeof *copy);
    if (count) memcpy(copy, numbers, count * sizeof *copy);
    return copy;
}

static double *count_up(size_t count) {
    double *numbers = allocate(count * sizeof *numbers);
    for (size_t i = 0; i < count; i++) numbers[i] = (double)i;
    return numbers;
}

static Layer *add_layer(Plot *plot, LayerKind kind, const char *label, const double *x, const double *y, size_t count) {
    list_reserve((void **)&plot->layers, sizeof *plot->layers, plot->layer_count + 1, &plot->layer_capacity);
    Layer *layer = &plot->layers[plot->layer_count++];
    *layer = (Layer){.kind = kind, .label = copy_string(label ? label : ""), .count = count};
    layer->x = x ? copy_numbers(x, count) : count_up(count);
    layer->y = copy_numbers(y, count);
    return layer;
}

Layer *plot_line(Plot *plot, const char *label, const double *x, const double *y, size_t count) {
    return add_layer(plot, LAYER_LINE, label, x, y, count);
}

Layer *plot_band(Plot *plot, const char *label, const double *x, const double *low, const double *high, size_t count) {
    Layer *layer = add_layer(plot, LAYER_BAND, label, x, low, count);
    layer->high = copy_numbers(high, count);
    return layer;
}

Layer *plot_scatter(Plot *plot, const char *label, const double *x, const double *y, const int64_t *classes, size_t count) {
    Layer *layer = add_layer(plot, LAYER_SCATTER, label, x, y, count);
    if (classes) {
        layer->classes = allocate(count * sizeof *classes);
        if (count) memcpy(layer->classes, classes, count * sizeof *classes);
    }
    return layer;
}

Layer *plot_bars(Plot *plot, const char *label, const char *const *names, const double *heights, size_t count) {
    Layer *layer = add_layer(plot, LAYER_BARS, label, NULL, heights, count);
    if (names) layer_set_names(layer, names, count);
    return layer;
}

Layer *plot_histogram(Plot *plot, const char *label, const double *values, size_t count, int bins) {
    Layer *layer = add_layer(plot, LAYER_HISTOGRAM, label, NULL, values, count);
    layer->bins = bins;
    return layer;
}

Layer *plot_heat(Plot *plot, const char *label, const double *values, size_t rows, size_t columns) {
    Layer *layer = add_layer(plot, LAYER_HEAT, label, NULL, values, rows * columns);
    layer->rows = rows;
    layer->columns = columns;
    return layer;
}

Layer *plot_field(Plot *plot, const char *label, const double *values, size_t rows, size_t columns, double x0, double x1, double y0,
                  double y1) {
    Layer *layer = plot_heat(plot, label, values, rows, columns);
    layer->has_extent = true;
    layer->extent[0] = x0;
    layer->extent[1] = x1;
    layer->extent[2] = y0;
    layer->extent[3] = y1;
    return layer;
}

Layer *plot_images(Plot *plot, const char *label, Tensor *images) {
    Layer *layer = add_layer(plot, LAYER_IMAGES, label, NULL, NULL, 0);
    layer->images = tensor_retain(images);
    return layer;
}

static char **copy_names(const char *const *names, size_t count) {
    char **copy = allocate(count * sizeof *copy);
    for (size_t i = 0; i < count; i++) copy[i] = copy_string(names[i] ? names[i] : "");
    return copy;
}

void layer_set_names(Layer *layer, const char *const *names, size_t count) {
    free_names(layer->names, layer->name_count);
    layer->names = copy_names(names, count);
    layer->name_count = count;
}

void layer_set_row_names(Layer *layer, const char *const *names, size_t count) {
    free_names(layer->row_names, layer->row_name_count);
    layer->row_names = copy_names(names, count);
    layer->row_name_count = count;
}
