/* Pooling and resizing of [n, c, h, w] and [n, c, l], with PyTorch's conventions. */
#include "lang/elaborate/builtins.h"

#include <math.h>
#include <string.h>

typedef enum PoolKind { POOL_MAX, POOL_MEAN } PoolKind;
enum { ONE_DIMENSION = 16 }; /* added to the kind in Builtin.data */

static Node *plane_at(Elaborator *e, const Arguments *a, int dimensions) {
    Node *x;
    if (!float_at(e, a, 0, &x)) return NULL;
    if (x->type.shape.rank == dimensions + 2) return dimensions == 1 ? build_expand(e->graph, x, 2) : x;
    char text[SHAPE_TEXT];
    diagnose(e->diagnostics, "E0400", a->values[0].span, "expected %s, found %s",
             dimensions == 1 ? "[n, channels, length]" : "[n, channels, height, width]", shape_text(x->type.shape, text));
    return NULL;
}

static Node *plane_back(Elaborator *e, Node *x, int dimensions) { return x && dimensions == 1 ? build_squeeze(e->graph, x, 1u << 2) : x; }

static Value run_pool(Elaborator *e, const Builtin *self, const Arguments *a) {
    int dimensions = self->data & ONE_DIMENSION ? 1 : 2, skip = 2 - dimensions;
    PoolKind kind = (PoolKind)(self->data & ~ONE_DIMENSION);
    int64_t size[2] = {1, 1}, stride[2] = {1, 1}, padding[2] = {0, 0};
    Node *x = plane_at(e, a, dimensions);
    if (!x || !integers_at(e, a, 1, dimensions, 1, size + skip) || !integers_at(e, a, 3, dimensions, 0, padding + skip))
        return value_none();
    memcpy(stride, size, sizeof size);
    if (given(a, 2) && !integers_at(e, a, 2, dimensions, 1, stride + skip)) return value_none();
    for (int d = 0; d < 2; d++)
        if (x->type.shape.dims[2 + d] + 2 * padding[d] < size[d] || 2 * padding[d] > size[d]) {
            diagnose(e->diagnostics, "E0400", a->span, "a window of %lld with padding %lld does not fit an axis of size %lld",
                     (long long)size[d], (long long)padding[d], (long long)x->type.shape.dims[2 + d]);
            return value_none();
        }
    int64_t ints[] = {size[0], size[1], stride[0], stride[1], padding[0], padding[0], padding[1], padding[1]};
    Node *node = call_op(e, kind == POOL_MAX ? OP_MAX_POOL : OP_WINDOW_SUM, &x, 1, ints, 8, NULL);
    if (node && kind == POOL_MAX) node = build_part(e->graph, node, 0);
    else if (node) node = build_binary(e->graph, OP_MUL, node, build_number(e->graph, 1.0 / (double)(size[0] * size[1])));
    return result_of(a, plane_back(e, node, dimensions));
}

/* --- resizing through a matrix: rows are outputs, columns inputs --- */

typedef void FillRow(double *row, int64_t output, int64_t outputs, int64_t inputs);

/* Windows [floor(i * n / m), ceil((i + 1) * n / m)). */
static void mean_row(double *row, int64_t output, int64_t outputs, int64_t inputs) {
    int64_t from = output * inputs / outputs, to = ((output + 1) * inputs + outputs - 1) / outputs;
    for (int64_t k = from; k < to; k++) row[k] = 1.0 / (double)(to - from);
}

static void nearest_row(double *row, int64_t output, int64_t outputs, int64_t inputs) { row[output * inputs / outputs] = 1; }

/* Pixel centres aligned at half pixels, edges repeated (align_corners = False). */
static void linear_row(double *row, int64_t output, int64_t outputs, int64_t inputs) {
    double place = fmax(0, ((double)output + 0.5) * (double)inputs / (double)outputs - 0.5);
    int64_t low = (int64_t)place, high = low + 1 < inputs ? low + 1 : low;
    double weight = place - (double)low;
    row[low] += 1 - weight;
    row[high] += weight;
}

static Node *resize_matrix(Elaborator *e, DType dtype, int64_t outputs, int64_t inputs, FillRow *fill) {
    Fault fault;
    Tensor *matrix = tensor_zeros(dtype, shape_2(outputs, inputs), &fault);
    double *row = arena_alloc(e->arena, sizeof *row * (size_t)inputs);
    if (!matrix) {
        diagnose_fault(e->diagnostics, "E0901", e->graph->here, &fault);
        return NULL;
    }
    for (int64_t k = 0; k < outputs; k++) {
        memset(row, 0, sizeof *row * (size_t)inputs);
        fill(row, k, outputs, inputs);
        for (int64_t j = 0; j < inputs; j++) tensor_set_number(matrix, k * inputs + j, row[j]);
    }
    return constant_of(e, matrix);
}

/* A_h x A_w^T over the last two axes. */
static Node *resize(Elaborator *e, Node *x, const int64_t size[2], FillRow *fill) {
    if (x && size[1] != x->type.shape.dims[3]) {
        Node *columns = resize_matrix(e, x->type.dtype, size[1], x->type.shape.dims[3], fill);
        x = columns ? build_matmul(e->graph, x, build_swap_last(e->graph, columns)) : NULL;
    }
    if (x && size[0] != x->type.shape.dims[2]) {
        Node *rows = resize_matrix(e, x->type.dtype, size[0], x->type.shape.dims[2], fill);
        x = rows ? build_swap_last(e->graph, build_matmul(e->graph, build_swap_last(e->graph, x), build_swap_last(e->graph, rows))) : NULL;
    }
    return x;
}

