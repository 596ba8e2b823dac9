/* Methods: settings bound where they are used, hooks given the names of their place. */
#include "lang/elaborate/method.h"
#include "lang/elaborate/call.h"
#include "lang/elaborate/statement.h"

#include <math.h>
#include <string.h>

static const Tree *members(const Instance *method) { return method->maker->tree; } /* items from 1 on */

const Tree *method_hook(const Instance *method, const char *name) {
    const Tree *tree = members(method);
    for (int k = 1; k < tree->count; k++)
        if (tree->items[k]->kind == TREE_HOOK && !strcmp(tree->items[k]->name, name)) return tree->items[k];
    return NULL;
}

bool hook_wants(const Tree *hook, const char *name) {
    const Tree *parameters = hook->items[0];
    for (int k = 0; k < parameters->count; k++)
        if (!strcmp(parameters->items[k]->name, name)) return true;
    return false;
}

/* Settings ----------------------------------------------------------------------------------------------------------- */

static bool unknown_setting(Elaborator *e, const Instance *method, const Tree *argument) {
    const Tree *parameters = members(method)->items[0];
    const char **names = arena_alloc(e->arena, sizeof *names * (size_t)(parameters->count + 1));
    Text list = {0};
    for (int k = 0; k < parameters->count; k++) {
        names[k] = parameters->items[k]->name;
        text_addf(&list, "%s%s", k ? ", " : "", names[k]);
    }
    diagnose(e->diagnostics, "E0300", argument->name_span.file ? argument->name_span : argument->span,
             "the method '%s' has no setting '%s'", method->maker->name, argument->name);
    const char *nearest = nearest_name(argument->name, names, (size_t)parameters->count);
    if (nearest) diagnose_help(e->diagnostics, "the nearest name is '%s'", nearest);
    else if (parameters->count) diagnose_help(e->diagnostics, "it has: %s", text_string(&list));
    text_free(&list);
    return false;
}

static int setting_at(const Tree *parameters, const char *name) {
    for (int k = 0; k < parameters->count; k++)
        if (!strcmp(parameters->items[k]->name, name)) return k;
    return -1;
}

/* A method acts at one place once. */
static bool has_hook_twice(Elaborator *e, const Instance *method) {
    const Tree *tree = members(method);
    for (int k = 1; k < tree->count; k++)
        for (int j = 1; j < k; j++) {
            if (tree->items[k]->kind != TREE_HOOK || tree->items[j]->kind != TREE_HOOK ||
                strcmp(tree->items[k]->name, tree->items[j]->name))
                continue;
            diagnose(e->diagnostics, "E0201", tree->items[k]->span, "the method '%s' has two %s hooks", method->maker->name,
                     tree->items[k]->name);
            diagnose_second(e->diagnostics, tree->items[j]->span, "the other one");
            return true;
        }
    return false;
}

bool method_check_settings(Elaborator *e, Instance *method) {
    if (has_hook_twice(e, method)) return false;
    const Tree *parameters = members(method)->items[0], *make = method->make;
    bool *given = arena_alloc(e->arena, sizeof *given * (size_t)(parameters->count + 1));
    int positional = 0;
    for (int k = 1; k < make->count; k++) {
        const Tree *argument = make->items[k];
        int at = argument->name ? setting_at(parameters, argument->name) : positional++;
        if (at < 0) return unknown_setting(e, method, argument);
        if (at >= parameters->count)
            return diagnose(e->diagnostics, "E0302", argument->span, "the method '%s' has %d setting%s", method->maker->name,
                            parameters->count, parameters->count == 1 ? "" : "s");
        if (given[at])
            return diagnose(e->diagnostics, "E0300", argument->span, "the method '%s' is given '%s' twice", method->maker->name,
                            parameters->items[at]->name);
        given[at] = true;
    }
    for (int k = 0; k < parameters->count; k++)
        if (!given[k] && !tree_item(parameters->items[k], 1)) {
            diagnose(e->diagnostics, "E0301", make->span, "the method '%s' needs the setting '%s'", method->maker->name,
                     parameters->items[k]->name);
            return diagnose_second(e->diagnostics, parameters->items[k]->span, "declared here");
        }
    return true;
}

static bool mentions(const Tree *tree, const char *name) {
    if (!tree) return false;
    if (tree->kind == TREE_NAME && !strcmp(tree->name, name)) return true;
    for (int k = 0; k < tree->count; k++)
        if (mentions(tree->items[k], name)) return true;
    return false;
}

/* States and parameters without a shape, and those that mention `w`, are one for each parameter that the method acts on. */
static bool is_for_each(const Tree *member) {
    if (member->kind != TREE_STATE && member->kind != TREE_PARAM) return false;
    return !tree_item(member, 0) || mentions(member, "w");
}

