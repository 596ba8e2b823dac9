/* Matrix products: OpenBLAS or oneDNN on one thread inside tiles that shapes determine, so that the bits do not depend on
 * threads. */
#include "runtime/kernels/blas.h"
#include "runtime/kernels/kernels.h"
#include "runtime/kernels/onednn.h"
#include "runtime/kernels/product_turn.h"

#include <string.h>

enum {
    WORTH_A_THREAD = 1 << 21, /* multiplications: 20 to 40 microseconds */
    FEW_PIECES = 8,           /* for up to that many pieces of work tiles may be narrow */
    NARROW_EDGE = 128,        /* tiles that are narrower pack their operands too often: a tenth slower than ... */
    WIDE_EDGE = 512,          /* ... tiles this wide, which are as fast as the whole */
    SMALL = 100,              /* multiplications of a product for which calling BLAS costs more than it saves */
    LARGE = 1 << 20,          /* multiplications of an f32 product from which oneDNN is faster than OpenBLAS (Zen 4 and 5) ... */
    FEW_DOTS = 64,            /* ... but not where rows meet rows and the result has at most so many columns */
    TURNED_ROWS = 32,
    TURNED_MAX = 8192, /* elements: 32 KiB */
    LONG_DEPTH = 2048, /* k from which a product with few results is cut along k */
    DEPTH_PIECES = 16,
    FEW_RESULTS = 16384,
    SUMS_AT_ONCE = 1024,
    DOT_LANES = 8
};

typedef struct Matmul {
    const KernelCall *call;
    DType dtype;
    int64_t batch, m, n, k;
    int64_t a_step, b_step; /* elements from one matrix of the batch to the next; 0 for a shared b */
    bool transpose_a, transpose_b;
    int64_t tile_m, tile_n, tile_k; /* of one piece of work */
    int64_t count_m, count_n, count_k;
    int64_t group; /* matrices of the batch in one piece of work */
} Matmul;

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* Halves the longer edge until there is enough work for many threads or the tiles would become too narrow. */
static void cut_tiles(Matmul *matmul, int64_t size) {
    int64_t wanted = smaller(size / (4 * WORTH_A_THREAD), 64);
    if (wanted < 2 && size >= 2 * WORTH_A_THREAD) wanted = 2;
    for (int64_t pieces = 1; pieces < wanted; pieces *= 2) {
        int64_t *edge = matmul->tile_m > matmul->tile_n ? &matmul->tile_m : &matmul->tile_n;
        if (*edge < 2 * (pieces < FEW_PIECES ? NARROW_EDGE : WIDE_EDGE)) return;
        *edge = ceil_div(ceil_div(*edge, 2), 16) * 16;
    }
}

static void cut(Matmul *matmul) {
    int64_t size = matmul->m * matmul->n * matmul->k;
    matmul->tile_m = matmul->m, matmul->tile_n = matmul->n, matmul->tile_k = matmul->k;
    if (matmul->batch == 1 && matmul->m * matmul->n <= FEW_RESULTS && matmul->k >= LONG_DEPTH) {
        int64_t depths = smaller(smaller(size / (WORTH_A_THREAD / 8), matmul->k / (LONG_DEPTH / 4)), DEPTH_PIECES);
        matmul->tile_k = ceil_div(matmul->k, depths < 1 ? 1 : depths);
    } else if (matmul->m == 1 || matmul->n == 1) { /* reading the matrix is the work */
        int64_t *edge = matmul->n == 1 ? &matmul->tile_m : &matmul->tile_n;
        int64_t pieces = smaller(ceil_div(size, WORTH_A_THREAD / 8), 64);
        *edge = ceil_div(ceil_div(*edge, pieces < 1 ? 1 : pieces), 64) * 64;
    } else {
        cut_tiles(matmul, size);
    }
    matmul->count_m = ceil_div(matmul->m, matmul->tile_m);
    matmul->count_n = ceil_div(matmul->n, matmul->tile_n);
    matmul->count_k = ceil_div(matmul->k, matmul->tile_k);
    int64_t group = size > 0 ? WORTH_A_THREAD / 8 / size : 1;
    matmul->group = group < 1 ? 1 : smaller(group, matmul->batch);
}

