#include "lang/backend/lowering.h"

#include "lang/passes/access.h"
#include "lang/passes/simplify.h"

#include <string.h>

void *lower_array(const void *items, size_t bytes) {
    void *copy = allocate(bytes);
    if (bytes > 0) memcpy(copy, items, bytes);
    return copy;
}

static int add_buffer(Lowering *lowering, Buffer buffer, int root) {
    int number = (int)lowering->buffers.count;
    if (buffer.cell != NULL) cell_retain(buffer.cell);
    if (buffer.tensor != NULL) tensor_retain(buffer.tensor);
    list_push(&lowering->buffers, buffer);
    list_push(&lowering->roots, root < 0 ? number : lowering->roots.items[root]);
    return number;
}

static int add_view(Lowering *lowering, int of, Shape shape) {
    Buffer view = lowering->buffers.items[of];
    if (shape_equal(view.shape, shape)) return of;
    view.shape = shape;
    return add_buffer(lowering, view, of);
}

static int add_constant(Lowering *lowering, Tensor *tensor) {
    Buffer buffer = {.kind = BUFFER_CONSTANT, .dtype = tensor->dtype, .shape = tensor->shape, .tensor = tensor};
    return add_buffer(lowering, buffer, -1);
}

int lowering_cell(Lowering *lowering, Cell *cell, Type type) {
    return add_buffer(lowering, (Buffer){.kind = BUFFER_CELL, .dtype = type.dtype, .shape = type.shape, .cell = cell}, -1);
}

/* Ramps and fills, small enough to keep. */
static int add_made_constant(Lowering *lowering, const Node *node) {
    Fault fault;
    double value = 0;
    Tensor *tensor = tensor_new(node->type.dtype, node->type.shape, &fault);
    bool is_fill = fold_uniform(node, &value);
    for (int64_t k = 0; k < tensor_count(tensor); k++) tensor_set_number(tensor, k, is_fill ? value : (double)k);
    int number = add_constant(lowering, tensor);
    tensor_release(tensor);
    return number;
}

int lowering_part(Lowering *lowering, const Node *node, int part) {
    int *slot = &lowering->part_buffers[lowering->first_part[node->id] + part];
    if (*slot < 0)
        *slot = add_buffer(lowering, (Buffer){.kind = BUFFER_SLAB, .dtype = node->parts[part].dtype, .shape = node->parts[part].shape}, -1);
    return *slot;
}

static int make_buffer(Lowering *lowering, Node *node) {
    if (node->op == OP_RESHAPE) return add_view(lowering, lowering_buffer(lowering, node->inputs[0]), node->type.shape);
    if (node->op == OP_PART) return lowering_part(lowering, node->inputs[0], (int)node->ints[0]);
    if (node->op == OP_LEAF) return lowering_cell(lowering, node->cell, node->type);
    if (node->op == OP_CONSTANT) return add_constant(lowering, node->constant);
    if (access_is_static(node)) return add_made_constant(lowering, node);
    Cell *target = lowering->schedule->target[node->id];
    if (target != NULL) return lowering_cell(lowering, target, node->type);
    BufferKind kind = lowering->tasks->is_exchanged[node->id] ? BUFFER_NEXT : BUFFER_SLAB;
    return add_buffer(lowering, (Buffer){.kind = kind, .dtype = node->type.dtype, .shape = node->type.shape}, -1);
}

int lowering_buffer(Lowering *lowering, Node *node) {
    if (lowering->buffer_of[node->id] < 0) lowering->buffer_of[node->id] = make_buffer(lowering, node);
    return lowering->buffer_of[node->id];
}

int lowering_snapshot(Lowering *lowering, Node *leaf) {
    if (lowering->snapshot_of[leaf->id] < 0)
        lowering->snapshot_of[leaf->id] = add_buffer(
            lowering, (Buffer){.kind = BUFFER_SLAB, .dtype = leaf->type.dtype, .shape = leaf->type.shape}, -1);
    return lowering->snapshot_of[leaf->id];
}

int lowering_final_buffer(Lowering *lowering, Node *node) {
    Node *storage = access_storage(node);
    if (!lowering->schedule->snapshot[storage->id]) return lowering_buffer(lowering, node);
    return add_view(lowering, lowering_snapshot(lowering, storage), node->type.shape);
}
