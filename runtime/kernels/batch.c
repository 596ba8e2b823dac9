#include "runtime/kernels/batch.h"

#include "runtime/kernels/axis.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

Batch batch_of(const KernelCall *call, SolveMatrix *solve, size_t scratch_bytes) {
    Shape shape = call->inputs[0].shape;
    Batch batch = {.call = call, .count = 1, .solve = solve};
    for (int k = 0; k + 2 < shape.rank; k++) batch.count *= shape.dims[k];
    batch.m = shape.dims[shape.rank - 2];
    batch.n = shape.dims[shape.rank - 1];
    batch.matrices_per_tile = items_per_tile(batch.m * batch.n * min_i64(batch.m, batch.n));
    batch.slots.memory = call->scratch;
    batch.slots.slot_bytes = slots_round(scratch_bytes);
    batch.first_failed = batch.count;
    return batch;
}

size_t batch_scratch(size_t scratch_bytes) { return slots_round(scratch_bytes) * SLOT_COUNT; }

static void note_failure(Batch *batch, int64_t index) {
    int64_t first = atomic_load(&batch->first_failed);
    while (index < first && !atomic_compare_exchange_weak(&batch->first_failed, &first, index)) continue;
}

static void run_tile(void *context, int64_t tile) {
    Batch *batch = context;
    void *slot = batch->slots.slot_bytes ? slots_take(&batch->slots) : NULL;
    int64_t end = min_i64((tile + 1) * batch->matrices_per_tile, batch->count);
    for (int64_t i = tile * batch->matrices_per_tile; i < end; i++)
        if (batch->solve(batch, i, slot) != MATRIX_OK) note_failure(batch, i);
    if (slot) slots_give(&batch->slots, slot);
}

bool batch_run(Batch *batch, int64_t *index, int *info) {
    threads_run(batch->call->threads, ceil_div(batch->count, batch->matrices_per_tile), run_tile, batch);
    *index = atomic_load(&batch->first_failed);
    if (*index == batch->count) return true;
    /* Solved once more to learn what happened: which matrix was first must not depend on the order of tiles. */
    *info = batch->solve(batch, *index, batch->slots.memory);
    char subject[64];
    if (*info == MATRIX_NOT_FINITE)
        fault_set(batch->call->fault, "%s holds a number that is NaN or infinite", batch_subject(batch, *index, subject));
    return false;
}

const char *batch_subject(const Batch *batch, int64_t index, char text[64]) {
    snprintf(text, 64, batch->count == 1 ? "the matrix" : "matrix %" PRId64 " of the batch", index);
    return text;
}

bool matrix_is_finite(const View *view, int64_t index, int64_t elements) {
    const void *data = batch_matrix(view, index, elements);
    if (view->dtype == DTYPE_F32) {
        float sum = 0; /* 0 * x is 0 for finite x, else NaN */
        for (int64_t i = 0; i < elements; i++) sum += 0.0f * ((const float *)data)[i];
        return sum == 0.0f;
    }
    double sum = 0;
    for (int64_t i = 0; i < elements; i++) sum += 0.0 * ((const double *)data)[i];
    return sum == 0.0;
}
