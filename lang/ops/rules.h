/* Inside lang/ops: the rules that op.c puts into the table, and what they are written with. */
#ifndef REG_OPS_RULES_H
#define REG_OPS_RULES_H

#include "lang/graph/build.h"
#include "lang/ops/op.h"

#define STRUCTURAL(NAME, name, doc) \
    bool infer_##name(Graph *graph, const NodeSpec *spec, Type *types, int *count); \
    bool vjp_##name(VjpContext *context);
#include "lang/ops/ops.def"
#undef STRUCTURAL

#define UNARY(NAME, name, ...) bool vjp_##name(VjpContext *context);
#define BINARY(NAME, name, ...) UNARY(NAME, name)
#define TERNARY(NAME, name, ...) UNARY(NAME, name)
#include "runtime/elementwise.def"
#undef UNARY
#undef BINARY
#undef TERNARY
bool infer_elementwise(Graph *graph, const NodeSpec *spec, Type *types, int *count);

/* Shape rules. Each returns false after a diagnostic at graph->here. */
static inline Type spec_type(const NodeSpec *spec, int input) {
    return (spec->more_inputs ? spec->more_inputs : spec->inputs)[input]->type;
}
static inline int spec_inputs(const NodeSpec *spec) { return spec->more_inputs ? spec->more_count : spec->input_count; }
bool rule_one(Type *types, int *count, DType dtype, Shape shape);           /* one output; always true */
bool rule_inputs(Graph *graph, const NodeSpec *spec, int inputs, int ints); /* how many there must be */
bool rule_rank(Graph *graph, const NodeSpec *spec, int input, int least, int most);
bool rule_float(Graph *graph, const NodeSpec *spec, int input);
bool rule_i64(Graph *graph, const NodeSpec *spec, int input);
bool rule_axis(Graph *graph, const NodeSpec *spec, int input, int64_t axis);
bool rule_same_dtype(Graph *graph, const NodeSpec *spec, int a, int b);
bool rule_typed(Graph *graph, const NodeSpec *spec);                                                 /* spec->type must be given */
bool rule_shapes(Graph *graph, const NodeSpec *spec, const char *what, Shape expected, Shape found); /* must be equal */

/* Derivative rules. Stores the cotangent of an input; false (already diagnosed) when it could not be built. */
static inline bool vjp_give(VjpContext *context, int input, Node *cotangent) {
    context->results[input] = cotangent;
    return cotangent != NULL;
}
Node *vjp_refuse(VjpContext *context, const char *reason); /* E0500 "'name' has no derivative: reason"; NULL */
/* sum + term, where sum may be NULL. Adding what was scattered onto zeros scatters onto the sum: no tensor of zeros is made. */
Node *build_accumulate(Graph *graph, Node *sum, Node *term);

static inline Node *add(Graph *graph, Node *a, Node *b) { return build_binary(graph, OP_ADD, a, b); }
static inline Node *subtract(Graph *graph, Node *a, Node *b) { return build_binary(graph, OP_SUB, a, b); }
static inline Node *multiply(Graph *graph, Node *a, Node *b) { return build_binary(graph, OP_MUL, a, b); }
static inline Node *negate(Graph *graph, Node *a) { return build_unary(graph, OP_NEG, a); }
static inline Node *scale(Graph *graph, Node *a, double k) { return a ? multiply(graph, a, build_full(graph, a->type, k)) : NULL; }

#endif
