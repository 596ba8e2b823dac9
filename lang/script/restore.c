/* `restore net from "net.safetensors"`: parameters and states by their path below the model, so that the name may differ; a free
 * variable by its name. */
#include "lang/script/snapshot.h"
#include "lang/script/statements.h"
#include "lang/script/view_members.h"
#include "runtime/data/categories.h"
#include "runtime/data/npz.h"
#include "runtime/data/safetensors.h"

#include <string.h>

static bool read_table(const char *path, TensorTable *table, Fault *fault) {
    const char *ending = strrchr(path, '.');
    if (ending && !strcmp(ending, ".safetensors")) return safetensors_read(path, table, NULL, fault);
    if (ending && !strcmp(ending, ".npz")) return npz_read(path, table, fault);
    fault_set(fault, "cannot tell how to read '%s'", path);
    return fault_help(fault, "a model is restored from .safetensors or .npz");
}

static void release_table(void *table) { table_free(table); }

/* "net.dense_1.w" -> "dense_1.w", "ema_1.average[net.w]" -> "ema_1.average[w]". */
static TensorTable *below_root(Session *session, TensorTable *table) {
    TensorTable *below = arena_alloc(session->arena, sizeof *below);
    for (size_t k = 0; k < table->count; k++) {
        const char *name = table->items[k].name, *dot = strchr(name, '.');
        name = is_view_name(name) ? view_name_below_root(session->arena, name) : dot ? dot + 1 : name;
        table_add(below, name, tensor_retain(table->items[k].tensor));
    }
    table_free(table);
    arena_defer(session->arena, release_table, below);
    return below;
}

typedef struct Restore {
    Session *session;
    Instance *root;
    const Tree *tree;
    bool ok;
    NameList views; /* what the methods of this model keep, by name */
    Selection *changed;
} Restore;

static const char *path_below(Restore *restore, const Member *member) {
    const char *root = instance_path(&restore->session->elaborator, restore->root);
    return member->cell->name + strlen(root) + 1;
}

static void restore_named(Restore *restore, const char *name, const Member *member) {
    if (!restore->ok || !member->cell) return;
    Tensor *saved = table_find(restore->root->saved, name), *own = member->cell->tensor;
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    if (!saved) {
        restore->ok = diagnose(&restore->session->diagnostics, "E0800", restore->tree->span, "the file has no '%s', which the model needs",
                               name);
        if (is_view_name(name)) diagnose_help(&restore->session->diagnostics, "restore the model before it is trained with this method");
        return;
    }
    if (!shape_equal(saved->shape, own->shape)) {
        restore->ok = diagnose(&restore->session->diagnostics, "E0400", restore->tree->span, "'%s' is %s, and the file holds %s",
                               member->cell->name, shape_text(own->shape, a), shape_text(saved->shape, b));
        return;
    }
}

static void restore_member(void *context, Instance *owner, Member *member) {
    (void)owner;
    if (member->cell) restore_named(context, path_below(context, member), member);
}

static void restore_view_member(void *context, const char *name, Member *member) {
    Restore *restore = context;
    restore_named(restore, name, member);
    names_add(&restore->views, name);
    Selected *items = arena_alloc(restore->session->arena, sizeof *items * (size_t)(restore->changed->count + 1));
    if (restore->changed->count) memcpy(items, restore->changed->items, sizeof *items * (size_t)restore->changed->count);
    items[restore->changed->count++] = (Selected){NULL, member};
    restore->changed->items = items;
}

static bool has_name(const NameList *names, const char *name) {
    for (size_t k = 0; k < names->count; k++)
        if (!strcmp(names->items[k], name)) return true;
    return false;
}

/* What a weight hook made of the stored values is gone without its method. */
static void refuse_unread_views(Restore *restore) {
    const TensorTable *saved = restore->root->saved;
    for (size_t k = 0; restore->ok && k < saved->count; k++) {
        const char *name = saved->items[k].name;
        if (!is_view_name(name) || has_name(&restore->views, name)) continue;
        restore->ok = diagnose(&restore->session->diagnostics, "E0800", restore->tree->span,
                               "the file holds '%s': the saved model read its weights through a method that this one does not have", name);
        diagnose_help(&restore->session->diagnostics, "write the weights that the model computed with: `save folded(net) to …`");
    }
}

