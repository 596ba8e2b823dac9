#include "runtime/exec/rows.h"

#include "runtime/base/memory.h"
#include "runtime/exec/elementwise.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { TASK_MAX = 16 }; /* pieces of work; each has sums of its own */

/* The body for one thread at a time: its own intermediate values, and cells that show it its rows. */
typedef struct Worker {
    Plan *body;
    Cell **cells;
    Fault fault;
    atomic_flag is_taken;
} Worker;

typedef struct RowsState {
    Worker *workers;
    int worker_count;
    Threads *threads;
    int64_t task_count, task_blocks; /* the last task may have fewer blocks */
    char *sums;                      /* of each task, each combined output */
    size_t *sum_offsets;             /* by output, within a task */
    size_t task_bytes;
    double *totals; /* of the largest combined output */
} RowsState;

/* ---- preparing ------------------------------------------------------------------------------------------------------------- */

/* The same steps with memory of their own, and the cells `to` where `plan` has `from`. */
static Plan *twin_of(const Plan *plan, Cell *const *from, Cell *const *to, int count) {
    Plan *twin = allocate(sizeof *twin);
    *twin = *plan;
    twin->is_twin = true;
    twin->slab = twin->prepared = NULL;
    twin->code = NULL;
    twin->buffers = allocate((size_t)plan->buffer_count * sizeof *twin->buffers);
    for (int i = 0; i < plan->buffer_count; i++) {
        Buffer *buffer = &twin->buffers[i];
        *buffer = plan->buffers[i];
        for (int k = 0; k < count; k++)
            if (plan->buffers[i].cell == from[k]) buffer->cell = to[k];
        if (buffer->tensor != NULL) tensor_retain(buffer->tensor);
        if (buffer->cell != NULL) cell_retain(buffer->cell);
    }
    return twin;
}

static bool prepare_worker(const PlanRows *rows, Worker *worker, const View *inputs, bool is_first, Fault *fault) {
    worker->cells = allocate((size_t)rows->input_count * sizeof *worker->cells);
    for (int k = 0; k < rows->input_count; k++) {
        View view = inputs[k];
        if (rows->is_cut[k]) view.shape.dims[0] = rows->block_rows;
        worker->cells[k] = is_first ? cell_retain(rows->cells[k]) : cell_new(rows->cells[k]->name, NULL);
        tensor_release(worker->cells[k]->tensor);
        worker->cells[k]->tensor = tensor_wrap(view.dtype, view.shape, view.data);
    }
    worker->body = is_first ? rows->body : twin_of(rows->body, rows->cells, worker->cells, rows->input_count);
    atomic_flag_clear(&worker->is_taken);
    return plan_prepare(worker->body, NULL, fault);
}

static size_t view_bytes(View view) { return (size_t)shape_count(view.shape) * dtype_bytes(view.dtype); }

static bool prepare_sums(const PlanRows *rows, RowsState *state, const View *outputs, Fault *fault) {
    int64_t largest = 0;
    state->sum_offsets = allocate((size_t)rows->output_count * sizeof *state->sum_offsets);
    for (int k = 0; k < rows->output_count; k++) {
        int64_t count = shape_count(outputs[k].shape);
        state->sum_offsets[k] = state->task_bytes;
        if (rows->combines[k] == ROWS_APPEND) continue;
        state->task_bytes += (view_bytes(outputs[k]) + 63) / 64 * 64;
        largest = count > largest ? count : largest;
    }
    if (state->task_bytes == 0) return true;
    state->sums = aligned_alloc(64, state->task_bytes * (size_t)state->task_count);
    if (state->sums == NULL) return fault_set(fault, "not enough memory for the sums of blocks of rows");
    state->totals = allocate((size_t)largest * sizeof(double));
    return true;
}

bool rows_prepare(PlanRows *rows, const View *inputs, const View *outputs, Threads *threads, Fault *fault) {
    if (rows->prepared != NULL) return true;
    RowsState *state = rows->prepared = allocate(sizeof *state);
    state->threads = threads;
    state->task_blocks = (rows->block_count + TASK_MAX - 1) / TASK_MAX;
    state->task_count = (rows->block_count + state->task_blocks - 1) / state->task_blocks;
    int workers = threads_count(threads) < state->task_count ? threads_count(threads) : (int)state->task_count;
    state->workers = allocate((size_t)workers * sizeof *state->workers);
    for (; state->worker_count < workers; state->worker_count++)
        if (!prepare_worker(rows, &state->workers[state->worker_count], inputs, state->worker_count == 0, fault)) return false;
    return prepare_sums(rows, state, outputs, fault);
}

/* ---- running --------------------------------------------------------------------------------------------------------------- */

typedef struct Run {
    const PlanRows *rows;
    RowsState *state;
    const View *inputs, *outputs;
    atomic_bool failed;
} Run;

static Worker *take_worker(RowsState *state) {
    for (int k = 0;; k = (k + 1) % state->worker_count)
        if (!atomic_flag_test_and_set_explicit(&state->workers[k].is_taken, memory_order_acquire)) return &state->workers[k];
}

static void combine(RowsCombine how, DType dtype, void *sum, const void *value, int64_t count, bool is_first) {
    static const ElementwiseCode codes[] = {
        [ROWS_ADD] = ELEMENTWISE_ADD, [ROWS_LARGER] = ELEMENTWISE_MAX, [ROWS_SMALLER] = ELEMENTWISE_MIN};
    if (is_first) memcpy(sum, value, (size_t)count * dtype_bytes(dtype));
    else elementwise_table()->functions[codes[how]][dtype](sum, sum, value, NULL, count);
}

