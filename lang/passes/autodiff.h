/* Derivatives as graph. Reverse mode over the op table; differentiable again to any order. */
#ifndef REG_PASSES_AUTODIFF_H
#define REG_PASSES_AUTODIFF_H

#include "lang/graph/build.h"

/* results[k] = sum over outputs of cotangents[j] . d outputs[j] / d variables[k], with the shape of variables[k]; NULL for
 * "zero: does not depend". False after a diagnostic (an op without derivative on a path, by name and source line). */
bool autodiff_vjp(Graph *graph, Node *const *outputs, Node *const *cotangents, int output_count, Node *const *variables, int variable_count,
                  Node **results);

/* Of a scalar: cotangent 1. A variable that the cost does not reach gets zeros when `allow_unreached`, else E0500. */
bool autodiff_grad(Graph *graph, Node *cost, Node *const *variables, int count, bool allow_unreached, Node **results);

/* (d output / d variable) . tangent, with the shape of output (by differentiating the vjp). */
Node *autodiff_jvp(Graph *graph, Node *output, Node *variable, Node *tangent);

/* True when some differentiable path leads from variable to output. */
bool autodiff_depends(Graph *graph, Node *output, Node *variable);

/* The op at which every differentiable path from the variable to the cost ends: the first, in order of making, that is reached
 * from an active node without being active. NULL: nothing leads to the cost. */
const Node *autodiff_barrier(Graph *graph, Node *cost, Node *variable);

/* By node id (as many as graph has nodes): on a differentiable path from a variable to an output. Freed by the caller. */
bool *autodiff_active(Graph *graph, Node *const *outputs, int output_count, Node *const *variables, int variable_count);

#endif
