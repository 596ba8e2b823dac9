/* k v and k^T f(k v) in one reading of k. */
#include "lang/ops/rules.h"

bool infer_sweep(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    if (!rule_rank(graph, spec, 0, 2, 2) || !rule_float(graph, spec, 0)) return false;
    Type k = spec_type(spec, 0);
    int64_t m = k.shape.dims[0], n = k.shape.dims[1];
    for (int input = 1; input < spec_inputs(spec); input++) {
        Shape expected = shape_2(input == 1 ? n : m, 1);
        if (!rule_same_dtype(graph, spec, 0, input) ||
            !rule_shapes(graph, spec, "a vector of a sweep", expected, spec_type(spec, input).shape))
            return false;
    }
    types[0] = (Type){k.dtype, shape_2(m, 1)};
    types[1] = (Type){k.dtype, shape_2(n, 1)};
    *count = 2;
    return true;
}
