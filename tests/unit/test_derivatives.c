/* Every op of the table against finite differences, to third order.
 *
 * For y = f(x1, x2, ...) and fixed random w, u, v, d: c0 = w.y, c1 = u.grad c0, c2 = v.grad c1, c3 = grad c2. At each order the
 * slope of c_k along d, by central differences of fourth order, must be d.grad c_k. So must autodiff_jvp be the slope of y.
 * An op in the table with neither a check nor a written reason for having none fails. */
#include "lang/ops/op.h"
#include "lang/passes/autodiff.h"
#include "lang/passes/compile.h"
#include "runtime/base/memory.h"
#include "tests/unit/evaluate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { VARIABLES = 4, ORDERS = 3 };

typedef struct Variable {
    Shape shape;
    double low, high;
} Variable;

typedef Node *Function(Graph *graph, OpCode op, Node **x);

typedef struct Check {
    OpCode op;
    Function *function;
    Variable variables[VARIABLES];
    int orders;      /* 0: all three */
    double distinct; /* > 0: elements are at least so far apart (for orders and extrema) */
} Check;

#define V(low, high, ...) \
    { {sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), {__VA_ARGS__}}, low, high }
#define SCALAR(low, high) \
    { {0, {0}}, low, high }

/* --- functions under test ------------------------------------------------------------------------------------------------ */

static Node *call(Graph *g, OpCode op, int count, Node **x, const int64_t *ints, int int_count, const Type *type) {
    return build_full_call(g, op, x, count, ints, int_count, type);
}
#define INTS(...) (int64_t[]){__VA_ARGS__}, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)

static Node *index_of(Graph *g, Shape shape, const int64_t *numbers) {
    Tensor *tensor = tensor_zeros(DTYPE_I64, shape, NULL);
    memcpy(tensor->data, numbers, tensor_bytes(tensor));
    Node *node = build_constant(g, tensor);
    tensor_release(tensor);
    return node;
}

static Node *squares(Graph *g, Node *x) { return build_binary(g, OP_MUL, x, x); }
static Node *two(Graph *g, Node *a, Node *b) /* both, flat, as one */
{
    Node *flat[] = {build_reshape(g, a, shape_1(shape_count(a->type.shape))), build_reshape(g, b, shape_1(shape_count(b->type.shape)))};
    return build_concat(g, flat, 2, 0);
}
static Node *transposed(Graph *g, Node *x) { return build_swap_last(g, x); }
static Node *symmetric(Graph *g, Node *x) { return build_binary(g, OP_ADD, x, transposed(g, x)); }
static Node *eye(Graph *g, Node *like, double k) {
    Shape s = like->type.shape;
    Shape plane = shape_2(s.dims[s.rank - 1], s.dims[s.rank - 1]);
    Node *is = build_binary(g, OP_EQUAL, build_iota(g, DTYPE_I64, plane, 0), build_iota(g, DTYPE_I64, plane, 1));
    return build_binary(g, OP_MUL, build_cast(g, is, DTYPE_F64), build_full(g, (Type){DTYPE_F64, plane}, k));
}
static Node *positive(Graph *g, Node *x) { return build_binary(g, OP_ADD, build_matmul_flags(g, x, x, false, true), eye(g, x, 1)); }