/* The first row of a block; `again` of its rows belong to the block before. */
static int64_t first_row(const PlanRows *rows, int64_t block, int64_t *again) {
    int64_t row = block * rows->block_rows, last = rows->row_count - rows->block_rows;
    *again = row > last ? row - last : 0;
    return row - *again;
}

static void append(const PlanRows *rows, View out, View value, int64_t block) {
    size_t row_bytes = view_bytes(value) / (size_t)rows->block_rows;
    int64_t again, row = first_row(rows, block, &again) + again;
    memcpy((char *)out.data + (size_t)row * row_bytes, (char *)value.data + (size_t)again * row_bytes,
           (size_t)(rows->block_rows - again) * row_bytes);
}

static void deliver(const Run *run, const Worker *worker, int64_t task, int64_t block) {
    const PlanRows *rows = run->rows;
    const RowsState *state = run->state;
    for (int k = 0; k < rows->output_count; k++) {
        View value = plan_output(worker->body, k);
        char *sum = state->sums + (size_t)task * state->task_bytes + state->sum_offsets[k];
        if (rows->combines[k] == ROWS_APPEND) append(rows, run->outputs[k], value, block);
        else combine(rows->combines[k], value.dtype, sum, value.data, shape_count(value.shape), block == task * state->task_blocks);
    }
}

static void show_block(const PlanRows *rows, const Worker *worker, const View *inputs, int64_t block) {
    int64_t again, row = first_row(rows, block, &again);
    for (int k = 0; k < rows->input_count; k++) {
        Tensor *tensor = worker->cells[k]->tensor;
        size_t row_bytes = tensor_bytes(tensor) / (size_t)rows->block_rows;
        tensor->data = (char *)inputs[k].data + (rows->is_cut[k] ? (size_t)row * row_bytes : 0);
    }
}

static void run_task(void *context, int64_t task) {
    Run *run = context;
    const PlanRows *rows = run->rows;
    Worker *worker = take_worker(run->state);
    int64_t first = task * run->state->task_blocks, end = first + run->state->task_blocks;
    if (end > rows->block_count) end = rows->block_count;
    for (int64_t block = first; block < end && !atomic_load_explicit(&run->failed, memory_order_relaxed); block++) {
        show_block(rows, worker, run->inputs, block);
        if (plan_run(worker->body, &worker->fault)) deliver(run, worker, task, block);
        else atomic_store(&run->failed, true);
    }
    atomic_flag_clear_explicit(&worker->is_taken, memory_order_release);
}

/* Over the tasks: sums in double. */
static void combine_tasks(const Run *run, int output) {
    const RowsState *state = run->state;
    View out = run->outputs[output];
    RowsCombine how = run->rows->combines[output];
    int64_t count = shape_count(out.shape);
    const char *sums = state->sums + state->sum_offsets[output];
    if (how != ROWS_ADD || !dtype_is_float(out.dtype)) {
        for (int64_t task = 0; task < state->task_count; task++)
            combine(how, out.dtype, out.data, sums + (size_t)task * state->task_bytes, count, task == 0);
        return;
    }
    memset(state->totals, 0, (size_t)count * sizeof(double));
    for (int64_t task = 0; task < state->task_count; task++)
        elementwise_table()->reduce_columns[COMBINE_SUM][out.dtype](state->totals, sums + (size_t)task * state->task_bytes, 1, count);
    elementwise_table()->casts[DTYPE_F64][out.dtype](out.data, state->totals, count);
}

static bool report(const RowsState *state, Fault *fault) {
    for (int k = 0; k < state->worker_count; k++)
        if (state->workers[k].fault.message[0] != '\0') return fault_set(fault, "%s", state->workers[k].fault.message);
    return false;
}

bool rows_run(PlanRows *rows, const View *inputs, const View *outputs, Fault *fault) {
    RowsState *state = rows->prepared;
    Run run = {.rows = rows, .state = state, .inputs = inputs, .outputs = outputs};
    for (int k = 0; k < state->worker_count; k++) state->workers[k].fault.message[0] = '\0';
    threads_run(state->threads, state->task_count, run_task, &run);
    if (atomic_load(&run.failed)) return report(state, fault);
    if (threads_are_interrupted(state->threads)) return true; /* the plan asks next */
    for (int k = 0; k < rows->output_count; k++)
        if (rows->combines[k] != ROWS_APPEND) combine_tasks(&run, k);
    return true;
}

Plan *rows_body(const PlanRows *rows, int thread) {
    const RowsState *state = rows->prepared;
    return state != NULL && thread < state->worker_count ? state->workers[thread].body : NULL;
}

size_t rows_peak_bytes(const PlanRows *rows) { return plan_peak_bytes(rows->body); }

void rows_free(PlanRows *rows) {
    if (rows == NULL) return;
    RowsState *state = rows->prepared;
    for (int k = 0; state != NULL && k < state->worker_count; k++) {
        Worker *worker = &state->workers[k];
        if (k > 0) plan_free(worker->body);
        for (int i = 0; i < rows->input_count; i++) cell_release(worker->cells[i]);
        free(worker->cells);
    }
    if (state != NULL) {
        free(state->workers);
        free(state->sums);
        free(state->sum_offsets);
        free(state->totals);
        free(state);
    }
    plan_free(rows->body);
    for (int k = 0; k < rows->input_count; k++) cell_release(rows->cells[k]);
    free(rows->cells);
    free(rows->is_cut);
    free(rows->combines);
    free(rows);
}
