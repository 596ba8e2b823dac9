/* A rows step: a body plan run on one block of rows after another, each block by one thread.
 *
 * Inputs that are cut have row_count rows, of which the body sees its own; it sees all of the others. Where row_count is no multiple of
 * block_rows, the last block begins earlier and computes rows of the one before again; nothing is combined then. The body's
 * outputs are appended (its rows of the step's output) or combined element by element over the blocks, in an order that does
 * not depend on threads. The body reads its inputs through cells that belong to this step and writes none. It has no loops. */
#ifndef REG_EXEC_ROWS_H
#define REG_EXEC_ROWS_H

#include "runtime/exec/plan.h"

typedef enum RowsCombine { ROWS_APPEND, ROWS_ADD, ROWS_LARGER, ROWS_SMALLER } RowsCombine;

struct PlanRows {
    Plan *body;
    Cell **cells; /* by input */
    bool *is_cut;
    int input_count;
    RowsCombine *combines; /* by output of the body */
    int output_count;
    int64_t row_count, block_rows, block_count;
    void *prepared;
};

bool rows_prepare(PlanRows *rows, const View *inputs, const View *outputs, Threads *threads, Fault *fault);
bool rows_run(PlanRows *rows, const View *inputs, const View *outputs, Fault *fault);
Plan *rows_body(const PlanRows *rows, int thread); /* the body as that thread runs it; NULL beyond the last, and before rows_prepare */
size_t rows_peak_bytes(const PlanRows *rows);      /* of one thread: what its body needs */
void rows_free(PlanRows *rows);

#endif
