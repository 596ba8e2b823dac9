/* Models: making, applying, and the parameters and states that their bodies declare. */
#include "lang/elaborate/builtins.h"
#include "lang/elaborate/call.h"
#include "lang/elaborate/elaborate.h"
#include "lang/elaborate/index.h"
#include "lang/elaborate/method.h"
#include "runtime/base/memory.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Making ------------------------------------------------------------------------------------------------------------- */

static int next_occurrence(Elaborator *e, const Tree *site) {
    for (int k = 0; k < e->occurrence_count; k++)
        if (e->occurrences[k].site == site) return e->occurrences[k].count++;
    e->occurrences = arena_grow(e->arena, e->occurrences, sizeof *e->occurrences, e->occurrence_count, &e->occurrence_capacity);
    e->occurrences[e->occurrence_count++] = (Occurrence){site, 1};
    return 0;
}

static Instance *find_part(Instance *owner, const Tree *site, int occurrence) {
    for (int k = 0; k < owner->part_count; k++)
        if (owner->parts[k].site == site && owner->parts[k].occurrence == occurrence) return owner->parts[k].instance;
    return NULL;
}

static void add_part(Elaborator *e, Instance *owner, const Tree *site, int occurrence, Instance *instance) {
    owner->parts = arena_grow(e->arena, owner->parts, sizeof *owner->parts, owner->part_count, &owner->part_capacity);
    owner->parts[owner->part_count++] = (Part){.site = site, .occurrence = occurrence, .instance = instance};
    instance->parent = owner;
}

static Instance *new_instance(Elaborator *e, Maker *maker, const Tree *make, Scope *scope) {
    Instance *instance = arena_alloc(e->arena, sizeof *instance);
    instance->maker = maker;
    instance->make = make;
    instance->make_scope = scope;
    instance->span = make->span;
    instance->settings = scope_new(e, maker->scope);
    instance->settings->is_call = true;
    return instance;
}

/* Models made inside the braces, as in residual{dense{4} |> relu}, are parts under the name of their setting. */
static void adopt(Elaborator *e, Instance *owner, Value value, const char *name) {
    if (value.kind == VALUE_FUNCTION)
        for (int k = 0; k < value.function->stage_count; k++) adopt(e, owner, value.function->stages[k], name);
    if (value.kind != VALUE_INSTANCE || value.instance->maker->kind != MAKER_MODEL) return;
    if (value.instance->parent || value.instance->path) return;
    add_part(e, owner, value.instance->make, owner->part_count, value.instance);
    instance_name(e, value.instance, name);
}

/* A method's settings may be schedules: they are evaluated where the method is used (method_bind), checked here by name. */
static bool bind_settings(Elaborator *e, Instance *instance) {
    const char *what = arena_format(e->arena, "'%s'", instance->maker->name);
    Binding binding = {.call = instance->make, .first = 1, .scope = instance->make_scope, .span = instance->make->span};
    Instance *outer = e->instance;
    e->instance = NULL;
    bool ok = bind_arguments(e, instance->maker->tree->items[0], &binding, instance->settings, what);
    e->instance = outer;
    for (int k = 0; ok && k < instance->settings->count; k++)
        adopt(e, instance, instance->settings->fields[k].value, instance->settings->fields[k].name);
    return ok;
}

Value make_instance(Elaborator *e, Value maker, const Tree *make, Scope *scope) {
    Instance *owner = e->instance;
    int occurrence = owner ? next_occurrence(e, make) : 0;
    Instance *instance = owner ? find_part(owner, make, occurrence) : NULL;
    if (!instance) {
        instance = new_instance(e, maker.maker, make, scope);
        if (maker.maker->kind == MAKER_MODEL ? !bind_settings(e, instance) : !method_check_settings(e, instance)) return value_none();
        if (owner && maker.maker->kind == MAKER_MODEL) add_part(e, owner, make, occurrence, instance);
    }
    return (Value){.kind = VALUE_INSTANCE, .span = make->span, .instance = instance};
}

/* Paths -------------------------------------------------------------------------------------------------------------- */

static Part *part_of(Instance *instance) {
    Instance *owner = instance->parent;
    for (int k = 0; owner && k < owner->part_count; k++)
        if (owner->parts[k].instance == instance) return &owner->parts[k];
    return NULL;
}

static bool part_name_taken(const Instance *owner, const char *name) {
    for (int k = 0; k < owner->part_count; k++)
        if (owner->parts[k].name && !strcmp(owner->parts[k].name, name)) return true;
    return false;
}

