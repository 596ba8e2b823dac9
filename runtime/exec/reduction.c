#include "runtime/exec/reduction.h"

#include <math.h>
#include <string.h>

enum {
    PIECE = 16384, /* accumulators started or finished by one thread at a time */
    LINE_COUNT = 8 /* accumulators in a cache line */
};

bool reduction_is_complete(const TileSpace *space, uint32_t mask) {
    for (int axis = 0; axis <= space->axis; axis++)
        if ((mask >> axis & 1) && space->grid[axis] > 1) return false;
    return true;
}

static void init_segments(Reduction *reduction, uint32_t mask) {
    const TileSpace *space = reduction->space;
    int count = 0;
    for (int axis = space->axis; axis < space->rank; axis++) {
        bool reduced = mask >> axis & 1;
        int64_t extent = axis == space->axis ? space->block : space->dims[axis];
        if (count > 0 && reduction->segments[count - 1].reduced == reduced) reduction->segments[count - 1].extent *= extent;
        else reduction->segments[count++] = (ReductionSegment){extent, reduced};
    }
    reduction->segment_count = count;
    reduction->first_rest = reduction->segments[0].extent / space->block;
}

void reduction_init(Reduction *reduction, const TileSpace *space, uint32_t mask, Combine combine, DType dtype, DType out_dtype,
                    const ElementwiseTable *table) {
    *reduction = (Reduction){.space = space,
                             .combine = combine,
                             .dtype = dtype,
                             .out_dtype = out_dtype,
                             .out_count = 1,
                             .rows = table->reduce_rows[combine][dtype],
                             .columns = table->reduce_columns[combine][dtype]};
    for (int axis = space->rank - 1; axis >= 0; axis--) {
        if (mask >> axis & 1) continue;
        reduction->strides[axis] = reduction->out_count;
        reduction->out_count *= space->dims[axis];
    }
    reduction->is_complete = space->count > 0 && reduction_is_complete(space, mask);
    reduction->copies = mask >> space->unit_axis & 1 ? space->unit_count : 1;
    if (reduction->copies < 1) reduction->copies = 1;
    reduction->copy_count = (reduction->out_count + LINE_COUNT - 1) / LINE_COUNT * LINE_COUNT;
    init_segments(reduction, mask);
}

size_t reduction_bytes(const Reduction *reduction) {
    return reduction->is_complete ? 0 : (size_t)(reduction->copies * reduction->copy_count) * 8;
}

static void fill_identity(const Reduction *reduction, void *accumulators, int64_t count) {
    static const double floats[COMBINE_COUNT] = {
        [COMBINE_SUM] = 0, [COMBINE_MAX] = -INFINITY, [COMBINE_MIN] = INFINITY, [COMBINE_PROD] = 1};
    static const int64_t wholes[COMBINE_COUNT] = {
        [COMBINE_SUM] = 0, [COMBINE_MAX] = INT64_MIN, [COMBINE_MIN] = INT64_MAX, [COMBINE_PROD] = 1};
    double *d = accumulators;
    int64_t *w = accumulators, whole = wholes[reduction->combine];
    if (reduction->dtype == DTYPE_BOOL && reduction->combine == COMBINE_MAX) whole = 0;
    if (reduction->dtype == DTYPE_BOOL && reduction->combine == COMBINE_MIN) whole = 1;
    if (dtype_is_float(reduction->dtype)) {
        for (int64_t i = 0; i < count; i++) d[i] = floats[reduction->combine];
    } else {
        for (int64_t i = 0; i < count; i++) w[i] = whole;
    }
}

static void store(const Reduction *reduction, int64_t first, const void *accumulators, int64_t count) {
    const double *d = accumulators;
    const int64_t *w = accumulators;
    switch (reduction->out_dtype) {
    case DTYPE_F32:
        for (int64_t i = 0; i < count; i++) ((float *)reduction->out)[first + i] = (float)d[i];
        return;
    case DTYPE_F64: memcpy((double *)reduction->out + first, d, (size_t)count * sizeof *d); return;
    case DTYPE_I64: memcpy((int64_t *)reduction->out + first, w, (size_t)count * sizeof *w); return;
    case DTYPE_BOOL:
        for (int64_t i = 0; i < count; i++) ((uint8_t *)reduction->out)[first + i] = w[i] != 0;
        return;
    }
}

