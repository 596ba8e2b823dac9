/* Numbers and tensors as a person wants to read them; the same rules serve `print`, the REPL and the golden lines `#> value`.
 *
 *     0.5    [1, 2, 3]    [[ 0.5, 12],     f32 [60000, 784]
 *                          [-1.25, 3]]     [[0, 0, 0, …, 0, 0, 0], …
 *
 * Floats show at most 6 significant digits for f32 and 10 for f64, without trailing zeros; whole numbers below 10^7 (f32) or
 * 10^15 (f64) show every digit; exponents are `1e-5`, `2.5e8`. Zero has no sign. No text ends in a newline. */
#ifndef REG_BASE_PRINT_H
#define REG_BASE_PRINT_H

#include "runtime/base/tensor.h"
#include "runtime/base/text.h"

/* A float with at most `significant` digits (1 to 17), trailing zeros trimmed; `nan`, `inf`, `-inf`. */
void number_print_digits(double value, int significant, Text *out);
/* One number by the rules of its type: `true`, `42`, `0.333333`. */
void number_print(double value, DType dtype, Text *out);
/* The element at a row-major index; exact for every i64. */
void element_print(const Tensor *tensor, int64_t index, Text *out);
/* The whole tensor; more than 100 elements are shown by their corners below a header with type and shape. */
void tensor_print(const Tensor *tensor, Text *out);

#endif
