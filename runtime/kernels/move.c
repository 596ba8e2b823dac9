/* Kernels that only move elements: transpose, slice, flip, pad, concat. Each is a strided copy. */
#include "runtime/kernels/kernels.h"
#include "runtime/kernels/strided.h"

#include <string.h>

/* A copy of the whole of `source` into the same places of `target`, to be bent by the caller. */
static StridedCopy plain_copy(const View *source, const View *target) {
    StridedCopy copy = {
        .element_bytes = dtype_bytes(source->dtype),
        .rank = source->shape.rank,
        .target = target->data,
        .source = source->data,
    };
    memcpy(copy.dims, source->shape.dims, sizeof copy.dims);
    shape_strides(source->shape, copy.source_strides);
    shape_strides(target->shape, copy.target_strides);
    return copy;
}

static int64_t copy_bytes_of(const StridedCopy *copy, int64_t elements) { return elements * (int64_t)copy->element_bytes; }

bool kernel_transpose(const KernelCall *call) {
    StridedCopy copy = plain_copy(&call->inputs[0], &call->outputs[0]);
    int64_t strides[RANK_MAX];
    shape_strides(call->inputs[0].shape, strides);
    for (int k = 0; k < copy.rank; k++) {
        copy.dims[k] = call->outputs[0].shape.dims[k];
        copy.source_strides[k] = strides[call->ints[k]];
    }
    strided_copy(copy, call->threads);
    return true;
}

bool kernel_slice(const KernelCall *call) {
    StridedCopy copy = plain_copy(&call->inputs[0], &call->outputs[0]);
    const int64_t *start = call->ints, *step = call->ints + copy.rank;
    if (shape_count(call->outputs[0].shape) == 0) return true;
    for (int k = 0; k < copy.rank; k++) {
        copy.dims[k] = call->outputs[0].shape.dims[k];
        copy.source += copy_bytes_of(&copy, start[k] * copy.source_strides[k]);
        copy.source_strides[k] *= step[k];
    }
    strided_copy(copy, call->threads);
    return true;
}

bool kernel_flip(const KernelCall *call) {
    StridedCopy copy = plain_copy(&call->inputs[0], &call->outputs[0]);
    if (shape_count(call->inputs[0].shape) == 0) return true;
    for (int k = 0; k < copy.rank; k++)
        if (call->ints[k]) {
            copy.source += copy_bytes_of(&copy, (copy.dims[k] - 1) * copy.source_strides[k]);
            copy.source_strides[k] = -copy.source_strides[k];
        }
    strided_copy(copy, call->threads);
    return true;
}

enum { FILL_ELEMENTS = 1 << 15 };

typedef struct Fill {
    View view;
    int64_t count;
    double value;
} Fill;

static void fill_tile(void *context, int64_t tile) {
    const Fill *fill = context;
    int64_t start = tile * FILL_ELEMENTS, end = start + FILL_ELEMENTS < fill->count ? start + FILL_ELEMENTS : fill->count;
    switch (fill->view.dtype) {
    case DTYPE_BOOL: memset((uint8_t *)fill->view.data + start, fill->value != 0, (size_t)(end - start)); return;
    case DTYPE_I64:
        for (int64_t i = start; i < end; i++) ((int64_t *)fill->view.data)[i] = (int64_t)fill->value;
        return;
    case DTYPE_F32:
        for (int64_t i = start; i < end; i++) ((float *)fill->view.data)[i] = (float)fill->value;
        return;
    case DTYPE_F64:
        for (int64_t i = start; i < end; i++) ((double *)fill->view.data)[i] = fill->value;
        return;
    }
}

static void fill_view(const View *view, double value, Threads *threads) {
    Fill fill = {.view = *view, .count = shape_count(view->shape), .value = value};
    threads_run(threads, (fill.count + FILL_ELEMENTS - 1) / FILL_ELEMENTS, fill_tile, &fill);
}

/* Negative low or high cuts elements off: only indices i with 0 <= low + i * step < size land in the output. */
bool kernel_pad(const KernelCall *call) {
    StridedCopy copy = plain_copy(&call->inputs[0], &call->outputs[0]);
    const int64_t *low = call->ints, *interior = call->ints + 2 * copy.rank;
    fill_view(&call->outputs[0], call->numbers[0], call->threads);
    for (int k = 0; k < copy.rank; k++) {
        int64_t step = interior[k] + 1, size = call->outputs[0].shape.dims[k];
        int64_t first = low[k] < 0 ? (-low[k] + step - 1) / step : 0;
        int64_t end = size > low[k] ? (size - low[k] + step - 1) / step : 0;
        end = end < copy.dims[k] ? end : copy.dims[k];
        if (first >= end) return true;
        copy.dims[k] = end - first;
        copy.source += copy_bytes_of(&copy, first * copy.source_strides[k]);
        copy.target += copy_bytes_of(&copy, (low[k] + first * step) * copy.target_strides[k]);
        copy.target_strides[k] *= step;
    }
    strided_copy(copy, call->threads);
    return true;
}

bool kernel_concat(const KernelCall *call) {
    int64_t axis = call->ints[0], at = 0;
    for (int i = 0; i < call->input_count; i++) {
        const View *input = &call->inputs[i];
        if (shape_count(input->shape) == 0) continue;
        StridedCopy copy = plain_copy(input, &call->outputs[0]);
        copy.target += copy_bytes_of(&copy, at * copy.target_strides[axis]);
        strided_copy(copy, call->threads);
        at += input->shape.dims[axis];
    }
    return true;
}