/* The largest of each window along one axis; maxima along rows and columns commute. */
static Node *adaptive_max_axis(Elaborator *e, Node *x, int axis, int64_t outputs) {
    int64_t inputs = x->type.shape.dims[axis], start[RANK_MAX] = {0}, stop[RANK_MAX], step[RANK_MAX];
    if (inputs == outputs) return x;
    Node **parts = arena_alloc(e->arena, sizeof *parts * (size_t)outputs);
    for (int k = 0; k < x->type.shape.rank; k++) {
        stop[k] = x->type.shape.dims[k];
        step[k] = 1;
    }
    for (int64_t k = 0; k < outputs; k++) {
        start[axis] = k * inputs / outputs;
        stop[axis] = ((k + 1) * inputs + outputs - 1) / outputs;
        parts[k] = build_reduce(e->graph, OP_REDUCE_MAX, build_slice(e->graph, x, start, stop, step), 1u << axis, true);
        if (!parts[k]) return NULL;
    }
    return build_concat(e->graph, parts, (int)outputs, axis);
}

static Value run_adaptive(Elaborator *e, const Builtin *self, const Arguments *a) {
    int64_t size[2];
    Node *x = plane_at(e, a, 2);
    if (!x || !integers_at(e, a, 1, 2, 1, size)) return value_none();
    if (self->data == POOL_MEAN) return result_of(a, resize(e, x, size, mean_row));
    x = adaptive_max_axis(e, x, 2, size[0]);
    return result_of(a, x ? adaptive_max_axis(e, x, 3, size[1]) : NULL);
}

/* Every pixel as a block of factor x factor. */
static Node *enlarge(Elaborator *e, Node *x, const int64_t factor[2]) {
    const int64_t *d = x->type.shape.dims;
    Shape narrow = {.rank = 6, .dims = {d[0], d[1], d[2], 1, d[3], 1}};
    Shape wide = {.rank = 6, .dims = {d[0], d[1], d[2], factor[0], d[3], factor[1]}};
    Shape joined = {.rank = 4, .dims = {d[0], d[1], d[2] * factor[0], d[3] * factor[1]}};
    return build_reshape(e->graph, build_broadcast(e->graph, build_reshape(e->graph, x, narrow), wide), joined);
}

static Value run_upsample(Elaborator *e, const Builtin *self, const Arguments *a) {
    int64_t size[2];
    bool by_factor = self->data, is_linear = choice_is(a, 2, "bilinear");
    Node *x = plane_at(e, a, 2);
    if (!x || !integers_at(e, a, 1, 2, 1, size)) return value_none();
    if (by_factor && !is_linear) return result_of(a, enlarge(e, x, size));
    for (int d = 0; d < 2 && by_factor; d++) size[d] *= x->type.shape.dims[2 + d];
    return result_of(a, resize(e, x, size, is_linear ? linear_row : nearest_row));
}

const Builtin builtins_pool[] = {
    {"max_pool2d(x, size, stride?, padding = 0)", run_pool, POOL_MAX,
     "Largest of each window of x [n, c, h, w]; stride defaults to size; padding never wins. Example: max_pool2d(ones([1, 1, 4, 4]), 2)",
     false},
    {"avg_pool2d(x, size, stride?, padding = 0)", run_pool, POOL_MEAN,
     "Mean of each window of x [n, c, h, w]; padding counts as zeros. Example: avg_pool2d(ones([1, 1, 4, 4]), 3, stride = 2, padding = 1)",
     false},
    {"max_pool1d(x, size, stride?, padding = 0)", run_pool, POOL_MAX | ONE_DIMENSION,
     "Largest of each window of x [n, c, l]. Example: max_pool1d(ones([1, 1, 4]), 2)", false},
    {"avg_pool1d(x, size, stride?, padding = 0)", run_pool, POOL_MEAN | ONE_DIMENSION,
     "Mean of each window of x [n, c, l]. Example: avg_pool1d(ones([1, 1, 4]), 2)", false},
    {"adaptive_avg_pool2d(x, size)", run_adaptive, POOL_MEAN,
     "Mean over windows that give exactly `size` (a number or [h, w]) outputs. Example: adaptive_avg_pool2d(ones([1, 1, 4, 4]), 1)", false},
    {"adaptive_max_pool2d(x, size)", run_adaptive, POOL_MAX,
     "Largest over windows that give exactly `size` (a number or [h, w]) outputs. Example: adaptive_max_pool2d(ones([1, 1, 4, 4]), [4, 4])",
     false},
    {"upsample(x, factor, mode: nearest|bilinear = nearest)", run_upsample, 1,
     "x [n, c, h, w] enlarged by a whole factor (or [fh, fw]); bilinear aligns half pixels, as PyTorch with align_corners = False. Example: upsample(ones([1, 1, 4, 4]), 2)",
     false},
    {"resize(x, size, mode: nearest|bilinear = bilinear)", run_upsample, 0,
     "x [n, c, h, w] resampled to `size`, without smoothing when it shrinks. Example: resize(ones([1, 1, 4, 4]), [16, 16])", false},
    {0},
};
