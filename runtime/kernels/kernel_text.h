/* The text of vecmath.h with all it includes, laid into the read-only data by the Makefile: what a compiled fused group begins with
 * (runtime/exec/fused_text.c). */
#ifndef REG_KERNELS_KERNEL_TEXT_H
#define REG_KERNELS_KERNEL_TEXT_H

extern const char kernel_text[], kernel_text_end[];

#endif
