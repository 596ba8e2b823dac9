#include "runtime/plot/figure.h"

#include "runtime/base/memory.h"
#include "runtime/base/print.h"

#include <math.h>
#include <stdlib.h>

static const double LINE_WIDTH = 1.6;
enum { FEW_POINTS = 12, MANY_POINTS = 10000, WRITTEN_CELLS = 12 };

static bool is_shown(const Figure *figure, double x, double y) {
    return axis_can_show(x, figure->layout.x.is_log) && axis_can_show(y, figure->layout.y.is_log);
}

/* ---- lines ---- */

typedef struct Column {
    double x, first, low, high, last;
    bool is_open;
} Column;

static void flush_column(cairo_t *cr, Column *column) {
    if (!column->is_open) return;
    cairo_line_to(cr, column->x, column->first);
    if (column->low < fmin(column->first, column->last)) cairo_line_to(cr, column->x, column->low);
    if (column->high > fmax(column->first, column->last)) cairo_line_to(cr, column->x, column->high);
    cairo_line_to(cr, column->x, column->last);
    column->is_open = false;
}

/* Points closer than a quarter of a point along x become one upright stroke: a million steps stay a small file. */
static void trace_line(const Figure *figure, const Layer *layer) {
    cairo_t *cr = figure->cr;
    Column column = {.is_open = false};
    for (size_t i = 0; i < layer->count; i++) {
        if (!is_shown(figure, layer->x[i], layer->y[i])) {
            flush_column(cr, &column);
            cairo_new_sub_path(cr);
            continue;
        }
        double x = figure_x(figure, layer->x[i]), y = figure_y(figure, layer->y[i]);
        bool is_near = column.is_open && fabs(x - column.x) < 0.25 && layer->count > 1000;
        if (!is_near) {
            flush_column(cr, &column);
            column = (Column){.x = x, .first = y, .low = y, .high = y, .is_open = true};
        }
        column.low = fmin(column.low, y);
        column.high = fmax(column.high, y);
        column.last = y;
    }
    flush_column(cr, &column);
}

/* A point between two gaps would not be seen as part of a line. */
static void draw_points_of_line(const Figure *figure, const Layer *layer, int style) {
    for (size_t i = 0; i < layer->count; i++) {
        if (!is_shown(figure, layer->x[i], layer->y[i])) continue;
        bool has_before = i > 0 && is_shown(figure, layer->x[i - 1], layer->y[i - 1]);
        bool has_after = i + 1 < layer->count && is_shown(figure, layer->x[i + 1], layer->y[i + 1]);
        bool is_alone = !has_before && !has_after;
        if (layer->count > FEW_POINTS && !is_alone) continue;
        brush_mark(figure->cr, style, figure_x(figure, layer->x[i]), figure_y(figure, layer->y[i]), is_alone ? 3 : 2.4);
    }
}

static void draw_line(const Figure *figure, const Layer *layer) {
    cairo_t *cr = figure->cr;
    int style = layout_style(figure->plot, layer);
    brush_colour(cr, colour_of_style(style), 1);
    cairo_set_line_width(cr, LINE_WIDTH);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_cap(cr, layer->is_dashed ? CAIRO_LINE_CAP_BUTT : CAIRO_LINE_CAP_ROUND);
    if (layer->is_dashed) cairo_set_dash(cr, (double[]){5, 3}, 2, 0);
    cairo_new_path(cr);
    trace_line(figure, layer);
    cairo_stroke(cr);
    cairo_set_dash(cr, NULL, 0, 0);
    if (!layer->is_dashed) draw_points_of_line(figure, layer, style);
}

static void draw_band(const Figure *figure, const Layer *layer) {
    cairo_t *cr = figure->cr;
    brush_colour(cr, colour_of_style(layout_style(figure->plot, layer)), 0.2);
    cairo_new_path(cr);
    for (size_t start = 0; start < layer->count;) {
        size_t end = start;
        while (end < layer->count && is_shown(figure, layer->x[end], layer->y[end]) && is_shown(figure, layer->x[end], layer->high[end]))
            end++;
        for (size_t i = start; i < end; i++) cairo_line_to(cr, figure_x(figure, layer->x[i]), figure_y(figure, layer->y[i]));
        for (size_t i = end; i > start; i--) cairo_line_to(cr, figure_x(figure, layer->x[i - 1]), figure_y(figure, layer->high[i - 1]));
        if (end > start) cairo_close_path(cr);
        start = end + 1;
    }
    cairo_fill(cr);
}

