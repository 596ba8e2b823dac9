/* The places of the pipeline: what each method's hook adds to the step under construction, in the order of the `with` lines. */
#include "lang/elaborate/method.h"
#include "lang/elaborate/operator.h"
#include "lang/script/train.h"

#include <math.h>
#include <string.h>

bool method_acts_on(const MethodUse *use, const Member *member) {
    if (!use->selection) return true;
    for (int k = 0; k < use->selection->count; k++)
        if (use->selection->items[k].member == member) return true;
    return false;
}

/* Without a selector a method acts on what the models own, not on the parameters of other methods. */
bool hook_acts_on(const MethodUse *use, const Member *member) {
    return method_acts_on(use, member) && (use->selection || !member->of_method);
}

/* Batch -------------------------------------------------------------------------------------------------------------- */

/* The samples that methods choose instead of the drawn ones. Their settings may use the counts of the data. */
Node *hooks_sample(Train *train, Node *index, Scope *scope) {
    Elaborator *e = train->e;
    for (int k = 0; k < train->method_count && index; k++) {
        MethodUse *use = &train->methods[k];
        const Tree *hook = method_hook(use->method, "sample");
        if (!hook) continue;
        if (!method_bind(e, use->method, scope)) return NULL;
        Node *chosen = to_node(e, hook_run(e, use->method, hook, scope));
        char shape[SHAPE_TEXT];
        if (!chosen) return NULL;
        if (chosen->type.dtype != DTYPE_I64 || chosen->type.shape.rank != 1)
            return diagnose(e->diagnostics, "E0601", use->span, "the sample hook of '%s' must give sample numbers, i64 [n], found %s %s",
                            use->method->maker->name, dtype_name(chosen->type.dtype), shape_text(chosen->type.shape, shape)),
                   NULL;
        index = chosen;
        scope_set(e, scope, "i", value_tensor(index, use->span));
    }
    return index;
}

static bool rebind_batch(Train *train, const Tree *hook, Value result, Scope *scope) {
    const Tree *parameters = hook->items[0];
    char buffer[KIND_TEXT];
    if (!value_ok(result)) return false;
    if (result.kind == VALUE_RECORD) {
        for (int k = 0; k < result.record->count; k++)
            scope_set(train->e, scope, result.record->fields[k].name, result.record->fields[k].value);
        return true;
    }
    if (result.kind == VALUE_LIST && result.list->count <= parameters->count) {
        for (int k = 0; k < result.list->count; k++) scope_set(train->e, scope, parameters->items[k]->name, result.list->items[k]);
        return true;
    }
    if (result.kind == VALUE_TENSOR && parameters->count) {
        scope_set(train->e, scope, parameters->items[0]->name, result);
        return true;
    }
    return diagnose(train->e->diagnostics, "E0601", hook->span,
                    "an augment hook gives the new batch as a record such as {x = …, y = …}, found %s", value_describe(result, buffer));
}

/* A method that was put on parameters has its say where some of them are trained: with several `minimize` in one block each network may
 * have methods of its own. */
bool method_concerns(const MethodUse *use, const Objective *objective) {
    const Selection *trained = objective ? objective->trained : NULL;
    for (int k = 0; trained && use->selection && k < trained->count; k++)
        if (method_acts_on(use, trained->items[k].member)) return true;
    return !trained || !use->selection;
}

bool hooks_augment(Train *train, Scope *scope) {
    for (int k = 0; k < train->method_count; k++) {
        const Tree *hook = method_hook(train->methods[k].method, "augment");
        if (hook && method_concerns(&train->methods[k], train->building) &&
            !rebind_batch(train, hook, hook_run(train->e, train->methods[k].method, hook, scope), scope))
            return false;
    }
    return true;
}

/* Penalties ---------------------------------------------------------------------------------------------------------- */

static bool add_term(Train *train, const MethodUse *use, Value value, Node **sum) {
    char shape[SHAPE_TEXT];
    Node *node = to_node(train->e, value);
    if (!node) return false;
    if (shape_count(node->type.shape) != 1)
        return diagnose(train->e->diagnostics, "E0601", use->span, "the penalty of '%s' must be one number, found %s",
                        use->method->maker->name, shape_text(node->type.shape, shape));
    if (node->type.shape.rank) node = build_reshape(train->e->graph, node, shape_scalar());
    *sum = *sum ? build_binary(train->e->graph, OP_ADD, *sum, node) : node;
    return *sum != NULL;
}

