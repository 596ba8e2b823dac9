/* plot_terminal: the layers of a plot on a canvas of characters, with axes around it. */
#include "runtime/base/print.h"
#include "runtime/base/width.h"
#include "runtime/plot/canvas.h"
#include "runtime/plot/image.h"
#include "runtime/plot/layout.h"
#include "runtime/plot/terminal_bars.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DEFAULT_COLUMNS = 80, DEFAULT_ROWS = 20, LEAST_COLUMNS = 16, LEAST_ROWS = 3, MARKS = 6, LABELS_MOST = 64 };

typedef struct Screen {
    const Plot *plot;
    Layout layout;
    Canvas canvas;
    const char *row_labels[LABELS_MOST * 4]; /* text at the right of a row, NULL: none */
    int row_styles[LABELS_MOST * 4];
} Screen;

static const char *mark_of(int style) {
    static const char *const marks[MARKS] = {"●", "▲", "■", "◆", "▼", "○"};
    return style < 0 ? "·" : marks[style % MARKS];
}

/* Dots from the left and from the top. */
static double dot_x(const Screen *screen, double value) {
    return axis_place(&screen->layout.x, value) * (2.0 * screen->canvas.columns - 1) + 0.5;
}

static double dot_y(const Screen *screen, double value) {
    double place = axis_place(&screen->layout.y, value);
    return (screen->layout.y_down ? place : 1 - place) * (4.0 * screen->canvas.rows - 1) + 0.5;
}

static bool is_shown(const Screen *screen, double x, double y) {
    return axis_can_show(x, screen->layout.x.is_log) && axis_can_show(y, screen->layout.y.is_log);
}

/* ---- layers ---- */

/* The label of a line stands at the right of its end, or on the nearest free row. */
static void label_line(Screen *screen, const Layer *layer, double last_y, int style) {
    int rows = screen->canvas.rows, wanted = (int)(last_y / 4);
    if (!*layer->label || isnan(last_y)) return;
    for (int distance = 0; distance < rows; distance++)
        for (int side = -1; side <= 1; side += 2) {
            int row = wanted + side * distance;
            if (row < 0 || row >= rows || screen->row_labels[row]) continue;
            screen->row_labels[row] = layer->label;
            screen->row_styles[row] = style;
            return;
        }
}

static void draw_line(Screen *screen, const Layer *layer) {
    int style = layout_style(screen->plot, layer);
    double last_x = NAN, last_y = NAN, end_y = NAN;
    for (size_t i = 0; i < layer->count; i++) {
        if (!is_shown(screen, layer->x[i], layer->y[i])) {
            last_x = NAN;
            continue;
        }
        double x = dot_x(screen, layer->x[i]), y = dot_y(screen, layer->y[i]);
        if (isnan(last_x)) canvas_dot(&screen->canvas, (int)x, (int)y, style);
        else canvas_stroke(&screen->canvas, last_x, last_y, x, y, style);
        last_x = x;
        last_y = end_y = y;
    }
    label_line(screen, layer, end_y, style);
}

static void draw_band(Screen *screen, const Layer *layer) {
    int style = layout_style(screen->plot, layer);
    for (size_t i = 0; i < layer->count; i++) {
        if (!is_shown(screen, layer->x[i], layer->y[i]) || !is_shown(screen, layer->x[i], layer->high[i])) continue;
        double x = dot_x(screen, layer->x[i]);
        canvas_stroke(&screen->canvas, x, dot_y(screen, layer->y[i]), x, dot_y(screen, layer->high[i]), style);
    }
}

static void draw_scatter(Screen *screen, const Layer *layer) {
    int style = layout_style(screen->plot, layer);
    bool has_marks = layer->classes || layer->count <= 60 || screen->plot->layer_count > 1;
    for (size_t i = 0; i < layer->count; i++) {
        if (!is_shown(screen, layer->x[i], layer->y[i])) continue;
        int x = (int)dot_x(screen, layer->x[i]), y = (int)dot_y(screen, layer->y[i]);
        int shown = layer->classes ? (int)layer->classes[i] : style;
        const char *mark = mark_of(shown);
        if (has_marks) canvas_put(&screen->canvas, x / 2, y / 4, utf8_next(&mark), shown);
        else canvas_dot(&screen->canvas, x, y, shown);
    }
}

