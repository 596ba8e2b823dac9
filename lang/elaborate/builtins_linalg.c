/* Linear systems and factorizations over the last two axes; leading axes are batches. */
#include "lang/elaborate/builtins.h"

#include <string.h>

static Node *matrix_at(Elaborator *e, const Arguments *a, int k, bool square) {
    Node *x;
    if (!float_at(e, a, k, &x) || !rank_at_least(e, a, k, x, 2)) return NULL;
    int rank = x->type.shape.rank;
    if (!square || x->type.shape.dims[rank - 2] == x->type.shape.dims[rank - 1]) return x;
    char text[SHAPE_TEXT];
    diagnose(e->diagnostics, "E0400", a->values[k].span, "expected a square matrix, found %s", shape_text(x->type.shape, text));
    return NULL;
}

/* x with the given batch dimensions before its last two. */
static Node *with_batch(Elaborator *e, Node *x, Shape batch) {
    Shape shape = batch;
    shape.dims[shape.rank++] = x->type.shape.dims[x->type.shape.rank - 2];
    shape.dims[shape.rank++] = x->type.shape.dims[x->type.shape.rank - 1];
    return build_broadcast(e->graph, x, shape);
}

static Shape batch_of(const Node *x) {
    Shape shape = x->type.shape;
    shape.rank -= 2;
    shape.dims[shape.rank] = shape.dims[shape.rank + 1] = 0;
    return shape;
}

/* op(a) x = b for a vector, a matrix or batches of matrices b. */
static Node *solve_with(Elaborator *e, const Arguments *a, OpCode op, const int64_t *ints, int int_count) {
    Graph *graph = e->graph;
    Node *matrix = matrix_at(e, a, 0, true), *right;
    if (!matrix || !float_at(e, a, 1, &right) || !rank_at_least(e, a, 1, right, 1)) return NULL;
    bool is_vector = right->type.shape.rank == 1;
    if (is_vector) right = build_expand(graph, right, 1);
    int64_t n = matrix->type.shape.dims[matrix->type.shape.rank - 1], rows = right->type.shape.dims[right->type.shape.rank - 2];
    Shape batch;
    if (n != rows || !shape_broadcast(batch_of(matrix), batch_of(right), &batch) || batch.rank + 2 > RANK_MAX) {
        char one[SHAPE_TEXT], two[SHAPE_TEXT];
        diagnose(e->diagnostics, "E0400", a->span, "a matrix %s and a right side %s do not fit", shape_text(matrix->type.shape, one),
                 shape_text(right->type.shape, two));
        return NULL;
    }
    DType wider = matrix->type.dtype > right->type.dtype ? matrix->type.dtype : right->type.dtype;
    Node *inputs[] = {build_cast(graph, with_batch(e, matrix, batch), wider), build_cast(graph, with_batch(e, right, batch), wider)};
    Node *x = call_op(e, op, inputs, 2, ints, int_count, NULL);
    return x && is_vector ? build_squeeze(graph, x, 1u << (x->type.shape.rank - 1)) : x;
}

static Value run_solve(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    return result_of(a, solve_with(e, a, OP_SOLVE, NULL, 0));
}

static Value run_triangular(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    return result_of(a, solve_with(e, a, OP_TRIANGULAR_SOLVE, (int64_t[]){flag_at(a, 2), flag_at(a, 3)}, 2));
}

static Node *identity_like(Elaborator *e, const Node *x) {
    int64_t n = x->type.shape.dims[x->type.shape.rank - 1];
    Shape square = shape_2(n, n);
    Node *equal = build_binary(e->graph, OP_EQUAL, build_iota(e->graph, DTYPE_I64, square, 0), build_iota(e->graph, DTYPE_I64, square, 1));
    return with_batch(e, build_cast(e->graph, equal, x->type.dtype), batch_of(x));
}

static Node *inverse_of(Elaborator *e, Node *x) { return call_op(e, OP_SOLVE, (Node *[]){x, identity_like(e, x)}, 2, NULL, 0, NULL); }

static Value run_inverse(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = matrix_at(e, a, 0, true);
    return result_of(a, x ? inverse_of(e, x) : NULL);
}

static Value run_cholesky(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = matrix_at(e, a, 0, true);
    return result_of(a, x ? call_op(e, OP_CHOLESKY, &x, 1, NULL, 0, NULL) : NULL);
}

