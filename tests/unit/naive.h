/* One node at a time, in double, element by element: what the compiled plan is compared with. Only the ops that the random
 * graphs of test_passes.c draw. */
#ifndef REG_TESTS_NAIVE_H
#define REG_TESTS_NAIVE_H

#include "lang/graph/build.h"
#include "lang/ops/op.h"
#include "runtime/base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Naive {
    double **values; /* by node id */
} Naive;

static void naive_position(Shape shape, int64_t index, int64_t *position) {
    for (int k = shape.rank - 1; k >= 0; k--) {
        position[k] = index % shape.dims[k];
        index /= shape.dims[k];
    }
}

static int64_t naive_index(Shape shape, const int64_t *position) {
    int64_t index = 0;
    for (int k = 0; k < shape.rank; k++) index = index * shape.dims[k] + (shape.dims[k] == 1 ? 0 : position[k]);
    return index;
}

static double naive_elementwise(OpCode op, double a, double b, double c) {
    switch ((int)op) {
    case OP_NEG: return -a;
    case OP_ABS: return fabs(a);
    case OP_TANH: return tanh(a);
    case OP_EXP: return exp(a);
    case OP_SQRT: return sqrt(a);
    case OP_SIGMOID: return 1 / (1 + exp(-a));
    case OP_RELU: return a > 0 ? a : 0;
    case OP_NOT: return a == 0;
    case OP_ADD: return a + b;
    case OP_SUB: return a - b;
    case OP_MUL: return a * b;
    case OP_DIV: return a / b;
    case OP_MAX: return a > b ? a : b;
    case OP_MIN: return a < b ? a : b;
    case OP_POW: return pow(a, b);
    case OP_GREATER: return a > b;
    case OP_LESS: return a < b;
    case OP_AND: return a != 0 && b != 0;
    case OP_WHERE: return a != 0 ? b : c;
    default: abort();
    }
}

static double naive_moved(const Node *node, const double *x, int64_t index) {
    Shape from = node->inputs[0]->type.shape;
    int64_t p[RANK_MAX] = {0}, q[RANK_MAX] = {0};
    naive_position(node->type.shape, index, p);
    if (node->op == OP_RESHAPE) return x[index];
    for (int k = 0; k < from.rank; k++) {
        if (node->op == OP_BROADCAST) q[k] = p[k];
        if (node->op == OP_TRANSPOSE) q[node->ints[k]] = p[k];
        if (node->op == OP_SLICE) q[k] = node->ints[k] + node->ints[from.rank + k] * p[k];
        if (node->op == OP_FLIP) q[k] = node->ints[k] ? from.dims[k] - 1 - p[k] : p[k];
    }
    return x[naive_index(from, q)];
}

static void naive_reduce(const Node *node, const double *x, double *out) {
    Shape from = node->inputs[0]->type.shape;
    int64_t p[RANK_MAX] = {0};
    for (int64_t i = 0; i < shape_count(node->type.shape); i++)
        out[i] = node->op == OP_REDUCE_SUM ? 0 : node->op == OP_REDUCE_MAX ? -INFINITY : INFINITY;
    for (int64_t i = 0; i < shape_count(from); i++) {
        naive_position(from, i, p);
        for (int k = 0; k < from.rank; k++)
            if (node->ints[0] >> k & 1) p[k] = 0;
        double *place = &out[naive_index(node->type.shape, p)];
        *place = node->op == OP_REDUCE_SUM ? *place + x[i] : node->op == OP_REDUCE_MAX ? fmax(*place, x[i]) : fmin(*place, x[i]);
    }
}

static void naive_matmul(const Node *node, const double *a, const double *b, double *out) {
    int64_t m = node->type.shape.dims[0], n = node->type.shape.dims[1];
    int64_t inner = node->inputs[0]->type.shape.dims[node->ints[0] ? 0 : 1];
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = 0;
            for (int64_t k = 0; k < inner; k++)
                sum += a[node->ints[0] ? k * m + i : i * inner + k] * b[node->ints[1] ? j * inner + k : k * n + j];
            out[i * n + j] = sum;
        }
}

