#include "lang/backend/lower.h"

#include "lang/backend/lowering.h"
#include "lang/ops/op.h"
#include "lang/passes/access.h"

#include <stdlib.h>
#include <string.h>

static void copy_attributes(PlanStep *step, const Node *node) {
    step->ints = lower_array(node->ints, sizeof(int64_t) * (size_t)node->int_count);
    step->int_count = node->int_count;
    step->numbers = lower_array(node->numbers, sizeof(double) * (size_t)node->number_count);
    step->number_count = node->number_count;
}

static void bind_values(Lowering *lowering, PlanStep *step, Node *node) {
    step->input_count = node->input_count;
    step->inputs = allocate(sizeof(int) * (size_t)node->input_count);
    for (int k = 0; k < node->input_count; k++) step->inputs[k] = lowering_buffer(lowering, node->inputs[k]);
    step->output_count = node->part_count > 0 ? node->part_count : 1;
    step->outputs = allocate(sizeof(int) * (size_t)step->output_count);
    for (int k = 0; k < step->output_count; k++)
        step->outputs[k] = node->part_count > 0 ? lowering_part(lowering, node, k) : lowering_buffer(lowering, node);
}

static View view_of(const Lowering *lowering, int buffer) {
    return (View){.dtype = lowering->buffers.items[buffer].dtype, .shape = lowering->buffers.items[buffer].shape};
}

/* Kernels say how much scratch they need from shapes alone. */
static size_t scratch_bytes(const Lowering *lowering, const PlanStep *step) {
    if (step->kernel->scratch_bytes == NULL) return 0;
    View *views = allocate(sizeof(View) * (size_t)(step->input_count + step->output_count));
    for (int k = 0; k < step->input_count; k++) views[k] = view_of(lowering, step->inputs[k]);
    for (int k = 0; k < step->output_count; k++) views[step->input_count + k] = view_of(lowering, step->outputs[k]);
    KernelCall call = {.inputs = views,
                       .input_count = step->input_count,
                       .outputs = views + step->input_count,
                       .output_count = step->output_count,
                       .ints = step->ints,
                       .int_count = step->int_count,
                       .numbers = step->numbers,
                       .number_count = step->number_count};
    size_t bytes = step->kernel->scratch_bytes(&call);
    free(views);
    return bytes;
}

static bool lower_node(Lowering *lowering, PlanStep *step, Node *node) {
    bind_values(lowering, step, node);
    copy_attributes(step, node);
    if (node->op == OP_LOOP) return (step->loop = lower_loop(lowering, node)) != NULL;
    if (node->op == OP_ROWS) return (step->rows = lower_rows(lowering, node)) != NULL;
    step->kernel = op_of(node)->kernel != NULL ? kernel_find(op_of(node)->kernel) : NULL;
    if (step->kernel == NULL)
        return diagnose(lowering->unit->graph->diagnostics, "E0901", node->span, "'%s' has no kernel", op_of(node)->name);
    step->scratch_bytes = scratch_bytes(lowering, step);
    return true;
}

/* "fused mul add exp": the ops in order, each once, as long as the text stays short. */
static char *fused_label(const Task *task) {
    bool seen[OP_COUNT] = {0};
    Text text = {0};
    text_add(&text, "fused");
    for (int k = 0; k < task->member_count && text.length < 60; k++) {
        if (seen[task->members[k]->op]) continue;
        seen[task->members[k]->op] = true;
        text_addf(&text, " %s", op_of(task->members[k])->name);
    }
    return text.bytes;
}

static bool lower_task(Lowering *lowering, Program *program, int step_number, int task) {
    const Task *t = &lowering->tasks->items[task];
    Node *last = t->members[t->member_count - 1];
    PlanStep *step = &program->plan->steps[step_number];
    program->step_spans[step_number] = last->span;
    if (t->kind == TASK_FUSED) step->fused = lower_fused(lowering, task);
    else if (!lower_node(lowering, step, last)) return false;
    if (step->rows != NULL) lower_rows_origins(step, last);
    else lower_origins(step, t->members, t->member_count);
    step->bytes = t->kind == TASK_FUSED ? lower_fused_bytes(lowering, step->fused) : t->kind == TASK_KERNEL ? op_bytes(last) : 0;
    program->step_labels[step_number] = t->kind == TASK_FUSED ? fused_label(t) : copy_string(op_of(last)->name);
    return true;
}

static void lower_exchange(PlanStep *step, int from, int to) {
    step->is_exchange = true;
    step->inputs = lower_array(&from, sizeof from);
    step->outputs = lower_array(&to, sizeof to);
    step->input_count = step->output_count = 1;
}

