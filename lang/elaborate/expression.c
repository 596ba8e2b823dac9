/* Expressions: one function per kind of tree, one table of them. */
#include "lang/elaborate/elaborate.h"
#include "lang/elaborate/index.h"
#include "lang/elaborate/loop.h"
#include "lang/elaborate/method.h"
#include "lang/elaborate/operator.h"
#include "lang/syntax/interpolation.h"

#include <string.h>

static Value elaborate_number(Elaborator *e, const Tree *tree, Scope *scope) {
    (void)e, (void)scope;
    return value_number(tree->number, tree->flag, tree->span);
}

static Value elaborate_quantity(Elaborator *e, const Tree *tree, Scope *scope) {
    double amount;
    if (!to_number(e, elaborate(e, tree->items[0], scope), &amount)) return value_none();
    return (Value){.kind = VALUE_QUANTITY, .span = tree->span, .amount = amount, .unit = tree->name};
}

/* `"row {v}"`: expressions in braces are replaced by their values. */
static const char *interpolate(Elaborator *e, const Tree *tree, Scope *scope) {
    Interpolation parts = interpolation_start(e->arena, e->diagnostics, tree);
    StringPart part;
    Text out = {0};
    while (interpolation_next(&parts, &part)) {
        text_add_bytes(&out, part.text, part.length);
        if (!part.expression) continue;
        Value value = elaborate(e, part.expression, scope);
        if (!value_ok(value)) return text_free(&out), NULL;
        value_text(e, value, &out);
    }
    const char *text = parts.failed ? NULL : arena_string(e->arena, text_string(&out));
    text_free(&out);
    return text;
}

static Value elaborate_string(Elaborator *e, const Tree *tree, Scope *scope) {
    if (!strchr(tree->name, '{')) return value_string(tree->name, tree->span);
    const char *text = interpolate(e, tree, scope);
    return text ? value_string(text, tree->span) : value_none();
}

static Value elaborate_bool(Elaborator *e, const Tree *tree, Scope *scope) {
    (void)e, (void)scope;
    return value_bool(tree->number != 0, tree->span);
}

static Value clock_value(Elaborator *e, const Tree *tree) {
    Clock *clock = e->clock;
    Node *node = !strcmp(tree->name, "step") ? clock->step : !strcmp(tree->name, "epoch") ? clock->epoch : clock->progress;
    return value_tensor(import_node(e, node, tree->span), tree->span);
}

static bool is_clock_name(const char *name) { return !strcmp(name, "step") || !strcmp(name, "epoch") || !strcmp(name, "progress"); }

/* A tensor by its name, the first field of a record as `data.x`. */
static int add_known(Text *list, int count, const Field *field) {
    const char *comma = count ? ", " : "";
    bool is_record = field->value.kind == VALUE_RECORD && field->value.record->count;
    if (field->value.kind == VALUE_TENSOR) text_addf(list, "%s%s", comma, field->name);
    else if (is_record) text_addf(list, "%s%s.%s", comma, field->name, field->value.record->fields[0].name);
    return field->value.kind == VALUE_TENSOR || is_record;
}

/* What a train block supplies, when no name is near. */
static void help_with_fields(Elaborator *e, Scope *scope) {
    Text list = {0};
    int count = 0;
    for (Scope *at = scope; at && at != e->globals && at != e->standard; at = at->parent)
        for (int k = 0; k < at->count && count < 12; k++) count += add_known(&list, count, &at->fields[k]);
    if (count) diagnose_help(e->diagnostics, "known in this block are: %s", text_string(&list));
    text_free(&list);
}

static Value unknown_name(Elaborator *e, const Tree *tree, Scope *scope) {
    diagnose(e->diagnostics, "E0200", tree->span, "no value named '%s' in scope", tree->name);
    const char *names[512];
    size_t count = 0;
    Value maker;
    if (scope_find_maker(e, scope, tree->name, &maker)) {
        diagnose_help(e->diagnostics, "'%s' is made with braces: write %s{}", tree->name, tree->name);
        return value_none();
    }
    for (Scope *at = scope; at; at = at->parent)
        for (int k = 0; k < at->count && count < 512; k++) names[count++] = at->fields[k].name;
    const char *nearest = nearest_name(tree->name, names, count);
    bool is_field = !strcmp(tree->name, "x") || !strcmp(tree->name, "y");
    const char *clause = e->clock && !(is_field && e->sample) ? hook_supplier(tree->name) : NULL;
    if (clause) diagnose_help(e->diagnostics, "it comes from %s", clause);
    else if (nearest) diagnose_help(e->diagnostics, "the nearest name is '%s'", nearest);
    else if (e->clock) help_with_fields(e, scope);
    return value_none();
}

