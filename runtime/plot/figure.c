#include "runtime/plot/figure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double TITLE_FONT = 12, LABEL_FONT = 10.5, TICK_FONT = 9.5, EDGE = 10;
enum { TEXTS_MOST = 64, NAME_TEXT = 64 };

/* What stands along an axis: numbers at ticks or the names of categories. */
typedef struct AxisTexts {
    int count;
    double at[TEXTS_MOST];
    const char *label[TEXTS_MOST];
    Ticks ticks;              /* owns the labels that are numbers */
    bool is_turned, is_split; /* names too long for their places: slanted, or on two lines */
} AxisTexts;

/* Far outside the frame cairo's fixed-point coordinates would wrap around. */
static double near_place(const Axis *axis, double value) { return fmax(-20, fmin(20, axis_place(axis, value))); }

double figure_x(const Figure *figure, double value) {
    return figure->frame.left + near_place(&figure->layout.x, value) * (figure->frame.right - figure->frame.left);
}

double figure_y(const Figure *figure, double value) {
    double place = near_place(&figure->layout.y, value), height = figure->frame.bottom - figure->frame.top;
    return figure->layout.y_down ? figure->frame.top + place * height : figure->frame.bottom - place * height;
}

static double snap(double at) { return floor(at) + 0.5; }

/* ---- axis texts ---- */

static void category_texts(char *const *names, size_t count, AxisTexts *texts) {
    size_t stride = (count + TEXTS_MOST - 1) / TEXTS_MOST;
    texts->count = 0;
    for (size_t i = 0; i < count; i += stride ? stride : 1) {
        texts->at[texts->count] = (double)i;
        texts->label[texts->count++] = names[i];
    }
}

static void number_texts(const Axis *axis, int most, bool only_whole, AxisTexts *texts) {
    axis_ticks(axis, most, &texts->ticks);
    texts->count = 0;
    for (int i = 0; i < texts->ticks.count; i++) {
        if (only_whole && texts->ticks.at[i] != nearbyint(texts->ticks.at[i])) continue;
        texts->at[texts->count] = texts->ticks.at[i];
        texts->label[texts->count++] = texts->ticks.label[i];
    }
}

/* At the blank nearest to the middle; the second half is empty where there is none. */
static void split_name(const char *name, char halves[2][NAME_TEXT]) {
    long length = (long)strlen(name), best = length;
    for (long i = 1; i < length - 1; i++)
        if (name[i] == ' ' && labs(2 * i - length) < labs(2 * best - length)) best = i;
    snprintf(halves[0], NAME_TEXT, "%.*s", (int)best, name);
    snprintf(halves[1], NAME_TEXT, "%s", best < length ? name + best + 1 : "");
}

static bool counts_columns(const Layout *layout) { return layout->bar_layers > 0 || (layout->heat && !layout->heat->has_extent); }

static void x_texts(const Figure *figure, AxisTexts *texts) {
    const Layout *layout = &figure->layout;
    int most = (int)((figure->frame.right - figure->frame.left) / 62);
    texts->is_turned = texts->is_split = false;
    if (!layout->categories) {
        number_texts(&layout->x, most, counts_columns(layout), texts);
        return;
    }
    category_texts(layout->categories->names, layout->categories->name_count, texts);
    double slot = (figure->frame.right - figure->frame.left) / (layout->x.high - layout->x.low) - 4;
    double widest = 0, widest_half = 0;
    for (int i = 0; i < texts->count; i++) {
        char halves[2][NAME_TEXT];
        split_name(texts->label[i], halves);
        widest = fmax(widest, brush_text_width(figure->cr, texts->label[i]));
        widest_half = fmax(widest_half, fmax(brush_text_width(figure->cr, halves[0]), brush_text_width(figure->cr, halves[1])));
    }
    texts->is_split = widest > slot && widest_half <= slot;
    texts->is_turned = widest > slot && widest_half > slot;
}

static void y_texts(const Figure *figure, AxisTexts *texts) {
    const Layout *layout = &figure->layout;
    int most = (int)((figure->frame.bottom - figure->frame.top) / 38);
    if (layout->heat && layout->heat->row_names) category_texts(layout->heat->row_names, layout->heat->row_name_count, texts);
    else number_texts(&layout->y, most, layout->y_down, texts);
}

static double widest_text(const Figure *figure, const AxisTexts *texts) {
    double widest = 0;
    for (int i = 0; i < texts->count; i++) widest = fmax(widest, brush_text_width(figure->cr, texts->label[i]));
    return widest;
}

static double x_texts_height(const Figure *figure, const AxisTexts *texts) {
    if (texts->is_turned) return fmin(0.75 * widest_text(figure, texts) + 8, figure->plot->height / 3);
    return texts->is_split ? 25 : 14;
}

/* ---- colour bar ---- */

