/* Matrix products, reductions, scans and fills against naive loops, on one and on two threads. */
#include "tests/unit/kernel_case.h"

#include <dirent.h>

static double entry(const Tensor *tensor, int64_t base, int64_t rows, int64_t columns, bool transpose, int64_t i, int64_t j) {
    return tensor_number(tensor, base + (transpose ? j * rows + i : i * columns + j));
}

static void check_product(DType dtype, int64_t batch, bool is_shared, int64_t m, int64_t n, int64_t k, bool transpose_a, bool transpose_b) {
    Case c = {0};
    Shape a_shape = transpose_a ? SHAPE(batch, k, m) : SHAPE(batch, m, k), b_shape = transpose_b ? SHAPE(batch, n, k) : SHAPE(batch, k, n);
    if (is_shared) b_shape = transpose_b ? SHAPE(n, k) : SHAPE(k, n);
    Tensor *a = case_input(&c, case_values(dtype, a_shape, 1)), *b = case_input(&c, case_values(dtype, b_shape, 2));
    Tensor *y = case_output(&c, dtype, SHAPE(batch, m, n));
    case_ints(&c, INTS(transpose_a, transpose_b));
    assert_true(case_run(&c, kernel_matmul, scratch_matmul));
    int64_t every = 1 + batch * m * n / 500; /* enough entries to see every tile */
    for (int64_t at = 0; at < batch * m * n; at += every) {
        int64_t p = at / (m * n), i = at / n % m, j = at % n;
        double sum = 0;
        for (int64_t l = 0; l < k; l++)
            sum += entry(a, p * m * k, m, k, transpose_a, i, l) * entry(b, is_shared ? 0 : p * k * n, k, n, transpose_b, l, j);
        assert_near(tensor_number(y, at), sum, (dtype == DTYPE_F32 ? 1e-6 : 1e-13) * sqrt((double)k + 1));
    }
    case_free(&c);
}

static void products_of_all_shapes(void **state) {
    (void)state;
    static const int64_t sizes[][4] = {{1, 3, 4, 5},     {1, 1, 1, 1},      {2, 0, 3, 4},       {1, 3, 4, 0},       {1, 1, 700, 900},
                                       {1, 700, 1, 900}, {1, 1, 1, 100000}, {1, 17, 9, 20000},  {7, 33, 20, 18},    {300, 4, 5, 6},
                                       {3, 1, 50, 60},   {3, 50, 1, 60},    {1, 130, 520, 784}, {1, 1000, 10, 300}, {1, 5000, 1, 3}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int flags = 0; flags < 8; flags++)
            check_product(s % 2 ? DTYPE_F32 : DTYPE_F64, sizes[s][0], flags & 4, sizes[s][1], sizes[s][2], sizes[s][3], flags & 1,
                          flags & 2);
    for (int flags = 0; flags < 4; flags++) {
        check_product(DTYPE_I64, 2, false, 5, 6, 7, flags & 1, flags & 2);
        check_product(DTYPE_F32, 1, false, 300, 400, 500, flags & 1, flags & 2);
    }
}

static int count_tasks(void) {
    DIR *tasks = opendir("/proc/self/task");
    int count = -2; /* . and .. */
    while (tasks && readdir(tasks)) count++;
    if (tasks) closedir(tasks);
    return count;
}

/* The libraries have pools of their own: those must never start. */
static void products_start_no_threads(void **state) {
    (void)state;
    Threads *threads = threads_new(2);
    Case c = {0};
    case_input(&c, case_values(DTYPE_F32, SHAPE(512, 512), 1));
    case_input(&c, case_values(DTYPE_F32, SHAPE(512, 512), 2));
    case_output(&c, DTYPE_F32, SHAPE(512, 512));
    case_ints(&c, INTS(0, 0));
    int before = count_tasks();
    assert_true(case_run_once(&c, kernel_matmul, scratch_matmul, threads, c.outputs));
    assert_int_equal(count_tasks(), before + 1);
    threads_free(threads);
    case_free(&c);
}

typedef enum Op { SUM, PROD, MAX, MIN } Op;