/* ---- points ---- */

static double point_radius(size_t count) { return count <= 100 ? 3 : count <= 1000 ? 2.3 : count <= 10000 ? 1.6 : 1.1; }

static void draw_point(const Figure *figure, int style, double x, double y, double radius, double alpha) {
    int shape = style < 0 ? 0 : style;
    if (figure->layout.heat) { /* a white rim sets points apart from the colours behind them */
        brush_colour(figure->cr, (Colour){1, 1, 1}, 0.9);
        brush_mark(figure->cr, shape, x, y, radius + 0.8);
        alpha = 1;
    }
    brush_colour(figure->cr, colour_of_style(style), alpha);
    brush_mark(figure->cr, shape, x, y, radius);
}

/* Of points of one class that fall on the same quarter of a square point, one is drawn. */
static void draw_points(const Figure *figure, const Layer *layer) {
    double radius = point_radius(layer->count), alpha = layer->count <= 100 ? 0.9 : layer->count <= 2000 ? 0.75 : 0.5;
    long width = lround(2 * (figure->frame.right - figure->frame.left)) + 1;
    long height = lround(2 * (figure->frame.bottom - figure->frame.top)) + 1;
    int64_t *taken = allocate((size_t)(width * height) * sizeof *taken); /* class + 2 of the last point drawn there */
    int style = layout_style(figure->plot, layer);
    for (size_t i = 0; i < layer->count; i++) {
        if (!is_shown(figure, layer->x[i], layer->y[i])) continue;
        double x = figure_x(figure, layer->x[i]), y = figure_y(figure, layer->y[i]);
        long column = lround(2 * (x - figure->frame.left)), row = lround(2 * (y - figure->frame.top));
        if (column < 0 || row < 0 || column >= width || row >= height) continue;
        int64_t class = layer->classes ? layer->classes[i] : 0, *slot = &taken[row * width + column];
        if (class < 0) class = -1;
        if (*slot == class + 2) continue;
        *slot = class + 2;
        draw_point(figure, layer->classes ? (int)(class < 0 ? -1 : class % 12) : style, x, y, radius, alpha);
    }
    free(taken);
}

/* Very many points become pixels: as shapes they would make an SVG file of many megabytes. */
static void draw_scatter(const Figure *figure, const Layer *layer) {
    const double scale = 3;
    if (layer->count <= MANY_POINTS) {
        draw_points(figure, layer);
        return;
    }
    int width = (int)ceil(scale * figure->plot->width), height = (int)ceil(scale * figure->plot->height);
    cairo_surface_t *pixels = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, width, height);
    Figure inner = *figure;
    inner.cr = cairo_create(pixels);
    cairo_scale(inner.cr, scale, scale);
    draw_points(&inner, layer);
    cairo_destroy(inner.cr);
    cairo_save(figure->cr);
    cairo_scale(figure->cr, 1 / scale, 1 / scale);
    cairo_set_source_surface(figure->cr, pixels, 0, 0);
    cairo_paint(figure->cr);
    cairo_restore(figure->cr);
    cairo_surface_destroy(pixels);
}

/* ---- bars ---- */

static void draw_bar(const Figure *figure, double left, double right, double height, int style, double alpha) {
    if (!axis_can_show(height, figure->layout.y.is_log)) return;
    double base = figure->layout.y.is_log ? figure->layout.y.low : 0;
    double x = figure_x(figure, left), top = figure_y(figure, height), bottom = figure_y(figure, base);
    brush_colour(figure->cr, colour_of_style(style), alpha);
    cairo_rectangle(figure->cr, x, fmin(top, bottom), figure_x(figure, right) - x, fabs(bottom - top));
    cairo_fill(figure->cr);
}

