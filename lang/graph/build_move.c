/* Builders that change shape and order. */
#include "lang/graph/build_inside.h"
#include "runtime/base/memory.h"

#include <stdlib.h>

bool build_axis(Graph *graph, const Node *x, int *axis) {
    int rank = x->type.shape.rank, given = *axis;
    if (*axis < 0) *axis += rank;
    if (*axis >= 0 && *axis < rank) return true;
    char text[SHAPE_TEXT];
    diagnose(graph->diagnostics, "E0403", graph->here, "axis %d is out of range for the shape %s", given, shape_text(x->type.shape, text));
    return rank > 0 ? diagnose_help(graph->diagnostics, "axes are 0 to %d, or -%d to -1 from the end", rank - 1, rank) : false;
}

bool build_axes(Graph *graph, const Node *x, uint32_t axes) {
    for (int k = x->type.shape.rank; k < 32; k++)
        if (axes >> k & 1) return build_axis(graph, x, &k);
    return true;
}

Shape shape_without(Shape shape, uint32_t axes) {
    Shape out = {0};
    for (int k = 0; k < shape.rank; k++)
        if (!(axes >> k & 1)) out.dims[out.rank++] = shape.dims[k];
    return out;
}

Shape shape_insert(Shape shape, int axis, int64_t dim) {
    Shape out = {.rank = shape.rank + 1};
    for (int k = 0; k < out.rank; k++) out.dims[k] = k < axis ? shape.dims[k] : k == axis ? dim : shape.dims[k - 1];
    return out;
}

Node *build_broadcast(Graph *graph, Node *x, Shape shape) {
    if (!x || shape_equal(x->type.shape, shape)) return x;
    Shape from = x->type.shape;
    if (from.rank < shape.rank) {
        Shape padded = {.rank = shape.rank};
        for (int k = 0; k < shape.rank; k++) padded.dims[k] = k < shape.rank - from.rank ? 1 : from.dims[k - (shape.rank - from.rank)];
        x = build_reshape(graph, x, padded);
        if (!x || shape_equal(padded, shape)) return x;
    }
    Type type = {.dtype = x->type.dtype, .shape = shape};
    return graph_add(graph, &(NodeSpec){.op = OP_BROADCAST, .inputs = {x}, .input_count = 1, .type = &type});
}

Node *build_reshape(Graph *graph, Node *x, Shape shape) {
    if (!x || shape_equal(x->type.shape, shape)) return x;
    Type type = {.dtype = x->type.dtype, .shape = shape};
    return graph_add(graph, &(NodeSpec){.op = OP_RESHAPE, .inputs = {x}, .input_count = 1, .type = &type});
}

Node *build_transpose(Graph *graph, Node *x, const int *permutation) {
    if (!x) return NULL;
    NodeSpec spec = {.op = OP_TRANSPOSE, .inputs = {x}, .input_count = 1, .int_count = x->type.shape.rank};
    bool is_identity = true;
    for (int k = 0; k < spec.int_count; k++) {
        int axis = permutation[k];
        if (!build_axis(graph, x, &axis)) return NULL;
        spec.ints[k] = axis;
        is_identity = is_identity && axis == k;
    }
    return is_identity ? x : graph_add(graph, &spec);
}

Node *build_swap_last(Graph *graph, Node *x) {
    if (!x || x->type.shape.rank < 2) return x;
    int permutation[RANK_MAX], rank = x->type.shape.rank;
    for (int k = 0; k < rank; k++) permutation[k] = k < rank - 2 ? k : 2 * rank - 3 - k;
    return build_transpose(graph, x, permutation);
}

Node *build_slice(Graph *graph, Node *x, const int64_t *start, const int64_t *stop, const int64_t *step) {
    if (!x) return NULL;
    int rank = x->type.shape.rank;
    Type type = x->type;
    NodeSpec spec = {.op = OP_SLICE, .inputs = {x}, .input_count = 1, .int_count = 2 * rank, .type = &type};
    bool is_whole = true;
    for (int k = 0; k < rank; k++) {
        int64_t dim = x->type.shape.dims[k], from = start[k], to = stop[k];
        if (from < 0 || to > dim || from > dim || step[k] < 1) {
            diagnose(graph->diagnostics, "E0404", graph->here, "the slice %lld:%lld is outside dimension %d of size %lld", (long long)from,
                     (long long)to, k, (long long)dim);
            return NULL;
        }
        spec.ints[k] = from;
        spec.ints[rank + k] = step[k];
        type.shape.dims[k] = to > from ? (to - from + step[k] - 1) / step[k] : 0;
        is_whole = is_whole && from == 0 && type.shape.dims[k] == dim;
    }
    return is_whole ? x : graph_add(graph, &spec);
}