static Node *f_unary(Graph *g, OpCode op, Node **x) { return build_unary(g, op, x[0]); }
static Node *f_binary(Graph *g, OpCode op, Node **x) { return build_binary(g, op, x[0], x[1]); }
static Node *f_polygamma(Graph *g, OpCode op, Node **x) { return build_binary(g, op, build_number(g, 1), x[0]); }
static Node *f_pow_zero(Graph *g, OpCode op, Node **x) /* whole powers at 0: constants that builders do not see through */
{
    double powers[] = {0, 1, 2, 5};
    Tensor *t = tensor_zeros(DTYPE_F64, shape_1(4), NULL);
    memcpy(t->data, powers, sizeof powers);
    Node *y = build_binary(g, op, x[0], build_constant(g, t));
    tensor_release(t);
    return y;
}
static Node *f_where(Graph *g, OpCode op, Node **x) {
    return build_ternary(g, op, build_binary(g, OP_GREATER, x[0], build_number(g, 0)), squares(g, x[0]), x[1]);
}
static Node *f_clamp(Graph *g, OpCode op, Node **x) { return build_ternary(g, op, build_unary(g, OP_SIN, x[0]), x[1], x[2]); }
static Node *f_broadcast(Graph *g, OpCode op, Node **x) {
    (void)op;
    return build_broadcast(g, squares(g, x[0]), shape_of(3, (int64_t[]){2, 3, 4}));
}
static Node *f_cast(Graph *g, OpCode op, Node **x) {
    (void)op;
    return build_cast(g, squares(g, build_cast(g, x[0], DTYPE_F64)), DTYPE_F64);
}
static Node *f_reshape(Graph *g, OpCode op, Node **x) {
    (void)op;
    return squares(g, build_reshape(g, x[0], shape_1(shape_count(x[0]->type.shape))));
}
static Node *f_transpose(Graph *g, OpCode op, Node **x) {
    (void)op;
    return build_binary(g, OP_MUL, build_transpose(g, squares(g, x[0]), (int[]){2, 0, 1}), x[1]);
}
static Node *f_slice(Graph *g, OpCode op, Node **x) {
    (void)op;
    return squares(g, build_slice(g, squares(g, x[0]), (int64_t[]){1, 0, 1}, (int64_t[]){2, 3, 5}, (int64_t[]){1, 2, 3}));
}
static Node *f_flip(Graph *g, OpCode op, Node **x) {
    (void)op;
    return build_binary(g, OP_MUL, build_flip(g, squares(g, x[0]), 1), x[0]);
}
static Node *f_pad(Graph *g, OpCode op, Node **x) {
    (void)op;
    return squares(g, build_pad(g, x[0], (int64_t[]){1, 0}, (int64_t[]){0, 2}, (int64_t[]){2, 1}, 3));
}
static Node *f_concat(Graph *g, OpCode op, Node **x) {
    (void)op;
    Node *xs[] = {x[0], squares(g, x[1]), x[0]};
    return squares(g, build_concat(g, xs, 3, 1));
}
static Node *f_gather(Graph *g, OpCode op, Node **x) {
    (void)op;
    return squares(g, build_gather(g, squares(g, x[0]), index_of(g, shape_2(2, 3), (int64_t[]){0, 2, 2, 1, 0, 2}), 1));
}
static Node *f_gather_along(Graph *g, OpCode op, Node **x) {
    (void)op;
    return squares(g, build_gather_along(g, squares(g, x[0]), index_of(g, shape_2(2, 4), (int64_t[]){0, 2, 2, 1, 1, 1, 0, 2}), 1));
}
static Node *f_scatter(Graph *g, OpCode op, Node **x) {
    return squares(g, build_scatter(g, op, squares(g, x[0]), index_of(g, shape_1(4), (int64_t[]){1, 0, 1, 3}), squares(g, x[1]), 1));
}
static Node *f_scatter_along(Graph *g, OpCode op, Node **x) {
    return squares(g,
                   build_scatter(g, op, squares(g, x[0]), index_of(g, shape_2(2, 3), (int64_t[]){0, 2, 2, 1, 1, 1}), squares(g, x[1]), 1));
}
static Node *f_reduce(Graph *g, OpCode op, Node **x) {
    return squares(g, build_reduce(g, op, build_binary(g, OP_MUL, x[0], x[0]), 1u | 4u, false));
}
static Node *f_prod(Graph *g, OpCode op, Node **x) { return build_reduce(g, op, x[0], 1u | 4u, false); }
static Node *f_prod_zeros(Graph *g, OpCode op, Node **x) {
    return build_reduce(g, op, build_concat(g, x, 2, 0), 1u, false);
} /* x[0] is zero */
static Node *f_cumsum(Graph *g, OpCode op, Node **x) { return squares(g, call(g, op, 1, (Node *[]){squares(g, x[0])}, INTS(1, 0), NULL)); }
static Node *f_cumsum_back(Graph *g, OpCode op, Node **x) {
    return squares(g, call(g, op, 1, (Node *[]){squares(g, x[0])}, INTS(0, 1), NULL));
}
static Node *f_sort(Graph *g, OpCode op, Node **x) {
    return squares(g, squares(g, build_part(g, call(g, op, 1, x, INTS(1, 1, 3), NULL), 0)));
}
static Node *f_matmul(Graph *g, OpCode op, Node **x) {
    (void)op;
    return build_matmul(g, x[0], x[1]);
}
static Node *f_matmul_tt(Graph *g, OpCode op, Node **x) {
    (void)op;
    return build_matmul_flags(g, squares(g, x[0]), x[1], true, true);
}
static Node *f_matmul_tn(Graph *g, OpCode op, Node **x) {
    (void)op;
    return build_matmul_flags(g, squares(g, x[0]), x[1], true, false);
}
static Node *f_matmul_nt(Graph *g, OpCode op, Node **x) {
    (void)op;
    return build_matmul_flags(g, squares(g, x[0]), x[1], false, true);
}
#define CONV_INTS INTS(2, 1, 1, 0, 0, 2, 1, 2, 2)
static Node *f_conv(Graph *g, OpCode op, Node **x) { return squares(g, call(g, op, 2, x, CONV_INTS, NULL)); }
static Node *f_conv_input(Graph *g, OpCode op, Node **x) { return call(g, op, 2, x, CONV_INTS, &(Type){DTYPE_F64, {4, {1, 4, 5, 4}}}); }
static Node *f_conv_kernel(Graph *g, OpCode op, Node **x) { return call(g, op, 2, x, CONV_INTS, &(Type){DTYPE_F64, {4, {2, 2, 2, 2}}}); }
#define POOL_INTS INTS(2, 3, 2, 1, 1, 0, 0, 1)
static Node *f_max_pool(Graph *g, OpCode op, Node **x) {
    return squares(g, squares(g, build_part(g, call(g, op, 1, x, POOL_INTS, NULL), 0)));
}
static Node *f_max_pool_adjoint(Graph *g, OpCode op, Node **x) {
    Node *index = index_of(g, (Shape){4, {1, 2, 2, 4}}, (int64_t[]){0, 1, 8, 4, 10, 11, 13, 14, 5, 6, 7, 9, 15, 16, 12, 19});
    Node *operands[] = {squares(g, x[0]), index};
    return squares(g, call(g, op, 2, operands, POOL_INTS, &(Type){DTYPE_F64, {4, {1, 2, 4, 5}}}));
}
static Node *f_window_sum(Graph *g, OpCode op, Node **x) {
    return squares(g, call(g, op, 1, (Node *[]){squares(g, x[0])}, POOL_INTS, NULL));
}
static Node *f_window_adjoint(Graph *g, OpCode op, Node **x) {
    return squares(g, call(g, op, 1, (Node *[]){squares(g, x[0])}, POOL_INTS, &(Type){DTYPE_F64, {4, {1, 2, 4, 5}}}));
}
static Node *f_random_gamma(Graph *g, OpCode op, Node **x) {
    Node *key = index_of(g, shape_1(2), (int64_t[]){7, 3});
    return call(g, op, 2, (Node *[]){key, x[0]}, INTS(11), NULL);
}
static Node *f_cholesky(Graph *g, OpCode op, Node **x) { return call(g, op, 1, (Node *[]){positive(g, x[0])}, NULL, 0, NULL); }
static Node *f_triangular(Graph *g, OpCode op, Node **x) {
    return call(g, op, 2, (Node *[]){build_binary(g, OP_ADD, x[0], eye(g, x[0], 2)), x[1]}, INTS(1, 0), NULL);
}
static Node *f_triangular_upper(Graph *g, OpCode op, Node **x) {
    return call(g, op, 2, (Node *[]){build_binary(g, OP_ADD, x[0], eye(g, x[0], 2)), x[1]}, INTS(0, 1), NULL);
}
static Node *f_solve(Graph *g, OpCode op, Node **x) {
    return call(g, op, 2, (Node *[]){build_binary(g, OP_ADD, x[0], eye(g, x[0], 2)), x[1]}, NULL, 0, NULL);
}
static Node *f_slogdet(Graph *g, OpCode op, Node **x) {
    return build_part(g, call(g, op, 1, (Node *[]){build_binary(g, OP_SUB, x[0], eye(g, x[0], 2))}, NULL, 0, NULL), 0);
}
static Node *f_qr(Graph *g, OpCode op, Node **x) {
    Node *qr = call(g, op, 1, x, NULL, 0, NULL);
    return two(g, build_part(g, qr, 0), build_part(g, qr, 1));
}
/* Eigenvectors and singular vectors have a sign of their own: only even functions of them are compared. */
static Node *spread(Graph *g, Node *x, double scale) /* x plus distinct values on the diagonal */
{
    Node *line = build_binary(g, OP_MUL, build_iota(g, DTYPE_F64, shape_1(x->type.shape.dims[x->type.shape.rank - 1]), 0),
                              build_number(g, scale));
    return build_binary(g, OP_ADD, x, build_binary(g, OP_MUL, eye(g, x, 1), build_binary(g, OP_ADD, line, build_number(g, scale))));
}
static Node *f_eigh(Graph *g, OpCode op, Node **x) {
    Node *eigh = call(g, op, 1, (Node *[]){symmetric(g, spread(g, x[0], 1))}, NULL, 0, NULL);
    return two(g, build_part(g, eigh, 0), squares(g, build_part(g, eigh, 1)));
}
static Node *f_svd(Graph *g, OpCode op, Node **x) {
    Node *svd = call(g, op, 1, x, NULL, 0, NULL), *u = build_part(g, svd, 0), *vt = build_part(g, svd, 2);
    Node *product = build_matmul(g, u, vt); /* even in the common sign */
    return two(g, two(g, squares(g, u), build_part(g, svd, 1)), two(g, squares(g, vt), product));
}
static Node *f_svd_square(Graph *g, OpCode op, Node **x) { return f_svd(g, op, (Node *[]){spread(g, x[0], 1)}); }
static Node *f_fft(Graph *g, OpCode op, Node **x) { return squares(g, call(g, op, 1, (Node *[]){squares(g, x[0])}, INTS(0, 2), NULL)); }
static Node *f_fft_inverse(Graph *g, OpCode op, Node **x) {
    return squares(g, call(g, op, 1, (Node *[]){squares(g, x[0])}, INTS(1, 1), NULL));
}
static Node *f_straight(Graph *g, OpCode op, Node **x) {
    (void)op;
    Node *soft = build_unary(g, OP_SIN, x[0]);
    return build_straight_through(g, build_stop(g, build_binary(g, OP_MUL, soft, build_number(g, 1))), soft);
}
static bool square_rule(void *context, Graph *graph, Node *node, Node *cotangent, Node **arguments) {
    (void)context;
    Node *twice = build_binary(graph, OP_ADD, node->inputs[1], node->inputs[1]);
    return (arguments[0] = build_binary(graph, OP_MUL, cotangent, twice)) != NULL;
}
static const CustomRule square = {.vjp = square_rule};
static Node *f_custom(Graph *g, OpCode op, Node **x) {
    return graph_add(g, &(NodeSpec){.op = op, .inputs = {squares(g, x[0]), x[0]}, .input_count = 2, .rule = &square});
}

