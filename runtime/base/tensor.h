/* Element types, shapes, and reference-counted dense tensors (row-major, contiguous, 64-byte aligned). */
#ifndef REG_BASE_TENSOR_H
#define REG_BASE_TENSOR_H

#include "runtime/base/fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum DType { DTYPE_BOOL, DTYPE_I64, DTYPE_F32, DTYPE_F64 } DType; /* in the order of promotion */
enum { DTYPE_COUNT = 4, RANK_MAX = 8 };

size_t dtype_bytes(DType dtype);     /* 1, 8, 4, 8 */
const char *dtype_name(DType dtype); /* "bool" "i64" "f32" "f64" */
bool dtype_is_float(DType dtype);

typedef struct Shape {
    int rank;
    int64_t dims[RANK_MAX]; /* entries beyond rank are 0 */
} Shape;

Shape shape_of(int rank, const int64_t *dims);
Shape shape_scalar(void);
Shape shape_1(int64_t a);
Shape shape_2(int64_t a, int64_t b);
int64_t shape_count(Shape shape); /* product of dims; 1 for rank 0; shapes are checked on creation to fit int64 */
bool shape_equal(Shape a, Shape b);
bool shape_broadcast(Shape a, Shape b, Shape *out);         /* numpy rules; false when they do not fit */
void shape_strides(Shape shape, int64_t strides[RANK_MAX]); /* row-major, in elements */
/* "[32, 10]"; "[]" for a scalar. Writes into `buffer`, returns it. */
enum { SHAPE_TEXT = 192 };
const char *shape_text(Shape shape, char buffer[SHAPE_TEXT]);

typedef struct Tensor {
    int references;
    DType dtype;
    Shape shape;
    void *data; /* 64-byte aligned; NULL only when the count is 0 */
    bool owns_data;
} Tensor;

/* Uninitialised / zeroed tensor with one reference. NULL with a fault when it does not fit in memory. */
Tensor *tensor_new(DType dtype, Shape shape, Fault *fault);
Tensor *tensor_zeros(DType dtype, Shape shape, Fault *fault);
Tensor *tensor_copy(const Tensor *tensor, Fault *fault);
Tensor *tensor_cast(const Tensor *tensor, DType dtype, Fault *fault); /* new reference, even when the dtype agrees */
Tensor *tensor_scalar(DType dtype, double value);                     /* rank 0; never NULL */
Tensor *tensor_wrap(DType dtype, Shape shape, void *data);            /* borrows `data`, which must outlive it */
Tensor *tensor_retain(Tensor *tensor);
void tensor_release(Tensor *tensor); /* NULL allowed */

int64_t tensor_count(const Tensor *tensor);
size_t tensor_bytes(const Tensor *tensor);
double tensor_number(const Tensor *tensor, int64_t index); /* element as a double, row-major index */
void tensor_set_number(Tensor *tensor, int64_t index, double value);
static inline float *tensor_f32(const Tensor *tensor) { return (float *)tensor->data; }
static inline double *tensor_f64(const Tensor *tensor) { return (double *)tensor->data; }
static inline int64_t *tensor_i64(const Tensor *tensor) { return (int64_t *)tensor->data; }
static inline uint8_t *tensor_bool(const Tensor *tensor) { return (uint8_t *)tensor->data; }

/* A named list of tensors: the columns of a split, the arrays of an npz, the weights of a model. */
typedef struct NamedTensor {
    char *name;
    Tensor *tensor;
} NamedTensor;

typedef struct TensorTable {
    NamedTensor *items;
    size_t count;
    size_t capacity;
} TensorTable;

void table_add(TensorTable *table, const char *name, Tensor *tensor); /* takes the reference, copies the name */
Tensor *table_find(const TensorTable *table, const char *name);       /* borrowed; NULL when absent */
void table_free(TensorTable *table);

#endif
