/* The idx format of the MNIST files (LeCun): 00 00 TYPE RANK, big-endian u32 dimensions, elements. Also gzipped. */
#ifndef REG_DATA_IDX_H
#define REG_DATA_IDX_H

#include "runtime/base/tensor.h"

typedef struct IdxHeader {
    int type; /* 0x08 u8, 0x09 i8, 0x0B i16, 0x0C i32, 0x0D f32, 0x0E f64 */
    Shape shape;
    size_t header_bytes; /* where the elements begin */
} IdxHeader;

/* Whole numbers become i64, f32 and f64 stay. */
bool idx_read(const char *path, Tensor **out, Fault *fault);
/* bool is written as u8, i64 as i32 (a fault when a value does not fit), f32 and f64 as they are. */
bool idx_write(const char *path, const Tensor *tensor, Fault *fault);
/* In memory; the elements are known to be there when it returns true. `subject`: "'x.idx'". */
bool idx_parse_header(const char *bytes, size_t length, const char *subject, IdxHeader *out, Fault *fault);
bool idx_parse(const char *bytes, size_t length, const char *subject, Tensor **out, Fault *fault);

#endif
