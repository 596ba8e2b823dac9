#include "runtime/plot/figure.h"

#include <math.h>

static const double ROW = 14, SAMPLE = 24, PADDING = 6, FONT = 9.5;
enum { CORNERS = 4 };

static double legend_width(const Figure *figure, const LegendEntry *entries, int count) {
    double width = 0;
    brush_font(figure->cr, FONT, false);
    for (int i = 0; i < count; i++) width = fmax(width, brush_text_width(figure->cr, entries[i].label));
    return width + SAMPLE + 2 * PADDING;
}

static bool holds(const Box *box, double x, double y) { return x >= box->left && x <= box->right && y >= box->top && y <= box->bottom; }

/* How much of a layer a box would hide: the points in it, and for a line also the middles between points. */
static double hidden_points(const Figure *figure, const Layer *layer, const Box *box) {
    double hidden = 0, last_x = NAN, last_y = NAN;
    size_t stride = layer->count / 2000 + 1;
    for (size_t i = 0; i < layer->count; i += stride) {
        bool is_shown = axis_can_show(layer->x[i], figure->layout.x.is_log) && axis_can_show(layer->y[i], figure->layout.y.is_log);
        double x = is_shown ? figure_x(figure, layer->x[i]) : NAN, y = is_shown ? figure_y(figure, layer->y[i]) : NAN;
        if (layer->kind == LAYER_LINE && is_shown && !isnan(last_x))
            for (int part = 1; part < 8; part++)
                hidden += holds(box, last_x + (x - last_x) * part / 8, last_y + (y - last_y) * part / 8) / 8.0;
        hidden += is_shown && holds(box, x, y);
        last_x = x;
        last_y = y;
    }
    return hidden * (double)stride / (double)(layer->count + 1);
}

static double hidden_bars(const Figure *figure, const Layer *layer, const Box *box) {
    double counts[BINS_MOST] = {0}, hidden = 0;
    bool is_histogram = layer->kind == LAYER_HISTOGRAM;
    if (is_histogram) layout_histogram(&figure->layout, layer, counts);
    size_t count = is_histogram ? (size_t)figure->layout.bin_count : layer->count;
    for (size_t i = 0; i < count; i++) {
        double left = (double)i - 0.4, right = (double)i + 0.4, height = is_histogram ? counts[i] : layer->y[i];
        if (is_histogram) {
            left = layout_bin_edge(&figure->layout, (int)i);
            right = layout_bin_edge(&figure->layout, (int)i + 1);
        }
        if (!axis_can_show(height, figure->layout.y.is_log) || (is_histogram && height == 0)) continue;
        bool overlaps = figure_x(figure, right) > box->left && figure_x(figure, left) < box->right;
        hidden += overlaps && figure_y(figure, height) - 12 < box->bottom;
    }
    return hidden / (double)(count + 1);
}

static Box corner_box(const Figure *figure, int corner, double width, double height) {
    const Box *frame = &figure->frame;
    double left = corner % 2 ? frame->left + 6 : frame->right - 6 - width;
    double top = corner / 2 ? frame->bottom - 6 - height : frame->top + 6;
    return (Box){left, top, left + width, top + height};
}

/* The corner that hides least, and how much that is. */
static double best_corner(const Figure *figure, double width, double height, Box *best) {
    double least = INFINITY;
    for (int corner = 0; corner < CORNERS; corner++) {
        Box box = corner_box(figure, corner, width, height);
        double hidden = 0;
        for (size_t i = 0; i < figure->plot->layer_count; i++) {
            const Layer *layer = &figure->plot->layers[i];
            if (layer->kind == LAYER_BARS || layer->kind == LAYER_HISTOGRAM) hidden += hidden_bars(figure, layer, &box);
            else if (layer->kind != LAYER_HEAT && layer->kind != LAYER_IMAGES) hidden += hidden_points(figure, layer, &box);
        }
        if (hidden < least) {
            least = hidden;
            *best = box;
        }
    }
    return least;
}

static bool needs_legend(const Figure *figure, const LegendEntry *entries, int count) {
    return count > 1 || (count == 1 && (figure->plot->layer_count > 1 || entries[0].class_number >= 0 || !*figure->plot->y_label));
}

/* In the margin when every corner is busy, or when the legend would take much of the frame. */
double legend_margin(const Figure *figure) {
    LegendEntry entries[LEGEND_MOST];
    Box box;
    int count = layout_legend(figure->plot, entries);
    if (!needs_legend(figure, entries, count)) return 0;
    double width = legend_width(figure, entries, count), height = count * ROW + 2 * PADDING - 2;
    double frame_width = figure->frame.right - figure->frame.left, frame_height = figure->frame.bottom - figure->frame.top;
    bool is_large = width > 0.45 * frame_width || height > 0.55 * frame_height;
    double hidden = best_corner(figure, width, height, &box);
    return is_large || hidden > 0.03 || figure->layout.heat ? width + 4 : 0;
}

void legend_draw(const Figure *figure) {
    LegendEntry entries[LEGEND_MOST];
    int count = layout_legend(figure->plot, entries);
    if (!needs_legend(figure, entries, count)) return;
    double width = legend_width(figure, entries, count), height = count * ROW + 2 * PADDING - 2;
    Box box;
    if (figure->legend_room > 0) {
        double left = figure->plot->width - figure->legend_room - 2;
        box = (Box){left, figure->frame.top, left + width, figure->frame.top + height};
    } else {
        best_corner(figure, width, height, &box);
        brush_colour(figure->cr, (Colour){1, 1, 1}, 0.85);
        cairo_rectangle(figure->cr, box.left, box.top, width, height);
        cairo_fill(figure->cr);
    }
    for (int i = 0; i < count; i++) {
        double y = box.top + PADDING + ROW * (i + 0.5) - 1;
        marks_sample(figure, &entries[i], box.left + PADDING + 8, y);
        brush_font(figure->cr, FONT, false);
        brush_grey(figure->cr, 0.2);
        brush_text(figure->cr, box.left + PADDING + SAMPLE, y, 0, 0.5, entries[i].label);
    }
}
