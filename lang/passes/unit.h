/* What the passes hand to one another: a graph with its roots. Every pass over graph is a rebuild into a fresh graph, so that
 * dead nodes fall away and equal nodes meet in the structural hash (graph_add); there is no separate dce or cse. */
#ifndef REG_PASSES_UNIT_H
#define REG_PASSES_UNIT_H

#include "lang/passes/compile.h"

typedef struct Unit {
    Graph *graph; /* owned; the lists below live in its arena */
    Node **outputs;
    int output_count;
    Commit *commits; /* values have the type of their cell */
    int commit_count;
    Arena *arena;   /* of what passes make for loops: lives as long as the unit, not only until the next rebuild */
    Graph **bodies; /* graphs of such loops */
    int body_count;
} Unit;

/* Gives the replacement in `graph` of `node`, whose inputs have become `inputs`. NULL after a diagnostic. */
typedef Node *UnitRule(void *context, Graph *graph, const Node *node, Node *const *inputs);

/* The part of `graph` that the roots need, as a fresh unit. A node with a materialised cell becomes a leaf of that cell. */
bool unit_extract(Unit *unit, const Graph *graph, Node *const *outputs, int output_count, const Commit *commits, int commit_count,
                  Diagnostics *diagnostics);
/* Replaces the unit's graph by one in which every needed node went through `rule`, in order of ids. False after a diagnostic;
 * the unit is then still valid (the old graph). */
bool unit_rebuild(Unit *unit, UnitRule *rule, void *context);
/* How many readers each node has, by id; roots read too. The caller frees it. */
int *unit_uses(const Unit *unit);
void unit_free(Unit *unit);

/* `node` with other inputs, in `graph`. */
Node *unit_copy_node(Graph *graph, const Node *node, Node *const *inputs);
Node *unit_copy_typed(Graph *graph, const Node *node, Node *const *inputs, Type type); /* of another shape */
/* By id: the roots need it. Freed by the caller. */
bool *unit_needed(const Unit *unit);
/* Puts `graph` in the place of the unit's, which is freed: `map` says by id what each root has become. */
void unit_replace(Unit *unit, Graph *graph, Node **map);

#endif
