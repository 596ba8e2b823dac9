/* Unary and binary operators: compile-time numbers fold, everything else becomes nodes. */
#include "lang/elaborate/operator.h"

#include <math.h>
#include <string.h>

typedef struct Operator {
    const char *text;
    OpCode op;
} Operator;

static const Operator operators[] = {
    {"+", OP_ADD},
    {"-", OP_SUB},
    {"*", OP_MUL},
    {"/", OP_DIV},
    {"//", OP_FLOOR_DIV},
    {"%", OP_MOD},
    {"^", OP_POW},
    {"==", OP_EQUAL},
    {"!=", OP_NOT_EQUAL},
    {"<", OP_LESS},
    {"<=", OP_LESS_EQUAL},
    {">", OP_GREATER},
    {">=", OP_GREATER_EQUAL},
    {"and", OP_AND},
    {"or", OP_OR},
};

static OpCode operator_code(const char *text) {
    for (size_t k = 0; k < sizeof operators / sizeof *operators; k++)
        if (!strcmp(operators[k].text, text)) return operators[k].op;
    return OP_COUNT;
}

static Value fold_comparison(OpCode op, double a, double b, Span span) {
    bool truth = op == OP_EQUAL        ? a == b
                 : op == OP_NOT_EQUAL  ? a != b
                 : op == OP_LESS       ? a < b
                 : op == OP_LESS_EQUAL ? a <= b
                 : op == OP_GREATER    ? a > b
                                       : a >= b;
    return value_bool(truth, span);
}

static Value fold_division(Elaborator *e, OpCode op, Value left, Value right, Span span) {
    bool whole = left.is_integer && right.is_integer;
    double a = left.number, b = right.number;
    if (whole && b == 0) {
        diagnose(e->diagnostics, "E0304", right.span, "division of a whole number by 0");
        return value_none();
    }
    if (op == OP_FLOOR_DIV) return value_number(floor(a / b), whole, span);
    if (op == OP_MOD) return value_number(a - b * floor(a / b), whole, span);
    return value_number(a / b, whole && fmod(a, b) == 0, span);
}

/* Whole numbers are doubles here. `exact` has 64 bits, which hold every sum, product and power below 2^63. */
static Value whole_or_float(Elaborator *e, long double exact, bool whole, Span span) {
    double number = (double)exact;
    if (!whole || (number == exact && fabs(number) < 0x1p63)) return value_number(number, whole, span);
    diagnose(e->diagnostics, "E0304", span, "this whole number is %.6g, which a script cannot count exactly", number);
    diagnose_help(e->diagnostics, "whole numbers are exact up to 2^53; make an operand a float, such as 2.0 instead of 2");
    return value_none();
}

static Value fold_numbers(Elaborator *e, OpCode op, Value left, Value right, Span span) {
    bool whole = left.is_integer && right.is_integer;
    double a = left.number, b = right.number;
    if (op == OP_ADD) return whole_or_float(e, whole ? (long double)a + b : a + b, whole, span);
    if (op == OP_SUB) return whole_or_float(e, whole ? (long double)a - b : a - b, whole, span);
    if (op == OP_MUL) return whole_or_float(e, whole ? (long double)a * b : a * b, whole, span);
    if (op == OP_POW) return whole_or_float(e, whole && b >= 0 ? powl(a, b) : pow(a, b), whole && b >= 0, span);
    if (op == OP_DIV || op == OP_FLOOR_DIV || op == OP_MOD) return fold_division(e, op, left, right, span);
    return fold_comparison(op, a, b, span);
}

static bool holds_tensor(Value value) {
    return value.kind == VALUE_TENSOR || value.kind == VALUE_NUMBER || value.kind == VALUE_BOOL || value.kind == VALUE_LIST ||
           value.kind == VALUE_RANGE;
}

static bool same_text(Value left, Value right, bool *same) {
    bool texts = (left.kind == VALUE_STRING || left.kind == VALUE_CHOICE) && left.kind == right.kind;
    if (texts) *same = !strcmp(left.text, right.text);
    bool is_choice = left.kind == VALUE_CHOICE,
         or_number = is_choice != (right.kind == VALUE_CHOICE) && holds_tensor(is_choice ? right : left);
    if (or_number) *same = false; /* `rate: auto | positive` holds one or the other */
    return texts || or_number;
}

