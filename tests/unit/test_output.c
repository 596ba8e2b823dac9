/* What users read: numbers, tensors, tables, plots in files and on a terminal. */
#include "runtime/base/file.h"
#include "runtime/base/print.h"
#include "runtime/base/rng.h"
#include "runtime/base/width.h"
#include "runtime/data/image.h"
#include "runtime/plot/axis.h"
#include "runtime/plot/image.h"
#include "runtime/plot/page.h"
#include "runtime/plot/plot.h"
#include "runtime/plot/text_table.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka needs the four headers above it. */
#include <cmocka.h>

/* fontconfig, below cairo, keeps its tables until the process ends. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libfontconfig"; }

static void assert_text(Text *text, const char *expected) {
    assert_string_equal(text_string(text), expected);
    text_free(text);
}

static void assert_number(double value, DType dtype, const char *expected) {
    Text text = {0};
    number_print(value, dtype, &text);
    assert_text(&text, expected);
}

static void assert_tensor(DType dtype, Shape shape, void *data, const char *expected) {
    Text text = {0};
    Tensor *tensor = tensor_wrap(dtype, shape, data);
    tensor_print(tensor, &text);
    tensor_release(tensor);
    assert_text(&text, expected);
}

static void numbers_are_short(void **state) {
    (void)state;
    assert_number(0.5, DTYPE_F32, "0.5");
    assert_number((double)0.1f, DTYPE_F32, "0.1");
    assert_number(1.0 / 3, DTYPE_F64, "0.3333333333");
    assert_number(1e-5, DTYPE_F32, "1e-5");
    assert_number(2.5e8, DTYPE_F32, "2.5e8");
    assert_number(1234567.8, DTYPE_F32, "1234568");
    assert_number(60000, DTYPE_F32, "60000");
    assert_number(-0.0, DTYPE_F32, "0");
    assert_number(NAN, DTYPE_F32, "nan");
    assert_number(-INFINITY, DTYPE_F64, "-inf");
    assert_number(1, DTYPE_BOOL, "true");
    assert_number(-7, DTYPE_I64, "-7");
}

static void tensors_are_aligned(void **state) {
    (void)state;
    float floats[] = {1, 2.5f, -3, 100};
    int64_t integers[] = {1, 2, INT64_MIN};
    uint8_t truths[] = {1, 0};
    assert_tensor(DTYPE_F32, shape_scalar(), floats + 1, "2.5");
    assert_tensor(DTYPE_F32, shape_1(4), floats, "[1, 2.5, -3, 100]");
    assert_tensor(DTYPE_F32, shape_2(2, 2), floats, "[[  1,     2.5],\n [ -3,   100]]");
    assert_tensor(DTYPE_I64, shape_1(3), integers, "[1, 2, -9223372036854775808]");
    assert_tensor(DTYPE_BOOL, shape_1(2), truths, "[true, false]");
    assert_tensor(DTYPE_F32, shape_1(0), NULL, "[]");
    assert_tensor(DTYPE_F32, shape_2(0, 3), NULL, "empty f32 [0, 3]");
    assert_tensor(DTYPE_I64, shape_of(3, (int64_t[]){1, 1, 2}), integers, "[[[1, 2]]]");
}

static void large_tensors_are_summarised(void **state) {
    (void)state;
    int64_t *numbers = calloc(200 * 50, sizeof *numbers);
    for (int i = 0; i < 200 * 50; i++) numbers[i] = i % 10;
    assert_tensor(DTYPE_I64, shape_1(10000), numbers, "i64 [10000]\n[0, 1, 2, …, 7, 8, 9]");
    assert_tensor(DTYPE_I64, shape_2(200, 50), numbers,
                  "i64 [200, 50]\n"
                  "[[0, 1, 2, …, 7, 8, 9],\n [0, 1, 2, …, 7, 8, 9],\n [0, 1, 2, …, 7, 8, 9],\n …,\n"
                  " [0, 1, 2, …, 7, 8, 9],\n [0, 1, 2, …, 7, 8, 9],\n [0, 1, 2, …, 7, 8, 9]]");
    free(numbers);
}

static void widths_follow_unicode(void **state) {
    (void)state;
    assert_int_equal(text_columns("naïve → 日本"), 12);
    assert_int_equal(text_columns("e\xCC\x81"), 1); /* combining acute */
    assert_int_equal(text_columns("\xFF\xC0"), 2);  /* not UTF-8 */
    Text text = {0};
    text_add_left(&text, "abcdef", 4);
    text_add_right(&text, "é", 3);
    assert_text(&text, "abc…  é");
}

