#include "runtime/kernels/blas.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct Routine {
    const char *name;
    size_t offset;
} Routine;

/* Written once, under pthread_once, and only read after that: a loaded library belongs to the process. */
static pthread_once_t blas_once = PTHREAD_ONCE_INIT, lapack_once = PTHREAD_ONCE_INIT;
static Blas blas;
static Lapack lapack;
static bool has_blas, has_lapack;

static bool find_routines(void *library, const Routine *routines, size_t count, void *table) {
    for (size_t i = 0; i < count; i++) {
        void *address = dlsym(library, routines[i].name);
        if (!address) return false;
        memcpy((char *)table + routines[i].offset, &address, sizeof address);
    }
    return true;
}

static void load_blas(void) {
#define X(name) {"cblas_" #name, offsetof(Blas, name)},
    static const Routine routines[] = {BLAS_ROUTINES(X)};
#undef X
    setenv("OPENBLAS_NUM_THREADS", "1", 1); /* or it starts threads while it is loaded */
    void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!library) return;
    void *address = dlsym(library, "openblas_set_num_threads");
    if (address) { /* somebody else may have loaded it before us */
        void (*set_num_threads)(int);
        memcpy(&set_num_threads, &address, sizeof address);
        set_num_threads(1);
    }
    has_blas = find_routines(library, routines, sizeof routines / sizeof *routines, &blas);
}

static void load_lapack(void) {
#define X(name) {"LAPACKE_" #name, offsetof(Lapack, name)},
    static const Routine routines[] = {LAPACK_ROUTINES(X)};
#undef X
    setenv("OPENBLAS_NUM_THREADS", "1", 1); /* or it starts threads while it is loaded */
    void *library = dlopen("liblapacke.so.3", RTLD_NOW | RTLD_LOCAL);
    has_lapack = library && find_routines(library, routines, sizeof routines / sizeof *routines, &lapack);
}

const Blas *blas_get(Fault *fault) {
    pthread_once(&blas_once, load_blas);
    if (has_blas) return &blas;
    fault_set(fault, "matrix products need OpenBLAS (libopenblas.so.0), which is not installed");
    fault_help(fault, "on Debian: apt install libopenblas0-pthread");
    return NULL;
}

const Lapack *lapack_get(Fault *fault) {
    pthread_once(&lapack_once, load_lapack);
    if (has_lapack) return &lapack;
    fault_set(fault, "this decomposition needs LAPACKE (liblapacke.so.3), which is not installed");
    fault_help(fault, "on Debian: apt install liblapacke");
    return NULL;
}
