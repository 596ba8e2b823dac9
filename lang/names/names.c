#include "lang/names/names.h"

#include "lang/names/name_use.h"
#include "lang/names/type_word.h"
#include "lang/syntax/interpolation.h"
#include "runtime/base/memory.h"

#include <stdlib.h>
#include <string.h>

static void check_tree(NameCheck *check, const Tree *tree);

/* --- scopes --- */

static void enter(NameCheck *check, NameScope *scope, bool is_open) {
    *scope = (NameScope){.parent = check->scope, .is_open = is_open};
    check->scope = scope;
}

static void leave(NameCheck *check) {
    NameScope *scope = check->scope;
    check->scope = scope->parent;
    name_scope_free(scope);
}

static void bind(NameCheck *check, const char *name, Span span, BoundKind kind) {
    const Bound *first = name_scope_find_here(check->scope, kind == BOUND_MAKER ? NAMES_MAKERS : NAMES_VALUES, name);
    if (first && first->kind != BOUND_GIVEN && first->kind != BOUND_DIMENSION) {
        diagnose(check->diagnostics, "E0201", span, "'%s' is defined twice", name);
        diagnose_second(check->diagnostics, first->span, "first defined here");
        return;
    }
    name_scope_add(check->scope, name, span, kind);
}

static void bind_tree(NameCheck *check, const Tree *tree, BoundKind kind) { bind(check, tree->name, tree->name_span, kind); }

static void check_items(NameCheck *check, const Tree *tree, int from) {
    for (int i = from; i < tree->count; i++) check_tree(check, tree->items[i]);
}

/* --- signatures --- */

/* A bare name in a shape names the size, unless the signature or the settings around it gave the name a meaning. */
static void bind_dimensions(NameCheck *check, const Tree *shape) {
    if (!shape || shape->kind != TREE_SHAPE) return;
    for (int i = 0; i < shape->count; i++) {
        const Tree *dimension = shape->items[i];
        if (dimension->kind != TREE_NAME) continue;
        const NameScope *around = check->scope->parent;
        if (name_scope_find_here(check->scope, NAMES_VALUES, dimension->name)) continue;
        if (around && around->parent && name_scope_find_here(around, NAMES_VALUES, dimension->name)) continue;
        name_scope_add(check->scope, dimension->name, dimension->span, BOUND_DIMENSION);
    }
}

static void bind_choices(NameCheck *check, const Tree *annotation) {
    if (!annotation || annotation->kind != TREE_CHOICES) return;
    for (int i = 0; i < annotation->count; i++)
        name_scope_add(check->scope, annotation->items[i]->name, annotation->items[i]->span, BOUND_DIMENSION);
}

static void unknown_type(NameCheck *check, const Tree *word) {
    diagnose(check->diagnostics, "E0401", word->span, "unknown type '%s'", word->name);
    diagnose_help(check->diagnostics, "write a shape such as [n, d], or %s", type_word_list());
}

/* Binds parameters and the sizes in their shapes in the scope at hand; defaults may use what stands before them. */
static void check_parameters(NameCheck *check, const Tree *parameters, const Tree *result) {
    for (int i = 0; i < parameters->count; i++) bind_choices(check, tree_item(parameters->items[i], 0));
    for (int i = 0; i < parameters->count; i++) {
        const Tree *parameter = parameters->items[i];
        check_tree(check, tree_item(parameter, 1));
        bind_tree(check, parameter, BOUND_PARAMETER);
    }
    for (int i = 0; i < parameters->count; i++) bind_dimensions(check, tree_item(parameters->items[i], 0));
    bind_dimensions(check, result);
    for (int i = 0; i < parameters->count; i++) {
        const Tree *annotation = tree_item(parameters->items[i], 0);
        if (annotation && annotation->kind == TREE_SHAPE) check_tree(check, annotation);
        if (annotation && annotation->kind == TREE_NAME && type_word(annotation->name) == TYPE_UNKNOWN) unknown_type(check, annotation);
    }
    check_tree(check, result);
}

