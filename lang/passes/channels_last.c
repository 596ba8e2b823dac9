#include "lang/passes/channels_last.h"

#include "lang/graph/build.h"
#include "lang/ops/op.h"
#include "runtime/base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { GROUPS = 8, CONV_INTS = 9, POOL_INTS = 8, IMAGES_MIN = 8 };
static const double FLOPS_MIN = 1 << 21; /* of a convolution for which the library pays */

/* Values of the old graph in the new one, with channels last. */
typedef struct Last {
    Node **nodes;    /* by old id; NULL: not made yet */
    bool *is_native; /* computed that way, not turned */
    bool *is_root;   /* of the unit: wanted as it is, however it is computed */
} Last;

static Type turned(Type type) {
    const int64_t *d = type.shape.dims;
    return (Type){type.dtype, {.rank = 4, .dims = {d[0], d[2], d[3], d[1]}}};
}

static Node *turn(Graph *graph, Node *x) { return x ? build_transpose(graph, x, (const int[]){0, 2, 3, 1}) : NULL; }
static Node *turn_back(Graph *graph, Node *x) { return x ? build_transpose(graph, x, (const int[]){0, 3, 1, 2}) : NULL; }

/* `old`, which has become `new`, with channels last. */
static Node *last_of(Last *last, Graph *graph, const Node *old, Node *new) {
    Node **place = &last->nodes[old->id];
    if (*place) return *place;
    bool repeats = old->op == OP_BROADCAST && new->op == OP_BROADCAST;
    if (repeats) *place = build_broadcast(graph, last_of(last, graph, old->inputs[0], new->inputs[0]), turned(old->type).shape);
    else *place = turn(graph, new);
    return *place;
}

static bool is_native(const Last *last, const Node *old) { return last->is_native[old->id]; }

/* `node` with the attribute that says so, for convolutions and windows. */
static Node *copy_last(Last *last, Graph *graph, const Node *node, Node *const *inputs, int images, int int_count, bool gives_images) {
    Node *operands[2] = {inputs[0], node->input_count > 1 ? inputs[1] : NULL};
    int64_t ints[CONV_INTS + 1] = {0};
    for (int k = 0; k < images; k++) operands[k] = last_of(last, graph, node->inputs[k], inputs[k]);
    memcpy(ints, node->ints, (size_t)int_count * sizeof *ints);
    ints[int_count] = 1;
    Type type = gives_images ? turned(node->type) : node->type;
    return build_full_call(graph, node->op, operands, node->input_count, ints, int_count + 1, &type);
}

static bool is_worth_it(const Node *conv) {
    const Node *images = conv->inputs[0];
    return conv->type.dtype == DTYPE_F32 && conv->ints[GROUPS] == 1 && conv->int_count == CONV_INTS &&
           images->type.shape.dims[0] >= IMAGES_MIN && op_flops(conv) >= FLOPS_MIN;
}

/* Axes of a bit mask over [n, c, h, w], over [n, h, w, c]. */
static int64_t turned_axes(int64_t axes) { return (axes & 1) | (axes >> 2 & 1) << 1 | (axes >> 3 & 1) << 2 | (axes >> 1 & 1) << 3; }

static Node *copy_reduce(Last *last, Graph *graph, const Node *node, Node *const *inputs) {
    Node *x = last_of(last, graph, node->inputs[0], inputs[0]);
    return build_full_call(graph, node->op, &x, 1, (int64_t[]){turned_axes(node->ints[0])}, 1, NULL);
}

static Node *copy_elementwise(Last *last, Graph *graph, const Node *node, Node *const *inputs) {
    Node *operands[3], copy = *node;
    for (int k = 0; k < node->input_count; k++)
        if (!(operands[k] = last_of(last, graph, node->inputs[k], inputs[k]))) return NULL;
    copy.type = turned(node->type);
    return unit_copy_node(graph, &copy, operands);
}

static bool has_native_input(const Last *last, const Node *node) {
    for (int k = 0; k < node->input_count; k++)
        if (is_native(last, node->inputs[k])) return true;
    return false;
}

/* *out: the node with channels last, NULL where it is better as it is. False after a diagnostic. */
static bool native_form(Last *last, Graph *graph, const Node *node, Node *const *inputs, Node **out) {
    *out = NULL;
    bool is_conv = node->op == OP_CONV || node->op == OP_CONV_INPUT;
    if (is_conv) {
        if (!is_worth_it(node)) return true;
        return (*out = copy_last(last, graph, node, inputs, 1, CONV_INTS, true)) != NULL;
    }
    if (node->type.shape.rank != 4 || !has_native_input(last, node)) return true;
    OpFusion fusion = op_of(node)->fusion;
    bool is_pool = node->op == OP_MAX_POOL || node->op == OP_MAX_POOL_ADJOINT;
    if (is_pool || node->op == OP_WINDOW_SUM || node->op == OP_WINDOW_SUM_ADJOINT)
        *out = copy_last(last, graph, node, inputs, node->input_count, POOL_INTS, true);
    else if (node->op == OP_PART) *out = build_part(graph, last->nodes[node->inputs[0]->id], (int)node->ints[0]);
    else if (fusion == FUSE_ELEMENTWISE && !last->is_root[node->id]) *out = copy_elementwise(last, graph, node, inputs);
    else if (fusion == FUSE_REDUCE) *out = copy_reduce(last, graph, node, inputs);
    else return true;
    return *out != NULL;
}

static Node *rule(void *context, Graph *graph, const Node *node, Node *const *inputs) {
    Last *last = context;
    Node *native;
    graph->here = node->span;
    if (node->op == OP_CONV_KERNEL && is_worth_it(node)) return copy_last(last, graph, node, inputs, 2, CONV_INTS, false);
    if (!native_form(last, graph, node, inputs, &native)) return NULL;
    if (!native) return unit_copy_node(graph, node, inputs);
    last->nodes[node->id] = native;
    last->is_native[node->id] = true;
    return native->part_count > 0 ? native : turn_back(graph, native);
}

bool channels_last(Unit *unit) {
    size_t count = unit->graph->node_count + 1;
    Last last = {.nodes = allocate(count * sizeof(Node *)), .is_native = allocate(count), .is_root = allocate(count)};
    for (int k = 0; k < unit->output_count; k++) last.is_root[unit->outputs[k]->id] = true;
    for (int k = 0; k < unit->commit_count; k++) last.is_root[unit->commits[k].value->id] = true;
    bool ok = unit_rebuild(unit, rule, &last);
    free(last.nodes);
    free(last.is_native);
    free(last.is_root);
    return ok;
}