static Matmul matmul_of(const KernelCall *call) {
    const Shape *a = &call->inputs[0].shape, *b = &call->inputs[1].shape;
    Matmul matmul = {
        .call = call, .dtype = call->inputs[0].dtype, .batch = 1, .transpose_a = call->ints[0] != 0, .transpose_b = call->ints[1] != 0};
    matmul.m = a->dims[a->rank - (matmul.transpose_a ? 1 : 2)];
    matmul.k = a->dims[a->rank - (matmul.transpose_a ? 2 : 1)];
    matmul.n = b->dims[b->rank - (matmul.transpose_b ? 2 : 1)];
    for (int axis = 0; axis < a->rank - 2; axis++) matmul.batch *= a->dims[axis];
    matmul.a_step = matmul.m * matmul.k;
    matmul.b_step = b->rank > 2 ? matmul.k * matmul.n : 0;
    if (matmul.b_step == 0 && !matmul.transpose_a) { /* a shared b: one tall product */
        matmul.m *= matmul.batch;
        matmul.batch = 1;
    }
    if (matmul.m > 0 && matmul.n > 0 && matmul.k > 0) cut(&matmul);
    return matmul;
}

/* One product of sub-matrices: element strides between rows of the stored a and b, and of c. */
typedef struct Piece {
    const void *a, *b;
    void *c;
    int64_t m, n, k;
    int64_t a_stride, b_stride, c_stride;
    bool transpose_a, transpose_b;
} Piece;

#define PRODUCTS(suffix, type) \
    static void plain_##suffix(const Piece *p) { \
        int64_t row_a = p->transpose_a ? 1 : p->a_stride, depth_a = p->transpose_a ? p->a_stride : 1; \
        int64_t depth_b = p->transpose_b ? 1 : p->b_stride, column_b = p->transpose_b ? p->b_stride : 1; \
        for (int64_t i = 0; i < p->m; i++) { \
            type *c = (type *)p->c + i * p->c_stride; \
            memset(c, 0, (size_t)p->n * sizeof *c); \
            for (int64_t l = 0; l < p->k; l++) { \
                type a = ((const type *)p->a)[i * row_a + l * depth_a]; \
                const type *b = (const type *)p->b + l * depth_b; \
                for (int64_t j = 0; j < p->n; j++) c[j] += a * b[j * column_b]; \
            } \
        } \
    }
PRODUCTS(f32, float)
PRODUCTS(f64, double)
PRODUCTS(i64, uint64_t) /* wraps */

/* Rows with rows: each result is a sum along both, in lanes that are then added in pairs. */
#define DOTS(suffix, type) \
    static type dot_##suffix(const type *a, const type *b, int64_t k) { \
        type lanes[DOT_LANES] = {0}, rest = 0; \
        int64_t l = 0; \
        for (; l + DOT_LANES <= k; l += DOT_LANES) \
            for (int64_t t = 0; t < DOT_LANES; t++) lanes[t] += a[l + t] * b[l + t]; \
        for (; l < k; l++) rest += a[l] * b[l]; \
        for (int64_t half = DOT_LANES / 2; half >= 1; half /= 2) \
            for (int64_t t = 0; t < half; t++) lanes[t] += lanes[t + half]; \
        return lanes[0] + rest; \
    } \
    static void dots_##suffix(const Piece *p) { \
        for (int64_t i = 0; i < p->m; i++) \
            for (int64_t j = 0; j < p->n; j++) \
                ((type *)p->c)[i * p->c_stride + j] = dot_##suffix((const type *)p->a + i * p->a_stride, \
                                                                   (const type *)p->b + j * p->b_stride, p->k); \
    }
DOTS(f32, float)
DOTS(f64, double)

static enum CBLAS_TRANSPOSE flag(bool transpose) { return transpose ? CblasTrans : CblasNoTrans; }

/* c [m, 1] = op(a) b, for a column or, with the sides exchanged, a row. `stride` is between the elements of the vector. */
static void blas_vector(DType dtype, const void *matrix, bool transpose, int64_t rows, int64_t columns, int64_t lead, const void *x,
                        int64_t x_stride, void *y, int64_t y_stride) {
    const Blas *blas = blas_get(NULL);
    int stored_rows = (int)(transpose ? columns : rows), stored_columns = (int)(transpose ? rows : columns);
    if (dtype == DTYPE_F32)
        blas->sgemv(CblasRowMajor, flag(transpose), stored_rows, stored_columns, 1, matrix, (int)lead, x, (int)x_stride, 0, y,
                    (int)y_stride);
    else
        blas->dgemv(CblasRowMajor, flag(transpose), stored_rows, stored_columns, 1, matrix, (int)lead, x, (int)x_stride, 0, y,
                    (int)y_stride);
}

