/* Builders that read and write by index. */
#include "lang/graph/build_inside.h"

static bool is_whole(Graph *graph, const Node *index) {
    return index->type.dtype == DTYPE_I64 || diagnose(graph->diagnostics, "E0401", graph->here,
                                                      "an index must be whole numbers (i64), found %s", dtype_name(index->type.dtype));
}

Node *build_gather(Graph *graph, Node *x, Node *index, int axis) {
    if (!x || !index || !is_whole(graph, index) || !build_axis(graph, x, &axis)) return NULL;
    return graph_add(graph, &(NodeSpec){.op = OP_GATHER, .inputs = {x, index}, .input_count = 2, .ints = {axis}, .int_count = 1});
}

Node *build_gather_along(Graph *graph, Node *x, Node *index, int axis) {
    if (!x || !index || !is_whole(graph, index) || !build_axis(graph, x, &axis)) return NULL;
    return graph_add(graph, &(NodeSpec){.op = OP_GATHER_ALONG, .inputs = {x, index}, .input_count = 2, .ints = {axis}, .int_count = 1});
}

/* What the update must look like, so that a scalar or a row may stand for it. */
static bool update_shape(OpCode op, const Node *base, const Node *index, int axis, Shape *shape) {
    *shape = index->type.shape;
    if (op == OP_SCATTER_ALONG_ADD) return true;
    if (base->type.shape.rank - 1 + index->type.shape.rank > RANK_MAX) return false;
    *shape = (Shape){0};
    for (int k = 0; k < axis; k++) shape->dims[shape->rank++] = base->type.shape.dims[k];
    for (int k = 0; k < index->type.shape.rank; k++) shape->dims[shape->rank++] = index->type.shape.dims[k];
    for (int k = axis + 1; k < base->type.shape.rank; k++) shape->dims[shape->rank++] = base->type.shape.dims[k];
    return true;
}

Node *build_scatter(Graph *graph, OpCode op, Node *base, Node *index, Node *update, int axis) {
    if (!base || !index || !update || !is_whole(graph, index) || !build_axis(graph, base, &axis)) return NULL;
    Shape shape, common;
    update = build_convert(graph, update, base->type.dtype);
    if (update && update_shape(op, base, index, axis, &shape) && shape_broadcast(update->type.shape, shape, &common) &&
        shape_equal(common, shape))
        update = build_broadcast(graph, update, shape);
    return graph_add(graph, &(NodeSpec){.op = op, .inputs = {base, index, update}, .input_count = 3, .ints = {axis}, .int_count = 1});
}

Node *build_one_hot(Graph *graph, Node *index, int64_t classes) {
    if (!index || !is_whole(graph, index)) return NULL;
    int rank = index->type.shape.rank;
    Node *expanded = build_expand(graph, index, rank);
    if (!expanded) return NULL;
    Node *number = build_iota(graph, DTYPE_I64, shape_insert(index->type.shape, rank, classes), rank);
    return build_cast(graph, build_binary(graph, OP_EQUAL, expanded, number), graph->float_type);
}
