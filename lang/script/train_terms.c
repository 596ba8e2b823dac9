/* The terms of a `minimize`: lets of the block, losses with what methods change about them, penalties, what is shown. */
#include "lang/elaborate/method.h"
#include "lang/script/train.h"

#include <string.h>

bool block_lets(Train *train, Scope *scope) {
    for (int k = 3; k < train->tree->count; k++)
        if ((train->tree->items[k]->kind == TREE_LET || train->tree->items[k]->kind == TREE_COMMIT) &&
            !elaborate_statement(train->e, train->tree->items[k], scope, NULL))
            return false;
    return true;
}

static const char *term_name(const Tree *term) {
    if (term->name) return term->name;
    const Tree *value = term->items[0];
    if (value->kind == TREE_CALL && value->items[0]->name) return value->items[0]->name;
    return "loss";
}

static Node *one_number(Elaborator *e, Node *node) {
    return node->type.shape.rank ? build_mean(e->graph, node, (1u << node->type.shape.rank) - 1u, false) : node;
}

/* `weight * value`: what is shown besides the weighted term. */
static Node *unweighted(Elaborator *e, const Tree *tree, Node *node) {
    bool is_product = tree->kind == TREE_BINARY && !strcmp(tree->name, "*") && node->op == OP_MUL;
    if (!is_product) return NULL;
    Node *raw = node->inputs[tree->items[1]->kind == TREE_NUMBER ? 0 : 1];
    return raw->op == OP_CONSTANT || !shape_equal(raw->type.shape, node->type.shape) ? NULL : one_number(e, raw);
}

Node *term_node(Train *train, const Tree *term, Scope *scope, Node **raw) {
    Elaborator *e = train->e;
    Value value = elaborate(e, term->items[0], scope);
    Node *node = to_node(e, value);
    if (!node) return NULL;
    if (!dtype_is_float(node->type.dtype)) {
        diagnose(e->diagnostics, "E0401", term->span, "a term to minimize must be a float, found %s", dtype_name(node->type.dtype));
        return NULL;
    }
    e->graph->here = term->span;
    if (node->type.shape.rank > 1) {
        char shape[SHAPE_TEXT];
        diagnose(e->diagnostics, "E0400", term->span, "a term to minimize must be one number, or one for each sample, found %s",
                 shape_text(node->type.shape, shape));
        diagnose_help(e->diagnostics, "take mean(...) or sum(...) of it");
        return NULL;
    }
    *raw = unweighted(e, term->items[0], node);
    return one_number(e, node);
}

static void show_term(Train *train, Objective *objective, Outputs *outputs, const char *name, Node *node, Span span) {
    if (outputs->count >= 63) return; /* one place is for the sum of the gradients */
    objective->terms = arena_grow(train->e->arena, objective->terms, sizeof *objective->terms, objective->term_count,
                                  &objective->term_capacity);
    objective->terms[objective->term_count++] = (ShownTerm){name, outputs->count, span};
    outputs->items[outputs->count++] = node;
}

typedef struct TapContext {
    Train *train;
    Scope *scope;
} TapContext;

static bool any_hook(Train *train, const char *name) {
    for (int k = 0; k < train->method_count; k++)
        if (method_hook(train->methods[k].method, name)) return true;
    return false;
}

static Value retarget(void *context, Value output, Value target) {
    TapContext *tap = context;
    Elaborator *e = tap->train->e;
    for (int k = 0; k < tap->train->method_count && value_ok(target); k++) {
        const Tree *hook = method_hook(tap->train->methods[k].method, "target");
        if (!hook || !method_concerns(&tap->train->methods[k], tap->train->building)) continue;
        Scope *supply = scope_new(e, tap->scope);
        scope_set(e, supply, "output", output);
        scope_set(e, supply, "target", target);
        scope_set(e, supply, "y", target);
        target = hook_run(e, tap->train->methods[k].method, hook, supply);
    }
    return target;
}

