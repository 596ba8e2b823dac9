/* What is computed now and then: watched metrics, the best model so far, stopping, and events. Evaluation never changes state. */
#include "lang/elaborate/method.h"
#include "lang/script/train.h"
#include "runtime/train/progress.h"

#include <math.h>
#include <string.h>

static void bind_watch_fields(Train *train, Watch *watch, Scope *scope) {
    Elaborator *e = train->e;
    for (int k = 0; k < watch->split.record->count; k++) {
        Field *field = &watch->split.record->fields[k];
        Value value = field->value;
        if (value.kind == VALUE_TENSOR) value = value_tensor(to_node(e, value), watch->span);
        scope_set(e, scope, field->name, value);
    }
}

static bool mentions(const Tree *tree, const char *name) {
    if (!tree) return false;
    if (tree->kind == TREE_NAME && !strcmp(tree->name, name)) return true;
    for (int k = 0; k < tree->count; k++)
        if (mentions(tree->items[k], name)) return true;
    return false;
}

/* A name that the value uses and nothing in the script has. */
static bool wants(Train *train, const Watch *watch, Scope *scope, const char *name) {
    Value value;
    return mentions(watch->value, name) && !scope_find(train->e, scope, name, &value);
}

static bool bind_terms(Train *train, const Watch *watch, Scope *scope) {
    bool gradient = wants(train, watch, scope, "g") || wants(train, watch, scope, "w");
    if (!gradient && !wants(train, watch, scope, "output") && !wants(train, watch, scope, "target")) return true;
    return train_bind_terms(train, scope, gradient);
}

/* Names of terms and watches stand for their latest values: leaves that are filled before each evaluation. */
bool train_compile_watch(Train *train, Watch *watch) {
    Elaborator *e = train->e;
    Graph *graph = graph_new_apart(e->diagnostics, e->float_type);
    train_begin_pass(train, graph, false);
    Scope *scope = scope_new(e, train->scope);
    bool ok = true;
    if (value_ok(watch->split)) bind_watch_fields(train, watch, scope);
    else ok = train_bind_fields(train, NULL, scope, true);
    for (int k = 0; ok && k < train->watch_count; k++)
        if (train->watches[k].kind == WATCH_SHOW && &train->watches[k] != watch && watch->kind != WATCH_SHOW)
            scope_set(e, scope, train->watches[k].name, value_tensor(build_leaf(graph, train->watches[k].cell), watch->span));
    for (int k = 3; ok && k < train->tree->count; k++)
        if (train->tree->items[k]->kind == TREE_LET) ok = elaborate_statement(e, train->tree->items[k], scope, NULL);
    ok = ok && bind_terms(train, watch, scope);
    Node *node = ok ? to_node(e, elaborate(e, watch->value, scope)) : NULL;
    char shape[SHAPE_TEXT];
    if (node && shape_count(node->type.shape) != 1) {
        diagnose(e->diagnostics, "E0401", watch->span, "a watched value must be one number, found %s", shape_text(node->type.shape, shape));
        diagnose_help(e->diagnostics, "take its mean(…)");
        node = NULL;
    }
    if (node && watch->kind == WATCH_STOP && node->type.dtype != DTYPE_BOOL) {
        diagnose(e->diagnostics, "E0401", watch->value->span, "the condition of `stop when` must be true or false, found a number");
        diagnose_help(e->diagnostics, "compare it, such as `stop when loss < 0.1`");
        node = NULL;
    }
    if (node) watch->program = session_compile(train->session, graph, &node, 1, NULL, 0, watch->span);
    train_end_pass(train);
    graph_free(graph);
    Fault fault = {0};
    if (!watch->program) return false;
    return session_prepare(train->session, watch->program->plan, &fault) || diagnose_fault(e->diagnostics, "E0901", watch->span, &fault);
}

/* Best --------------------------------------------------------------------------------------------------------------- */