void instance_name(Elaborator *e, Instance *instance, const char *name) {
    if (instance->path) return;
    Part *part = part_of(instance);
    if (!part) {
        instance->path = arena_string(e->arena, name);
        return;
    }
    if (part->name) return;
    const char *unique = name;
    for (int k = 2; part_name_taken(instance->parent, unique); k++) unique = arena_format(e->arena, "%s_%d", name, k);
    part->name = unique;
}

/* The k of a name "maker_k", 0 for other names. */
static int number_in_name(const char *name, const char *maker) {
    size_t length = strlen(maker);
    if (!name || strncmp(name, maker, length) != 0 || name[length] != '_') return 0;
    char *end;
    long k = strtol(name + length + 1, &end, 10);
    return *end == 0 && k > 0 && k < INT_MAX ? (int)k : 0;
}

/* The first free one; of n parts at most n numbers are taken. */
static const char *automatic_name(Elaborator *e, Instance *owner, const char *maker) {
    bool *taken = allocate((size_t)owner->part_count + 2);
    for (int k = 0; k < owner->part_count; k++) {
        int number = number_in_name(owner->parts[k].name, maker);
        if (number <= owner->part_count) taken[number] = true;
    }
    int free_number = 1;
    while (taken[free_number]) free_number++;
    free(taken);
    return arena_format(e->arena, "%s_%d", maker, free_number);
}

static int next_number(Elaborator *e, const char *maker) {
    for (int k = 0; k < e->numbered_count; k++)
        if (!strcmp(e->numbered[k].maker, maker)) return ++e->numbered[k].count;
    Numbered *more = arena_alloc(e->arena, sizeof *more * (size_t)(e->numbered_count + 1));
    if (e->numbered_count) memcpy(more, e->numbered, sizeof *more * (size_t)e->numbered_count);
    more[e->numbered_count++] = (Numbered){maker, 1};
    e->numbered = more;
    return 1;
}

const char *instance_path(Elaborator *e, Instance *instance) {
    if (instance->path) return instance->path;
    Part *part = part_of(instance);
    if (!part) return instance->path = arena_format(e->arena, "%s_%d", instance->maker->name, next_number(e, instance->maker->name));
    if (!part->name) part->name = automatic_name(e, instance->parent, instance->maker->name);
    return instance->path = arena_format(e->arena, "%s.%s", instance_path(e, instance->parent), part->name);
}

/* Members ------------------------------------------------------------------------------------------------------------ */

Member *instance_member(Instance *instance, const char *name) {
    for (int k = 0; k < instance->member_count; k++)
        if (!strcmp(instance->members[k].name, name)) return &instance->members[k];
    return NULL;
}

Member *add_member(Elaborator *e, Instance *instance, MemberKind kind, const char *name, Span span) {
    instance->members = arena_grow(e->arena, instance->members, sizeof *instance->members, instance->member_count,
                                   &instance->member_capacity);
    Member *member = &instance->members[instance->member_count++];
    *member = (Member){.name = name,
                       .kind = kind,
                       .span = span,
                       .is_frozen = instance->is_frozen && kind == MEMBER_PARAM,
                       .of_method = instance->maker->kind == MAKER_METHOD};
    return member;
}

/* An initial value is computed in a graph of its own, whatever is under construction. */
Tensor *initial_tensor(Elaborator *e, const Tree *tree, Shape shape, DType dtype, Scope *scope, const char *path) {
    Graph *graph = e->graph;
    Capture *capture = e->capture;
    Clock *clock = e->clock;
    Node *key = e->key;
    Cell *key_cell = e->key_cell;
    e->graph = graph_new_apart(e->diagnostics, e->float_type);
    e->graph->here = tree->span;
    e->capture = NULL, e->clock = NULL, e->key = NULL, e->key_cell = NULL, e->spread = 0;
    Node *node = initial_value(e, tree->items[1], shape, dtype, scope, path);
    Tensor *tensor = NULL;
    if (node && e->check_only) {
        Fault fault;
        if (!(tensor = tensor_zeros(dtype, shape, &fault))) diagnose_fault(e->diagnostics, "E0901", tree->span, &fault);
    } else if (node) {
        tensor = e->host.evaluate(e->host.context, node, tree->span);
        if (tensor) {
            Fault fault;
            if (!(tensor = tensor_copy(tensor, &fault))) diagnose_fault(e->diagnostics, "E0901", tree->span, &fault);
        }
    }
    graph_free(e->graph);
    e->graph = graph, e->capture = capture, e->clock = clock, e->key = key, e->key_cell = key_cell;
    return tensor;
}

