/* Products of vectors and matrices. */
#include "lang/elaborate/builtins.h"

#include <string.h>

static Value run_matmul(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = node_at(e, a, 0), *y = x ? node_at(e, a, 1) : NULL;
    return result_of(a, y ? build_matmul(e->graph, x, y) : NULL);
}

static Value run_dot(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = node_at(e, a, 0), *y = x ? node_at(e, a, 1) : NULL;
    if (!y || !rank_at_least(e, a, 0, x, 1) || !rank_at_least(e, a, 1, y, 1)) return value_none();
    Node *product = build_binary(e->graph, OP_MUL, x, y);
    return result_of(a, product ? build_reduce(e->graph, OP_REDUCE_SUM, product, 1u << (product->type.shape.rank - 1), false) : NULL);
}

static Value run_outer(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = node_at(e, a, 0), *y = x ? node_at(e, a, 1) : NULL;
    if (!y || !rank_at_least(e, a, 0, x, 1) || !rank_at_least(e, a, 1, y, 1)) return value_none();
    Node *column = build_expand(e->graph, x, x->type.shape.rank), *row = build_expand(e->graph, y, y->type.shape.rank - 1);
    return result_of(a, build_binary(e->graph, OP_MUL, column, row));
}

/* [a, b] (x) [c, d] -> [a*c, b*d], through [a, 1, b, 1] * [1, c, 1, d]. */
static Value run_kron(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = node_at(e, a, 0), *y = x ? node_at(e, a, 1) : NULL;
    if (!y) return value_none();
    int rank = x->type.shape.rank > y->type.shape.rank ? x->type.shape.rank : y->type.shape.rank;
    if (2 * rank > RANK_MAX) {
        diagnose(e->diagnostics, "E0400", a->span, "'kron' takes tensors with at most %d dimensions", RANK_MAX / 2);
        return value_none();
    }
    Shape left = {.rank = 2 * rank}, right = {.rank = 2 * rank}, shape = {.rank = rank};
    for (int k = 0; k < rank; k++) {
        int i = k - (rank - x->type.shape.rank), j = k - (rank - y->type.shape.rank);
        left.dims[2 * k] = i >= 0 ? x->type.shape.dims[i] : 1;
        left.dims[2 * k + 1] = right.dims[2 * k] = 1;
        right.dims[2 * k + 1] = j >= 0 ? y->type.shape.dims[j] : 1;
        shape.dims[k] = left.dims[2 * k] * right.dims[2 * k + 1];
    }
    Node *product = build_binary(e->graph, OP_MUL, build_reshape(e->graph, x, left), build_reshape(e->graph, y, right));
    return result_of(a, product ? build_reshape(e->graph, product, shape) : NULL);
}

/* x[1]*y[2] - x[2]*y[1] and so on, along a last axis of size 3. */
static Value run_cross(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Graph *graph = e->graph;
    Node *x = node_at(e, a, 0), *y = x ? node_at(e, a, 1) : NULL, *parts[3];
    if (!y || !rank_at_least(e, a, 0, x, 1) || !rank_at_least(e, a, 1, y, 1)) return value_none();
    int last_x = x->type.shape.rank - 1, last_y = y->type.shape.rank - 1;
    if (x->type.shape.dims[last_x] != 3 || y->type.shape.dims[last_y] != 3) {
        char one[SHAPE_TEXT], two[SHAPE_TEXT];
        diagnose(e->diagnostics, "E0400", a->span, "'cross' needs last axes of size 3, found %s and %s", shape_text(x->type.shape, one),
                 shape_text(y->type.shape, two));
        return value_none();
    }
    for (int k = 0; k < 3; k++) {
        int i = (k + 1) % 3, j = (k + 2) % 3;
        Node *plus = build_binary(graph, OP_MUL, build_select(graph, x, last_x, i), build_select(graph, y, last_y, j));
        Node *minus = build_binary(graph, OP_MUL, build_select(graph, x, last_x, j), build_select(graph, y, last_y, i));
        if (!(parts[k] = build_binary(graph, OP_SUB, plus, minus))) return value_none();
    }
    return result_of(a, build_stack(graph, parts, 3, parts[0]->type.shape.rank));
}

static Value run_einsum(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    const char *equation = to_string(e, a->values[0]);
    Node *operands[8];
    if (!equation) return value_none();
    if (a->rest_count < 1 || a->rest_count > 8) {
        diagnose(e->diagnostics, "E0301", a->span, "'einsum' takes 1 to 8 tensors, found %d", a->rest_count);
        return value_none();
    }
    for (int k = 0; k < a->rest_count; k++)
        if (!(operands[k] = to_node(e, a->rest[k]))) return value_none();
    return result_of(a, build_einsum(e->graph, equation, operands, a->rest_count));
}

const Builtin builtins_product[] = {
    {"matmul(a, b)", run_matmul, 0,
     "Matrix product, the operator @: vectors, matrices, and batches of them by numpy's rules. Example: matmul([[1, 2]], [[3], [4]])",
     false},
    {"dot(a, b)", run_dot, 0, "Sum of products along the last axis; leading axes broadcast. Example: dot([1, 2], [3, 4])", false},
    {"outer(a, b)", run_outer, 0,
     "All products of an element of a with one of b: [n] and [m] give [n, m]; leading axes broadcast. Example: outer([1, 2], [3, 4])",
     false},
    {"kron(a, b)", run_kron, 0, "Kronecker product: [a, b] and [c, d] give [a*c, b*d]. Example: kron(eye(2), ones([1, 2]))", false},
    {"cross(a, b)", run_cross, 0, "Vector product along a last axis of size 3. Example: cross([1, 0, 0], [0, 1, 0])", false},
    {"einsum(equation, xs...)", run_einsum, 0, "Sum of products by index letters. Example: einsum(\"ij,jk->ik\", eye(2), ones([2, 3]))",
     false},
    {0},
};
