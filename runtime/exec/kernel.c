#include "runtime/exec/kernel.h"

#include "runtime/kernels/kernels.h"

#include <string.h>

static const Kernel kernels[] = {
#define KERNEL(text) {.name = #text, .run = kernel_##text},
#define KERNEL_SCRATCH(text) {.name = #text, .run = kernel_##text, .scratch_bytes = scratch_##text},
#include "runtime/kernels/kernels.def"
};

const Kernel *kernel_find(const char *name) {
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        if (strcmp(kernels[i].name, name) == 0) return &kernels[i];
    return NULL;
}
