#include "lang/passes/fuse_inside.h"

#include "lang/ops/op.h"
#include "lang/passes/access.h"
#include "lang/passes/simplify.h"
#include "runtime/base/memory.h"
#include "runtime/exec/tiles.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
    GROUP_MAX = 128,    /* members: beyond that a tile's registers no longer fit the cache and a split costs little */
    SMALL_SPACE = 1024, /* elements: here a step costs more than its work, so whatever may share a step does */
};

/* ---- edges ------------------------------------------------------------------------------------------------------------- */

Edge fuse_edge(const Node *reader, int k) {
    Node *operand = reader->inputs[k];
    double value;
    if (!access_is_fused(reader)) return (Edge){.producer = access_producer(operand)};
    if (fold_uniform(operand, &value)) return (Edge){0};
    Access access = access_resolve(operand);
    /* a materialised broadcast iterates over its own space, not over its operand's */
    if (reader->op == OP_BROADCAST) access.is_identity = false;
    bool computed = access_is_fused(access.base) && !access_is_reduce(access.base);
    return (Edge){access_producer(access.base), access.is_identity && computed, access.is_identity};
}

static Shape space_of(const Node *node) { return access_space(access_is_reduce(node) ? node->inputs[0]->type.shape : node->type.shape); }

static void hold(Fuse *f, Node *node) {
    Node *storage = access_storage(node);
    f->live[storage->id] = f->stored[storage->id] = true;
    f->live[access_producer(node)->id] = true;
}

/* From the roots down: what is needed, and what is needed as a value of its own. */
static void mark_live(Fuse *f) {
    for (int k = 0; k < f->unit->output_count; k++) {
        hold(f, f->unit->outputs[k]);
        f->held[access_producer(f->unit->outputs[k])->id] = true;
    }
    for (int k = 0; k < f->unit->commit_count; k++) {
        hold(f, f->unit->commits[k].value);
        f->committed[access_storage(f->unit->commits[k].value)->id] = true;
    }
    for (int id = f->count - 1; id >= 0; id--) {
        const Node *node = f->unit->graph->nodes[id];
        if (!f->live[id] || access_is_static(node)) continue;
        for (int k = 0; k < node->input_count; k++) {
            double value;
            if (!access_is_fused(node)) {
                hold(f, node->inputs[k]);
                continue;
            }
            if (fold_uniform(node->inputs[k], &value)) continue;
            Access access = access_resolve(node->inputs[k]);
            if (access.base->op == OP_RESHAPE || access.base->op == OP_PART) hold(f, access.base);
            else f->live[access.base->id] = true;
        }
    }
}

/* ---- levels ------------------------------------------------------------------------------------------------------------ */

static void raise_levels(Fuse *f) {
    for (int id = 0; id < f->count; id++) {
        const Node *node = f->unit->graph->nodes[id];
        if (!f->live[id] || access_is_static(node)) continue;
        for (int k = 0; k < node->input_count; k++) {
            Edge edge = fuse_edge(node, k);
            if (edge.producer == NULL || access_is_static(edge.producer)) continue;
            int least = f->level[edge.producer->id] + (edge.is_fusible || node->op == OP_PART ? 0 : 1);
            if (f->level[id] < least) f->level[id] = least;
        }
    }
}

/* A scatter, which can write into the cell that its base is. */
static bool updates_in_place(const Node *node) { return op_of(node)->inplace && op_of(node)->kernel != NULL; }

