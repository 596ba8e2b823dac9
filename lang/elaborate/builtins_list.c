/* Lists, and functions of functions. */
#include "lang/elaborate/builtins.h"
#include "lang/elaborate/statement.h"

/* The items of a list, range or tensor (rows; numbers where a vector is known). NULL after a diagnostic. */
static Value *items_of(Elaborator *e, Value value, int *count) {
    if (value.kind == VALUE_LIST) return *count = value.list->count, value.list->items;
    if (value.kind == VALUE_RANGE) {
        if (!few_items(e, value.to - value.from, value.span)) return NULL;
        *count = value.to > value.from ? (int)(value.to - value.from) : 0;
        Value *items = arena_alloc(e->arena, sizeof *items * (size_t)(*count + 1));
        for (int k = 0; k < *count; k++) items[k] = value_number((double)(value.from + k), true, value.span);
        return items;
    }
    if (value.kind != VALUE_TENSOR || !value.node->type.shape.rank) {
        char buffer[KIND_TEXT];
        diagnose(e->diagnostics, "E0401", value.span, "expected a list, found %s", value_describe(value, buffer));
        return NULL;
    }
    if (!few_items(e, value.node->type.shape.dims[0], value.span)) return NULL;
    Node *node = to_node(e, value);
    *count = (int)value.node->type.shape.dims[0];
    Value *items = arena_alloc(e->arena, sizeof *items * (size_t)(*count + 1));
    const Tensor *known = node && node->op == OP_CONSTANT && node->type.shape.rank == 1 ? node->constant : NULL;
    for (int k = 0; k < *count; k++) {
        items[k] = known ? value_number(tensor_number(known, k), known->dtype == DTYPE_I64, value.span)
                         : value_tensor(build_select(e->graph, node, 0, k), value.span);
        if (!value_ok(items[k])) return NULL;
    }
    return items;
}

static bool is_callable(Value value) {
    return value.kind == VALUE_FUNCTION || (value.kind == VALUE_INSTANCE && value.instance->maker->kind == MAKER_MODEL);
}

static bool callable(Elaborator *e, Value value) {
    char buffer[KIND_TEXT];
    if (!value_ok(value)) return false;
    if (is_callable(value)) return true;
    diagnose(e->diagnostics, "E0401", value.span, "expected a function or a made model, found %s", value_describe(value, buffer));
    return value.kind == VALUE_MAKER && diagnose_help(e->diagnostics, "braces make it: %s{}", value.maker->name);
}

/* How many values a function of the script wants; -1 when it is not known. */
static int parameter_count(Value function) {
    const Tree *tree = function.kind == VALUE_FUNCTION ? function.function->tree : NULL;
    return tree && tree_item(tree, 0) && tree->items[0]->kind == TREE_PARAMETERS ? tree->items[0]->count : -1;
}

static Value composition(Elaborator *e, const char *name, Value *stages, int count, Span span) {
    for (int k = 0; k < count; k++)
        if (!callable(e, stages[k])) return value_none();
    Function *function = arena_alloc(e->arena, sizeof *function);
    function->name = name;
    function->stages = stages;
    function->stage_count = count;
    return (Value){.kind = VALUE_FUNCTION, .span = span, .function = function};
}

static Value applied(Elaborator *e, Value function, Value x, Span span) {
    return value_ok(function) ? call_value(e, function, &x, 1, span) : function;
}

/* repeat(3, () -> dense{64} |> relu): three makes, one after the other; a parameter gets the number of the round. In
 * x |> repeat(3, maker) the value that comes in stands before the others. */
