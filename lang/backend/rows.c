#include "lang/backend/lowering.h"

#include "runtime/exec/rows.h"

#include <stdlib.h>

static const RowsCombine combines[] = {
    [ROWS_KEPT] = ROWS_APPEND, [ROWS_SUM] = ROWS_ADD, [ROWS_MAX] = ROWS_LARGER, [ROWS_MIN] = ROWS_SMALLER};

PlanRows *lower_rows(Lowering *lowering, const Node *node) {
    const RowsBody *body = node->rows;
    CompileOptions options = *lowering->options;
    options.skip_rows = true;
    PlanRows *rows = allocate(sizeof *rows);
    *rows = (PlanRows){.body = lowering_body(lowering, body->graph, body->results, body->result_count, &options),
                       .cells = lowering_cells(body->cells, body->input_count),
                       .is_cut = lower_array(body->is_cut, (size_t)body->input_count),
                       .input_count = body->input_count,
                       .combines = allocate(sizeof(RowsCombine) * (size_t)body->result_count),
                       .output_count = body->result_count,
                       .row_count = body->row_count,
                       .block_rows = body->block_rows,
                       .block_count = body->block_count};
    for (int k = 0; k < body->result_count; k++) rows->combines[k] = combines[body->kinds[k]];
    if (rows->body != NULL) return rows;
    rows_free(rows);
    return NULL;
}

void lower_rows_origins(PlanStep *step, const Node *node) {
    lower_origins(step, node->rows->graph->nodes, (int)node->rows->graph->node_count);
    for (int k = 0; k < step->origin_count; k++) step->origins[k].flops *= (double)node->rows->block_count;
}
