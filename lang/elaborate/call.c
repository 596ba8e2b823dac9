/* Calls: arguments are bound to parameters, shapes to signatures, and the body is elaborated in place. */
#include "lang/elaborate/elaborate.h"
#include "lang/elaborate/call.h"
#include "lang/elaborate/operator.h"
#include "lang/elaborate/statement.h"
#include "lang/names/type_word.h"

#include <stdio.h>
#include <string.h>

enum { CALL_DEPTH_MAX = 200, CALLS_MAX = 1000000 };

/* Signatures --------------------------------------------------------------------------------------------------------- */

static bool find_dimension(const Scope *scope, const char *name, double *size) {
    for (const Scope *at = scope; at && at->is_call; at = at->parent)
        for (int k = 0; k < at->count; k++)
            if (!strcmp(at->fields[k].name, name) && at->fields[k].value.kind == VALUE_NUMBER) {
                *size = at->fields[k].value.number;
                return true;
            }
    return false;
}

static bool match_dimension(Elaborator *e, const Tree *dimension, int64_t size, Scope *scope) {
    double expected;
    if (dimension->kind == TREE_NAME) {
        if (find_dimension(scope, dimension->name, &expected)) return (int64_t)expected == size;
        scope_set(e, scope, dimension->name, value_number((double)size, true, dimension->span));
        return true;
    }
    Value value = elaborate(e, dimension, scope);
    return value.kind == VALUE_NUMBER && (int64_t)value.number == size;
}

/* `...` takes as many dimensions as are left over. */
static bool match_shape(Elaborator *e, const Tree *annotation, Shape shape, Scope *scope) {
    int rest = -1, fixed = 0;
    for (int k = 0; k < annotation->count; k++)
        if (annotation->items[k]->kind == TREE_SLICE) rest = k;
        else fixed++;
    if (rest < 0 ? shape.rank != fixed : shape.rank < fixed) return false;
    int skipped = shape.rank - fixed;
    for (int k = 0, axis = 0; k < annotation->count; k++) {
        if (k == rest) axis += skipped;
        else if (!match_dimension(e, annotation->items[k], shape.dims[axis++], scope)) return false;
    }
    return true;
}

static void bound_dimensions(const Tree *annotation, const Scope *scope, Text *out) {
    bool first = true;
    for (int k = 0; k < annotation->count; k++) {
        double size;
        const Tree *dimension = annotation->items[k];
        if (dimension->kind != TREE_NAME || !find_dimension(scope, dimension->name, &size)) continue;
        text_addf(out, "%s%s = %lld", first ? " with " : ", ", dimension->name, (long long)size);
        first = false;
    }
}

static bool shape_mismatch(Elaborator *e, const Tree *annotation, Node *node, Scope *scope, const char *what, Span span) {
    const Source *source = &e->diagnostics->sources->items[annotation->span.file];
    char shape[SHAPE_TEXT];
    Text dimensions = {0};
    bound_dimensions(annotation, scope, &dimensions);
    diagnose(e->diagnostics, "E0400", span, "%s must be %.*s%s, found %s", what, (int)(annotation->span.end - annotation->span.start),
             source->text + annotation->span.start, text_string(&dimensions), shape_text(node->type.shape, shape));
    text_free(&dimensions);
    return diagnose_second(e->diagnostics, annotation->span, "declared here");
}

static bool word_mismatch(Elaborator *e, TypeWord word, Value value, const char *what, Span span) {
    char buffer[KIND_TEXT], number[32];
    bool is_number = value.kind == VALUE_NUMBER;
    snprintf(number, sizeof number, "%g", is_number ? value.number : 0);
    return diagnose(e->diagnostics, is_number ? "E0304" : "E0401", span, "%s must be %s, found %s", what, type_word_meaning(word),
                    is_number ? number : value_describe(value, buffer));
}

