/* Every elementwise function against long double over wide random and special arguments, on each instruction set that this
 * processor has; and every (op, dtype) pair against a plain loop. Bounds in units in the last place are those of vecmath.h. */
#include "runtime/exec/elementwise.h"
#include "runtime/kernels/special.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef long double Exact;

static Exact exact_sigmoid(Exact x) { return x >= 0 ? 1 / (1 + expl(-x)) : expl(x) / (1 + expl(x)); }
static Exact exact_softplus(Exact x) { return x > 0 ? x + log1pl(expl(-x)) : log1pl(expl(x)); }
static Exact exact_rsqrt(Exact x) { return 1 / sqrtl(x); }

typedef struct Function {
    ElementwiseCode code;
    Exact (*exact)(Exact);
    double low, high;        /* arguments are drawn from here, at all magnitudes */
    double ulp_f32, ulp_f64; /* with fused multiply-add; without, 0.8 more */
} Function;

static const Function functions[] = {
    {ELEMENTWISE_EXP, expl, -110, 95, 1.1, 1.0},
    {ELEMENTWISE_EXPM1, expm1l, -30, 95, 1.6, 1.9},
    {ELEMENTWISE_LOG, logl, 0, 1e30, 0.9, 0.9},
    {ELEMENTWISE_LOG, logl, 0.5, 2, 0.9, 0.9},
    {ELEMENTWISE_LOG1P, log1pl, -1, 5, 1.5, 1.4},
    {ELEMENTWISE_LOG1P, log1pl, -1, 1e20, 1.5, 1.4},
    {ELEMENTWISE_SQRT, sqrtl, 0, 1e30, 0.501, 0.501},
    {ELEMENTWISE_RSQRT, exact_rsqrt, 0, 1e30, 1.6, 1.6},
    {ELEMENTWISE_SIN, sinl, -10, 10, 1.5, 1.5},
    {ELEMENTWISE_SIN, sinl, -1e5, 1e5, 1.5, 1.5},
    {ELEMENTWISE_COS, cosl, -10, 10, 1.5, 1.5},
    {ELEMENTWISE_COS, cosl, -1e5, 1e5, 1.5, 1.5},
    {ELEMENTWISE_TAN, tanl, -10, 10, 0.6, 2.7},
    {ELEMENTWISE_TANH, tanhl, -11, 11, 1.8, 1.9},
    {ELEMENTWISE_SIGMOID, exact_sigmoid, -110, 110, 1.5, 1.5},
    {ELEMENTWISE_SOFTPLUS, exact_softplus, -110, 110, 1.7, 1.7},
    {ELEMENTWISE_ERF, erfl, -5, 5, 1.1, 2},
    {ELEMENTWISE_ERFC, erfcl, -5, 9, 0.6, 3.2},
    {ELEMENTWISE_SINH, sinhl, -88, 88, 0.6, 2},
    {ELEMENTWISE_COSH, coshl, -88, 88, 0.6, 2},
    {ELEMENTWISE_ASINH, asinhl, -1e5, 1e5, 0.6, 2},
    {ELEMENTWISE_ACOSH, acoshl, 1, 30, 0.6, 2},
    {ELEMENTWISE_ATANH, atanhl, -1, 1, 0.6, 2},
    {ELEMENTWISE_ASIN, asinl, -1, 1, 1, 1},
    {ELEMENTWISE_ACOS, acosl, -1, 1, 1, 1},
    {ELEMENTWISE_ATAN, atanl, -50, 50, 0.6, 1},
    {ELEMENTWISE_LGAMMA, lgammal, 3, 60, 0.6, 2.3},
    {ELEMENTWISE_FLOOR, floorl, -100, 100, 0, 0},
    {ELEMENTWISE_CEIL, ceill, -100, 100, 0, 0},
    {ELEMENTWISE_ROUND, rintl, -100, 100, 0, 0},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions, COUNT = 2000, ROUNDS = 12 };

static double uniform(void) { return (rand() + rand() / 2147483648.0) / 2147483648.0; }

static double argument(const Function *function, int round) {
    double x = function->low + (function->high - function->low) * uniform();
    if (function->code == ELEMENTWISE_ACOSH) return round % 2 ? x : 1 + (x - 1) * ldexp(1, -(int)(20 * uniform()));
    if (round % 3 == 1) x *= ldexp(1, -(int)(60 * uniform()));
    return x < function->low ? function->low : x;
}

static double error_f32(float value, Exact exact) {
    float rounded = (float)exact;
    if (!isfinite(rounded) || !isfinite(value))
        return (isnan(rounded) && isnan(value)) || rounded == value || fabsl(exact) > 3.4028e38L ? 0 : INFINITY;
    return (double)fabsl((Exact)value - exact) / (double)(nextafterf(fabsf(rounded), INFINITY) - fabsf(rounded));
}

