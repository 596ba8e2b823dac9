/* OpenBLAS and LAPACKE, loaded when first needed: a script without a matrix product starts without them. Always one thread:
 * parallel work is cut into tiles by our own code (threads.h), so that results do not depend on the number of threads.
 * OpenBLAS chooses its kernels by the processor; OPENBLAS_CORETYPE in the environment overrules it (Haswell on a machine with
 * AVX-512 halves the speed). */
#ifndef REG_KERNELS_BLAS_H
#define REG_KERNELS_BLAS_H

#include "runtime/base/fault.h"

#include <cblas.h>
#include <lapacke.h>

#define BLAS_ROUTINES(X) X(sgemm) X(dgemm) X(sgemv) X(dgemv) X(strsm) X(dtrsm)
#define LAPACK_ROUTINES(X) \
    X(spotrf_work) \
    X(dpotrf_work) \
    X(sgetrf_work) \
    X(dgetrf_work) X(sgelqf_work) X(dgelqf_work) X(sorglq_work) X(dorglq_work) X(ssyevd_work) X(dsyevd_work) X(sgesdd_work) X(dgesdd_work)

/* blas->sgemm is cblas_sgemm, lapack->spotrf_work is LAPACKE_spotrf_work. */
typedef struct Blas {
#define X(name) __typeof__(cblas_##name) *name;
    BLAS_ROUTINES(X)
#undef X
} Blas;

typedef struct Lapack {
#define X(name) __typeof__(LAPACKE_##name) *name;
    LAPACK_ROUTINES(X)
#undef X
} Lapack;

/* NULL, with a fault that names the Debian package, where the library is not installed. Cheap after the first call. */
const Blas *blas_get(Fault *fault);
const Lapack *lapack_get(Fault *fault);

#endif
