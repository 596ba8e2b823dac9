#include "lang/passes/region.h"

static Range range(int64_t start, int64_t count, int64_t step) { return (Range){start, count, count < 2 ? 1 : step}; }
static int64_t last_of(Range range) { return range.start + (range.count - 1) * range.step; }
static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

static int64_t common_divisor(int64_t a, int64_t b) {
    while (b != 0) {
        int64_t rest = a % b;
        a = b, b = rest;
    }
    return a;
}

Range range_all(int64_t size) { return range(0, size, 1); }
Range range_one(int64_t index) { return range(index, 1, 1); }
bool range_is_all(Range r, int64_t size) { return r.start == 0 && r.count == size && r.step == 1; }
bool range_equal(Range a, Range b) { return a.start == b.start && a.count == b.count && a.step == b.step; }

bool range_holds(Range a, Range b) {
    if (b.count == 0) return true;
    if (a.count == 0 || b.start < a.start || last_of(b) > last_of(a)) return false;
    return (b.start - a.start) % a.step == 0 && (b.count == 1 || b.step % a.step == 0);
}

Range range_cover(Range a, Range b) {
    if (a.count == 0) return b;
    if (b.count == 0) return a;
    int64_t start = smaller(a.start, b.start), last = larger(last_of(a), last_of(b));
    int64_t step = common_divisor(a.count > 1 ? a.step : 0, b.count > 1 ? b.step : 0);
    step = common_divisor(step, a.start > b.start ? a.start - b.start : b.start - a.start);
    return step == 0 ? range_one(start) : range(start, (last - start) / step + 1, step);
}

/* The indices of a from the first to the last of b. */
static Range between(Range a, Range b) {
    if (a.count == 0 || b.count == 0) return range(0, 0, 1);
    int64_t skip = b.start > a.start ? (b.start - a.start + a.step - 1) / a.step : 0, end = last_of(b);
    int64_t first = a.start + skip * a.step;
    if (first > end || skip >= a.count) return range(0, 0, 1);
    return range(first, smaller(a.count - skip, (end - first) / a.step + 1), a.step);
}

Range range_clip(Range a, Range b) {
    Range sparse = between(b, a);
    return range_holds(a, sparse) ? sparse : between(a, b);
}

Range range_within(Range a, Range b) {
    return b.count == 0 ? range(0, 0, 1) : range((b.start - a.start) / a.step, b.count, b.step / a.step);
}

Range range_of(Range a, Range b) { return range(a.start + a.step * b.start, b.count, a.step * b.step); }

Region region_all(Shape shape) {
    Region region = {.rank = shape.rank};
    for (int k = 0; k < shape.rank; k++) region.axes[k] = range_all(shape.dims[k]);
    return region;
}

Shape region_shape(const Region *region) {
    Shape shape = {.rank = region->rank};
    for (int k = 0; k < shape.rank; k++) shape.dims[k] = region->axes[k].count;
    return shape;
}

bool region_is_all(const Region *region, Shape shape) {
    for (int k = 0; k < shape.rank; k++)
        if (!range_is_all(region->axes[k], shape.dims[k])) return false;
    return true;
}

int64_t region_count(const Region *region) { return shape_count(region_shape(region)); }
bool region_is_empty(const Region *region) { return region_count(region) == 0; }

bool region_holds(const Region *a, const Region *b) {
    if (region_is_empty(b)) return true;
    for (int k = 0; k < a->rank; k++)
        if (!range_holds(a->axes[k], b->axes[k])) return false;
    return true;
}

Region region_cover(const Region *a, const Region *b) {
    if (region_is_empty(a)) return *b;
    if (region_is_empty(b)) return *a;
    Region cover = {.rank = a->rank};
    for (int k = 0; k < a->rank; k++) cover.axes[k] = range_cover(a->axes[k], b->axes[k]);
    return cover;
}

Region region_clip(const Region *a, const Region *b) {
    Region clip = {.rank = a->rank};
    for (int k = 0; k < a->rank; k++) clip.axes[k] = range_clip(a->axes[k], b->axes[k]);
    return clip;
}

Region region_within(const Region *a, const Region *b) {
    Region within = {.rank = a->rank};
    for (int k = 0; k < a->rank; k++) within.axes[k] = range_within(a->axes[k], b->axes[k]);
    return within;
}

/* ---- reshape ------------------------------------------------------------------------------------------------------------ */

/* [outer, inner of `size`] flattened; false when the elements are then not evenly spaced. */
static bool join(Range outer, Range inner, int64_t size, Range *joined) {
    if (outer.count == 1) *joined = range(outer.start * size + inner.start, inner.count, inner.step);
    else if (inner.count == 1) *joined = range(outer.start * size + inner.start, outer.count, outer.step * size);
    else if (outer.step == 1 && inner.step * inner.count == size && inner.start < inner.step)
        *joined = range(outer.start * size + inner.start, outer.count * inner.count, inner.step);
    else return false;
    return true;
}

/* A flat range cut into [outer, inner of `size`]; false when it is not evenly spaced along both. */
static bool part(Range flat, int64_t size, Range *outer, Range *inner) {
    int64_t row = flat.start / size, column = flat.start % size;
    if (flat.count == 1 || flat.step % size == 0) {
        *outer = range(row, flat.count, flat.step / size);
        *inner = range_one(column);
    } else if (row == last_of(flat) / size) {
        *outer = range_one(row);
        *inner = range(column, flat.count, flat.step);
    } else if (size % flat.step == 0 && column < flat.step && flat.count % (size / flat.step) == 0) {
        *outer = range(row, flat.count / (size / flat.step), 1);
        *inner = range(column, size / flat.step, flat.step);
    } else return false;
    return true;
}

static bool join_axes(const Region *region, Shape shape, int first, int end, Range *flat) {
    int64_t size = 1;
    *flat = range_one(0);
    for (int k = end; k-- > first; size *= shape.dims[k])
        if (!join(region->axes[k], *flat, size, flat)) return false;
    return true;
}

static bool part_axes(Range flat, Shape shape, int first, int end, Region *out) {
    int64_t size = 1;
    for (int k = first; k < end; k++) size *= shape.dims[k];
    for (int k = first; k < end; k++) {
        Range rest;
        size /= shape.dims[k];
        if (!part(flat, size, &out->axes[k], &rest)) return false;
        flat = rest;
    }
    return true;
}

/* Axes of both shapes are walked in runs with the same number of elements. */
Region region_reshape(Region *region, Shape to, Shape from) {
    Region out = region_all(from);
    if (shape_count(to) == 0) return out;
    for (int a = 0, b = 0; a < to.rank || b < from.rank;) {
        int first_a = a, first_b = b;
        int64_t left = 1, right = 1;
        do {
            if (left <= right && a < to.rank) left *= to.dims[a++];
            else if (b < from.rank) right *= from.dims[b++];
            else left *= to.dims[a++];
        } while (left != right);
        Range flat;
        if (join_axes(region, to, first_a, a, &flat) && part_axes(flat, from, first_b, b, &out)) continue;
        for (int k = first_a; k < a; k++) region->axes[k] = range_all(to.dims[k]);
        for (int k = first_b; k < b; k++) out.axes[k] = range_all(from.dims[k]);
    }
    return out;
}
