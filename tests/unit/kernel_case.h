/* Calling one kernel in a test: tensors in, tensors out, scratch made and freed.
 * Every run is repeated on two threads and must give the same bits. */
#ifndef REG_TESTS_KERNEL_CASE_H
#define REG_TESTS_KERNEL_CASE_H

#include "runtime/kernels/kernels.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CASE_TENSORS = 8 };
typedef struct Case {
    Tensor *inputs[CASE_TENSORS], *outputs[CASE_TENSORS];
    int input_count, output_count;
    int64_t ints[3 * RANK_MAX];
    int int_count;
    double number;
    Fault fault;
} Case;

#define INTS(...) \
    (sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]) { __VA_ARGS__ }
#define SHAPE(...) shape_of((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})

static inline Tensor *case_input(Case *c, Tensor *tensor) { return c->inputs[c->input_count++] = tensor; }

static inline Tensor *case_output(Case *c, DType dtype, Shape shape) {
    Tensor *tensor = tensor_zeros(dtype, shape, NULL);
    assert_non_null(tensor);
    if (tensor_bytes(tensor) > 0) memset(tensor->data, 0x5a, tensor_bytes(tensor)); /* nothing may rely on zeroed outputs */
    return c->outputs[c->output_count++] = tensor;
}

static inline void case_ints(Case *c, size_t count, const int64_t *ints) {
    c->int_count = (int)count;
    memcpy(c->ints, ints, count * sizeof *ints);
}

static inline void case_views(Tensor *const *tensors, int count, View *views) {
    for (int i = 0; i < count; i++) views[i] = (View){.data = tensors[i]->data, .dtype = tensors[i]->dtype, .shape = tensors[i]->shape};
}

typedef bool KernelRun(const KernelCall *call);
typedef size_t KernelScratch(const KernelCall *call);

static inline bool case_run_once(Case *c, KernelRun *run, KernelScratch *scratch_bytes, Threads *threads, Tensor *const *outputs) {
    View inputs[CASE_TENSORS], views[CASE_TENSORS];
    case_views(c->inputs, c->input_count, inputs);
    case_views(outputs, c->output_count, views);
    KernelCall call = {
        .inputs = inputs,
        .input_count = c->input_count,
        .outputs = views,
        .output_count = c->output_count,
        .ints = c->ints,
        .int_count = c->int_count,
        .numbers = &c->number,
        .number_count = 1,
        .threads = threads,
        .fault = &c->fault,
    };
    size_t bytes = scratch_bytes ? (scratch_bytes(&call) + 63) / 64 * 64 : 0;
    call.scratch = bytes ? aligned_alloc(64, bytes) : NULL;
    if (bytes) memset(call.scratch, 0x5a, bytes);
    bool good = run(&call);
    free(call.scratch);
    return good;
}

static inline bool case_run(Case *c, KernelRun *run, KernelScratch *scratch_bytes) {
    c->fault.message[0] = '\0';
    if (!case_run_once(c, run, scratch_bytes, NULL, c->outputs)) return false;
    Threads *threads = threads_new(2);
    Tensor *again[CASE_TENSORS];
    for (int i = 0; i < c->output_count; i++) again[i] = tensor_zeros(c->outputs[i]->dtype, c->outputs[i]->shape, NULL);
    assert_true(case_run_once(c, run, scratch_bytes, threads, again));
    for (int i = 0; i < c->output_count; i++) {
        if (tensor_bytes(again[i]) > 0) assert_memory_equal(again[i]->data, c->outputs[i]->data, tensor_bytes(again[i]));
        tensor_release(again[i]);
    }
    threads_free(threads);
    return true;
}

static inline void case_free(Case *c) {
    for (int i = 0; i < c->input_count; i++) tensor_release(c->inputs[i]);
    for (int i = 0; i < c->output_count; i++) tensor_release(c->outputs[i]);
    *c = (Case){0};
}

/* Reproducible values in [-1, 1), small integers for i64, bits for bool. */
static inline Tensor *case_values(DType dtype, Shape shape, uint64_t seed) {
    Tensor *tensor = tensor_zeros(dtype, shape, NULL);
    assert_non_null(tensor);
    for (int64_t i = 0; i < tensor_count(tensor); i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        double unit = (double)(seed >> 11) * 0x1p-53;
        tensor_set_number(tensor, i, dtype_is_float(dtype) ? 2 * unit - 1 : dtype == DTYPE_I64 ? floor(20 * unit) - 10 : unit > 0.5);
    }
    return tensor;
}

static inline Tensor *case_indices(Shape shape, int64_t bound, uint64_t seed) {
    Tensor *tensor = tensor_zeros(DTYPE_I64, shape, NULL);
    for (int64_t i = 0; i < tensor_count(tensor); i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        tensor_set_number(tensor, i, (double)((seed >> 33) % (uint64_t)bound));
    }
    return tensor;
}

static inline Tensor *case_numbers(DType dtype, Shape shape, const double *numbers) {
    Tensor *tensor = tensor_zeros(dtype, shape, NULL);
    for (int64_t i = 0; i < tensor_count(tensor); i++) tensor_set_number(tensor, i, numbers[i]);
    return tensor;
}

static inline double case_dot(const Tensor *a, const Tensor *b) {
    double sum = 0;
    for (int64_t i = 0; i < tensor_count(a); i++) sum += tensor_number(a, i) * tensor_number(b, i);
    return sum;
}

static inline void assert_near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance * (1 + fabs(expected)))) fail_msg("%.17g is not %.17g within %g", value, expected, tolerance);
}

/* The position of row-major index `at` of `shape`, and back; -1 when outside. */
static inline void case_position(Shape shape, int64_t at, int64_t position[RANK_MAX]) {
    for (int k = shape.rank - 1; k >= 0; k--) {
        position[k] = at % shape.dims[k];
        at /= shape.dims[k];
    }
}

static inline int64_t case_index(Shape shape, const int64_t position[RANK_MAX]) {
    int64_t at = 0;
    for (int k = 0; k < shape.rank; k++) {
        if (position[k] < 0 || position[k] >= shape.dims[k]) return -1;
        at = at * shape.dims[k] + position[k];
    }
    return at;
}

#endif
