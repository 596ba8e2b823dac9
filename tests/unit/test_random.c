/* Random kernels: the same streams as runtime/base/rng.h, the moments of their laws, the derivative of gamma samples. */
#include "runtime/base/rng.h"
#include "tests/unit/kernel_case.h"

#include <stdio.h>

enum { SEED = 7, STEP = 3, SITE = 11 };

static Case make_case(DType dtype, Shape out, Tensor *second) {
    Case c = {.int_count = 1, .ints = {SITE}};
    case_input(&c, case_numbers(DTYPE_I64, SHAPE(2), (double[]){SEED, STEP}));
    if (second) case_input(&c, second);
    case_output(&c, dtype, out);
    return c;
}

static double stream_number(DType dtype, bool normal, uint64_t index) {
    uint64_t key = rng_key(SEED, SITE);
    if (dtype == DTYPE_F32) return (double)(normal ? rng_normal_f32(key, STEP, index) : rng_uniform_f32(key, STEP, index));
    return normal ? rng_normal_f64(key, STEP, index) : rng_uniform_f64(key, STEP, index);
}

static void test_streams(void **state) {
    (void)state;
    static const int64_t COUNTS[] = {0, 1, 5, 31, 32, 255, 256, 257, 10007};
    for (size_t s = 0; s < sizeof COUNTS / sizeof COUNTS[0]; s++)
        for (int normal = 0; normal < 2; normal++)
            for (DType dtype = DTYPE_F32; dtype <= DTYPE_F64; dtype++) {
                Case c = make_case(dtype, SHAPE(COUNTS[s]), NULL);
                assert_true(case_run(&c, normal ? kernel_random_normal : kernel_random_uniform, NULL));
                for (int64_t i = 0; i < COUNTS[s]; i++)
                    assert_near(tensor_number(c.outputs[0], i), stream_number(dtype, normal, (uint64_t)i), normal ? 5e-6 : 0);
                case_free(&c);
            }
}

/* Row r is the piece of the stream that belongs to sample[r], whatever the batch around it. */
static void test_rows_follow_samples(void **state) {
    (void)state;
    static const int64_t INNERS[] = {1, 3, 40, 1000};
    for (size_t s = 0; s < sizeof INNERS / sizeof INNERS[0]; s++)
        for (int normal = 0; normal < 2; normal++)
            for (DType dtype = DTYPE_F32; dtype <= DTYPE_F64; dtype++) {
                int64_t inner = INNERS[s];
                Tensor *sample = case_indices(SHAPE(9), 50000, 2);
                Case c = make_case(dtype, SHAPE(9, inner), sample);
                assert_true(case_run(&c, normal ? kernel_random_normal : kernel_random_uniform, NULL));
                for (int64_t i = 0; i < 9 * inner; i++) {
                    uint64_t at = (uint64_t)(tensor_i64(sample)[i / inner] * inner + i % inner);
                    assert_near(tensor_number(c.outputs[0], i), stream_number(dtype, normal, at), normal ? 5e-6 : 0);
                }
                case_free(&c);
            }
}

static double moment(const Tensor *x, double centre, int power) {
    double sum = 0;
    for (int64_t i = 0; i < tensor_count(x); i++) sum += pow(tensor_number(x, i) - centre, power);
    return sum / (double)tensor_count(x);
}

static void test_moments(void **state) {
    (void)state;
    for (DType dtype = DTYPE_F32; dtype <= DTYPE_F64; dtype++) {
        Case u = make_case(dtype, SHAPE(1000, 400), NULL), n = make_case(dtype, SHAPE(1000, 400), NULL);
        assert_true(case_run(&u, kernel_random_uniform, NULL) && case_run(&n, kernel_random_normal, NULL));
        assert_near(moment(u.outputs[0], 0, 1), 0.5, 2e-3);
        assert_near(moment(u.outputs[0], 0.5, 2), 1.0 / 12, 1e-3);
        assert_near(moment(n.outputs[0], 0, 1), 0, 6e-3);
        assert_near(moment(n.outputs[0], 0, 2), 1, 6e-3);
        assert_near(moment(n.outputs[0], 0, 3), 0, 2e-2);
        assert_near(moment(n.outputs[0], 0, 4), 3, 2e-2);
        case_free(&u), case_free(&n);
    }
}

