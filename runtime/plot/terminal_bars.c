#include "runtime/plot/terminal_bars.h"

#include "runtime/base/print.h"
#include "runtime/base/width.h"
#include "runtime/plot/canvas.h"
#include "runtime/plot/layout.h"

#include <math.h>
#include <stdio.h>

enum { NUMBER_COLUMNS = 10, NAME_COLUMNS_MOST = 30, BAR_COLUMNS_LEAST = 8 };

typedef struct BarText {
    const Plot *plot;
    int name_columns, label_columns, bar_columns;
    double low, high; /* of all bars and 0 */
    bool is_log;
} BarText;

static const char *bar_name(const Layer *layer, size_t index, char number[24]) {
    if (index < layer->name_count) return layer->names[index];
    snprintf(number, 24, "%zu", index);
    return number;
}

static size_t measure(BarText *text) {
    size_t most = 0;
    Range range = range_empty();
    if (!text->is_log) range_add(&range, 0, false);
    for (size_t i = 0; i < text->plot->layer_count; i++) {
        const Layer *layer = &text->plot->layers[i];
        if (layer->kind != LAYER_BARS) continue;
        if (layer->count > most) most = layer->count;
        if (text_columns(layer->label) > text->label_columns) text->label_columns = text_columns(layer->label);
        for (size_t j = 0; j < layer->count; j++) {
            char number[24];
            int columns = text_columns(bar_name(layer, j, number));
            if (columns > text->name_columns) text->name_columns = columns;
            range_add(&range, layer->y[j], text->is_log);
        }
    }
    if (text->name_columns > NAME_COLUMNS_MOST) text->name_columns = NAME_COLUMNS_MOST;
    Axis axis = text->is_log ? axis_over(range, true, 0.05, NAN, NAN) : axis_over(range, false, 0, NAN, NAN);
    text->low = axis.low;
    text->high = axis.high;
    return most;
}

/* Eighths of a character to the right of zero, whole characters to the left. */
static void add_bar(const BarText *text, double value, Text *out) {
    Axis axis = {text->is_log, text->low, text->high};
    double zero = text->is_log ? 0 : axis_place(&axis, 0) * text->bar_columns;
    double end = axis_can_show(value, text->is_log) ? axis_place(&axis, value) * text->bar_columns : zero;
    if (end < zero) {
        int first = (int)lround(end), last = (int)lround(zero);
        text_add_repeat(out, " ", first);
        text_add_repeat(out, "█", last - first);
        return;
    }
    int first = (int)lround(zero), eighths = (int)lround((end - first) * 8);
    text_add_repeat(out, " ", first);
    text_add_repeat(out, "█", eighths / 8);
    if (eighths % 8 > 0) text_add_utf8(out, 0x2590u - (uint32_t)(eighths % 8));
}

static void add_line(const BarText *text, const Layer *layer, size_t index, bool names_it, Text *out) {
    char number[24];
    Text bar = {0};
    text_add_left(out, names_it ? bar_name(layer, index, number) : "", text->name_columns);
    if (text->label_columns) {
        text_add(out, "  ");
        text_add_left(out, layer->label, text->label_columns);
    }
    text_add(out, "  ");
    add_bar(text, layer->y[index], &bar);
    canvas_styled(text_string(&bar), layout_style(text->plot, layer), text->plot->has_colour, out);
    text_add_char(out, ' ');
    number_print_digits(layer->y[index], 4, out);
    text_add_char(out, '\n');
    text_free(&bar);
}

void terminal_bars(const Plot *plot, int columns, Text *out) {
    BarText text = {.plot = plot, .is_log = plot->y_log};
    size_t most = measure(&text);
    if (most == 0) text_add(out, "no data\n");
    text.bar_columns = columns - text.name_columns - 2 - (text.label_columns ? text.label_columns + 2 : 0) - NUMBER_COLUMNS;
    if (text.bar_columns < BAR_COLUMNS_LEAST) text.bar_columns = BAR_COLUMNS_LEAST;
    for (size_t index = 0; index < most; index++) {
        bool names_it = true;
        for (size_t i = 0; i < plot->layer_count; i++) {
            if (plot->layers[i].kind != LAYER_BARS || index >= plot->layers[i].count) continue;
            add_line(&text, &plot->layers[i], index, names_it, out);
            names_it = false;
        }
    }
    if (!*plot->y_label) return;
    text_add_repeat(out, " ", text.name_columns + 2 + (text.label_columns ? text.label_columns + 2 : 0));
    text_addf(out, "%s\n", plot->y_label);
}
