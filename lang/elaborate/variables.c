/* The variables of a derivative. While the cost is elaborated, a named number or literal is a leaf of its own, so that equal
 * constants elsewhere do not count as it. */
#include "lang/elaborate/variables.h"

#include "lang/passes/autodiff.h"

#include <string.h>

/* --- collecting --- */

static bool add_node(Elaborator *e, Variables *v, Node *node) {
    if (!node) return false;
    v->nodes = arena_grow(e->arena, v->nodes, sizeof(Node *), v->count, &v->capacity);
    v->nodes[v->count++] = node;
    return true;
}

static bool whole_variable(Elaborator *e, Value value) {
    diagnose(e->diagnostics, "E0500", value.span, "there is no derivative in whole numbers");
    if (value.kind == VALUE_NUMBER) return diagnose_help(e->diagnostics, "write %.0f.0", value.number);
    return diagnose_help(e->diagnostics, "write 2.0 instead of 2, or float(x)");
}

/* A leaf of its own with the value of a constant. */
static Node *leaf_of(Elaborator *e, const char *name, Tensor *tensor) { return import_cell(e, own_cell(e, cell_new(name, tensor))); }

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
        for (int k = 0; k < value->selection->count; k++)
            visit_member(&walk, value->selection->items[k].owner, value->selection->items[k].member);
    if (!walk.ok) return false;
    if (!walk.record->count) {
        diagnose(e->diagnostics, "E0500", value->span, "there are no parameters here that can be trained");
        return diagnose_help(e->diagnostics, "a model has its parameters once it was applied, and frozen ones do not count");
    }
    v->is_group = true;
    *value = record_value(walk.record, value->span);
    return true;
}

static bool is_number_list(Value value) {
    if (value.kind == VALUE_NUMBER) return true;
    if (value.kind != VALUE_LIST || !value.list->count) return false;
    for (int k = 0; k < value.list->count; k++)
        if (!is_number_list(value.list->items[k])) return false;
    return true;
}

/* The nodes of a structure in order; a nest of numbers counts as one tensor. */
static bool collect(Elaborator *e, Variables *v, Value *value) {
    if (value->kind == VALUE_LIST && !is_number_list(*value)) {
        for (int k = 0; k < value->list->count; k++)
            if (!collect(e, v, &value->list->items[k])) return false;
        return true;
    }
    if (value->kind == VALUE_RECORD) {
        for (int k = 0; k < value->record->count; k++)
            if (!collect(e, v, &value->record->fields[k].value)) return false;
        return true;
    }
    if (value->kind == VALUE_NUMBER && value->is_integer) return whole_variable(e, *value);
    Node *node = to_node(e, *value);
    if (node && !dtype_is_float(node->type.dtype)) return whole_variable(e, *value);
    *value = value_tensor(node, value->span);
    return add_node(e, v, node);
}

/* --- naming the variable anew while the cost is elaborated --- */

static bool is_literal(Value value) { return is_number_list(value) || (value.kind == VALUE_TENSOR && value.node->op == OP_CONSTANT); }

static bool has_literal(Value value) {
    if (is_literal(value)) return true;
    int count = value.kind == VALUE_LIST ? value.list->count : value.kind == VALUE_RECORD ? value.record->count : 0;
    for (int k = 0; k < count; k++)
        if (has_literal(value.kind == VALUE_LIST ? value.list->items[k] : value.record->fields[k].value)) return true;
    return false;
}

/* The value with every real number, list of numbers and constant in it replaced by a leaf. Whole numbers stay: what is counted
 * is not varied. */
static Value with_leaves(Elaborator *e, Variables *v, Value value, const char *name) {
    if (is_literal(value)) {
        Node *node = value.kind == VALUE_NUMBER && value.is_integer ? NULL : to_node(e, value);
        if (!node || !dtype_is_float(node->type.dtype) || node->op != OP_CONSTANT) return value;
        Node *leaf = leaf_of(e, name, tensor_retain(node->constant));
        if (leaf && value.kind == VALUE_TENSOR && v->twin_count < TWINS_MAX) v->twins[v->twin_count++] = (Twin){leaf, node};
        return value_tensor(leaf, value.span);
    }
    if (value.kind == VALUE_LIST) {
        List *list = list_new(e, value.list->count);
        for (int k = 0; k < list->count; k++) list->items[k] = with_leaves(e, v, value.list->items[k], name);
        value.list = list;
    } else if (value.kind == VALUE_RECORD) {
        Record *record = record_new(e);
        record->is_split = value.record->is_split;
        record->label = value.record->label;
        for (int k = 0; k < value.record->count; k++)
            record_add(e, record, value.record->fields[k].name, with_leaves(e, v, value.record->fields[k].value, name));
        value.record = record;
    }
    return value;
}

static Scope *binding_scope(Scope *scope, const char *name) {
    for (; scope; scope = scope->parent)
        for (int k = 0; k < scope->count; k++)
            if (!strcmp(scope->fields[k].name, name)) return scope;
    return NULL;
}

