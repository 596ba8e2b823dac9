/* The loops of exec/elementwise.h as text: included once by each elementwise_v*.c, which is compiled for one instruction set
 * and defines ELEMENTWISE_TABLE, the name of its table. */
#include "runtime/exec/elementwise.h"
#include "runtime/kernels/vecmath.h"
#include "runtime/kernels/reduce_text.h"

/* ivdep: operands and result are either disjoint or the same place, so there is no dependence between elements. */
#define LOOP(function, result_type, loads, value) \
    static void function(void *out, const void *pa, const void *pb, const void *pc, int64_t count) { \
        result_type *y = out; \
        (void)pa, (void)pb, (void)pc; \
        _Pragma("GCC ivdep") for (int64_t i = 0; i < count; i++) { loads y[i] = (result_type)(value); } \
    }
#define LOAD_1(type) \
    typedef type T; \
    T a = ((const T *)pa)[i];
#define LOAD_2(type) LOAD_1(type) T b = ((const T *)pb)[i];
#define LOAD_3(type) LOAD_2(type) T c = ((const T *)pc)[i];
#define LOAD_SELECT(type) \
    typedef type T; \
    uint8_t a = ((const uint8_t *)pa)[i]; \
    T b = ((const T *)pb)[i], c = ((const T *)pc)[i];

#define UNARY(NAME, name, kind, value, derivative, doc) UNARY_##kind(name, value)
#define UNARY_LOOP(name, suffix, type, result, value) LOOP(name##_##suffix, result, LOAD_1(type), value)
#define UNARY_FLOAT(name, value) UNARY_LOOP(name, f32, float, float, value) UNARY_LOOP(name, f64, double, double, value)
#define UNARY_NUMBER(name, value) UNARY_FLOAT(name, value) UNARY_LOOP(name, i64, int64_t, int64_t, value)
#define UNARY_LOGIC(name, value) UNARY_LOOP(name, bool, uint8_t, uint8_t, value)
#define UNARY_TEST(name, value) UNARY_LOOP(name, f32, float, uint8_t, value) UNARY_LOOP(name, f64, double, uint8_t, value)

#define BINARY(NAME, name, kind, value, derivative_a, derivative_b, doc) BINARY_##kind(name, value)
#define BINARY_LOOP(name, suffix, type, result, value) LOOP(name##_##suffix, result, LOAD_2(type), value)
#define BINARY_FLOAT(name, value) BINARY_LOOP(name, f32, float, float, value) BINARY_LOOP(name, f64, double, double, value)
#define BINARY_NUMBER(name, value) BINARY_FLOAT(name, value) BINARY_LOOP(name, i64, int64_t, int64_t, value)
#define BINARY_LOGIC(name, value) BINARY_LOOP(name, bool, uint8_t, uint8_t, value)
#define BINARY_COMPARE(name, value) \
    BINARY_LOOP(name, f32, float, uint8_t, value) \
    BINARY_LOOP(name, f64, double, uint8_t, value) \
    BINARY_LOOP(name, i64, int64_t, uint8_t, value) BINARY_LOOP(name, bool, uint8_t, uint8_t, value)

#define TERNARY(NAME, name, kind, value, derivative_a, derivative_b, derivative_c, doc) TERNARY_##kind(name, value)
#define TERNARY_NUMBER(name, value) \
    LOOP(name##_f32, float, LOAD_3(float), value) \
    LOOP(name##_f64, double, LOAD_3(double), value) LOOP(name##_i64, int64_t, LOAD_3(int64_t), value)
#define TERNARY_SELECT(name, value) \
    LOOP(name##_f32, float, LOAD_SELECT(float), value) \
    LOOP(name##_f64, double, LOAD_SELECT(double), value) \
    LOOP(name##_i64, int64_t, LOAD_SELECT(int64_t), value) LOOP(name##_bool, uint8_t, LOAD_SELECT(uint8_t), value)

#include "runtime/elementwise.def"

#undef UNARY
#undef BINARY
#undef TERNARY

#define CAST(function, from, to, value) \
    static void function(void *out, const void *in, int64_t count) { \
        to *y = out; \
        const from *x = in; \
        _Pragma("GCC ivdep") for (int64_t i = 0; i < count; i++) y[i] = (to)(value); \
    }
#define CASTS_FROM(suffix, type) \
    CAST(cast_##suffix##_bool, type, uint8_t, x[i] != 0) \
    CAST(cast_##suffix##_i64, type, int64_t, x[i]) \
    CAST(cast_##suffix##_f32, type, float, x[i]) \
    CAST(cast_##suffix##_f64, type, double, x[i])
CASTS_FROM(bool, uint8_t)
CASTS_FROM(i64, int64_t)
CASTS_FROM(f32, float)
CASTS_FROM(f64, double)

#define ROW_FLOAT(name) [DTYPE_F32] = name##_f32, [DTYPE_F64] = name##_f64
#define ROW_NUMBER(name) ROW_FLOAT(name), [DTYPE_I64] = name##_i64
#define ROW_ANY(name) ROW_NUMBER(name), [DTYPE_BOOL] = name##_bool
#define ROW_LOGIC(name) [DTYPE_BOOL] = name##_bool
#define ROW_TEST(name) ROW_FLOAT(name)
#define ROW_COMPARE(name) ROW_ANY(name)
#define ROW_SELECT(name) ROW_ANY(name)
#define UNARY(NAME, name, kind, ...) [ELEMENTWISE_##NAME] = {ROW_##kind(name)},
#define BINARY UNARY
#define TERNARY UNARY

const ElementwiseTable ELEMENTWISE_TABLE = {
    .functions =
        {
#include "runtime/elementwise.def"
        },
    .casts =
        {
            [DTYPE_BOOL] = {ROW_ANY(cast_bool)},
            [DTYPE_I64] = {ROW_ANY(cast_i64)},
            [DTYPE_F32] = {ROW_ANY(cast_f32)},
            [DTYPE_F64] = {ROW_ANY(cast_f64)},
        },
    .reduce_rows =
        {
            [COMBINE_SUM] = {ROW_ANY(sum_rows)},
            [COMBINE_MAX] = {ROW_ANY(max_rows)},
            [COMBINE_MIN] = {ROW_ANY(min_rows)},
            [COMBINE_PROD] = {ROW_ANY(prod_rows)},
        },
    .reduce_columns =
        {
            [COMBINE_SUM] = {ROW_ANY(sum_columns)},
            [COMBINE_MAX] = {ROW_ANY(max_columns)},
            [COMBINE_MIN] = {ROW_ANY(min_columns)},
            [COMBINE_PROD] = {ROW_ANY(prod_columns)},
        },
};
