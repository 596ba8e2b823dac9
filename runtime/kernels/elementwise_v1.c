/* The elementwise loops for x86-64-v1 (the Makefile gives this file its -march). */
#define ELEMENTWISE_TABLE elementwise_table_v1
#include "runtime/kernels/elementwise_tables.h"
#include "runtime/kernels/elementwise_text.h"
