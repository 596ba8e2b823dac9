/* Dense factorisations over batches: qr, eigh, svd, with signs made unique.
 *
 * LAPACK is given the row-major matrix as its column-major transpose: the LQ factorisation of a^T is the QR one of a, and the
 * singular vectors trade places. Only eigenvectors have to be turned. */
#include "runtime/kernels/axis.h"
#include "runtime/kernels/batch.h"
#include "runtime/kernels/blas.h"
#include "runtime/kernels/kernels.h"

#include <math.h>
#include <string.h>

enum { NOT_CONVERGED = 1 };

/* LAPACK reports the size of its work array as a number in that array. */
static size_t work_bytes(DType dtype, const double *answer) {
    float single;
    memcpy(&single, answer, sizeof single);
    double elements = dtype == DTYPE_F32 ? (double)single : *answer;
    /* f32 answers above 2^24 are rounded; the slack covers that. */
    return slots_round((size_t)(elements * 1.0001 + 1) * dtype_bytes(dtype));
}

#define BY_DTYPE(dtype, routine, TYPE_CALL) \
    ((dtype) == DTYPE_F32 ? lapack_get(NULL)->s##routine TYPE_CALL : lapack_get(NULL)->d##routine TYPE_CALL)

/* Negates `count` elements `stride` apart. */
static void negate(DType dtype, void *data, int64_t first, int64_t count, int64_t stride) {
    for (int64_t i = 0; i < count; i++)
        if (dtype == DTYPE_F32) ((float *)data)[first + i * stride] *= -1;
        else ((double *)data)[first + i * stride] *= -1;
}

static double element(DType dtype, const void *data, int64_t at) {
    return dtype == DTYPE_F32 ? (double)((const float *)data)[at] : ((const double *)data)[at];
}

/* Is the component of the largest magnitude (the first of equals) negative? */
static bool points_down(DType dtype, const void *data, int64_t first, int64_t count, int64_t stride) {
    double largest = 0;
    for (int64_t i = 0; i < count; i++) {
        double value = element(dtype, data, first + i * stride);
        if (fabs(value) > fabs(largest)) largest = value;
    }
    return largest < 0;
}

typedef struct Sizes {
    int64_t m, n, k; /* k = min(m, n) */
    DType dtype;
    size_t element_bytes;
} Sizes;

static Sizes sizes_of(const KernelCall *call) {
    Shape shape = call->inputs[0].shape;
    Sizes s = {.m = shape.dims[shape.rank - 2], .n = shape.dims[shape.rank - 1], .dtype = call->inputs[0].dtype};
    s.k = min_i64(s.m, s.n);
    s.element_bytes = dtype_bytes(s.dtype);
    return s;
}

static bool report(const Batch *batch, int64_t index, int info, const char *what) {
    char subject[64];
    if (info == MATRIX_NOT_FINITE) return false;
    return fault_set(batch->call->fault, "the %s of %s did not converge", what, batch_subject(batch, index, subject));
}

/* qr ------------------------------------------------------------------------------------------------------------------ */

/* Scratch of one matrix: a copy of it, tau, the work array. */
static size_t qr_work(Sizes s) {
    double factor = 0, build = 0;
    int m = (int)s.m, n = (int)s.n, k = (int)s.k;
    const Lapack *lapack = lapack_get(NULL); /* NULL: the kernel will say so */
    if (k == 0 || !lapack) return 0;
    if (s.dtype == DTYPE_F32) {
        lapack->sgelqf_work(LAPACK_COL_MAJOR, n, m, NULL, n, NULL, (float *)&factor, -1);
        lapack->sorglq_work(LAPACK_COL_MAJOR, k, m, k, NULL, k, NULL, (float *)&build, -1);
    } else {
        lapack->dgelqf_work(LAPACK_COL_MAJOR, n, m, NULL, n, NULL, &factor, -1);
        lapack->dorglq_work(LAPACK_COL_MAJOR, k, m, k, NULL, k, NULL, &build, -1);
    }
    size_t first = work_bytes(s.dtype, &factor), second = work_bytes(s.dtype, &build);
    return first > second ? first : second;
}

static size_t qr_bytes(const KernelCall *call) {
    Sizes s = sizes_of(call);
    return slots_round((size_t)(s.m * s.n) * s.element_bytes) + slots_round((size_t)s.k * s.element_bytes) + qr_work(s);
}

static int factor_lq(Sizes s, void *a, void *tau, void *work, size_t bytes) {
    int m = (int)s.m, n = (int)s.n, length = (int)(bytes / s.element_bytes);
    return BY_DTYPE(s.dtype, gelqf_work, (LAPACK_COL_MAJOR, n, m, a, n, tau, work, length));
}

static int build_q(Sizes s, void *q, void *tau, void *work, size_t bytes) {
    int m = (int)s.m, k = (int)s.k, length = (int)(bytes / s.element_bytes);
    return BY_DTYPE(s.dtype, orglq_work, (LAPACK_COL_MAJOR, k, m, k, q, k, tau, work, length));
}

static int solve_qr(const Batch *batch, int64_t index, void *scratch) {
    const KernelCall *call = batch->call;
    Sizes s = sizes_of(call);
    size_t bytes = s.element_bytes;
    if (!matrix_is_finite(&call->inputs[0], index, s.m * s.n)) return MATRIX_NOT_FINITE;
    char *a = scratch, *tau = a + slots_round((size_t)(s.m * s.n) * bytes), *work = tau + slots_round((size_t)s.k * bytes);
    char *q = batch_matrix(&call->outputs[0], index, s.m * s.k), *r = batch_matrix(&call->outputs[1], index, s.k * s.n);
    memcpy(a, batch_matrix(&call->inputs[0], index, s.m * s.n), (size_t)(s.m * s.n) * bytes);
    factor_lq(s, a, tau, work, qr_work(s));
    memcpy(r, a, (size_t)(s.k * s.n) * bytes);
    for (int64_t row = 1; row < s.k; row++) memset(r + (size_t)(row * s.n) * bytes, 0, (size_t)row * bytes);
    for (int64_t row = 0; row < s.m; row++) memcpy(q + (size_t)(row * s.k) * bytes, a + (size_t)(row * s.n) * bytes, (size_t)s.k * bytes);
    build_q(s, q, tau, work, qr_work(s));
    for (int64_t i = 0; i < s.k; i++)
        if (element(s.dtype, r, i * s.n + i) < 0) {
            negate(s.dtype, r, i * s.n + i, s.n - i, 1);
            negate(s.dtype, q, i, s.m, s.k);
        }
    return MATRIX_OK;
}

size_t scratch_qr(const KernelCall *call) { return batch_scratch(qr_bytes(call)); }

bool kernel_qr(const KernelCall *call) {
    Batch batch = batch_of(call, solve_qr, qr_bytes(call));
    int64_t index;
    int info;
    if (shape_count(call->inputs[0].shape) == 0) return true;
    if (!lapack_get(call->fault)) return false;
    if (batch_run(&batch, &index, &info)) return true;
    return report(&batch, index, info, "qr factorisation");
}

/* eigh ---------------------------------------------------------------------------------------------------------------- */

/* From LAPACK's documentation of syevd with vectors. */
static size_t eigh_work(Sizes s) {
    size_t n = (size_t)s.n;
    return (1 + 6 * n + 2 * n * n) * s.element_bytes;
}

static size_t eigh_bytes(const KernelCall *call) {
    Sizes s = sizes_of(call);
    return slots_round(eigh_work(s)) + (3 + 5 * (size_t)s.n) * sizeof(lapack_int);
}

static bool lower_is_finite(Sizes s, const void *a) {
    for (int64_t row = 0; row < s.n; row++)
        for (int64_t column = 0; column <= row; column++)
            if (!isfinite(element(s.dtype, a, row * s.n + column))) return false;
    return true;
}

static void turn_square(Sizes s, char *a) {
    for (int64_t row = 0; row < s.n; row++)
        for (int64_t column = 0; column < row; column++) {
            char *first = a + (size_t)(row * s.n + column) * s.element_bytes, keep[8];
            char *second = a + (size_t)(column * s.n + row) * s.element_bytes;
            memcpy(keep, first, s.element_bytes);
            memcpy(first, second, s.element_bytes);
            memcpy(second, keep, s.element_bytes);
        }
}

static int solve_eigh(const Batch *batch, int64_t index, void *scratch) {
    const KernelCall *call = batch->call;
    Sizes s = sizes_of(call);
    const void *a = batch_matrix(&call->inputs[0], index, s.n * s.n);
    if (!lower_is_finite(s, a)) return MATRIX_NOT_FINITE;
    void *values = batch_matrix(&call->outputs[0], index, s.n);
    char *vectors = batch_matrix(&call->outputs[1], index, s.n * s.n);
    memcpy(vectors, a, (size_t)(s.n * s.n) * s.element_bytes);
    lapack_int *integers = (lapack_int *)((char *)scratch + slots_round(eigh_work(s)));
    int n = (int)s.n, length = (int)(eigh_work(s) / s.element_bytes), integer_length = 3 + 5 * n;
    int info = BY_DTYPE(s.dtype, syevd_work,
                        (LAPACK_COL_MAJOR, 'V', 'U', n, (void *)vectors, n, values, scratch, length, integers, integer_length));
    if (info != 0) return NOT_CONVERGED;
    for (int64_t i = 0; i < s.n; i++)
        if (points_down(s.dtype, vectors, i * s.n, s.n, 1)) negate(s.dtype, vectors, i * s.n, s.n, 1);
    turn_square(s, vectors);
    return MATRIX_OK;
}

size_t scratch_eigh(const KernelCall *call) { return batch_scratch(eigh_bytes(call)); }

bool kernel_eigh(const KernelCall *call) {
    Batch batch = batch_of(call, solve_eigh, eigh_bytes(call));
    int64_t index;
    int info;
    if (shape_count(call->inputs[0].shape) == 0) return true;
    if (!lapack_get(call->fault)) return false;
    if (batch_run(&batch, &index, &info)) return true;
    return report(&batch, index, info, "eigendecomposition");
}

/* svd ----------------------------------------------------------------------------------------------------------------- */

static size_t svd_work(Sizes s) {
    double answer = 0;
    int m = (int)s.m, n = (int)s.n, k = (int)s.k;
    const Lapack *lapack = lapack_get(NULL); /* NULL: the kernel will say so */
    if (k == 0 || !lapack) return 0;
    if (s.dtype == DTYPE_F32) lapack->sgesdd_work(LAPACK_COL_MAJOR, 'S', n, m, NULL, n, NULL, NULL, n, NULL, k, (float *)&answer, -1, NULL);
    else lapack->dgesdd_work(LAPACK_COL_MAJOR, 'S', n, m, NULL, n, NULL, NULL, n, NULL, k, &answer, -1, NULL);
    return work_bytes(s.dtype, &answer);
}

/* Scratch of one matrix: a copy of it, 8 k integers, the work array. */
static size_t svd_bytes(const KernelCall *call) {
    Sizes s = sizes_of(call);
    return slots_round((size_t)(s.m * s.n) * s.element_bytes) + slots_round(8 * (size_t)s.k * sizeof(lapack_int)) + svd_work(s);
}

static int solve_svd(const Batch *batch, int64_t index, void *scratch) {
    const KernelCall *call = batch->call;
    Sizes s = sizes_of(call);
    if (!matrix_is_finite(&call->inputs[0], index, s.m * s.n)) return MATRIX_NOT_FINITE;
    size_t bytes = (size_t)(s.m * s.n) * s.element_bytes;
    char *a = scratch, *integers = a + slots_round(bytes), *work = integers + slots_round(8 * (size_t)s.k * sizeof(lapack_int));
    memcpy(a, batch_matrix(&call->inputs[0], index, s.m * s.n), bytes);
    void *u = batch_matrix(&call->outputs[0], index, s.m * s.k), *vt = batch_matrix(&call->outputs[2], index, s.k * s.n);
    void *values = batch_matrix(&call->outputs[1], index, s.k);
    int m = (int)s.m, n = (int)s.n, k = (int)s.k, length = (int)(svd_work(s) / s.element_bytes);
    int info = BY_DTYPE(
        s.dtype, gesdd_work,
        (LAPACK_COL_MAJOR, 'S', n, m, (void *)a, n, values, vt, n, u, k, (void *)work, length, (lapack_int *)(void *)integers));
    if (info != 0) return NOT_CONVERGED;
    for (int64_t i = 0; i < s.k; i++)
        if (points_down(s.dtype, u, i, s.m, s.k)) {
            negate(s.dtype, u, i, s.m, s.k);
            negate(s.dtype, vt, i * s.n, s.n, 1);
        }
    return MATRIX_OK;
}

size_t scratch_svd(const KernelCall *call) { return batch_scratch(svd_bytes(call)); }

bool kernel_svd(const KernelCall *call) {
    Batch batch = batch_of(call, solve_svd, svd_bytes(call));
    int64_t index;
    int info;
    if (shape_count(call->inputs[0].shape) == 0) return true;
    if (!lapack_get(call->fault)) return false;
    if (batch_run(&batch, &index, &info)) return true;
    return report(&batch, index, info, "singular value decomposition");
}
