/* Finds products of a matrix and of its transpose that one reading of the matrix can serve: w = k^T z where every element of z is
 * computed from the same element of y = k v (and of other vectors). So do Sinkhorn's iteration (z = a / y), the gradient of least
 * squares (z = y - b) and conjugate gradients on normal equations (z = y). They become one OP_SWEEP. */
#ifndef REG_PASSES_SWEEP_H
#define REG_PASSES_SWEEP_H

#include "lang/passes/unit.h"

bool sweep_products(Unit *unit);

#endif
