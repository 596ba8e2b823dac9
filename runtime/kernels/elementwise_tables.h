/* One table of elementwise loops per instruction set; exec/elementwise.c chooses. */
#ifndef REG_KERNELS_ELEMENTWISE_TABLES_H
#define REG_KERNELS_ELEMENTWISE_TABLES_H

#include "runtime/exec/elementwise.h"

extern const ElementwiseTable elementwise_table_v1, elementwise_table_v3, elementwise_table_v4;

#endif
