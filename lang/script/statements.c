/* Statements of the top level: definitions, values, and the settings of a script. */
#include "lang/script/statements.h"
#include "lang/elaborate/statement.h"
#include "lang/syntax/parser.h"
#include "runtime/base/file.h"
#include "runtime/base/memory.h"

#include <stdlib.h>
#include <string.h>

/* Import ------------------------------------------------------------------------------------------------------------- */

static bool already_imported(Session *session, const char *path) {
    for (int k = 0; k < session->import_count; k++)
        if (!strcmp(session->imports[k], path)) return true;
    const char **imports = arena_alloc(session->arena, sizeof *imports * (size_t)(session->import_count + 1));
    if (session->import_count) memcpy(imports, session->imports, sizeof *imports * (size_t)session->import_count);
    imports[session->import_count++] = path;
    session->imports = imports;
    return false;
}

static const char *resolve(Session *session, const char *path) {
    if (path[0] == '/' || !session->directory || !*session->directory) return arena_string(session->arena, path);
    return arena_format(session->arena, "%s/%s", session->directory, path);
}

static char *read_import(const Session *session, const char *path, size_t *length, Fault *fault) {
    const BundleFile *file = bundle_find(session->options.bundle, path);
    if (!file) return file_read(path, length, fault);
    *length = file->length;
    return copy_bytes(file->bytes, file->length);
}

static bool import_file(Session *session, const Tree *tree) {
    const char *path = resolve(session, tree->name);
    if (already_imported(session, path)) return true;
    size_t length;
    Fault fault = {0};
    char *text = read_import(session, path, &length, &fault);
    if (!text) return diagnose_fault(&session->diagnostics, "E0800", tree->span, &fault);
    const char *outer = session->directory;
    const char *slash = strrchr(path, '/');
    session->directory = slash ? arena_bytes(session->arena, path, (size_t)(slash - path)) : "";
    uint32_t file = sources_add(&session->sources, path, text, length);
    free(text);
    size_t errors = session->diagnostics.error_count;
    Script script = parse_script(session->arena, file, &session->diagnostics, NULL);
    bool ok = session->diagnostics.error_count == errors && statement_imports(session, &script);
    NameSource names = session_names(session);
    ok = ok && names_check(&script, &names, &session->diagnostics) && session_run_script(session, &script);
    session->directory = outer;
    if (!ok && session->diagnostics.error_count && !session->diagnostics.items[session->diagnostics.count - 1].second_label)
        diagnose_second(&session->diagnostics, tree->span, "imported here");
    return ok;
}

static bool is_maker_tree(const Tree *tree) { return tree->kind == TREE_MODEL || tree->kind == TREE_METHOD; }

static bool names_something(const Tree *tree) {
    switch ((int)tree->kind) {
    case TREE_LET:
    case TREE_DATA:
    case TREE_VAR:
    case TREE_FN:
    case TREE_LOSS:
    case TREE_PENALTY:
    case TREE_MODEL:
    case TREE_METHOD: return true;
    }
    return false;
}

/* What an imported file defined keeps its meaning: its own functions rely on it. */
static bool redefines_import(Session *session, const Script *script) {
    const Scope *globals = session->elaborator.globals;
    for (int k = 0; k < script->root->count; k++) {
        const Tree *tree = script->root->items[k];
        if (!names_something(tree)) continue;
        const Field *fields = is_maker_tree(tree) ? globals->makers : globals->fields;
        int count = is_maker_tree(tree) ? globals->maker_count : globals->count;
        for (int j = 0; j < count; j++) {
            if (strcmp(fields[j].name, tree->name)) continue;
            diagnose(&session->diagnostics, "E0201", tree->name_span.file ? tree->name_span : tree->span,
                     "'%s' is already defined by an imported file", tree->name);
            diagnose_second(&session->diagnostics, fields[j].value.span, "defined here");
            return true;
        }
    }
    return false;
}

/* Imports run before the names of the importing script are checked, so that it may use what they define. */
bool statement_imports(Session *session, const Script *script) {
    bool any = false;
    for (int k = 0; k < script->root->count; k++) {
        if (script->root->items[k]->kind != TREE_IMPORT) continue;
        if (!import_file(session, script->root->items[k])) return false;
        any = true;
    }
    return session->options.interactive || !(any || session->import_count) || !redefines_import(session, script);
}

