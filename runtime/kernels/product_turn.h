/* to[k, i] = from[i, k] for a square of four by four elements. */
#ifndef REG_KERNELS_PRODUCT_TURN_H
#define REG_KERNELS_PRODUCT_TURN_H

#include <stdint.h>

typedef float FourFloats __attribute__((vector_size(16), aligned(4)));
typedef double TwoDoubles __attribute__((vector_size(16), aligned(8)));
typedef int32_t FourLanes __attribute__((vector_size(16)));
typedef int64_t TwoLanes __attribute__((vector_size(16)));

static inline void turn_4_f32(float *to, int64_t to_stride, const float *from, int64_t from_stride) {
    FourFloats a = *(const FourFloats *)from, b = *(const FourFloats *)(from + from_stride);
    FourFloats c = *(const FourFloats *)(from + 2 * from_stride), d = *(const FourFloats *)(from + 3 * from_stride);
    FourFloats low = __builtin_shuffle(a, b, (FourLanes){0, 4, 1, 5}), high = __builtin_shuffle(a, b, (FourLanes){2, 6, 3, 7});
    FourFloats low_next = __builtin_shuffle(c, d, (FourLanes){0, 4, 1, 5}), high_next = __builtin_shuffle(c, d, (FourLanes){2, 6, 3, 7});
    *(FourFloats *)to = __builtin_shuffle(low, low_next, (FourLanes){0, 1, 4, 5});
    *(FourFloats *)(to + to_stride) = __builtin_shuffle(low, low_next, (FourLanes){2, 3, 6, 7});
    *(FourFloats *)(to + 2 * to_stride) = __builtin_shuffle(high, high_next, (FourLanes){0, 1, 4, 5});
    *(FourFloats *)(to + 3 * to_stride) = __builtin_shuffle(high, high_next, (FourLanes){2, 3, 6, 7});
}

static inline void turn_4_f64(double *to, int64_t to_stride, const double *from, int64_t from_stride) {
    for (int i = 0; i < 4; i += 2)
        for (int k = 0; k < 4; k += 2) {
            TwoDoubles a = *(const TwoDoubles *)(from + i * from_stride + k), b = *(const TwoDoubles *)(from + (i + 1) * from_stride + k);
            *(TwoDoubles *)(to + k * to_stride + i) = __builtin_shuffle(a, b, (TwoLanes){0, 2});
            *(TwoDoubles *)(to + (k + 1) * to_stride + i) = __builtin_shuffle(a, b, (TwoLanes){1, 3});
        }
}

#endif
