#include "lang/ops/rules.h"

static const char *name_of(const NodeSpec *spec) { return op_def(spec->op)->name; }

bool rule_one(Type *types, int *count, DType dtype, Shape shape) {
    types[0] = (Type){.dtype = dtype, .shape = shape};
    *count = 1;
    return true;
}

bool rule_inputs(Graph *graph, const NodeSpec *spec, int inputs, int ints) {
    if (spec_inputs(spec) == inputs && spec->int_count == ints) return true;
    return diagnose(graph->diagnostics, "E0401", graph->here, "'%s' takes %d operands and %d attributes, found %d and %d", name_of(spec),
                    inputs, ints, spec_inputs(spec), spec->int_count);
}

bool rule_rank(Graph *graph, const NodeSpec *spec, int input, int least, int most) {
    Shape shape = spec_type(spec, input).shape;
    if (shape.rank >= least && shape.rank <= most) return true;
    char text[SHAPE_TEXT];
    return diagnose(graph->diagnostics, "E0400", graph->here, "'%s' needs %s %d dimensions, found the shape %s", name_of(spec),
                    least == most        ? "exactly"
                    : shape.rank < least ? "at least"
                                         : "at most",
                    shape.rank < least ? least : most, shape_text(shape, text));
}

bool rule_float(Graph *graph, const NodeSpec *spec, int input) {
    DType dtype = spec_type(spec, input).dtype;
    return dtype_is_float(dtype) ||
           diagnose(graph->diagnostics, "E0401", graph->here, "'%s' needs real numbers, found %s", name_of(spec), dtype_name(dtype));
}

bool rule_i64(Graph *graph, const NodeSpec *spec, int input) {
    DType dtype = spec_type(spec, input).dtype;
    return dtype == DTYPE_I64 ||
           diagnose(graph->diagnostics, "E0401", graph->here, "'%s' needs whole numbers (i64) as operand %d, found %s", name_of(spec),
                    input + 1, dtype_name(dtype));
}

bool rule_axis(Graph *graph, const NodeSpec *spec, int input, int64_t axis) {
    Shape shape = spec_type(spec, input).shape;
    if (axis >= 0 && axis < shape.rank) return true;
    char text[SHAPE_TEXT];
    return diagnose(graph->diagnostics, "E0403", graph->here, "axis %lld is out of range for the shape %s", (long long)axis,
                    shape_text(shape, text));
}

bool rule_same_dtype(Graph *graph, const NodeSpec *spec, int a, int b) {
    DType first = spec_type(spec, a).dtype, second = spec_type(spec, b).dtype;
    return first == second || diagnose(graph->diagnostics, "E0401", graph->here, "the operands of '%s' must have one type, found %s and %s",
                                       name_of(spec), dtype_name(first), dtype_name(second));
}

bool rule_typed(Graph *graph, const NodeSpec *spec) {
    return spec->type || diagnose(graph->diagnostics, "E0401", graph->here, "the type of '%s' was not given", name_of(spec));
}

bool rule_shapes(Graph *graph, const NodeSpec *spec, const char *what, Shape expected, Shape found) {
    if (shape_equal(expected, found)) return true;
    char left[SHAPE_TEXT], right[SHAPE_TEXT];
    return diagnose(graph->diagnostics, "E0400", graph->here, "%s of '%s' must have the shape %s, found %s", what, name_of(spec),
                    shape_text(expected, left), shape_text(found, right));
}

Node *vjp_refuse(VjpContext *context, const char *reason) {
    diagnose(context->graph->diagnostics, "E0500", context->node->span, "'%s' has no derivative here: %s", op_of(context->node)->name,
             reason);
    return NULL;
}

static bool is_zero(const Node *node) {
    while (node->op == OP_BROADCAST || node->op == OP_RESHAPE) node = node->inputs[0];
    return node->op == OP_CONSTANT && tensor_count(node->constant) == 1 && tensor_number(node->constant, 0) == 0;
}

Node *build_accumulate(Graph *graph, Node *sum, Node *term) {
    if (!sum || !term) return term;
    bool is_scatter = term->op == OP_SCATTER_ADD || term->op == OP_SCATTER_ALONG_ADD;
    if (is_scatter && is_zero(term->inputs[0]))
        return build_scatter(graph, term->op, sum, term->inputs[1], term->inputs[2], (int)term->ints[0]);
    return add(graph, sum, term);
}
