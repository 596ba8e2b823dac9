#include "lang/passes/schedule.h"

#include "lang/passes/access.h"
#include "lang/passes/commits.h"
#include "runtime/base/memory.h"

#include <stdlib.h>

/* List scheduling. Among the tasks that are ready, one that frees at least as many bytes as it needs goes first; otherwise the
 * one whose last node was written first in the source. */
typedef struct Ready {
    int rank; /* 0: does not raise memory */
    int key;  /* id of the last member */
    int task;
} Ready;

typedef struct Scheduler {
    const Unit *unit;
    const Tasks *tasks;
    Dependencies dependencies;
    Commits commits;
    LIST(Ready) heap;
    int *pending;     /* by task: producers that have not run */
    int *left;        /* by node id: readers that have not run; one more when the value lives to the end */
    int64_t *benefit; /* by task: bytes freed less bytes needed, were it to run now */
    bool *ran;
} Scheduler;

static bool comes_before(Ready a, Ready b) {
    if (a.rank != b.rank) return a.rank < b.rank;
    if (a.key != b.key) return a.key < b.key;
    return a.task < b.task;
}

static void heap_push(Scheduler *s, int task) {
    const Task *t = &s->tasks->items[task];
    list_push(&s->heap, ((Ready){s->benefit[task] < 0, t->members[t->member_count - 1]->id, task}));
    for (size_t k = s->heap.count - 1; k > 0 && comes_before(s->heap.items[k], s->heap.items[(k - 1) / 2]); k = (k - 1) / 2) {
        Ready parent = s->heap.items[(k - 1) / 2];
        s->heap.items[(k - 1) / 2] = s->heap.items[k];
        s->heap.items[k] = parent;
    }
}

static int heap_pop(Scheduler *s) {
    Ready *items = s->heap.items;
    int task = items[0].task;
    items[0] = items[--s->heap.count];
    for (size_t k = 0, child = 1; child < s->heap.count; k = child, child = 2 * k + 1) {
        if (child + 1 < s->heap.count && comes_before(items[child + 1], items[child])) child++;
        if (!comes_before(items[child], items[k])) break;
        Ready lower = items[k];
        items[k] = items[child];
        items[child] = lower;
    }
    return task;
}

static int64_t bytes_of(const Node *node) { return shape_count(node->type.shape) * (int64_t)dtype_bytes(node->type.dtype); }

static bool is_computed(const Scheduler *s, int id) { return s->tasks->task_of[id] >= 0 || s->unit->graph->nodes[id]->op == OP_PART; }

/* The only reader left would free the value. */
static void credit_last_reader(Scheduler *s, int id) {
    const Dependencies *d = &s->dependencies;
    for (int k = d->first_reader[id]; k < d->first_reader[id + 1]; k++) {
        int task = d->readers[k];
        if (s->ran[task]) continue;
        s->benefit[task] += bytes_of(s->unit->graph->nodes[id]);
        if (s->pending[task] == 0 && !s->commits.in_zone[task]) heap_push(s, task);
        return;
    }
}

static void count_uses(Scheduler *s) {
    const Dependencies *d = &s->dependencies;
    const Graph *graph = s->unit->graph;
    for (size_t id = 0; id < graph->node_count; id++) s->left[id] = d->first_reader[id + 1] - d->first_reader[id];
    for (int k = 0; k < s->unit->output_count; k++) s->left[access_storage(s->unit->outputs[k])->id]++;
    for (int k = 0; k < s->unit->commit_count; k++) s->left[access_storage(s->unit->commits[k].value)->id]++;
    for (int t = 0; t < s->tasks->count; t++) {
        for (int k = d->first[t]; k < d->first[t + 1]; k++) {
            int producer = s->tasks->task_of[access_producer(graph->nodes[d->reads[k].storage])->id];
            if (producer >= 0) s->pending[t]++;
        }
        for (int j = 0; j < s->tasks->items[t].member_count; j++)
            if (s->tasks->is_stored[s->tasks->items[t].members[j]->id]) s->benefit[t] -= bytes_of(s->tasks->items[t].members[j]);
    }
}

/* Values that the task computed: its stored members, and the parts of a kernel. A part's readers read the part's storage. */
static void release_readers(Scheduler *s, int id) {
    const Dependencies *d = &s->dependencies;
    for (int k = d->first_reader[id]; k < d->first_reader[id + 1]; k++) {
        int task = d->readers[k];
        if (--s->pending[task] == 0 && !s->commits.in_zone[task]) heap_push(s, task);
    }
}

static void run_task(Scheduler *s, int task, const int *first_part, const int *parts) {
    const Dependencies *d = &s->dependencies;
    s->ran[task] = true;
    for (int k = d->first[task]; k < d->first[task + 1]; k++) {
        int id = d->reads[k].storage;
        if (--s->left[id] == 1 && is_computed(s, id)) credit_last_reader(s, id);
    }
    for (int j = 0; j < s->tasks->items[task].member_count; j++) {
        int id = s->tasks->items[task].members[j]->id;
        release_readers(s, id);
        for (int k = first_part[id]; k < first_part[id + 1]; k++) release_readers(s, parts[k]);
    }
}

