/* `plot` and `image`: values become a picture in a file, or text in the terminal. */
#include "lang/elaborate/call.h"
#include "lang/script/statements.h"
#include "runtime/base/memory.h"
#include "runtime/plot/image.h"
#include "runtime/plot/plot.h"

#include <stdlib.h>
#include <string.h>

/* One item of a plot block: `lines(x, y, label = "train")`. */
typedef struct PlotCall {
    Session *session;
    Plot *plot;
    const Tree *tree;
    Value values[4];
    int count;
    const char *label;
    Value colour; /* `by = y`: classes of a scatter */
    int64_t bins;
    Scope *scope;
} PlotCall;

static double *numbers(Session *session, Value value, size_t *count) {
    Tensor *tensor = to_tensor(&session->elaborator, value);
    if (!tensor) return NULL;
    *count = (size_t)tensor_count(tensor);
    double *out = allocate(sizeof *out * (*count + 1));
    for (size_t k = 0; k < *count; k++) out[k] = tensor_number(tensor, (int64_t)k);
    return out;
}

static bool same_length(PlotCall *call, size_t a, size_t b) {
    return a == b || diagnose(&call->session->diagnostics, "E0400", call->tree->span, "x has %zu values and y has %zu", a, b);
}

/* The series that training recorded under a name: `lines("loss")`. */
static bool add_recorded(PlotCall *call) {
    const char *name = call->values[0].text;
    const RunSeries *series = runlog_find(call->session->log, name);
    if (series) {
        plot_line(call->plot, call->label ? call->label : name, series->steps, series->values, series->count);
        return true;
    }
    diagnose(&call->session->diagnostics, "E0202", call->values[0].span, "no run recorded a series '%s'", name);
    Text list = {0};
    for (size_t k = 0; k < runlog_count(call->session->log); k++)
        text_addf(&list, "%s%s", k ? ", " : "", runlog_series(call->session->log, k)->name);
    diagnose_help(&call->session->diagnostics, "%s%s", list.length ? "there are: " : "nothing was trained yet", text_string(&list));
    text_free(&list);
    return false;
}

static bool add_lines(PlotCall *call) {
    if (call->values[0].kind == VALUE_STRING) return add_recorded(call);
    size_t nx = 0, ny = 0;
    double *x = call->count > 1 ? numbers(call->session, call->values[0], &nx) : NULL;
    double *y = numbers(call->session, call->values[call->count > 1 ? 1 : 0], &ny);
    bool ok = y && (call->count < 2 || (x && same_length(call, nx, ny)));
    if (ok) plot_line(call->plot, call->label, x, y, ny);
    free(x);
    free(y);
    return ok;
}

static int64_t *class_numbers(PlotCall *call, size_t count) {
    size_t n;
    double *values = numbers(call->session, call->colour, &n);
    if (!values || !same_length(call, count, n)) return free(values), NULL;
    int64_t *classes = allocate(sizeof *classes * (n + 1));
    for (size_t k = 0; k < n; k++) classes[k] = (int64_t)values[k];
    free(values);
    return classes;
}

/* `scatter(x, y)`, or `scatter(points)` with points [n, 2]. */
static bool add_scatter(PlotCall *call) {
    size_t nx = 0, ny = 0;
    double *x = numbers(call->session, call->values[0], &nx), *y = call->count > 1 ? numbers(call->session, call->values[1], &ny) : NULL;
    bool ok = x && (call->count < 2 || (y && same_length(call, nx, ny)));
    if (ok && call->count < 2) {
        Tensor *points = to_tensor(&call->session->elaborator, call->values[0]);
        char shape[SHAPE_TEXT];
        if (points->shape.rank != 2 || points->shape.dims[1] != 2)
            ok = diagnose(&call->session->diagnostics, "E0400", call->tree->span, "points to scatter are [n, 2], found %s",
                          shape_text(points->shape, shape));
        ny = nx / 2;
        y = allocate(sizeof *y * (ny + 1));
        for (size_t k = 0; ok && k < ny; k++) y[k] = x[2 * k + 1];
        for (size_t k = 0; ok && k < ny; k++) x[k] = x[2 * k];
    }
    int64_t *classes = ok && value_ok(call->colour) ? class_numbers(call, ny) : NULL;
    if (ok && value_ok(call->colour) && !classes) ok = false;
    if (ok) plot_scatter(call->plot, call->label, x, y, classes, ny);
    free(classes);
    free(x);
    free(y);
    return ok;
}