/* What is computed during training, such as a schedule, is a scalar tensor: its range is not known here. */
static bool match_word(Elaborator *e, const Tree *annotation, Value *value, const char *what, Span span) {
    TypeWord word = type_word(annotation->name);
    bool scalar = value->kind == VALUE_TENSOR && value->node->type.shape.rank == 0, whole = word == TYPE_INT || word == TYPE_COUNT;
    if (word == TYPE_UNKNOWN) {
        diagnose(e->diagnostics, "E0401", annotation->span, "unknown type '%s'", annotation->name);
        return diagnose_help(e->diagnostics, "write a shape such as [n, d], or %s", type_word_list());
    }
    if (word == TYPE_BOOL) {
        bool truth;
        if (!to_bool(e, *value, &truth)) return false;
        *value = value_bool(truth, value->span);
        return true;
    }
    if (scalar && whole) {
        int64_t integer;
        if (!to_integer(e, *value, &integer)) return false;
        *value = value_number((double)integer, true, value->span);
    } else if (scalar || (word == TYPE_FLOAT && value->kind == VALUE_TENSOR)) {
        return true;
    }
    if (value->kind != VALUE_NUMBER || !type_word_allows(word, value->number)) return word_mismatch(e, word, *value, what, span);
    if (whole) *value = value_number(value->number, true, value->span);
    return true;
}

bool match_annotation(Elaborator *e, const Tree *annotation, Value *value, Scope *scope, const char *what, Span span) {
    if (annotation->kind == TREE_NAME) return match_word(e, annotation, value, what, span);
    if (annotation->kind != TREE_SHAPE) return true;
    if (value->kind == VALUE_NUMBER && annotation->count == 0) return true;
    Node *node = to_node(e, *value);
    if (!node) return false;
    size_t errors = e->diagnostics->error_count;
    if (!match_shape(e, annotation, node->type.shape, scope))
        return e->diagnostics->error_count == errors ? shape_mismatch(e, annotation, node, scope, what, span) : false;
    *value = value_tensor(node, value->span);
    return true;
}

/* Binding ------------------------------------------------------------------------------------------------------------ */

static const Tree *find_parameter(const Tree *parameters, const char *name, int *at) {
    for (int k = 0; k < parameters->count; k++)
        if (!strcmp(parameters->items[k]->name, name)) return *at = k, parameters->items[k];
    return NULL;
}

static bool unknown_argument(Elaborator *e, const Tree *argument, const Tree *parameters, const char *what) {
    const char **names = arena_alloc(e->arena, sizeof *names * (size_t)(parameters->count + 1));
    for (int k = 0; k < parameters->count; k++) names[k] = parameters->items[k]->name;
    diagnose(e->diagnostics, "E0300", argument->name_span.file ? argument->name_span : argument->span, "%s has no '%s'", what,
             argument->name);
    const char *nearest = nearest_name(argument->name, names, (size_t)parameters->count);
    if (nearest) return diagnose_help(e->diagnostics, "the nearest name is '%s'", nearest);
    if (!parameters->count) return diagnose_help(e->diagnostics, "it takes nothing");
    Text list = {0};
    for (int k = 0; k < parameters->count; k++) text_addf(&list, "%s%s", k ? ", " : "", names[k]);
    diagnose_help(e->diagnostics, "it takes: %s", text_string(&list));
    text_free(&list);
    return false;
}

static bool in_choices(const Tree *choices, const char *name) {
    for (int k = 0; k < choices->count; k++)
        if (!strcmp(choices->items[k]->name, name)) return true;
    return false;
}

static Value wrong_choice(Elaborator *e, const Tree *parameter, Span span, const char *found, bool is_text) {
    if (is_text) diagnose(e->diagnostics, "E0303", span, "expected a bare name for '%s', found a string", parameter->name);
    else diagnose(e->diagnostics, "E0303", span, "'%s' is not a choice for '%s'", found, parameter->name);
    Text list = {0};
    const Tree *choices = parameter->items[0];
    for (int k = 0; k < choices->count; k++) text_addf(&list, "%s%s", k ? ", " : "", choices->items[k]->name);
    diagnose_help(e->diagnostics, "choose one of: %s", text_string(&list));
    text_free(&list);
    return value_none();
}

/* `rate: auto | positive = auto`: a type word among the choices lets values of that type in. */
static const Tree *word_among(const Tree *choices) {
    for (int k = 0; k < choices->count; k++)
        if (type_word(choices->items[k]->name) != TYPE_UNKNOWN) return choices->items[k];
    return NULL;
}

