/* Algebraic identities, bit for bit or standard, one rebuild of the graph.
 *
 * Two deliberate choices. A product with the compile-time constant 0 is zero, whatever the other factor (even NaN): a term of
 * strength zero changes nothing, so it is not computed (law 5). And x + 0 is x, so that a -0 may stay a -0. */
#ifndef REG_PASSES_SIMPLIFY_H
#define REG_PASSES_SIMPLIFY_H

#include "lang/passes/unit.h"

bool simplify(Unit *unit);

/* The replacement of op(inputs), or NULL when no identity applies. Families of rules, each in a file of its own. */
typedef struct Candidate {
    Graph *graph;
    const Node *node;    /* before: op, type and attributes */
    Node *const *inputs; /* after */
    const int *uses;     /* of nodes before, by id */
} Candidate;
Node *simplify_elementwise(Graph *graph, OpCode op, Type type, Node *const *inputs, int count); /* identities.c */
Node *simplify_layout(const Candidate *candidate);                                              /* layout.c */
Node *simplify_structural(const Candidate *candidate);                                          /* structural.c */
Node *simplify_pooling(const Candidate *candidate);                                             /* pooling.c */

/* The number that every element of `node` equals, when it is a constant scalar, perhaps broadcast or reshaped. */
bool fold_uniform(const Node *node, double *value);
bool fold_is(const Node *node, double value);
/* op of uniform constants as a uniform constant, for the ops whose result is exact; NULL for the others. */
Node *fold_elementwise(Graph *graph, OpCode op, Type type, Node *const *inputs, int count);
/* Computes every constant subgraph by running it: replaces small nodes that depend on nothing but constants. */
bool fold_constants(Unit *unit);

#endif
