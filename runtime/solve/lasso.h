/* The lasso by coordinate descent on working sets: the w that minimizes |x w - y|^2 / (2 n) + lambda |w|_1.
 *
 * Massias, Gramfort and Salmon, "Celer: a fast solver for the lasso with dual extrapolation" (ICML 2018), without the
 * extrapolation, and Fercoq, Gramfort and Salmon, "Mind the duality gap: safer rules for the lasso" (ICML 2015). With
 * r = y - x w and L = n lambda, theta = r / max(L, max_j |x_j' r|) is feasible for the dual, whose value there is
 * |y|^2 / 2 - L^2 |theta - y / L|^2 / 2. Half the square of the residual plus L |w|_1, less that, is the gap. A column with
 * |x_j' theta| + |x_j| sqrt(2 gap) / L < 1 has weight 0 in every solution and is never looked at again. */
#ifndef REG_SOLVE_LASSO_H
#define REG_SOLVE_LASSO_H

#include "runtime/exec/threads.h"
#include "runtime/base/tensor.h"

typedef struct Lasso {
    DType dtype; /* of x, y and w: DTYPE_F32 or DTYPE_F64 */
    int64_t rows, columns;
    const void *x;     /* [rows, columns], row-major */
    const void *y;     /* [rows] */
    double lambda;     /* positive */
    double tolerance;  /* of the gap over |y|^2 / 2 */
    int64_t max_steps; /* rounds over the working set */
    void *w;           /* [columns]: where to start; becomes the solution */
    double gap;        /* left in the end, over |y|^2 / 2 */
    int64_t steps;     /* rounds made */
} Lasso;

size_t lasso_scratch(DType dtype, int64_t rows, int64_t columns); /* bytes */
/* `scratch` is 64-byte aligned. False when x, y or w hold a NaN or an infinity, or lambda is not positive. The bits do not depend on
 * the number of threads; `threads` may be NULL. */
bool lasso_run(Lasso *lasso, void *scratch, Threads *threads, Fault *fault);

#endif
