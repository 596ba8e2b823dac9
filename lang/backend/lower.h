/* Scheduled tasks to a plan: numbered buffers, kernel calls, fused programs, loops. Places in the slab are chosen afterwards
 * (lang/passes/memory.h). */
#ifndef REG_BACKEND_LOWER_H
#define REG_BACKEND_LOWER_H

#include "lang/passes/schedule.h"

typedef struct Lowered {
    Program *program;
    int *roots;          /* by buffer: the buffer whose memory it shares (itself for most) */
    bool *may_overwrite; /* by step: a kernel that may write output 0 over input 0 */
} Lowered;

/* False after a diagnostic. */
bool lower(Lowered *lowered, const Unit *unit, const Tasks *tasks, const Schedule *schedule, const CompileOptions *options);
void lowered_free(Lowered *lowered); /* all but the program */

#endif
