#include "lang/passes/compile.h"

#include "lang/ops/op.h"
#include "lang/passes/channels_last.h"
#include "lang/passes/fuse.h"
#include "lang/passes/loops.h"
#include "lang/passes/memory.h"
#include "lang/passes/narrow.h"
#include "lang/passes/recompute.h"
#include "lang/passes/rows.h"
#include "lang/passes/schedule.h"
#include "lang/passes/simplify.h"
#include "lang/passes/sums.h"
#include "lang/passes/sweep.h"
#include "lang/passes/verify.h"
#include "runtime/base/memory.h"
#include "runtime/exec/rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct Pass {
    const char *name;
    bool (*run)(Unit *unit);
    enum { ALWAYS, FOLDING, FUSING, BLOCKING, FOR_KERNELS } when;
} Pass;

/* The passes over the graph. Simplifying twice lets identities meet what earlier ones made. */
static const Pass graph_passes[] = {
    {"share loops", loops_share, ALWAYS},
    {"drop records", loops_drop_records, ALWAYS},
    {"hoist", loops_hoist, ALWAYS},
    {"simplify", simplify, ALWAYS},
    {"narrow", narrow, ALWAYS},
    {"simplify", simplify, ALWAYS},
    {"sums", sums_take_apart, ALWAYS},
    {"channels last", channels_last, FOR_KERNELS},
    {"fold", fold_constants, FOLDING},
    {"simplify", simplify, FOLDING},
    {"sweep products", sweep_products, FOR_KERNELS},
    {"rows", rows_block, BLOCKING},
    {"recompute", recompute, FUSING},
};

static bool run_graph_passes(Unit *unit, const CompileOptions *options) {
    if (options->verify && !verify_unit(unit, "extract")) return false;
    for (size_t k = 0; k < sizeof graph_passes / sizeof *graph_passes; k++) {
        const Pass *pass = &graph_passes[k];
        if (pass->when == FOLDING && options->skip_folding) continue;
        if (pass->when == FUSING && options->skip_fusion) continue;
        if (pass->when == FOR_KERNELS && options->portable) continue;
        if (pass->when == BLOCKING && (options->portable || options->skip_rows || options->skip_folding || options->skip_fusion)) continue;
        if (!pass->run(unit) || (options->verify && !verify_unit(unit, pass->name))) return false;
    }
    return true;
}

/* Graph to plan: fuse, schedule, lower, place. */
static bool plan_unit(Lowered *lowered, const Unit *unit, const CompileOptions *options) {
    Tasks tasks;
    Schedule schedule;
    Diagnostics *diagnostics = unit->graph->diagnostics;
    tasks_build(&tasks, unit, !options->skip_fusion);
    schedule_build(&schedule, unit, &tasks);
    bool ok = !options->verify || verify_tasks(unit, &tasks, &schedule, "schedule");
    ok = ok && lower(lowered, unit, &tasks, &schedule, options);
    if (ok) memory_plan(lowered);
    if (ok && options->verify && !verify_plan(lowered, diagnostics, "memory")) {
        program_free(lowered->program);
        lowered_free(lowered);
        ok = false;
    }
    schedule_free(&schedule);
    tasks_free(&tasks);
    return ok;
}

Program *compile_graph(const Graph *graph, Node *const *outputs, int output_count, const Commit *commits, int commit_count,
                       const CompileOptions *options, Diagnostics *diagnostics) {
    Unit unit;
    Lowered lowered = {0};
    Program *program = NULL;
    if (!unit_extract(&unit, graph, outputs, output_count, commits, commit_count, diagnostics)) return NULL;
    if (run_graph_passes(&unit, options) && plan_unit(&lowered, &unit, options)) {
        program = lowered.program;
        lowered_free(&lowered);
    }
    unit_free(&unit);
    return program;
}

void program_free(Program *program) {
    if (program == NULL) return;
    int steps = program->step_count;
    if (program->plan != NULL) plan_free(program->plan);
    for (int k = 0; k < steps; k++) free(program->step_labels[k]);
    free(program->step_labels);
    free(program->step_spans);
    free(program);
}

/* ---- dumps ------------------------------------------------------------------------------------------------------------- */

static void dump_unit(const Unit *unit, Text *out) {
    int count = unit->output_count + unit->commit_count;
    Node **roots = allocate(sizeof(Node *) * (size_t)count);
    for (int k = 0; k < unit->output_count; k++) roots[k] = unit->outputs[k];
    for (int k = 0; k < unit->commit_count; k++) roots[unit->output_count + k] = unit->commits[k].value;
    graph_dump(unit->graph, roots, count, out);
    for (int k = 0; k < unit->commit_count; k++)
        text_addf(out, "commit %s <- %%%d\n", unit->commits[k].cell->name, unit->commits[k].value->id);
    free(roots);
}