/* In order of falling ids, so that every reader of a node has its final level when the node is reached. */
static void sink_levels(Fuse *f) {
    int top = 0;
    for (int id = 0; id < f->count; id++) top = f->level[id] >= top ? f->level[id] + 1 : top;
    for (int id = f->count - 1; id >= 0; id--) {
        const Node *node = f->unit->graph->nodes[id];
        if (!f->live[id] || access_is_static(node)) continue;
        bool computed = access_is_fused(node) && !access_is_reduce(node);
        f->update[id] = (computed || updates_in_place(node)) && !f->held[id] && (f->committed[id] || f->update[id]);
        if (computed && f->fused_limit[id] > f->level[id] && f->fused_limit[id] == f->limit[id] && f->limit[id] != INT_MAX)
            f->level[id] = f->limit[id];
        if (computed && f->update[id] && f->limit[id] == INT_MAX) f->level[id] = top; /* updates meet at the end */
        for (int k = 0; k < node->input_count; k++) {
            Edge edge = fuse_edge(node, k);
            if (edge.producer == NULL) continue;
            int p = edge.producer->id, most = f->level[id] - (edge.is_fusible || node->op == OP_PART ? 0 : 1);
            if (most < f->limit[p]) f->limit[p] = most;
            if (edge.is_fusible && f->level[id] < f->fused_limit[p]) f->fused_limit[p] = f->level[id];
            bool chained = k == 0 && updates_in_place(node) && updates_in_place(edge.producer);
            if ((edge.is_fusible || chained) && f->update[id]) f->update[p] = true; /* a candidate, until p itself is reached */
            else f->held[p] = true;
        }
    }
}

/* ---- groups ------------------------------------------------------------------------------------------------------------ */

static int find(Fuse *f, int id) {
    while (f->parent[id] != id) id = f->parent[id] = f->parent[f->parent[id]];
    return id;
}

static void unite(Fuse *f, int a, int b) {
    a = find(f, a), b = find(f, b);
    if (a != b) f->parent[a > b ? a : b] = a > b ? b : a;
}

static bool may_share(const Fuse *f, int a, int b) { return f->level[a] == f->level[b] && f->update[a] == f->update[b]; }

typedef struct Meeting { /* readers of one value, or any nodes of a small space, that meet in a group */
    int base;            /* node id; -1 for small spaces */
    int member;          /* -1: empty slot */
} Meeting;

typedef struct Meetings {
    Meeting *slots;
    size_t capacity; /* a power of two */
} Meetings;

/* The node that came first with the same base, level, kind and space; `member` itself when it is the first. */
static int meet(const Fuse *f, Meetings *meetings, int base, int member) {
    Shape space = space_of(f->unit->graph->nodes[member]);
    uint64_t hash = (uint64_t)(base + 1) * 0x9e3779b97f4a7c15u + (uint64_t)f->level[member] * 0xc2b2ae3d27d4eb4fu + f->update[member];
    for (int k = 0; k < space.rank; k++) hash = (hash ^ (uint64_t)space.dims[k]) * 0x100000001b3u;
    for (size_t k = (hash ^ hash >> 29) & (meetings->capacity - 1);; k = (k + 1) & (meetings->capacity - 1)) {
        Meeting *slot = &meetings->slots[k];
        if (slot->member < 0) {
            *slot = (Meeting){base, member};
            return member;
        }
        if (slot->base == base && may_share(f, slot->member, member) && shape_equal(space_of(f->unit->graph->nodes[slot->member]), space))
            return slot->member;
    }
}

static void unite_elementwise(Fuse *f, Meetings *meetings) {
    for (int id = 0; id < f->count; id++) {
        const Node *node = f->unit->graph->nodes[id];
        if (!f->live[id] || !access_is_fused(node) || access_is_reduce(node)) continue;
        if (shape_count(node->type.shape) <= SMALL_SPACE) unite(f, id, meet(f, meetings, -1, id));
        for (int k = 0; k < node->input_count; k++) {
            Edge edge = fuse_edge(node, k);
            if (edge.producer == NULL) continue;
            if (edge.is_fusible && may_share(f, id, edge.producer->id)) unite(f, id, edge.producer->id);
            else if (edge.is_identity) unite(f, id, meet(f, meetings, edge.producer->id, id));
        }
    }
}

