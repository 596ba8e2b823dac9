/* Checks what a pass left behind and blames the pass by name. */
#ifndef REG_PASSES_VERIFY_H
#define REG_PASSES_VERIFY_H

#include "lang/backend/lower.h"

/* Ids in order, inputs of the same graph and older, types as the op's rule infers them. */
bool verify_unit(const Unit *unit, const char *pass);
/* Every live node in exactly one task, members in one space and task order without cycles. */
bool verify_tasks(const Unit *unit, const Tasks *tasks, const Schedule *schedule, const char *pass);
/* Follows who wrote each byte of the slab: nothing is read before it was written or after it was overwritten, outputs overlap inputs
 * only where that is allowed, cells are written only from commit_start on and not read after that. */
bool verify_plan(const Lowered *lowered, Diagnostics *diagnostics, const char *pass);

#endif
