/* A tensor seen along one axis, [outer, size, inner], and the cutting of work into tiles. */
#ifndef REG_KERNELS_AXIS_H
#define REG_KERNELS_AXIS_H

#include "runtime/base/tensor.h"

typedef struct Axis {
    int64_t outer, size, inner;
} Axis;

/* The axes first .. first + width - 1 taken as one (width 0: an axis of size 1 before `first`). */
static inline Axis axis_span(Shape shape, int64_t first, int64_t width) {
    Axis axis = {.outer = 1, .size = 1, .inner = 1};
    for (int k = 0; k < shape.rank; k++) {
        int64_t *part = k < first ? &axis.outer : k < first + width ? &axis.size : &axis.inner;
        *part *= shape.dims[k];
    }
    return axis;
}

static inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

static inline int64_t min_i64(int64_t a, int64_t b) { return a < b ? a : b; }

static inline int64_t max_i64(int64_t a, int64_t b) { return a > b ? a : b; }

/* How many items of `item_cost` elementary operations make a tile worth handing to a thread. */
static inline int64_t items_per_tile(int64_t item_cost) {
    enum { TILE_COST = 1 << 15 };
    return max_i64(1, TILE_COST / max_i64(1, item_cost));
}

#endif
