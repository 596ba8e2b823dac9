/* Arrays of elements as files keep them: widths, signs and byte orders that tensors do not have. */
#ifndef REG_DATA_ELEMENTS_H
#define REG_DATA_ELEMENTS_H

#include "runtime/base/tensor.h"

typedef enum ElementType {
    ELEMENT_BOOL,
    ELEMENT_U8,
    ELEMENT_I8,
    ELEMENT_U16,
    ELEMENT_I16,
    ELEMENT_U32,
    ELEMENT_I32,
    ELEMENT_U64,
    ELEMENT_I64,
    ELEMENT_F16,
    ELEMENT_BF16,
    ELEMENT_F32,
    ELEMENT_F64
} ElementType;

size_t element_bytes(ElementType type);
DType element_dtype(ElementType type); /* whole numbers: i64; half precision and f32: f32 */
ElementType element_of(DType dtype);   /* the type that keeps a tensor as it is */

/* A tensor of `shape` from the first elements of `bytes`. Checks that `available` bytes hold them before it allocates.
 * `subject` names the source in messages, quotes included: "'x.npy'". NULL with a fault. */
Tensor *elements_decode(ElementType type, bool big_endian, Shape shape, const char *bytes, size_t available, const char *subject,
                        Fault *fault);
/* Bytes that `shape` takes, -1 with a fault when a dimension is negative or the product does not fit. */
int64_t elements_size(ElementType type, Shape shape, const char *subject, Fault *fault);

#endif