static bool add_histogram(PlotCall *call) {
    size_t count;
    double *values = numbers(call->session, call->values[0], &count);
    if (values) plot_histogram(call->plot, call->label, values, count, (int)call->bins);
    free(values);
    return values != NULL;
}

static bool add_bars(PlotCall *call) {
    size_t count;
    double *values = numbers(call->session, call->values[0], &count);
    if (values) plot_bars(call->plot, call->label, NULL, values, count);
    free(values);
    return values != NULL;
}

static bool add_heat(PlotCall *call) {
    char shape[SHAPE_TEXT];
    Tensor *tensor = to_tensor(&call->session->elaborator, call->values[0]);
    if (!tensor) return false;
    if (tensor->shape.rank != 2)
        return diagnose(&call->session->diagnostics, "E0400", call->tree->span, "a heat map shows a matrix, found %s",
                        shape_text(tensor->shape, shape));
    size_t count;
    double *values = numbers(call->session, call->values[0], &count);
    if (values) plot_heat(call->plot, call->label, values, (size_t)tensor->shape.dims[0], (size_t)tensor->shape.dims[1]);
    free(values);
    return values != NULL;
}

static bool add_images(PlotCall *call) {
    Tensor *tensor = to_tensor(&call->session->elaborator, call->values[0]);
    ImageShape shape;
    Fault fault = {0};
    if (!tensor) return false;
    if (!image_shape(tensor, &shape, &fault)) return diagnose_fault(&call->session->diagnostics, "E0400", call->tree->span, &fault);
    plot_images(call->plot, call->label, tensor);
    return true;
}

static const struct LayerName {
    const char *name;
    bool (*add)(PlotCall *call);
    int least, most;
} layers[] = {{"lines", add_lines, 1, 2}, {"line", add_lines, 1, 2},   {"scatter", add_scatter, 1, 2}, {"histogram", add_histogram, 1, 1},
              {"bars", add_bars, 1, 1},   {"heatmap", add_heat, 1, 1}, {"images", add_images, 1, 1}};
enum { LAYER_COUNT = sizeof layers / sizeof *layers };

static bool read_named(PlotCall *call, const Tree *argument, Value value) {
    Elaborator *e = &call->session->elaborator;
    if (!strcmp(argument->name, "label")) return (call->label = to_string(e, value)) != NULL;
    if (!strcmp(argument->name, "bins")) return to_integer(e, value, &call->bins);
    if (!strcmp(argument->name, "by")) return call->colour = value, true;
    diagnose(e->diagnostics, "E0300", argument->span, "a layer of a plot has no '%s'", argument->name);
    return diagnose_help(e->diagnostics, "it takes: label, bins (histogram), by (scatter)");
}

static bool run_layer(PlotCall *call, const struct LayerName *layer) {
    Elaborator *e = &call->session->elaborator;
    for (int k = 1; k < call->tree->count; k++) {
        const Tree *argument = call->tree->items[k];
        Value value = elaborate(e, argument->items[0], call->scope);
        if (!value_ok(value)) return false;
        if (argument->name) {
            if (!read_named(call, argument, value)) return false;
        } else if (call->count < 4) {
            call->values[call->count++] = value;
        }
    }
    if (call->count < layer->least || call->count > layer->most)
        return diagnose(e->diagnostics, "E0302", call->tree->span, "%s takes %d to %d arrays, found %d", layer->name, layer->least,
                        layer->most, call->count);
    return call->session->options.check_only || layer->add(call);
}

static bool unknown_layer(Session *session, const Tree *tree) {
    const char *names[LAYER_COUNT];
    for (int k = 0; k < LAYER_COUNT; k++) names[k] = layers[k].name;
    const char *name = tree->kind == TREE_CALL && tree->items[0]->name ? tree->items[0]->name : "this";
    diagnose(&session->diagnostics, "E0303", tree->kind == TREE_CALL ? tree->items[0]->span : tree->span, "'%s' is no layer of a plot",
             name);
    const char *nearest = nearest_name(name, names, LAYER_COUNT);
    return diagnose_help(&session->diagnostics,
                         nearest ? "the nearest is '%s'" : "choose among lines, scatter, histogram, bars, heatmap, images%s",
                         nearest ? nearest : "");
}

static bool add_layer(Session *session, Plot *plot, const Tree *tree, Scope *scope) {
    PlotCall call = {.session = session, .plot = plot, .tree = tree, .scope = scope};
    for (int k = 0; k < LAYER_COUNT; k++)
        if (tree->kind == TREE_CALL && tree->items[0]->name && !strcmp(tree->items[0]->name, layers[k].name))
            return run_layer(&call, &layers[k]);
    return unknown_layer(session, tree);
}

