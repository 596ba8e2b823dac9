/* Prototypes of every kernel of kernels.def. What a kernel takes and gives is written in lang/ops/ops.def. */
#ifndef REG_KERNELS_KERNELS_H
#define REG_KERNELS_KERNELS_H

#include "runtime/exec/kernel.h"

#define KERNEL(name) bool kernel_##name(const KernelCall *call);
#define KERNEL_SCRATCH(name) KERNEL(name) size_t scratch_##name(const KernelCall *call);
#include "runtime/kernels/kernels.def"
#undef KERNEL
#undef KERNEL_SCRATCH

#endif
