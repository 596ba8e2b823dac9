/* Elementwise functions. What runtime/elementwise.def defines is here by itself; a call on compile-time numbers alone gives a
 * compile-time number, computed in double. */
#include "lang/elaborate/builtins.h"

#include <math.h>

/* The text of elementwise.def over doubles. */
#define T double
static double r_max(double a, double b) { return a != a || b != b ? NAN : (a > b ? a : b); }
static double r_min(double a, double b) { return a != a || b != b ? NAN : (a < b ? a : b); }
static double r_floor_div(double a, double b) { return floor(a / b); }
static double r_mod(double a, double b) { return a - b * floor(a / b); }
static double r_sigmoid(double a) { return 1 / (1 + exp(-a)); }
static double r_softplus(double a) { return fmax(a, 0) + log1p(exp(-fabs(a))); }
static double r_unfolded(double a) { return a; }
#define r_floor floor
#define r_ceil ceil
#define r_rint rint
#define r_exp exp
#define r_expm1 expm1
#define r_log log
#define r_log1p log1p
#define r_sqrt sqrt
#define r_sin sin
#define r_cos cos
#define r_tan tan
#define r_asin asin
#define r_acos acos
#define r_atan atan
#define r_sinh sinh
#define r_cosh cosh
#define r_tanh tanh
#define r_asinh asinh
#define r_acosh acosh
#define r_atanh atanh
#define r_erf erf
#define r_erfc erfc
#define r_lgamma lgamma
#define r_pow pow
#define r_atan2 atan2
#define r_erfinv r_unfolded /* these two are left to the kernels: see is_folded */
#define r_polygamma(order, a) r_unfolded((order) + (a))

/* clang-format off */
static double fold(OpCode op, double a, double b, double c) {
    switch ((int)op) {
#define UNARY(NAME, name, kind, value, ...) case OP_##NAME: return (double)(value);
#define BINARY(NAME, name, kind, value, ...) case OP_##NAME: return (double)(value);
#define TERNARY(NAME, name, kind, value, ...) case OP_##NAME: return (double)(value);
#include "runtime/elementwise.def"
#undef UNARY
#undef BINARY
#undef TERNARY
    }
    return NAN;
}
/* clang-format on */

static bool is_folded(OpCode op) { return op != OP_ERFINV && op != OP_DIGAMMA && op != OP_POLYGAMMA; }

/* Whole operands stay whole where the op on integers does; rounding gives whole numbers. */
static bool keeps_integers(OpCode op) {
    return op == OP_NEG || op == OP_ABS || op == OP_SIGN || op == OP_MAX || op == OP_MIN || op == OP_MOD || op == OP_CLAMP;
}

static bool rounds(OpCode op, double value) {
    return (op == OP_FLOOR || op == OP_CEIL || op == OP_ROUND) && fabs(value) < 9007199254740992.0;
}

/* OP on `count` values from `values`. */
static Value apply(Elaborator *e, OpCode op, const Value *values, int count, Span span) {
    bool all_numbers = is_folded(op), all_whole = true;
    for (int k = 0; k < count; k++) {
        if (values[k].kind != VALUE_NUMBER) all_numbers = false;
        else if (!values[k].is_integer) all_whole = false;
    }
    if (all_numbers) {
        double value = fold(op, values[0].number, count > 1 ? values[1].number : 0, count > 2 ? values[2].number : 0);
        if (op == OP_IS_NAN || op == OP_IS_FINITE) return value_bool(value != 0, span);
        return value_number(value, rounds(op, value) || (all_whole && keeps_integers(op)), span);
    }
    Node *a = to_node(e, values[0]);
    if (count == 1) return value_tensor(build_unary(e->graph, op, a), span);
    Node *b = a ? to_node(e, values[1]) : NULL;
    if (count == 2) return value_tensor(build_binary(e->graph, op, a, b), span);
    Node *c = b ? to_node(e, values[2]) : NULL;
    return value_tensor(build_ternary(e->graph, op, a, b, c), span);
}