static Axis colour_axis(const Layout *layout) {
    Range range = layout->heat_range;
    if (layout_is_diverging(layout)) {
        range.high = fmax(range.high, -range.low);
        range.low = -range.high;
    }
    return axis_over(range, false, 0, NAN, NAN);
}

static double colour_bar_room(const Figure *figure) {
    if (!figure->layout.heat) return 0;
    Ticks ticks;
    Axis axis = colour_axis(&figure->layout);
    double widest = 0;
    axis_ticks(&axis, 5, &ticks);
    for (int i = 0; i < ticks.count; i++) widest = fmax(widest, brush_text_width(figure->cr, ticks.label[i]));
    return 10 + 10 + 5 + widest + (*figure->layout.heat->label ? 18 : 0);
}

static Colour bar_colour(const void *context, long row, long column) {
    (void)column;
    return colour_of_place(1 - ((double)row + 0.5) / 128, layout_is_diverging(context));
}

static void draw_colour_bar(const Figure *figure) {
    if (!figure->layout.heat) return;
    cairo_t *cr = figure->cr;
    Box bar = {figure->frame.right + 10, figure->frame.top, figure->frame.right + 20, figure->frame.bottom};
    brush_cells(cr, bar, 128, 1, bar_colour, &figure->layout);
    Ticks ticks;
    Axis axis = colour_axis(&figure->layout);
    axis_ticks(&axis, (int)fmax(2, (bar.bottom - bar.top) / 38), &ticks);
    brush_font(cr, TICK_FONT, false);
    double widest = 0;
    for (int i = 0; i < ticks.count; i++) {
        double y = bar.bottom - axis_place(&axis, ticks.at[i]) * (bar.bottom - bar.top);
        brush_grey(cr, 0.3);
        brush_text(cr, bar.right + 5, y, 0, 0.5, ticks.label[i]);
        widest = fmax(widest, brush_text_width(cr, ticks.label[i]));
    }
    if (!*figure->layout.heat->label) return;
    brush_font(cr, LABEL_FONT, false);
    brush_grey(cr, 0.2);
    brush_turned_text(cr, bar.right + 12 + widest, (bar.top + bar.bottom) / 2, M_PI / 2, 0.5, 1, figure->layout.heat->label);
}

/* ---- frame ---- */

/* Cells of a matrix are squares unless that would waste most of the page. */
static void square_cells(Figure *figure) {
    const Layer *heat = figure->layout.heat;
    if (!heat || heat->has_extent || !heat->rows || !heat->columns) return;
    double aspect = (double)heat->columns / (double)heat->rows;
    double width = figure->frame.right - figure->frame.left, height = figure->frame.bottom - figure->frame.top;
    if (aspect < 0.25 || aspect > 4) return;
    if (width / height > aspect) {
        double spare = width - height * aspect;
        figure->frame.left += spare / 2;
        figure->frame.right -= spare / 2;
    } else {
        figure->frame.bottom = figure->frame.top + width / aspect;
    }
}

static void place_frame(Figure *figure, AxisTexts *across, AxisTexts *upward) {
    const Plot *plot = figure->plot;
    Box *frame = &figure->frame;
    *frame = (Box){50, EDGE + (*plot->title ? 20 : 2), plot->width - EDGE - 4, plot->height - 30};
    brush_font(figure->cr, TICK_FONT, false);
    y_texts(figure, upward);
    frame->left = EDGE + widest_text(figure, upward) + 6 + (*plot->y_label ? 17 : 0);
    frame->right -= colour_bar_room(figure);
    figure->legend_room = legend_margin(figure);
    frame->right = fmax(frame->right - figure->legend_room, frame->left + 20);
    brush_font(figure->cr, TICK_FONT, false);
    x_texts(figure, across);
    frame->bottom = fmax(plot->height - EDGE - x_texts_height(figure, across) - (*plot->x_label ? 17 : 0), frame->top + 20);
    square_cells(figure);
    y_texts(figure, upward);
    x_texts(figure, across);
}

static void draw_grid(const Figure *figure, const AxisTexts *across, const AxisTexts *upward) {
    const Box *frame = &figure->frame;
    cairo_t *cr = figure->cr;
    if (figure->layout.heat) return;
    brush_grey(cr, 0.91);
    cairo_set_line_width(cr, 0.7);
    for (int i = 0; i < across->count && !figure->layout.bar_layers; i++) {
        double x = snap(figure_x(figure, across->at[i]));
        brush_line(cr, x, frame->top, x, frame->bottom);
    }
    for (int i = 0; i < upward->count; i++) {
        double y = snap(figure_y(figure, upward->at[i]));
        brush_line(cr, frame->left, y, frame->right, y);
    }
}