/* The first histogram is filled with eighths of blocks, further ones are outlines. */
static void draw_histogram(Screen *screen, const Layer *layer) {
    double counts[BINS_MOST];
    int style = layout_style(screen->plot, layer), rows = screen->canvas.rows;
    bool is_filled = true;
    for (const Layer *before = screen->plot->layers; before < layer; before++) is_filled &= before->kind != LAYER_HISTOGRAM;
    layout_histogram(&screen->layout, layer, counts);
    double last = 4.0 * rows - 1;
    for (int bin = 0; bin < screen->layout.bin_count; bin++) {
        double left = dot_x(screen, layout_bin_edge(&screen->layout, bin));
        double right = dot_x(screen, layout_bin_edge(&screen->layout, bin + 1));
        double top = counts[bin] > 0 ? dot_y(screen, counts[bin]) : 4.0 * rows;
        if (!is_filled) {
            canvas_stroke(&screen->canvas, left, last, left, fmin(top, 4.0 * rows - 1), style);
            canvas_stroke(&screen->canvas, left, fmin(top, 4.0 * rows - 1), right, fmin(top, 4.0 * rows - 1), style);
            last = fmin(top, 4.0 * rows - 1);
            continue;
        }
        int eighths = (int)lround((4.0 * rows - top) * 2);
        if (counts[bin] > 0 && eighths < 1) eighths = 1;
        for (int column = (int)floor(left / 2 + 0.5); column < (int)floor(right / 2 + 0.5); column++)
            for (int row = 0; row * 8 < eighths; row++) {
                int part = eighths - row * 8;
                canvas_put(&screen->canvas, column, rows - 1 - row, 0x2580u + (uint32_t)(part > 8 ? 8 : part), style);
            }
    }
}

static void write_cell(Screen *screen, double value, double left, double right, double middle) {
    Text number = {0};
    number_print_digits(value, 3, &number);
    int width = text_columns(text_string(&number)), column = (int)((left + right) / 4) - width / 2;
    const char *at = text_string(&number);
    if (width + 2 <= (int)((right - left) / 2)) {
        canvas_put(&screen->canvas, column - 1, (int)middle / 4, ' ', -1);
        for (uint32_t character; (character = utf8_next(&at));) canvas_put(&screen->canvas, column++, (int)middle / 4, character, 0);
        canvas_put(&screen->canvas, column, (int)middle / 4, ' ', -1);
    }
    text_free(&number);
}

static void draw_heat(Screen *screen, const Layer *layer) {
    static const uint32_t shades[] = {' ', 0x2591, 0x2592, 0x2593, 0x2588};
    double extent[4], rows = (double)layer->rows, columns = (double)layer->columns;
    layout_heat_extent(layer, extent);
    for (int row = 0; row < screen->canvas.rows; row++)
        for (int column = 0; column < screen->canvas.columns; column++) {
            double x = axis_value(&screen->layout.x, (column + 0.5) / screen->canvas.columns);
            double place = (row + 0.5) / screen->canvas.rows;
            double y = axis_value(&screen->layout.y, screen->layout.y_down ? place : 1 - place);
            double i = floor((y - extent[2]) / (extent[3] - extent[2]) * rows);
            double j = floor((x - extent[0]) / (extent[1] - extent[0]) * columns);
            if (!(i >= 0 && i < rows && j >= 0 && j < columns)) continue;
            double value = layer->y[(size_t)i * layer->columns + (size_t)j];
            if (isnan(value)) continue;
            int shade = (int)fmin(4, 5 * layout_heat_place(&screen->layout, value));
            canvas_put(&screen->canvas, column, row, shades[shade], -1);
        }
    if (layer->has_extent || (double)screen->canvas.rows < rows) return;
    for (size_t i = 0; i < layer->rows; i++)
        for (size_t j = 0; j < layer->columns; j++)
            write_cell(screen, layer->y[i * layer->columns + j], dot_x(screen, (double)j - 0.5), dot_x(screen, (double)j + 0.5),
                       dot_y(screen, (double)i));
}

