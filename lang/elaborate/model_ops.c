/* Models as values: copies, frozen models, the bare model, and numbers about them. */
#include "lang/elaborate/builtins.h"
#include "lang/elaborate/elaborate.h"
#include "lang/elaborate/model_ops.h"
#include "lang/ops/op.h"

#include <string.h>

/* Copies --------------------------------------------------------------------------------------------------------------- */

typedef enum CopyKind {
    COPY_VALUES, /* cells of its own */
    COPY_FROZEN, /* the same cells, not trained */
    COPY_BARE    /* the same cells, without the views of a method */
} CopyKind;

typedef struct CopyPlan {
    CopyKind kind;
    const char *without; /* COPY_BARE: name of the method */
    bool failed;
} CopyPlan;

static Cell *copy_cell(Elaborator *e, Cell *cell, Span span, CopyPlan *plan) {
    if (!cell || plan->kind != COPY_VALUES) return cell ? own_cell(e, cell_retain(cell)) : NULL;
    Fault fault = {0};
    Tensor *tensor = tensor_copy(cell->tensor, &fault);
    if (!tensor) {
        plan->failed = true;
        diagnose_fault(e->diagnostics, "E0901", span, &fault);
        return NULL;
    }
    Cell *copy = own_cell(e, cell_new(cell->name, tensor));
    copy->spread = cell->spread;
    return copy;
}

static int keep_views(const CopyPlan *plan, Value *views, int count) {
    int kept = 0;
    for (int k = 0; k < count; k++)
        if (plan->kind != COPY_BARE || strcmp(views[k].instance->maker->name, plan->without)) views[kept++] = views[k];
    return kept;
}

static Value *copy_values(Elaborator *e, const Value *values, int count) {
    Value *copy = arena_alloc(e->arena, sizeof *copy * (size_t)(count + 1));
    if (count) memcpy(copy, values, sizeof *copy * (size_t)count);
    return copy;
}

static Instance *copy_instance(Elaborator *e, const Instance *from, Instance *parent, Span span, CopyPlan *plan) {
    Instance *copy = arena_alloc(e->arena, sizeof *copy);
    *copy = *from;
    copy->parent = parent;
    copy->path = plan->kind == COPY_VALUES ? NULL : from->path;
    copy->is_frozen = from->is_frozen || plan->kind == COPY_FROZEN;
    copy->members = arena_alloc(e->arena, sizeof *copy->members * (size_t)(from->member_count + 1));
    copy->member_capacity = from->member_count + 1;
    for (int k = 0; k < from->member_count; k++) {
        Member *member = &copy->members[k];
        *member = from->members[k];
        member->cell = copy_cell(e, member->cell, span, plan);
        member->views = copy_values(e, member->views, member->view_count);
        member->view_count = keep_views(plan, member->views, member->view_count);
        if (plan->kind == COPY_FROZEN && member->kind == MEMBER_PARAM) member->is_frozen = true;
    }
    copy->methods = copy_values(e, from->methods, from->method_count);
    copy->method_count = keep_views(plan, copy->methods, from->method_count);
    copy->parts = arena_alloc(e->arena, sizeof *copy->parts * (size_t)(from->part_count + 1));
    copy->part_capacity = from->part_count + 1;
    for (int k = 0; k < from->part_count; k++) {
        copy->parts[k] = from->parts[k];
        copy->parts[k].instance = copy_instance(e, from->parts[k].instance, copy, span, plan);
    }
    return copy;
}

/* A copy has paths of its own: the first part of each cell's name follows the copy's name. */
static void rename_cells(Elaborator *e, Instance *instance) {
    for (int k = 0; k < instance->member_count; k++) {
        Cell *cell = instance->members[k].cell;
        if (!cell) continue;
        Tensor *tensor = tensor_retain(cell->tensor);
        double spread = cell->spread;
        const char *path = arena_format(e->arena, "%s.%s", instance_path(e, instance), instance->members[k].name);
        instance->members[k].cell = own_cell(e, cell_new(path, tensor));
        instance->members[k].cell->spread = spread;
    }
    for (int k = 0; k < instance->part_count; k++) rename_cells(e, instance->parts[k].instance);
}