static void test_gamma_moments(void **state) {
    (void)state;
    static const double ALPHAS[] = {0.1, 0.5, 1, 3, 50};
    for (size_t k = 0; k < sizeof ALPHAS / sizeof ALPHAS[0]; k++)
        for (DType dtype = DTYPE_F32; dtype <= DTYPE_F64; dtype++) {
            Tensor *alpha = tensor_zeros(dtype, SHAPE(100000), NULL);
            for (int64_t i = 0; i < tensor_count(alpha); i++) tensor_set_number(alpha, i, ALPHAS[k]);
            Case c = make_case(dtype, alpha->shape, alpha);
            assert_true(case_run(&c, kernel_random_gamma, NULL));
            /* five standard errors: variance alpha; fourth central moment 3 alpha^2 + 6 alpha */
            assert_true(fabs(moment(c.outputs[0], 0, 1) - ALPHAS[k]) < 5 * sqrt(ALPHAS[k] / 1e5));
            assert_true(fabs(moment(c.outputs[0], ALPHAS[k], 2) - ALPHAS[k]) < 5 * sqrt((2 * ALPHAS[k] + 6) * ALPHAS[k] / 1e5));
            for (int64_t i = 0; i < tensor_count(alpha); i++) assert_true(tensor_number(c.outputs[0], i) > 0);
            case_free(&c);
        }
}

/* alpha, sample, d sample / d alpha: from 60-digit differences of the regularised incomplete gamma function. */
static const double DERIVATIVES[][3] = {
    {0.01, 1e-30, 6.8516667331952696e-27}, {0.3, 0.02, 0.254194302084589},     {0.3, 2.5, 3.8402241658189187},
    {1, 0.5, 0.80697911682531802},         {1, 6, 2.5142427633634748},         {2.5, 0.1, 0.14054979297366988},
    {2.5, 3.4, 1.241643080522404},         {2.5, 3.6, 1.2755885144571808},     {10, 4, 0.62080544700998478},
    {10, 25, 1.5522439909006024},          {100, 80, 0.89406066835618287},     {100, 102, 1.0116188836511833},
    {100, 140, 1.1796104604467822},        {1000, 1000.5, 1.0004166833342198}, {5000, 4900, 0.98996565651799178},
    {9999, 10300, 1.0149196226959605},     {10001, 10300, 1.0148186323715268}, {10001, 9700, 0.98481463093082836},
    {1e6, 1001000, 1.0005000001666001},
};
enum { DERIVATIVE_COUNT = sizeof DERIVATIVES / sizeof DERIVATIVES[0] };

static void test_gamma_derivative(void **state) {
    (void)state;
    for (DType dtype = DTYPE_F32; dtype <= DTYPE_F64; dtype++) {
        Case c = {0};
        Tensor *alpha = case_input(&c, tensor_zeros(dtype, SHAPE(DERIVATIVE_COUNT), NULL));
        Tensor *sample = case_input(&c, tensor_zeros(dtype, alpha->shape, NULL)), *out = case_output(&c, dtype, alpha->shape);
        for (int64_t i = 0; i < DERIVATIVE_COUNT; i++) {
            tensor_set_number(alpha, i, DERIVATIVES[i][0]);
            tensor_set_number(sample, i, DERIVATIVES[i][1]);
        }
        assert_true(case_run(&c, kernel_gamma_derivative, NULL));
        for (int64_t i = 0; i < DERIVATIVE_COUNT; i++) {
            double error = fabs(tensor_number(out, i) / DERIVATIVES[i][2] - 1);
            if (!(error < (dtype == DTYPE_F32 ? 1e-5 : 1e-9)))
                fail_msg("alpha %g sample %g: %.17g, relative error %g", DERIVATIVES[i][0], DERIVATIVES[i][1], tensor_number(out, i),
                         error);
        }
        case_free(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),       cmocka_unit_test(test_rows_follow_samples), cmocka_unit_test(test_moments),
        cmocka_unit_test(test_gamma_moments), cmocka_unit_test(test_gamma_derivative),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
