#include "lang/passes/loops.h"

#include "runtime/base/memory.h"

#include <stdlib.h>
#include <string.h>

typedef enum Dependence { DEPENDS_ON_NOTHING, DEPENDS_ON_CAPTURES, DEPENDS_ON_CARRIES } Dependence;

typedef struct Hoist {
    Unit *unit;
    Graph *graph; /* outside, under construction */
    const Node *loop;
    Node *const *inputs; /* of the loop, outside */
    const LoopBody *body;
    bool *live; /* the following by node id of the body */
    Dependence *depends;
    bool *lifted; /* computed outside and captured */
    bool *needed; /* for what is lifted */
    Node **outside, **inside;
    LIST(Node *) frontier;
} Hoist;

static void mark(const Graph *graph, bool *marks) { /* downwards from what is marked already */
    for (size_t id = graph->node_count; id-- > 0;)
        for (int k = 0; marks[id] && k < graph->nodes[id]->input_count; k++) marks[graph->nodes[id]->inputs[k]->id] = true;
}

static int captured_index(const LoopBody *body, const Cell *cell) {
    for (int k = 0; k < body->captured_count; k++)
        if (body->captured_cells[k] == cell) return k;
    return -1;
}

static void find_dependences(Hoist *hoist) {
    const Graph *graph = hoist->body->graph;
    for (int k = 0; k < hoist->body->carry_count; k++) hoist->live[hoist->body->next[k]->id] = true;
    if (hoist->body->condition != NULL) hoist->live[hoist->body->condition->id] = true;
    mark(graph, hoist->live);
    for (size_t id = 0; id < graph->node_count; id++) {
        const Node *node = graph->nodes[id];
        if (!hoist->live[id]) continue;
        if (node->op == OP_LEAF)
            hoist->depends[id] = captured_index(hoist->body, node->cell) >= 0 ? DEPENDS_ON_CAPTURES : DEPENDS_ON_CARRIES;
        for (int k = 0; k < node->input_count; k++)
            if (hoist->depends[id] < hoist->depends[node->inputs[k]->id]) hoist->depends[id] = hoist->depends[node->inputs[k]->id];
    }
}

/* A product reads a transposed matrix as it is. */
static bool is_free(const Node *node, const Node *reader) {
    bool is_matrix = node->type.shape.rank == 2 && reader != NULL && reader->op == OP_MATMUL;
    return node->op == OP_BROADCAST || node->op == OP_RESHAPE || (node->op == OP_TRANSPOSE && is_matrix);
}

/* Worth a value of its own: not what costs nothing inside. What depends on nothing is left for folding. */
static void lift(Hoist *hoist, Node *node, const Node *reader) {
    for (; is_free(node, reader); node = node->inputs[0]) reader = node;
    bool worth = node->op != OP_LEAF && node->part_count == 0 && hoist->depends[node->id] == DEPENDS_ON_CAPTURES;
    if (!worth || hoist->lifted[node->id]) return;
    hoist->lifted[node->id] = hoist->needed[node->id] = true;
    list_push(&hoist->frontier, node);
}

static void find_frontier(Hoist *hoist) {
    const Graph *graph = hoist->body->graph;
    for (size_t id = 0; id < graph->node_count; id++) {
        const Node *node = graph->nodes[id];
        if (!hoist->live[id] || hoist->depends[id] != DEPENDS_ON_CARRIES) continue;
        for (int k = 0; k < node->input_count; k++) lift(hoist, node->inputs[k], node);
    }
    for (int k = 0; k < hoist->body->carry_count; k++) lift(hoist, hoist->body->next[k], NULL);
    if (hoist->body->condition != NULL) lift(hoist, hoist->body->condition, NULL);
    mark(graph, hoist->needed);
}

static Node *copy_with(Graph *graph, const Node *node, Node *const *map) {
    LIST(Node *) inputs = {0};
    for (int k = 0; k < node->input_count; k++) list_push(&inputs, map[node->inputs[k]->id]);
    Node *copy = unit_copy_node(graph, node, inputs.items);
    list_free(&inputs);
    return copy;
}

static bool build_outside(Hoist *hoist) {
    const Graph *graph = hoist->body->graph;
    for (size_t id = 0; id < graph->node_count; id++) {
        const Node *node = graph->nodes[id];
        if (!hoist->needed[id]) continue;
        hoist->outside[id] = node->op == OP_LEAF ? hoist->inputs[captured_index(hoist->body, node->cell)]
                                                 : copy_with(hoist->graph, node, hoist->outside);
        if (hoist->outside[id] == NULL) return false;
    }
    return true;
}

/* A cell that only stands for a value: the loop gives it its tensor. */
static Node *captured_leaf(Graph *graph, const Node *node, Cell *cell) {
    NodeSpec spec = {.op = OP_LEAF, .cell = cell, .type = &node->type};
    graph->here = node->span;
    return graph_add(graph, &spec);
}

