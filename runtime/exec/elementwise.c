#include "runtime/exec/elementwise.h"

#include "runtime/kernels/elementwise_tables.h"

#define ROW(NAME, text, op_arity, op_kind) [ELEMENTWISE_##NAME] = {.name = #text, .arity = op_arity, .kind = KIND_##op_kind},
#define UNARY(NAME, name, kind, ...) ROW(NAME, name, 1, kind)
#define BINARY(NAME, name, kind, ...) ROW(NAME, name, 2, kind)
#define TERNARY(NAME, name, kind, ...) ROW(NAME, name, 3, kind)

const ElementwiseInfo elementwise_info[ELEMENTWISE_COUNT] = {
#include "runtime/elementwise.def"
};

/* gcc 12 knows the levels only as -march, so the features are asked one by one (System V ABI supplement, table of levels). */
static bool processor_has_level_3(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2");
}

static bool processor_has_level_4(void) {
    return processor_has_level_3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

const ElementwiseTable *elementwise_table_level(int level) {
    if (level == 4) return processor_has_level_4() ? &elementwise_table_v4 : NULL;
    if (level == 3) return processor_has_level_3() ? &elementwise_table_v3 : NULL;
    return level == 1 ? &elementwise_table_v1 : NULL;
}

int elementwise_level(void) { return processor_has_level_4() ? 4 : processor_has_level_3() ? 3 : 1; }

const ElementwiseTable *elementwise_table(void) { return elementwise_table_level(elementwise_level()); }