static bool onednn_product(const Piece *p) {
    bool is_worth_it = p->m * p->n * p->k >= LARGE && !(p->transpose_b && p->n <= FEW_DOTS);
    const Onednn *onednn = is_worth_it ? onednn_get() : NULL;
    if (!onednn) return false;
    sigset_t before;
    onednn_begin(&before);
    bool done = onednn->sgemm(p->transpose_a ? 'T' : 'N', p->transpose_b ? 'T' : 'N', p->m, p->n, p->k, 1, p->a, p->a_stride, p->b,
                              p->b_stride, 0, p->c, p->c_stride) == dnnl_success;
    onednn_end(&before);
    return done;
}

static void blas_product(DType dtype, const Piece *p) {
    const Blas *blas = blas_get(NULL);
    if (dtype == DTYPE_F32)
        blas->sgemm(CblasRowMajor, flag(p->transpose_a), flag(p->transpose_b), (int)p->m, (int)p->n, (int)p->k, 1, p->a, (int)p->a_stride,
                    p->b, (int)p->b_stride, 0, p->c, (int)p->c_stride);
    else
        blas->dgemm(CblasRowMajor, flag(p->transpose_a), flag(p->transpose_b), (int)p->m, (int)p->n, (int)p->k, 1, p->a, (int)p->a_stride,
                    p->b, (int)p->b_stride, 0, p->c, (int)p->c_stride);
}

/* Where rows meet rows, the small kernels of OpenBLAS are half as fast: b is turned first, if enough rows of a then use it. */
static bool turned_product(DType dtype, const Piece *p) {
    float turned[TURNED_MAX] __attribute__((aligned(64)));
    bool is_worth_it = p->transpose_b && p->m >= TURNED_ROWS && p->n % 4 == 0 && p->k % 4 == 0 && p->n * p->k <= TURNED_MAX;
    if (dtype != DTYPE_F32 || !is_worth_it) return false;
    const float *b = p->b;
    for (int64_t j = 0; j < p->n; j += 4, b += 4 * p->b_stride)
        for (int64_t l = 0; l < p->k; l += 4)
            turn_4_f32(turned + l * p->n + j, p->n, b + l, b + p->b_stride + l, b + 2 * p->b_stride + l, b + 3 * p->b_stride + l);
    Piece piece = *p;
    piece.b = turned, piece.b_stride = p->n, piece.transpose_b = false;
    blas_product(dtype, &piece);
    return true;
}

static void run_piece(DType dtype, const Piece *p) {
    if (dtype == DTYPE_I64) {
        plain_i64(p);
    } else if (p->m * p->n * p->k <= SMALL) {
        bool has_rows = p->transpose_b && !p->transpose_a && p->k >= DOT_LANES;
        if (dtype == DTYPE_F32) (has_rows ? dots_f32 : plain_f32)(p);
        else (has_rows ? dots_f64 : plain_f64)(p);
    } else if (p->n == 1) {
        blas_vector(dtype, p->a, p->transpose_a, p->m, p->k, p->a_stride, p->b, p->transpose_b ? 1 : p->b_stride, p->c, p->c_stride);
    } else if (p->m == 1) {
        blas_vector(dtype, p->b, !p->transpose_b, p->n, p->k, p->b_stride, p->a, p->transpose_a ? p->a_stride : 1, p->c, 1);
    } else if ((dtype == DTYPE_F64 || !onednn_product(p)) && !turned_product(dtype, p)) {
        blas_product(dtype, p);
    }
}

static const char *element(const Matmul *matmul, const void *data, int64_t index) {
    return (const char *)data + index * (int64_t)dtype_bytes(matmul->dtype);
}