/* For each node, the OP_PART nodes that read it. */
static void find_parts(const Graph *graph, int **first_out, int **parts_out) {
    int *first = allocate(sizeof(int) * (graph->node_count + 2)), *parts = allocate(sizeof(int) * (graph->node_count + 1));
    for (size_t id = 0; id < graph->node_count; id++)
        if (graph->nodes[id]->op == OP_PART) first[graph->nodes[id]->inputs[0]->id + 1]++;
    for (size_t id = 0; id < graph->node_count; id++) first[id + 1] += first[id];
    int *next = allocate(sizeof(int) * (graph->node_count + 1));
    for (size_t id = 0; id < graph->node_count; id++) next[id] = first[id];
    for (size_t id = 0; id < graph->node_count; id++)
        if (graph->nodes[id]->op == OP_PART) parts[next[graph->nodes[id]->inputs[0]->id]++] = (int)id;
    free(next);
    *first_out = first;
    *parts_out = parts;
}

static void add_entry(Schedule *schedule, EntryKind kind, int index, Node *node) {
    schedule->entries[schedule->count++] = (Entry){kind, index, node};
}

static void order_tasks(Scheduler *s, Schedule *schedule) {
    int *first_part, *parts;
    find_parts(s->unit->graph, &first_part, &parts);
    count_uses(s);
    for (size_t id = 0; id < s->unit->graph->node_count; id++)
        if (s->left[id] == 1 && is_computed(s, (int)id)) credit_last_reader(s, (int)id);
    s->heap.count = 0; /* credits may have pushed tasks: start anew, each once */
    for (int t = 0; t < s->tasks->count; t++)
        if (s->pending[t] == 0 && !s->commits.in_zone[t]) heap_push(s, t);
    while (s->heap.count > 0) {
        int task = heap_pop(s);
        if (s->ran[task]) continue; /* pushed again when its benefit rose */
        add_entry(schedule, ENTRY_TASK, task, NULL);
        run_task(s, task, first_part, parts);
    }
    free(first_part);
    free(parts);
}

static bool is_overwritten(const Unit *unit, const Node *node) {
    if (node->op != OP_LEAF) return false;
    for (int k = 0; k < unit->commit_count; k++)
        if (unit->commits[k].cell == node->cell && access_storage(unit->commits[k].value) != node) return true;
    return false;
}

/* Whatever is read after the writing began, by outputs or by final copies, must not be a cell that is written. */
static void add_snapshots(const Scheduler *s, Schedule *schedule) {
    const Unit *unit = s->unit;
    for (int k = 0; k < unit->output_count + unit->commit_count; k++) {
        bool output = k < unit->output_count;
        if (!output && s->commits.done[k - unit->output_count]) continue;
        Node *node = access_storage(output ? unit->outputs[k] : unit->commits[k - unit->output_count].value);
        if (schedule->snapshot[node->id] || !is_overwritten(unit, node)) continue;
        schedule->snapshot[node->id] = true;
        add_entry(schedule, ENTRY_SNAPSHOT, 0, node);
    }
}

static bool writes_cell(const Schedule *schedule, const Task *task) {
    for (int j = 0; j < task->member_count; j++)
        if (schedule->target[task->members[j]->id] != NULL) return true;
    return false;
}

static void add_zone(const Scheduler *s, Schedule *schedule) {
    schedule->commit_start = -1;
    for (int k = 0; k < s->commits.count; k++) {
        int task = s->commits.order[k];
        if (schedule->commit_start < 0 && writes_cell(schedule, &s->tasks->items[task])) schedule->commit_start = schedule->count;
        add_entry(schedule, ENTRY_TASK, task, NULL);
    }
    if (schedule->commit_start < 0) schedule->commit_start = schedule->count;
    for (int k = 0; k < s->unit->commit_count; k++)
        if (!s->commits.done[k]) add_entry(schedule, ENTRY_COPY, k, NULL);
}

void schedule_build(Schedule *schedule, const Unit *unit, const Tasks *tasks) {
    size_t nodes = unit->graph->node_count + 1, count = (size_t)tasks->count + 1;
    *schedule = (Schedule){.entries = allocate(sizeof(Entry) * (count + (size_t)unit->output_count + 2 * (size_t)unit->commit_count)),
                           .target = allocate(sizeof(Cell *) * nodes),
                           .snapshot = allocate(nodes)};
    Scheduler s = {.unit = unit,
                   .tasks = tasks,
                   .pending = allocate(sizeof(int) * count),
                   .left = allocate(sizeof(int) * nodes),
                   .benefit = allocate(sizeof(int64_t) * count),
                   .ran = allocate(count)};
    dependencies_build(&s.dependencies, unit, tasks);
    commits_plan(&s.commits, schedule, unit, tasks, &s.dependencies);
    order_tasks(&s, schedule);
    add_snapshots(&s, schedule);
    add_zone(&s, schedule);
    dependencies_free(&s.dependencies);
    commits_free(&s.commits);
    list_free(&s.heap);
    free(s.pending), free(s.left), free(s.benefit), free(s.ran);
}

void schedule_free(Schedule *schedule) {
    free(schedule->entries);
    free(schedule->target);
    free(schedule->snapshot);
    *schedule = (Schedule){0};
}
