#include "runtime/base/print.h"

#include "runtime/base/width.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FULL_COUNT = 100, LINE_COLUMNS = 100, NUMBER_TEXT = 64 };

/* "1.50000e-07" -> "1.5e-7", "2.500" -> "2.5" */
static void trim_number(char *number) {
    char *exponent = strchr(number, 'e');
    char tail[16] = "";
    if (exponent) {
        int power = 0;
        sscanf(exponent + 1, "%d", &power);
        snprintf(tail, sizeof tail, "e%d", power);
        *exponent = 0;
    }
    if (strchr(number, '.')) {
        char *end = number + strlen(number);
        while (end[-1] == '0') *--end = 0;
        if (end[-1] == '.') *--end = 0;
    }
    strcat(number, tail);
}

static void print_float(double value, int significant, double whole_limit, Text *out) {
    char number[NUMBER_TEXT];
    if (isnan(value)) {
        text_add(out, "nan");
        return;
    }
    if (isinf(value)) {
        text_add(out, value < 0 ? "-inf" : "inf");
        return;
    }
    if (value == 0) {
        text_add(out, "0");
        return;
    }
    double size = fabs(value);
    bool is_whole = size < whole_limit && value == nearbyint(value);
    if (is_whole || (size >= pow(10, significant) && size < 1e7)) snprintf(number, sizeof number, "%.0f", value);
    else snprintf(number, sizeof number, "%.*g", significant, value);
    if (!is_whole) trim_number(number);
    text_add(out, number);
}

void number_print_digits(double value, int significant, Text *out) { print_float(value, significant, significant > 6 ? 1e15 : 1e7, out); }

void number_print(double value, DType dtype, Text *out) {
    switch (dtype) {
    case DTYPE_BOOL: text_add(out, value != 0 ? "true" : "false"); break;
    case DTYPE_I64: text_addf(out, "%.0f", value == 0 ? 0.0 : value); break;
    case DTYPE_F32: number_print_digits(value, 6, out); break;
    case DTYPE_F64: number_print_digits(value, 10, out); break;
    }
}

void element_print(const Tensor *tensor, int64_t index, Text *out) {
    if (tensor->dtype == DTYPE_I64) text_addf(out, "%" PRId64, tensor_i64(tensor)[index]);
    else number_print(tensor_number(tensor, index), tensor->dtype, out);
}

/* ---- layout of one tensor ---- */

typedef struct Printer {
    const Tensor *tensor;
    Text *out;
    int64_t strides[RANK_MAX];
    int64_t edges[RANK_MAX]; /* an axis longer than 2 edges shows that many entries at each end; 0: all */
    int left, right;         /* columns before and after the decimal point, over all shown elements; 0: no padding */
} Printer;

static bool is_cut(const Printer *printer, int axis) {
    return printer->edges[axis] && printer->tensor->shape.dims[axis] > 2 * printer->edges[axis];
}

static int64_t after_gap(const Printer *printer, int axis, int64_t i) {
    return is_cut(printer, axis) && i == printer->edges[axis] ? printer->tensor->shape.dims[axis] - printer->edges[axis] : i;
}

/* Columns before the decimal point (or the exponent, or the end). */
static int point_column(const char *number) {
    int digits = (int)strcspn(number, ".e");
    return strchr("tfni", number[number[0] == '-']) ? (int)strlen(number) : digits;
}

static void measure(Printer *printer, int axis, int64_t offset) {
    const Tensor *tensor = printer->tensor;
    if (axis == tensor->shape.rank) {
        Text number = {0};
        element_print(tensor, offset, &number);
        int left = point_column(text_string(&number)), right = (int)number.length - left;
        if (left > printer->left) printer->left = left;
        if (right > printer->right) printer->right = right;
        text_free(&number);
        return;
    }
    for (int64_t i = 0; i < tensor->shape.dims[axis]; i++) {
        i = after_gap(printer, axis, i);
        measure(printer, axis + 1, offset + i * printer->strides[axis]);
    }
}