static double combine(Op op, double a, double b) {
    switch (op) {
    case SUM: return a + b;
    case PROD: return a * b;
    case MAX: return a > b || isnan(a) ? a : b;
    case MIN: return a < b || isnan(a) ? a : b;
    }
    return 0;
}

static void check_reduction(Op op, DType dtype, Shape shape, uint32_t mask) {
    static KernelRun *const runs[] = {kernel_reduce_sum, kernel_reduce_prod, kernel_reduce_max, kernel_reduce_min};
    Case c = {0};
    Shape out_shape = shape;
    for (int i = 0; i < shape.rank; i++) out_shape.dims[i] = mask >> i & 1 ? 1 : shape.dims[i];
    Tensor *x = case_input(&c, case_values(dtype, shape, (uint64_t)op + mask));
    for (int64_t i = 0; op == PROD && dtype_is_float(dtype) && i < tensor_count(x); i++)
        tensor_set_number(x, i, 1 + 0.01 * tensor_number(x, i));
    bool stays = op == MAX || op == MIN || dtype != DTYPE_BOOL;
    Tensor *y = case_output(&c, stays ? dtype : DTYPE_I64, out_shape);
    case_ints(&c, INTS(mask));
    assert_true(case_run(&c, runs[op], scratch_reduce_sum));
    int64_t outs = tensor_count(y), position[RANK_MAX], strides[RANK_MAX];
    double *expected = malloc((size_t)(outs + 1) * sizeof *expected);
    for (int64_t i = 0; i < outs; i++)
        expected[i] = op == SUM ? 0 : op == PROD ? 1 : dtype == DTYPE_BOOL ? op == MIN : op == MAX ? -INFINITY : INFINITY;
    shape_strides(out_shape, strides);
    for (int64_t i = 0; i < tensor_count(x); i++) {
        int64_t at = 0;
        case_position(shape, i, position);
        for (int k = 0; k < shape.rank; k++) at += mask >> k & 1 ? 0 : position[k] * strides[k];
        expected[at] = combine(op, expected[at], tensor_number(x, i));
    }
    for (int64_t i = 0; i < outs && tensor_count(x) > 0; i++)
        if (dtype != DTYPE_I64 || op != PROD || fabs(expected[i]) < 1e15)
            assert_near(tensor_number(y, i), expected[i], dtype == DTYPE_F32 ? (op == PROD ? 3e-5 : 2e-6) : 1e-12);
    free(expected);
    case_free(&c);
}

static void reductions_along_all_axes(void **state) {
    (void)state;
    Shape shapes[] = {shape_scalar(),      SHAPE(5),          SHAPE(1023),        SHAPE(70001),   SHAPE(3, 4),
                      SHAPE(300, 7),       SHAPE(7, 300),     SHAPE(2, 2000),     SHAPE(2000, 2), SHAPE(5, 6, 7),
                      SHAPE(9, 1, 130, 3), SHAPE(3, 4, 5, 6), SHAPE(20, 30, 200), SHAPE(0, 3),    SHAPE(3, 0)};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (uint32_t mask = 0; mask < 1u << shapes[s].rank; mask++)
            for (int op = SUM; op <= MIN; op++)
                for (int dtype = DTYPE_BOOL; dtype <= DTYPE_F64; dtype++) check_reduction((Op)op, (DType)dtype, shapes[s], mask);
}

static void empty_and_nan_reductions(void **state) {
    (void)state;
    Case c = {0};
    case_input(&c, case_numbers(DTYPE_F32, SHAPE(2, 3), (double[]){1, NAN, 2, 3, 4, 5}));
    Tensor *y = case_output(&c, DTYPE_F32, SHAPE(2, 1));
    case_ints(&c, INTS(2));
    assert_true(case_run(&c, kernel_reduce_max, scratch_reduce_max));
    assert_true(isnan(tensor_number(y, 0)) && tensor_number(y, 1) == 5);
    case_free(&c);
    case_input(&c, case_numbers(DTYPE_F32, SHAPE(2, 0), NULL));
    y = case_output(&c, DTYPE_F32, SHAPE(2, 1));
    case_ints(&c, INTS(2));
    assert_true(case_run(&c, kernel_reduce_max, scratch_reduce_max));
    assert_true(tensor_number(y, 0) == -INFINITY && tensor_number(y, 1) == -INFINITY);
    case_free(&c);
}

