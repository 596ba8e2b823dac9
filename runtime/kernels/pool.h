/* What the pooling kernels share: windows over the height and width of images, with channels first (pool.c) or last (pool_last.c).
 * Padding is never read: a window is cut to the image. */
#ifndef REG_KERNELS_POOL_H
#define REG_KERNELS_POOL_H

#include "runtime/base/tensor.h"

typedef struct Pool {
    int64_t h, w, oh, ow;
    int64_t kh, kw, stride_h, stride_w, pad_top, pad_left;
    int64_t channels;                /* of one place: 1 where they come first */
    int64_t planes, planes_per_tile; /* pieces that are worked on one by one: an image, or one of its channels */
    const void *in;
    void *out;
    int64_t *index; /* of maxima: place in the plane, y * w + x */
    void (*plane)(const struct Pool *pool, int64_t plane);
} Pool;

typedef void PlaneKernel(const Pool *pool, int64_t plane);

/* Rows or columns [first, end) of the image that one output position covers. */
typedef struct Reach {
    int64_t first, end;
} Reach;

static inline Reach reach(int64_t at, int64_t stride, int64_t pad, int64_t size, int64_t limit) {
    int64_t start = at * stride - pad;
    Reach r = {.first = start < 0 ? 0 : start, .end = start + size < limit ? start + size : limit};
    return r;
}

/* Output positions [first, end) of `count` whose windows cover row or column `at`. */
static inline Reach covering(int64_t at, int64_t stride, int64_t pad, int64_t size, int64_t count) {
    int64_t last = (at + pad) / stride, behind = at + pad - size; /* a window that starts there ends just before */
    Reach r = {.first = behind < 0 ? 0 : behind / stride + 1, .end = last < count ? last + 1 : count};
    return r;
}

/* Channels last; of f32 and f64: maximum with its place, its adjoint, sum, and the sum's adjoint. */
PlaneKernel pool_last_largest_f32, pool_last_largest_f64, pool_last_place_f32, pool_last_place_f64;
PlaneKernel pool_last_sum_f32, pool_last_sum_f64, pool_last_spread_f32, pool_last_spread_f64;

#endif