static Value run_elementwise(Elaborator *e, const Builtin *self, const Arguments *a) {
    int count = 0;
    while (count < 3 && given(a, count)) count++;
    return apply(e, (OpCode)self->data, a->values, count, a->span);
}

static Value run_clamp(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Value low_first[2] = {a->values[0], a->values[1]};
    if (given(a, 1) && given(a, 2)) return apply(e, OP_CLAMP, a->values, 3, a->span);
    if (given(a, 1)) return apply(e, OP_MAX, low_first, 2, a->span);
    low_first[1] = a->values[2];
    if (given(a, 2)) return apply(e, OP_MIN, low_first, 2, a->span);
    diagnose(e->diagnostics, "E0301", a->span, "'clamp' needs 'low', 'high' or both");
    return value_none();
}

/* where(mask) of one argument: the numbers of the rows where it is true; their count must be known, so the mask is computed. */
static Value true_indices(Elaborator *e, const Arguments *a) {
    Tensor *mask = to_tensor(e, a->values[0]);
    if (!mask) return value_none();
    int rank = mask->shape.rank;
    int64_t count = 0, total = tensor_count(mask), strides[RANK_MAX];
    for (int64_t k = 0; k < total; k++) count += tensor_number(mask, k) != 0;
    shape_strides(mask->shape, strides);
    Fault fault;
    Tensor *found = tensor_new(DTYPE_I64, rank > 1 ? shape_2(count, rank) : shape_1(count), &fault);
    if (!found) return tensor_fault(e, a, "E0901", &fault);
    int64_t at = 0;
    for (int64_t k = 0; k < total; k++) {
        if (tensor_number(mask, k) == 0) continue;
        if (rank <= 1) tensor_i64(found)[at++] = k;
        else
            for (int axis = 0; axis < rank; axis++) tensor_i64(found)[at++] = k / strides[axis] % mask->shape.dims[axis];
    }
    return result_of(a, constant_of(e, found));
}

static Value run_where(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    if (!given(a, 1) && !given(a, 2)) return true_indices(e, a);
    if (!given(a, 1) || !given(a, 2)) {
        diagnose(e->diagnostics, "E0301", a->span, "'where' needs both values: where(condition, a, b)");
        return value_none();
    }
    if (a->values[0].kind == VALUE_BOOL) return a->values[a->values[0].truth ? 1 : 2];
    Node *mask = node_at(e, a, 0);
    if (mask && mask->type.dtype != DTYPE_BOOL) mask = build_cast(e->graph, mask, DTYPE_BOOL);
    Node *yes = mask ? node_at(e, a, 1) : NULL, *no = yes ? node_at(e, a, 2) : NULL;
    return result_of(a, build_ternary(e->graph, OP_WHERE, mask, yes, no));
}

/* x * x, log(x) * scale and the like: one line each. */
enum { MATH_SQUARE, MATH_RECIPROCAL, MATH_LOG2, MATH_LOG10, MATH_LOGIT, MATH_CUBE_ROOT };

static double fold_composed(int which, double x) {
    switch (which) {
    case MATH_SQUARE: return x * x;
    case MATH_RECIPROCAL: return 1 / x;
    case MATH_LOG2: return log2(x);
    case MATH_LOG10: return log10(x);
    case MATH_LOGIT: return log(x) - log1p(-x);
    case MATH_CUBE_ROOT: return cbrt(x);
    }
    return NAN;
}