/* Values ------------------------------------------------------------------------------------------------------------- */

typedef struct Nodes {
    Node **items;
    int count, capacity;
} Nodes;

static void collect_nodes(Value value, Nodes *nodes) {
    if (value.kind == VALUE_TENSOR) {
        if (value.node->op == OP_LEAF || value.node->op == OP_CONSTANT || value.node->materialised) return;
        if (nodes->count == nodes->capacity) {
            nodes->capacity = nodes->capacity ? 2 * nodes->capacity : 8;
            nodes->items = reallocate(nodes->items, sizeof *nodes->items * (size_t)nodes->capacity);
        }
        nodes->items[nodes->count++] = value.node;
    } else if (value.kind == VALUE_RECORD) {
        for (int k = 0; k < value.record->count; k++) collect_nodes(value.record->fields[k].value, nodes);
    } else if (value.kind == VALUE_LIST) {
        for (int k = 0; k < value.list->count; k++) collect_nodes(value.list->items[k], nodes);
    }
}

/* A name at top level is computed at once: errors come in the order of the script, and nothing is computed twice. */
bool statement_compute(Session *session, Value value, Span span) {
    Nodes nodes = {0};
    collect_nodes(value, &nodes);
    bool ok = true;
    bool is_shown = session->options.dump || session->options.kernels;
    if (nodes.count && session->options.check_only && is_shown) ok = session_plan(session, nodes.items, nodes.count, span);
    else if (nodes.count && !session->options.check_only) ok = session_evaluate_all(session, nodes.items, nodes.count, span);
    free(nodes.items);
    return ok;
}

static bool run_let(Session *session, const Tree *tree, Scope *scope) {
    Elaborator *e = &session->elaborator;
    Value before = record_field(&(Record){.fields = scope->fields, .count = scope->count}, tree->name);
    if (!elaborate_statement(e, tree, scope, NULL)) return false;
    Value value;
    if (scope_find(e, scope, tree->name, &value) && statement_compute(session, value, tree->span)) return true;
    if (value_ok(before)) scope_set(e, scope, tree->name, before);
    else scope->count--; /* the newest */
    return false;
}

static bool run_if(Session *session, const Tree *tree, Scope *scope);

static bool run_value(Session *session, const Tree *tree, Scope *scope) {
    Value value = value_none();
    if (!elaborate_statement(&session->elaborator, tree, scope, &value)) return false;
    if (!value_ok(value)) return true; /* an `if` without `else` that chose nothing */
    return statement_compute(session, value, tree->span) && (session->options.check_only || show_value(session, value));
}

/* A branch of an `if` holds statements, or a further `if`. */
static bool run_branch(Session *session, const Tree *branch, Scope *scope) {
    if (!branch) return true;
    if (branch->kind == TREE_IF) return run_if(session, branch, scope);
    if (branch->kind != TREE_BLOCK) return show_value(session, elaborate(&session->elaborator, branch, scope));
    for (int k = 0; k < branch->count; k++)
        if (!statement_run(session, branch->items[k], scope)) return false;
    return true;
}

static bool run_if(Session *session, const Tree *tree, Scope *scope) {
    Value condition = elaborate(&session->elaborator, tree->items[0], scope);
    bool truth;
    if (!value_ok(condition)) return false;
    /* Without numbers both ways are checked. */
    if (session->options.check_only && condition.kind == VALUE_TENSOR)
        return run_branch(session, tree->items[1], scope) && run_branch(session, tree_item(tree, 2), scope);
    return to_bool(&session->elaborator, condition, &truth) && run_branch(session, tree_item(tree, truth ? 1 : 2), scope);
}

static bool run_expression(Session *session, const Tree *tree, Scope *scope) {
    const Tree *expression = tree->items[0];
    bool chooses = expression->kind == TREE_IF && expression->items[1]->kind == TREE_BLOCK;
    return chooses ? run_if(session, expression, scope) : run_value(session, tree, scope);
}

