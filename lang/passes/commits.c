#include "lang/passes/commits.h"

#include "lang/passes/access.h"
#include "runtime/base/memory.h"

#include <stdlib.h>

typedef struct Zone {
    const Unit *unit;
    const Tasks *tasks;
    const Dependencies *dependencies;
    Schedule *schedule;
    Commits *commits;
    Node **leaf_of;    /* by commit: the leaf of its cell, NULL when the step does not read it */
    int *commit_at;    /* by node id: the commit that this node's task writes in place, -1 none */
    int *data_pending; /* by task of the zone: producers in the zone that have not run */
    int *cell_pending; /* readers of the cells it writes that have not run */
} Zone;

static void find_leaves(Zone *zone) {
    size_t capacity = 16;
    while (capacity < 4 * (size_t)zone->unit->commit_count) capacity *= 2;
    int *slots = allocate(sizeof(int) * capacity); /* cell -> commit + 1 */
    for (int k = 0; k < zone->unit->commit_count; k++) {
        const Cell *cell = zone->unit->commits[k].cell;
        size_t slot = ((uintptr_t)cell >> 4) * 0x9e3779b97f4a7c15u >> 20 & (capacity - 1);
        while (slots[slot] != 0 && zone->unit->commits[slots[slot] - 1].cell != cell) slot = (slot + 1) & (capacity - 1);
        if (slots[slot] != 0) zone->commits->done[slots[slot] - 1] = true; /* overwritten by a later commit */
        slots[slot] = k + 1;
    }
    for (size_t id = 0; id < zone->unit->graph->node_count; id++) {
        Node *node = zone->unit->graph->nodes[id];
        if (node->op != OP_LEAF) continue;
        size_t slot = ((uintptr_t)node->cell >> 4) * 0x9e3779b97f4a7c15u >> 20 & (capacity - 1);
        while (slots[slot] != 0 && zone->unit->commits[slots[slot] - 1].cell != node->cell) slot = (slot + 1) & (capacity - 1);
        if (slots[slot] != 0) zone->leaf_of[slots[slot] - 1] = node;
    }
    free(slots);
}

/* A fused update may overwrite what it reads element for element. */
static bool fits_fused(const Zone *zone, int task, const Node *leaf) {
    const Dependencies *d = zone->dependencies;
    for (int k = d->first[task]; leaf != NULL && k < d->first[task + 1]; k++)
        if (d->reads[k].storage == leaf->id && !d->reads[k].is_pointwise) return false;
    return true;
}

/* A scatter may overwrite its base, when that is the cell or an earlier scatter into it, and nothing else it reads is. */
static bool fits_scatter(Zone *zone, const Node *scatter, const Node *leaf) {
    while (leaf != NULL) {
        for (int k = 1; k < scatter->input_count; k++)
            if (access_storage(scatter->inputs[k]) == leaf) return false;
        const Node *base = access_storage(scatter->inputs[0]);
        if (base == leaf) return true;
        int task = zone->tasks->task_of[base->id];
        if (task < 0 || !zone->tasks->items[task].is_update || zone->tasks->items[task].kind != TASK_KERNEL) return false;
        scatter = base;
    }
    return false;
}

static void claim(Zone *zone, Node *value, int commit) {
    const Node *leaf = zone->leaf_of[commit];
    for (Node *node = value; node != leaf; node = access_storage(node->inputs[0])) {
        zone->commit_at[node->id] = commit;
        zone->schedule->target[node->id] = zone->unit->commits[commit].cell;
        if (zone->tasks->items[zone->tasks->task_of[node->id]].kind == TASK_FUSED) break;
    }
}

static void choose_in_place(Zone *zone) {
    for (int k = 0; k < zone->unit->commit_count; k++) {
        if (zone->commits->done[k]) continue;
        Node *value = access_storage(zone->unit->commits[k].value);
        const Node *leaf = zone->leaf_of[k];
        if (value == leaf) { /* t <- t */
            zone->commits->done[k] = true;
            continue;
        }
        int task = zone->tasks->task_of[value->id];
        if (task < 0 || !zone->tasks->items[task].is_update || zone->commit_at[value->id] >= 0) continue;
        bool fused = zone->tasks->items[task].kind == TASK_FUSED;
        if (fused ? !fits_fused(zone, task, leaf) : !fits_scatter(zone, value, leaf)) continue;
        claim(zone, value, k);
        zone->commits->done[k] = true;
    }
}

/* ---- the order of the zone --------------------------------------------------------------------------------------------- */

static bool writes_cell(const Zone *zone, int task) {
    for (int k = 0; k < zone->tasks->items[task].member_count; k++)
        if (zone->commit_at[zone->tasks->items[task].members[k]->id] >= 0) return true;
    return false;
}

static void find_zone(Zone *zone) {
    const Dependencies *d = zone->dependencies;
    LIST(int) work = {0};
    for (int t = 0; t < zone->tasks->count; t++)
        if (writes_cell(zone, t)) {
            zone->commits->in_zone[t] = true;
            list_push(&work, t);
        }
    while (work.count > 0) {
        const Task *task = &zone->tasks->items[work.items[--work.count]];
        for (int j = 0; j < task->member_count; j++) {
            int id = task->members[j]->id;
            for (int k = d->first_reader[id]; k < d->first_reader[id + 1]; k++) {
                if (zone->commits->in_zone[d->readers[k]]) continue;
                zone->commits->in_zone[d->readers[k]] = true;
                list_push(&work, d->readers[k]);
            }
        }
    }
    list_free(&work);
}