Node *build_flip(Graph *graph, Node *x, int axis) {
    if (!x || !build_axis(graph, x, &axis)) return NULL;
    NodeSpec spec = {.op = OP_FLIP, .inputs = {x}, .input_count = 1, .int_count = x->type.shape.rank};
    spec.ints[axis] = 1;
    return graph_add(graph, &spec);
}

Node *build_pad(Graph *graph, Node *x, const int64_t *low, const int64_t *high, const int64_t *interior, double value) {
    if (!x) return NULL;
    int rank = x->type.shape.rank;
    NodeSpec spec = {.op = OP_PAD, .inputs = {x}, .input_count = 1, .int_count = 3 * rank, .numbers = {value}, .number_count = 1};
    bool is_empty = true;
    for (int k = 0; k < rank; k++) {
        spec.ints[k] = low[k];
        spec.ints[rank + k] = high[k];
        spec.ints[2 * rank + k] = interior[k];
        is_empty = is_empty && low[k] == 0 && high[k] == 0 && interior[k] == 0;
    }
    return is_empty ? x : graph_add(graph, &spec);
}

/* One dtype for all, as for elementwise operands. NULL after a diagnostic; freed by the caller. */
static Node **converted(Graph *graph, Node *const *xs, int count) {
    DType dtype = DTYPE_BOOL;
    for (int k = 0; k < count; k++) {
        if (!xs[k]) return NULL;
        if (xs[k]->type.dtype > dtype) dtype = xs[k]->type.dtype;
    }
    Node **out = allocate((size_t)count * sizeof(Node *));
    for (int k = 0; k < count; k++) out[k] = build_convert(graph, xs[k], dtype);
    return out;
}

static bool is_some(Graph *graph, int count) {
    return count > 0 || diagnose(graph->diagnostics, "E0400", graph->here, "there is nothing to join");
}

Node *build_concat(Graph *graph, Node *const *xs, int count, int axis) {
    if (!is_some(graph, count) || !xs[0] || !build_axis(graph, xs[0], &axis)) return NULL;
    if (count == 1) return xs[0];
    Node **operands = converted(graph, xs, count);
    Node *out = operands
                    ? graph_add(graph,
                                &(NodeSpec){.op = OP_CONCAT, .more_inputs = operands, .more_count = count, .ints = {axis}, .int_count = 1})
                    : NULL;
    free(operands);
    return out;
}

Node *build_stack(Graph *graph, Node *const *xs, int count, int axis) {
    if (!is_some(graph, count) || !xs[0]) return NULL;
    Node **expanded = allocate((size_t)count * sizeof(Node *));
    for (int k = 0; k < count; k++) expanded[k] = build_expand(graph, xs[k], axis);
    Node *out = build_concat(graph, expanded, count, axis);
    free(expanded);
    return out;
}

Node *build_expand(Graph *graph, Node *x, int axis) {
    if (!x) return NULL;
    int rank = x->type.shape.rank;
    char text[SHAPE_TEXT];
    int at = axis < 0 ? axis + rank + 1 : axis;
    if (at < 0 || at > rank || rank == RANK_MAX) {
        diagnose(graph->diagnostics, "E0403", graph->here, "a new axis %d is out of range for the shape %s", axis,
                 shape_text(x->type.shape, text));
        return NULL;
    }
    return build_reshape(graph, x, shape_insert(x->type.shape, at, 1));
}

Node *build_squeeze(Graph *graph, Node *x, uint32_t axes) {
    if (!x || !build_axes(graph, x, axes)) return NULL;
    char text[SHAPE_TEXT];
    for (int k = 0; k < x->type.shape.rank; k++)
        if ((axes >> k & 1) && x->type.shape.dims[k] != 1) {
            diagnose(graph->diagnostics, "E0400", graph->here, "axis %d of %s is not of size 1", k, shape_text(x->type.shape, text));
            return NULL;
        }
    return build_reshape(graph, x, shape_without(x->type.shape, axes));
}

Node *build_select(Graph *graph, Node *x, int axis, int64_t index) {
    if (!x || !build_axis(graph, x, &axis)) return NULL;
    int64_t dim = x->type.shape.dims[axis], at = index < 0 ? index + dim : index;
    char text[SHAPE_TEXT];
    if (at < 0 || at >= dim) {
        diagnose(graph->diagnostics, "E0404", graph->here, "index %lld is out of range for axis %d of %s", (long long)index, axis,
                 shape_text(x->type.shape, text));
        return NULL;
    }
    int64_t start[RANK_MAX] = {0}, stop[RANK_MAX], step[RANK_MAX];
    for (int k = 0; k < RANK_MAX; k++) step[k] = 1, stop[k] = x->type.shape.dims[k];
    start[axis] = at, stop[axis] = at + 1;
    return build_squeeze(graph, build_slice(graph, x, start, stop, step), 1u << axis);
}
