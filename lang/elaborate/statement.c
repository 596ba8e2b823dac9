/* Statements that may stand in any block, and the definitions of functions and makers. */
#include "lang/elaborate/statement.h"
#include "lang/elaborate/model_ops.h"

#include <string.h>

/* Definitions -------------------------------------------------------------------------------------------------------- */

void define_function(Elaborator *e, const Tree *tree, Scope *scope) {
    Function *function = arena_alloc(e->arena, sizeof *function);
    *function = (Function){.name = tree->name, .tree = tree, .scope = scope, .is_penalty = tree->kind == TREE_PENALTY};
    scope_set(e, scope, tree->name, (Value){.kind = VALUE_FUNCTION, .span = tree->span, .function = function});
}

void define_maker(Elaborator *e, const Tree *tree, Scope *scope, bool is_standard) {
    Maker *maker = arena_alloc(e->arena, sizeof *maker);
    *maker = (Maker){.kind = tree->kind == TREE_MODEL ? MAKER_MODEL : MAKER_METHOD,
                     .name = tree->name,
                     .tree = tree,
                     .scope = scope,
                     .is_standard = is_standard};
    scope_set_maker(e, scope, tree->name, (Value){.kind = VALUE_MAKER, .span = tree->span, .maker = maker});
}

bool define(Elaborator *e, const Tree *tree, Scope *scope, bool is_standard) {
    switch ((int)tree->kind) {
    case TREE_FN:
    case TREE_LOSS:
    case TREE_PENALTY: define_function(e, tree, scope); return true;
    case TREE_MODEL:
    case TREE_METHOD: define_maker(e, tree, scope, is_standard); return true;
    }
    return false;
}

/* Let ---------------------------------------------------------------------------------------------------------------- */

static bool is_number_nest(const List *list) {
    for (int k = 0; k < list->count; k++) {
        Value item = list->items[k];
        if (item.kind != VALUE_NUMBER && !(item.kind == VALUE_LIST && is_number_nest(item.list))) return false;
    }
    return list->count > 0;
}

static bool is_rectangular(const List *list) {
    for (int k = 0; k < list->count; k++) {
        Value first = list->items[0], item = list->items[k];
        if (item.kind != first.kind) return false;
        if (item.kind == VALUE_LIST && (item.list->count != first.list->count || !is_rectangular(item.list))) return false;
    }
    return true;
}

/* A name keeps one node, so that derivatives with respect to it are well defined: nests of numbers become a constant here. */
Value settle_value(Elaborator *e, Value value) {
    for (int k = 0; value.kind == VALUE_RECORD && !value.record->is_split && k < value.record->count;
         k++) /* a split keeps its lists of names */
        value.record->fields[k].value = settle_value(e, value.record->fields[k].value);
    if (value.kind != VALUE_LIST || !is_number_nest(value.list) || !is_rectangular(value.list)) return value;
    return value_tensor(to_node(e, value), value.span);
}

static bool holds_fraction(const List *list) {
    for (int k = 0; k < list->count; k++) {
        Value item = list->items[k];
        if (item.kind == VALUE_LIST ? holds_fraction(item.list) : !item.is_integer) return true;
    }
    return false;
}

Value settle_argument(Elaborator *e, Value value) {
    bool is_tensor = value.kind == VALUE_LIST && is_number_nest(value.list) && is_rectangular(value.list) && holds_fraction(value.list);
    return is_tensor ? value_tensor(to_node(e, value), value.span) : value;
}

static bool statement_let(Elaborator *e, const Tree *tree, Scope *scope) {
    const char *random_path = e->random_path;
    e->random_path = random_path ? arena_format(e->arena, "%s.%s", random_path, tree->name) : tree->name;
    Value value = elaborate(e, tree->items[0], scope);
    e->random_path = random_path;
    if (!value_ok(value)) return false;
    value = settle_value(e, value);
    if (value.kind == VALUE_INSTANCE) {
        instance_name(e, value.instance, tree->name);
        instance_settle_copy(e, value.instance);
    }
    if (value.kind == VALUE_RECORD && !value.record->label) value.record->label = tree->name;
    scope_set(e, scope, tree->name, value);
    return value_ok(value);
}

/* For and if --------------------------------------------------------------------------------------------------------- */

bool few_items(Elaborator *e, int64_t count, Span span) {
    if (count <= ITEMS_MAX) return true;
    diagnose(e->diagnostics, "E0402", span, "%lld items are too many: what is unrolled while compiling has at most %d", (long long)count,
             ITEMS_MAX);
    return diagnose_help(
        e->diagnostics,
        "`loop (x = start) until condition max N { x <- next }` goes round as often as needed; arithmetic on a tensor reaches all its elements");
}

