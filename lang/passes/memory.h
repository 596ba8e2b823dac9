/* Places in the slab: by the lifetimes of buffers (places.h), 64-byte aligned. A step that reads a value element for element for the
 * last time may write its result over it. */
#ifndef REG_PASSES_MEMORY_H
#define REG_PASSES_MEMORY_H

#include "lang/backend/lower.h"

void memory_plan(Lowered *lowered);

/* Element for element: input k of the group has its elements in the order of the iteration. */
bool memory_is_pointwise(const Fused *fused, int input);

#endif