static uint32_t mask_of(const Node *reduce) {
    uint32_t mask = 0;
    int axis = 0;
    for (int k = 0; k < reduce->inputs[0]->type.shape.rank; k++) {
        if (reduce->inputs[0]->type.shape.dims[k] == 1) continue;
        mask |= (uint32_t)(reduce->ints[0] >> k & 1) << axis++;
    }
    return mask;
}

/* Rows that lie in one tile: whatever else is summed in the same pass, they are cut and added alike. */
static bool reduces_rows(const Node *reduce) {
    Shape space = space_of(reduce);
    uint32_t mask = mask_of(reduce);
    int64_t length = 1;
    int axis = space.rank;
    while (axis > 0 && (mask >> (axis - 1) & 1)) length *= space.dims[--axis];
    return length <= TILE_MAX && (mask & ((1u << axis) - 1)) == 0;
}

/* A reduction joins the group of its operand, or of another reader of it. But for rows, the reductions of one group reduce the
 * same axes. */
static void unite_reductions(Fuse *f, Meetings *meetings) {
    for (int id = 0; id < f->count; id++) {
        const Node *node = f->unit->graph->nodes[id];
        if (!f->live[id] || !access_is_reduce(node)) continue;
        Edge edge = fuse_edge(node, 0);
        f->mask[id] = reduces_rows(node) ? 0 : mask_of(node);
        if (edge.producer == NULL) continue;
        int other = -1;
        if (edge.is_fusible && may_share(f, id, edge.producer->id)) other = find(f, edge.producer->id);
        else if (edge.is_identity) other = find(f, meet(f, meetings, edge.producer->id, id));
        if (other < 0 || other == id) continue;
        if (f->mask[other] != 0 && f->mask[id] != 0 && f->mask[other] != f->mask[id]) continue;
        uint32_t mask = f->mask[id] | f->mask[other];
        unite(f, id, other);
        f->mask[find(f, id)] = mask;
    }
}

/* ---- tasks ------------------------------------------------------------------------------------------------------------- */

typedef struct Gathering {
    Tasks *tasks;
    int *open; /* by root: the task being filled, -1 when none */
    int *size; /* by task */
    size_t capacity;
} Gathering;

static int new_task(Gathering *gathering, const Fuse *f, const Node *node) {
    Tasks *tasks = gathering->tasks;
    bool fused = access_is_fused(node);
    Task task = {.kind = fused                 ? TASK_FUSED
                         : node->op == OP_LOOP ? TASK_LOOP
                                               : TASK_KERNEL,
                 .is_update = f->update[node->id],
                 .level = f->level[node->id]};
    if (fused) task.space = space_of(node);
    list_reserve((void **)&tasks->items, sizeof(Task), (size_t)tasks->count + 1, &gathering->capacity);
    tasks->items[tasks->count] = task;
    return tasks->count++;
}

static void gather_tasks(Fuse *f, Tasks *tasks) {
    Gathering gathering = {.tasks = tasks, .open = allocate(sizeof(int) * (size_t)(f->count + 1))};
    for (int id = 0; id < f->count; id++) gathering.open[id] = tasks->task_of[id] = -1;
    for (int id = 0; id < f->count; id++) {
        const Node *node = f->unit->graph->nodes[id];
        if (!f->live[id] || access_is_static(node) || node->op == OP_PART || node->op == OP_RESHAPE) continue;
        int root = find(f, id), task = gathering.open[root];
        if (task < 0 || tasks->items[task].member_count >= GROUP_MAX) task = gathering.open[root] = new_task(&gathering, f, node);
        tasks->task_of[id] = task;
        tasks->items[task].member_count++;
    }
    for (int k = 0; k < tasks->count; k++) {
        tasks->items[k].members = allocate(sizeof(Node *) * (size_t)tasks->items[k].member_count);
        tasks->items[k].member_count = 0;
    }
    for (int id = 0; id < f->count; id++) {
        if (tasks->task_of[id] < 0) continue;
        Task *task = &tasks->items[tasks->task_of[id]];
        task->members[task->member_count++] = f->unit->graph->nodes[id];
    }
    free(gathering.open);
}