static bool run_var(Session *session, const Tree *tree, Scope *scope) {
    Elaborator *e = &session->elaborator;
    Shape shape = {0};
    if (tree_item(tree, 0) && !to_shape(e, elaborate_shape(e, tree->items[0], scope), &shape)) return false;
    if (!tree_item(tree, 0)) {
        Node *node = to_node(e, elaborate(e, tree->items[1], scope));
        if (!node) return false;
        shape = node->type.shape;
    }
    Tensor *tensor = initial_tensor(e, tree, shape, e->float_type, scope, tree->name);
    if (!tensor) return false;
    Member *member = arena_alloc(session->arena, sizeof *member);
    *member = (Member){.name = tree->name, .kind = MEMBER_PARAM, .cell = own_cell(e, cell_new(tree->name, tensor)), .span = tree->span};
    session->variables = arena_grow(session->arena, session->variables, sizeof *session->variables, session->variable_count,
                                    &session->variable_capacity);
    session->variables[session->variable_count++] = (Variable){tree->name, member};
    scope_set(e, scope, tree->name, value_tensor(build_leaf(session->graph, member->cell), tree->span));
    return true;
}

/* Settings ----------------------------------------------------------------------------------------------------------- */

static bool run_precision(Session *session, const Tree *tree) {
    bool is_double = !strcmp(tree->name, "f64");
    if (!is_double && strcmp(tree->name, "f32")) {
        diagnose(&session->diagnostics, "E0303", tree->name_span, "'%s' is not a precision", tree->name);
        return diagnose_help(&session->diagnostics, "choose one of: f32, f64");
    }
    session->elaborator.float_type = session->graph->float_type = is_double ? DTYPE_F64 : DTYPE_F32;
    return true;
}

static bool run_seed(Session *session, const Tree *tree, Scope *scope) {
    int64_t seed;
    if (!to_integer(&session->elaborator, elaborate(&session->elaborator, tree->items[0], scope), &seed)) return false;
    session->elaborator.seed = (uint64_t)seed;
    session->elaborator.key = NULL;
    return true;
}

static bool for_statement(Elaborator *e, const Tree *block, Scope *scope, void *context) {
    (void)e;
    for (int k = 0; k < block->count; k++)
        if (!statement_run(context, block->items[k], scope)) return false;
    return true;
}

static bool run_imported(Session *session, const Tree *tree, Scope *scope) {
    (void)session, (void)tree, (void)scope; /* done by statement_imports */
    return true;
}

/* A new pass: extra applications of a model in the last statement do not count for this one. */
static void begin_statement(Session *session, const Tree *tree) {
    Elaborator *e = &session->elaborator;
    e->pass++;
    e->pending_count = 0;
    e->random_path = NULL;
    e->depth = 0;
    e->instance = NULL;
    e->graph = session->graph;
    e->graph->here = tree->span;
}

/* Cells have changed: what was computed from them stays with its names, but is not found again for new expressions. */
static bool renew(Session *session, bool ok) {
    graph_renew(session->graph);
    return ok;
}

bool statement_run(Session *session, const Tree *tree, Scope *scope) {
    begin_statement(session, tree);
    switch ((int)tree->kind) {
    case TREE_LET:
    case TREE_DATA: return run_let(session, tree, scope);
    case TREE_VAR: return run_var(session, tree, scope);
    case TREE_TUNE: return statement_tune(session, tree, scope);
    case TREE_EXPRESSION: return run_expression(session, tree, scope);
    case TREE_IF: return run_if(session, tree, scope);
    case TREE_PRECISION: return run_precision(session, tree);
    case TREE_SEED: return run_seed(session, tree, scope);
    case TREE_IMPORT: return run_imported(session, tree, scope);
    case TREE_FOR: return for_each(&session->elaborator, tree, scope, for_statement, session);
    case TREE_TRAIN: return renew(session, statement_train(session, tree, scope));
    case TREE_PRINT: return statement_print(session, tree, scope);
    case TREE_TABLE: return statement_table(session, tree, scope);
    case TREE_PLOT: return statement_plot(session, tree, scope);
    case TREE_IMAGE: return statement_image(session, tree, scope);
    case TREE_SAVE: return statement_save(session, tree, scope);
    case TREE_RESTORE: return renew(session, statement_restore(session, tree, scope));
    case TREE_REPORT: return statement_report(session, tree, scope);
    case TREE_EXPECT: return statement_expect(session, tree, scope);
    }
    return elaborate_statement(&session->elaborator, tree, scope, NULL);
}
