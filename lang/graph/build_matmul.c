/* Matrix products by numpy's rules, on top of OP_MATMUL. */
#include "lang/graph/build_inside.h"

static Node *as_real(Graph *graph, Node *x, const Node *partner) {
    DType a = build_float_type(graph, x), b = build_float_type(graph, partner);
    if (!dtype_is_float(x->type.dtype)) a = b;
    return build_convert(graph, x, dtype_is_float(partner->type.dtype) && b > a ? b : a);
}

/* The stored batch dimensions of a product, broadcast; false when they do not fit. */
static bool common_batch(const Node *a, const Node *b, Shape *batch) {
    Shape left = a->type.shape, right = b->type.shape;
    left.rank -= 2, right.rank -= 2;
    for (int k = 0; k < 2; k++) left.dims[left.rank + k] = right.dims[right.rank + k] = 0;
    return shape_broadcast(left, right, batch);
}

static Node *with_batch(Graph *graph, Node *x, Shape batch) {
    const Shape *own = &x->type.shape;
    for (int k = 0; k < 2; k++) batch.dims[batch.rank++] = own->dims[own->rank - 2 + k];
    return build_broadcast(graph, x, batch);
}

static bool shapes_fit(Graph *graph, const Node *a, const Node *b, bool transpose_a, bool transpose_b, Shape *batch) {
    const Shape *left = &a->type.shape, *right = &b->type.shape;
    char first[SHAPE_TEXT], second[SHAPE_TEXT];
    int64_t columns = left->dims[left->rank - 1 - transpose_a], rows = right->dims[right->rank - 2 + transpose_b];
    if (columns != rows)
        return diagnose(graph->diagnostics, "E0400", graph->here, "shapes %s and %s do not fit a matrix product: %lld columns, %lld rows",
                        shape_text(*left, first), shape_text(*right, second), (long long)columns, (long long)rows);
    if (!common_batch(a, b, batch))
        return diagnose(graph->diagnostics, "E0400", graph->here, "the batch dimensions of %s and %s do not broadcast",
                        shape_text(*left, first), shape_text(*right, second));
    return true;
}

Node *build_matmul_flags(Graph *graph, Node *a, Node *b, bool transpose_a, bool transpose_b) {
    if (!a || !b) return NULL;
    Node *x = as_real(graph, a, b), *y = as_real(graph, b, a);
    Shape batch = {0};
    if (a->type.shape.rank < 2 || b->type.shape.rank < 2) {
        diagnose(graph->diagnostics, "E0400", graph->here, "a matrix product with transposes needs two matrices");
        return NULL;
    }
    if (!x || !y || !shapes_fit(graph, x, y, transpose_a, transpose_b, &batch)) return NULL;
    x = with_batch(graph, x, batch);
    if (y->type.shape.rank > 2) y = with_batch(graph, y, batch);
    return graph_add(graph,
                     &(NodeSpec){.op = OP_MATMUL, .inputs = {x, y}, .input_count = 2, .ints = {transpose_a, transpose_b}, .int_count = 2});
}

Node *build_matmul(Graph *graph, Node *a, Node *b) {
    if (!a || !b) return NULL;
    bool is_row = a->type.shape.rank == 1, is_column = b->type.shape.rank == 1;
    char first[SHAPE_TEXT], second[SHAPE_TEXT];
    if (a->type.shape.rank == 0 || b->type.shape.rank == 0) {
        diagnose(graph->diagnostics, "E0400", graph->here, "`@` needs vectors or matrices, found %s and %s",
                 shape_text(a->type.shape, first), shape_text(b->type.shape, second));
        diagnose_help(graph->diagnostics, "multiply by a number with `*`");
        return NULL;
    }
    if (is_row && is_column && a->type.shape.dims[0] != b->type.shape.dims[0]) {
        diagnose(graph->diagnostics, "E0400", graph->here, "shapes %s and %s do not fit a product of vectors",
                 shape_text(a->type.shape, first), shape_text(b->type.shape, second));
        return NULL;
    }
    a = is_row ? build_expand(graph, a, 0) : a;
    b = is_column ? build_expand(graph, b, 1) : b;
    Node *product = build_matmul_flags(graph, a, b, false, false);
    if (!product || (!is_row && !is_column)) return product;
    int rank = product->type.shape.rank;
    return build_squeeze(graph, product, (is_row ? 1u << (rank - 2) : 0) | (is_column ? 1u << (rank - 1) : 0));
}
