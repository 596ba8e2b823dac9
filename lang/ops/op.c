#include "lang/ops/op.h"

#include "lang/ops/rules.h"

#include <string.h>

#define STRUCTURAL(NAME, name, text) static const char doc_##name[] = text;
#include "lang/ops/ops.def"
#undef STRUCTURAL

#define ELEMENTWISE(NAME, op, operands, text, blocked) \
    [OP_##NAME] = {.name = #op, \
                   .code = OP_##NAME, \
                   .doc = text, \
                   .fusion = FUSE_ELEMENTWISE, \
                   .kind = OPERANDS_##operands, \
                   .infer = infer_elementwise, \
                   .vjp = vjp_##op, \
                   .blocked_inputs = blocked, \
                   .inplace = true, \
                   .is_pure = true},

/* Which inputs have derivative ZERO, as a bit mask: no other derivative text has four letters. */
#define BLOCKS(derivative, bit) (sizeof #derivative == sizeof "ZERO" ? (bit) : 0u)

#define ROW(NAME, op, ...) \
    [OP_##NAME] = {.name = #op, .code = OP_##NAME, .doc = doc_##op, .infer = infer_##op, .is_pure = true, __VA_ARGS__}
#define KERNEL(op) .kernel = #op
#define VJP(op) .vjp = vjp_##op
#define INTS(names) .attributes = names

#define CONV_INTS "stride_h stride_w pad_top pad_bottom pad_left pad_right dilation_h dilation_w groups"
#define POOL_INTS "kh kw stride_h stride_w pad_top pad_bottom pad_left pad_right"
#define USE_SOFTMAX "use softmax, or stop(...) if no gradient should flow"

/* 2 operations for each product; every element of the output sums over the inner dimension. */
static double flops_matmul(const Node *node) {
    const Shape *a = &node->inputs[0]->type.shape;
    return 2.0 * (double)shape_count(node->type.shape) * (double)a->dims[node->ints[0] ? a->rank - 2 : a->rank - 1];
}

/* Two products with a vector. */
static double flops_sweep(const Node *node) { return 4.0 * (double)shape_count(node->inputs[0]->type.shape); }

/* [n, o, oh, ow] sums over [c / groups, kh, kw]. */
static double conv_products(const Shape *output, const Shape *kernel) {
    return 2.0 * (double)shape_count(*output) * (double)(kernel->dims[1] * kernel->dims[2] * kernel->dims[3]);
}

static double flops_conv(const Node *node) { return conv_products(&node->type.shape, &node->inputs[1]->type.shape); }
static double flops_conv_input(const Node *node) { return conv_products(&node->inputs[0]->type.shape, &node->inputs[1]->type.shape); }
static double flops_conv_kernel(const Node *node) { return conv_products(&node->inputs[1]->type.shape, &node->type.shape); }

static double type_bytes(const Type *type) { return (double)shape_count(type->shape) * (double)dtype_bytes(type->dtype); }

/* What picks from its first input reads as much of it as it writes. */
static double bytes_picked(const Node *node) {
    double index = node->input_count > 1 ? type_bytes(&node->inputs[1]->type) : 0;
    return index + 2 * type_bytes(&node->type);
}

/* base, index, update: places of the base are read and written, the rest of it stays where it is. */
static double bytes_scattered(const Node *node) { return type_bytes(&node->inputs[1]->type) + 3 * type_bytes(&node->inputs[2]->type); }

static double flops_rows(const Node *node) {
    const Graph *body = node->rows->graph;
    double flops = 0;
    for (size_t id = 0; id < body->node_count; id++) flops += op_flops(body->nodes[id]);
    return flops * (double)node->rows->block_count; /* with the rows that uneven blocks compute twice */
}

static const OpDef table[OP_COUNT] = {
#define UNARY(NAME, name, kind, value, da, doc) ELEMENTWISE(NAME, name, kind, doc, BLOCKS(da, ~0u))
#define BINARY(NAME, name, kind, value, da, db, doc) ELEMENTWISE(NAME, name, kind, doc, BLOCKS(da, 1u) | BLOCKS(db, 2u))
#define TERNARY(NAME, name, kind, value, da, db, dc, doc) \
    ELEMENTWISE(NAME, name, kind, doc, BLOCKS(da, 1u) | BLOCKS(db, 2u) | BLOCKS(dc, 4u))
#include "runtime/elementwise.def"
#undef UNARY
#undef BINARY
#undef TERNARY
    ROW(LEAF, leaf),
    ROW(CONSTANT, constant),
    ROW(PART, part, INTS("k")),
    ROW(IOTA, iota, KERNEL(iota), INTS("axis")),
    ROW(CAST, cast, KERNEL(cast), VJP(cast), .fusion = FUSE_ELEMENTWISE),
    ROW(BROADCAST, broadcast, KERNEL(broadcast), VJP(broadcast), .fusion = FUSE_VIEW),
    ROW(RESHAPE, reshape, VJP(reshape), .fusion = FUSE_VIEW),
    ROW(TRANSPOSE, transpose, KERNEL(transpose), VJP(transpose), INTS("perm*"), .fusion = FUSE_VIEW),
    ROW(SLICE, slice, .bytes = bytes_picked, KERNEL(slice), VJP(slice), INTS("start* step*")),
    ROW(FLIP, flip, KERNEL(flip), VJP(flip), INTS("reversed*")),
    ROW(PAD, pad, KERNEL(pad), VJP(pad), INTS("low* high* interior*")),
    ROW(CONCAT, concat, KERNEL(concat), VJP(concat), INTS("axis")),
    ROW(GATHER, gather, .bytes = bytes_picked, KERNEL(gather), VJP(gather), INTS("axis")),
    ROW(GATHER_ALONG, gather_along, .bytes = bytes_picked, KERNEL(gather_along), VJP(gather_along), INTS("axis")),
    ROW(SCATTER_ADD, scatter_add, .bytes = bytes_scattered, KERNEL(scatter_add), VJP(scatter_add), INTS("axis"), .inplace = true),
    ROW(SCATTER_SET, scatter_set, .bytes = bytes_scattered, KERNEL(scatter_set), VJP(scatter_set), INTS("axis"), .inplace = true),
    ROW(SCATTER_ALONG_ADD, scatter_along_add, .bytes = bytes_scattered, KERNEL(scatter_along_add), VJP(scatter_along_add), INTS("axis"),
        .inplace = true),
    ROW(REDUCE_SUM, reduce_sum, KERNEL(reduce_sum), VJP(reduce_sum), INTS("axes"), .fusion = FUSE_REDUCE),
    ROW(REDUCE_PROD, reduce_prod, KERNEL(reduce_prod), VJP(reduce_prod), INTS("axes")),
    ROW(REDUCE_MAX, reduce_max, KERNEL(reduce_max), VJP(reduce_max), INTS("axes"), .fusion = FUSE_REDUCE),
    ROW(REDUCE_MIN, reduce_min, KERNEL(reduce_min), VJP(reduce_min), INTS("axes"), .fusion = FUSE_REDUCE),
    ROW(ARGMAX, argmax, KERNEL(argmax), INTS("axis"), .no_derivative = USE_SOFTMAX),
    ROW(ARGMIN, argmin, KERNEL(argmin), INTS("axis"), .no_derivative = USE_SOFTMAX),
    ROW(CUMSUM, cumsum, KERNEL(cumsum), VJP(cumsum), INTS("axis reverse")),
    ROW(SORT, sort, KERNEL(sort), VJP(sort), INTS("axis descending kept"),
        .no_derivative = "the order of a sort is a whole number; use the sorted values, or stop(...)"),
    ROW(MATMUL, matmul, .flops = flops_matmul, KERNEL(matmul), VJP(matmul), INTS("ta tb")),
    ROW(SWEEP, sweep, .flops = flops_sweep, KERNEL(sweep), INTS("program*"), .no_derivative = "it is made after derivatives"),
    ROW(CONV, conv, .flops = flops_conv, KERNEL(conv), VJP(conv), INTS(CONV_INTS)),
    ROW(CONV_INPUT, conv_input, .flops = flops_conv_input, KERNEL(conv_input), VJP(conv_input), INTS(CONV_INTS)),
    ROW(CONV_KERNEL, conv_kernel, .flops = flops_conv_kernel, KERNEL(conv_kernel), VJP(conv_kernel), INTS(CONV_INTS)),
    ROW(MAX_POOL, max_pool, KERNEL(max_pool), VJP(max_pool), INTS(POOL_INTS)),
    ROW(MAX_POOL_ADJOINT, max_pool_adjoint, KERNEL(max_pool_adjoint), VJP(max_pool_adjoint), INTS(POOL_INTS)),
    ROW(WINDOW_SUM, window_sum, KERNEL(window_sum), VJP(window_sum), INTS(POOL_INTS)),
    ROW(WINDOW_SUM_ADJOINT, window_sum_adjoint, KERNEL(window_sum_adjoint), VJP(window_sum_adjoint), INTS(POOL_INTS)),
    ROW(RANDOM_UNIFORM, random_uniform, KERNEL(random_uniform), INTS("site")),
    ROW(RANDOM_NORMAL, random_normal, KERNEL(random_normal), INTS("site")),
    ROW(RANDOM_GAMMA, random_gamma, KERNEL(random_gamma), VJP(random_gamma), INTS("site")),
    ROW(GAMMA_DERIVATIVE, gamma_derivative, KERNEL(gamma_derivative),
        .no_derivative = "a gamma sample can be differentiated once; stop(...) the first derivative or the sample"),
    ROW(CHOLESKY, cholesky, KERNEL(cholesky), VJP(cholesky)),
    ROW(TRIANGULAR_SOLVE, triangular_solve, KERNEL(triangular_solve), VJP(triangular_solve), INTS("lower transpose")),
    ROW(SOLVE, solve, KERNEL(solve), VJP(solve)),
    ROW(SLOGDET, slogdet, KERNEL(slogdet), VJP(slogdet)),
    ROW(QR, qr, KERNEL(qr), VJP(qr)),
    ROW(EIGH, eigh, KERNEL(eigh), VJP(eigh)),
    ROW(SVD, svd, KERNEL(svd), VJP(svd)),
    ROW(FFT, fft, KERNEL(fft), VJP(fft), INTS("inverse dimensions")),
    ROW(LASSO, lasso, KERNEL(lasso), INTS("max_steps"), .no_derivative = "lasso(...) has one; or stop(...) it"),
    ROW(STOP, stop, .fusion = FUSE_VIEW, .blocked_inputs = ~0u),
    ROW(STRAIGHT_THROUGH, straight_through, VJP(straight_through), .fusion = FUSE_VIEW, .blocked_inputs = 1u),
    ROW(CUSTOM, custom, VJP(custom), .fusion = FUSE_VIEW, .blocked_inputs = 1u),
    ROW(LOOP, loop, VJP(loop), INTS("record dropped")),
    ROW(ROWS, rows, .flops = flops_rows, .no_derivative = "the compiler makes it after derivatives were taken"),
};

const OpDef *op_def(OpCode code) { return &table[code]; }

OpCode op_find(const char *name) {
    for (int code = 0; code < OP_COUNT; code++)
        if (strcmp(table[code].name, name) == 0) return (OpCode)code;
    return OP_COUNT;
}

double op_flops(const Node *node) {
    const OpDef *op = op_of(node);
    if (op->flops) return op->flops(node);
    if (op->fusion == FUSE_REDUCE) return (double)shape_count(node->inputs[0]->type.shape);
    return op->fusion == FUSE_ELEMENTWISE ? (double)shape_count(node->type.shape) : 0;
}

double op_bytes(const Node *node) {
    if (op_of(node)->bytes) return op_of(node)->bytes(node);
    double bytes = node->part_count ? 0 : type_bytes(&node->type);
    for (int k = 0; k < node->part_count; k++) bytes += type_bytes(&node->parts[k]);
    for (int k = 0; k < node->input_count; k++) bytes += type_bytes(&node->inputs[k]->type);
    return bytes;
}
