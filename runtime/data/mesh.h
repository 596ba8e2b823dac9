/* Triangle meshes in the OFF text format. */
#ifndef REG_DATA_MESH_H
#define REG_DATA_MESH_H

#include "runtime/base/tensor.h"

/* Adds "vertices" [v, 3] and "faces" [f, 3] (i64; polygons are cut into fans of triangles). Also gzipped. On failure
 * what was added stays in `out` for the caller to free. */
bool off_read(const char *path, DType float_type, TensorTable *out, Fault *fault);
bool off_parse(const char *text, size_t length, const char *subject, DType float_type, TensorTable *out, Fault *fault);

#endif
