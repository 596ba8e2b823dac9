#include "lang/names/name_use.h"

#include "runtime/base/memory.h"

#include <stdlib.h>
#include <string.h>

/* The clock of a run; the elaborator says where it does not tick. */
static bool is_clock(const char *name) {
    return !strcmp(name, "step") || !strcmp(name, "epoch") || !strcmp(name, "progress") || !strcmp(name, "training") ||
           !strcmp(name, "validating");
}

static const Bound *find(const NameCheck *check, NameSpace space, const char *name) {
    const Bound *bound = name_scope_find(check->scope, space, name);
    if (!bound && check->deferred > 0) bound = name_scope_find_here(&check->later, space, name);
    return bound;
}

bool name_is_known(const NameCheck *check, NameSpace space, const char *name) {
    if (space == NAMES_VALUES && is_clock(name)) return true;
    return find(check, space, name) || check->outside->knows(check->outside->context, space, name);
}

/* --- suggestions --- */

typedef struct Candidates {
    const char **items;
    size_t count;
    size_t capacity;
} Candidates;

static void add_candidate(void *sink, const char *name) {
    Candidates *candidates = sink;
    list_push(candidates, name);
}

static void add_bound(Candidates *candidates, const NameScope *scope, NameSpace space) {
    for (size_t i = 0; i < scope->bound.count; i++)
        if ((scope->bound.items[i].kind == BOUND_MAKER) == (space == NAMES_MAKERS)) add_candidate(candidates, scope->bound.items[i].name);
}

static const char *nearest(const NameCheck *check, NameSpace space, const char *name) {
    Candidates candidates = {0};
    for (const NameScope *scope = check->scope; scope; scope = scope->parent) add_bound(&candidates, scope, space);
    if (check->deferred > 0) add_bound(&candidates, &check->later, space);
    check->outside->list(check->outside->context, space, add_candidate, &candidates);
    const char *best = nearest_name(name, candidates.items, candidates.count);
    list_free(&candidates);
    return best;
}

static const struct {
    const char *name;
    const char *help;
} foreign_names[] = {
    {"None", "there is no empty value: leave the argument out"},
    {"null", "there is no empty value: leave the argument out"},
    {"nil", "there is no empty value: leave the argument out"},
    {"self", "the parts of a model are named directly, without `self`"},
    {"np", "functions are called by their names: write mean(x)"},
    {"torch", "functions are called by their names: write mean(x)"},
    {"len", "write count(x), or x.shape[0]"},
    {"lambda", "a lambda is written `(x) -> expr`"},
    {"return", "the value of a block is its last expression"},
};

static void suggest(const NameCheck *check, NameSpace space, const char *name) {
    for (size_t i = 0; i < sizeof foreign_names / sizeof *foreign_names; i++)
        if (!strcmp(name, foreign_names[i].name)) {
            diagnose_help(check->diagnostics, "%s", foreign_names[i].help);
            return;
        }
    const char *near = nearest(check, space, name);
    if (near) diagnose_help(check->diagnostics, "the nearest name is '%s'", near);
}

static bool report_once(NameCheck *check, const char *name) {
    for (size_t i = 0; i < check->reported.count; i++)
        if (!strcmp(check->reported.items[i], name)) return false;
    list_push(&check->reported, name);
    return true;
}

static void unknown(NameCheck *check, NameSpace space, const Tree *name, const char *what) {
    if (!report_once(check, name->name)) return;
    const Bound *later = name_scope_find_here(&check->later, space, name->name);
    if (later) {
        diagnose(check->diagnostics, "E0200", name->span, "'%s' is used before it is defined", name->name);
        diagnose_second(check->diagnostics, later->span, "defined here");
        return;
    }
    diagnose(check->diagnostics, "E0200", name->span, "no %s named '%s' in scope", what, name->name);
    suggest(check, space, name->name);
}

/* --- uses --- */

void use_value(NameCheck *check, const Tree *name) {
    if (name_is_known(check, NAMES_VALUES, name->name) || name_is_known(check, NAMES_MAKERS, name->name)) return;
    if (!name_scope_is_open(check->scope)) unknown(check, NAMES_VALUES, name, "value");
}

