/* Numbers that summarize a tensor along axes: sums, extremes, statistics, and the softmax family. `axis` is a number or a list,
 * negative from the end; without it everything is reduced to a scalar. `keep = true` leaves reduced axes with size 1. */
#include "lang/elaborate/builtins.h"

#include <math.h>

/* Reads x from parameter 0 and the axes from `axis` (all of them when it was not given). */
static Node *reduced(Elaborator *e, const Arguments *a, int axis, uint32_t *axes) {
    Node *x = node_at(e, a, 0);
    if (!x) return NULL;
    *axes = all_axes(x);
    if (given(a, axis) && !to_axes(e, a->values[axis], x->type.shape.rank, axes)) return NULL;
    return x;
}

static double reduced_count(const Node *x, uint32_t axes) {
    double count = 1;
    for (int axis = 0; axis < x->type.shape.rank; axis++)
        if (axes >> axis & 1u) count *= (double)x->type.shape.dims[axis];
    return count;
}

static Value run_reduce(Elaborator *e, const Builtin *self, const Arguments *a) {
    uint32_t axes;
    Node *x = reduced(e, a, 1, &axes);
    return result_of(a, x ? build_reduce(e->graph, (OpCode)self->data, x, axes, flag_at(a, 2)) : NULL);
}

static Value run_mean(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    uint32_t axes;
    Node *x = to_float(e, reduced(e, a, 1, &axes));
    return result_of(a, x ? build_mean(e->graph, x, axes, flag_at(a, 2)) : NULL);
}

/* max(a, b) elementwise, max(x, axis = 1) along axes. */
static Value run_extreme(Elaborator *e, const Builtin *self, const Arguments *a) {
    bool is_max = self->data == OP_REDUCE_MAX;
    if (!given(a, 1)) {
        uint32_t axes;
        Node *x = reduced(e, a, 2, &axes);
        if (x && reduced_count(x, axes) == 0) {
            char text[SHAPE_TEXT];
            diagnose(e->diagnostics, "E0400", a->values[0].span, "nothing is the %s of no elements: the shape is %s",
                     is_max ? "largest" : "smallest", shape_text(x->type.shape, text));
            return value_none();
        }
        return result_of(a, x ? build_reduce(e->graph, (OpCode)self->data, x, axes, flag_at(a, 3)) : NULL);
    }
    if (given(a, 2)) {
        diagnose(e->diagnostics, "E0302", a->span, "two operands are compared elementwise; an axis needs one");
        return value_none();
    }
    Value x = a->values[0], y = a->values[1];
    if (x.kind == VALUE_NUMBER && y.kind == VALUE_NUMBER) {
        bool first = x.number != x.number || (y.number == y.number && (is_max ? x.number >= y.number : x.number <= y.number));
        return value_number(first ? x.number : y.number, x.is_integer && y.is_integer, a->span);
    }
    Node *left = to_node(e, x), *right = left ? to_node(e, y) : NULL;
    return result_of(a, build_binary(e->graph, is_max ? OP_MAX : OP_MIN, left, right));
}

static Value run_arg_extreme(Elaborator *e, const Builtin *self, const Arguments *a) {
    Node *x = node_at(e, a, 0);
    int axis = 0;
    if (!x) return value_none();
    if (given(a, 1)) {
        if (!axis_at(e, a, 1, x->type.shape.rank, &axis)) return value_none();
    } else if (x->type.shape.rank != 1) {
        x = build_reshape(e->graph, x, shape_1(shape_count(x->type.shape)));
    }
    return result_of(a, build_argmax(e->graph, x, axis, self->data, flag_at(a, 2)));
}

static Node *truth_of(Elaborator *e, Node *x) { return x ? build_cast(e->graph, x, DTYPE_BOOL) : NULL; }

static Value run_all_any(Elaborator *e, const Builtin *self, const Arguments *a) {
    uint32_t axes;
    Node *x = truth_of(e, reduced(e, a, 1, &axes));
    return result_of(a, x ? build_reduce(e->graph, (OpCode)self->data, x, axes, flag_at(a, 2)) : NULL);
}

