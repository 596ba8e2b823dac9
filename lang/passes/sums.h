/* Sums of terms with factors that come from sums along the same axes.
 *
 * The derivative of a normalisation sums along rows what was multiplied by a number of the row, which is itself made of sums
 * along that row: sum(a / s + c * r), where s and r are known when the whole row has been read. Taken apart, sum(a) / s + sum(c) * r
 * needs no second reading of it, and the fused group that made s and r sums a and c as well. Only factors that come from sums are
 * taken out: one that comes from a maximum may be there to keep the terms from overflowing. A number of the row by itself is left
 * in place: what it is subtracted from may be nearly the same. */
#ifndef REG_PASSES_SUMS_H
#define REG_PASSES_SUMS_H

#include "lang/passes/unit.h"

bool sums_take_apart(Unit *unit);

#endif
