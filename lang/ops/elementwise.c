/* Shape rule and derivatives of the elementwise ops. The derivatives stand in runtime/elementwise.def; the macros below are
 * the words they are written in: each builds a node of the result's type. */
#include "lang/ops/rules.h"

static bool operand_fits(OperandKind kind, int input, DType dtype) {
    switch (kind) {
    case OPERANDS_FLOAT:
    case OPERANDS_TEST: return dtype_is_float(dtype);
    case OPERANDS_NUMBER: return dtype != DTYPE_BOOL;
    case OPERANDS_LOGIC: return dtype == DTYPE_BOOL;
    case OPERANDS_SELECT: return input > 0 || dtype == DTYPE_BOOL;
    case OPERANDS_COMPARE:
    case OPERANDS_STRUCTURAL: return true;
    }
    return false;
}

bool infer_elementwise(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    const OpDef *def = op_def(spec->op);
    int first = def->kind == OPERANDS_SELECT ? 1 : 0;
    Type type = spec_type(spec, first);
    for (int k = 0; k < spec_inputs(spec); k++) {
        Type operand = spec_type(spec, k);
        if (!operand_fits(def->kind, k, operand.dtype))
            return diagnose(graph->diagnostics, "E0401", graph->here, "'%s' cannot take %s as operand %d", def->name,
                            dtype_name(operand.dtype), k + 1);
        if ((k > first && !rule_same_dtype(graph, spec, first, k)) || !rule_shapes(graph, spec, "the operands", type.shape, operand.shape))
            return false;
    }
    bool is_test = def->kind == OPERANDS_COMPARE || def->kind == OPERANDS_LOGIC || def->kind == OPERANDS_TEST;
    return rule_one(types, count, is_test ? DTYPE_BOOL : type.dtype, type.shape);
}

/* strict + equal / 2: the share of the derivative that an operand of max or min gets. */
static Node *share(VjpContext *context, Node *strict, Node *equal) {
    Graph *graph = context->graph;
    DType dtype = context->node->type.dtype;
    return add(graph, build_cast(graph, strict, dtype), scale(graph, build_cast(graph, equal, dtype), 0.5));
}

#define U(CODE, a) build_unary(context->graph, OP_##CODE, a)
#define B(CODE, a, b) build_binary(context->graph, OP_##CODE, a, b)
#define NUMBER(value) build_full(context->graph, y->type, value)
#define ZEROS NUMBER(0)
#define ZERO NULL
#define SHARE(strict, equal) share(context, strict, equal)
#define REFUSE(reason) vjp_refuse(context, reason)
#define NEG(a) U(NEG, a)
#define SIGN(a) U(SIGN, a)
#define EXP(a) U(EXP, a)
#define LOG(a) U(LOG, a)
#define RSQRT(a) U(RSQRT, a)
#define SIN(a) U(SIN, a)
#define COS(a) U(COS, a)
#define SINH(a) U(SINH, a)
#define COSH(a) U(COSH, a)
#define DIGAMMA(a) U(DIGAMMA, a)
#define SIGMOID(a) U(SIGMOID, a)
#define ADD(a, b) B(ADD, a, b)
#define SUB(a, b) B(SUB, a, b)
#define MUL(a, b) B(MUL, a, b)
#define DIV(a, b) B(DIV, a, b)
#define POW(a, b) B(POW, a, b)
#define FLOOR_DIV(a, b) B(FLOOR_DIV, a, b)
#define POLYGAMMA(a, b) B(POLYGAMMA, a, b)
#define EQUAL(a, b) B(EQUAL, a, b)
#define LESS(a, b) B(LESS, a, b)
#define GREATER(a, b) B(GREATER, a, b)
#define LESS_EQUAL(a, b) B(LESS_EQUAL, a, b)
#define GREATER_EQUAL(a, b) B(GREATER_EQUAL, a, b)
#define AND(a, b) B(AND, a, b)
#define WHERE(a, b, c) build_ternary(context->graph, OP_WHERE, a, b, c)

#define OPERANDS \
    Node *y = context->node, *g = context->cotangent; \
    (void)y, (void)g
#define OPERAND(x, k) \
    Node *x = context->node->inputs[k]; \
    (void)x
#define GIVE(k, derivative) \
    if (context->wanted[k] && !vjp_give(context, k, derivative)) return false

#define UNARY(NAME, name, kind, value, da, doc) \
    bool vjp_##name(VjpContext *context) { \
        OPERANDS; \
        OPERAND(a, 0); \
        GIVE(0, da); \
        return true; \
    }
#define BINARY(NAME, name, kind, value, da, db, doc) \
    bool vjp_##name(VjpContext *context) { \
        OPERANDS; \
        OPERAND(a, 0); \
        OPERAND(b, 1); \
        GIVE(0, da); \
        GIVE(1, db); \
        return true; \
    }
#define TERNARY(NAME, name, kind, value, da, db, dc, doc) \
    bool vjp_##name(VjpContext *context) { \
        OPERANDS; \
        OPERAND(a, 0); \
        OPERAND(b, 1); \
        OPERAND(c, 2); \
        GIVE(0, da); \
        GIVE(1, db); \
        GIVE(2, dc); \
        return true; \
    }
#include "runtime/elementwise.def"
