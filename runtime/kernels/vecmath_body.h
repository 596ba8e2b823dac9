/* The functions of vecmath.h that float and double share, included once for each by vecmath_f32.h and vecmath_f64.h, which
 * define VM(name), VM_T and the constants of the format. No include guard: it is a template. */

VM_INLINE VM_UINT VM(vm_bits)(VM_T x) {
    VM_UINT bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

VM_INLINE VM_T VM(vm_from_bits)(VM_UINT bits) {
    VM_T x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

VM_INLINE VM_T VM(vm_abs)(VM_T x) { return VM(vm_from_bits)(VM(vm_bits)(x) << 1 >> 1); }

VM_INLINE VM_T VM(vm_copy_sign)(VM_T magnitude, VM_T sign) {
    VM_UINT mask = (VM_UINT)1 << (sizeof(VM_T) * 8 - 1);
    return VM(vm_from_bits)((VM(vm_bits)(magnitude) & ~mask) | (VM(vm_bits)(sign) & mask));
}

VM_INLINE VM_T VM(r_floor)(VM_T x) { return VM_FLOOR(x); }
VM_INLINE VM_T VM(r_ceil)(VM_T x) { return VM_CEIL(x); }
VM_INLINE VM_T VM(r_rint)(VM_T x) { return VM_RINT(x); }
VM_INLINE VM_T VM(r_sqrt)(VM_T x) { return VM_SQRT(x); }
VM_INLINE VM_T VM(r_max)(VM_T a, VM_T b) { return (a > b) | (a != a) ? a : b; }
VM_INLINE VM_T VM(r_min)(VM_T a, VM_T b) { return (a < b) | (a != a) ? a : b; }

/* Numbers are kept within limits by their bits, because processors have the smaller of two integers in one instruction, where the
 * smaller of two floats, NaN as C has it, takes several. Among numbers that are not negative bits are ordered as the numbers; NaN
 * comes last and is put back by the caller. */
VM_INLINE VM_T VM(vm_at_most)(VM_T size, VM_T limit) {
    VM_UINT bits = VM(vm_bits)(size), most = VM(vm_bits)(limit);
    return VM(vm_from_bits)(bits < most ? bits : most);
}

VM_INLINE VM_T VM(vm_at_least)(VM_T size, VM_T limit) {
    VM_UINT bits = VM(vm_bits)(size), least = VM(vm_bits)(limit);
    return VM(vm_from_bits)(bits > least ? bits : least);
}

/* `lowest` < 0 < `highest`. Negative numbers are negative integers, so that the first minimum leaves them alone; as unsigned integers
 * they are above all others and grow with their size, so that the second leaves the others alone. */
VM_INLINE VM_T VM(vm_within)(VM_T x, VM_T lowest, VM_T highest) {
    VM_INT bits = (VM_INT)VM(vm_bits)(x), most = (VM_INT)VM(vm_bits)(highest);
    bits = bits < most ? bits : most;
    return VM(vm_at_most)(VM(vm_from_bits)((VM_UINT)bits), lowest);
}

/* x = n log(2) + r, e^x = 2^n (1 + r + r^2 tail(r)), for x within [VM_EXP_LOWEST, VM_EXP_HIGHEST]. The power is applied in two halves,
 * so that results may be subnormal or overflow; the first is added to the exponent. At VM_EXP_LOWEST the result is 0, multiplied out
 * as such: rounding a number down to 0 takes some processors as long as the rest. */
VM_INLINE VM_T VM(vm_exp_core)(VM_T x) {
    VM_T shifted = VM_FMA(x, VM_LOG2E, VM_MAGIC), n = shifted - VM_MAGIC;
    VM_T r = VM_FMA(n, -VM_LN2_LO, VM_FMA(n, -VM_LN2_HI, x));
    VM_T value = VM_FMA(r * r, VM(vm_exp_tail)(r), r) + 1;
    VM_UINT power = VM(vm_bits)(shifted), half = power >> 1; /* in the low bits */
    value = VM(vm_from_bits)(VM(vm_bits)(value) + (half << VM_MANTISSA));
    VM_UINT rest = (power - half + VM_BIAS) << VM_MANTISSA;
    return value * VM(vm_from_bits)(VM(vm_bits)(x) == VM(vm_bits)(VM_EXP_LOWEST) ? 0 : rest);
}

VM_INLINE VM_T VM(r_exp)(VM_T x) {
    VM_T value = VM(vm_exp_core)(VM(vm_within)(x, VM_EXP_LOWEST, VM_EXP_HIGHEST));
    return x == x ? value : x;
}

/* e^-|x|; e^VM_EXP_LOWEST for NaN. */
VM_INLINE VM_T VM(vm_exp_minus_size)(VM_T x) { return VM(vm_exp_core)(-VM(vm_at_most)(VM(vm_abs)(x), -VM_EXP_LOWEST)); }

/* (e^x - 1) / 2 for x within [VM_EXPM1_LOWEST, VM_EXP_HIGHEST]. */
VM_INLINE VM_T VM(vm_expm1_half)(VM_T x) {
    VM_T shifted = VM_FMA(x, VM_LOG2E, VM_MAGIC), n = shifted - VM_MAGIC;
    VM_T r = VM_FMA(n, -VM_LN2_LO, VM_FMA(n, -VM_LN2_HI, x));
    VM_T value = VM_FMA(r * r, VM(vm_exp_tail)(r), r);
    VM_T half_power = VM(vm_from_bits)((VM(vm_bits)(shifted) + (VM_BIAS - 1)) << VM_MANTISSA); /* 2^(n-1): 2^n itself may overflow */
    return VM_FMA(half_power, value, half_power - (VM_T)0.5);
}

/* Neither too small for the cores nor NaN. */
VM_INLINE int VM(vm_is_ordinary)(VM_T size) {
    VM_UINT least = VM(vm_bits)(VM_TINY);
    return VM(vm_bits)(size) - least <= VM(vm_bits)((VM_T)INFINITY) - least;
}

VM_INLINE VM_T VM(r_expm1)(VM_T x) {
    VM_T value = 2 * VM(vm_expm1_half)(VM(vm_within)(x, VM_EXPM1_LOWEST, VM_EXP_HIGHEST));
    return VM(vm_is_ordinary)(VM(vm_abs)(x)) ? value : x;
}

/* a / (b + c) for b >= c >= 0, the rounding of the sum and of the quotient put right once. */
VM_INLINE VM_T VM(vm_divide_by_sum)(VM_T a, VM_T b, VM_T c) {
    VM_T sum = b + c, rounding = c - (sum - b), inverse = 1 / sum, quotient = a * inverse;
    VM_T rest = VM_FMA(-quotient, rounding, VM_FMA(-quotient, sum, a));
    return VM_FMA(rest, inverse, quotient);
}

/* tanh |x| = t / (t + 1) with t = (e^(2 |x|) - 1) / 2: no cancellation on either side. */
VM_INLINE VM_T VM(r_tanh)(VM_T x) {
    VM_T size = VM(vm_abs)(x);
    VM_T t = VM(vm_expm1_half)(2 * VM(vm_at_most)(size, VM_TANH_HIGHEST));
    VM_T value = VM(vm_divide_by_sum)(t, VM(vm_at_least)(t, 1), VM(vm_at_most)(t, 1));
    value = VM(vm_from_bits)(VM(vm_bits)(value) | (VM(vm_bits)(x) ^ VM(vm_bits)(size)));
    return x == x ? value : x;
}

VM_INLINE VM_T VM(r_sigmoid)(VM_T x) {
    VM_T e = VM(vm_exp_minus_size)(x);
    VM_T value = VM(vm_divide_by_sum)(x < 0 ? e : (VM_T)1, 1, e);
    return x == x ? value : x;
}

/* u = 2^e m with sqrt(1/2) <= m < sqrt(2), for normal u > 0. */
VM_INLINE VM_UINT VM(vm_split)(VM_T u, VM_T *m) {
    VM_UINT bits = VM(vm_bits)(u) + (((VM_UINT)VM_BIAS << VM_MANTISSA) - VM_SQRT_HALF_BITS);
    *m = VM(vm_from_bits)((bits & (((VM_UINT)1 << VM_MANTISSA) - 1)) + VM_SQRT_HALF_BITS);
    return bits >> VM_MANTISSA; /* e + VM_BIAS */
}

/* (exponent - bias) log(2) + log(1 + f) */
VM_INLINE VM_T VM(vm_log_join)(VM_UINT exponent, VM_T bias, VM_T f) {
    VM_T e = VM(vm_from_bits)(exponent | VM_ONE_BITS) - (VM(vm_from_bits)(VM_ONE_BITS) + bias);
    return VM_FMA(e, VM_LN2_HI, f + VM(vm_log_tail)(f, e * VM_LN2_LO));
}

VM_INLINE VM_T VM(r_log)(VM_T x) {
    int subnormal = x < VM_SMALLEST_NORMAL;
    VM_T scaled = x * ((VM_T)2 / VM_EPSILON), m;
    VM_UINT exponent = VM(vm_split)(subnormal ? scaled : x, &m);
    VM_T value = VM(vm_log_join)(exponent, subnormal ? (VM_T)(VM_BIAS + VM_MANTISSA + 1) : (VM_T)VM_BIAS, m - 1);
    VM_T special = x < 0 ? (VM_T)NAN : x; /* +inf and NaN as they are */
    special = x == 0 ? -(VM_T)INFINITY : special;
    return (x > 0) & (x < (VM_T)INFINITY) ? value : special;
}

/* log(u) with u = 1 + x, and what rounding took from u added to the reduced argument. */
VM_INLINE VM_T VM(vm_log1p_core)(VM_T x) {
    VM_T u = 1 + x;
    VM_T rounding = x < 1 ? x - (u - 1) : 1 - (u - x);
    VM_T m;
    VM_UINT exponent = VM(vm_split)(u, &m);
    VM_UINT down = exponent < 2 * VM_BIAS ? 2 * VM_BIAS - exponent : 1;
    VM_T f = VM_FMA(rounding, VM(vm_from_bits)(down << VM_MANTISSA), m - 1); /* rounding 2^-e */
    return VM(vm_log_join)(exponent, VM_BIAS, f);
}

VM_INLINE VM_T VM(r_log1p)(VM_T x) {
    VM_T value = VM(vm_log1p_core)(x);
    VM_T special = x < -1 ? (VM_T)NAN : x;
    special = x == -1 ? -(VM_T)INFINITY : special;
    value = (x > -1) & (x < (VM_T)INFINITY) ? value : special;
    return VM(vm_abs)(x) < VM_TINY ? x : value;
}

VM_INLINE VM_T VM(r_softplus)(VM_T x) {
    VM_T tail = VM(vm_log1p_core)(VM(vm_exp_minus_size)(x));
    return (x > 0 ? x : (VM_T)0) + (x == x ? tail : x);
}
