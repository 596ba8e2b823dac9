#include "lang/graph/graph.h"

#include "lang/ops/op.h"
#include "runtime/base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { SMALL_CONSTANT_BYTES = 256 }; /* constants up to here are compared by contents, larger ones by address */

Graph *graph_new(Diagnostics *diagnostics, DType float_type) {
    Graph *graph = allocate(sizeof *graph);
    graph->arena = arena_new();
    graph->diagnostics = diagnostics;
    graph->float_type = float_type;
    return graph;
}

Graph *graph_new_apart(Diagnostics *diagnostics, DType float_type) {
    Graph *graph = graph_new(diagnostics, float_type);
    graph->keeps_apart = true;
    return graph;
}

Graph *graph_new_body(Graph *outer) {
    Graph *body = graph_new(outer->diagnostics, outer->float_type);
    body->keeps_apart = outer->keeps_apart;
    body->here = outer->here;
    list_reserve((void **)&outer->bodies, sizeof *outer->bodies, outer->body_count + 1, &outer->body_capacity);
    outer->bodies[outer->body_count++] = body;
    return body;
}

void graph_free(Graph *graph) {
    if (!graph) return;
    for (size_t k = 0; k < graph->node_count; k++) {
        Node *node = graph->nodes[k];
        tensor_release(node->constant);
        if (node->cell) cell_release(node->cell);
        if (node->materialised) cell_release(node->materialised);
    }
    for (size_t k = 0; k < graph->body_count; k++) graph_free(graph->bodies[k]);
    for (int k = 0; k < DTYPE_COUNT; k++)
        if (graph->probes[k]) cell_release(graph->probes[k]);
    free(graph->bodies);
    free(graph->nodes);
    free(graph->table);
    arena_free(graph->arena);
    free(graph);
}

/* --- structural equality ------------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t value) {
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 29);
}

static uint64_t mix_bytes(uint64_t hash, const void *bytes, size_t count) {
    const unsigned char *byte = bytes;
    for (; count >= 8; count -= 8, byte += 8) {
        uint64_t word;
        memcpy(&word, byte, sizeof word);
        hash = mix(hash, word);
    }
    uint64_t rest = count;
    for (size_t k = 0; k < count; k++) rest = rest << 8 | byte[k];
    return mix(hash, rest);
}

static bool is_small(const Tensor *tensor) { return tensor_bytes(tensor) <= SMALL_CONSTANT_BYTES; }

uint64_t node_hash(const Node *node) {
    uint64_t hash = mix(0, (uint64_t)node->op);
    for (int k = 0; k < node->input_count; k++) hash = mix(hash, (uint64_t)node->inputs[k]->id);
    hash = mix_bytes(hash, node->ints, (size_t)node->int_count * sizeof *node->ints);
    hash = mix_bytes(hash, node->numbers, (size_t)node->number_count * sizeof *node->numbers);
    hash = mix(hash, (uint64_t)node->type.dtype);
    hash = mix_bytes(hash, node->type.shape.dims, (size_t)node->type.shape.rank * sizeof node->type.shape.dims[0]);
    hash = mix(hash, (uint64_t)(uintptr_t)node->cell);
    hash = mix(hash, (uint64_t)(uintptr_t)node->rule);
    hash = mix(hash, (uint64_t)(uintptr_t)node->loop);
    hash = mix(hash, (uint64_t)(uintptr_t)node->rows);
    if (node->constant)
        hash = is_small(node->constant) ? mix_bytes(hash, node->constant->data, tensor_bytes(node->constant))
                                        : mix(hash, (uint64_t)(uintptr_t)node->constant);
    return hash;
}

static bool same_constant(const Tensor *a, const Tensor *b) {
    if (a == b || !a || !b) return a == b;
    size_t bytes = tensor_bytes(a);
    return bytes == tensor_bytes(b) && is_small(a) && (bytes == 0 || memcmp(a->data, b->data, bytes) == 0);
}

bool node_equal(const Node *a, const Node *b) {
    return a->hash == b->hash && a->op == b->op && a->input_count == b->input_count && a->int_count == b->int_count &&
           a->number_count == b->number_count && a->type.dtype == b->type.dtype && shape_equal(a->type.shape, b->type.shape) &&
           a->cell == b->cell && a->rule == b->rule && a->loop == b->loop && a->rows == b->rows &&
           memcmp(a->inputs, b->inputs, (size_t)a->input_count * sizeof *a->inputs) == 0 &&
           memcmp(a->ints, b->ints, (size_t)a->int_count * sizeof *a->ints) == 0 &&
           memcmp(a->numbers, b->numbers, (size_t)a->number_count * sizeof *a->numbers) == 0 && same_constant(a->constant, b->constant);
}

/* The slot where `node`'s equal stands or `node` belongs. */
static Node **table_slot(Node **table, size_t capacity, const Node *node) {
    size_t k = (size_t)node->hash & (capacity - 1);
    while (table[k] && !node_equal(table[k], node)) k = (k + 1) & (capacity - 1);
    return &table[k];
}

