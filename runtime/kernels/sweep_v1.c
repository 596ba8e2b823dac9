/* Sweeps for any processor. */
#include "runtime/kernels/sweep_tables.h"

#include <string.h>

#define T float
#define NAME(x) x##_f32
#include "runtime/kernels/sweep_text.h"

#define T double
#define NAME(x) x##_f64
#include "runtime/kernels/sweep_text.h"

const SweepTable sweep_table_v1 = {.dots_f32 = dots_f32, .dots_f64 = dots_f64, .add_f32 = add_f32, .add_f64 = add_f64};
