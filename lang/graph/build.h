/* Builders: the vocabulary in which the elaborator and the derivatives write graph.
 *
 * Each returns NULL after a diagnostic; a NULL operand gives NULL, so chains need no checks in between. Elementwise builders
 * promote dtypes (bool < i64 < f32 < f64; FLOAT ops take i64 to graph->float_type) and broadcast by numpy's rules, inserting
 * cast and broadcast nodes. A builder uses its operands as they are and never looks through them (that is for passes), so
 * that a derivative in an intermediate value finds every use of it. Scalars made by build_number are weak: they take the dtype of the other operand. */
#ifndef REG_GRAPH_BUILD_H
#define REG_GRAPH_BUILD_H

#include "lang/graph/graph.h"

Node *build_leaf(Graph *graph, Cell *cell);
Node *build_constant(Graph *graph, Tensor *tensor);      /* takes a reference of its own */
Node *build_number(Graph *graph, double value);          /* float scalar, weak: the partner's dtype wins */
Node *build_integer(Graph *graph, int64_t value);        /* i64 scalar, weak */
Node *build_full(Graph *graph, Type type, double value); /* broadcast constant */
Node *build_zeros_like(Graph *graph, Node *like);

Node *build_unary(Graph *graph, OpCode op, Node *a);
Node *build_binary(Graph *graph, OpCode op, Node *a, Node *b);
Node *build_ternary(Graph *graph, OpCode op, Node *a, Node *b, Node *c);

Node *build_cast(Graph *graph, Node *x, DType dtype);      /* x itself when the dtype agrees */
Node *build_broadcast(Graph *graph, Node *x, Shape shape); /* numpy rules; ranks may differ */
Node *build_reshape(Graph *graph, Node *x, Shape shape);   /* E0400 when the counts differ */
Node *build_transpose(Graph *graph, Node *x, const int *permutation);
Node *build_swap_last(Graph *graph, Node *x); /* .T: the last two axes; a vector stays */
Node *build_slice(Graph *graph, Node *x, const int64_t *start, const int64_t *stop, const int64_t *step); /* per axis, step >= 1 */
Node *build_flip(Graph *graph, Node *x, int axis);
Node *build_pad(Graph *graph, Node *x, const int64_t *low, const int64_t *high, const int64_t *interior, double value);
Node *build_concat(Graph *graph, Node *const *xs, int count, int axis);
Node *build_stack(Graph *graph, Node *const *xs, int count, int axis);
Node *build_expand(Graph *graph, Node *x, int axis);                /* a new axis of size 1 */
Node *build_squeeze(Graph *graph, Node *x, uint32_t axes);          /* drops size-1 axes of the mask */
Node *build_select(Graph *graph, Node *x, int axis, int64_t index); /* x[.., index, ..], axis dropped; negative from the end */

/* op: OP_REDUCE_SUM, _PROD, _MAX, _MIN. axes: bit mask. */
Node *build_reduce(Graph *graph, OpCode op, Node *x, uint32_t axes, bool keep);
Node *build_mean(Graph *graph, Node *x, uint32_t axes, bool keep);
Node *build_sum_all(Graph *graph, Node *x);
Node *build_logsumexp(Graph *graph, Node *x, uint32_t axes, bool keep);
Node *build_softmax(Graph *graph, Node *x, int axis);
Node *build_log_softmax(Graph *graph, Node *x, int axis);
Node *build_argmax(Graph *graph, Node *x, int axis, bool largest, bool keep);

Node *build_matmul(Graph *graph, Node *a, Node *b); /* `@`: vectors, matrices, batches, numpy rules */
Node *build_matmul_flags(Graph *graph, Node *a, Node *b, bool transpose_a, bool transpose_b);
Node *build_einsum(Graph *graph, const char *equation, Node *const *operands, int count);

Node *build_iota(Graph *graph, DType dtype, Shape shape, int axis);
Node *build_one_hot(Graph *graph, Node *index, int64_t classes); /* float_type */
Node *build_gather(Graph *graph, Node *x, Node *index, int axis);
Node *build_gather_along(Graph *graph, Node *x, Node *index, int axis);
Node *build_scatter(Graph *graph, OpCode op, Node *base, Node *index, Node *update, int axis); /* SCATTER_ADD, _SET, _ALONG_ADD */
Node *build_part(Graph *graph, Node *node, int k);
Node *build_stop(Graph *graph, Node *x);
Node *build_straight_through(Graph *graph, Node *hard, Node *soft);
Node *build_full_call(Graph *graph, OpCode op, Node *const *inputs, int count, const int64_t *ints, int int_count,
                      const Type *type); /* the rest */

#endif
