/* Tensors from sizes and numbers. */
#include "lang/elaborate/builtins.h"

#include <math.h>
#include <string.h>

static Node *filled(Elaborator *e, DType dtype, Shape shape, double value) { return build_full(e->graph, (Type){dtype, shape}, value); }

static Value run_constant(Elaborator *e, const Builtin *self, const Arguments *a) {
    Shape shape;
    if (!to_shape(e, a->values[0], &shape)) return value_none();
    return result_of(a, filled(e, e->float_type, shape, self->data));
}

static Value run_full(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Shape shape;
    if (!to_shape(e, a->values[0], &shape)) return value_none();
    Value value = a->values[1];
    if (value.kind == VALUE_NUMBER) return result_of(a, filled(e, e->float_type, shape, value.number));
    Node *node = to_node(e, value);
    return result_of(a, node ? build_broadcast(e->graph, node, shape) : NULL);
}

static Value run_like(Elaborator *e, const Builtin *self, const Arguments *a) {
    Node *x = node_at(e, a, 0);
    double value = self->data;
    if (!x || (self->data < 0 && !to_number(e, a->values[1], &value))) return value_none();
    return result_of(a, filled(e, x->type.dtype, x->type.shape, value));
}

/* 1 where row + offset == column. */
static Node *diagonal_mask(Elaborator *e, Shape shape, int64_t offset) {
    Node *row = build_iota(e->graph, DTYPE_I64, shape, shape.rank - 2), *column = build_iota(e->graph, DTYPE_I64, shape, shape.rank - 1);
    return build_binary(e->graph, OP_EQUAL, build_binary(e->graph, OP_ADD, row, build_integer(e->graph, offset)), column);
}

static Value run_eye(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    int64_t rows, columns;
    if (!integer_at(e, a, 0, 0, &rows)) return value_none();
    columns = rows;
    if (given(a, 1) && !integer_at(e, a, 1, 0, &columns)) return value_none();
    return result_of(a, build_cast(e->graph, diagonal_mask(e, shape_2(rows, columns), 0), e->float_type));
}

static bool is_whole(Value value) { return value.kind == VALUE_NUMBER && value.is_integer; }

/* from, from + step, ... below `to`; whole when all three are. */
static Value run_arange(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    double from = 0, to, step = 1;
    bool whole = is_whole(a->values[0]);
    if (!to_number(e, a->values[0], &to)) return value_none();
    if (given(a, 1)) {
        from = to;
        whole = whole && is_whole(a->values[1]);
        if (!to_number(e, a->values[1], &to)) return value_none();
    }
    if (given(a, 2)) {
        whole = whole && is_whole(a->values[2]);
        if (!to_number(e, a->values[2], &step)) return value_none();
    }
    if (step == 0 || !isfinite((to - from) / step)) {
        diagnose(e->diagnostics, "E0304", a->span, "'arange' cannot step by %.6g from %.6g to %.6g", step, from, to);
        return value_none();
    }
    int64_t count = (int64_t)fmax(0, ceil((to - from) / step - 1e-12));
    Node *node = build_iota(e->graph, whole ? DTYPE_I64 : e->float_type, shape_1(count), 0);
    if (step != 1)
        node = build_binary(e->graph, OP_MUL, node, whole ? build_integer(e->graph, (int64_t)step) : build_number(e->graph, step));
    if (from != 0)
        node = build_binary(e->graph, OP_ADD, node, whole ? build_integer(e->graph, (int64_t)from) : build_number(e->graph, from));
    return result_of(a, node);
}

static Value run_linspace(Elaborator *e, const Builtin *self, const Arguments *a) {
    double from, to;
    int64_t count;
    if (!to_number(e, a->values[0], &from) || !to_number(e, a->values[1], &to) || !integer_at(e, a, 2, 0, &count)) return value_none();
    Fault fault;
    Tensor *tensor = tensor_new(e->float_type, shape_1(count), &fault);
    if (!tensor) return tensor_fault(e, a, "E0901", &fault);
    for (int64_t k = 0; k < count; k++) {
        double value = count > 1 && k == count - 1 ? to : from + (to - from) * (double)k / (double)(count > 1 ? count - 1 : 1);
        tensor_set_number(tensor, k, self->data ? pow(10, value) : value);
    }
    return result_of(a, constant_of(e, tensor));
}

