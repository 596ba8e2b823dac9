#include "lang/passes/unit.h"

#include "lang/graph/build.h"

#include "runtime/base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { FEW_INPUTS = 8 }; /* rules of ops with few inputs look at NodeSpec.inputs only */

Node *unit_copy_typed(Graph *graph, const Node *node, Node *const *inputs, Type type) {
    NodeSpec spec = {
        .op = node->op,
        .int_count = node->int_count,
        .number_count = node->number_count,
        .type = &type,
        .cell = node->cell,
        .constant = node->constant,
        .rule = node->rule,
        .loop = node->loop,
        .rows = node->rows,
    };
    if (node->input_count <= FEW_INPUTS) {
        spec.input_count = node->input_count;
        for (int k = 0; k < node->input_count; k++) spec.inputs[k] = inputs[k];
    } else {
        spec.more_inputs = (Node **)inputs;
        spec.more_count = node->input_count;
    }
    if (node->op == OP_CONSTANT) spec.number_count = 0; /* the weak value matters to builders only */
    memcpy(spec.ints, node->ints, sizeof(int64_t) * (size_t)node->int_count);
    memcpy(spec.numbers, node->numbers, sizeof(double) * (size_t)spec.number_count);
    graph->here = node->span;
    return graph_add(graph, &spec);
}

Node *unit_copy_node(Graph *graph, const Node *node, Node *const *inputs) { return unit_copy_typed(graph, node, inputs, node->type); }

/* Which nodes the roots need, by id. Inputs have smaller ids, so one sweep down is enough. */
static bool *mark_needed(const Graph *graph, Node *const *outputs, int output_count, const Commit *commits, int commit_count,
                         bool stop_at_materialised) {
    bool *needed = allocate(graph->node_count + 1);
    for (int k = 0; k < output_count; k++) needed[outputs[k]->id] = true;
    for (int k = 0; k < commit_count; k++) needed[commits[k].value->id] = true;
    for (size_t id = graph->node_count; id-- > 0;) {
        const Node *node = graph->nodes[id];
        if (!needed[id] || (stop_at_materialised && node->materialised != NULL)) continue;
        for (int k = 0; k < node->input_count; k++) needed[node->inputs[k]->id] = true;
    }
    return needed;
}

static Node *copy_rule(void *context, Graph *graph, const Node *node, Node *const *inputs) {
    (void)context;
    if (node->materialised == NULL) return unit_copy_node(graph, node, inputs);
    graph->here = node->span;
    return build_leaf(graph, node->materialised);
}

typedef struct Transfer {
    const Graph *from;
    Graph *to;
    const bool *needed;
    Node **map; /* from old id to new node */
} Transfer;

static bool transfer_nodes(const Transfer *transfer, UnitRule *rule, void *context, bool stop_at_materialised) {
    LIST(Node *) inputs = {0};
    bool ok = true;
    for (size_t id = 0; ok && id < transfer->from->node_count; id++) {
        if (!transfer->needed[id]) continue;
        const Node *node = transfer->from->nodes[id];
        inputs.count = 0;
        bool is_leaf = stop_at_materialised && node->materialised != NULL;
        for (int k = 0; !is_leaf && k < node->input_count; k++) list_push(&inputs, transfer->map[node->inputs[k]->id]);
        transfer->to->here = node->span;
        transfer->map[id] = rule(context, transfer->to, node, inputs.items);
        ok = transfer->map[id] != NULL;
    }
    list_free(&inputs);
    return ok;
}

static void transfer_roots(Unit *unit, Node **map, Node *const *outputs, int output_count, const Commit *commits, int commit_count) {
    unit->outputs = arena_alloc(unit->graph->arena, sizeof(Node *) * (size_t)(output_count + 1));
    unit->commits = arena_alloc(unit->graph->arena, sizeof(Commit) * (size_t)(commit_count + 1));
    for (int k = 0; k < output_count; k++) unit->outputs[k] = map[outputs[k]->id];
    for (int k = 0; k < commit_count; k++) unit->commits[k] = (Commit){commits[k].cell, map[commits[k].value->id]};
    unit->output_count = output_count;
    unit->commit_count = commit_count;
}

bool unit_extract(Unit *unit, const Graph *graph, Node *const *outputs, int output_count, const Commit *commits, int commit_count,
                  Diagnostics *diagnostics) {
    *unit = (Unit){.graph = graph_new(diagnostics, graph->float_type), .arena = arena_new()};
    bool *needed = mark_needed(graph, outputs, output_count, commits, commit_count, true);
    Node **map = allocate(sizeof(Node *) * (graph->node_count + 1));
    Transfer transfer = {graph, unit->graph, needed, map};
    bool ok = transfer_nodes(&transfer, copy_rule, NULL, true);
    if (ok) transfer_roots(unit, map, outputs, output_count, commits, commit_count);
    else unit_free(unit);
    free(needed);
    free(map);
    return ok;
}

bool *unit_needed(const Unit *unit) {
    return mark_needed(unit->graph, unit->outputs, unit->output_count, unit->commits, unit->commit_count, false);
}

void unit_replace(Unit *unit, Graph *graph, Node **map) {
    Unit old = *unit;
    unit->graph = graph;
    transfer_roots(unit, map, old.outputs, old.output_count, old.commits, old.commit_count);
    graph_free(old.graph);
}

bool unit_rebuild(Unit *unit, UnitRule *rule, void *context) {
    Graph *graph = graph_new(unit->graph->diagnostics, unit->graph->float_type);
    bool *needed = unit_needed(unit);
    Node **map = allocate(sizeof(Node *) * (unit->graph->node_count + 1));
    Transfer transfer = {unit->graph, graph, needed, map};
    bool ok = transfer_nodes(&transfer, rule, context, false);
    if (ok) unit_replace(unit, graph, map);
    else graph_free(graph);
    free(needed);
    free(map);
    return ok;
}

int *unit_uses(const Unit *unit) {
    int *uses = allocate(sizeof(int) * (unit->graph->node_count + 1));
    for (size_t id = 0; id < unit->graph->node_count; id++) {
        const Node *node = unit->graph->nodes[id];
        for (int k = 0; k < node->input_count; k++) uses[node->inputs[k]->id]++;
    }
    for (int k = 0; k < unit->output_count; k++) uses[unit->outputs[k]->id]++;
    for (int k = 0; k < unit->commit_count; k++) uses[unit->commits[k].value->id]++;
    return uses;
}

void unit_free(Unit *unit) {
    graph_free(unit->graph);
    for (int k = 0; k < unit->body_count; k++) graph_free(unit->bodies[k]);
    free(unit->bodies);
    if (unit->arena != NULL) arena_free(unit->arena);
    *unit = (Unit){0};
}
