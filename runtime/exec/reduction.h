/* Combining the values of a tile space along some of its axes: the part that fused groups and the reduce kernels share.
 *
 * Values arrive tile by tile (tiles.h). When every reduced axis lies inside the tile the results are complete at once and
 * go straight to the output; otherwise they gather in accumulators (double, int64_t for whole numbers), one copy for each
 * unit where units would meet, and the copies are added in order at the end. */
#ifndef REG_EXEC_REDUCTION_H
#define REG_EXEC_REDUCTION_H

#include "runtime/exec/elementwise.h"
#include "runtime/exec/threads.h"
#include "runtime/exec/tiles.h"

typedef struct ReductionSegment { /* neighbouring axes of the tile that are all reduced or all kept */
    int64_t extent;
    bool reduced;
} ReductionSegment;

typedef struct Reduction {
    const TileSpace *space;
    Combine combine;
    DType dtype, out_dtype;
    ReduceFunction *rows, *columns;
    int64_t out_count;
    int64_t strides[RANK_MAX]; /* of the result over the axes of the space; 0 where reduced */
    ReductionSegment segments[RANK_MAX];
    int segment_count;
    int64_t first_rest; /* elements of segment 0 per index of the tile's axis */
    bool is_complete;   /* each tile finishes its own results */
    int64_t copies;     /* of the accumulators */
    int64_t copy_count; /* from one copy to the next: whole cache lines, so that threads do not write to one line */
    void *accumulators; /* [copies, copy_count] of 8 bytes; NULL when is_complete */
    void *out;
} Reduction;

/* `mask`: the reduced axes of the (collapsed) space. Does not need the units of the space. */
bool reduction_is_complete(const TileSpace *space, uint32_t mask);
/* The space must be cut. The caller then sets `out` and, if reduction_bytes is not 0, `accumulators`. */
void reduction_init(Reduction *reduction, const TileSpace *space, uint32_t mask, Combine combine, DType dtype, DType out_dtype,
                    const ElementwiseTable *table);
size_t reduction_bytes(const Reduction *reduction);

void reduction_start(const Reduction *reduction, Threads *threads);
void reduction_add_tile(const Reduction *reduction, int64_t unit, const TileWalk *walk, const void *values);
void reduction_finish(const Reduction *reduction, Threads *threads);

#endif