static double error_f64(double value, Exact exact) {
    double rounded = (double)exact;
    if (!isfinite(rounded) || !isfinite(value)) return (isnan(rounded) && isnan(value)) || rounded == value ? 0 : INFINITY;
    return (double)fabsl((Exact)value - exact) / (nextafter(fabs(rounded), INFINITY) - fabs(rounded));
}

static void check_function(const ElementwiseTable *table, const Function *function, double allowance) {
    static float x32[COUNT], y32[COUNT];
    static double x64[COUNT], y64[COUNT];
    double worst32 = 0, worst64 = 0;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < COUNT; i++) x32[i] = (float)(x64[i] = argument(function, round));
        table->functions[function->code][DTYPE_F32](y32, x32, NULL, NULL, COUNT);
        table->functions[function->code][DTYPE_F64](y64, x64, NULL, NULL, COUNT);
        for (int i = 0; i < COUNT; i++) {
            worst32 = fmax(worst32, error_f32(y32[i], function->exact(x32[i])));
            worst64 = fmax(worst64, error_f64(y64[i], function->exact(x64[i])));
        }
    }
    if (worst32 > function->ulp_f32 + allowance || worst64 > function->ulp_f64 + allowance)
        fail_msg("%s: %.3f ulp in f32 (at most %.3f), %.3f in f64 (at most %.3f)", elementwise_info[function->code].name, worst32,
                 function->ulp_f32 + allowance, worst64, function->ulp_f64 + allowance);
}

static void functions_are_within_their_bounds(void **state) {
    (void)state;
    for (int level = 1; level <= 4; level++) {
        const ElementwiseTable *table = level == 2 ? NULL : elementwise_table_level(level);
        for (int i = 0; table != NULL && i < FUNCTIONS; i++) check_function(table, &functions[i], level == 1 ? 0.8 : 0);
    }
}

static void check_special(const ElementwiseTable *table, const Function *function) {
    static const double values[] = {0.0, -0.0, INFINITY, -INFINITY, NAN, 1e-40, -1e-40, 1e-45, 1, -1, 3e38, -3e38, 0.5, 88.7, -100};
    enum { VALUES = sizeof values / sizeof *values };
    bool is_circular = function->code == ELEMENTWISE_SIN || function->code == ELEMENTWISE_COS || function->code == ELEMENTWISE_TAN;
    float x[VALUES], y[VALUES];
    for (int i = 0; i < VALUES; i++) x[i] = (float)values[i];
    table->functions[function->code][DTYPE_F32](y, x, NULL, NULL, VALUES);
    for (int i = 0; i < VALUES; i++) {
        float expected = (float)function->exact(x[i]);
        if (is_circular && isfinite(x[i]) && fabsf(x[i]) > 1e15f) assert_true(fabsf(y[i]) <= 1);
        else if (isnan(expected) ? !isnan(y[i])
                                 : fabs((double)y[i] - (double)expected) > 3e-7 * fabs((double)expected) + 1.5e-45 ||
                                       (expected == 0 && signbit(expected) != signbit(y[i])))
            fail_msg("%s(%g) is %g, not %g", elementwise_info[function->code].name, (double)x[i], (double)y[i], (double)expected);
    }
}

static void special_arguments_are_as_in_annex_f(void **state) {
    (void)state;
    for (int level = 1; level <= 4; level++) {
        const ElementwiseTable *table = level == 2 ? NULL : elementwise_table_level(level);
        for (int i = 0; table != NULL && i < FUNCTIONS; i++) check_special(table, &functions[i]);
    }
}

/* With fused multiply-add the bits do not depend on the width of the vectors. */
static void levels_3_and_4_agree(void **state) {
    (void)state;
    const ElementwiseTable *three = elementwise_table_level(3), *four = elementwise_table_level(4);
    if (three == NULL || four == NULL) skip();
    static float x[COUNT], a[COUNT], b[COUNT];
    for (int i = 0; i < FUNCTIONS; i++) {
        for (int k = 0; k < COUNT; k++) x[k] = (float)argument(&functions[i], k);
        three->functions[functions[i].code][DTYPE_F32](a, x, NULL, NULL, COUNT);
        four->functions[functions[i].code][DTYPE_F32](b, x, NULL, NULL, COUNT);
        for (int k = 0; k < COUNT; k++) assert_true(memcmp(&a[k], &b[k], sizeof a[k]) == 0 || (isnan(a[k]) && isnan(b[k])));
    }
}