/* A record of the outputs of an op, named in order. */
static Value parts_record(Elaborator *e, const Arguments *a, Node *node, const char *const *names, const int *order, int count) {
    Record *record = record_new(e);
    for (int k = 0; k < count; k++) {
        Value value = value_tensor(node ? build_part(e->graph, node, order[k]) : NULL, a->span);
        if (!value_ok(value)) return value;
        record_add(e, record, names[k], value);
    }
    return record_value(record, a->span);
}

/* Columns from..to-1 of the last axis. */
static Node *columns_of(Graph *graph, Node *x, int64_t from, int64_t to) {
    int64_t start[RANK_MAX] = {0}, step[RANK_MAX], stop[RANK_MAX];
    for (int axis = 0; axis < x->type.shape.rank; axis++) stop[axis] = x->type.shape.dims[axis], step[axis] = 1;
    start[x->type.shape.rank - 1] = from;
    stop[x->type.shape.rank - 1] = to;
    return build_slice(graph, x, start, stop, step);
}

/* A wide matrix [a b] with square a = q r is q [r, q^T b], which has a derivative since a has. */
static Value wide_qr(Elaborator *e, const Arguments *a, Node *x, int64_t rows, int64_t columns) {
    Graph *graph = e->graph;
    Node *square = columns_of(graph, x, 0, rows), *rest = columns_of(graph, x, rows, columns);
    Node *factors = square && rest ? call_op(e, OP_QR, &square, 1, NULL, 0, NULL) : NULL;
    if (!factors) return value_none();
    Node *q = build_part(graph, factors, 0), *r = build_part(graph, factors, 1),
         *right = build_matmul(graph, build_swap_last(graph, q), rest);
    Node *whole = right ? build_concat(graph, (Node *[]){r, right}, 2, x->type.shape.rank - 1) : NULL;
    if (!whole) return value_none();
    Record *record = record_new(e);
    record_add(e, record, "q", value_tensor(q, a->span));
    record_add(e, record, "r", value_tensor(whole, a->span));
    return record_value(record, a->span);
}

static Value run_factor(Elaborator *e, const Builtin *self, const Arguments *a) {
    static const char *const qr[] = {"q", "r"}, *const eigh[] = {"values", "vectors"}, *const svd[] = {"u", "s", "vt"},
                             *const slogdet[] = {"sign", "logdet"};
    static const int ordered[] = {0, 1, 2}, swapped[] = {1, 0};
    OpCode op = (OpCode)self->data;
    Node *x = matrix_at(e, a, 0, op == OP_EIGH || op == OP_SLOGDET);
    const int64_t *sizes = x ? x->type.shape.dims + x->type.shape.rank - 2 : NULL;
    if (op == OP_QR && x && sizes[0] < sizes[1]) return wide_qr(e, a, x, sizes[0], sizes[1]);
    Node *node = x ? call_op(e, op, &x, 1, NULL, 0, NULL) : NULL;
    if (op == OP_QR) return parts_record(e, a, node, qr, ordered, 2);
    if (op == OP_EIGH) return parts_record(e, a, node, eigh, ordered, 2);
    if (op == OP_SLOGDET) return parts_record(e, a, node, slogdet, swapped, 2);
    return parts_record(e, a, node, svd, ordered, 3);
}

/* One output of a factorization alone. */
static Value run_singular_values(Elaborator *e, const Builtin *self, const Arguments *a) {
    OpCode op = (OpCode)self->data;
    Node *x = matrix_at(e, a, 0, op == OP_EIGH);
    Node *node = x ? call_op(e, op, &x, 1, NULL, 0, NULL) : NULL;
    return result_of(a, node ? build_part(e->graph, node, op == OP_SVD) : NULL);
}

static Node *entry(Graph *graph, Node *x, int64_t row, int64_t column) {
    return build_select(graph, build_select(graph, x, -1, column), -1, row);
}

/* The determinant of two columns in the rows `row` and `row + 1`. */
static Node *minor_of(Graph *graph, Node *x, int row, int64_t left, int64_t right) {
    return build_binary(graph, OP_SUB, build_binary(graph, OP_MUL, entry(graph, x, row, left), entry(graph, x, row + 1, right)),
                        build_binary(graph, OP_MUL, entry(graph, x, row, right), entry(graph, x, row + 1, left)));
}

