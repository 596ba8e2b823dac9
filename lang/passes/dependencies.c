#include "lang/passes/dependencies.h"

#include "lang/passes/access.h"
#include "lang/passes/simplify.h"
#include "runtime/base/memory.h"

#include <stdlib.h>

typedef struct Collector {
    LIST(Read) list;
    int *last; /* by node id: index of the read of this storage in the list, valid when it belongs to the present task */
    int begin; /* first read of the present task */
} Collector;

static void add_read(Collector *collector, const Node *storage, int task, bool is_pointwise) {
    int k = collector->last[storage->id];
    if (k >= collector->begin && k < (int)collector->list.count && collector->list.items[k].storage == storage->id) {
        collector->list.items[k].is_pointwise &= is_pointwise;
        return;
    }
    collector->last[storage->id] = (int)collector->list.count;
    list_push(&collector->list, ((Read){storage->id, task, is_pointwise}));
}

static void collect_task(Collector *collector, const Tasks *tasks, int number) {
    const Task *task = &tasks->items[number];
    for (int j = 0; j < task->member_count; j++) {
        const Node *node = task->members[j];
        for (int k = 0; k < node->input_count; k++) {
            double value;
            if (task->kind != TASK_FUSED) {
                add_read(collector, access_storage(node->inputs[k]), number, false);
                continue;
            }
            if (fold_uniform(node->inputs[k], &value)) continue;
            Access access = access_resolve(node->inputs[k]);
            if (tasks->task_of[access.base->id] == number) continue;
            add_read(collector, access_storage(access.base), number, access.is_identity && node->op != OP_BROADCAST);
        }
    }
}

static void group_by_storage(Dependencies *d, int node_count, int read_count) {
    d->first_reader = allocate(sizeof(int) * (size_t)(node_count + 2));
    d->readers = allocate(sizeof(int) * (size_t)(read_count + 1));
    int *next = allocate(sizeof(int) * (size_t)(node_count + 1));
    for (int k = 0; k < read_count; k++) d->first_reader[d->reads[k].storage + 1]++;
    for (int id = 0; id <= node_count; id++) d->first_reader[id + 1] += d->first_reader[id];
    for (int id = 0; id < node_count; id++) next[id] = d->first_reader[id];
    for (int k = 0; k < read_count; k++) d->readers[next[d->reads[k].storage]++] = d->reads[k].task;
    free(next);
}

void dependencies_build(Dependencies *dependencies, const Unit *unit, const Tasks *tasks) {
    int node_count = (int)unit->graph->node_count;
    Collector collector = {.last = allocate(sizeof(int) * (size_t)(node_count + 1))};
    dependencies->first = allocate(sizeof(int) * (size_t)(tasks->count + 1));
    for (int k = 0; k < tasks->count; k++) {
        collector.begin = dependencies->first[k] = (int)collector.list.count;
        collect_task(&collector, tasks, k);
    }
    dependencies->first[tasks->count] = (int)collector.list.count;
    dependencies->reads = collector.list.items;
    group_by_storage(dependencies, node_count, (int)collector.list.count);
    free(collector.last);
}

void dependencies_free(Dependencies *dependencies) {
    free(dependencies->reads);
    free(dependencies->first);
    free(dependencies->readers);
    free(dependencies->first_reader);
    *dependencies = (Dependencies){0};
}