static Value run_repeat(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    bool is_piped = given(a, 2) && is_callable(a->values[2]);
    const Arguments shifted = {.values = {a->values[is_piped], a->values[1 + is_piped]}, .span = a->span};
    Value maker = shifted.values[1], x = a->values[is_piped ? 0 : 2];
    int64_t count;
    if (!integer_at(e, &shifted, 0, 1, &count) || !few_items(e, count, shifted.values[0].span) || !callable(e, maker)) return value_none();
    Value *stages = arena_alloc(e->arena, sizeof *stages * (size_t)count);
    int wanted = parameter_count(maker);
    for (int64_t k = 0; k < count; k++) {
        Value number = value_number((double)k, true, a->span);
        stages[k] = maker.kind == VALUE_INSTANCE ? maker : call_value(e, maker, &number, wanted == 1, a->span);
        if (!value_ok(stages[k])) return value_none();
    }
    Value function = composition(e, "repeat", stages, (int)count, a->span);
    return value_ok(x) ? applied(e, function, x, a->span) : function;
}

static Value run_sequential(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Value *stages = a->rest, x = value_none();
    int count = a->rest_count;
    if (count > 1 && !is_callable(stages[0]) && stages[0].kind != VALUE_MAKER) {
        x = *stages++;
        count--;
    }
    if (count == 1 && stages[0].kind == VALUE_LIST) {
        count = stages[0].list->count;
        stages = stages[0].list->items;
    }
    if (!count) {
        diagnose(e->diagnostics, "E0301", a->span, "'sequential' needs at least one function");
        return value_none();
    }
    Value function = composition(e, "sequential", stages, count, a->span);
    return value_ok(x) ? applied(e, function, x, a->span) : function;
}

static Value run_map(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    int count;
    bool list_first = !is_callable(a->values[0]);
    Value items_value = a->values[list_first ? 0 : 1], function = a->values[list_first ? 1 : 0];
    Value *items = callable(e, function) ? items_of(e, items_value, &count) : NULL;
    if (!items) return value_none();
    List *list = list_new(e, count);
    for (int k = 0; k < count; k++) {
        Value pair[2] = {items[k], value_number(k, true, a->span)};
        list->items[k] = call_value(e, function, pair, parameter_count(function) == 2 ? 2 : 1, a->span);
        if (!value_ok(list->items[k])) return value_none();
    }
    return list_value(list, a->span);
}

static Value run_fold(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    int count, first = 0;
    Value *items = callable(e, a->values[1]) ? items_of(e, a->values[0], &count) : NULL, total = a->values[2];
    if (!items) return value_none();
    if (!value_ok(total)) {
        if (!count) {
            diagnose(e->diagnostics, "E0304", a->values[0].span, "an empty list needs a first value: fold(list, f, start)");
            return value_none();
        }
        total = items[first++];
    }
    for (int k = first; k < count && value_ok(total); k++) {
        Value pair[2] = {total, items[k]};
        total = call_value(e, a->values[1], pair, 2, a->span);
    }
    return total;
}

static Value run_zip(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    int count = 0;
    Value **columns = arena_alloc(e->arena, sizeof *columns * (size_t)(a->rest_count + 1));
    for (int k = 0; k < a->rest_count; k++) {
        int length;
        if (!(columns[k] = items_of(e, a->rest[k], &length))) return value_none();
        if (k && length != count) {
            diagnose(e->diagnostics, "E0400", a->rest[k].span, "lists of %d and %d items cannot be zipped", count, length);
            return value_none();
        }
        count = length;
    }
    List *list = list_new(e, count);
    for (int k = 0; k < count; k++) {
        List *row = list_new(e, a->rest_count);
        for (int j = 0; j < a->rest_count; j++) row->items[j] = columns[j][k];
        list->items[k] = list_value(row, a->span);
    }
    return list_value(list, a->span);
}

static Value run_range(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    int64_t from = 0, to;
    if (!to_integer(e, a->values[0], &to)) return value_none();
    if (given(a, 1)) {
        from = to;
        if (!to_integer(e, a->values[1], &to)) return value_none();
    }
    return (Value){.kind = VALUE_RANGE, .span = a->span, .from = from, .to = to};
}

