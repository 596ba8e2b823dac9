/* Identities of ops that only move elements: merged, dropped, or moved to where they cost less. */
#include "lang/passes/simplify.h"

#include "lang/graph/build.h"

static Node *rule_cast(Graph *graph, Type type, Node *x) {
    double value;
    if (x->type.dtype == type.dtype) return x;
    if (fold_uniform(x, &value)) {
        if (type.dtype == DTYPE_BOOL) return build_full(graph, type, value != 0);
        if (type.dtype != DTYPE_I64) return build_full(graph, type, value);
        if (value > -1e15 && value < 1e15) return build_full(graph, type, (double)(int64_t)value);
    }
    if (x->op == OP_CAST) {
        DType inner = x->inputs[0]->type.dtype;
        bool lossless = inner == DTYPE_BOOL || (inner == DTYPE_F32 && x->type.dtype == DTYPE_F64);
        if (lossless) return build_cast(graph, x->inputs[0], type.dtype);
    }
    if (x->op == OP_BROADCAST) return build_broadcast(graph, build_cast(graph, x->inputs[0], type.dtype), type.shape);
    return NULL;
}

static Node *rule_broadcast(Graph *graph, Type type, Node *x) {
    if (shape_equal(x->type.shape, type.shape)) return x;
    if (x->op == OP_BROADCAST) return build_broadcast(graph, x->inputs[0], type.shape);
    return NULL;
}

static Node *rule_reshape(Graph *graph, Type type, Node *x) {
    if (shape_equal(x->type.shape, type.shape)) return x;
    if (x->op == OP_RESHAPE) return build_reshape(graph, x->inputs[0], type.shape);
    double value;
    if (x->op == OP_BROADCAST && fold_uniform(x, &value)) return build_full(graph, type, value);
    return NULL;
}

static bool is_identity(const int64_t *permutation, int rank) {
    for (int k = 0; k < rank; k++)
        if (permutation[k] != k) return false;
    return true;
}

/* A transposition that leaves the order of axes longer than 1 moves nothing. */
static bool moves_nothing(const Node *x, const int64_t *permutation) {
    int64_t last = -1;
    for (int k = 0; k < x->type.shape.rank; k++) {
        if (x->type.shape.dims[permutation[k]] == 1) continue;
        if (permutation[k] < last) return false;
        last = permutation[k];
    }
    return true;
}

static bool swaps_last_two(const Node *transpose) {
    int rank = transpose->type.shape.rank;
    const int64_t *permutation = transpose->ints;
    return rank >= 2 && is_identity(permutation, rank - 2) && permutation[rank - 1] == rank - 2;
}

/* The transpose of a product that nothing else reads is the product of the transposes. */
static Node *transpose_product(const Candidate *candidate, Node *product) {
    const Node *node = candidate->node;
    bool same_rank = product->op == OP_MATMUL && product->inputs[0]->type.shape.rank == product->inputs[1]->type.shape.rank;
    if (!same_rank || !swaps_last_two(node) || candidate->uses[node->inputs[0]->id] != 1) return NULL;
    return build_matmul_flags(candidate->graph, product->inputs[1], product->inputs[0], !product->ints[1], !product->ints[0]);
}

static Node *rule_transpose(const Candidate *candidate, Node *x) {
    Graph *graph = candidate->graph;
    const Node *node = candidate->node;
    int rank = node->type.shape.rank, merged[RANK_MAX];
    if (is_identity(node->ints, rank)) return x;
    if (moves_nothing(x, node->ints)) return build_reshape(graph, x, node->type.shape);
    if (x->op == OP_TRANSPOSE) {
        for (int k = 0; k < rank; k++) merged[k] = (int)x->ints[node->ints[k]];
        return build_transpose(graph, x->inputs[0], merged);
    }
    if (x->op == OP_BROADCAST) {
        for (int k = 0; k < rank; k++) merged[k] = (int)node->ints[k];
        return build_broadcast(graph, build_transpose(graph, x->inputs[0], merged), node->type.shape);
    }
    return transpose_product(candidate, x);
}

