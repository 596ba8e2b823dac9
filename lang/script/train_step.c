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
}

void train_end_pass(Train *train) {
    Elaborator *e = train->e;
    e->clock = NULL;
    e->tap = NULL;
    e->training = e->commits_allowed = false;
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

/* Batch fields ------------------------------------------------------------------------------------------------------- */

static Value stream_rows(Train *train, Stream *stream, Node *index, bool whole) {
    Elaborator *e = train->e;
    Record *rows = record_new(e);
    rows->is_split = true;
    rows->label = stream->name;
    for (int k = 0; k < stream->split.record->count; k++) {
        Field *field = &stream->split.record->fields[k];
        Value value = field->value;
        if (value.kind == VALUE_TENSOR && value.node->type.shape.rank) {
            Node *column = to_node(e, value);
            if (!column) return value_none();
            value = value_tensor(whole || !stream->batches ? column : build_gather(e->graph, column, index, 0), stream->tree->span);
            if (!value_ok(value)) return value;
        }
        record_add(e, rows, field->name, value);
    }
    return (Value){.kind = VALUE_RECORD, .span = stream->tree->span, .record = rows};
}

static int64_t class_count(Train *train, Value y) {
    if (y.kind != VALUE_TENSOR) return 0;
    if (dtype_is_float(y.node->type.dtype)) return y.node->type.shape.rank == 2 ? y.node->type.shape.dims[1] : 0;
    Clock *clock = train->e->clock;
    train->e->clock = NULL;
    Tensor *labels = to_tensor(train->e, y);
    train->e->clock = clock;
    int64_t largest = -1;
    for (int64_t k = 0; labels && k < tensor_count(labels); k++) {
        int64_t label = (int64_t)tensor_number(labels, k);
        if (label > largest) largest = label;
    }
    return largest + 1;
}

static void bind_counts(Train *train, Scope *scope, Stream *stream, Node *index) {
    Elaborator *e = train->e;
    Span span = stream->tree->span;
    scope_set(e, scope, "i", value_tensor(index, span));
    scope_set(e, scope, "samples", value_number((double)stream->sample_count, true, span));
    int64_t classes = class_count(train, record_field(stream->split.record, "y"));
    if (classes) scope_set(e, scope, "classes", value_number((double)classes, true, span));
}

static bool is_block_data(const Stream *stream) { return !stream->is_draw && !stream->is_own; }

/* The streams that a `minimize` sees: its own data in place of the block's, and all that is drawn. */
static bool sees(const Train *train, const Objective *objective, int stream) {
    if (train->streams[stream].is_draw) return true;
    if (objective && objective->stream >= 0) return stream == objective->stream;
    return is_block_data(&train->streams[stream]);
}

static bool bind_stream(Train *train, Stream *stream, bool by_field, bool is_first, Scope *scope, bool whole) {
    Elaborator *e = train->e;
    Node *index = build_leaf(e->graph, stream->index);
    if (is_first) bind_counts(train, scope, stream, index);
    if (is_first && !whole && !(index = hooks_sample(train, index, scope))) return false;
    Value rows = stream_rows(train, stream, index, whole);
    if (!value_ok(rows)) return false;
    for (int k = 0; by_field && k < rows.record->count; k++) scope_set(e, scope, rows.record->fields[k].name, rows.record->fields[k].value);
    if (!by_field) scope_set(e, scope, stream->name, rows);
    if (!is_first) return true;
    bind_counts(train, scope, stream, index); /* `classes` is the number of classes even where a field has that name */
    e->sample = whole ? NULL : index;
    return true;
}

bool train_bind_fields(Train *train, const Objective *objective, Scope *scope, bool whole) {
    int data_count = 0, bound = 0;
    for (int k = 0; k < train->stream_count; k++) data_count += sees(train, objective, k) && !train->streams[k].is_draw;
    for (int k = 0; k < train->stream_count; k++) {
        Stream *stream = &train->streams[k];
        if (!sees(train, objective, k)) continue;
        if (!bind_stream(train, stream, data_count == 1 && !stream->is_draw, bound++ == 0, scope, whole)) return false;
    }
    return true;
}

/* Terms -------------------------------------------------------------------------------------------------------------- */

static bool block_lets(Train *train, Scope *scope) {
    for (int k = 3; k < train->tree->count; k++)
        if (train->tree->items[k]->kind == TREE_LET && !elaborate_statement(train->e, train->tree->items[k], scope, NULL)) return false;
    return true;
}

static const char *term_name(const Tree *term) {
    if (term->name) return term->name;
    const Tree *value = term->items[0];
    if (value->kind == TREE_CALL && value->items[0]->name) return value->items[0]->name;
    return "loss";
}

static Node *term_node(Train *train, const Tree *term, Scope *scope) {
    Elaborator *e = train->e;
    Value value = elaborate(e, term->items[0], scope);
    Node *node = to_node(e, value);
    if (!node) return NULL;
    if (!dtype_is_float(node->type.dtype)) {
        diagnose(e->diagnostics, "E0401", term->span, "a term to minimize must be a float, found %s", dtype_name(node->type.dtype));
        return NULL;
    }
    e->graph->here = term->span;
    return node->type.shape.rank ? build_mean(e->graph, node, (1u << node->type.shape.rank) - 1u, false) : node;
}

typedef struct Outputs {
    Node *items[64];
    int count;
} Outputs;

static void show_term(Train *train, Objective *objective, Outputs *outputs, const char *name, Node *node, Span span) {
    if (outputs->count >= 64) return;
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
        if (!hook) continue;
        Scope *supply = scope_new(e, tap->scope);
        scope_set(e, supply, "output", output);
        scope_set(e, supply, "target", target);
        scope_set(e, supply, "y", target);
        target = hook_run(e, tap->train->methods[k].method, hook, supply);
    }
    return target;
}