static LoopBody *new_body(Hoist *hoist) {
    const LoopBody *old = hoist->body;
    Unit *unit = hoist->unit;
    size_t captured = (size_t)old->captured_count + hoist->frontier.count;
    LoopBody *body = arena_alloc(unit->arena, sizeof *body);
    *body = *old;
    body->graph = graph_new(hoist->graph->diagnostics, old->graph->float_type);
    unit->bodies = reallocate(unit->bodies, sizeof(Graph *) * (size_t)(unit->body_count + 1));
    unit->bodies[unit->body_count++] = body->graph;
    body->captured_cells = arena_alloc(unit->arena, sizeof(Cell *) * (captured + 1));
    memcpy(body->captured_cells, old->captured_cells, sizeof(Cell *) * (size_t)old->captured_count);
    body->next = arena_alloc(unit->arena, sizeof(Node *) * (size_t)(old->carry_count + 1));
    return body;
}

static LoopBody *build_inside(Hoist *hoist) {
    const LoopBody *old = hoist->body;
    LoopBody *body = new_body(hoist);
    for (size_t k = 0; k < hoist->frontier.count; k++) {
        const Node *node = hoist->frontier.items[k];
        Cell *cell = cell_new("hoisted", NULL);
        body->captured_cells[body->captured_count++] = cell;
        hoist->inside[node->id] = captured_leaf(body->graph, node, cell);
        cell_release(cell); /* the leaf holds it */
    }
    for (size_t id = 0; id < old->graph->node_count; id++) {
        const Node *node = old->graph->nodes[id];
        if (!hoist->live[id] || hoist->inside[id] != NULL) continue;
        bool only_outside = hoist->depends[id] == DEPENDS_ON_CAPTURES && node->op != OP_LEAF && node->op != OP_BROADCAST &&
                            node->op != OP_RESHAPE && node->op != OP_TRANSPOSE;
        if (only_outside) continue; /* read by lifted nodes alone */
        bool whole = true;
        for (int k = 0; k < node->input_count; k++) whole = whole && hoist->inside[node->inputs[k]->id] != NULL;
        if (!whole) continue;
        hoist->inside[id] = copy_with(body->graph, node, hoist->inside);
        if (hoist->inside[id] == NULL) return NULL;
    }
    for (int k = 0; k < old->carry_count; k++) body->next[k] = hoist->inside[old->next[k]->id];
    if (old->condition != NULL) body->condition = hoist->inside[old->condition->id];
    return body;
}

static Node *rebuild_loop(Hoist *hoist) {
    const LoopBody *old = hoist->body;
    if (!build_outside(hoist)) return NULL;
    LoopBody *body = build_inside(hoist);
    if (body == NULL) return NULL;
    LIST(Node *) inputs = {0};
    for (int k = 0; k < old->captured_count; k++) list_push(&inputs, hoist->inputs[k]);
    for (size_t k = 0; k < hoist->frontier.count; k++) list_push(&inputs, hoist->outside[hoist->frontier.items[k]->id]);
    for (int k = 0; k < old->carry_count; k++) list_push(&inputs, hoist->inputs[old->captured_count + k]);
    hoist->graph->here = hoist->loop->span;
    NodeSpec spec = {
        .op = OP_LOOP, .more_inputs = inputs.items, .more_count = (int)inputs.count, .loop = body, .int_count = hoist->loop->int_count};
    for (int k = 0; k < spec.int_count; k++) spec.ints[k] = hoist->loop->ints[k];
    Node *node = graph_add(hoist->graph, &spec);
    list_free(&inputs);
    return node;
}

static Node *hoist_rule(void *context, Graph *graph, const Node *node, Node *const *inputs) {
    if (node->op != OP_LOOP) return unit_copy_node(graph, node, inputs);
    size_t n = node->loop->graph->node_count + 1;
    Hoist hoist = {.unit = context,
                   .graph = graph,
                   .loop = node,
                   .inputs = inputs,
                   .body = node->loop,
                   .live = allocate(n),
                   .depends = allocate(sizeof(Dependence) * n),
                   .lifted = allocate(n),
                   .needed = allocate(n),
                   .outside = allocate(sizeof(Node *) * n),
                   .inside = allocate(sizeof(Node *) * n)};
    find_dependences(&hoist);
    find_frontier(&hoist);
    Node *result = hoist.frontier.count > 0 ? rebuild_loop(&hoist) : unit_copy_node(graph, node, inputs);
    free(hoist.live), free(hoist.depends), free(hoist.lifted), free(hoist.needed), free(hoist.outside), free(hoist.inside);
    list_free(&hoist.frontier);
    return result;
}

bool loops_hoist(Unit *unit) {
    for (size_t id = 0; id < unit->graph->node_count; id++)
        if (unit->graph->nodes[id]->op == OP_LOOP) return unit_rebuild(unit, hoist_rule, unit);
    return true;
}
