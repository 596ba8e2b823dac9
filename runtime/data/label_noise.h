/* Wrong labels on purpose, for experiments with noisy data. Labels are i64 [n] in 0..classes-1. */
#ifndef REG_DATA_LABEL_NOISE_H
#define REG_DATA_LABEL_NOISE_H

#include "runtime/base/tensor.h"

/* FLIP_ANY: exactly floor(rate n) samples get a label uniform over all classes (the true noise is rate (c-1)/c).
 * FLIP_OTHER: exactly floor(rate n) samples get a label uniform over the c-1 wrong classes.
 * FLIP_MAP: in each class exactly floor(rate n_class) samples get map[class] (Liu et al. 2020, asymmetric noise). */
typedef enum FlipMode { FLIP_ANY, FLIP_OTHER, FLIP_MAP } FlipMode;

/* A new tensor. `map` has `classes` entries and is read only in FLIP_MAP. NULL with a fault. */
Tensor *flip_labels(const Tensor *labels, int64_t classes, double rate, FlipMode mode, const int64_t *map, uint64_t seed, Fault *fault);

/* Row-stochastic [classes, classes] noise matrices (Han et al. 2018): from class i (row) to class j (column).
 * Symmetric: 1-rate on the diagonal, rate/(c-1) elsewhere. Pair: rate on the next class. Map: rate on map[i]. */
Tensor *noise_matrix_symmetric(int64_t classes, double rate, DType dtype, Fault *fault);
Tensor *noise_matrix_pair(int64_t classes, double rate, DType dtype, Fault *fault);
Tensor *noise_matrix_map(int64_t classes, double rate, const int64_t *map, DType dtype, Fault *fault);
/* Draws every label anew from the row of its class. */
Tensor *flip_labels_by_matrix(const Tensor *labels, const Tensor *matrix, uint64_t seed, Fault *fault);

/* The usual asymmetric maps for ten classes: CIFAR-10 (truck -> automobile, bird -> airplane, cat <-> dog, deer -> horse) and
 * our analogue for Fashion-MNIST (shirt -> T-shirt, coat <-> pullover, ankle boot -> sneaker, sandal -> sneaker). */
extern const int64_t LABEL_MAP_CIFAR10[10];
extern const int64_t LABEL_MAP_FASHION[10];

#endif