/* The value of a setting with a closed set of choices: a bare name of the set, or a setting that holds one. */
static Value choose(Elaborator *e, const Tree *parameter, const Tree *tree, Scope *scope) {
    const Tree *choices = parameter->items[0];
    char buffer[KIND_TEXT];
    if (tree->kind == TREE_NAME && in_choices(choices, tree->name))
        return (Value){.kind = VALUE_CHOICE, .span = tree->span, .text = tree->name};
    Value value;
    if (tree->kind == TREE_NAME && !scope_find(e, scope, tree->name, &value))
        return wrong_choice(e, parameter, tree->span, tree->name, false);
    value = elaborate(e, tree, scope);
    if (!value_ok(value)) return value;
    const Tree *word = value.kind == VALUE_CHOICE || value.kind == VALUE_STRING ? NULL : word_among(choices);
    if (word) return match_word(e, word, &value, arena_format(e->arena, "'%s'", parameter->name), tree->span) ? value : value_none();
    if (value.kind != VALUE_CHOICE)
        return wrong_choice(e, parameter, tree->span, tree->kind == TREE_NAME ? tree->name : value_describe(value, buffer),
                            value.kind == VALUE_STRING);
    return in_choices(choices, value.text) ? value : wrong_choice(e, parameter, tree->span, value.text, false);
}

static bool is_choice(const Tree *parameter) { return tree_item(parameter, 0) && parameter->items[0]->kind == TREE_CHOICES; }

static Value argument_value(Elaborator *e, const Tree *parameter, const Tree *tree, Scope *scope) {
    return is_choice(parameter) ? choose(e, parameter, tree, scope) : elaborate(e, tree, scope);
}

static bool place_arguments(Elaborator *e, const Tree *parameters, const Binding *binding, Value *values, const char *what) {
    int next = 0;
    for (int k = 0; k < binding->leading_count; k++, next++) {
        if (next >= parameters->count) break;
        values[next] = binding->leading[k];
    }
    int extra = binding->leading_count > parameters->count;
    const Tree *extra_tree = NULL;
    for (int k = binding->first; binding->call && k < binding->call->count; k++) {
        const Tree *argument = binding->call->items[k];
        int at = next;
        if (argument->name && !find_parameter(parameters, argument->name, &at)) return unknown_argument(e, argument, parameters, what);
        if (!argument->name && next++ >= parameters->count) {
            if (!extra_tree) extra_tree = argument;
            extra++;
            continue;
        }
        if (value_ok(values[at]))
            return diagnose(e->diagnostics, "E0300", argument->span, "%s is given '%s' twice", what, parameters->items[at]->name);
        values[at] = argument_value(e, parameters->items[at], argument->items[0], binding->scope);
        if (!value_ok(values[at])) return false;
    }
    if (extra)
        return diagnose(e->diagnostics, "E0302", extra_tree ? extra_tree->span : binding->span, "%s takes %d value%s", what,
                        parameters->count, parameters->count == 1 ? "" : "s");
    return true;
}

static void bind_choices(Elaborator *e, const Tree *parameter, Scope *scope) {
    const Tree *choices = parameter->items[0];
    for (int k = 0; k < choices->count; k++)
        scope_set(e, scope, choices->items[k]->name,
                  (Value){.kind = VALUE_CHOICE, .span = choices->items[k]->span, .text = choices->items[k]->name});
}

bool bind_arguments(Elaborator *e, const Tree *parameters, const Binding *binding, Scope *into, const char *what) {
    Value *values = arena_alloc(e->arena, sizeof *values * (size_t)(parameters->count + 1));
    if (!place_arguments(e, parameters, binding, values, what)) return false;
    for (int k = 0; k < parameters->count; k++)
        if (is_choice(parameters->items[k])) bind_choices(e, parameters->items[k], into);
    for (int k = 0; k < parameters->count; k++) {
        const Tree *parameter = parameters->items[k];
        const Tree *annotation = tree_item(parameter, 0), *fallback = tree_item(parameter, 1);
        if (!value_ok(values[k]) && fallback) values[k] = argument_value(e, parameter, fallback, into);
        else if (!value_ok(values[k])) {
            diagnose(e->diagnostics, "E0301", binding->span, "%s needs '%s'", what, parameter->name);
            return diagnose_second(e->diagnostics, parameter->span, "declared here");
        }
        if (!value_ok(values[k])) return false;
        const char *argument = arena_format(e->arena, "'%s' of %s", parameter->name, what);
        Span span = values[k].span.file ? values[k].span : binding->span;
        if (annotation && !match_annotation(e, annotation, &values[k], into, argument, span)) return false;
        values[k] = settle_argument(e, values[k]);
        if (!value_ok(values[k])) return false;
        scope_set(e, into, parameter->name, values[k]);
    }
    return true;
}

