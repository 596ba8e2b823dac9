/* Identities of the other structural ops: reductions, products, and what is zero because an operand is. */
#include "lang/passes/simplify.h"

#include "lang/graph/build.h"
#include "lang/ops/op.h"

#include <math.h>

/* Ops that are linear in the operands of the mask: zero when that operand is zero. What follows a term of strength zero
 * disappears with it. */
static uint32_t linear_operands(OpCode op) {
    static const struct {
        OpCode op;
        uint32_t operands;
    } table[] = {
        {OP_MATMUL, 3},
        {OP_CONV, 3},
        {OP_CONV_INPUT, 3},
        {OP_CONV_KERNEL, 3},
        {OP_WINDOW_SUM, 1},
        {OP_WINDOW_SUM_ADJOINT, 1},
        {OP_MAX_POOL_ADJOINT, 1},
        {OP_REDUCE_SUM, 1},
        {OP_CUMSUM, 1},
        {OP_GATHER, 1},
        {OP_GATHER_ALONG, 1},
        {OP_FFT, 1},
        {OP_SOLVE, 2},
        {OP_TRIANGULAR_SOLVE, 2},
    };
    for (size_t k = 0; k < sizeof table / sizeof *table; k++)
        if (table[k].op == op) return table[k].operands;
    return 0;
}

static Node *rule_linear(const Candidate *candidate) {
    const Node *node = candidate->node;
    uint32_t operands = linear_operands(node->op);
    for (int k = 0; k < node->input_count && k < 2; k++)
        if ((operands >> k & 1) && fold_is(candidate->inputs[k], 0)) return build_full(candidate->graph, node->type, 0);
    return NULL;
}

/* Adding zeros anywhere leaves the base. */
static Node *rule_scatter(const Candidate *candidate) {
    OpCode op = candidate->node->op;
    bool adds = op == OP_SCATTER_ADD || op == OP_SCATTER_ALONG_ADD;
    return adds && fold_is(candidate->inputs[2], 0) ? candidate->inputs[0] : NULL;
}

static Node *make_reduce(Graph *graph, OpCode op, Node *x, uint32_t axes) {
    NodeSpec spec = {.op = op, .inputs = {x}, .input_count = 1, .ints = {axes}, .int_count = 1};
    return graph_add(graph, &spec);
}

static bool is_reduce(OpCode op) { return op == OP_REDUCE_SUM || op == OP_REDUCE_PROD || op == OP_REDUCE_MAX || op == OP_REDUCE_MIN; }

/* Over no elements: the neutral element of the op. */
static Node *reduce_empty(Graph *graph, OpCode op, Type type) {
    double extreme = type.dtype == DTYPE_BOOL ? 1 : INFINITY;
    if (op == OP_REDUCE_SUM) return build_full(graph, type, 0);
    if (op == OP_REDUCE_PROD) return build_full(graph, type, 1);
    if (type.dtype == DTYPE_I64) return NULL; /* extreme integers are not exact as doubles: left to the kernel */
    return build_full(graph, type, op == OP_REDUCE_MIN ? extreme : type.dtype == DTYPE_BOOL ? 0 : -extreme);
}

/* The sum of n equal whole numbers is exact as long as it stays below 2^24. */
static Node *reduce_uniform(Graph *graph, OpCode op, Type type, double value, int64_t n) {
    if (op == OP_REDUCE_MAX || op == OP_REDUCE_MIN) return build_full(graph, type, value);
    double sum = value * (double)n;
    if (op == OP_REDUCE_SUM && floor(value) == value && fabs(sum) < 16777216) return build_full(graph, type, sum);
    return NULL;
}