static Value not_a_model(Elaborator *e, const char *what, Value value) {
    char buffer[KIND_TEXT];
    if (value_ok(value))
        diagnose(e->diagnostics, "E0401", value.span, "%s needs a model, and this is %s", what, value_describe(value, buffer));
    return value_none();
}

static bool is_model(Value value) { return value.kind == VALUE_INSTANCE && value.instance->maker->kind == MAKER_MODEL; }

static Value copied(Elaborator *e, Value model, Span span, CopyPlan plan) {
    Instance *copy = copy_instance(e, model.instance, NULL, span, &plan);
    return plan.failed ? value_none() : (Value){.kind = VALUE_INSTANCE, .span = span, .instance = copy};
}

Value copied_model(Elaborator *e, Value model, Span span) { return copied(e, model, span, (CopyPlan){.kind = COPY_VALUES}); }

static Value run_copy(Elaborator *e, const Builtin *self, const Arguments *arguments) {
    (void)self;
    Value value = arguments->values[0];
    if (!is_model(value)) return not_a_model(e, "copy", value);
    return copied(e, value, arguments->span, (CopyPlan){.kind = COPY_VALUES});
}

static Selection *selected(Elaborator *e, Value value) {
    if (value.kind == VALUE_SELECTION) return value.selection;
    return value.kind == VALUE_INSTANCE ? select_all(e, value.instance) : NULL;
}

/* A selector, a part, or the path of one parameter. */
static Selection *parts_to_freeze(Elaborator *e, const Arguments *arguments) {
    Value only = arguments->values[1];
    const Tree *call = arguments->tree, *last = call && call->count > 1 ? tree_item(call->items[call->count - 1], 0) : NULL;
    if (only.kind == VALUE_TENSOR && last) only = select_tree(e, last, arguments->scope);
    if (!value_ok(only)) return NULL;
    Selection *selection = selected(e, only);
    char buffer[KIND_TEXT];
    if (!selection)
        diagnose(e->diagnostics, "E0401", only.span, "frozen(net, …) needs a selector or a part of the model, and this is %s",
                 value_describe(only, buffer));
    return selection;
}

/* Whole, or the parameters of a selection: the others stay trainable. */
static Value run_frozen(Elaborator *e, const Builtin *self, const Arguments *arguments) {
    (void)self;
    Value value = arguments->values[0];
    if (!is_model(value)) return not_a_model(e, "frozen", value);
    if (!given(arguments, 1)) return copied(e, value, arguments->span, (CopyPlan){.kind = COPY_FROZEN});
    Selection *only = parts_to_freeze(e, arguments);
    if (!only) return value_none();
    Value bare = copied(e, value, arguments->span, (CopyPlan){.kind = COPY_BARE, .without = ""});
    Selection *own = select_all(e, bare.instance);
    for (int k = 0; k < own->count; k++)
        for (int j = 0; j < only->count; j++)
            if (own->items[k].member->cell == only->items[j].member->cell) own->items[k].member->is_frozen = true;
    return bare;
}

Value elaborate_without(Elaborator *e, const Tree *tree, Scope *scope) {
    Value base = elaborate(e, tree->items[0], scope);
    if (!is_model(base)) return not_a_model(e, "`without`", base);
    return copied(e, base, tree->span, (CopyPlan){.kind = COPY_BARE, .without = tree->name});
}

void instance_settle_copy(Elaborator *e, Instance *instance) {
    Selection *all = select_all(e, instance);
    const char *path = instance_path(e, instance);
    size_t length = strlen(path);
    for (int k = 0; k < all->count; k++) {
        const char *name = all->items[k].member->cell->name;
        if (strncmp(name, path, length) || name[length] != '.') {
            if (!instance->is_frozen) rename_cells(e, instance);
            return;
        }
    }
}

/* Numbers about models -------------------------------------------------------------------------------------------------- */

static Value run_parameters(Elaborator *e, const Builtin *self, const Arguments *arguments) {
    (void)self;
    Selection *all = selected(e, arguments->values[0]);
    if (!all) return not_a_model(e, "parameters", arguments->values[0]);
    double count = 0;
    for (int k = 0; k < all->count; k++) count += (double)tensor_count(all->items[k].member->cell->tensor);
    return value_number(count, true, arguments->span);
}