static Instance *scope_owner(Scope *scope) {
    for (; scope; scope = scope->parent)
        if (scope->owner) return scope->owner;
    return NULL;
}

static bool same_shape_again(Elaborator *e, Instance *owner, Member *member, Shape shape, const Tree *tree) {
    if (shape_equal(member->cell->tensor->shape, shape)) return true;
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    diagnose(e->diagnostics, "E0400", tree->span, "'%s.%s' is %s since '%s' was first applied, and this application needs %s",
             instance_path(e, owner), member->name, shape_text(member->cell->tensor->shape, a), instance_path(e, owner),
             shape_text(shape, b));
    return diagnose_help(e->diagnostics, "one instance keeps its sizes; make another one with %s{}", owner->maker->name);
}

/* The value that `restore` has ready for this parameter, where there is one; false in `ok` when it does not fit. */
static Tensor *saved_tensor(Elaborator *e, Instance *owner, const char *path, Shape shape, const Tree *tree, bool *ok) {
    Instance *root = owner;
    while (root->parent) root = root->parent;
    const char *below = strchr(path + strlen(instance_path(e, root)), '.');
    Tensor *saved = root->saved && below ? table_find(root->saved, below + 1) : NULL;
    if (!saved && root->saved && below)
        *ok = diagnose(e->diagnostics, "E0800", tree->span, "the restored file has no '%s', which '%s' needs", below + 1,
                       instance_path(e, root));
    if (!saved) return NULL;
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    Fault fault = {0};
    *ok = shape_equal(saved->shape, shape);
    if (!*ok) {
        diagnose(e->diagnostics, "E0400", tree->span, "'%s' needs %s, and the restored file holds %s", path, shape_text(shape, a),
                 shape_text(saved->shape, b));
        return NULL;
    }
    Tensor *tensor = tensor_cast(saved, e->float_type, &fault);
    if (!tensor) *ok = diagnose_fault(e->diagnostics, "E0901", tree->span, &fault);
    return tensor;
}

/* `param a: [] = 1 rate 1e-4`; a rate of 0 is no training at all. */
bool member_rate(Elaborator *e, const Tree *tree, Scope *scope, Member *member) {
    if (tree->kind != TREE_PARAM || !tree_item(tree, 2)) return true;
    if (!to_number(e, elaborate(e, tree->items[2], scope), &member->rate)) return false;
    if (!(member->rate >= 0))
        return diagnose(e->diagnostics, "E0304", tree->items[2]->span, "a rate must not be negative, found %.6g", member->rate);
    member->has_rate = member->rate > 0;
    member->is_frozen = member->is_frozen || !member->has_rate;
    return true;
}

bool declare_member(Elaborator *e, const Tree *tree, Scope *scope) {
    Instance *owner = scope_owner(scope);
    if (!owner) return diagnose(e->diagnostics, "E0600", tree->span, "'%s' can be declared only inside a model or a method", tree->name);
    Shape shape = {0};
    if (tree_item(tree, 0) && !to_shape(e, elaborate_shape(e, tree->items[0], scope), &shape)) return false;
    Member *member = instance_member(owner, tree->name);
    if (member && member->cell) return same_shape_again(e, owner, member, shape, tree);
    if (!member) member = add_member(e, owner, tree->kind == TREE_PARAM ? MEMBER_PARAM : MEMBER_STATE, tree->name, tree->span);
    const char *path = arena_format(e->arena, "%s.%s", instance_path(e, owner), tree->name);
    bool ok = true;
    e->spread = 0;
    Tensor *tensor = saved_tensor(e, owner, path, shape, tree, &ok);
    if (!tensor && ok) tensor = initial_tensor(e, tree, shape, e->float_type, scope, path);
    if (!tensor) return false;
    member->cell = own_cell(e, cell_new(path, tensor));
    member->cell->spread = e->spread;
    return member_rate(e, tree, scope, member);
}

Value elaborate_shape(Elaborator *e, const Tree *shape, Scope *scope) {
    if (shape->kind != TREE_SHAPE) return elaborate(e, shape, scope);
    List *list = list_new(e, shape->count);
    for (int k = 0; k < shape->count; k++)
        if (!value_ok(list->items[k] = elaborate(e, shape->items[k], scope))) return value_none();
    return (Value){.kind = VALUE_LIST, .span = shape->span, .list = list};
}

static PendingCommit *pending_for(Elaborator *e, const Cell *cell) {
    for (int k = e->pending_count; k-- > 0;)
        if (e->pending[k].cell == cell) return &e->pending[k];
    return NULL;
}

