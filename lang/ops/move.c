/* Ops that move elements: their shapes, and derivatives that move them back. */
#include "lang/ops/rules.h"

bool infer_cast(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    return rule_inputs(graph, spec, 1, 0) && rule_typed(graph, spec) && rule_one(types, count, spec->type->dtype, spec_type(spec, 0).shape);
}

bool vjp_cast(VjpContext *context) {
    return vjp_give(context, 0, build_cast(context->graph, context->cotangent, context->node->inputs[0]->type.dtype));
}

bool infer_broadcast(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    if (!rule_inputs(graph, spec, 1, 0) || !rule_typed(graph, spec)) return false;
    Type x = spec_type(spec, 0);
    Shape out = spec->type->shape;
    bool fits = x.shape.rank == out.rank;
    for (int k = 0; fits && k < out.rank; k++) fits = x.shape.dims[k] == out.dims[k] || x.shape.dims[k] == 1;
    char left[SHAPE_TEXT], right[SHAPE_TEXT];
    if (!fits)
        return diagnose(graph->diagnostics, "E0400", graph->here, "the shape %s does not broadcast to %s", shape_text(x.shape, left),
                        shape_text(out, right));
    return rule_one(types, count, x.dtype, out);
}

bool vjp_broadcast(VjpContext *context) {
    Shape from = context->node->inputs[0]->type.shape, to = context->node->type.shape;
    uint32_t axes = 0;
    for (int k = 0; k < to.rank; k++)
        if (from.dims[k] != to.dims[k]) axes |= 1u << k;
    return vjp_give(context, 0, build_reduce(context->graph, OP_REDUCE_SUM, context->cotangent, axes, true));
}

bool infer_reshape(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    if (!rule_inputs(graph, spec, 1, 0) || !rule_typed(graph, spec)) return false;
    Type x = spec_type(spec, 0);
    char left[SHAPE_TEXT], right[SHAPE_TEXT];
    if (shape_count(x.shape) != shape_count(spec->type->shape))
        return diagnose(graph->diagnostics, "E0400", graph->here, "cannot reshape %s (%lld elements) to %s (%lld elements)",
                        shape_text(x.shape, left), (long long)shape_count(x.shape), shape_text(spec->type->shape, right),
                        (long long)shape_count(spec->type->shape));
    return rule_one(types, count, x.dtype, spec->type->shape);
}

bool vjp_reshape(VjpContext *context) {
    return vjp_give(context, 0, build_reshape(context->graph, context->cotangent, context->node->inputs[0]->type.shape));
}

bool infer_transpose(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    Type x = spec_type(spec, 0);
    if (!rule_inputs(graph, spec, 1, x.shape.rank)) return false;
    Shape out = x.shape;
    uint32_t seen = 0;
    for (int k = 0; k < out.rank; k++) {
        if (!rule_axis(graph, spec, 0, spec->ints[k])) return false;
        seen |= 1u << spec->ints[k];
        out.dims[k] = x.shape.dims[spec->ints[k]];
    }
    if (seen != (1u << out.rank) - 1) return diagnose(graph->diagnostics, "E0403", graph->here, "a transposition names each axis once");
    return rule_one(types, count, x.dtype, out);
}

bool vjp_transpose(VjpContext *context) {
    int inverse[RANK_MAX] = {0};
    for (int k = 0; k < context->node->int_count; k++) inverse[context->node->ints[k]] = k;
    return vjp_give(context, 0, build_transpose(context->graph, context->cotangent, inverse));
}

/* out's type is given: the count along an axis is not a function of start and step */
bool infer_slice(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    Type x = spec_type(spec, 0);
    int rank = x.shape.rank;
    if (!rule_inputs(graph, spec, 1, 2 * rank) || !rule_typed(graph, spec)) return false;
    for (int k = 0; k < rank; k++) {
        int64_t start = spec->ints[k], step = spec->ints[rank + k], dim = spec->type->shape.dims[k];
        if (start < 0 || step < 1 || (dim > 0 && start + step * (dim - 1) >= x.shape.dims[k]))
            return diagnose(graph->diagnostics, "E0404", graph->here,
                            "slice start %lld, step %lld, count %lld does not fit dimension %d of size %lld", (long long)start,
                            (long long)step, (long long)dim, k, (long long)x.shape.dims[k]);
    }
    return rule_one(types, count, x.dtype, spec->type->shape);
}