/* The last two segments are one call; the ones before them are looped over. `target` is where the tile's first result goes. */
static void add_segments(const Reduction *reduction, const ReductionSegment *segments, int count, char *target, const char *values) {
    bool is_row = segments[count - 1].reduced;
    if (count == 1) {
        ReduceFunction *function = is_row ? reduction->rows : reduction->columns;
        function(target, values, 1, segments[0].extent);
        return;
    }
    if (count == 2) {
        ReduceFunction *function = is_row ? reduction->rows : reduction->columns;
        function(target, values, segments[0].extent, segments[1].extent);
        return;
    }
    int64_t value_step = (int64_t)dtype_bytes(reduction->dtype), target_step = segments[0].reduced ? 0 : 8;
    for (int i = 1; i < count; i++) {
        value_step *= segments[i].extent;
        target_step *= segments[i].reduced ? 1 : segments[i].extent;
    }
    for (int64_t k = 0; k < segments[0].extent; k++)
        add_segments(reduction, segments + 1, count - 1, target + k * target_step, values + k * value_step);
}

void reduction_add_tile(const Reduction *reduction, int64_t unit, const TileWalk *walk, const void *values) {
    ReductionSegment segments[RANK_MAX];
    for (int i = 0; i < reduction->segment_count; i++) segments[i] = reduction->segments[i];
    segments[0].extent = walk->block * reduction->first_rest;
    int64_t first = tiles_offset(walk, reduction->strides);
    if (!reduction->is_complete) {
        int64_t copy = reduction->copies > 1 ? unit : 0;
        char *target = (char *)reduction->accumulators + (copy * reduction->copy_count + first) * 8;
        add_segments(reduction, segments, reduction->segment_count, target, values);
        return;
    }
    union {
        double number;
        int64_t whole;
    } local[TILE_MAX];
    int64_t count = 1;
    for (int i = 0; i < reduction->segment_count; i++) count *= segments[i].reduced ? 1 : segments[i].extent;
    fill_identity(reduction, local, count);
    add_segments(reduction, segments, reduction->segment_count, (char *)local, values);
    store(reduction, first, local, count);
}

typedef struct Pieces {
    const Reduction *reduction;
    int64_t count;
} Pieces;

static int64_t piece_count(const Pieces *pieces, int64_t piece) {
    int64_t left = pieces->count - piece * PIECE;
    return left < PIECE ? left : PIECE;
}

static void start_piece(void *context, int64_t piece) {
    const Pieces *pieces = context;
    fill_identity(pieces->reduction, (char *)pieces->reduction->accumulators + piece * PIECE * 8, piece_count(pieces, piece));
}

void reduction_start(const Reduction *reduction, Threads *threads) {
    if (reduction->is_complete) return;
    Pieces pieces = {reduction, reduction->copies * reduction->copy_count};
    threads_run(threads, (pieces.count + PIECE - 1) / PIECE, start_piece, &pieces);
}

/* Copies are added to the first one in order: the combining functions of columns, with one row. */
static void finish_piece(void *context, int64_t piece) {
    const Pieces *pieces = context;
    const Reduction *reduction = pieces->reduction;
    int64_t first = piece * PIECE, count = piece_count(pieces, piece);
    char *total = (char *)reduction->accumulators + first * 8;
    DType wide = dtype_is_float(reduction->dtype) ? DTYPE_F64 : DTYPE_I64;
    ReduceFunction *combine = elementwise_table()->reduce_columns[reduction->combine][wide];
    for (int64_t copy = 1; copy < reduction->copies; copy++) combine(total, total + copy * reduction->copy_count * 8, 1, count);
    store(reduction, first, total, count);
}

void reduction_finish(const Reduction *reduction, Threads *threads) {
    if (reduction->is_complete) return;
    Pieces pieces = {reduction, reduction->out_count};
    threads_run(threads, (pieces.count + PIECE - 1) / PIECE, finish_piece, &pieces);
}
