/* The three convolutions of images whose channels lie last: by oneDNN, or without it by turning the images. */
#ifndef REG_KERNELS_CONV_LAST_H
#define REG_KERNELS_CONV_LAST_H

#include "runtime/exec/kernel.h"
#include "runtime/kernels/onednn_conv.h"

bool conv_is_last(const KernelCall *call); /* the call's images are [n, h, w, c] */
size_t conv_last_scratch(const KernelCall *call, ConvKind kind);
bool conv_last(const KernelCall *call, ConvKind kind);

#endif
