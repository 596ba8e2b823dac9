#include "lang/passes/autodiff.h"

#include "lang/ops/rules.h"
#include "lang/passes/equal.h"
#include "runtime/base/memory.h"

#include <stdlib.h>

/* One reverse sweep over the nodes low..high of the graph as it was; ids are topological, so loops over ids need no stack.
 * Equal nodes share the cotangent of the first of them: what two derivatives of one value have in common is pulled back once. */
typedef struct Sweep {
    Graph *graph;
    size_t low, high;
    bool *reached;     /* an output depends on it, in any way */
    bool *active;      /* reached, and depends differentiably on a variable */
    Node **first;      /* by id: the first of the nodes that are equal to it */
    Node **cotangents; /* by id; NULL: zero so far */
    Node ***parts;     /* by id: cotangents of the outputs of an op with several */
} Sweep;

static void sweep_free(Sweep *sweep) {
    for (size_t id = 0; sweep->parts && id < sweep->high; id++) free(sweep->parts[id]);
    free(sweep->reached);
    free(sweep->active);
    free(sweep->first);
    free(sweep->cotangents);
    free(sweep->parts);
}

static bool is_blocked(const Node *node, int input) { return op_of(node)->blocked_inputs >> (input < 31 ? input : 31) & 1; }

/* Whole numbers and truth values carry no cotangent. */
static bool carries_cotangent(const Node *node) {
    bool carries = dtype_is_float(node->type.dtype);
    for (int k = 0; k < node->part_count; k++) carries = carries || dtype_is_float(node->parts[k].dtype);
    return carries;
}

static void mark_reached(Sweep *sweep, Node *const *outputs, int count) {
    for (int k = 0; k < count; k++) sweep->reached[outputs[k]->id] = true;
    for (size_t id = sweep->high; id-- > sweep->low;) {
        const Node *node = sweep->graph->nodes[id];
        for (int k = 0; sweep->reached[id] && k < node->input_count; k++) sweep->reached[node->inputs[k]->id] = true;
    }
}

static void mark_active(Sweep *sweep, Node *const *variables, int count) {
    for (int k = 0; k < count; k++)
        if ((size_t)variables[k]->id < sweep->high && carries_cotangent(variables[k])) sweep->active[variables[k]->id] = true;
    for (size_t id = sweep->low; id < sweep->high; id++) {
        const Node *node = sweep->graph->nodes[id];
        if (!sweep->reached[id] || !carries_cotangent(node)) continue;
        for (int k = 0; !sweep->active[id] && k < node->input_count; k++)
            sweep->active[id] = sweep->active[node->inputs[k]->id] && !is_blocked(node, k);
    }
}

static Sweep sweep_new(Graph *graph, Node *const *outputs, int output_count, Node *const *variables, int variable_count) {
    Sweep sweep = {.graph = graph, .low = graph->node_count};
    for (int k = 0; k < variable_count; k++)
        if ((size_t)variables[k]->id < sweep.low) sweep.low = (size_t)variables[k]->id;
    for (int k = 0; k < output_count; k++)
        if ((size_t)outputs[k]->id >= sweep.high) sweep.high = (size_t)outputs[k]->id + 1;
    sweep.reached = allocate(graph->node_count * sizeof(bool));
    sweep.active = allocate(graph->node_count * sizeof(bool));
    mark_reached(&sweep, outputs, output_count);
    mark_active(&sweep, variables, variable_count);
    return sweep;
}

/* --- cotangents ---------------------------------------------------------------------------------------------------------- */

/* The cotangent of an operand that was broadcast: summed over the axes along which it was repeated; a smaller one is repeated. */
static Node *fitted(Graph *graph, Node *cotangent, Type type) {
    Shape common, from = cotangent->type.shape;
    char left[SHAPE_TEXT], right[SHAPE_TEXT];
    cotangent = build_cast(graph, cotangent, type.dtype);
    if (!cotangent || shape_equal(from, type.shape)) return cotangent;
    if (!shape_broadcast(from, type.shape, &common)) {
        diagnose(graph->diagnostics, "E0400", graph->here, "the cotangent of a value of shape %s cannot have the shape %s",
                 shape_text(type.shape, left), shape_text(from, right));
        return NULL;
    }
    cotangent = build_broadcast(graph, cotangent, common);
    int extra = common.rank - type.shape.rank;
    uint32_t axes = (1u << extra) - 1;
    for (int k = extra; k < common.rank; k++)
        if (common.dims[k] != type.shape.dims[k - extra]) axes |= 1u << k;
    return build_reshape(graph, build_reduce(graph, OP_REDUCE_SUM, cotangent, axes, true), type.shape);
}

