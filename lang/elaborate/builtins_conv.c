/* Convolution in one and two dimensions, PyTorch's layout: x [n, c, h, w], kernel [o, c/groups, kh, kw]. A one-dimensional one is
 * a two-dimensional one of height 1. */
#include "lang/elaborate/builtins.h"

#include <string.h>

/* Attributes of conv in the order of lang/ops/ops.def; index 0 is the height. */
typedef struct Geometry {
    int64_t stride[2], low[2], high[2], dilation[2], groups;
} Geometry;

static const char *const one_or_two[] = {"[n, channels, length]", "[n, channels, height, width]"};

/* [n, c, l] as [n, c, 1, l]. */
static Node *as_plane(Elaborator *e, Node *x, int dimensions) { return x && dimensions == 1 ? build_expand(e->graph, x, 2) : x; }
static Node *as_line(Elaborator *e, Node *x, int dimensions) { return x && dimensions == 1 ? build_squeeze(e->graph, x, 1u << 2) : x; }

static Node *operand(Elaborator *e, const Arguments *a, int k, int dimensions) {
    Node *x;
    if (!float_at(e, a, k, &x)) return NULL;
    if (x->type.shape.rank == dimensions + 2) return as_plane(e, x, dimensions);
    char text[SHAPE_TEXT];
    diagnose(e->diagnostics, "E0400", a->values[k].span, "expected %s, found %s",
             k ? (dimensions == 1 ? "a kernel [out, in, size]" : "a kernel [out, in, height, width]") : one_or_two[dimensions - 1],
             shape_text(x->type.shape, text));
    return NULL;
}

/* One number or one a dimension; a missing height is `rest`. */
static bool per_dimension(Elaborator *e, const Arguments *a, int k, int dimensions, int64_t least, int64_t rest, int64_t out[2]) {
    out[0] = rest;
    return integers_at(e, a, k, dimensions, least, out + (2 - dimensions));
}

/* Padding that makes the output ceil(size / stride) long; the odd one goes to the end. */
static void same_padding(Geometry *g, int d, int64_t size, int64_t kernel) {
    int64_t reach = g->dilation[d] * (kernel - 1) + 1, outputs = (size + g->stride[d] - 1) / g->stride[d];
    int64_t total = (outputs - 1) * g->stride[d] + reach - size;
    if (total < 0) total = 0;
    g->low[d] = total / 2;
    g->high[d] = total - total / 2;
}

/* Reads argument 4; circular and reflect borders are laid around *x, after which no padding is left. */
static bool read_padding(Elaborator *e, const Arguments *a, int k, int dimensions, Node **x, const Node *kernel, Geometry *g) {
    if (a->values[k].kind != VALUE_CHOICE) {
        if (!per_dimension(e, a, k, dimensions, 0, 0, g->low)) return false;
        memcpy(g->high, g->low, sizeof g->low);
        return true;
    }
    if (choice_is(a, k, "valid")) return true;
    for (int d = 2 - dimensions; d < 2; d++) same_padding(g, d, (*x)->type.shape.dims[2 + d], kernel->type.shape.dims[2 + d]);
    if (choice_is(a, k, "same")) return true;
    for (int d = 2 - dimensions; d < 2; d++) {
        if (g->low[d] || g->high[d]) *x = pad_border(e, *x, 2 + d, g->low[d], g->high[d], a->values[k].text, a->values[k].span);
        g->low[d] = g->high[d] = 0;
        if (!*x) return false;
    }
    return true;
}

static Node *add_bias(Elaborator *e, const Arguments *a, Node *y) {
    if (!y || !given(a, 2)) return y;
    Node *bias = node_at(e, a, 2);
    if (!bias) return NULL;
    int64_t channels = y->type.shape.dims[1];
    if (bias->type.shape.rank != 1 || bias->type.shape.dims[0] != channels) {
        char text[SHAPE_TEXT];
        diagnose(e->diagnostics, "E0400", a->values[2].span, "expected a bias [%lld], one number an output channel, found %s",
                 (long long)channels, shape_text(bias->type.shape, text));
        return NULL;
    }
    Shape shape = {.rank = 4, .dims = {1, channels, 1, 1}};
    return build_binary(e->graph, OP_ADD, y, build_reshape(e->graph, bias, shape));
}