static void check_lambda(NameCheck *check, const Tree *tree) {
    if (!tree) return;
    NameScope scope;
    enter(check, &scope, false);
    check->deferred++;
    check_parameters(check, tree->items[0], NULL);
    check_tree(check, tree->items[1]);
    check->deferred--;
    leave(check);
}

/* fn, loss, penalty: [PARAMETERS, SHAPE?, body, rule?] */
static void check_function(NameCheck *check, const Tree *tree) {
    NameScope scope;
    enter(check, &scope, false);
    check->deferred++;
    check_parameters(check, tree->items[0], tree->items[1]);
    check_tree(check, tree->items[2]);
    check_lambda(check, tree_item(tree, 3));
    check->deferred--;
    leave(check);
}

static void check_model(NameCheck *check, const Tree *tree) {
    NameScope settings, inputs;
    check->deferred++;
    enter(check, &settings, false);
    check_parameters(check, tree->items[0], NULL);
    enter(check, &inputs, false);
    check_parameters(check, tree->items[1], tree->items[2]);
    check_tree(check, tree->items[3]);
    leave(check);
    leave(check);
    check->deferred--;
}

/* --- methods --- */

static void bind_given(NameCheck *check) {
    static const char *const given[] = {"x",     "y",        "i",       "output",  "target",       "w",        "g",          "step",
                                        "epoch", "progress", "samples", "classes", "weight_count", "training", "validating", "objective"};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) name_scope_add(check->scope, given[i], (Span){0}, BOUND_GIVEN);
}

static bool is_variable(const Tree *tree) { return tree->kind == TREE_STATE || tree->kind == TREE_PARAM; }

static void check_hook(NameCheck *check, const Tree *tree) {
    NameScope scope;
    enter(check, &scope, false);
    check_parameters(check, tree->items[0], NULL);
    check_tree(check, tree->items[1]);
    leave(check);
}

/* Members see each other in any order; sizes in the shapes of states are found when the method is put to use. */
static void check_method(NameCheck *check, const Tree *tree) {
    NameScope given, members;
    check->deferred++;
    enter(check, &given, false);
    bind_given(check);
    enter(check, &members, false);
    check_parameters(check, tree->items[0], NULL);
    for (int i = 1; i < tree->count; i++) {
        const Tree *member = tree->items[i];
        if (is_variable(member) || member->kind == TREE_LET) bind_tree(check, member, BOUND_VALUE);
        else if (member->kind == TREE_FN) bind_tree(check, member, BOUND_FUNCTION);
        if (is_variable(member)) bind_dimensions(check, member->items[0]);
    }
    for (int i = 1; i < tree->count; i++) {
        const Tree *member = tree->items[i];
        if (member->kind == TREE_HOOK) check_hook(check, member);
        else if (member->kind == TREE_FN) check_function(check, member);
        else check_items(check, member, 0);
    }
    leave(check);
    leave(check);
    check->deferred--;
}

/* --- calls --- */

static void check_callee(NameCheck *check, const Tree *callee, const Tree *call) {
    if (callee->kind == TREE_NAME) use_function(check, callee, call);
    else check_tree(check, callee);
}

static bool is_unknown_name(const NameCheck *check, const Tree *tree) {
    return tree->kind == TREE_NAME && !name_is_known(check, NAMES_VALUES, tree->name) && !name_is_known(check, NAMES_MAKERS, tree->name);
}

/* `kind = exponential`: a bare name that means nothing here may be a choice; whoever is called knows its choices. Without the
 * name of the setting this holds for what the script did not define itself, and behind the first argument. */
static bool may_be_choice(const NameCheck *check, const Tree *call, int place) {
    const Tree *argument = call->items[place], *callee = call->items[0];
    if (!argument || argument->kind != TREE_ARGUMENT || !is_unknown_name(check, argument->items[0])) return false;
    if (argument->name) return true;
    NameSpace space = call->kind == TREE_MAKE ? NAMES_MAKERS : NAMES_VALUES;
    return place > 1 && callee->kind == TREE_NAME && !name_scope_find(check->scope, space, callee->name) &&
           name_is_known(check, space, callee->name);
}

static void check_arguments(NameCheck *check, const Tree *call) {
    for (int i = 1; i < call->count; i++)
        if (!may_be_choice(check, call, i)) check_tree(check, call->items[i]);
}

