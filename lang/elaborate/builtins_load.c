/* Data sets as records: load, and what other families need to show runtime data to a script. */
#include "lang/elaborate/builtins.h"

#include "runtime/data/dataset.h"

#include <string.h>

Value column_value(Elaborator *e, const char *label, const char *name, Tensor *tensor, Span span) {
    if (!tensor) return value_none();
    return value_tensor(import_cell(e, own_cell(e, cell_new(arena_format(e->arena, "%s.%s", label, name), tensor))), span);
}

static Value name_list(Elaborator *e, const NameList *names, Span span) {
    List *list = list_new(e, (int)names->count);
    for (int k = 0; k < list->count; k++) list->items[k] = value_string(arena_string(e->arena, names->items[k]), span);
    return list_value(list, span);
}

static void add_once(Elaborator *e, Record *record, const char *name, Value value) {
    if (!value_ok(record_field(record, name))) record_add(e, record, name, value);
}

/* What describes the columns: names of classes, features and categories, and the shape [c, h, w] of a row that is a picture. */
static void add_descriptions(Elaborator *e, const DataSet *set, Record *record, Span span) {
    const NameList *classes = category_find(&set->categories, "y");
    if (classes) add_once(e, record, "classes", name_list(e, classes, span));
    if (set->features.count) add_once(e, record, "features", name_list(e, &set->features, span));
    if (set->sample.rank) {
        List *list = list_new(e, set->sample.rank);
        for (int k = 0; k < list->count; k++) list->items[k] = value_number((double)set->sample.dims[k], true, span);
        add_once(e, record, "sample", list_value(list, span));
    }
    Record *categories = record_new(e);
    for (size_t k = 0; k < set->categories.count; k++)
        if (strcmp(set->categories.items[k].field, "y"))
            record_add(e, categories, set->categories.items[k].field, name_list(e, &set->categories.items[k].names, span));
    if (categories->count) add_once(e, record, "categories", record_value(categories, span));
}

static Value split_value(Elaborator *e, const DataSet *set, const Split *split, const char *label, Span span) {
    Record *record = record_new(e);
    record->label = label;
    record->is_split = split_rows(split) >= 0;
    for (size_t k = 0; k < split->fields.count; k++) {
        const NamedTensor *field = &split->fields.items[k];
        Value column = column_value(e, label, field->name, tensor_retain(field->tensor), span);
        if (!value_ok(column)) return column;
        record_add(e, record, field->name, column);
    }
    add_descriptions(e, set, record, span);
    return record_value(record, span);
}

/* "digits" of "data/digits.csv.gz": a name that fits into paths and messages. */
static const char *short_name(Elaborator *e, const char *name) {
    const char *slash = strrchr(name, '/'), *start = slash ? slash + 1 : name;
    size_t length = strcspn(start, ".");
    return arena_bytes(e->arena, start, length ? length : strlen(start));
}

Value dataset_value(Elaborator *e, const struct DataSet *set, Span span) {
    const char *name = short_name(e, set->name);
    if (set->split_count == 1 && !strcmp(set->splits[0].name, "all")) return split_value(e, set, &set->splits[0], name, span);
    Record *record = record_new(e);
    record->label = name;
    for (size_t k = 0; k < set->split_count; k++) {
        Value split = split_value(e, set, &set->splits[k], arena_format(e->arena, "%s.%s", name, set->splits[k].name), span);
        if (!value_ok(split)) return split;
        record_add(e, record, set->splits[k].name, split);
    }
    return record_value(record, span);
}

/* --- load --- */

static bool is_feature(const NamedTensor *field, const char *target) {
    return strcmp(field->name, target) && field->tensor->shape.rank <= 2;
}

static int64_t width_of(const Tensor *tensor) { return tensor->shape.rank == 2 ? tensor->shape.dims[1] : 1; }

/* The columns other than the target side by side: "x" [n, d] and their names. NULL with a fault. */
static Tensor *join_columns(const Split *split, const char *target, DType dtype, NameList *features, Fault *fault) {
    int64_t rows = split_rows(split), width = 0, at = 0;
    for (size_t k = 0; k < split->fields.count; k++)
        if (is_feature(&split->fields.items[k], target)) {
            names_add(features, split->fields.items[k].name);
            width += width_of(split->fields.items[k].tensor);
        }
    Tensor *x = tensor_new(dtype, shape_2(rows, width), fault);
    for (size_t k = 0; x && k < split->fields.count; k++) {
        if (!is_feature(&split->fields.items[k], target)) continue;
        const Tensor *column = split->fields.items[k].tensor;
        int64_t wide = width_of(column);
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < wide; j++) tensor_set_number(x, i * width + at + j, tensor_number(column, i * wide + j));
        at += wide;
    }
    return x;
}

