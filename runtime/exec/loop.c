#include "runtime/exec/loop.h"

#include "runtime/base/memory.h"

#include <stdlib.h>
#include <string.h>

/* The carries' second halves: the body's results are copied there before any carry changes, since one result may be
 * another carry itself. */
typedef struct LoopState {
    Tensor **next;
    int64_t written_rows; /* of the records, by the run before */
    Threads *threads;
} LoopState;

static void give_tensor(Cell *cell, Tensor *tensor) {
    tensor_release(cell->tensor);
    cell->tensor = tensor;
}

static bool prepare_carries(PlanLoop *loop, const View *initial, LoopState *state, Fault *fault) {
    for (int k = 0; k < loop->carry_count; k++) {
        Tensor *current = tensor_new(initial[k].dtype, initial[k].shape, fault);
        state->next[k] = current != NULL ? tensor_new(initial[k].dtype, initial[k].shape, fault) : NULL;
        if (current != NULL) give_tensor(loop->carries[k], current);
        if (state->next[k] == NULL) return false;
    }
    return true;
}

size_t loop_peak_bytes(const PlanLoop *loop) {
    size_t bytes = plan_peak_bytes(loop->body) + (loop->condition != NULL ? plan_peak_bytes(loop->condition) : 0);
    for (int k = 0; k < loop->carry_count; k++) {
        const Buffer *carry = &loop->body->buffers[loop->body->outputs[k]];
        bytes += 2 * (size_t)shape_count(carry->shape) * dtype_bytes(carry->dtype);
    }
    return bytes;
}

void loop_profile(PlanLoop *loop, struct Profile *profile) {
    loop->body->profile = profile;
    if (loop->condition != NULL) loop->condition->profile = profile;
}

bool loop_prepare(PlanLoop *loop, const View *inputs, Threads *threads, Fault *fault) {
    if (loop->prepared != NULL) return true;
    LoopState *state = loop->prepared = allocate(sizeof *state);
    state->threads = threads;
    state->next = allocate((size_t)loop->carry_count * sizeof(Tensor *));
    for (int i = 0; i < loop->captured_count; i++)
        give_tensor(loop->captured[i], tensor_wrap(inputs[i].dtype, inputs[i].shape, inputs[i].data));
    return prepare_carries(loop, inputs + loop->captured_count, state, fault) &&
           (loop->condition == NULL || plan_prepare(loop->condition, threads, fault)) && plan_prepare(loop->body, threads, fault);
}

static void copy_carries(const PlanLoop *loop, const View *outputs) {
    for (int k = 0; k < loop->carry_count; k++) {
        const Tensor *carry = loop->carries[k]->tensor;
        if (tensor_bytes(carry) > 0) memcpy(outputs[k].data, carry->data, tensor_bytes(carry));
    }
}

static void record_carries(const PlanLoop *loop, const View *records, int64_t row) {
    for (int k = 0; k < loop->carry_count; k++) {
        const Tensor *carry = loop->carries[k]->tensor;
        size_t bytes = tensor_bytes(carry);
        if (bytes > 0 && records[k].shape.dims[0] > 0) memcpy((char *)records[k].data + (size_t)row * bytes, carry->data, bytes);
    }
}

static void clear_records(const PlanLoop *loop, const View *records, int64_t row_count) {
    LoopState *state = loop->prepared;
    for (int k = 0; k < loop->carry_count && row_count < state->written_rows; k++) {
        size_t row_bytes = tensor_bytes(loop->carries[k]->tensor);
        if (records[k].shape.dims[0] > 0)
            memset((char *)records[k].data + (size_t)row_count * row_bytes, 0, (size_t)(state->written_rows - row_count) * row_bytes);
    }
    state->written_rows = row_count;
}

static void start(PlanLoop *loop, const View *inputs) {
    for (int i = 0; i < loop->captured_count; i++) loop->captured[i]->tensor->data = inputs[i].data;
    for (int k = 0; k < loop->carry_count; k++) {
        Tensor *carry = loop->carries[k]->tensor;
        if (tensor_bytes(carry) > 0) memcpy(carry->data, inputs[loop->captured_count + k].data, tensor_bytes(carry));
    }
}

static bool is_done(PlanLoop *loop, int64_t steps, bool *done, Fault *fault) {
    *done = loop->max >= 0 && steps >= loop->max;
    if (*done || loop->condition == NULL) return true;
    if (!plan_run(loop->condition, fault)) return false;
    *done = *(const uint8_t *)plan_output(loop->condition, 0).data != 0;
    return true;
}

static bool advance(PlanLoop *loop, Fault *fault) {
    LoopState *state = loop->prepared;
    if (!plan_run(loop->body, fault)) return false;
    for (int k = 0; k < loop->carry_count; k++)
        if (tensor_bytes(state->next[k]) > 0) memcpy(state->next[k]->data, plan_output(loop->body, k).data, tensor_bytes(state->next[k]));
    for (int k = 0; k < loop->carry_count; k++) {
        Tensor *current = loop->carries[k]->tensor;
        loop->carries[k]->tensor = state->next[k];
        state->next[k] = current;
    }
    return true;
}

bool loop_run(PlanLoop *loop, const View *inputs, const View *outputs, Fault *fault) {
    const LoopState *state = loop->prepared;
    const View *records = outputs + loop->carry_count + 1;
    start(loop, inputs);
    int64_t steps = 0;
    for (;; steps++) {
        if (loop->record) record_carries(loop, records, steps);
        bool done;
        if (!is_done(loop, steps, &done, fault)) return false;
        if (done) break;
        if (!advance(loop, fault)) return false;
        if (threads_are_interrupted(state->threads)) return fault_set(fault, FAULT_INTERRUPTED);
    }
    copy_carries(loop, outputs);
    *(int64_t *)outputs[loop->carry_count].data = steps;
    if (loop->record) clear_records(loop, records, steps + 1);
    return true;
}

void loop_free(PlanLoop *loop) {
    if (loop == NULL) return;
    LoopState *state = loop->prepared;
    for (int k = 0; state != NULL && k < loop->carry_count; k++) tensor_release(state->next[k]);
    plan_free(loop->condition);
    plan_free(loop->body);
    for (int i = 0; i < loop->captured_count; i++) cell_release(loop->captured[i]);
    for (int k = 0; k < loop->carry_count; k++) cell_release(loop->carries[k]);
    if (state != NULL) free(state->next);
    free(state);
    free(loop->captured);
    free(loop->carries);
    free(loop);
}
