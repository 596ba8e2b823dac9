/* Factorisations and solvers by the identities that define them, and Fourier transforms against the sum. */
#include "tests/unit/kernel_case.h"

#include <stdio.h>

static double tolerance_of(DType dtype) { return dtype == DTYPE_F32 ? 2e-4 : 1e-11; }

/* Row-major product of one matrix of each batch, optionally a's transpose: out[i, j]. */
static double product(const Tensor *a, int64_t a_at, int64_t a_row, int64_t a_step, const Tensor *b, int64_t b_at, int64_t b_step,
                      int64_t b_column, int64_t i, int64_t j, int64_t depth) {
    double sum = 0;
    for (int64_t k = 0; k < depth; k++)
        sum += tensor_number(a, a_at + i * a_row + k * a_step) * tensor_number(b, b_at + k * b_step + j * b_column);
    return sum;
}

/* [batch, n, n] symmetric positive definite: a a^T + n I. */
static Tensor *positive(DType dtype, int64_t batch, int64_t n, uint64_t seed) {
    Tensor *a = case_values(dtype, SHAPE(batch, n, n), seed), *out = tensor_zeros(dtype, a->shape, NULL);
    for (int64_t k = 0; k < tensor_count(out); k++) {
        int64_t i = k / n % n, j = k % n, at = k / (n * n) * n * n;
        tensor_set_number(out, k, product(a, at, n, 1, a, at, 1, n, i, j, n) + (i == j ? (double)n : 0));
    }
    tensor_release(a);
    return out;
}

static const int64_t ORDERS[][2] = {{1, 1}, {3, 4}, {20, 3}, {1, 70}, {0, 3}, {2, 0}};
enum { ORDER_COUNT = sizeof ORDERS / sizeof ORDERS[0] };

static void test_cholesky(void **state) {
    (void)state;
    for (int s = 0; s < ORDER_COUNT; s++)
        for (DType dtype = DTYPE_F32; dtype <= DTYPE_F64; dtype++) {
            int64_t n = ORDERS[s][1];
            Case c = {0};
            Tensor *a = case_input(&c, positive(dtype, ORDERS[s][0], n, 5));
            Tensor *l = case_output(&c, dtype, a->shape);
            assert_true(case_run(&c, kernel_cholesky, scratch_cholesky));
            for (int64_t k = 0; k < tensor_count(a); k++) {
                int64_t i = k / n % n, j = k % n, at = k / (n * n) * n * n;
                assert_near(product(l, at, n, 1, l, at, 1, n, i, j, n), tensor_number(a, k), tolerance_of(dtype));
                assert_true(j <= i || tensor_number(l, k) == 0);
            }
            case_free(&c);
        }
}

static void test_cholesky_faults(void **state) {
    (void)state;
    Case c = {0};
    case_input(&c, case_numbers(DTYPE_F64, SHAPE(2, 2, 2), (double[]){2, 1, 1, 2, 1, 2, 2, 1}));
    case_output(&c, DTYPE_F64, SHAPE(2, 2, 2));
    assert_false(case_run(&c, kernel_cholesky, scratch_cholesky));
    assert_string_equal(c.fault.message, "matrix 1 of the batch is not positive definite: its leading minor of order 2 is not positive");
    tensor_set_number(c.inputs[0], 0, (double)NAN);
    assert_false(case_run(&c, kernel_cholesky, scratch_cholesky));
    assert_string_equal(c.fault.message, "matrix 0 of the batch holds a number that is NaN or infinite");
    case_free(&c);
}

/* a x = b for solve (kind 0) and for each triangle and transpose (kinds 1 to 4). */
static void test_solves(void **state) {
    (void)state;
    for (int s = 0; s < ORDER_COUNT; s++)
        for (int kind = 0; kind < 5; kind++)
            for (DType dtype = DTYPE_F32; dtype <= DTYPE_F64; dtype++) {
                int64_t batch = ORDERS[s][0], n = ORDERS[s][1], k = s % 2 ? 3 : 1;
                bool lower = kind & 1, transpose = kind > 2;
                Case c = {.int_count = 2, .ints = {lower, transpose}};
                Tensor *a = case_input(&c, kind ? positive(dtype, batch, n, 5) : case_values(dtype, SHAPE(batch, n, n), 3));
                Tensor *b = case_input(&c, case_values(dtype, SHAPE(batch, n, k), 8));
                Tensor *x = case_output(&c, dtype, b->shape);
                assert_true(case_run(&c, kind ? kernel_triangular_solve : kernel_solve, kind ? scratch_triangular_solve : scratch_solve));
                for (int64_t m = 0; kind && m < tensor_count(a); m++)
                    if (lower ? m % n > m / n % n : m % n < m / n % n) tensor_set_number(a, m, 0);
                for (int64_t m = 0; m < tensor_count(b); m++) {
                    int64_t at = m / (n * k);
                    double back = product(a, at * n * n, transpose ? 1 : n, transpose ? n : 1, x, at * n * k, k, 1, m / k % n, m % k, n);
                    assert_near(back, tensor_number(b, m), 20 * tolerance_of(dtype));
                }
                case_free(&c);
            }
}

