/* Sums, products, largest and smallest of rows and of columns: part of elementwise_text.h.
 *
 * A float row is combined in LANES vectors of 64 bytes, whatever the processor's own width, so that every instruction set adds in the
 * same order; the lanes are then joined in pairs, the elements of the last one in double. */
#include "runtime/exec/elementwise.h"
#include "runtime/kernels/vecmath.h"

typedef float VectorF32 __attribute__((vector_size(64)));
typedef double VectorF64 __attribute__((vector_size(64)));
typedef float LooseF32 __attribute__((vector_size(64), aligned(4), may_alias)); /* as it lies in a row */
typedef double LooseF64 __attribute__((vector_size(64), aligned(8), may_alias));
typedef int32_t MaskF32 __attribute__((vector_size(64)));
typedef int64_t MaskF64 __attribute__((vector_size(64)));

enum { LANES = 4 }; /* a to d in FLOAT_ROWS, which joins them in pairs */

#define CHOOSE(vector, mask_type, mask, a, b) ((vector)(((mask) & (mask_type)(a)) | (~(mask) & (mask_type)(b))))
#define VECTOR_SUM(vector, mask_type, a, b) ((a) + (b))
#define VECTOR_PROD(vector, mask_type, a, b) ((a) * (b))
#define VECTOR_MAX(vector, mask_type, a, b) CHOOSE(vector, mask_type, ((a) > (b)) | ((a) != (a)), a, b)
#define VECTOR_MIN(vector, mask_type, a, b) CHOOSE(vector, mask_type, ((a) < (b)) | ((a) != (a)), a, b)
#define SCALAR_SUM(a, b) ((a) + (b))
#define SCALAR_PROD(a, b) ((a) * (b))
#define SCALAR_MAX(a, b) r_max(a, b)
#define SCALAR_MIN(a, b) r_min(a, b)

#define EACH_ROW(function, type) \
    static void function(void *accumulators, const void *values, int64_t rows, int64_t length) { \
        double *y = accumulators; \
        for (int64_t r = 0; r < rows; r++) y[r] = function##_one((const type *)values + r * length, length, y[r]); \
    }

/* The first LANES vectors start the lanes; then whole blocks; what is left goes to `value` one by one. */
#define FLOAT_ROWS(function, type, vector, loose, mask_type, VECTOR_OP, SCALAR_OP) \
    static double function##_one(const type *x, int64_t length, double value) { \
        enum { WIDTH = sizeof(vector) / sizeof(type), BLOCK = LANES * WIDTH }; \
        int64_t j = 0; \
        if (length >= BLOCK) { \
            const loose *at = (const loose *)x; \
            vector a = at[0], b = at[1], c = at[2], d = at[3]; \
            for (j = BLOCK, at += LANES; j + BLOCK <= length; j += BLOCK, at += LANES) { \
                vector next = at[0]; \
                a = VECTOR_OP(vector, mask_type, a, next), next = at[1]; \
                b = VECTOR_OP(vector, mask_type, b, next), next = at[2]; \
                c = VECTOR_OP(vector, mask_type, c, next), next = at[3]; \
                d = VECTOR_OP(vector, mask_type, d, next); \
            } \
            a = VECTOR_OP(vector, mask_type, a, b); \
            c = VECTOR_OP(vector, mask_type, c, d); \
            a = VECTOR_OP(vector, mask_type, a, c); \
            double parts[WIDTH]; \
            _Pragma("GCC unroll 16") for (int k = 0; k < WIDTH; k++) parts[k] = (double)a[k]; \
            _Pragma("GCC unroll 4") for (int half = WIDTH / 2; half >= 1; half /= 2) \
                _Pragma("GCC unroll 8") for (int k = 0; k < half; k++) parts[k] = SCALAR_OP(parts[k], parts[k + half]); \
            value = SCALAR_OP(value, parts[0]); \
        } \
        for (; j < length; j++) value = SCALAR_OP(value, (double)x[j]); \
        return value; \
    } \
    EACH_ROW(function, type)

/* The largest or smallest of a row does not depend on the order: vectors are joined to the end, and the last one may overlap those
 * before it. No comparison becomes a branch, which unordered numbers would mislead. */
#define HALVES_F32(OP, a) \
    a = OP(VectorF32, MaskF32, a, __builtin_shufflevector(a, a, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7)); \
    a = OP(VectorF32, MaskF32, a, __builtin_shufflevector(a, a, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11)); \
    a = OP(VectorF32, MaskF32, a, __builtin_shufflevector(a, a, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13)); \
    a = OP(VectorF32, MaskF32, a, __builtin_shufflevector(a, a, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14));
#define HALVES_F64(OP, a) \
    a = OP(VectorF64, MaskF64, a, __builtin_shufflevector(a, a, 4, 5, 6, 7, 0, 1, 2, 3)); \
    a = OP(VectorF64, MaskF64, a, __builtin_shufflevector(a, a, 2, 3, 0, 1, 6, 7, 4, 5)); \
    a = OP(VectorF64, MaskF64, a, __builtin_shufflevector(a, a, 1, 0, 3, 2, 5, 4, 7, 6));

