/* Windows over the last two axes of [n, c, h, w]: maximum with its place, sum, and the sum's adjoint. Padding is never read:
 * a window is cut to the image. A window that lies in the padding altogether has maximum -inf at index 0 and sum 0. */
#include "runtime/kernels/axis.h"
#include "runtime/kernels/kernels.h"
#include "runtime/kernels/wide.h"

#include <math.h>

typedef struct Pool {
    int64_t h, w, oh, ow;
    int64_t kh, kw, stride_h, stride_w, pad_top, pad_left;
    int64_t planes, planes_per_tile;
    const void *in;
    void *out;
    int64_t *index;
    void (*plane)(const struct Pool *pool, int64_t plane);
} Pool;

/* Rows or columns [first, end) of the image that one output position covers. */
typedef struct Reach {
    int64_t first, end;
} Reach;

static inline Reach reach(int64_t at, int64_t stride, int64_t pad, int64_t size, int64_t limit) {
    int64_t start = at * stride - pad;
    Reach r = {.first = start < 0 ? 0 : start, .end = start + size < limit ? start + size : limit};
    return r;
}

/* Output positions of one row for which column `offset + stride * position` lies in the image. */
static Reach valid_columns(const Pool *p, int64_t offset, int64_t from, int64_t to) {
    int64_t first = offset < 0 ? ceil_div(-offset, p->stride_w) : 0;
    int64_t end = offset < p->w ? ceil_div(p->w - offset, p->stride_w) : 0;
    first = min_i64(max_i64(first, from), to);
    return (Reach){first, max_i64(first, min_i64(end, to))};
}

enum { CHUNK = 64 };

/* The winner so far of up to CHUNK neighbouring windows; tap is ky * w + kx, -1 while no element was seen.
 * `!(best >= value)` takes a larger value and a NaN; the test on `best` keeps the first NaN. */
#define TAKE(TYPE, STRIDE)                                                                                     \
    for (int64_t k = 0; k < count; k++) {                                                                      \
        TYPE value = x[k * (STRIDE)];                                                                          \
        bool takes = (tap[k] < 0) | (!(best[k] >= value) & (best[k] == best[k]));                              \
        best[k] = takes ? value : best[k];                                                                     \
        tap[k] = takes ? here : tap[k];                                                                        \
    }

#define DEFINE_POOL(TYPE, suffix, LOWEST)                                                                      \
    WIDE static void take_##suffix(const TYPE *restrict x, int64_t stride, int64_t count, int32_t here,        \
                                   TYPE *restrict best, int32_t *restrict tap) {                               \
        if (stride == 1)                                                                                       \
            TAKE(TYPE, 1)                                                                                      \
        else if (stride == 2)                                                                                  \
            TAKE(TYPE, 2)                                                                                      \
        else                                                                                                   \
            TAKE(TYPE, stride)                                                                                 \
    }                                                                                                          \
    static void largest_of_chunk_##suffix(const Pool *p, const TYPE *in, int64_t oy, int64_t from, int64_t to, \
                                          TYPE *out, int64_t *index) {                                         \
        TYPE best[CHUNK];                                                                                      \
        int32_t tap[CHUNK];                                                                                    \
        for (int64_t k = 0; k < to - from; k++)                                                                \
            best[k] = LOWEST, tap[k] = -1;                                                                     \
        for (int64_t ky = 0; ky < p->kh; ky++) {                                                               \
            int64_t y = oy * p->stride_h - p->pad_top + ky;                                                    \
            if (y < 0 || y >= p->h)                                                                            \
                continue;                                                                                      \
            for (int64_t kx = 0; kx < p->kw; kx++) {                                                           \
                Reach valid = valid_columns(p, kx - p->pad_left, from, to);                                    \
                const TYPE *x = in + y * p->w + valid.first * p->stride_w + kx - p->pad_left;                  \
                take_##suffix(x, p->stride_w, valid.end - valid.first, (int32_t)(ky * p->w + kx),              \
                              best + (valid.first - from), tap + (valid.first - from));                        \
            }                                                                                                  \
        }                                                                                                      \
        for (int64_t k = 0; k < to - from; k++) {                                                              \
            int64_t corner = (oy * p->stride_h - p->pad_top) * p->w + (from + k) * p->stride_w - p->pad_left;  \
            out[from + k] = best[k];                                                                           \
            index[from + k] = tap[k] < 0 ? 0 : corner + tap[k];                                                \
        }                                                                                                      \
    }                                                                                                          \
    static void largest_##suffix(const Pool *p, int64_t plane) {                                               \
        const TYPE *in = (const TYPE *)p->in + plane * p->h * p->w;                                            \
        for (int64_t oy = 0; oy < p->oh; oy++) {                                                               \
            int64_t row = (plane * p->oh + oy) * p->ow;                                                        \
            for (int64_t from = 0; from < p->ow; from += CHUNK)                                                \
                largest_of_chunk_##suffix(p, in, oy, from, min_i64(from + CHUNK, p->ow),                       \
                                          (TYPE *)p->out + row, p->index + row);                               \
        }                                                                                                      \
    }                                                                                                          \
    static void sum_##suffix(const Pool *p, int64_t plane) {                                                   \
        const TYPE *in = (const TYPE *)p->in + plane * p->h * p->w;                                            \
        TYPE *out = (TYPE *)p->out + plane * p->oh * p->ow;                                                    \
        for (int64_t oy = 0; oy < p->oh; oy++) {                                                               \
            Reach rows = reach(oy, p->stride_h, p->pad_top, p->kh, p->h);                                      \
            for (int64_t ox = 0; ox < p->ow; ox++) {                                                           \
                Reach columns = reach(ox, p->stride_w, p->pad_left, p->kw, p->w);                              \
                TYPE sum = 0;                                                                                  \
                for (int64_t y = rows.first; y < rows.end; y++)                                                \
                    for (int64_t x = columns.first; x < columns.end; x++)                                      \
                        sum += in[y * p->w + x];                                                               \
                out[oy * p->ow + ox] = sum;                                                                    \
            }                                                                                                  \
        }                                                                                                      \
    }                                                                                                          \
    static void spread_##suffix(const Pool *p, int64_t plane) {                                                \
        const TYPE *in = (const TYPE *)p->in + plane * p->oh * p->ow;                                          \
        TYPE *out = (TYPE *)p->out + plane * p->h * p->w;                                                      \
        for (int64_t i = 0; i < p->h * p->w; i++)                                                              \
            out[i] = 0;                                                                                        \
        for (int64_t oy = 0; oy < p->oh; oy++) {                                                               \
            Reach rows = reach(oy, p->stride_h, p->pad_top, p->kh, p->h);                                      \
            for (int64_t ox = 0; ox < p->ow; ox++) {                                                           \
                Reach columns = reach(ox, p->stride_w, p->pad_left, p->kw, p->w);                              \
                TYPE value = in[oy * p->ow + ox];                                                              \
                for (int64_t y = rows.first; y < rows.end; y++)                                                \
                    for (int64_t x = columns.first; x < columns.end; x++)                                      \
                        out[y * p->w + x] += value;                                                            \
            }                                                                                                  \
        }                                                                                                      \
    }

