/* k v and k^T f(k v) in one reading of k: a few rows at a time go into the first-level cache, are multiplied by v, the elementwise
 * program runs on the results, and the rows are added up with them as weights while they are still there. A product with a
 * vector does nothing but read its matrix, so this takes half the time of two. */
#include "runtime/exec/elementwise.h"
#include "runtime/kernels/kernels.h"
#include "runtime/kernels/sweep_tables.h"

#include <string.h>

enum { TILE_ELEMENTS = 1 << 17, TILE_COUNT_MAX = 64, STEP_INTS = 4, VALUES_MAX = 24, LINE_BYTES = 128 };

typedef struct Step {
    ElementwiseFunction *function;
    int operands[3];
} Step;

typedef struct Sweep {
    const KernelCall *call;
    int64_t m, n, bytes; /* of an element */
    int64_t tile_rows, tile_count;
    Step steps[VALUES_MAX];
    int step_count;
    void (*dots)(const void *k, int64_t rows, int64_t n, const void *v, void *y);
    void (*add)(const void *k, int64_t rows, int64_t n, const void *z, void *w);
} Sweep;

static const SweepTable *best_table(void) {
#if defined(__x86_64__)
    bool has_level_3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (has_level_3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return &sweep_table_v4;
    if (has_level_3) return &sweep_table_v3;
#endif
    return &sweep_table_v1;
}

static Sweep sweep_of(const KernelCall *call) {
    Shape k = call->inputs[0].shape;
    Sweep sweep = {.call = call, .m = k.dims[0], .n = k.dims[1], .bytes = (int64_t)dtype_bytes(call->inputs[0].dtype)};
    int64_t tiles = 1; /* a power of two, so that two threads have as much to do, and mostly the same rows each time */
    while (tiles < TILE_COUNT_MAX && tiles * TILE_ELEMENTS < sweep.m * sweep.n) tiles *= 2;
    sweep.tile_rows = ((sweep.m + tiles - 1) / tiles + SWEEP_ROWS - 1) / SWEEP_ROWS * SWEEP_ROWS;
    sweep.tile_count = sweep.tile_rows > 0 ? (sweep.m + sweep.tile_rows - 1) / sweep.tile_rows : 0;
    return sweep;
}

static void prepare(Sweep *sweep) {
    const KernelCall *call = sweep->call;
    DType dtype = call->inputs[0].dtype;
    const SweepTable *table = best_table();
    sweep->dots = dtype == DTYPE_F32 ? table->dots_f32 : table->dots_f64;
    sweep->add = dtype == DTYPE_F32 ? table->add_f32 : table->add_f64;
    sweep->step_count = call->int_count / STEP_INTS;
    for (int k = 0; k < sweep->step_count; k++) {
        const int64_t *ints = call->ints + STEP_INTS * k;
        sweep->steps[k] = (Step){elementwise_table()->functions[ints[0]][dtype], {(int)ints[1], (int)ints[2], (int)ints[3]}};
    }
}

/* Runs the program on the products of `rows` rows; gives where z is. values[0]: the products. */
static const char *run_program(const Sweep *sweep, int64_t first, int64_t rows, char *products) {
    const KernelCall *call = sweep->call;
    char results[VALUES_MAX][SWEEP_ROWS * sizeof(double)] __attribute__((aligned(64)));
    const char *values[2 * VALUES_MAX] = {products};
    int count = 1;
    for (int k = 2; k < call->input_count; k++) values[count++] = (const char *)call->inputs[k].data + first * sweep->bytes;
    char *to = (char *)call->outputs[0].data + first * sweep->bytes;
    for (int k = 0; k < sweep->step_count; k++) {
        const Step *step = &sweep->steps[k];
        char *result = k == sweep->step_count - 1 ? to : results[k];
        step->function(result, values[step->operands[0]], values[step->operands[1]], values[step->operands[2]], rows);
        values[count++] = result;
    }
    if (sweep->step_count == 0) memcpy(to, products, (size_t)(rows * sweep->bytes));
    return to;
}

/* Sums of a tile begin on a line of their own: two threads that write to one line wait for each other every time. */
static int64_t sums_bytes(const Sweep *sweep) { return (sweep->n * sweep->bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES; }

static char *sums_of(const Sweep *sweep, int64_t tile) {
    return sweep->tile_count > 1 ? (char *)sweep->call->scratch + tile * sums_bytes(sweep) : sweep->call->outputs[1].data;
}

static void run_tile(void *context, int64_t tile) {
    const Sweep *sweep = context;
    int64_t end = (tile + 1) * sweep->tile_rows < sweep->m ? (tile + 1) * sweep->tile_rows : sweep->m;
    char *sums = sums_of(sweep, tile), products[SWEEP_ROWS * sizeof(double)] __attribute__((aligned(64)));
    memset(sums, 0, (size_t)(sweep->n * sweep->bytes));
    for (int64_t first = tile * sweep->tile_rows; first < end; first += SWEEP_ROWS) {
        int64_t rows = end - first < SWEEP_ROWS ? end - first : SWEEP_ROWS;
        const char *k = (const char *)sweep->call->inputs[0].data + first * sweep->n * sweep->bytes;
        sweep->dots(k, rows, sweep->n, sweep->call->inputs[1].data, products);
        sweep->add(k, rows, sweep->n, run_program(sweep, first, rows, products), sums);
    }
}

/* In the order of tiles, element by element. */
static void join_tiles(const Sweep *sweep) {
    ElementwiseFunction *add = elementwise_table()->functions[ELEMENTWISE_ADD][sweep->call->inputs[0].dtype];
    char *out = sweep->call->outputs[1].data;
    add(out, sums_of(sweep, 0), sums_of(sweep, 1), NULL, sweep->n);
    for (int64_t tile = 2; tile < sweep->tile_count; tile++) add(out, out, sums_of(sweep, tile), NULL, sweep->n);
}

size_t scratch_sweep(const KernelCall *call) {
    Sweep sweep = sweep_of(call);
    return sweep.tile_count > 1 ? (size_t)(sweep.tile_count * sums_bytes(&sweep)) : 0;
}

bool kernel_sweep(const KernelCall *call) {
    Sweep sweep = sweep_of(call);
    if (sweep.m == 0) {
        memset(call->outputs[1].data, 0, (size_t)(sweep.n * sweep.bytes));
        return true;
    }
    prepare(&sweep);
    threads_run(call->threads, sweep.tile_count, run_tile, &sweep);
    if (sweep.tile_count > 1) join_tiles(&sweep);
    return true;
}
