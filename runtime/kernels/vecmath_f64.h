/* Double precision part of vecmath.h. */
#ifndef REG_KERNELS_VECMATH_F64_H
#define REG_KERNELS_VECMATH_F64_H

#include "runtime/kernels/special.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Always inlined: a call would keep the loop around it from being vectorised. */
#define VM_INLINE static inline __attribute__((always_inline))

#ifdef __FMA__
#define VM_FMA_F64(a, b, c) __builtin_fma(a, b, c)
#define VM_FMA_F32(a, b, c) __builtin_fmaf(a, b, c)
#else
#define VM_FMA_F64(a, b, c) ((a) * (b) + (c))
#define VM_FMA_F32(a, b, c) ((a) * (b) + (c))
#endif

#define VM(name) name##_f64
#define VM_T double
#define VM_INT int64_t
#define VM_UINT uint64_t
#define VM_FMA VM_FMA_F64
#define VM_FLOOR __builtin_floor
#define VM_CEIL __builtin_ceil
#define VM_RINT __builtin_rint
#define VM_SQRT __builtin_sqrt
#define VM_EPSILON 0x1p-52
#define VM_MANTISSA 52
#define VM_BIAS 1023
#define VM_MAGIC 0x1.8p52               /* adding it rounds to an integer, found in the low bits */
#define VM_ONE_BITS 0x4330000000000000u /* the bits of 2^52: or an integer in, subtract 2^52 */
#define VM_SQRT_HALF_BITS 0x3fe6a09e667f3bcdu
#define VM_LOG2E 0x1.71547652b82fep0
#define VM_LN2_HI 0x1.62e42fefa38p-1 /* last 11 bits zero: times an exponent it is exact */
#define VM_LN2_LO 0x1.ef35793c7673p-45
#define VM_EXP_LOWEST -746.0
#define VM_EXP_HIGHEST 710.0
#define VM_EXPM1_LOWEST -40.0
#define VM_TANH_HIGHEST 20.0
#define VM_TINY 0x1p-900
#define VM_SMALLEST_NORMAL 0x1p-1022

/* (e^r - 1 - r) / r^2 for |r| <= log(2) / 2, relative error in e^r - 1 below 2^-59. */
VM_INLINE double vm_exp_tail_f64(double r) {
    double p = 2.0875306491547578e-09;
    p = VM_FMA_F64(p, r, 2.5109626281934554e-08);
    p = VM_FMA_F64(p, r, 2.7557404575542272e-07);
    p = VM_FMA_F64(p, r, 2.7557242660868881e-06);
    p = VM_FMA_F64(p, r, 2.4801587168055481e-05);
    p = VM_FMA_F64(p, r, 0.00019841269887509207);
    p = VM_FMA_F64(p, r, 0.0013888888888965788);
    p = VM_FMA_F64(p, r, 0.008333333333321152);
    p = VM_FMA_F64(p, r, 0.041666666666666498);
    p = VM_FMA_F64(p, r, 0.16666666666666677);
    return VM_FMA_F64(p, r, 0.5);
}

/* log(1 + f) - f for sqrt(1/2) <= 1 + f <= sqrt(2), plus `small`: with s = f / (2 + f), log(1 + f) = 2 atanh(s). */
VM_INLINE double vm_log_tail_f64(double f, double small) {
    double s = f / (2 + f), z = s * s, half = 0.5 * f * f;
    double p = 0.14797515765495242;
    p = VM_FMA_F64(p, z, 0.15313902372701194);
    p = VM_FMA_F64(p, z, 0.18183569777384154);
    p = VM_FMA_F64(p, z, 0.22222198475176327);
    p = VM_FMA_F64(p, z, 0.28571428743271754);
    p = VM_FMA_F64(p, z, 0.39999999999411046);
    p = VM_FMA_F64(p, z, 0.66666666666667351);
    return VM_FMA_F64(s, VM_FMA_F64(p, z, half), small) - half;
}

#include "runtime/kernels/vecmath_body.h"

typedef struct VmAngle {
    double r;          /* angle - quadrant * pi / 2, |r| <= pi / 4 */
    uint64_t quadrant; /* its low two bits are meaningful */
} VmAngle;

/* From 2^50 on, where the next double is a quarter turn away or more, angles count as whole turns. */
VM_INLINE VmAngle vm_reduce_angle(double x) {
    x = vm_abs_f64(x) < 0x1p50 ? x : x * 0; /* keeps NaN, makes infinity NaN */
    double shifted = VM_FMA_F64(x, 0x1.45f306dc9c883p-1, VM_MAGIC), n = shifted - VM_MAGIC;
#ifdef __FMA__
    double r = VM_FMA_F64(-n, 0x1.921fb54442d18p0, x); /* pi / 2 in three pieces */
    r = VM_FMA_F64(-n, 0x1.1a62633145c07p-54, r);
    r = VM_FMA_F64(-n, -0x1.f1976b7ed8fbcp-110, r);
#else
    double r = x - n * 0x1.921fb544p0; /* 33 bits each, so that n times a piece is exact */
    r = r - n * 0x1.0b4611a6p-34;
    r = r - n * 0x1.3198a2e037073p-69;
#endif
    return (VmAngle){r, vm_bits_f64(shifted)};
}