static Value elaborate_name(Elaborator *e, const Tree *tree, Scope *scope) {
    Value value;
    if (e->clock && is_clock_name(tree->name)) {
        /* `step` is also the schedule function; inside a block the name alone means time. */
        Scope *at = scope;
        for (; at && at != e->standard; at = at->parent)
            for (int k = 0; k < at->count; k++)
                if (!strcmp(at->fields[k].name, tree->name) && at->fields[k].value.kind != VALUE_FUNCTION)
                    return at->fields[k].value.span = tree->span, at->fields[k].value;
        return clock_value(e, tree);
    }
    if (!strcmp(tree->name, "training")) return value_bool(e->training, tree->span);
    if (!strcmp(tree->name, "validating")) return value_bool(e->validating, tree->span);
    if (scope_find(e, scope, tree->name, &value)) {
        value.span = tree->span;
        return value;
    }
    if (is_clock_name(tree->name)) {
        diagnose(e->diagnostics, "E0601", tree->span, "'%s' is known only inside a train block", tree->name);
        return value_none();
    }
    return unknown_name(e, tree, scope);
}

static Value elaborate_list(Elaborator *e, const Tree *tree, Scope *scope) {
    List *list = list_new(e, tree->count);
    for (int k = 0; k < tree->count; k++) {
        list->items[k] = elaborate(e, tree->items[k], scope);
        if (!value_ok(list->items[k])) return value_none();
    }
    return (Value){.kind = VALUE_LIST, .span = tree->span, .list = list};
}

static Value elaborate_record(Elaborator *e, const Tree *tree, Scope *scope) {
    Record *record = record_new(e);
    for (int k = 0; k < tree->count; k++) {
        const Tree *field = tree->items[k];
        Value value = elaborate(e, field->items[0], scope);
        if (!value_ok(value)) return value;
        if (value_ok(record_field(record, field->name))) {
            diagnose(e->diagnostics, "E0201", field->span, "the record has two fields named '%s'", field->name);
            return value_none();
        }
        record_add(e, record, field->name, value);
    }
    return (Value){.kind = VALUE_RECORD, .span = tree->span, .record = record};
}

static Value elaborate_range(Elaborator *e, const Tree *tree, Scope *scope) {
    int64_t from, to;
    if (!to_integer(e, elaborate(e, tree->items[0], scope), &from)) return value_none();
    if (!to_integer(e, elaborate(e, tree->items[1], scope), &to)) return value_none();
    return (Value){.kind = VALUE_RANGE, .span = tree->span, .from = from, .to = to};
}

static Value elaborate_lambda(Elaborator *e, const Tree *tree, Scope *scope) {
    Function *function = arena_alloc(e->arena, sizeof *function);
    *function = (Function){.name = "lambda", .tree = tree, .scope = scope};
    return (Value){.kind = VALUE_FUNCTION, .span = tree->span, .function = function};
}

static Value elaborate_if(Elaborator *e, const Tree *tree, Scope *scope) {
    Value condition = elaborate(e, tree->items[0], scope);
    if (!value_ok(condition)) return condition;
    bool scalar = condition.kind == VALUE_TENSOR && condition.node->type.shape.rank == 0 && !e->clock && !e->capture &&
                  condition.node->type.dtype == DTYPE_BOOL;
    if (condition.kind == VALUE_BOOL || (scalar && !e->check_only)) {
        bool truth;
        if (!to_bool(e, condition, &truth)) return value_none();
        const Tree *branch = tree_item(tree, truth ? 1 : 2);
        return branch ? elaborate(e, branch, scope) : value_none();
    }
    if (!tree_item(tree, 2)) {
        diagnose(e->diagnostics, "E0402", condition.span, "an `if` without `else` needs a condition known at compile time");
        return value_none();
    }
    bool is_truth = condition.kind == VALUE_TENSOR && condition.node->type.dtype == DTYPE_BOOL;
    Node *test = is_truth ? to_node(e, condition) : NULL;
    if (!is_truth && condition.kind == VALUE_LIST && (test = to_node(e, condition))) is_truth = test->type.dtype == DTYPE_BOOL;
    if (!is_truth) {
        char buffer[KIND_TEXT];
        diagnose(e->diagnostics, "E0401", condition.span, "the condition of an `if` must be true or false, found %s",
                 value_describe(condition, buffer));
        if (condition.kind == VALUE_NUMBER || condition.kind == VALUE_TENSOR) diagnose_help(e->diagnostics, "compare it, such as `x != 0`");
        return value_none();
    }
    Node *yes = to_node(e, elaborate(e, tree->items[1], scope)), *no = to_node(e, elaborate(e, tree->items[2], scope));
    e->graph->here = tree->span;
    return value_tensor(build_ternary(e->graph, OP_WHERE, test, yes, no), tree->span);
}

