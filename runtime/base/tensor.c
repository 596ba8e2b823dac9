#include "runtime/base/tensor.h"

#include "runtime/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* From this size on a tensor is compared with the memory that is free: the kernel would promise more than it has and end
 * the process later, at the first touch, without a message. */
enum { ALIGNMENT = 64, LARGE_BYTES = 256 << 20, HUGE_PAGE = 2 << 20 };

size_t dtype_bytes(DType dtype) {
    static const size_t bytes[] = {[DTYPE_BOOL] = 1, [DTYPE_I64] = 8, [DTYPE_F32] = 4, [DTYPE_F64] = 8};
    _Static_assert(sizeof bytes / sizeof *bytes == DTYPE_COUNT, "every dtype has a size");
    return bytes[dtype];
}

const char *dtype_name(DType dtype) {
    static const char *const names[] = {[DTYPE_BOOL] = "bool", [DTYPE_I64] = "i64", [DTYPE_F32] = "f32", [DTYPE_F64] = "f64"};
    _Static_assert(sizeof names / sizeof *names == DTYPE_COUNT, "every dtype has a name");
    return names[dtype];
}

bool dtype_is_float(DType dtype) { return dtype == DTYPE_F32 || dtype == DTYPE_F64; }

/* Free and reclaimable memory; all of it where /proc does not say. */
static double available_bytes(void) {
    FILE *file = fopen("/proc/meminfo", "r");
    char line[128];
    unsigned long long kibibytes = 0;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %llu", &kibibytes) == 1) break;
    if (file) fclose(file);
    return kibibytes ? (double)kibibytes * 1024.0 : (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGE_SIZE);
}

static bool fault_too_large(DType dtype, Shape shape, Fault *fault) {
    char text[SHAPE_TEXT];
    double bytes = (double)dtype_bytes(dtype);
    for (int axis = 0; axis < shape.rank; axis++) bytes *= (double)shape.dims[axis];
    return fault_set(fault, "a tensor of shape %s needs %.4g GiB, more than the machine has", shape_text(shape, text), bytes / 0x1p30);
}

static bool check_size(DType dtype, Shape shape, size_t *bytes, Fault *fault) {
    char text[SHAPE_TEXT];
    int64_t count = (int64_t)dtype_bytes(dtype);
    for (int axis = 0; axis < shape.rank; axis++) {
        if (shape.dims[axis] < 0) return fault_set(fault, "a tensor cannot have the shape %s", shape_text(shape, text));
        if (__builtin_mul_overflow(count, shape.dims[axis], &count)) return fault_too_large(dtype, shape, fault);
    }
    *bytes = (size_t)count;
    if (*bytes >= LARGE_BYTES && (double)*bytes > available_bytes()) return fault_too_large(dtype, shape, fault);
    return true;
}

Tensor *tensor_wrap(DType dtype, Shape shape, void *data) {
    Tensor *tensor = allocate(sizeof *tensor);
    *tensor = (Tensor){.references = 1, .dtype = dtype, .shape = shape, .data = data};
    return tensor;
}

/* Large tensors lie on huge pages where the system grants them: touching new memory a small page at a time costs more than
 * filling it. */
static void *allocate_aligned(size_t bytes) {
    size_t alignment = bytes >= 2 * HUGE_PAGE ? HUGE_PAGE : ALIGNMENT;
    void *data = aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    if (data && alignment == HUGE_PAGE) madvise(data, bytes, MADV_HUGEPAGE);
    return data;
}

Tensor *tensor_new(DType dtype, Shape shape, Fault *fault) {
    size_t bytes = 0;
    if (!check_size(dtype, shape, &bytes, fault)) return NULL;
    void *data = NULL;
    if (bytes > 0) {
        data = allocate_aligned(bytes);
        if (!data) {
            fault_too_large(dtype, shape, fault);
            return NULL;
        }
    }
    Tensor *tensor = tensor_wrap(dtype, shape, data);
    tensor->owns_data = true;
    return tensor;
}

Tensor *tensor_zeros(DType dtype, Shape shape, Fault *fault) {
    Tensor *tensor = tensor_new(dtype, shape, fault);
    if (tensor && tensor->data) memset(tensor->data, 0, tensor_bytes(tensor));
    return tensor;
}

