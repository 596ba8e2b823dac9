/* `table "title" { "row" = value, … }`: rows are computed in order and shown aligned; a record of values names the columns. */
#include "lang/elaborate/statement.h"
#include "lang/script/statements.h"
#include "runtime/plot/text_table.h"

#include <string.h>

typedef struct TableBuild {
    Session *session;
    TextTable *table;
    bool has_columns;
} TableBuild;

static bool add_cell(TableBuild *build, Value value) {
    Elaborator *e = &build->session->elaborator;
    if (value.kind == VALUE_NUMBER ||
        (value.kind == VALUE_TENSOR && shape_count(value.node->type.shape) == 1 && value.node->type.dtype != DTYPE_BOOL)) {
        double number;
        if (!to_number(e, value, &number)) return false;
        text_table_number(build->table, number, 0);
        return true;
    }
    Text text = {0};
    size_t errors = e->diagnostics->error_count;
    value_text(e, value, &text);
    text_table_text(build->table, text_string(&text));
    text_free(&text);
    return e->diagnostics->error_count == errors;
}

static bool add_record_cells(TableBuild *build, const Record *record) {
    if (!build->has_columns) {
        text_table_heading(build->table, "");
        for (int k = 0; k < record->count; k++) text_table_heading(build->table, record->fields[k].name);
        build->has_columns = true;
    }
    for (int k = 0; k < record->count; k++)
        if (!add_cell(build, record->fields[k].value)) return false;
    return true;
}

static bool add_row(TableBuild *build, const Tree *row, Scope *scope) {
    Elaborator *e = &build->session->elaborator;
    Value label = elaborate(e, row->items[0], scope);
    if (!value_ok(label)) return false;
    Text text = {0};
    value_text(e, label, &text);
    text_table_row(build->table);
    text_table_text(build->table, text_string(&text));
    text_free(&text);
    for (int k = 1; k < row->count; k++) {
        Value value = elaborate(e, row->items[k], scope);
        if (!value_ok(value)) return false;
        if (build->session->options.check_only) continue;
        if (value.kind == VALUE_RECORD ? !add_record_cells(build, value.record) : !add_cell(build, value)) return false;
    }
    return true;
}

static bool add_statement(TableBuild *build, const Tree *tree, Scope *scope);

static bool for_rows(Elaborator *e, const Tree *block, Scope *scope, void *context) {
    (void)e;
    for (int k = 0; k < block->count; k++)
        if (!add_statement(context, block->items[k], scope)) return false;
    return true;
}

static bool add_statement(TableBuild *build, const Tree *tree, Scope *scope) {
    if (tree->kind == TREE_ROW) return add_row(build, tree, scope);
    if (tree->kind == TREE_FOR) return for_each(&build->session->elaborator, tree, scope, for_rows, build);
    return statement_run(build->session, tree, scope);
}

bool statement_table(Session *session, const Tree *tree, Scope *scope) {
    Scope *inner = scope_new(&session->elaborator, scope);
    Value title = tree->items[0] ? elaborate(&session->elaborator, tree->items[0], scope) : value_string("", tree->span);
    const char *text = to_string(&session->elaborator, title);
    if (!text) return false;
    TableBuild build = {.session = session, .table = text_table_new(text)};
    bool ok = true;
    for (int k = 1; k < tree->count && ok; k++) ok = add_statement(&build, tree->items[k], inner);
    if (ok && !session->options.check_only) {
        Text out = {0};
        text_table_print(build.table, &out);
        session_write_text(session, &out);
        text_free(&out);
        page_table(session->page, build.table);
    }
    text_table_free(build.table);
    return ok;
}
