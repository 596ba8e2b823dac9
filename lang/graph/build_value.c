/* Leaves, constants, numbers and casts. */
#include "lang/graph/build_inside.h"

Node *build_leaf(Graph *graph, Cell *cell) { return cell ? graph_add(graph, &(NodeSpec){.op = OP_LEAF, .cell = cell}) : NULL; }

Node *build_constant(Graph *graph, Tensor *tensor) {
    return tensor ? graph_add(graph, &(NodeSpec){.op = OP_CONSTANT, .constant = tensor}) : NULL;
}

static Node *weak(Graph *graph, DType dtype, double value) {
    Tensor *tensor = tensor_scalar(dtype, value);
    Node *node = graph_add(graph, &(NodeSpec){.op = OP_CONSTANT, .constant = tensor, .numbers = {value}, .number_count = 1});
    tensor_release(tensor);
    return node;
}

Node *build_number(Graph *graph, double value) { return weak(graph, graph->float_type, value); }

Node *build_integer(Graph *graph, int64_t value) {
    Tensor *tensor = tensor_scalar(DTYPE_I64, 0);
    tensor_i64(tensor)[0] = value;
    Node *node = graph_add(graph, &(NodeSpec){.op = OP_CONSTANT, .constant = tensor, .numbers = {(double)value}, .number_count = 1});
    tensor_release(tensor);
    return node;
}

static bool is_weak_within(const Node *node, int depth) {
    if (node->op == OP_CONSTANT) return node->number_count == 1;
    if (depth == 0 || node->type.shape.rank > 0 || node->input_count == 0 || op_of(node)->kind == OPERANDS_STRUCTURAL) return false;
    for (int k = 0; k < node->input_count; k++)
        if (!is_weak_within(node->inputs[k], depth - 1)) return false;
    return true;
}

bool build_is_weak(const Node *node) { return is_weak_within(node, 6); }

Node *build_convert(Graph *graph, Node *x, DType dtype) {
    if (x && x->type.dtype != dtype && x->op == OP_CONSTANT && x->number_count == 1 && dtype != DTYPE_BOOL)
        return dtype_is_float(dtype) ? weak(graph, dtype, x->numbers[0]) : build_integer(graph, (int64_t)x->numbers[0]);
    return build_cast(graph, x, dtype);
}

DType build_float_type(const Graph *graph, const Node *x) { return x && dtype_is_float(x->type.dtype) ? x->type.dtype : graph->float_type; }

Node *build_cast(Graph *graph, Node *x, DType dtype) {
    if (!x || (x->type.dtype == dtype && !(x->op == OP_CONSTANT && x->number_count == 1))) return x;
    if (x->op == OP_CONSTANT && x->number_count == 1 && dtype_is_float(dtype)) { /* strong from here on */
        Tensor *tensor = tensor_scalar(dtype, x->numbers[0]);
        Node *node = build_constant(graph, tensor);
        tensor_release(tensor);
        return node;
    }
    if (x->type.dtype == dtype) return x;
    Type type = {.dtype = dtype, .shape = x->type.shape};
    return graph_add(graph, &(NodeSpec){.op = OP_CAST, .inputs = {x}, .input_count = 1, .type = &type});
}

Node *build_full(Graph *graph, Type type, double value) {
    Tensor *tensor = tensor_scalar(type.dtype, value);
    Node *scalar = build_constant(graph, tensor);
    tensor_release(tensor);
    return build_broadcast(graph, scalar, type.shape);
}

Node *build_zeros_like(Graph *graph, Node *like) { return like ? build_full(graph, like->type, 0) : NULL; }

Node *build_iota(Graph *graph, DType dtype, Shape shape, int axis) {
    Type type = {.dtype = dtype, .shape = shape};
    if (axis < 0) axis += shape.rank;
    return graph_add(graph, &(NodeSpec){.op = OP_IOTA, .ints = {axis}, .int_count = 1, .type = &type});
}

Node *build_part(Graph *graph, Node *node, int k) {
    if (node && !node->parts && k == 0) return node;
    return graph_add(graph, &(NodeSpec){.op = OP_PART, .inputs = {node}, .input_count = 1, .ints = {k}, .int_count = 1});
}

Node *build_stop(Graph *graph, Node *x) {
    if (!x || x->op == OP_STOP || !dtype_is_float(x->type.dtype)) return x;
    return graph_add(graph, &(NodeSpec){.op = OP_STOP, .inputs = {x}, .input_count = 1});
}

Node *build_straight_through(Graph *graph, Node *hard, Node *soft) {
    if (!hard || !soft) return NULL;
    return graph_add(graph,
                     &(NodeSpec){.op = OP_STRAIGHT_THROUGH, .inputs = {build_cast(graph, hard, soft->type.dtype), soft}, .input_count = 2});
}

Node *build_full_call(Graph *graph, OpCode op, Node *const *inputs, int count, const int64_t *ints, int int_count, const Type *type) {
    NodeSpec spec = {.op = op, .int_count = int_count, .type = type};
    if (count > (int)(sizeof spec.inputs / sizeof spec.inputs[0])) {
        spec.more_inputs = (Node **)(uintptr_t)inputs;
        spec.more_count = count;
    } else {
        for (int k = 0; k < count; k++) spec.inputs[k] = inputs[k];
        spec.input_count = count;
    }
    for (int k = 0; k < int_count; k++) spec.ints[k] = ints[k];
    return graph_add(graph, &spec);
}
