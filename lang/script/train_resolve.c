/* Once the parameters exist: what is trained, what each method acts on, and how models read their weights from now on. */
#include "lang/elaborate/method.h"
#include "lang/script/train.h"

#include <string.h>

typedef struct Gather {
    Train *train;
    Selection *selection;
} Gather;

static void gather_member(void *context, Instance *owner, Member *member) {
    Gather *gather = context;
    if (member->kind != MEMBER_PARAM || !member->cell || member->is_frozen) return;
    if (owner && owner->maker->kind == MAKER_METHOD) member = instance_member(owner, member->name);
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
        for (int k = 0; k < value.selection->count; k++)
            gather_member(gather, value.selection->items[k].owner, value.selection->items[k].member);
    else if (value.kind == VALUE_FUNCTION)
        for (int k = 0; k < value.function->stage_count; k++) gather_value(gather, value.function->stages[k]);
    else if (value.kind == VALUE_TENSOR)
        for (int k = 0; k < train->session->variable_count; k++)
            if (train->session->variables[k].member->cell == value.node->cell)
                gather_member(gather, NULL, train->session->variables[k].member);
}

static void gather_parameters(Train *train) {
    train->parameters = arena_alloc(train->e->arena, sizeof *train->parameters);
    Gather gather = {train, train->parameters};
    for (int k = 0; k < train->target_count; k++) gather_value(&gather, train->targets[k]);
    for (int k = 0; k < train->method_count; k++) instance_walk(train->methods[k].method, gather_member, &gather);
}

static bool gather_over(Train *train, Objective *objective) {
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
    return true;
}

