#include "lang/passes/verify.h"

#include "lang/ops/op.h"
#include "lang/passes/access.h"
#include "lang/passes/memory.h"
#include "runtime/base/memory.h"

#include <stdlib.h>
#include <string.h>

static bool blame(Diagnostics *diagnostics, const char *pass, Span span, const char *what, int number) {
    return diagnose(diagnostics, "E0901", span, "the compiler's pass '%s' is wrong: %s (%d)", pass, what, number);
}

/* ---- graph ------------------------------------------------------------------------------------------------------------- */

static bool same_type(Type a, Type b) { return a.dtype == b.dtype && shape_equal(a.shape, b.shape); }

static bool verify_node(const Graph *graph, const Node *node, int id, const char *pass) {
    Diagnostics *diagnostics = graph->diagnostics;
    if (node->id != id) return blame(diagnostics, pass, node->span, "ids are not in order", id);
    for (int k = 0; k < node->input_count; k++) {
        const Node *input = node->inputs[k];
        if (input->id >= id || graph->nodes[input->id] != input)
            return blame(diagnostics, pass, node->span, "an input is younger than its reader or of another graph", id);
    }
    if (op_of(node)->fusion == FUSE_ELEMENTWISE)
        for (int k = 0; k < node->input_count; k++)
            if (!shape_equal(node->inputs[k]->type.shape, node->type.shape))
                return blame(diagnostics, pass, node->span, "operands differ in shape", id);
    if (node->op == OP_PART && !same_type(node->type, node->inputs[0]->parts[node->ints[0]]))
        return blame(diagnostics, pass, node->span, "a part has another type than its result", id);
    if (node->op == OP_RESHAPE && shape_count(node->type.shape) != shape_count(node->inputs[0]->type.shape))
        return blame(diagnostics, pass, node->span, "a reshape changes the count", id);
    return true;
}

bool verify_unit(const Unit *unit, const char *pass) {
    const Graph *graph = unit->graph;
    Diagnostics *diagnostics = graph->diagnostics;
    for (size_t id = 0; id < graph->node_count; id++)
        if (!verify_node(graph, graph->nodes[id], (int)id, pass)) return false;
    for (int k = 0; k < unit->commit_count; k++) {
        const Node *value = unit->commits[k].value;
        const Tensor *tensor = unit->commits[k].cell->tensor;
        if (tensor != NULL && !same_type(value->type, (Type){tensor->dtype, tensor->shape}))
            return blame(diagnostics, pass, value->span, "a commit has another type than its cell", k);
    }
    return true;
}

/* ---- tasks ------------------------------------------------------------------------------------------------------------- */

bool verify_tasks(const Unit *unit, const Tasks *tasks, const Schedule *schedule, const char *pass) {
    Diagnostics *diagnostics = unit->graph->diagnostics;
    int *position = allocate(sizeof(int) * (size_t)(tasks->count + 1));
    bool ok = true;
    for (int k = 0; k < tasks->count; k++) position[k] = -1;
    for (int k = 0; ok && k < schedule->count; k++) {
        if (schedule->entries[k].kind != ENTRY_TASK) continue;
        int task = schedule->entries[k].index;
        if (position[task] >= 0) ok = blame(diagnostics, pass, (Span){0}, "a task runs twice", task);
        position[task] = k;
    }
    for (int k = 0; ok && k < tasks->count; k++)
        if (position[k] < 0) ok = blame(diagnostics, pass, tasks->items[k].members[0]->span, "a task never runs", k);
    for (int id = 0; ok && id < (int)unit->graph->node_count; id++) {
        const Node *node = unit->graph->nodes[id];
        int task = tasks->task_of[id];
        for (int k = 0; ok && task >= 0 && k < node->input_count; k++) {
            int other = tasks->task_of[access_producer(access_resolve(node->inputs[k]).base)->id];
            if (other >= 0 && position[other] > position[task])
                ok = blame(diagnostics, pass, node->span, "a value is read before its task", id);
        }
    }
    free(position);
    return ok;
}

/* ---- plan -------------------------------------------------------------------------------------------------------------- */

typedef struct Extent { /* bytes of the slab that hold what was last written as `root` */
    size_t begin, end;
    int root;
} Extent;

typedef struct Written { /* a cell, and the buffer through which its new value may be read */
    const Cell *cell;
    int root;
} Written;

