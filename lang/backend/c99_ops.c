/* Which writer an op has. Ops without one cannot be exported: random draws, factorizations, Fourier transforms. */
#include "lang/backend/c99_inside.h"

#include <string.h>

static const struct {
    const char *kernel;
    C99Writer *write;
} writers[] = {
    {"iota", c99_iota},
    {"cast", c99_cast_op},
    {"broadcast", c99_broadcast},
    {"transpose", c99_transpose},
    {"slice", c99_slice},
    {"flip", c99_flip},
    {"pad", c99_pad},
    {"concat", c99_concat},
    {"gather", c99_gather},
    {"gather_along", c99_gather_along},
    {"scatter_add", c99_scatter_add},
    {"scatter_set", c99_scatter_set},
    {"scatter_along_add", c99_scatter_along_add},
    {"reduce_sum", c99_reduce_sum},
    {"reduce_prod", c99_reduce_prod},
    {"reduce_max", c99_reduce_max},
    {"reduce_min", c99_reduce_min},
    {"argmax", c99_argmax},
    {"argmin", c99_argmin},
    {"cumsum", c99_cumsum},
    {"sort", c99_sort},
    {"matmul", c99_matmul},
    {"conv", c99_conv},
    {"conv_input", c99_conv_input},
    {"max_pool", c99_max_pool},
    {"max_pool_adjoint", c99_max_pool_adjoint},
    {"window_sum", c99_window_sum},
    {"window_sum_adjoint", c99_window_sum_adjoint},
};

C99Writer *c99_writer(const char *kernel) {
    for (size_t k = 0; k < sizeof writers / sizeof *writers; k++)
        if (!strcmp(writers[k].kernel, kernel)) return writers[k].write;
    return NULL;
}