static bool declare_own_states(Elaborator *e, Instance *method, Scope *scope) {
    const Tree *tree = members(method);
    for (int k = 1; k < tree->count; k++) {
        const Tree *member = tree->items[k];
        bool is_own = (member->kind == TREE_STATE || member->kind == TREE_PARAM) && !is_for_each(member);
        if (is_own && !declare_member(e, member, scope)) return false;
        if (member->kind == TREE_FN) define_function(e, member, scope);
        bool is_line = member->kind == TREE_LET || member->kind == TREE_EXPRESSION;
        if (is_line && !elaborate_statement(e, member, scope, NULL)) return false;
    }
    return true;
}

bool method_bind(Elaborator *e, Instance *method, Scope *around) {
    Binding binding = {.call = method->make, .first = 1, .scope = method->make_scope, .span = method->make->span};
    Scope *settings = scope_new(e, method->maker->scope);
    settings->is_call = true;
    settings->owner = method;
    for (int k = 0; around && k < around->count; k++) scope_set(e, settings, around->fields[k].name, around->fields[k].value);
    const char *what = arena_format(e->arena, "the method '%s'", method->maker->name);
    Making before = begin_making(e, method);
    Span user_span = e->user_span;
    e->user_span = method->make->span;
    method->pass = e->pass;
    if (e->clock) method->steps_per_epoch = e->clock->steps_per_epoch, method->total_steps = e->clock->total_steps;
    CallPlace place = diagnostics_enter(e->diagnostics, members(method)->span, method->span, "used here");
    bool ok = bind_arguments(e, members(method)->items[0], &binding, settings, what);
    method->settings = settings;
    ok = ok && declare_own_states(e, method, settings);
    diagnostics_leave(e->diagnostics, place);
    end_making(e, &before);
    e->user_span = user_span;
    return ok;
}

/* Hooks -------------------------------------------------------------------------------------------------------------- */

const char *hook_supplier(const char *name) {
    static const struct {
        const char *name, *clause;
    } clauses[] = {
        {"output", "a `minimize` whose first term calls a loss, such as cross_entropy(net(x), y)"},
        {"target", "a `minimize` whose first term calls a loss, such as cross_entropy(net(x), y)"},
        {"i", "a data set: `train net on data`"},
        {"x", "a data set with a field x"},
        {"y", "a data set with a field y"},
        {"sol", "a term that solves a differential equation: odeint, sdeint"},
        {"samples", "a data set: `train net on data`"},
        {"classes", "a data set whose y holds class numbers"},
    };
    for (size_t k = 0; k < sizeof clauses / sizeof *clauses; k++)
        if (!strcmp(clauses[k].name, name)) return clauses[k].clause;
    return NULL;
}

static bool hook_lacks(Elaborator *e, const Instance *method, const Tree *hook, const Tree *parameter) {
    diagnose(e->diagnostics, "E0601", method->span, "the %s hook of '%s' asks for '%s', which this block does not have", hook->name,
             method->maker->name, parameter->name);
    diagnose_second(e->diagnostics, parameter->span, "asked for here");
    const char *clause = hook_supplier(parameter->name);
    return clause ? diagnose_help(e->diagnostics, "it comes from %s", clause) : false;
}

static bool find_supply(Scope *supply, const char *name, Value *out) {
    for (Scope *at = supply; at; at = at->parent)
        for (int k = at->count; k-- > 0;)
            if (!strcmp(at->fields[k].name, name)) {
                *out = at->fields[k].value;
                return true;
            }
    return false;
}

/* The names of the place are in scope behind the hook's own parameters, its settings and its states. */
Value hook_run(Elaborator *e, Instance *method, const Tree *hook, Scope *supply) {
    Scope *scope = scope_new(e, method->settings);
    scope->is_call = true;
    scope->slots = supply->slots;
    scope->slot_count = supply->slot_count;
    for (Scope *at = supply; at && at != e->globals && at != e->standard; at = at->parent)
        for (int k = 0; k < at->count; k++) {
            Value have;
            if (!find_supply(method->settings, at->fields[k].name, &have) || have.kind != at->fields[k].value.kind)
                if (!find_supply(&(Scope){.fields = scope->fields, .count = scope->count}, at->fields[k].name, &have))
                    scope_set(e, scope, at->fields[k].name, at->fields[k].value);
        }
    const Tree *parameters = hook->items[0];
    for (int k = 0; k < parameters->count; k++) {
        const Tree *parameter = parameters->items[k];
        Value value;
        if (!find_supply(supply, parameter->name, &value)) return hook_lacks(e, method, hook, parameter), value_none();
        const char *what = arena_format(e->arena, "'%s' of the %s hook of '%s'", parameter->name, hook->name, method->maker->name);
        if (tree_item(parameter, 0) && !match_annotation(e, parameter->items[0], &value, scope, what, method->span)) return value_none();
        scope_set(e, scope, parameter->name, value);
    }
    Making before = begin_making(e, method);
    Span user_span = e->user_span;
    e->user_span = method->make->span;
    CallPlace place = diagnostics_enter(e->diagnostics, hook->span, method->span, "used here");
    Value value = elaborate(e, hook->items[1], scope);
    diagnostics_leave(e->diagnostics, place);
    e->user_span = user_span;
    end_making(e, &before);
    return value;
}