static Value run_count(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    uint32_t axes;
    Node *x = truth_of(e, reduced(e, a, 1, &axes));
    if (x) x = build_cast(e->graph, x, DTYPE_I64);
    return result_of(a, x ? build_reduce(e->graph, OP_REDUCE_SUM, x, axes, flag_at(a, 2)) : NULL);
}

/* x^power for x >= 0 and power <= 1, with derivative 0 instead of infinity at 0: there a root has no derivative, and what is
 * behind it (a norm, a deviation) has its minimum. */
static Node *root_from_zero(Graph *graph, Node *x, Node *power) {
    Node *is_zero = build_binary(graph, OP_EQUAL, x, build_number(graph, 0));
    Node *safe = build_ternary(graph, OP_WHERE, is_zero, build_number(graph, 1), x);
    Node *root = power ? build_binary(graph, OP_POW, safe, power) : build_unary(graph, OP_SQRT, safe);
    return build_ternary(graph, OP_WHERE, is_zero, build_number(graph, 0), root);
}

/* sum((x - mean)^2) / (count - correction), and its root. */
static Value run_spread(Elaborator *e, const Builtin *self, const Arguments *a) {
    uint32_t axes;
    Graph *graph = e->graph;
    double correction;
    Node *x = to_float(e, reduced(e, a, 1, &axes));
    if (!x || !to_number(e, a->values[3], &correction)) return value_none();
    Node *centred = build_binary(graph, OP_SUB, x, build_mean(graph, x, axes, true));
    Node *sum = build_reduce(graph, OP_REDUCE_SUM, build_binary(graph, OP_MUL, centred, centred), axes, flag_at(a, 2));
    double count = reduced_count(x, axes) - correction;
    Node *variance = build_binary(graph, OP_MUL, sum, build_number(graph, count > 0 ? 1 / count : NAN));
    return result_of(a, self->data ? root_from_zero(graph, variance, NULL) : variance);
}

/* (sum |x|^p)^(1/p); p = 1, 2 and infinity have their own forms. */
static Value run_norm(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    uint32_t axes;
    Graph *graph = e->graph;
    Node *x = to_float(e, reduced(e, a, 2, &axes));
    if (!x) return value_none();
    bool keep = flag_at(a, 3);
    Value p = a->values[1];
    if (p.kind == VALUE_NUMBER && !(p.number > 0)) {
        diagnose(e->diagnostics, "E0304", p.span, "a norm needs p > 0, found %.6g", p.number);
        return value_none();
    }
    if (p.kind == VALUE_NUMBER && p.number == 2)
        return result_of(a, root_from_zero(graph, build_reduce(graph, OP_REDUCE_SUM, build_binary(graph, OP_MUL, x, x), axes, keep), NULL));
    Node *size = build_unary(graph, OP_ABS, x);
    if (p.kind == VALUE_NUMBER && p.number == 1) return result_of(a, build_reduce(graph, OP_REDUCE_SUM, size, axes, keep));
    if (p.kind == VALUE_NUMBER && isinf(p.number)) return result_of(a, build_reduce(graph, OP_REDUCE_MAX, size, axes, keep));
    Node *power = to_node(e, p);
    Node *sum = build_reduce(graph, OP_REDUCE_SUM, build_binary(graph, OP_POW, size, power), axes, keep);
    return result_of(a, root_from_zero(graph, sum, build_binary(graph, OP_DIV, build_number(graph, 1), power)));
}

static Value run_logsumexp(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    uint32_t axes;
    Node *x = to_float(e, reduced(e, a, 1, &axes));
    return result_of(a, x ? build_logsumexp(e->graph, x, axes, flag_at(a, 2)) : NULL);
}

static Value run_softmax(Elaborator *e, const Builtin *self, const Arguments *a) {
    Node *x;
    int axis;
    if (!float_at(e, a, 0, &x) || !rank_at_least(e, a, 0, x, 1) || !axis_at(e, a, 1, x->type.shape.rank, &axis)) return value_none();
    return result_of(a, self->data ? build_log_softmax(e->graph, x, axis) : build_softmax(e->graph, x, axis));
}

