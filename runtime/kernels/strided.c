#include "runtime/kernels/strided.h"

#include "runtime/kernels/warm.h"
#include "runtime/kernels/wide.h"

#include <stdbool.h>
#include <string.h>

enum { BLOCK = 16, TILE_ELEMENTS = 1 << 15, CACHED_ELEMENTS = 1 << 16 /* a plane that the second-level cache holds */ };

/* The copy cut into planes of rows x columns: columns run along the target, rows along the source where the two differ. */
typedef struct Planes {
    StridedCopy copy; /* the axes around the plane: rank, dims and strides */
    int64_t rows, columns;
    int64_t target_row, target_column, source_row, source_column; /* strides of the plane */
    int64_t rows_per_unit, units_per_plane, unit_count, units_per_tile;
} Planes;

static void drop_axis(StridedCopy *copy, int axis) {
    for (int k = axis; k + 1 < copy->rank; k++) {
        copy->dims[k] = copy->dims[k + 1];
        copy->target_strides[k] = copy->target_strides[k + 1];
        copy->source_strides[k] = copy->source_strides[k + 1];
    }
    copy->rank--;
}

/* Axes of size 1 vanish; an axis that continues the one after it on both sides is merged with it. */
static void merge_axes(StridedCopy *copy) {
    for (int k = copy->rank - 1; k >= 0; k--)
        if (copy->dims[k] == 1) drop_axis(copy, k);
    for (int k = copy->rank - 2; k >= 0; k--) {
        if (copy->target_strides[k] != copy->target_strides[k + 1] * copy->dims[k + 1] ||
            copy->source_strides[k] != copy->source_strides[k + 1] * copy->dims[k + 1])
            continue;
        copy->dims[k + 1] *= copy->dims[k];
        drop_axis(copy, k);
    }
}

static void copy_rows(const Planes *p, char *target, const char *source, int64_t rows) {
    size_t bytes = p->copy.element_bytes, row_bytes = (size_t)p->columns * bytes;
    for (int64_t r = 0; r < rows; r++)
        memcpy(target + r * p->target_row * (int64_t)bytes, source + r * p->source_row * (int64_t)bytes, row_bytes);
}

/* Blocks of BLOCK x BLOCK keep both sides' cache lines hot when rows are contiguous in the source. */
#define DEFINE_PLANE(TYPE, name) \
    static void block_##name(const Planes *p, TYPE *restrict target, const TYPE *restrict source, int64_t rows, int64_t columns) { \
        for (int64_t r = 0; r < rows; r++) \
            for (int64_t c = 0; c < columns; c++) \
                target[r * p->target_row + c * p->target_column] = source[r * p->source_row + c * p->source_column]; \
    } \
    WIDE static void plane_##name(const Planes *p, char *target_bytes, const char *source_bytes, int64_t rows) { \
        TYPE *target = (TYPE *)target_bytes; \
        const TYPE *source = (const TYPE *)source_bytes; \
        for (int64_t c = 0; c < p->columns; c += BLOCK) \
            for (int64_t r = 0; r < rows; r += BLOCK) { \
                int64_t height = rows - r < BLOCK ? rows - r : BLOCK; \
                int64_t width = p->columns - c < BLOCK ? p->columns - c : BLOCK; \
                TYPE *to = target + r * p->target_row + c * p->target_column; \
                const TYPE *from = source + r * p->source_row + c * p->source_column; \
                if (height == BLOCK && width == BLOCK && p->source_row == 1 && p->target_column == 1) \
                    square_##name(to, p->target_row, from, p->source_column); \
                else block_##name(p, to, from, height, width); \
            } \
    }

typedef uint32_t Eight __attribute__((vector_size(32), aligned(4), may_alias));
typedef uint64_t Two __attribute__((vector_size(16), aligned(8), may_alias));

#define PAIRS(a, b, ...) __builtin_shuffle(a, b, (Eight){__VA_ARGS__})

/* target[r, c] = source[c, r] for one BLOCK x BLOCK square, eight by eight in registers. */
static inline __attribute__((always_inline)) void square_4(uint32_t *restrict target, int64_t target_row, const uint32_t *restrict source,
                                                           int64_t source_column) {
    for (int r = 0; r < BLOCK; r += 8)
        for (int c = 0; c < BLOCK; c += 8) {
            Eight line[8], ones[8], twos[8];
            for (int k = 0; k < 8; k++) line[k] = *(const Eight *)(source + (c + k) * source_column + r);
            for (int k = 0; k < 8; k += 2) {
                ones[k] = PAIRS(line[k], line[k + 1], 0, 8, 1, 9, 4, 12, 5, 13);
                ones[k + 1] = PAIRS(line[k], line[k + 1], 2, 10, 3, 11, 6, 14, 7, 15);
            }
            for (int k = 0; k < 8; k += 4)
                for (int half = 0; half < 2; half++) {
                    twos[k + 2 * half] = PAIRS(ones[k + half], ones[k + 2 + half], 0, 1, 8, 9, 4, 5, 12, 13);
                    twos[k + 2 * half + 1] = PAIRS(ones[k + half], ones[k + 2 + half], 2, 3, 10, 11, 6, 7, 14, 15);
                }
            for (int k = 0; k < 4; k++) {
                uint32_t *to = target + (r + k) * target_row + c;
                *(Eight *)to = PAIRS(twos[k], twos[k + 4], 0, 1, 2, 3, 8, 9, 10, 11);
                *(Eight *)(to + 4 * target_row) = PAIRS(twos[k], twos[k + 4], 4, 5, 6, 7, 12, 13, 14, 15);
            }
        }
}

