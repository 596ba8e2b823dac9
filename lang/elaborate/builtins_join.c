/* Tensors put together and taken apart: concat, stack, tile, pad, roll, windows. */
#include "lang/elaborate/builtins.h"

#include <string.h>

/* The operands of concat and stack: the arguments, or the items of one list. NULL after a diagnostic. */
static Node **operands(Elaborator *e, const Arguments *a, int *count) {
    const Value *items = a->rest;
    *count = a->rest_count;
    if (*count == 1 && items[0].kind == VALUE_LIST) {
        *count = items[0].list->count;
        items = items[0].list->items;
    } else if (*count == 1 && items[0].kind == VALUE_TENSOR) { /* [a, b] of tensors was stacked by the list already */
        Node *stacked = to_node(e, items[0]);
        if (!rank_at_least(e, &(Arguments){.values = {items[0]}, .span = a->span}, 0, stacked, 2)) return NULL;
        *count = (int)stacked->type.shape.dims[0];
        Node **rows = arena_alloc(e->arena, sizeof *rows * (size_t)(*count ? *count : 1));
        for (int k = 0; k < *count; k++)
            if (!(rows[k] = build_select(e->graph, stacked, 0, k))) return NULL;
        return rows;
    }
    if (!*count) {
        diagnose(e->diagnostics, "E0301", a->span, "there is nothing to join");
        return NULL;
    }
    Node **nodes = arena_alloc(e->arena, sizeof *nodes * (size_t)*count);
    DType widest = DTYPE_BOOL;
    for (int k = 0; k < *count; k++) {
        if (!(nodes[k] = to_node(e, items[k]))) return NULL;
        if (nodes[k]->type.dtype > widest) widest = nodes[k]->type.dtype;
    }
    for (int k = 0; k < *count; k++) nodes[k] = build_cast(e->graph, nodes[k], widest);
    return nodes;
}

static bool all_lists(const Arguments *a) {
    for (int k = 0; k < a->rest_count; k++)
        if (a->rest[k].kind != VALUE_LIST) return false;
    return a->rest_count > 1;
}

/* Lists that hold something other than numbers are joined as lists; rows of numbers are tensors. */
static bool holds_objects(const Arguments *a) {
    for (int k = 0; k < a->rest_count; k++)
        for (int j = 0; j < a->rest[k].list->count; j++) {
            ValueKind kind = a->rest[k].list->items[j].kind;
            if (kind != VALUE_NUMBER && kind != VALUE_TENSOR && kind != VALUE_LIST) return true;
        }
    return false;
}

static Value join_lists(Elaborator *e, const Arguments *a) {
    int count = 0, at = 0;
    for (int k = 0; k < a->rest_count; k++) count += a->rest[k].list->count;
    List *list = list_new(e, count);
    for (int k = 0; k < a->rest_count; k++)
        for (int j = 0; j < a->rest[k].list->count; j++) list->items[at++] = a->rest[k].list->items[j];
    return list_value(list, a->span);
}

/* Splits with the same fields, one after the other. */
static Value join_splits(Elaborator *e, const Arguments *a) {
    const Record *first = a->rest[0].record;
    Record *joined = record_new(e);
    joined->is_split = first->is_split;
    joined->label = first->label;
    for (int f = 0; f < first->count; f++) {
        Field field = first->fields[f];
        if (field.value.kind != VALUE_TENSOR) {
            record_add(e, joined, field.name, field.value);
            continue;
        }
        Arguments columns = {
            .rest = arena_alloc(e->arena, sizeof(Value) * (size_t)a->rest_count), .rest_count = a->rest_count, .span = a->span};
        for (int k = 0; k < a->rest_count; k++) {
            columns.rest[k] = a->rest[k].kind == VALUE_RECORD ? record_field(a->rest[k].record, field.name) : value_none();
            if (value_ok(columns.rest[k])) continue;
            diagnose(e->diagnostics, "E0202", a->rest[k].span, "this has no field '%s', which the first one has", field.name);
            return value_none();
        }
        int count;
        Node **nodes = operands(e, &columns, &count);
        Node *node = nodes ? build_concat(e->graph, nodes, count, 0) : NULL;
        if (!node) return value_none();
        record_add(e, joined, field.name, value_tensor(node, a->span));
    }
    return record_value(joined, a->span);
}

