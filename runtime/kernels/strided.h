/* Copying between two strided layouts of the same elements: what transpose, slice, flip, pad and concat have in common. */
#ifndef REG_KERNELS_STRIDED_H
#define REG_KERNELS_STRIDED_H

#include "runtime/base/tensor.h"
#include "runtime/exec/threads.h"

typedef struct StridedCopy {
    size_t element_bytes; /* 1, 4 or 8 */
    int rank;
    int64_t dims[RANK_MAX];
    char *target; /* element [0, ..., 0] of either side */
    const char *source;
    int64_t target_strides[RANK_MAX]; /* in elements; may be negative */
    int64_t source_strides[RANK_MAX];
} StridedCopy;

/* Copies every element. The two sides do not overlap. Axes are merged and the innermost two are blocked for the cache. */
void strided_copy(StridedCopy copy, Threads *threads);

#endif
