#include "runtime/data/idx.h"

#include "runtime/base/file.h"
#include "runtime/base/text.h"
#include "runtime/data/elements.h"
#include "runtime/data/gzip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool type_of(int code, ElementType *type) {
    switch (code) {
    case 0x08: *type = ELEMENT_U8; return true;
    case 0x09: *type = ELEMENT_I8; return true;
    case 0x0B: *type = ELEMENT_I16; return true;
    case 0x0C: *type = ELEMENT_I32; return true;
    case 0x0D: *type = ELEMENT_F32; return true;
    case 0x0E: *type = ELEMENT_F64; return true;
    default: return false;
    }
}

bool idx_parse_header(const char *bytes, size_t length, const char *subject, IdxHeader *out, Fault *fault) {
    const unsigned char *raw = (const unsigned char *)bytes;
    ElementType type;
    if (length < 4 || raw[0] != 0 || raw[1] != 0)
        return fault_set(fault, "cannot read %s: it is not an idx file, which begins with two zero bytes", subject);
    if (!type_of(raw[2], &type))
        return fault_set(fault, "cannot read %s: its element type is 0x%02X, expected 0x08, 0x09 or 0x0B to 0x0E", subject, raw[2]);
    if (raw[3] < 1 || raw[3] > RANK_MAX)
        return fault_set(fault, "cannot read %s: it has %d dimensions, expected 1 to %d", subject, raw[3], RANK_MAX);
    IdxHeader header = {.type = raw[2], .shape.rank = raw[3], .header_bytes = 4 + 4 * (size_t)raw[3]};
    if (length < header.header_bytes)
        return fault_set(fault, "cannot read %s: its header should have %zu bytes, but the file has %zu", subject, header.header_bytes,
                         length);
    for (int axis = 0; axis < header.shape.rank; axis++) {
        const unsigned char *dim = raw + 4 + 4 * axis;
        header.shape.dims[axis] = (int64_t)dim[0] << 24 | (int64_t)dim[1] << 16 | (int64_t)dim[2] << 8 | dim[3];
    }
    int64_t size = elements_size(type, header.shape, subject, fault);
    if (size < 0) return false;
    if ((size_t)size != length - header.header_bytes) {
        char text[SHAPE_TEXT];
        return fault_set(fault, "cannot read %s: its header promises shape %s, which takes %lld bytes, but %zu follow", subject,
                         shape_text(header.shape, text), (long long)size, length - header.header_bytes);
    }
    *out = header;
    return true;
}

bool idx_parse(const char *bytes, size_t length, const char *subject, Tensor **out, Fault *fault) {
    IdxHeader header;
    ElementType type;
    if (!idx_parse_header(bytes, length, subject, &header, fault) || !type_of(header.type, &type)) return false;
    *out = elements_decode(type, true, header.shape, bytes + header.header_bytes, length - header.header_bytes, subject, fault);
    return *out != NULL;
}

bool idx_read(const char *path, Tensor **out, Fault *fault) {
    size_t length;
    char *bytes = gzip_file_read(path, &length, fault);
    if (!bytes) return false;
    char subject[512];
    snprintf(subject, sizeof subject, "'%s'", path);
    bool read = idx_parse(bytes, length, subject, out, fault);
    free(bytes);
    return read;
}

static void add_big_endian(Text *text, uint64_t value, int width) {
    for (int shift = 8 * (width - 1); shift >= 0; shift -= 8) text_add_char(text, (char)(value >> shift & 0xff));
}

static void add_element(Text *text, const Tensor *tensor, int64_t index) {
    uint32_t word;
    uint64_t wide;
    switch (tensor->dtype) {
    case DTYPE_BOOL: text_add_char(text, (char)(tensor_bool(tensor)[index] != 0)); break;
    case DTYPE_I64: add_big_endian(text, (uint64_t)tensor_i64(tensor)[index], 4); break;
    case DTYPE_F32:
        memcpy(&word, &tensor_f32(tensor)[index], 4);
        add_big_endian(text, word, 4);
        break;
    case DTYPE_F64:
        memcpy(&wide, &tensor_f64(tensor)[index], 8);
        add_big_endian(text, wide, 8);
        break;
    }
}

bool idx_write(const char *path, const Tensor *tensor, Fault *fault) {
    static const char codes[] = {[DTYPE_BOOL] = 0x08, [DTYPE_I64] = 0x0C, [DTYPE_F32] = 0x0D, [DTYPE_F64] = 0x0E};
    if (tensor->shape.rank == 0) return fault_set(fault, "cannot write '%s': the idx format has no scalars", path);
    for (int axis = 0; axis < tensor->shape.rank; axis++)
        if (tensor->shape.dims[axis] > UINT32_MAX) return fault_set(fault, "cannot write '%s': a dimension is larger than 2^32 - 1", path);
    int64_t count = tensor_count(tensor);
    for (int64_t i = 0; tensor->dtype == DTYPE_I64 && i < count; i++)
        if (tensor_i64(tensor)[i] != (int32_t)tensor_i64(tensor)[i])
            return fault_set(fault, "cannot write '%s': the value %lld does not fit in the 32 bits of idx", path,
                             (long long)tensor_i64(tensor)[i]);
    Text text = {0};
    text_add_bytes(&text, (const char[]){0, 0, codes[tensor->dtype], (char)tensor->shape.rank}, 4);
    for (int axis = 0; axis < tensor->shape.rank; axis++) add_big_endian(&text, (uint64_t)tensor->shape.dims[axis], 4);
    for (int64_t i = 0; i < count; i++) add_element(&text, tensor, i);
    size_t length = strlen(path);
    bool packed = length > 3 && strcmp(path + length - 3, ".gz") == 0;
    bool written = packed ? gzip_file_write(path, text.bytes, text.length, fault) : file_write(path, text.bytes, text.length, fault);
    text_free(&text);
    return written;
}
