/* A value computed once more from another value of one of its inputs: trial points of line searches and the like. */
#include "lang/elaborate/builtins.h"

#include "lang/passes/unit.h"

#include <string.h>

static bool holds(const Graph *graph, const Node *node) { return (size_t)node->id < graph->node_count && graph->nodes[node->id] == node; }

/* The graph under construction, or one around the loop body that is under construction. */
static Graph *home_of(const Elaborator *e, const Node *node) {
    if (holds(e->graph, node)) return e->graph;
    for (const Capture *at = e->capture; at; at = at->parent)
        if (holds(at->outer, node)) return at->outer;
    return NULL;
}

/* Which nodes up to y depend on x, by id from that of x. */
static bool *mark_dependent(Elaborator *e, const Graph *graph, const Node *y, const Node *x) {
    size_t count = (size_t)(y->id - x->id + 1);
    bool *depends = arena_alloc(e->arena, count * sizeof *depends);
    memset(depends, 0, count * sizeof *depends);
    depends[0] = true;
    for (size_t k = 1; k < count; k++) {
        const Node *node = graph->nodes[(size_t)x->id + k];
        for (int j = 0; j < node->input_count && !depends[k]; j++)
            depends[k] = node->inputs[j]->id >= x->id && depends[node->inputs[j]->id - x->id];
    }
    return depends;
}

/* Copies what depends on x into the graph under construction; what does not is taken as it is. */
static Node *copy_dependent(Elaborator *e, const Graph *graph, const Node *y, const Node *x, Node *value, Span span) {
    const bool *depends = mark_dependent(e, graph, y, x);
    if (!depends[y->id - x->id]) return NULL;
    bool *needed = arena_alloc(e->arena, (size_t)(y->id - x->id + 1));
    Node **copies = arena_alloc(e->arena, (size_t)(y->id - x->id + 1) * sizeof *copies);
    memset(needed, 0, (size_t)(y->id - x->id + 1));
    needed[y->id - x->id] = true;
    for (int id = y->id; id > x->id; id--)
        for (int k = 0; needed[id - x->id] && k < graph->nodes[id]->input_count; k++) {
            int input = graph->nodes[id]->inputs[k]->id;
            if (input >= x->id && depends[input - x->id]) needed[input - x->id] = true;
        }
    copies[0] = value;
    for (int id = x->id + 1; id <= y->id; id++) {
        if (!needed[id - x->id]) continue;
        const Node *node = graph->nodes[id];
        Node **inputs = arena_alloc(e->arena, sizeof *inputs * (size_t)(node->input_count + 1));
        for (int k = 0; k < node->input_count; k++) {
            int input = node->inputs[k]->id;
            bool is_copied = input >= x->id && depends[input - x->id];
            inputs[k] = is_copied ? copies[input - x->id] : import_node(e, node->inputs[k], span);
            if (!inputs[k]) return NULL;
        }
        if (!(copies[id - x->id] = unit_copy_node(e->graph, node, inputs))) return NULL;
    }
    return copies[y->id - x->id];
}

static Node *replacement(Elaborator *e, const Arguments *a, const Node *x) {
    Node *value = node_at(e, a, 2);
    if (!value) return NULL;
    if (!shape_equal(value->type.shape, x->type.shape)) {
        char expected[SHAPE_TEXT], found[SHAPE_TEXT];
        diagnose(e->diagnostics, "E0400", a->values[2].span, "the new value must have the shape of x, %s, found %s",
                 shape_text(x->type.shape, expected), shape_text(value->type.shape, found));
        return NULL;
    }
    return build_cast(e->graph, value, x->type.dtype);
}

static Value run_substitute(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    if (a->values[0].kind != VALUE_TENSOR || a->values[1].kind != VALUE_TENSOR) {
        char found[KIND_TEXT];
        int wrong = a->values[0].kind != VALUE_TENSOR ? 0 : 1;
        diagnose(e->diagnostics, "E0401", a->values[wrong].span, "'substitute' needs a tensor, found %s",
                 value_describe(a->values[wrong], found));
        return value_none();
    }
    Node *y = a->values[0].node, *x = a->values[1].node;
    Graph *graph = home_of(e, y);
    Node *value = replacement(e, a, x);
    if (!value) return value_none();
    Span here = e->graph->here;
    bool is_reached = graph && holds(graph, x) && y->id >= x->id && x->op != OP_CONSTANT;
    Node *result = is_reached ? copy_dependent(e, graph, y, x, value, a->span) : NULL;
    e->graph->here = here;
    if (result) return value_tensor(result, a->span);
    diagnose(e->diagnostics, "E0500", a->values[1].span, "the value does not depend on this");
    diagnose_help(e->diagnostics,
                  "substitute(y, x, value) computes y once more: x must be a parameter or a value that y was computed from");
    return value_none();
}

const Builtin builtins_substitute[] = {
    {"substitute(y, x, value)", run_substitute, 0,
     "y as it would be if x had been `value`, of the same shape: what depends on x is computed once more, random numbers stay as they were. For trial points, as in `update` hooks with line search: substitute(objective, w, w + t * d). E0500 when y does not depend on x. Example: substitute(square(x), x, x + 1)",
     false},
    {0},
};