static Value zero_share(Elaborator *e, const Arguments *arguments) {
    Node *x = to_node(e, arguments->values[0]);
    Node *is_zero = x ? build_cast(e->graph, build_binary(e->graph, OP_EQUAL, x, build_number(e->graph, 0)), e->float_type) : NULL;
    return is_zero ? value_tensor(build_mean(e->graph, is_zero, (1u << x->type.shape.rank) - 1u, false), arguments->span) : value_none();
}

/* The share of zeros among the parameters as the model sees them. */
static Value run_sparsity(Elaborator *e, const Builtin *self, const Arguments *arguments) {
    (void)self;
    ValueKind kind = arguments->values[0].kind;
    if (kind == VALUE_TENSOR || kind == VALUE_LIST) return zero_share(e, arguments);
    Selection *all = selected(e, arguments->values[0]);
    if (!all) return not_a_model(e, "sparsity", arguments->values[0]);
    Node *zeros = NULL;
    double count = 0;
    for (int k = 0; k < all->count; k++) {
        Node *w = to_node(e, member_value(e, all->items[k].owner, all->items[k].member, arguments->span));
        Node *is_zero = build_cast(e->graph, build_binary(e->graph, OP_EQUAL, w, build_number(e->graph, 0)), e->float_type);
        Node *sum = build_sum_all(e->graph, is_zero);
        zeros = zeros ? build_binary(e->graph, OP_ADD, zeros, sum) : sum;
        count += (double)tensor_count(all->items[k].member->cell->tensor);
    }
    if (!zeros) return value_number(0, false, arguments->span);
    return value_tensor(build_binary(e->graph, OP_DIV, zeros, build_number(e->graph, count)), arguments->span);
}

/* What methods do to weights --------------------------------------------------------------------------------------------- */

static Value run_stored(Elaborator *e, const Builtin *self, const Arguments *arguments) {
    const Tree *tree = argument_tree(self, arguments, 0);
    bool before = e->reads_stored;
    e->reads_stored = true;
    Value value = tree ? elaborate(e, tree, arguments->scope) : arguments->values[0];
    if (value.kind == VALUE_TENSOR) value = value_tensor(to_node(e, value), arguments->span);
    e->reads_stored = before;
    return value;
}

static Value run_initial_spread(Elaborator *e, const Builtin *self, const Arguments *arguments) {
    (void)self;
    Node *w = to_node(e, arguments->values[0]);
    if (!w) return value_none();
    if (w->op == OP_LEAF && w->cell->spread > 0) return value_number(w->cell->spread, false, arguments->span);
    uint32_t all = (1u << w->type.shape.rank) - 1u;
    Node *centred = build_binary(e->graph, OP_SUB, w, build_mean(e->graph, w, all, true));
    Node *squares = build_binary(e->graph, OP_MUL, centred, centred);
    return value_tensor(build_unary(e->graph, OP_SQRT, build_mean(e->graph, squares, all, false)), arguments->span);
}

static Value run_eval(Elaborator *e, const Builtin *self, const Arguments *arguments) {
    (void)self;
    Value net = arguments->values[0];
    if (!is_model(net) && !(net.kind == VALUE_FUNCTION && net.function->stages)) return not_a_model(e, "eval", net);
    Function *function = arena_alloc(e->arena, sizeof *function);
    Value *stage = arena_alloc(e->arena, sizeof *stage);
    *stage = net;
    *function = (Function){.name = "eval", .stages = stage, .stage_count = 1, .is_evaluation = true};
    return (Value){.kind = VALUE_FUNCTION, .span = arguments->span, .function = function};
}

static Value run_is_trained(Elaborator *e, const Builtin *self, const Arguments *arguments) {
    (void)self;
    if (!is_model(arguments->values[0])) return not_a_model(e, "is_trained", arguments->values[0]);
    bool found = false;
    for (const Instance *at = arguments->values[0].instance; at; at = at->parent)
        for (int k = 0; k < e->target_count; k++) found = found || (e->targets[k].kind == VALUE_INSTANCE && e->targets[k].instance == at);
    return value_bool(found, arguments->span);
}

typedef struct Folding {
    Elaborator *e;
    Span span;
    bool failed;
} Folding;

