/* peak THREADS: what this machine can do, as "GFLOP/s GB/s GB/s": fused multiply-adds of f32 in registers; reading three and
 * writing one of three arrays that together fit a shared third-level cache but no second-level one; the same from memory. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LANES = 16, SUMS = 12, ROUNDS = 2000000, CACHED = 500000, UNCACHED = 16000000, MOVED = 32000000, REPEATS = 5 };
typedef float Vector __attribute__((vector_size(4 * LANES)));

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

__attribute__((target_clones("avx512f", "avx2,fma", "default"), optimize("O3,fp-contract=fast"))) static float multiply_add(void) {
    Vector sum[SUMS], factor, term;
    for (int i = 0; i < LANES; i++)
        factor[i] = 0.999f, term[i] = 0.001f;
    for (int s = 0; s < SUMS; s++)
        sum[s] = term * (float)s;
    for (int round = 0; round < ROUNDS; round++)
        for (int s = 0; s < SUMS; s++)
            sum[s] = sum[s] * factor + term;
    float total = 0;
    for (int s = 0; s < SUMS; s++)
        total += sum[s][0];
    return total;
}

__attribute__((target_clones("avx512f", "avx2,fma", "default"), optimize("O3"))) static void stream(const float *restrict a, const float *restrict b, float *restrict c, int count) {
    for (int i = 0; i < count; i++)
        c[i] += a[i] * b[i];
}

typedef struct Work {
    float *arrays;
    float sink;
    int count, passes;
} Work;

static void *compute(void *argument) {
    Work *work = argument;
    work->sink = multiply_add();
    return NULL;
}

static void *move(void *argument) {
    Work *work = argument;
    for (int pass = 0; pass < work->passes; pass++)
        stream(work->arrays, work->arrays + work->count, work->arrays + 2 * work->count, work->count);
    return NULL;
}

static double best(void *(*task)(void *), Work *work, int threads) {
    double least = 1e9;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        pthread_t ids[64];
        double start = seconds();
        for (int t = 0; t < threads; t++)
            pthread_create(&ids[t], NULL, task, &work[t]);
        for (int t = 0; t < threads; t++)
            pthread_join(ids[t], NULL);
        double taken = seconds() - start;
        least = taken < least ? taken : least;
    }
    return least;
}

/* GB/s over three arrays of `floats` each, shared out among the threads. */
static double bandwidth(Work *work, int threads, int floats) {
    for (int t = 0; t < threads; t++) {
        work[t].count = floats / threads;
        work[t].passes = MOVED / floats;
    }
    return 4.0 * sizeof(float) * (double)(floats / threads) * threads * (MOVED / floats) / best(move, work, threads) / 1e9;
}

int main(int count, char **arguments) {
    int threads = count > 1 ? atoi(arguments[1]) : 1;
    threads = threads < 1 ? 1 : threads > 64 ? 64 : threads;
    Work work[64];
    for (int t = 0; t < threads; t++) {
        size_t floats = 3 * (size_t)(UNCACHED / threads);
        work[t] = (Work){.arrays = calloc(floats, sizeof(float))};
        if (!work[t].arrays)
            return 1;
        for (size_t i = 0; i < floats; i++)
            work[t].arrays[i] = 1;
    }
    double operations = 2.0 * LANES * SUMS * ROUNDS * threads / best(compute, work, threads) / 1e9;
    double cached = bandwidth(work, threads, CACHED);
    printf("%.0f %.0f %.0f\n", operations, cached, bandwidth(work, threads, UNCACHED));
    for (int t = 0; t < threads; t++)
        free(work[t].arrays);
    return 0;
}