static Value run_cumsum(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = node_at(e, a, 0);
    int axis;
    if (!rank_at_least(e, a, 0, x, 1) || !axis_at(e, a, 1, x->type.shape.rank, &axis)) return value_none();
    if (x->type.dtype == DTYPE_BOOL) x = build_cast(e->graph, x, DTYPE_I64);
    return result_of(a, call_op(e, OP_CUMSUM, &x, 1, (int64_t[]){axis, flag_at(a, 2)}, 2, NULL));
}

/* x with the axes of the mask moved into one last axis (size 1 axes left in their places when `keep`). */
static Node *gather_axes_last(Elaborator *e, Node *x, uint32_t axes, bool keep, Shape *result) {
    int permutation[RANK_MAX], rank = x->type.shape.rank, at = 0;
    Shape flat = {0};
    int64_t count = 1;
    *result = (Shape){0};
    for (int axis = 0; axis < rank; axis++) {
        if (axes >> axis & 1u) {
            if (keep) result->dims[result->rank++] = 1;
            continue;
        }
        permutation[at++] = axis;
        flat.dims[flat.rank++] = x->type.shape.dims[axis];
        result->dims[result->rank++] = x->type.shape.dims[axis];
    }
    for (int axis = 0; axis < rank; axis++)
        if (axes >> axis & 1u) {
            permutation[at++] = axis;
            count *= x->type.shape.dims[axis];
        }
    flat.dims[flat.rank++] = count;
    return build_reshape(e->graph, build_transpose(e->graph, x, permutation), flat);
}

/* Linear interpolation between the two order statistics around q * (count - 1). The sorted numbers end in NaN where there is one. */
static Node *quantile_of(Elaborator *e, Node *x, double q, uint32_t axes, bool keep) {
    Shape shape;
    Graph *graph = e->graph;
    Node *flat = gather_axes_last(e, x, axes, keep, &shape);
    if (!flat) return NULL;
    int last = flat->type.shape.rank - 1;
    int64_t count = flat->type.shape.dims[last];
    if (!count) {
        diagnose(e->diagnostics, "E0400", graph->here, "an empty axis has no quantile");
        return NULL;
    }
    Node *sort = call_op(e, OP_SORT, &flat, 1, (int64_t[]){last, 0, count}, 3, NULL);
    Node *values = build_part(graph, sort, 0);
    double place = q * (double)(count - 1);
    int64_t below = (int64_t)floor(place), above = (int64_t)ceil(place);
    Node *low = build_select(graph, values, last, below);
    if (above != below) {
        Node *step = build_binary(graph, OP_SUB, build_select(graph, values, last, above), low);
        low = build_binary(graph, OP_ADD, low, build_binary(graph, OP_MUL, step, build_number(graph, place - (double)below)));
    }
    Node *largest = build_select(graph, values, last, count - 1);
    low = build_ternary(graph, OP_WHERE, build_unary(graph, OP_IS_NAN, largest), largest, low);
    return low ? build_reshape(graph, low, shape) : NULL;
}

static Value run_quantile(Elaborator *e, const Builtin *self, const Arguments *a) {
    bool is_median = self->data;
    int axis = is_median ? 1 : 2;
    uint32_t axes;
    double q = 0.5;
    Node *x = to_float(e, reduced(e, a, axis, &axes));
    if (!x || (!is_median && !to_number(e, a->values[1], &q))) return value_none();
    if (!(q >= 0 && q <= 1)) {
        diagnose(e->diagnostics, "E0304", a->values[1].span, "a quantile lies between 0 and 1, found %.6g", q);
        return value_none();
    }
    return result_of(a, quantile_of(e, x, q, axes, flag_at(a, axis + 1)));
}

