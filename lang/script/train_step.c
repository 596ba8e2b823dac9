/* One step as one graph: batch, augmentation, terms, gradients, updates, commits. */
#include "lang/elaborate/method.h"
#include "lang/passes/autodiff.h"
#include "lang/script/train.h"

#include <string.h>

/* Passes ------------------------------------------------------------------------------------------------------------- */

static Node *clock_leaf(Graph *graph, Cell *cell) { return build_leaf(graph, cell); }

void train_begin_pass(Train *train, Graph *graph, bool training) {
    Elaborator *e = train->e;
    e->graph = graph;
    e->graph->here = train->tree->span;
    e->pass++;
    e->pending_count = 0;
    train->outer_sites = (Sites){e->sites, e->site_count, e->site_capacity};
    e->sites = NULL;
    e->site_count = e->site_capacity = 0;
    e->key = NULL;
    e->key_cell = train->key;
    e->training = training;
    e->commits_allowed = training;
    e->sample = NULL;
    e->random_path = "train";
    train->clock.step = clock_leaf(graph, train->step);
    train->clock.epoch = clock_leaf(graph, train->epoch);
    train->clock.progress = clock_leaf(graph, train->progress);
    e->clock = &train->clock;
    e->targets = train->targets;
    e->target_count = train->target_count;
}

void train_end_pass(Train *train) {
    Elaborator *e = train->e;
    e->clock = NULL;
    e->target_count = 0;
    train->building = NULL;
    e->tap = NULL;
    e->solves = NULL;
    e->training = e->validating = e->commits_allowed = false;
    e->key = NULL;
    e->key_cell = NULL;
    e->sites = train->outer_sites.items;
    e->site_count = train->outer_sites.count;
    e->site_capacity = train->outer_sites.capacity;
    e->sample = NULL;
    e->random_path = NULL;
    e->pending_count = 0;
    e->graph = train->session->graph;
    e->pass++;
}

/* Terms -------------------------------------------------------------------------------------------------------------- */

static bool block_lets(Train *train, Scope *scope) {
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

static Node *term_node(Train *train, const Tree *term, Scope *scope, Node **raw) {
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
        diagnose(e->diagnostics, "E0400", term->span, "a term to minimize must be one number, or one for each sample, found %s", shape_text(node->type.shape, shape));
        diagnose_help(e->diagnostics, "take mean(...) or sum(...) of it");
        return NULL;
    }
    *raw = unweighted(e, term->items[0], node);
    return one_number(e, node);
}

typedef struct Outputs {
    Node *items[64];
    int count;
} Outputs;

