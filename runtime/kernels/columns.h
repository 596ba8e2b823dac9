/* The geometry of a 2-d convolution seen as a matrix product.
 *
 * The column matrix has one row per tap (channel, kernel row, kernel column) and one column per output position of a block:
 * `image_count` images by `row_count` output rows. patches.h makes it from images; here is its way back. */
#ifndef REG_KERNELS_COLUMNS_H
#define REG_KERNELS_COLUMNS_H

#include "runtime/base/tensor.h"

typedef struct ConvShape {
    int64_t n, c, h, w; /* x */
    int64_t o, kh, kw;  /* kernel [o, c / groups, kh, kw] */
    int64_t oh, ow;     /* y [n, o, oh, ow] */
    int64_t stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w, groups;
    int64_t group_c, group_o; /* channels per group */
    DType dtype;
    int64_t bytes; /* of one element */
} ConvShape;

/* ints as in lang/ops/ops.def: stride_h, stride_w, pads (top, bottom, left, right), dilation_h, dilation_w, groups. */
ConvShape conv_shape(DType dtype, Shape x, Shape kernel, Shape y, const int64_t *ints);
bool conv_shape_equal(const ConvShape *a, const ConvShape *b);

/* A block of output positions of some images, and of channels of one group. */
typedef struct Block {
    int64_t first_image, image_count;
    int64_t first_row, row_count;         /* output rows; all of them when image_count > 1 */
    int64_t first_channel, channel_count; /* absolute input channels */
} Block;

static inline int64_t block_columns(const ConvShape *s, const Block *block) { return block->image_count * block->row_count * s->ow; }

/* How output positions are cut into blocks of about `columns`. */
typedef struct Cut {
    int64_t images, rows; /* per block: several images only when an image is small */
    int64_t image_blocks, row_blocks;
} Cut;
Cut conv_cut(const ConvShape *s, int64_t columns);

bool conv_is_pointwise(const ConvShape *s); /* 1 x 1, stride 1, no padding: x already is its column matrix */

/* Adds columns[channel_count * kh * kw, block_columns] into the places of dx that they are read from, in a fixed order. */
void columns_to_image(const ConvShape *s, const Block *block, const void *columns, void *dx);
/* packed[channels, block_columns] from y-like storage [n, o, oh, ow] and back. */
void columns_pack(const ConvShape *s, const Block *block, int64_t first_o, int64_t o_count, const void *y, void *packed);
void columns_unpack(const ConvShape *s, const Block *block, int64_t first_o, int64_t o_count, const void *packed, void *y);

#endif