VM_INLINE double vm_sin_core_f64(double r) {
    double z = r * r, p = 1.589666517558722e-10;
    p = VM_FMA_F64(p, z, -2.5050755935841058e-08);
    p = VM_FMA_F64(p, z, 2.7557313678480423e-06);
    p = VM_FMA_F64(p, z, -0.00019841269829770544);
    p = VM_FMA_F64(p, z, 0.0083333333333223698);
    p = VM_FMA_F64(p, z, -0.16666666666666632);
    return VM_FMA_F64(p * z, r, r);
}

VM_INLINE double vm_cos_core_f64(double r) {
    double z = r * r, p = -1.1359557523312111e-11;
    p = VM_FMA_F64(p, z, 2.0875721585724287e-09);
    p = VM_FMA_F64(p, z, -2.7557314340351945e-07);
    p = VM_FMA_F64(p, z, 2.4801587289442292e-05);
    p = VM_FMA_F64(p, z, -0.0013888888888874062);
    p = VM_FMA_F64(p, z, 0.041666666666666602);
    double half = 0.5 * z, rest = 1 - half; /* 1 - z/2 with its rounding error put back */
    return rest + VM_FMA_F64(p * z, z, (1 - rest) - half);
}

VM_INLINE double vm_turn_f64(VmAngle angle, uint64_t turns) {
    uint64_t quadrant = angle.quadrant + turns;
    double sine = vm_sin_core_f64(angle.r), cosine = vm_cos_core_f64(angle.r);
    double value = (quadrant & 1) != 0 ? cosine : sine;
    return vm_from_bits_f64(vm_bits_f64(value) ^ ((quadrant & 2) << 62));
}

VM_INLINE double r_sin_f64(double x) {
    double value = vm_turn_f64(vm_reduce_angle(x), 0);
    return x == 0 ? x : value;
}
VM_INLINE double r_cos_f64(double x) { return vm_turn_f64(vm_reduce_angle(x), 1); }

VM_INLINE double r_tan_f64(double x) {
    VmAngle angle = vm_reduce_angle(x);
    double sine = vm_sin_core_f64(angle.r), cosine = vm_cos_core_f64(angle.r);
    int odd = (angle.quadrant & 1) != 0;
    double value = (odd ? -cosine : sine) / (odd ? sine : cosine);
    return x == 0 ? x : value;
}

VM_INLINE double r_asin_f64(double x) { return asin(x); }
VM_INLINE double r_acos_f64(double x) { return acos(x); }
VM_INLINE double r_atan_f64(double x) { return atan(x); }
VM_INLINE double r_sinh_f64(double x) { return sinh(x); }
VM_INLINE double r_cosh_f64(double x) { return cosh(x); }
VM_INLINE double r_asinh_f64(double x) { return asinh(x); }
VM_INLINE double r_acosh_f64(double x) { return acosh(x); }
VM_INLINE double r_atanh_f64(double x) { return atanh(x); }
VM_INLINE double r_erf_f64(double x) { return erf(x); }
VM_INLINE double r_erfc_f64(double x) { return erfc(x); }
VM_INLINE double r_erfinv_f64(double x) { return special_erfinv(x); }
VM_INLINE double r_lgamma_f64(double x) { return special_lgamma(x); }
VM_INLINE double r_polygamma_f64(double order, double x) { return special_polygamma(order, x); }
VM_INLINE double r_pow_f64(double x, double y) { return pow(x, y); }
VM_INLINE double r_atan2_f64(double y, double x) { return atan2(y, x); }

/* The exact quotient may lie just below an integer to which a / b rounds: then the remainder has the wrong sign, and one step
 * mends both. */
VM_INLINE double vm_remainder_f64(double a, double b) {
    double q = __builtin_floor(a / b), rest = VM_FMA_F64(-q, b, a);
    rest = q == 0 ? a : rest;
    rest = (b > 0) & (rest < 0) ? rest + b : rest;
    rest = (b < 0) & (rest > 0) ? rest + b : rest;
    rest = (b > 0) & (rest >= b) ? rest - b : rest;
    return (b < 0) & (rest <= b) ? rest - b : rest;
}
VM_INLINE double r_mod_f64(double a, double b) { return vm_remainder_f64(a, b); }
VM_INLINE double r_floor_div_f64(double a, double b) {
    double q = __builtin_floor(a / b), rest = VM_FMA_F64(-q, b, a);
    return ((b > 0) & (rest < 0)) | ((b < 0) & (rest > 0)) ? q - 1 : q;
}

#undef VM
#undef VM_T
#undef VM_INT
#undef VM_UINT
#undef VM_FMA
#undef VM_FLOOR
#undef VM_CEIL
#undef VM_RINT
#undef VM_SQRT
#undef VM_EPSILON
#undef VM_MANTISSA
#undef VM_BIAS
#undef VM_MAGIC
#undef VM_ONE_BITS
#undef VM_SQRT_HALF_BITS
#undef VM_LOG2E
#undef VM_LN2_HI
#undef VM_LN2_LO
#undef VM_EXP_LOWEST
#undef VM_EXP_HIGHEST
#undef VM_EXPM1_LOWEST
#undef VM_TANH_HIGHEST
#undef VM_TINY
#undef VM_SMALLEST_NORMAL

#endif