static bool loop_items(Elaborator *e, Value iterable, int64_t *count) {
    char buffer[KIND_TEXT];
    if (iterable.kind == VALUE_RANGE) *count = iterable.to > iterable.from ? iterable.to - iterable.from : 0;
    else if (iterable.kind == VALUE_LIST) *count = iterable.list->count;
    else if (iterable.kind == VALUE_TENSOR && iterable.node->type.shape.rank >= 1) *count = iterable.node->type.shape.dims[0];
    else if (!value_ok(iterable)) return false;
    else
        return diagnose(e->diagnostics, "E0401", iterable.span, "`for` runs over a range or a list, and this is %s",
                        value_describe(iterable, buffer));
    return true;
}

static Value loop_item(Elaborator *e, Value iterable, int64_t k) {
    if (iterable.kind == VALUE_RANGE) return value_number((double)(iterable.from + k), true, iterable.span);
    if (iterable.kind == VALUE_LIST) return iterable.list->items[k];
    bool scalars = iterable.node->type.shape.rank == 1;
    Tensor *tensor = scalars && (iterable.node->op == OP_CONSTANT || (!e->clock && !e->check_only)) ? to_tensor(e, iterable) : NULL;
    if (tensor && tensor->dtype != DTYPE_BOOL) return value_number(tensor_number(tensor, k), tensor->dtype == DTYPE_I64, iterable.span);
    return value_tensor(build_select(e->graph, to_node(e, iterable), 0, k), iterable.span);
}

bool for_each(Elaborator *e, const Tree *tree, Scope *scope, bool (*body)(Elaborator *, const Tree *, Scope *, void *), void *context) {
    Value iterable = elaborate(e, tree->items[0], scope);
    int64_t count = 0;
    if (!loop_items(e, iterable, &count) || !few_items(e, count, iterable.span)) return false;
    for (int64_t k = 0; k < count; k++) {
        Value item = loop_item(e, iterable, k);
        if (!value_ok(item) || elaborate_interrupted(e, tree->span)) return false;
        scope_set(e, scope, tree->name, item);
        if (!body(e, tree->items[1], scope, context)) return false;
    }
    return true;
}

/* The body shares the scope around it: a `let` of an outer name carries its value to the next round and beyond. */
static bool for_body(Elaborator *e, const Tree *block, Scope *scope, void *context) {
    (void)context;
    for (int k = 0; k < block->count; k++)
        if (!elaborate_statement(e, block->items[k], scope, NULL)) return false;
    return true;
}

static bool statement_if(Elaborator *e, const Tree *tree, Scope *scope, Value *result) {
    bool truth;
    if (tree_item(tree, 1) && tree->items[1]->kind != TREE_BLOCK) {
        Value value = elaborate(e, tree, scope);
        if (result) *result = value;
        return value_ok(value);
    }
    Value condition = elaborate(e, tree->items[0], scope);
    if (condition.kind == VALUE_TENSOR && (e->clock || e->capture) && tree_item(tree, 2)) {
        Value value = elaborate(e, tree, scope);
        if (result) *result = value;
        return value_ok(value);
    }
    if (!to_bool(e, condition, &truth)) return false;
    const Tree *branch = tree_item(tree, truth ? 1 : 2);
    if (!branch) return true;
    if (branch->kind != TREE_BLOCK) {
        if (branch->kind == TREE_IF) return statement_if(e, branch, scope, result);
        Value value = elaborate(e, branch, scope);
        if (result) *result = value;
        return value_ok(value);
    }
    for (int k = 0; k < branch->count; k++)
        if (!elaborate_statement(e, branch->items[k], scope, result)) return false;
    return true;
}

static bool statement_expression(Elaborator *e, const Tree *tree, Scope *scope, Value *result) {
    if (tree->items[0]->kind == TREE_IF) return statement_if(e, tree->items[0], scope, result);
    Value value = elaborate(e, tree->items[0], scope);
    if (result) *result = value;
    return value_ok(value);
}

bool elaborate_statement(Elaborator *e, const Tree *tree, Scope *scope, Value *result) {
    if (define(e, tree, scope, false)) return true;
    switch ((int)tree->kind) {
    case TREE_LET:
    case TREE_DATA: return statement_let(e, tree, scope);
    case TREE_FOR: return for_each(e, tree, scope, for_body, NULL);
    case TREE_IF: return statement_if(e, tree, scope, result);
    case TREE_PARAM:
    case TREE_STATE: return declare_member(e, tree, scope);
    case TREE_COMMIT: return commit_member(e, tree, scope);
    case TREE_EXPRESSION: return statement_expression(e, tree, scope, result);
    }
    return diagnose(e->diagnostics, "E0600", tree->span, "a %s cannot stand here", tree_kind_name(tree->kind));
}

Value elaborate_block(Elaborator *e, const Tree *block, Scope *scope) {
    Value result = value_none();
    for (int k = 0; k < block->count; k++) {
        bool is_last = k == block->count - 1;
        if (!elaborate_statement(e, block->items[k], scope, is_last ? &result : NULL)) return value_none();
    }
    const Tree *last = block->count ? block->items[block->count - 1] : NULL;
    if (!value_ok(result)) {
        diagnose(e->diagnostics, "E0401", last ? last->span : block->span,
                 "a block gives the value of its last line, which must be an expression");
    }
    return result;
}
