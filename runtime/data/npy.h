/* NumPy arrays: .npy (format versions 1 to 3) and .npz (a zip of them, stored or deflated). */
#ifndef REG_DATA_NPY_H
#define REG_DATA_NPY_H

#include "runtime/base/tensor.h"
#include "runtime/base/text.h"

/* Whole numbers become i64, half precision f32; Fortran order is transposed. */
bool npy_read(const char *path, Tensor **out, Fault *fault);
bool npy_write(const char *path, const Tensor *tensor, Fault *fault);
/* In memory. `subject` names the source in messages, quotes included: "'x.npy'". */
bool npy_parse(const char *bytes, size_t length, const char *subject, Tensor **out, Fault *fault);
void npy_format(const Tensor *tensor, Text *out);

#endif
