/* What commutes with a maximum over windows moves behind it, where there are fewer elements: relu and terms that are equal all over
 * a window. max(relu(x + b)) = relu(max(x) + b), value for value; where several places of a window tie, the derivative may
 * take another of them. */
#include "lang/passes/simplify.h"

#include "lang/graph/build.h"
#include "lang/ops/op.h"

enum { POOL_INTS = 8, DEPTH_MAX = 6 };

/* A broadcast that repeats along height and width of [n, c, h, w], over so many places as `shape` has; NULL when it is not. */
static Node *over_places(Graph *graph, Node *x, Shape shape) {
    if (x->op != OP_BROADCAST || x->type.shape.rank != 4) return NULL;
    const int64_t *dims = x->inputs[0]->type.shape.dims;
    return dims[2] == 1 && dims[3] == 1 ? build_broadcast(graph, x->inputs[0], shape) : NULL;
}

/* ---- forward ----------------------------------------------------------------------------------------------------------- */

/* Part k of the pooling `like` of x, with what commutes behind it. */
static Node *pooled_part(Graph *graph, Node *x, const Node *like, int k) {
    Shape shape = like->type.shape;
    if (x->op == OP_RELU) {
        Node *inner = pooled_part(graph, x->inputs[0], like, k);
        return k == 0 ? build_unary(graph, OP_RELU, inner) : inner;
    }
    for (int term = 0; x->op == OP_ADD && term < 2; term++) {
        Node *repeated = over_places(graph, x->inputs[term], shape);
        if (!repeated) continue;
        Node *inner = pooled_part(graph, x->inputs[1 - term], like, k);
        return k == 0 ? build_binary(graph, OP_ADD, inner, repeated) : inner;
    }
    return build_part(graph, build_full_call(graph, OP_MAX_POOL, &x, 1, like->ints, like->int_count, NULL), k);
}

static Node *rule_part(const Candidate *candidate) {
    const Node *pool = candidate->inputs[0];
    if (pool->op != OP_MAX_POOL || pool->int_count != POOL_INTS) return NULL;
    Node *x = pool->inputs[0];
    return x->op == OP_RELU || x->op == OP_ADD ? pooled_part(candidate->graph, x, pool, (int)candidate->node->ints[0]) : NULL;
}

/* ---- backward ---------------------------------------------------------------------------------------------------------- */

/* x at the places that the pooling took: made of the pooled values and of what is equal all over a window. NULL when it is not. */
static Node *at_places(Graph *graph, Node *x, Node *pool, int depth) {
    if (x == pool->inputs[0]) return build_part(graph, pool, 0);
    Node *repeated = over_places(graph, x, pool->type.shape), *operands[3] = {0};
    if (repeated || op_of(x)->fusion != FUSE_ELEMENTWISE || depth == DEPTH_MAX) return repeated;
    for (int k = 0; k < x->input_count; k++)
        if (!(operands[k] = at_places(graph, x->inputs[k], pool, depth + 1))) return NULL;
    Node like = *x;
    like.type.shape = pool->type.shape;
    return unit_copy_node(graph, &like, operands);
}

/* where(mask, adjoint(g), 0): the mask is asked only at the places that g goes to. */
static Node *rule_where(const Candidate *candidate) {
    Graph *graph = candidate->graph;
    Node *mask = candidate->inputs[0], *adjoint = candidate->inputs[1];
    bool is_only_reader = candidate->uses[candidate->node->inputs[1]->id] == 1;
    if (adjoint->op != OP_MAX_POOL_ADJOINT || !is_only_reader || !fold_is(candidate->inputs[2], 0)) return NULL;
    Node *g = adjoint->inputs[0], *index = adjoint->inputs[1];
    Node *pool = index->op == OP_PART ? index->inputs[0] : index;
    if (pool->op != OP_MAX_POOL) return NULL;
    Node *small = at_places(graph, mask, pool, 0);
    if (!small) return NULL;
    Node *operands[] = {build_ternary(graph, OP_WHERE, small, g, build_zeros_like(graph, g)), index};
    return build_full_call(graph, OP_MAX_POOL_ADJOINT, operands, 2, adjoint->ints, adjoint->int_count, &adjoint->type);
}

/* The sum over height and width of what was put into places is the sum of what was put. */
static Node *rule_sum(const Candidate *candidate) {
    Node *x = candidate->inputs[0];
    enum { PLACES = 1 << 2 | 1 << 3 };
    if (x->op != OP_MAX_POOL_ADJOINT || (candidate->node->ints[0] & PLACES) != PLACES) return NULL;
    return build_reduce(candidate->graph, OP_REDUCE_SUM, x->inputs[0], (uint32_t)candidate->node->ints[0], true);
}

Node *simplify_pooling(const Candidate *candidate) {
    switch ((int)candidate->node->op) {
    case OP_PART: return rule_part(candidate);
    case OP_WHERE: return rule_where(candidate);
    case OP_REDUCE_SUM: return rule_sum(candidate);
    default: return NULL;
    }
}
