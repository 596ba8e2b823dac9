/* The variables of a derivative. While the cost is elaborated, a named number or literal is a leaf of its own, so that equal
 * constants elsewhere do not count as it. */
#include "lang/elaborate/variables.h"

#include "lang/passes/autodiff.h"

#include <string.h>

/* --- collecting --- */

static bool add_node(Elaborator *e, Variables *v, Node *node, Node *original) {
    if (!node) return false;
    if (v->count == v->capacity) {
        int capacity = v->capacity ? 2 * v->capacity : 8;
        Node **nodes = arena_alloc(e->arena, 2 * sizeof *nodes * (size_t)capacity), **originals = nodes + capacity;
        if (v->count) {
            memcpy(nodes, v->nodes, sizeof *nodes * (size_t)v->count);
            memcpy(originals, v->originals, sizeof *nodes * (size_t)v->count);
        }
        v->nodes = nodes;
        v->originals = originals;
        v->capacity = capacity;
    }
    v->originals[v->count] = original;
    v->nodes[v->count++] = node;
    return true;
}

static bool whole_variable(Elaborator *e, Value value) {
    diagnose(e->diagnostics, "E0500", value.span, "there is no derivative in whole numbers");
    if (value.kind == VALUE_NUMBER) return diagnose_help(e->diagnostics, "write %.0f.0", value.number);
    return diagnose_help(e->diagnostics, "write 2.0 instead of 2, or float(x)");
}

/* A leaf of its own with the value of a constant. */
static Node *leaf_of(Elaborator *e, const char *name, Tensor *tensor) { return import_cell(e, cell_new(name, tensor)); }

static bool collect_member(Elaborator *e, Instance *owner, Member *member, Record *record, Span span) {
    if (member->kind != MEMBER_PARAM || member->is_frozen || !member->cell) return true;
    Value value = owner ? member_value(e, owner, member, span) : value_tensor(import_cell(e, member->cell), span);
    if (!value_ok(value)) return false;
    record_add(e, record, member->cell->name, value);
    return true;
}

typedef struct Walk {
    Elaborator *e;
    Record *record;
    Span span;
    bool ok;
} Walk;

static void visit_member(void *context, Instance *owner, Member *member) {
    Walk *walk = context;
    walk->ok = walk->ok && collect_member(walk->e, owner, member, walk->record, walk->span);
}

/* Parameters by path. */
static bool collect_parameters(Elaborator *e, Variables *v, Value *value) {
    Walk walk = {.e = e, .record = record_new(e), .span = value->span, .ok = true};
    if (value->kind == VALUE_INSTANCE) instance_walk(value->instance, visit_member, &walk);
    else
        for (int k = 0; k < value->selection->count; k++) visit_member(&walk, value->selection->items[k].owner, value->selection->items[k].member);
    if (!walk.ok) return false;
    if (!walk.record->count) {
        diagnose(e->diagnostics, "E0500", value->span, "there are no parameters here that can be trained");
        return diagnose_help(e->diagnostics, "a model has its parameters once it was applied, and frozen ones do not count");
    }
    v->is_group = true;
    *value = record_value(walk.record, value->span);
    return true;
}

static bool collect(Elaborator *e, Variables *v, Value value) {
    if (value.kind == VALUE_LIST) {
        for (int k = 0; k < value.list->count; k++)
            if (!collect(e, v, value.list->items[k])) return false;
        return true;
    }
    if (value.kind == VALUE_RECORD) {
        for (int k = 0; k < value.record->count; k++)
            if (!collect(e, v, value.record->fields[k].value)) return false;
        return true;
    }
    if (value.kind == VALUE_NUMBER && value.is_integer) return whole_variable(e, value);
    Node *node = to_node(e, value);
    if (node && !dtype_is_float(node->type.dtype)) return whole_variable(e, value);
    return add_node(e, v, node, NULL);
}

/* --- naming the variable anew while the cost is elaborated --- */

static Scope *binding_scope(Scope *scope, const char *name) {
    for (; scope; scope = scope->parent)
        for (int k = 0; k < scope->count; k++)
            if (!strcmp(scope->fields[k].name, name)) return scope;
    return NULL;
}

static bool is_number_list(Value value) {
    if (value.kind == VALUE_NUMBER) return true;
    if (value.kind != VALUE_LIST || !value.list->count) return false;
    for (int k = 0; k < value.list->count; k++)
        if (!is_number_list(value.list->items[k])) return false;
    return true;
}

