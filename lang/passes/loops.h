/* Passes over loops: one loop where there were two, and nothing in it that is the same in every iteration. */
#ifndef REG_PASSES_LOOPS_H
#define REG_PASSES_LOOPS_H

#include "lang/passes/unit.h"

/* A loop that is differentiated has a twin that records its carries; whoever reads the plain loop reads the twin instead. */
bool loops_share(Unit *unit);
/* Records that nobody reads are dropped, so that a loop keeps only what its derivative or `history` needs. */
bool loops_drop_records(Unit *unit);
/* What a body computes from captured values alone is computed before the loop and captured. */
bool loops_hoist(Unit *unit);

#endif
