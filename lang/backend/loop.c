#include "lang/backend/lowering.h"

#include "runtime/exec/loop.h"

#include <stdlib.h>

/* The plan alone; labels of its own text die with the program, so steps keep the constant ones. */
Plan *lowering_body(const Lowering *lowering, Graph *graph, Node *const *outputs, int count, const CompileOptions *options) {
    Program *program = compile_graph(graph, outputs, count, NULL, 0, options, lowering->unit->graph->diagnostics);
    if (program == NULL) return NULL;
    Plan *plan = program->plan;
    for (int k = 0; k < plan->step_count; k++)
        plan->steps[k].label = plan->steps[k].kernel != NULL ? plan->steps[k].kernel->name
                               : plan->steps[k].loop != NULL ? "loop"
                               : plan->steps[k].rows != NULL ? "rows"
                                                             : "fused";
    program->plan = NULL;
    program_free(program);
    return plan;
}

Cell **lowering_cells(Cell *const *cells, int count) {
    for (int k = 0; k < count; k++) cell_retain(cells[k]);
    return lower_array(cells, sizeof(Cell *) * (size_t)count);
}

PlanLoop *lower_loop(Lowering *lowering, const Node *node) {
    const LoopBody *body = node->loop;
    PlanLoop *loop = allocate(sizeof *loop);
    *loop = (PlanLoop){.captured = lowering_cells(body->captured_cells, body->captured_count),
                       .captured_count = body->captured_count,
                       .carries = lowering_cells(body->carry_cells, body->carry_count),
                       .carry_count = body->carry_count,
                       .max = body->max,
                       .record = node->int_count > 0 && node->ints[0] != 0};
    loop->body = lowering_body(lowering, body->graph, body->next, body->carry_count, lowering->options);
    if (body->condition != NULL) loop->condition = lowering_body(lowering, body->graph, &body->condition, 1, lowering->options);
    if (loop->body != NULL && (body->condition == NULL || loop->condition != NULL)) return loop;
    loop_free(loop);
    return NULL;
}