/* Up to 3 x 3 the polynomial itself: its derivative, the cofactors, also exists where the matrix is singular. */
static Node *small_determinant(Graph *graph, Node *x, int64_t n) {
    if (n == 1) return entry(graph, x, 0, 0);
    if (n == 2) return minor_of(graph, x, 0, 0, 1);
    Node *first = build_binary(graph, OP_MUL, entry(graph, x, 0, 0), minor_of(graph, x, 1, 1, 2));
    Node *second = build_binary(graph, OP_MUL, entry(graph, x, 0, 1), minor_of(graph, x, 1, 0, 2));
    Node *third = build_binary(graph, OP_MUL, entry(graph, x, 0, 2), minor_of(graph, x, 1, 0, 1));
    return build_binary(graph, OP_ADD, build_binary(graph, OP_SUB, first, second), third);
}

static Value run_determinant(Elaborator *e, const Builtin *self, const Arguments *a) {
    bool is_log = self->data;
    Node *x = matrix_at(e, a, 0, true);
    int64_t n = x ? x->type.shape.dims[x->type.shape.rank - 1] : 0;
    if (!is_log && n >= 1 && n <= 3) return result_of(a, small_determinant(e->graph, x, n));
    Node *node = x ? call_op(e, OP_SLOGDET, &x, 1, NULL, 0, NULL) : NULL;
    if (!node) return value_none();
    Node *log = build_part(e->graph, node, 0);
    return result_of(a, is_log ? log : build_binary(e->graph, OP_MUL, build_part(e->graph, node, 1), build_unary(e->graph, OP_EXP, log)));
}

/* Least squares through a = q r: r x = q^T b. */
static Value run_lstsq(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Graph *graph = e->graph;
    Node *matrix = matrix_at(e, a, 0, false), *right;
    if (!matrix || !float_at(e, a, 1, &right) || !rank_at_least(e, a, 1, right, 1)) return value_none();
    int rank = matrix->type.shape.rank;
    if (matrix->type.shape.dims[rank - 2] < matrix->type.shape.dims[rank - 1]) {
        char text[SHAPE_TEXT];
        diagnose(e->diagnostics, "E0400", a->values[0].span, "'lstsq' needs at least as many rows as columns, found %s",
                 shape_text(matrix->type.shape, text));
        diagnose_help(e->diagnostics, "pinv(a) @ b is the solution of least norm");
        return value_none();
    }
    bool is_vector = right->type.shape.rank == 1;
    if (is_vector) right = build_expand(graph, right, 1);
    Node *factors = call_op(e, OP_QR, &matrix, 1, NULL, 0, NULL);
    if (!factors) return value_none();
    Node *projected = build_matmul(graph, build_swap_last(graph, build_part(graph, factors, 0)), right), *r = build_part(graph, factors, 1);
    if (!projected || !r) return value_none();
    r = with_batch(e, r, batch_of(projected));
    Node *x = call_op(e, OP_TRIANGULAR_SOLVE, (Node *[]){r, projected}, 2, (int64_t[]){0, 0}, 2, NULL);
    return result_of(a, x && is_vector ? build_squeeze(graph, x, 1u << (x->type.shape.rank - 1)) : x);
}

/* v diag(1/s) u^T, singular values below 1e-6 (f32) or 1e-13 (f64) of the largest left out. */
static Value run_pinv(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Graph *graph = e->graph;
    Node *x = matrix_at(e, a, 0, false), *node = x ? call_op(e, OP_SVD, &x, 1, NULL, 0, NULL) : NULL;
    if (!node) return value_none();
    Node *u = build_part(graph, node, 0), *s = build_part(graph, node, 1), *vt = build_part(graph, node, 2);
    if (!u || !s || !vt) return value_none();
    double tolerance = x->type.dtype == DTYPE_F64 ? 1e-13 : 1e-6;
    uint32_t last = 1u << (s->type.shape.rank - 1);
    Node *least = build_binary(graph, OP_MUL, build_reduce(graph, OP_REDUCE_MAX, s, last, true), build_number(graph, tolerance));
    Node *kept = build_binary(graph, OP_GREATER, s, least);
    Node *safe = build_ternary(graph, OP_WHERE, kept, s, build_number(graph, 1));
    Node *inverse = build_ternary(graph, OP_WHERE, kept, build_binary(graph, OP_DIV, build_number(graph, 1), safe), build_number(graph, 0));
    if (!inverse) return value_none();
    Node *scaled = build_binary(graph, OP_MUL, build_swap_last(graph, vt), build_expand(graph, inverse, inverse->type.shape.rank - 1));
    return result_of(a, build_matmul(graph, scaled, build_swap_last(graph, u)));
}

