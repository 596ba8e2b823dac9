/* Blocks of rows: where many steps compute each row from the same row (points of a network, samples of a batch), all of them are
 * done for one block of rows before the next, so that what they hand to one another stays in the cache, takes the memory of one
 * block, and each block is work for one thread.
 *
 * The first axis of length n is the rows. An op over it either keeps rows apart (ROLE_ROW), or combines them by a sum, a maximum or a
 * product of two matrices along the rows (ROLE_REDUCED); those are combined by block and then over the blocks, in order. Blocks
 * depend on n alone, so that the bits of a value do not depend on what else is computed. */
#ifndef REG_PASSES_ROWS_H
#define REG_PASSES_ROWS_H

#include "lang/passes/unit.h"

bool rows_block(Unit *unit);

/* ---- shared by rows.c (which ops) and rows_build.c (the new graph) --------------------------------------------------------------- */

typedef enum Role {
    ROLE_OUTSIDE,
    ROLE_SPREAD, /* one value repeated over the rows: made where it is read */
    ROLE_ROW,
    ROLE_REDUCED
} Role;

typedef struct RowGroups {
    const Graph *graph;
    bool *needed; /* the following by node id */
    Role *role;
    int *level;  /* levels are computed one after another: first what is outside, in order, then the groups */
    int *parent; /* union-find: nodes of a group */
    bool *found; /* by root: the group is worth it */
    int level_count;
} RowGroups;

void row_groups_find(RowGroups *groups, const Unit *unit);
void row_groups_free(RowGroups *groups);
int row_group_of(RowGroups *groups, int id); /* the root of its group; -1: in none */

int64_t rows_of(const RowGroups *groups, const Node *node); /* n; of what is reduced, that of its operand */
int64_t rows_in_block(int64_t n);                           /* 0: not worth cutting, or not into equal blocks */
/* The same where blocks may overlap, which they can if nothing is combined over them. */
int64_t rows_in_uneven_block(int64_t n);
/* Of ops that go by blocks only where their values are large (rows_large.c). */
Role rows_role_of_large(const Node *node);
bool rows_reads_whole(const Node *node, int k); /* a kernel, a table */
/* Does the node read input k row by row (else all of it for every row)? */
bool rows_reads_cut(const Node *node, int k);

#endif