static Node *composed(Graph *graph, int which, Node *x) {
    Node *one = build_number(graph, 1);
    switch (which) {
    case MATH_SQUARE: return build_binary(graph, OP_MUL, x, x);
    case MATH_RECIPROCAL: return build_binary(graph, OP_DIV, one, x);
    case MATH_LOG2: return build_binary(graph, OP_MUL, build_unary(graph, OP_LOG, x), build_number(graph, 1.4426950408889634));
    case MATH_LOG10: return build_binary(graph, OP_MUL, build_unary(graph, OP_LOG, x), build_number(graph, 0.43429448190325182));
    case MATH_LOGIT:
        return build_binary(graph, OP_SUB, build_unary(graph, OP_LOG, x), build_unary(graph, OP_LOG1P, build_unary(graph, OP_NEG, x)));
    case MATH_CUBE_ROOT:
        return build_binary(graph, OP_MUL, build_unary(graph, OP_SIGN, x),
                            build_binary(graph, OP_POW, build_unary(graph, OP_ABS, x), build_number(graph, 1.0 / 3)));
    }
    return NULL;
}

static Value run_composed(Elaborator *e, const Builtin *self, const Arguments *a) {
    if (a->values[0].kind == VALUE_NUMBER)
        return value_number(fold_composed(self->data, a->values[0].number), self->data == MATH_SQUARE && a->values[0].is_integer, a->span);
    Node *x = node_at(e, a, 0);
    if (self->data != MATH_SQUARE) x = to_float(e, x);
    return result_of(a, x ? composed(e->graph, self->data, x) : NULL);
}

/* A double that fits into 64 bits; only known numbers are asked. */
static bool is_countable(double number) { return number >= -0x1p63 && number < 0x1p63; }

static bool not_countable(Elaborator *e, const Arguments *a, double number) {
    return diagnose(e->diagnostics, "E0304", a->values[0].span, "%.6g is no whole number of 64 bits", isnan(number) ? NAN : number);
}

static bool check_countable(Elaborator *e, const Arguments *a, const Node *node) {
    for (int64_t k = 0; node->op == OP_CONSTANT && dtype_is_float(node->type.dtype) && k < tensor_count(node->constant); k++)
        if (!is_countable(tensor_number(node->constant, k))) return not_countable(e, a, tensor_number(node->constant, k));
    return true;
}

/* Beyond 2^53 a tensor, which counts exactly. */
static Value whole_of(Elaborator *e, const Arguments *a, double number) {
    if (fabs(number) <= 9007199254740992.0) return value_number(trunc(number), true, a->span);
    if (!is_countable(number)) return not_countable(e, a, number), value_none();
    return result_of(a, constant_of(e, tensor_scalar(DTYPE_I64, number)));
}

/* Casts. A compile-time number stays one where the target allows it. */
static Value run_cast(Elaborator *e, const Builtin *self, const Arguments *a) {
    Value x = a->values[0];
    DType dtype = self->data < 0 ? e->float_type : (DType)self->data;
    if (x.kind == VALUE_NUMBER && self->data < 0) return value_number(x.number, false, a->span);
    if (x.kind == VALUE_NUMBER && dtype == DTYPE_I64) return whole_of(e, a, x.number);
    if (x.kind == VALUE_NUMBER && dtype == DTYPE_BOOL) return value_bool(x.number != 0, a->span);
    if (x.kind == VALUE_BOOL && self->data < 0) return value_number(x.truth, false, a->span);
    if (x.kind == VALUE_BOOL && dtype == DTYPE_I64) return value_number(x.truth, true, a->span);
    if (x.kind == VALUE_NUMBER) { /* f32(2), f64(2): a tensor of that type, no longer weak */
        Tensor *scalar = tensor_scalar(dtype, x.number);
        return result_of(a, constant_of(e, scalar));
    }
    Node *node = node_at(e, a, 0);
    if (node && dtype == DTYPE_I64 && !check_countable(e, a, node)) return value_none();
    return result_of(a, node ? build_cast(e->graph, node, dtype) : NULL);
}