/* --- loops --------------------------------------------------------------------------------------------------------------- */

static Node *body_cell(Graph *body, Cell **slot, Type type) {
    *slot = cell_new("value", tensor_zeros(type.dtype, type.shape, NULL));
    Node *leaf = build_leaf(body, *slot);
    cell_release(*slot);
    return leaf;
}

/* until k >= limit max 6 { z <- sin(z * w) + z / 2;  k <- k + 1;  n <- n * z }: n is a carry that the condition never sees */
static Node *loop_of(Graph *g, Node *z, Node *w, int64_t limit) {
    LoopBody *loop = arena_alloc(g->arena, sizeof *loop);
    *loop = (LoopBody){.graph = graph_new_body(g),
                       .captured_count = 1,
                       .carry_count = 3,
                       .max = 6,
                       .captured_cells = arena_alloc(g->arena, sizeof(Cell *)),
                       .carry_cells = arena_alloc(g->arena, 3 * sizeof(Cell *)),
                       .next = arena_alloc(g->arena, 3 * sizeof(Node *))};
    Graph *b = loop->graph;
    Type counter = {.dtype = DTYPE_I64};
    Node *inner_w = body_cell(b, &loop->captured_cells[0], w->type), *inner_z = body_cell(b, &loop->carry_cells[0], z->type);
    Node *k = body_cell(b, &loop->carry_cells[1], counter), *n = body_cell(b, &loop->carry_cells[2], z->type);
    loop->next[0] = build_binary(b, OP_ADD, build_unary(b, OP_SIN, build_binary(b, OP_MUL, inner_z, inner_w)),
                                 build_binary(b, OP_DIV, inner_z, build_number(b, 2)));
    loop->next[1] = build_binary(b, OP_ADD, k, build_integer(b, 1));
    loop->next[2] = build_binary(b, OP_MUL, n, inner_z);
    loop->condition = build_binary(b, OP_GREATER_EQUAL, k, build_integer(b, limit));
    Node *inputs[] = {w, z, build_integer(g, 0), build_full(g, z->type, 1)};
    return graph_add(
        g,
        &(NodeSpec){.op = OP_LOOP, .inputs = {inputs[0], inputs[1], inputs[2], inputs[3]}, .input_count = 4, .int_count = 1, .loop = loop});
}
static Node *f_loop(Graph *g, OpCode op, Node **x) {
    (void)op;
    Node *loop = loop_of(g, x[0], x[1], 4);
    return two(g, build_part(g, loop, 0), build_part(g, loop, 2));
}
static Node *f_loop_max(Graph *g, OpCode op, Node **x) {
    (void)op;
    return build_part(g, loop_of(g, x[0], x[1], 100), 0);
}
static Node *f_loop_empty(Graph *g, OpCode op, Node **x) {
    (void)op;
    return build_binary(g, OP_MUL, x[1], build_part(g, loop_of(g, x[0], x[1], 0), 0));
}