static void places_of_the_largest(void **state) {
    (void)state;
    Case c = {0};
    case_input(&c, case_numbers(DTYPE_F32, SHAPE(2, 3, 2), (double[]){1, 9, 5, 9, 5, 2, 0, NAN, 7, 1, 8, NAN}));
    Tensor *y = case_output(&c, DTYPE_I64, SHAPE(2, 1, 2));
    case_ints(&c, INTS(1));
    assert_true(case_run(&c, kernel_argmax, NULL));
    assert_memory_equal(y->data, ((int64_t[]){1, 0, 2, 0}), 32);
    assert_true(case_run(&c, kernel_argmin, NULL));
    assert_memory_equal(y->data, ((int64_t[]){0, 2, 0, 0}), 32);
    case_free(&c);
    case_input(&c, case_values(DTYPE_F64, SHAPE(4, 0), 1));
    case_output(&c, DTYPE_I64, SHAPE(4, 1));
    case_ints(&c, INTS(1));
    assert_false(case_run(&c, kernel_argmax, NULL));
    assert_string_equal(c.fault.message, "the largest element of an empty axis has no place");
    case_free(&c);
}

static void running_sums(void **state) {
    (void)state;
    for (int axis = 0; axis < 3; axis++)
        for (int reverse = 0; reverse < 2; reverse++) {
            Case c = {0};
            Shape shape = SHAPE(5, 40, 70);
            Tensor *x = case_input(&c, case_values(DTYPE_F32, shape, 3)), *y = case_output(&c, DTYPE_F32, shape);
            case_ints(&c, INTS(axis, reverse));
            assert_true(case_run(&c, kernel_cumsum, NULL));
            int64_t strides[RANK_MAX], position[RANK_MAX];
            shape_strides(shape, strides);
            for (int64_t at = 0; at < tensor_count(x); at += 7) {
                case_position(shape, at, position);
                double sum = 0;
                for (int64_t k = 0; k < shape.dims[axis]; k++)
                    if (reverse ? k >= position[axis] : k <= position[axis])
                        sum += tensor_number(x, at + (k - position[axis]) * strides[axis]);
                assert_near(tensor_number(y, at), sum, 1e-6);
            }
            case_free(&c);
        }
}

static void fills(void **state) {
    (void)state;
    Case c = {0};
    case_input(&c, case_numbers(DTYPE_F32, SHAPE(2, 1, 2), (double[]){1, 2, 3, 4}));
    Tensor *y = case_output(&c, DTYPE_F32, SHAPE(2, 2, 2));
    assert_true(case_run(&c, kernel_broadcast, NULL));
    assert_memory_equal(y->data, ((float[]){1, 2, 1, 2, 3, 4, 3, 4}), 32);
    case_free(&c);
    case_input(&c, case_numbers(DTYPE_F64, SHAPE(4), (double[]){-1.7, 0, 2.9, 1e10}));
    y = case_output(&c, DTYPE_I64, SHAPE(4));
    assert_true(case_run(&c, kernel_cast, NULL));
    assert_memory_equal(y->data, ((int64_t[]){-1, 0, 2, 10000000000}), 32);
    case_free(&c);
    y = case_output(&c, DTYPE_F32, SHAPE(2, 300, 130));
    case_ints(&c, INTS(1));
    assert_true(case_run(&c, kernel_iota, NULL));
    for (int64_t i = 0; i < tensor_count(y); i++) assert_true(tensor_number(y, i) == (double)(i / 130 % 300));
    case_free(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_of_all_shapes),
        cmocka_unit_test(products_start_no_threads),
        cmocka_unit_test(reductions_along_all_axes),
        cmocka_unit_test(empty_and_nan_reductions),
        cmocka_unit_test(places_of_the_largest),
        cmocka_unit_test(running_sums),
        cmocka_unit_test(fills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
