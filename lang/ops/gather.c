/* Reading and writing by index. */
#include "lang/ops/rules.h"

/* What gather(x, index) gives: x.dims[:axis] + index.dims + x.dims[axis+1:]. */
static bool gathered(Graph *graph, const NodeSpec *spec, Shape *out) {
    if (!rule_axis(graph, spec, 0, spec->ints[0]) || !rule_i64(graph, spec, 1)) return false;
    Shape x = spec_type(spec, 0).shape, index = spec_type(spec, 1).shape;
    int axis = (int)spec->ints[0];
    int64_t dims[2 * RANK_MAX];
    int rank = 0;
    for (int k = 0; k < axis; k++) dims[rank++] = x.dims[k];
    for (int k = 0; k < index.rank; k++) dims[rank++] = index.dims[k];
    for (int k = axis + 1; k < x.rank; k++) dims[rank++] = x.dims[k];
    if (rank > RANK_MAX)
        return diagnose(graph->diagnostics, "E0400", graph->here, "the result would have %d dimensions; %d are the most", rank, RANK_MAX);
    *out = shape_of(rank, dims);
    return true;
}

bool infer_gather(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    Shape out;
    return rule_inputs(graph, spec, 2, 1) && gathered(graph, spec, &out) && rule_one(types, count, spec_type(spec, 0).dtype, out);
}

bool vjp_gather(VjpContext *context) {
    const Node *node = context->node;
    Node *zeros = build_zeros_like(context->graph, node->inputs[0]);
    return vjp_give(context, 0,
                    build_scatter(context->graph, OP_SCATTER_ADD, zeros, node->inputs[1], context->cotangent, (int)node->ints[0]));
}

/* index has x's shape but for its own length along the axis */
static bool indexed_along(Graph *graph, const NodeSpec *spec) {
    if (!rule_axis(graph, spec, 0, spec->ints[0]) || !rule_i64(graph, spec, 1)) return false;
    Shape expected = spec_type(spec, 0).shape, index = spec_type(spec, 1).shape;
    if (index.rank == expected.rank) expected.dims[spec->ints[0]] = index.dims[spec->ints[0]];
    return rule_shapes(graph, spec, "the index", expected, index);
}

bool infer_gather_along(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    return rule_inputs(graph, spec, 2, 1) && indexed_along(graph, spec) &&
           rule_one(types, count, spec_type(spec, 0).dtype, spec_type(spec, 1).shape);
}

bool vjp_gather_along(VjpContext *context) {
    const Node *node = context->node;
    Node *zeros = build_zeros_like(context->graph, node->inputs[0]);
    return vjp_give(context, 0,
                    build_scatter(context->graph, OP_SCATTER_ALONG_ADD, zeros, node->inputs[1], context->cotangent, (int)node->ints[0]));
}

bool infer_scatter_add(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    Shape update;
    if (!rule_inputs(graph, spec, 3, 1) || !gathered(graph, spec, &update) || !rule_same_dtype(graph, spec, 0, 2) ||
        !rule_shapes(graph, spec, "the update", update, spec_type(spec, 2).shape))
        return false;
    return rule_one(types, count, spec_type(spec, 0).dtype, spec_type(spec, 0).shape);
}

bool vjp_scatter_add(VjpContext *context) {
    const Node *node = context->node;
    context->results[0] = context->cotangent;
    return !context->wanted[2] ||
           vjp_give(context, 2, build_gather(context->graph, context->cotangent, node->inputs[1], (int)node->ints[0]));
}

bool infer_scatter_set(Graph *graph, const NodeSpec *spec, Type *types, int *count) { return infer_scatter_add(graph, spec, types, count); }

/* True, in the shape of the update, where the row was not overwritten by a later one with the same index: each place of a
 * line of whole numbers is written with the number of the row, and read again. */
static Node *last_written(Graph *graph, Node *base, Node *index, Node *update, int axis) {
    Type line = {.dtype = DTYPE_I64, .shape = shape_1(base->type.shape.dims[axis])};
    Node *rows = build_iota(graph, DTYPE_I64, shape_1(shape_count(index->type.shape)), 0);
    rows = build_reshape(graph, rows, index->type.shape);
    Node *written = build_scatter(graph, OP_SCATTER_SET, build_full(graph, line, -1), index, rows, 0);
    Node *kept = build_binary(graph, OP_EQUAL, build_gather(graph, written, index, 0), rows);
    if (!kept) return NULL;
    Shape shape = update->type.shape;
    for (int k = 0; k < shape.rank; k++)
        if (k < axis || k >= axis + index->type.shape.rank) shape.dims[k] = 1;
    return build_broadcast(graph, build_reshape(graph, kept, shape), update->type.shape);
}

bool vjp_scatter_set(VjpContext *context) {
    Graph *graph = context->graph;
    Node *base = context->node->inputs[0], *index = context->node->inputs[1], *update = context->node->inputs[2];
    Node *g = context->cotangent;
    int axis = (int)context->node->ints[0];
    if (context->wanted[0] && !vjp_give(context, 0, build_scatter(graph, OP_SCATTER_SET, g, index, build_zeros_like(graph, update), axis)))
        return false;
    Node *kept = context->wanted[2] ? last_written(graph, base, index, update, axis) : NULL;
    return !context->wanted[2] ||
           vjp_give(context, 2, build_ternary(graph, OP_WHERE, kept, build_gather(graph, g, index, axis), build_zeros_like(graph, update)));
}

bool infer_scatter_along_add(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    if (!rule_inputs(graph, spec, 3, 1) || !indexed_along(graph, spec) || !rule_same_dtype(graph, spec, 0, 2) ||
        !rule_shapes(graph, spec, "the update", spec_type(spec, 1).shape, spec_type(spec, 2).shape))
        return false;
    return rule_one(types, count, spec_type(spec, 0).dtype, spec_type(spec, 0).shape);
}

bool vjp_scatter_along_add(VjpContext *context) {
    const Node *node = context->node;
    context->results[0] = context->cotangent;
    return !context->wanted[2] ||
           vjp_give(context, 2, build_gather_along(context->graph, context->cotangent, node->inputs[1], (int)node->ints[0]));
}
