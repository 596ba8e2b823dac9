/* Reading and writing by index, order, and class numbers. */
#include "lang/elaborate/builtins.h"
#include "lang/elaborate/index.h"

#include <math.h>
#include <stdlib.h>

/* The argument as whole numbers; a float tensor is an error, since rounding would be a guess. */
static Node *index_at(Elaborator *e, const Arguments *a, int k) {
    Node *index = node_at(e, a, k);
    if (!index || index->type.dtype == DTYPE_I64) return index;
    char buffer[KIND_TEXT];
    diagnose(e->diagnostics, "E0401", a->values[k].span, "expected whole numbers, found %s",
             value_describe(value_tensor(index, a->span), buffer));
    diagnose_help(e->diagnostics,
                  index->type.dtype == DTYPE_BOOL ? "where(mask) gives the numbers of the true ones" : "int(x) cuts fractions");
    return NULL;
}

static Value run_gather(Elaborator *e, const Builtin *self, const Arguments *a) {
    Node *x = node_at(e, a, 0), *index = x ? index_at(e, a, 1) : NULL;
    int axis;
    if (!index || !rank_at_least(e, a, 0, x, 1) || !axis_at(e, a, 2, x->type.shape.rank, &axis)) return value_none();
    index = index_from_end(e, index, x->type.shape.dims[axis]);
    return result_of(a, self->data ? build_gather_along(e->graph, x, index, axis) : build_gather(e->graph, x, index, axis));
}

/* The update gets the type of the base and the shape that gather(base, index) would have. */
static Value run_scatter(Elaborator *e, const Builtin *self, const Arguments *a) {
    Node *base = node_at(e, a, 0), *index = base ? index_at(e, a, 1) : NULL, *update = index ? node_at(e, a, 2) : NULL;
    int axis;
    if (!update || !rank_at_least(e, a, 0, base, 1) || !axis_at(e, a, 3, base->type.shape.rank, &axis)) return value_none();
    Shape shape = {0};
    index = index_from_end(e, index, base->type.shape.dims[axis]);
    if (self->data == OP_SCATTER_ALONG_ADD) {
        shape = index->type.shape;
    } else {
        if (base->type.shape.rank - 1 + index->type.shape.rank > RANK_MAX) {
            diagnose(e->diagnostics, "E0400", a->span, "a tensor has at most %d dimensions", RANK_MAX);
            return value_none();
        }
        for (int k = 0; k < base->type.shape.rank; k++)
            if (k != axis) shape.dims[shape.rank++] = base->type.shape.dims[k];
            else
                for (int j = 0; j < index->type.shape.rank; j++) shape.dims[shape.rank++] = index->type.shape.dims[j];
    }
    update = build_broadcast(e->graph, build_cast(e->graph, update, base->type.dtype), shape);
    return result_of(a, update ? build_scatter(e->graph, (OpCode)self->data, base, index, update, axis) : NULL);
}

/* --- order --- */

static Node *sorted(Elaborator *e, Node *x, int axis, bool descending, int64_t kept) {
    return call_op(e, OP_SORT, &x, 1, (int64_t[]){axis, descending, kept}, 3, NULL);
}

static Value run_sort(Elaborator *e, const Builtin *self, const Arguments *a) {
    Node *x = node_at(e, a, 0);
    int axis;
    if (!rank_at_least(e, a, 0, x, 1) || !axis_at(e, a, 1, x->type.shape.rank, &axis)) return value_none();
    Node *sort = sorted(e, x, axis, flag_at(a, 2), x->type.shape.dims[axis]);
    return result_of(a, sort ? build_part(e->graph, sort, self->data) : NULL);
}

static Value run_top_k(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = node_at(e, a, 0);
    int axis;
    int64_t k;
    if (!rank_at_least(e, a, 0, x, 1) || !integer_at(e, a, 1, 0, &k) || !axis_at(e, a, 2, x->type.shape.rank, &axis)) return value_none();
    if (k > x->type.shape.dims[axis]) {
        diagnose(e->diagnostics, "E0304", a->values[1].span, "an axis of size %lld has no %lld largest",
                 (long long)x->type.shape.dims[axis], (long long)k);
        return value_none();
    }
    Node *sort = sorted(e, x, axis, !flag_at(a, 3), k);
    Record *record = record_new(e);
    static const char *const names[] = {"values", "indices"};
    for (int part = 0; part < 2; part++) {
        Value value = value_tensor(sort ? build_part(e->graph, sort, part) : NULL, a->span);
        if (!value_ok(value)) return value;
        record_add(e, record, names[part], value);
    }
    return record_value(record, a->span);
}