/* Repeated squaring. */
static Value run_matrix_power(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    int64_t power;
    Node *x = matrix_at(e, a, 0, true), *result = NULL;
    if (!x || !to_integer(e, a->values[1], &power)) return value_none();
    if (power < 0) {
        x = inverse_of(e, x);
        power = -power;
    }
    if (!x) return value_none();
    if (!power) return result_of(a, identity_like(e, x));
    for (; power && x; power >>= 1) {
        if (power & 1) result = result ? build_matmul(e->graph, result, x) : x;
        if (power > 1) x = build_matmul(e->graph, x, x);
    }
    return result_of(a, result);
}

const Builtin builtins_linalg[] = {
    {"solve(a, b)", run_solve, 0,
     "x with a @ x = b for square a [..., n, n]; b is [n] or [..., n, k]. By LU; E0901 when a is singular. Example: solve([[2.0, 0.0], [0.0, 4.0]], [1.0, 1.0])",
     false},
    {"triangular_solve(a, b, lower = true, transpose = false)", run_triangular, 0,
     "x with a @ x = b reading only one triangle of a; transpose = true solves a.T @ x = b. Example: triangular_solve([[2.0, 0.0], [1.0, 1.0]], [2.0, 3.0])",
     false},
    {"inverse(a)", run_inverse, 0,
     "Inverse of square matrices [..., n, n]; solve(a, b) is more accurate than inverse(a) @ b. Example: inverse([[2.0, 0.0], [0.0, 4.0]])",
     false},
    {"pinv(a)", run_pinv, 0, "Moore-Penrose pseudo-inverse through the singular values. Example: pinv([[1.0, 0.0], [0.0, 0.0]])", false},
    {"cholesky(a)", run_cholesky, 0,
     "Lower triangular l with l @ l.T = a, for symmetric positive definite a; E0901 otherwise. Example: cholesky([[4.0, 2.0], [2.0, 3.0]])",
     false},
    {"qr(a)", run_factor, OP_QR,
     "Thin factorization a = q @ r: a record {q, r}, q with orthonormal columns, diagonal of r not negative. Example: qr([[3.0, 1.0], [4.0, 2.0]]).r",
     false},
    {"eigh(a)", run_factor, OP_EIGH,
     "Eigenvalues (ascending) and eigenvectors (columns) of symmetric a: a record {values, vectors}. Example: eigh([[2.0, 1.0], [1.0, 2.0]]).values",
     false},
    {"eigenvalues(a)", run_singular_values, OP_EIGH,
     "Eigenvalues of symmetric a, ascending. Example: eigenvalues([[2.0, 1.0], [1.0, 2.0]])", false},
    {"svd(a)", run_factor, OP_SVD,
     "Thin singular value decomposition a = u @ diag(s) @ vt, s descending: a record {u, s, vt}. Example: svd([[3.0, 0.0], [0.0, 4.0]]).s",
     false},
    {"singular_values(a)", run_singular_values, OP_SVD,
     "Singular values of a, descending. Example: singular_values([[3.0, 0.0], [0.0, 4.0]])", false},
    {"det(a)", run_determinant, 0,
     "Determinant of square matrices. Its derivative needs an invertible matrix when that is larger than 3 x 3. Example: det([[1.0, 2.0], [3.0, 4.0]])",
     false},
    {"logdet(a)", run_determinant, 1, "log |det a| of square matrices. Example: logdet(eye(3))", false},
    {"slogdet(a)", run_factor, OP_SLOGDET,
     "Sign of the determinant and log of its size: a record {sign, logdet}. Example: slogdet(eye(3)).sign", false},
    {"lstsq(a, b)", run_lstsq, 0,
     "x that minimizes |a @ x - b|^2 for a [m, n] with m >= n and full rank; b is [m] or [m, k]. Example: lstsq([[1.0], [1.0]], [1.0, 3.0])",
     false},
    {"matrix_power(a, n)", run_matrix_power, 0,
     "a multiplied n times with itself; n < 0 uses the inverse, 0 gives the identity. Example: matrix_power([[1.0, 1.0], [0.0, 1.0]], 5)",
     false},
    {0},
};