/* A name bound to a number, a list of numbers or a constant becomes a leaf of its own. */
static bool rebind(Elaborator *e, Variables *v, const Tree *tree, Scope *scope, bool *done) {
    *done = false;
    v->scope = binding_scope(scope, tree->name);
    if (!v->scope || !scope_find(e, v->scope, tree->name, &v->before)) return v->scope = NULL, true;
    Value value = v->before;
    value.span = tree->span;
    bool is_constant = value.kind == VALUE_TENSOR && value.node->op == OP_CONSTANT;
    if (!is_number_list(value) && !is_constant) return v->scope = NULL, true;
    Node *node = to_node(e, value);
    if (!node) return v->scope = NULL, false;
    if (!dtype_is_float(node->type.dtype)) return v->scope = NULL, whole_variable(e, value);
    Tensor *tensor = tensor_retain(node->constant);
    v->name = tree->name;
    v->structure = value_tensor(leaf_of(e, tree->name, tensor), tree->span);
    *done = true;
    if (!value_ok(v->structure)) return v->scope = NULL, false;
    scope_set(e, v->scope, v->name, v->structure);
    return add_node(e, v, v->structure.node, is_constant ? node : NULL);
}

void variables_restore(Elaborator *e, Variables *v) {
    if (v->scope) scope_set(e, v->scope, v->name, v->before);
}

bool variables_read(Elaborator *e, const Builtin *self, const Arguments *a, int index, Variables *v) {
    const Tree *tree = argument_tree(self, a, index);
    *v = (Variables){.structure = a->values[index]};
    if (tree && tree->kind == TREE_NAME) {
        bool done;
        if (!rebind(e, v, tree, a->scope, &done)) return false;
        if (done) return true;
    }
    if (tree) v->structure = elaborate(e, tree, a->scope);
    if (!value_ok(v->structure)) return false;
    bool is_parameters = v->structure.kind == VALUE_INSTANCE || v->structure.kind == VALUE_SELECTION;
    if (is_parameters && !collect_parameters(e, v, &v->structure)) return false;
    return collect(e, v, v->structure);
}

Value lazy_argument(Elaborator *e, const Builtin *self, const Arguments *a, int index) {
    const Tree *tree = argument_tree(self, a, index);
    return tree ? elaborate(e, tree, a->scope) : a->values[index];
}

/* The value that is differentiated. The variable stands for itself until restore. */
Node *lazy_cost(Elaborator *e, const Builtin *self, const Arguments *a) {
    Value value = lazy_argument(e, self, a, 0);
    if (value.kind == VALUE_FUNCTION || (value.kind == VALUE_INSTANCE && value.instance->maker->kind == MAKER_MODEL)) {
        diagnose(e->diagnostics, "E0401", value.span, "expected a value that depends on the variable, found a function");
        diagnose_help(e->diagnostics, "write the call: f(x), not f");
        return NULL;
    }
    Node *cost = to_node(e, value);
    e->graph->here = a->span;
    return cost;
}

/* Where the cost reaches a named constant only through what was computed from it earlier, the constant itself is the variable. */
void variables_settle(Elaborator *e, Variables *v, Node *cost) {
    for (int k = 0; k < v->count && cost; k++)
        if (v->originals[k] && !autodiff_depends(e->graph, cost, v->nodes[k]) && autodiff_depends(e->graph, cost, v->originals[k]))
            v->nodes[k] = v->originals[k];
}

/* The structure of `shape_of` with the nodes in order. */
static Value rebuild(Elaborator *e, Value like, Node *const *nodes, int *at, Span span) {
    if (like.kind == VALUE_LIST) {
        List *list = list_new(e, like.list->count);
        for (int k = 0; k < list->count; k++)
            if (!value_ok(list->items[k] = rebuild(e, like.list->items[k], nodes, at, span))) return value_none();
        return list_value(list, span);
    }
    if (like.kind == VALUE_RECORD) {
        Record *record = record_new(e);
        for (int k = 0; k < like.record->count; k++) {
            Value field = rebuild(e, like.record->fields[k].value, nodes, at, span);
            if (!value_ok(field)) return value_none();
            record_add(e, record, like.record->fields[k].name, field);
        }
        return record_value(record, span);
    }
    return value_tensor(nodes[(*at)++], span);
}

Value variables_structured(Elaborator *e, const Variables *v, Node *const *nodes, Span span) {
    int at = 0;
    return rebuild(e, v->structure, nodes, &at, span);
}

/* Derivatives of a scalar in every variable. NULL after a diagnostic. */
Node **variables_gradients(Elaborator *e, const Variables *v, Node *cost) {
    Node **results = arena_alloc(e->arena, sizeof *results * (size_t)(v->count + 1));
    bool any = false;
    for (int k = 0; k < v->count && v->is_group && !any; k++) any = autodiff_depends(e->graph, cost, v->nodes[k]);
    return autodiff_grad(e->graph, cost, v->nodes, v->count, any, results) ? results : NULL;
}