/* --- the list ------------------------------------------------------------------------------------------------------------ */

static const Check checks[] = {
    {.op = OP_POW, .function = f_binary, .variables = {V(0.3, 1.5, 2, 3), V(-2, 2, 3)}},
    {.op = OP_POW, .function = f_pow_zero, .variables = {V(0, 0, 4)}},
    {.op = OP_POLYGAMMA, .function = f_polygamma, .variables = {V(0.8, 2.5, 2, 3)}},
    {.op = OP_WHERE, .function = f_where, .variables = {V(-1, 1, 2, 3), V(-1, 1, 1, 3)}},
    {.op = OP_CLAMP, .function = f_clamp, .variables = {V(-3, 3, 3, 3), V(-0.6, -0.4, 3), V(0.4, 0.6, 3, 1)}},
    {.op = OP_BROADCAST, .function = f_broadcast, .variables = {V(-1, 1, 3, 1)}},
    {.op = OP_BROADCAST, .function = f_broadcast, .variables = {SCALAR(-1, 1)}},
    {.op = OP_CAST, .function = f_cast, .variables = {V(-1, 1, 3)}},
    {.op = OP_RESHAPE, .function = f_reshape, .variables = {V(-1, 1, 3, 1, 2)}},
    {.op = OP_TRANSPOSE, .function = f_transpose, .variables = {V(-1, 1, 2, 3, 1), V(-1, 1, 3)}},
    {.op = OP_SLICE, .function = f_slice, .variables = {V(-1, 1, 2, 3, 5)}},
    {.op = OP_FLIP, .function = f_flip, .variables = {V(-1, 1, 2, 3)}},
    {.op = OP_PAD, .function = f_pad, .variables = {V(-1, 1, 2, 3)}},
    {.op = OP_CONCAT, .function = f_concat, .variables = {V(-1, 1, 2, 3), V(-1, 1, 2, 1)}},
    {.op = OP_GATHER, .function = f_gather, .variables = {V(-1, 1, 2, 3, 1)}},
    {.op = OP_GATHER_ALONG, .function = f_gather_along, .variables = {V(-1, 1, 2, 3)}},
    {.op = OP_SCATTER_ADD, .function = f_scatter, .variables = {V(-1, 1, 2, 5), V(-1, 1, 2, 4)}},
    {.op = OP_SCATTER_SET, .function = f_scatter, .variables = {V(-1, 1, 2, 5), V(-1, 1, 2, 4)}},
    {.op = OP_SCATTER_ALONG_ADD, .function = f_scatter_along, .variables = {V(-1, 1, 2, 5), V(-1, 1, 2, 3)}},
    {.op = OP_REDUCE_SUM, .function = f_reduce, .variables = {V(-1, 1, 3, 2, 5)}},
    {.op = OP_REDUCE_PROD, .function = f_prod, .variables = {V(0.5, 1.5, 3, 2, 1)}},
    {.op = OP_REDUCE_PROD, .function = f_prod, .variables = {V(-1.5, 1.5, 2, 1, 5)}},
    {.op = OP_REDUCE_PROD, .function = f_prod_zeros, .variables = {V(0, 0, 1, 2), V(0.5, 1.5, 4, 2)}},
    {.op = OP_REDUCE_PROD, .function = f_prod_zeros, .variables = {V(0, 0, 2, 2), V(0.5, 1.5, 3, 2)}},
    {.op = OP_REDUCE_PROD, .function = f_prod_zeros, .variables = {V(0, 0, 3, 1), V(0.5, 1.5, 4, 1)}},
    {.op = OP_REDUCE_MAX, .function = f_reduce, .variables = {V(0, 1, 3, 2, 5)}, .distinct = 0.02},
    {.op = OP_REDUCE_MIN, .function = f_reduce, .variables = {V(0, 1, 3, 2, 5)}, .distinct = 0.02},
    {.op = OP_CUMSUM, .function = f_cumsum, .variables = {V(-1, 1, 2, 5)}},
    {.op = OP_CUMSUM, .function = f_cumsum_back, .variables = {V(-1, 1, 3, 1)}},
    {.op = OP_SORT, .function = f_sort, .variables = {V(-1, 1, 2, 5)}, .distinct = 0.02},
    {.op = OP_MATMUL, .function = f_matmul, .variables = {V(-1, 1, 3, 2), V(-1, 1, 2, 5)}},
    {.op = OP_MATMUL, .function = f_matmul, .variables = {V(-1, 1, 2, 3, 2), V(-1, 1, 2, 1)}},
    {.op = OP_MATMUL, .function = f_matmul, .variables = {V(-1, 1, 2, 1, 3, 2), V(-1, 1, 3, 2, 2)}},
    {.op = OP_MATMUL, .function = f_matmul, .variables = {V(-1, 1, 3), V(-1, 1, 3)}},
    {.op = OP_MATMUL, .function = f_matmul, .variables = {V(-1, 1, 3), V(-1, 1, 2, 3, 2)}},
    {.op = OP_MATMUL, .function = f_matmul_tt, .variables = {V(-1, 1, 2, 3), V(-1, 1, 5, 2)}},
    {.op = OP_MATMUL, .function = f_matmul_tt, .variables = {V(-1, 1, 2, 2, 3), V(-1, 1, 5, 2)}},
    {.op = OP_MATMUL, .function = f_matmul_tn, .variables = {V(-1, 1, 2, 2, 3), V(-1, 1, 2, 5)}},
    {.op = OP_MATMUL, .function = f_matmul_nt, .variables = {V(-1, 1, 2, 3, 2), V(-1, 1, 2, 5, 2)}},
    {.op = OP_MATMUL, .function = f_matmul_nt, .variables = {V(-1, 1, 2, 3, 2), V(-1, 1, 5, 2)}},
    {.op = OP_CONV, .function = f_conv, .variables = {V(-1, 1, 1, 4, 5, 4), V(-1, 1, 2, 2, 2, 2)}},
    {.op = OP_CONV_INPUT, .function = f_conv_input, .variables = {V(-1, 1, 1, 2, 3, 4), V(-1, 1, 2, 2, 2, 2)}},
    {.op = OP_CONV_KERNEL, .function = f_conv_kernel, .variables = {V(-1, 1, 1, 4, 5, 4), V(-1, 1, 1, 2, 3, 4)}},
    {.op = OP_MAX_POOL, .function = f_max_pool, .variables = {V(-1, 1, 1, 2, 4, 5)}, .distinct = 0.02},
    {.op = OP_MAX_POOL_ADJOINT, .function = f_max_pool_adjoint, .variables = {V(-1, 1, 1, 2, 2, 4)}},
    {.op = OP_WINDOW_SUM, .function = f_window_sum, .variables = {V(-1, 1, 1, 2, 4, 5)}},
    {.op = OP_WINDOW_SUM_ADJOINT, .function = f_window_adjoint, .variables = {V(-1, 1, 1, 2, 2, 4)}},
    {.op = OP_CHOLESKY, .function = f_cholesky, .variables = {V(-1, 1, 3, 3)}},
    {.op = OP_CHOLESKY, .function = f_cholesky, .variables = {V(-1, 1, 2, 1, 1)}},
    {.op = OP_TRIANGULAR_SOLVE, .function = f_triangular, .variables = {V(-0.5, 0.5, 2, 3, 3), V(-1, 1, 2, 3, 1)}},
    {.op = OP_TRIANGULAR_SOLVE, .function = f_triangular_upper, .variables = {V(-0.5, 0.5, 3, 3), V(-1, 1, 3, 2)}},
    {.op = OP_SOLVE, .function = f_solve, .variables = {V(-0.5, 0.5, 2, 3, 3), V(-1, 1, 2, 3, 2)}},
    {.op = OP_SLOGDET, .function = f_slogdet, .variables = {V(-0.5, 0.5, 2, 3, 3)}},
    {.op = OP_QR, .function = f_qr, .variables = {V(-1, 1, 4, 3)}},
    {.op = OP_QR, .function = f_qr, .variables = {V(-1, 1, 2, 2, 2)}},
    {.op = OP_EIGH, .function = f_eigh, .variables = {V(-0.2, 0.2, 2, 3, 3)}},
    {.op = OP_SVD, .function = f_svd, .variables = {V(-1, 1, 4, 2)}},
    {.op = OP_SVD, .function = f_svd, .variables = {V(-1, 1, 2, 2, 3)}},
    {.op = OP_SVD, .function = f_svd_square, .variables = {V(-0.2, 0.2, 3, 3)}},
    {.op = OP_FFT, .function = f_fft, .variables = {V(-1, 1, 3, 4, 2)}},
    {.op = OP_FFT, .function = f_fft_inverse, .variables = {V(-1, 1, 2, 5, 2)}},
    {.op = OP_STRAIGHT_THROUGH, .function = f_straight, .variables = {V(-1, 1, 3)}},
    {.op = OP_CUSTOM, .function = f_custom, .variables = {V(-1, 1, 3)}},
    {.op = OP_LOOP, .function = f_loop, .variables = {V(0.2, 1, 2), V(0.5, 1, 2)}},
    {.op = OP_LOOP, .function = f_loop_max, .variables = {V(0.2, 1, 2), V(0.5, 1, 2)}},
    {.op = OP_LOOP, .function = f_loop_empty, .variables = {V(0.2, 1, 2), V(0.5, 1, 2)}},
};

