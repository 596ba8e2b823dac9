/* What ops say about parts of tensors: which elements of an operand are read for some of the result, and which elements of a
 * result can be other than zero. Used by narrow.c.
 *
 * Where zero meets NaN or infinity in a product, zero wins, as everywhere in the passes (simplify.h). */
#ifndef REG_PASSES_DEMAND_H
#define REG_PASSES_DEMAND_H

#include "lang/graph/graph.h"
#include "lang/passes/region.h"

/* False: all of the node is computed, from all of its operands. */
bool demand_is_partial(const Node *node);
/* Widens the region to one that can be computed by itself: along a running sum all, across a reshape what is evenly spaced. */
void demand_widen(const Node *node, Region *region);
/* What `region` of the node, widened, needs of operand k. `supports` by node id. May be empty. */
Region demand_of(const Node *node, const Region *region, int k, const Region *supports);
/* Zero everywhere else. `supports` of the operands by node id. */
Region demand_support(const Node *node, const Region *supports);
/* The image of a pad's operand, and the part of it in `region`. */
Region demand_padded(const Node *pad, const Region *region);

#endif
