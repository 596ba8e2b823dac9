/* How a fused group reads an operand: broadcasts and axes of size 1 are looked through, down to a value that has a buffer (or is
 * computed in the group), and become strides.
 *
 * A space is a shape without its axes of size 1: [128, 1, 10] and [128, 10] are one space. */
#ifndef REG_PASSES_ACCESS_H
#define REG_PASSES_ACCESS_H

#include "lang/graph/graph.h"

typedef struct Access {
    Node *base;
    int64_t strides[RANK_MAX]; /* over the axes of the space, in elements of base; 0 where repeated */
    bool is_identity;          /* base has the same space and order: element for element */
} Access;

Shape access_space(Shape shape);
/* `operand` as read over its own space. */
Access access_resolve(Node *operand);
/* The node whose task computes the bytes of `node`: views and parts stripped. */
Node *access_producer(Node *node);
/* The node whose buffer holds the bytes of `node`: views stripped, parts kept. */
Node *access_storage(Node *node);
/* Has a buffer before the plan runs: leaves, constants, ramps, small fills. */
bool access_is_static(const Node *node);
/* Computed element by element (or reduced) by fused groups. */
bool access_is_fused(const Node *node);
bool access_is_reduce(const Node *node);

#endif