/* Functions ---------------------------------------------------------------------------------------------------------- */

/* A rule of the user's own: `fn f(x) = … gradient(g) = …`. */
typedef struct OwnRule {
    Elaborator *e;
    const Tree *gradient; /* LAMBDA */
    const Tree *parameters;
    Scope *scope;       /* of the call: parameters are bound here */
    const char **names; /* of the arguments a1..an */
    int count;
} OwnRule;

static bool own_rule_cotangents(OwnRule *rule, Value value, Graph *graph, Node **out) {
    Elaborator *e = rule->e;
    for (int k = 0; k < rule->count; k++) {
        Value part = value;
        if (value.kind == VALUE_RECORD) part = record_field(value.record, rule->names[k]);
        else if (rule->count > 1)
            return diagnose(e->diagnostics, "E0401", rule->gradient->span,
                            "the gradient of a function of several tensors is a record with one field for each");
        out[k] = value_ok(part) ? to_node(e, part) : NULL;
        if (value_ok(part) && !out[k]) return false;
    }
    (void)graph;
    return true;
}

static bool own_rule_vjp(void *context, Graph *graph, Node *node, Node *cotangent, Node **cotangents) {
    OwnRule *rule = context;
    Elaborator *e = rule->e;
    Graph *before = e->graph;
    e->graph = graph;
    Scope *scope = scope_new(e, rule->scope);
    const Tree *parameters = rule->gradient->items[0];
    Value given[2] = {value_tensor(cotangent, rule->gradient->span), value_tensor(node, rule->gradient->span)};
    for (int k = 0; k < parameters->count && k < 2; k++) scope_set(e, scope, parameters->items[k]->name, given[k]);
    CallPlace place = diagnostics_enter(e->diagnostics, rule->gradient->span, node->span, "of this");
    Value value = elaborate(e, rule->gradient->items[1], scope);
    diagnostics_leave(e->diagnostics, place);
    bool ok = value_ok(value) && own_rule_cotangents(rule, value, graph, cotangents);
    e->graph = before;
    return ok;
}

static Value attach_rule(Elaborator *e, const Tree *tree, Scope *scope, Value value, Span span) {
    const Tree *parameters = tree->items[0];
    OwnRule *rule = arena_alloc(e->arena, sizeof *rule);
    *rule = (OwnRule){.e = e, .gradient = tree->items[3], .parameters = parameters, .scope = scope};
    rule->names = arena_alloc(e->arena, sizeof *rule->names * (size_t)(parameters->count + 1));
    Node **inputs = arena_alloc(e->arena, sizeof *inputs * (size_t)(parameters->count + 1));
    if (!(inputs[0] = to_node(e, value))) return value_none();
    for (int k = 0; k < parameters->count; k++) {
        Value argument;
        if (!scope_find(e, scope, parameters->items[k]->name, &argument) || argument.kind != VALUE_TENSOR) continue;
        if (!dtype_is_float(argument.node->type.dtype)) continue;
        rule->names[rule->count] = parameters->items[k]->name;
        inputs[++rule->count] = import_node(e, argument.node, span);
    }
    CustomRule *custom = arena_alloc(e->arena, sizeof *custom);
    *custom = (CustomRule){own_rule_vjp, rule};
    e->graph->here = span;
    return value_tensor(
        graph_add(e->graph, &(NodeSpec){.op = OP_CUSTOM, .more_inputs = inputs, .more_count = rule->count + 1, .rule = custom}), span);
}

static Value check_result(Elaborator *e, const Function *function, const Tree *annotation, Scope *scope, Value value, Span span) {
    if (!annotation || !value_ok(value)) return value;
    const char *what = arena_format(e->arena, "the result of '%s'", function->name);
    return match_annotation(e, annotation, &value, scope, what, span) ? value : value_none();
}