Node *state_node(Elaborator *e, Cell *cell) {
    PendingCommit *pending = pending_for(e, cell);
    return pending ? import_node(e, pending->value, e->graph->here) : import_cell(e, cell);
}

Value member_value(Elaborator *e, Instance *owner, Member *member, Span span) {
    if (!member->cell) {
        diagnose(e->diagnostics, "E0402", span, "'%s' has no value yet: its model was never applied", member->name);
        return value_none();
    }
    bool is_method_state = owner && owner->maker->kind == MAKER_METHOD && member->kind == MEMBER_STATE;
    Node *node = is_method_state ? state_node(e, member->cell) : import_cell(e, member->cell);
    Value value = value_tensor(node, span);
    for (int k = 0; !e->reads_stored && k < member->view_count && value_ok(value); k++)
        value = method_weight(e, member->views[k].instance, member, value);
    return value;
}

/* Committing --------------------------------------------------------------------------------------------------------- */

void commit_cell(Elaborator *e, Cell *cell, Node *value, bool is_committed) {
    PendingCommit *pending = pending_for(e, cell);
    if (pending) {
        pending->value = value;
        return;
    }
    e->pending = arena_grow(e->arena, e->pending, sizeof *e->pending, e->pending_count, &e->pending_capacity);
    e->pending[e->pending_count++] = (PendingCommit){cell, value, is_committed};
}

static Cell *slot_cell(Scope *scope, const char *name) {
    for (; scope; scope = scope->parent) {
        for (int k = 0; k < scope->slot_count; k++)
            if (!strcmp(scope->slots[k].name, name)) return scope->slots[k].cell;
        Member *member = scope->owner ? instance_member(scope->owner, name) : NULL;
        if (member && member->kind == MEMBER_STATE) return member->cell;
    }
    return NULL;
}

static Node *fit_state(Elaborator *e, Node *node, Cell *cell, const Tree *tree) {
    Shape shape = cell->tensor->shape;
    node = build_cast(e->graph, node, cell->tensor->dtype);
    if (node && node->type.shape.rank == 0 && shape.rank) node = build_broadcast(e->graph, node, shape);
    if (!node || shape_equal(node->type.shape, shape)) return node;
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    diagnose(e->diagnostics, "E0400", tree->span, "the state is %s and cannot become %s", shape_text(shape, a),
             shape_text(node->type.shape, b));
    return NULL;
}

/* A model's state commits on the first application of a training step; a method's on every write. */
static bool may_commit(Elaborator *e, Scope *scope) {
    Instance *owner = scope_owner(scope);
    if (!e->commits_allowed) return false;
    return !owner || owner->maker->kind == MAKER_METHOD || (e->training && owner->application <= 1);
}

bool commit_member(Elaborator *e, const Tree *tree, Scope *scope) {
    const Tree *target = tree->items[0];
    const Tree *name = target->kind == TREE_INDEX ? target->items[0] : target;
    if (name->kind != TREE_NAME) return diagnose(e->diagnostics, "E0600", target->span, "`<-` changes a state, by its name");
    Cell *cell = slot_cell(scope, name->name);
    if (!cell) {
        Instance *owner = scope_owner(scope);
        Member *member = owner ? instance_member(owner, name->name) : NULL;
        if (member && member->kind == MEMBER_PARAM)
            return diagnose(e->diagnostics, "E0600", name->span, "'%s' is a parameter: only training changes it", name->name);
        diagnose(e->diagnostics, "E0600", name->span, "'%s' is not a state of this model or method", name->name);
        return diagnose_help(e->diagnostics, "declare it with `state %s: [...] = zeros`", name->name);
    }
    Value value = elaborate(e, tree->items[1], scope);
    if (!value_ok(value)) return false;
    if (target->kind == TREE_INDEX) {
        Value base = elaborate(e, name, scope);
        value = value_ok(base) ? index_write(e, target, base, value, scope) : base;
    }
    Node *node = to_node(e, value);
    if (!node || !(node = fit_state(e, node, cell, tree))) return false;
    scope_set(e, scope, name->name, value_tensor(node, tree->span));
    if (may_commit(e, scope)) commit_cell(e, cell, node, true);
    return true;
}

/* Applying ----------------------------------------------------------------------------------------------------------- */

static void begin_application(Elaborator *e, Instance *instance) {
    if (instance->pass != e->pass) instance->application = 0;
    instance->pass = e->pass;
    instance->application++;
}