static Value run_concat(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    int count, axis;
    if (a->rest_count > 1 && a->rest[0].kind == VALUE_RECORD) return join_splits(e, a);
    if (all_lists(a) && holds_objects(a)) return join_lists(e, a);
    Node **nodes = operands(e, a, &count);
    if (!nodes || !axis_at(e, a, 1, nodes[0]->type.shape.rank, &axis)) return value_none();
    return result_of(a, build_concat(e->graph, nodes, count, axis));
}

static Value run_stack(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    int count, axis;
    Node **nodes = operands(e, a, &count);
    if (!nodes || !axis_at(e, a, 1, nodes[0]->type.shape.rank + 1, &axis)) return value_none();
    for (int k = 1; k < count; k++)
        if (!shape_equal(nodes[k]->type.shape, nodes[0]->type.shape)) {
            char one[SHAPE_TEXT], other[SHAPE_TEXT];
            diagnose(e->diagnostics, "E0400", k < a->rest_count ? a->rest[k].span : a->span,
                     "what is stacked must have one shape, found %s after %s", shape_text(nodes[k]->type.shape, other),
                     shape_text(nodes[0]->type.shape, one));
            diagnose_help(e->diagnostics, "concat joins along an axis that is there");
            return value_none();
        }
    return result_of(a, build_stack(e->graph, nodes, count, axis));
}

/* x[.., from:to, ..] */
static Node *cut(Elaborator *e, Node *x, int axis, int64_t from, int64_t to) {
    int64_t start[RANK_MAX] = {0}, stop[RANK_MAX], step[RANK_MAX];
    if (!x) return NULL;
    for (int k = 0; k < x->type.shape.rank; k++) {
        stop[k] = x->type.shape.dims[k];
        step[k] = 1;
    }
    start[axis] = from;
    stop[axis] = to;
    return build_slice(e->graph, x, start, stop, step);
}

/* chunks(x, 3): equal parts; chunks(x, [2, 5]): parts of these sizes. */
static Value run_chunks(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = node_at(e, a, 0);
    int axis;
    Shape sizes;
    if (!rank_at_least(e, a, 0, x, 1) || !axis_at(e, a, 2, x->type.shape.rank, &axis) || !to_shape(e, a->values[1], &sizes))
        return value_none();
    int64_t total = x->type.shape.dims[axis], from = 0, count = sizes.rank, sum = 0;
    bool is_equal = a->values[1].kind == VALUE_NUMBER;
    if (is_equal) count = sizes.dims[0];
    for (int k = 0; k < sizes.rank && !is_equal; k++) sum += sizes.dims[k];
    if (is_equal ? count == 0 || total % count != 0 : sum != total) {
        diagnose(e->diagnostics, "E0400", a->values[1].span, "an axis of size %lld cannot be cut like this", (long long)total);
        return value_none();
    }
    List *list = list_new(e, (int)count);
    for (int k = 0; k < list->count; k++) {
        int64_t to = from + (is_equal ? total / count : sizes.dims[k]);
        list->items[k] = value_tensor(cut(e, x, axis, from, to), a->span);
        if (!value_ok(list->items[k])) return value_none();
        from = to;
    }
    return list_value(list, a->span);
}

/* Every axis repeated as a whole: [a, b] -> [a, b, a, b]; through an axis of size 1 before each. */
static Value run_tile(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = node_at(e, a, 0);
    Shape counts, split = {0}, wide = {0}, joined = {0};
    if (!x || !to_shape(e, a->values[1], &counts)) return value_none();
    int rank = counts.rank > x->type.shape.rank ? counts.rank : x->type.shape.rank;
    int repeated = 0;
    for (int k = 0; k < counts.rank; k++) repeated += counts.dims[k] != 1;
    if (rank + repeated > RANK_MAX) {
        diagnose(e->diagnostics, "E0400", a->span, "'tile' cannot repeat %d of %d axes at once", repeated, rank);
        return value_none();
    }
    for (int k = 0; k < rank; k++) {
        int source = k - (rank - x->type.shape.rank), which = k - (rank - counts.rank);
        int64_t size = source >= 0 ? x->type.shape.dims[source] : 1, times = which >= 0 ? counts.dims[which] : 1;
        if (times != 1) {
            split.dims[split.rank++] = 1;
            wide.dims[wide.rank++] = times;
        }
        split.dims[split.rank++] = size;
        wide.dims[wide.rank++] = size;
        joined.dims[joined.rank++] = size * times;
    }
    return result_of(a, build_reshape(e->graph, build_broadcast(e->graph, build_reshape(e->graph, x, split), wide), joined));
}

