/* Windows over the last two axes of [n, c, h, w]: maximum with its place, its adjoint, sum, and the sum's adjoint. A window that
 * lies in the padding altogether has maximum -inf at index 0 and sum 0. Channels that lie last: pool_last.c. */
#include "runtime/kernels/pool.h"

#include "runtime/kernels/axis.h"
#include "runtime/kernels/kernels.h"
#include "runtime/kernels/wide.h"

#include <math.h>

/* Windows of one row are searched in blocks of BLOCK neighbours, each block one vector, the last one moved back so that it is
 * whole however short the row is. */
#define DEFINE_BLOCK(TYPE, MASK, suffix, LOWEST, BLOCK, EVEN) \
    typedef TYPE Values_##BLOCK##_##suffix __attribute__((vector_size((BLOCK) * sizeof(TYPE)))); \
    typedef MASK Masks_##BLOCK##_##suffix __attribute__((vector_size((BLOCK) * sizeof(TYPE)))); \
    /* Elements x[k * stride], all in the image. */ \
    static inline \
        __attribute__((always_inline)) void load_##BLOCK##_##suffix(const TYPE *x, int64_t stride, Values_##BLOCK##_##suffix *values) { \
        if (stride == 2) { \
            Values_##BLOCK##_##suffix low, high; /* overlapping by one, so that nothing behind is read */ \
            __builtin_memcpy(&low, x, sizeof low); \
            __builtin_memcpy(&high, x + (BLOCK)-1, sizeof high); \
            *values = __builtin_shuffle(low, high, (Masks_##BLOCK##_##suffix)EVEN); \
        } else if (stride == 1) { \
            __builtin_memcpy(values, x, sizeof *values); \
        } else { \
            TYPE found[BLOCK]; \
            for (int k = 0; k < (BLOCK); k++) found[k] = x[k * stride]; \
            __builtin_memcpy(values, found, sizeof *values); \
        } \
    } \
    /* The same where some columns are not; those get -1 in the mask that are. */ \
    static void load_edge_##BLOCK##_##suffix(const Pool *p, const TYPE *x, int64_t column, Values_##BLOCK##_##suffix *values, \
                                             Masks_##BLOCK##_##suffix *valid) { \
        TYPE found[BLOCK] = {0}; \
        MASK is_valid[BLOCK] = {0}; \
        for (int k = 0; k < (BLOCK); k++, column += p->stride_w) \
            if (column >= 0 && column < p->w) found[k] = x[k * p->stride_w], is_valid[k] = -1; \
        __builtin_memcpy(values, found, sizeof *values); \
        __builtin_memcpy(valid, is_valid, sizeof *valid); \
    } \
    /* A window's tap is ky * w + kx, -1 while no element was seen. A larger value is taken, and the first NaN is kept. */ \
    static inline __attribute__((always_inline)) void largest_##BLOCK##_##suffix( \
        const Pool *p, const TYPE *in, int64_t oy, int64_t from, TYPE *out, int64_t *index, int64_t kh, int64_t kw, int64_t stride) { \
        Masks_##BLOCK##_##suffix tap = {0}, takes; \
        Values_##BLOCK##_##suffix best = {0}, value; \
        tap -= 1; \
        best += LOWEST; \
        for (int64_t ky = 0; ky < kh; ky++) { \
            int64_t y = oy * p->stride_h - p->pad_top + ky; \
            if (y < 0 || y >= p->h) continue; \
            for (int64_t kx = 0; kx < kw; kx++) { \
                int64_t column = from * stride - p->pad_left + kx; \
                const TYPE *x = in + y * p->w + column; \
                if (column >= 0 && column + ((BLOCK)-1) * stride < p->w) { \
                    load_##BLOCK##_##suffix(x, stride, &value); \
                    takes = (tap < 0) | (~(best >= value) & (best == best)); \
                } else { \
                    Values_##BLOCK##_##suffix found; \
                    Masks_##BLOCK##_##suffix valid; \
                    load_edge_##BLOCK##_##suffix(p, x, column, &found, &valid); \
                    value = found; \
                    takes = valid & ((tap < 0) | (~(best >= value) & (best == best))); \
                } \
                best = (Values_##BLOCK##_##suffix)((takes & (Masks_##BLOCK##_##suffix)value) | (~takes & (Masks_##BLOCK##_##suffix)best)); \
                tap = (takes & (MASK)(ky * p->w + kx)) | (~takes & tap); \
            } \
        } \
        __builtin_memcpy(out + from, &best, sizeof best); \
        int64_t corner = (oy * p->stride_h - p->pad_top) * p->w + from * stride - p->pad_left; \
        MASK taps[BLOCK]; \
        __builtin_memcpy(taps, &tap, sizeof taps); \
        for (int k = 0; k < (BLOCK); k++) index[from + k] = taps[k] < 0 ? 0 : corner + k * stride + taps[k]; \
    }

#define BLOCKS(BLOCK, suffix, kh, kw, stride) \
    for (int64_t from = 0; from < p->ow; from += (BLOCK)) \
        largest_##BLOCK##_##suffix(p, in, oy, min_i64(from, p->ow - (BLOCK)), out, index, kh, kw, stride);

#define DEFINE_LARGEST(TYPE, suffix, LARGE, SMALL) \
    WIDE static void largest_##suffix(const Pool *p, int64_t plane) { \
        const TYPE *in = (const TYPE *)p->in + plane * p->h * p->w; \
        bool is_usual = p->kh == 2 && p->kw == 2 && p->stride_w == 2; /* known sizes let the loops unroll */ \
        for (int64_t oy = 0; oy < p->oh; oy++) { \
            TYPE *out = (TYPE *)p->out + (plane * p->oh + oy) * p->ow; \
            int64_t *index = p->index + (plane * p->oh + oy) * p->ow; \
            if (p->ow >= (LARGE) && is_usual) BLOCKS(LARGE, suffix, 2, 2, 2) \
            else if (p->ow >= (SMALL) && is_usual) BLOCKS(SMALL, suffix, 2, 2, 2) \
            else if (p->ow >= (LARGE)) BLOCKS(LARGE, suffix, p->kh, p->kw, p->stride_w) \
            else if (p->ow >= (SMALL)) BLOCKS(SMALL, suffix, p->kh, p->kw, p->stride_w) \
            else BLOCKS(1, suffix, p->kh, p->kw, p->stride_w) \
        } \
    }

