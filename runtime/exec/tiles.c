#include "runtime/exec/tiles.h"

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

static bool can_merge(int64_t dim, int64_t (*strides)[RANK_MAX], int operand_count, const uint32_t *masks, int mask_count, int left,
                      int right) {
    for (int i = 0; i < operand_count; i++)
        if (strides[i][left] != strides[i][right] * dim) return false;
    for (int i = 0; i < mask_count; i++)
        if ((masks[i] >> left & 1) != (masks[i] >> right & 1)) return false;
    return true;
}

static void move_mask_bit(uint32_t *mask, int from, int to) {
    uint32_t bit = *mask >> from & 1;
    *mask = (*mask & ~(1u << to)) | bit << to;
}

void tiles_collapse(TileSpace *space, Shape shape, int64_t (*strides)[RANK_MAX], int operand_count, uint32_t *masks, int mask_count) {
    int rank = 0;
    for (int axis = 0; axis < shape.rank; axis++) {
        int64_t dim = shape.dims[axis];
        if (dim == 1) continue;
        bool merges = rank > 0 && can_merge(dim, strides, operand_count, masks, mask_count, rank - 1, axis);
        int target = merges ? rank - 1 : rank;
        for (int i = 0; i < operand_count; i++) strides[i][target] = strides[i][axis];
        for (int i = 0; i < mask_count; i++) move_mask_bit(&masks[i], axis, target);
        space->dims[target] = merges ? space->dims[target] * dim : dim;
        rank = target + 1;
    }
    if (rank == 0) { /* one element */
        space->dims[0] = 1;
        for (int i = 0; i < operand_count; i++) strides[i][0] = 0;
        rank = 1;
    }
    for (int i = 0; i < mask_count; i++) masks[i] &= (1u << rank) - 1;
    space->rank = rank;
    space->count = shape_count(shape);
}

/* Pieces of nearly equal size, in whole cache lines where the axis is the last one. */
static int64_t balanced_block(int64_t dim, int64_t largest, int64_t inner) {
    int64_t block = ceil_div(dim, ceil_div(dim, largest));
    return inner == 1 ? smaller(largest, ceil_div(block, 64) * 64) : block;
}

static void cut_units(TileSpace *space, uint32_t shared_axes) {
    int64_t wanted = space->count / UNIT_ELEMENTS;
    wanted = wanted < 1 ? 1 : smaller(wanted, UNIT_COUNT_MAX);
    int any = 0, separate = -1;
    for (int axis = 0; axis <= space->axis; axis++) {
        if (space->grid[axis] > space->grid[any]) any = axis;
        if (!(shared_axes >> axis & 1) && (separate < 0 || space->grid[axis] > space->grid[separate])) separate = axis;
    }
    bool enough = separate >= 0 && space->grid[separate] >= smaller(wanted, 8);
    space->unit_axis = enough ? separate : any;
    if (shared_axes >> space->unit_axis & 1) wanted = smaller(wanted, 64);
    space->unit_block = ceil_div(space->grid[space->unit_axis], wanted);
    space->unit_count = ceil_div(space->grid[space->unit_axis], space->unit_block);
}

void tiles_cut(TileSpace *space, uint32_t shared_axes) {
    if (space->count == 0) {
        space->axis = 0, space->block = 1, space->inner = 1, space->grid[0] = 0;
        space->unit_axis = 0, space->unit_block = 1, space->unit_count = 0;
        return;
    }
    int axis = space->rank - 1;
    int64_t inner = 1;
    while (axis > 0 && inner * space->dims[axis] <= TILE_MAX) inner *= space->dims[axis--];
    int64_t largest = TILE_MAX / inner > 0 ? TILE_MAX / inner : 1;
    space->axis = axis;
    space->inner = inner;
    space->block = space->dims[axis] <= largest ? space->dims[axis] : balanced_block(space->dims[axis], largest, inner);
    for (int i = 0; i < axis; i++) space->grid[i] = space->dims[i];
    space->grid[axis] = ceil_div(space->dims[axis], space->block);
    cut_units(space, shared_axes);
}

static void settle(TileWalk *walk) {
    const TileSpace *space = walk->space;
    int axis = space->axis;
    walk->index[axis] = walk->step[axis] * space->block;
    walk->block = smaller(space->block, space->dims[axis] - walk->index[axis]);
    walk->count = walk->block * space->inner;
    int64_t start = 0;
    for (int i = 0; i <= axis; i++) start = start * space->dims[i] + walk->index[i];
    walk->start = start * space->inner;
}

bool tiles_first(TileWalk *walk, const TileSpace *space, int64_t unit) {
    walk->space = space;
    walk->first = unit * space->unit_block;
    walk->end = smaller(walk->first + space->unit_block, space->grid[space->unit_axis]);
    for (int i = 0; i <= space->axis; i++) walk->index[i] = walk->step[i] = i == space->unit_axis ? walk->first : 0;
    if (walk->first >= walk->end) return false;
    settle(walk);
    return true;
}

bool tiles_next(TileWalk *walk) {
    const TileSpace *space = walk->space;
    for (int axis = space->axis; axis >= 0; axis--) {
        int64_t end = axis == space->unit_axis ? walk->end : space->grid[axis];
        walk->index[axis] = ++walk->step[axis];
        if (walk->step[axis] < end) {
            settle(walk);
            return true;
        }
        walk->index[axis] = walk->step[axis] = axis == space->unit_axis ? walk->first : 0;
    }
    return false;
}

int64_t tiles_offset(const TileWalk *walk, const int64_t *strides) {
    int64_t offset = 0;
    for (int i = 0; i <= walk->space->axis; i++) offset += walk->index[i] * strides[i];
    return offset;
}
