/* A loop that is differentiated has a twin that records its carries; whoever reads the plain loop reads the twin instead. */
#ifndef REG_PASSES_LOOPS_H
#define REG_PASSES_LOOPS_H

#include "lang/passes/unit.h"

bool loops_share(Unit *unit);

#endif