static Value run_body(Elaborator *e, const Function *function, Scope *scope, Span span) {
    const Tree *tree = function->tree;
    if (tree->kind == TREE_LAMBDA || tree->kind == TREE_HOOK) return elaborate(e, tree->items[1], scope);
    Value value = elaborate(e, tree->items[2], scope);
    value = check_result(e, function, tree_item(tree, 1), scope, value, span);
    bool own_rule = tree_item(tree, 3) && tree->kind != TREE_PENALTY && value_ok(value);
    return own_rule ? attach_rule(e, tree, scope, value, span) : value;
}

/* Before the body: `output` and `target` are noted, and methods may replace the target. */
static bool tap_arguments(Elaborator *e, const Tree *parameters, Scope *scope) {
    LossTap *tap = e->tap;
    tap->is_taken = true;
    scope_find(e, scope, parameters->items[0]->name, &tap->output);
    if (parameters->count < 2) return true;
    scope_find(e, scope, parameters->items[1]->name, &tap->target);
    if (!tap->retarget) return true;
    tap->target = tap->retarget(tap->context, tap->output, tap->target);
    scope_set(e, scope, parameters->items[1]->name, tap->target);
    return value_ok(tap->target);
}

static Value call_function(Elaborator *e, Function *function, const Binding *binding) {
    if (e->depth >= CALL_DEPTH_MAX) {
        diagnose(e->diagnostics, "E0402", binding->span, "calls are nested more than %d deep: '%s' may call itself without end",
                 CALL_DEPTH_MAX, function->name);
        return value_none();
    }
    if (e->call_pass != e->pass) e->call_pass = e->pass, e->call_count = 0;
    if (++e->call_count > CALLS_MAX) {
        diagnose(e->diagnostics, "E0402", binding->span, "a statement unrolls to more than %d calls, here of '%s'", CALLS_MAX,
                 function->name);
        return value_none();
    }
    Scope *scope = scope_new(e, function->scope);
    scope->is_call = true;
    if (function->owner) scope->owner = function->owner;
    const char *what = arena_format(e->arena, "'%s'", function->name);
    if (!bind_arguments(e, function->tree->items[0], binding, scope, what)) return value_none();
    if (function->scope == e->globals) note_given(e, &function->given, function->tree->items[0], binding, scope);
    bool is_tapped = function->tree->kind == TREE_LOSS && e->tap && !e->tap->is_taken && function->tree->items[0]->count;
    if (is_tapped && !tap_arguments(e, function->tree->items[0], scope)) return value_none();
    CallPlace place = diagnostics_enter(e->diagnostics, function->tree->span, binding->span, "called here");
    e->depth++;
    Value value = run_body(e, function, scope, binding->span);
    e->depth--;
    diagnostics_leave(e->diagnostics, place);
    value.span = binding->span;
    if (is_tapped && e->tap->reweigh && value_ok(value)) value = e->tap->reweigh(e->tap->context, value);
    return value;
}

/* Penalties sum over what a selector found. */
static Value sum_over(Elaborator *e, Value callee, const Binding *binding, Selection *selection) {
    Value total = value_none();
    for (int k = 0; k < selection->count; k++) {
        Value leading[8];
        int count = binding->leading_count < 8 ? binding->leading_count : 8;
        memcpy(leading, binding->leading, sizeof *leading * (size_t)count);
        leading[0] = member_value(e, selection->items[k].owner, selection->items[k].member, binding->span);
        Binding one = *binding;
        one.leading = leading;
        one.leading_count = count;
        Value term = call_function(e, callee.function, &one);
        if (!value_ok(term)) return term;
        total = value_ok(total) ? operate(e, "+", total, term, binding->span) : term;
    }
    return total;
}

static Selection *all_of(Elaborator *e, Value value) {
    return value.kind == VALUE_SELECTION ? value.selection : select_all(e, value.instance);
}

static Value call_penalty(Elaborator *e, Value callee, Binding *binding) {
    Value first = value_none();
    if (binding->leading_count) first = binding->leading[0];
    else if (binding->call && binding->call->count > binding->first && !binding->call->items[binding->first]->name) {
        first = elaborate(e, binding->call->items[binding->first]->items[0], binding->scope);
        if (!value_ok(first)) return first;
        Value *leading = arena_alloc(e->arena, sizeof *leading);
        *leading = first;
        binding->leading = leading;
        binding->leading_count = 1;
        binding->first++;
    }
    bool many = first.kind == VALUE_SELECTION || (first.kind == VALUE_INSTANCE && first.instance->maker->kind == MAKER_MODEL);
    return many ? sum_over(e, callee, binding, all_of(e, first)) : call_function(e, callee.function, binding);
}

