/* Words of linear algebra in which the derivatives of factorizations are written. Matrices are the last two axes, any batch
 * before. NULL in, NULL out. */
#ifndef REG_OPS_MATRIX_H
#define REG_OPS_MATRIX_H

#include "lang/ops/rules.h"

static inline Node *matrix_product(Graph *graph, Node *a, Node *b) { return build_matmul_flags(graph, a, b, false, false); }
static inline Node *matrix_product_tn(Graph *graph, Node *a, Node *b) { return build_matmul_flags(graph, a, b, true, false); } /* a' b */
static inline Node *matrix_product_nt(Graph *graph, Node *a, Node *b) { return build_matmul_flags(graph, a, b, false, true); } /* a b' */
Node *matrix_identity(Graph *graph, Node *like);            /* in the shape of `like` [..., n, n] */
Node *matrix_lower(Graph *graph, Node *x, int diagonal);    /* entries with row - column >= diagonal, else 0 */
Node *matrix_upper(Graph *graph, Node *x);                  /* the diagonal and above */
Node *matrix_diagonal(Graph *graph, Node *x, Node *vector); /* zero but for vector [..., n] on the diagonal, like x [..., n, n] */
Node *matrix_symmetric(Graph *graph, Node *x);              /* (x + x') / 2 */
Node *matrix_triangular(Graph *graph, Node *a, Node *b, bool lower, bool transpose); /* op(a)^-1 b */
Node *matrix_scale_columns(Graph *graph, Node *x, Node *vector);                     /* x diag(vector) */
Node *matrix_scale_rows(Graph *graph, Node *vector, Node *x);                        /* diag(vector) x */
/* 1 / (values_j - values_i), 0 on the diagonal; values [..., n]. Infinite where two values are equal. */
Node *matrix_gaps(Graph *graph, Node *values);

#endif
