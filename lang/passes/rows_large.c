/* Ops that keep rows apart and are left whole while their values are small: their kernels divide one large batch better than many
 * blocks would. Where the values of a batch leave every cache (a test set that is evaluated as a whole, a full-batch step), they too go
 * by blocks, so that memory does not grow with the batch. */
#include "lang/passes/rows.h"

#include "lang/ops/op.h"

enum {
    LARGE_BYTES = 64 << 20,
    LEAST_ROW_BYTES = 1024, /* a block of shorter rows is less work than its steps cost */
    SUMMED_MAX = 1 << 20    /* elements that every block adds to */
};

static bool exceeds(const Node *node) {
    double bytes = (double)shape_count(node->type.shape) * (double)dtype_bytes(node->type.dtype);
    return node->type.shape.rank > 0 && bytes > LARGE_BYTES && bytes / (double)node->type.shape.dims[0] >= LEAST_ROW_BYTES;
}

static bool is_large(const Node *node) {
    bool large = exceeds(node);
    for (int k = 0; k < node->input_count; k++) large = large || exceeds(node->inputs[k]);
    return large;
}

static bool is_over_windows(const Node *node) {
    return node->op == OP_CONV || node->op == OP_CONV_INPUT || node->op == OP_MAX_POOL || node->op == OP_MAX_POOL_ADJOINT ||
           node->op == OP_WINDOW_SUM || node->op == OP_WINDOW_SUM_ADJOINT;
}

static bool is_along_axis(const Node *node) {
    return node->op == OP_ARGMAX || node->op == OP_ARGMIN || node->op == OP_CUMSUM || node->op == OP_SORT;
}

Role rows_role_of_large(const Node *node) {
    if (!is_large(node)) return ROLE_OUTSIDE;
    if (is_over_windows(node)) return ROLE_ROW;
    if (node->op == OP_CONV_KERNEL) return shape_count(node->type.shape) <= SUMMED_MAX ? ROLE_REDUCED : ROLE_OUTSIDE;
    if (is_along_axis(node)) return node->ints[0] != 0 ? ROLE_ROW : ROLE_OUTSIDE;
    if (node->op == OP_GATHER) return node->ints[0] == 0 && node->inputs[1]->type.shape.rank > 0 ? ROLE_ROW : ROLE_OUTSIDE;
    if (node->op == OP_MATMUL && node->inputs[1]->type.shape.rank == 2 && !node->ints[0]) return ROLE_ROW;
    return ROLE_OUTSIDE;
}

bool rows_reads_whole(const Node *node, int k) {
    if (node->op == OP_CONV || node->op == OP_CONV_INPUT) return k == 1;
    return node->op == OP_GATHER && k == 0;
}