static void check_call(NameCheck *check, const Tree *tree) {
    check_callee(check, tree->items[0], tree);
    check_arguments(check, tree);
}

static void check_make(NameCheck *check, const Tree *tree) {
    if (tree->items[0]->kind == TREE_NAME) use_maker(check, tree->items[0]);
    else check_tree(check, tree->items[0]);
    check_arguments(check, tree);
}

static void check_index(NameCheck *check, const Tree *tree) {
    check_tree(check, tree->items[0]);
    bool predicate = tree->items[0]->kind == TREE_FIELD && strchr(tree->items[0]->name, '*');
    NameScope scope;
    enter(check, &scope, predicate);
    check_items(check, tree, 1);
    leave(check);
}

static void check_loop(NameCheck *check, const Tree *tree) {
    NameScope scope;
    for (int i = 0; i < tree->items[0]->count; i++) check_tree(check, tree->items[0]->items[i]);
    check_tree(check, tree->items[2]);
    enter(check, &scope, false);
    for (int i = 0; i < tree->items[0]->count; i++) bind_tree(check, tree->items[0]->items[i], BOUND_VALUE);
    check_tree(check, tree->items[1]);
    check_tree(check, tree->items[3]);
    leave(check);
}

/* --- statements --- */

static void check_block(NameCheck *check, const Tree *tree) {
    NameScope scope;
    enter(check, &scope, false);
    check_items(check, tree, 0);
    leave(check);
}

/* The blocks of a statement `if` and of `for` define in the scope around them: what they bind is known behind them, too, but for
 * the variable of the loop. */
static void check_branch(NameCheck *check, const Tree *tree, const Tree *variable) {
    NameScope scope, *around = check->scope;
    enter(check, &scope, false);
    if (variable) name_scope_add(&scope, variable->name, variable->name_span, BOUND_GIVEN);
    check_items(check, tree, 0);
    for (size_t i = 0; i < scope.bound.count; i++) {
        const Bound *bound = &scope.bound.items[i];
        NameSpace space = bound->kind == BOUND_MAKER ? NAMES_MAKERS : NAMES_VALUES;
        if (variable && !strcmp(bound->name, variable->name)) continue;
        if (!name_scope_find_here(around, space, bound->name))
            name_scope_add(around, bound->name, bound->span, bound->kind == BOUND_MAKER ? BOUND_MAKER : BOUND_GIVEN);
    }
    leave(check);
}

static void check_if(NameCheck *check, const Tree *tree) {
    check_tree(check, tree->items[0]);
    for (int i = 1; i < tree->count; i++) {
        const Tree *branch = tree->items[i];
        if (branch && branch->kind == TREE_BLOCK) check_branch(check, branch, NULL);
        else if (branch && branch->kind == TREE_IF) check_if(check, branch);
        else check_tree(check, branch);
    }
}

static void check_train(NameCheck *check, const Tree *tree) {
    for (int i = 0; i < 3; i++) check_tree(check, tree_item(tree, i));
    NameScope scope;
    enter(check, &scope, true);
    check_items(check, tree, 3);
    leave(check);
}

static void check_made(NameCheck *check, const Tree *tree) {
    const Tree *made = tree->items[0];
    bool braced = made->kind == TREE_MAKE && made->items[0]->kind == TREE_NAME;
    if (made->kind == TREE_NAME) use_made(check, made);
    else if (!braced || !use_penalty(check, made->items[0])) check_tree(check, tree->items[0]);
    check_tree(check, tree_item(tree, 1));
}

/* The kinds of layers are the plot's own: only what they show is looked up. */
static void check_plot(NameCheck *check, const Tree *tree) {
    for (int i = 0; i < tree->count; i++) {
        const Tree *item = tree->items[i];
        if (item && item->kind == TREE_CALL && item->items[0]->kind == TREE_NAME) check_arguments(check, item);
        else if (item && !(item->kind == TREE_ARGUMENT && is_unknown_name(check, item->items[0]))) check_tree(check, item);
    }
}

