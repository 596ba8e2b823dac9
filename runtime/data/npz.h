/* Several named NumPy arrays in one zip file, through libzip. */
#ifndef REG_DATA_NPZ_H
#define REG_DATA_NPZ_H

#include "runtime/base/tensor.h"

/* Adds every array under its name without ".npy". On failure what was added stays in `out` for the caller to free. */
bool npz_read(const char *path, TensorTable *out, Fault *fault);
bool npz_write(const char *path, const TensorTable *arrays, Fault *fault); /* deflated, atomic */

#endif
