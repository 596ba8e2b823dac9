/* The order of tasks, and how each commit reaches its cell.
 *
 * Tasks that write no cell come first, ordered so that memory is freed soon; then the updates that write cells in place, each
 * after every reader of the cell's old value; then copies for the commits that could not be done in place. All commits
 * therefore read the values from before the step. */
#ifndef REG_PASSES_SCHEDULE_H
#define REG_PASSES_SCHEDULE_H

#include "lang/passes/fuse.h"

typedef enum EntryKind {
    ENTRY_TASK,
    ENTRY_SNAPSHOT, /* copy the leaf `node`, whose cell will be overwritten, into the slab */
    ENTRY_COPY      /* copy the value of commit `index` into its cell */
} EntryKind;

typedef struct Entry {
    EntryKind kind;
    int index;  /* of the task or commit */
    Node *node; /* ENTRY_SNAPSHOT */
} Entry;

typedef struct Schedule {
    Entry *entries;
    int count;
    int commit_start; /* the first entry that writes a cell; `count` when none does */
    Cell **target;    /* by node id: the cell into which its task writes the value, NULL for the slab */
    bool *snapshot;   /* by node id: outputs and copies read the leaf's snapshot, tasks the cell itself */
} Schedule;

void schedule_build(Schedule *schedule, const Unit *unit, const Tasks *tasks);
void schedule_free(Schedule *schedule);

#endif