static void print_element(Printer *printer, int64_t offset, bool is_last) {
    Text number = {0};
    element_print(printer->tensor, offset, &number);
    int left = point_column(text_string(&number)), right = (int)number.length - left;
    if (printer->left) text_add_repeat(printer->out, " ", printer->left - left);
    text_add(printer->out, text_string(&number));
    if (!is_last) {
        text_add(printer->out, ", ");
        if (printer->left) text_add_repeat(printer->out, " ", printer->right - right);
    }
    text_free(&number);
}

/* The innermost axis: one line, broken where it would become too long. */
static void print_row(Printer *printer, int64_t offset) {
    int axis = printer->tensor->shape.rank - 1;
    int64_t count = printer->tensor->shape.dims[axis];
    int step = printer->left + printer->right + 2, column = axis + 1;
    text_add_char(printer->out, '[');
    for (int64_t i = 0; i < count; i++) {
        if (is_cut(printer, axis) && i == printer->edges[axis]) text_add(printer->out, "…, ");
        i = after_gap(printer, axis, i);
        if (printer->left && column > axis + 1 && column + step > LINE_COLUMNS) {
            while (printer->out->length && printer->out->bytes[printer->out->length - 1] == ' ')
                printer->out->bytes[--printer->out->length] = 0;
            text_add_char(printer->out, '\n');
            text_add_repeat(printer->out, " ", axis + 1);
            column = axis + 1;
        }
        column += step;
        print_element(printer, offset + i, i + 1 == count);
    }
    text_add_char(printer->out, ']');
}

static void print_axis(Printer *printer, int axis, int64_t offset) {
    const Shape *shape = &printer->tensor->shape;
    if (axis == shape->rank - 1) {
        print_row(printer, offset);
        return;
    }
    int newlines = axis == shape->rank - 2 ? 1 : 2;
    text_add_char(printer->out, '[');
    for (int64_t i = 0; i < shape->dims[axis]; i++) {
        if (i > 0) {
            text_add_char(printer->out, ',');
            text_add_repeat(printer->out, "\n", newlines);
            text_add_repeat(printer->out, " ", axis + 1);
        }
        if (is_cut(printer, axis) && i == printer->edges[axis]) {
            text_add(printer->out, "…,");
            text_add_repeat(printer->out, "\n", newlines);
            text_add_repeat(printer->out, " ", axis + 1);
        }
        i = after_gap(printer, axis, i);
        print_axis(printer, axis + 1, offset + i * printer->strides[axis]);
    }
    text_add_char(printer->out, ']');
}

static void choose_edges(Printer *printer) {
    int rank = printer->tensor->shape.rank;
    for (int axis = 0; axis < rank; axis++) printer->edges[axis] = axis >= rank - 2 ? 3 : 1;
}

void tensor_print(const Tensor *tensor, Text *out) {
    int rank = tensor->shape.rank;
    int64_t count = tensor_count(tensor);
    char shape[SHAPE_TEXT];
    if (rank == 0) {
        element_print(tensor, 0, out);
        return;
    }
    if (count == 0) {
        if (rank == 1) text_add(out, "[]");
        else text_addf(out, "empty %s %s", dtype_name(tensor->dtype), shape_text(tensor->shape, shape));
        return;
    }
    Printer printer = {.tensor = tensor, .out = out};
    shape_strides(tensor->shape, printer.strides);
    if (count > FULL_COUNT) {
        choose_edges(&printer);
        text_addf(out, "%s %s\n", dtype_name(tensor->dtype), shape_text(tensor->shape, shape));
    }
    measure(&printer, 0, 0);
    /* A vector that fits on one line needs no columns. */
    int64_t row_columns = (printer.left + printer.right + 2) * (int64_t)(count > FULL_COUNT ? 7 : count);
    if (rank == 1 && row_columns < LINE_COLUMNS) printer.left = printer.right = 0;
    print_axis(&printer, 0, 0);
}
