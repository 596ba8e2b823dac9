#include "runtime/solve/columns.h"

#include "runtime/kernels/wide.h"

enum {
    RUN = 64,  /* rows added up in the element type: their sum is as accurate as a pairwise one */
    LINE = 16, /* rows whose elements of one column are written together */
};

typedef double VectorF64 __attribute__((vector_size(64)));
typedef double LooseF64 __attribute__((vector_size(64), aligned(sizeof(double))));

#define T float
#define NAME(x) x##_f32
#include "runtime/solve/columns_text.h"

#define T double
#define NAME(x) x##_f64
#include "runtime/solve/columns_text.h"

const ColumnLoops *column_loops(DType dtype) {
    static const ColumnLoops f32 = {dot_f32, subtract_f32, correlate_f32, gather_f32};
    static const ColumnLoops f64 = {dot_f64, subtract_f64, correlate_f64, gather_f64};
    return dtype == DTYPE_F32 ? &f32 : &f64;
}