typedef struct Trace {
    const Lowered *lowered;
    const Plan *plan;
    Diagnostics *diagnostics;
    const char *pass;
    LIST(Extent) extents; /* in order, disjoint */
    LIST(Written) written;
} Trace;

static Extent extent_of(const Trace *trace, int buffer) {
    const Buffer *b = &trace->plan->buffers[buffer];
    size_t bytes = (size_t)shape_count(b->shape) * dtype_bytes(b->dtype);
    return (Extent){b->offset, b->offset + bytes, trace->lowered->roots[buffer]};
}

static size_t first_ending_after(const Trace *trace, size_t offset) {
    size_t low = 0, high = trace->extents.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (trace->extents.items[middle].end <= offset) low = middle + 1;
        else high = middle;
    }
    return low;
}

static void insert_extent(Trace *trace, size_t at, Extent extent) {
    list_push(&trace->extents, extent);
    memmove(&trace->extents.items[at + 1], &trace->extents.items[at], sizeof extent * (trace->extents.count - 1 - at));
    trace->extents.items[at] = extent;
}

/* Cuts [begin, end) out of what was there. */
static void write_extent(Trace *trace, Extent extent) {
    size_t at = first_ending_after(trace, extent.begin), k = at;
    if (extent.begin == extent.end) return;
    if (k < trace->extents.count && trace->extents.items[k].begin < extent.begin) {
        Extent old = trace->extents.items[k];
        trace->extents.items[k].end = extent.begin;
        if (old.end > extent.end) insert_extent(trace, k + 1, (Extent){extent.end, old.end, old.root});
        at = ++k;
    }
    size_t stop = k;
    while (stop < trace->extents.count && trace->extents.items[stop].end <= extent.end) stop++;
    if (stop < trace->extents.count && trace->extents.items[stop].begin < extent.end) trace->extents.items[stop].begin = extent.end;
    if (stop > k) memmove(&trace->extents.items[k], &trace->extents.items[stop], sizeof extent * (trace->extents.count - stop));
    trace->extents.count -= stop - k;
    insert_extent(trace, at, extent);
}

static bool holds(const Trace *trace, int buffer) {
    Extent wanted = extent_of(trace, buffer);
    size_t at = first_ending_after(trace, wanted.begin), position = wanted.begin;
    for (; position < wanted.end; at++) {
        if (at >= trace->extents.count) return false;
        Extent found = trace->extents.items[at];
        if (found.root != wanted.root || found.begin > position) return false;
        position = found.end;
    }
    return true;
}

static bool is_written(const Trace *trace, const Cell *cell, int by_other_than) {
    bool written = false;
    for (size_t k = 0; k < trace->written.count; k++) {
        if (trace->written.items[k].cell != cell) continue;
        if (trace->written.items[k].root == by_other_than) return false;
        written = true;
    }
    return written;
}

/* A cell that a step writes may be read later only as the new value: through the buffer that was written. */
static bool check_read(Trace *trace, int s, int buffer) {
    const Buffer *b = &trace->plan->buffers[buffer];
    Span span = trace->lowered->program->step_spans[s];
    if (buffer < 0 || buffer >= trace->plan->buffer_count) return blame(trace->diagnostics, trace->pass, span, "no such buffer", s);
    if (b->kind == BUFFER_SLAB && !holds(trace, buffer))
        return blame(trace->diagnostics, trace->pass, span, "a step reads what was not written or is overwritten", s);
    if (b->kind == BUFFER_CELL && s >= trace->plan->commit_start && is_written(trace, b->cell, trace->lowered->roots[buffer]))
        return blame(trace->diagnostics, trace->pass, span, "a step reads the old value of a cell that was written", s);
    return true;
}

static bool shares_place(const Trace *trace, int a, int b) {
    const Buffer *x = &trace->plan->buffers[a], *y = &trace->plan->buffers[b];
    if (x->kind != y->kind || x->kind == BUFFER_CONSTANT) return false;
    if (x->kind == BUFFER_CELL) return x->cell == y->cell;
    Extent p = extent_of(trace, a), q = extent_of(trace, b);
    return p.begin < q.end && q.begin < p.end;
}