static Value call_stages(Elaborator *e, const Function *function, const Binding *binding) {
    Value value = value_none();
    bool training = e->training, commits_allowed = e->commits_allowed;
    if (function->is_evaluation) e->training = e->commits_allowed = false;
    for (int k = 0; k < function->stage_count; k++) {
        value = k == 0 ? call_bound(e, function->stages[0], binding) : call_value(e, function->stages[k], &value, 1, binding->span);
        if (!value_ok(value)) break;
    }
    e->training = training, e->commits_allowed = commits_allowed;
    return value;
}

static Value call_instance(Elaborator *e, Instance *instance, const Binding *binding) {
    if (instance->maker->kind == MAKER_METHOD) {
        diagnose(e->diagnostics, "E0203", binding->span, "'%s' is a method: it acts through `with`, and cannot be called",
                 instance->maker->name);
        return value_none();
    }
    Scope *scope = scope_new(e, instance->settings);
    scope->is_call = true;
    scope->owner = instance;
    const char *what = arena_format(e->arena, "'%s'", instance->maker->name);
    if (!bind_arguments(e, instance->maker->tree->items[1], binding, scope, what)) return value_none();
    note_given(e, &instance->given, instance->maker->tree->items[1], binding, scope);
    CallPlace place = diagnostics_enter(e->diagnostics, instance->maker->tree->span, binding->span, "applied here");
    Value value = apply_bound(e, instance, scope, binding->span);
    diagnostics_leave(e->diagnostics, place);
    return value;
}

static Value not_callable(Elaborator *e, Value callee, Span span) {
    char buffer[KIND_TEXT];
    if (callee.kind == VALUE_MAKER) {
        diagnose(e->diagnostics, "E0203", span, "'%s' must be made before it computes", callee.maker->name);
        diagnose_help(e->diagnostics, "braces make: write %s{}(x)", callee.maker->name);
    } else {
        diagnose(e->diagnostics, "E0401", callee.span.file ? callee.span : span, "this is %s, which cannot be called",
                 value_describe(callee, buffer));
        if (callee.kind == VALUE_TENSOR || callee.kind == VALUE_LIST)
            diagnose_help(e->diagnostics, "its elements are picked with brackets: x[0]");
    }
    return value_none();
}

Value call_bound(Elaborator *e, Value callee, const Binding *binding) {
    e->graph->here = binding->span;
    if (callee.kind == VALUE_INSTANCE) return call_instance(e, callee.instance, binding);
    if (callee.kind != VALUE_FUNCTION) return not_callable(e, callee, binding->span);
    Function *function = callee.function;
    if (function->stages) return call_stages(e, function, binding);
    if (function->builtin)
        return call_builtin(e, function->builtin, binding->leading, binding->leading_count, binding->call, binding->scope, binding->span);
    Binding own = *binding;
    return function->is_penalty ? call_penalty(e, callee, &own) : call_function(e, function, &own);
}

Value call_value(Elaborator *e, Value callee, const Value *arguments, int count, Span span) {
    Binding binding = {.leading = arguments, .leading_count = count, .span = span, .scope = e->globals};
    return call_bound(e, callee, &binding);
}

/* Scopes of the standard library do not reach the script's top level. */
static bool is_user_scope(const Elaborator *e, const Scope *scope) {
    for (; scope; scope = scope->parent)
        if (scope == e->globals) return true;
    return false;
}

Value call_tree(Elaborator *e, Value callee, const Tree *call, int first, const Value *leading, int leading_count, Scope *scope) {
    Binding binding = {
        .leading = leading, .leading_count = leading_count, .call = call, .first = first, .scope = scope, .span = call->span};
    const Tree *outer = e->call_tree;
    Span user_span = e->user_span;
    e->call_tree = call;
    bool is_builtin = callee.kind == VALUE_FUNCTION && callee.function->builtin;
    if (!is_builtin && is_user_scope(e, scope)) e->user_span = call->span;
    Value value = call_bound(e, callee, &binding);
    e->call_tree = outer;
    e->user_span = user_span;
    return value;
}
