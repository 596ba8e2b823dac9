/* The kernels of many plans before any of them runs, each once: what `reg compile` compiles ahead. */
#ifndef REG_EXEC_KERNEL_SET_H
#define REG_EXEC_KERNEL_SET_H

#include "runtime/base/memory.h"
#include "runtime/base/text.h"
#include "runtime/exec/compiler.h"
#include "runtime/exec/plan.h"

typedef struct KernelSet {
    Text text; /* of the functions, without what comes before them */
    LIST(char *) names;
} KernelSet;

/* The groups of a plan, which need not be prepared, and of its loops. */
void kernel_set_add(KernelSet *set, const Plan *plan);
void kernel_set_free(KernelSet *set);
/* Compiles them for processors of `level` (elementwise.h): a running compilation, see compiler.h. NULL with a fault. */
Compilation *kernel_set_compile(const KernelSet *set, int level, Fault *fault);

/* What the file of kernels for a level is called in a compiled program. */
enum { KERNELS_NAME = 16 };
const char *kernels_name(int level, char name[static KERNELS_NAME]);

#endif