static bool operand_error(Elaborator *e, const char *operator, Value value) {
    char buffer[KIND_TEXT];
    diagnose(e->diagnostics, "E0401", value.span, "operator '%s' needs numbers or tensors, found %s", operator,
             value_describe(value, buffer));
    if (value.kind == VALUE_INSTANCE || value.kind == VALUE_FUNCTION) diagnose_help(e->diagnostics, "apply it first: write f(x)");
    if (value.kind == VALUE_STRING && !strcmp(operator, "+")) diagnose_help(e->diagnostics, "a string takes values in braces: \"x = {x}\"");
    if (value.kind == VALUE_RECORD && value.record->count)
        diagnose_help(e->diagnostics, "name one of its fields, such as '.%s'", value.record->fields[0].name);
    return false;
}

static Value join_strings(Elaborator *e, Value left, Value right, Span span) {
    return value_string(arena_format(e->arena, "%s%s", left.text, right.text), span);
}

static Value logic(Elaborator *e, OpCode op, Value left, Value right, Span span) {
    if (left.kind == VALUE_BOOL && right.kind == VALUE_BOOL)
        return value_bool(op == OP_AND ? left.truth && right.truth : left.truth || right.truth, span);
    return value_tensor(build_binary(e->graph, op, to_node(e, left), to_node(e, right)), span);
}

/* Both shapes and where each came from: the second place of a shape error is the left operand. */
static void point_to_left(Elaborator *e, size_t errors, Value left, Node *node) {
    char shape[SHAPE_TEXT];
    if (e->diagnostics->error_count == errors || !node || left.span.file == 0) return;
    if (e->diagnostics->items[e->diagnostics->count - 1].second_label) return;
    diagnose_second(e->diagnostics, left.span, "this is %s", shape_text(node->type.shape, shape));
}

/* Known zeros only: in the kernels a whole number // 0 is 0, and x % 0 is x. */
static bool divides_by_zero(OpCode op, const Node *a, const Node *b) {
    if ((op != OP_FLOOR_DIV && op != OP_MOD) || b->op != OP_CONSTANT || dtype_is_float(a->type.dtype) || dtype_is_float(b->type.dtype))
        return false;
    for (int64_t k = 0; k < tensor_count(b->constant); k++)
        if (tensor_number(b->constant, k) == 0) return true;
    return false;
}

static Value tensors(Elaborator *e, const char *text, OpCode op, Value left, Value right, Span span) {
    if (!holds_tensor(left)) return operand_error(e, text, left), value_none();
    if (!holds_tensor(right)) return operand_error(e, text, right), value_none();
    Node *a = to_node(e, left), *b = to_node(e, right);
    if (!a || !b) return value_none();
    if (divides_by_zero(op, a, b)) return diagnose(e->diagnostics, "E0304", right.span, "division of a whole number by 0"), value_none();
    size_t errors = e->diagnostics->error_count;
    e->graph->here = span;
    Node *node = op == OP_COUNT ? build_matmul(e->graph, a, b) : build_binary(e->graph, op, a, b);
    point_to_left(e, errors, left, a);
    return value_tensor(node, span);
}

Value operate(Elaborator *e, const char *text, Value left, Value right, Span span) {
    if (!value_ok(left) || !value_ok(right)) return value_none();
    OpCode op = operator_code(text);
    bool same = false;
    if ((op == OP_EQUAL || op == OP_NOT_EQUAL) && same_text(left, right, &same)) return value_bool(same == (op == OP_EQUAL), span);
    if (op == OP_ADD && left.kind == VALUE_STRING && right.kind == VALUE_STRING) return join_strings(e, left, right, span);
    if (op == OP_AND || op == OP_OR) return logic(e, op, left, right, span);
    if ((op == OP_EQUAL || op == OP_NOT_EQUAL) && left.kind == VALUE_BOOL && right.kind == VALUE_BOOL)
        return value_bool((left.truth == right.truth) == (op == OP_EQUAL), span);
    if (op != OP_COUNT && left.kind == VALUE_NUMBER && right.kind == VALUE_NUMBER) return fold_numbers(e, op, left, right, span);
    return tensors(e, text, op, left, right, span);
}

Value operate_unary(Elaborator *e, const char *text, Value operand, Span span) {
    if (!value_ok(operand)) return operand;
    bool is_not = !strcmp(text, "not");
    if (is_not && operand.kind == VALUE_BOOL) return value_bool(!operand.truth, span);
    if (!is_not && operand.kind == VALUE_NUMBER) return value_number(-operand.number, operand.is_integer, span);
    if (!holds_tensor(operand)) return operand_error(e, text, operand), value_none();
    e->graph->here = span;
    return value_tensor(build_unary(e->graph, is_not ? OP_NOT : OP_NEG, to_node(e, operand)), span);
}
