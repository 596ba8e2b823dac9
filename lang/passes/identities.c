/* Identities of elementwise ops. Operands have the result's shape: broadcasts are nodes of their own. */
#include "lang/passes/simplify.h"

#include "lang/graph/build.h"

#include <math.h>

static Node *make(Graph *graph, OpCode op, Type type, Node *a, Node *b, Node *c) {
    NodeSpec spec = {.op = op, .inputs = {a, b, c}, .input_count = 1 + (b != NULL) + (c != NULL), .type = &type};
    return graph_add(graph, &spec);
}

static Node *make_unary(Graph *graph, OpCode op, Node *a) { return make(graph, op, a->type, a, NULL, NULL); }
static Node *make_binary(Graph *graph, OpCode op, Node *a, Node *b) { return make(graph, op, a->type, a, b, NULL); }
static bool is_negated(const Node *node) { return node->op == OP_NEG; }

static Node *rule_add(Graph *graph, Node *a, Node *b) {
    if (fold_is(a, 0)) return b;
    if (fold_is(b, 0)) return a;
    if (is_negated(b)) return make_binary(graph, OP_SUB, a, b->inputs[0]);
    if (is_negated(a)) return make_binary(graph, OP_SUB, b, a->inputs[0]);
    return NULL;
}

static Node *rule_sub(Graph *graph, Node *a, Node *b) {
    if (fold_is(b, 0)) return a;
    if (fold_is(a, 0)) return make_unary(graph, OP_NEG, b);
    if (is_negated(b)) return make_binary(graph, OP_ADD, a, b->inputs[0]);
    return NULL;
}

static Node *rule_mul(Graph *graph, Type type, Node *a, Node *b) {
    if (fold_is(a, 0) || fold_is(b, 0)) return build_full(graph, type, 0);
    if (fold_is(a, 1)) return b;
    if (fold_is(b, 1)) return a;
    if (fold_is(a, -1)) return make_unary(graph, OP_NEG, b);
    if (fold_is(b, -1)) return make_unary(graph, OP_NEG, a);
    if (is_negated(a) && is_negated(b)) return make_binary(graph, OP_MUL, a->inputs[0], b->inputs[0]);
    double value;
    if (is_negated(a) && fold_uniform(b, &value)) return make_binary(graph, OP_MUL, a->inputs[0], build_full(graph, type, -value));
    if (is_negated(b) && fold_uniform(a, &value)) return make_binary(graph, OP_MUL, b->inputs[0], build_full(graph, type, -value));
    return NULL;
}

/* The reciprocal of a power of two is exact, so x / c = x * (1 / c). */
static bool has_exact_reciprocal(double value) {
    int exponent;
    return isfinite(value) && fabs(frexp(value, &exponent)) == 0.5 && exponent > -100 && exponent < 100;
}

static Node *rule_div(Graph *graph, Type type, Node *a, Node *b) {
    if (fold_is(b, 1)) return a;
    if (fold_is(a, 0)) return build_full(graph, type, 0);
    if (fold_is(a, 1) && b->op == OP_SQRT) return make_unary(graph, OP_RSQRT, b->inputs[0]);
    double value;
    if (fold_uniform(b, &value) && has_exact_reciprocal(value)) return make_binary(graph, OP_MUL, a, build_full(graph, type, 1 / value));
    return NULL;
}

static Node *rule_pow(Graph *graph, Type type, Node *a, Node *b) {
    if (fold_is(b, 0)) return build_full(graph, type, 1);
    if (fold_is(b, 1)) return a;
    if (fold_is(b, 2)) return make_binary(graph, OP_MUL, a, a);
    if (fold_is(b, 0.5)) return make_unary(graph, OP_SQRT, a);
    if (fold_is(b, -0.5)) return make_unary(graph, OP_RSQRT, a);
    if (fold_is(b, -1)) return make_binary(graph, OP_DIV, build_full(graph, type, 1), a);
    return NULL;
}

