/* oneDNN, loaded when a product or a convolution that is worth it first runs (which costs about 30 ms): large f32 products and
 * convolutions. Without it, or with REG_ONEDNN=off in the environment, the kernels' own ways and OpenBLAS do the same work.
 *
 * Always one thread, as OpenBLAS (blas.h): its pool is libgomp's, which is told so for each of our threads before that thread's
 * first call, so that a second pool is never started. */
#ifndef REG_KERNELS_ONEDNN_H
#define REG_KERNELS_ONEDNN_H

#include <oneapi/dnnl/dnnl.h>

#define ONEDNN_ROUTINES(X) X(sgemm)

/* onednn->sgemm is dnnl_sgemm. */
typedef struct Onednn {
#define X(name) __typeof__(dnnl_##name) *name;
    ONEDNN_ROUTINES(X)
#undef X
} Onednn;

/* For the calling thread; NULL where the library is not installed or not wanted, then for every thread. */
const Onednn *onednn_get(void);

#endif
