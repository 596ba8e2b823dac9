/* Matrix products against the naive sum on sizes around every block edge, and the same bits from every instruction set that
 * has fused multiply-add. */
#include "runtime/kernels/product_tables.h"
#include "tests/unit/kernel_case.h"

#include <stdio.h>

static bool has_level(int level) {
#if defined(__x86_64__)
    bool has_3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    return level == 3 ? has_3 : has_3 && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#else
    return false;
#endif
}

static const int64_t SIZES[][3] = {{1, 1, 1},    {3, 5, 7},      {8, 32, 256}, {9, 33, 257}, {1, 100, 40}, {70, 1, 30},
                                   {4, 16, 600}, {150, 530, 20}, {0, 3, 4},    {3, 0, 4},    {5, 6, 0}};
enum { SIZE_COUNT = sizeof SIZES / sizeof SIZES[0] };

static Factor stored(const Tensor *tensor, int64_t lines, int64_t depth, bool by_line) {
    return by_line ? (Factor){.data = tensor->data, .line_stride = depth, .depth_stride = 1}
                   : (Factor){.data = tensor->data, .line_stride = 1, .depth_stride = lines};
}

static double entry(const Tensor *tensor, const Factor *f, int64_t line, int64_t depth) {
    return tensor_number(tensor, line * f->line_stride + depth * f->depth_stride);
}

static void check_naive(const Product *p, const Tensor *a, const Tensor *b, const Tensor *before, const Tensor *c) {
    for (int64_t i = 0; i < p->m; i++)
        for (int64_t j = 0; j < p->n; j++) {
            double sum = p->accumulate ? tensor_number(before, i * p->n + j) : 0;
            for (int64_t k = 0; k < p->k; k++) sum += entry(a, &p->a, i, k) * entry(b, &p->b, j, k);
            assert_near(tensor_number(c, i * p->n + j), sum, p->dtype == DTYPE_F32 ? 2e-5 : 1e-13);
        }
}

static void run_table(const ProductTable *table, const Product *p, void *workspace) {
    (p->dtype == DTYPE_F32 ? table->run_f32 : table->run_f64)(p, workspace);
}

static void check_product(const int64_t *size, DType dtype, int form, void *workspace) {
    bool accumulate = form & 4;
    Tensor *a = case_values(dtype, SHAPE(size[0] * size[2]), 1), *b = case_values(dtype, SHAPE(size[2] * size[1]), 2);
    Tensor *before = case_values(dtype, SHAPE(size[0] * size[1]), 3), *c[4];
    for (int i = 0; i < 4; i++) c[i] = tensor_copy(before, NULL);
    Product p = {.dtype = dtype,
                 .m = size[0],
                 .n = size[1],
                 .k = size[2],
                 .a = stored(a, size[0], size[2], form & 1),
                 .b = stored(b, size[1], size[2], form & 2),
                 .accumulate = accumulate,
                 .c = c[0]->data,
                 .c_stride = size[1]};
    product_run(&p, workspace);
    check_naive(&p, a, b, before, c[0]);
    const ProductTable *tables[] = {NULL, &product_table_v1, has_level(3) ? &product_table_v3 : NULL,
                                    has_level(4) ? &product_table_v4 : NULL};
    for (int i = 1; i < 4; i++)
        if (tables[i] && size[0] * size[1] > 0) {
            p.c = c[i]->data;
            run_table(tables[i], &p, workspace);
            check_naive(&p, a, b, before, c[i]);
            if (i >= 2 && has_level(3)) assert_memory_equal(c[i]->data, c[0]->data, tensor_bytes(c[0]));
        }
    for (int i = 0; i < 4; i++) tensor_release(c[i]);
    tensor_release(a), tensor_release(b), tensor_release(before);
}

static void test_product(void **state) {
    (void)state;
    void *workspace = aligned_alloc(64, (product_workspace() + 63) / 64 * 64);
    for (int s = 0; s < SIZE_COUNT; s++)
        for (int form = 0; form < 8; form++)
            for (DType dtype = DTYPE_F32; dtype <= DTYPE_F64; dtype++) check_product(SIZES[s], dtype, form, workspace);
    free(workspace);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_product)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
