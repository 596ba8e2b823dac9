/* Fourier transforms. A complex number is a pair in a last axis of size 2: real part, imaginary part. */
#include "lang/elaborate/builtins.h"

static Node *pairs_at(Elaborator *e, const Arguments *a, int axes) {
    Node *x;
    if (!float_at(e, a, 0, &x) || !rank_at_least(e, a, 0, x, axes + 1)) return NULL;
    if (x->type.shape.dims[x->type.shape.rank - 1] == 2) return x;
    char text[SHAPE_TEXT];
    diagnose(e->diagnostics, "E0400", a->values[0].span, "expected complex numbers, pairs in a last axis of size 2, found %s",
             shape_text(x->type.shape, text));
    diagnose_help(e->diagnostics, "complex(x, 0) makes pairs of real numbers; rfft takes real numbers");
    return NULL;
}

static Node *transform(Elaborator *e, Node *x, bool inverse, int dimensions) {
    return x ? call_op(e, OP_FFT, &x, 1, (int64_t[]){inverse, dimensions}, 2, NULL) : NULL;
}

/* data: dimensions, negative for the inverse. */
static Value run_fft(Elaborator *e, const Builtin *self, const Arguments *a) {
    int dimensions = self->data < 0 ? -self->data : self->data;
    return result_of(a, transform(e, pairs_at(e, a, dimensions), self->data < 0, dimensions));
}

static Node *part_of_pair(Elaborator *e, Node *x, int64_t which) {
    return x ? build_select(e->graph, x, x->type.shape.rank - 1, which) : NULL;
}

static Node *pair(Elaborator *e, Node *real, Node *imaginary) {
    Shape shape;
    if (!real || !imaginary) return NULL;
    if (!shape_broadcast(real->type.shape, imaginary->type.shape, &shape)) {
        char one[SHAPE_TEXT], two[SHAPE_TEXT];
        diagnose(e->diagnostics, "E0400", e->graph->here, "the real part is %s and the imaginary part %s",
                 shape_text(real->type.shape, one), shape_text(imaginary->type.shape, two));
        return NULL;
    }
    DType wider = real->type.dtype > imaginary->type.dtype ? real->type.dtype : imaginary->type.dtype;
    Node *parts[] = {build_broadcast(e->graph, build_cast(e->graph, real, wider), shape),
                     build_broadcast(e->graph, build_cast(e->graph, imaginary, wider), shape)};
    return parts[0] && parts[1] ? build_stack(e->graph, parts, 2, shape.rank) : NULL;
}

/* start, start + 1, ... below stop along an axis. */
static Node *range_along(Elaborator *e, Node *x, int axis, int64_t from, int64_t to) {
    int64_t start[RANK_MAX] = {0}, stop[RANK_MAX], step[RANK_MAX];
    for (int k = 0; k < x->type.shape.rank; k++) {
        stop[k] = x->type.shape.dims[k];
        step[k] = 1;
    }
    start[axis] = from;
    stop[axis] = to;
    return build_slice(e->graph, x, start, stop, step);
}

static Value run_rfft(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x;
    if (!float_at(e, a, 0, &x) || !rank_at_least(e, a, 0, x, 1)) return value_none();
    int axis = x->type.shape.rank - 1;
    int64_t n = x->type.shape.dims[axis];
    Node *full = transform(e, pair(e, x, build_zeros_like(e->graph, x)), false, 1);
    return result_of(a, full ? range_along(e, full, axis, 0, n / 2 + 1) : NULL);
}

