/* `x[i, 1:3, :]`: integers drop an axis, slices keep it, whole-number tensors gather, truth tensors filter. */
#include "lang/elaborate/index.h"

#include <string.h>

/* One item of the brackets, once evaluated. */
typedef enum ItemKind { ITEM_INTEGER, ITEM_SLICE, ITEM_TENSOR } ItemKind;
typedef struct Item {
    ItemKind kind;
    int64_t from, to, step; /* INTEGER: from */
    Node *node;             /* TENSOR, i64 */
    Span span;
} Item;

static bool slice_bound(Elaborator *e, const Tree *tree, Scope *scope, int64_t size, int64_t fallback, int64_t *out) {
    *out = fallback;
    if (!tree) return true;
    if (!to_integer(e, elaborate(e, tree, scope), out)) return false;
    if (*out < 0) *out += size;
    if (*out < 0) *out = 0;
    if (*out > size) *out = size;
    return true;
}

static bool read_slice(Elaborator *e, const Tree *tree, Scope *scope, int64_t size, Item *item) {
    item->kind = ITEM_SLICE;
    item->step = 1;
    if (tree_item(tree, 2) && !to_integer(e, elaborate(e, tree->items[2], scope), &item->step)) return false;
    if (item->step < 1)
        return diagnose(e->diagnostics, "E0304", tree->span, "a slice steps forward, by 1 or more"),
               diagnose_help(e->diagnostics, "use flip(x, axis) to reverse");
    if (!slice_bound(e, tree_item(tree, 0), scope, size, 0, &item->from)) return false;
    if (!slice_bound(e, tree_item(tree, 1), scope, size, size, &item->to)) return false;
    if (item->to < item->from) item->to = item->from;
    return true;
}

/* The numbers of the true places of a mask, as a constant. */
static Node *mask_places(Elaborator *e, Value mask) {
    if (e->clock)
        return diagnose(e->diagnostics, "E0402", mask.span,
                        "a truth tensor cannot select rows inside a training step: "
                        "the number of rows would change from step to step"),
               diagnose_help(e->diagnostics, "use where(mask, a, b), or multiply by float(mask)"), NULL;
    Tensor *truth = to_tensor(e, mask);
    if (!truth) return NULL;
    int64_t count = 0, at = 0;
    for (int64_t k = 0; k < tensor_count(truth); k++) count += tensor_bool(truth)[k] != 0;
    Fault fault;
    Tensor *places = tensor_new(DTYPE_I64, shape_1(count), &fault);
    if (!places) return diagnose_fault(e->diagnostics, "E0901", mask.span, &fault), NULL;
    for (int64_t k = 0; k < tensor_count(truth); k++)
        if (tensor_bool(truth)[k]) tensor_i64(places)[at++] = k;
    Node *node = build_constant(e->graph, places);
    tensor_release(places);
    return node;
}

static bool read_integer(Elaborator *e, Value value, int64_t size, Item *item) {
    item->kind = ITEM_INTEGER;
    if (!to_integer(e, value, &item->from)) return false;
    if (item->from < -size || item->from >= size)
        return diagnose(e->diagnostics, "E0404", value.span, "index %lld is out of range for a dimension of %lld", (long long)item->from,
                        (long long)size);
    if (item->from < 0) item->from += size;
    return true;
}

static Node *constant_from_end(Elaborator *e, const Tensor *index, int64_t size) {
    Fault fault;
    Tensor *moved = tensor_new(index->dtype, index->shape, &fault);
    if (!moved) return diagnose_fault(e->diagnostics, "E0901", e->graph->here, &fault), NULL;
    for (int64_t k = 0; k < tensor_count(index); k++) {
        int64_t at = tensor_i64(index)[k];
        tensor_i64(moved)[k] = at < 0 && at >= -size ? at + size : at;
    }
    Node *node = build_constant(e->graph, moved);
    tensor_release(moved);
    return node;
}

Node *index_from_end(Elaborator *e, Node *index, int64_t size) {
    Graph *graph = e->graph;
    if (!index || index->type.dtype != DTYPE_I64) return index;
    if (index->op == OP_CONSTANT) {
        bool any = false;
        for (int64_t k = 0; k < tensor_count(index->constant); k++) any = any || tensor_i64(index->constant)[k] < 0;
        return any ? constant_from_end(e, index->constant, size) : index;
    }
    if (index->type.shape.rank > 0) return index;
    Node *is_from_end = build_binary(graph, OP_AND, build_binary(graph, OP_LESS, index, build_integer(graph, 0)),
                                     build_binary(graph, OP_GREATER_EQUAL, index, build_integer(graph, -size)));
    return build_ternary(graph, OP_WHERE, is_from_end, build_binary(graph, OP_ADD, index, build_integer(graph, size)), index);
}

