/* How a loop over a tensor is cut into tiles, and tiles into units of parallel work: by shapes only.
 *
 * The space is row-major. A tile is `block` consecutive indices of one axis with all later axes whole: at most TILE_MAX
 * consecutive elements. The grid of tiles spans the axes up to and including that one. A unit is a range of one grid axis
 * with everything else whole; units run in any order on any thread, the tiles of a unit in row-major order. */
#ifndef REG_EXEC_TILES_H
#define REG_EXEC_TILES_H

#include "runtime/base/tensor.h"

enum {
    TILE_MAX = 1024,       /* elements: a dozen f32 registers fit a first-level cache */
    UNIT_ELEMENTS = 16384, /* smaller pieces of work are not worth another thread */
    UNIT_COUNT_MAX = 256
};

typedef struct TileSpace {
    int rank; /* at least 1 */
    int64_t dims[RANK_MAX];
    int64_t count;          /* elements */
    int axis;               /* that tiles cut */
    int64_t block;          /* indices of `axis` in a tile (the last may have fewer) */
    int64_t inner;          /* elements of the axes after `axis` */
    int64_t grid[RANK_MAX]; /* tiles along axes 0 .. axis */
    int unit_axis;
    int64_t unit_block; /* grid steps of unit_axis in a unit */
    int64_t unit_count;
} TileSpace;

/* Drops axes of size 1 and merges neighbours that all operands walk as one; `strides` (operand_count rows) and `masks` (bit sets
 * over axes, mask_count of them, never merged across a border) are rewritten to the merged axes. */
void tiles_collapse(TileSpace *space, Shape shape, int64_t (*strides)[RANK_MAX], int operand_count, uint32_t *masks, int mask_count);
/* Chooses tiles and, with `shared_axes` (bit set of axes along which units would write the same place) to be avoided, units. */
void tiles_cut(TileSpace *space, uint32_t shared_axes);

/* A walk over the tiles of one unit. */
typedef struct TileWalk {
    const TileSpace *space;
    int64_t index[RANK_MAX]; /* along axes 0 .. axis: of the tile's first element */
    int64_t step[RANK_MAX];  /* the same in grid steps */
    int64_t first, end;      /* unit's range of grid steps of unit_axis */
    int64_t block;           /* of this tile */
    int64_t start;           /* row-major position of the tile's first element */
    int64_t count;           /* elements of this tile */
} TileWalk;

/* `for (bool more = tiles_first(&walk, space, unit); more; more = tiles_next(&walk))` */
bool tiles_first(TileWalk *walk, const TileSpace *space, int64_t unit); /* false when the space is empty */
bool tiles_next(TileWalk *walk);
int64_t tiles_offset(const TileWalk *walk, const int64_t *strides); /* of the tile's first element */

#endif
