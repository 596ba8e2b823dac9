/* Solves and factorizations. Derivatives after Giles, "Collected matrix derivative results" (2008), Murray, "Differentiation of
 * the Cholesky decomposition" (2016), Walter and Lehmann (2010) for QR, Townsend, "Differentiating the SVD" (2016).
 * Eigenvectors and singular vectors of a repeated value have no derivative: their cotangents become infinite there. */
#include "lang/ops/matrix.h"

static bool is_square(Graph *graph, const NodeSpec *spec) {
    Shape a = spec_type(spec, 0).shape;
    char text[SHAPE_TEXT];
    if (!rule_float(graph, spec, 0) || !rule_rank(graph, spec, 0, 2, RANK_MAX)) return false;
    return a.dims[a.rank - 1] == a.dims[a.rank - 2] ||
           diagnose(graph->diagnostics, "E0400", graph->here, "'%s' needs square matrices [..., n, n], found %s", op_def(spec->op)->name,
                    shape_text(a, text));
}

static Shape without_last(Shape shape, int drop) {
    for (int k = 0; k < drop; k++) shape.dims[--shape.rank] = 0;
    return shape;
}

static Shape with_last(Shape shape, int64_t dim) {
    shape.dims[shape.rank++] = dim;
    return shape;
}

/* a [..., n, n], b [..., n, k] of one batch */
static bool infer_system(Graph *graph, const NodeSpec *spec, int ints, Type *types, int *count) {
    if (!rule_inputs(graph, spec, 2, ints) || !is_square(graph, spec) || !rule_same_dtype(graph, spec, 0, 1) ||
        !rule_rank(graph, spec, 1, 2, RANK_MAX))
        return false;
    Shape a = spec_type(spec, 0).shape, b = spec_type(spec, 1).shape;
    return rule_shapes(graph, spec, "the right side", with_last(without_last(a, 1), b.dims[b.rank - 1]), b) &&
           rule_one(types, count, spec_type(spec, 1).dtype, b);
}

bool infer_cholesky(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    return rule_inputs(graph, spec, 1, 0) && is_square(graph, spec) &&
           rule_one(types, count, spec_type(spec, 0).dtype, spec_type(spec, 0).shape);
}

/* S = L^-T phi(L' G) L^-1 with phi the lower half (diagonal halved); the result is its symmetric part. */
bool vjp_cholesky(VjpContext *context) {
    Graph *graph = context->graph;
    Node *factor = context->node, *inner = matrix_product_tn(graph, factor, context->cotangent);
    Node *lower = matrix_lower(graph, inner, 0);
    Node *diagonal = multiply(graph, matrix_identity(graph, inner), inner);
    Node *left = matrix_triangular(graph, factor, subtract(graph, lower, scale(graph, diagonal, 0.5)), true, true);
    Node *both = matrix_triangular(graph, factor, build_swap_last(graph, left), true, true); /* transposed */
    return vjp_give(context, 0, matrix_symmetric(graph, both));
}

bool infer_triangular_solve(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    return infer_system(graph, spec, 2, types, count);
}

bool vjp_triangular_solve(VjpContext *context) {
    Graph *graph = context->graph;
    const Node *node = context->node;
    bool lower = node->ints[0] != 0, transpose = node->ints[1] != 0;
    Node *db = matrix_triangular(graph, node->inputs[0], context->cotangent, lower, !transpose);
    if (context->wanted[1]) context->results[1] = db;
    if (!context->wanted[0] || !db) return db != NULL;
    Node *da = negate(graph, transpose ? matrix_product_nt(graph, context->node, db) : matrix_product_nt(graph, db, context->node));
    return vjp_give(context, 0, lower ? matrix_lower(graph, da, 0) : matrix_upper(graph, da));
}

bool infer_solve(Graph *graph, const NodeSpec *spec, Type *types, int *count) { return infer_system(graph, spec, 0, types, count); }

bool vjp_solve(VjpContext *context) {
    Graph *graph = context->graph;
    Node *transposed = build_swap_last(graph, context->node->inputs[0]);
    Node *db = build_full_call(graph, OP_SOLVE, (Node *[]){transposed, context->cotangent}, 2, NULL, 0, NULL);
    if (context->wanted[1]) context->results[1] = db;
    return db && (!context->wanted[0] || vjp_give(context, 0, negate(graph, matrix_product_nt(graph, db, context->node))));
}

bool infer_slogdet(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    if (!rule_inputs(graph, spec, 1, 0) || !is_square(graph, spec)) return false;
    types[0] = types[1] = (Type){.dtype = spec_type(spec, 0).dtype, .shape = without_last(spec_type(spec, 0).shape, 2)};
    *count = 2;
    return true;
}

/* d log|det a| = trace(a^-1 da); the sign is constant almost everywhere */
bool vjp_slogdet(VjpContext *context) {
    Graph *graph = context->graph;
    Node *a = context->node->inputs[0], *g = context->part_cotangents[0];
    if (!g) return true;
    Node *inverse = build_full_call(graph, OP_SOLVE, (Node *[]){build_swap_last(graph, a), matrix_identity(graph, a)}, 2, NULL, 0, NULL);
    return vjp_give(context, 0, multiply(graph, build_expand(graph, build_expand(graph, g, -1), -1), inverse));
}

bool infer_qr(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    if (!rule_inputs(graph, spec, 1, 0) || !rule_float(graph, spec, 0) || !rule_rank(graph, spec, 0, 2, RANK_MAX)) return false;
    Type a = spec_type(spec, 0);
    int64_t m = a.shape.dims[a.shape.rank - 2], n = a.shape.dims[a.shape.rank - 1], least = m < n ? m : n;
    types[0] = (Type){a.dtype, with_last(without_last(a.shape, 1), least)};
    types[1] = (Type){a.dtype, with_last(with_last(without_last(a.shape, 2), least), n)};
    *count = 2;
    return true;
}

