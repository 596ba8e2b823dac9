/* Pictures: PNG, and the text and binary forms of PGM and PPM. A picture is a float tensor [c, h, w] in 0..1 with
 * c = 1 (grey), 3 (red, green, blue) or 4 (and alpha). */
#ifndef REG_DATA_IMAGE_H
#define REG_DATA_IMAGE_H

#include "runtime/base/tensor.h"

bool png_read(const char *path, DType float_type, Tensor **out, Fault *fault);
/* [h, w] or [c, h, w]; values are clamped to 0..1 and rounded to 8 bits; NaN is black. */
bool png_write(const char *path, const Tensor *image, Fault *fault);

/* P2, P3, P5, P6 with a maximum value up to 65535. */
bool pnm_read(const char *path, DType float_type, Tensor **out, Fault *fault);
bool pnm_parse(const char *bytes, size_t length, const char *subject, DType float_type, Tensor **out, Fault *fault);
bool pnm_write(const char *path, const Tensor *image, Fault *fault); /* P5 or P6; no alpha */

/* Shared by both: the picture as 8-bit samples [h, w, c] (freed by the caller), NULL with a fault. */
unsigned char *image_to_bytes(const Tensor *image, const char *path, int64_t *channels, int64_t *height, int64_t *width, Fault *fault);
/* `samples` of one or two bytes (big-endian) each, [h, w, c], divided by `maximum`. */
Tensor *image_from_samples(const unsigned char *samples, int sample_bytes, int64_t channels, int64_t height, int64_t width, double maximum,
                           DType float_type, Fault *fault);

#endif
