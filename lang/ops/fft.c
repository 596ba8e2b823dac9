/* The discrete Fourier transform of pairs (re, im). */
#include "lang/ops/rules.h"

bool infer_fft(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    if (!rule_inputs(graph, spec, 1, 2) || !rule_float(graph, spec, 0)) return false;
    Type x = spec_type(spec, 0);
    int64_t dimensions = spec->ints[1];
    char text[SHAPE_TEXT];
    if (dimensions < 1 || dimensions > 3)
        return diagnose(graph->diagnostics, "E0304", graph->here, "a Fourier transform has 1 to 3 dimensions, not %lld",
                        (long long)dimensions);
    if (x.shape.rank < dimensions + 1 || x.shape.dims[x.shape.rank - 1] != 2)
        return diagnose(graph->diagnostics, "E0400", graph->here,
                        "'fft' over %lld dimensions needs [..., n, 2] (pairs of real and imaginary part), found %s", (long long)dimensions,
                        shape_text(x.shape, text));
    return rule_one(types, count, x.dtype, x.shape);
}

/* As a real linear map the forward transform F has the adjoint F^H = N inverse(.), the inverse has F / N. */
bool vjp_fft(VjpContext *context) {
    const Node *node = context->node;
    bool is_inverse = node->ints[0] != 0;
    double n = 1;
    for (int64_t k = 0; k < node->ints[1]; k++) n *= (double)node->type.shape.dims[node->type.shape.rank - 2 - k];
    int64_t ints[] = {!is_inverse, node->ints[1]};
    Node *back = build_full_call(context->graph, OP_FFT, &context->cotangent, 1, ints, 2, NULL);
    return vjp_give(context, 0, scale(context->graph, back, is_inverse ? 1 / n : n));
}