static void tables_align_on_the_point(void **state) {
    (void)state;
    TextTable *table = text_table_new("Results");
    text_table_heading(table, "method");
    text_table_heading(table, "loss");
    text_table_row(table);
    text_table_text(table, "naïve");
    text_table_number(table, 0.431249, 0);
    text_table_row(table);
    text_table_text(table, "SAM & co, <1>");
    text_table_number(table, 12, 0);
    text_table_row(table);
    text_table_text(table, "seeds");
    text_table_spread(table, 0.87123, 0.00412);
    Text text = {0};
    text_table_print(table, &text);
    assert_text(&text, "Results\n"
                       "method                   loss\n"
                       "─────────────────────────────\n"
                       "naïve           0.4312\n"
                       "SAM & co, <1>  12\n"
                       "seeds           0.871 ± 0.004\n");
    text_table_csv(table, &text);
    assert_text(&text, "method,loss\nnaïve,0.4312\n\"SAM & co, <1>\",12\nseeds,0.871 ± 0.004\n");
    text_table_html(table, &text);
    assert_non_null(strstr(text_string(&text), "SAM &amp; co, &lt;1&gt;"));
    text_free(&text);
    text_table_free(table);
}

static void assert_ticks(double low, double high, bool is_log, const char *expected) {
    Axis axis = {is_log, low, high};
    Ticks ticks;
    Text text = {0};
    axis_ticks(&axis, 5, &ticks);
    for (int i = 0; i < ticks.count; i++) text_addf(&text, "%s%s", i ? " " : "", ticks.label[i]);
    assert_text(&text, expected);
}

static void ticks_are_round(void **state) {
    (void)state;
    assert_ticks(0, 1, false, "0 0.2 0.4 0.6 0.8 1.0");
    assert_ticks(-3, 7.1, false, "-2 0 2 4 6");
    assert_ticks(0, 90000, false, "0 20k 40k 60k 80k");
    assert_ticks(0, 3e-7, false, "0 5e-8 1e-7 1.5e-7 2e-7 2.5e-7 3e-7");
    assert_ticks(1e-6, 1, true, "10⁻⁶ 10⁻⁴ 10⁻² 10⁰");
    assert_ticks(0.1, 3, true, "0.1 0.2 0.5 1 2");
    Axis axis = axis_over(range_empty(), true, 0.1, NAN, NAN);
    assert_true(axis.low > 0 && axis.high > axis.low);
}

/* ---- plots ---- */

static double wave[1000], decay[1000];

static void fill_curves(void) {
    for (int i = 0; i < 1000; i++) {
        wave[i] = i % 97 == 5 ? NAN : sin(i / 50.0);
        decay[i] = exp(-i / 100.0);
    }
}

static Plot *plot_of_kind(LayerKind kind) {
    static const double few[] = {1, -2, NAN, 4, 0.5, 3};
    static const char *const names[] = {"a", "b & <c>", "日本", "d", "e", "a rather long name"};
    Plot *plot = plot_new();
    fill_curves();
    plot_set_title(plot, "Title & <more>");
    plot_set_labels(plot, "step", "value");
    switch (kind) {
    case LAYER_LINE:
        plot_line(plot, "wave", NULL, wave, 1000);
        plot_line(plot, "decay", NULL, decay, 1000)->is_dashed = true;
        break;
    case LAYER_BAND:
        plot_band(plot, "", NULL, wave, decay, 1000);
        plot_line(plot, "mean", NULL, wave, 1000);
        break;
    case LAYER_SCATTER: {
        int64_t classes[] = {0, 1, 2, 3, -1, 40};
        layer_set_names(plot_scatter(plot, "class", few, few, classes, 6), names, 4);
        break;
    }
    case LAYER_BARS:
        plot_bars(plot, "one", names, few, 6);
        plot_bars(plot, "two", names, few, 5);
        break;
    case LAYER_HISTOGRAM:
        plot_histogram(plot, "wave", wave, 1000, 0);
        plot_histogram(plot, "decay", decay, 1000, 30);
        break;
    case LAYER_HEAT: layer_set_row_names(plot_heat(plot, "r", few, 2, 3), names, 2); break;
    case LAYER_IMAGES: {
        Tensor *images = tensor_zeros(DTYPE_F32, shape_of(4, (int64_t[]){5, 3, 8, 6}), NULL);
        layer_set_names(plot_images(plot, "", images), names, 5);
        tensor_release(images);
        break;
    }
    }
    return plot;
}

