/* Running sums along an axis. Floats are added in double, one after another. */
#include "runtime/kernels/kernels.h"

enum { COLUMNS_AT_ONCE = 64, ROWS_AT_ONCE = 8 };

typedef struct Scan {
    const View *x, *y;
    int64_t outer, n, inner; /* [outer, n, inner], summed along n */
    bool reverse;
} Scan;

#define SCAN(name, from, to, accumulator) \
    static void name(const Scan *scan, int64_t start, int64_t count) { \
        int64_t step = scan->reverse ? -scan->inner : scan->inner; \
        int64_t at = start + (scan->reverse ? (scan->n - 1) * scan->inner : 0); \
        accumulator sums[COLUMNS_AT_ONCE] = {0}; \
        for (int64_t k = 0; k < scan->n; k++, at += step) { \
            const from *x = (const from *)scan->x->data + at; \
            to *y = (to *)scan->y->data + at; \
            for (int64_t j = 0; j < count; j++) { \
                sums[j] += (accumulator)x[j]; \
                y[j] = (to)sums[j]; \
            } \
        } \
    }

/* Along the last axis: rows are added side by side, since within one row every sum waits for the one before it. */
#define SCAN_ROWS(name, from, to, accumulator) \
    static void name(const Scan *scan, int64_t row) { \
        int64_t n = scan->n, step = scan->reverse ? -1 : 1, at = row * n + (scan->reverse ? n - 1 : 0); \
        const from *x = (const from *)scan->x->data + at; \
        to *y = (to *)scan->y->data + at; \
        accumulator sums[ROWS_AT_ONCE] = {0}; \
        for (int64_t k = 0; k < n; k++, x += step, y += step) { \
            _Pragma("GCC unroll 8") for (int j = 0; j < ROWS_AT_ONCE; j++) { \
                sums[j] += (accumulator)x[j * n]; \
                y[j * n] = (to)sums[j]; \
            } \
        } \
    }
SCAN_ROWS(scan_rows_bool, uint8_t, int64_t, uint64_t)
SCAN_ROWS(scan_rows_i64, int64_t, int64_t, uint64_t)
SCAN_ROWS(scan_rows_f32, float, float, double)
SCAN_ROWS(scan_rows_f64, double, double, double)
SCAN(scan_bool, uint8_t, int64_t, uint64_t)
SCAN(scan_i64, int64_t, int64_t, uint64_t)
SCAN(scan_f32, float, float, double)
SCAN(scan_f64, double, double, double)

static void scan_tile(void *context, int64_t tile) {
    const Scan *scan = context;
    int64_t blocks = (scan->inner + COLUMNS_AT_ONCE - 1) / COLUMNS_AT_ONCE, first = tile % blocks * COLUMNS_AT_ONCE;
    int64_t left = scan->inner - first, count = left < COLUMNS_AT_ONCE ? left : COLUMNS_AT_ONCE;
    int64_t start = tile / blocks * scan->n * scan->inner + first;
    switch (scan->x->dtype) {
    case DTYPE_BOOL: scan_bool(scan, start, count); return;
    case DTYPE_I64: scan_i64(scan, start, count); return;
    case DTYPE_F32: scan_f32(scan, start, count); return;
    case DTYPE_F64: scan_f64(scan, start, count); return;
    }
}

static void scan_rows_tile(void *context, int64_t tile) {
    const Scan *scan = context;
    int64_t row = tile * ROWS_AT_ONCE;
    if (row + ROWS_AT_ONCE > scan->outer) {
        for (; row < scan->outer; row++) scan_tile(context, row);
        return;
    }
    switch (scan->x->dtype) {
    case DTYPE_BOOL: scan_rows_bool(scan, row); return;
    case DTYPE_I64: scan_rows_i64(scan, row); return;
    case DTYPE_F32: scan_rows_f32(scan, row); return;
    case DTYPE_F64: scan_rows_f64(scan, row); return;
    }
}

bool kernel_cumsum(const KernelCall *call) {
    const View *x = &call->inputs[0];
    int axis = (int)call->ints[0];
    Scan scan = {.x = x, .y = &call->outputs[0], .outer = 1, .n = x->shape.dims[axis], .inner = 1, .reverse = call->ints[1] != 0};
    for (int i = 0; i < x->shape.rank; i++) {
        scan.outer *= i < axis ? x->shape.dims[i] : 1;
        scan.inner *= i > axis ? x->shape.dims[i] : 1;
    }
    if (shape_count(x->shape) == 0) return true;
    if (scan.inner == 1) threads_run(call->threads, (scan.outer + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE, scan_rows_tile, &scan);
    else threads_run(call->threads, scan.outer * ((scan.inner + COLUMNS_AT_ONCE - 1) / COLUMNS_AT_ONCE), scan_tile, &scan);
    return true;
}