/* Ops without a check, and why. */
static const struct {
    OpCode op;
    const char *reason;
} exempt[] = {
    {OP_LEAF, "a variable itself"},
    {OP_CONSTANT, "has no inputs"},
    {OP_IOTA, "has no inputs"},
    {OP_PART, "checked with sort, max_pool, qr, eigh, svd and loop"},
    {OP_ARGMAX, "gives whole numbers"},
    {OP_ARGMIN, "gives whole numbers"},
    {OP_RANDOM_UNIFORM, "has no real inputs"},
    {OP_RANDOM_NORMAL, "has no real inputs"},
    {OP_RANDOM_GAMMA, "its derivative follows the distribution, not the sampler's steps: see test_gamma"},
    {OP_GAMMA_DERIVATIVE, "refused by name: see test_refusals"},
    {OP_LASSO, "its derivative is written in the standard library: see tests/golden/stdlib/lasso.reg"},
    {OP_SWEEP, "made by a pass, after derivatives: see test_sweep.c"},
    {OP_ROWS, "made by a pass, after derivatives"},
    {OP_STOP, "its derivative is zero by definition, its value is not: see test_barriers"},
};

/* Where an elementwise op is smooth; others over [-0.9, 0.9]. */
static const struct {
    OpCode op;
    double low, high;
} domains[] = {
    {OP_LOG, 0.4, 2},       {OP_LOG1P, -0.5, 2},  {OP_SQRT, 0.4, 2},    {OP_RSQRT, 0.4, 2},    {OP_ACOSH, 1.4, 3},
    {OP_LGAMMA, 0.8, 3},    {OP_DIGAMMA, 0.8, 3}, {OP_DIV, 0.5, 2},     {OP_MOD, 1.3, 1.6},    {OP_ATAN2, 0.4, 1.5},
    {OP_ERFINV, -0.6, 0.6}, {OP_ASIN, -0.6, 0.6}, {OP_ACOS, -0.6, 0.6}, {OP_ATANH, -0.6, 0.6},
};