#define EXTREME_ROWS(function, type, vector, loose, mask_type, VECTOR_OP, SCALAR_OP, HALVES) \
    static double function##_one(const type *x, int64_t length, double value) { \
        enum { WIDTH = sizeof(vector) / sizeof(type) }; \
        if (length < WIDTH) { \
            for (int64_t j = 0; j < length; j++) value = SCALAR_OP(value, (double)x[j]); \
            return value; \
        } \
        vector a = *(const loose *)x, b = *(const loose *)(x + length - WIDTH), c = b, d = b; \
        int64_t j = WIDTH; \
        for (; j + 4 * WIDTH <= length; j += 4 * WIDTH) { \
            a = VECTOR_OP(vector, mask_type, a, *(const loose *)(x + j)); \
            b = VECTOR_OP(vector, mask_type, b, *(const loose *)(x + j + WIDTH)); \
            c = VECTOR_OP(vector, mask_type, c, *(const loose *)(x + j + 2 * WIDTH)); \
            d = VECTOR_OP(vector, mask_type, d, *(const loose *)(x + j + 3 * WIDTH)); \
        } \
        for (; j + 2 * WIDTH <= length; j += 2 * WIDTH) { \
            a = VECTOR_OP(vector, mask_type, a, *(const loose *)(x + j)); \
            b = VECTOR_OP(vector, mask_type, b, *(const loose *)(x + j + WIDTH)); \
        } \
        if (j + WIDTH <= length) c = VECTOR_OP(vector, mask_type, c, *(const loose *)(x + j)); \
        a = VECTOR_OP(vector, mask_type, a, b); \
        c = VECTOR_OP(vector, mask_type, c, d); \
        a = VECTOR_OP(vector, mask_type, a, c); \
        HALVES(VECTOR_OP, a) \
        return SCALAR_OP(value, (double)a[0]); \
    } \
    EACH_ROW(function, type)

#define WHOLE_ROWS(function, type, SCALAR_OP) \
    static void function(void *accumulators, const void *values, int64_t rows, int64_t length) { \
        int64_t *y = accumulators; \
        for (int64_t r = 0; r < rows; r++) { \
            const type *x = (const type *)values + r * length; \
            int64_t value = y[r]; \
            for (int64_t j = 0; j < length; j++) value = SCALAR_OP(value, (int64_t)x[j]); \
            y[r] = value; \
        } \
    }

/* Four rows at a time, in order: the accumulators travel a quarter as often. */
#define COLUMNS(function, type, accumulator, SCALAR_OP) \
    static void function(void *accumulators, const void *values, int64_t rows, int64_t length) { \
        accumulator *y = accumulators; \
        const type *x = values; \
        int64_t r = 0; \
        for (; r + 4 <= rows; r += 4, x += 4 * length) { \
            _Pragma("GCC ivdep") for (int64_t j = 0; j < length; j++) { \
                accumulator value = SCALAR_OP(y[j], (accumulator)x[j]); \
                value = SCALAR_OP(value, (accumulator)x[length + j]); \
                value = SCALAR_OP(value, (accumulator)x[2 * length + j]); \
                y[j] = SCALAR_OP(value, (accumulator)x[3 * length + j]); \
            } \
        } \
        for (; r < rows; r++, x += length) { \
            _Pragma("GCC ivdep") for (int64_t j = 0; j < length; j++) y[j] = SCALAR_OP(y[j], (accumulator)x[j]); \
        } \
    }

#define FOLDED(name, OP) \
    FLOAT_ROWS(name##_rows_f32, float, VectorF32, LooseF32, MaskF32, VECTOR_##OP, SCALAR_##OP) \
    FLOAT_ROWS(name##_rows_f64, double, VectorF64, LooseF64, MaskF64, VECTOR_##OP, SCALAR_##OP)
#define EXTREME(name, OP) \
    EXTREME_ROWS(name##_rows_f32, float, VectorF32, LooseF32, MaskF32, VECTOR_##OP, SCALAR_##OP, HALVES_F32) \
    EXTREME_ROWS(name##_rows_f64, double, VectorF64, LooseF64, MaskF64, VECTOR_##OP, SCALAR_##OP, HALVES_F64)
#define REDUCTIONS(name, OP, FLOATS) \
    FLOATS(name, OP) \
    WHOLE_ROWS(name##_rows_i64, int64_t, SCALAR_##OP) \
    WHOLE_ROWS(name##_rows_bool, uint8_t, SCALAR_##OP) \
    COLUMNS(name##_columns_f32, float, double, SCALAR_##OP) \
    COLUMNS(name##_columns_f64, double, double, SCALAR_##OP) \
    COLUMNS(name##_columns_i64, int64_t, int64_t, SCALAR_##OP) \
    COLUMNS(name##_columns_bool, uint8_t, int64_t, SCALAR_##OP)

REDUCTIONS(sum, SUM, FOLDED)
REDUCTIONS(prod, PROD, FOLDED)
REDUCTIONS(max, MAX, EXTREME)
REDUCTIONS(min, MIN, EXTREME)
