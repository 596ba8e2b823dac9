/* Evenly spaced parts of tensors: along each axis start, start + step, ... Arithmetic that passes use to say which elements of a
 * value are needed, or can be other than zero. */
#ifndef REG_PASSES_REGION_H
#define REG_PASSES_REGION_H

#include "runtime/base/tensor.h"

typedef struct Range {
    int64_t start, count, step; /* step 1 where count < 2 */
} Range;

typedef struct Region {
    int rank;
    Range axes[RANK_MAX];
} Region;

Range range_all(int64_t size);
Range range_one(int64_t index);
bool range_is_all(Range range, int64_t size);
bool range_equal(Range a, Range b);
bool range_holds(Range a, Range b);   /* every index of b is one of a */
Range range_cover(Range a, Range b);  /* holds both; the smaller gaps of the two are kept where they can be */
Range range_clip(Range a, Range b);   /* the part of a, as few as can be, that holds what a and b share */
Range range_within(Range a, Range b); /* b, held by a, as positions in a: index a.start + a.step * k is position k */
Range range_of(Range a, Range b);     /* the inverse: the indices of a at the positions b */

Region region_all(Shape shape);
Shape region_shape(const Region *region);
bool region_is_all(const Region *region, Shape shape);
bool region_is_empty(const Region *region);
int64_t region_count(const Region *region);
bool region_holds(const Region *a, const Region *b);
Region region_cover(const Region *a, const Region *b);
Region region_clip(const Region *a, const Region *b);
Region region_within(const Region *a, const Region *b);

/* The part of a tensor of shape `from` that is `region` of the same elements in shape `to`. Where that is not evenly spaced,
 * axes of *region are widened until it is. */
Region region_reshape(Region *region, Shape to, Shape from);

#endif