static void naive_concat(const Node *node, double *const *values, double *out) {
    int axis = (int)node->ints[0];
    int64_t base = 0, p[RANK_MAX] = {0};
    for (int k = 0; k < node->input_count; k++) {
        const Node *input = node->inputs[k];
        for (int64_t i = 0; i < shape_count(input->type.shape); i++) {
            naive_position(input->type.shape, i, p);
            p[axis] += base;
            out[naive_index(node->type.shape, p)] = values[input->id][i];
        }
        base += input->type.shape.dims[axis];
    }
}

/* Rows of the first axis only. */
static void naive_rows(const Node *node, double *const *values, double *out) {
    const Node *x = node->inputs[0], *index = node->inputs[1];
    int64_t row = shape_count(x->type.shape) / x->type.shape.dims[0], count = shape_count(index->type.shape);
    if (node->op != OP_GATHER) memcpy(out, values[x->id], sizeof(double) * (size_t)shape_count(x->type.shape));
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < row; j++) {
            int64_t at = (int64_t)values[index->id][i] * row + j;
            if (node->op == OP_GATHER) out[i * row + j] = values[x->id][at];
            else if (node->op == OP_SCATTER_SET) out[at] = values[node->inputs[2]->id][i * row + j];
            else out[at] += values[node->inputs[2]->id][i * row + j];
        }
}

static void naive_node(Naive *naive, const Node *node) {
    int64_t count = shape_count(node->type.shape);
    double *out = naive->values[node->id] = allocate(sizeof(double) * (size_t)count);
    const double *x[3] = {0};
    for (int k = 0; k < node->input_count && k < 3; k++) x[k] = naive->values[node->inputs[k]->id];
    const Tensor *tensor = node->op == OP_LEAF ? node->cell->tensor : node->constant;
    if (node->op == OP_MATMUL) naive_matmul(node, x[0], x[1], out);
    else if (node->op == OP_CONCAT) naive_concat(node, naive->values, out);
    else if (node->op == OP_GATHER || node->op == OP_SCATTER_SET || node->op == OP_SCATTER_ADD) naive_rows(node, naive->values, out);
    else if (op_of(node)->fusion == FUSE_REDUCE) naive_reduce(node, x[0], out);
    else
        for (int64_t i = 0; i < count; i++) {
            int64_t p[RANK_MAX] = {0};
            naive_position(node->type.shape, i, p);
            if (node->op == OP_LEAF || node->op == OP_CONSTANT) out[i] = tensor_number(tensor, i);
            else if (node->op == OP_IOTA) out[i] = (double)p[node->ints[0]];
            else if (node->op == OP_CAST && node->type.dtype == DTYPE_BOOL) out[i] = x[0][i] != 0;
            else if (node->op == OP_CAST && node->type.dtype == DTYPE_I64) out[i] = trunc(x[0][i]);
            else if (node->op == OP_CAST || node->op == OP_STOP) out[i] = x[0][i];
            else if (op_of(node)->fusion == FUSE_VIEW || node->op == OP_SLICE || node->op == OP_FLIP) out[i] = naive_moved(node, x[0], i);
            else out[i] = naive_elementwise(node->op, x[0][i], x[1] ? x[1][i] : 0, x[2] ? x[2][i] : 0);
        }
}

static Naive naive_run(const Graph *graph) {
    Naive naive = {allocate(sizeof(double *) * graph->node_count)};
    for (size_t id = 0; id < graph->node_count; id++) naive_node(&naive, graph->nodes[id]);
    return naive;
}

static void naive_free(Naive *naive, const Graph *graph) {
    for (size_t id = 0; id < graph->node_count; id++) free(naive->values[id]);
    free(naive->values);
}

#endif
