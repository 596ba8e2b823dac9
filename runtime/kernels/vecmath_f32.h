/* Single precision part of vecmath.h. Angles, powers and the less common hyperbolic functions pass through double. */
#ifndef REG_KERNELS_VECMATH_F32_H
#define REG_KERNELS_VECMATH_F32_H

#include "runtime/kernels/vecmath_f64.h"

#define VM(name) name##_f32
#define VM_T float
#define VM_INT int32_t
#define VM_UINT uint32_t
#define VM_FMA VM_FMA_F32
#define VM_FLOOR __builtin_floorf
#define VM_CEIL __builtin_ceilf
#define VM_RINT __builtin_rintf
#define VM_SQRT __builtin_sqrtf
#define VM_EPSILON 0x1p-23f
#define VM_MANTISSA 23
#define VM_BIAS 127
#define VM_MAGIC 0x1.8p23f
#define VM_ONE_BITS 0x4b000000u
#define VM_SQRT_HALF_BITS 0x3f3504f3u
#define VM_LOG2E 0x1.715476p0f
#define VM_LN2_HI 0x1.62e4p-1f
#define VM_LN2_LO 0x1.7f7d1cp-20f
#define VM_EXP_LOWEST -104.0f
#define VM_EXP_HIGHEST 89.0f
#define VM_EXPM1_LOWEST -18.0f
#define VM_TANH_HIGHEST 10.0f
#define VM_TINY 0x1p-100f
#define VM_SMALLEST_NORMAL 0x1p-126f

/* (e^r - 1 - r) / r^2 for |r| <= log(2) / 2, relative error in e^r - 1 below 2^-25. */
VM_INLINE float vm_exp_tail_f32(float r) {
    float p = 0.00138824352f;
    p = VM_FMA_F32(p, r, 0.00836689863f);
    p = VM_FMA_F32(p, r, 0.0416672118f);
    p = VM_FMA_F32(p, r, 0.166665405f);
    return VM_FMA_F32(p, r, 0.49999997f);
}

/* log(1 + f) - f for sqrt(1/2) <= 1 + f <= sqrt(2), plus `small`. */
VM_INLINE float vm_log_tail_f32(float f, float small) {
    float p = -0.076341033f, square = f * f;
    p = VM_FMA_F32(p, f, 0.127614185f);
    p = VM_FMA_F32(p, f, -0.13160257f);
    p = VM_FMA_F32(p, f, 0.142017841f);
    p = VM_FMA_F32(p, f, -0.166233525f);
    p = VM_FMA_F32(p, f, 0.200012252f);
    p = VM_FMA_F32(p, f, -0.250008225f);
    p = VM_FMA_F32(p, f, 0.333333313f);
    return VM_FMA_F32(square, VM_FMA_F32(p, f, -0.5f), small);
}

#include "runtime/kernels/vecmath_body.h"

typedef struct VmAngleF32 {
    float r;
    uint32_t quadrant;
} VmAngleF32;

VM_INLINE VmAngleF32 vm_reduce_angle_f32(float x) {
    VmAngle angle = vm_reduce_angle(x);
    return (VmAngleF32){(float)angle.r, (uint32_t)angle.quadrant};
}

VM_INLINE float vm_sin_core_f32(float r) {
    float z = r * r, p = VM_FMA_F32(-0.00019516972f, z, 0.00833217613f);
    p = VM_FMA_F32(p, z, -0.166666552f);
    return VM_FMA_F32(p * z, r, r);
}

VM_INLINE float vm_cos_core_f32(float r) {
    float z = r * r, p = VM_FMA_F32(2.44380808e-05f, z, -0.00138873642f);
    p = VM_FMA_F32(p, z, 0.0416666456f);
    float half = 0.5f * z, rest = 1 - half;
    return rest + VM_FMA_F32(p * z, z, (1 - rest) - half);
}

VM_INLINE float vm_turn_f32(VmAngleF32 angle, uint32_t turns) {
    uint32_t quadrant = angle.quadrant + turns;
    float sine = vm_sin_core_f32(angle.r), cosine = vm_cos_core_f32(angle.r);
    float value = (quadrant & 1) != 0 ? cosine : sine;
    return vm_from_bits_f32(vm_bits_f32(value) ^ ((quadrant & 2) << 30));
}

VM_INLINE float r_sin_f32(float x) {
    float value = vm_turn_f32(vm_reduce_angle_f32(x), 0);
    return x == 0 ? x : value;
}
VM_INLINE float r_cos_f32(float x) { return vm_turn_f32(vm_reduce_angle_f32(x), 1); }

VM_INLINE float r_tan_f32(float x) { return (float)r_tan_f64(x); }

