/* The same numbers in another shape: views, transposes, broadcasts, and questions about shapes. */
#include "lang/elaborate/builtins.h"

/* A shape in which one -1 stands for what is left of `count`. */
static bool shape_with_hole(Elaborator *e, Value value, int64_t count, Shape *out) {
    List one = {.items = &value, .count = 1};
    if (value.kind == VALUE_TENSOR && value.node->type.shape.rank == 1) return to_shape(e, value, out);
    const List *list = value.kind == VALUE_LIST ? value.list : &one;
    int hole = -1;
    int64_t known = 1;
    *out = (Shape){0};
    for (int k = 0; k < list->count; k++) {
        int64_t size;
        if (!to_integer(e, list->items[k], &size)) return false;
        if (out->rank == RANK_MAX) return diagnose(e->diagnostics, "E0400", value.span, "a tensor has at most %d dimensions", RANK_MAX);
        if (size < -1 || (size == -1 && hole >= 0))
            return diagnose(e->diagnostics, "E0304", list->items[k].span,
                            size == -1 ? "only one dimension can be -1" : "a dimension cannot be %lld", (long long)size);
        if (size == -1) hole = out->rank;
        else known *= size;
        out->dims[out->rank++] = size;
    }
    if (hole < 0) return true;
    if (known == 0 || count % known)
        return diagnose(e->diagnostics, "E0400", value.span, "%lld elements cannot be divided among the other dimensions (%lld)",
                        (long long)count, (long long)known);
    out->dims[hole] = count / known;
    return true;
}

static Value run_reshape(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Shape shape;
    Node *x = node_at(e, a, 0);
    if (!x || !shape_with_hole(e, a->values[1], shape_count(x->type.shape), &shape)) return value_none();
    return result_of(a, build_reshape(e->graph, x, shape));
}

static Value run_flatten(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    int axis = 0;
    Node *x = node_at(e, a, 0);
    if (!rank_at_least(e, a, 0, x, 1)) return value_none();
    int64_t from;
    if (!to_integer(e, a->values[1], &from)) return value_none();
    if (from == x->type.shape.rank) return result_of(a, build_expand(e->graph, x, x->type.shape.rank));
    if (!axis_at(e, a, 1, x->type.shape.rank, &axis)) return value_none();
    Shape shape = {.rank = axis + 1};
    int64_t count = 1;
    for (int k = 0; k < x->type.shape.rank; k++)
        if (k < axis) shape.dims[k] = x->type.shape.dims[k];
        else count *= x->type.shape.dims[k];
    shape.dims[axis] = count;
    return result_of(a, build_reshape(e->graph, x, shape));
}

static Value run_ravel(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = node_at(e, a, 0);
    return result_of(a, x ? build_reshape(e->graph, x, shape_1(shape_count(x->type.shape))) : NULL);
}

static Value run_transpose(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = node_at(e, a, 0);
    if (!x) return value_none();
    int rank = x->type.shape.rank, permutation[RANK_MAX];
    if (!given(a, 1)) {
        for (int k = 0; k < rank; k++) permutation[k] = rank - 1 - k;
        return result_of(a, build_transpose(e->graph, x, permutation));
    }
    Value axes = a->values[1];
    Node *node = axes.kind == VALUE_LIST ? NULL : to_node(e, axes);
    int count = axes.kind == VALUE_LIST ? axes.list->count : node && node->op == OP_CONSTANT ? (int)shape_count(node->type.shape) : -1;
    uint32_t seen = 0;
    for (int k = 0; k < count && k < rank; k++) {
        Value item = node ? value_number(tensor_number(node->constant, k), true, axes.span) : axes.list->items[k];
        if (!to_axis(e, item, rank, &permutation[k])) return value_none();
        seen |= 1u << permutation[k];
    }
    if (count == rank && seen == all_axes(x)) return result_of(a, build_transpose(e->graph, x, permutation));
    diagnose(e->diagnostics, "E0403", axes.span, "expected every axis of a tensor with %d dimensions once", rank);
    return value_none();
}

static Value run_swap_axes(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = node_at(e, a, 0);
    int first, second, permutation[RANK_MAX];
    if (!x || !axis_at(e, a, 1, x->type.shape.rank, &first) || !axis_at(e, a, 2, x->type.shape.rank, &second)) return value_none();
    for (int k = 0; k < x->type.shape.rank; k++) permutation[k] = k == first ? second : k == second ? first : k;
    return result_of(a, build_transpose(e->graph, x, permutation));
}

static Value run_move_axis(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = node_at(e, a, 0);
    int from, to, permutation[RANK_MAX];
    if (!x || !axis_at(e, a, 1, x->type.shape.rank, &from) || !axis_at(e, a, 2, x->type.shape.rank, &to)) return value_none();
    for (int k = 0, next = 0; k < x->type.shape.rank; k++) {
        if (next == from) next++;
        permutation[k] = k == to ? from : next++;
    }
    return result_of(a, build_transpose(e->graph, x, permutation));
}

static Value run_squeeze(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = node_at(e, a, 0);
    if (!x) return value_none();
    uint32_t axes = 0;
    for (int k = 0; k < x->type.shape.rank; k++)
        if (x->type.shape.dims[k] == 1) axes |= 1u << k;
    uint32_t ones = axes;
    if (given(a, 1) && !to_axes(e, a->values[1], x->type.shape.rank, &axes)) return value_none();
    if (!(axes & ~ones)) return result_of(a, build_squeeze(e->graph, x, axes));
    char shape[SHAPE_TEXT];
    diagnose(e->diagnostics, "E0400", a->values[1].span, "only an axis of size 1 can be dropped, found %s",
             shape_text(x->type.shape, shape));
    return value_none();
}