static void powers_follow_the_library(void **state) {
    (void)state;
    static const float bases[] = {0, -0.0f, 1, -1, 2, -2, 0.5f, -0.5f, INFINITY, -INFINITY, 1e30f, 1e-40f, 3.7f, -8};
    static const float exponents[] = {0, 1, -1, 2, 3, -3, 0.5f, -0.5f, 1.0f / 3, INFINITY, -INFINITY, 1e9f, 7, 2.5f};
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++)
        for (size_t k = 0; k < sizeof exponents / sizeof *exponents; k++) {
            float value, expected = (float)pow((double)bases[i], (double)exponents[k]);
            elementwise_table()->functions[ELEMENTWISE_POW][DTYPE_F32](&value, &bases[i], &exponents[k], NULL, 1);
            if (isnan(expected) ? !isnan(value) : value != expected && fabsf(value - expected) > 2e-7f * fabsf(expected))
                fail_msg("pow(%g, %g) is %g, not %g", (double)bases[i], (double)exponents[k], (double)value, (double)expected);
        }
}

static void whole_numbers_divide_downwards(void **state) {
    (void)state;
    int64_t a[] = {7, -7, 7, -7, 5, INT64_MIN, INT64_MIN, 0}, b[] = {2, 2, -2, -2, 0, -1, 1, 3}, quotient[8], rest[8];
    int64_t quotients[] = {3, -4, -4, 3, 0, INT64_MIN, INT64_MIN, 0}, rests[] = {1, 1, -1, -1, 5, 0, 0, 0};
    elementwise_table()->functions[ELEMENTWISE_FLOOR_DIV][DTYPE_I64](quotient, a, b, NULL, 8);
    elementwise_table()->functions[ELEMENTWISE_MOD][DTYPE_I64](rest, a, b, NULL, 8);
    assert_memory_equal(quotient, quotients, sizeof quotient);
    assert_memory_equal(rest, rests, sizeof rest);
}

static void float_remainders_have_the_divisors_sign(void **state) {
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        float a = (float)(2000 * uniform() - 1000), b = (float)(20 * uniform() - 10), rest;
        elementwise_table()->functions[ELEMENTWISE_MOD][DTYPE_F32](&rest, &a, &b, NULL, 1);
        double expected = fmod((double)a, (double)b);
        expected += expected != 0 && (expected < 0) != (b < 0) ? (double)b : 0;
        assert_true(fabs((double)rest - expected) <= 1e-5);
    }
}

static void nan_wins_over_numbers(void **state) {
    (void)state;
    float a[] = {1, NAN, 2, NAN}, b[] = {NAN, 1, 3, NAN}, y[4];
    elementwise_table()->functions[ELEMENTWISE_MAX][DTYPE_F32](y, a, b, NULL, 4);
    assert_true(isnan(y[0]) && isnan(y[1]) && y[2] == 3 && isnan(y[3]));
    elementwise_table()->functions[ELEMENTWISE_MIN][DTYPE_F32](y, a, b, NULL, 4);
    assert_true(isnan(y[0]) && isnan(y[1]) && y[2] == 2 && isnan(y[3]));
    elementwise_table()->functions[ELEMENTWISE_RELU][DTYPE_F32](y, a, NULL, NULL, 4);
    assert_true(y[0] == 1 && isnan(y[1]));
}

static void special_functions_have_known_values(void **state) {
    (void)state;
    assert_true(fabs(special_polygamma(0, 1) + 0.57721566490153286) < 1e-15);
    assert_true(fabs(special_polygamma(0, -1.5) - 0.70315664064524319) < 1e-14);
    assert_true(fabs(special_polygamma(1, 1) - 1.6449340668482264) < 1e-14);
    assert_true(fabs(special_polygamma(3, -1.5) - 194.594276219188) < 1e-10);
    assert_true(fabs(special_polygamma(2, 0.1) + 2001.8614573783441) < 1e-9);
    assert_true(fabs(special_erfinv(1 - 0x1p-53) - 5.8635847487551679) < 1e-14);
    for (double x = -0.999; x < 1; x += 0.01) assert_true(fabs(erf(special_erfinv(x)) - x) < 3e-16);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_are_within_their_bounds),
        cmocka_unit_test(special_arguments_are_as_in_annex_f),
        cmocka_unit_test(levels_3_and_4_agree),
        cmocka_unit_test(powers_follow_the_library),
        cmocka_unit_test(whole_numbers_divide_downwards),
        cmocka_unit_test(float_remainders_have_the_divisors_sign),
        cmocka_unit_test(nan_wins_over_numbers),
        cmocka_unit_test(special_functions_have_known_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