/* What a name before parentheses stands for: a choice such as `mean` does not hide the function of that name. */
static Value elaborate_callee(Elaborator *e, const Tree *callee, Scope *scope) {
    Value value = elaborate(e, callee, scope), found;
    if (value.kind != VALUE_CHOICE || callee->kind != TREE_NAME) return value;
    for (Scope *at = scope; at; at = at->parent)
        if (scope_find(e, at, callee->name, &found) && found.kind != VALUE_CHOICE) return found.span = callee->span, found;
    return value;
}

static Value elaborate_call(Elaborator *e, const Tree *tree, Scope *scope) {
    /* `step(1, 0.1, at = 50%)` is the schedule even where `step` alone is the time. */
    const Tree *callee = tree->items[0];
    Value function;
    if (callee->kind == TREE_NAME && is_clock_name(callee->name)) {
        if (!scope_find(e, scope, callee->name, &function)) return unknown_name(e, callee, scope);
        function.span = callee->span;
    } else {
        function = elaborate_callee(e, callee, scope);
    }
    if (!value_ok(function)) return function;
    return call_tree(e, function, tree, 1, NULL, 0, scope);
}

static Value elaborate_make(Elaborator *e, const Tree *tree, Scope *scope) {
    const Tree *callee = tree->items[0];
    Value maker;
    if (callee->kind == TREE_NAME) {
        if (!scope_find_maker(e, scope, callee->name, &maker) &&
            !(scope_find(e, scope, callee->name, &maker) && maker.kind == VALUE_MAKER)) {
            diagnose(e->diagnostics, "E0200", callee->span, "no model or method named '%s' to make", callee->name);
            Value value;
            if (scope_find(e, scope, callee->name, &value))
                diagnose_help(e->diagnostics, "'%s' computes: write %s(...)", callee->name, callee->name);
            return value_none();
        }
    } else {
        maker = elaborate(e, callee, scope);
    }
    if (!value_ok(maker)) return maker;
    if (maker.kind != VALUE_MAKER) {
        char buffer[KIND_TEXT];
        diagnose(e->diagnostics, "E0203", callee->span, "braces make a model or a method, and this is %s", value_describe(maker, buffer));
        return value_none();
    }
    return make_instance(e, maker, tree, scope);
}

static Value no_field(Elaborator *e, const Tree *tree, Value base, const char *const *names, size_t count) {
    char buffer[KIND_TEXT];
    diagnose(e->diagnostics, "E0202", tree->name_span.file ? tree->name_span : tree->span, "%s has no field '%s'",
             value_describe(base, buffer), tree->name);
    const char *nearest = nearest_name(tree->name, names, count);
    if (nearest) diagnose_help(e->diagnostics, "the nearest name is '%s'", nearest);
    else if (count && count <= 8) {
        Text list = {0};
        for (size_t k = 0; k < count; k++) text_addf(&list, "%s%s", k ? ", " : "", names[k]);
        diagnose_help(e->diagnostics, "it has: %s", text_string(&list));
        text_free(&list);
    }
    return value_none();
}

Value record_access(Elaborator *e, const Tree *tree, Value base) {
    Value value = record_field(base.record, tree->name);
    if (value_ok(value)) {
        value.span = tree->span;
        return value;
    }
    const char **names = arena_alloc(e->arena, sizeof *names * (size_t)(base.record->count + 1));
    for (int k = 0; k < base.record->count; k++) names[k] = base.record->fields[k].name;
    return no_field(e, tree, base, names, (size_t)base.record->count);
}