static void square_8(uint64_t *restrict target, int64_t target_row, const uint64_t *restrict source, int64_t source_column) {
    for (int r = 0; r < BLOCK; r += 2)
        for (int c = 0; c < BLOCK; c += 2) {
            Two first = *(const Two *)(source + c * source_column + r);
            Two second = *(const Two *)(source + (c + 1) * source_column + r);
            *(Two *)(target + r * target_row + c) = __builtin_shuffle(first, second, (Two){0, 2});
            *(Two *)(target + (r + 1) * target_row + c) = __builtin_shuffle(first, second, (Two){1, 3});
        }
}

static void square_1(uint8_t *restrict target, int64_t target_row, const uint8_t *restrict source, int64_t source_column) {
    for (int r = 0; r < BLOCK; r++)
        for (int c = 0; c < BLOCK; c++) target[r * target_row + c] = source[c * source_column + r];
}

DEFINE_PLANE(uint8_t, 1)
DEFINE_PLANE(uint32_t, 4)
DEFINE_PLANE(uint64_t, 8)

static void copy_unit(const Planes *p, int64_t plane, int64_t first_row) {
    int64_t target = first_row * p->target_row, source = first_row * p->source_row;
    for (int k = p->copy.rank - 1; k >= 0; k--) {
        int64_t at = plane % p->copy.dims[k];
        plane /= p->copy.dims[k];
        target += at * p->copy.target_strides[k];
        source += at * p->copy.source_strides[k];
    }
    int64_t bytes = (int64_t)p->copy.element_bytes;
    char *to = p->copy.target + target * bytes;
    const char *from = p->copy.source + source * bytes;
    int64_t rows = p->rows - first_row < p->rows_per_unit ? p->rows - first_row : p->rows_per_unit;
    bool is_whole = rows == p->rows && p->source_row == 1 && p->source_column == p->rows; /* a plane that is walked across */
    if (is_whole) warm(from, p->rows * p->columns * bytes);
    if (p->target_column == 1 && p->source_column == 1) copy_rows(p, to, from, rows);
    else if (bytes == 1) plane_1(p, to, from, rows);
    else if (bytes == 4) plane_4(p, to, from, rows);
    else plane_8(p, to, from, rows);
}

static void copy_tile(void *context, int64_t tile) {
    const Planes *p = context;
    int64_t end = (tile + 1) * p->units_per_tile;
    for (int64_t unit = tile * p->units_per_tile; unit < end && unit < p->unit_count; unit++)
        copy_unit(p, unit / p->units_per_plane, unit % p->units_per_plane * p->rows_per_unit);
}

static void take_axis(Planes *p, int axis, int64_t *size, int64_t *target_stride, int64_t *source_stride) {
    *size = 1, *target_stride = *source_stride = 0;
    if (axis < 0) return;
    *size = p->copy.dims[axis];
    *target_stride = p->copy.target_strides[axis];
    *source_stride = p->copy.source_strides[axis];
    drop_axis(&p->copy, axis);
}

/* The row axis is the one contiguous in the source, so that a plane transposes; failing that, the axis before the columns. */
static int row_axis(const StridedCopy *copy) {
    for (int k = 0; k + 1 < copy->rank; k++)
        if (copy->source_strides[k] == 1) return k;
    return copy->rank - 2;
}

void strided_copy(StridedCopy copy, Threads *threads) {
    for (int k = 0; k < copy.rank; k++)
        if (copy.dims[k] == 0) return;
    merge_axes(&copy);
    Planes p = {.copy = copy};
    int row = row_axis(&copy);
    take_axis(&p, p.copy.rank - 1, &p.columns, &p.target_column, &p.source_column);
    take_axis(&p, row, &p.rows, &p.target_row, &p.source_row);
    if (copy.rank == 0) p.target_column = p.source_column = 1;
    if (copy.rank == 1 && p.target_column == 1 && p.source_column == 1 && p.columns > TILE_ELEMENTS) {
        /* One long run: cut into rows so that it has tiles; the last, short row is copied apart. */
        int64_t whole = p.columns / TILE_ELEMENTS * TILE_ELEMENTS, bytes = (int64_t)copy.element_bytes;
        memcpy(copy.target + whole * bytes, copy.source + whole * bytes, (size_t)((p.columns - whole) * bytes));
        p.rows = p.columns / TILE_ELEMENTS;
        p.columns = p.target_row = p.source_row = TILE_ELEMENTS;
    }
    int64_t rows_wanted = (TILE_ELEMENTS / p.columns + BLOCK - 1) / BLOCK * BLOCK;
    p.rows_per_unit = p.rows * p.columns <= CACHED_ELEMENTS ? p.rows : rows_wanted < BLOCK ? BLOCK : rows_wanted;
    p.units_per_plane = (p.rows + p.rows_per_unit - 1) / p.rows_per_unit;
    int64_t planes = 1;
    for (int k = 0; k < p.copy.rank; k++) planes *= p.copy.dims[k];
    p.unit_count = planes * p.units_per_plane;
    int64_t unit_elements = p.columns * (p.rows < p.rows_per_unit ? p.rows : p.rows_per_unit);
    p.units_per_tile = unit_elements >= TILE_ELEMENTS ? 1 : TILE_ELEMENTS / unit_elements;
    threads_run(threads, (p.unit_count + p.units_per_tile - 1) / p.units_per_tile, copy_tile, &p);
}
