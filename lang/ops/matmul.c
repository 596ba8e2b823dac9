/* The matrix product. */
#include "lang/ops/rules.h"

bool infer_matmul(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    if (!rule_inputs(graph, spec, 2, 2) || !rule_float(graph, spec, 0) || !rule_same_dtype(graph, spec, 0, 1) ||
        !rule_rank(graph, spec, 0, 2, RANK_MAX) || !rule_rank(graph, spec, 1, 2, RANK_MAX))
        return false;
    Type a = spec_type(spec, 0);
    Shape b = spec_type(spec, 1).shape;
    bool is_shared = b.rank == 2, fits = is_shared || b.rank == a.shape.rank;
    for (int k = 0; fits && !is_shared && k < b.rank - 2; k++) fits = a.shape.dims[k] == b.dims[k];
    int transpose_a = spec->ints[0] != 0, transpose_b = spec->ints[1] != 0;
    fits = fits && a.shape.dims[a.shape.rank - 1 - transpose_a] == b.dims[b.rank - 2 + transpose_b];
    char left[SHAPE_TEXT], right[SHAPE_TEXT];
    if (!fits)
        return diagnose(graph->diagnostics, "E0400", graph->here, "shapes %s and %s do not fit a matrix product%s",
                        shape_text(a.shape, left), shape_text(b, right), transpose_a || transpose_b ? " (with a transposed factor)" : "");
    int64_t rows = a.shape.dims[a.shape.rank - 2 + transpose_a];
    a.shape.dims[a.shape.rank - 1] = b.dims[b.rank - 1 - transpose_b];
    a.shape.dims[a.shape.rank - 2] = rows;
    return rule_one(types, count, a.dtype, a.shape);
}

/* [batch..., m, k] as [batch * m, k] */
static Node *flat_rows(Graph *graph, Node *x) {
    if (!x) return NULL;
    int64_t columns = x->type.shape.dims[x->type.shape.rank - 1], rows = 1;
    for (int k = 0; k < x->type.shape.rank - 1; k++) rows *= x->type.shape.dims[k];
    return build_reshape(graph, x, shape_2(rows, columns));
}

/* With A = op(a), B = op(b): dA = g B', dB = A' g; each is written so that the stored a, b are used with flags only. */
static Node *cotangent_a(VjpContext *context, Node *a, Node *b, Node *g, bool ta, bool tb) {
    if (!ta) return build_matmul_flags(context->graph, g, b, false, !tb);
    if (b->type.shape.rank < a->type.shape.rank) /* only the second factor may be shared: (B g')' = (g B')' */
        return build_swap_last(context->graph, build_matmul_flags(context->graph, g, b, false, !tb));
    return build_matmul_flags(context->graph, b, g, tb, true);
}

static Node *cotangent_b(VjpContext *context, Node *a, Node *b, Node *g, bool ta, bool tb) {
    Graph *graph = context->graph;
    if (b->type.shape.rank < a->type.shape.rank) { /* b is shared: the sum over the batch is one long product */
        a = flat_rows(graph, ta ? build_swap_last(graph, a) : a);
        g = flat_rows(graph, g);
        ta = false;
    }
    return tb ? build_matmul_flags(graph, g, a, true, ta) : build_matmul_flags(graph, a, g, !ta, false);
}

bool vjp_matmul(VjpContext *context) {
    const Node *node = context->node;
    Node *a = node->inputs[0], *b = node->inputs[1], *g = context->cotangent;
    bool ta = node->ints[0] != 0, tb = node->ints[1] != 0;
    return (!context->wanted[0] || vjp_give(context, 0, cotangent_a(context, a, b, g, ta, tb))) &&
           (!context->wanted[1] || vjp_give(context, 1, cotangent_b(context, a, b, g, ta, tb)));
}