static Value run_expand(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = node_at(e, a, 0);
    int axis;
    if (!x || !axis_at(e, a, 1, x->type.shape.rank + 1, &axis)) return value_none();
    return result_of(a, build_expand(e->graph, x, axis));
}

static Value run_broadcast(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Shape shape;
    Node *x = node_at(e, a, 0);
    if (!x || !to_shape(e, a->values[1], &shape)) return value_none();
    return result_of(a, build_broadcast(e->graph, x, shape));
}

/* --- questions --- */

static int64_t length_of(Elaborator *e, Value value) {
    switch (value.kind) {
    case VALUE_LIST: return value.list->count;
    case VALUE_RANGE: return value.to > value.from ? value.to - value.from : 0;
    case VALUE_TENSOR: return value.node->type.shape.rank ? value.node->type.shape.dims[0] : -1;
    case VALUE_SELECTION: return value.selection->count;
    case VALUE_RECORD: {
        if (!value.record->is_split || !value.record->count) return value.record->count;
        for (int k = 0; k < value.record->count; k++)
            if (value.record->fields[k].value.kind == VALUE_TENSOR) return length_of(e, value.record->fields[k].value);
        return 0;
    }
    case VALUE_NONE:
    case VALUE_NUMBER:
    case VALUE_BOOL:
    case VALUE_STRING:
    case VALUE_QUANTITY:
    case VALUE_FUNCTION:
    case VALUE_MAKER:
    case VALUE_INSTANCE:
    case VALUE_CHOICE: return -1;
    }
    return -1;
}

static Value run_len(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    int64_t length = length_of(e, a->values[0]);
    if (length >= 0) return value_number((double)length, true, a->span);
    char buffer[KIND_TEXT];
    diagnose(e->diagnostics, "E0401", a->values[0].span, "expected something with a length, found %s",
             value_describe(a->values[0], buffer));
    return value_none();
}

static Value run_shape(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = node_at(e, a, 0);
    if (!x) return value_none();
    List *list = list_new(e, x->type.shape.rank);
    for (int k = 0; k < list->count; k++) list->items[k] = value_number((double)x->type.shape.dims[k], true, a->span);
    return list_value(list, a->span);
}

static Value run_size(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = node_at(e, a, 0);
    int axis;
    if (!x) return value_none();
    if (!given(a, 1)) return value_number((double)shape_count(x->type.shape), true, a->span);
    if (!axis_at(e, a, 1, x->type.shape.rank, &axis)) return value_none();
    return value_number((double)x->type.shape.dims[axis], true, a->span);
}

static Value run_is_whole(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = node_at(e, a, 0);
    return x ? value_bool(!dtype_is_float(x->type.dtype), a->span) : value_none();
}

static Value run_rank(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = node_at(e, a, 0);
    return x ? value_number(x->type.shape.rank, true, a->span) : value_none();
}

const Builtin builtins_shape[] = {
    {"reshape(x, shape)", run_reshape, 0,
     "The elements of x in row-major order under another shape; one dimension may be -1 and is inferred. E0400 when the counts differ. Example: reshape(0..6, [2, -1])",
     false},
    {"flatten(x, axis = 1)", run_flatten, 0,
     "All axes from `axis` on become one: [n, c, h, w] gives [n, c*h*w]. Example: flatten(ones([2, 3, 4]))", false},
    {"ravel(x)", run_ravel, 0, "All elements as one vector. Example: ravel([[1, 2], [3, 4]])", false},
    {"transpose(x, axes?)", run_transpose, 0,
     "Axes in another order: result axis k is axis axes[k] of x; without `axes` all reversed. Example: transpose(ones([1, 2, 3]), [0, 2, 1])",
     false},
    {"permute(x, axes)", run_transpose, 0, "As transpose, with the order required. Example: permute(ones([1, 2, 3]), [0, 2, 1])", false},
    {"swap_axes(x, a, b)", run_swap_axes, 0, "x with two axes exchanged. Example: swap_axes([[1, 2], [3, 4]], 0, 1)", false},
    {"move_axis(x, from, to)", run_move_axis, 0,
     "x with one axis moved to another place, the others in order. Example: move_axis(ones([2, 4, 4, 3]), -1, 1)", false},
    {"squeeze(x, axis?)", run_squeeze, 0, "Drops axes of size 1: the given one or list, or all. Example: squeeze([[1, 2]])", false},
    {"unsqueeze(x, axis)", run_expand, 0,
     "Adds an axis of size 1 at `axis`; -1 is behind the last. Example: unsqueeze([1, 2], -1) is [2, 1]", false},
    {"broadcast(x, shape)", run_broadcast, 0, "x repeated to `shape` by numpy's rules. Example: broadcast([1, 2], [3, 2])", false},
    {"shape(x)", run_shape, 0, "The sizes of the axes as a list of whole numbers. Example: shape(zeros([2, 3]))", false},
    {"size(x, axis?)", run_size, 0, "The number of elements, or the size of one axis. Example: size(ones([2, 3]), 0)", false},
    {"rank(x)", run_rank, 0, "The number of axes. Example: rank([[1, 2]])", false},
    {"is_whole(x)", run_is_whole, 0,
     "True when x holds whole numbers or truth values, such as class numbers; known before anything runs. Example: is_whole([0, 2])",
     false},
    {"len(x)", run_len, 0,
     "The number of items of a list, rows of a tensor or split, parameters of a selection, fields of a record. Example: len([1, 2, 3])",
     false},
    {0},
};