/* Calls `change` for each task of the zone that must wait for `task`: readers of its values, writers of cells it reads. */
static void count_waiters(Zone *zone, int task, int change) {
    const Dependencies *d = zone->dependencies;
    for (int j = 0; j < zone->tasks->items[task].member_count; j++) {
        int id = zone->tasks->items[task].members[j]->id;
        for (int k = d->first_reader[id]; k < d->first_reader[id + 1]; k++) zone->data_pending[d->readers[k]] += change;
    }
}

static void count_overwriters(Zone *zone, int task, const int *writer_of_leaf, int change) {
    const Dependencies *d = zone->dependencies;
    for (int k = d->first[task]; k < d->first[task + 1]; k++) {
        int writer = writer_of_leaf[d->reads[k].storage];
        if (writer >= 0 && writer != task) zone->cell_pending[writer] += change;
    }
}

/* Its commits are copied at the end after all; the task no longer waits for readers. */
static void demote(Zone *zone, int task) {
    const Task *demoted = &zone->tasks->items[task];
    for (int j = 0; j < demoted->member_count; j++) {
        int id = demoted->members[j]->id;
        if (zone->commit_at[id] < 0) continue;
        if (access_storage(zone->unit->commits[zone->commit_at[id]].value)->id == id) zone->commits->done[zone->commit_at[id]] = false;
        zone->commit_at[id] = -1;
        zone->schedule->target[id] = NULL;
    }
}

static void drop_chain(Zone *zone, int commit) { /* a scatter chain is in place as a whole or not at all */
    Node *node = access_storage(zone->unit->commits[commit].value);
    for (; zone->tasks->task_of[node->id] >= 0 && zone->commit_at[node->id] == commit; node = access_storage(node->inputs[0])) {
        int task = zone->tasks->task_of[node->id];
        if (zone->tasks->items[task].kind == TASK_FUSED) {
            demote(zone, task);
            return;
        }
        demote(zone, task);
        zone->cell_pending[task] = 0;
    }
}

static int *writers_of_leaves(const Zone *zone) {
    int *writer = allocate(sizeof(int) * (zone->unit->graph->node_count + 1));
    for (size_t id = 0; id < zone->unit->graph->node_count; id++) writer[id] = -1;
    for (size_t id = 0; id < zone->unit->graph->node_count; id++) {
        if (zone->commit_at[id] < 0 || zone->leaf_of[zone->commit_at[id]] == NULL) continue;
        int leaf = zone->leaf_of[zone->commit_at[id]]->id;
        /* of a chain, the first scatter is the first to write */
        if (writer[leaf] < 0) writer[leaf] = zone->tasks->task_of[id];
    }
    return writer;
}

/* Two updates each read what the other overwrites. Writers wait for readers only, so lifting one always frees the rest. */
static void demote_writer(Zone *zone, int task) {
    const Task *stuck = &zone->tasks->items[task];
    int commit = -1;
    for (int j = 0; j < stuck->member_count && commit < 0; j++) commit = zone->commit_at[stuck->members[j]->id];
    if (commit >= 0 && stuck->kind == TASK_KERNEL) drop_chain(zone, commit);
    else demote(zone, task);
    zone->cell_pending[task] = 0;
}

static void order_zone(Zone *zone) {
    LIST(int) waiting = {0};
    int *writer_of_leaf = writers_of_leaves(zone);
    zone->data_pending = allocate(sizeof(int) * (size_t)(zone->tasks->count + 1));
    zone->cell_pending = allocate(sizeof(int) * (size_t)(zone->tasks->count + 1));
    for (int t = 0; t < zone->tasks->count; t++) {
        if (!zone->commits->in_zone[t]) continue;
        list_push(&waiting, t);
        count_waiters(zone, t, 1);
        count_overwriters(zone, t, writer_of_leaf, 1);
    }
    while (waiting.count > 0) {
        size_t kept = 0, before = waiting.count;
        int stuck = -1;
        for (size_t k = 0; k < before; k++) {
            int task = waiting.items[k];
            if (zone->data_pending[task] == 0 && zone->cell_pending[task] <= 0) {
                zone->commits->order[zone->commits->count++] = task;
                count_waiters(zone, task, -1);
                count_overwriters(zone, task, writer_of_leaf, -1);
                continue;
            }
            if (zone->data_pending[task] == 0 && stuck < 0) stuck = task;
            waiting.items[kept++] = task;
        }
        waiting.count = kept;
        if (kept == before) demote_writer(zone, stuck);
    }
    free(writer_of_leaf);
    list_free(&waiting);
}

void commits_plan(Commits *commits, Schedule *schedule, const Unit *unit, const Tasks *tasks, const Dependencies *dependencies) {
    *commits = (Commits){.in_zone = allocate((size_t)tasks->count + 1),
                         .order = allocate(sizeof(int) * (size_t)(tasks->count + 1)),
                         .done = allocate((size_t)unit->commit_count + 1)};
    Zone zone = {.unit = unit,
                 .tasks = tasks,
                 .dependencies = dependencies,
                 .schedule = schedule,
                 .commits = commits,
                 .leaf_of = allocate(sizeof(Node *) * (size_t)(unit->commit_count + 1)),
                 .commit_at = allocate(sizeof(int) * (unit->graph->node_count + 1))};
    for (size_t id = 0; id < unit->graph->node_count; id++) zone.commit_at[id] = -1;
    find_leaves(&zone);
    choose_in_place(&zone);
    find_zone(&zone);
    order_zone(&zone);
    free(zone.leaf_of);
    free(zone.commit_at);
    free(zone.data_pending);
    free(zone.cell_pending);
}

void commits_free(Commits *commits) {
    free(commits->in_zone);
    free(commits->order);
    free(commits->done);
}
