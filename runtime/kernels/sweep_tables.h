/* The inner loops of sweep.c compiled for three instruction sets (sweep_v1.c, sweep_v3.c, sweep_v4.c from sweep_text.h). */
#ifndef REG_KERNELS_SWEEP_TABLES_H
#define REG_KERNELS_SWEEP_TABLES_H

#include <stdint.h>

enum { SWEEP_ROWS = 4 }; /* rows that travel together: more streams than that are prefetched worse */

/* `rows` <= SWEEP_ROWS rows of n elements that follow one another. */
typedef struct SweepTable {
    /* y[r] = row r times v; lanes of 64 bytes, whatever the instruction set */
    void (*dots_f32)(const void *k, int64_t rows, int64_t n, const void *v, void *y);
    void (*dots_f64)(const void *k, int64_t rows, int64_t n, const void *v, void *y);
    /* w += z[r] times row r, r in order */
    void (*add_f32)(const void *k, int64_t rows, int64_t n, const void *z, void *w);
    void (*add_f64)(const void *k, int64_t rows, int64_t n, const void *z, void *w);
} SweepTable;

extern const SweepTable sweep_table_v1, sweep_table_v3, sweep_table_v4;

#endif
