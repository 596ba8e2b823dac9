/* `tune rates: [3] in (0, 0.9) start 0.05`: makes `tuned{3, low = 0, high = 0.9, start = 0.05}` of the standard library, and the rule
 * that a train block tunes on other data than it trains on. */
#include "lang/elaborate/statement.h"
#include "lang/script/statements.h"
#include "lang/script/train.h"

#include <string.h>

static const char maker_name[] = "tuned";

static Tree *argument(Arena *arena, const char *name, const Tree *value) {
    Tree *tree = arena_alloc(arena, sizeof *tree), **items = arena_alloc(arena, sizeof *items);
    items[0] = (Tree *)(uintptr_t)value;
    *tree = (Tree){.kind = TREE_ARGUMENT, .span = value->span, .name = name, .items = items, .count = 1};
    return tree;
}

/* The making that the statement stands for. */
static const Tree *make_tree(Arena *arena, const Tree *tune) {
    Tree *make = arena_alloc(arena, sizeof *make), **items = arena_alloc(arena, 5 * sizeof *items);
    Tree *callee = arena_alloc(arena, sizeof *callee);
    *callee = (Tree){.kind = TREE_NAME, .span = tune->span, .name = maker_name};
    *make = (Tree){.kind = TREE_MAKE, .span = tune->span, .items = items};
    items[make->count++] = callee;
    const Tree *shape = tree_item(tune, 0);
    if (shape) items[make->count++] = argument(arena, "count", shape->items[0]);
    items[make->count++] = argument(arena, "low", tune->items[1]);
    items[make->count++] = argument(arena, "high", tune->items[2]);
    if (tree_item(tune, 3)) items[make->count++] = argument(arena, "start", tune->items[3]);
    return make;
}

/* Applied once, so that its parameters exist and its settings are checked where it was declared. */
bool statement_tune(Session *session, const Tree *tree, Scope *scope) {
    Elaborator *e = &session->elaborator;
    const Tree *shape = tree_item(tree, 0);
    if (shape && (shape->count != 1 || shape->items[0]->kind == TREE_SLICE)) {
        diagnose(&session->diagnostics, "E0400", shape->span, "what is tuned is one number or a vector");
        return diagnose_help(&session->diagnostics, "write tune %s: [3] in (0, 1)", tree->name);
    }
    Value made = elaborate(e, make_tree(session->arena, tree), scope);
    if (!value_ok(made)) return false;
    instance_name(e, made.instance, tree->name);
    Value sample = value_tensor(build_full(e->graph, (Type){e->float_type, shape_1(1)}, 0), tree->span);
    Span user_span = e->user_span;
    e->user_span = tree->span;
    Value first = apply_instance(e, made.instance, &sample, 1, tree->span);
    e->user_span = user_span;
    if (!value_ok(first)) return false;
    scope_set(e, scope, tree->name, made);
    return true;
}

/* Tuning on other data ------------------------------------------------------------------------------------------------- */

static bool is_tuned(const Instance *owner) { return owner && owner->maker->is_standard && !strcmp(owner->maker->name, maker_name); }

static bool same_data(const Stream *a, const Stream *b) {
    if (a->split.record == b->split.record) return true;
    const Field *one = a->split.record->fields, *other = b->split.record->fields;
    if (!a->split.record->count || !b->split.record->count || one->value.kind != VALUE_TENSOR || other->value.kind != VALUE_TENSOR)
        return false;
    return one->value.node == other->value.node;
}

static bool check_objective(Train *train, const Objective *objective, const Instance *tuned) {
    const char *help = "write `minimize over %s on VALIDATION eval: …` with data that no other `minimize` trains on";
    if (objective->stream < 0) {
        diagnose(train->e->diagnostics, "E0600", objective->tree->span, "'%s' would be tuned on the data that trains", tuned->path);
        return diagnose_help(train->e->diagnostics, help, tuned->path);
    }
    const Stream *own = &train->streams[objective->stream];
    for (int k = 0; k < train->stream_count; k++) {
        if (k == objective->stream || train->streams[k].is_own || !same_data(own, &train->streams[k])) continue;
        diagnose(train->e->diagnostics, "E0600", own->tree->span, "'%s' would be tuned on the data that trains", tuned->path);
        diagnose_second(train->e->diagnostics, train->streams[k].tree->span, "trains on it");
        return diagnose_help(train->e->diagnostics, help, tuned->path);
    }
    return true;
}

bool train_check_tuned(Train *train) {
    for (int k = 0; k < train->objective_count; k++) {
        const Selection *trained = train->objectives[k].trained;
        for (int j = 0; j < trained->count; j++)
            if (is_tuned(trained->items[j].owner) && !check_objective(train, &train->objectives[k], trained->items[j].owner)) return false;
    }
    return true;
}
