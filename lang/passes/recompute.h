/* Cheap values are computed again where they are read, instead of being stored for it.
 *
 * A derivative reads what the forward pass computed: of x * sigmoid(x), say, a group would store the sigmoid, 1 - sigmoid and
 * a product or two, and another group would load them all. A multiplication costs less than a store and a load, so what is only read
 * element for element by other fused groups, and comes from values that are stored in any case by a few operations of the cheap kind, is
 * copied into those groups. The bits stay the same. Runs last: the next pass would find that the copies are equal. */
#ifndef REG_PASSES_RECOMPUTE_H
#define REG_PASSES_RECOMPUTE_H

#include "lang/passes/unit.h"

bool recompute(Unit *unit);

#endif