/* Per-parameter states ------------------------------------------------------------------------------------------------ */

static Member *parameter_state(Elaborator *e, Instance *method, const Tree *tree, Cell *parameter, Scope *scope) {
    const char *name = arena_format(e->arena, "%s[%s]", tree->name, parameter->name);
    Member *member = instance_member(method, name);
    if (member && member->cell) return member;
    Shape shape = parameter->tensor->shape;
    if (tree_item(tree, 0) && !to_shape(e, elaborate_shape(e, tree->items[0], scope), &shape)) return NULL;
    if (!member) member = add_member(e, method, tree->kind == TREE_PARAM ? MEMBER_PARAM : MEMBER_STATE, name, tree->span);
    const char *path = arena_format(e->arena, "%s.%s", instance_path(e, method), name);
    Tensor *tensor = initial_tensor(e, tree, shape, parameter->tensor->dtype, scope, path);
    if (!tensor) return NULL;
    member->cell = own_cell(e, cell_new(path, tensor));
    return member_rate(e, tree, scope, member) ? member : NULL;
}

bool method_parameter_states(Elaborator *e, Instance *method, Cell *parameter, Scope *into) {
    const Tree *tree = members(method);
    Slot *slots = arena_alloc(e->arena, sizeof *slots * (size_t)tree->count);
    int count = 0;
    for (int k = 1; k < tree->count; k++) {
        const Tree *state = tree->items[k];
        if (!is_for_each(state)) continue;
        Scope *scope = scope_new(e, method->settings);
        scope_set(e, scope, "w", value_tensor(import_cell(e, parameter), state->span));
        Member *member = parameter_state(e, method, state, parameter, scope);
        if (!member) return false;
        if (state->kind == TREE_STATE) slots[count++] = (Slot){state->name, member->cell};
        Node *node = state->kind == TREE_STATE ? state_node(e, member->cell) : import_cell(e, member->cell);
        scope_set(e, into, state->name, value_tensor(node, state->span));
    }
    into->slots = slots;
    into->slot_count = count;
    return true;
}

bool method_has_parameters(const Instance *method) {
    const Tree *tree = members(method);
    for (int k = 1; k < tree->count; k++)
        if (tree->items[k]->kind == TREE_PARAM && is_for_each(tree->items[k])) return true;
    return false;
}

/* Views on weights and activations ------------------------------------------------------------------------------------ */

static bool has_schedule(const Instance *method) {
    const Tree *parameters = members(method)->items[0];
    for (int k = 0; k < parameters->count; k++) {
        Value value;
        if (find_supply(method->settings, parameters->items[k]->name, &value) && value.kind == VALUE_TENSOR) return true;
    }
    return false;
}

/* Settings that are schedules belong to the pass where they were evaluated; behind the run they have their last values. */
static bool ensure_bound(Elaborator *e, Instance *method) {
    if (method->settings->count && (method->pass == e->pass || !has_schedule(method))) return true;
    Clock *clock = e->clock, end = {.steps_per_epoch = method->steps_per_epoch, .total_steps = method->total_steps};
    if (!clock && method->total_steps > 0) {
        double last = method->total_steps - 1;
        end.step = build_number(e->graph, last);
        end.epoch = build_number(e->graph, end.steps_per_epoch > 0 ? floor(last / end.steps_per_epoch) : 0);
        end.progress = build_number(e->graph, 1);
        e->clock = &end;
    }
    bool ok = method_bind(e, method, NULL);
    e->clock = clock;
    return ok;
}

Value method_weight(Elaborator *e, Instance *method, Member *member, Value raw) {
    const Tree *hook = method_hook(method, "weight");
    if (!hook || !ensure_bound(e, method)) return hook ? value_none() : raw;
    Scope *supply = scope_new(e, NULL);
    scope_set(e, supply, "w", raw);
    scope_set(e, supply, "raw", raw);
    if (!method_parameter_states(e, method, member->cell, supply)) return value_none();
    Value value = hook_run(e, method, hook, supply);
    Node *node = to_node(e, value), *before = to_node(e, raw);
    if (!node || !before) return value_none();
    if (shape_equal(node->type.shape, before->type.shape)) return value_tensor(node, value.span);
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    diagnose(e->diagnostics, "E0400", hook->span, "the weight hook of '%s' was given %s and must give the same shape, found %s",
             method->maker->name, shape_text(before->type.shape, a), shape_text(node->type.shape, b));
    return value_none();
}

Value method_activation(Elaborator *e, Instance *method, Value output, Value input) {
    const Tree *hook = method_hook(method, "activation");
    if (!hook || !ensure_bound(e, method)) return hook ? value_none() : output;
    Scope *supply = scope_new(e, NULL);
    scope_set(e, supply, "h", output);
    scope_set(e, supply, "output", output);
    if (value_ok(input)) scope_set(e, supply, "input", input);
    return hook_run(e, method, hook, supply);
}