/* Every element that is opened is closed, in order; entities and attributes are not looked at. */
static bool is_well_formed(const char *xml) {
    const char *open[64];
    size_t depth = 0;
    for (const char *at = strchr(xml, '<'); at; at = strchr(at + 1, '<')) {
        const char *end = strchr(at, '>');
        if (!end) return false;
        if (at[1] == '?' || at[1] == '!' || end[-1] == '/') continue;
        if (at[1] != '/') {
            if (depth == 64) return false;
            open[depth++] = at + 1;
            continue;
        }
        size_t length = strcspn(at + 2, ">");
        if (depth == 0 || strncmp(open[--depth], at + 2, length) != 0) return false;
    }
    return depth == 0;
}

static char *temporary_path(const char *name) {
    static char path[256];
    const char *folder = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/reg-test-%d-%s", folder ? folder : "/tmp", (int)getpid(), name);
    return path;
}

static void check_plot(const Plot *plot) {
    Fault fault = {0};
    Text svg = {0}, text = {0};
    Tensor *picture = NULL;
    assert_true(plot_svg(plot, &svg, &fault));
    assert_non_null(strstr(text_string(&svg), "<svg"));
    assert_true(is_well_formed(text_string(&svg)));
    char *path = temporary_path("plot.png");
    assert_true(plot_write(plot, path, &fault));
    assert_true(png_read(path, DTYPE_F32, &picture, &fault));
    assert_int_equal(picture->shape.dims[1], (int)(2 * plot->height));
    assert_int_equal(picture->shape.dims[2], (int)(2 * plot->width));
    unlink(path);
    plot_terminal(plot, 60, 12, &text);
    assert_true(text.length > 0 && text.bytes[text.length - 1] == '\n');
    tensor_release(picture);
    text_free(&svg);
    text_free(&text);
}

static void every_kind_of_plot_is_drawn(void **state) {
    (void)state;
    for (int kind = LAYER_LINE; kind <= LAYER_IMAGES; kind++) {
        Plot *plot = plot_of_kind((LayerKind)kind);
        check_plot(plot);
        plot->has_colour = true;
        check_plot(plot);
        plot->x_log = plot->y_log = true;
        check_plot(plot);
        plot_free(plot);
    }
}

static void check_line(const double *values, size_t count) {
    for (int logs = 0; logs < 2; logs++) {
        Plot *plot = plot_new();
        plot_line(plot, "line", NULL, values, count);
        plot_scatter(plot, "points", NULL, values, NULL, count);
        plot_histogram(plot, "values", values, count, 0);
        plot->y_log = logs;
        check_plot(plot);
        plot_free(plot);
    }
}

static void odd_data_is_drawn(void **state) {
    (void)state;
    check_line(NULL, 0);
    check_line((double[]){3}, 1);
    check_line((double[]){3e-9, 3e-9, 3e-9}, 3);
    check_line((double[]){NAN, NAN}, 2);
    check_line((double[]){-1.7e308, INFINITY, 1.7e308, 0, 5e-324}, 5);
    check_line((double[]){-1, 0, -5}, 3);
    check_line((double[]){1e15, 1e15 + 1}, 2);
    Plot *plot = plot_new();
    check_plot(plot);
    plot_heat(plot, "none", NULL, 0, 0);
    check_plot(plot);
    plot_bars(plot, "none", NULL, NULL, 0);
    check_plot(plot);
    plot_free(plot);
}