/* --- running a check ----------------------------------------------------------------------------------------------------- */

typedef struct Setting {
    Sources sources;
    Diagnostics diagnostics;
    Graph *graph;
    Cell *cells[VARIABLES];
    Node *x[VARIABLES];
    int count;
    uint64_t random;
} Setting;

static double random_number(Setting *s) {
    s->random = s->random * 6364136223846793005u + 1442695040888963407u;
    return (double)(s->random >> 11) / 9007199254740992.0;
}

static void fail_with_diagnostics(Setting *s, const char *what) {
    Text text = {0};
    diagnostics_print(&s->diagnostics, &text, false);
    print_error("%s\n%s\n", what, text_string(&text));
    text_free(&text);
    fail();
}

static Tensor *random_tensor(Setting *s, Variable v, double distinct) {
    Tensor *tensor = tensor_zeros(DTYPE_F64, v.shape, NULL);
    int64_t count = tensor_count(tensor);
    for (int64_t k = 0; k < count; k++) {
        double value;
        bool is_near;
        do {
            value = v.low + (v.high - v.low) * random_number(s);
            is_near = false;
            for (int64_t j = 0; distinct > 0 && j < k; j++) is_near = is_near || fabs(tensor_f64(tensor)[j] - value) < distinct;
        } while (is_near);
        tensor_f64(tensor)[k] = value;
    }
    return tensor;
}

static Node *random_like(Setting *s, Node *node) {
    Tensor *tensor = random_tensor(s, (Variable){node->type.shape, -1, 1}, 0);
    Node *constant = build_constant(s->graph, tensor);
    tensor_release(tensor);
    return constant;
}

static Node *dot(Setting *s, Node *a, Node *b) { return build_sum_all(s->graph, build_binary(s->graph, OP_MUL, a, b)); }

static void setting_open(Setting *s, const Check *check) {
    *s = (Setting){.random = 12345};
    s->diagnostics.sources = &s->sources;
    sources_add(&s->sources, "", "", 0);
    s->graph = graph_new(&s->diagnostics, DTYPE_F64);
    while (s->count < VARIABLES &&
           (check->variables[s->count].low != 0 || check->variables[s->count].high != 0 || check->variables[s->count].shape.rank > 0)) {
        int k = s->count++;
        s->cells[k] = cell_new("x", random_tensor(s, check->variables[k], check->distinct));
        s->x[k] = build_leaf(s->graph, s->cells[k]);
    }
}

static void setting_close(Setting *s) {
    for (int k = 0; k < s->count; k++) cell_release(s->cells[k]);
    graph_free(s->graph);
    diagnostics_clear(&s->diagnostics);
    free(s->diagnostics.items);
    sources_free(&s->sources);
}

/* Moves every variable by t times its direction. */
static void move(Setting *s, Tensor **directions, double t) {
    for (int k = 0; k < s->count; k++)
        for (int64_t j = 0; j < tensor_count(directions[k]); j++) tensor_f64(s->cells[k]->tensor)[j] += t * tensor_f64(directions[k])[j];
}

static double value_at(Setting *s, Node *node, Tensor **directions, double t) {
    Fault fault = {0};
    move(s, directions, t);
    Tensor *value = evaluate_one(s->graph, node, &fault);
    move(s, directions, -t);
    if (!value) {
        print_error("%s\n", fault.message);
        fail();
        return 0;
    }
    double number = tensor_number(value, 0);
    tensor_release(value);
    return number;
}

static double slope(Setting *s, Node *node, Tensor **directions) {
    double h = 2e-3, near = value_at(s, node, directions, h) - value_at(s, node, directions, -h);
    double far = value_at(s, node, directions, 2 * h) - value_at(s, node, directions, -2 * h);
    return (8 * near - far) / (12 * h);
}

static void compare(const Check *check, int which, const char *what, double expected, double found) {
    double scale = fmax(1, fmax(fabs(expected), fabs(found)));
    if (fabs(expected - found) <= 2e-6 * scale) return;
    print_error("%s (check %d), %s: finite differences give %.12g, the graph %.12g\n", op_def(check->op)->name, which, what, expected,
                found);
    fail();
}

/* c_k along the directions against its gradient, contracted; returns the next scalar (a random contraction of the gradient). */
static Node *check_order(Setting *s, const Check *check, int which, Node *cost, Tensor **directions, int order) {
    Node *gradients[VARIABLES], *along = build_number(s->graph, 0), *next = build_number(s->graph, 0);
    char what[32];
    snprintf(what, sizeof what, "order %d", order);
    if (!autodiff_grad(s->graph, cost, s->x, s->count, true, gradients)) fail_with_diagnostics(s, op_def(check->op)->name);
    for (int k = 0; k < s->count; k++) {
        Node *direction = build_constant(s->graph, directions[k]);
        along = build_binary(s->graph, OP_ADD, along, dot(s, gradients[k], direction));
        next = build_binary(s->graph, OP_ADD, next, dot(s, gradients[k], random_like(s, gradients[k])));
    }
    compare(check, which, what, slope(s, cost, directions), value_at(s, along, directions, 0));
    return next;
}