static void rebind(Elaborator *e, Variables *v, const char *name, Scope *from) {
    Scope *scope = binding_scope(from, name);
    Value before;
    for (int k = 0; k < v->rebound_count; k++)
        if (v->rebound[k].scope == scope && !strcmp(v->rebound[k].name, name)) return;
    if (!scope || v->rebound_count == REBOUND_MAX || !scope_find(e, scope, name, &before) || !has_literal(before)) return;
    v->rebound[v->rebound_count++] = (Rebound){scope, name, before};
    scope_set(e, scope, name, with_leaves(e, v, before, name));
}

/* Every name in the variable's expression: x, p.a, [x, w], {a = x}. */
static void rebind_names(Elaborator *e, Variables *v, const Tree *tree, Scope *scope) {
    if (tree->kind == TREE_NAME) rebind(e, v, tree->name, scope);
    else if (tree->kind == TREE_LIST || tree->kind == TREE_RECORD)
        for (int k = 0; k < tree->count; k++) rebind_names(e, v, tree->items[k], scope);
    else if (tree->kind == TREE_ARGUMENT || tree->kind == TREE_FIELD || tree->kind == TREE_INDEX) {
        if (tree_item(tree, 0)) rebind_names(e, v, tree->items[0], scope);
    }
}

void variables_restore(Elaborator *e, Variables *v) {
    if (e->variables == v) e->variables = v->outer;
    while (v->rebound_count) {
        Rebound *last = &v->rebound[--v->rebound_count];
        scope_set(e, last->scope, last->name, last->before);
    }
}

/* Lists and records are copied, since collecting puts nodes in place of numbers. */
static Value copied(Elaborator *e, Value value) {
    if (value.kind == VALUE_LIST) {
        List *list = list_new(e, value.list->count);
        for (int k = 0; k < list->count; k++) list->items[k] = copied(e, value.list->items[k]);
        value.list = list;
    } else if (value.kind == VALUE_RECORD) {
        Record *record = record_new(e);
        for (int k = 0; k < value.record->count; k++)
            record_add(e, record, value.record->fields[k].name, copied(e, value.record->fields[k].value));
        value.record = record;
    }
    return value;
}

static bool read_structure(Elaborator *e, Variables *v) {
    bool is_parameters = v->structure.kind == VALUE_INSTANCE || v->structure.kind == VALUE_SELECTION;
    if (is_parameters && !collect_parameters(e, v, &v->structure)) return false;
    v->structure = copied(e, v->structure);
    return value_ok(v->structure) && collect(e, v, &v->structure);
}

bool variables_read(Elaborator *e, const Builtin *self, const Arguments *a, int index, Variables *v) {
    const Tree *tree = argument_tree(self, a, index);
    *v = (Variables){.structure = a->values[index], .outer = e->variables};
    e->variables = v;
    if (tree) {
        v->is_computed = tree->kind == TREE_BINARY || tree->kind == TREE_UNARY || tree->kind == TREE_CALL || tree->kind == TREE_PIPE;
        rebind_names(e, v, tree, a->scope);
        v->structure = elaborate(e, tree, a->scope);
    }
    if (v->structure.kind == VALUE_INSTANCE) return true; /* its parameters exist once the cost has applied it */
    if (read_structure(e, v)) return true;
    variables_restore(e, v);
    return false;
}

Value lazy_argument(Elaborator *e, const Builtin *self, const Arguments *a, int index) {
    const Tree *tree = argument_tree(self, a, index);
    return tree ? elaborate(e, tree, a->scope) : a->values[index];
}

/* Where the cost reaches a named constant only through what was computed from it earlier, the constant itself is the variable. */
static void use_originals(Elaborator *e, Variables *v, Node *cost) {
    for (int k = 0; k < v->count; k++)
        for (int j = 0; j < v->twin_count; j++)
            if (v->nodes[k] == v->twins[j].leaf && !autodiff_depends(e->graph, cost, v->nodes[k]) &&
                autodiff_depends(e->graph, cost, v->twins[j].original))
                v->nodes[k] = v->twins[j].original;
}

static bool is_of(const Graph *graph, const Node *node) { return (size_t)node->id < graph->node_count && graph->nodes[node->id] == node; }

/* Tells the derivatives around that their variables are varied here, whatever is left of them in the result. */
static void note_varied(Elaborator *e, const Variables *inner, Node *cost) {
    for (Variables *v = inner->outer; v; v = v->outer) {
        if (!v->is_varied) memset(v->is_varied = arena_alloc(e->arena, (size_t)v->count + 1), 0, (size_t)v->count + 1);
        for (int k = 0; k < v->count; k++)
            v->is_varied[k] = v->is_varied[k] || (is_of(e->graph, v->nodes[k]) && autodiff_depends(e->graph, cost, v->nodes[k]));
    }
}