static void dump_buffer(const Plan *plan, int number, Text *out) {
    const Buffer *buffer = &plan->buffers[number];
    char shape[SHAPE_TEXT];
    text_addf(out, " %s%s", dtype_name(buffer->dtype), shape_text(buffer->shape, shape));
    if (buffer->kind == BUFFER_SLAB) text_addf(out, "@%zu", buffer->offset);
    else if (buffer->kind == BUFFER_CELL) text_addf(out, "'%s'", buffer->cell->name);
    else if (buffer->kind == BUFFER_NEXT) text_add(out, "next");
    else text_add(out, "constant");
}

static void dump_fused(const Plan *plan, const Fused *fused, Text *out) {
    static const char *const reduces[] = {"", " sum", " max", " min"};
    char shape[SHAPE_TEXT];
    text_addf(out, " over %s:", shape_text(fused->shape, shape));
    for (int k = 0; k < fused->input_count; k++) dump_buffer(plan, fused->inputs[k].buffer, out);
    text_add(out, " ->");
    for (int k = 0; k < fused->output_count; k++) {
        text_add(out, reduces[fused->outputs[k].reduce]);
        dump_buffer(plan, fused->outputs[k].buffer, out);
    }
}

static void dump_steps(const Plan *plan, int depth, Text *out);

static void dump_step(const Plan *plan, const PlanStep *step, int depth, Text *out) {
    static const char *const combines[] = {"", " sum", " max", " min"};
    if (step->fused != NULL) dump_fused(plan, step->fused, out);
    else {
        text_add_char(out, ':');
        for (int k = 0; k < step->input_count; k++) dump_buffer(plan, step->inputs[k], out);
        text_add(out, " ->");
        for (int k = 0; k < step->output_count; k++) {
            if (step->rows != NULL) text_add(out, combines[step->rows->combines[k]]);
            dump_buffer(plan, step->outputs[k], out);
        }
    }
    text_add_char(out, '\n');
    if (step->rows == NULL) return;
    text_addf(out, "%*s%" PRId64 " blocks of %" PRId64 " rows, slab %zu bytes\n", 4 * depth + 4, "", step->rows->block_count,
              step->rows->block_rows, step->rows->body->slab_bytes);
    dump_steps(step->rows->body, depth + 1, out);
}

static void dump_steps(const Plan *plan, int depth, Text *out) {
    for (int s = 0; s < plan->step_count; s++) {
        text_addf(out, "%*s%3d %s", 4 * depth, "", s, plan->steps[s].label);
        dump_step(plan, &plan->steps[s], depth, out);
    }
}

static void dump_plan(const Program *program, Text *out) {
    const Plan *plan = program->plan;
    text_addf(out, "slab %zu bytes, %d steps, commits from %d\n", plan->slab_bytes, plan->step_count, plan->commit_start);
    dump_steps(plan, 0, out);
    for (int k = 0; k < plan->output_count; k++) {
        text_addf(out, "output %d:", k);
        dump_buffer(plan, plan->outputs[k], out);
        text_add_char(out, '\n');
    }
}

static bool dump_planned(const Unit *unit, const CompileOptions *options, Text *out) {
    Lowered lowered = {0};
    if (!plan_unit(&lowered, unit, options)) return false;
    dump_plan(lowered.program, out);
    program_free(lowered.program);
    lowered_free(&lowered);
    return true;
}

bool compile_dump(const Graph *graph, Node *const *outputs, int output_count, const Commit *commits, int commit_count, const char *stage,
                  Diagnostics *diagnostics, Text *out) {
    CompileOptions options = {.verify = true};
    Unit unit;
    if (!unit_extract(&unit, graph, outputs, output_count, commits, commit_count, diagnostics)) return false;
    bool ok = strcmp(stage, "graph") == 0 || run_graph_passes(&unit, &options);
    if (ok && (strcmp(stage, "graph") == 0 || strcmp(stage, "simplified") == 0)) dump_unit(&unit, out);
    else if (ok && strcmp(stage, "fused") == 0) {
        Tasks tasks;
        tasks_build(&tasks, &unit, true);
        tasks_dump(&tasks, out);
        tasks_free(&tasks);
    } else if (ok) ok = dump_planned(&unit, &options, out);
    unit_free(&unit);
    return ok;
}