/* data: 0 the first item, -1 the last. */
static Value run_end(Elaborator *e, const Builtin *self, const Arguments *a) {
    int count;
    Value x = a->values[0];
    bool is_empty = x.kind == VALUE_TENSOR && x.node->type.shape.rank && !x.node->type.shape.dims[0];
    if (x.kind == VALUE_TENSOR && x.node->type.shape.rank && !is_empty)
        return result_of(a, build_select(e->graph, to_node(e, x), 0, self->data));
    Value *items = items_of(e, x, &count);
    if (items && count) return items[self->data ? count - 1 : 0];
    if (items) diagnose(e->diagnostics, "E0404", x.span, "the list is empty");
    return value_none();
}

static Value run_append(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    int count;
    Value *items = items_of(e, a->values[0], &count);
    if (!items) return value_none();
    List *list = list_new(e, count + 1);
    for (int k = 0; k < count; k++) list->items[k] = items[k];
    list->items[count] = a->values[1];
    return list_value(list, a->span);
}

static Value run_reverse(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    int count;
    Value *items = items_of(e, a->values[0], &count);
    if (!items) return value_none();
    List *list = list_new(e, count);
    for (int k = 0; k < count; k++) list->items[k] = items[count - 1 - k];
    return list_value(list, a->span);
}

/* data: 0 the names, 1 the values. */
static Value run_fields(Elaborator *e, const Builtin *self, const Arguments *a) {
    char buffer[KIND_TEXT];
    if (a->values[0].kind != VALUE_RECORD) {
        diagnose(e->diagnostics, "E0401", a->values[0].span, "expected a record, found %s", value_describe(a->values[0], buffer));
        return value_none();
    }
    const Record *record = a->values[0].record;
    List *list = list_new(e, record->count);
    for (int k = 0; k < record->count; k++)
        list->items[k] = self->data ? record->fields[k].value : value_string(record->fields[k].name, a->span);
    return list_value(list, a->span);
}

const Builtin builtins_list[] = {
    {"repeat(n, maker, x?)", run_repeat, 0,
     "Calls `maker` n times and composes what it makes; a parameter of `maker` gets the number of the round, from 0. x |> repeat(n, maker) applies it to x. Example: repeat(3, () -> dense{64} |> relu)",
     false},
    {"sequential(stages...)", run_sequential, 0,
     "A function that applies the stages in order; takes several or one list. x |> sequential(f, g) applies it to x. Example: sequential(dense{64}, relu, dense{10})",
     false},
    {"map(list, f)", run_map, 0,
     "The list of f(item); a second parameter of f gets the position. Lists, ranges, rows of tensors. Example: map(0..3, (k) -> k * k)",
     false},
    {"fold(list, f, start?)", run_fold, 0,
     "f(f(start, item 0), item 1) ...; without `start` from the first item. Example: fold([1, 2, 3], (a, b) -> a * b)", false},
    {"zip(lists...)", run_zip, 0, "A list of lists: item k holds item k of each. Example: zip([1, 2], [\"a\", \"b\"])", false},
    {"range(from, to?)", run_range, 0, "The range from..to, or 0..from with one argument. Example: range(3)", false},
    {"first(x)", run_end, 0, "The first item of a list or row of a tensor. Example: first([5, 6])", false},
    {"last(x)", run_end, -1, "The last item of a list or row of a tensor. Example: last([5, 6])", false},
    {"append(list, item)", run_append, 0, "The list with one more item at its end. Example: append([1, 2], 3)", false},
    {"reverse(list)", run_reverse, 0, "The items in reverse order, as a list; flip(x) reverses tensors. Example: reverse([1, 2])", false},
    {"names(record)", run_fields, 0, "The names of a record's fields, as a list of strings. Example: names({a = 1, b = 2})", false},
    {"values(record)", run_fields, 1, "The values of a record's fields, as a list. Example: values({a = 1, b = 2})", false},
    {0},
};