static void copy_named(Restore *restore, const char *name, const Member *member) {
    Tensor *saved = table_find(restore->root->saved, name), *own = member->cell->tensor;
    for (int64_t k = 0; k < tensor_count(own); k++) tensor_set_number(own, k, tensor_number(saved, k));
}

static void copy_member(void *context, Instance *owner, Member *member) {
    (void)owner;
    if (member->cell) copy_named(context, path_below(context, member), member);
}

static void copy_view_member(void *context, const char *name, Member *member) { copy_named(context, name, member); }

/* All or nothing: the model is changed once every shape was found to fit. Parameters that do not exist yet, since the model
 * was never applied, take their values when they are declared. */
static bool restore_model(Session *session, const Tree *tree, Instance *model, TensorTable *table) {
    Elaborator *e = &session->elaborator;
    const char *path = instance_path(e, model);
    Restore restore = {.session = session, .root = model, .tree = tree, .ok = true, .changed = select_all(e, model)};
    const TensorTable *before = model->saved;
    model->saved = below_root(session, table);
    instance_walk(model, restore_member, &restore);
    view_members_walk(e, model, path, restore_view_member, &restore);
    refuse_unread_views(&restore);
    names_free(&restore.views);
    if (!restore.ok) model->saved = before;
    else if ((restore.ok = snapshot_lets(session, restore.changed))) {
        instance_walk(model, copy_member, &restore);
        view_members_walk(e, model, path, copy_view_member, &restore);
    }
    return restore.ok;
}

/* The tensor with the variable's name, or the only one of the file. */
static bool restore_variable(Session *session, const Tree *tree, const Variable *variable, TensorTable *table) {
    Tensor *saved = table_find(table, variable->name), *own = variable->member->cell->tensor;
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    if (!saved && table->count == 1) saved = table->items[0].tensor;
    if (!saved) return diagnose(&session->diagnostics, "E0800", tree->span, "the file has no '%s'", variable->name);
    if (!shape_equal(saved->shape, own->shape))
        return diagnose(&session->diagnostics, "E0400", tree->span, "'%s' is %s, and the file holds %s", variable->name,
                        shape_text(own->shape, a), shape_text(saved->shape, b));
    Selected item = {NULL, variable->member};
    if (!snapshot_lets(session, &(Selection){.items = &item, .count = 1, .text = variable->name})) return false;
    for (int64_t k = 0; k < tensor_count(own); k++) tensor_set_number(own, k, tensor_number(saved, k));
    return true;
}

/* The free variable that the name stands for; a `let` may have taken the name over. */
static const Variable *find_variable(Session *session, const Tree *tree, Value value) {
    const Variable *variable = tree->kind == TREE_NAME ? session_variable(session, tree->name) : NULL;
    return variable && value.kind == VALUE_TENSOR && value.node->cell == variable->member->cell ? variable : NULL;
}

bool statement_restore(Session *session, const Tree *tree, Scope *scope) {
    Elaborator *e = &session->elaborator;
    Value value = elaborate(e, tree->items[0], scope);
    if (!value_ok(value)) return false;
    const char *path = to_string(e, elaborate(e, tree->items[1], scope));
    if (!path) return false;
    char buffer[KIND_TEXT];
    const Variable *variable = find_variable(session, tree->items[0], value);
    bool is_model = value.kind == VALUE_INSTANCE && value.instance->maker->kind == MAKER_MODEL && !value.instance->parent;
    if (!variable && !is_model)
        return diagnose(e->diagnostics, "E0401", tree->items[0]->span, "a whole model or a `var` can be restored, and this is %s",
                        value_describe(value, buffer));
    if (session->options.check_only) return true;
    TensorTable table = {0};
    Fault fault = {0};
    bool ok = read_table(path, &table, &fault) || diagnose_fault(e->diagnostics, "E0800", tree->span, &fault);
    if (ok && !variable) return restore_model(session, tree, value.instance, &table);
    ok = ok && restore_variable(session, tree, variable, &table);
    table_free(&table);
    return ok;
}
