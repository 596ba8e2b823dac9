/* Splits of data sets: divided, shuffled, cut, filtered, scaled. These work outside train blocks, on numbers that are known. */
#include "lang/elaborate/builtins.h"

#include "runtime/data/dataset.h"
#include "runtime/data/permutation.h"

#include <math.h>
#include <string.h>

/* Of the data readers, or a record that the script wrote: arrays of as many rows each. */
static bool is_split(Value value) {
    if (value.kind != VALUE_RECORD || value.record->is_split) return value.kind == VALUE_RECORD;
    for (int k = 0; k < value.record->count; k++) {
        Value field = value.record->fields[k].value, first = value.record->fields[0].value;
        if (field.kind != VALUE_TENSOR || !field.node->type.shape.rank) return false;
        if (field.node->type.shape.dims[0] != first.node->type.shape.dims[0]) return false;
    }
    return value.record->count > 0;
}

/* The number of rows of a split, tensor or list; -1 after a diagnostic. */
static int64_t row_count(Elaborator *e, Value value) {
    if (value.kind == VALUE_LIST) return value.list->count;
    if (value.kind == VALUE_TENSOR && value.node->type.shape.rank) return value.node->type.shape.dims[0];
    for (int k = 0; is_split(value) && k < value.record->count; k++)
        if (value.record->fields[k].value.kind == VALUE_TENSOR) return row_count(e, value.record->fields[k].value);
    char buffer[KIND_TEXT];
    diagnose(e->diagnostics, "E0401", value.span, "expected a split or a tensor, found %s", value_describe(value, buffer));
    for (int k = 0; value.kind == VALUE_RECORD && k < value.record->count; k++)
        if (is_split(value.record->fields[k].value))
            return diagnose_help(e->diagnostics, "name one of its splits, such as .%s", value.record->fields[k].name), -1;
    return -1;
}

static Value rows_of_tensor(Elaborator *e, Value value, const char *label, const char *name, const int64_t *rows, int64_t count) {
    Tensor *tensor = to_tensor(e, value);
    if (!tensor) return value_none();
    Fault fault;
    Tensor *taken = tensor_take_rows(tensor, rows, count, &fault);
    if (!taken) diagnose_fault(e->diagnostics, "E0901", e->graph->here, &fault);
    return column_value(e, label, name, taken, value.span);
}

/* The given rows of a split, tensor or list, as numbers of its own. */
static Value take_rows(Elaborator *e, Value value, const int64_t *rows, int64_t count, const char *label) {
    if (value.kind == VALUE_LIST) {
        List *list = list_new(e, (int)count);
        for (int64_t k = 0; k < count; k++) list->items[k] = value.list->items[rows[k]];
        return list_value(list, value.span);
    }
    if (value.kind == VALUE_TENSOR) return rows_of_tensor(e, value, label, "rows", rows, count);
    Record *record = record_new(e);
    record->is_split = true;
    record->label = label;
    for (int k = 0; k < value.record->count; k++) {
        Field field = value.record->fields[k];
        if (field.value.kind == VALUE_TENSOR) field.value = rows_of_tensor(e, field.value, label, field.name, rows, count);
        if (!value_ok(field.value)) return value_none();
        record_add(e, record, field.name, field.value);
    }
    return record_value(record, value.span);
}

static const char *label_of(Elaborator *e, Value value, const char *part) {
    const char *label = value.kind == VALUE_RECORD && value.record->label ? value.record->label : "data";
    return part ? arena_format(e->arena, "%s.%s", label, part) : label;
}

static int64_t *random_order(Elaborator *e, const Arguments *a, int seed, int64_t count) {
    int64_t number;
    if (!to_integer(e, a->values[seed], &number)) return NULL;
    int64_t *rows = arena_alloc(e->arena, sizeof *rows * (size_t)(count + 1));
    permutation_fill((uint64_t)number, 0, count, rows);
    return rows;
}

/* A share below 1, or a number of rows. */
static bool part_size(Elaborator *e, Value value, int64_t rows, int64_t *size) {
    double number;
    if (!to_number(e, value, &number)) return false;
    bool is_share = number < 1 || (number == 1 && !(value.kind == VALUE_NUMBER && value.is_integer));
    *size = is_share ? (int64_t)llround(number * (double)rows) : (int64_t)number;
    if (number >= 0 && (is_share || number == floor(number)) && *size <= rows) return true;
    return diagnose(e->diagnostics, "E0304", value.span, "expected a share between 0 and 1 or at most %lld rows, found %.6g",
                    (long long)rows, number);
}

