#include "lang/passes/simplify.h"

#include "lang/graph/build.h"
#include "lang/ops/op.h"
#include "runtime/base/memory.h"

#include <stdlib.h>

/* A result without elements needs no computing. */
static Node *rule_empty(Graph *graph, const Node *node) {
    if (node->op == OP_LEAF || node->op == OP_CONSTANT || node->op == OP_PART || node->part_count > 0) return NULL;
    if (shape_count(node->type.shape) != 0) return NULL;
    Fault fault;
    Tensor *empty = tensor_zeros(node->type.dtype, node->type.shape, &fault);
    Node *constant = build_constant(graph, empty);
    tensor_release(empty);
    return constant;
}

static Node *simplify_node(void *context, Graph *graph, const Node *node, Node *const *inputs) {
    Candidate candidate = {graph, node, inputs, context};
    Node *found = rule_empty(graph, node);
    if (found == NULL && op_of(node)->fusion == FUSE_ELEMENTWISE && node->op != OP_CAST)
        found = simplify_elementwise(graph, node->op, node->type, inputs, node->input_count);
    if (found == NULL) found = simplify_layout(&candidate);
    if (found == NULL) found = simplify_structural(&candidate);
    if (found == NULL) found = simplify_pooling(&candidate);
    return found != NULL ? found : unit_copy_node(graph, node, inputs);
}

bool simplify(Unit *unit) {
    int *uses = unit_uses(unit);
    bool ok = unit_rebuild(unit, simplify_node, uses);
    free(uses);
    return ok;
}
