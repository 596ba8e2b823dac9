#include "lang/passes/access.h"

#include "lang/ops/op.h"
#include "lang/passes/simplify.h"

enum { STATIC_FILL_MAX = 1 << 16, STATIC_RAMP_MAX = 1 << 22 }; /* elements kept as constants of the plan */

Shape access_space(Shape shape) {
    Shape space = {0};
    for (int k = 0; k < shape.rank; k++)
        if (shape.dims[k] != 1) space.dims[space.rank++] = shape.dims[k];
    return space;
}

static bool keeps_space(const Node *reshape) {
    return shape_equal(access_space(reshape->type.shape), access_space(reshape->inputs[0]->type.shape));
}

/* Follows axis numbers of `node` to those of its input: through a broadcast an axis may stop existing (-1), through a reshape the
 * axes longer than 1 keep their order. */
static void follow(const Node *node, int rank, int *axes) {
    Shape from = node->inputs[0]->type.shape, to = node->type.shape;
    for (int k = 0; k < rank; k++) {
        if (axes[k] < 0) continue;
        if (node->op == OP_BROADCAST) {
            if (from.dims[axes[k]] != to.dims[axes[k]]) axes[k] = -1;
            continue;
        }
        int ordinal = 0, axis = 0;
        for (int j = 0; j < axes[k]; j++) ordinal += to.dims[j] != 1;
        while (from.dims[axis] == 1 || ordinal-- > 0) axis++;
        axes[k] = axis;
    }
}

Access access_resolve(Node *operand) {
    Shape shape = operand->type.shape;
    Access access = {.base = operand, .is_identity = true};
    int axes[RANK_MAX], rank = 0;
    for (int k = 0; k < shape.rank; k++)
        if (shape.dims[k] != 1) axes[rank++] = k;
    while (access.base->op == OP_BROADCAST || (access.base->op == OP_RESHAPE && keeps_space(access.base))) {
        follow(access.base, rank, axes);
        access.base = access.base->inputs[0];
    }
    int64_t strides[RANK_MAX];
    shape_strides(access.base->type.shape, strides);
    for (int k = 0; k < rank; k++) {
        access.strides[k] = axes[k] < 0 ? 0 : strides[axes[k]];
        if (axes[k] < 0) access.is_identity = false;
    }
    return access;
}

Node *access_storage(Node *node) {
    while (node->op == OP_RESHAPE) node = node->inputs[0];
    return node;
}

Node *access_producer(Node *node) {
    while (node->op == OP_RESHAPE || node->op == OP_PART) node = node->inputs[0];
    return node;
}

bool access_is_static(const Node *node) {
    double value;
    if (node->op == OP_LEAF || node->op == OP_CONSTANT) return true;
    if (node->op == OP_IOTA) return shape_count(node->type.shape) <= STATIC_RAMP_MAX;
    return node->op == OP_BROADCAST && shape_count(node->type.shape) <= STATIC_FILL_MAX && fold_uniform(node, &value);
}

bool access_is_reduce(const Node *node) { return op_of(node)->fusion == FUSE_REDUCE && shape_count(node->inputs[0]->type.shape) > 0; }

bool access_is_fused(const Node *node) {
    if (node->op == OP_BROADCAST) return !access_is_static(node);
    return op_of(node)->fusion == FUSE_ELEMENTWISE || access_is_reduce(node);
}