/* How many of the sorted numbers are below each value (or not above, from the right). */
static Value run_searchsorted(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *sorted_values = node_at(e, a, 0), *values = sorted_values ? node_at(e, a, 1) : NULL;
    if (!values || !rank_at_least(e, a, 0, sorted_values, 1)) return value_none();
    int rank = values->type.shape.rank;
    Node *each = build_expand(e->graph, values, rank);
    Node *below = build_binary(e->graph, flag_at(a, 2) ? OP_LESS_EQUAL : OP_LESS, sorted_values, each);
    return result_of(a, below ? build_reduce(e->graph, OP_REDUCE_SUM, build_cast(e->graph, below, DTYPE_I64), 1u << rank, false) : NULL);
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static Value run_unique(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Tensor *x = to_tensor(e, a->values[0]);
    if (!x) return value_none();
    int64_t count = tensor_count(x), distinct = 0;
    double *values = arena_alloc(e->arena, sizeof *values * (size_t)(count ? count : 1));
    for (int64_t k = 0; k < count; k++) values[k] = tensor_number(x, k);
    qsort(values, (size_t)count, sizeof *values, compare_doubles);
    for (int64_t k = 0; k < count; k++)
        if (k == 0 || values[k] != values[distinct - 1]) values[distinct++] = values[k];
    Fault fault;
    Tensor *result = tensor_new(x->dtype, shape_1(distinct), &fault);
    if (!result) return tensor_fault(e, a, "E0901", &fault);
    for (int64_t k = 0; k < distinct; k++) tensor_set_number(result, k, values[k]);
    return result_of(a, constant_of(e, result));
}

/* --- class numbers --- */

/* The number of classes: given, or one more than the largest label, which must then be known. */
static bool classes_at(Elaborator *e, const Arguments *a, int k, int64_t *classes) {
    if (given(a, k)) return integer_at(e, a, k, 1, classes);
    Tensor *labels = to_tensor(e, a->values[0]);
    if (!labels) return diagnose_help(e->diagnostics, "say how many classes there are");
    double largest = 0;
    for (int64_t j = 0; j < tensor_count(labels); j++) largest = fmax(largest, tensor_number(labels, j));
    *classes = (int64_t)largest + 1;
    return true;
}

static Value run_one_hot(Elaborator *e, const Builtin *self, const Arguments *a) {
    int64_t classes;
    Node *labels = index_at(e, a, 0);
    if (!labels || !classes_at(e, a, 1, &classes)) return value_none();
    Node *hot = build_one_hot(e->graph, labels, classes);
    if (!self->data || !hot) return result_of(a, hot);
    uint32_t axes = all_axes(labels); /* bincount: one column a class, everything else summed */
    return result_of(a, build_reduce(e->graph, OP_REDUCE_SUM, build_cast(e->graph, hot, DTYPE_I64), axes, false));
}

const Builtin builtins_index[] = {
    {"gather(x, index, axis = 0)", run_gather, 0,
     "x at whole-number positions along an axis; the axis is replaced by the shape of `index`. Numbers known while compiling may count from the end, computed tensors count from 0. Out of range is an error when it runs. Example: gather([10, 20, 30], [2, 0])",
     false},
    {"gather_along(x, index, axis = -1)", run_gather, 1,
     "For each place the element of x at index[place] along the axis; index has the rank of x. Example: gather_along([[10, 20], [30, 40]], [[1], [0]])",
     false},
    {"scatter_add(base, index, update, axis = 0)", run_scatter, OP_SCATTER_ADD,
     "base with `update` added at the places that gather(base, index, axis) reads; repeated indices add up in order. Example: scatter_add(zeros(3), [0, 0, 2], [1.0, 2.0, 3.0])",
     false},
    {"scatter_set(base, index, update, axis = 0)", run_scatter, OP_SCATTER_SET,
     "base with `update` written at the places that gather(base, index, axis) reads; of repeated indices the last wins. Example: scatter_set(zeros(3), [1], [5.0])",
     false},
    {"scatter_along_add(base, index, update, axis = -1)", run_scatter, OP_SCATTER_ALONG_ADD,
     "base with `update` added where gather_along(base, index, axis) reads. Example: scatter_along_add(zeros([2, 3]), [[0], [2]], 1.0)",
     false},
    {"sort(x, axis = -1, descending = false)", run_sort, 0,
     "The elements in order along an axis; stable, NaN counts as the largest. Example: sort([3, 1, 2])", false},
    {"argsort(x, axis = -1, descending = false)", run_sort, 1, "The indices that sort x along an axis, i64. Example: argsort([3, 1, 2])",
     false},
    {"top_k(x, k, axis = -1, smallest = false)", run_top_k, 0,
     "The k largest (or smallest) elements along an axis, in order: a record {values, indices}. NaN counts as the largest. Example: top_k([3, 9, 5], 2).values",
     false},
    {"searchsorted(sorted, values, right = false)", run_searchsorted, 0,
     "For each value the index where it would go into the ascending vector: how many are smaller (right = true: not larger). Example: searchsorted([1, 3, 5], [0, 3, 9])",
     false},
    {"unique(x)", run_unique, 0,
     "The distinct numbers, ascending. Outside train blocks only, since their count depends on numbers. Example: unique([3, 1, 3])", false},
    {"one_hot(labels, classes?)", run_one_hot, 0,
     "1 at the class and 0 elsewhere: [n] gives [n, classes], float; classes defaults to the largest label + 1 where that is known; a label outside gives a row of zeros. Example: one_hot([0, 2], 3)",
     false},
    {"bincount(labels, classes?)", run_one_hot, 1,
     "How often each class occurs, i64 [classes]; labels outside are not counted. Example: bincount([0, 2, 2], 3)", false},
    {0},
};
