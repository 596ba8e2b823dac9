#include "lang/passes/recompute.h"

#include "lang/graph/build.h"
#include "lang/ops/op.h"
#include "lang/passes/access.h"
#include "lang/passes/fuse.h"
#include "lang/passes/simplify.h"
#include "runtime/base/memory.h"

#include <stdlib.h>

enum {
    ROUNDS_MAX = 4,
    WORTH_BYTES = 1 << 14, /* smaller values stay in the first cache from one group to the next */
    OPERATIONS_MAX = 6     /* copied for each value that is no longer stored */
};

typedef struct Copy {
    int id; /* of the original */
    Node *node;
} Copy;

typedef struct Copies {
    LIST(Copy) list;
} Copies;

typedef struct Recompute {
    const Graph *graph; /* before */
    Tasks tasks;
    bool *drops;     /* by node id: not stored, computed again by every group that reads it */
    int *operations; /* by node id: to compute it from stored values; 0 for those themselves */
    int *seen;       /* by node id: the stamp of the last count that it was part of */
    int stamp;
    Node **made;    /* by node id: after */
    Copies *copies; /* by task */
} Recompute;

/* ---- what is read across groups ----------------------------------------------------------------------------------------- */

static bool is_cheap(OpCode op) {
    switch ((int)op) {
    case OP_NEG:
    case OP_ABS:
    case OP_SIGN:
    case OP_RELU:
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_DIV:
    case OP_MAX:
    case OP_MIN:
    case OP_WHERE:
    case OP_CLAMP:
    case OP_CAST:
    case OP_NOT:
    case OP_AND:
    case OP_OR:
    case OP_EQUAL:
    case OP_NOT_EQUAL:
    case OP_LESS:
    case OP_LESS_EQUAL:
    case OP_GREATER:
    case OP_GREATER_EQUAL: return true;
    default: return false;
    }
}

static int64_t bytes_of(const Node *node) { return shape_count(node->type.shape) * (int64_t)dtype_bytes(node->type.dtype); }

static bool may_drop(const Recompute *r, const Node *node) {
    int task = r->tasks.task_of[node->id];
    return task >= 0 && r->tasks.items[task].kind == TASK_FUSED && !r->tasks.items[task].is_update && r->tasks.is_stored[node->id] &&
           is_cheap(node->op) && bytes_of(node) >= WORTH_BYTES;
}

/* Operand k as a group of the task sees it; base NULL: a number, or a member. */
static Access outside(const Recompute *r, int task, const Node *node, int k) {
    double value;
    if (fold_uniform(node->inputs[k], &value)) return (Access){0};
    Access access = access_resolve(node->inputs[k]);
    return r->tasks.task_of[access.base->id] == task ? (Access){0} : access;
}

/* A value that is there, or a view of one. */
static bool is_available(const Recompute *r, const Node *node) {
    int storage = access_storage((Node *)(uintptr_t)node)->id;
    return access_is_static(node) || (r->tasks.is_stored[storage] && !r->drops[storage]);
}

static void keep_stored(Recompute *r, Node *node) { r->drops[access_storage(node)->id] = false; }

/* Everything may go that other fused groups alone read, element for element. */
static void find_candidates(Recompute *r, const Unit *unit) {
    for (size_t id = 0; id < r->graph->node_count; id++) r->drops[id] = may_drop(r, r->graph->nodes[id]);
    for (int k = 0; k < unit->output_count; k++) keep_stored(r, unit->outputs[k]);
    for (int k = 0; k < unit->commit_count; k++) keep_stored(r, unit->commits[k].value);
    for (int t = 0; t < r->tasks.count; t++) {
        const Task *task = &r->tasks.items[t];
        bool may_copy = task->kind == TASK_FUSED && !task->is_update;
        for (int j = 0; j < task->member_count; j++)
            for (int k = 0; k < task->members[j]->input_count; k++) {
                const Node *reader = task->members[j];
                if (task->kind != TASK_FUSED) keep_stored(r, reader->inputs[k]);
                Access access = task->kind == TASK_FUSED ? outside(r, t, reader, k) : (Access){0};
                if (access.base == NULL) continue;
                bool is_same = access.is_identity && access_is_fused(access.base) && reader->op != OP_BROADCAST;
                if (!may_copy || !is_same) keep_stored(r, access.base);
            }
    }
}

/* Operations that compute the node from stored values; a large number when something on the way is too expensive. */
static int count_operations(const Recompute *r, const Node *node) {
    int task = r->tasks.task_of[node->id], count = 1;
    if (task < 0 || r->tasks.items[task].kind != TASK_FUSED || !is_cheap(node->op)) return OPERATIONS_MAX + 1;
    for (int k = 0; k < node->input_count && count <= OPERATIONS_MAX; k++) {
        Access access = outside(r, -2, node, k);
        if (access.base == NULL || is_available(r, access.base)) continue;
        count += access.is_identity ? r->operations[access.base->id] : OPERATIONS_MAX;
    }
    return count;
}

static void find_operations(Recompute *r) {
    for (size_t id = 0; id < r->graph->node_count; id++) {
        const Node *node = r->graph->nodes[id];
        r->operations[id] = is_available(r, node) ? 0 : count_operations(r, node);
        if (!r->drops[id] || r->operations[id] <= OPERATIONS_MAX) continue;
        r->drops[id] = false;
        r->operations[id] = 0;
    }
}

/* ---- what a group reads ------------------------------------------------------------------------------------------------- */

typedef struct Reads {
    LIST(int) dropped;    /* ids of what would be computed again */
    int64_t saved, added; /* bytes that are no longer read, and that are read instead */
} Reads;

static bool is_first(Recompute *r, const Node *node) {
    bool first = r->seen[node->id] != r->stamp;
    r->seen[node->id] = r->stamp;
    return first;
}