static bool gather_objective(Train *train, Objective *objective) {
    const Tree *over = tree_item(objective->tree, 0);
    if (!gather_over(train, objective)) return false;
    if (objective->trained->count || !over) return true;
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

/* The first stored value, computed from the one that the model drew, when a method begins to act on a parameter. */
static bool start_value(Train *train, const MethodUse *use, Member *member) {
    Elaborator *e = train->e;
    const Tree *hook = method_hook(use->method, "start");
    for (int j = 0; hook && j < member->view_count; j++)
        if (method_hook(member->views[j].instance, "start")) {
            diagnose(e->diagnostics, "E0602", use->span, "'%s' and '%s' both choose the stored value of '%s'", use->method->maker->name,
                     member->views[j].instance->maker->name, member->cell->name);
            return diagnose_second(e->diagnostics, member->views[j].span, "the other one");
        }
    Scope *supply = scope_new(e, train->scope);
    scope_set(e, supply, "w", value_tensor(import_cell(e, member->cell), use->span));
    if (!method_parameter_states(e, use->method, member->cell, supply)) return false;
    if (!hook) return true;
    Span user_span = e->user_span;
    e->user_span = use->method->make->span;
    Node *like = import_cell(e, member->cell), *node = to_node(e, hook_run(e, use->method, hook, supply));
    e->user_span = user_span;
    if (!node) return false;
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    if (!shape_equal(node->type.shape, like->type.shape))
        return diagnose(e->diagnostics, "E0400", hook->span, "the start hook of '%s' was given %s and must give the same shape, found %s",
                        use->method->maker->name, shape_text(like->type.shape, a), shape_text(node->type.shape, b));
    Tensor *tensor = e->check_only ? NULL : e->host.evaluate(e->host.context, build_cast(e->graph, node, like->type.dtype), use->span);
    if (tensor) memcpy(member->cell->tensor->data, tensor->data, tensor_bytes(tensor));
    return tensor || e->check_only;
}

static bool is_attached(const MethodUse *use, const Member *member) {
    for (int j = 0; j < member->view_count; j++)
        if (member->views[j].instance == use->method) return true;
    return false;
}

/* A method with a `project` hook works on the stored values, and so does its weight hook: an average of them, say. */
static bool reads_stored_value(const Instance *method) { return method_hook(method, "project") != NULL; }

/* In the order of the `with` lines, but what reads stored values comes first: the others see its result. */
static void attach_view(Train *train, const MethodUse *use, Member *member) {
    int at = member->view_count;
    if (reads_stored_value(use->method))
        for (at = 0; at < member->view_count && reads_stored_value(member->views[at].instance);) at++;
    Value *views = arena_alloc(train->e->arena, sizeof *views * (size_t)(member->view_count + 1));
    for (int k = 0; k < member->view_count; k++) views[k < at ? k : k + 1] = member->views[k];
    views[at] = (Value){.kind = VALUE_INSTANCE, .span = use->span, .instance = use->method};
    member->views = views;
    member->view_count++;
}

/* A method's weight hook becomes part of how the model reads its parameters, from this block on. */
static bool attach_views(Train *train, const MethodUse *use) {
    bool has_view = method_hook(use->method, "weight") != NULL;
    if (!has_view && !method_hook(use->method, "start") && !method_has_parameters(use->method)) return true;
    for (int k = 0; k < train->parameters->count; k++) {
        Member *member = train->parameters->items[k].member;
        if (is_attached(use, member) || !hook_acts_on(use, member) || train->parameters->items[k].owner == use->method) continue;
        if (!start_value(train, use, member)) return false;
        if (has_view) attach_view(train, use, member);
    }
    return true;
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

/* The first `minimize` where the method has its say: its data size the method's states. */
static const Objective *concerned(Train *train, const MethodUse *use) {
    for (int k = 0; k < train->objective_count; k++)
        if (method_concerns(use, &train->objectives[k])) return &train->objectives[k];
    return &train->objectives[0];
}

/* In a pass of its own; the settings may use the clock, the first values may not. */
static bool attach_all(Train *train) {
    Elaborator *e = train->e;
    Graph *graph = graph_new_apart(e->diagnostics, e->float_type);
    train_begin_pass(train, graph, false);
    bool ok = true;
    for (int k = 0; ok && k < train->method_count; k++) {
        Clock *clock = e->clock;
        Scope *scope = scope_new(e, train->scope);
        ok = train_bind_fields(train, concerned(train, &train->methods[k]), scope, false) &&
             method_bind(e, train->methods[k].method, scope);
        e->clock = NULL;
        ok = ok && attach_views(train, &train->methods[k]) && attach_activations(train, &train->methods[k]);
        e->clock = clock;
    }
    train_end_pass(train);
    graph_free(graph);
    return ok;
}

static void count_member(void *context, Instance *owner, Member *member) {
    (void)owner;
    *(int *)context += member->kind == MEMBER_PARAM && member->cell;
}

static bool nothing_to_train(Train *train) {
    Diagnostics *diagnostics = train->e->diagnostics;
    const Tree *target = train->tree->items[0]->items[0];
    int frozen = 0;
    if (train->targets[0].kind == VALUE_INSTANCE) instance_walk(train->targets[0].instance, count_member, &frozen);
    diagnose(diagnostics, "E0600", target->span, "there is nothing to train: %s",
             frozen ? "all parameters are frozen" : "no term applies this, or it has no parameters");
    return target->name && !frozen && diagnose_help(diagnostics, "apply it in a term of `minimize`: %s(x)", target->name);
}

static bool acts_on_trained_only(const Instance *method) {
    static const char *const elsewhere[] = {"weight", "activation", "penalty", "start"};
    for (size_t k = 0; k < sizeof elsewhere / sizeof *elsewhere; k++)
        if (method_hook(method, elsewhere[k])) return false;
    return method_hook(method, "gradient") || method_hook(method, "update") || method_hook(method, "project");
}

/* `on other.**`, where the block trains `net`, would silently do nothing. */
static bool finds_trained(Train *train, const MethodUse *use) {
    if (!use->selection || !acts_on_trained_only(use->method)) return true;
    for (int k = 0; k < use->selection->count; k++)
        for (int j = 0; j < train->parameters->count; j++)
            if (train->parameters->items[j].member == use->selection->items[k].member) return true;
    diagnose(train->e->diagnostics, "E0700", use->selector->span, "the selector '%s' finds nothing that this block trains",
             use->selection->text ? use->selection->text : "");
    return diagnose_second(train->e->diagnostics, train->tree->items[0]->span, "this is trained");
}

/* With several `minimize`, a method on the parameters of one is not built in the others. What methods will bring is not there yet. */
bool train_foresee(Train *train) {
    bool ok = true;
    gather_parameters(train);
    for (int k = 0; ok && k < train->method_count; k++) ok = resolve_use(train, &train->methods[k]);
    for (int k = 0; ok && k < train->objective_count; k++) {
        Objective *objective = &train->objectives[k];
        if (!tree_item(objective->tree, 0)) continue;
        ok = gather_over(train, objective);
        if (!objective->trained->count) objective->trained = NULL;
    }
    train->parameters = NULL;
    return ok;
}

bool train_resolve(Train *train) {
    gather_parameters(train);
    if (!train->parameters->count) return nothing_to_train(train);
    for (int k = 0; k < train->method_count; k++)
        if (!resolve_use(train, &train->methods[k]) || !finds_trained(train, &train->methods[k])) return false;
    for (int k = 0; k < train->optimizer_count; k++)
        if (!resolve_use(train, &train->optimizers[k]) || !finds_trained(train, &train->optimizers[k])) return false;
    if (train->method_count && !attach_all(train)) return false;
    gather_parameters(train); /* methods may have brought parameters of their own */
    for (int k = 0; k < train->objective_count; k++)
        if (!gather_objective(train, &train->objectives[k])) return false;
    return train_check_tuned(train);
}
