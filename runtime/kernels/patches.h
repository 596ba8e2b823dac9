/* The column matrix of a convolution without ever storing it: rows are taps (channel, kernel row, kernel column), columns are
 * output positions. The images of a block are copied once into padded storage, in which every run of neighbouring output
 * positions is a run of neighbouring elements for every tap; panels for a matrix product are then copied straight from there. */
#ifndef REG_KERNELS_PATCHES_H
#define REG_KERNELS_PATCHES_H

#include "runtime/kernels/columns.h"
#include "runtime/kernels/product.h"

typedef struct Patches {
    const ConvShape *s;
    Block block;
    char *padded;                                                   /* [image, channel, row, column mod stride_w, column div stride_w] */
    int64_t phase_stride, row_stride, channel_stride, image_stride; /* in elements */
} Patches;

/* Elements from a position's place in padded storage to what taps first .. first + count - 1 read there. */
void patches_tap_offsets(const Patches *patches, int64_t first, int64_t count, int64_t *offsets);

/* Bytes of padded storage for blocks of that many images, output rows and channels. */
size_t patches_bytes(const ConvShape *s, int64_t images, int64_t rows, int64_t channels);
/* Fills `padded` from x [n, c, h, w]. */
Patches patches_of(const ConvShape *s, Block block, const void *x, void *padded);
/* The column matrix as the right factor of a product (lines are positions, depth is taps), and its transpose. */
Factor patches_columns(const Patches *patches);
Factor patches_transposed(const Patches *patches);

#endif