static bool may_share(const Trace *trace, const PlanStep *step, int s, int input, int output) {
    int read, written;
    if (step->fused == NULL) {
        read = step->inputs[input], written = step->outputs[output];
        if (!trace->lowered->may_overwrite[s] || input != 0 || output != 0) return false;
    } else {
        read = step->fused->inputs[input].buffer, written = step->fused->outputs[output].buffer;
        if (step->fused->outputs[output].reduce != FUSED_STORE || !memory_is_pointwise(step->fused, input)) return false;
    }
    const Buffer *x = &trace->plan->buffers[read], *y = &trace->plan->buffers[written];
    return x->offset == y->offset && dtype_bytes(x->dtype) == dtype_bytes(y->dtype);
}

static bool check_write(Trace *trace, int s, int output, int buffer) {
    const PlanStep *step = &trace->plan->steps[s];
    const Buffer *b = &trace->plan->buffers[buffer];
    Span span = trace->lowered->program->step_spans[s];
    int reads = step->fused != NULL ? step->fused->input_count : step->input_count;
    if (b->kind == BUFFER_CONSTANT) return blame(trace->diagnostics, trace->pass, span, "a step writes a constant", s);
    if (b->kind == BUFFER_CELL && s < trace->plan->commit_start)
        return blame(trace->diagnostics, trace->pass, span, "a cell is written before commit_start", s);
    if (b->kind == BUFFER_SLAB && extent_of(trace, buffer).end > trace->plan->slab_bytes)
        return blame(trace->diagnostics, trace->pass, span, "a buffer is outside the slab", s);
    for (int k = 0; k < reads; k++) {
        int read = step->fused != NULL ? step->fused->inputs[k].buffer : step->inputs[k];
        if (shares_place(trace, read, buffer) && !may_share(trace, step, s, k, output))
            return blame(trace->diagnostics, trace->pass, span, "a step overwrites what it reads", s);
    }
    return true;
}

static bool check_step(Trace *trace, int s) {
    const PlanStep *step = &trace->plan->steps[s];
    int reads = step->fused != NULL ? step->fused->input_count : step->input_count;
    int writes = step->fused != NULL ? step->fused->output_count : step->output_count;
    for (int k = 0; k < reads; k++)
        if (!check_read(trace, s, step->fused != NULL ? step->fused->inputs[k].buffer : step->inputs[k])) return false;
    for (int k = 0; k < writes; k++)
        if (!check_write(trace, s, k, step->fused != NULL ? step->fused->outputs[k].buffer : step->outputs[k])) return false;
    if (step->scratch_bytes > 0) write_extent(trace, (Extent){step->scratch_offset, step->scratch_offset + step->scratch_bytes, -1});
    for (int k = 0; k < reads && step->scratch_bytes > 0; k++)
        if (!check_read(trace, s, step->inputs[k])) return false;
    for (int k = 0; k < writes; k++) {
        int buffer = step->fused != NULL ? step->fused->outputs[k].buffer : step->outputs[k];
        if (trace->plan->buffers[buffer].kind == BUFFER_SLAB) write_extent(trace, extent_of(trace, buffer));
        if (trace->plan->buffers[buffer].kind == BUFFER_CELL)
            list_push(&trace->written, ((Written){trace->plan->buffers[buffer].cell, trace->lowered->roots[buffer]}));
    }
    return true;
}

/* Reads of cells that were written before: only the task that committed the value, or a copy of it, may do that. */
static bool check_outputs(Trace *trace) {
    for (int k = 0; k < trace->plan->output_count; k++) {
        int buffer = trace->plan->outputs[k];
        const Buffer *b = &trace->plan->buffers[buffer];
        if (b->kind == BUFFER_SLAB && !holds(trace, buffer))
            return blame(trace->diagnostics, trace->pass, (Span){0}, "an output is overwritten", k);
        if (b->kind == BUFFER_CELL && is_written(trace, b->cell, -1))
            return blame(trace->diagnostics, trace->pass, (Span){0}, "an output is a cell that the step writes", k);
    }
    return true;
}

bool verify_plan(const Lowered *lowered, Diagnostics *diagnostics, const char *pass) {
    Trace trace = {.lowered = lowered, .plan = lowered->program->plan, .diagnostics = diagnostics, .pass = pass};
    bool ok = true;
    for (int s = 0; ok && s < trace.plan->step_count; s++) ok = check_step(&trace, s);
    ok = ok && check_outputs(&trace);
    list_free(&trace.extents);
    list_free(&trace.written);
    return ok;
}
