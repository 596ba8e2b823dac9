/* Matrices one after another: running a dense solver over each and reporting the first that fails. */
#ifndef REG_KERNELS_BATCH_H
#define REG_KERNELS_BATCH_H

#include "runtime/exec/kernel.h"
#include "runtime/kernels/slots.h"

typedef struct Batch Batch;

/* What went wrong with one matrix: 0 for nothing, NOT_FINITE, or what LAPACK's info counts (a pivot, a minor), from 1. */
enum { MATRIX_OK = 0, MATRIX_NOT_FINITE = -1 };
typedef int SolveMatrix(const Batch *batch, int64_t index, void *scratch);

struct Batch {
    const KernelCall *call;
    int64_t count; /* product of the leading dims */
    int64_t m, n;  /* of inputs[0]'s matrices */
    SolveMatrix *solve;
    int64_t matrices_per_tile;
    Slots slots;
    _Atomic int64_t first_failed; /* `count` while all is well */
};

/* Leading dims and matrix size of inputs[0]. `scratch_bytes` is what `solve` gets for one matrix. */
Batch batch_of(const KernelCall *call, SolveMatrix *solve, size_t scratch_bytes);
/* Bytes that the whole call needs for it. */
size_t batch_scratch(size_t scratch_bytes);
/* Runs over the batch. False with *info of the first matrix that failed and *index its place; a matrix that is not finite is
 * reported to the fault here, with *info = MATRIX_NOT_FINITE. */
bool batch_run(Batch *batch, int64_t *index, int *info);
/* "the matrix", or "matrix 3 of the batch" when there are several. */
const char *batch_subject(const Batch *batch, int64_t index, char text[64]);

static inline void *batch_matrix(const View *view, int64_t index, int64_t elements) {
    return (char *)view->data + index * elements * (int64_t)dtype_bytes(view->dtype);
}
bool matrix_is_finite(const View *view, int64_t index, int64_t elements);

#endif