Node *variables_cost(Elaborator *e, const Builtin *self, const Arguments *a, Variables *v) {
    Value value = lazy_argument(e, self, a, 0);
    if (value.kind == VALUE_FUNCTION || (value.kind == VALUE_INSTANCE && value.instance->maker->kind == MAKER_MODEL)) {
        diagnose(e->diagnostics, "E0401", value.span, "expected a value that depends on the variable, found a function");
        diagnose_help(e->diagnostics, "write the call: f(x), not f");
        return NULL;
    }
    Node *cost = to_node(e, value);
    e->graph->here = a->span;
    if (!cost || (v->structure.kind == VALUE_INSTANCE && !read_structure(e, v))) return NULL;
    use_originals(e, v, cost);
    note_varied(e, v, cost);
    return cost;
}

/* The structure of `like` with the nodes in order. */
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

/* Does the text of the cost hold a name of the variable's text? */
static bool has_name(const Tree *tree, const char *name) {
    if (tree->kind == TREE_NAME && !strcmp(tree->name, name)) return true;
    for (int k = 0; k < tree->count; k++)
        if (tree->items[k] && has_name(tree->items[k], name)) return true;
    return false;
}

static bool is_mentioned(const Tree *variable, const Tree *cost) {
    if (variable->kind == TREE_NAME) return has_name(cost, variable->name);
    for (int k = 0; k < variable->count; k++)
        if (variable->items[k] && is_mentioned(variable->items[k], cost)) return true;
    return false;
}

static int node_count(Value value) {
    int count = 0;
    if (value.kind == VALUE_LIST)
        for (int k = 0; k < value.list->count; k++) count += node_count(value.list->items[k]);
    else if (value.kind == VALUE_RECORD)
        for (int k = 0; k < value.record->count; k++) count += node_count(value.record->fields[k].value);
    else count = 1;
    return count;
}

/* By node: the text of the cost mentions the variable that it belongs to. */
static void find_mentioned(const Tree *variable, const Tree *cost, Value value, bool *mentioned, int *at) {
    int items = value.kind == VALUE_LIST ? value.list->count : value.kind == VALUE_RECORD ? value.record->count : -1;
    if ((variable->kind == TREE_LIST || variable->kind == TREE_RECORD) && variable->count == items) {
        for (int k = 0; k < items; k++) {
            Value item = value.kind == VALUE_LIST ? value.list->items[k] : value.record->fields[k].value;
            const Tree *inner = variable->items[k];
            find_mentioned(inner->kind == TREE_ARGUMENT ? inner->items[0] : inner, cost, item, mentioned, at);
        }
        return;
    }
    bool found = is_mentioned(variable, cost);
    for (int k = node_count(value); k-- > 0;) mentioned[(*at)++] = found;
}

/* Where the derivative in variable k is not told by a path: is it 0? False after E0500. */
static bool is_zero(Elaborator *e, const Variables *v, int k, bool is_mentioned, Node *cost) {
    bool is_varied = v->is_varied && v->is_varied[k];
    const Node *barrier = autodiff_barrier(e->graph, cost, v->nodes[k]);
    if (barrier ? is_varied && barrier->op != OP_STOP : is_varied || is_mentioned) return true;
    Node *unused, *sum = build_sum_all(e->graph, to_float(e, cost));
    if (sum) autodiff_grad(e->graph, sum, &v->nodes[k], 1, false, &unused); /* for its message */
    return false;
}

bool variables_reach(Elaborator *e, const Builtin *self, const Arguments *a, const Variables *v, Node *cost) {
    const Tree *variable = argument_tree(self, a, 1), *text = argument_tree(self, a, 0);
    size_t count = (size_t)v->count + 1;
    bool any = false, *depends = arena_alloc(e->arena, count), *mentioned = arena_alloc(e->arena, count);
    int at = 0;
    memset(mentioned, 0, count);
    if (variable && text && !v->is_computed) find_mentioned(variable, text, v->structure, mentioned, &at);
    for (int k = 0; k < v->count; k++) any |= depends[k] = autodiff_depends(e->graph, cost, v->nodes[k]);
    for (int k = 0; k < v->count; k++) {
        if (depends[k] || (v->is_group && any) || is_zero(e, v, k, mentioned[k], cost)) continue;
        Diagnostics *diagnostics = e->diagnostics;
        if (v->is_computed)
            return diagnose_help(diagnostics, "the variable of a derivative is a name: write `let z = ...`, then the cost in z");
        if (!diagnostics->items[diagnostics->count - 1].help)
            diagnose_help(diagnostics,
                          "what was computed before does not remember its parts: write the expression, or a call, inside the derivative");
        return false;
    }
    return true;
}

Node **variables_gradients(Elaborator *e, const Builtin *self, const Arguments *a, const Variables *v, Node *cost) {
    Node **results = arena_alloc(e->arena, sizeof *results * (size_t)(v->count + 1));
    return variables_reach(e, self, a, v, cost) && autodiff_grad(e->graph, cost, v->nodes, v->count, true, results) ? results : NULL;
}
