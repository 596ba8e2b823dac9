#include "lang/passes/equal.h"

#include "lang/ops/op.h"
#include "runtime/base/memory.h"

#include <stdlib.h>

typedef struct Numbering {
    Node **first;    /* by id: the result */
    Node *canonical; /* by id: the node with its inputs replaced by the first of their equals */
    Node **inputs;   /* of the canonical nodes, one after another */
    int *table;      /* ids + 1, by hash; 0: empty */
    size_t capacity; /* a power of two */
} Numbering;

static bool *mark_needed(const Graph *graph, size_t high, Node *const *outputs, int count) {
    bool *needed = allocate(high + 1);
    for (int k = 0; k < count; k++)
        if ((size_t)outputs[k]->id < high) needed[outputs[k]->id] = true;
    for (size_t id = high; id-- > 0;)
        for (int k = 0; needed[id] && k < graph->nodes[id]->input_count; k++) needed[graph->nodes[id]->inputs[k]->id] = true;
    return needed;
}

static void make_canonical(Numbering *numbering, const Node *node) {
    Node *canonical = &numbering->canonical[node->id];
    *canonical = *node;
    canonical->inputs = numbering->inputs;
    for (int k = 0; k < node->input_count; k++) *numbering->inputs++ = numbering->first[node->inputs[k]->id];
    canonical->hash = node_hash(canonical);
}

/* The id of the first equal of node `id`, which is entered when it is the first. */
static int first_equal(Numbering *numbering, int id) {
    const Node *node = &numbering->canonical[id];
    size_t at = (size_t)node->hash & (numbering->capacity - 1);
    while (numbering->table[at] && !node_equal(&numbering->canonical[numbering->table[at] - 1], node))
        at = (at + 1) & (numbering->capacity - 1);
    if (!numbering->table[at]) numbering->table[at] = id + 1;
    return numbering->table[at] - 1;
}

static size_t count_inputs(const Graph *graph, size_t high) {
    size_t count = 0;
    for (size_t id = 0; id < high; id++) count += (size_t)graph->nodes[id]->input_count;
    return count;
}

Node **equal_nodes(const Graph *graph, size_t high, Node *const *outputs, int output_count, Node *const *variables, int variable_count) {
    Numbering numbering = {.capacity = 64};
    while (numbering.capacity < 2 * high) numbering.capacity *= 2;
    numbering.first = allocate((high + 1) * sizeof *numbering.first);
    numbering.canonical = allocate((high + 1) * sizeof *numbering.canonical);
    numbering.table = allocate(numbering.capacity * sizeof *numbering.table);
    Node **inputs = numbering.inputs = allocate((count_inputs(graph, high) + 1) * sizeof *inputs);
    bool *needed = mark_needed(graph, high, outputs, output_count);
    for (int k = 0; k < variable_count; k++)
        if ((size_t)variables[k]->id < high) numbering.first[variables[k]->id] = variables[k];
    for (size_t id = 0; id < high; id++) {
        Node *node = graph->nodes[id];
        if (!needed[id] || numbering.first[id]) continue;
        make_canonical(&numbering, node);
        bool is_own = !op_of(node)->is_pure || node->materialised; /* what is kept has the value of its time */
        numbering.first[id] = !is_own ? graph->nodes[first_equal(&numbering, (int)id)] : node;
    }
    free(needed);
    free(inputs);
    free(numbering.canonical);
    free(numbering.table);
    return numbering.first;
}