/* Indices of every second element of two vectors of which the second starts one element early. */
#define EVEN_1 \
    { 0 }
#define EVEN_2 \
    { 0, 3 }
#define EVEN_4 \
    { 0, 2, 5, 7 }
#define EVEN_8 \
    { 0, 2, 4, 6, 9, 11, 13, 15 }

/* Of at most 32 bytes: gcc takes comparisons of longer generic vectors apart. */
DEFINE_BLOCK(float, int32_t, f32, -INFINITY, 1, EVEN_1)
DEFINE_BLOCK(float, int32_t, f32, -INFINITY, 4, EVEN_4)
DEFINE_BLOCK(float, int32_t, f32, -INFINITY, 8, EVEN_8)
DEFINE_LARGEST(float, f32, 8, 4)
DEFINE_BLOCK(double, int64_t, f64, -(double)INFINITY, 1, EVEN_1)
DEFINE_BLOCK(double, int64_t, f64, -(double)INFINITY, 2, EVEN_2)
DEFINE_BLOCK(double, int64_t, f64, -(double)INFINITY, 4, EVEN_4)
DEFINE_LARGEST(double, f64, 4, 2)

#define DEFINE_SUMS(TYPE, suffix) \
    static void place_##suffix(const Pool *p, int64_t plane) { \
        const TYPE *in = (const TYPE *)p->in + plane * p->oh * p->ow; \
        const int64_t *index = p->index + plane * p->oh * p->ow; \
        TYPE *out = (TYPE *)p->out + plane * p->h * p->w; \
        for (int64_t i = 0; i < p->h * p->w; i++) out[i] = 0; \
        for (int64_t i = 0; i < p->oh * p->ow && p->h * p->w > 0; i++) out[index[i]] += in[i]; \
    } \
    static void sum_##suffix(const Pool *p, int64_t plane) { \
        const TYPE *in = (const TYPE *)p->in + plane * p->h * p->w; \
        TYPE *out = (TYPE *)p->out + plane * p->oh * p->ow; \
        for (int64_t oy = 0; oy < p->oh; oy++) { \
            Reach rows = reach(oy, p->stride_h, p->pad_top, p->kh, p->h); \
            for (int64_t ox = 0; ox < p->ow; ox++) { \
                Reach columns = reach(ox, p->stride_w, p->pad_left, p->kw, p->w); \
                TYPE sum = 0; \
                for (int64_t y = rows.first; y < rows.end; y++) \
                    for (int64_t x = columns.first; x < columns.end; x++) sum += in[y * p->w + x]; \
                out[oy * p->ow + ox] = sum; \
            } \
        } \
    } \
    static void spread_##suffix(const Pool *p, int64_t plane) { \
        const TYPE *in = (const TYPE *)p->in + plane * p->oh * p->ow; \
        TYPE *out = (TYPE *)p->out + plane * p->h * p->w; \
        for (int64_t i = 0; i < p->h * p->w; i++) out[i] = 0; \
        for (int64_t oy = 0; oy < p->oh; oy++) { \
            Reach rows = reach(oy, p->stride_h, p->pad_top, p->kh, p->h); \
            for (int64_t ox = 0; ox < p->ow; ox++) { \
                Reach columns = reach(ox, p->stride_w, p->pad_left, p->kw, p->w); \
                TYPE value = in[oy * p->ow + ox]; \
                for (int64_t y = rows.first; y < rows.end; y++) \
                    for (int64_t x = columns.first; x < columns.end; x++) out[y * p->w + x] += value; \
            } \
        } \
    }

