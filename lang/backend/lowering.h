/* Inside the backend: the state of one lowering, shared by its files. */
#ifndef REG_BACKEND_LOWERING_H
#define REG_BACKEND_LOWERING_H

#include "lang/backend/lower.h"
#include "runtime/base/memory.h"

typedef struct Lowering {
    const Unit *unit;
    const Tasks *tasks;
    const Schedule *schedule;
    const CompileOptions *options;
    LIST(Buffer) buffers;
    LIST(int) roots;
    int *buffer_of;   /* by node id; -1: none yet */
    int *snapshot_of; /* by node id of a leaf */
    int *first_part;  /* by node id: where the buffers of its parts stand in part_buffers */
    int *part_buffers;
    int *register_of; /* by node id: within the fused group at hand */
} Lowering;

/* The buffer that holds the node's value, made when first asked for. */
int lowering_buffer(Lowering *lowering, Node *node);
/* As plan outputs and final copies see it: the snapshot of a leaf that is overwritten. */
int lowering_final_buffer(Lowering *lowering, Node *node);
int lowering_snapshot(Lowering *lowering, Node *leaf);
int lowering_part(Lowering *lowering, const Node *node, int part);
int lowering_cell(Lowering *lowering, Cell *cell, Type type);

Fused *lower_fused(Lowering *lowering, int task);
Fused *lower_copy(int64_t count, int from, int to);
PlanLoop *lower_loop(Lowering *lowering, const Node *node); /* NULL after a diagnostic */
PlanRows *lower_rows(Lowering *lowering, const Node *node);
void lower_rows_origins(PlanStep *step, const Node *node); /* of what the body computes */
/* The plan of a body, whose labels outlive its text; NULL after a diagnostic. */
Plan *lowering_body(const Lowering *lowering, Graph *graph, Node *const *outputs, int count, const CompileOptions *options);
Cell **lowering_cells(Cell *const *cells, int count); /* with references of their own */
/* The places that the members come from, each with its flops and its share (origins.c). */
void lower_origins(PlanStep *step, Node *const *members, int count);
double lower_fused_bytes(const Lowering *lowering, const Fused *fused); /* read and written by one run */
void *lower_array(const void *items, size_t bytes);                     /* a copy from allocate() */

#endif
