#include "runtime/kernels/onednn.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Written once, under pthread_once, and only read after that: a loaded library belongs to the process. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static Onednn onednn;
static bool is_loaded;
static void (*set_num_threads)(int); /* libgomp's, for the calling thread */

static bool find_routine(void *library, const char *name, void *place) {
    void *address = dlsym(library, name);
    memcpy(place, &address, sizeof address);
    return address != NULL;
}

static void load(void) {
    const char *wish = getenv("REG_ONEDNN");
    if (wish && strcmp(wish, "off") == 0) return;
    void *library = dlopen("libdnnl.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!library || !find_routine(library, "omp_set_num_threads", &set_num_threads)) return;
    bool found = true;
#define X(name) found = found && find_routine(library, "dnnl_" #name, (char *)&onednn + offsetof(Onednn, name));
    ONEDNN_ROUTINES(X)
#undef X
    is_loaded = found && onednn.engine_create(&onednn.engine, dnnl_cpu, 0) == dnnl_success;
}

const Onednn *onednn_get(void) {
    static _Thread_local bool is_single;
    pthread_once(&once, load);
    if (!is_loaded) return NULL;
    if (!is_single) set_num_threads(1);
    is_single = true;
    return &onednn;
}

void onednn_begin(sigset_t *before) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, before);
}

void onednn_end(const sigset_t *before) { pthread_sigmask(SIG_SETMASK, before, NULL); }