static void draw_layer(Screen *screen, const Layer *layer) {
    switch (layer->kind) {
    case LAYER_LINE: draw_line(screen, layer); break;
    case LAYER_BAND: draw_band(screen, layer); break;
    case LAYER_SCATTER: draw_scatter(screen, layer); break;
    case LAYER_HISTOGRAM: draw_histogram(screen, layer); break;
    case LAYER_HEAT: draw_heat(screen, layer); break;
    case LAYER_BARS:
    case LAYER_IMAGES: break;
    }
}

/* ---- around the canvas ---- */

static void add_title(const Plot *plot, int indent, Text *out) {
    if (!*plot->title) return;
    text_add_repeat(out, " ", indent);
    text_addf(out, plot->has_colour ? "\033[1m%s\033[0m\n" : "%s\n", plot->title);
}

/* Marks and their meaning; lines are named at their ends, bars have their own text. */
static void add_legend(const Plot *plot, int indent, Text *out) {
    LegendEntry entries[LEGEND_MOST];
    int count = layout_legend(plot, entries), shown = 0;
    for (int i = 0; i < count; i++) {
        LayerKind kind = entries[i].layer->kind;
        if (kind != LAYER_SCATTER && kind != LAYER_HISTOGRAM) continue;
        text_add_repeat(out, " ", shown++ ? 2 : indent);
        bool is_outline = kind == LAYER_HISTOGRAM && entries[i].style > 0;
        canvas_styled(kind == LAYER_SCATTER ? mark_of(entries[i].style) : is_outline ? "⣀⡀" : "▆", entries[i].style, plot->has_colour, out);
        text_addf(out, " %s", entries[i].label);
    }
    if (shown) text_add_char(out, '\n');
}

static void add_heat_key(const Layout *layout, int indent, Text *out) {
    if (!layout->heat || layout->heat_range.low > layout->heat_range.high) return;
    double low = layout->heat_range.low, high = layout->heat_range.high;
    if (layout_is_diverging(layout)) {
        high = fmax(high, -low);
        low = -high;
    }
    text_add_repeat(out, " ", indent);
    if (*layout->heat->label) text_addf(out, "%s  ", layout->heat->label);
    number_print_digits(low, 3, out);
    text_add(out, " [ ░▒▓█] ");
    number_print_digits(high, 3, out);
    text_add_char(out, '\n');
}

typedef struct RowTicks {
    Ticks ticks;
    const char *label[LABELS_MOST * 4];
    int width;
} RowTicks;

static void place_row_ticks(const Screen *screen, int rows, RowTicks *row_ticks) {
    const Layer *heat = screen->layout.heat;
    memset(row_ticks->label, 0, sizeof row_ticks->label);
    row_ticks->width = 0;
    axis_ticks(&screen->layout.y, rows / 3 > 1 ? rows / 3 : 1, &row_ticks->ticks);
    int count = heat && heat->row_names ? (int)heat->row_name_count : row_ticks->ticks.count;
    for (int i = 0; i < count; i++) {
        double at = heat && heat->row_names ? i : row_ticks->ticks.at[i];
        const char *label = heat && heat->row_names ? heat->row_names[i] : row_ticks->ticks.label[i];
        bool is_part = screen->layout.y_down && at != nearbyint(at);
        int row = (int)dot_y(screen, at) / 4;
        if (is_part || row < 0 || row >= rows || row_ticks->label[row]) continue;
        row_ticks->label[row] = label;
        if (text_columns(label) > row_ticks->width) row_ticks->width = text_columns(label);
    }
}

