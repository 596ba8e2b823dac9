/* The lasso, solved as a whole. Its derivative is written in the standard library, by the conditions that hold at the solution. */
#include "lang/ops/rules.h"

bool infer_lasso(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    if (!rule_inputs(graph, spec, 5, 1) || !rule_float(graph, spec, 0) || !rule_rank(graph, spec, 0, 2, 2)) return false;
    Type x = spec_type(spec, 0);
    Shape rows = shape_1(x.shape.dims[0]), columns = shape_1(x.shape.dims[1]);
    const Shape expected[] = {x.shape, rows, shape_scalar(), shape_scalar(), columns};
    for (int k = 1; k < 5; k++)
        if (!rule_same_dtype(graph, spec, 0, k) ||
            !rule_shapes(graph, spec, "an input of the lasso", expected[k], spec_type(spec, k).shape))
            return false;
    types[0] = (Type){x.dtype, columns};
    types[1] = (Type){x.dtype, shape_scalar()};
    types[2] = (Type){DTYPE_I64, shape_scalar()};
    *count = 3;
    return true;
}