static void show_term(Train *train, Objective *objective, Outputs *outputs, const char *name, Node *node, Span span) {
    if (outputs->count >= 63) return; /* one place is for the sum of the gradients */
    if (objective->term_count == objective->term_capacity) {
        int capacity = objective->term_capacity ? 2 * objective->term_capacity : 8;
        ShownTerm *terms = arena_alloc(train->e->arena, sizeof *terms * (size_t)capacity);
        if (objective->term_count) memcpy(terms, objective->terms, sizeof *terms * (size_t)objective->term_count);
        objective->terms = terms;
        objective->term_capacity = capacity;
    }
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
    diagnose(train->e->diagnostics, "E0601", hook->span, "the reweigh hook of '%s' must give one weight for each sample, %s, found %s", use->method->maker->name,
             shape_text(loss->type.shape, a), shape_text(weights->type.shape, b));
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
static Node *objective_terms(Train *train, Objective *objective, Scope *scope, Outputs *outputs) {
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

/* The step ----------------------------------------------------------------------------------------------------------- */

static bool bind_methods(Train *train, Objective *objective, Scope *scope) {
    for (int k = 0; k < train->method_count; k++)
        if (method_concerns(&train->methods[k], objective) && !method_bind(train->e, train->methods[k].method, scope)) return false;
    if (!train->parameters) return true; /* the throw-away building: what optimizers change is not known yet */
    for (int k = 0; k < train->optimizer_count; k++) {
        flat_bind_count(train, objective, &train->optimizers[k], scope);
        if (!method_bind(train->e, train->optimizers[k].method, scope)) return false;
    }
    flat_bind_count(train, objective, &objective->optimizer, scope);
    return !objective->optimizer.method || method_bind(train->e, objective->optimizer.method, scope);
}

static bool wants_norm(const Instance *method) {
    const Tree *hook = method ? method_hook(method, "gradient") : NULL;
    return hook && hook_wants(hook, "gradient_norm");
}

/* The length of all gradients together, for hooks that ask for `gradient_norm`: before any method changes them. */
static void bind_gradient_norm(Train *train, const Objective *objective, Scope *scope, Node *const *gradients) {
    Elaborator *e = train->e;
    bool wanted = wants_norm(objective->optimizer.method);
    for (int k = 0; k < train->method_count; k++) wanted = wanted || wants_norm(train->methods[k].method);
    for (int k = 0; k < train->optimizer_count; k++) wanted = wanted || wants_norm(train->optimizers[k].method);
    Node *sum = NULL;
    for (int k = 0; wanted && k < objective->trained->count; k++) {
        if (!gradients[k]) continue;
        Node *squares = build_sum_all(e->graph, build_binary(e->graph, OP_MUL, gradients[k], gradients[k]));
        sum = sum ? build_binary(e->graph, OP_ADD, sum, squares) : squares;
    }
    if (sum) scope_set(e, scope, "gradient_norm", value_tensor(build_unary(e->graph, OP_SQRT, sum), objective->tree->span));
}

/* The sum of all gradients is not finite when one of them is not: looked at before anything is committed. */
static void watch_gradients(Train *train, Objective *objective, Outputs *outputs, Node *const *gradients) {
    Elaborator *e = train->e;
    Node *sum = NULL;
    e->graph->here = objective->tree->span;
    for (int k = 0; k < objective->trained->count; k++) {
        if (!gradients[k]) continue;
        Node *one = build_sum_all(e->graph, gradients[k]);
        sum = sum ? build_binary(e->graph, OP_ADD, sum, one) : one;
    }
    objective->gradient_output = sum ? outputs->count : -1;
    if (sum) outputs->items[outputs->count++] = sum;
}

static bool update_flat(Train *train, Objective *objective, Scope *scope, Node *const *raw, Node *const *gradients) {
    if (is_flat(&objective->optimizer)) return flat_update(train, objective, &objective->optimizer, raw, gradients, scope);
    for (int k = 0; k < train->optimizer_count; k++)
        if (is_flat(&train->optimizers[k]) && !flat_update(train, objective, &train->optimizers[k], raw, gradients, scope)) return false;
    return true;
}

static bool update_parameters(Train *train, Objective *objective, Scope *scope, Node *total, Outputs *outputs) {
    Elaborator *e = train->e;
    Selection *trained = objective->trained;
    Node **raw = arena_alloc(e->arena, sizeof *raw * (size_t)trained->count);
    Node **gradients = arena_alloc(e->arena, sizeof *gradients * (size_t)trained->count);
    for (int k = 0; k < trained->count; k++) raw[k] = import_cell(e, trained->items[k].member->cell);
    Node *one = build_full(e->graph, total->type, 1);
    e->graph->here = objective->tree->span;
    if (!autodiff_vjp(e->graph, &total, &one, 1, raw, trained->count, gradients)) return false;
    watch_gradients(train, objective, outputs, gradients);
    bind_gradient_norm(train, objective, scope, gradients);
    scope_set(e, scope, "objective", value_tensor(total, objective->tree->span));
    bool any = false;
    for (int k = 0; k < trained->count; k++) {
        if (!gradients[k]) continue;
        any = true;
        Member *member = trained->items[k].member;
        e->graph->here = objective->tree->span;
        Node *gradient = hooks_gradient(train, member, raw[k], gradients[k], scope);
        const MethodUse *optimizer = optimizer_for(train, objective, member);
        if (optimizer && is_flat(optimizer)) {
            if (!(gradients[k] = gradient)) return false;
            continue;
        }
        Node *updated = gradient ? hooks_update(train, objective, member, raw[k], gradient, scope) : NULL;
        if (!updated) return false;
        if (updated != raw[k]) commit_cell(e, member->cell, updated, true);
    }
    if (any) return update_flat(train, objective, scope, raw, gradients);
    return diagnose(e->diagnostics, "E0500", objective->tree->span, "no term depends on a parameter that is trained here");
}

/* All of them in one vector. */
static Node *flat(Elaborator *e, Node *const *nodes, int count) {
    Node **flat = arena_alloc(e->arena, sizeof *flat * (size_t)count);
    for (int k = 0; k < count; k++) {
        flat[k] = nodes[k] ? build_reshape(e->graph, nodes[k], shape_1(shape_count(nodes[k]->type.shape))) : NULL;
        if (!flat[k]) return NULL;
    }
    return build_concat(e->graph, flat, count, 0);
}

bool train_bind_terms(Train *train, Scope *scope, bool with_gradient) {
    Elaborator *e = train->e;
    Objective *objective = &train->objectives[0];
    train->building = objective;
    Node *total = bind_methods(train, objective, scope) ? objective_terms(train, objective, scope, NULL) : NULL;
    if (!total || !with_gradient) return total != NULL;
    int count = objective->trained->count;
    Node **raw = arena_alloc(e->arena, sizeof *raw * (size_t)count), **gradients = arena_alloc(e->arena, sizeof *gradients * (size_t)count);
    for (int k = 0; k < count; k++) raw[k] = import_cell(e, objective->trained->items[k].member->cell);
    Node *one = build_full(e->graph, total->type, 1);
    if (!autodiff_vjp(e->graph, &total, &one, 1, raw, count, gradients)) return false;
    for (int k = 0; k < count; k++) {
        Node *own = gradients[k] ? gradients[k] : build_full(e->graph, raw[k]->type, 0);
        if (!(gradients[k] = hooks_gradient(train, objective->trained->items[k].member, raw[k], own, scope))) return false;
    }
    scope_set(e, scope, "w", value_tensor(flat(e, raw, count), objective->tree->span));
    scope_set(e, scope, "g", value_tensor(flat(e, gradients, count), objective->tree->span));
    return true;
}

static bool compile_objective(Train *train, Objective *objective, Outputs *outputs) {
    Elaborator *e = train->e;
    Commit *commits = arena_alloc(e->arena, sizeof *commits * (size_t)(e->pending_count + 1));
    int count = 0;
    for (int k = 0; k < e->pending_count; k++)
        if (e->pending[k].is_committed) commits[count++] = (Commit){e->pending[k].cell, e->pending[k].value};
    objective->program = session_compile(train->session, e->graph, outputs->items, outputs->count, commits, count, objective->tree->span);
    return objective->program != NULL;
}

static void begin_objective(Train *train, Graph *graph, const Objective *objective) {
    train_begin_pass(train, graph, !objective->tree->flag);
    train->e->validating = objective->stream >= 0;
    train->building = objective;
}

/* The terms alone, thrown away: models get their parameters, which methods may then name in their settings. */
static bool apply_models(Train *train, Objective *objective) {
    Graph *graph = graph_new_apart(train->e->diagnostics, train->e->float_type);
    begin_objective(train, graph, objective);
    Scope *scope = scope_new(train->e, train->scope);
    bool ok = train_bind_fields(train, objective, scope, false) && block_lets(train, scope);
    for (int k = 5; ok && k < objective->tree->count; k++) ok = term_node(train, objective->tree->items[k], scope, &(Node *){NULL}) != NULL;
    train_end_pass(train);
    graph_free(graph);
    return ok;
}

static bool build_objective(Train *train, Objective *objective, bool dry) {
    Elaborator *e = train->e;
    Graph *graph = graph_new_apart(e->diagnostics, e->float_type);
    begin_objective(train, graph, objective);
    Scope *scope = scope_new(e, train->scope);
    Outputs outputs = {0};
    bool ok = train_bind_fields(train, objective, scope, false);
    train->solves = (SolveList){0};
    ok = ok && bind_methods(train, objective, scope) && hooks_augment(train, scope);
    e->solves = &train->solves;
    ok = ok && block_lets(train, scope);
    Node *total = ok ? objective_terms(train, objective, scope, dry ? NULL : &outputs) : NULL;
    ok = total != NULL;
    if (ok && !dry) {
        ok = update_parameters(train, objective, scope, total, &outputs) && compile_objective(train, objective, &outputs);
        objective->site_count = e->site_count;
    }
    train_end_pass(train);
    graph_free(graph);
    return ok;
}

/* What is built first is thrown away: it makes the parameters, those of methods too, so that selectors find them. */
bool train_build(Train *train) {
    for (int k = 0; k < train->objective_count; k++)
        if (!apply_models(train, &train->objectives[k])) return false;
    if (train->method_count && train->objective_count > 1 && !train_foresee(train)) return false;
    for (int k = 0; train->method_count && k < train->objective_count; k++)
        if (!build_objective(train, &train->objectives[k], true)) return false;
    if (!train_resolve(train)) return false;
    for (int k = 0; k < train->objective_count; k++)
        if (!build_objective(train, &train->objectives[k], false)) return false;
    for (int k = 0; k < train->event_count; k++)
        if (!train_build_event(train, &train->events[k])) return false;
    for (int k = 0; k < train->watch_count; k++)
        if (!train_compile_watch(train, &train->watches[k])) return false;
    return true;
}
