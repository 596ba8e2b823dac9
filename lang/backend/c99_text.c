/* Lines, loops and numbers of the C99 text. */
#include "lang/backend/c99_inside.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Lines ----------------------------------------------------------------------------------------------------------------- */

static void begin_line(C99 *c) {
    for (int k = 0; k < c->depth; k++) text_add(&c->body, "    ");
}

void c99_line(C99 *c, const char *format, ...) {
    va_list args;
    va_start(args, format);
    begin_line(c);
    text_addv(&c->body, format, args);
    text_add_char(&c->body, '\n');
    va_end(args);
}

void c99_open(C99 *c, const char *format, ...) {
    va_list args;
    va_start(args, format);
    begin_line(c);
    text_addv(&c->body, format, args);
    text_add(&c->body, " {\n");
    va_end(args);
    c->depth++;
}

void c99_close(C99 *c) {
    c->depth--;
    c99_line(c, "}");
}

/* Types and numbers ----------------------------------------------------------------------------------------------------- */

const char *c99_type(C99 *c, DType dtype) {
    static const char *const names[DTYPE_COUNT] = {"unsigned char", "int64_t", "float", "double"};
    c->uses_type[dtype] = true;
    return names[dtype];
}

const char *c99_sum_type(C99 *c, DType dtype) {
    if (!dtype_is_float(dtype)) return c99_type(c, DTYPE_I64);
    c->adds = true;
    return arena_format(c->arena, "%s_sum", c->name);
}

static const char *float_literal(C99 *c, double value, DType dtype) {
    const char *suffix = dtype == DTYPE_F32 ? "f" : "";
    int most = dtype == DTYPE_F32 ? 9 : 17;
    char text[40];
    for (int digits = most - 3; digits <= most; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (dtype == DTYPE_F32 ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value) break;
    }
    return arena_format(c->arena, "%s%s%s", text, strpbrk(text, ".e") ? "" : ".0", suffix);
}

const char *c99_literal(C99 *c, double value, DType dtype) {
    if (dtype == DTYPE_BOOL) return value != 0 ? "1" : "0";
    if (dtype == DTYPE_I64 && value <= -0x1p63) return "INT64_MIN";
    if (dtype == DTYPE_I64 && value >= 0x1p63) return "INT64_MAX";
    if (dtype == DTYPE_I64) return arena_format(c->arena, "INT64_C(%" PRId64 ")", (int64_t)value);
    if (dtype == DTYPE_F32) value = (double)(float)value;
    if (isnan(value)) return dtype == DTYPE_F32 ? "NAN" : "(double)NAN";
    if (isinf(value)) return value > 0 ? "INFINITY" : "-INFINITY";
    return float_literal(c, value, dtype);
}

/* Loops ----------------------------------------------------------------------------------------------------------------- */

Affine affine_of(Shape shape) {
    Affine place = {0};
    shape_strides(shape, place.factors);
    return place;
}

void c99_nest(C99 *c, Shape shape, char letter) {
    for (int k = 0; k < shape.rank; k++)
        if (shape.dims[k] != 1)
            c99_open(c, "for (long %c%d = 0; %c%d < %" PRId64 "; %c%d++)", letter, k, letter, k, shape.dims[k], letter, k);
}

void c99_nest_end(C99 *c, Shape shape) {
    for (int k = 0; k < shape.rank; k++)
        if (shape.dims[k] != 1) c99_close(c);
}

const char *c99_offset(C99 *c, const Affine *place, Shape nest, char letter) {
    Text text = {0};
    for (int k = 0; k < nest.rank; k++) {
        int64_t factor = place->factors[k];
        if (factor == 0 || nest.dims[k] == 1) continue;
        const char *sign = factor < 0 ? (text.length ? " - " : "-") : text.length ? " + " : "";
        text_add(&text, sign);
        if (factor != 1 && factor != -1) text_addf(&text, "%" PRId64 " * ", factor < 0 ? -factor : factor);
        text_addf(&text, "%c%d", letter, k);
    }
    if (!text.length) text_addf(&text, "%" PRId64, place->offset);
    else if (place->offset)
        text_addf(&text, " %c %" PRId64, place->offset < 0 ? '-' : '+', place->offset < 0 ? -place->offset : place->offset);
    const char *kept = arena_string(c->arena, text_string(&text));
    text_free(&text);
    return kept;
}

const char *c99_times(C99 *c, int64_t factor, const char *index) {
    if (factor == 0 || !strcmp(index, "0")) return "0";
    return factor == 1 ? index : arena_format(c->arena, "%" PRId64 " * %s", factor, index);
}

const char *c99_plus(C99 *c, const char *a, const char *b) {
    if (!strcmp(a, "0")) return b;
    return !strcmp(b, "0") ? a : arena_format(c->arena, "%s + %s", a, b);
}

const char *c99_row(C99 *c, const char *row, int64_t width, const char *column) {
    const char *whole = strpbrk(row, "+-%/") && width != 1 ? arena_format(c->arena, "(%s)", row) : row;
    return c99_plus(c, c99_times(c, width, whole), column);
}
