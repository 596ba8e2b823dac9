/* Tensors as pictures: [h, w] grey, [c, h, w] with c = 1 or 3, [n, h, w] and [n, c, h, w] (c = 1, 3 or 4) a grid of n.
 * Values are clamped to 0..1; NaN is black. Reading pictures and the file formats are in runtime/data/image.h. */
#ifndef REG_PLOT_IMAGE_H
#define REG_PLOT_IMAGE_H

#include "runtime/base/tensor.h"
#include "runtime/base/text.h"
#include "runtime/plot/colours.h"

typedef struct ImageShape {
    int64_t count, channels, height, width;
} ImageShape;

/* False with a fault when the tensor is no picture or has no pixels. */
bool image_shape(const Tensor *image, ImageShape *shape, Fault *fault);
/* Pixel of picture n; an alpha channel is laid over white. */
Colour image_pixel(const Tensor *image, const ImageShape *shape, int64_t n, int64_t y, int64_t x);
/* One picture [c, h, w] of f32 with all of them side by side, a white pixel between; `columns` 0: about square. */
Tensor *image_grid(const Tensor *image, int64_t columns, Fault *fault);
/* Writes ".png", ".pgm" or ".ppm" (by the ending), several pictures as one grid. */
bool image_write(const Tensor *image, const char *path, Fault *fault);
/* The picture in half blocks, at most `columns` wide (0: 80): true colour, or shades of five blocks without colour. */
bool image_terminal(const Tensor *image, int columns, bool has_colour, Text *out, Fault *fault);

#endif