static Value run_iota(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Shape shape;
    int axis;
    if (!to_shape(e, a->values[0], &shape) || !axis_at(e, a, 1, shape.rank, &axis)) return value_none();
    return result_of(a, build_iota(e->graph, DTYPE_I64, shape, axis));
}

static Value run_tensor(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x;
    if (a->values[0].kind == VALUE_NUMBER) return result_of(a, constant_of(e, tensor_scalar(e->float_type, a->values[0].number)));
    return float_at(e, a, 0, &x) ? result_of(a, x) : value_none();
}

/* --- matrices and their diagonals --- */

static Value run_triangle(Elaborator *e, const Builtin *self, const Arguments *a) {
    bool is_lower = self->data;
    int64_t offset;
    Node *x = node_at(e, a, 0);
    if (!rank_at_least(e, a, 0, x, 2) || !to_integer(e, a->values[1], &offset)) return value_none();
    int rank = x->type.shape.rank;
    Graph *graph = e->graph;
    Shape matrix = shape_2(x->type.shape.dims[rank - 2], x->type.shape.dims[rank - 1]);
    Node *row = build_binary(graph, OP_ADD, build_iota(graph, DTYPE_I64, matrix, 0), build_integer(graph, offset));
    Node *keep = build_binary(graph, is_lower ? OP_LESS_EQUAL : OP_GREATER_EQUAL, build_iota(graph, DTYPE_I64, matrix, 1), row);
    return result_of(a, build_ternary(graph, OP_WHERE, keep, x, build_zeros_like(graph, x)));
}

/* The main diagonal of the last two axes: every (n + 1)th element of a flattened n x n square. */
static Node *diagonal_of(Elaborator *e, Node *x) {
    Graph *graph = e->graph;
    Shape shape = x->type.shape;
    int rank = shape.rank;
    int64_t rows = shape.dims[rank - 2], columns = shape.dims[rank - 1], n = rows < columns ? rows : columns;
    Shape flat = shape;
    flat.rank = rank - 1;
    flat.dims[rank - 1] = 0;
    flat.dims[rank - 2] = rows * columns;
    Node *node = build_reshape(graph, x, flat);
    int64_t start[RANK_MAX] = {0}, stop[RANK_MAX], step[RANK_MAX];
    for (int k = 0; k < flat.rank; k++) {
        stop[k] = flat.dims[k];
        step[k] = 1;
    }
    step[rank - 2] = columns + 1;
    stop[rank - 2] = n ? (n - 1) * (columns + 1) + 1 : 0;
    return build_slice(graph, node, start, stop, step);
}

static Value run_diag(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = node_at(e, a, 0);
    if (!rank_at_least(e, a, 0, x, 1)) return value_none();
    if (x->type.shape.rank > 1) return result_of(a, diagonal_of(e, x));
    Node *mask = diagonal_mask(e, shape_2(x->type.shape.dims[0], x->type.shape.dims[0]), 0);
    Node *rows = build_broadcast(e->graph, x, mask ? mask->type.shape : x->type.shape);
    return result_of(a, build_ternary(e->graph, OP_WHERE, mask, rows, build_zeros_like(e->graph, rows)));
}

static Value run_trace(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = node_at(e, a, 0);
    if (!rank_at_least(e, a, 0, x, 2)) return value_none();
    Node *diagonal = diagonal_of(e, x);
    return result_of(a, diagonal ? build_reduce(e->graph, OP_REDUCE_SUM, diagonal, 1u << (diagonal->type.shape.rank - 1), false) : NULL);
}