static void terminal_lines_are_named_at_their_ends(void **state) {
    (void)state;
    Plot *plot = plot_new();
    plot_line(plot, "up", NULL, (double[]){0, 1}, 2);
    plot_line(plot, "down", NULL, (double[]){1, 0}, 2);
    Text text = {0};
    plot_terminal(plot, 40, 8, &text);
    const char *up = strstr(text_string(&text), " up\n"), *down = strstr(text_string(&text), " down\n");
    assert_true(up && down && up < down);
    assert_null(strchr(text_string(&text), '\033'));
    for (const char *line = text_string(&text); *line; line = strchr(line, '\n') + 1) {
        Text copy = {0};
        text_add_bytes(&copy, line, strcspn(line, "\n"));
        assert_true(text_columns(text_string(&copy)) <= 40);
        text_free(&copy);
    }
    text_free(&text);
    plot_free(plot);
}

static void bad_paths_leave_no_file(void **state) {
    (void)state;
    Fault fault = {0};
    Plot *plot = plot_of_kind(LAYER_LINE);
    assert_false(plot_write(plot, "plot.gif", &fault));
    assert_non_null(strstr(fault.message, "'plot.gif'"));
    assert_string_equal(fault.help, "plots are written as .svg or .png");
    assert_false(plot_write(plot, "/nowhere/at/all/plot.svg", &fault));
    plot->width = 1e9;
    assert_false(plot_write(plot, "plot.svg", &fault));
    assert_int_not_equal(access("plot.svg", F_OK), 0);
    plot_free(plot);
}

static void pictures_are_written_and_clamped(void **state) {
    (void)state;
    Fault fault = {0};
    float pixels[] = {-1, 0.5f, 1, 7, NAN, 0};
    Tensor *image = tensor_wrap(DTYPE_F32, shape_2(2, 3), pixels), *back = NULL;
    char *path = temporary_path("image.png");
    assert_true(image_write(image, path, &fault));
    assert_true(png_read(path, DTYPE_F64, &back, &fault));
    assert_int_equal(tensor_number(back, 0), 0);
    assert_int_equal(tensor_number(back, 3), 1);
    assert_int_equal(tensor_number(back, 4), 0);
    unlink(path);
    Text text = {0};
    assert_true(image_terminal(image, 10, false, &text, &fault));
    assert_text(&text, "▒░▒\n");
    tensor_release(back);
    tensor_release(image);
    Tensor *vector = tensor_zeros(DTYPE_F32, shape_1(4), NULL);
    assert_false(image_write(vector, path, &fault));
    assert_string_equal(fault.message, "a tensor of shape [4] is not a picture");
    tensor_release(vector);
    Tensor *several = tensor_zeros(DTYPE_F32, shape_of(3, (int64_t[]){5, 4, 6}), NULL), *grid = image_grid(several, 0, &fault);
    assert_true(shape_equal(grid->shape, shape_of(3, (int64_t[]){1, 9, 20})));
    tensor_release(several);
    tensor_release(grid);
}

static void pages_hold_several_plots(void **state) {
    (void)state;
    Page *page = page_new("Run <1>");
    Plot *plot = plot_of_kind(LAYER_LINE);
    page_heading(page, "Loss");
    page_code(page, "a < b && c\n");
    assert_true(page_plot(page, plot, NULL) && page_plot(page, plot, NULL));
    Text text = {0};
    page_text(page, &text);
    assert_non_null(strstr(text_string(&text), "<h1>Run &lt;1&gt;</h1>"));
    assert_non_null(strstr(text_string(&text), "<pre>a &lt; b &amp;&amp; c\n</pre>"));
    assert_non_null(strstr(text_string(&text), "id=\"p0-"));
    assert_non_null(strstr(text_string(&text), "href=\"#p1-"));
    assert_null(strstr(text_string(&text), "<?xml"));
    text_free(&text);
    page_free(page);
    plot_free(plot);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_short),
        cmocka_unit_test(tensors_are_aligned),
        cmocka_unit_test(large_tensors_are_summarised),
        cmocka_unit_test(widths_follow_unicode),
        cmocka_unit_test(tables_align_on_the_point),
        cmocka_unit_test(ticks_are_round),
        cmocka_unit_test(every_kind_of_plot_is_drawn),
        cmocka_unit_test(odd_data_is_drawn),
        cmocka_unit_test(terminal_lines_are_named_at_their_ends),
        cmocka_unit_test(bad_paths_leave_no_file),
        cmocka_unit_test(pictures_are_written_and_clamped),
        cmocka_unit_test(pages_hold_several_plots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
