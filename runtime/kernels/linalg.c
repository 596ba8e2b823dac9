/* Dense solvers over batches: cholesky, triangular_solve, solve, slogdet.
 *
 * A row-major matrix is its transpose in column-major order. Everything here is arranged so that LAPACK sees the transpose
 * and nothing is copied to turn it: the lower factor is LAPACK's upper one, and a = L U comes from factoring a^T. */
#include "runtime/kernels/axis.h"
#include "runtime/kernels/batch.h"
#include "runtime/kernels/blas.h"
#include "runtime/kernels/kernels.h"

#include <math.h>
#include <string.h>

static int solve_cholesky(const Batch *batch, int64_t index, void *scratch) {
    (void)scratch;
    const View *a = &batch->call->inputs[0], *out = &batch->call->outputs[0];
    int64_t n = batch->n, bytes = (int64_t)dtype_bytes(a->dtype);
    if (!matrix_is_finite(a, index, n * n)) return MATRIX_NOT_FINITE;
    const Lapack *lapack = lapack_get(NULL);
    char *factor = batch_matrix(out, index, n * n);
    memcpy(factor, batch_matrix(a, index, n * n), (size_t)(n * n * bytes));
    int order = (int)n;
    int info = a->dtype == DTYPE_F32 ? lapack->spotrf_work(LAPACK_COL_MAJOR, 'U', order, (float *)factor, order)
                                     : lapack->dpotrf_work(LAPACK_COL_MAJOR, 'U', order, (double *)factor, order);
    for (int64_t row = 0; row < n; row++) memset(factor + (row * n + row + 1) * bytes, 0, (size_t)((n - row - 1) * bytes));
    return info;
}

size_t scratch_cholesky(const KernelCall *call) {
    (void)call;
    return 0;
}

bool kernel_cholesky(const KernelCall *call) {
    Batch batch = batch_of(call, solve_cholesky, 0);
    int64_t index;
    int info;
    if (shape_count(call->inputs[0].shape) == 0) return true;
    if (!lapack_get(call->fault)) return false;
    if (batch_run(&batch, &index, &info)) return true;
    if (info == MATRIX_NOT_FINITE) return false;
    char subject[64];
    fault_set(call->fault, "%s is not positive definite: its leading minor of order %d is not positive",
              batch_subject(&batch, index, subject), info);
    return fault_help(call->fault, "add a small multiple of the identity, or check that the matrix is symmetric");
}

static bool fault_singular(const Batch *batch, int64_t index, int info) {
    char subject[64];
    if (info == MATRIX_NOT_FINITE) return false;
    fault_set(batch->call->fault, "%s is singular: pivot %d is 0", batch_subject(batch, index, subject), info - 1);
    return fault_help(batch->call->fault, "add a small multiple of the identity, or use lstsq or pinv");
}

/* x = op(triangle)^-1 x for row-major [n, n] and [n, k]. */
static void triangle_solve(DType dtype, bool lower, bool transpose, bool unit, int64_t n, int64_t k, const void *triangle, void *x) {
    CBLAS_UPLO part = lower ? CblasLower : CblasUpper;
    CBLAS_TRANSPOSE turn = transpose ? CblasTrans : CblasNoTrans;
    CBLAS_DIAG diagonal = unit ? CblasUnit : CblasNonUnit;
    const Blas *blas = blas_get(NULL);
    if (dtype == DTYPE_F32) blas->strsm(CblasRowMajor, CblasLeft, part, turn, diagonal, (int)n, (int)k, 1, triangle, (int)n, x, (int)k);
    else blas->dtrsm(CblasRowMajor, CblasLeft, part, turn, diagonal, (int)n, (int)k, 1, triangle, (int)n, x, (int)k);
}

static double element(DType dtype, const void *data, int64_t at) {
    return dtype == DTYPE_F32 ? (double)((const float *)data)[at] : ((const double *)data)[at];
}

/* NaN in the half that is not read does no harm, so only the read half is looked at. */
static int check_triangle(DType dtype, const void *triangle, int64_t n, bool lower) {
    for (int64_t row = 0; row < n; row++) {
        for (int64_t column = lower ? 0 : row; column < (lower ? row + 1 : n); column++)
            if (!isfinite(element(dtype, triangle, row * n + column))) return MATRIX_NOT_FINITE;
        if (element(dtype, triangle, row * n + row) == 0) return (int)row + 1;
    }
    return MATRIX_OK;
}

static int64_t right_hand_sides(const KernelCall *call) {
    Shape shape = call->inputs[1].shape;
    return shape.dims[shape.rank - 1];
}

static void copy_right_hand_side(const KernelCall *call, int64_t index, int64_t elements) {
    size_t bytes = (size_t)elements * dtype_bytes(call->inputs[1].dtype);
    memcpy(batch_matrix(&call->outputs[0], index, elements), batch_matrix(&call->inputs[1], index, elements), bytes);
}

static int solve_triangular(const Batch *batch, int64_t index, void *scratch) {
    (void)scratch;
    const KernelCall *call = batch->call;
    const View *a = &call->inputs[0];
    int64_t n = batch->n, k = right_hand_sides(call);
    bool lower = call->ints[0] != 0;
    const void *triangle = batch_matrix(a, index, n * n);
    int info = check_triangle(a->dtype, triangle, n, lower);
    if (info != MATRIX_OK) return info;
    copy_right_hand_side(call, index, n * k);
    triangle_solve(a->dtype, lower, call->ints[1] != 0, false, n, k, triangle, batch_matrix(&call->outputs[0], index, n * k));
    return MATRIX_OK;
}