/* meshgrid(x, y) -> [X, Y], each [len(x), len(y)]. */
static Value run_meshgrid(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *axes[RANK_MAX];
    Shape shape = {.rank = a->rest_count};
    if (a->rest_count < 1 || a->rest_count > RANK_MAX) {
        diagnose(e->diagnostics, "E0301", a->span, "'meshgrid' takes 1 to %d vectors, found %d", RANK_MAX, a->rest_count);
        return value_none();
    }
    for (int k = 0; k < a->rest_count; k++) {
        if (!(axes[k] = to_node(e, a->rest[k]))) return value_none();
        if (axes[k]->type.shape.rank != 1) {
            char text[SHAPE_TEXT];
            diagnose(e->diagnostics, "E0400", a->rest[k].span, "expected a vector, found %s", shape_text(axes[k]->type.shape, text));
            return value_none();
        }
        shape.dims[k] = axes[k]->type.shape.dims[0];
    }
    List *list = list_new(e, a->rest_count);
    for (int k = 0; k < a->rest_count; k++) {
        Shape column = {.rank = shape.rank};
        for (int j = 0; j < shape.rank; j++) column.dims[j] = j == k ? shape.dims[k] : 1;
        list->items[k] = value_tensor(build_broadcast(e->graph, build_reshape(e->graph, axes[k], column), shape), a->span);
        if (!value_ok(list->items[k])) return value_none();
    }
    return list_value(list, a->span);
}

const Builtin builtins_create[] = {
    {"zeros(shape)", run_constant, 0, "A float tensor of zeros; `shape` is a whole number or a list. Example: zeros([2, 3])", false},
    {"ones(shape)", run_constant, 1, "A float tensor of ones. Example: ones(4)", false},
    {"full(shape, value)", run_full, 0, "A tensor of one value. Example: full([2, 2], 0.5)", false},
    {"zeros_like(x)", run_like, 0, "Zeros with the shape and type of x. Example: zeros_like([1.5, 2.0])", false},
    {"ones_like(x)", run_like, 1, "Ones with the shape and type of x. Example: ones_like([1.5, 2.0])", false},
    {"full_like(x, value)", run_like, -1, "One value with the shape and type of x. Example: full_like([1.5, 2.0], 0.1)", false},
    {"eye(n, m?)", run_eye, 0, "The identity matrix [n, n], or [n, m] with ones on the main diagonal. Example: eye(3)", false},
    {"arange(from, to?, step?)", run_arange, 0,
     "from, from + step, ... below `to`; with one argument 0, 1, ... below it. Whole numbers give i64, else floats. Example: arange(0, 1, 0.25)",
     false},
    {"linspace(from, to, n)", run_linspace, 0, "n evenly spaced floats from `from` to `to`, both included. Example: linspace(0, 1, 5)",
     false},
    {"logspace(from, to, n)", run_linspace, 1, "n floats 10^from ... 10^to, evenly spaced in the exponent. Example: logspace(-3, 0, 4)",
     false},
    {"iota(shape, axis = -1)", run_iota, 0, "i64 tensor whose elements are their index along `axis`. Example: iota([2, 3], axis = 0)",
     false},
    {"tensor(x)", run_tensor, 0, "A number, list or tensor as a float tensor. Example: tensor([1, 2, 3])", false},
    {"tril(x, offset = 0)", run_triangle, 1,
     "The lower triangle of the last two axes, zeros above; `offset` moves the diagonal up. Example: tril(ones([3, 3]))", false},
    {"triu(x, offset = 0)", run_triangle, 0, "The upper triangle of the last two axes, zeros below. Example: triu(ones([3, 3]), 1)", false},
    {"diag(x)", run_diag, 0, "Of a vector the diagonal matrix; of a matrix (or batch) the main diagonal. Example: diag([1, 2, 3])", false},
    {"trace(x)", run_trace, 0, "Sum of the main diagonal of the last two axes. Example: trace(eye(3))", false},
    {"meshgrid(xs...)", run_meshgrid, 0,
     "One tensor a vector, all of the product's shape: element [i, j] is xs[k][i or j]. Example: meshgrid(linspace(0, 1, 3), linspace(0, 1, 2))",
     false},
    {0},
};
