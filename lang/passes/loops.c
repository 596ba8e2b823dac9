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
    NodeSpec spec = {.op = OP_LOOP, .more_inputs = (Node **)inputs, .more_count = node->input_count, .ints = {1}, .int_count = 1,
                     .loop = node->loop};
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