static bool no_target(Elaborator *e, const Arguments *a, const Split *split, const char *target) {
    const char *names[128];
    size_t count = 0;
    Text list = {0};
    for (; count < split->fields.count && count < 128; count++) {
        names[count] = split->fields.items[count].name;
        text_addf(&list, "%s%s", count ? ", " : "", names[count]);
    }
    diagnose(e->diagnostics, "E0202", a->values[1].span, "there is no column '%s'", target);
    const char *nearest = nearest_name(target, names, count);
    if (nearest) diagnose_help(e->diagnostics, "did you mean '%s'? the columns are %s", nearest, text_string(&list));
    else diagnose_help(e->diagnostics, "the columns are %s", text_string(&list));
    text_free(&list);
    return false;
}

/* A table with a target: x, y, and the names behind both. */
static bool choose_target(Elaborator *e, const Arguments *a, DataSet *set, const char *target) {
    for (size_t k = 0; k < set->split_count; k++) {
        Split *split = &set->splits[k], chosen = {0};
        Tensor *y = table_find(&split->fields, target);
        if (!y) return no_target(e, a, split, target);
        NameList features = {0};
        Fault fault;
        Tensor *x = split_rows(split) < 0 ? (fault_set(&fault, "the columns are not equally long"), NULL)
                                          : join_columns(split, target, e->float_type, &features, &fault);
        if (!x) {
            names_free(&features);
            return diagnose_fault(e->diagnostics, "E0800", a->span, &fault);
        }
        table_add(&chosen.fields, "x", x);
        table_add(&chosen.fields, "y", tensor_retain(y));
        table_free(&split->fields);
        split->fields = chosen.fields;
        names_free(&set->features);
        set->features = features;
    }
    const NameList *found = category_find(&set->categories, target);
    if (!found || !strcmp(target, "y")) return true;
    NameList names = *found; /* the table may move when it grows, the names do not */
    NameList *classes = category_add(&set->categories, "y");
    for (size_t k = 0; k < names.count; k++) names_add(classes, names.items[k]);
    return true;
}

/* The set itself, or with a warning the one that stands in for it where it is not installed. */
static DataSet *load_or_otherwise(Elaborator *e, const Arguments *a, const char *name, const char *otherwise, Fault *fault) {
    DataSet *set = dataset_load(name, e->float_type, flag_at(a, 3), fault);
    if (set || !otherwise) return set;
    diagnose_warning(e->diagnostics, "E0800", a->values[0].span, "%s; using '%s' instead", fault->message, otherwise);
    return dataset_load(otherwise, e->float_type, flag_at(a, 3), fault);
}

static Value run_load(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    const char *name = to_string(e, a->values[0]), *target = NULL, *otherwise = NULL;
    if (!name || (given(a, 1) && !(target = to_string(e, a->values[1])))) return value_none();
    if (given(a, 2) && !(otherwise = to_string(e, a->values[2]))) return value_none();
    Fault fault;
    DataSet *set = load_or_otherwise(e, a, name, otherwise, &fault);
    if (!set) {
        diagnose_fault(e->diagnostics, "E0800", a->values[0].span, &fault);
        return value_none();
    }
    Value value = target && !choose_target(e, a, set, target) ? value_none() : dataset_value(e, set, a->span);
    dataset_free(set);
    return value;
}

const Builtin builtins_load[] = {
    {"load(name, target?, otherwise?, finite = true)", run_load, 0,
     "A data set: a built-in one by its name, or a file by its ending (.csv .tsv .npy .npz .idx .png .pgm .ppm .safetensors .off, also .gz where usual; relative to the current directory). Gives a record of splits such as .train and .test, or the split itself when there is one. Columns are tensors, class numbers `y` are whole, `classes` and `features` are lists of names, `sample` is [c, h, w] for pictures. With target = \"column\" a table becomes `x` [n, d], all other columns, and `y`. With otherwise = \"fashion-14\" a set that cannot be read is replaced by that one, with a warning. Empty cells of a csv (also NA, N/A, null, ?) are NaN; any other NaN or infinity in a file is an error, unless finite = false. E0800 when it cannot be read. Example: load(\"iris\")",
     false},
    {0},
};