static Value reweigh(void *context, Value loss) {
    TapContext *tap = context;
    Elaborator *e = tap->train->e;
    Node *weighted = to_node(e, loss);
    for (int k = 0; k < tap->train->method_count && weighted; k++) {
        const Tree *hook = method_hook(tap->train->methods[k].method, "reweigh");
        if (!hook) continue;
        Scope *supply = scope_new(e, tap->scope);
        scope_set(e, supply, "loss", loss);
        scope_set(e, supply, "output", e->tap->output);
        scope_set(e, supply, "target", e->tap->target);
        Node *weights = to_node(e, hook_run(e, tap->train->methods[k].method, hook, supply));
        weighted = weights ? build_binary(e->graph, OP_MUL, weighted, weights) : NULL;
    }
    return value_tensor(weighted, loss.span);
}

/* The sum of all terms; `output` and `target` of the first loss are bound for the penalties. */
static Node *objective_terms(Train *train, Objective *objective, Scope *scope, Outputs *outputs, bool with_penalties) {
    Elaborator *e = train->e;
    TapContext context = {train, scope};
    LossTap tap = {.context = &context};
    if (with_penalties && any_hook(train, "target")) tap.retarget = retarget;
    if (with_penalties && any_hook(train, "reweigh")) tap.reweigh = reweigh;
    e->tap = &tap;
    Node *total = NULL;
    for (int k = 5; k < objective->tree->count; k++) {
        const Tree *term = objective->tree->items[k];
        Node *node = term_node(train, term, scope);
        if (!node) return NULL;
        scope_set(e, scope, term_name(term), value_tensor(node, term->span));
        if (outputs) show_term(train, objective, outputs, term_name(term), node, term->span);
        e->graph->here = term->span;
        total = total ? build_binary(e->graph, OP_ADD, total, node) : node;
    }
    e->tap = NULL;
    if (tap.is_taken) {
        scope_set(e, scope, "output", tap.output);
        if (value_ok(tap.target)) scope_set(e, scope, "target", tap.target);
    }
    if (!with_penalties) return total;
    Node *penalties = NULL;
    if (!hooks_penalty(train, objective, scope, &penalties)) return NULL;
    if (!penalties) return total;
    if (outputs) show_term(train, objective, outputs, train->method_count == 1 ? train->methods[0].method->maker->name : "penalties", penalties, objective->tree->span);
    return build_binary(e->graph, OP_ADD, total, penalties);
}

/* Parameters --------------------------------------------------------------------------------------------------------- */

typedef struct Gather {
    Train *train;
    Selection *selection;
} Gather;

static void gather_member(void *context, Instance *owner, Member *member) {
    Gather *gather = context;
    if (member->kind != MEMBER_PARAM || !member->cell || member->is_frozen) return;
    Selection *selection = gather->selection;
    for (int k = 0; k < selection->count; k++)
        if (selection->items[k].member == member) return;
    Selected *items = arena_alloc(gather->train->e->arena, sizeof *items * (size_t)(selection->count + 1));
    if (selection->count) memcpy(items, selection->items, sizeof *items * (size_t)selection->count);
    items[selection->count++] = (Selected){owner, member};
    selection->items = items;
}