size_t scratch_triangular_solve(const KernelCall *call) {
    (void)call;
    return 0;
}

bool kernel_triangular_solve(const KernelCall *call) {
    Batch batch = batch_of(call, solve_triangular, 0);
    int64_t index;
    int info;
    if (shape_count(call->outputs[0].shape) == 0) return true;
    if (!blas_get(call->fault)) return false;
    return batch_run(&batch, &index, &info) || fault_singular(&batch, index, info);
}

/* Scratch of an LU factorisation: the matrix, then its pivots. */
static size_t factor_bytes(const KernelCall *call) {
    Shape shape = call->inputs[0].shape;
    size_t n = (size_t)shape.dims[shape.rank - 1];
    return slots_round(n * n * dtype_bytes(call->inputs[0].dtype)) + n * sizeof(lapack_int);
}

/* Factors a^T = P L U in `factor`; 0, MATRIX_NOT_FINITE, or the first zero pivot counted from 1. */
static int factorise(const Batch *batch, int64_t index, void *factor, lapack_int **pivots) {
    const View *a = &batch->call->inputs[0];
    int64_t n = batch->n, bytes = (int64_t)dtype_bytes(a->dtype);
    if (!matrix_is_finite(a, index, n * n)) return MATRIX_NOT_FINITE;
    memcpy(factor, batch_matrix(a, index, n * n), (size_t)(n * n * bytes));
    *pivots = (lapack_int *)((char *)factor + slots_round((size_t)(n * n * bytes)));
    int order = (int)n;
    const Lapack *lapack = lapack_get(NULL);
    return a->dtype == DTYPE_F32 ? lapack->sgetrf_work(LAPACK_COL_MAJOR, order, order, factor, order, *pivots)
                                 : lapack->dgetrf_work(LAPACK_COL_MAJOR, order, order, factor, order, *pivots);
}

static void swap_rows(char *first, char *second, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        char keep = first[i];
        first[i] = second[i];
        second[i] = keep;
    }
}

/* a^T = P L U, so a = U^T L^T P^T: solve with U^T, which row-major is the lower half of the factor, then with the unit upper
 * half L^T, then apply P, whose row swaps go backwards. */
static int solve_general(const Batch *batch, int64_t index, void *factor) {
    const KernelCall *call = batch->call;
    DType dtype = call->inputs[0].dtype;
    int64_t n = batch->n, k = right_hand_sides(call);
    lapack_int *pivots = NULL;
    int info = factorise(batch, index, factor, &pivots);
    if (info != MATRIX_OK) return info;
    copy_right_hand_side(call, index, n * k);
    char *x = batch_matrix(&call->outputs[0], index, n * k);
    triangle_solve(dtype, true, false, false, n, k, factor, x);
    triangle_solve(dtype, false, false, true, n, k, factor, x);
    size_t row_bytes = (size_t)k * dtype_bytes(dtype);
    for (int64_t row = n - 1; row >= 0; row--)
        if (pivots[row] - 1 != row) swap_rows(x + (size_t)row * row_bytes, x + (size_t)(pivots[row] - 1) * row_bytes, row_bytes);
    return MATRIX_OK;
}

size_t scratch_solve(const KernelCall *call) { return batch_scratch(factor_bytes(call)); }

bool kernel_solve(const KernelCall *call) {
    Batch batch = batch_of(call, solve_general, factor_bytes(call));
    int64_t index;
    int info;
    if (shape_count(call->outputs[0].shape) == 0) return true;
    if (!blas_get(call->fault) || !lapack_get(call->fault)) return false;
    return batch_run(&batch, &index, &info) || fault_singular(&batch, index, info);
}

static void set_element(const View *view, int64_t at, double value) {
    if (view->dtype == DTYPE_F32) ((float *)view->data)[at] = (float)value;
    else ((double *)view->data)[at] = value;
}

/* A singular matrix is no failure here: log 0 = -inf, sign 0. */
static int solve_slogdet(const Batch *batch, int64_t index, void *factor) {
    DType dtype = batch->call->inputs[0].dtype;
    lapack_int *pivots = NULL;
    int info = batch->n == 0 ? MATRIX_OK : factorise(batch, index, factor, &pivots);
    if (info == MATRIX_NOT_FINITE) return info;
    double log_determinant = 0, sign = 1;
    for (int64_t i = 0; i < batch->n; i++) {
        double pivot = element(dtype, factor, i * batch->n + i);
        log_determinant += log(fabs(pivot));
        sign *= (pivot > 0) - (pivot < 0);
        if (pivots[i] - 1 != i) sign = -sign;
    }
    set_element(&batch->call->outputs[0], index, info > 0 ? -(double)INFINITY : log_determinant);
    set_element(&batch->call->outputs[1], index, info > 0 ? 0 : sign);
    return MATRIX_OK;
}

size_t scratch_slogdet(const KernelCall *call) { return batch_scratch(factor_bytes(call)); }

bool kernel_slogdet(const KernelCall *call) {
    Batch batch = batch_of(call, solve_slogdet, factor_bytes(call));
    int64_t index;
    int info;
    return batch.count == 0 || (lapack_get(call->fault) && batch_run(&batch, &index, &info));
}
