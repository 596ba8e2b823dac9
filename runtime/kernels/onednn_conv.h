/* 2-d convolutions of f32 images whose channels lie last, [n, h, w, c], by oneDNN, tile of images after tile of images.
 *
 * oneDNN writes machine code for each geometry, in milliseconds, and has an order of its own for the kernel's elements. Both are
 * made once for a geometry and kept for the process, like the loaded library itself: they are functions of the geometry alone. */
#ifndef REG_KERNELS_ONEDNN_CONV_H
#define REG_KERNELS_ONEDNN_CONV_H

#include "runtime/kernels/columns.h"

typedef enum ConvKind { CONV_FORWARD, CONV_INPUT, CONV_KERNEL } ConvKind; /* y, dx or dk is computed */

typedef struct OnednnConv OnednnConv;

/* A convolution in tiles of `images` images, the last one of what is left; NULL where oneDNN has no fast way or is not there. */
const OnednnConv *onednn_conv_get(ConvKind kind, const ConvShape *s, int64_t images);

size_t onednn_conv_packed_bytes(const OnednnConv *conv);  /* of the kernel in oneDNN's order */
size_t onednn_conv_scratch_bytes(const OnednnConv *conv); /* of one tile */

/* [o, c / groups, kh, kw] in oneDNN's order (CONV_FORWARD, CONV_INPUT), or back (CONV_KERNEL). */
bool onednn_conv_reorder(const OnednnConv *conv, const void *from, void *to);
/* CONV_FORWARD: y from x and the packed kernel; CONV_INPUT: dx from dy and the packed kernel; CONV_KERNEL: the tile's part of the packed
 * dk from x and dy. Images are given whole, from the first. */
bool onednn_conv_tile(const OnednnConv *conv, int64_t tile, const void *a, const void *b, void *out, void *scratch);

#endif