static Node *rule_reduce(const Candidate *candidate) {
    Graph *graph = candidate->graph;
    const Node *node = candidate->node;
    Node *x = candidate->inputs[0];
    uint32_t axes = 0, given = (uint32_t)node->ints[0];
    int64_t n = 1;
    double value;
    for (int k = 0; k < x->type.shape.rank; k++) {
        if (!(given >> k & 1)) continue;
        n *= x->type.shape.dims[k];
        if (x->type.shape.dims[k] != 1) axes |= 1u << k;
    }
    if (n == 0) return reduce_empty(graph, node->op, node->type);
    if (axes == 0) return build_cast(graph, x, node->type.dtype);
    if (fold_uniform(x, &value)) {
        Node *uniform = reduce_uniform(graph, node->op, node->type, value, n);
        if (uniform != NULL) return uniform;
    }
    /* what is scattered onto zeros along a line sums to what there was to scatter */
    bool scattered = x->op == OP_SCATTER_ALONG_ADD && (axes >> x->ints[0] & 1) && fold_is(x->inputs[0], 0);
    if (node->op == OP_REDUCE_SUM && scattered) return make_reduce(graph, node->op, x->inputs[2], axes);
    bool extreme = node->op == OP_REDUCE_MAX || node->op == OP_REDUCE_MIN;
    if (extreme && x->op == node->op) return make_reduce(graph, node->op, x->inputs[0], axes | (uint32_t)x->ints[0]);
    return axes != given ? make_reduce(graph, node->op, x, axes) : NULL;
}

static bool swaps_last_two(const Node *node) {
    int rank = node->type.shape.rank;
    if (node->op != OP_TRANSPOSE || rank < 2) return false;
    for (int k = 0; k < rank - 2; k++)
        if (node->ints[k] != k) return false;
    return node->ints[rank - 1] == rank - 2;
}

/* A transposition that would leave the rows of x apart, element by element, where the product could take the matrices turned:
 * x's last axis stays last, and the flag of the factor changes. */
static Node *with_rows_kept(Graph *graph, Node *factor) {
    int rank = factor->type.shape.rank, permutation[RANK_MAX];
    if (factor->op != OP_TRANSPOSE || rank < 3 || factor->ints[rank - 2] != rank - 1) return NULL;
    for (int k = 0; k < rank; k++) permutation[k] = (int)factor->ints[k < rank - 2 ? k : 2 * rank - 3 - k];
    return build_transpose(graph, factor->inputs[0], permutation);
}

static Node *rule_matmul(const Candidate *candidate) {
    const Node *node = candidate->node;
    Node *factors[2] = {0};
    bool flips = false, flags[2];
    for (int k = 0; k < 2; k++) {
        Node *factor = candidate->inputs[k];
        factors[k] = swaps_last_two(factor) ? factor->inputs[0] : with_rows_kept(candidate->graph, factor);
        flags[k] = (node->ints[k] != 0) != (factors[k] != NULL);
        flips = flips || factors[k] != NULL;
        if (factors[k] == NULL) factors[k] = factor;
    }
    return flips ? build_matmul_flags(candidate->graph, factors[0], factors[1], flags[0], flags[1]) : NULL;
}

/* iota along one axis, repeated along the others */
static Node *rule_iota(Graph *graph, const Node *node) {
    int axis = (int)node->ints[0];
    Shape shape = node->type.shape, line = shape;
    if (shape_count(shape) == shape.dims[axis] && shape.rank == 1) return NULL;
    for (int k = 0; k < line.rank; k++)
        if (k != axis) line.dims[k] = 1;
    Node *ramp = build_iota(graph, node->type.dtype, shape_1(shape.dims[axis]), 0);
    return build_broadcast(graph, build_reshape(graph, ramp, line), shape);
}

Node *simplify_structural(const Candidate *candidate) {
    const Node *node = candidate->node;
    if (node->op == OP_STOP || node->op == OP_STRAIGHT_THROUGH || node->op == OP_CUSTOM) return candidate->inputs[0];
    if (node->op == OP_CONCAT && node->input_count == 1) return candidate->inputs[0];
    if (node->op == OP_IOTA) return rule_iota(candidate->graph, node);
    if (node->op == OP_GATHER && candidate->inputs[0]->op == OP_BROADCAST) {
        double value;
        if (fold_uniform(candidate->inputs[0], &value)) return build_full(candidate->graph, node->type, value);
    }
    Node *found = rule_linear(candidate);
    if (found == NULL) found = rule_scatter(candidate);
    if (found == NULL && is_reduce(node->op)) found = rule_reduce(candidate);
    if (found == NULL && node->op == OP_MATMUL) found = rule_matmul(candidate);
    return found;
}
