/* WIDE functions are compiled for several instruction sets; the loader takes the best. No multiply-add is fused in them, so
 * every version gives the same bits. */
#ifndef REG_KERNELS_WIDE_H
#define REG_KERNELS_WIDE_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((optimize("O3"), target_clones("avx512f", "avx2", "default")))
#else
#define WIDE
#endif

#endif
