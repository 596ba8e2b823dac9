/* Random numbers: pure functions of key, site and (where given) sample numbers. */
#include "lang/ops/rules.h"

static bool is_key(Graph *graph, const NodeSpec *spec) {
    return rule_i64(graph, spec, 0) && rule_shapes(graph, spec, "the key", shape_1(2), spec_type(spec, 0).shape);
}

bool infer_random_uniform(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    int inputs = spec_inputs(spec);
    if (!rule_inputs(graph, spec, inputs == 2 ? 2 : 1, 1) || !rule_typed(graph, spec) || !is_key(graph, spec)) return false;
    Shape out = spec->type->shape;
    if (!dtype_is_float(spec->type->dtype))
        return diagnose(graph->diagnostics, "E0401", graph->here, "'%s' makes real numbers, not %s", op_def(spec->op)->name,
                        dtype_name(spec->type->dtype));
    if (inputs == 2 && (!rule_i64(graph, spec, 1) ||
                        !rule_shapes(graph, spec, "the sample numbers", shape_1(out.rank ? out.dims[0] : 0), spec_type(spec, 1).shape)))
        return false;
    return rule_one(types, count, spec->type->dtype, out);
}

bool infer_random_normal(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    return infer_random_uniform(graph, spec, types, count);
}

bool infer_random_gamma(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    return rule_inputs(graph, spec, 2, 1) && is_key(graph, spec) && rule_float(graph, spec, 1) &&
           rule_one(types, count, spec_type(spec, 1).dtype, spec_type(spec, 1).shape);
}

bool vjp_random_gamma(VjpContext *context) {
    Node *alpha = context->node->inputs[1];
    Node *slope = build_full_call(context->graph, OP_GAMMA_DERIVATIVE, (Node *[]){alpha, context->node}, 2, NULL, 0, NULL);
    return vjp_give(context, 1, multiply(context->graph, context->cotangent, slope));
}

bool infer_gamma_derivative(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    return rule_inputs(graph, spec, 2, 0) && rule_float(graph, spec, 0) && rule_same_dtype(graph, spec, 0, 1) &&
           rule_shapes(graph, spec, "the sample", spec_type(spec, 0).shape, spec_type(spec, 1).shape) &&
           rule_one(types, count, spec_type(spec, 0).dtype, spec_type(spec, 0).shape);
}