static bool read_tensor(Elaborator *e, Value value, int64_t size, Item *item) {
    item->kind = ITEM_TENSOR;
    Node *node = to_node(e, value);
    if (!node) return false;
    if (node->type.dtype == DTYPE_BOOL) {
        char shape[SHAPE_TEXT];
        if (node->type.shape.rank != 1 || node->type.shape.dims[0] != size) {
            diagnose(e->diagnostics, "E0400", value.span, "a mask over a dimension of %lld must be [%lld], found %s", (long long)size,
                     (long long)size, shape_text(node->type.shape, shape));
            if (node->type.shape.rank > 1)
                diagnose_help(e->diagnostics, "element by element: where(mask, x, 0), or reshape(x, -1)[reshape(mask, -1)]");
            return false;
        }
        node = mask_places(e, value);
    } else if (node->type.dtype != DTYPE_I64) {
        return diagnose(e->diagnostics, "E0401", value.span, "an index must be whole numbers or truth values, found %s",
                        dtype_name(node->type.dtype)),
               diagnose_help(e->diagnostics, "convert with int(x)");
    }
    item->node = node = index_from_end(e, node, size);
    return node != NULL;
}

static bool read_item(Elaborator *e, const Tree *tree, Scope *scope, int64_t size, Item *item) {
    item->span = tree->span;
    if (tree->kind == TREE_SLICE) return read_slice(e, tree, scope, size, item);
    Value value = elaborate(e, tree, scope);
    if (!value_ok(value)) return false;
    value.span = tree->span;
    if (value.kind == VALUE_RANGE) {
        item->kind = ITEM_SLICE;
        item->from = value.from < 0 ? 0 : value.from > size ? size : value.from;
        item->to = value.to > size ? size : value.to < item->from ? item->from : value.to;
        item->step = 1;
        return true;
    }
    if (value.kind == VALUE_NUMBER) return read_integer(e, value, size, item);
    return read_tensor(e, value, size, item);
}

/* Reads the brackets into one item per axis; `...` and missing items are whole slices. */
static bool read_items(Elaborator *e, const Tree *tree, Scope *scope, Shape shape, Item items[RANK_MAX]) {
    int given = tree->count - 1, axis = 0;
    bool dots = false;
    for (int k = 1; k < tree->count; k++)
        if (tree->items[k]->kind == TREE_SLICE && tree->items[k]->flag) dots = true;
    if (given - dots > shape.rank) {
        char text[SHAPE_TEXT];
        if (!shape.rank) return diagnose(e->diagnostics, "E0403", tree->span, "a single number cannot be indexed");
        return diagnose(e->diagnostics, "E0403", tree->span, "%d indices for a tensor %s of %d dimension%s", given - dots,
                        shape_text(shape, text), shape.rank, shape.rank == 1 ? "" : "s");
    }
    for (int k = 1; k < tree->count; k++) {
        const Tree *item = tree->items[k];
        if (item->kind == TREE_SLICE && item->flag) {
            for (int skip = shape.rank - (given - 1); skip-- > 0; axis++)
                items[axis] = (Item){.kind = ITEM_SLICE, .to = shape.dims[axis], .step = 1};
            continue;
        }
        items[axis] = (Item){0};
        if (!read_item(e, item, scope, shape.dims[axis], &items[axis])) return false;
        axis++;
    }
    for (; axis < shape.rank; axis++) items[axis] = (Item){.kind = ITEM_SLICE, .to = shape.dims[axis], .step = 1};
    return true;
}

static Node *apply_slices(Elaborator *e, Node *x, const Item *items) {
    int64_t from[RANK_MAX], to[RANK_MAX], step[RANK_MAX];
    bool whole = true;
    for (int k = 0; k < x->type.shape.rank; k++) {
        bool is_slice = items[k].kind == ITEM_SLICE, is_integer = items[k].kind == ITEM_INTEGER;
        from[k] = is_slice || is_integer ? items[k].from : 0;
        to[k] = is_slice ? items[k].to : is_integer ? items[k].from + 1 : x->type.shape.dims[k];
        step[k] = is_slice ? items[k].step : 1;
        whole = whole && from[k] == 0 && to[k] == x->type.shape.dims[k] && step[k] == 1;
    }
    return whole ? x : build_slice(e->graph, x, from, to, step);
}