static void add_sources(Recompute *r, int task, const Node *node, Reads *reads) {
    for (int k = 0; k < node->input_count; k++) {
        const Node *base = outside(r, task, node, k).base;
        if (base == NULL || access_is_static(base) || !is_first(r, base)) continue;
        if (is_available(r, base)) {
            reads->added += bytes_of(base);
            continue;
        }
        if (r->drops[base->id]) list_push(&reads->dropped, base->id);
        add_sources(r, task, base, reads);
    }
}

static Reads reads_of(Recompute *r, int number) {
    const Task *task = &r->tasks.items[number];
    Reads reads = {0};
    r->stamp++;
    for (int pass = 0; pass < 2; pass++) /* first what it reads anyway */
        for (int j = 0; j < task->member_count; j++)
            for (int k = 0; k < task->members[j]->input_count; k++) {
                const Node *base = outside(r, number, task->members[j], k).base;
                if (base == NULL || r->drops[base->id] != (pass == 1) || !is_first(r, base) || pass == 0) continue;
                list_push(&reads.dropped, base->id);
                reads.saved += bytes_of(base);
                add_sources(r, number, base, &reads);
            }
    return reads;
}

/* More than it takes itself, a few numbers of rows aside. */
static bool is_more(int64_t added, int64_t saved) { return added > saved + saved / 8; }

static bool has_large_sources(Recompute *r, const Node *node) {
    Reads reads = {0};
    r->stamp++;
    add_sources(r, -1, node, &reads);
    list_free(&reads.dropped);
    return is_more(reads.added, bytes_of(node));
}

static int compare_ids(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

/* Stores the values that come from more bytes than they are, first ones first; if there are none, all. */
static void refuse(Recompute *r, Reads *reads) {
    bool any = false;
    qsort(reads->dropped.items, reads->dropped.count, sizeof *reads->dropped.items, compare_ids);
    for (size_t k = 0; k < reads->dropped.count; k++) {
        int id = reads->dropped.items[k];
        if (!has_large_sources(r, r->graph->nodes[id])) continue;
        r->drops[id] = false;
        any = true;
    }
    for (size_t k = 0; k < reads->dropped.count && !any; k++) r->drops[reads->dropped.items[k]] = false;
}

/* A group that would read more than before has some of it stored again; that changes the sums of others. */
static void settle(Recompute *r) {
    bool changes = true;
    for (int round = 0; changes && round < ROUNDS_MAX; round++) {
        changes = false;
        for (int t = 0; t < r->tasks.count; t++) {
            if (r->tasks.items[t].kind != TASK_FUSED) continue;
            Reads reads = reads_of(r, t);
            bool refuses = is_more(reads.added, reads.saved);
            if (refuses) refuse(r, &reads);
            changes |= refuses;
            list_free(&reads.dropped);
        }
    }
}

/* ---- the rebuild -------------------------------------------------------------------------------------------------------- */

static Node *copy_of(Recompute *r, Graph *graph, int task, const Node *node);

/* An operand of a node that the task computes: views are made anew over what is. */
static Node *operand_for(Recompute *r, Graph *graph, int task, const Node *node, int k) {
    Node *operand = node->inputs[k];
    const Node *base = outside(r, task, node, k).base;
    if (base == NULL || is_available(r, base)) return r->made[operand->id];
    if (operand == base) return copy_of(r, graph, task, base);
    Node *inner = operand_for(r, graph, task, operand, 0);
    return unit_copy_node(graph, operand, &inner);
}

static Node *with_operands(Recompute *r, Graph *graph, int task, const Node *node) {
    LIST(Node *) inputs = {0};
    for (int k = 0; k < node->input_count; k++) list_push(&inputs, operand_for(r, graph, task, node, k));
    Node *made = unit_copy_node(graph, node, inputs.items);
    list_free(&inputs);
    return made;
}

static Node *copy_of(Recompute *r, Graph *graph, int task, const Node *node) {
    Copies *copies = &r->copies[task];
    for (size_t k = 0; k < copies->list.count; k++)
        if (copies->list.items[k].id == node->id) return copies->list.items[k].node;
    Node *copy = with_operands(r, graph, task, node);
    list_push(&copies->list, ((Copy){node->id, copy}));
    return copy;
}

static Node *recompute_rule(void *context, Graph *graph, const Node *node, Node *const *inputs) {
    Recompute *r = context;
    int task = r->tasks.task_of[node->id];
    graph->keeps_apart = true;
    bool is_fused = task >= 0 && r->tasks.items[task].kind == TASK_FUSED;
    return r->made[node->id] = is_fused ? with_operands(r, graph, task, node) : unit_copy_node(graph, node, inputs);
}

static bool drops_any(const Recompute *r) {
    for (size_t id = 0; id < r->graph->node_count; id++)
        if (r->drops[id]) return true;
    return false;
}

bool recompute(Unit *unit) {
    size_t count = unit->graph->node_count + 1;
    Recompute r = {.graph = unit->graph,
                   .drops = allocate(count),
                   .operations = allocate(sizeof(int) * count),
                   .seen = allocate(sizeof(int) * count),
                   .made = allocate(sizeof(Node *) * count)};
    tasks_build(&r.tasks, unit, true);
    r.copies = allocate(sizeof(Copies) * (size_t)(r.tasks.count + 1));
    find_candidates(&r, unit);
    find_operations(&r);
    settle(&r);
    bool ok = !drops_any(&r) || unit_rebuild(unit, recompute_rule, &r);
    for (int t = 0; t < r.tasks.count; t++) list_free(&r.copies[t].list);
    tasks_free(&r.tasks);
    free(r.drops), free(r.operations), free(r.seen), free(r.made), free(r.copies);
    return ok;
}
