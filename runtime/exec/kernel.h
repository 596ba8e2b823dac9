/* What the executor calls: one function per structural op, over contiguous row-major views.
 *
 * The order of inputs, outputs, `ints` and `numbers` for each kernel is the one written in lang/ops/ops.def: that table is
 * the contract between the two halves. Kernels are named in runtime/kernels/kernels.def and found by name. */
#ifndef REG_EXEC_KERNEL_H
#define REG_EXEC_KERNEL_H

#include "runtime/base/tensor.h"
#include "runtime/exec/threads.h"

typedef struct View {
    void *data;
    DType dtype;
    Shape shape;
} View;

typedef struct KernelCall {
    const View *inputs;
    int input_count;
    const View *outputs;
    int output_count;
    const int64_t *ints; /* attributes, in the order of lang/ops/ops.def */
    int int_count;
    const double *numbers;
    int number_count;
    void *scratch;    /* as many bytes as scratch_bytes asked for, 64-byte aligned */
    Threads *threads; /* may be NULL */
    Fault *fault;
} KernelCall;

typedef struct Kernel {
    const char *name;
    bool (*run)(const KernelCall *call);             /* false if and only if it filled call->fault */
    size_t (*scratch_bytes)(const KernelCall *call); /* NULL: none. Sees shapes and ints, not data */
} Kernel;

const Kernel *kernel_find(const char *name); /* NULL when there is none */

#endif
