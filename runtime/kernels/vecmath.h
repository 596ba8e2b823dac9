/* The r_* functions that the value texts of runtime/elementwise.def use, for float and double.
 *
 * Straight-line code, so that gcc vectorises a loop over any of them (built with -O3 -fno-trapping-math -fno-math-errno).
 * Infinities, NaN, signed zeros, subnormal arguments and subnormal results are as in C's Annex F. Where a function is not hot
 * the C library's scalar function is called. With FMA (x86-64-v3 and up) all instruction sets give the same bits.
 *
 * Largest error in units in the last place, measured against long double over random arguments of all magnitudes (tests/unit/test_exec.c
 * holds the functions to these bounds; without FMA up to 0.8 more, and sin, cos and tan only for |a| < 2^20):
 *   f32: exp 1.1, expm1 1.6, log 0.9, log1p 1.5, sin cos 1.5, tan sinh cosh asinh acosh atan atanh pow 0.6, tanh 1.8, sigmoid 1.5,
 *        softplus 1.7, erf 1.1
 *   f64: exp 1.0, expm1 1.9, log 0.9, log1p 1.4, sin cos 1.5, tan 2.7, tanh 1.9, sigmoid 1.5, softplus 1.7, erfinv 1.5; the others
 *        are the C library's (erfc 3, lgamma 2.2 away from its zeros, the rest below 2). */
#ifndef REG_KERNELS_VECMATH_H
#define REG_KERNELS_VECMATH_H

#include "runtime/kernels/vecmath_f64.h"
#include "runtime/kernels/vecmath_f32.h"

#define R_UNARY(name, x) _Generic((x), float : name##_f32, double : name##_f64)(x)
#define R_BINARY(name, x, y) _Generic((y), float : name##_f32, double : name##_f64, int64_t : name##_i64)(x, y)
#define R_FLOATS(name, x, y) _Generic((y), float : name##_f32, double : name##_f64)(x, y)

#define r_floor(x) R_UNARY(r_floor, x)
#define r_ceil(x) R_UNARY(r_ceil, x)
#define r_rint(x) R_UNARY(r_rint, x)
#define r_sqrt(x) R_UNARY(r_sqrt, x)
#define r_exp(x) R_UNARY(r_exp, x)
#define r_expm1(x) R_UNARY(r_expm1, x)
#define r_log(x) R_UNARY(r_log, x)
#define r_log1p(x) R_UNARY(r_log1p, x)
#define r_sin(x) R_UNARY(r_sin, x)
#define r_cos(x) R_UNARY(r_cos, x)
#define r_tan(x) R_UNARY(r_tan, x)
#define r_asin(x) R_UNARY(r_asin, x)
#define r_acos(x) R_UNARY(r_acos, x)
#define r_atan(x) R_UNARY(r_atan, x)
#define r_sinh(x) R_UNARY(r_sinh, x)
#define r_cosh(x) R_UNARY(r_cosh, x)
#define r_tanh(x) R_UNARY(r_tanh, x)
#define r_asinh(x) R_UNARY(r_asinh, x)
#define r_acosh(x) R_UNARY(r_acosh, x)
#define r_atanh(x) R_UNARY(r_atanh, x)
#define r_erf(x) R_UNARY(r_erf, x)
#define r_erfc(x) R_UNARY(r_erfc, x)
#define r_erfinv(x) R_UNARY(r_erfinv, x)
#define r_lgamma(x) R_UNARY(r_lgamma, x)
#define r_sigmoid(x) R_UNARY(r_sigmoid, x)
#define r_softplus(x) R_UNARY(r_softplus, x)
#define r_polygamma(n, x) R_FLOATS(r_polygamma, n, x)
#define r_pow(x, y) R_FLOATS(r_pow, x, y)
#define r_atan2(y, x) R_FLOATS(r_atan2, y, x)
#define r_max(x, y) R_BINARY(r_max, x, y)
#define r_min(x, y) R_BINARY(r_min, x, y)
#define r_floor_div(x, y) R_BINARY(r_floor_div, x, y)
#define r_mod(x, y) R_BINARY(r_mod, x, y)

VM_INLINE int64_t r_max_i64(int64_t a, int64_t b) { return a > b ? a : b; }
VM_INLINE int64_t r_min_i64(int64_t a, int64_t b) { return a < b ? a : b; }

/* Division by 0 gives 0; the smallest integer over -1 wraps. */
VM_INLINE int64_t r_floor_div_i64(int64_t a, int64_t b) {
    int64_t divisor = b == 0 || b == -1 ? 1 : b;
    int64_t quotient = a / divisor;
    quotient -= (a % divisor != 0) & ((a < 0) != (divisor < 0));
    return b == 0 ? 0 : b == -1 ? (int64_t)(0 - (uint64_t)a) : quotient;
}

VM_INLINE int64_t r_mod_i64(int64_t a, int64_t b) { return (int64_t)((uint64_t)a - (uint64_t)b * (uint64_t)r_floor_div_i64(a, b)); }

#endif