DEFINE_POOL(float, f32, -INFINITY)
DEFINE_POOL(double, f64, -(double)INFINITY)
DEFINE_POOL(int64_t, i64, INT64_MIN)

static void pool_tile(void *context, int64_t tile) {
    const Pool *pool = context;
    int64_t end = min_i64((tile + 1) * pool->planes_per_tile, pool->planes);
    for (int64_t plane = tile * pool->planes_per_tile; plane < end; plane++)
        pool->plane(pool, plane);
}

typedef void PlaneKernel(const Pool *pool, int64_t plane);

static PlaneKernel *choose(DType dtype, PlaneKernel *f32, PlaneKernel *f64, PlaneKernel *i64) {
    return dtype == DTYPE_F32 ? f32 : dtype == DTYPE_F64 ? f64 : i64;
}

static Pool describe(const KernelCall *call, Shape image, Shape windows, PlaneKernel *plane) {
    return (Pool){
        .h = image.dims[2], .w = image.dims[3], .oh = windows.dims[2], .ow = windows.dims[3],
        .kh = call->ints[0], .kw = call->ints[1], .stride_h = call->ints[2], .stride_w = call->ints[3],
        .pad_top = call->ints[4], .pad_left = call->ints[6],
        .planes = image.dims[0] * image.dims[1],
        .in = call->inputs[0].data, .out = call->outputs[0].data, .plane = plane,
    };
}

static bool run(Pool pool, Threads *threads) {
    pool.planes_per_tile = items_per_tile(pool.h * pool.w + pool.oh * pool.ow * pool.kh * pool.kw);
    threads_run(threads, ceil_div(pool.planes, pool.planes_per_tile), pool_tile, &pool);
    return true;
}

bool kernel_max_pool(const KernelCall *call) {
    PlaneKernel *plane = choose(call->inputs[0].dtype, largest_f32, largest_f64, largest_i64);
    Pool pool = describe(call, call->inputs[0].shape, call->outputs[0].shape, plane);
    pool.index = call->outputs[1].data;
    return run(pool, call->threads);
}

bool kernel_window_sum(const KernelCall *call) {
    PlaneKernel *plane = choose(call->inputs[0].dtype, sum_f32, sum_f64, sum_i64);
    return run(describe(call, call->inputs[0].shape, call->outputs[0].shape, plane), call->threads);
}

bool kernel_window_sum_adjoint(const KernelCall *call) {
    PlaneKernel *plane = choose(call->inputs[0].dtype, spread_f32, spread_f64, spread_i64);
    return run(describe(call, call->outputs[0].shape, call->inputs[0].shape, plane), call->threads);
}