static Value run_split(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Value data = a->values[0];
    int64_t count = row_count(e, data), train, validation = 0;
    if (count < 0 || !part_size(e, a->values[1], count, &train)) return value_none();
    if (given(a, 2) && !part_size(e, a->values[2], count, &validation)) return value_none();
    if (train + validation > count) {
        diagnose(e->diagnostics, "E0304", a->values[2].span, "%lld rows for training and %lld for validation are more than %lld",
                 (long long)train, (long long)validation, (long long)count);
        return value_none();
    }
    const int64_t *rows = random_order(e, a, 3, count);
    if (!rows) return value_none();
    const char *const names[] = {"train", "validation", "test"};
    int64_t sizes[] = {train, validation, count - train - validation}, from = 0;
    Record *record = record_new(e);
    record->label = label_of(e, data, NULL);
    for (int k = 0; k < 3; from += sizes[k++]) {
        if (k == 1 && !given(a, 2)) continue;
        Value part = take_rows(e, data, rows + from, sizes[k], label_of(e, data, names[k]));
        if (!value_ok(part)) return part;
        record_add(e, record, names[k], part);
    }
    return record_value(record, a->span);
}

static Value run_shuffle(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    int64_t count = row_count(e, a->values[0]);
    const int64_t *rows = count < 0 ? NULL : random_order(e, a, 1, count);
    return rows ? take_rows(e, a->values[0], rows, count, label_of(e, a->values[0], NULL)) : value_none();
}

/* --- take, drop: views, so that they work anywhere --- */

static Value cut_rows(Elaborator *e, Value value, int64_t from, int64_t to) {
    if (value.kind == VALUE_LIST) {
        List *list = list_new(e, (int)(to - from));
        for (int64_t k = from; k < to; k++) list->items[k - from] = value.list->items[k];
        return list_value(list, value.span);
    }
    if (value.kind == VALUE_TENSOR) {
        Node *x = to_node(e, value);
        int64_t start[RANK_MAX] = {from}, stop[RANK_MAX] = {to}, step[RANK_MAX];
        for (int k = 0; x && k < x->type.shape.rank; k++) {
            if (k) stop[k] = x->type.shape.dims[k];
            step[k] = 1;
        }
        return value_tensor(x ? build_slice(e->graph, x, start, stop, step) : NULL, value.span);
    }
    Record *record = record_new(e);
    record->is_split = true;
    record->label = value.record->label;
    for (int k = 0; k < value.record->count; k++) {
        Field field = value.record->fields[k];
        if (field.value.kind == VALUE_TENSOR) field.value = cut_rows(e, field.value, from, to);
        if (!value_ok(field.value)) return value_none();
        record_add(e, record, field.name, field.value);
    }
    return record_value(record, value.span);
}

/* data: 1 leaves out the first n instead of keeping them. */
static Value run_take(Elaborator *e, const Builtin *self, const Arguments *a) {
    int64_t count = row_count(e, a->values[0]), n;
    if (count < 0 || !integer_at(e, a, 1, 0, &n)) return value_none();
    if (n > count) {
        diagnose(e->diagnostics, "E0304", a->values[1].span, "there are only %lld rows", (long long)count);
        return value_none();
    }
    return self->data ? cut_rows(e, a->values[0], n, count) : cut_rows(e, a->values[0], 0, n);
}

/* --- filter --- */

static int64_t *rows_where(Elaborator *e, Value mask, int64_t count, int64_t *kept) {
    Tensor *truth = to_tensor(e, mask);
    if (!truth) return NULL;
    if (truth->shape.rank != 1 || truth->shape.dims[0] != count) {
        char text[SHAPE_TEXT];
        diagnose(e->diagnostics, "E0400", mask.span, "expected a mask [%lld], found %s", (long long)count, shape_text(truth->shape, text));
        return NULL;
    }
    int64_t *rows = arena_alloc(e->arena, sizeof *rows * (size_t)(count + 1));
    *kept = 0;
    for (int64_t k = 0; k < count; k++)
        if (tensor_number(truth, k) != 0) rows[(*kept)++] = k;
    return rows;
}

/* A list by a function of its items. */
static Value filter_list(Elaborator *e, const Arguments *a) {
    const List *list = a->values[0].list;
    int64_t *rows = arena_alloc(e->arena, sizeof *rows * (size_t)(list->count + 1)), kept = 0;
    for (int k = 0; k < list->count; k++) {
        bool truth;
        if (!to_bool(e, call_value(e, a->values[1], &list->items[k], 1, a->span), &truth)) return value_none();
        if (truth) rows[kept++] = k;
    }
    return take_rows(e, a->values[0], rows, kept, "list");
}

static Value run_filter(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    if (a->values[0].kind == VALUE_LIST && a->values[1].kind == VALUE_FUNCTION) return filter_list(e, a);
    int64_t count = row_count(e, a->values[0]), kept;
    const int64_t *rows = count < 0 ? NULL : rows_where(e, a->values[1], count, &kept);
    return rows ? take_rows(e, a->values[0], rows, kept, label_of(e, a->values[0], NULL)) : value_none();
}

