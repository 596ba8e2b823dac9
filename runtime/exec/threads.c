#include "runtime/exec/threads.h"

#include "runtime/base/memory.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    SPINS = 2000,                   /* about 20 microseconds: the gap between two steps of a plan */
    STACK_BYTES = 16 * 1024 * 1024, /* fused groups keep their registers on the stack */
    OPEN = 1 << 30                  /* in `gate`: workers may join the job; the low bits count those inside */
};

struct Threads {
    int count;   /* wanted */
    int started; /* workers; none before the first job that has work for two: most scripts print and end */
    bool is_started;
    pthread_t *workers;                     /* count - 1 */
    const volatile sig_atomic_t *interrupt; /* NULL: nothing interrupts */
    bool is_shielded;                       /* changes between jobs only */
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    atomic_int sleepers;
    atomic_bool stop;
    atomic_uint generation; /* of jobs */
    void (*work)(void *context, int64_t tile);
    void *context;
    int64_t tile_count;
    _Alignas(64) atomic_int_fast64_t next; /* tile */
    _Alignas(64) atomic_int gate;
};

static void pause_briefly(void) { __builtin_ia32_pause(); }

bool threads_are_interrupted(const Threads *threads) {
    return threads != NULL && threads->interrupt != NULL && *threads->interrupt != 0 && !threads->is_shielded;
}

static void run_tiles(Threads *threads) {
    while (!threads_are_interrupted(threads)) {
        int64_t tile = atomic_fetch_add_explicit(&threads->next, 1, memory_order_relaxed);
        if (tile >= threads->tile_count) return;
        threads->work(threads->context, tile);
    }
}

/* A worker that wakes late finds the gate closed and does not touch the job, so the caller never waits for sleepers. */
static bool join_job(Threads *threads) {
    int gate = atomic_load(&threads->gate);
    while (gate & OPEN)
        if (atomic_compare_exchange_weak(&threads->gate, &gate, gate + 1)) return true;
    return false;
}

static bool has_news(Threads *threads, unsigned seen) { return atomic_load(&threads->generation) != seen || atomic_load(&threads->stop); }

static void wait_for_news(Threads *threads, unsigned seen) {
    for (int spin = 0; spin < SPINS; spin++) {
        if (has_news(threads, seen)) return;
        pause_briefly();
    }
    pthread_mutex_lock(&threads->mutex);
    atomic_fetch_add(&threads->sleepers, 1);
    while (!has_news(threads, seen)) pthread_cond_wait(&threads->wake, &threads->mutex);
    atomic_fetch_sub(&threads->sleepers, 1);
    pthread_mutex_unlock(&threads->mutex);
}

static void *worker_main(void *argument) {
    Threads *threads = argument;
    unsigned seen = 0;
    for (;;) {
        wait_for_news(threads, seen);
        if (atomic_load(&threads->stop)) return NULL;
        seen = atomic_load(&threads->generation);
        if (join_job(threads)) {
            run_tiles(threads);
            atomic_fetch_sub(&threads->gate, 1);
        }
    }
}

static void wake_workers(Threads *threads) {
    if (atomic_load(&threads->sleepers) == 0) return;
    pthread_mutex_lock(&threads->mutex);
    pthread_cond_broadcast(&threads->wake);
    pthread_mutex_unlock(&threads->mutex);
}

Threads *threads_new(int count) {
    if (count <= 0) count = (int)sysconf(_SC_NPROCESSORS_ONLN);
    Threads *threads = aligned_alloc(64, (sizeof *threads + 63) / 64 * 64);
    if (threads == NULL) return NULL;
    *threads = (Threads){.count = count};
    threads->workers = allocate((size_t)count * sizeof *threads->workers);
    pthread_mutex_init(&threads->mutex, NULL);
    pthread_cond_init(&threads->wake, NULL);
    return threads;
}

/* Signals go to the caller's thread, which has a stack for their handlers. */
static void start_workers(Threads *threads) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    threads->is_started = true;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    while (threads->started < threads->count - 1 && /* fewer threads are slower, not wrong */
           pthread_create(&threads->workers[threads->started], &attributes, worker_main, threads) == 0)
        threads->started++;
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void threads_free(Threads *threads) {
    if (threads == NULL) return;
    atomic_store(&threads->stop, true);
    wake_workers(threads);
    for (int i = 0; i < threads->started; i++) pthread_join(threads->workers[i], NULL);
    pthread_cond_destroy(&threads->wake);
    pthread_mutex_destroy(&threads->mutex);
    free(threads->workers);
    free(threads);
}

int threads_count(const Threads *threads) { return threads == NULL ? 1 : threads->count; }

void threads_watch(Threads *threads, const volatile sig_atomic_t *flag) {
    if (threads != NULL) threads->interrupt = flag;
}

bool threads_shield(Threads *threads, bool is_shielded) {
    if (threads == NULL) return false;
    bool before = threads->is_shielded;
    threads->is_shielded = is_shielded;
    return before;
}

void threads_run(Threads *threads, int64_t tile_count, void (*work)(void *context, int64_t tile), void *context) {
    if (threads == NULL || threads->count == 1 || tile_count <= 1) {
        for (int64_t tile = 0; tile < tile_count && !threads_are_interrupted(threads); tile++) work(context, tile);
        return;
    }
    if (!threads->is_started) start_workers(threads);
    threads->work = work;
    threads->context = context;
    threads->tile_count = tile_count;
    atomic_store(&threads->next, 0);
    atomic_store(&threads->gate, OPEN);
    atomic_fetch_add(&threads->generation, 1);
    wake_workers(threads);
    run_tiles(threads);
    atomic_fetch_and(&threads->gate, ~OPEN);
    for (int spin = 0; atomic_load(&threads->gate) != 0; spin++) {
        if (spin < SPINS) pause_briefly();
        else sched_yield();
    }
}