static Node *slice(Graph *graph, Node *x, Shape shape, const int64_t *start, const int64_t *step) {
    NodeSpec spec = {.op = OP_SLICE, .inputs = {x}, .input_count = 1, .int_count = 2 * shape.rank};
    Type type = {x->type.dtype, shape};
    spec.type = &type;
    for (int k = 0; k < shape.rank; k++) {
        spec.ints[k] = start[k];
        spec.ints[shape.rank + k] = step[k];
    }
    return graph_add(graph, &spec);
}

static Node *slice_of_slice(Graph *graph, Type type, Node *x, const int64_t *ints) {
    int rank = type.shape.rank;
    int64_t start[RANK_MAX], step[RANK_MAX];
    for (int k = 0; k < rank; k++) {
        start[k] = x->ints[k] + x->ints[rank + k] * ints[k];
        step[k] = x->ints[rank + k] * ints[rank + k];
    }
    return slice(graph, x->inputs[0], type.shape, start, step);
}

static Node *slice_of_broadcast(Graph *graph, Type type, Node *x, const int64_t *ints) {
    int rank = type.shape.rank;
    Shape small = type.shape;
    int64_t start[RANK_MAX], step[RANK_MAX];
    for (int k = 0; k < rank; k++) {
        bool repeats = x->inputs[0]->type.shape.dims[k] == 1;
        start[k] = repeats ? 0 : ints[k];
        step[k] = repeats ? 1 : ints[rank + k];
        if (repeats) small.dims[k] = 1;
    }
    return build_broadcast(graph, slice(graph, x->inputs[0], small, start, step), type.shape);
}

/* Wholly within one operand of a concat: a slice of that operand. */
static Node *slice_of_concat(Graph *graph, Type type, Node *x, const int64_t *ints) {
    int axis = (int)x->ints[0], rank = type.shape.rank;
    int64_t first = ints[axis], last = first + ints[rank + axis] * (type.shape.dims[axis] - 1), begin = 0;
    for (int k = 0; k < x->input_count; k++) {
        int64_t end = begin + x->inputs[k]->type.shape.dims[axis];
        if (first >= begin && last < end) {
            int64_t start[RANK_MAX];
            for (int j = 0; j < rank; j++) start[j] = ints[j];
            start[axis] -= begin;
            return slice(graph, x->inputs[k], type.shape, start, ints + rank);
        }
        begin = end;
    }
    return NULL;
}

static Node *rule_slice(Graph *graph, const Node *node, Node *x) {
    if (shape_equal(x->type.shape, node->type.shape)) return x; /* nothing left out, hence steps of 1 */
    if (x->op == OP_SLICE) return slice_of_slice(graph, node->type, x, node->ints);
    if (x->op == OP_BROADCAST) return slice_of_broadcast(graph, node->type, x, node->ints);
    if (x->op == OP_CONCAT) return slice_of_concat(graph, node->type, x, node->ints);
    return NULL;
}

static Node *rule_flip(Graph *graph, const Node *node, Node *x) {
    bool changes = false;
    for (int k = 0; k < node->type.shape.rank; k++) {
        bool repeats = x->op == OP_BROADCAST && x->inputs[0]->type.shape.dims[k] == 1;
        changes |= node->ints[k] != 0 && node->type.shape.dims[k] > 1 && !repeats;
    }
    (void)graph;
    return changes ? NULL : x;
}

static Node *rule_pad(Graph *graph, const Node *node, Node *x) {
    if (shape_equal(x->type.shape, node->type.shape)) return x;
    if (node->number_count == 1 && fold_is(x, node->numbers[0])) return build_full(graph, node->type, node->numbers[0]);
    return NULL;
}

Node *simplify_layout(const Candidate *candidate) {
    Graph *graph = candidate->graph;
    const Node *node = candidate->node;
    Node *x = node->input_count > 0 ? candidate->inputs[0] : NULL;
    if (node->op == OP_CAST) return rule_cast(graph, node->type, x);
    if (node->op == OP_BROADCAST) return rule_broadcast(graph, node->type, x);
    if (node->op == OP_RESHAPE) return rule_reshape(graph, node->type, x);
    if (node->op == OP_TRANSPOSE) return rule_transpose(candidate, x);
    if (node->op == OP_SLICE) return rule_slice(graph, node, x);
    if (node->op == OP_FLIP) return rule_flip(graph, node, x);
    if (node->op == OP_PAD) return rule_pad(graph, node, x);
    return NULL;
}
