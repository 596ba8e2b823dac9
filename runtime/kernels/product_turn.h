/* to[k, 0 .. 3] = a[k], b[k], c[k], d[k] for k = 0 .. 3. */
#ifndef REG_KERNELS_PRODUCT_TURN_H
#define REG_KERNELS_PRODUCT_TURN_H

#include <stdint.h>

typedef float FourFloats __attribute__((vector_size(16), aligned(4)));
typedef double TwoDoubles __attribute__((vector_size(16), aligned(8)));
typedef int32_t FourLanes __attribute__((vector_size(16)));
typedef int64_t TwoLanes __attribute__((vector_size(16)));

static inline void turn_4_f32(float *to, int64_t to_stride, const float *a, const float *b, const float *c, const float *d) {
    FourFloats a4 = *(const FourFloats *)a, b4 = *(const FourFloats *)b, c4 = *(const FourFloats *)c, d4 = *(const FourFloats *)d;
    FourFloats low = __builtin_shuffle(a4, b4, (FourLanes){0, 4, 1, 5}), high = __builtin_shuffle(a4, b4, (FourLanes){2, 6, 3, 7});
    FourFloats low_next = __builtin_shuffle(c4, d4, (FourLanes){0, 4, 1, 5}),
               high_next = __builtin_shuffle(c4, d4, (FourLanes){2, 6, 3, 7});
    *(FourFloats *)to = __builtin_shuffle(low, low_next, (FourLanes){0, 1, 4, 5});
    *(FourFloats *)(to + to_stride) = __builtin_shuffle(low, low_next, (FourLanes){2, 3, 6, 7});
    *(FourFloats *)(to + 2 * to_stride) = __builtin_shuffle(high, high_next, (FourLanes){0, 1, 4, 5});
    *(FourFloats *)(to + 3 * to_stride) = __builtin_shuffle(high, high_next, (FourLanes){2, 3, 6, 7});
}

static inline void turn_4_f64(double *to, int64_t to_stride, const double *a, const double *b, const double *c, const double *d) {
    for (int k = 0; k < 4; k += 2) {
        TwoDoubles a2 = *(const TwoDoubles *)(a + k), b2 = *(const TwoDoubles *)(b + k);
        TwoDoubles c2 = *(const TwoDoubles *)(c + k), d2 = *(const TwoDoubles *)(d + k);
        *(TwoDoubles *)(to + k * to_stride) = __builtin_shuffle(a2, b2, (TwoLanes){0, 2});
        *(TwoDoubles *)(to + k * to_stride + 2) = __builtin_shuffle(c2, d2, (TwoLanes){0, 2});
        *(TwoDoubles *)(to + (k + 1) * to_stride) = __builtin_shuffle(a2, b2, (TwoLanes){1, 3});
        *(TwoDoubles *)(to + (k + 1) * to_stride + 2) = __builtin_shuffle(c2, d2, (TwoLanes){1, 3});
    }
}

#endif