DEFINE_SUMS(float, f32)
DEFINE_SUMS(double, f64)

static void pool_tile(void *context, int64_t tile) {
    const Pool *pool = context;
    int64_t end = min_i64((tile + 1) * pool->planes_per_tile, pool->planes);
    for (int64_t plane = tile * pool->planes_per_tile; plane < end; plane++) pool->plane(pool, plane);
}

typedef struct Kernels { /* by dtype and by where channels lie */
    PlaneKernel *first_f32, *first_f64, *last_f32, *last_f64;
} Kernels;

enum { CHANNELS_LAST = 8 };

static Pool describe(const KernelCall *call, Shape image, Shape windows, const Kernels *kernels) {
    bool is_last = call->int_count > CHANNELS_LAST && call->ints[CHANNELS_LAST] != 0;
    bool is_f32 = call->outputs[0].dtype == DTYPE_F32;
    int row = is_last ? 1 : 2;
    return (Pool){
        .h = image.dims[row],
        .w = image.dims[row + 1],
        .oh = windows.dims[row],
        .ow = windows.dims[row + 1],
        .kh = call->ints[0],
        .kw = call->ints[1],
        .stride_h = call->ints[2],
        .stride_w = call->ints[3],
        .pad_top = call->ints[4],
        .pad_left = call->ints[6],
        .channels = is_last ? image.dims[3] : 1,
        .planes = is_last ? image.dims[0] : image.dims[0] * image.dims[1],
        .in = call->inputs[0].data,
        .out = call->outputs[0].data,
        .plane = is_last  ? (is_f32 ? kernels->last_f32 : kernels->last_f64)
                 : is_f32 ? kernels->first_f32
                          : kernels->first_f64,
    };
}

static bool run(Pool pool, Threads *threads) {
    pool.planes_per_tile = items_per_tile((pool.h * pool.w + pool.oh * pool.ow * pool.kh * pool.kw) * pool.channels);
    threads_run(threads, ceil_div(pool.planes, pool.planes_per_tile), pool_tile, &pool);
    return true;
}

bool kernel_max_pool(const KernelCall *call) {
    static const Kernels kernels = {largest_f32, largest_f64, pool_last_largest_f32, pool_last_largest_f64};
    Pool pool = describe(call, call->inputs[0].shape, call->outputs[0].shape, &kernels);
    pool.index = call->outputs[1].data;
    return run(pool, call->threads);
}

bool kernel_max_pool_adjoint(const KernelCall *call) {
    static const Kernels kernels = {place_f32, place_f64, pool_last_place_f32, pool_last_place_f64};
    Pool pool = describe(call, call->outputs[0].shape, call->inputs[0].shape, &kernels);
    pool.index = call->inputs[1].data;
    return run(pool, call->threads);
}

bool kernel_window_sum(const KernelCall *call) {
    static const Kernels kernels = {sum_f32, sum_f64, pool_last_sum_f32, pool_last_sum_f64};
    return run(describe(call, call->inputs[0].shape, call->outputs[0].shape, &kernels), call->threads);
}

bool kernel_window_sum_adjoint(const KernelCall *call) {
    static const Kernels kernels = {spread_f32, spread_f64, pool_last_spread_f32, pool_last_spread_f64};
    return run(describe(call, call->outputs[0].shape, call->inputs[0].shape, &kernels), call->threads);
}
