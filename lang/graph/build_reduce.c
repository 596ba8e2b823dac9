/* Reductions and what is made of them. */
#include "lang/graph/build_inside.h"

/* The mask of all axes. */
static uint32_t all_axes(const Node *x) { return (1u << x->type.shape.rank) - 1; }

static Node *dropped(Graph *graph, Node *x, uint32_t axes, bool keep) {
    return keep || !x ? x : build_reshape(graph, x, shape_without(x->type.shape, axes));
}

Node *build_reduce(Graph *graph, OpCode op, Node *x, uint32_t axes, bool keep) {
    if (!x || !build_axes(graph, x, axes)) return NULL;
    uint32_t real = 0; /* summing over an axis of size 1 is a view */
    for (int k = 0; k < x->type.shape.rank; k++)
        if ((axes >> k & 1) && x->type.shape.dims[k] != 1) real |= 1u << k;
    Node *out = x->type.dtype == DTYPE_BOOL && (op == OP_REDUCE_SUM || op == OP_REDUCE_PROD) ? build_cast(graph, x, DTYPE_I64) : x;
    if (real) out = graph_add(graph, &(NodeSpec){.op = op, .inputs = {x}, .input_count = 1, .ints = {real}, .int_count = 1});
    return dropped(graph, out, axes, keep);
}

Node *build_mean(Graph *graph, Node *x, uint32_t axes, bool keep) {
    if (!x || !build_axes(graph, x, axes)) return NULL;
    double count = 1;
    for (int k = 0; k < x->type.shape.rank; k++)
        if (axes >> k & 1) count *= (double)x->type.shape.dims[k];
    Node *sum = build_reduce(graph, OP_REDUCE_SUM, build_convert(graph, x, build_float_type(graph, x)), axes, keep);
    return count == 1 ? sum : build_binary(graph, OP_DIV, sum, build_number(graph, count));
}

Node *build_sum_all(Graph *graph, Node *x) { return x ? build_reduce(graph, OP_REDUCE_SUM, x, all_axes(x), false) : NULL; }

/* The largest element, or 0 where it is not finite (an all -inf row), as a constant for the derivative: it cancels. */
static Node *safe_maximum(Graph *graph, Node *x, uint32_t axes) {
    Node *most = build_stop(graph, build_reduce(graph, OP_REDUCE_MAX, x, axes, true));
    return build_ternary(graph, OP_WHERE, build_unary(graph, OP_IS_FINITE, most), most, build_zeros_like(graph, most));
}

Node *build_logsumexp(Graph *graph, Node *x, uint32_t axes, bool keep) {
    if (!x || !build_axes(graph, x, axes)) return NULL;
    x = build_convert(graph, x, build_float_type(graph, x));
    Node *most = safe_maximum(graph, x, axes);
    Node *shifted = build_binary(graph, OP_SUB, x, most);
    Node *sum = build_reduce(graph, OP_REDUCE_SUM, build_unary(graph, OP_EXP, shifted), axes, true);
    return dropped(graph, build_binary(graph, OP_ADD, build_unary(graph, OP_LOG, sum), most), axes, keep);
}

/* dx = y (g - sum(g y)): in terms of the result alone, so that nothing else of the forward pass is kept. */
static bool softmax_vjp(void *context, Graph *graph, Node *y, Node *g, Node **cotangent) {
    Node *along = build_reduce(graph, OP_REDUCE_SUM, build_binary(graph, OP_MUL, g, y), 1u << *(const int *)context, true);
    *cotangent = build_binary(graph, OP_MUL, y, build_binary(graph, OP_SUB, g, along));
    return *cotangent != NULL;
}

/* The rule for each axis: nodes are equal only if their rules are. */
#define ALONG(axis) \
    { \
        .vjp = softmax_vjp, .context = (int[]) { axis } \
    }
static const CustomRule softmax_rules[RANK_MAX] = {ALONG(0), ALONG(1), ALONG(2), ALONG(3), ALONG(4), ALONG(5), ALONG(6), ALONG(7)};
#undef ALONG

Node *build_softmax(Graph *graph, Node *x, int axis) {
    if (!x || !build_axis(graph, x, &axis)) return NULL;
    x = build_convert(graph, x, build_float_type(graph, x));
    Node *e = build_unary(graph, OP_EXP, build_binary(graph, OP_SUB, x, safe_maximum(graph, x, 1u << axis)));
    Node *y = build_binary(graph, OP_DIV, e, build_reduce(graph, OP_REDUCE_SUM, e, 1u << axis, true));
    if (!y) return NULL;
    return graph_add(graph, &(NodeSpec){.op = OP_CUSTOM, .inputs = {y, x}, .input_count = 2, .rule = &softmax_rules[axis]});
}

Node *build_log_softmax(Graph *graph, Node *x, int axis) {
    if (!x || !build_axis(graph, x, &axis)) return NULL;
    x = build_convert(graph, x, build_float_type(graph, x));
    Node *shifted = build_binary(graph, OP_SUB, x, safe_maximum(graph, x, 1u << axis));
    Node *sum = build_reduce(graph, OP_REDUCE_SUM, build_unary(graph, OP_EXP, shifted), 1u << axis, true);
    return build_binary(graph, OP_SUB, shifted, build_unary(graph, OP_LOG, sum));
}

Node *build_argmax(Graph *graph, Node *x, int axis, bool largest, bool keep) {
    if (!x || !build_axis(graph, x, &axis)) return NULL;
    Node *out = graph_add(
        graph, &(NodeSpec){.op = largest ? OP_ARGMAX : OP_ARGMIN, .inputs = {x}, .input_count = 1, .ints = {axis}, .int_count = 1});
    return dropped(graph, out, 1u << axis, keep);
}