#define BROADCASTS ". Elementwise; operands broadcast, integers become floats where the result is not whole."
#define CAST_DOC(what) "The same numbers as " what
const Builtin builtins_math[] = {
#define UNARY(NAME, name, kind, value, da, text) ROW_##kind(NAME, name, text)
#define BINARY(...)
#define TERNARY(...)
#define ROW_FLOAT(NAME, name, text) \
    {#name "(x)", run_elementwise, OP_##NAME, \
     "With a = x: " text ". Elementwise, any shape; integers become floats. Example: " #name "([0.25, 0.5])", false},
#define ROW_NUMBER(NAME, name, text) \
    {#name "(x)", run_elementwise, OP_##NAME, \
     "With a = x: " text ". Elementwise, any shape; integers stay integers. Example: " #name "([-1.5, 2])", false},
#define ROW_TEST(NAME, name, text) \
    {#name "(x)", run_elementwise, OP_##NAME, "With a = x: " text ". Elementwise, a bool tensor. Example: " #name "(log([-1.0, 1.0]))", \
     false},
#define ROW_LOGIC(...)
#include "runtime/elementwise.def"
#undef UNARY
#undef BINARY
#undef TERNARY
    {"mod(a, b)", run_elementwise, OP_MOD,
     "a - b * floor(a / b), the remainder with the sign of b; the operator is %" BROADCASTS " Example: mod(-7, 3) is 2", false},
    {"pow(a, b)", run_elementwise, OP_POW, "a to the power b; the operator is ^" BROADCASTS " Example: pow(2.0, [1, 2, 3])", false},
    {"atan2(y, x)", run_elementwise, OP_ATAN2, "Angle of the point (x, y) in (-pi, pi]" BROADCASTS " Example: atan2(1.0, -1.0)", false},
    {"polygamma(order, x)", run_elementwise, OP_POLYGAMMA,
     "Derivative number `order` of digamma at x; order is a whole number >= 0. Example: polygamma(1, [1.0, 2.0])", false},
    {"clamp(x, low?, high?)", run_clamp, 0,
     "x kept within [low, high]; one bound may be left out. The derivative in x is 1 on the closed interval, 0 outside. Example: clamp([-2, 0.5, 3], 0, 1)",
     false},
    {"where(condition, a?, b?)", run_where, 0,
     "a where condition is true, else b; all broadcast. With the condition alone: the indices where it is true, i64 [count] for a vector, [count, rank] otherwise; outside train blocks only, since the count depends on numbers. Example: where([-1, 2] > 0, 1, 0)",
     false},
    {"square(x)", run_composed, MATH_SQUARE, "x * x, elementwise. Example: square([1, 2, 3])", false},
    {"reciprocal(x)", run_composed, MATH_RECIPROCAL, "1 / x, elementwise. Example: reciprocal([1, 2, 4])", false},
    {"log2(x)", run_composed, MATH_LOG2, "Logarithm to base 2, elementwise. Example: log2(8)", false},
    {"log10(x)", run_composed, MATH_LOG10, "Logarithm to base 10, elementwise. Example: log10(1000)", false},
    {"logit(x)", run_composed, MATH_LOGIT, "log(x / (1 - x)), the inverse of sigmoid, for x in (0, 1). Example: logit(0.9)", false},
    {"cbrt(x)", run_composed, MATH_CUBE_ROOT, "Real cube root, elementwise, any sign. Example: cbrt(-8)", false},
    {"float(x)", run_cast, -1, CAST_DOC("floats of the script's precision (f32 unless it says `precision f64`). Example: float([1, 2])"),
     false},
    {"int(x)", run_cast, DTYPE_I64,
     CAST_DOC(
         "64-bit integers; fractions are cut towards 0. Known numbers that do not fit (NaN, 1e30) are E0304; computed ones give -2^63. Example: int([1.7, -1.7])"),
     false},
    {"bool(x)", run_cast, DTYPE_BOOL, "x != 0, elementwise. Example: bool([0, 2])", false},
    {"f32(x)", run_cast, DTYPE_F32, CAST_DOC("32-bit floats. Example: f32([1, 2])"), false},
    {"f64(x)", run_cast, DTYPE_F64, CAST_DOC("64-bit floats. Example: f64([1, 2])"), false},
    {0},
};