static Node *rule_logic(Graph *graph, OpCode op, Type type, Node *a, Node *b) {
    double neutral = op == OP_AND ? 1 : 0;
    if (fold_is(a, neutral) || a == b) return b;
    if (fold_is(b, neutral)) return a;
    if (fold_is(a, 1 - neutral) || fold_is(b, 1 - neutral)) return build_full(graph, type, 1 - neutral);
    return NULL;
}

static Node *rule_where(Graph *graph, Node *condition, Node *a, Node *b) {
    if (a == b || fold_is(condition, 1)) return a;
    if (fold_is(condition, 0)) return b;
    double x, y;
    if (fold_uniform(a, &x) && fold_uniform(b, &y) && x == y && x != 0) return a;
    if (fold_is(a, 0) && fold_is(b, 0)) return a;
    if (condition->op == OP_NOT) return make(graph, OP_WHERE, a->type, condition->inputs[0], b, a);
    return NULL;
}

static Node *rule_unary(OpCode op, Node *a) {
    if ((op == OP_NEG || op == OP_NOT) && a->op == op) return a->inputs[0];
    if ((op == OP_ABS || op == OP_RELU || op == OP_FLOOR || op == OP_CEIL || op == OP_ROUND || op == OP_SIGN) && a->op == op) return a;
    return NULL;
}

static Node *apply_rules(Graph *graph, OpCode op, Type type, Node *const *inputs, int count) {
    if (op == OP_ADD) return rule_add(graph, inputs[0], inputs[1]);
    if (op == OP_SUB) return rule_sub(graph, inputs[0], inputs[1]);
    if (op == OP_MUL) return rule_mul(graph, type, inputs[0], inputs[1]);
    if (op == OP_DIV) return rule_div(graph, type, inputs[0], inputs[1]);
    if (op == OP_POW) return rule_pow(graph, type, inputs[0], inputs[1]);
    if (op == OP_AND || op == OP_OR) return rule_logic(graph, op, type, inputs[0], inputs[1]);
    if (op == OP_WHERE) return rule_where(graph, inputs[0], inputs[1], inputs[2]);
    if (op == OP_MAX || op == OP_MIN) return inputs[0] == inputs[1] ? inputs[0] : NULL;
    return count == 1 ? rule_unary(op, inputs[0]) : NULL;
}

/* When all operands repeat along the same axes, compute once and repeat the result: op(broadcast a, broadcast b) is
 * broadcast(op(a, b)). */
static Node *hoist_broadcast(Graph *graph, OpCode op, Type type, Node *const *inputs, int count) {
    Type small = type;
    for (int axis = 0; axis < type.shape.rank; axis++) small.shape.dims[axis] = 1;
    double value;
    for (int k = 0; k < count; k++) {
        if (fold_uniform(inputs[k], &value)) continue;
        if (inputs[k]->op != OP_BROADCAST) return NULL;
        for (int axis = 0; axis < type.shape.rank; axis++)
            if (inputs[k]->inputs[0]->type.shape.dims[axis] != 1) small.shape.dims[axis] = type.shape.dims[axis];
    }
    if (shape_equal(small.shape, type.shape)) return NULL;
    Node *operands[3] = {0};
    for (int k = 0; k < count; k++) {
        if (fold_uniform(inputs[k], &value)) operands[k] = build_full(graph, (Type){inputs[k]->type.dtype, small.shape}, value);
        else operands[k] = build_broadcast(graph, inputs[k]->inputs[0], small.shape);
    }
    Node *inner = simplify_elementwise(graph, op, small, operands, count);
    if (inner == NULL) inner = make(graph, op, small, operands[0], operands[1], operands[2]);
    return build_broadcast(graph, inner, type.shape);
}

Node *simplify_elementwise(Graph *graph, OpCode op, Type type, Node *const *inputs, int count) {
    Node *found = fold_elementwise(graph, op, type, inputs, count);
    if (found == NULL) found = apply_rules(graph, op, type, inputs, count);
    if (found == NULL) found = hoist_broadcast(graph, op, type, inputs, count);
    return found;
}
