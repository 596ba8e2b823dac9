#include "runtime/data/csv.h"

#include "runtime/base/file.h"
#include "runtime/base/text.h"
#include "runtime/data/gzip.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_cell(Text *text, const char *cell) {
    bool plain = *cell && !cell[strcspn(cell, ",;\t\"\r\n#")] && cell[0] != ' ' && cell[strlen(cell) - 1] != ' ';
    if (plain) {
        text_add(text, cell);
        return;
    }
    text_add_char(text, '"');
    for (; *cell; cell++) {
        if (*cell == '"') text_add_char(text, '"');
        text_add_char(text, *cell);
    }
    text_add_char(text, '"');
}

/* Nine digits identify a float, seventeen a double; fewer are used when they read back the same. */
static void add_float(Text *text, double value, DType dtype) {
    char buffer[40];
    if (isnan(value)) return;
    for (int digits = dtype == DTYPE_F32 ? 6 : 15;; digits++) {
        snprintf(buffer, sizeof buffer, "%.*g", digits, value);
        double back = strtod(buffer, NULL);
        if (digits >= (dtype == DTYPE_F32 ? 9 : 17) || (dtype == DTYPE_F32 ? (float)back == (float)value : back == value)) break;
    }
    text_add(text, buffer);
    if (!buffer[strcspn(buffer, ".einf")]) /* a whole float stays a float when it is read again */
        text_add(text, ".0");
}

static void add_value(Text *text, const Tensor *tensor, int64_t index, const NameList *names) {
    if (dtype_is_float(tensor->dtype)) {
        add_float(text, tensor_number(tensor, index), tensor->dtype);
        return;
    }
    long long value = tensor->dtype == DTYPE_BOOL ? tensor_bool(tensor)[index] : tensor_i64(tensor)[index];
    if (names && value >= 0 && (size_t)value < names->count) add_cell(text, names->items[value]);
    else text_addf(text, "%lld", value);
}

static int64_t width_of(const Tensor *tensor) { return tensor->shape.rank == 2 ? tensor->shape.dims[1] : 1; }

static bool check_columns(const char *path, const TensorTable *columns, int64_t *rows, Fault *fault) {
    if (columns->count == 0) return fault_set(fault, "cannot write '%s': there are no columns", path);
    for (size_t i = 0; i < columns->count; i++) {
        const Tensor *tensor = columns->items[i].tensor;
        char text[SHAPE_TEXT];
        if (tensor->shape.rank < 1 || tensor->shape.rank > 2)
            return fault_set(fault, "cannot write '%s': the column '%s' has shape %s, expected [n] or [n, d]", path, columns->items[i].name,
                             shape_text(tensor->shape, text));
        if (i > 0 && tensor->shape.dims[0] != *rows)
            return fault_set(fault, "cannot write '%s': the column '%s' has %lld rows, '%s' has %lld", path, columns->items[i].name,
                             (long long)tensor->shape.dims[0], columns->items[0].name, (long long)*rows);
        *rows = tensor->shape.dims[0];
    }
    if (*rows > 0) return true;
    fault_set(fault, "cannot write '%s': there are no rows", path);
    return fault_help(fault, "an .npz file keeps empty arrays");
}

static void add_header(Text *text, const TensorTable *columns) {
    bool first = true;
    for (size_t i = 0; i < columns->count; i++) {
        const Tensor *tensor = columns->items[i].tensor;
        for (int64_t j = 0; j < width_of(tensor); j++) {
            Text name = {0};
            text_add(&name, columns->items[i].name);
            if (tensor->shape.rank == 2) text_addf(&name, "_%lld", (long long)j + 1);
            if (!first) text_add_char(text, ',');
            add_cell(text, text_string(&name));
            text_free(&name);
            first = false;
        }
    }
    text_add_char(text, '\n');
}

static void add_row(Text *text, const TensorTable *columns, const CategoryTable *categories, int64_t row) {
    size_t before = text->length;
    for (size_t i = 0; i < columns->count; i++) {
        const Tensor *tensor = columns->items[i].tensor;
        const NameList *names = categories ? category_find(categories, columns->items[i].name) : NULL;
        for (int64_t j = 0; j < width_of(tensor); j++) {
            if (i > 0 || j > 0) text_add_char(text, ',');
            add_value(text, tensor, row * width_of(tensor) + j, names);
        }
    }
    if (text->length == before) /* a line without any cell would be skipped by readers */
        text_add(text, "\"\"");
    text_add_char(text, '\n');
}

bool csv_write(const char *path, const TensorTable *columns, const CategoryTable *categories, Fault *fault) {
    int64_t rows = 0;
    if (!check_columns(path, columns, &rows, fault)) return false;
    Text text = {0};
    add_header(&text, columns);
    for (int64_t row = 0; row < rows; row++) add_row(&text, columns, categories, row);
    size_t length = strlen(path);
    bool packed = length > 3 && strcmp(path + length - 3, ".gz") == 0;
    bool written = packed ? gzip_file_write(path, text.bytes, text.length, fault) : file_write(path, text.bytes, text.length, fault);
    text_free(&text);
    return written;
}