static bool give(Sweep *sweep, Node **slot, Node *cotangent, Type type) {
    *slot = build_accumulate(sweep->graph, *slot, fitted(sweep->graph, cotangent, type));
    return *slot != NULL;
}

static bool give_to(Sweep *sweep, const Node *node, Node *cotangent) {
    return give(sweep, &sweep->cotangents[sweep->first[node->id]->id], cotangent, node->type);
}

/* The cotangent of a part goes into its op's list. */
static bool give_part(Sweep *sweep, const Node *part) {
    const Node *whole = sweep->first[part->inputs[0]->id];
    Node ***list = &sweep->parts[whole->id];
    if (!*list) *list = allocate((size_t)whole->part_count * sizeof **list);
    return give(sweep, &(*list)[part->ints[0]], sweep->cotangents[part->id], part->type);
}

static bool refuse(const Graph *graph, const Node *node) {
    diagnose(graph->diagnostics, "E0500", node->span, "'%s' has no derivative", op_of(node)->name);
    return op_of(node)->no_derivative ? diagnose_help(graph->diagnostics, "%s", op_of(node)->no_derivative) : false;
}

/* Asks the op of `node` for the cotangents of its inputs and hands them out. */
static bool pull_back(Sweep *sweep, Node *node) {
    Graph *graph = sweep->graph;
    size_t count = (size_t)node->input_count;
    bool *wanted = allocate((count + 1) * sizeof *wanted), any = false, ok = true;
    Node **results = allocate((count + 1) * sizeof *results);
    for (int k = 0; k < node->input_count; k++) any |= wanted[k] = sweep->active[node->inputs[k]->id] && !is_blocked(node, k);
    VjpContext context = {.graph = graph, .node = node, .wanted = wanted, .results = results};
    context.part_cotangents = node->parts ? sweep->parts[node->id] : &sweep->cotangents[node->id];
    context.cotangent = context.part_cotangents[0];
    if (any) {
        Span here = graph->here;
        graph->here = node->span;
        ok = op_of(node)->vjp ? op_of(node)->vjp(&context) : refuse(graph, node);
        for (int k = 0; ok && k < node->input_count; k++)
            if (wanted[k] && results[k]) ok = give_to(sweep, node->inputs[k], results[k]);
        graph->here = here;
    }
    free(wanted);
    free(results);
    return ok;
}

static bool sweep_back(Sweep *sweep) {
    for (size_t id = sweep->high; id-- > sweep->low;) {
        Node *node = sweep->graph->nodes[id];
        bool has_cotangent = sweep->active[id] && (node->parts ? sweep->parts[id] != NULL : sweep->cotangents[id] != NULL);
        if (has_cotangent && !(node->op == OP_PART ? give_part(sweep, node) : pull_back(sweep, node))) return false;
    }
    return true;
}

/* --- the interface ------------------------------------------------------------------------------------------------------- */

static bool all_there(Node *const *nodes, int count) {
    for (int k = 0; k < count; k++)
        if (!nodes[k]) return false;
    return true;
}

bool autodiff_vjp(Graph *graph, Node *const *outputs, Node *const *cotangents, int output_count, Node *const *variables, int variable_count,
                  Node **results) {
    if (!all_there(outputs, output_count) || !all_there(variables, variable_count)) return false;
    Sweep sweep = sweep_new(graph, outputs, output_count, variables, variable_count);
    sweep.first = equal_nodes(graph, sweep.high, outputs, output_count, variables, variable_count);
    sweep.cotangents = allocate(graph->node_count * sizeof *sweep.cotangents);
    sweep.parts = allocate(graph->node_count * sizeof *sweep.parts);
    bool ok = true;
    for (int k = 0; ok && k < output_count; k++)
        if (cotangents[k] && sweep.active[outputs[k]->id]) ok = give_to(&sweep, outputs[k], cotangents[k]);
    ok = ok && sweep_back(&sweep);
    for (int k = 0; k < variable_count; k++) /* variables younger than every output are not reached */
        results[k] = ok && (size_t)variables[k]->id < sweep.high ? sweep.cotangents[variables[k]->id] : NULL;
    sweep_free(&sweep);
    return ok;
}

bool *autodiff_active(Graph *graph, Node *const *outputs, int output_count, Node *const *variables, int variable_count) {
    Sweep sweep = sweep_new(graph, outputs, output_count, variables, variable_count);
    bool *on_path = allocate(graph->node_count + 1);
    for (int k = 0; k < output_count; k++) on_path[outputs[k]->id] = sweep.active[outputs[k]->id];
    for (size_t id = sweep.high; id-- > sweep.low;) {
        const Node *node = graph->nodes[id];
        for (int k = 0; on_path[id] && k < node->input_count; k++)
            if (sweep.active[node->inputs[k]->id] && !is_blocked(node, k)) on_path[node->inputs[k]->id] = true;
    }
    sweep_free(&sweep);
    return on_path;
}

