/* `save` values to a file, `report` the script with its tables and plots as a page. */
#include "lang/script/definition.h"
#include "lang/script/statements.h"
#include "lang/script/view_members.h"
#include "runtime/data/csv.h"
#include "runtime/data/idx.h"
#include "runtime/data/image.h"
#include "runtime/data/npy.h"
#include "runtime/data/npz.h"
#include "runtime/data/safetensors.h"

#include <string.h>

static bool ends_with(const char *path, const char *ending) {
    size_t length = strlen(path), tail = strlen(ending);
    return length > tail && !strcmp(path + length - tail, ending);
}

static void save_member(void *context, Instance *owner, Member *member) {
    (void)owner;
    if (member->cell && member->cell->tensor) table_add(context, member->cell->name, tensor_retain(member->cell->tensor));
}

/* What the model is read through belongs to it: without it the stored values say nothing. */
static void save_view_member(void *context, const char *name, Member *member) {
    if (!table_find(context, name)) table_add(context, name, tensor_retain(member->cell->tensor));
}

static void add_model(Session *session, TensorTable *table, Instance *model) {
    instance_walk(model, save_member, table);
    view_members_walk(&session->elaborator, model, NULL, save_view_member, table);
}

/* Lists of names and the record of categories say what the arrays of a split mean; only a csv has a place for them. */
static bool is_description(const Record *record, const Field *field) {
    return record->is_split &&
           (field->value.kind == VALUE_LIST || (field->value.kind == VALUE_RECORD && !strcmp(field->name, "categories")));
}

static bool add_value(Session *session, TensorTable *table, const char *name, Value value, Span span);

static bool add_fields(Session *session, TensorTable *table, const char *name, const Record *record, Span span) {
    for (int k = 0; k < record->count; k++) {
        const Field *field = &record->fields[k];
        const char *inner = *name ? arena_format(session->arena, "%s.%s", name, field->name) : field->name;
        if (!is_description(record, field) && !add_value(session, table, inner, field->value, span)) return false;
    }
    return true;
}

static bool add_value(Session *session, TensorTable *table, const char *name, Value value, Span span) {
    if (value.kind == VALUE_RECORD) return add_fields(session, table, name, value.record, span);
    if (value.kind == VALUE_INSTANCE) return add_model(session, table, value.instance), true;
    value.span = span;
    Tensor *tensor = to_tensor(&session->elaborator, value);
    if (tensor) table_add(table, *name ? name : "value", tensor_retain(tensor));
    else if (*name) diagnose_help(&session->diagnostics, "this is the field '%s'", name);
    return tensor != NULL;
}

/* --- what describes the columns of a csv --- */

static void read_names(Value value, NameList *names) {
    for (int k = 0; value.kind == VALUE_LIST && k < value.list->count; k++)
        if (value.list->items[k].kind == VALUE_STRING) names_add(names, value.list->items[k].text);
}

static void read_categories(Value value, CategoryTable *categories) {
    if (value.kind != VALUE_RECORD || !value.record->is_split) return;
    Value classes = record_field(value.record, "classes"), others = record_field(value.record, "categories");
    if (value_ok(classes)) read_names(classes, category_add(categories, "y"));
    for (int k = 0; others.kind == VALUE_RECORD && k < others.record->count; k++)
        read_names(others.record->fields[k].value, category_add(categories, others.record->fields[k].name));
}

static Tensor *column_of(const Tensor *matrix, int64_t column, Fault *fault) {
    int64_t rows = matrix->shape.dims[0], width = matrix->shape.dims[1];
    size_t bytes = dtype_bytes(matrix->dtype);
    Tensor *out = tensor_new(matrix->dtype, shape_1(rows), fault);
    for (int64_t row = 0; out && row < rows; row++)
        memcpy((char *)out->data + (size_t)row * bytes, (const char *)matrix->data + (size_t)(row * width + column) * bytes, bytes);
    return out;
}

/* "x" [n, d] becomes d columns with the names in `features`, where there are so many. */
static bool name_columns(Value value, TensorTable *table, Fault *fault) {
    NameList names = {0};
    TensorTable named = {0};
    if (value.kind == VALUE_RECORD && value.record->is_split) read_names(record_field(value.record, "features"), &names);
    const Tensor *x = table_find(table, "x");
    bool fits = names.count && x && x->shape.rank == 2 && x->shape.dims[1] == (int64_t)names.count, ok = true;
    for (size_t k = 0; fits && ok && k < table->count; k++) {
        if (table->items[k].tensor != x) {
            table_add(&named, table->items[k].name, tensor_retain(table->items[k].tensor));
            continue;
        }
        for (size_t column = 0; ok && column < names.count; column++) {
            Tensor *tensor = column_of(x, (int64_t)column, fault);
            if ((ok = tensor != NULL)) table_add(&named, names.items[column], tensor);
        }
    }
    names_free(&names);
    if (fits && ok) {
        table_free(table);
        *table = named;
    } else {
        table_free(&named);
    }
    return ok;
}