static void test_singular(void **state) {
    (void)state;
    Case c = {.int_count = 2, .ints = {1, 0}};
    case_input(&c, case_numbers(DTYPE_F64, SHAPE(2, 2), (double[]){1, 2, 2, 4}));
    case_input(&c, case_values(DTYPE_F64, SHAPE(2, 1), 1));
    case_output(&c, DTYPE_F64, SHAPE(2, 1));
    assert_false(case_run(&c, kernel_solve, scratch_solve));
    assert_string_equal(c.fault.message, "the matrix is singular: pivot 1 is 0");
    tensor_set_number(c.inputs[0], 0, 0);
    assert_false(case_run(&c, kernel_triangular_solve, scratch_triangular_solve));
    assert_string_equal(c.fault.message, "the matrix is singular: pivot 0 is 0");
    case_free(&c);
}

static void test_slogdet(void **state) {
    (void)state;
    for (DType dtype = DTYPE_F32; dtype <= DTYPE_F64; dtype++) {
        Case c = {0};
        double matrices[] = {0, 2, 3, 4, /* -6 */ 1, 2, 2, 4, /* 0 */ 3, 1, 1, 2 /* 5 */};
        case_input(&c, case_numbers(dtype, SHAPE(3, 2, 2), matrices));
        Tensor *logs = case_output(&c, dtype, SHAPE(3)), *signs = case_output(&c, dtype, SHAPE(3));
        assert_true(case_run(&c, kernel_slogdet, scratch_slogdet));
        assert_near(tensor_number(logs, 0), log(6), 1e-6);
        assert_near(tensor_number(logs, 2), log(5), 1e-6);
        assert_true(isinf(tensor_number(logs, 1)) && tensor_number(logs, 1) < 0);
        assert_true(tensor_number(signs, 0) == -1 && tensor_number(signs, 1) == 0 && tensor_number(signs, 2) == 1);
        case_free(&c);
    }
    Case empty = {0};
    case_input(&empty, case_values(DTYPE_F64, SHAPE(2, 0, 0), 1));
    case_output(&empty, DTYPE_F64, SHAPE(2)), case_output(&empty, DTYPE_F64, SHAPE(2));
    assert_true(case_run(&empty, kernel_slogdet, scratch_slogdet));
    assert_true(tensor_number(empty.outputs[0], 1) == 0 && tensor_number(empty.outputs[1], 1) == 1);
    case_free(&empty);
}

static const int64_t SIZES[][3] = {{1, 1, 1}, {3, 5, 3}, {2, 3, 5}, {1, 40, 60}, {30, 4, 4}, {1, 90, 20}, {2, 0, 3}};
enum { SIZE_COUNT = sizeof SIZES / sizeof SIZES[0] };

/* columns^T columns == I for a [batch, rows, k] array. */
static void check_orthonormal(const Tensor *q, int64_t rows, int64_t k, double tolerance) {
    for (int64_t at = 0; at < tensor_count(q); at += rows * k)
        for (int64_t i = 0; i < k; i++)
            for (int64_t j = 0; j < k; j++) assert_near(product(q, at, 1, k, q, at, k, 1, i, j, rows), i == j, tolerance);
}

