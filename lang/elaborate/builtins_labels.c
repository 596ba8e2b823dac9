/* Wrong labels on purpose. Labels are class numbers, i64 [n]. */
#include "lang/elaborate/builtins.h"

#include "runtime/data/label_noise.h"

#include <math.h>

static bool class_count(Elaborator *e, const Arguments *a, int k, const Tensor *labels, int64_t *classes) {
    if (given(a, k)) return integer_at(e, a, k, 1, classes);
    double largest = 0;
    for (int64_t j = 0; j < tensor_count(labels); j++) largest = fmax(largest, tensor_number(labels, j));
    *classes = (int64_t)largest + 1;
    return true;
}

/* The map of argument `k`: a named one, or a list with the new class of each class. NULL after a diagnostic. */
static const int64_t *label_map(Elaborator *e, const Arguments *a, int k, int64_t *classes, bool known) {
    if (choice_is(a, k, "cifar10") || choice_is(a, k, "fashion")) {
        if (!known || *classes < 10) *classes = 10;
        if (*classes == 10) return choice_is(a, k, "fashion") ? LABEL_MAP_FASHION : LABEL_MAP_CIFAR10;
        diagnose(e->diagnostics, "E0304", a->values[k].span, "this map is for 10 classes, found %lld", (long long)*classes);
        return NULL;
    }
    Node *node = to_node(e, a->values[k]);
    Tensor *tensor = node ? to_tensor(e, value_tensor(node, a->values[k].span)) : NULL;
    if (!tensor) return NULL;
    if (tensor->dtype != DTYPE_I64 || tensor->shape.rank != 1 || (known && tensor->shape.dims[0] < *classes)) {
        diagnose(e->diagnostics, "E0401", a->values[k].span, "expected a list with the new class of each of the %lld classes",
                 (long long)*classes);
        return NULL;
    }
    *classes = tensor->shape.dims[0];
    return tensor_i64(tensor);
}

static Value labels_result(Elaborator *e, const Arguments *a, Tensor *labels, const Fault *fault) {
    if (!labels) return tensor_fault(e, a, "E0304", fault);
    return column_value(e, "labels", "y", labels, a->span);
}

static Value run_flip_labels(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    double rate;
    int64_t classes, seed;
    const int64_t *map = NULL;
    Tensor *labels = to_tensor(e, a->values[0]);
    if (!labels || !to_number(e, a->values[1], &rate) || !to_integer(e, a->values[3], &seed) || !class_count(e, a, 4, labels, &classes))
        return value_none();
    FlipMode mode = choice_is(a, 2, "any") ? FLIP_ANY : choice_is(a, 2, "other") ? FLIP_OTHER : FLIP_MAP;
    if (mode == FLIP_MAP && !(map = label_map(e, a, 2, &classes, true))) return value_none();
    if (mode == FLIP_OTHER && classes < 2) {
        diagnose(e->diagnostics, "E0304", a->span, "with one class there is no other one");
        return value_none();
    }
    Fault fault = {0};
    return labels_result(e, a, flip_labels(labels, classes, rate, mode, map, (uint64_t)seed, &fault), &fault);
}

static Value run_redraw(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    int64_t seed;
    Tensor *labels = to_tensor(e, a->values[0]), *matrix = labels ? to_tensor(e, a->values[1]) : NULL;
    if (!matrix || !to_integer(e, a->values[2], &seed)) return value_none();
    Fault fault = {0};
    return labels_result(e, a, flip_labels_by_matrix(labels, matrix, (uint64_t)seed, &fault), &fault);
}

static Value run_transition(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    double rate;
    int64_t classes;
    Fault fault = {0};
    Tensor *matrix;
    if (!integer_at(e, a, 0, 2, &classes) || !to_number(e, a->values[1], &rate)) return value_none();
    if (!(rate >= 0 && rate <= 1)) {
        diagnose(e->diagnostics, "E0304", a->values[1].span, "a share lies in [0, 1], found %.6g", rate);
        return value_none();
    }
    if (choice_is(a, 2, "other")) matrix = noise_matrix_symmetric(classes, rate, e->float_type, &fault);
    else if (choice_is(a, 2, "any"))
        matrix = noise_matrix_symmetric(classes, rate * (double)(classes - 1) / (double)classes, e->float_type, &fault);
    else if (choice_is(a, 2, "next")) matrix = noise_matrix_pair(classes, rate, e->float_type, &fault);
    else {
        int64_t length = classes;
        const int64_t *map = label_map(e, a, 2, &length, true);
        if (!map) return value_none();
        if (length != classes) {
            diagnose(e->diagnostics, "E0304", a->values[2].span, "the map is for %lld classes, not %lld", (long long)length,
                     (long long)classes);
            return value_none();
        }
        matrix = noise_matrix_map(classes, rate, map, e->float_type, &fault);
    }
    return matrix ? result_of(a, constant_of(e, matrix)) : tensor_fault(e, a, "E0304", &fault);
}

const Builtin builtins_labels[] = {
    {"flip_labels(labels, rate, to: any|other|cifar10|fashion|<map> = any, seed = 0, classes?)", run_flip_labels, 0,
     "Labels [n] of which exactly floor(rate * n) are drawn anew: uniformly over all classes (any), over the wrong ones (other), or, class by class, set to what a map says: a list with the new class of each class, or the usual one for CIFAR-10 or Fashion-MNIST. Example: flip_labels([0, 1, 2, 0], 0.5, to = other, seed = 1)",
     false},
    {"redraw_labels(labels, matrix, seed = 0)", run_redraw, 0,
     "Every label drawn anew from the row of its class in a noise matrix [classes, classes]. Example: redraw_labels(y, noise_transition(3, 0.2), seed = 1)",
     false},
    {"noise_transition(classes, rate, to: other|any|next|cifar10|fashion|<map> = any)", run_transition, 0,
     "The matrix [classes, classes] of the chances that class i (row) is labelled j when a share `rate` is drawn anew: over all classes (any), over all others, on the next one, or where a map sends it. Example: noise_transition(3, 0.3)",
     false},
    {0},
};
