/* Values that repeat, count or change their dtype. */
#include "runtime/exec/elementwise.h"
#include "runtime/kernels/kernels.h"
#include "runtime/kernels/strided.h"

enum { CHUNK = 32768 }; /* elements of one piece of work */

static int64_t chunk_count(int64_t count) { return (count + CHUNK - 1) / CHUNK; }

static int64_t chunk_size(int64_t count, int64_t chunk) {
    int64_t left = count - chunk * CHUNK;
    return left < CHUNK ? left : CHUNK;
}

typedef struct Cast {
    const View *x, *y;
    CastFunction *function;
} Cast;

static void cast_chunk(void *context, int64_t chunk) {
    const Cast *cast = context;
    char *y = (char *)cast->y->data + chunk * CHUNK * (int64_t)dtype_bytes(cast->y->dtype);
    const char *x = (const char *)cast->x->data + chunk * CHUNK * (int64_t)dtype_bytes(cast->x->dtype);
    cast->function(y, x, chunk_size(shape_count(cast->y->shape), chunk));
}

bool kernel_cast(const KernelCall *call) {
    const View *x = &call->inputs[0], *y = &call->outputs[0];
    Cast cast = {x, y, elementwise_table()->casts[x->dtype][y->dtype]};
    threads_run(call->threads, chunk_count(shape_count(y->shape)), cast_chunk, &cast);
    return true;
}

bool kernel_broadcast(const KernelCall *call) {
    const View *x = &call->inputs[0], *y = &call->outputs[0];
    if (shape_count(y->shape) == 0) return true;
    StridedCopy copy = {.element_bytes = dtype_bytes(y->dtype), .rank = y->shape.rank, .target = y->data, .source = x->data};
    shape_strides(y->shape, copy.target_strides);
    shape_strides(x->shape, copy.source_strides);
    for (int axis = 0; axis < y->shape.rank; axis++) {
        copy.dims[axis] = y->shape.dims[axis];
        if (x->shape.dims[axis] == 1) copy.source_strides[axis] = 0;
    }
    strided_copy(copy, call->threads);
    return true;
}

typedef struct Iota {
    const View *y;
    int64_t n, inner; /* [.., n, inner], counting along n */
} Iota;

#define COUNT(type) \
    for (int64_t i = 0; i < size; i++) { \
        ((type *)iota->y->data)[start + i] = (type)value; \
        if (++within == iota->inner) { \
            within = 0; \
            value = value + 1 == iota->n ? 0 : value + 1; \
        } \
    }

static void iota_chunk(void *context, int64_t chunk) {
    const Iota *iota = context;
    int64_t start = chunk * CHUNK, size = chunk_size(shape_count(iota->y->shape), chunk);
    int64_t within = start % iota->inner, value = start / iota->inner % iota->n;
    switch (iota->y->dtype) {
    case DTYPE_BOOL:
        for (int64_t i = 0; i < size; i++) ((uint8_t *)iota->y->data)[start + i] = (start + i) / iota->inner % iota->n != 0;
        return;
    case DTYPE_I64: COUNT(int64_t) return;
    case DTYPE_F32: COUNT(float) return;
    case DTYPE_F64: COUNT(double) return;
    }
}

bool kernel_iota(const KernelCall *call) {
    const View *y = &call->outputs[0];
    int axis = (int)call->ints[0];
    Iota iota = {.y = y, .n = y->shape.rank > 0 ? y->shape.dims[axis] : 1, .inner = 1};
    for (int i = axis + 1; i < y->shape.rank; i++) iota.inner *= y->shape.dims[i];
    threads_run(call->threads, chunk_count(shape_count(y->shape)), iota_chunk, &iota);
    return true;
}