static Value run_repeat_elements(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = node_at(e, a, 0);
    int64_t times;
    int axis;
    if (!rank_at_least(e, a, 0, x, 1) || !integer_at(e, a, 1, 0, &times) || !axis_at(e, a, 2, x->type.shape.rank, &axis))
        return value_none();
    Node *wide = build_expand(e->graph, x, axis + 1);
    if (!wide) return value_none();
    Shape shape = wide->type.shape, joined = x->type.shape;
    shape.dims[axis + 1] = times;
    joined.dims[axis] *= times;
    return result_of(a, build_reshape(e->graph, build_broadcast(e->graph, wide, shape), joined));
}

static Value run_flip(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = node_at(e, a, 0);
    uint32_t axes;
    if (!rank_at_least(e, a, 0, x, 1) || !to_axes(e, a->values[1], x->type.shape.rank, &axes)) return value_none();
    int rank = x->type.shape.rank;
    for (int axis = 0; axis < rank; axis++)
        if (axes >> axis & 1u) x = build_flip(e->graph, x, axis);
    return result_of(a, x);
}

static Node *roll_axis(Elaborator *e, Node *x, int axis, int64_t shift) {
    int64_t size = x->type.shape.dims[axis];
    if (!size || !(shift = (shift % size + size) % size)) return x;
    Node *parts[2] = {cut(e, x, axis, size - shift, size), cut(e, x, axis, 0, size - shift)};
    return parts[0] && parts[1] ? build_concat(e->graph, parts, 2, axis) : NULL;
}

static Value run_roll(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = node_at(e, a, 0);
    int64_t shift;
    int axis;
    if (!rank_at_least(e, a, 0, x, 1) || !to_integer(e, a->values[1], &shift) || !axis_at(e, a, 2, x->type.shape.rank, &axis))
        return value_none();
    return result_of(a, roll_axis(e, x, axis, shift));
}

/* --- pad --- */

/* A number for every side, a list per axis, or a list of [low, high]; a shorter list is for the last axes. */
static bool pad_widths(Elaborator *e, Value width, int rank, int64_t *low, int64_t *high) {
    memset(low, 0, sizeof *low * RANK_MAX);
    memset(high, 0, sizeof *high * RANK_MAX);
    if (width.kind != VALUE_LIST) {
        int64_t all;
        if (!to_integer(e, width, &all)) return false;
        for (int k = 0; k < rank; k++) low[k] = high[k] = all;
        return true;
    }
    int count = width.list->count, offset = rank - count;
    if (offset < 0) return diagnose(e->diagnostics, "E0400", width.span, "%d widths for a tensor with %d dimensions", count, rank);
    for (int k = 0; k < count; k++) {
        Value item = width.list->items[k];
        if (item.kind == VALUE_LIST && item.list->count == 2) {
            if (!to_integer(e, item.list->items[0], &low[k + offset]) || !to_integer(e, item.list->items[1], &high[k + offset]))
                return false;
        } else {
            if (!to_integer(e, item, &low[k + offset])) return false;
            high[k + offset] = low[k + offset];
        }
    }
    return true;
}

Node *pad_border(Elaborator *e, Node *x, int axis, int64_t low, int64_t high, const char *mode, Span span) {
    int64_t size = x->type.shape.dims[axis];
    Graph *graph = e->graph;
    Node *parts[3] = {NULL, x, NULL};
    bool is_edge = !strcmp(mode, "edge"), is_reflect = !strcmp(mode, "reflect");
    int64_t most = is_edge ? INT64_MAX : is_reflect ? size - 1 : size;
    if (size == 0 || low > most || high > most) {
        diagnose(graph->diagnostics, "E0400", span, "%s padding of %lld and %lld does not fit an axis of size %lld", mode, (long long)low,
                 (long long)high, (long long)size);
        return NULL;
    }
    if (is_edge) {
        Shape shape = x->type.shape;
        shape.dims[axis] = low;
        parts[0] = build_broadcast(graph, cut(e, x, axis, 0, 1), shape);
        shape.dims[axis] = high;
        parts[2] = build_broadcast(graph, cut(e, x, axis, size - 1, size), shape);
    } else if (is_reflect) {
        parts[0] = build_flip(graph, cut(e, x, axis, 1, low + 1), axis);
        parts[2] = build_flip(graph, cut(e, x, axis, size - 1 - high, size - 1), axis);
    } else {
        parts[0] = cut(e, x, axis, size - low, size);
        parts[2] = cut(e, x, axis, 0, high);
    }
    return parts[0] && parts[2] ? build_concat(graph, parts, 3, axis) : NULL;
}

