#include "runtime/data/label_noise.h"

#include "runtime/base/memory.h"
#include "runtime/base/rng.h"
#include "runtime/data/permutation.h"

#include <math.h>
#include <stdlib.h>

const int64_t LABEL_MAP_CIFAR10[10] = {0, 1, 0, 5, 7, 3, 6, 7, 8, 1};
const int64_t LABEL_MAP_FASHION[10] = {0, 1, 4, 3, 2, 7, 0, 7, 8, 7};

static bool check_labels(const Tensor *labels, int64_t classes, Fault *fault) {
    char text[SHAPE_TEXT];
    if (labels->dtype != DTYPE_I64 || labels->shape.rank != 1)
        return fault_set(fault, "labels must be whole numbers of shape [n], found %s of shape %s", dtype_name(labels->dtype),
                         shape_text(labels->shape, text));
    for (int64_t i = 0; i < labels->shape.dims[0]; i++)
        if (tensor_i64(labels)[i] < 0 || tensor_i64(labels)[i] >= classes)
            return fault_set(fault, "label %lld of sample %lld is not among the %lld classes", (long long)tensor_i64(labels)[i],
                             (long long)i, (long long)classes);
    return true;
}

static bool check_rate(double rate, Fault *fault) {
    return (rate >= 0.0 && rate <= 1.0) || fault_set(fault, "the rate of wrong labels must be between 0 and 1, found %g", rate);
}

static bool check_map(int64_t classes, const int64_t *map, Fault *fault) {
    for (int64_t i = 0; i < classes; i++)
        if (map[i] < 0 || map[i] >= classes)
            return fault_set(fault, "the label map sends class %lld to %lld, which is not among the %lld classes", (long long)i,
                             (long long)map[i], (long long)classes);
    return true;
}

/* floor(rate n) as decimals mean it: 0.29 * 100 is 28.999999999999996 in binary. */
static int64_t share(double rate, int64_t count) { return (int64_t)floor(rate * (double)count * (1.0 + 4e-16) + 1e-12); }

static void flip_evenly(int64_t *labels, int64_t count, int64_t classes, double rate, bool other, uint64_t seed, const int64_t *order) {
    uint64_t key = rng_key(seed, rng_hash("flip_labels"));
    int64_t chosen = share(rate, count);
    for (int64_t i = 0; i < chosen; i++) {
        int64_t *label = &labels[order[i]];
        if (other) /* 1 to classes - 1 steps further round the circle of classes */
            *label = (*label + 1 + (int64_t)rng_below(key, 0, (uint64_t)order[i], (uint64_t)classes - 1)) % classes;
        else *label = (int64_t)rng_below(key, 0, (uint64_t)order[i], (uint64_t)classes);
    }
}

static void flip_by_map(int64_t *labels, int64_t count, int64_t classes, double rate, const int64_t *map, const int64_t *order) {
    int64_t *left = allocate((size_t)classes * sizeof *left); /* how many of each class are still to be flipped */
    for (int64_t i = 0; i < count; i++) left[labels[i]]++;
    for (int64_t class = 0; class < classes; class ++) left[class] = share(rate, left[class]);
    for (int64_t i = 0; i < count; i++) {
        int64_t class = labels[order[i]];
        if (left[class] > 0) {
            left[class]--;
            labels[order[i]] = map[class];
        }
    }
    free(left);
}

Tensor *flip_labels(const Tensor *labels, int64_t classes, double rate, FlipMode mode, const int64_t *map, uint64_t seed, Fault *fault) {
    if (!check_rate(rate, fault) || !check_labels(labels, classes, fault) || (mode == FLIP_MAP && !check_map(classes, map, fault)))
        return NULL;
    if (mode == FLIP_OTHER && classes < 2) {
        fault_set(fault, "there is no other class to flip to: the labels have only one");
        return NULL;
    }
    Tensor *flipped = tensor_copy(labels, fault);
    if (!flipped) return NULL;
    int64_t count = labels->shape.dims[0];
    int64_t *order = allocate((size_t)count * sizeof *order);
    permutation_fill(rng_key(seed, rng_hash("flip_labels")), 0, count, order);
    switch (mode) {
    case FLIP_ANY:
    case FLIP_OTHER: flip_evenly(tensor_i64(flipped), count, classes, rate, mode == FLIP_OTHER, seed, order); break;
    case FLIP_MAP: flip_by_map(tensor_i64(flipped), count, classes, rate, map, order); break;
    }
    free(order);
    return flipped;
}