static bool replace_text(char **slot, const char *text) {
    free(*slot);
    *slot = text ? copy_string(text) : NULL;
    return text != NULL;
}

static bool plot_setting(Session *session, Plot *plot, const Tree *argument, Scope *scope) {
    Elaborator *e = &session->elaborator;
    static const char *const names[] = {"title", "x_label", "y_label", "x_log", "y_log", "width", "height"};
    Value value = elaborate(e, argument->items[0], scope);
    if (!value_ok(value)) return false;
    if (!strcmp(argument->name, "title")) return replace_text(&plot->title, to_string(e, value));
    if (!strcmp(argument->name, "x_label")) return replace_text(&plot->x_label, to_string(e, value));
    if (!strcmp(argument->name, "y_label")) return replace_text(&plot->y_label, to_string(e, value));
    if (!strcmp(argument->name, "x_log")) return to_bool(e, value, &plot->x_log);
    if (!strcmp(argument->name, "y_log")) return to_bool(e, value, &plot->y_log);
    if (!strcmp(argument->name, "width")) return to_number(e, value, &plot->width);
    if (!strcmp(argument->name, "height")) return to_number(e, value, &plot->height);
    diagnose(e->diagnostics, "E0300", argument->name_span.file ? argument->name_span : argument->span, "a plot has no setting '%s'",
             argument->name);
    const char *nearest = nearest_name(argument->name, names, sizeof names / sizeof *names);
    return diagnose_help(e->diagnostics,
                         nearest ? "the nearest name is '%s'" : "it has: title, x_label, y_label, x_log, y_log, width, height%s",
                         nearest ? nearest : "");
}

static bool show_plot(Session *session, const Plot *plot, const char *path, Span span) {
    Fault fault = {0};
    if (!page_plot(session->page, plot, &fault)) return diagnose_fault(&session->diagnostics, "E0801", span, &fault);
    if (path) {
        if (!plot_write(plot, path, &fault)) return diagnose_fault(&session->diagnostics, "E0801", span, &fault);
        session_done(session, "wrote '%s'\n", path);
        return true;
    }
    Text text = {0};
    plot_terminal(plot, session->output.columns, 0, &text);
    session_write_text(session, &text);
    text_free(&text);
    return true;
}

bool statement_plot(Session *session, const Tree *tree, Scope *scope) {
    const char *path = NULL;
    if (tree->items[0] && !(path = to_string(&session->elaborator, elaborate(&session->elaborator, tree->items[0], scope)))) return false;
    Plot *plot = plot_new();
    bool ok = true;
    for (int k = 1; k < tree->count && ok; k++)
        ok = tree->items[k]->kind == TREE_ARGUMENT && tree->items[k]->name ? plot_setting(session, plot, tree->items[k], scope)
                                                                           : add_layer(session, plot, tree->items[k], scope);
    bool has_layers = false;
    for (int k = 1; k < tree->count; k++) has_layers = has_layers || tree->items[k]->kind != TREE_ARGUMENT || !tree->items[k]->name;
    if (ok && !has_layers) {
        ok = diagnose(&session->diagnostics, "E0301", tree->span, "the plot shows nothing");
        diagnose_help(&session->diagnostics, "add a layer such as lines(x, y)");
    }
    if (ok && !session->options.check_only) ok = show_plot(session, plot, path, tree->span);
    plot_free(plot);
    return ok;
}

bool statement_image(Session *session, const Tree *tree, Scope *scope) {
    Elaborator *e = &session->elaborator;
    Value value = elaborate(e, tree->items[0], scope);
    if (!to_node(e, value)) return false;
    const char *path = NULL;
    if (tree_item(tree, 1) && !(path = to_string(e, elaborate(e, tree->items[1], scope)))) return false;
    if (session->options.check_only) return true;
    Tensor *tensor = to_tensor(e, value);
    Fault fault = {0};
    if (!tensor) return false;
    if (path)
        return image_write(tensor, path, &fault) ? session_done(session, "wrote '%s'\n", path),
               true                              : diagnose_fault(&session->diagnostics, "E0801", tree->span, &fault);
    Text text = {0};
    bool ok = image_terminal(tensor, session->output.columns, session->options.colour, &text, &fault);
    if (ok) session_write_text(session, &text);
    text_free(&text);
    return ok || diagnose_fault(&session->diagnostics, "E0400", tree->span, &fault);
}
