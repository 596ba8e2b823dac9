/* Decides which commits are written in place by the task that computes them, and in which order those tasks run. */
#ifndef REG_PASSES_COMMITS_H
#define REG_PASSES_COMMITS_H

#include "lang/passes/dependencies.h"
#include "lang/passes/schedule.h"

typedef struct Commits {
    bool *in_zone; /* by task: writes a cell, or follows one that does */
    int *order;    /* tasks of the zone */
    int count;
    bool *done; /* by commit: written by its task, or nothing to write */
} Commits;

/* Fills schedule->target. Of several commits to one cell only the last counts. */
void commits_plan(Commits *commits, Schedule *schedule, const Unit *unit, const Tasks *tasks, const Dependencies *dependencies);
void commits_free(Commits *commits);

#endif