/* --- scaling --- */

/* Offset and size of each column of `by`: mean and standard deviation, or smallest and range; constant columns have size 1. */
static bool column_scale(Elaborator *e, Node *by, bool to_unit, Node **offset, Node **size) {
    Graph *graph = e->graph;
    if (to_unit) {
        *offset = build_reduce(graph, OP_REDUCE_MIN, by, 1, true);
        *size = build_binary(graph, OP_SUB, build_reduce(graph, OP_REDUCE_MAX, by, 1, true), *offset);
    } else {
        *offset = build_mean(graph, by, 1, true);
        Node *centred = build_binary(graph, OP_SUB, by, *offset);
        *size = build_unary(graph, OP_SQRT, build_mean(graph, build_binary(graph, OP_MUL, centred, centred), 1, true));
    }
    Node *zero = build_number(graph, 0);
    *size = build_ternary(graph, OP_WHERE, build_binary(graph, OP_EQUAL, *size, zero), build_number(graph, 1), *size);
    return *offset && *size;
}

static Value scale_with(Elaborator *e, Value value, Node *offset, Node *size) {
    if (value.kind != VALUE_RECORD) {
        Node *x = to_float(e, to_node(e, value));
        return value_tensor(build_binary(e->graph, OP_DIV, build_binary(e->graph, OP_SUB, x, offset), size), value.span);
    }
    Record *record = record_new(e);
    record->is_split = value.record->is_split;
    record->label = value.record->label;
    for (int k = 0; k < value.record->count; k++) {
        Field field = value.record->fields[k];
        bool is_part = field.value.kind == VALUE_RECORD && field.value.record->is_split;
        if (is_part || (value.record->is_split && !strcmp(field.name, "x"))) field.value = scale_with(e, field.value, offset, size);
        if (!value_ok(field.value)) return value_none();
        record_add(e, record, field.name, field.value);
    }
    return record_value(record, value.span);
}

/* The numbers that the scale is read from: a tensor, the x of a split, the x of the train split of a set. */
static Node *scale_source(Elaborator *e, Value value) {
    if (value.kind == VALUE_RECORD && !value.record->is_split) {
        Value train = record_field(value.record, "train");
        if (value_ok(train)) return scale_source(e, train);
    }
    if (is_split(value)) {
        Value x = record_field(value.record, "x");
        if (value_ok(x)) return scale_source(e, x);
        diagnose(e->diagnostics, "E0202", value.span, "the split has no field 'x' to scale");
        return NULL;
    }
    Node *x = to_float(e, to_node(e, value));
    if (!x || x->type.shape.rank) return x;
    diagnose(e->diagnostics, "E0400", value.span, "a single number has no columns to scale");
    return NULL;
}

static Value run_scale(Elaborator *e, const Builtin *self, const Arguments *a) {
    Node *by = scale_source(e, a->values[given(a, 1) ? 1 : 0]), *offset, *size;
    if (!by || !column_scale(e, by, self->data, &offset, &size)) return value_none();
    return scale_with(e, a->values[0], offset, size);
}

const Builtin builtins_split[] = {
    {"split(data, train = 0.8, validation?, seed = 0)", run_split, 0,
     "Divides a split, tensor or list at random into a record {train, test}, or {train, validation, test}; sizes are shares below 1 or numbers of rows, the rest is for testing. Example: split(load(\"iris\"), 100, seed = 1)",
     false},
    {"shuffle(data, seed = 0)", run_shuffle, 0, "The rows of a split, tensor or list in random order. Example: shuffle(iris, seed = 1)",
     false},
    {"take(data, n)", run_take, 0, "The first n rows of a split, tensor or list. Example: take(fashion.train, 1000)", false},
    {"drop(data, n)", run_take, 1, "All rows but the first n of a split, tensor or list. Example: drop(fashion.train, 1000)", false},
    {"filter(data, keep)", run_filter, 0,
     "The rows of a split, tensor or list where the mask `keep` [n] is true; a list also by a function of its items. Example: filter(digits.train, digits.train.y < 2)",
     false},
    {"standardize(data, by?)", run_scale, 0,
     "(x - mean) / std by columns, constant columns stay 0: of a tensor, the `x` of a split, or of every split of a set. The scale is read from `by` (the train split of a set when left out), so that test data does not leak. Example: standardize(parts.test.x, by = parts.train.x)",
     false},
    {"normalize(data, by?)", run_scale, 1,
     "(x - min) / (max - min) by columns, as standardize. Example: normalize([[1.0, 5.0], [3.0, 5.0]])", false},
    {0},
};