/* A penalty that asks for `w` runs once for each parameter it acts on; any other runs once. */
static bool penalty_terms(Train *train, const MethodUse *use, const Tree *hook, Scope *scope, Node **sum) {
    Elaborator *e = train->e;
    if (!hook_wants(hook, "w")) return add_term(train, use, hook_run(e, use->method, hook, scope), sum);
    int count = train->parameters ? train->parameters->count : 0; /* none in the first, throw-away building */
    for (int k = 0; k < count; k++) {
        Selected *item = &train->parameters->items[k];
        if (!hook_acts_on(use, item->member)) continue;
        Scope *supply = scope_new(e, scope);
        scope_set(e, supply, "w", member_value(e, item->owner, item->member, use->span));
        scope_set(e, supply, "raw", value_tensor(import_cell(e, item->member->cell), use->span));
        if (item->owner)
            scope_set(e, supply, "layer",
                      (Value){.kind = VALUE_INSTANCE, .span = use->span, .instance = item->owner}); /* for its settings */
        if (!method_parameter_states(e, use->method, item->member->cell, supply)) return false;
        if (!add_term(train, use, hook_run(e, use->method, hook, supply), sum)) return false;
    }
    return true;
}

static bool is_within(const Instance *part, const Instance *whole) {
    for (; part; part = part->parent)
        if (part == whole) return true;
    return false;
}

/* A method on parameters acts on the solves of the models that own them, or that they are parts of. */
static bool acts_on_solve(const MethodUse *use, const Instance *instance) {
    for (int k = 0; use->selection && instance && k < use->selection->count; k++) {
        const Instance *owner = use->selection->items[k].owner;
        if (is_within(owner, instance) || is_within(instance, owner)) return true;
    }
    return !use->selection;
}

/* A `solve` hook runs once for each solve of the terms. */
static bool solve_terms(Train *train, const MethodUse *use, Scope *scope, Node **sum) {
    Elaborator *e = train->e;
    const Tree *hook = method_hook(use->method, "solve");
    int count = 0;
    for (int k = 0; hook && k < train->solves.count; k++) {
        if (!acts_on_solve(use, train->solves.items[k].instance)) continue;
        Scope *supply = scope_new(e, scope);
        scope_set(e, supply, "sol", train->solves.items[k].record);
        if (!add_term(train, use, hook_run(e, use->method, hook, supply), sum)) return false;
        count++;
    }
    if (!hook || count) return true;
    diagnose(e->diagnostics, "E0601", use->span, "the solve hook of '%s' found no solve: no term solves a differential equation%s",
             use->method->maker->name, use->selector ? " in what it is put on" : "");
    return diagnose_help(e->diagnostics, "it is given the records of odeint and sdeint");
}

bool hooks_penalty(Train *train, const MethodUse *use, Scope *scope, Node **sum) {
    const Tree *hook = method_hook(use->method, "penalty");
    if (!method_concerns(use, train->building)) return true;
    train->e->solves = NULL; /* what hooks solve is not the model's */
    return solve_terms(train, use, scope, sum) && (!hook || penalty_terms(train, use, hook, scope, sum));
}

/* Gradient, update, projection ----------------------------------------------------------------------------------------- */

static Scope *parameter_supply(Train *train, Instance *method, Member *member, Node *w, Node *gradient, Scope *scope) {
    Elaborator *e = train->e;
    Scope *supply = scope_new(e, scope);
    scope_set(e, supply, "w", value_tensor(w, member->span));
    if (gradient) scope_set(e, supply, "g", value_tensor(gradient, member->span));
    return method_parameter_states(e, method, member->cell, supply) ? supply : NULL;
}

static Node *same_shape(Train *train, const MethodUse *use, const Tree *hook, Value value, Node *like) {
    Node *node = to_node(train->e, value);
    if (!node) return NULL;
    if (value.kind != VALUE_NUMBER && !dtype_is_float(node->type.dtype)) {
        diagnose(train->e->diagnostics, "E0601", hook->span, "the %s hook of '%s' must give floats like the parameter, found %s",
                 hook->name, use->method->maker->name, dtype_name(node->type.dtype));
        diagnose_second(train->e->diagnostics, use->span, "used here");
        return diagnose_help(train->e->diagnostics, "float(…) makes floats of them"), NULL;
    }
    if (value.kind == VALUE_NUMBER) node = build_broadcast(train->e->graph, node, like->type.shape);
    if (node) node = build_cast(train->e->graph, node, like->type.dtype);
    if (!node || shape_equal(node->type.shape, like->type.shape)) return node;
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    diagnose(train->e->diagnostics, "E0601", hook->span, "the %s hook of '%s' must give %s, the shape of the parameter, found %s",
             hook->name, use->method->maker->name, shape_text(like->type.shape, a), shape_text(node->type.shape, b));
    diagnose_second(train->e->diagnostics, use->span, "used here");
    return NULL;
}

static Node *apply_hook(Train *train, const MethodUse *use, const char *name, Member *member, Node *w, Node *gradient, Scope *scope) {
    const Tree *hook = method_hook(use->method, name);
    Node *like = strcmp(name, "gradient") ? w : gradient;
    if (!hook || !method_acts_on(use, member)) return like;
    Scope *supply = parameter_supply(train, use->method, member, w, gradient, scope);
    return supply ? same_shape(train, use, hook, hook_run(train->e, use->method, hook, supply), like) : NULL;
}