/* What stood between the parentheses, when it fits on a line of advice. */
static void add_arguments(const NameCheck *check, const Tree *name, const Tree *call, Text *out) {
    const Source *source = &check->diagnostics->sources->items[name->span.file];
    if (call->kind != TREE_CALL || call->span.end > source->length || call->span.end - name->span.end > 40) {
        text_add(out, "...");
        return;
    }
    const char *open = source->text + name->span.end, *close = source->text + call->span.end - 1;
    while (open < close && *open != '(') open++;
    if (open >= close || memchr(open, '\n', (size_t)(close - open))) text_add(out, "...");
    else text_add_bytes(out, open + 1, (size_t)(close - open - 1));
}

/* `dense(10)` wants braces, `net(x)` wants the model to be made first. */
static bool holds_settings(const Tree *call) {
    for (int k = 1; call->kind == TREE_CALL && k < call->count; k++)
        if (!call->items[k]->name && call->items[k]->items[0]->kind != TREE_NUMBER) return false;
    return true;
}

static void maker_called(NameCheck *check, const Tree *name, const Tree *call) {
    if (!report_once(check, name->name)) return;
    Text arguments = {0};
    add_arguments(check, name, call, &arguments);
    bool unmade = find(check, NAMES_MAKERS, name->name) && !holds_settings(call);
    diagnose(check->diagnostics, "E0203", name->span, "'%s' is a maker, not a function", name->name);
    if (unmade)
        diagnose_help(check->diagnostics, "braces make one: write `let made = %s{}` once, then made(%s)", name->name,
                      text_string(&arguments));
    else diagnose_help(check->diagnostics, "braces make: write %s{%s}", name->name, text_string(&arguments));
    text_free(&arguments);
}

void use_function(NameCheck *check, const Tree *name, const Tree *call) {
    if (name_is_known(check, NAMES_VALUES, name->name)) return;
    if (name_is_known(check, NAMES_MAKERS, name->name)) maker_called(check, name, call);
    else unknown(check, NAMES_VALUES, name, "function");
}

void use_maker(NameCheck *check, const Tree *name) {
    const char *text = name->name;
    if (name_is_known(check, NAMES_MAKERS, text)) return;
    const Bound *bound = find(check, NAMES_VALUES, text);
    if (bound && bound->kind != BOUND_FUNCTION) return;
    if (!bound && !check->outside->knows(check->outside->context, NAMES_VALUES, text)) {
        unknown(check, NAMES_MAKERS, name, "model or method");
        return;
    }
    if (!report_once(check, text)) return;
    diagnose(check->diagnostics, "E0203", name->span, "'%s' is a function, not a maker", text);
    const char *layer = !strcmp(text, "conv2d") ? "conv" : !strcmp(text, "linear") ? "dense" : NULL;
    if (layer) diagnose_help(check->diagnostics, "the layer is called '%s': write %s{...}", layer, layer);
    else diagnose_help(check->diagnostics, "parentheses compute: write %s(...)", text);
}

bool use_penalty(NameCheck *check, const Tree *name) {
    if (name_is_known(check, NAMES_MAKERS, name->name) || !name_is_known(check, NAMES_VALUES, name->name)) return false;
    const Bound *bound = find(check, NAMES_VALUES, name->name);
    if (bound && bound->kind != BOUND_FUNCTION) return false;
    if (!report_once(check, name->name)) return true;
    diagnose(check->diagnostics, "E0203", name->span, "'%s' is a function, not a method", name->name);
    diagnose_help(check->diagnostics, "add it to the objective: write a term such as 0.1 * %s(...) below `minimize`", name->name);
    return true;
}

void use_method(NameCheck *check, const char *name, Span span) {
    Tree tree = {.kind = TREE_NAME, .name = name, .span = span};
    if (!name_is_known(check, NAMES_MAKERS, name) && !name_is_known(check, NAMES_VALUES, name))
        unknown(check, NAMES_MAKERS, &tree, "method");
}

void use_made(NameCheck *check, const Tree *name) {
    bool is_value = name_is_known(check, NAMES_VALUES, name->name);
    if (is_value) return;
    if (!name_is_known(check, NAMES_MAKERS, name->name)) {
        unknown(check, NAMES_MAKERS, name, "method");
        return;
    }
    if (!report_once(check, name->name)) return;
    diagnose(check->diagnostics, "E0203", name->span, "'%s' must be made", name->name);
    diagnose_help(check->diagnostics, "braces make: write %s{}", name->name);
}
