#include "runtime/data/elements.h"

#include <string.h>

size_t element_bytes(ElementType type) {
    switch (type) {
    case ELEMENT_BOOL:
    case ELEMENT_U8:
    case ELEMENT_I8: return 1;
    case ELEMENT_U16:
    case ELEMENT_I16:
    case ELEMENT_F16:
    case ELEMENT_BF16: return 2;
    case ELEMENT_U32:
    case ELEMENT_I32:
    case ELEMENT_F32: return 4;
    case ELEMENT_U64:
    case ELEMENT_I64:
    case ELEMENT_F64: return 8;
    }
    return 8;
}

DType element_dtype(ElementType type) {
    switch (type) {
    case ELEMENT_BOOL: return DTYPE_BOOL;
    case ELEMENT_U8:
    case ELEMENT_I8:
    case ELEMENT_U16:
    case ELEMENT_I16:
    case ELEMENT_U32:
    case ELEMENT_I32:
    case ELEMENT_U64:
    case ELEMENT_I64: return DTYPE_I64;
    case ELEMENT_F16:
    case ELEMENT_BF16:
    case ELEMENT_F32: return DTYPE_F32;
    case ELEMENT_F64: return DTYPE_F64;
    }
    return DTYPE_F64;
}

ElementType element_of(DType dtype) {
    static const ElementType types[] = {
        [DTYPE_BOOL] = ELEMENT_BOOL, [DTYPE_I64] = ELEMENT_I64, [DTYPE_F32] = ELEMENT_F32, [DTYPE_F64] = ELEMENT_F64};
    _Static_assert(sizeof types / sizeof *types == DTYPE_COUNT, "every dtype has an element type");
    return types[dtype];
}

int64_t elements_size(ElementType type, Shape shape, const char *subject, Fault *fault) {
    char text[SHAPE_TEXT];
    int64_t bytes = (int64_t)element_bytes(type);
    for (int axis = 0; axis < shape.rank; axis++) {
        if (shape.dims[axis] < 0) {
            fault_set(fault, "cannot read %s: its shape %s has a negative dimension", subject, shape_text(shape, text));
            return -1;
        }
        if (__builtin_mul_overflow(bytes, shape.dims[axis], &bytes)) {
            fault_set(fault, "cannot read %s: its shape %s is larger than any memory", subject, shape_text(shape, text));
            return -1;
        }
    }
    return bytes;
}

/* Halves have 5 bits of exponent with bias 15, floats 8 with bias 127; subnormal halves are normal floats. */
static float half_to_float(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 0x3ff;
    if (exponent == 0) {
        float magnitude = (float)fraction * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    uint32_t bits = sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | fraction << 13;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t load(const unsigned char *bytes, size_t width, bool big_endian) {
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++) value = value << 8 | bytes[big_endian ? i : width - 1 - i];
    return value;
}

/* Sign extension; false for a u64 beyond what i64 holds. */
static bool to_i64(ElementType type, uint64_t bits, int64_t *out) {
    switch (type) {
    case ELEMENT_I8: *out = (int8_t)bits; return true;
    case ELEMENT_I16: *out = (int16_t)bits; return true;
    case ELEMENT_I32: *out = (int32_t)bits; return true;
    case ELEMENT_U64: *out = (int64_t)bits; return bits <= INT64_MAX;
    case ELEMENT_BOOL:
    case ELEMENT_U8:
    case ELEMENT_U16:
    case ELEMENT_U32:
    case ELEMENT_I64:
    case ELEMENT_F16:
    case ELEMENT_BF16:
    case ELEMENT_F32:
    case ELEMENT_F64: *out = (int64_t)bits; return true;
    }
    return false;
}

static float to_f32(ElementType type, uint64_t bits) {
    if (type == ELEMENT_F16) return half_to_float((uint16_t)bits);
    uint32_t word = type == ELEMENT_BF16 ? (uint32_t)bits << 16 : (uint32_t)bits;
    float value;
    memcpy(&value, &word, sizeof value);
    return value;
}

static bool decode(ElementType type, bool big_endian, const unsigned char *bytes, Tensor *out, const char *subject, Fault *fault) {
    size_t width = element_bytes(type);
    int64_t count = tensor_count(out);
    for (int64_t i = 0; i < count; i++, bytes += width) {
        uint64_t bits = load(bytes, width, big_endian);
        switch (out->dtype) {
        case DTYPE_BOOL: tensor_bool(out)[i] = bits != 0; break;
        case DTYPE_F32: tensor_f32(out)[i] = to_f32(type, bits); break;
        case DTYPE_F64: memcpy(&tensor_f64(out)[i], &bits, sizeof bits); break;
        case DTYPE_I64:
            if (!to_i64(type, bits, &tensor_i64(out)[i]))
                return fault_set(fault, "cannot read %s: the whole number %llu in it is larger than 2^63 - 1", subject,
                                 (unsigned long long)bits);
            break;
        }
    }
    return true;
}

Tensor *elements_decode(ElementType type, bool big_endian, Shape shape, const char *bytes, size_t available, const char *subject,
                        Fault *fault) {
    int64_t size = elements_size(type, shape, subject, fault);
    if (size < 0) return NULL;
    if ((size_t)size > available) {
        char text[SHAPE_TEXT];
        fault_set(fault, "cannot read %s: its header promises shape %s, which takes %lld bytes, but only %zu follow", subject,
                  shape_text(shape, text), (long long)size, available);
        return NULL;
    }
    Tensor *tensor = tensor_new(element_dtype(type), shape, fault);
    if (!tensor || size == 0) return tensor;
    /* The machine is little-endian, so these are already what a tensor holds. */
    if (!big_endian && (type == ELEMENT_F32 || type == ELEMENT_F64 || type == ELEMENT_I64)) {
        memcpy(tensor->data, bytes, (size_t)size);
        return tensor;
    }
    if (!decode(type, big_endian, (const unsigned char *)bytes, tensor, subject, fault)) {
        tensor_release(tensor);
        return NULL;
    }
    return tensor;
}