static void write_bar_value(const Figure *figure, double left, double right, double height) {
    Text number = {0};
    number_print_digits(height, 3, &number);
    double x0 = figure_x(figure, left), x1 = figure_x(figure, right), y = figure_y(figure, height);
    brush_font(figure->cr, 8.5, false);
    if (brush_text_width(figure->cr, text_string(&number)) < x1 - x0 + 2 && axis_can_show(height, figure->layout.y.is_log)) {
        brush_grey(figure->cr, 0.3);
        brush_text(figure->cr, (x0 + x1) / 2, height < 0 ? y + 3 : y - 3, 0.5, height < 0 ? 0 : 1, text_string(&number));
    }
    text_free(&number);
}

static void draw_bars(const Figure *figure, const Layer *layer) {
    int order = 0;
    for (const Layer *before = figure->plot->layers; before < layer; before++) order += before->kind == LAYER_BARS;
    int style = layout_style(figure->plot, layer);
    for (size_t i = 0; i < layer->count; i++) {
        double left, right;
        layout_bar(&figure->layout, order, i, &left, &right);
        draw_bar(figure, left, right, layer->y[i], style, 0.9);
        write_bar_value(figure, left, right, layer->y[i]);
    }
}

static void draw_histogram(const Figure *figure, const Layer *layer) {
    double counts[BINS_MOST];
    int style = layout_style(figure->plot, layer);
    size_t histograms = 0;
    for (size_t i = 0; i < figure->plot->layer_count; i++) histograms += figure->plot->layers[i].kind == LAYER_HISTOGRAM;
    layout_histogram(&figure->layout, layer, counts);
    for (int i = 0; i < figure->layout.bin_count; i++) {
        double left = layout_bin_edge(&figure->layout, i), right = layout_bin_edge(&figure->layout, i + 1);
        if (counts[i] > 0) draw_bar(figure, left, right, counts[i], style, histograms > 1 ? 0.5 : 0.85);
    }
    /* A hairline between bars, an outline where histograms overlap. */
    brush_colour(figure->cr, histograms > 1 ? colour_of_style(style) : (Colour){1, 1, 1}, 1);
    cairo_set_line_width(figure->cr, histograms > 1 ? 1.2 : 0.6);
    double bottom = figure_y(figure, figure->layout.y.is_log ? figure->layout.y.low : 0), before = bottom;
    for (int i = 0; i <= figure->layout.bin_count; i++) {
        double x = figure_x(figure, layout_bin_edge(&figure->layout, i));
        double y = i < figure->layout.bin_count && counts[i] > 0 ? figure_y(figure, counts[i]) : bottom;
        if (histograms > 1) {
            cairo_line_to(figure->cr, x, before);
            cairo_line_to(figure->cr, x, y);
        } else {
            cairo_move_to(figure->cr, x, bottom);
            cairo_line_to(figure->cr, x, fmin(before, y));
        }
        before = y;
    }
    cairo_stroke(figure->cr);
}

/* ---- matrices ---- */

typedef struct HeatCells {
    const Figure *figure;
    const Layer *layer;
    long finer; /* drawn cells per matrix cell and side */
    bool flips, is_pale;
} HeatCells;

static double heat_value(const Layer *layer, long row, long column) {
    long rows = (long)layer->rows, columns = (long)layer->columns;
    row = row < 0 ? 0 : row >= rows ? rows - 1 : row;
    column = column < 0 ? 0 : column >= columns ? columns - 1 : column;
    return layer->y[row * columns + column];
}

/* Bilinear between the centres of cells. */
static double smooth_value(const Layer *layer, double row, double column) {
    long i = (long)floor(row), j = (long)floor(column);
    double down = row - (double)i, across = column - (double)j;
    double first = (1 - across) * heat_value(layer, i, j) + across * heat_value(layer, i, j + 1);
    double second = (1 - across) * heat_value(layer, i + 1, j) + across * heat_value(layer, i + 1, j + 1);
    return (1 - down) * first + down * second;
}

static Colour heat_colour(const void *context, long row, long column) {
    const HeatCells *cells = context;
    const Layer *layer = cells->layer;
    long finer = cells->finer;
    if (cells->flips) row = (long)layer->rows * finer - 1 - row;
    double value = finer == 1
                       ? heat_value(layer, row, column)
                       : smooth_value(layer, ((double)row + 0.5) / (double)finer - 0.5, ((double)column + 0.5) / (double)finer - 0.5);
    double place = isnan(value) ? NAN : layout_heat_place(&cells->figure->layout, value);
    Colour colour = colour_of_place(place, layout_is_diverging(&cells->figure->layout));
    return cells->is_pale ? colour_mix(colour, (Colour){1, 1, 1}, 0.35) : colour;
}