static void test_qr(void **state) {
    (void)state;
    for (int s = 0; s < SIZE_COUNT; s++)
        for (DType dtype = DTYPE_F32; dtype <= DTYPE_F64; dtype++) {
            int64_t batch = SIZES[s][0], m = SIZES[s][1], n = SIZES[s][2], k = m < n ? m : n;
            Case c = {0};
            Tensor *a = case_input(&c, case_values(dtype, SHAPE(batch, m, n), 4));
            Tensor *q = case_output(&c, dtype, SHAPE(batch, m, k)), *r = case_output(&c, dtype, SHAPE(batch, k, n));
            assert_true(case_run(&c, kernel_qr, scratch_qr));
            check_orthonormal(q, m, k, tolerance_of(dtype));
            for (int64_t i = 0; i < tensor_count(a); i++)
                assert_near(product(q, i / (m * n) * m * k, k, 1, r, i / (m * n) * k * n, n, 1, i / n % m, i % n, k), tensor_number(a, i),
                            tolerance_of(dtype));
            for (int64_t i = 0; i < tensor_count(r); i++) {
                int64_t row = i / n % k, column = i % n;
                assert_true(column > row || (column == row ? tensor_number(r, i) >= 0 : tensor_number(r, i) == 0));
            }
            case_free(&c);
        }
}

/* In each column the component of the largest magnitude is positive. */
static void check_signs(const Tensor *u, int64_t rows, int64_t k) {
    for (int64_t at = 0; at < tensor_count(u); at += rows * k)
        for (int64_t j = 0; j < k; j++) {
            double largest = 0;
            for (int64_t i = 0; i < rows; i++)
                if (fabs(tensor_number(u, at + i * k + j)) > fabs(largest)) largest = tensor_number(u, at + i * k + j);
            assert_true(largest > 0);
        }
}

static void test_eigh(void **state) {
    (void)state;
    for (int s = 0; s < ORDER_COUNT; s++)
        for (DType dtype = DTYPE_F32; dtype <= DTYPE_F64; dtype++) {
            int64_t batch = ORDERS[s][0], n = ORDERS[s][1];
            Case c = {0};
            Tensor *a = case_input(&c, positive(dtype, batch, n, 6));
            Tensor *values = case_output(&c, dtype, SHAPE(batch, n)), *vectors = case_output(&c, dtype, a->shape);
            Tensor *whole = tensor_copy(a, NULL);
            for (int64_t k = 0; k < tensor_count(a); k++)
                if (k % n > k / n % n) tensor_set_number(a, k, (double)NAN); /* the upper triangle is not read */
            assert_true(case_run(&c, kernel_eigh, scratch_eigh));
            check_orthonormal(vectors, n, n, tolerance_of(dtype));
            check_signs(vectors, n, n);
            for (int64_t k = 0; k < tensor_count(a); k++) {
                int64_t i = k / n % n, j = k % n, b = k / (n * n);
                double value = tensor_number(values, b * n + j);
                assert_near(product(whole, b * n * n, n, 1, vectors, b * n * n, n, 1, i, j, n), value * tensor_number(vectors, k),
                            10 * tolerance_of(dtype));
                assert_true(j == 0 || value >= tensor_number(values, b * n + j - 1));
            }
            tensor_release(whole);
            case_free(&c);
        }
}

static void test_svd(void **state) {
    (void)state;
    for (int s = 0; s < SIZE_COUNT; s++)
        for (DType dtype = DTYPE_F32; dtype <= DTYPE_F64; dtype++) {
            int64_t batch = SIZES[s][0], m = SIZES[s][1], n = SIZES[s][2], k = m < n ? m : n;
            Case c = {0};
            Tensor *a = case_input(&c, case_values(dtype, SHAPE(batch, m, n), 4)), *u = case_output(&c, dtype, SHAPE(batch, m, k));
            Tensor *values = case_output(&c, dtype, SHAPE(batch, k)), *vt = case_output(&c, dtype, SHAPE(batch, k, n));
            assert_true(case_run(&c, kernel_svd, scratch_svd));
            check_orthonormal(u, m, k, tolerance_of(dtype));
            check_signs(u, m, k);
            for (int64_t i = 0; i < tensor_count(values); i++)
                assert_true(tensor_number(values, i) >= 0 && (i % k == 0 || tensor_number(values, i) <= tensor_number(values, i - 1)));
            for (int64_t i = 0; i < tensor_count(u); i++)
                tensor_set_number(u, i, tensor_number(u, i) * tensor_number(values, i / (m * k) * k + i % k));
            for (int64_t i = 0; i < tensor_count(a); i++)
                assert_near(product(u, i / (m * n) * m * k, k, 1, vt, i / (m * n) * k * n, n, 1, i / n % m, i % n, k), tensor_number(a, i),
                            tolerance_of(dtype));
            case_free(&c);
        }
}