static void check_string(NameCheck *check, const Tree *tree) {
    if (!tree->name || !strchr(tree->name, '{')) return;
    Interpolation parts = interpolation_start(check->arena, check->diagnostics, tree);
    StringPart part;
    while (interpolation_next(&parts, &part)) check_tree(check, part.expression);
}

static void check_tree(NameCheck *check, const Tree *tree) {
    if (!tree) return;
    switch (tree->kind) {
    case TREE_NAME: use_value(check, tree); return;
    case TREE_STRING: check_string(check, tree); return;
    case TREE_CALL: check_call(check, tree); return;
    case TREE_MAKE: check_make(check, tree); return;
    case TREE_PIPE:
        check_tree(check, tree->items[0]);
        check_callee(check, tree->items[1], tree->items[1]);
        return;
    case TREE_LAMBDA: check_lambda(check, tree); return;
    case TREE_INDEX: check_index(check, tree); return;
    case TREE_LOOP: check_loop(check, tree); return;
    case TREE_WITHOUT:
        check_tree(check, tree->items[0]);
        use_method(check, tree->name, tree->name_span);
        return;
    case TREE_BLOCK: check_block(check, tree); return;
    case TREE_FOR:
        check_tree(check, tree->items[0]);
        check_branch(check, tree->items[1], tree);
        return;
    case TREE_EXPRESSION:
        if (tree->items[0]->kind == TREE_IF) check_if(check, tree->items[0]);
        else check_tree(check, tree->items[0]);
        return;
    case TREE_TABLE: check_block(check, tree); return;
    case TREE_PLOT: check_plot(check, tree); return;
    case TREE_TRAIN: check_train(check, tree); return;
    case TREE_METHOD_USE:
    case TREE_USING: check_made(check, tree); return;
    case TREE_VAR:
    case TREE_PARAM:
    case TREE_STATE:
    case TREE_LET:
    case TREE_DATA:
    case TREE_TUNE:
    case TREE_DRAW:
        check_items(check, tree, 0);
        bind_tree(check, tree, BOUND_VALUE);
        return;
    case TREE_FN:
    case TREE_LOSS:
    case TREE_PENALTY:
        bind_tree(check, tree, BOUND_FUNCTION);
        check_function(check, tree);
        return;
    case TREE_MODEL:
        bind_tree(check, tree, BOUND_MAKER);
        check_model(check, tree);
        return;
    case TREE_METHOD:
        bind_tree(check, tree, BOUND_MAKER);
        check_method(check, tree);
        return;
    case TREE_PRECISION:
    case TREE_IMPORT:
    case TREE_CHOICES: return;
    default: check_items(check, tree, 0); return; /* the rest only holds what is to be checked */
    }
}

/* --- the script --- */

static BoundKind kind_of_definition(TreeKind kind) {
    if (kind == TREE_MODEL || kind == TREE_METHOD) return BOUND_MAKER;
    return kind == TREE_FN || kind == TREE_LOSS || kind == TREE_PENALTY ? BOUND_FUNCTION : BOUND_VALUE;
}

static bool is_definition(const Tree *tree) {
    switch (tree->kind) {
    case TREE_LET:
    case TREE_DATA:
    case TREE_VAR:
    case TREE_PARAM:
    case TREE_STATE:
    case TREE_TUNE:
    case TREE_FN:
    case TREE_LOSS:
    case TREE_PENALTY:
    case TREE_MODEL:
    case TREE_METHOD: return true;
    default: return false;
    }
}

bool names_check(const Script *script, const NameSource *outside, Diagnostics *diagnostics) {
    size_t errors = diagnostics->error_count;
    NameCheck check = {.outside = outside, .diagnostics = diagnostics, .arena = arena_new()};
    for (int i = 0; i < script->root->count; i++) {
        const Tree *tree = script->root->items[i];
        if (is_definition(tree)) name_scope_add(&check.later, tree->name, tree->name_span, kind_of_definition(tree->kind));
    }
    NameScope globals;
    enter(&check, &globals, false);
    check_items(&check, script->root, 0);
    leave(&check);
    name_scope_free(&check.later);
    list_free(&check.reported);
    arena_free(check.arena);
    return diagnostics->error_count == errors;
}
