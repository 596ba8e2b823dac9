/* Matrix products on one thread: c = a b or c += a b, row-major c, operands with any strides or packed by a callback.
 *
 * Element c[i, j] is summed over k in order, in runs of PRODUCT_DEPTH, so its bits do not depend on how m and n are cut into
 * calls: a caller may tile as it likes. The same bits come from every instruction set that has fused multiply-add.
 * Only for convolutions (matmul.c calls OpenBLAS): panels are packed straight from the images, where a library needs a column
 * matrix written first and read again. Measured on Zen 5 against column matrices and OpenBLAS 0.3.21 with AVX-512: 15 to 40 %
 * faster for 3 x 3 and 5 x 5 kernels on 16 to 128 channels, 190 to 220 GFLOP/s on one core.
 *
 * The blocking is that of Goto and van de Geijn (2008): panels of a and b are packed so that the inner kernel reads both
 * in order, b's panel from the first-level cache and a's block from the second. */
#ifndef REG_KERNELS_PRODUCT_H
#define REG_KERNELS_PRODUCT_H

#include "runtime/base/tensor.h"

enum { PRODUCT_DEPTH = 256, PRODUCT_LINES_MAX = 32, PACK_SLACK = 64 };

typedef struct Factor Factor;

/* Writes packed[depth, width] for `lines` (<= width) lines from first_line on, at depths first_depth ..; lines beyond
 * `lines` are zero. A line is a row of a or a column of b; depth runs along k, at most PRODUCT_DEPTH. Panels are packed in
 * the order of memory and PACK_SLACK bytes after one may be written too. */
typedef void PackPanel(const Factor *factor, int64_t first_line, int64_t lines, int64_t width, int64_t first_depth, int64_t depth,
                       void *packed);

struct Factor {
    const void *data;
    int64_t line_stride;  /* elements from one line to the next: from row to row of a, from column to column of b */
    int64_t depth_stride; /* elements from one k to the next */
    PackPanel *pack;      /* NULL: packed from data and strides; otherwise the callback reads `data` as it likes */
};

static inline Factor factor_rows(const void *a, int64_t row_stride) {
    return (Factor){.data = a, .line_stride = row_stride, .depth_stride = 1};
}
static inline Factor factor_columns(const void *b, int64_t row_stride) {
    return (Factor){.data = b, .line_stride = 1, .depth_stride = row_stride};
}

typedef struct Product {
    DType dtype; /* DTYPE_F32 or DTYPE_F64 */
    int64_t m, n, k;
    Factor a, b;
    bool accumulate; /* c += a b */
    void *c;
    int64_t c_stride; /* elements from one row to the next */
} Product;

/* Bytes of workspace that product_run needs, whatever the sizes; 64-byte aligned. */
size_t product_workspace(void);
void product_run(const Product *product, void *workspace);

#endif
