/* Convolution and pooling. conv is linear in input and kernel, and the three ops are each other's adjoints, so any order of
 * derivative stays within them. */
#include "lang/ops/rules.h"

enum { STRIDE, PAD = 2, DILATION = 6, GROUPS = 8, CONV_INT_COUNT = 9, POOL_INT_COUNT = 8 };

/* (size + padding - reach) / stride + 1; 0 when the window does not fit once */
static int64_t windows(int64_t size, int64_t window, int64_t stride, int64_t before, int64_t after, int64_t dilation) {
    int64_t span = size + before + after - (dilation * (window - 1) + 1);
    return span < 0 ? 0 : span / stride + 1;
}

/* One attribute more than `count` says whether channels lie last. */
static bool is_last(const NodeSpec *spec, int count) { return spec->int_count > count && spec->ints[count] != 0; }

/* [n, h, w, c] as [n, c, h, w] and back */
static Shape planes(Shape last) { return (Shape){.rank = 4, .dims = {last.dims[0], last.dims[3], last.dims[1], last.dims[2]}}; }
static Shape channels_last(Shape planes) {
    return (Shape){.rank = 4, .dims = {planes.dims[0], planes.dims[2], planes.dims[3], planes.dims[1]}};
}

/* The shape of y. */
static bool conv_shape(Graph *graph, const NodeSpec *spec, Shape x, Shape kernel, Shape *out) {
    const int64_t *ints = spec->ints;
    char left[SHAPE_TEXT], right[SHAPE_TEXT];
    if (is_last(spec, CONV_INT_COUNT)) x = planes(x);
    if (ints[STRIDE] < 1 || ints[STRIDE + 1] < 1 || ints[DILATION] < 1 || ints[DILATION + 1] < 1 || ints[GROUPS] < 1)
        return diagnose(graph->diagnostics, "E0304", graph->here, "stride, dilation and groups of a convolution must be at least 1");
    if (x.dims[1] != kernel.dims[1] * ints[GROUPS] || kernel.dims[0] % ints[GROUPS] != 0)
        return diagnose(graph->diagnostics, "E0400", graph->here,
                        "the kernel %s does not fit the input %s: its second dimension must be channels / groups = %lld / %lld",
                        shape_text(kernel, left), shape_text(x, right), (long long)x.dims[1], (long long)ints[GROUPS]);
    *out = (Shape){.rank = 4, .dims = {x.dims[0], kernel.dims[0]}};
    for (int k = 0; k < 2; k++) {
        out->dims[2 + k] = windows(x.dims[2 + k], kernel.dims[2 + k], ints[STRIDE + k], ints[PAD + 2 * k], ints[PAD + 2 * k + 1],
                                   ints[DILATION + k]);
        if (out->dims[2 + k] == 0)
            return diagnose(graph->diagnostics, "E0400", graph->here, "the kernel %s is larger than the padded input %s",
                            shape_text(kernel, left), shape_text(x, right));
    }
    if (is_last(spec, CONV_INT_COUNT)) *out = channels_last(*out);
    return true;
}

static bool conv_operands(Graph *graph, const NodeSpec *spec) {
    return rule_inputs(graph, spec, 2, spec->int_count > CONV_INT_COUNT ? CONV_INT_COUNT + 1 : CONV_INT_COUNT) &&
           rule_float(graph, spec, 0) && rule_same_dtype(graph, spec, 0, 1) && rule_rank(graph, spec, 0, 4, 4) &&
           rule_rank(graph, spec, 1, 4, 4);
}

bool infer_conv(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    Shape out;
    return conv_operands(graph, spec) && conv_shape(graph, spec, spec_type(spec, 0).shape, spec_type(spec, 1).shape, &out) &&
           rule_one(types, count, spec_type(spec, 0).dtype, out);
}

bool infer_conv_input(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    Shape out;
    return conv_operands(graph, spec) && rule_typed(graph, spec) &&
           conv_shape(graph, spec, spec->type->shape, spec_type(spec, 1).shape, &out) &&
           rule_shapes(graph, spec, "the output", out, spec_type(spec, 0).shape) &&
           rule_one(types, count, spec_type(spec, 0).dtype, spec->type->shape);
}

bool infer_conv_kernel(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    Shape out;
    return conv_operands(graph, spec) && rule_typed(graph, spec) &&
           conv_shape(graph, spec, spec_type(spec, 0).shape, spec->type->shape, &out) &&
           rule_shapes(graph, spec, "the output", out, spec_type(spec, 1).shape) &&
           rule_one(types, count, spec_type(spec, 0).dtype, spec->type->shape);
}

/* One of the family with this node's attributes. */
static Node *sibling(VjpContext *context, OpCode op, Node *a, Node *b, const Node *like) {
    const Node *node = context->node;
    return build_full_call(context->graph, op, (Node *[]){a, b}, 2, node->ints, node->int_count, like ? &like->type : NULL);
}

bool vjp_conv(VjpContext *context) {
    Node *x = context->node->inputs[0], *kernel = context->node->inputs[1], *g = context->cotangent;
    return (!context->wanted[0] || vjp_give(context, 0, sibling(context, OP_CONV_INPUT, g, kernel, x))) &&
           (!context->wanted[1] || vjp_give(context, 1, sibling(context, OP_CONV_KERNEL, x, g, kernel)));
}