static void test_decompositions_refuse_nan(void **state) {
    (void)state;
    struct {
        KernelRun *run;
        KernelScratch *scratch;
    } kernels[] = {{kernel_qr, scratch_qr}, {kernel_eigh, scratch_eigh}, {kernel_svd, scratch_svd}};
    for (int i = 0; i < 3; i++) {
        Case c = {0};
        case_input(&c, case_numbers(DTYPE_F32, SHAPE(2, 2), (double[]){1, 2, (double)NAN, 3}));
        case_output(&c, DTYPE_F32, i == 1 ? SHAPE(2) : SHAPE(2, 2));
        case_output(&c, DTYPE_F32, i == 2 ? SHAPE(2) : SHAPE(2, 2));
        case_output(&c, DTYPE_F32, SHAPE(2, 2));
        assert_false(case_run(&c, kernels[i].run, kernels[i].scratch));
        assert_string_equal(c.fault.message, "the matrix holds a number that is NaN or infinite");
        case_free(&c);
    }
}

/* One coefficient of the transform of `count` points over the last `dimensions` axes, by its definition. */
static void coefficient(const Tensor *x, int64_t first, const int64_t *sizes, int dimensions, int64_t which, int sign, double out[2]) {
    int64_t points = 1;
    for (int k = 0; k < dimensions; k++) points *= sizes[k];
    out[0] = out[1] = 0;
    for (int64_t p = 0; p < points; p++) {
        double angle = 0;
        int64_t a = p, b = which;
        for (int k = dimensions - 1; k >= 0; a /= sizes[k], b /= sizes[k], k--)
            angle += (double)((a % sizes[k]) * (b % sizes[k])) / (double)sizes[k];
        angle *= sign * 2 * acos(-1.0);
        double re = tensor_number(x, 2 * (first + p)), im = tensor_number(x, 2 * (first + p) + 1);
        out[0] += re * cos(angle) - im * sin(angle);
        out[1] += re * sin(angle) + im * cos(angle);
    }
}

static void test_fft(void **state) {
    (void)state;
    static const int64_t GRIDS[][4] = {{1, 1, 1, 1}, {3, 1, 1, 7}, {5, 1, 4, 6}, {2, 3, 5, 4}, {300, 1, 1, 16}, {500, 1, 1, 15}};
    for (int s = 0; s < 6; s++)
        for (int dimensions = 1; dimensions <= 3; dimensions++)
            for (DType dtype = DTYPE_F32; dtype <= DTYPE_F64; dtype++) {
                const int64_t *g = GRIDS[s];
                Case c = {.int_count = 2, .ints = {0, dimensions}};
                Tensor *x = case_input(&c, case_values(dtype, SHAPE(g[0], g[1], g[2], g[3], 2), 3));
                Tensor *y = case_output(&c, dtype, x->shape);
                assert_true(case_run(&c, kernel_fft, scratch_fft));
                int64_t points = 1;
                for (int k = 0; k < dimensions; k++) points *= g[3 - k];
                for (int64_t i = 0; i < tensor_count(x) / 2; i += 1 + i / 50) {
                    double expected[2];
                    coefficient(x, i / points * points, g + 4 - dimensions, dimensions, i % points, -1, expected);
                    assert_near(tensor_number(y, 2 * i), expected[0], tolerance_of(dtype));
                    assert_near(tensor_number(y, 2 * i + 1), expected[1], tolerance_of(dtype));
                }
                Case back = {.int_count = 2, .ints = {1, dimensions}};
                case_input(&back, tensor_retain(y));
                case_output(&back, dtype, x->shape);
                assert_true(case_run(&back, kernel_fft, scratch_fft));
                for (int64_t i = 0; i < tensor_count(x); i++)
                    assert_near(tensor_number(back.outputs[0], i), tensor_number(x, i), tolerance_of(dtype));
                case_free(&c), case_free(&back);
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cholesky),
        cmocka_unit_test(test_cholesky_faults),
        cmocka_unit_test(test_solves),
        cmocka_unit_test(test_singular),
        cmocka_unit_test(test_slogdet),
        cmocka_unit_test(test_qr),
        cmocka_unit_test(test_eigh),
        cmocka_unit_test(test_svd),
        cmocka_unit_test(test_decompositions_refuse_nan),
        cmocka_unit_test(test_fft),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