static Node *conv_node(Elaborator *e, OpCode op, Node *x, Node *kernel, const Geometry *g, const Type *type) {
    int64_t ints[] = {g->stride[0], g->stride[1], g->low[0], g->high[0], g->low[1], g->high[1], g->dilation[0], g->dilation[1], g->groups};
    if (x && kernel && x->type.dtype != kernel->type.dtype) {
        DType wider = x->type.dtype > kernel->type.dtype ? x->type.dtype : kernel->type.dtype;
        x = build_cast(e->graph, x, wider);
        kernel = build_cast(e->graph, kernel, wider);
    }
    return call_op(e, op, (Node *[]){x, kernel}, 2, ints, 9, type);
}

static bool check_channels(Elaborator *e, const Arguments *a, const Node *x, const Node *kernel, int64_t groups) {
    int64_t channels = x->type.shape.dims[1], expected = kernel->type.shape.dims[1] * groups;
    char shape[SHAPE_TEXT];
    if (channels == expected && kernel->type.shape.dims[0] % groups == 0) return true;
    if (channels == expected)
        return diagnose(e->diagnostics, "E0400", a->values[1].span, "the %lld filters of the kernel %s cannot be shared by %lld groups",
                        (long long)kernel->type.shape.dims[0], shape_text(kernel->type.shape, shape), (long long)groups);
    diagnose(e->diagnostics, "E0400", a->values[0].span, "the kernel %s in %lld group%s reads %lld channels, but the input has %lld",
             shape_text(kernel->type.shape, shape), (long long)groups, groups == 1 ? "" : "s", (long long)expected, (long long)channels);
    return diagnose_second(e->diagnostics, a->values[1].span, "the kernel comes from here");
}

static Value run_conv(Elaborator *e, const Builtin *self, const Arguments *a) {
    int dimensions = self->data;
    Geometry g = {.stride = {1, 1}, .dilation = {1, 1}};
    Node *x = operand(e, a, 0, dimensions), *kernel = x ? operand(e, a, 1, dimensions) : NULL;
    if (!kernel || !per_dimension(e, a, 3, dimensions, 1, 1, g.stride) || !per_dimension(e, a, 5, dimensions, 1, 1, g.dilation) ||
        !integer_at(e, a, 6, 1, &g.groups) || !read_padding(e, a, 4, dimensions, &x, kernel, &g) ||
        !check_channels(e, a, x, kernel, g.groups))
        return value_none();
    for (int d = 0; d < 2; d++) {
        int64_t size = x->type.shape.dims[2 + d] + g.low[d] + g.high[d], reach = g.dilation[d] * (kernel->type.shape.dims[2 + d] - 1) + 1;
        if (size >= reach) continue;
        diagnose(e->diagnostics, "E0400", a->span, "a kernel that reaches over %lld does not fit an input of size %lld", (long long)reach,
                 (long long)size);
        return value_none();
    }
    return result_of(a, as_line(e, add_bias(e, a, conv_node(e, OP_CONV, x, kernel, &g, NULL)), dimensions));
}

