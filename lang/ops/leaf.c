/* Leaves, constants, parts, iota, and the views that change only what a derivative sees. */
#include "lang/ops/rules.h"

bool infer_leaf(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    if (spec->type) return rule_one(types, count, spec->type->dtype, spec->type->shape);
    if (!spec->cell || !spec->cell->tensor)
        return diagnose(graph->diagnostics, "E0401", graph->here, "'%s' has no value yet", spec->cell ? spec->cell->name : "leaf");
    return rule_one(types, count, spec->cell->tensor->dtype, spec->cell->tensor->shape);
}

bool infer_constant(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    (void)graph;
    return rule_one(types, count, spec->constant->dtype, spec->constant->shape);
}

bool infer_part(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    const Node *whole = (spec->more_inputs ? spec->more_inputs : spec->inputs)[0];
    if (spec->ints[0] < 0 || spec->ints[0] >= whole->part_count)
        return diagnose(graph->diagnostics, "E0401", graph->here, "'%s' has no result number %lld", op_of(whole)->name,
                        (long long)spec->ints[0]);
    Type type = whole->parts[spec->ints[0]];
    return rule_one(types, count, type.dtype, type.shape);
}

bool infer_iota(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    if (!rule_typed(graph, spec)) return false;
    int64_t axis = spec->ints[0];
    if (axis < 0 || axis >= spec->type->shape.rank)
        return diagnose(graph->diagnostics, "E0403", graph->here, "'iota' has no axis %lld", (long long)axis);
    return rule_one(types, count, spec->type->dtype, spec->type->shape);
}

bool infer_stop(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    Type type = spec_type(spec, 0);
    return rule_inputs(graph, spec, 1, 0) && rule_one(types, count, type.dtype, type.shape);
}

bool infer_straight_through(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    if (!rule_inputs(graph, spec, 2, 0) || !rule_same_dtype(graph, spec, 0, 1) ||
        !rule_shapes(graph, spec, "the soft value", spec_type(spec, 0).shape, spec_type(spec, 1).shape))
        return false;
    return rule_one(types, count, spec_type(spec, 0).dtype, spec_type(spec, 0).shape);
}

bool vjp_straight_through(VjpContext *context) { return vjp_give(context, 1, context->cotangent); }

bool infer_custom(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    (void)graph;
    return rule_one(types, count, spec_type(spec, 0).dtype, spec_type(spec, 0).shape);
}

bool vjp_custom(VjpContext *context) {
    const CustomRule *rule = context->node->rule;
    return rule->vjp(rule->context, context->graph, context->node, context->cotangent, context->results + 1);
}