static void table_grow(Graph *graph) {
    size_t capacity = graph->table_capacity ? 2 * graph->table_capacity : 256;
    Node **table = allocate(capacity * sizeof *table);
    for (size_t k = 0; k < graph->table_capacity; k++)
        if (graph->table[k]) *table_slot(table, capacity, graph->table[k]) = graph->table[k];
    free(graph->table);
    graph->table = table;
    graph->table_capacity = capacity;
}

void graph_renew(Graph *graph) {
    for (size_t k = 0; k < graph->table_capacity; k++) graph->table[k] = NULL;
    for (size_t k = 0; k < graph->node_count; k++) {
        Node *node = graph->nodes[k];
        if (node->op == OP_LEAF || node->op == OP_CONSTANT) *table_slot(graph->table, graph->table_capacity, node) = node;
    }
}

/* --- adding -------------------------------------------------------------------------------------------------------------- */

static void *keep(Graph *graph, const void *items, size_t bytes) {
    void *copy = arena_alloc(graph->arena, bytes ? bytes : 1);
    if (bytes) memcpy(copy, items, bytes);
    return copy;
}

/* The spec as a node on the caller's stack: arrays still borrowed, references not yet taken. */
static Node describe(Graph *graph, const NodeSpec *spec, Node **inputs, int input_count, Type *types, int type_count) {
    Node node = {
        .op = spec->op,
        .type = types[0],
        .inputs = inputs,
        .input_count = input_count,
        .ints = (int64_t *)(uintptr_t)spec->ints,
        .int_count = spec->int_count,
        .numbers = (double *)(uintptr_t)spec->numbers,
        .number_count = spec->number_count,
        .parts = type_count > 1 ? types : NULL,
        .part_count = type_count > 1 ? type_count : 0,
        .cell = spec->cell,
        .constant = spec->constant,
        .rule = spec->rule,
        .loop = spec->loop,
        .rows = spec->rows,
        .span = diagnostics_place(graph->diagnostics, graph->here),
    };
    node.hash = node_hash(&node);
    if (graph->keeps_apart && node.constant) node.hash = mix(node.hash, (uint64_t)(uintptr_t)node.constant);
    return node;
}

static Node *append(Graph *graph, const Node *described) {
    Node *node = keep(graph, described, sizeof *described);
    node->inputs = keep(graph, node->inputs, (size_t)node->input_count * sizeof *node->inputs);
    node->ints = keep(graph, node->ints, (size_t)node->int_count * sizeof *node->ints);
    node->numbers = keep(graph, node->numbers, (size_t)node->number_count * sizeof *node->numbers);
    if (node->parts) node->parts = keep(graph, node->parts, (size_t)node->part_count * sizeof *node->parts);
    if (node->cell) cell_retain(node->cell);
    if (node->constant) tensor_retain(node->constant);
    node->id = (int)graph->node_count;
    list_reserve((void **)&graph->nodes, sizeof(Node *), graph->node_count + 1, &graph->node_capacity);
    graph->nodes[graph->node_count++] = node;
    return node;
}

/* Every op but OP_PART reads single values: an op with several outputs is used through its parts. */
static bool inputs_are_single(Graph *graph, const NodeSpec *spec, Node **inputs, int count) {
    for (int k = 0; k < count; k++)
        if (inputs[k]->parts && spec->op != OP_PART)
            return diagnose(graph->diagnostics, "E0401", graph->here, "'%s' has several results; '%s' can take only one of them",
                            op_of(inputs[k])->name, op_def(spec->op)->name);
    return true;
}

Node *graph_add(Graph *graph, const NodeSpec *spec) {
    Node **inputs = spec->more_inputs ? spec->more_inputs : (Node **)(uintptr_t)spec->inputs;
    int input_count = spec->more_inputs ? spec->more_count : spec->input_count;
    for (int k = 0; k < input_count; k++)
        if (!inputs[k]) return NULL;
    Type few[4] = {0};
    /* only loops (carries, steps and the record of each carry) and blocks of rows have more than four outputs */
    size_t many = spec->loop ? 2 * (size_t)spec->loop->carry_count + 1 : spec->rows ? (size_t)spec->rows->result_count : 0;
    Type *types = many ? arena_alloc(graph->arena, sizeof(Type) * many) : few;
    int type_count = 0;
    if (!inputs_are_single(graph, spec, inputs, input_count) || !op_def(spec->op)->infer(graph, spec, types, &type_count)) return NULL;
    if (4 * (graph->node_count + 1) > 3 * graph->table_capacity) table_grow(graph);
    Node described = describe(graph, spec, inputs, input_count, types, type_count);
    bool is_source = spec->op == OP_LEAF || spec->op == OP_CONSTANT || spec->op == OP_PART;
    if (!op_def(spec->op)->is_pure || (graph->keeps_apart && !is_source)) return append(graph, &described);
    Node **slot = table_slot(graph->table, graph->table_capacity, &described);
    if (!*slot) *slot = append(graph, &described);
    return *slot;
}