static Value run_pad(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = node_at(e, a, 0);
    int64_t low[RANK_MAX], high[RANK_MAX], interior[RANK_MAX] = {0};
    if (!x || !pad_widths(e, a->values[1], x->type.shape.rank, low, high)) return value_none();
    for (int k = 0; k < x->type.shape.rank; k++)
        if (low[k] < 0 || high[k] < 0) {
            diagnose(e->diagnostics, "E0304", a->values[1].span, "a width cannot be negative; a slice cuts");
            return value_none();
        }
    const char *mode = a->values[2].text;
    double value = 0;
    if (!strcmp(mode, "zero") || !strcmp(mode, "constant")) {
        if (!to_number(e, a->values[3], &value)) return value_none();
        return result_of(a, build_pad(e->graph, x, low, high, interior, value));
    }
    int rank = x->type.shape.rank;
    for (int axis = 0; axis < rank && x; axis++)
        if (low[axis] || high[axis]) x = pad_border(e, x, axis, low[axis], high[axis], mode, a->values[1].span);
    return result_of(a, x);
}

/* unfold(x, size, step, axis): windows along an axis, as a new last axis: [.., n, ..] -> [.., windows, .., size]. */
static Value run_unfold(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *x = node_at(e, a, 0);
    int64_t size, step;
    int axis;
    if (!rank_at_least(e, a, 0, x, 1) || !integer_at(e, a, 1, 1, &size) || !integer_at(e, a, 2, 1, &step) ||
        !axis_at(e, a, 3, x->type.shape.rank, &axis))
        return value_none();
    int64_t length = x->type.shape.dims[axis];
    if (size > length) {
        diagnose(e->diagnostics, "E0400", a->values[1].span, "a window of %lld does not fit an axis of size %lld", (long long)size,
                 (long long)length);
        return value_none();
    }
    Shape windows = shape_2((length - size) / step + 1, size);
    Graph *graph = e->graph;
    Node *first = build_binary(graph, OP_MUL, build_iota(graph, DTYPE_I64, windows, 0), build_integer(graph, step));
    Node *index = build_binary(graph, OP_ADD, first, build_iota(graph, DTYPE_I64, windows, 1));
    Node *gathered = build_gather(graph, x, index, axis); /* [.., windows, size, ..] */
    int permutation[RANK_MAX], rank = x->type.shape.rank;
    for (int k = 0; k <= rank; k++) permutation[k] = k <= axis ? k : k == rank ? axis + 1 : k + 1;
    return result_of(a, gathered ? build_transpose(graph, gathered, permutation) : NULL);
}

const Builtin builtins_join[] = {
    {"concat(xs..., axis = 0)", run_concat, 0,
     "Tensors one after the other along an axis; other axes must agree. Takes several arguments or one list. Lists of other things and splits of data sets with equal fields are joined too. Example: concat([1, 2], [3])",
     false},
    {"stack(xs..., axis = 0)", run_stack, 0, "Tensors of one shape along a new axis. Example: stack([1, 2], [3, 4], axis = 1)", false},
    {"chunks(x, sizes, axis = 0)", run_chunks, 0,
     "A list of parts: a number of equal ones, or the sizes listed. Example: chunks([1, 2, 3, 4], 2)", false},
    {"tile(x, counts)", run_tile, 0,
     "x repeated as a whole, counts[k] times along axis k; a shorter list is for the last axes. Example: tile([1, 2], 3)", false},
    {"repeat_elements(x, times, axis = 0)", run_repeat_elements, 0,
     "Every element along the axis repeated in place: [a, b] gives [a, a, b, b]. Example: repeat_elements([1, 2], 2)", false},
    {"flip(x, axis = -1)", run_flip, 0, "x with one axis, or each of a list, reversed. Example: flip([1, 2, 3])", false},
    {"roll(x, shift, axis = 0)", run_roll, 0,
     "x moved along the axis; what leaves at one end enters at the other. Example: roll([1, 2, 3], 1)", false},
    {"pad(x, width, mode: zero|constant|circular|reflect|edge = zero, value = 0)", run_pad, 0,
     "x with a border. `width` is a number for all sides, a list per axis, or a list of [low, high]; a shorter list is for the last axes. `value` fills constant borders. Example: pad([1, 2, 3], 1, mode = reflect)",
     false},
    {"unfold(x, size, step = 1, axis = 0)", run_unfold, 0,
     "All windows of `size` along an axis, every `step`: the axis counts windows, a new last axis holds their elements. Example: unfold(0..5, 3)",
     false},
    {0},
};