static void gather_value(Gather *gather, Value value) {
    Train *train = gather->train;
    if (value.kind == VALUE_INSTANCE) instance_walk(value.instance, gather_member, gather);
    else if (value.kind == VALUE_SELECTION)
        for (int k = 0; k < value.selection->count; k++) gather_member(gather, value.selection->items[k].owner, value.selection->items[k].member);
    else if (value.kind == VALUE_FUNCTION)
        for (int k = 0; k < value.function->stage_count; k++) gather_value(gather, value.function->stages[k]);
    else if (value.kind == VALUE_TENSOR)
        for (int k = 0; k < train->session->variable_count; k++)
            if (train->session->variables[k].member->cell == value.node->cell) gather_member(gather, NULL, train->session->variables[k].member);
}

static void gather_parameters(Train *train) {
    train->parameters = arena_alloc(train->e->arena, sizeof *train->parameters);
    Gather gather = {train, train->parameters};
    for (int k = 0; k < train->target_count; k++) gather_value(&gather, train->targets[k]);
    for (int k = 0; k < train->method_count; k++) instance_walk(train->methods[k].method, gather_member, &gather);
}

static bool gather_objective(Train *train, Objective *objective) {
    const Tree *over = tree_item(objective->tree, 0);
    if (!over) {
        objective->trained = train->parameters;
        return true;
    }
    objective->trained = arena_alloc(train->e->arena, sizeof *objective->trained);
    Gather gather = {train, objective->trained};
    const Tree *const *items = over->kind == TREE_LIST ? (const Tree *const *)over->items : &over;
    int count = over->kind == TREE_LIST ? over->count : 1;
    for (int k = 0; k < count; k++) {
        Value value = is_selector(items[k]) ? select_tree(train->e, items[k], train->scope) : elaborate(train->e, items[k], train->scope);
        if (!value_ok(value)) return false;
        gather_value(&gather, value);
    }
    if (objective->trained->count) return true;
    return diagnose(train->e->diagnostics, "E0600", over->span, "there is nothing to train here: no parameter that is not frozen");
}

/* `on z` names a free variable, or what is below a model. */
static bool resolve_use(Train *train, MethodUse *use) {
    if (!use->selector) return true;
    Variable *variable = use->selector->kind == TREE_NAME ? session_variable(train->session, use->selector->name) : NULL;
    if (variable) {
        use->selection = arena_alloc(train->e->arena, sizeof *use->selection);
        Gather gather = {train, use->selection};
        gather_member(&gather, NULL, variable->member);
        return true;
    }
    Value value = select_tree(train->e, use->selector, train->scope);
    if (value.kind == VALUE_SELECTION) use->selection = value.selection;
    return value.kind == VALUE_SELECTION;
}

/* A method's weight hook becomes part of how the model reads its parameters, from this block on. */
static void attach_views(Train *train, const MethodUse *use) {
    if (!method_hook(use->method, "weight")) return;
    for (int k = 0; k < train->parameters->count; k++) {
        Member *member = train->parameters->items[k].member;
        bool again = false;
        for (int j = 0; j < member->view_count; j++) again = again || member->views[j].instance == use->method;
        if (again || !method_acts_on(use, member) || train->parameters->items[k].owner == use->method) continue;
        Value *views = arena_alloc(train->e->arena, sizeof *views * (size_t)(member->view_count + 1));
        if (member->view_count) memcpy(views, member->views, sizeof *views * (size_t)member->view_count);
        views[member->view_count++] = (Value){.kind = VALUE_INSTANCE, .span = use->span, .instance = use->method};
        member->views = views;
    }
}

static void attach_activation(Train *train, const MethodUse *use, Instance *instance) {
    for (int k = 0; k < instance->method_count; k++)
        if (instance->methods[k].instance == use->method) return;
    Value *methods = arena_alloc(train->e->arena, sizeof *methods * (size_t)(instance->method_count + 1));
    if (instance->method_count) memcpy(methods, instance->methods, sizeof *methods * (size_t)instance->method_count);
    methods[instance->method_count++] = (Value){.kind = VALUE_INSTANCE, .span = use->span, .instance = use->method};
    instance->methods = methods;
}

