#include "runtime/data/npy.h"

#include "runtime/base/file.h"
#include "runtime/data/elements.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The header is the text of a Python dict: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }. */
typedef struct Header {
    ElementType type;
    bool big_endian, fortran_order;
    Shape shape;
    const char *elements;
    bool has_type, has_order, has_shape;
} Header;

typedef struct Cursor {
    const char *at, *end;
    const char *subject;
    Fault *fault;
} Cursor;

static bool malformed(Cursor *cursor, const char *what) {
    return fault_set(cursor->fault, "cannot read %s: its npy header is malformed, %s", cursor->subject, what);
}

static void skip_space(Cursor *cursor) {
    while (cursor->at < cursor->end && isspace((unsigned char)*cursor->at)) cursor->at++;
}

static bool take(Cursor *cursor, char expected) {
    skip_space(cursor);
    if (cursor->at == cursor->end || *cursor->at != expected) return false;
    cursor->at++;
    return true;
}

static bool take_word(Cursor *cursor, const char *word) {
    skip_space(cursor);
    size_t length = strlen(word);
    if ((size_t)(cursor->end - cursor->at) < length || memcmp(cursor->at, word, length) != 0) return false;
    cursor->at += length;
    return true;
}

/* A quoted string of at most `capacity - 1` characters. */
static bool take_string(Cursor *cursor, char *out, size_t capacity) {
    skip_space(cursor);
    char quote = cursor->at < cursor->end ? *cursor->at : '\0';
    if (quote != '\'' && quote != '"') return false;
    cursor->at++;
    size_t length = 0;
    while (cursor->at < cursor->end && *cursor->at != quote && length + 1 < capacity) out[length++] = *cursor->at++;
    out[length] = '\0';
    return take(cursor, quote);
}

static bool parse_type(Cursor *cursor, Header *header) {
    static const struct {
        const char *code;
        ElementType type;
    } types[] = {{"b1", ELEMENT_BOOL}, {"i1", ELEMENT_I8},  {"i2", ELEMENT_I16}, {"i4", ELEMENT_I32},
                 {"i8", ELEMENT_I64},  {"u1", ELEMENT_U8},  {"u2", ELEMENT_U16}, {"u4", ELEMENT_U32},
                 {"u8", ELEMENT_U64},  {"f2", ELEMENT_F16}, {"f4", ELEMENT_F32}, {"f8", ELEMENT_F64}};
    char text[64];
    if (!take_string(cursor, text, sizeof text)) return malformed(cursor, "'descr' is not a simple type");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (text[0] && strchr("<>|=", text[0]) && strcmp(text + 1, types[i].code) == 0) {
            header->type = types[i].type;
            header->big_endian = text[0] == '>';
            return header->has_type = true;
        }
    return fault_set(cursor->fault, "cannot read %s: its elements have the type '%s', expected whole numbers, floats or booleans",
                     cursor->subject, text);
}

static bool parse_dimension(Cursor *cursor, int64_t *out) {
    skip_space(cursor);
    bool negative = take(cursor, '-');
    if (cursor->at == cursor->end || !isdigit((unsigned char)*cursor->at))
        return malformed(cursor, "its shape is not a tuple of whole numbers");
    int64_t value = 0;
    for (; cursor->at < cursor->end && isdigit((unsigned char)*cursor->at); cursor->at++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *cursor->at - '0', &value))
            return malformed(cursor, "a dimension is larger than 2^63 - 1");
    if (cursor->at < cursor->end && *cursor->at == 'L') /* written by Python 2 */
        cursor->at++;
    *out = negative ? -value : value;
    return true;
}

static bool parse_shape(Cursor *cursor, Header *header) {
    if (!take(cursor, '(')) return malformed(cursor, "its shape is not a tuple");
    while (!take(cursor, ')')) {
        if (header->shape.rank == RANK_MAX)
            return fault_set(cursor->fault, "cannot read %s: its array has more than %d dimensions", cursor->subject, RANK_MAX);
        if (!parse_dimension(cursor, &header->shape.dims[header->shape.rank])) return false;
        header->shape.rank++;
        if (!take(cursor, ',') && !(cursor->at < cursor->end && *cursor->at == ')')) return malformed(cursor, "its shape is not a tuple");
    }
    return header->has_shape = true;
}

static bool parse_entry(Cursor *cursor, Header *header) {
    char key[32];
    if (!take_string(cursor, key, sizeof key) || !take(cursor, ':')) return malformed(cursor, "it is not a dictionary");
    if (strcmp(key, "descr") == 0 && !header->has_type) return parse_type(cursor, header);
    if (strcmp(key, "shape") == 0 && !header->has_shape) return parse_shape(cursor, header);
    if (strcmp(key, "fortran_order") != 0 || header->has_order) return malformed(cursor, "it has an unexpected key");
    header->fortran_order = take_word(cursor, "True");
    if (!header->fortran_order && !take_word(cursor, "False")) return malformed(cursor, "'fortran_order' is neither True nor False");
    return header->has_order = true;
}

static bool parse_dictionary(Cursor *cursor, Header *header) {
    if (!take(cursor, '{')) return malformed(cursor, "it is not a dictionary");
    while (!take(cursor, '}')) {
        if (!parse_entry(cursor, header)) return false;
        take(cursor, ',');
    }
    if (!header->has_type || !header->has_order || !header->has_shape)
        return malformed(cursor, "'descr', 'fortran_order' or 'shape' is missing");
    return true;
}

