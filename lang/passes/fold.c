#include "lang/passes/simplify.h"

#include "lang/graph/build.h"
#include "runtime/base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool fold_uniform(const Node *node, double *value) {
    while (node->op == OP_BROADCAST || node->op == OP_RESHAPE) node = node->inputs[0];
    if (node->op != OP_CONSTANT || tensor_count(node->constant) != 1) return false;
    *value = tensor_number(node->constant, 0);
    return node->type.dtype != DTYPE_I64 || fabs(*value) < 9007199254740992.0; /* exact as a double */
}

bool fold_is(const Node *node, double value) {
    double found;
    return fold_uniform(node, &found) && found == value;
}

/* Exact in double and then rounded once more: for f32 operands, + - * / and sqrt still round correctly (53 >= 2 * 24 + 2). */
static bool evaluate_float(OpCode op, const double *x, double *out) {
    double a = x[0], b = x[1], c = x[2];
    if (op == OP_NEG) *out = -a;
    else if (op == OP_ABS) *out = a < 0 ? -a : a;
    else if (op == OP_FLOOR) *out = floor(a);
    else if (op == OP_CEIL) *out = ceil(a);
    else if (op == OP_ROUND) *out = rint(a);
    else if (op == OP_SQRT) *out = sqrt(a);
    else if (op == OP_ADD) *out = a + b;
    else if (op == OP_SUB) *out = a - b;
    else if (op == OP_MUL) *out = a * b;
    else if (op == OP_DIV) *out = a / b;
    else if (op == OP_EQUAL) *out = a == b;
    else if (op == OP_NOT_EQUAL) *out = a != b;
    else if (op == OP_LESS) *out = a < b;
    else if (op == OP_LESS_EQUAL) *out = a <= b;
    else if (op == OP_GREATER) *out = a > b;
    else if (op == OP_GREATER_EQUAL) *out = a >= b;
    else if (op == OP_NOT) *out = a == 0;
    else if (op == OP_AND) *out = a != 0 && b != 0;
    else if (op == OP_OR) *out = a != 0 || b != 0;
    else if (op == OP_WHERE) *out = a != 0 ? b : c;
    else return false;
    return true;
}

Node *fold_elementwise(Graph *graph, OpCode op, Type type, Node *const *inputs, int count) {
    double x[3] = {0}, result;
    for (int k = 0; k < count; k++)
        if (!fold_uniform(inputs[k], &x[k])) return NULL;
    if (!evaluate_float(op, x, &result)) return NULL;
    if (type.dtype == DTYPE_I64 && !(fabs(result) < 9007199254740992.0)) return NULL;
    if (type.dtype == DTYPE_F32) result = (double)(float)result;
    return build_full(graph, type, result);
}

/* ---- whole constant subgraphs ------------------------------------------------------------------------------------------ */

enum { FOLD_LIMIT = 1 << 16 }; /* elements: larger results are computed each run rather than kept */

static bool is_transparent(const Node *node) { /* costs nothing at run time: not worth a tensor */
    return node->op == OP_BROADCAST || node->op == OP_RESHAPE || node->op == OP_CONSTANT || node->op == OP_IOTA;
}

static bool is_foldable(const Node *node, const bool *constant) {
    if (node->op == OP_CONSTANT || node->op == OP_IOTA) return true;
    if (node->input_count == 0 || node->op == OP_LOOP || shape_count(node->type.shape) > FOLD_LIMIT) return false;
    for (int k = 0; k < node->input_count; k++)
        if (!constant[node->inputs[k]->id]) return false;
    return true;
}

typedef struct Fold {
    bool *constant;  /* by id: depends on nothing but constants */
    Tensor **values; /* by id: computed */
    LIST(Node *) frontier;
} Fold;

static void want(Fold *fold, bool *wanted, Node *node) {
    if (!fold->constant[node->id] || is_transparent(node) || node->part_count > 0 || wanted[node->id]) return;
    wanted[node->id] = true;
    list_push(&fold->frontier, node);
}

static void find_frontier(Fold *fold, const Unit *unit) {
    bool *wanted = allocate(unit->graph->node_count + 1);
    for (size_t id = 0; id < unit->graph->node_count; id++) {
        Node *node = unit->graph->nodes[id];
        fold->constant[id] = is_foldable(node, fold->constant);
        if (fold->constant[id] && !is_transparent(node)) continue;
        for (int k = 0; k < node->input_count; k++) want(fold, wanted, node->inputs[k]);
    }
    for (int k = 0; k < unit->output_count; k++) want(fold, wanted, unit->outputs[k]);
    for (int k = 0; k < unit->commit_count; k++) want(fold, wanted, unit->commits[k].value);
    free(wanted);
}

/* A fault here (an index out of range, a singular matrix) is left for the run to report, in its place. */
static void evaluate_frontier(Fold *fold, const Unit *unit) {
    CompileOptions options = {.skip_folding = true};
    Program *program = compile_graph(unit->graph, fold->frontier.items, (int)fold->frontier.count, NULL, 0, &options,
                                     unit->graph->diagnostics);
    Fault fault = {0};
    if (program != NULL && plan_prepare(program->plan, NULL, &fault) && plan_run(program->plan, &fault))
        for (size_t k = 0; k < fold->frontier.count; k++)
            fold->values[fold->frontier.items[k]->id] = plan_output_tensor(program->plan, (int)k, &fault);
    program_free(program);
}

static bool is_uniform(const Tensor *tensor) {
    size_t width = dtype_bytes(tensor->dtype), bytes = tensor_bytes(tensor);
    return bytes > width && memcmp(tensor->data, (const char *)tensor->data + width, bytes - width) == 0;
}

static Node *fold_rule(void *context, Graph *graph, const Node *node, Node *const *inputs) {
    const Fold *fold = context;
    Tensor *value = fold->values[node->id];
    if (value == NULL) return unit_copy_node(graph, node, inputs);
    graph->here = node->span;
    return is_uniform(value) ? build_full(graph, node->type, tensor_number(value, 0)) : build_constant(graph, value);
}

bool fold_constants(Unit *unit) {
    size_t count = unit->graph->node_count;
    Fold fold = {.constant = allocate(count + 1), .values = allocate(sizeof(Tensor *) * (count + 1))};
    find_frontier(&fold, unit);
    bool ok = true;
    if (fold.frontier.count > 0) {
        evaluate_frontier(&fold, unit);
        ok = unit_rebuild(unit, fold_rule, &fold);
    }
    for (size_t id = 0; id < count; id++) tensor_release(fold.values[id]);
    list_free(&fold.frontier);
    free(fold.constant);
    free(fold.values);
    return ok;
}
