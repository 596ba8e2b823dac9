#include "lang/ops/matrix.h"

/* A bool of x's shape comparing row with column + offset. */
static Node *where_rows(Graph *graph, Node *x, OpCode comparison, int64_t offset) {
    if (!x) return NULL;
    int rank = x->type.shape.rank;
    Shape plane = shape_2(x->type.shape.dims[rank - 2], x->type.shape.dims[rank - 1]);
    Node *row = build_iota(graph, DTYPE_I64, plane, 0), *column = build_iota(graph, DTYPE_I64, plane, 1);
    if (offset != 0) column = add(graph, column, build_full(graph, (Type){DTYPE_I64, plane}, (double)offset));
    return build_broadcast(graph, build_binary(graph, comparison, row, column), x->type.shape);
}

static Node *masked(Graph *graph, Node *mask, Node *x) { return build_ternary(graph, OP_WHERE, mask, x, build_zeros_like(graph, x)); }

Node *matrix_identity(Graph *graph, Node *like) {
    return like ? build_cast(graph, where_rows(graph, like, OP_EQUAL, 0), like->type.dtype) : NULL;
}

Node *matrix_lower(Graph *graph, Node *x, int diagonal) { return masked(graph, where_rows(graph, x, OP_GREATER_EQUAL, diagonal), x); }

Node *matrix_upper(Graph *graph, Node *x) { return masked(graph, where_rows(graph, x, OP_LESS_EQUAL, 0), x); }

Node *matrix_diagonal(Graph *graph, Node *x, Node *vector) {
    return masked(graph, where_rows(graph, x, OP_EQUAL, 0),
                  x ? build_broadcast(graph, build_expand(graph, vector, -1), x->type.shape) : NULL);
}

Node *matrix_symmetric(Graph *graph, Node *x) { return scale(graph, add(graph, x, build_swap_last(graph, x)), 0.5); }

Node *matrix_triangular(Graph *graph, Node *a, Node *b, bool lower, bool transpose) {
    return build_full_call(graph, OP_TRIANGULAR_SOLVE, (Node *[]){a, b}, 2, (int64_t[]){lower, transpose}, 2, NULL);
}

Node *matrix_scale_columns(Graph *graph, Node *x, Node *vector) {
    return vector ? multiply(graph, x, build_expand(graph, vector, vector->type.shape.rank - 1)) : NULL;
}

Node *matrix_scale_rows(Graph *graph, Node *vector, Node *x) { return multiply(graph, build_expand(graph, vector, -1), x); }

Node *matrix_gaps(Graph *graph, Node *values) {
    if (!values) return NULL;
    Node *difference = subtract(graph, build_expand(graph, values, values->type.shape.rank - 1), build_expand(graph, values, -1));
    Node *is_diagonal = where_rows(graph, difference, OP_EQUAL, 0);
    if (!is_diagonal) return NULL;
    Node *one = build_full(graph, difference->type, 1);
    Node *safe = build_ternary(graph, OP_WHERE, is_diagonal, one, difference); /* no infinity meets a zero in further derivatives */
    return build_ternary(graph, OP_WHERE, is_diagonal, build_zeros_like(graph, difference), build_binary(graph, OP_DIV, one, safe));
}