static Tensor *identity(int64_t classes, double rate, DType dtype, Fault *fault) {
    if (!check_rate(rate, fault)) return NULL;
    if (classes < 2) {
        fault_set(fault, "label noise needs at least 2 classes, found %lld", (long long)classes);
        return NULL;
    }
    Tensor *matrix = tensor_zeros(dtype, shape_2(classes, classes), fault);
    for (int64_t i = 0; matrix && i < classes; i++) tensor_set_number(matrix, i * classes + i, 1.0 - rate);
    return matrix;
}

Tensor *noise_matrix_symmetric(int64_t classes, double rate, DType dtype, Fault *fault) {
    Tensor *matrix = identity(classes, rate, dtype, fault);
    for (int64_t i = 0; matrix && i < classes * classes; i++)
        if (i % (classes + 1) != 0) tensor_set_number(matrix, i, rate / (double)(classes - 1));
    return matrix;
}

Tensor *noise_matrix_pair(int64_t classes, double rate, DType dtype, Fault *fault) {
    Tensor *matrix = identity(classes, rate, dtype, fault);
    for (int64_t i = 0; matrix && i < classes; i++) tensor_set_number(matrix, i * classes + (i + 1) % classes, rate);
    return matrix;
}

Tensor *noise_matrix_map(int64_t classes, double rate, const int64_t *map, DType dtype, Fault *fault) {
    Tensor *matrix = check_map(classes, map, fault) ? identity(classes, rate, dtype, fault) : NULL;
    for (int64_t i = 0; matrix && i < classes; i++) tensor_set_number(matrix, i * classes + map[i], map[i] == i ? 1.0 : rate);
    return matrix;
}

static bool check_matrix(const Tensor *matrix, Fault *fault) {
    char text[SHAPE_TEXT];
    int64_t classes = matrix->shape.dims[0];
    if (matrix->shape.rank != 2 || classes != matrix->shape.dims[1] || !dtype_is_float(matrix->dtype))
        return fault_set(fault, "a noise matrix must be square, found shape %s", shape_text(matrix->shape, text));
    for (int64_t i = 0; i < classes; i++) {
        double sum = 0.0;
        for (int64_t j = 0; j < classes; j++) {
            double entry = tensor_number(matrix, i * classes + j);
            sum += entry >= 0.0 ? entry : (double)NAN;
        }
        if (!(fabs(sum - 1.0) < 1e-4)) return fault_set(fault, "row %lld of the noise matrix is not a distribution", (long long)i);
    }
    return true;
}

Tensor *flip_labels_by_matrix(const Tensor *labels, const Tensor *matrix, uint64_t seed, Fault *fault) {
    if (!check_matrix(matrix, fault) || !check_labels(labels, matrix->shape.dims[0], fault)) return NULL;
    Tensor *flipped = tensor_copy(labels, fault);
    uint64_t key = rng_key(seed, rng_hash("flip_labels_by_matrix"));
    int64_t classes = matrix->shape.dims[0];
    for (int64_t i = 0; flipped && i < labels->shape.dims[0]; i++) {
        double left = rng_uniform_f64(key, 0, (uint64_t)i);
        int64_t *label = &tensor_i64(flipped)[i], row = *label;
        for (int64_t class = 0; class < classes; class ++) { /* the last class with weight takes what rounding leaves */
            double weight = tensor_number(matrix, row * classes + class);
            if (weight > 0.0) *label = class;
            if ((left -= weight) < 0.0) break;
        }
    }
    return flipped;
}
