/* The reference evaluator of tests: every node by itself, one kernel at a time, no passes and no plan.
 *
 * What the compiler makes of a graph must agree with it. Slow on purpose: nothing is reused or fused. */
#ifndef REG_TESTS_EVALUATE_H
#define REG_TESTS_EVALUATE_H

#include "lang/graph/graph.h"

/* The value of a leaf, instead of the tensor in its cell. */
typedef struct Binding {
    const Cell *cell;
    Tensor *tensor; /* borrowed */
} Binding;

/* results[k]: a new reference to the value of outputs[k]. False with a fault. */
bool evaluate(const Graph *graph, Node *const *outputs, int output_count, const Binding *bindings, int binding_count, Tensor **results,
              Fault *fault);
Tensor *evaluate_one(const Graph *graph, Node *output, Fault *fault);

#endif
