/* Elementwise builders: promotion and broadcasting, once for all ops. */
#include "lang/graph/build_inside.h"

static DType larger(DType a, DType b) { return a > b ? a : b; }

/* What operands first..count have in common. Strong operands decide among themselves; a weak number can only raise their kind
 * (bool to whole to real), not their precision. */
static DType common_dtype(const Graph *graph, Node *const *operands, int first, int count) {
    DType strong = DTYPE_BOOL, weak = DTYPE_BOOL;
    bool has_strong = false;
    for (int k = first; k < count; k++) {
        bool is_weak = build_is_weak(operands[k]);
        has_strong = has_strong || !is_weak;
        *(is_weak ? &weak : &strong) = larger(is_weak ? weak : strong, operands[k]->type.dtype);
    }
    if (!has_strong || strong == DTYPE_BOOL) return larger(weak, strong);
    return dtype_is_float(weak) && !dtype_is_float(strong) ? graph->float_type : strong;
}

static DType operand_dtype(const Graph *graph, OperandKind kind, DType common) {
    switch (kind) {
    case OPERANDS_FLOAT:
    case OPERANDS_TEST: return dtype_is_float(common) ? common : graph->float_type;
    case OPERANDS_NUMBER: return common == DTYPE_BOOL ? DTYPE_I64 : common;
    case OPERANDS_LOGIC: return DTYPE_BOOL;
    case OPERANDS_COMPARE:
    case OPERANDS_SELECT:
    case OPERANDS_STRUCTURAL: return common;
    }
    return common;
}

static bool must_be_bool(Graph *graph, OpCode op, const Node *operand) {
    return operand->type.dtype == DTYPE_BOOL ||
           diagnose(graph->diagnostics, "E0401", graph->here, "'%s' needs true or false, found %s %s", op_def(op)->name,
                    dtype_is_float(operand->type.dtype) ? "real numbers," : "whole numbers,", dtype_name(operand->type.dtype));
}

static bool common_shape(Graph *graph, Node *const *operands, int count, Shape *shape) {
    *shape = operands[0]->type.shape;
    for (int k = 1; k < count; k++) {
        Shape next = operands[k]->type.shape;
        char left[SHAPE_TEXT], right[SHAPE_TEXT];
        if (!shape_broadcast(*shape, next, shape))
            return diagnose(graph->diagnostics, "E0400", graph->here, "shapes %s and %s do not broadcast",
                            shape_text(operands[k - 1]->type.shape, left), shape_text(next, right));
    }
    return true;
}

static Node *build(Graph *graph, OpCode op, Node **operands, int count) {
    OperandKind kind = op_def(op)->kind;
    int first = kind == OPERANDS_SELECT ? 1 : 0;
    for (int k = 0; k < count; k++)
        if (!operands[k] || ((kind == OPERANDS_LOGIC || k < first) && !must_be_bool(graph, op, operands[k]))) return NULL;
    Shape shape;
    if (!common_shape(graph, operands, count, &shape)) return NULL;
    DType dtype = operand_dtype(graph, kind, common_dtype(graph, operands, first, count));
    NodeSpec spec = {.op = op, .input_count = count};
    for (int k = 0; k < count; k++)
        spec.inputs[k] = build_broadcast(graph, k < first ? operands[k] : build_convert(graph, operands[k], dtype), shape);
    return graph_add(graph, &spec);
}

Node *build_unary(Graph *graph, OpCode op, Node *a) { return build(graph, op, &a, 1); }

/* Small whole powers are products: faster, and exact derivatives at 0. */
static Node *whole_power(Graph *graph, Node *a, const Node *b) {
    if (!a || !b || b->op != OP_CONSTANT || b->number_count != 1 || build_is_weak(a)) return NULL;
    double power = b->numbers[0];
    if (power != 1 && power != 2 && power != 3 && power != 4) return NULL;
    a = build_convert(graph, a, build_float_type(graph, a));
    Node *square = build_binary(graph, OP_MUL, a, a);
    return power == 1 ? a : power == 2 ? square : build_binary(graph, OP_MUL, square, power == 3 ? a : square);
}

Node *build_binary(Graph *graph, OpCode op, Node *a, Node *b) {
    Node *power = op == OP_POW ? whole_power(graph, a, b) : NULL;
    return power ? power : build(graph, op, (Node *[]){a, b}, 2);
}

Node *build_ternary(Graph *graph, OpCode op, Node *a, Node *b, Node *c) { return build(graph, op, (Node *[]){a, b, c}, 3); }