static bool keep_copy(Train *train, Watch *watch, int64_t step) {
    bool better = !train->has_best || (watch->highest ? watch->last > train->best_value : watch->last < train->best_value);
    if (!better || isnan(watch->last)) return true;
    table_free(&train->best);
    for (int k = 0; k < train->parameters->count; k++) {
        Fault fault = {0};
        Cell *cell = train->parameters->items[k].member->cell;
        Tensor *copy = tensor_copy(cell->tensor, &fault);
        if (!copy) return diagnose_fault(train->e->diagnostics, "E0901", watch->span, &fault);
        table_add(&train->best, cell->name, copy);
    }
    train->has_best = true;
    train->best_value = watch->last;
    train->best_step = step;
    return true;
}

bool train_restore_best(Train *train) {
    for (int k = 0; train->has_best && k < train->parameters->count; k++) {
        Cell *cell = train->parameters->items[k].member->cell;
        Tensor *best = table_find(&train->best, cell->name);
        if (best) memcpy(cell->tensor->data, best->data, tensor_bytes(best));
    }
    return true;
}

/* Running ------------------------------------------------------------------------------------------------------------ */

static bool run_watch(Train *train, Watch *watch) {
    Fault fault = {.step = -1};
    if (!plan_run(watch->program->plan, &fault)) return diagnose_fault(train->e->diagnostics, "E0901", watch->span, &fault);
    View view = plan_output(watch->program->plan, 0);
    Tensor *value = tensor_wrap(view.dtype, view.shape, view.data);
    watch->last = tensor_number(value, 0);
    tensor_release(value);
    tensor_set_number(watch->cell->tensor, 0, watch->last);
    return true;
}

bool train_run_watches(Train *train, int64_t step, void *progress, bool *stop) {
    for (int k = 0; k < train->watch_count; k++) {
        Watch *watch = &train->watches[k];
        if (step % watch->every && step != train->total_steps) continue;
        if (!run_watch(train, watch)) return false;
        bool shown = watch->kind == WATCH_SHOW || watch->kind == WATCH_KEEP;
        if (shown) progress_value(progress, watch->name, watch->last);
        if (watch->kind != WATCH_STOP) runlog_add(train->session->log, step, watch->name, watch->last);
        if (watch->kind == WATCH_KEEP && !keep_copy(train, watch, step)) return false;
        if (watch->kind == WATCH_STOP && watch->last != 0) *stop = true;
    }
    return true;
}

/* Events ------------------------------------------------------------------------------------------------------------- */

/* `reset optimizer on SELECTOR`: the optimizers' states of these parameters start anew. */
static bool reset_state(Train *train, Instance *optimizer, Member *state, const Selection *only, Scope *scope) {
    const Tree *tree = optimizer->maker->tree;
    for (int k = 1; k < tree->count; k++) {
        const Tree *declared = tree->items[k];
        size_t length = declared->name ? strlen(declared->name) : 0;
        if (declared->kind != TREE_STATE || tree_item(declared, 0) || strncmp(state->name, declared->name, length) ||
            state->name[length] != '[')
            continue;
        bool is_chosen = !only;
        for (int j = 0; only && j < only->count; j++) {
            const char *path = only->items[j].member->cell->name;
            is_chosen = is_chosen ||
                        (!strncmp(state->name + length + 1, path, strlen(path)) && state->name[length + 1 + strlen(path)] == ']');
        }
        if (!is_chosen) return true;
        Tensor *first = initial_tensor(train->e, declared, state->cell->tensor->shape, state->cell->tensor->dtype, scope,
                                       state->cell->name);
        if (!first) return false;
        commit_cell(train->e, state->cell, build_constant(train->e->graph, first), true);
        tensor_release(first);
    }
    return true;
}

