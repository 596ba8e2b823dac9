#include "runtime/base/tensor.h"

#include <stdio.h>

Shape shape_of(int rank, const int64_t *dims) {
    Shape shape = {.rank = rank};
    for (int axis = 0; axis < rank; axis++) shape.dims[axis] = dims[axis];
    return shape;
}

Shape shape_scalar(void) { return (Shape){0}; }

Shape shape_1(int64_t a) { return (Shape){.rank = 1, .dims = {a}}; }

Shape shape_2(int64_t a, int64_t b) { return (Shape){.rank = 2, .dims = {a, b}}; }

int64_t shape_count(Shape shape) {
    uint64_t count = 1; /* unsigned: an unchecked shape wraps instead of being undefined */
    for (int axis = 0; axis < shape.rank; axis++) count *= (uint64_t)shape.dims[axis];
    return (int64_t)count;
}

bool shape_equal(Shape a, Shape b) {
    if (a.rank != b.rank) return false;
    for (int axis = 0; axis < a.rank; axis++)
        if (a.dims[axis] != b.dims[axis]) return false;
    return true;
}

bool shape_broadcast(Shape a, Shape b, Shape *out) {
    Shape result = {.rank = a.rank > b.rank ? a.rank : b.rank};
    for (int axis = 0; axis < result.rank; axis++) {
        int in_a = axis - (result.rank - a.rank), in_b = axis - (result.rank - b.rank);
        int64_t from_a = in_a < 0 ? 1 : a.dims[in_a], from_b = in_b < 0 ? 1 : b.dims[in_b];
        if (from_a != from_b && from_a != 1 && from_b != 1) return false;
        result.dims[axis] = from_a == 1 ? from_b : from_a;
    }
    *out = result;
    return true;
}

void shape_strides(Shape shape, int64_t strides[RANK_MAX]) {
    int64_t stride = 1;
    for (int axis = RANK_MAX - 1; axis >= 0; axis--) {
        strides[axis] = axis < shape.rank ? stride : 0;
        if (axis < shape.rank) stride *= shape.dims[axis];
    }
}

const char *shape_text(Shape shape, char buffer[SHAPE_TEXT]) {
    size_t used = (size_t)snprintf(buffer, SHAPE_TEXT, "[");
    for (int axis = 0; axis < shape.rank; axis++)
        used += (size_t)snprintf(buffer + used, SHAPE_TEXT - used, "%s%lld", axis ? ", " : "", (long long)shape.dims[axis]);
    snprintf(buffer + used, SHAPE_TEXT - used, "]");
    return buffer;
}