bool autodiff_depends(Graph *graph, Node *output, Node *variable) {
    if (!output || !variable) return false;
    bool *active = autodiff_active(graph, &output, 1, &variable, 1);
    bool depends = active[output->id];
    free(active);
    return depends;
}

const Node *autodiff_barrier(Graph *graph, Node *cost, Node *variable) {
    Sweep sweep = sweep_new(graph, &cost, 1, &variable, 1);
    const Node *barrier = NULL;
    for (size_t id = sweep.low; !barrier && id < sweep.high; id++) {
        const Node *node = graph->nodes[id];
        for (int k = 0; sweep.reached[id] && !sweep.active[id] && k < node->input_count; k++)
            if (sweep.active[node->inputs[k]->id]) barrier = node;
    }
    sweep_free(&sweep);
    return barrier;
}

static bool refuse_unreached(Graph *graph, Node *cost, Node *variable) {
    Diagnostics *diagnostics = graph->diagnostics;
    const char *name = variable->cell && variable->cell->name ? variable->cell->name : NULL;
    const char *quote = name ? "'" : "";
    name = name ? name : "the variable";
    if (!dtype_is_float(variable->type.dtype))
        return diagnose(diagnostics, "E0500", graph->here, "there is no derivative in %s%s%s: it holds %s, not real numbers", quote, name,
                        quote, dtype_name(variable->type.dtype));
    const Node *barrier = autodiff_barrier(graph, cost, variable);
    if (!barrier) return diagnose(diagnostics, "E0500", graph->here, "the cost does not depend on %s%s%s", quote, name, quote);
    const Node *op = barrier->op == OP_PART ? barrier->inputs[0] : barrier;
    if (op_of(op)->no_derivative) return refuse(graph, op);
    diagnose(diagnostics, "E0500", graph->here, "the cost does not depend differentiably on %s%s%s", quote, name, quote);
    diagnose_second(diagnostics, barrier->span, "'%s' lets no derivative through", op_of(op)->name);
    if (op->op == OP_STOP) return diagnose_help(diagnostics, "leave `stop` out where the derivative should pass");
    return diagnose_help(diagnostics, "straight_through(hard, soft) takes the value of one expression and the derivative of another");
}

bool autodiff_grad(Graph *graph, Node *cost, Node *const *variables, int count, bool allow_unreached, Node **results) {
    if (!cost) return false;
    char text[SHAPE_TEXT];
    if (shape_count(cost->type.shape) != 1 || !dtype_is_float(cost->type.dtype)) {
        diagnose(graph->diagnostics, "E0500", graph->here, "the gradient of a value needs one real number, found %s %s",
                 dtype_name(cost->type.dtype), shape_text(cost->type.shape, text));
        return diagnose_help(graph->diagnostics, "take mean(...) or sum(...) of it first");
    }
    Node *one = build_full(graph, cost->type, 1);
    if (!autodiff_vjp(graph, &cost, &one, 1, variables, count, results)) return false;
    for (int k = 0; k < count; k++) {
        if (!results[k] && !allow_unreached) return refuse_unreached(graph, cost, variables[k]);
        if (!results[k]) results[k] = build_zeros_like(graph, variables[k]);
    }
    return true;
}

/* A value of `type` in which only derivatives are taken: its number never matters. */
static Node *probe(Graph *graph, Type type) {
    Cell **cell = &graph->probes[type.dtype];
    if (!*cell) *cell = cell_new("cotangent", tensor_scalar(type.dtype, 0));
    return build_broadcast(graph, build_leaf(graph, *cell), type.shape);
}

/* The pull-back is linear in its cotangent; its own pull-back is the push-forward. */
Node *autodiff_jvp(Graph *graph, Node *output, Node *variable, Node *tangent) {
    if (!output || !variable || !tangent) return NULL;
    if (!dtype_is_float(output->type.dtype)) return build_zeros_like(graph, output);
    Node *cotangent = probe(graph, output->type), *pulled = NULL, *pushed = NULL;
    if (!autodiff_vjp(graph, &output, &cotangent, 1, &variable, 1, &pulled)) return NULL;
    if (!pulled) return build_zeros_like(graph, output);
    if (!autodiff_vjp(graph, &pulled, &tangent, 1, &cotangent, 1, &pushed)) return NULL;
    return pushed ? pushed : build_zeros_like(graph, output);
}