static void check_jvp(Setting *s, const Check *check, int which, Node *y, Tensor **directions) {
    Node *weights = random_like(s, y), *pushed = build_number(s->graph, 0);
    for (int k = 0; k < s->count; k++) {
        Node *tangent = autodiff_jvp(s->graph, y, s->x[k], build_constant(s->graph, directions[k]));
        pushed = build_binary(s->graph, OP_ADD, pushed, dot(s, tangent, weights));
    }
    if (!pushed) fail_with_diagnostics(s, op_def(check->op)->name);
    compare(check, which, "jvp", slope(s, dot(s, y, weights), directions), value_at(s, pushed, directions, 0));
}

/* What the compiler makes of the highest derivative agrees with the node-by-node evaluation. */
static void check_compiled(Setting *s, const Check *check, int which, Node *cost, Tensor **directions) {
    Fault fault = {0};
    CompileOptions options = {.verify = true};
    Program *program = compile_graph(s->graph, &cost, 1, NULL, 0, &options, &s->diagnostics);
    if (!program) fail_with_diagnostics(s, op_def(check->op)->name);
    if (!plan_prepare(program->plan, NULL, &fault) || !plan_run(program->plan, &fault)) {
        print_error("%s (check %d), compiled: %s\n", op_def(check->op)->name, which, fault.message);
        fail();
    }
    View view = plan_output(program->plan, 0);
    compare(check, which, "compiled", value_at(s, cost, directions, 0), *(const double *)view.data);
    program_free(program);
}

static void run_check(const Check *check, int which) {
    Setting s;
    setting_open(&s, check);
    Node *y = check->function(s.graph, check->op, s.x);
    if (!y) fail_with_diagnostics(&s, op_def(check->op)->name);
    Tensor *directions[VARIABLES];
    for (int k = 0; k < s.count; k++) directions[k] = random_tensor(&s, (Variable){check->variables[k].shape, -1, 1}, 0);
    Node *cost = dot(&s, y, random_like(&s, y));
    for (int order = 1; order <= (check->orders ? check->orders : ORDERS); order++)
        cost = check_order(&s, check, which, cost, directions, order);
    check_compiled(&s, check, which, cost, directions);
    if (check->orders != 1) check_jvp(&s, check, which, y, directions);
    for (int k = 0; k < s.count; k++) tensor_release(directions[k]);
    setting_close(&s);
}

/* --- tests --------------------------------------------------------------------------------------------------------------- */

static bool is_exempt(OpCode op) {
    for (size_t k = 0; k < sizeof exempt / sizeof *exempt; k++)
        if (exempt[k].op == op) return true;
    return false;
}

static bool has_check(OpCode op) {
    for (size_t k = 0; k < sizeof checks / sizeof *checks; k++)
        if (checks[k].op == op) return true;
    return false;
}

/* One and two operands of [2, 3], [3], [1, 1] and [] over the op's domain. */
static void check_elementwise(OpCode op, int operands) {
    double low = -0.9, high = 0.9;
    for (size_t k = 0; k < sizeof domains / sizeof *domains; k++)
        if (domains[k].op == op) low = domains[k].low, high = domains[k].high;
    Check plain = {.op = op, .function = operands == 1 ? f_unary : f_binary, .variables = {V(low, high, 2, 3)}};
    if (operands == 2) plain.variables[1] = (Variable){{1, {3}}, low, high};
    run_check(&plain, 0);
    Check small = {.op = op, .function = plain.function, .variables = {V(low, high, 1, 1)}};
    if (operands == 2) small.variables[1] = (Variable){{2, {5, 1}}, low, high};
    run_check(&small, 1);
    Check scalar = {.op = op, .function = plain.function, .variables = {SCALAR(low, high)}};
    if (operands == 2) scalar.variables[1] = (Variable){{1, {5}}, low, high};
    run_check(&scalar, 2);
}

static int operand_count(OpCode op) {
    static const int counts[] = {
#define UNARY(NAME, ...) [OP_##NAME] = 1,
#define BINARY(NAME, ...) [OP_##NAME] = 2,
#define TERNARY(NAME, ...) [OP_##NAME] = 3,
#include "runtime/elementwise.def"
#undef UNARY
#undef BINARY
#undef TERNARY
    };
    return counts[op];
}

static void test_elementwise(void **state) {
    (void)state;
    for (OpCode op = 0; op < OP_ELEMENTWISE_COUNT; op++)
        if (op_def(op)->blocked_inputs != ~0u && !has_check(op) && operand_count(op) < 3 && (op_def(op)->blocked_inputs & 3) != 3)
            check_elementwise(op, operand_count(op));
}

static void test_structural(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof checks / sizeof *checks; k++) run_check(&checks[k], (int)k);
}

static void test_every_op_is_covered(void **state) {
    (void)state;
    for (OpCode op = 0; op < OP_COUNT; op++) {
        bool is_smooth_elementwise = op < OP_ELEMENTWISE_COUNT && operand_count(op) < 3;
        if (!is_smooth_elementwise && !has_check(op) && !is_exempt(op)) {
            print_error("'%s' has neither a check nor a reason for having none\n", op_def(op)->name);
            fail();
        }
    }
}

static void expect_diagnostic(Setting *s, const char *part) {
    Text text = {0};
    diagnostics_print(&s->diagnostics, &text, false);
    if (s->diagnostics.error_count != 1 || !strstr(text_string(&text), part)) {
        print_error("expected one error with \"%s\", found:\n%s\n", part, text_string(&text));
        fail();
    }
    text_free(&text);
    diagnostics_clear(&s->diagnostics);
}

