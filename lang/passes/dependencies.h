/* Which task reads what: the edges between tasks, made once for the scheduler. */
#ifndef REG_PASSES_DEPENDENCIES_H
#define REG_PASSES_DEPENDENCIES_H

#include "lang/passes/fuse.h"

typedef struct Read {
    int storage;       /* node id */
    int task;          /* that reads it */
    bool is_pointwise; /* only element for element, in the order of the iteration */
} Read;

typedef struct Dependencies {
    Read *reads;       /* each (storage, task) once, grouped by task in order */
    int *first;        /* by task: its reads are reads[first[t]] .. reads[first[t + 1]] */
    int *readers;      /* task numbers, grouped by storage */
    int *first_reader; /* by node id */
} Dependencies;

void dependencies_build(Dependencies *dependencies, const Unit *unit, const Tasks *tasks);
void dependencies_free(Dependencies *dependencies);

#endif