/* Several index tensors: their axes are flattened into one and gathered with x[.., i*n1 + j, ..]. They must be neighbours. */
static Node *gather_many(Elaborator *e, Node *x, const Item *items, int first, int count, Span span) {
    Shape shape = x->type.shape;
    Node *flat = items[first].node;
    for (int k = 1; k < count; k++) {
        if (items[first + k].kind != ITEM_TENSOR)
            return diagnose(e->diagnostics, "E0404", span, "index tensors must stand beside each other"), NULL;
        flat = build_binary(e->graph, OP_ADD, build_binary(e->graph, OP_MUL, flat, build_integer(e->graph, shape.dims[first + k])),
                            items[first + k].node);
    }
    Shape merged = {0};
    for (int k = 0; k < shape.rank; k++)
        if (k > first && k < first + count) merged.dims[merged.rank - 1] *= shape.dims[k];
        else merged.dims[merged.rank++] = shape.dims[k];
    return build_gather(e->graph, build_reshape(e->graph, x, merged), flat, first);
}

/* `t[i]` after `t[i] <- rows` is `rows`: no table needs to be written before the step commits. */
static Node *rows_just_written(const Node *x, const Item *items) {
    if (x->op != OP_SCATTER_SET || items[0].kind != ITEM_TENSOR || items[0].node != x->inputs[1]) return NULL;
    for (int k = 1; k < x->type.shape.rank; k++)
        if (items[k].kind != ITEM_SLICE || items[k].from || items[k].to != x->type.shape.dims[k] || items[k].step != 1) return NULL;
    return x->inputs[2];
}

static Node *index_tensor(Elaborator *e, Node *x, const Item *items, Span span) {
    Node *written = rows_just_written(x, items);
    if (written) return written;
    int first = -1, last = -1, tensor_count_ = 0;
    uint32_t dropped = 0;
    for (int k = 0; k < x->type.shape.rank; k++) {
        if (items[k].kind == ITEM_TENSOR) {
            if (first < 0) first = k;
            last = k;
            tensor_count_++;
        }
    }
    Node *sliced = apply_slices(e, x, items);
    if (!sliced) return NULL;
    Node *gathered = sliced;
    int removed = 0;
    if (tensor_count_) {
        gathered = tensor_count_ == 1 ? build_gather(e->graph, sliced, items[first].node, first)
                                      : gather_many(e, sliced, items, first, last - first + 1, span);
        if (!gathered) return NULL;
        removed = gathered->type.shape.rank - sliced->type.shape.rank; /* axes after the index move by so many */
    }
    for (int k = 0; k < x->type.shape.rank; k++)
        if (items[k].kind == ITEM_INTEGER) dropped |= 1u << (tensor_count_ && k > last ? k + removed : k);
    return dropped ? build_squeeze(e->graph, gathered, dropped) : gathered;
}

/* Lists -------------------------------------------------------------------------------------------------------------- */

static Value index_list(Elaborator *e, Value base, const Tree *tree, Scope *scope) {
    Item item = {0};
    if (!read_item(e, tree->items[1], scope, base.list->count, &item)) return value_none();
    bool is_computed = item.kind == ITEM_TENSOR && item.node->type.shape.rank == 0; /* a number such as argmax(v) */
    if (is_computed && !read_integer(e, value_tensor(item.node, item.span), base.list->count, &item)) return value_none();
    if (item.kind == ITEM_INTEGER) {
        Value value = base.list->items[item.from];
        value.span = tree->span;
        return value;
    }
    if (item.kind != ITEM_SLICE) {
        diagnose(e->diagnostics, "E0401", item.span, "a list is indexed by a number or a range");
        return value_none();
    }
    int count = (int)((item.to - item.from + item.step - 1) / item.step);
    List *list = list_new(e, count);
    for (int k = 0; k < count; k++) list->items[k] = base.list->items[item.from + k * item.step];
    return (Value){.kind = VALUE_LIST, .span = tree->span, .list = list};
}

/* Splits ------------------------------------------------------------------------------------------------------------- */

static Value split_apply(Elaborator *e, Value split, const Tree *tree, Scope *scope) {
    Record *rows = record_new(e);
    rows->is_split = true;
    rows->label = split.record->label;
    for (int k = 0; k < split.record->count; k++) {
        Value column = split.record->fields[k].value;
        if (column.kind == VALUE_TENSOR) {
            Node *x = to_node(e, column);
            Item items[RANK_MAX];
            if (!x || !read_items(e, tree, scope, x->type.shape, items)) return value_none();
            column = value_tensor(index_tensor(e, x, items, tree->span), tree->span);
            if (!value_ok(column)) return column;
        }
        record_add(e, rows, split.record->fields[k].name, column);
    }
    return (Value){.kind = VALUE_RECORD, .span = tree->span, .record = rows};
}

