#include "runtime/data/pictures.h"

#include "runtime/data/embed.h"
#include "runtime/data/gzip.h"
#include "runtime/data/idx.h"

#include <stdio.h>
#include <stdlib.h>

/* 47 million bytes of Fashion-MNIST become floats here: a table of the 256 values instead of a division for each. */
static void convert_f32(const unsigned char *bytes, int64_t count, double maximum, float *out) {
    float values[256];
    for (int i = 0; i < 256; i++) values[i] = (float)(i / maximum);
    for (int64_t i = 0; i < count; i++) out[i] = values[bytes[i]];
}

static void convert_f64(const unsigned char *bytes, int64_t count, double maximum, double *out) {
    for (int64_t i = 0; i < count; i++) out[i] = bytes[i] / maximum;
}

/* [n, h, w, c] -> [n, c, h, w] */
static void convert_colour(const unsigned char *bytes, const int64_t *dims, double maximum, Tensor *out) {
    int64_t area = dims[1] * dims[2], channels = dims[3];
    for (int64_t sample = 0; sample < dims[0]; sample++)
        for (int64_t pixel = 0; pixel < area; pixel++)
            for (int64_t channel = 0; channel < channels; channel++)
                tensor_set_number(out, (sample * channels + channel) * area + pixel, *bytes++ / maximum);
}

Tensor *pictures_decode(const char *bytes, size_t length, const char *subject, double maximum, DType float_type, Shape *sample,
                        Fault *fault) {
    IdxHeader header;
    if (!idx_parse_header(bytes, length, subject, &header, fault)) return NULL;
    const int64_t *dims = header.shape.dims;
    if (header.type != 0x08 || header.shape.rank < 3 || header.shape.rank > 4) {
        fault_set(fault, "cannot read %s: expected pictures of bytes with 3 or 4 dimensions", subject);
        return NULL;
    }
    int64_t channels = header.shape.rank == 4 ? dims[3] : 1, count = shape_count(header.shape);
    Tensor *x = tensor_new(float_type, shape_2(dims[0], channels * dims[1] * dims[2]), fault);
    if (!x) return NULL;
    const unsigned char *pixels = (const unsigned char *)bytes + header.header_bytes;
    if (channels > 1) convert_colour(pixels, dims, maximum, x);
    else if (float_type == DTYPE_F32) convert_f32(pixels, count, maximum, tensor_f32(x));
    else convert_f64(pixels, count, maximum, tensor_f64(x));
    *sample = shape_of(3, (int64_t[]){channels, dims[1], dims[2]});
    return x;
}

static bool add_decoded(Split *split, char *bytes, size_t length, const char *name, double maximum, DType float_type, Shape *sample,
                        Fault *fault) {
    char subject[512];
    snprintf(subject, sizeof subject, "'%s'", name);
    Tensor *x = bytes ? pictures_decode(bytes, length, subject, maximum, float_type, sample, fault) : NULL;
    free(bytes);
    if (x) table_add(&split->fields, "x", x);
    return x != NULL;
}

bool pictures_add_embedded(Split *split, const char *name, double maximum, DType float_type, Shape *sample, Fault *fault) {
    size_t length = 0;
    char *bytes = embedded_read(name, &length, fault);
    return add_decoded(split, bytes, length, name, maximum, float_type, sample, fault);
}

bool pictures_add_file(Split *split, const char *path, double maximum, DType float_type, Shape *sample, Fault *fault) {
    size_t length = 0;
    char *bytes = gzip_file_read(path, &length, fault);
    return add_decoded(split, bytes, length, path, maximum, float_type, sample, fault);
}

bool labels_add_embedded(Split *split, const char *field, const char *name, Fault *fault) {
    size_t length = 0;
    char *bytes = embedded_read(name, &length, fault);
    Tensor *labels = NULL;
    bool read = bytes && idx_parse(bytes, length, name, &labels, fault);
    free(bytes);
    if (!read) return false;
    if (labels->shape.rank > 1) labels->shape = shape_2(labels->shape.dims[0], tensor_count(labels) / labels->shape.dims[0]);
    table_add(&split->fields, field, labels);
    return true;
}
