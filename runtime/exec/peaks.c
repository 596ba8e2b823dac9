/* The machine's peaks: matrix products that stay in the cache; of three sizes of memory what is faster, reading or copying. */
#include "runtime/exec/profile.h"

#include "runtime/kernels/product.h"

#include <stdlib.h>
#include <string.h>

enum { TRIES = 6, EDGE = 192, PRODUCTS = 8, TILE_BYTES = EDGE * EDGE * 8 };

/* Read and written by one copy, for each thread but the last, which all share. Half of the first is a second-level cache. */
static const size_t copy_bytes_of[PEAK_SIZES] = {256 << 10, 2 << 20, 64 << 20};
static const int copies_of[PEAK_SIZES] = {32, 4, 1};

typedef struct Work {
    DType dtype;
    char *memory;
    size_t piece; /* bytes of memory for each thread */
    int rounds;
} Work;

static void multiply(void *context, int64_t thread) {
    const Work *work = context;
    char *own = work->memory + (size_t)thread * work->piece;
    Product product = {.dtype = work->dtype,
                       .m = EDGE,
                       .n = EDGE,
                       .k = EDGE,
                       .a = factor_rows(own, EDGE),
                       .b = factor_columns(own + TILE_BYTES, EDGE),
                       .c = own + 2 * TILE_BYTES,
                       .c_stride = EDGE};
    for (int k = 0; k < work->rounds; k++) product_run(&product, own + 3 * TILE_BYTES);
}

static void copy(void *context, int64_t thread) {
    const Work *work = context;
    char *own = work->memory + (size_t)thread * work->piece;
    for (int k = 0; k < work->rounds; k++) memcpy(own + work->piece / 2, own, work->piece / 2);
}

typedef int64_t Words __attribute__((vector_size(64)));

/* Four sums, so that none waits for another; the result goes back into the memory, which nobody reads, so that it is computed. */
static void read_through(void *context, int64_t thread) {
    const Work *work = context;
    Words *own = (Words *)(void *)(work->memory + (size_t)thread * work->piece), sums[4] = {0};
    size_t count = work->piece / sizeof *own / 4 * 4;
    for (int k = 0; k < work->rounds; k++)
        for (size_t i = 0; i < count; i += 4)
            for (int j = 0; j < 4; j++) sums[j] += own[i + (size_t)j];
    own[0] = sums[0] + sums[1] + sums[2] + sums[3];
}

/* Units of work per second at the best of a few tries; the first one wakes threads and touches pages. */
static double best_rate(Threads *threads, void (*run)(void *, int64_t), Work *work, double amount) {
    double best = 0;
    for (int k = 0; k <= TRIES; k++) {
        double start = profile_now();
        threads_run(threads, threads_count(threads), run, work);
        double rate = amount / (profile_now() - start);
        if (k > 0 && rate > best) best = rate;
    }
    return best;
}

static void measure_products(Peaks *peaks, Threads *threads, char *memory, size_t piece) {
    double flops = 2.0 * EDGE * EDGE * EDGE * PRODUCTS * threads_count(threads);
    for (int dtype = 0; dtype < DTYPE_COUNT; dtype++) peaks->flops[dtype] = 0;
    Work single = {DTYPE_F32, memory, piece, PRODUCTS}, twice = {DTYPE_F64, memory, piece, PRODUCTS};
    double slow = best_rate(threads, multiply, &twice, flops), fast = best_rate(threads, multiply, &single, flops);
    for (int dtype = 0; dtype < DTYPE_COUNT; dtype++) peaks->flops[dtype] = dtype == DTYPE_F64 ? slow : fast;
}

static void measure_memory(Peaks *peaks, Threads *threads, char *memory) {
    size_t count = (size_t)threads_count(threads);
    for (int k = 0; k < PEAK_SIZES; k++) {
        size_t piece = k + 1 < PEAK_SIZES ? copy_bytes_of[k] : copy_bytes_of[k] / count / 64 * 64;
        Work work = {DTYPE_F32, memory, piece, copies_of[k]};
        peaks->memory[k].bytes = (double)(piece * count);
        double moved = (double)piece * (double)count * copies_of[k];
        double copying = best_rate(threads, copy, &work, moved), reading = best_rate(threads, read_through, &work, moved);
        peaks->memory[k].speed = copying > reading ? copying : reading;
    }
}

bool peaks_measure(Peaks *peaks, Threads *threads, Fault *fault) {
    size_t count = (size_t)threads_count(threads), piece = 3 * TILE_BYTES + (product_workspace() + 63) / 64 * 64;
    size_t bytes = piece * count;
    for (int k = 0; k < PEAK_SIZES; k++) {
        size_t wanted = copy_bytes_of[k] * (k + 1 < PEAK_SIZES ? count : 1);
        bytes = wanted > bytes ? wanted : bytes;
    }
    char *memory = aligned_alloc(64, bytes);
    if (memory == NULL) return fault_set(fault, "not enough memory to measure the machine's peaks: %zu MiB", bytes >> 20);
    memset(memory, 0, bytes);
    measure_products(peaks, threads, memory, piece);
    measure_memory(peaks, threads, memory);
    free(memory);
    return true;
}

double peaks_seconds(const Peaks *peaks, const ProfileEntry *entry) {
    int size = 0;
    while (size + 1 < PEAK_SIZES && entry->bytes > peaks->memory[size].bytes) size++;
    double arithmetic = entry->origin.flops / peaks->flops[entry->dtype], traffic = entry->bytes / peaks->memory[size].speed;
    return arithmetic > traffic ? arithmetic : traffic;
}
