/* Which nodes of a graph that keeps equal nodes apart compute the same value. */
#ifndef REG_PASSES_EQUAL_H
#define REG_PASSES_EQUAL_H

#include "lang/graph/graph.h"

/* By node id, for the nodes below `high` that the outputs depend on: the first node with the same op, attributes and equal inputs;
 * the node itself where there is none, NULL for the others. `variables` stand for themselves, and so does what is random or
 * has been computed. Freed by the caller. */
Node **equal_nodes(const Graph *graph, size_t high, Node *const *outputs, int output_count, Node *const *variables, int variable_count);

#endif