static Node *or_zeros(Graph *graph, Node *cotangent, Type type) { return cotangent ? cotangent : build_full(graph, type, 0); }

/* With M = R dR' - dQ' Q: dA = (dQ + Q copyltu(M)) R^-T, copyltu repeating the lower triangle above the diagonal. */
bool vjp_qr(VjpContext *context) {
    Graph *graph = context->graph;
    Node *node = context->node;
    Shape a = node->inputs[0]->type.shape;
    if (a.dims[a.rank - 2] < a.dims[a.rank - 1]) return vjp_refuse(context, "it needs at least as many rows as columns") != NULL;
    Node *q = build_part(graph, node, 0), *r = build_part(graph, node, 1);
    Node *dq = or_zeros(graph, context->part_cotangents[0], node->parts[0]);
    Node *dr = or_zeros(graph, context->part_cotangents[1], node->parts[1]);
    Node *m = subtract(graph, matrix_product_nt(graph, r, dr), matrix_product_tn(graph, dq, q));
    Node *copied = add(graph, matrix_lower(graph, m, 0), build_swap_last(graph, matrix_lower(graph, m, 1)));
    Node *inner = add(graph, dq, matrix_product(graph, q, copied));
    Node *transposed = matrix_triangular(graph, r, build_swap_last(graph, inner), false, false);
    return vjp_give(context, 0, build_swap_last(graph, transposed));
}

bool infer_eigh(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    if (!rule_inputs(graph, spec, 1, 0) || !is_square(graph, spec)) return false;
    Type a = spec_type(spec, 0);
    types[0] = (Type){a.dtype, without_last(a.shape, 1)};
    types[1] = a;
    *count = 2;
    return true;
}

/* dA = V (diag(dw) + F o (V' dV)) V', F_ij = 1 / (w_j - w_i); the symmetric part. */
bool vjp_eigh(VjpContext *context) {
    Graph *graph = context->graph;
    Node *values = build_part(graph, context->node, 0), *vectors = build_part(graph, context->node, 1);
    Node *dw = context->part_cotangents[0], *dv = context->part_cotangents[1], *inner = NULL;
    if (dv) inner = multiply(graph, matrix_gaps(graph, values), matrix_product_tn(graph, vectors, dv));
    if (dw && dv) inner = add(graph, inner, matrix_diagonal(graph, vectors, dw));
    Node *left = inner ? matrix_product(graph, vectors, inner) : matrix_scale_columns(graph, vectors, dw);
    return vjp_give(context, 0, matrix_symmetric(graph, matrix_product_nt(graph, left, vectors)));
}

bool infer_svd(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    if (!infer_qr(graph, spec, types, count)) return false;
    Type a = spec_type(spec, 0);
    types[2] = types[1];
    types[1] = (Type){a.dtype, with_last(without_last(a.shape, 2), types[0].shape.dims[a.shape.rank - 1])};
    *count = 3;
    return true;
}

/* The part of dx outside the span of the orthonormal columns of q, over s: (I - q q') dx / s. Zero when q is square. */
static Node *outside(Graph *graph, Node *q, Node *dx, Node *s) {
    Node *rest = subtract(graph, dx, matrix_product(graph, q, matrix_product_tn(graph, q, dx)));
    return s ? matrix_scale_columns(graph, rest, build_binary(graph, OP_DIV, build_full(graph, s->type, 1), s)) : NULL;
}

static bool is_tall(const Node *x) { return x && x->type.shape.dims[x->type.shape.rank - 2] > x->type.shape.dims[x->type.shape.rank - 1]; }

/* x + x' for x = F o (q' dq) */
static Node *rotation(Graph *graph, Node *gaps, Node *q, Node *dq) {
    Node *x = multiply(graph, gaps, matrix_product_tn(graph, q, dq));
    return add(graph, x, build_swap_last(graph, x));
}

/* Zeros [..., k, k] for values [..., k]. */
static Node *square_of(Graph *graph, Type values) {
    values.shape = with_last(values.shape, values.shape.dims[values.shape.rank - 1]);
    return build_full(graph, values, 0);
}

/* With F_ij = 1 / (s_j^2 - s_i^2), J = F o (U' dU), K = F o (V' dV):
 * dA = U ((J + J') S + S (K + K') + diag(ds)) V' + (I - U U') dU S^-1 V' + U S^-1 dV' (I - V V') */
bool vjp_svd(VjpContext *context) {
    Graph *graph = context->graph;
    Node *node = context->node, *du = context->part_cotangents[0], *ds = context->part_cotangents[1], *dvt = context->part_cotangents[2];
    Node *u = build_part(graph, node, 0), *s = build_part(graph, node, 1), *v = build_swap_last(graph, build_part(graph, node, 2));
    Node *dv = build_swap_last(graph, dvt);
    Node *gaps = du || dv ? matrix_gaps(graph, multiply(graph, s, s)) : NULL;
    Node *inner = matrix_diagonal(graph, square_of(graph, node->parts[1]), or_zeros(graph, ds, node->parts[1]));
    if (du) inner = add(graph, inner, matrix_scale_columns(graph, rotation(graph, gaps, u, du), s));
    if (dv) inner = add(graph, inner, matrix_scale_rows(graph, s, rotation(graph, gaps, v, dv)));
    Node *left = matrix_product(graph, u, inner);
    if (du && is_tall(u)) left = add(graph, left, outside(graph, u, du, s));
    Node *result = matrix_product_nt(graph, left, v);
    if (dv && is_tall(v)) result = add(graph, result, matrix_product_nt(graph, u, outside(graph, v, dv, s)));
    return vjp_give(context, 0, result);
}