/* The line of the axis and the labels below it. */
static void add_x_axis(const Screen *screen, int indent, Text *out) {
    const Layout *layout = &screen->layout;
    int columns = screen->canvas.columns, used = 0;
    Ticks ticks;
    Text labels = {0}, line = {0};
    axis_ticks(&layout->x, columns / 12 > 1 ? columns / 12 : 1, &ticks);
    int count = layout->categories ? (int)layout->categories->name_count : ticks.count, drawn = 0;
    for (int i = 0; i < count; i++) {
        double at = layout->categories ? i : ticks.at[i];
        const char *label = layout->categories ? layout->categories->names[i] : ticks.label[i];
        if (layout->y_down && at != nearbyint(at)) continue;
        int column = (int)dot_x(screen, at) / 2, width = text_columns(label), start = column - width / 2;
        if (start < 0) start = 0;
        if (column >= columns || (used && start < used + 1)) continue;
        text_add_repeat(&line, "─", column - drawn);
        text_add(&line, "┬");
        drawn = column + 1;
        text_add_repeat(&labels, " ", start - used);
        text_add(&labels, label);
        used = start + width;
    }
    text_add_repeat(&line, "─", columns - drawn);
    text_add_repeat(out, " ", indent - 1);
    text_addf(out, "└%s\n", text_string(&line));
    text_add_repeat(out, " ", indent);
    text_addf(out, "%s\n", text_string(&labels));
    if (*screen->plot->x_label) {
        int middle = indent + (columns - text_columns(screen->plot->x_label)) / 2;
        text_add_repeat(out, " ", middle > indent ? middle : indent);
        text_addf(out, "%s\n", screen->plot->x_label);
    }
    text_free(&labels);
    text_free(&line);
}

static int label_room(const Plot *plot) {
    int room = 0;
    for (size_t i = 0; i < plot->layer_count; i++)
        if (plot->layers[i].kind == LAYER_LINE && text_columns(plot->layers[i].label) + 1 > room && *plot->layers[i].label)
            room = text_columns(plot->layers[i].label) + 1;
    return room > 24 ? 24 : room;
}

static void add_axes(const Plot *plot, const Layout *layout, int columns, int rows, Text *out) {
    Screen screen = {.plot = plot, .layout = *layout, .canvas = {.columns = 1, .rows = rows}};
    RowTicks row_ticks;
    place_row_ticks(&screen, rows, &row_ticks);
    int room = label_room(plot), width = columns - row_ticks.width - 2 - room;
    screen.canvas = canvas_new(width < LEAST_COLUMNS ? LEAST_COLUMNS : width, rows);
    for (size_t i = 0; i < plot->layer_count; i++) draw_layer(&screen, &plot->layers[i]);
    int indent = row_ticks.width + 2;
    add_title(plot, indent, out);
    add_legend(plot, indent, out);
    add_heat_key(layout, indent, out);
    if (*plot->y_label) text_addf(out, "%*s%s\n", indent, "", plot->y_label);
    for (int row = 0; row < rows; row++) {
        Text line = {0};
        text_add_right(out, row_ticks.label[row] ? row_ticks.label[row] : "", row_ticks.width);
        text_add(out, row_ticks.label[row] ? " ┤" : " │");
        canvas_row(&screen.canvas, row, false, &line);
        int drawn = text_columns(text_string(&line));
        canvas_row(&screen.canvas, row, plot->has_colour, out);
        if (screen.row_labels[row]) {
            Text label = {0};
            text_add_left(&label, screen.row_labels[row],
                          text_columns(screen.row_labels[row]) < room ? text_columns(screen.row_labels[row]) : room - 1);
            text_add_repeat(out, " ", screen.canvas.columns - drawn + 1);
            canvas_styled(text_string(&label), screen.row_styles[row], plot->has_colour, out);
            text_free(&label);
        }
        text_add_char(out, '\n');
        text_free(&line);
    }
    add_x_axis(&screen, indent, out);
    canvas_free(&screen.canvas);
}

void plot_terminal(const Plot *plot, int columns, int rows, Text *out) {
    if (columns <= 0) columns = DEFAULT_COLUMNS;
    if (rows <= 0) rows = DEFAULT_ROWS;
    if (rows > LABELS_MOST * 4) rows = LABELS_MOST * 4;
    Layout layout = layout_of(plot);
    if (layout.images) {
        add_title(plot, 0, out);
        image_terminal(layout.images->images, columns, plot->has_colour, out, NULL);
        return;
    }
    if (layout.bar_layers) {
        add_title(plot, 0, out);
        terminal_bars(plot, columns, out);
        return;
    }
    add_axes(plot, &layout, columns, rows < LEAST_ROWS ? LEAST_ROWS : rows, out);
}