static void test_refusals(void **state) {
    (void)state;
    Check open = {.variables = {V(0.5, 1.5, 3), V(0.5, 1.5, 3)}};
    Setting s;
    setting_open(&s, &open);
    Graph *g = s.graph;
    Node *result, *other;
    Node *index = build_cast(g, build_argmax(g, s.x[0], 0, true, false), DTYPE_F64);
    assert_false(autodiff_grad(g, index, s.x, 1, false, &result));
    expect_diagnostic(&s, "'argmax' has no derivative");
    assert_false(autodiff_grad(g, build_sum_all(g, build_unary(g, OP_FLOOR, s.x[0])), s.x, 1, false, &result));
    expect_diagnostic(&s, "does not depend differentiably");
    assert_false(autodiff_grad(g, build_sum_all(g, s.x[1]), s.x, 1, false, &result));
    expect_diagnostic(&s, "does not depend on 'x'");
    assert_false(autodiff_grad(g, s.x[1], s.x, 1, false, &result));
    expect_diagnostic(&s, "needs one real number, found f64 [3]");
    assert_true(autodiff_grad(g, build_sum_all(g, f_random_gamma(g, OP_RANDOM_GAMMA, s.x)), s.x, 1, false, &result));
    assert_false(autodiff_grad(g, build_sum_all(g, result), s.x, 1, false, &other));
    expect_diagnostic(&s, "'gamma_derivative' has no derivative");
    assert_false(autodiff_grad(g, build_sum_all(g, build_binary(g, OP_POLYGAMMA, s.x[0], s.x[1])), s.x, 2, false, (Node *[2]){0}));
    expect_diagnostic(&s, "whole number");
    Node *loop = loop_of(g, s.x[0], s.x[1], 4);
    loop->loop->max = -1;
    assert_false(autodiff_grad(g, build_sum_all(g, build_part(g, loop, 0)), s.x, 2, false, (Node *[2]){0}));
    expect_diagnostic(&s, "needs `max N`");
    setting_close(&s);
}

static void test_barriers(void **state) {
    (void)state;
    Check open = {.variables = {V(-1, 1, 3)}};
    Setting s;
    setting_open(&s, &open);
    Graph *g = s.graph;
    Node *result;
    for (OpCode op = 0; op < OP_ELEMENTWISE_COUNT; op++)
        if (operand_count(op) == 1 && op_def(op)->blocked_inputs == ~0u && op != OP_NOT)
            assert_false(autodiff_depends(g, build_unary(g, op, s.x[0]), s.x[0]));
    assert_false(autodiff_depends(g, build_stop(g, s.x[0]), s.x[0]));
    assert_true(autodiff_depends(g, squares(g, s.x[0]), s.x[0]));
    assert_true(autodiff_grad(g, build_sum_all(g, build_binary(g, OP_MUL, build_stop(g, s.x[0]), s.x[0])), s.x, 1, false, &result));
    assert_ptr_equal(result->op == OP_STOP ? result->inputs[0] : result, result->op == OP_STOP ? s.x[0] : result);
    setting_close(&s);
}

/* The regularised lower incomplete gamma function by its power series. */
static double gamma_cdf(double alpha, double x) {
    double term = 1 / alpha, sum = term;
    for (int k = 1; k < 500; k++) sum += term *= x / (alpha + k);
    return sum * exp(alpha * log(x) - x - lgamma(alpha));
}

/* F(z(alpha), alpha) is constant, so dz/dalpha = -(dF/dalpha) / pdf(z). */
static void test_gamma(void **state) {
    (void)state;
    Check open = {.variables = {V(0.3, 4, 20)}};
    Setting s;
    setting_open(&s, &open);
    Node *z = f_random_gamma(s.graph, OP_RANDOM_GAMMA, s.x), *result;
    assert_true(autodiff_grad(s.graph, build_sum_all(s.graph, z), s.x, 1, false, &result));
    Tensor *sample = evaluate_one(s.graph, z, NULL), *slopes = evaluate_one(s.graph, result, NULL);
    for (int64_t k = 0; k < tensor_count(sample); k++) {
        double alpha = tensor_number(s.cells[0]->tensor, k), x = tensor_number(sample, k), h = 1e-5;
        double density = exp((alpha - 1) * log(x) - x - lgamma(alpha));
        double expected = -(gamma_cdf(alpha + h, x) - gamma_cdf(alpha - h, x)) / (2 * h) / density;
        assert_true(fabs(tensor_number(slopes, k) - expected) <= 1e-5 * fmax(1, fabs(expected)));
    }
    tensor_release(sample);
    tensor_release(slopes);
    setting_close(&s);
}

/* Equal operands and equal extrema share the derivative. */
static void test_ties(void **state) {
    (void)state;
    Check open = {.variables = {V(1, 1, 4)}};
    Setting s;
    setting_open(&s, &open);
    Graph *g = s.graph;
    Node *gradients[2] = {0};
    assert_true(autodiff_grad(g, build_reduce(g, OP_REDUCE_MAX, s.x[0], 1, false), s.x, 1, false, &gradients[0]));
    Node *half = build_binary(g, OP_MAX, s.x[0], build_full(g, s.x[0]->type, 1));
    assert_true(autodiff_grad(g, build_sum_all(g, half), s.x, 1, false, &gradients[1]));
    double expected[] = {0.25, 0.5};
    for (int k = 0; k < 2; k++) {
        Tensor *value = evaluate_one(g, gradients[k], NULL);
        assert_float_equal(tensor_number(value, 2), expected[k], 0);
        tensor_release(value);
    }
    setting_close(&s);
}

/* A chain of 10000 steps: derivatives are linear in time and memory, and use no stack. */
static void test_long_chain(void **state) {
    (void)state;
    Check open = {.variables = {V(0.5, 1, 2)}};
    Setting s;
    setting_open(&s, &open);
    Node *y = s.x[0], *result;
    for (int k = 0; k < 10000; k++) y = build_unary(s.graph, OP_SIN, y);
    size_t before = s.graph->node_count;
    assert_true(autodiff_grad(s.graph, build_sum_all(s.graph, y), s.x, 1, false, &result));
    assert_true(s.graph->node_count - before < 21000);
    setting_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_op_is_covered),
        cmocka_unit_test(test_elementwise),
        cmocka_unit_test(test_structural),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_barriers),
        cmocka_unit_test(test_ties),
        cmocka_unit_test(test_gamma),
        cmocka_unit_test(test_long_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