static Value tensor_access(Elaborator *e, const Tree *tree, Value base) {
    static const char *const names[] = {"T", "shape", "rank"};
    Node *node = to_node(e, base);
    if (!node) return value_none();
    if (!strcmp(tree->name, "T")) return value_tensor(build_swap_last(e->graph, node), tree->span);
    if (!strcmp(tree->name, "rank")) return value_number(node->type.shape.rank, true, tree->span);
    if (strcmp(tree->name, "shape")) return no_field(e, tree, base, names, 3);
    List *list = list_new(e, node->type.shape.rank);
    for (int k = 0; k < list->count; k++) list->items[k] = value_number((double)node->type.shape.dims[k], true, tree->span);
    return (Value){.kind = VALUE_LIST, .span = tree->span, .list = list};
}

static Value elaborate_field(Elaborator *e, const Tree *tree, Scope *scope) {
    if (is_selector(tree)) return select_tree(e, tree, scope);
    Value base = elaborate(e, tree->items[0], scope);
    if (!value_ok(base)) return base;
    e->graph->here = tree->span;
    if (base.kind == VALUE_RECORD) return record_access(e, tree, base);
    if (base.kind == VALUE_INSTANCE) {
        Value field = instance_field(e, base.instance, tree->name, tree->name_span.file ? tree->name_span : tree->span);
        field.span = tree->span;
        return field;
    }
    if (base.kind == VALUE_TENSOR || base.kind == VALUE_LIST || base.kind == VALUE_NUMBER) return tensor_access(e, tree, base);
    return no_field(e, tree, base, NULL, 0);
}

static Value elaborate_unary(Elaborator *e, const Tree *tree, Scope *scope) {
    return operate_unary(e, tree->name, elaborate(e, tree->items[0], scope), tree->span);
}

/* A chain a + b + c + … leans left and may be thousands long: its spine is walked, not recursed. */
static Value elaborate_binary(Elaborator *e, const Tree *tree, Scope *scope) {
    int length = 0;
    for (const Tree *at = tree; at->kind == TREE_BINARY; at = at->items[0]) length++;
    const Tree **spine = arena_alloc(e->arena, sizeof *spine * (size_t)length);
    const Tree *at = tree;
    for (int k = length; k-- > 0; at = at->items[0]) spine[k] = at;
    Value value = elaborate(e, at, scope);
    for (int k = 0; k < length && value_ok(value); k++) {
        Value right = elaborate(e, spine[k]->items[1], scope);
        e->graph->here = spine[k]->span;
        value = operate(e, spine[k]->name, value, right, spine[k]->span);
    }
    return value;
}

static bool is_callable(Value value) {
    return value.kind == VALUE_FUNCTION || (value.kind == VALUE_INSTANCE && value.instance->maker->kind == MAKER_MODEL);
}

static Value compose(Elaborator *e, Value first, Value second, Span span) {
    Function *function = arena_alloc(e->arena, sizeof *function);
    int count = first.kind == VALUE_FUNCTION && first.function->stages ? first.function->stage_count : 1;
    function->name = "composition";
    function->stages = arena_alloc(e->arena, sizeof(Value) * (size_t)(count + 1));
    for (int k = 0; k < count; k++)
        function->stages[k] = first.kind == VALUE_FUNCTION && first.function->stages ? first.function->stages[k] : first;
    function->stages[count] = second;
    function->stage_count = count + 1;
    return (Value){.kind = VALUE_FUNCTION, .span = span, .function = function};
}

static Value pipe_into(Elaborator *e, Value value, const Tree *receiver, Scope *scope, Span span) {
    if (receiver->kind == TREE_CALL) {
        Value callee = elaborate_callee(e, receiver->items[0], scope);
        return value_ok(callee) ? call_tree(e, callee, receiver, 1, &value, 1, scope) : callee;
    }
    Value callee = elaborate_callee(e, receiver, scope);
    if (!value_ok(callee)) return callee;
    if (is_callable(value)) return compose(e, value, callee, span);
    return call_value(e, callee, &value, 1, span);
}

static Value elaborate_pipe(Elaborator *e, const Tree *tree, Scope *scope) {
    int length = 0;
    for (const Tree *at = tree; at->kind == TREE_PIPE; at = at->items[0]) length++;
    const Tree **spine = arena_alloc(e->arena, sizeof *spine * (size_t)length);
    const Tree *at = tree;
    for (int k = length; k-- > 0; at = at->items[0]) spine[k] = at;
    Value value = elaborate(e, at, scope);
    for (int k = 0; k < length && value_ok(value); k++) {
        e->graph->here = spine[k]->span;
        value = pipe_into(e, value, spine[k]->items[1], scope, spine[k]->span);
    }
    return value;
}