#define AXES " Without `axis` over everything; `axis` is a number or a list, negative from the end; keep = true leaves size-1 axes."
const Builtin builtins_reduce[] = {
    {"sum(x, axis?, keep = false)", run_reduce, OP_REDUCE_SUM,
     "Sum along axes; integers stay integers, bools are counted." AXES " Example: sum([[1, 2], [3, 4]], axis = 0)", false},
    {"prod(x, axis?, keep = false)", run_reduce, OP_REDUCE_PROD, "Product along axes." AXES " Example: prod([1, 2, 3, 4])", false},
    {"mean(x, axis?, keep = false)", run_mean, 0, "Arithmetic mean along axes, a float." AXES " Example: mean([[1, 2], [3, 4]], axis = -1)",
     false},
    {"max(x, other?, axis?, keep = false)", run_extreme, OP_REDUCE_MAX,
     "With two operands the larger of each pair, elementwise; with one the largest along axes. NaN wins." AXES " Example: max([-1, 2], 0)",
     false},
    {"min(x, other?, axis?, keep = false)", run_extreme, OP_REDUCE_MIN,
     "With two operands the smaller of each pair, elementwise; with one the smallest along axes. NaN wins." AXES
     " Example: min([[1, 2], [3, 0]], axis = 1)",
     false},
    {"argmax(x, axis?, keep = false)", run_arg_extreme, 1,
     "Index of the largest element, the first of equals, i64; without `axis` in the flattened tensor. Example: argmax([3, 9, 2])", false},
    {"argmin(x, axis?, keep = false)", run_arg_extreme, 0,
     "Index of the smallest element, the first of equals, i64; without `axis` in the flattened tensor. Example: argmin([3, 9, 2])", false},
    {"any(x, axis?, keep = false)", run_all_any, OP_REDUCE_MAX, "True where some element is not 0." AXES " Example: any([0, 1])", false},
    {"all(x, axis?, keep = false)", run_all_any, OP_REDUCE_MIN, "True where every element is not 0." AXES " Example: all([0, 1])", false},
    {"count_nonzero(x, axis?, keep = false)", run_count, 0, "How many elements are not 0, i64." AXES " Example: count_nonzero([0, 3, 4])",
     false},
    {"var(x, axis?, keep = false, correction = 0)", run_spread, 0,
     "Variance, sum((x - mean)^2) / (count - correction); correction = 1 is the unbiased estimate." AXES " Example: var([1, 2, 3, 4])",
     false},
    {"std(x, axis?, keep = false, correction = 0)", run_spread, 1,
     "Standard deviation, the root of var; its derivative is 0 where all are equal." AXES " Example: std([1, 2, 3, 4], correction = 1)",
     false},
    {"norm(x, p = 2, axis?, keep = false)", run_norm, 0,
     "(sum |x|^p)^(1/p); p = inf is the largest |x|. The derivative at 0 is 0." AXES " Example: norm([3, 4])", false},
    {"logsumexp(x, axis?, keep = false)", run_logsumexp, 0, "log(sum(exp(x))) without overflow." AXES " Example: logsumexp([0, 0])", false},
    {"softmax(x, axis = -1)", run_softmax, 0, "exp(x) / sum(exp(x)) along one axis, without overflow. Example: softmax([1, 2, 3])", false},
    {"log_softmax(x, axis = -1)", run_softmax, 1, "x - logsumexp(x) along one axis. Example: log_softmax([1, 2, 3])", false},
    {"cumsum(x, axis = 0, reverse = false)", run_cumsum, 0,
     "Running sum along an axis; reverse = true sums from the end. Example: cumsum([1, 2, 3])", false},
    {"quantile(x, q, axis?, keep = false)", run_quantile, 0,
     "The q-quantile, q in [0, 1], interpolated linearly. NaN wins." AXES " Example: quantile([1, 2, 3, 4], 0.25)", false},
    {"median(x, axis?, keep = false)", run_quantile, 1,
     "The middle value; the mean of the two middle ones for an even count. NaN wins." AXES " Example: median([3, 1, 2])", false},
    {0},
};
