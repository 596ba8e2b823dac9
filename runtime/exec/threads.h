/* One pool of worker threads for the whole process part that uses it. Work is cut into tiles by the caller, by shapes only,
 * so that results do not depend on the number of threads. */
#ifndef REG_EXEC_THREADS_H
#define REG_EXEC_THREADS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Threads Threads;

/* `count` threads including the caller; 0 means all cores. Workers start with the first job that has work for them. */
Threads *threads_new(int count);
void threads_free(Threads *threads);
int threads_count(const Threads *threads);

/* Work is given up once *flag is not 0 (a signal handler sets it; it outlives the threads): tiles that have not begun are skipped, so
 * that what they would have written is undefined, and plans and loops stop with a fault before their next step. */
void threads_watch(Threads *threads, const volatile sig_atomic_t *flag);
bool threads_are_interrupted(const Threads *threads); /* false while shielded, and for NULL */
/* Work that must not be left half done ignores the flag; returns what held before. */
bool threads_shield(Threads *threads, bool is_shielded);

/* Calls `work(context, tile)` for every tile in 0..tile_count, in any order, on any thread; returns when all are done.
 * With threads == NULL or one tile it runs on the caller. Not reentrant: work must not call it again. */
void threads_run(Threads *threads, int64_t tile_count, void (*work)(void *context, int64_t tile), void *context);

#endif
