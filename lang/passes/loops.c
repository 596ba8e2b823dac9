#include "lang/passes/loops.h"

#include "runtime/base/memory.h"

#include <stdlib.h>
#include <string.h>

typedef struct Loops {
    LIST(const Node *) recording;
} Loops;

static bool is_recording(const Node *node) { return node->int_count > 0 && node->ints[0] != 0; }

static bool has_twin(const Loops *loops, const Node *node) {
    for (size_t k = 0; k < loops->recording.count; k++) {
        const Node *twin = loops->recording.items[k];
        if (twin->loop == node->loop && twin->input_count == node->input_count &&
            memcmp(twin->inputs, node->inputs, sizeof(Node *) * (size_t)node->input_count) == 0)
            return true;
    }
    return false;
}

static Node *record_rule(void *context, Graph *graph, const Node *node, Node *const *inputs) {
    if (node->op != OP_LOOP || is_recording(node) || !has_twin(context, node)) return unit_copy_node(graph, node, inputs);
    NodeSpec spec = {
        .op = OP_LOOP, .more_inputs = (Node **)inputs, .more_count = node->input_count, .ints = {1}, .int_count = 1, .loop = node->loop};
    return graph_add(graph, &spec);
}

bool loops_share(Unit *unit) {
    Loops loops = {0};
    for (size_t id = 0; id < unit->graph->node_count; id++) {
        const Node *node = unit->graph->nodes[id];
        if (node->op == OP_LOOP && is_recording(node)) list_push(&loops.recording, node);
    }
    bool ok = loops.recording.count == 0 || unit_rebuild(unit, record_rule, &loops);
    list_free(&loops.recording);
    return ok;
}

/* --- records that nobody reads --------------------------------------------------------------------------------------------- */

/* Bit k of entry `id`: the record of carry k of that loop is read. */
static int64_t *read_records(const Unit *unit) {
    int64_t *reads = allocate(sizeof *reads * (unit->graph->node_count + 1));
    for (size_t id = 0; id < unit->graph->node_count; id++) {
        const Node *node = unit->graph->nodes[id], *loop = node->op == OP_PART ? node->inputs[0] : NULL;
        if (!loop || loop->op != OP_LOOP) continue;
        int64_t record = node->ints[0] - loop->loop->carry_count - 1;
        if (record >= 0 && record < LOOP_DROPPED_MAX) reads[loop->id] |= (int64_t)1 << record;
    }
    return reads;
}

static Node *drop_rule(void *context, Graph *graph, const Node *node, Node *const *inputs) {
    const int64_t *reads = context;
    int carries = node->op == OP_LOOP ? node->loop->carry_count : 0;
    if (carries == 0 || carries > LOOP_DROPPED_MAX || !is_recording(node)) return unit_copy_node(graph, node, inputs);
    int64_t dropped = (((int64_t)1 << carries) - 1) & ~reads[node->id];
    NodeSpec spec = {.op = OP_LOOP,
                     .more_inputs = (Node **)inputs,
                     .more_count = node->input_count,
                     .ints = {1, dropped},
                     .int_count = reads[node->id] ? 2 : 0,
                     .loop = node->loop};
    return graph_add(graph, &spec);
}

bool loops_drop_records(Unit *unit) {
    bool any = false;
    for (size_t id = 0; id < unit->graph->node_count; id++)
        any = any || (unit->graph->nodes[id]->op == OP_LOOP && is_recording(unit->graph->nodes[id]));
    if (!any) return true;
    int64_t *reads = read_records(unit);
    bool ok = unit_rebuild(unit, drop_rule, reads);
    free(reads);
    return ok;
}
