/* Matrix products for x86-64-v1 and for processors of other kinds. */
#include "runtime/kernels/product_tables.h"
#include "runtime/kernels/product_turn.h"

#include <string.h>

#define VECTOR_BYTES 16
#define ROWS 4
#define VECTORS 2

#define T float
#define NAME(x) x##_f32
#include "runtime/kernels/product_text.h"

#define T double
#define NAME(x) x##_f64
#include "runtime/kernels/product_text.h"

const ProductTable product_table_v1 = {.run_f32 = run_f32, .run_f64 = run_f64};
