/* The product compiled for three instruction sets (product_v1.c, product_v3.c, product_v4.c from product_text.h). */
#ifndef REG_KERNELS_PRODUCT_TABLES_H
#define REG_KERNELS_PRODUCT_TABLES_H

#include "runtime/kernels/product.h"

/* A block of a stays in the second-level cache beside the panel of b that passes by. */
enum { PACKED_A_BYTES = 128 * 1024, PACKED_B_BYTES = 512 * 1024 };

typedef struct ProductTable {
    void (*run_f32)(const Product *product, char *workspace);
    void (*run_f64)(const Product *product, char *workspace);
} ProductTable;

extern const ProductTable product_table_v1, product_table_v3, product_table_v4;

#endif