static void fold_member(void *context, Instance *owner, Member *member) {
    Folding *folding = context;
    Elaborator *e = folding->e;
    if (folding->failed || !member->cell || !member->view_count) return;
    Node *node = to_node(e, member_value(e, owner, member, folding->span));
    Tensor *tensor = node && !e->check_only ? e->host.evaluate(e->host.context, node, folding->span) : NULL;
    if (tensor) memcpy(member->cell->tensor->data, tensor->data, tensor_bytes(tensor));
    folding->failed = !tensor && !e->check_only;
    member->view_count = 0;
}

static Value run_folded(Elaborator *e, const Builtin *self, const Arguments *arguments) {
    (void)self;
    Value value = arguments->values[0];
    if (!is_model(value)) return not_a_model(e, "folded", value);
    Value copy = copied(e, value, arguments->span, (CopyPlan){.kind = COPY_VALUES});
    Folding folding = {e, arguments->span, !value_ok(copy)};
    if (!folding.failed) instance_walk(copy.instance, fold_member, &folding);
    return folding.failed ? value_none() : copy;
}

/* Built and thrown away: only the operations of one application are counted. */
static Value run_flops(Elaborator *e, const Builtin *self, const Arguments *arguments) {
    (void)self;
    if (!is_model(arguments->values[0])) return not_a_model(e, "flops", arguments->values[0]);
    Graph *graph = e->graph;
    Node *input = to_node(e, arguments->values[1]);
    if (!input) return value_none();
    Value given = arguments->values[1];
    e->graph = graph_new_apart(e->diagnostics, e->float_type);
    Value output = apply_instance(e, arguments->values[0].instance, &given, 1, arguments->span);
    double flops = 0;
    for (size_t k = 0; k < e->graph->node_count; k++) flops += op_flops(e->graph->nodes[k]);
    graph_free(e->graph);
    e->graph = graph;
    return value_ok(output) ? value_number(flops, true, arguments->span) : output;
}

/* Time ------------------------------------------------------------------------------------------------------------------ */

static Node *steps_of(Elaborator *e, Value duration) {
    if (duration.kind == VALUE_TENSOR || duration.kind == VALUE_NUMBER) return to_node(e, duration);
    bool is_epochs = !strcmp(duration.unit, "epochs"); /* a run of 0 steps has percentages */
    double per = is_epochs ? e->clock->steps_per_epoch : !strcmp(duration.unit, "percent") ? e->clock->total_steps / 100 : 1;
    if (is_epochs && per == 0) {
        diagnose(e->diagnostics, "E0600", duration.span, "without data there are no epochs");
        diagnose_help(e->diagnostics, "count steps, or a percentage of the run");
        return NULL;
    }
    return build_number(e->graph, duration.amount * per);
}

/* data: 0 for `fraction`, the share of a duration that has passed; 1 for `passed`, 1 once it has; 2 for `elapsed`, how many have. */
static Value run_time(Elaborator *e, const Builtin *self, const Arguments *arguments) {
    Value duration = arguments->values[0];
    char buffer[KIND_TEXT], name[64];
    if (!e->clock) {
        diagnose(e->diagnostics, "E0601", arguments->span, "'%s' needs the time, which is known only inside a train block",
                 builtin_name(self, name));
        return value_none();
    }
    if (duration.kind != VALUE_QUANTITY && duration.kind != VALUE_NUMBER && duration.kind != VALUE_TENSOR) {
        diagnose(e->diagnostics, "E0401", duration.span, "expected a duration such as `2 epochs`, `100 steps` or `50%%`, found %s",
                 value_describe(duration, buffer));
        return value_none();
    }
    Node *step = import_node(e, e->clock->step, arguments->span), *steps = steps_of(e, duration);
    if (!steps) return value_none();
    if (self->data == 1) {
        Node *over = build_binary(e->graph, OP_GREATER_EQUAL, step, steps);
        return value_tensor(build_cast(e->graph, over, e->float_type), arguments->span);
    }
    Node *share = build_binary(e->graph, OP_DIV, step, build_binary(e->graph, OP_MAX, steps, build_number(e->graph, 1e-9)));
    if (self->data == 2) return value_tensor(share, arguments->span);
    return value_tensor(build_ternary(e->graph, OP_CLAMP, share, build_number(e->graph, 0), build_number(e->graph, 1)), arguments->span);
}