static void lower_copy_entry(Lowering *lowering, Program *program, int step_number, const Entry *entry) {
    const Commit *commit = entry->kind == ENTRY_COPY ? &lowering->unit->commits[entry->index] : NULL;
    Node *node = commit != NULL ? commit->value : entry->node;
    int from = commit != NULL ? lowering_final_buffer(lowering, node) : lowering_buffer(lowering, node);
    int to = commit != NULL ? lowering_cell(lowering, commit->cell, node->type) : lowering_snapshot(lowering, node);
    PlanStep *step = &program->plan->steps[step_number];
    bool is_exchange = commit != NULL && lowering->tasks->is_exchanged[node->id];
    if (is_exchange) lower_exchange(step, from, to);
    else step->fused = lower_copy(shape_count(node->type.shape), from, to);
    step->bytes = is_exchange ? 0 : lower_fused_bytes(lowering, step->fused);
    lower_origins(step, &node, 1);
    step->origins[0].flops = 0;
    program->step_spans[step_number] = node->span;
    program->step_labels[step_number] = copy_string(is_exchange ? "exchange with cell" : commit != NULL ? "copy to cell" : "copy of cell");
}

static bool lower_steps(Lowering *lowering, Lowered *lowered) {
    const Schedule *schedule = lowering->schedule;
    Program *program = lowered->program;
    Plan *plan = program->plan;
    for (int k = 0; k < schedule->count; k++) {
        const Entry *entry = &schedule->entries[k];
        plan->step_count = program->step_count = k + 1;
        if (entry->kind != ENTRY_TASK) lower_copy_entry(lowering, program, k, entry);
        else if (!lower_task(lowering, program, k, entry->index)) return false;
        const Task *task = entry->kind == ENTRY_TASK ? &lowering->tasks->items[entry->index] : NULL;
        lowered->may_overwrite[k] = task != NULL && task->kind == TASK_KERNEL && op_of(task->members[0])->inplace;
        plan->steps[k].label = program->step_labels[k];
    }
    return true;
}

static void prepare(Lowering *lowering) {
    const Graph *graph = lowering->unit->graph;
    size_t n = graph->node_count + 1;
    lowering->buffer_of = allocate(sizeof(int) * n);
    lowering->snapshot_of = allocate(sizeof(int) * n);
    lowering->register_of = allocate(sizeof(int) * n);
    lowering->first_part = allocate(sizeof(int) * n);
    int part_count = 0;
    for (size_t id = 0; id < graph->node_count; id++) {
        lowering->buffer_of[id] = lowering->snapshot_of[id] = -1;
        lowering->first_part[id] = part_count;
        part_count += graph->nodes[id]->part_count;
    }
    lowering->part_buffers = allocate(sizeof(int) * (size_t)(part_count + 1));
    for (int k = 0; k < part_count; k++) lowering->part_buffers[k] = -1;
}

static void release(Lowering *lowering) {
    free(lowering->buffer_of);
    free(lowering->snapshot_of);
    free(lowering->register_of);
    free(lowering->first_part);
    free(lowering->part_buffers);
}

bool lower(Lowered *lowered, const Unit *unit, const Tasks *tasks, const Schedule *schedule, const CompileOptions *options) {
    Lowering lowering = {.unit = unit, .tasks = tasks, .schedule = schedule, .options = options};
    size_t steps = (size_t)schedule->count;
    Plan *plan = allocate(sizeof *plan);
    Program *program = allocate(sizeof *program);
    *plan = (Plan){.steps = allocate(sizeof(PlanStep) * steps),
                   .commit_start = schedule->commit_start,
                   .outputs = allocate(sizeof(int) * (size_t)unit->output_count),
                   .output_count = unit->output_count};
    *program = (Program){.plan = plan, .step_spans = allocate(sizeof(Span) * steps), .step_labels = allocate(sizeof(char *) * (steps + 1))};
    *lowered = (Lowered){.program = program, .may_overwrite = allocate(steps)};
    prepare(&lowering);
    bool ok = lower_steps(&lowering, lowered);
    for (int k = 0; ok && k < unit->output_count; k++) plan->outputs[k] = lowering_final_buffer(&lowering, unit->outputs[k]);
    plan->buffers = lowering.buffers.items;
    plan->buffer_count = (int)lowering.buffers.count;
    lowered->roots = lowering.roots.items;
    release(&lowering);
    if (ok) return true;
    program_free(program);
    lowered->program = NULL;
    lowered_free(lowered);
    return false;
}

void lowered_free(Lowered *lowered) {
    free(lowered->roots);
    free(lowered->may_overwrite);
    *lowered = (Lowered){0};
}
