/* Optimizers that see everything they change as one vector: their update hook asks for `weights` and `gradients` instead of
 * `w` and `g`, and gives the new vector. Their states may have the shape [weight_count]. Parameters stand in the vector in the
 * order of the model, each row-major; one that no term reaches has gradient 0. */
#include "lang/elaborate/method.h"
#include "lang/script/train.h"

bool is_flat(const MethodUse *use) {
    const Tree *hook = use->method ? method_hook(use->method, "update") : NULL;
    return hook && (hook_wants(hook, "weights") || hook_wants(hook, "gradients"));
}

/* The numbers that one flat optimizer changes; bound as `weight_count` before its states are declared. */
void flat_bind_count(Train *train, Objective *objective, const MethodUse *use, Scope *scope) {
    double count = 0;
    for (int k = 0; is_flat(use) && k < objective->trained->count; k++)
        if (optimizer_for(train, objective, objective->trained->items[k].member) == use)
            count += (double)tensor_count(objective->trained->items[k].member->cell->tensor);
    if (is_flat(use)) scope_set(train->e, scope, "weight_count", value_number(count, true, use->span));
}

static Node *flatten(Elaborator *e, Node *const *nodes, int count) {
    Node **flat = arena_alloc(e->arena, sizeof *flat * (size_t)count);
    for (int k = 0; k < count; k++) flat[k] = build_reshape(e->graph, nodes[k], shape_1(shape_count(nodes[k]->type.shape)));
    return count == 1 ? flat[0] : build_concat(e->graph, flat, count, 0);
}

static bool commit_slices(Train *train, Node *flat, Member *const *members, int count, Scope *scope) {
    Elaborator *e = train->e;
    int64_t from = 0, step = 1;
    for (int k = 0; k < count; k++) {
        Shape shape = members[k]->cell->tensor->shape;
        int64_t to = from + shape_count(shape);
        Node *part = build_slice(e->graph, flat, &from, &to, &step);
        part = build_reshape(e->graph, part, shape);
        if (!part || !(part = hooks_project(train, members[k], part, scope))) return false;
        commit_cell(e, members[k]->cell, part, true);
        from = to;
    }
    return true;
}

static Node *run_update(Train *train, const MethodUse *use, Node *weights, Node *gradients, Scope *scope) {
    Elaborator *e = train->e;
    const Tree *hook = method_hook(use->method, "update");
    Scope *supply = scope_new(e, scope);
    scope_set(e, supply, "weights", value_tensor(weights, use->span));
    scope_set(e, supply, "gradients", value_tensor(gradients, use->span));
    Node *updated = to_node(e, hook_run(e, use->method, hook, supply));
    if (!updated || shape_equal(updated->type.shape, weights->type.shape))
        return updated ? build_cast(e->graph, updated, weights->type.dtype) : NULL;
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    diagnose(e->diagnostics, "E0601", hook->span, "the update hook of '%s' must give %s, as many numbers as it was given, found %s",
             use->method->maker->name, shape_text(weights->type.shape, a), shape_text(updated->type.shape, b));
    return NULL;
}

bool flat_update(Train *train, Objective *objective, const MethodUse *use, Node *const *raw, Node *const *gradients, Scope *scope) {
    Elaborator *e = train->e;
    int total = objective->trained->count, count = 0;
    Node **w = arena_alloc(e->arena, sizeof *w * (size_t)total), **g = arena_alloc(e->arena, sizeof *g * (size_t)total);
    Member **members = arena_alloc(e->arena, sizeof *members * (size_t)total);
    for (int k = 0; k < total; k++) {
        Member *member = objective->trained->items[k].member;
        if (optimizer_for(train, objective, member) != use) continue;
        w[count] = raw[k];
        g[count] = gradients[k] ? gradients[k] : build_zeros_like(e->graph, raw[k]);
        members[count++] = member;
    }
    if (!count) return true;
    e->graph->here = use->span;
    Node *weights = flatten(e, w, count), *slopes = flatten(e, g, count);
    Node *updated = weights && slopes ? run_update(train, use, weights, slopes, scope) : NULL;
    return updated && commit_slices(train, updated, members, count, scope);
}
