/* Reductions, running sums and sorting. */
#include "lang/ops/rules.h"

static bool infer_reduction(Graph *graph, const NodeSpec *spec, Type *types, int *count, bool counts_bool) {
    if (!rule_inputs(graph, spec, 1, 1)) return false;
    Type x = spec_type(spec, 0);
    if (spec->ints[0] < 0 || spec->ints[0] >= (int64_t)1 << x.shape.rank) return rule_axis(graph, spec, 0, x.shape.rank);
    for (int k = 0; k < x.shape.rank; k++)
        if (spec->ints[0] >> k & 1) x.shape.dims[k] = 1;
    return rule_one(types, count, counts_bool && x.dtype == DTYPE_BOOL ? DTYPE_I64 : x.dtype, x.shape);
}

bool infer_reduce_sum(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    return infer_reduction(graph, spec, types, count, true);
}

bool infer_reduce_prod(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    return infer_reduction(graph, spec, types, count, true);
}

bool infer_reduce_max(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    return infer_reduction(graph, spec, types, count, false);
}

bool infer_reduce_min(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    return infer_reduction(graph, spec, types, count, false);
}

bool vjp_reduce_sum(VjpContext *context) {
    return vjp_give(context, 0, build_broadcast(context->graph, context->cotangent, context->node->inputs[0]->type.shape));
}

/* x moved by `offset` along the last axis, ones moving in: out[i] = x[i - offset]. |offset| <= n. */
static Node *shift_in_ones(Graph *graph, Node *x, int64_t offset) {
    if (!x) return NULL;
    int last = x->type.shape.rank - 1;
    int64_t n = x->type.shape.dims[last];
    int64_t start[RANK_MAX] = {0}, stop[RANK_MAX], step[RANK_MAX], low[RANK_MAX] = {0}, high[RANK_MAX] = {0}, none[RANK_MAX] = {0};
    for (int k = 0; k < RANK_MAX; k++) step[k] = 1, stop[k] = x->type.shape.dims[k];
    if (offset > 0) stop[last] = n - offset, low[last] = offset;
    else start[last] = -offset, high[last] = -offset;
    return build_pad(graph, build_slice(graph, x, start, stop, step), low, high, none, 1);
}

/* The product of all elements before (after, with direction -1) each one along the last axis, by doubling: log2(n)
 * multiplications of whole tensors. A polynomial in x, so exact with zeros and under any number of derivatives. */
static Node *exclusive_product(Graph *graph, Node *x, int direction) {
    int64_t n = x->type.shape.dims[x->type.shape.rank - 1];
    Node *product = shift_in_ones(graph, x, direction);
    for (int64_t width = 1; width < n; width *= 2) product = multiply(graph, product, shift_in_ones(graph, product, direction * width));
    return product;
}

bool vjp_reduce_prod(VjpContext *context) {
    Graph *graph = context->graph;
    Node *x = context->node->inputs[0];
    Shape shape = x->type.shape;
    int forward[RANK_MAX] = {0}, back[RANK_MAX] = {0}, rank = 0;
    int64_t kept = 1, reduced = 1;
    for (int pass = 0; pass < 2; pass++)
        for (int k = 0; k < shape.rank; k++)
            if ((context->node->ints[0] >> k & 1) == pass) {
                forward[rank++] = k;
                *(pass ? &reduced : &kept) *= shape.dims[k];
            }
    for (int k = 0; k < rank; k++) back[forward[k]] = k;
    if (kept * reduced == 0) return true;
    Node *moved = build_transpose(graph, x, forward); /* reduced axes last, then flat: [kept, reduced] */
    Node *flat = build_reshape(graph, moved, shape_2(kept, reduced));
    if (!flat) return false;
    Node *others = multiply(graph, exclusive_product(graph, flat, 1), exclusive_product(graph, flat, -1));
    others = build_transpose(graph, build_reshape(graph, others, moved->type.shape), back);
    return vjp_give(context, 0, multiply(graph, build_broadcast(graph, context->cotangent, shape), others));
}

/* The elements that attain the extremum share the cotangent equally. */
static bool vjp_extremum(VjpContext *context) {
    Graph *graph = context->graph;
    Node *x = context->node->inputs[0];
    Node *attains = build_binary(graph, OP_EQUAL, x, build_broadcast(graph, context->node, x->type.shape));
    Node *count = build_reduce(graph, OP_REDUCE_SUM, attains, (uint32_t)context->node->ints[0], true);
    Node *each = build_binary(graph, OP_DIV, context->cotangent, build_cast(graph, count, x->type.dtype));
    return vjp_give(context, 0,
                    build_ternary(graph, OP_WHERE, attains, build_broadcast(graph, each, x->type.shape), build_zeros_like(graph, x)));
}

bool vjp_reduce_max(VjpContext *context) { return vjp_extremum(context); }
bool vjp_reduce_min(VjpContext *context) { return vjp_extremum(context); }

bool infer_argmax(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    if (!rule_inputs(graph, spec, 1, 1) || !rule_axis(graph, spec, 0, spec->ints[0])) return false;
    Shape out = spec_type(spec, 0).shape;
    char text[SHAPE_TEXT];
    if (out.dims[spec->ints[0]] == 0)
        return diagnose(graph->diagnostics, "E0400", graph->here, "'%s' over an empty axis of %s", op_def(spec->op)->name,
                        shape_text(out, text));
    out.dims[spec->ints[0]] = 1;
    return rule_one(types, count, DTYPE_I64, out);
}

bool infer_argmin(Graph *graph, const NodeSpec *spec, Type *types, int *count) { return infer_argmax(graph, spec, types, count); }

bool infer_cumsum(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    Type x = spec_type(spec, 0);
    return rule_inputs(graph, spec, 1, 2) && rule_axis(graph, spec, 0, spec->ints[0]) &&
           rule_one(types, count, x.dtype == DTYPE_BOOL ? DTYPE_I64 : x.dtype, x.shape);
}

bool vjp_cumsum(VjpContext *context) {
    int64_t ints[] = {context->node->ints[0], !context->node->ints[1]};
    return vjp_give(context, 0, build_full_call(context->graph, OP_CUMSUM, &context->cotangent, 1, ints, 2, NULL));
}

bool infer_sort(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    if (!rule_inputs(graph, spec, 1, 3) || !rule_axis(graph, spec, 0, spec->ints[0])) return false;
    types[0] = spec_type(spec, 0);
    int64_t *size = &types[0].shape.dims[spec->ints[0]];
    if (spec->ints[2] < 0 || spec->ints[2] > *size)
        return diagnose(graph->diagnostics, "E0304", graph->here, "an axis of size %lld has no %lld first", (long long)*size,
                        (long long)spec->ints[2]);
    *size = spec->ints[2];
    types[1] = (Type){.dtype = DTYPE_I64, .shape = types[0].shape};
    *count = 2;
    return true;
}

bool vjp_sort(VjpContext *context) {
    Graph *graph = context->graph;
    Node *index = build_part(graph, context->node, 1), *zeros = build_zeros_like(graph, context->node->inputs[0]);
    return vjp_give(context, 0, build_scatter(graph, OP_SCATTER_ALONG_ADD, zeros, index, context->cotangent, (int)context->node->ints[0]));
}