/* An activation hook acts on the parts that its selector names, or on the outputs of the trained models themselves. */
static bool attach_activations(Train *train, const MethodUse *use) {
    if (!method_hook(use->method, "activation")) return true;
    for (int k = 0; !use->selector && k < train->target_count; k++)
        if (train->targets[k].kind == VALUE_INSTANCE) attach_activation(train, use, train->targets[k].instance);
    for (int k = 0; use->selection && k < use->selection->count; k++)
        if (use->selection->items[k].owner) attach_activation(train, use, use->selection->items[k].owner);
    return true;
}

bool train_resolve(Train *train) {
    gather_parameters(train);
    if (!train->parameters->count) return diagnose(train->e->diagnostics, "E0600", train->tree->items[0]->span, "there is nothing to train: no term applies a model with parameters that are not frozen");
    for (int k = 0; k < train->method_count; k++)
        if (!resolve_use(train, &train->methods[k])) return false;
    for (int k = 0; k < train->optimizer_count; k++)
        if (!resolve_use(train, &train->optimizers[k])) return false;
    for (int k = 0; k < train->method_count; k++) {
        attach_views(train, &train->methods[k]);
        if (!attach_activations(train, &train->methods[k])) return false;
    }
    for (int k = 0; k < train->objective_count; k++)
        if (!gather_objective(train, &train->objectives[k])) return false;
    return true;
}

/* The step ----------------------------------------------------------------------------------------------------------- */

static bool bind_methods(Train *train, Objective *objective, Scope *scope) {
    for (int k = 0; k < train->method_count; k++)
        if (!method_bind(train->e, train->methods[k].method, scope)) return false;
    for (int k = 0; k < train->optimizer_count; k++)
        if (!method_bind(train->e, train->optimizers[k].method, scope)) return false;
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

static bool update_parameters(Train *train, Objective *objective, Scope *scope, Node *total) {
    Elaborator *e = train->e;
    Selection *trained = objective->trained;
    Node **raw = arena_alloc(e->arena, sizeof *raw * (size_t)trained->count);
    Node **gradients = arena_alloc(e->arena, sizeof *gradients * (size_t)trained->count);
    for (int k = 0; k < trained->count; k++) raw[k] = import_cell(e, trained->items[k].member->cell);
    Node *one = build_full(e->graph, total->type, 1);
    e->graph->here = objective->tree->span;
    if (!autodiff_vjp(e->graph, &total, &one, 1, raw, trained->count, gradients)) return false;
    bind_gradient_norm(train, objective, scope, gradients);
    bool any = false;
    for (int k = 0; k < trained->count; k++) {
        if (!gradients[k]) continue;
        any = true;
        Member *member = trained->items[k].member;
        e->graph->here = objective->tree->span;
        Node *gradient = hooks_gradient(train, member, raw[k], gradients[k], scope);
        Node *updated = gradient ? hooks_update(train, objective, member, raw[k], gradient, scope) : NULL;
        if (!updated) return false;
        if (updated != raw[k]) commit_cell(e, member->cell, updated, true);
    }
    if (any) return true;
    return diagnose(e->diagnostics, "E0500", objective->tree->span, "no term depends on a parameter that is trained here");
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

static bool build_objective(Train *train, Objective *objective, bool dry) {
    Elaborator *e = train->e;
    Graph *graph = graph_new(e->diagnostics, e->float_type);
    train_begin_pass(train, graph, !objective->tree->flag);
    Scope *scope = scope_new(e, train->scope);
    Outputs outputs = {0};
    bool ok = train_bind_fields(train, objective, scope, false);
    if (dry) {
        ok = ok && block_lets(train, scope) && objective_terms(train, objective, scope, NULL, false);
    } else {
        ok = ok && bind_methods(train, objective, scope) && hooks_augment(train, scope) && block_lets(train, scope);
        Node *total = ok ? objective_terms(train, objective, scope, &outputs, true) : NULL;
        ok = total && update_parameters(train, objective, scope, total) && compile_objective(train, objective, &outputs);
    }
    train_end_pass(train);
    graph_free(graph);
    return ok;
}

/* The first, throw-away building applies the models, so that their parameters exist when selectors are resolved. */
bool train_build(Train *train) {
    for (int k = 0; k < train->objective_count; k++)
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