bool vjp_conv_input(VjpContext *context) {
    Node *dy = context->node->inputs[0], *kernel = context->node->inputs[1], *g = context->cotangent;
    return (!context->wanted[0] || vjp_give(context, 0, sibling(context, OP_CONV, g, kernel, NULL))) &&
           (!context->wanted[1] || vjp_give(context, 1, sibling(context, OP_CONV_KERNEL, g, dy, kernel)));
}

bool vjp_conv_kernel(VjpContext *context) {
    Node *x = context->node->inputs[0], *dy = context->node->inputs[1], *g = context->cotangent;
    return (!context->wanted[0] || vjp_give(context, 0, sibling(context, OP_CONV_INPUT, dy, g, x))) &&
           (!context->wanted[1] || vjp_give(context, 1, sibling(context, OP_CONV, x, g, NULL)));
}

static bool pooled(Graph *graph, const NodeSpec *spec, Shape x, Shape *out) {
    const int64_t *ints = spec->ints; /* kh, kw, stride_h, stride_w, pad_top, pad_bottom, pad_left, pad_right */
    char text[SHAPE_TEXT];
    if (is_last(spec, POOL_INT_COUNT)) x = planes(x);
    *out = x;
    for (int k = 0; k < 2; k++) {
        if (ints[k] < 1 || ints[2 + k] < 1)
            return diagnose(graph->diagnostics, "E0304", graph->here, "window and stride of a pooling must be at least 1");
        if (ints[4 + 2 * k] >= ints[k] || ints[5 + 2 * k] >= ints[k])
            return diagnose(graph->diagnostics, "E0304", graph->here, "the padding of a pooling must be smaller than its window");
        out->dims[2 + k] = windows(x.dims[2 + k], ints[k], ints[2 + k], ints[4 + 2 * k], ints[5 + 2 * k], 1);
        if (out->dims[2 + k] == 0)
            return diagnose(graph->diagnostics, "E0400", graph->here, "the window [%lld, %lld] is larger than the padded input %s",
                            (long long)ints[0], (long long)ints[1], shape_text(x, text));
    }
    if (is_last(spec, POOL_INT_COUNT)) *out = channels_last(*out);
    return true;
}

static bool pool_operand(Graph *graph, const NodeSpec *spec, int inputs) {
    return rule_inputs(graph, spec, inputs, spec->int_count > POOL_INT_COUNT ? POOL_INT_COUNT + 1 : POOL_INT_COUNT) &&
           rule_float(graph, spec, 0) && rule_rank(graph, spec, 0, 4, 4);
}

bool infer_max_pool(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    Shape out;
    if (!pool_operand(graph, spec, 1) || !pooled(graph, spec, spec_type(spec, 0).shape, &out)) return false;
    types[0] = (Type){.dtype = spec_type(spec, 0).dtype, .shape = out};
    types[1] = (Type){.dtype = DTYPE_I64, .shape = out};
    *count = 2;
    return true;
}

bool infer_window_sum(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    Shape out;
    return pool_operand(graph, spec, 1) && pooled(graph, spec, spec_type(spec, 0).shape, &out) &&
           rule_one(types, count, spec_type(spec, 0).dtype, out);
}

bool infer_window_sum_adjoint(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    Shape out;
    return pool_operand(graph, spec, 1) && rule_typed(graph, spec) && pooled(graph, spec, spec->type->shape, &out) &&
           rule_shapes(graph, spec, "the operand", out, spec_type(spec, 0).shape) &&
           rule_one(types, count, spec_type(spec, 0).dtype, spec->type->shape);
}

bool infer_max_pool_adjoint(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    Shape out;
    return pool_operand(graph, spec, 2) && rule_i64(graph, spec, 1) && rule_typed(graph, spec) &&
           pooled(graph, spec, spec->type->shape, &out) && rule_shapes(graph, spec, "the operand", out, spec_type(spec, 0).shape) &&
           rule_shapes(graph, spec, "the index", out, spec_type(spec, 1).shape) &&
           rule_one(types, count, spec_type(spec, 0).dtype, spec->type->shape);
}

bool vjp_max_pool(VjpContext *context) {
    const Node *node = context->node;
    Node *operands[] = {context->cotangent, build_part(context->graph, context->node, 1)};
    return vjp_give(context, 0,
                    build_full_call(context->graph, OP_MAX_POOL_ADJOINT, operands, 2, node->ints, node->int_count, &node->inputs[0]->type));
}

/* [n, c, h, w] as [n, c, h * w]: the index of max_pool counts along the last axis */
static Node *flat_planes(Graph *graph, Node *x) {
    const int64_t *dims = x ? x->type.shape.dims : NULL;
    return x ? build_reshape(graph, x, shape_of(3, (int64_t[]){dims[0], dims[1], dims[2] * dims[3]})) : NULL;
}

bool vjp_max_pool_adjoint(VjpContext *context) {
    Graph *graph = context->graph;
    Node *read = build_gather_along(graph, flat_planes(graph, context->cotangent), flat_planes(graph, context->node->inputs[1]), 2);
    return vjp_give(context, 0, build_reshape(graph, read, context->node->inputs[0]->type.shape));
}

bool vjp_window_sum(VjpContext *context) {
    const Node *node = context->node;
    return vjp_give(context, 0,
                    build_full_call(context->graph, OP_WINDOW_SUM_ADJOINT, &context->cotangent, 1, node->ints, node->int_count,
                                    &node->inputs[0]->type));
}

bool vjp_window_sum_adjoint(VjpContext *context) {
    const Node *node = context->node;
    return vjp_give(context, 0, build_full_call(context->graph, OP_WINDOW_SUM, &context->cotangent, 1, node->ints, node->int_count, NULL));
}