bool vjp_slice(VjpContext *context) {
    const Node *node = context->node;
    Shape from = node->inputs[0]->type.shape, to = node->type.shape;
    int64_t low[RANK_MAX] = {0}, high[RANK_MAX] = {0}, interior[RANK_MAX] = {0};
    if (shape_count(to) == 0) return true;
    for (int k = 0; k < from.rank; k++) {
        int64_t step = node->ints[from.rank + k];
        low[k] = node->ints[k];
        interior[k] = to.dims[k] > 1 ? step - 1 : 0;
        high[k] = from.dims[k] - 1 - (low[k] + step * (to.dims[k] - 1));
    }
    return vjp_give(context, 0, build_pad(context->graph, context->cotangent, low, high, interior, 0));
}

bool infer_flip(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    Type x = spec_type(spec, 0);
    return rule_inputs(graph, spec, 1, x.shape.rank) && rule_one(types, count, x.dtype, x.shape);
}

bool vjp_flip(VjpContext *context) {
    NodeSpec spec = {.op = OP_FLIP, .inputs = {context->cotangent}, .input_count = 1, .int_count = context->node->int_count};
    for (int k = 0; k < spec.int_count; k++) spec.ints[k] = context->node->ints[k];
    return vjp_give(context, 0, graph_add(context->graph, &spec));
}

bool infer_pad(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    Type x = spec_type(spec, 0);
    int rank = x.shape.rank;
    if (!rule_inputs(graph, spec, 1, 3 * rank)) return false;
    Shape out = x.shape;
    for (int k = 0; k < rank; k++) {
        int64_t low = spec->ints[k], high = spec->ints[rank + k], interior = spec->ints[2 * rank + k];
        if (low < 0 || high < 0 || interior < 0) return diagnose(graph->diagnostics, "E0404", graph->here, "padding cannot be negative");
        out.dims[k] += low + high + (out.dims[k] > 0 ? interior * (out.dims[k] - 1) : 0);
    }
    return rule_one(types, count, x.dtype, out);
}

bool vjp_pad(VjpContext *context) {
    const Node *node = context->node;
    Shape from = node->inputs[0]->type.shape;
    int64_t start[RANK_MAX] = {0}, stop[RANK_MAX] = {0}, step[RANK_MAX] = {0};
    for (int k = 0; k < from.rank; k++) {
        start[k] = node->ints[k];
        step[k] = node->ints[2 * from.rank + k] + 1;
        stop[k] = from.dims[k] > 0 ? start[k] + step[k] * (from.dims[k] - 1) + 1 : start[k];
    }
    return vjp_give(context, 0, build_slice(context->graph, context->cotangent, start, stop, step));
}

bool infer_concat(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    int inputs = spec_inputs(spec);
    if (inputs == 0) return diagnose(graph->diagnostics, "E0400", graph->here, "'concat' needs at least one operand");
    Type out = spec_type(spec, 0);
    int64_t axis = spec->ints[0];
    if (!rule_axis(graph, spec, 0, axis)) return false;
    char left[SHAPE_TEXT], right[SHAPE_TEXT];
    for (int k = 1; k < inputs; k++) {
        Type next = spec_type(spec, k);
        Shape other = next.shape;
        if (other.rank > axis) other.dims[axis] = spec_type(spec, 0).shape.dims[axis];
        if (!rule_same_dtype(graph, spec, 0, k)) return false;
        if (!shape_equal(other, spec_type(spec, 0).shape))
            return diagnose(graph->diagnostics, "E0400", graph->here, "shapes %s and %s cannot be joined along axis %lld",
                            shape_text(spec_type(spec, 0).shape, left), shape_text(next.shape, right), (long long)axis);
        out.shape.dims[axis] += next.shape.dims[axis];
    }
    return rule_one(types, count, out.dtype, out.shape);
}

bool vjp_concat(VjpContext *context) {
    const Node *node = context->node;
    int axis = (int)node->ints[0];
    int64_t start[RANK_MAX] = {0}, step[RANK_MAX], stop[RANK_MAX];
    for (int k = 0; k < RANK_MAX; k++) step[k] = 1, stop[k] = node->type.shape.dims[k];
    for (int k = 0; k < node->input_count; k++) {
        stop[axis] = start[axis] + node->inputs[k]->type.shape.dims[axis];
        if (context->wanted[k] && !vjp_give(context, k, build_slice(context->graph, context->cotangent, start, stop, step))) return false;
        start[axis] = stop[axis];
    }
    return true;
}
