/* An update of a large cell from the values of one group joins this group: the values need not be stored for it and read again, a
 * second pass over memory. As nothing may be committed before the step is known to be good, the new value gets memory of its own, which
 * changes places with the cell's in the end. */
#include "lang/passes/fuse_inside.h"

#include "lang/passes/access.h"
#include "runtime/base/memory.h"

#include <stdlib.h>

enum {
    UPDATE_MAX = 32,          /* members of an update that joins a group */
    EXCHANGE_BYTES = 4 << 20, /* a smaller cell stays in the cache until it is read again */
};

typedef struct Update { /* what leads to the new value of one cell, and to nothing else */
    int nodes[UPDATE_MAX];
    int count;
    int level;       /* of the group that it takes values from; -1: none found */
    int other_level; /* the highest that it needs to be complete */
    bool is_possible;
} Update;

static bool is_in(const Update *update, int id) {
    for (int k = 0; k < update->count; k++)
        if (update->nodes[k] == id) return true;
    return false;
}

static void add_operands(const Fuse *f, Update *update, const Node *node) {
    for (int k = 0; k < node->input_count; k++) {
        Edge edge = fuse_edge(node, k);
        if (edge.producer == NULL || access_is_static(edge.producer)) continue;
        int p = edge.producer->id;
        if (edge.is_fusible && f->update[p]) {
            if (is_in(update, p)) continue;
            if (f->committed[p] || update->count == UPDATE_MAX) update->is_possible = false;
            else update->nodes[update->count++] = p;
        } else if (edge.is_fusible) {
            if (update->level >= 0 && update->level != f->level[p]) update->is_possible = false;
            update->level = f->level[p];
        } else if (f->level[p] > update->other_level) update->other_level = f->level[p];
    }
}

static int readers_in(const Update *update, const Fuse *f, int id) {
    int count = 0;
    for (int k = 0; k < update->count; k++) {
        const Node *node = f->unit->graph->nodes[update->nodes[k]];
        for (int j = 0; j < node->input_count; j++) count += access_producer(node->inputs[j])->id == id;
    }
    return count;
}

static Update find_update(const Fuse *f, int value, const int *readers) {
    Update update = {.nodes = {value}, .count = 1, .level = -1, .other_level = -1, .is_possible = true};
    for (int k = 0; k < update.count; k++) add_operands(f, &update, f->unit->graph->nodes[update.nodes[k]]);
    for (int k = 1; k < update.count; k++)
        if (readers_in(&update, f, update.nodes[k]) != readers[update.nodes[k]]) update.is_possible = false;
    if (update.level < 0 || update.other_level >= update.level) update.is_possible = false;
    return update;
}

static int *count_readers(const Fuse *f) {
    int *readers = allocate(sizeof(int) * (size_t)(f->count + 1));
    for (int id = 0; id < f->count; id++)
        for (int k = 0; f->live[id] && k < f->unit->graph->nodes[id]->input_count; k++)
            readers[access_producer(f->unit->graph->nodes[id]->inputs[k])->id]++;
    return readers;
}

void fuse_exchange(Fuse *f) {
    int *readers = count_readers(f), *commits = allocate(sizeof(int) * (size_t)(f->count + 1));
    for (int k = 0; k < f->unit->commit_count; k++) commits[access_storage(f->unit->commits[k].value)->id]++;
    for (int k = 0; k < f->unit->commit_count; k++) {
        Node *value = f->unit->commits[k].value;
        bool is_large = shape_count(value->type.shape) * (int64_t)dtype_bytes(value->type.dtype) >= EXCHANGE_BYTES;
        if (!is_large || access_storage(value) != value || !access_is_fused(value) || access_is_reduce(value)) continue;
        if (!f->update[value->id] || commits[value->id] != 1 || readers[value->id] != 0) continue;
        Update update = find_update(f, value->id, readers);
        for (int j = 0; update.is_possible && j < update.count; j++) {
            f->update[update.nodes[j]] = false;
            f->level[update.nodes[j]] = update.level;
        }
        f->exchanged[value->id] = update.is_possible;
    }
    free(readers);
    free(commits);
}
