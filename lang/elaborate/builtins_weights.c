/* The parameters of a model as values: arithmetic between models of one shape, and models made of its results. */
#include "lang/elaborate/builtins.h"
#include "lang/elaborate/model_ops.h"

#include <string.h>

static bool wants_model(Elaborator *e, const char *function, Value value) {
    char found[KIND_TEXT];
    if (value.kind == VALUE_INSTANCE && value.instance->maker->kind == MAKER_MODEL) return true;
    return diagnose(e->diagnostics, "E0401", value.span, "'%s' needs a model, found %s", function, value_describe(value, found));
}

/* The path below the model: "encoder.w" of "net.encoder.w". */
static const char *relative_name(Elaborator *e, Instance *root, const Selected *item) {
    const char *path = instance_path(e, root), *name = item->member->cell->name;
    size_t length = strlen(path);
    return !strncmp(name, path, length) && name[length] == '.' ? name + length + 1 : name;
}

static Value run_weights_of(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    if (!wants_model(e, "weights_of", a->values[0])) return value_none();
    Instance *net = a->values[0].instance;
    const Selection *all = select_all(e, net);
    Record *record = record_new(e);
    for (int k = 0; k < all->count; k++) {
        Value w = all->items[k].owner ? member_value(e, all->items[k].owner, all->items[k].member, a->span) : value_none();
        if (!value_ok(w)) return value_none();
        record_add(e, record, relative_name(e, net, &all->items[k]), w);
    }
    if (record->count) return (Value){.kind = VALUE_RECORD, .span = a->span, .record = record};
    diagnose(e->diagnostics, "E0401", a->values[0].span, "the model has no parameters");
    diagnose_help(e->diagnostics, "a model has its parameters once it was applied");
    return value_none();
}

static bool set_weight(Elaborator *e, const Selected *item, Value value) {
    Tensor *tensor = to_tensor(e, value);
    char expected[SHAPE_TEXT], found[SHAPE_TEXT];
    if (!tensor) return false;
    Tensor *own = item->member->cell->tensor;
    if (!shape_equal(tensor->shape, own->shape))
        return diagnose(e->diagnostics, "E0400", value.span, "'%s' is %s, and its new value is %s", item->member->cell->name,
                        shape_text(own->shape, expected), shape_text(tensor->shape, found));
    for (int64_t k = 0; k < tensor_count(own); k++) tensor_set_number(own, k, tensor_number(tensor, k));
    item->member->view_count = 0;
    return true;
}

static Value run_with_weights(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    if (!wants_model(e, "with_weights", a->values[0])) return value_none();
    Value weights = a->values[1];
    char text[KIND_TEXT];
    if (weights.kind != VALUE_RECORD) {
        diagnose(e->diagnostics, "E0401", weights.span, "'with_weights' needs a record of parameters, found %s",
                 value_describe(weights, text));
        diagnose_help(e->diagnostics, "weights_of(net) gives one");
        return value_none();
    }
    Instance *net = a->values[0].instance;
    const Selection *old = select_all(e, net);
    Value copy = copied_model(e, a->values[0], a->span);
    const Selection *all = value_ok(copy) ? select_all(e, copy.instance) : NULL;
    for (int k = 0; all && k < all->count; k++) {
        const char *name = relative_name(e, net, &old->items[k]);
        Value value = record_field(weights.record, name);
        if (!value_ok(value)) {
            diagnose(e->diagnostics, "E0202", a->values[1].span, "the record has no parameter '%s'", name);
            return value_none();
        }
        if (!e->check_only && !set_weight(e, &all->items[k], value)) return value_none();
    }
    return copy;
}

static Value run_record(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Value names = a->values[0], values = a->values[1];
    char text[KIND_TEXT];
    if (names.kind != VALUE_LIST || values.kind != VALUE_LIST) {
        Value wrong = names.kind != VALUE_LIST ? names : values;
        diagnose(e->diagnostics, "E0401", wrong.span, "'record' needs a list, found %s", value_describe(wrong, text));
        return value_none();
    }
    if (names.list->count != values.list->count) {
        diagnose(e->diagnostics, "E0400", a->span, "'record' has %d names and %d values", names.list->count, values.list->count);
        return value_none();
    }
    Record *record = record_new(e);
    for (int k = 0; k < names.list->count; k++) {
        const char *name = to_string(e, names.list->items[k]);
        if (!name) return value_none();
        record_add(e, record, name, values.list->items[k]);
    }
    return (Value){.kind = VALUE_RECORD, .span = a->span, .record = record};
}

const Builtin builtins_weights[] = {
    {"weights_of(net)", run_weights_of, 0, "The parameters of a model as a record by their path below it. Example: weights_of(net)", false},
    {"with_weights(net, weights)", run_with_weights, 0,
     "A copy of the model with other parameters: a record as weights_of gives. Example: with_weights(net, weights_of(net))", false},
    {"record(names, values)", run_record, 0,
     "The record with these field names and values: names and values of a record put together again. Example: record([\"a\", \"b\"], [1, 2])",
     false},
    {0},
};