Node *hooks_gradient(Train *train, Member *member, Node *raw, Node *gradient, Scope *scope) {
    for (int k = 0; k < train->method_count && gradient; k++)
        if (hook_acts_on(&train->methods[k], member))
            gradient = apply_hook(train, &train->methods[k], "gradient", member, raw, gradient, scope);
    return gradient;
}

const MethodUse *optimizer_for(Train *train, Objective *objective, Member *member) {
    if (objective->optimizer.method) return &objective->optimizer;
    for (int k = 0; k < train->optimizer_count; k++)
        if (train->optimizers[k].selection && method_acts_on(&train->optimizers[k], member)) return &train->optimizers[k];
    for (int k = 0; k < train->optimizer_count; k++)
        if (!train->optimizers[k].selection) return &train->optimizers[k];
    return NULL;
}

/* Rates of their own --------------------------------------------------------------------------------------------------- */

/* The largest value of an optimizer's `lr` along the run, sampled at every tenth of it. */
static bool largest_rate(Train *train, Instance *optimizer, Scope *scope, double *out) {
    Elaborator *e = train->e;
    Clock *clock = e->clock;
    Scope *settings = optimizer->settings;
    bool ok = true;
    *out = 0;
    for (int k = 0; k <= 10 && ok; k++) {
        Graph *graph = e->graph;
        e->graph = graph_new_apart(e->diagnostics, e->float_type);
        double at = (double)k / 10, epochs = clock->steps_per_epoch > 0 ? floor(at * clock->total_steps / clock->steps_per_epoch) : 0;
        Clock then = {build_number(e->graph, floor(at * clock->total_steps)), build_number(e->graph, epochs), build_number(e->graph, at),
                      clock->steps_per_epoch, clock->total_steps};
        e->clock = &then;
        Value lr;
        ok = method_bind(e, optimizer, scope) && (scope_find(e, optimizer->settings, "lr", &lr) || (lr = value_none(), false));
        e->clock = NULL;
        double rate;
        ok = ok && to_number(e, lr, &rate);
        if (ok && rate > *out) *out = rate;
        graph_free(e->graph);
        e->graph = graph;
        e->clock = clock;
    }
    optimizer->settings = settings;
    return ok;
}

static bool is_setting(const Instance *method, const char *name) {
    const Tree *parameters = method->maker->tree->items[0];
    for (int k = 0; k < parameters->count; k++)
        if (!strcmp(parameters->items[k]->name, name)) return true;
    return false;
}

/* `param a: [] = … rate r`: the optimizer's steps and schedule, with r in place of the largest lr and without decay. */
static Scope *rated_settings(Train *train, const MethodUse *optimizer, const Member *member, Scope *scope) {
    Elaborator *e = train->e;
    Instance *method = optimizer->method;
    double largest;
    Value lr;
    if (!is_setting(method, "lr")) {
        diagnose(e->diagnostics, "E0601", optimizer->span, "'%s' has a rate of its own, and the optimizer '%s' has no setting lr",
                 member->cell->name, method->maker->name);
        return NULL;
    }
    if (!largest_rate(train, method, scope, &largest) || !scope_find(e, method->settings, "lr", &lr)) return NULL;
    Scope *settings = scope_new(e, method->settings);
    settings->is_call = true;
    settings->owner = method;
    Value scale = value_number(largest > 0 ? member->rate / largest : 0, false, lr.span);
    scope_set(e, settings, "lr", operate(e, "*", lr, scale, lr.span));
    if (is_setting(method, "decay")) scope_set(e, settings, "decay", value_number(0, false, lr.span));
    return settings;
}

Node *hooks_project(Train *train, Member *member, Node *w, Scope *scope) {
    for (int k = 0; k < train->method_count && w; k++)
        if (hook_acts_on(&train->methods[k], member)) w = apply_hook(train, &train->methods[k], "project", member, w, NULL, scope);
    return w;
}

Node *hooks_update(Train *train, Objective *objective, Member *member, Node *raw, Node *gradient, Scope *scope) {
    const MethodUse *optimizer = optimizer_for(train, objective, member);
    if (!optimizer) return raw;
    Scope *settings = optimizer->method->settings;
    if (member->has_rate && !(optimizer->method->settings = rated_settings(train, optimizer, member, scope))) {
        optimizer->method->settings = settings;
        return NULL;
    }
    const char *own_hook = "gradient"; /* an optimizer may change the gradient first (clipping, decay) */
    gradient = apply_hook(train, optimizer, own_hook, member, raw, gradient, scope);
    Node *w = gradient ? apply_hook(train, optimizer, "update", member, raw, gradient, scope) : NULL;
    optimizer->method->settings = settings;
    return w ? hooks_project(train, member, w, scope) : NULL;
}
