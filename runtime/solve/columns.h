/* What coordinate descent does with columns of a row-major matrix x [rows, columns]: typed loops over a few rows or one column. */
#ifndef REG_SOLVE_COLUMNS_H
#define REG_SOLVE_COLUMNS_H

#include "runtime/base/tensor.h"

enum { COLUMN_TILE = 512 }; /* columns whose sums stay in the first-level cache */

typedef struct ColumnLoops {
    /* column' r; meanwhile `next` is fetched into the cache */
    double (*dot)(const void *column, const double *r, int64_t count, const void *next);
    void (*subtract)(double *r, const void *column, double factor, int64_t count); /* r -= factor column */
    /* sums[j] = x_j' r and, unless NULL, squares[j] = |x_j|^2, for at most COLUMN_TILE columns from `first` on; in runs of
     * rows that are added up in double */
    void (*correlate)(const void *x, int64_t rows, int64_t columns, int64_t first, int64_t count, const double *r, double *sums,
                      double *squares);
    /* store[k * stride + i] = x[i, chosen[k]] for rows from..to-1 */
    void (*gather)(const void *x, int64_t columns, int64_t from, int64_t to, const int64_t *chosen, int64_t count, void *store,
                   int64_t stride);
} ColumnLoops;

const ColumnLoops *column_loops(DType dtype);

#endif