Making begin_making(Elaborator *e, Instance *instance) {
    Making before = {e->instance, e->occurrences, e->occurrence_count, e->occurrence_capacity, e->random_path};
    e->instance = instance, e->occurrences = NULL, e->occurrence_count = e->occurrence_capacity = 0;
    e->random_path = instance_path(e, instance);
    return before;
}

void end_making(Elaborator *e, const Making *before) {
    e->instance = before->instance, e->occurrences = before->occurrences;
    e->occurrence_count = before->count, e->occurrence_capacity = before->capacity;
    e->random_path = before->random_path;
}

Value apply_bound(Elaborator *e, Instance *instance, Scope *scope, Span span) {
    enum { NESTING_MAX = 100 };
    if (e->depth >= NESTING_MAX) {
        diagnose(e->diagnostics, "E0402", span, "models are nested more than %d deep: '%s' may contain itself", NESTING_MAX,
                 instance->maker->name);
        return value_none();
    }
    const Tree *model = instance->maker->tree, *inputs = model->items[1];
    Making before = begin_making(e, instance);
    e->depth++;
    begin_application(e, instance);
    Value input = value_none();
    if (inputs->count) scope_find(e, scope, inputs->items[0]->name, &input);
    Value value = elaborate(e, model->items[3], scope);
    const char *what = arena_format(e->arena, "the result of '%s'", instance->maker->name);
    if (tree_item(model, 2) && value_ok(value) && !match_annotation(e, model->items[2], &value, scope, what, span)) value = value_none();
    e->depth--;
    end_making(e, &before);
    for (int k = 0; k < instance->method_count && value_ok(value); k++)
        value = method_activation(e, instance->methods[k].instance, value, input);
    value.span = span;
    return value;
}

Value apply_instance(Elaborator *e, Instance *instance, const Value *arguments, int count, Span span) {
    Value callee = {.kind = VALUE_INSTANCE, .span = span, .instance = instance};
    return call_value(e, callee, arguments, count, span);
}

/* Looking in --------------------------------------------------------------------------------------------------------- */

static Value no_such_part(Elaborator *e, Instance *instance, const char *name, Span span) {
    const char *names[256];
    size_t count = 0;
    for (int k = 0; k < instance->part_count && count < 200; k++)
        if (instance->parts[k].name) names[count++] = instance->parts[k].name;
    for (int k = 0; k < instance->member_count && count < 250; k++) names[count++] = instance->members[k].name;
    diagnose(e->diagnostics, "E0202", span, "'%s' has no part, parameter or setting '%s'", instance_path(e, instance), name);
    const char *nearest = nearest_name(name, names, count);
    if (nearest) diagnose_help(e->diagnostics, "the nearest name is '%s'", nearest);
    else if (!count) diagnose_help(e->diagnostics, "a model has parts once it was applied to an input");
    return value_none();
}

/* A state that a method keeps for each parameter, "average[net.w]": a record by the parameters' paths. */
static Value states_by_parameter(Elaborator *e, Instance *method, const char *name, Span span) {
    Record *record = record_new(e);
    size_t length = strlen(name);
    for (int k = 0; k < method->member_count; k++) {
        Member *member = &method->members[k];
        if (strncmp(member->name, name, length) || member->name[length] != '[') continue;
        Value value = member_value(e, method, member, span);
        if (!value_ok(value)) return value;
        const char *path = member->name + length + 1;
        record_add(e, record, arena_format(e->arena, "%.*s", (int)strlen(path) - 1, path), value);
    }
    return record->count ? (Value){.kind = VALUE_RECORD, .span = span, .record = record} : value_none();
}

Value instance_field(Elaborator *e, Instance *instance, const char *name, Span span) {
    for (int k = 0; k < instance->part_count; k++) {
        Part *part = &instance->parts[k];
        instance_path(e, part->instance);
        if (part->name && !strcmp(part->name, name)) return (Value){.kind = VALUE_INSTANCE, .span = span, .instance = part->instance};
    }
    Member *member = instance_member(instance, name);
    if (member) return member_value(e, instance, member, span);
    for (int k = 0; k < instance->settings->count; k++)
        if (!strcmp(instance->settings->fields[k].name, name)) return instance->settings->fields[k].value;
    Value states = states_by_parameter(e, instance, name, span);
    if (value_ok(states)) return states;
    return no_such_part(e, instance, name, span);
}

void instance_walk(Instance *instance, void (*visit)(void *context, Instance *owner, Member *member), void *context) {
    for (int k = 0; k < instance->member_count; k++) visit(context, instance, &instance->members[k]);
    for (int k = 0; k < instance->part_count; k++) instance_walk(instance->parts[k].instance, visit, context);
}