static Value elaborate_with(Elaborator *e, const Tree *tree, Scope *scope) {
    Value base = elaborate(e, tree->items[0], scope), value = elaborate(e, tree->items[1], scope);
    if (!value_ok(base) || !value_ok(value)) return value_none();
    if (base.kind != VALUE_RECORD) {
        char buffer[KIND_TEXT];
        diagnose(e->diagnostics, "E0401", base.span, "`with` replaces a field of a record, and this is %s", value_describe(base, buffer));
        return value_none();
    }
    if (base.record->is_split) {
        Node *column = to_node(e, value), *other = base.record->count ? to_node(e, base.record->fields[0].value) : NULL;
        if (!column) return value_none();
        if (other && (column->type.shape.rank == 0 || column->type.shape.dims[0] != other->type.shape.dims[0])) {
            char a[SHAPE_TEXT], b[SHAPE_TEXT];
            diagnose(e->diagnostics, "E0400", value.span,
                     "the field '%s' is %s, but the split's '%s' is %s: all arrays of a split are equally long", tree->name,
                     shape_text(column->type.shape, a), base.record->fields[0].name, shape_text(other->type.shape, b));
            return value_none();
        }
        value = value_tensor(column, value.span);
    }
    Record *record = record_new(e);
    record->is_split = base.record->is_split;
    record->label = base.record->label;
    for (int k = 0; k < base.record->count; k++) record_add(e, record, base.record->fields[k].name, base.record->fields[k].value);
    record_add(e, record, tree->name, value);
    return (Value){.kind = VALUE_RECORD, .span = tree->span, .record = record};
}

static Value elaborate_selector(Elaborator *e, const Tree *tree, Scope *scope) { return select_tree(e, tree, scope); }

static Value elaborate_index_or_selector(Elaborator *e, const Tree *tree, Scope *scope) {
    return is_selector(tree) ? select_tree(e, tree, scope) : elaborate_index(e, tree, scope);
}

static Value elaborate_inner_block(Elaborator *e, const Tree *tree, Scope *scope) { return elaborate_block(e, tree, scope_new(e, scope)); }

typedef Value ElaborateFn(Elaborator *e, const Tree *tree, Scope *scope);

static ElaborateFn *const table[TREE_KIND_COUNT] = {
    [TREE_NUMBER] = elaborate_number,
    [TREE_QUANTITY] = elaborate_quantity,
    [TREE_STRING] = elaborate_string,
    [TREE_BOOL] = elaborate_bool,
    [TREE_NAME] = elaborate_name,
    [TREE_LIST] = elaborate_list,
    [TREE_RECORD] = elaborate_record,
    [TREE_RANGE] = elaborate_range,
    [TREE_LAMBDA] = elaborate_lambda,
    [TREE_IF] = elaborate_if,
    [TREE_CALL] = elaborate_call,
    [TREE_MAKE] = elaborate_make,
    [TREE_INDEX] = elaborate_index_or_selector,
    [TREE_FIELD] = elaborate_field,
    [TREE_UNARY] = elaborate_unary,
    [TREE_BINARY] = elaborate_binary,
    [TREE_PIPE] = elaborate_pipe,
    [TREE_WITH] = elaborate_with,
    [TREE_WITHOUT] = elaborate_without,
    [TREE_EXCEPT] = elaborate_selector,
    [TREE_LOOP] = elaborate_loop,
    [TREE_BLOCK] = elaborate_inner_block,
};

bool elaborate_interrupted(Elaborator *e, Span span) {
    if (!e->interrupt || !*e->interrupt) return false;
    if (!e->diagnostics->error_count) diagnose(e->diagnostics, "E0902", span, FAULT_INTERRUPTED);
    return true;
}

Value elaborate(Elaborator *e, const Tree *tree, Scope *scope) {
    if (elaborate_interrupted(e, tree->span)) return value_none();
    ElaborateFn *function = table[tree->kind];
    if (!function) {
        diagnose(e->diagnostics, "E0401", tree->span, "a %s is not an expression", tree_kind_name(tree->kind));
        return value_none();
    }
    Span before = e->graph->here;
    e->graph->here = tree->span;
    Value value = function(e, tree, scope);
    e->graph->here = before;
    return value;
}