/* The adjoint of a convolution in its input: kernel [in, out/groups, kh, kw] as in PyTorch. */
static Value run_conv_transpose(Elaborator *e, const Builtin *self, const Arguments *a) {
    int dimensions = self->data;
    Geometry g = {.stride = {1, 1}, .dilation = {1, 1}};
    int64_t extra[2];
    Node *x = operand(e, a, 0, dimensions), *kernel = x ? operand(e, a, 1, dimensions) : NULL;
    if (!kernel || !per_dimension(e, a, 3, dimensions, 1, 1, g.stride) || !per_dimension(e, a, 4, dimensions, 0, 0, g.low) ||
        !per_dimension(e, a, 5, dimensions, 0, 0, extra) || !per_dimension(e, a, 6, dimensions, 1, 1, g.dilation) ||
        !integer_at(e, a, 7, 1, &g.groups))
        return value_none();
    memcpy(g.high, g.low, sizeof g.low);
    const int64_t *in = x->type.shape.dims, *k = kernel->type.shape.dims;
    if (in[1] != k[0] || in[1] % g.groups) {
        diagnose(e->diagnostics, "E0400", a->values[0].span, "the kernel reads %lld channels, but the input has %lld", (long long)k[0],
                 (long long)in[1]);
        diagnose_help(e->diagnostics, "the kernel of a transposed convolution is [in, out / groups, size...]");
        return value_none();
    }
    Type type = {x->type.dtype, {.rank = 4, .dims = {in[0], k[1] * g.groups}}};
    if (kernel->type.dtype > type.dtype) type.dtype = kernel->type.dtype;
    for (int d = 0; d < 2; d++) {
        if (extra[d] && extra[d] >= g.stride[d] && extra[d] >= g.dilation[d]) {
            diagnose(e->diagnostics, "E0304", a->values[5].span, "output_padding must be smaller than the stride");
            return value_none();
        }
        type.shape.dims[2 + d] = (in[2 + d] - 1) * g.stride[d] - 2 * g.low[d] + g.dilation[d] * (k[2 + d] - 1) + extra[d] + 1;
        if (type.shape.dims[2 + d] > 0) continue;
        diagnose(e->diagnostics, "E0400", a->span, "the output would be empty");
        return value_none();
    }
    return result_of(a, as_line(e, add_bias(e, a, conv_node(e, OP_CONV_INPUT, x, kernel, &g, &type)), dimensions));
}

#define CONV_TEXT \
    " Cross-correlation, as networks use it. `padding` is valid (none), same (output = ceil(size / stride)), circular or reflect (as same, with such borders), a number or a list. E0400 when channels or sizes do not fit."
const Builtin builtins_conv[] = {
    {"conv2d(x, kernel, bias?, stride = 1, padding: valid|same|circular|reflect|<sizes> = valid, dilation = 1, groups = 1)", run_conv, 2,
     "x [n, c, h, w] with kernel [o, c/groups, kh, kw] gives [n, o, oh, ow]; bias [o]." CONV_TEXT
     " Example: conv2d(ones([1, 1, 4, 4]), ones([1, 1, 3, 3]), padding = same)",
     false},
    {"conv1d(x, kernel, bias?, stride = 1, padding: valid|same|circular|reflect|<sizes> = valid, dilation = 1, groups = 1)", run_conv, 1,
     "x [n, c, l] with kernel [o, c/groups, k] gives [n, o, ol]; bias [o]." CONV_TEXT
     " Example: conv1d(ones([1, 1, 6]), ones([1, 1, 2]), stride = 2)",
     false},
    {"conv_transpose2d(x, kernel, bias?, stride = 1, padding = 0, output_padding = 0, dilation = 1, groups = 1)", run_conv_transpose, 2,
     "The adjoint of conv2d: x [n, c, h, w] with kernel [c, o/groups, kh, kw] gives [n, o, oh, ow], oh = (h - 1) * stride - 2 * padding + dilation * (kh - 1) + output_padding + 1. Example: conv_transpose2d(ones([1, 1, 2, 2]), ones([1, 1, 2, 2]), stride = 2)",
     false},
    {"conv_transpose1d(x, kernel, bias?, stride = 1, padding = 0, output_padding = 0, dilation = 1, groups = 1)", run_conv_transpose, 1,
     "The adjoint of conv1d: x [n, c, l] with kernel [c, o/groups, k]. Example: conv_transpose1d(ones([1, 1, 3]), ones([1, 1, 2]), stride = 2)",
     false},
    {0},
};