Tensor *tensor_copy(const Tensor *tensor, Fault *fault) {
    Tensor *copy = tensor_new(tensor->dtype, tensor->shape, fault);
    if (copy && copy->data) memcpy(copy->data, tensor->data, tensor_bytes(tensor));
    return copy;
}

/* Between the two floating-point types whole arrays are converted when files are loaded; these loops vectorise. */
static bool cast_floats(const Tensor *from, Tensor *to, int64_t count) {
    if (from->dtype == DTYPE_F64 && to->dtype == DTYPE_F32)
        for (int64_t i = 0; i < count; i++) tensor_f32(to)[i] = (float)tensor_f64(from)[i];
    else if (from->dtype == DTYPE_F32 && to->dtype == DTYPE_F64)
        for (int64_t i = 0; i < count; i++) tensor_f64(to)[i] = (double)tensor_f32(from)[i];
    else return false;
    return true;
}

Tensor *tensor_cast(const Tensor *tensor, DType dtype, Fault *fault) {
    if (tensor->dtype == dtype) return tensor_copy(tensor, fault);
    Tensor *cast = tensor_new(dtype, tensor->shape, fault);
    int64_t count = cast ? tensor_count(cast) : 0;
    if (!cast || cast_floats(tensor, cast, count)) return cast;
    for (int64_t i = 0; i < count; i++) tensor_set_number(cast, i, tensor_number(tensor, i));
    return cast;
}

Tensor *tensor_scalar(DType dtype, double value) {
    void *data = aligned_alloc(ALIGNMENT, ALIGNMENT);
    if (!data) data = allocate(ALIGNMENT); /* ends the process when nothing is left */
    Tensor *tensor = tensor_wrap(dtype, shape_scalar(), data);
    tensor->owns_data = true;
    tensor_set_number(tensor, 0, value);
    return tensor;
}

Tensor *tensor_retain(Tensor *tensor) {
    __atomic_add_fetch(&tensor->references, 1, __ATOMIC_RELAXED);
    return tensor;
}

void tensor_release(Tensor *tensor) {
    if (!tensor || __atomic_sub_fetch(&tensor->references, 1, __ATOMIC_ACQ_REL) > 0) return;
    if (tensor->owns_data) free(tensor->data);
    free(tensor);
}

int64_t tensor_count(const Tensor *tensor) { return shape_count(tensor->shape); }

size_t tensor_bytes(const Tensor *tensor) { return (size_t)tensor_count(tensor) * dtype_bytes(tensor->dtype); }

double tensor_number(const Tensor *tensor, int64_t index) {
    switch (tensor->dtype) {
    case DTYPE_BOOL: return tensor_bool(tensor)[index];
    case DTYPE_I64: return (double)tensor_i64(tensor)[index];
    case DTYPE_F32: return (double)tensor_f32(tensor)[index];
    case DTYPE_F64: return tensor_f64(tensor)[index];
    }
    return 0.0;
}

/* Truncation that is defined for every double: out of range saturates, NaN is 0. */
static int64_t to_i64(double value) {
    if (value != value) return 0;
    if (value >= 0x1p63) return INT64_MAX;
    return value < -0x1p63 ? INT64_MIN : (int64_t)value;
}

void tensor_set_number(Tensor *tensor, int64_t index, double value) {
    switch (tensor->dtype) {
    case DTYPE_BOOL: tensor_bool(tensor)[index] = value != 0.0; break;
    case DTYPE_I64: tensor_i64(tensor)[index] = to_i64(value); break;
    case DTYPE_F32: tensor_f32(tensor)[index] = (float)value; break;
    case DTYPE_F64: tensor_f64(tensor)[index] = value; break;
    }
}

void table_add(TensorTable *table, const char *name, Tensor *tensor) {
    list_push(table, ((NamedTensor){.name = copy_string(name), .tensor = tensor}));
}

Tensor *table_find(const TensorTable *table, const char *name) {
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->items[i].name, name) == 0) return table->items[i].tensor;
    return NULL;
}

void table_free(TensorTable *table) {
    for (size_t i = 0; i < table->count; i++) {
        free(table->items[i].name);
        tensor_release(table->items[i].tensor);
    }
    free(table->items);
    *table = (TensorTable){0};
}
