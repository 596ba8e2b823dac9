/* One step as one graph: passes, gradients, updates, commits. */
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

/* "net 2 times": an application beyond the first is an extra pass and changes no state. */
static const char *passes_text(Train *train) {
    Elaborator *e = train->e;
    const char *text = "";
    for (int k = 0; k < train->target_count; k++) {
        const Value *target = &train->targets[k];
        if (target->kind != VALUE_INSTANCE || target->instance->pass != e->pass || !target->instance->application) continue;
        int times = target->instance->application;
        text = arena_format(e->arena, "%s%s%s %d time%s", text, *text ? ", " : "", instance_path(e, target->instance), times,
                            times == 1 ? "" : "s");
    }
    return text;
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
        objective->sites = (Sites){e->sites, e->site_count, e->site_capacity};
        objective->passes = passes_text(train);
    }
    train_end_pass(train);
    graph_free(graph);
    return ok;
}

Program *train_build_apart(Train *train, const Objective *objective) {
    Objective apart = *objective;
    apart.program = NULL;
    apart.terms = NULL;
    apart.term_count = apart.term_capacity = 0;
    train->session->options.apart = true;
    bool ok = build_objective(train, &apart, false);
    train->session->options.apart = false;
    if (!ok && apart.program) program_free(apart.program);
    return ok ? apart.program : NULL;
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