/* After N. Juffa: an odd polynomial in the middle, 1 - exp(polynomial) beyond. */
VM_INLINE float r_erf_f32(float x) {
    float t = vm_abs_f32(x), s = x * x;
    float q = VM_FMA_F32(-1.72853470e-5f, t, 3.83197126e-4f);
    float u = VM_FMA_F32(-3.88396438e-3f, t, 2.42546219e-2f);
    t = t > 10 ? 10 : t;
    q = VM_FMA_F32(q, s, u);
    q = VM_FMA_F32(q, t, -1.06777877e-1f);
    q = VM_FMA_F32(q, t, -6.34846687e-1f);
    q = VM_FMA_F32(q, t, -1.28717512e-1f);
    q = VM_FMA_F32(q, t, -t);
    float outer = vm_copy_sign_f32(1 - r_exp_f32(q), x);
    float p = VM_FMA_F32(-5.96761703e-4f, s, 4.99119423e-3f);
    p = VM_FMA_F32(p, s, -2.67681349e-2f);
    p = VM_FMA_F32(p, s, 1.12819925e-1f);
    p = VM_FMA_F32(p, s, -3.76125336e-1f);
    p = VM_FMA_F32(p, s, 1.28379166e-1f);
    float inner = VM_FMA_F32(p, x, x);
    outer = t > 3.9f ? vm_copy_sign_f32(1, x) : outer;
    return t > 0.927734375f ? outer : inner;
}

VM_INLINE float r_sinh_f32(float x) {
    float size = vm_abs_f32(x);
    double t = r_expm1_f64(size > 100 ? 100 : size); /* infinite in float, finite in double */
    return vm_copy_sign_f32((float)(0.5 * (t + t / (t + 1))), x);
}
VM_INLINE float r_cosh_f32(float x) {
    double e = r_exp_f64(vm_abs_f32(x));
    return (float)(0.5 * (e + 1 / e));
}
VM_INLINE float r_asinh_f32(float x) {
    double t = vm_abs_f32(x);
    double value = r_log1p_f64(t + t * t / (1 + __builtin_sqrt(1 + t * t)));
    return vm_copy_sign_f32(t < (double)INFINITY ? (float)value : (float)t, x);
}
VM_INLINE float r_acosh_f32(float x) {
    double t = (double)x - 1;
    float value = (float)r_log1p_f64(t + __builtin_sqrt(t * ((double)x + 1)));
    return x < 1 ? (float)NAN : value;
}
VM_INLINE float r_atanh_f32(float x) {
    double t = vm_abs_f32(x);
    return vm_copy_sign_f32((float)(0.5 * r_log1p_f64(2 * t / (1 - t))), x);
}

/* exp(y log |x|) in double; the special cases are those of Annex F. */
VM_INLINE float r_pow_f32(float x, float y) {
    float size = vm_abs_f32(x);
    double power = r_exp_f64((double)y * r_log_f64(size));
    float whole = __builtin_floorf(y), half = 0.5f * y;
    int odd = (whole == y) & (__builtin_floorf(half) != half);
    float value = (float)power;
    value = (size == 1) | (y == 0) ? 1.0f : value;
    uint32_t sign = odd ? vm_bits_f32(x) & 0x80000000u : 0u;
    value = vm_from_bits_f32(vm_bits_f32(value) | sign);
    int undefined = (x < 0) & (size < (float)INFINITY) & (whole != y) & (y == y);
    value = undefined ? (float)NAN : value;
    return (x != x) & (y != 0) ? x : value;
}

VM_INLINE float r_asin_f32(float x) { return asinf(x); }
VM_INLINE float r_acos_f32(float x) { return acosf(x); }
/* In double: arguments beyond tan(3 pi / 8) and tan(pi / 8) are turned by a quarter and an eighth of a circle, then
 * atan(t) = t + t^3 p(t^2), relative error below 2^-35. */
VM_INLINE float r_atan_f32(float x) {
    double size = vm_abs_f32(x);
    int outer = size > 2.414213562373095, middle = size > 0.4142135623730951;
    double over = outer ? -1 : middle ? size - 1 : size, under = outer ? size : middle ? size + 1 : 1;
    double turn = outer ? 1.5707963267948966 : middle ? 0.7853981633974483 : 0;
    double t = over / under, z = t * t, p = 0.0474404458512393;
    p = VM_FMA_F64(p, z, -0.08476266592613861);
    p = VM_FMA_F64(p, z, 0.1104469099787801);
    p = VM_FMA_F64(p, z, -0.14282007694963067);
    p = VM_FMA_F64(p, z, 0.1999990390531322);
    p = VM_FMA_F64(p, z, -0.33333332499090257);
    return vm_copy_sign_f32((float)(turn + VM_FMA_F64(t * z, p, t)), x);
}
VM_INLINE float r_erfc_f32(float x) { return (float)erfc(x); }
VM_INLINE float r_erfinv_f32(float x) { return (float)special_erfinv(x); }
VM_INLINE float r_lgamma_f32(float x) { return (float)special_lgamma(x); }
VM_INLINE float r_polygamma_f32(float order, float x) { return (float)special_polygamma(order, x); }
VM_INLINE float r_atan2_f32(float y, float x) { return atan2f(y, x); }
VM_INLINE float r_mod_f32(float a, float b) { return (float)vm_remainder_f64(a, b); }
VM_INLINE float r_floor_div_f32(float a, float b) { return (float)__builtin_floor((double)a / (double)b); }

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