/* The missing half is the conjugate of the first, backwards. */
static Value run_irfft(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Graph *graph = e->graph;
    Node *x = pairs_at(e, a, 1);
    if (!x) return value_none();
    int axis = x->type.shape.rank - 2;
    int64_t half = x->type.shape.dims[axis], n = 2 * (half - 1);
    if (given(a, 1) && !integer_at(e, a, 1, 1, &n)) return value_none();
    if (n / 2 + 1 != half) {
        diagnose(e->diagnostics, "E0304", a->values[1].span.file ? a->values[1].span : a->span,
                 "%lld frequencies belong to %lld or %lld numbers, not %lld", (long long)half, (long long)(2 * half - 2),
                 (long long)(2 * half - 1), (long long)n);
        return value_none();
    }
    int64_t mirrored = n - half;
    Node *full = x;
    if (mirrored > 0) {
        Node *tail = build_flip(graph, range_along(e, x, axis, 1, mirrored + 1), axis);
        Node *conjugate = pair(e, part_of_pair(e, tail, 0), build_unary(graph, OP_NEG, part_of_pair(e, tail, 1)));
        full = conjugate ? build_concat(graph, (Node *[]){x, conjugate}, 2, axis) : NULL;
    }
    return result_of(a, part_of_pair(e, transform(e, full, true, 1), 0));
}

static Value run_complex(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *real, *imaginary;
    if (!float_at(e, a, 0, &real) || !float_at(e, a, 1, &imaginary)) return value_none();
    return result_of(a, pair(e, real, imaginary));
}

static Value run_part(Elaborator *e, const Builtin *self, const Arguments *a) {
    return result_of(a, part_of_pair(e, pairs_at(e, a, 0), self->data));
}

static Value run_complex_mul(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Graph *graph = e->graph;
    Node *x = pairs_at(e, a, 0), *y = x ? pairs_at(e, &(Arguments){.values = {a->values[1]}, .span = a->span}, 0) : NULL;
    if (!y) return value_none();
    Node *xr = part_of_pair(e, x, 0), *xi = part_of_pair(e, x, 1), *yr = part_of_pair(e, y, 0), *yi = part_of_pair(e, y, 1);
    Node *real = build_binary(graph, OP_SUB, build_binary(graph, OP_MUL, xr, yr), build_binary(graph, OP_MUL, xi, yi));
    Node *imaginary = build_binary(graph, OP_ADD, build_binary(graph, OP_MUL, xr, yi), build_binary(graph, OP_MUL, xi, yr));
    return result_of(a, pair(e, real, imaginary));
}

#define PAIRS " Complex numbers are pairs (real, imaginary) in a last axis of size 2."
const Builtin builtins_fourier[] = {
    {"fft(x)", run_fft, 1,
     "Discrete Fourier transform of x [..., n, 2] along n, unscaled." PAIRS " Example: fft(complex([1.0, 0.0, 0.0, 0.0], 0.0))", false},
    {"ifft(x)", run_fft, -1, "Inverse of fft, divided by n." PAIRS " Example: ifft(fft(complex([1.0, 2.0], 0.0)))", false},
    {"fft2(x)", run_fft, 2, "Transform of x [..., h, w, 2] along h and w, unscaled." PAIRS " Example: fft2(complex(eye(2), 0.0))", false},
    {"ifft2(x)", run_fft, -2, "Inverse of fft2, divided by h*w." PAIRS " Example: ifft2(fft2(complex(eye(2), 0.0)))", false},
    {"rfft(x)", run_rfft, 0,
     "Transform of real x [..., n]: the frequencies 0 ... n/2, [..., n/2 + 1, 2]." PAIRS " Example: rfft([1.0, 2.0, 3.0, 4.0])", false},
    {"irfft(x, n?)", run_irfft, 0,
     "Inverse of rfft: real [..., n]; n is even unless given." PAIRS " Example: irfft(rfft([1.0, 2.0, 3.0, 4.0]))", false},
    {"complex(real, imaginary)", run_complex, 0, "Pairs of two real tensors: [...] and [...] give [..., 2]. Example: complex([1.0], [2.0])",
     false},
    {"real(x)", run_part, 0, "The real parts of pairs [..., 2]. Example: real([3.0, 4.0])", false},
    {"imaginary(x)", run_part, 1, "The imaginary parts of pairs [..., 2]. Example: imaginary([3.0, 4.0])", false},
    {"complex_product(a, b)", run_complex_mul, 0, "Elementwise product of pairs [..., 2]. Example: complex_product([0.0, 1.0], [0.0, 1.0])",
     false},
    {0},
};