static bool weighs_samples(Train *train, const MethodUse *use, const Tree *hook, const Node *weights, const Node *loss) {
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    bool is_constant = weights->op == OP_CONSTANT && weights->type.shape.rank == 0;
    if (is_constant || loss->type.shape.rank == 0 || shape_equal(weights->type.shape, loss->type.shape)) return true;
    diagnose(train->e->diagnostics, "E0601", hook->span, "the reweigh hook of '%s' must give one weight for each sample, %s, found %s",
             use->method->maker->name, shape_text(loss->type.shape, a), shape_text(weights->type.shape, b));
    return diagnose_second(train->e->diagnostics, use->span, "used here");
}

static Value reweigh(void *context, Value loss) {
    TapContext *tap = context;
    Elaborator *e = tap->train->e;
    Node *weighted = to_node(e, loss);
    for (int k = 0; k < tap->train->method_count && weighted; k++) {
        const Tree *hook = method_hook(tap->train->methods[k].method, "reweigh");
        if (!hook || !method_concerns(&tap->train->methods[k], tap->train->building)) continue;
        Scope *supply = scope_new(e, tap->scope);
        scope_set(e, supply, "loss", loss);
        scope_set(e, supply, "output", e->tap->output);
        scope_set(e, supply, "target", e->tap->target);
        Node *weights = to_node(e, hook_run(e, tap->train->methods[k].method, hook, supply));
        if (weights && !weighs_samples(tap->train, &tap->train->methods[k], hook, weights, weighted)) return value_none();
        weighted = weights ? build_binary(e->graph, OP_MUL, weighted, weights) : NULL;
    }
    return value_tensor(weighted, loss.span);
}

static bool is_named_twice(Train *train, const Tree *minimize, int at) {
    for (int k = 5; k < at; k++) {
        const char *name = term_name(minimize->items[at]);
        if (strcmp(term_name(minimize->items[k]), name)) continue;
        diagnose(train->e->diagnostics, "E0201", minimize->items[at]->span, "two terms are named '%s'", name);
        diagnose_second(train->e->diagnostics, minimize->items[k]->span, "the first one");
        diagnose_help(train->e->diagnostics, "give it a name of its own: other = ...");
        return true;
    }
    return false;
}

/* The sum of all terms; `output` and `target` of the first loss are bound for the penalties. */
Node *objective_terms(Train *train, Objective *objective, Scope *scope, Outputs *outputs) {
    Elaborator *e = train->e;
    TapContext context = {train, scope};
    LossTap tap = {.context = &context};
    if (any_hook(train, "target")) tap.retarget = retarget;
    if (any_hook(train, "reweigh")) tap.reweigh = reweigh;
    e->tap = &tap;
    Node *total = NULL;
    for (int k = 5; k < objective->tree->count; k++) {
        const Tree *term = objective->tree->items[k];
        if (is_named_twice(train, objective->tree, k)) return NULL;
        Node *raw = NULL, *node = term_node(train, term, scope, &raw);
        if (!node) return NULL;
        if (term->name) scope_set(e, scope, term->name, value_tensor(node, term->span)); /* a hook may take grad of a named term */
        if (outputs) show_term(train, objective, outputs, term_name(term), node, term->span);
        if (outputs && raw) show_term(train, objective, outputs, arena_format(e->arena, "%s.raw", term_name(term)), raw, term->span);
        e->graph->here = term->span;
        total = total ? build_binary(e->graph, OP_ADD, total, node) : node;
    }
    e->tap = NULL;
    if (tap.is_taken) {
        scope_set(e, scope, "output", tap.output);
        if (value_ok(tap.target)) scope_set(e, scope, "target", tap.target);
    }
    for (int k = 0; k < train->method_count && total; k++) {
        Node *penalty = NULL;
        if (!method_concerns(&train->methods[k], objective)) continue;
        if (!hooks_penalty(train, &train->methods[k], scope, &penalty)) return NULL;
        if (!penalty) continue;
        if (outputs) show_term(train, objective, outputs, train->methods[k].method->maker->name, penalty, train->methods[k].span);
        total = build_binary(e->graph, OP_ADD, total, penalty);
    }
    return total;
}
