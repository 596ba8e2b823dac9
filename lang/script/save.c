/* `save` values to a file, `report` the script with its tables and plots as a page. */
#include "lang/script/statements.h"
#include "runtime/data/csv.h"
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

static bool add_field(Session *session, TensorTable *table, const char *name, Value value) {
    if (value.kind == VALUE_RECORD) {
        for (int k = 0; k < value.record->count; k++) {
            const char *inner = arena_format(session->arena, "%s.%s", name, value.record->fields[k].name);
            if (!add_field(session, table, *name ? inner : value.record->fields[k].name, value.record->fields[k].value)) return false;
        }
        return true;
    }
    if (value.kind == VALUE_INSTANCE) return instance_walk(value.instance, save_member, table), true;
    Tensor *tensor = to_tensor(&session->elaborator, value);
    if (tensor) table_add(table, *name ? name : "value", tensor_retain(tensor));
    return tensor != NULL;
}

static bool write_table(const char *path, const TensorTable *table, Fault *fault) {
    if (ends_with(path, ".safetensors")) return safetensors_write(path, table, NULL, fault);
    if (ends_with(path, ".npz")) return npz_write(path, table, fault);
    if (ends_with(path, ".csv")) return csv_write(path, table, NULL, fault);
    if (ends_with(path, ".npy")) {
        if (table->count == 1) return npy_write(path, table->items[0].tensor, fault);
        fault_set(fault, "an .npy file holds one array, and this is %zu", table->count);
        return fault_help(fault, "save it to an .npz file");
    }
    fault_set(fault, "cannot tell how to write '%s'", path);
    return fault_help(fault, "the ending chooses the format: .safetensors, .npz, .npy, .csv");
}

bool statement_save(Session *session, const Tree *tree, Scope *scope) {
    Elaborator *e = &session->elaborator;
    Value value = elaborate(e, tree->items[0], scope);
    if (!value_ok(value)) return false;
    const char *path = to_string(e, elaborate(e, tree->items[1], scope));
    if (!path || session->options.check_only) return path != NULL;
    TensorTable table = {0};
    Fault fault = {0};
    bool ok = add_field(session, &table, "", value);
    if (ok && !table.count) ok = diagnose(e->diagnostics, "E0801", tree->span, "there is nothing to save: the model was never applied");
    if (ok && !write_table(path, &table, &fault)) ok = diagnose_fault(e->diagnostics, "E0801", tree->span, &fault);
    table_free(&table);
    if (ok) session_note(session, "saved '%s'\n", path);
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
    session_note(session, "wrote '%s'\n", path);
    return true;
}
