/* Convolutions in which every output channel sees one input channel: too thin for a matrix product, so computed directly. */
#ifndef REG_KERNELS_DEPTHWISE_H
#define REG_KERNELS_DEPTHWISE_H

#include "runtime/exec/threads.h"
#include "runtime/kernels/columns.h"

bool conv_is_depthwise(const ConvShape *s); /* one input channel per group and few output channels */
size_t depthwise_scratch(const ConvShape *s);
/* y from x and kernel. */
void depthwise_conv(const ConvShape *s, const void *x, const void *kernel, void *y, void *scratch, Threads *threads);
/* dk from x and dy. Images are summed in order. */
void depthwise_kernel(const ConvShape *s, const void *x, const void *dy, void *dk, void *scratch, Threads *threads);

#endif