static void draw_x_text(const Figure *figure, const AxisTexts *texts, int i, double x) {
    double y = figure->frame.bottom + 5;
    if (texts->is_turned) {
        brush_turned_text(figure->cr, x + 2, y + 1, -M_PI / 4, 1, 0.5, texts->label[i]);
    } else if (texts->is_split) {
        char halves[2][NAME_TEXT];
        split_name(texts->label[i], halves);
        brush_text(figure->cr, x, y, 0.5, 0, halves[0]);
        brush_text(figure->cr, x, y + 11, 0.5, 0, halves[1]);
    } else {
        brush_text(figure->cr, x, y, 0.5, 0, texts->label[i]);
    }
}

static void draw_axes(const Figure *figure, const AxisTexts *across, const AxisTexts *upward) {
    const Box *frame = &figure->frame;
    cairo_t *cr = figure->cr;
    brush_grey(cr, 0.45);
    cairo_set_line_width(cr, 0.8);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_BUTT);
    brush_line(cr, frame->left, snap(frame->bottom), frame->right, snap(frame->bottom));
    brush_line(cr, snap(frame->left), frame->top, snap(frame->left), frame->bottom);
    bool has_zero = figure->layout.bar_layers && !figure->layout.y.is_log && figure->layout.y.low < 0;
    if (has_zero) brush_line(cr, frame->left, snap(figure_y(figure, 0)), frame->right, snap(figure_y(figure, 0)));
    brush_font(cr, TICK_FONT, false);
    for (int i = 0; i < across->count; i++) {
        double x = figure_x(figure, across->at[i]);
        if (x < frame->left - 1 || x > frame->right + 1) continue;
        brush_grey(cr, 0.3);
        draw_x_text(figure, across, i, x);
    }
    for (int i = 0; i < upward->count; i++) {
        double y = figure_y(figure, upward->at[i]);
        brush_grey(cr, 0.3);
        brush_text(cr, frame->left - 5, y, 1, 0.5, upward->label[i]);
    }
}

static void draw_labels(const Figure *figure, const AxisTexts *across, const AxisTexts *upward) {
    const Plot *plot = figure->plot;
    const Box *frame = &figure->frame;
    cairo_t *cr = figure->cr;
    brush_font(cr, TICK_FONT, false);
    double x = frame->left - 5 - widest_text(figure, upward) - 9, y = frame->bottom + x_texts_height(figure, across) + 9;
    brush_grey(cr, 0.2);
    brush_font(cr, LABEL_FONT, false);
    brush_text(cr, (frame->left + frame->right) / 2, y, 0.5, 0, plot->x_label);
    brush_turned_text(cr, x, (frame->top + frame->bottom) / 2, -M_PI / 2, 0.5, 1, plot->y_label);
}

/* A long title gets smaller rather than being cut. */
static void draw_title(cairo_t *cr, const Plot *plot, double left) {
    brush_font(cr, TITLE_FONT, true);
    double width = brush_text_width(cr, plot->title), room = plot->width - left - EDGE;
    if (width > room) brush_font(cr, fmax(6, TITLE_FONT * room / width), true);
    brush_grey(cr, 0.1);
    brush_text(cr, left, EDGE + 1, 0, 0, plot->title);
}

static void draw_message(const Figure *figure, const char *message) {
    brush_font(figure->cr, LABEL_FONT, false);
    brush_grey(figure->cr, 0.55);
    brush_text(figure->cr, (figure->frame.left + figure->frame.right) / 2, (figure->frame.top + figure->frame.bottom) / 2, 0.5, 0.5,
               message);
}

static bool is_empty(const Plot *plot) {
    for (size_t i = 0; i < plot->layer_count; i++)
        for (size_t j = 0; j < plot->layers[i].count; j++)
            if (axis_can_show(plot->layers[i].y[j], plot->y_log && plot->layers[i].kind != LAYER_HISTOGRAM)) return false;
    return true;
}

void figure_draw(cairo_t *cr, const Plot *plot) {
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_paint(cr);
    Figure figure = {.cr = cr, .plot = plot, .layout = layout_of(plot)};
    if (figure.layout.images) {
        draw_title(cr, plot, EDGE);
        gallery_draw(cr, figure.layout.images, (Box){EDGE, EDGE + (*plot->title ? 20 : 0), plot->width - EDGE, plot->height - EDGE});
        return;
    }
    AxisTexts across, upward;
    place_frame(&figure, &across, &upward);
    draw_grid(&figure, &across, &upward);
    cairo_save(cr);
    const Box *frame = &figure.frame;
    cairo_rectangle(cr, frame->left - 1, frame->top - 3, frame->right - frame->left + 4, frame->bottom - frame->top + 4);
    cairo_clip(cr);
    for (size_t i = 0; i < plot->layer_count; i++) marks_draw(&figure, &plot->layers[i]);
    cairo_restore(cr);
    if (is_empty(plot)) draw_message(&figure, "no data");
    draw_axes(&figure, &across, &upward);
    draw_colour_bar(&figure);
    draw_labels(&figure, &across, &upward);
    draw_title(cr, plot, figure.layout.heat ? EDGE : figure.frame.left);
    legend_draw(&figure);
}