static void write_cells(const Figure *figure, const HeatCells *cells, Box box) {
    const Layer *layer = cells->layer;
    double width = (box.right - box.left) / (double)layer->columns, height = (box.bottom - box.top) / (double)layer->rows;
    if (layer->rows > WRITTEN_CELLS || layer->columns > WRITTEN_CELLS || height < 12) return;
    brush_font(figure->cr, fmin(10, height / 2), false);
    for (size_t row = 0; row < layer->rows; row++)
        for (size_t column = 0; column < layer->columns; column++) {
            Text number = {0};
            number_print_digits(layer->y[row * layer->columns + column], 3, &number);
            bool is_dark = colour_lightness(heat_colour(cells, (long)row, (long)column)) < 0.55;
            if (brush_text_width(figure->cr, text_string(&number)) < width - 2) {
                brush_grey(figure->cr, is_dark ? 1 : 0.1);
                brush_text(figure->cr, box.left + ((double)column + 0.5) * width, box.top + ((double)row + 0.5) * height, 0.5, 0.5,
                           text_string(&number));
            }
            text_free(&number);
        }
}

static void draw_heat(const Figure *figure, const Layer *layer) {
    double extent[4];
    layout_heat_extent(layer, extent);
    HeatCells cells = {figure, layer, .finer = 1, .flips = layer->has_extent, .is_pale = figure->plot->layer_count > 1};
    size_t longest = layer->rows > layer->columns ? layer->rows : layer->columns;
    if (layer->has_extent && longest > 0 && longest < 400) cells.finer = (long)(400 / longest) + 1;
    double x0 = figure_x(figure, extent[0]), x1 = figure_x(figure, extent[1]);
    double y0 = figure_y(figure, extent[2]), y1 = figure_y(figure, extent[3]);
    Box box = {fmin(x0, x1), fmin(y0, y1), fmax(x0, x1), fmax(y0, y1)};
    brush_cells(figure->cr, box, (long)layer->rows * cells.finer, (long)layer->columns * cells.finer, heat_colour, &cells);
    if (!layer->has_extent && figure->plot->layer_count == 1) write_cells(figure, &cells, box);
}

void marks_draw(const Figure *figure, const Layer *layer) {
    switch (layer->kind) {
    case LAYER_LINE: draw_line(figure, layer); break;
    case LAYER_BAND: draw_band(figure, layer); break;
    case LAYER_SCATTER: draw_scatter(figure, layer); break;
    case LAYER_BARS: draw_bars(figure, layer); break;
    case LAYER_HISTOGRAM: draw_histogram(figure, layer); break;
    case LAYER_HEAT: draw_heat(figure, layer); break;
    case LAYER_IMAGES: break;
    }
}

void marks_sample(const Figure *figure, const LegendEntry *entry, double x, double y) {
    cairo_t *cr = figure->cr;
    bool is_area = entry->layer->kind != LAYER_LINE && entry->layer->kind != LAYER_SCATTER;
    brush_colour(cr, colour_of_style(entry->style), entry->layer->kind == LAYER_BAND ? 0.25 : 0.95);
    if (is_area) {
        cairo_rectangle(cr, x - 6, y - 4, 12, 8);
        cairo_fill(cr);
    } else if (entry->layer->kind == LAYER_SCATTER) {
        brush_mark(cr, entry->style, x, y, 3);
    } else {
        cairo_set_line_width(cr, LINE_WIDTH + 0.2);
        if (entry->layer->is_dashed) cairo_set_dash(cr, (double[]){5, 3}, 2, 0);
        brush_line(cr, x - 8, y, x + 8, y);
        cairo_set_dash(cr, NULL, 0, 0);
        if (entry->layer->count <= FEW_POINTS && !entry->layer->is_dashed) brush_mark(cr, entry->style, x, y, 2.4);
    }
}