static bool reset_optimizers(Train *train, const Tree *tree, Scope *scope) {
    const Selection *only = NULL;
    if (tree_item(tree, 0)) {
        Value value = select_tree(train->e, tree->items[0], train->scope);
        if (value.kind != VALUE_SELECTION) return false;
        only = value.selection;
    }
    for (int k = 0; k < train->optimizer_count + train->objective_count; k++) {
        Instance *optimizer = k < train->optimizer_count ? train->optimizers[k].method
                                                         : train->objectives[k - train->optimizer_count].optimizer.method;
        for (int j = 0; optimizer && j < optimizer->member_count; j++)
            if (!reset_state(train, optimizer, &optimizer->members[j], only, scope)) return false;
    }
    return true;
}

static bool event_statements(Train *train, const Event *event, Scope *scope) {
    for (int k = 0; k < event->tree->count; k++) {
        const Tree *statement = event->tree->items[k];
        bool ok = statement->kind == TREE_RESET ? reset_optimizers(train, statement, scope)
                                                : elaborate_statement(train->e, statement, scope, NULL);
        if (!ok) return false;
    }
    return true;
}

static bool is_parameter_state(const Instance *method, const char *name) {
    const Tree *tree = method->maker->tree;
    for (int k = 1; k < tree->count; k++)
        if (tree->items[k]->kind == TREE_STATE && !tree_item(tree->items[k], 0) && !strcmp(tree->items[k]->name, name)) return true;
    return false;
}

static bool writes_parameter_state(const Event *event) {
    for (int k = 0; event->method && k < event->tree->count; k++) {
        const Tree *statement = event->tree->items[k], *target = statement->kind == TREE_COMMIT ? statement->items[0] : NULL;
        if (target && target->kind == TREE_INDEX) target = target->items[0];
        if (target && target->name && is_parameter_state(event->method, target->name)) return true;
    }
    return false;
}

static bool uses_method(const Train *train, const Instance *method, const Member *member) {
    for (int k = 0; k < train->method_count; k++)
        if (train->methods[k].method == method) return method_acts_on(&train->methods[k], member);
    for (int k = 0; k < train->optimizer_count; k++)
        if (train->optimizers[k].method == method) return method_acts_on(&train->optimizers[k], member);
    return true;
}

/* States kept for each parameter: the statements run once for each that the method acts on, with its `w`. */
static bool event_for_each(Train *train, const Event *event) {
    Elaborator *e = train->e;
    for (int k = 0; k < train->parameters->count; k++) {
        Member *member = train->parameters->items[k].member;
        if (!uses_method(train, event->method, member)) continue;
        Scope *scope = scope_new(e, event->method->settings);
        scope_set(e, scope, "w", value_tensor(import_cell(e, member->cell), member->span));
        if (!method_parameter_states(e, event->method, member->cell, scope) || !event_statements(train, event, scope)) return false;
    }
    return true;
}

/* Statements of an `every` or `at`: they may write the states of their method. */
bool train_build_event(Train *train, Event *event) {
    Elaborator *e = train->e;
    Graph *graph = graph_new_apart(e->diagnostics, e->float_type);
    train_begin_pass(train, graph, false);
    e->commits_allowed = true;
    Scope *outer = scope_new(e, event->method ? event->method->maker->scope : train->scope);
    bool ok = train_bind_fields(train, NULL, outer, false);
    if (ok && event->method) ok = method_bind(e, event->method, outer);
    if (ok)
        ok = writes_parameter_state(event) ? event_for_each(train, event)
                                           : event_statements(train, event, scope_new(e, event->method ? event->method->settings : outer));
    Commit *commits = arena_alloc(e->arena, sizeof *commits * (size_t)(e->pending_count + 1));
    for (int k = 0; k < e->pending_count; k++) commits[k] = (Commit){e->pending[k].cell, e->pending[k].value};
    if (ok) event->program = session_compile(train->session, graph, NULL, 0, commits, e->pending_count, event->tree->span);
    train_end_pass(train);
    graph_free(graph);
    Fault fault = {0};
    if (!event->program) return false;
    return session_prepare(train->session, event->program->plan, &fault) ||
           diagnose_fault(e->diagnostics, "E0901", event->tree->span, &fault);
}
