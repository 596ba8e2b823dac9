/* Complex Fourier transforms over 1 to 3 trailing axes (before the pair of real and imaginary part), by FFTW.
 *
 * Plans come from FFTW_ESTIMATE, so they depend on shapes only. FFTW's planner is one per process and not thread-safe; the
 * lock below guards nothing of ours. Running a plan is safe on any thread. */
#include "runtime/kernels/axis.h"
#include "runtime/kernels/kernels.h"

#include <fftw3.h>
#include <pthread.h>

static pthread_mutex_t planner_lock = PTHREAD_MUTEX_INITIALIZER;

typedef struct Transform {
    const View *x, *out;
    bool inverse;
    int rank;
    int sizes[3];
    int64_t points;          /* complex numbers of one transform */
    int64_t count, per_tile; /* transforms in all, and in one tile */
    void *whole, *rest;      /* plans for per_tile transforms and for the last, smaller tile (or NULL) */
} Transform;

static Transform describe(const KernelCall *call) {
    Shape shape = call->inputs[0].shape;
    Transform t = {
        .x = &call->inputs[0],
        .out = &call->outputs[0],
        .inverse = call->ints[0] != 0,
        .rank = (int)call->ints[1],
        .points = 1,
    };
    for (int k = 0; k < t.rank; k++) {
        t.sizes[k] = (int)shape.dims[shape.rank - 1 - t.rank + k];
        t.points *= t.sizes[k];
    }
    int64_t elements = shape_count(shape);
    t.count = elements == 0 ? 0 : elements / (2 * t.points);
    t.per_tile = max_i64(1, min_i64(t.count, items_per_tile(16 * t.points)));
    return t;
}

/* A plan for `count` transforms. Tiles other than the first are aligned like it only when they are whole cache lines. */
static void *make_plan(const Transform *t, int64_t count) {
    int64_t tile_bytes = t->per_tile * t->points * 2 * (int64_t)dtype_bytes(t->x->dtype);
    unsigned flags = FFTW_ESTIMATE | (tile_bytes % 64 == 0 ? 0 : FFTW_UNALIGNED);
    int direction = t->inverse ? FFTW_BACKWARD : FFTW_FORWARD, points = (int)t->points;
    void *plan;
    pthread_mutex_lock(&planner_lock);
    if (t->x->dtype == DTYPE_F32)
        plan = fftwf_plan_many_dft(t->rank, t->sizes, (int)count, t->x->data, NULL, 1, points, t->out->data, NULL, 1, points, direction,
                                   flags);
    else
        plan = fftw_plan_many_dft(t->rank, t->sizes, (int)count, t->x->data, NULL, 1, points, t->out->data, NULL, 1, points, direction,
                                  flags);
    pthread_mutex_unlock(&planner_lock);
    return plan;
}

static void free_plan(const Transform *t, void *plan) {
    if (!plan) return;
    pthread_mutex_lock(&planner_lock);
    if (t->x->dtype == DTYPE_F32) fftwf_destroy_plan(plan);
    else fftw_destroy_plan(plan);
    pthread_mutex_unlock(&planner_lock);
}

static void transform_tile(void *context, int64_t tile) {
    const Transform *t = context;
    int64_t first = tile * t->per_tile, count = min_i64(t->per_tile, t->count - first);
    int64_t at = first * t->points, numbers = 2 * count * t->points;
    void *plan = count == t->per_tile ? t->whole : t->rest;
    if (t->x->dtype == DTYPE_F32) {
        fftwf_complex *out = (fftwf_complex *)t->out->data + at;
        fftwf_execute_dft(plan, (fftwf_complex *)t->x->data + at, out);
        float scale = 1.0f / (float)t->points;
        for (int64_t i = 0; t->inverse && i < numbers; i++) ((float *)out)[i] *= scale;
    } else {
        fftw_complex *out = (fftw_complex *)t->out->data + at;
        fftw_execute_dft(plan, (fftw_complex *)t->x->data + at, out);
        double scale = 1.0 / (double)t->points;
        for (int64_t i = 0; t->inverse && i < numbers; i++) ((double *)out)[i] *= scale;
    }
}

size_t scratch_fft(const KernelCall *call) {
    (void)call;
    return 0;
}

bool kernel_fft(const KernelCall *call) {
    Transform t = describe(call);
    if (t.count == 0) return true;
    int64_t rest = t.count % t.per_tile;
    t.whole = make_plan(&t, t.per_tile);
    t.rest = rest ? make_plan(&t, rest) : NULL;
    bool planned = t.whole && (!rest || t.rest);
    if (planned) threads_run(call->threads, ceil_div(t.count, t.per_tile), transform_tile, &t);
    free_plan(&t, t.whole);
    free_plan(&t, t.rest);
    return planned ? true : fault_set(call->fault, "no memory for a Fourier transform of %d dimensions", t.rank);
}
