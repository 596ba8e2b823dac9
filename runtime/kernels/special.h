/* Special functions in double that are not hot: called element by element. */
#ifndef REG_KERNELS_SPECIAL_H
#define REG_KERNELS_SPECIAL_H

double special_erfinv(double x);                  /* NaN outside [-1, 1] */
double special_polygamma(double order, double x); /* derivative `order` (0, 1, 2, ...) of digamma; NaN for other orders */
double special_lgamma(double x);                  /* log |gamma(x)|, without the C library's global sign */

#endif