static bool parse_header(const char *bytes, size_t length, const char *subject, Header *header, Fault *fault) {
    if (length < 10 || memcmp(bytes, "\x93NUMPY", 6) != 0)
        return fault_set(fault, "cannot read %s: it is not an npy file, which begins with \"\\x93NUMPY\"", subject);
    const unsigned char *raw = (const unsigned char *)bytes;
    size_t prefix = raw[6] == 1 ? 10 : 12;
    if (raw[6] < 1 || raw[6] > 3)
        return fault_set(fault, "cannot read %s: its npy format version is %d, expected 1, 2 or 3", subject, raw[6]);
    size_t header_length = raw[8] | (size_t)raw[9] << 8;
    if (prefix == 12 && length >= 12) header_length |= (size_t)raw[10] << 16 | (size_t)raw[11] << 24;
    if (length < prefix || header_length > length - prefix)
        return fault_set(fault, "cannot read %s: its npy header should have %zu bytes, but the file has only %zu", subject, header_length,
                         length);
    Cursor cursor = {bytes + prefix, bytes + prefix + header_length, subject, fault};
    header->elements = cursor.end;
    return parse_dictionary(&cursor, header);
}

static Shape reversed(Shape shape) {
    Shape result = {.rank = shape.rank};
    for (int axis = 0; axis < shape.rank; axis++) result.dims[axis] = shape.dims[shape.rank - 1 - axis];
    return result;
}

/* The transpose (all axes reversed) of `from`, whose elements are a Fortran-ordered array. */
static Tensor *transposed(const Tensor *from, Fault *fault) {
    Shape shape = reversed(from->shape);
    Tensor *to = tensor_new(from->dtype, shape, fault);
    if (!to) return NULL;
    size_t width = dtype_bytes(from->dtype);
    int64_t strides[RANK_MAX], index[RANK_MAX] = {0}, count = tensor_count(to), source = 0;
    shape_strides(from->shape, strides);
    for (int64_t i = 0; i < count; i++) {
        memcpy((char *)to->data + (size_t)i * width, (const char *)from->data + (size_t)source * width, width);
        for (int axis = shape.rank - 1; axis >= 0; axis--) {
            int64_t stride = strides[shape.rank - 1 - axis];
            source += stride;
            if (++index[axis] < shape.dims[axis]) break;
            source -= stride * index[axis];
            index[axis] = 0;
        }
    }
    return to;
}

bool npy_parse(const char *bytes, size_t length, const char *subject, Tensor **out, Fault *fault) {
    Header header = {0};
    if (!parse_header(bytes, length, subject, &header, fault)) return false;
    bool transpose = header.fortran_order && header.shape.rank > 1;
    Shape shape = transpose ? reversed(header.shape) : header.shape;
    size_t available = length - (size_t)(header.elements - bytes);
    int64_t size = elements_size(header.type, shape, subject, fault);
    if (size < 0) return false;
    if ((size_t)size < available)
        return fault_set(fault, "cannot read %s: behind its elements %zu bytes more follow", subject, available - (size_t)size);
    Tensor *tensor = elements_decode(header.type, header.big_endian, shape, header.elements, available, subject, fault);
    if (tensor && transpose) {
        Tensor *straight = transposed(tensor, fault);
        tensor_release(tensor);
        tensor = straight;
    }
    *out = tensor;
    return tensor != NULL;
}

void npy_format(const Tensor *tensor, Text *out) {
    static const char *const codes[] = {[DTYPE_BOOL] = "|b1", [DTYPE_I64] = "<i8", [DTYPE_F32] = "<f4", [DTYPE_F64] = "<f8"};
    Text header = {0};
    text_addf(&header, "{'descr': '%s', 'fortran_order': False, 'shape': (", codes[tensor->dtype]);
    for (int axis = 0; axis < tensor->shape.rank; axis++)
        text_addf(&header, "%lld,%s", (long long)tensor->shape.dims[axis], axis + 1 < tensor->shape.rank ? " " : "");
    text_add(&header, "), }");
    while ((10 + header.length + 1) % 64 != 0) /* the elements begin at a multiple of 64 */
        text_add_char(&header, ' ');
    text_add_char(&header, '\n');
    text_add_bytes(out, "\x93NUMPY\x01\x00", 8);
    text_add_char(out, (char)(header.length & 0xff));
    text_add_char(out, (char)(header.length >> 8));
    text_add_bytes(out, header.bytes, header.length);
    text_add_bytes(out, tensor->data, tensor_bytes(tensor));
    text_free(&header);
}

bool npy_read(const char *path, Tensor **out, Fault *fault) {
    size_t length;
    char *bytes = file_read(path, &length, fault);
    if (!bytes) return false;
    char subject[512];
    snprintf(subject, sizeof subject, "'%s'", path);
    bool read = npy_parse(bytes, length, subject, out, fault);
    free(bytes);
    return read;
}

bool npy_write(const char *path, const Tensor *tensor, Fault *fault) {
    Text text = {0};
    npy_format(tensor, &text);
    bool written = file_write(path, text.bytes, text.length, fault);
    text_free(&text);
    return written;
}