static bool write_csv(const char *path, Value value, TensorTable *table, Fault *fault) {
    CategoryTable categories = {0};
    read_categories(value, &categories);
    bool written = name_columns(value, table, fault) && csv_write(path, table, &categories, fault);
    categories_free(&categories);
    return written;
}

/* --- formats --- */

/* Formats that hold one array. */
static const struct {
    const char *ending;
    bool (*write)(const char *path, const Tensor *tensor, Fault *fault);
} SINGLE[] = {{".npy", npy_write}, {".idx", idx_write}, {".idx.gz", idx_write},
              {".png", png_write}, {".pgm", pnm_write}, {".ppm", pnm_write}};

static void define_models(Definition *definition, Value value) {
    if (value.kind == VALUE_INSTANCE && value.instance->maker->kind == MAKER_MODEL) definition_add(definition, value.instance);
    for (int k = 0; value.kind == VALUE_RECORD && k < value.record->count; k++) define_models(definition, value.record->fields[k].value);
}

/* With the text that makes the models again, for who reads the file without the script. */
static bool write_safetensors(Session *session, const char *path, Value value, TensorTable *table, Fault *fault) {
    Metadata metadata = {0};
    Definition definition = {.session = session, .table = table, .metadata = &metadata};
    define_models(&definition, value);
    definition_finish(&definition);
    bool ok = safetensors_write(path, table, &metadata, fault);
    metadata_free(&metadata);
    return ok;
}

static bool write_table(Session *session, const char *path, Value value, TensorTable *table, Fault *fault) {
    if (ends_with(path, ".safetensors")) return write_safetensors(session, path, value, table, fault);
    if (ends_with(path, ".npz")) return npz_write(path, table, fault);
    if (ends_with(path, ".csv") || ends_with(path, ".csv.gz")) return write_csv(path, value, table, fault);
    for (size_t k = 0; k < sizeof SINGLE / sizeof *SINGLE; k++) {
        if (!ends_with(path, SINGLE[k].ending)) continue;
        if (table->count == 1) return SINGLE[k].write(path, table->items[0].tensor, fault);
        fault_set(fault, "a file that ends in %s holds one array, and this is %zu", SINGLE[k].ending, table->count);
        return fault_help(fault, "save it to an .npz file");
    }
    fault_set(fault, "cannot tell how to write '%s'", path);
    return fault_help(
        fault,
        "the ending chooses the format: .safetensors, .npz, .csv, .csv.gz; for one array .npy, .idx, .idx.gz; for a picture .png, .pgm, .ppm");
}

bool statement_save(Session *session, const Tree *tree, Scope *scope) {
    Elaborator *e = &session->elaborator;
    Value value = elaborate(e, tree->items[0], scope);
    if (!value_ok(value)) return false;
    const char *path = to_string(e, elaborate(e, tree->items[1], scope));
    if (!path || session->options.check_only) return path != NULL;
    TensorTable table = {0};
    Fault fault = {0};
    bool ok = add_value(session, &table, "", value, tree->items[0]->span);
    if (ok && !table.count) ok = diagnose(e->diagnostics, "E0801", tree->span, "there is nothing to save: the model was never applied");
    double start = session_clock(session);
    if (ok && !write_table(session, path, value, &table, &fault)) ok = diagnose_fault(e->diagnostics, "E0801", tree->span, &fault);
    session_wrote(session, start);
    table_free(&table);
    if (ok) session_done(session, "saved '%s'\n", path);
    return ok;
}

bool statement_report(Session *session, const Tree *tree, Scope *scope) {
    Elaborator *e = &session->elaborator;
    const char *path = to_string(e, elaborate(e, tree->items[0], scope));
    if (!path || session->options.check_only) return path != NULL;
    const Source *source = &session->sources.items[tree->span.file];
    Fault fault = {0};
    page_heading(session->page, "Script");
    page_code(session->page, source->text);
    if (!page_write(session->page, path, &fault)) return diagnose_fault(e->diagnostics, "E0801", tree->span, &fault);
    session_done(session, "wrote '%s'\n", path);
    return true;
}
