/* oneDNN, loaded when a product or a convolution that is worth it first runs (which costs about 30 ms): large f32 products and
 * convolutions. Without it, or with REG_ONEDNN=off in the environment, the kernels' own ways and OpenBLAS do the same work.
 *
 * Always one thread, as OpenBLAS (blas.h): its pool is libgomp's, which is told so for each of our threads before that thread's
 * first call, so that a second pool is never started. */
#ifndef REG_KERNELS_ONEDNN_H
#define REG_KERNELS_ONEDNN_H

#include <oneapi/dnnl/dnnl.h>
#include <signal.h>

#define ONEDNN_ROUTINES(X) \
    X(sgemm) \
    X(engine_create) \
    X(stream_create) \
    X(stream_destroy) \
    X(memory_create) \
    X(memory_destroy) \
    X(memory_desc_init_by_tag) \
    X(memory_desc_get_size) \
    X(dilated_convolution_forward_desc_init) \
    X(dilated_convolution_backward_data_desc_init) \
    X(dilated_convolution_backward_weights_desc_init) \
    X(primitive_attr_create) \
    X(primitive_attr_destroy) \
    X(primitive_attr_set_scratchpad_mode) \
    X(primitive_desc_iterator_create) \
    X(primitive_desc_iterator_next) \
    X(primitive_desc_iterator_fetch) \
    X(primitive_desc_iterator_destroy) \
    X(primitive_desc_destroy) \
    X(primitive_desc_query) \
    X(primitive_desc_query_md) \
    X(reorder_primitive_desc_create) \
    X(primitive_create) \
    X(primitive_execute)

/* onednn->sgemm is dnnl_sgemm. */
typedef struct Onednn {
#define X(name) __typeof__(dnnl_##name) *name;
    ONEDNN_ROUTINES(X)
#undef X
    dnnl_engine_t engine; /* the processor */
} Onednn;

/* For the calling thread; NULL where the library is not installed or not wanted, then for every thread. */
const Onednn *onednn_get(void);

/* Around every call that computes: its kernels keep buffers where the stack pointer points to, so that a signal handler on the same stack
 * would write into them. Signals that come meanwhile (a piece of work is milliseconds) are handled at the end. */
void onednn_begin(sigset_t *before);
void onednn_end(const sigset_t *before);

#endif