/* The operator that a penalty declares in its `prox` line; a function of (w, t) is an operator itself. */
static Value run_prox(Elaborator *e, const Builtin *self, const Arguments *arguments) {
    (void)self;
    Value penalty = arguments->values[0];
    char buffer[KIND_TEXT];
    if (penalty.kind != VALUE_FUNCTION) {
        diagnose(e->diagnostics, "E0401", penalty.span, "expected a penalty, found %s", value_describe(penalty, buffer));
        return value_none();
    }
    const Tree *tree = penalty.function->tree;
    if (penalty.function->is_penalty && !tree_item(tree, 3)) {
        diagnose(e->diagnostics, "E0402", penalty.span, "the penalty '%s' has no proximal operator", penalty.function->name);
        diagnose_second(e->diagnostics, tree->span, "declared here");
        diagnose_help(e->diagnostics, "write it below the penalty: prox(w, t) = …");
        return value_none();
    }
    Function *function = penalty.function;
    if (function->is_penalty) {
        function = arena_alloc(e->arena, sizeof *function);
        *function = (Function){
            .name = arena_format(e->arena, "prox of %s", penalty.function->name), .tree = tree->items[3], .scope = penalty.function->scope};
    }
    Value *values = arena_alloc(e->arena, sizeof *values * (size_t)(arguments->rest_count + 2));
    values[0] = arguments->values[1];
    values[1] = arguments->values[2];
    for (int k = 0; k < arguments->rest_count; k++) values[k + 2] = arguments->rest[k];
    return call_value(e, (Value){.kind = VALUE_FUNCTION, .span = penalty.span, .function = function}, values, arguments->rest_count + 2,
                      arguments->span);
}

const Builtin builtins_model[] = {
    {"copy(net)", run_copy, 0,
     "A model with the same parts and a copy of every parameter and state; from then on the two are independent. Example: let teacher = copy(net)",
     false},
    {"frozen(net, only?)", run_frozen, 0,
     "The same model, sharing its parameters, of which none (or none that the selector or part `only` finds) is trained through it. Example: frozen(net)",
     false},
    {"folded(net)", run_folded, 0,
     "A copy of the model whose parameters are what methods with a weight hook showed the model (masked, companded, quantized), without these methods. Example: let plain = folded(net)",
     false},
    {"eval(net)", run_eval, 0,
     "The model as it is outside of training, for use inside a train block: no dropout, running statistics, averaged weights; its states do not change. Example: let teacher = eval(net)",
     false},
    {"is_trained(net)", run_is_trained, 0,
     "True inside a train block for the models that it trains and their parts: what a method is given can be checked. Example: is_trained(dense{3})",
     false},
    {"stored(w)", run_stored, 0,
     "Parameters of a model as they are stored and trained, not as methods with a weight hook show them to it. Example: stored(net.dense_1.w)",
     true},
    {"init_std(w)", run_initial_spread, 0,
     "The standard deviation that a parameter's initialiser was made for, such as sqrt(2 / in) for he; where none is known, the standard deviation of its values. Example: init_std([-1.0, 1.0])",
     false},
    {"parameters(net)", run_parameters, 0,
     "The number of parameters of a model or a selection. A model has parameters once it was applied. Example: parameters(net)", false},
    {"flops(net, x)", run_flops, 0,
     "The floating-point operations of one application of a model to x: two for a product and its sum, one for any other element that is computed. Example: flops(net, x)",
     false},
    {"sparsity(x)", run_sparsity, 0,
     "The share of zeros in a tensor, or among the parameters of a model or a selection, as the model sees them. Example: sparsity(net.**.w)",
     false},
    {"fraction(duration)", run_time, 0,
     "The share of a duration (2 epochs, 100 steps, 50%) that has passed since the block began, from 0 to 1. Only inside train blocks.",
     false},
    {"elapsed(duration)", run_time, 2,
     "How many durations have passed since the block began, such as 1.5 epochs: not clipped. Only inside train blocks.", false},
    {"prox(penalty, w, t, settings...)", run_prox, 0,
     "The proximal operator of a penalty, argmin_v t * penalty(v) + |v - w|^2 / 2, from its `prox` line; settings of the penalty follow in order. A function of (w, t) is an operator itself. Example: prox(l1, [2.0, -0.5], 1)",
     false},
    {"passed(duration)", run_time, 1, "1 once a duration has passed since the block began, before that 0. Only inside train blocks.",
     false},
    {0},
};
