#include "runtime/kernels/product.h"

#include "runtime/kernels/product_tables.h"

static const ProductTable *best_table(void) {
#if defined(__x86_64__)
    bool has_level_3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (has_level_3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return &product_table_v4;
    if (has_level_3) return &product_table_v3;
#endif
    return &product_table_v1;
}

size_t product_workspace(void) { return PACKED_A_BYTES + PACK_SLACK + PACKED_B_BYTES + PACK_SLACK; }

void product_run(const Product *product, void *workspace) {
    const ProductTable *table = best_table();
    if (product->m == 0 || product->n == 0) return;
    /* A matrix by a vector is turned, so that registers are filled along the vector that comes out. */
    Product turned = *product;
    if (product->n == 1 && product->c_stride == 1) {
        turned.m = 1, turned.n = product->m, turned.a = product->b, turned.b = product->a, turned.c_stride = product->m;
        product = &turned;
    }
    (product->dtype == DTYPE_F32 ? table->run_f32 : table->run_f64)(product, workspace);
}