/* The rows that an index, already evaluated, finds in every array. */
static Value split_rows_at(Elaborator *e, Value split, Value index, Span index_span, Span span) {
    Scope *scope = scope_new(e, NULL);
    scope_set(e, scope, "rows", index);
    Tree *name = arena_alloc(e->arena, sizeof *name), *tree = arena_alloc(e->arena, sizeof *tree);
    *name = (Tree){.kind = TREE_NAME, .span = index_span, .name = "rows"};
    Tree **items = arena_alloc(e->arena, 2 * sizeof *items);
    items[0] = items[1] = name;
    *tree = (Tree){.kind = TREE_INDEX, .span = span, .items = items, .count = 2};
    return split_apply(e, split, tree, scope);
}

Value rows_of_split(Elaborator *e, Value split, Value index, Span span) { return split_rows_at(e, split, index, span, span); }

/* `people["my town"]`: a field by its name, which need not be a word of the language; otherwise rows of a split. */
static Value index_record(Elaborator *e, Value base, const Tree *tree, Scope *scope) {
    const Tree *item = tree->items[1];
    bool is_alone = tree->count == 2 && item->kind != TREE_SLICE;
    Value index = is_alone ? elaborate(e, item, scope) : value_none();
    if (is_alone && !value_ok(index)) return index;
    if (index.kind == VALUE_STRING) {
        Tree field = {.kind = TREE_FIELD, .span = tree->span, .name_span = item->span, .name = index.text};
        return record_access(e, &field, base);
    }
    if (base.record->is_split) return is_alone ? split_rows_at(e, base, index, item->span, tree->span) : split_apply(e, base, tree, scope);
    char buffer[KIND_TEXT];
    diagnose(e->diagnostics, "E0401", base.span, "only splits have rows, and this is %s", value_describe(base, buffer));
    if (base.record->count) diagnose_help(e->diagnostics, "name one of its fields, such as '.%s'", base.record->fields[0].name);
    return value_none();
}

Value elaborate_index(Elaborator *e, const Tree *tree, Scope *scope) {
    Value base = elaborate(e, tree->items[0], scope);
    if (!value_ok(base)) return base;
    if (base.kind == VALUE_LIST && tree->count == 2) return index_list(e, base, tree, scope);
    if (base.kind == VALUE_RECORD) return index_record(e, base, tree, scope);
    Node *x = to_node(e, base);
    Item items[RANK_MAX];
    if (!x || !read_items(e, tree, scope, x->type.shape, items)) return value_none();
    e->graph->here = tree->span;
    return value_tensor(index_tensor(e, x, items, tree->span), tree->span);
}

/* Writing ------------------------------------------------------------------------------------------------------------ */

/* One index tensor on the first axis is a scatter; integers and slices are a scatter over the ranges they stand for. */
Value index_write(Elaborator *e, const Tree *target, Value base, Value value, Scope *scope) {
    Node *x = to_node(e, base), *update = to_node(e, value);
    Item items[RANK_MAX];
    if (!x || !update || !read_items(e, target, scope, x->type.shape, items)) return value_none();
    e->graph->here = target->span;
    for (int k = 1; k < x->type.shape.rank; k++)
        if (items[k].kind != ITEM_SLICE || items[k].from || items[k].to != x->type.shape.dims[k] || items[k].step != 1) {
            diagnose(e->diagnostics, "E0404", items[k].span, "only rows can be written: index the first dimension alone");
            return value_none();
        }
    Node *index = items[0].node;
    if (items[0].kind == ITEM_INTEGER) {
        index = build_reshape(e->graph, build_integer(e->graph, items[0].from), shape_1(1));
    } else if (items[0].kind == ITEM_SLICE) {
        int64_t count = (items[0].to - items[0].from + items[0].step - 1) / items[0].step;
        index = build_iota(e->graph, DTYPE_I64, shape_1(count), 0);
        index = build_binary(e->graph, OP_ADD, build_binary(e->graph, OP_MUL, index, build_integer(e->graph, items[0].step)),
                             build_integer(e->graph, items[0].from));
    }
    if (!index) return value_none();
    Shape rows = {0};
    for (int k = 0; k < index->type.shape.rank; k++) rows.dims[rows.rank++] = index->type.shape.dims[k];
    for (int k = 1; k < x->type.shape.rank; k++) rows.dims[rows.rank++] = x->type.shape.dims[k];
    update = build_broadcast(e->graph, build_cast(e->graph, update, x->type.dtype), rows);
    return value_tensor(build_scatter(e->graph, OP_SCATTER_SET, x, index, update, 0), target->span);
}