static void run_tile(void *context, int64_t tile) {
    const Matmul *matmul = context;
    int64_t depth = tile % matmul->count_k, column = tile / matmul->count_k % matmul->count_n;
    int64_t row = tile / matmul->count_k / matmul->count_n % matmul->count_m;
    int64_t first = tile / matmul->count_k / matmul->count_n / matmul->count_m * matmul->group;
    int64_t i = row * matmul->tile_m, j = column * matmul->tile_n, l = depth * matmul->tile_k;
    Piece piece = {.m = smaller(matmul->tile_m, matmul->m - i),
                   .n = smaller(matmul->tile_n, matmul->n - j),
                   .k = smaller(matmul->tile_k, matmul->k - l),
                   .transpose_a = matmul->transpose_a,
                   .transpose_b = matmul->transpose_b,
                   .a_stride = matmul->transpose_a ? matmul->m : matmul->k,
                   .b_stride = matmul->transpose_b ? matmul->k : matmul->n,
                   .c_stride = matmul->n};
    int64_t a_start = matmul->transpose_a ? l * matmul->m + i : i * matmul->k + l;
    int64_t b_start = matmul->transpose_b ? j * matmul->k + l : l * matmul->n + j;
    int64_t c_start = matmul->count_k > 1 ? depth * matmul->m * matmul->n : i * matmul->n + j;
    void *c = matmul->count_k > 1 ? matmul->call->scratch : matmul->call->outputs[0].data;
    for (int64_t index = first; index < smaller(first + matmul->group, matmul->batch); index++) {
        piece.a = element(matmul, matmul->call->inputs[0].data, a_start + index * matmul->a_step);
        piece.b = element(matmul, matmul->call->inputs[1].data, b_start + index * matmul->b_step);
        piece.c = (void *)element(matmul, c, c_start + index * matmul->m * matmul->n);
        run_piece(matmul->dtype, &piece);
    }
}

/* The sums over pieces of the depth, in order, in double. */
#define ADD_DEPTHS(suffix, type, sum_type) \
    static void add_depths_##suffix(const Matmul *matmul, int64_t first, int64_t count) { \
        sum_type sums[SUMS_AT_ONCE]; \
        const type *part = (const type *)matmul->call->scratch + first; \
        type *c = (type *)matmul->call->outputs[0].data + first; \
        for (int64_t i = 0; i < count; i++) sums[i] = (sum_type)part[i]; \
        for (int64_t depth = 1; depth < matmul->count_k; depth++) { \
            part += matmul->m * matmul->n; \
            for (int64_t i = 0; i < count; i++) sums[i] += (sum_type)part[i]; \
        } \
        for (int64_t i = 0; i < count; i++) c[i] = (type)sums[i]; \
    }
ADD_DEPTHS(f32, float, double)
ADD_DEPTHS(f64, double, double)
ADD_DEPTHS(i64, uint64_t, uint64_t)

static void add_depths(void *context, int64_t piece) {
    const Matmul *matmul = context;
    int64_t first = piece * SUMS_AT_ONCE, count = smaller(SUMS_AT_ONCE, matmul->m * matmul->n - first);
    switch (matmul->dtype) {
    case DTYPE_F32: add_depths_f32(matmul, first, count); return;
    case DTYPE_F64: add_depths_f64(matmul, first, count); return;
    case DTYPE_I64:
    case DTYPE_BOOL: add_depths_i64(matmul, first, count); return;
    }
}

size_t scratch_matmul(const KernelCall *call) {
    Matmul matmul = matmul_of(call);
    return matmul.count_k > 1 ? (size_t)(matmul.count_k * matmul.m * matmul.n) * dtype_bytes(matmul.dtype) : 0;
}

bool kernel_matmul(const KernelCall *call) {
    Matmul matmul = matmul_of(call);
    const View *c = &call->outputs[0];
    if (matmul.dtype == DTYPE_BOOL) return fault_set(call->fault, "a matrix product of bool tensors: convert them first");
    if (matmul.m > INT32_MAX || matmul.n > INT32_MAX || matmul.k > INT32_MAX)
        return fault_set(call->fault, "a matrix product with an edge longer than 2147483647");
    if (shape_count(c->shape) == 0) return true;
    if (matmul.k == 0) {
        memset(c->data, 0, (size_t)shape_count(c->shape) * dtype_bytes(c->dtype));
        return true;
    }
    bool is_large = matmul.tile_m * matmul.tile_n * matmul.tile_k > SMALL;
    if (is_large && matmul.dtype != DTYPE_I64 && !blas_get(call->fault)) return false;
    int64_t tiles = ceil_div(matmul.batch, matmul.group) * matmul.count_m * matmul.count_n * matmul.count_k;
    threads_run(call->threads, tiles, run_tile, &matmul);
    if (matmul.count_k > 1) threads_run(call->threads, ceil_div(matmul.m * matmul.n, SUMS_AT_ONCE), add_depths, &matmul);
    return true;
}
