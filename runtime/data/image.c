#include "runtime/data/image.h"

#include <stdlib.h>

/* NaN is black: it fails both comparisons. */
static unsigned char to_byte(double value) { return value > 0.0 ? (unsigned char)(value < 1.0 ? value * 255.0 + 0.5 : 255.0) : 0; }

unsigned char *image_to_bytes(const Tensor *image, const char *path, int64_t *channels, int64_t *height, int64_t *width, Fault *fault) {
    char text[SHAPE_TEXT];
    int rank = image->shape.rank;
    const int64_t *dims = image->shape.dims;
    *channels = rank == 3 ? dims[0] : 1;
    bool fits = (rank == 2 || rank == 3) && (*channels == 1 || *channels == 3 || *channels == 4) && dims[rank - 1] > 0 &&
                dims[rank - 2] > 0;
    if (!fits) {
        fault_set(fault, "cannot write '%s': expected a picture of shape [h, w] or [c, h, w] with c = 1, 3 or 4, found %s", path,
                  shape_text(image->shape, text));
        return NULL;
    }
    *height = dims[rank - 2];
    *width = dims[rank - 1];
    int64_t area = *height * *width;
    unsigned char *bytes = malloc((size_t)(area * *channels));
    if (!bytes) {
        fault_set(fault, "cannot write '%s': out of memory", path);
        return NULL;
    }
    for (int64_t channel = 0; channel < *channels; channel++)
        for (int64_t i = 0; i < area; i++) bytes[i * *channels + channel] = to_byte(tensor_number(image, channel * area + i));
    return bytes;
}

Tensor *image_from_samples(const unsigned char *samples, int sample_bytes, int64_t channels, int64_t height, int64_t width, double maximum,
                           DType float_type, Fault *fault) {
    Tensor *image = tensor_new(float_type, shape_of(3, (int64_t[]){channels, height, width}), fault);
    if (!image) return NULL;
    int64_t area = height * width;
    for (int64_t i = 0; i < area * channels; i++, samples += sample_bytes) {
        int value = sample_bytes == 2 ? samples[0] << 8 | samples[1] : samples[0];
        tensor_set_number(image, i % channels * area + i / channels, (double)value / maximum);
    }
    return image;
}
