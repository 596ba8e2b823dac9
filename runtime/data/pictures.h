/* Rows of pictures from idx bytes, as the built-in sets keep them. */
#ifndef REG_DATA_PICTURES_H
#define REG_DATA_PICTURES_H

#include "runtime/data/dataset.h"

/* Pictures [n, h, w] or [n, h, w, c] of bytes -> [n, c h w] divided by `maximum`; `sample` becomes [c, h, w]. NULL with a
 * fault. `subject` names the source, quotes included. */
Tensor *pictures_decode(const char *bytes, size_t length, const char *subject, double maximum, DType float_type, Shape *sample,
                        Fault *fault);
/* Adds "x" to the split from a built-in idx file, or from a file on disk (gzipped or not). */
bool pictures_add_embedded(Split *split, const char *name, double maximum, DType float_type, Shape *sample, Fault *fault);
bool pictures_add_file(Split *split, const char *path, double maximum, DType float_type, Shape *sample, Fault *fault);
/* Adds `field` (i64) from a built-in idx file; [n, h, w] becomes [n, h w]. */
bool labels_add_embedded(Split *split, const char *field, const char *name, Fault *fault);

#endif
