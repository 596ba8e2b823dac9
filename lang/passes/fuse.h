/* Groups nodes into tasks: what will be one step of the plan.
 *
 * A fused task holds elementwise nodes (and reductions of them) over one space. Nodes get levels: an edge inside a space keeps
 * the level, every other edge raises it, so nodes of one level and space are convex whatever is chosen among them, and no
 * cycle can arise; the whole pass is linear in the size of the graph. Producers then sink to the level of their first reader. */
#ifndef REG_PASSES_FUSE_H
#define REG_PASSES_FUSE_H

#include "lang/passes/unit.h"

typedef enum TaskKind { TASK_KERNEL, TASK_FUSED, TASK_LOOP } TaskKind;

typedef struct Task {
    TaskKind kind;
    bool is_update; /* everything it computes is for commits: it may write cells in place */
    int level;
    Shape space;    /* TASK_FUSED: of the iteration */
    Node **members; /* in order of ids; one for TASK_KERNEL and TASK_LOOP */
    int member_count;
} Task;

typedef struct Tasks {
    Task *items;
    int count;
    int *task_of;       /* by node id; -1: none (static, view, part, looked through, dead) */
    bool *is_exchanged; /* by node id: the next value of a cell, with which it changes places in the end (fuse_exchange.c) */
    bool *is_stored;    /* by node id: needs a buffer. Views and parts are not marked: their storage is */
} Tasks;

/* `fuse` false: one node per task. */
void tasks_build(Tasks *tasks, const Unit *unit, bool fuse);
void tasks_free(Tasks *tasks);
void tasks_dump(const Tasks *tasks, Text *out);

#endif