/* A member is stored when something outside its group reads it. */
static void mark_stored(Fuse *f, Tasks *tasks) {
    for (int id = 0; id < f->count; id++) {
        const Node *node = f->unit->graph->nodes[id];
        if (access_is_reduce(node) && f->live[id]) f->stored[id] = true;
        if (tasks->task_of[id] < 0 || !access_is_fused(node)) continue;
        for (int k = 0; k < node->input_count; k++) {
            Edge edge = fuse_edge(node, k);
            if (edge.producer == NULL) continue;
            if (tasks->task_of[edge.producer->id] != tasks->task_of[id] || !edge.is_fusible) f->stored[edge.producer->id] = true;
        }
    }
}

static void prepare(Fuse *f, const Unit *unit) {
    size_t n = unit->graph->node_count + 1;
    *f = (Fuse){.unit = unit,
                .count = (int)unit->graph->node_count,
                .live = allocate(n),
                .stored = allocate(n),
                .committed = allocate(n),
                .held = allocate(n),
                .update = allocate(n),
                .level = allocate(n * sizeof(int)),
                .limit = allocate(n * sizeof(int)),
                .fused_limit = allocate(n * sizeof(int)),
                .parent = allocate(n * sizeof(int)),
                .mask = allocate(n * sizeof(uint32_t)),
                .exchanged = allocate(n)};
    for (int id = 0; id < f->count; id++) {
        f->limit[id] = f->fused_limit[id] = INT_MAX;
        f->parent[id] = id;
    }
}

static void release(Fuse *f) {
    free(f->live), free(f->committed), free(f->held), free(f->update);
    free(f->level), free(f->limit), free(f->fused_limit), free(f->parent), free(f->mask);
}

static void unite_all(Fuse *f) {
    Meetings meetings = {.capacity = 64};
    while (meetings.capacity < 8 * (size_t)f->count) meetings.capacity *= 2; /* at most 4 per node */
    meetings.slots = allocate(sizeof(Meeting) * meetings.capacity);
    for (size_t k = 0; k < meetings.capacity; k++) meetings.slots[k].member = -1;
    unite_elementwise(f, &meetings);
    unite_reductions(f, &meetings);
    free(meetings.slots);
}

void tasks_build(Tasks *tasks, const Unit *unit, bool fuse) {
    Fuse f;
    prepare(&f, unit);
    *tasks = (Tasks){.task_of = allocate(sizeof(int) * (size_t)(f.count + 1))};
    mark_live(&f);
    raise_levels(&f);
    sink_levels(&f);
    if (fuse) fuse_exchange(&f);
    if (fuse) unite_all(&f);
    gather_tasks(&f, tasks);
    mark_stored(&f, tasks);
    tasks->is_stored = f.stored;
    tasks->is_exchanged = f.exchanged;
    release(&f);
}

void tasks_free(Tasks *tasks) {
    for (int k = 0; k < tasks->count; k++) free(tasks->items[k].members);
    free(tasks->items);
    free(tasks->task_of);
    free(tasks->is_stored);
    free(tasks->is_exchanged);
    *tasks = (Tasks){0};
}

void tasks_dump(const Tasks *tasks, Text *out) {
    static const char *const kinds[] = {"kernel", "fused", "loop"};
    for (int k = 0; k < tasks->count; k++) {
        const Task *task = &tasks->items[k];
        char space[SHAPE_TEXT];
        text_addf(out, "task %d %s%s", k, kinds[task->kind], task->is_update ? " update" : "");
        if (task->kind == TASK_FUSED) text_addf(out, " over %s", shape_text(task->space, space));
        text_add(out, ":");
        for (int j = 0; j < task->member_count; j++)
            text_addf(out, " %%%d=%s%s", task->members[j]->id, op_of(task->members[j])->name,
                      tasks->is_stored[task->members[j]->id] ? "!" : "");
        text_add(out, "\n");
    }
}
