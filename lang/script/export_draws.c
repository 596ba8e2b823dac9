/* Random numbers in an exported function. Reg draws them anew at every evaluation and place, which C text that keeps nothing between its
 * calls cannot do; frozen they would be other numbers than those of any run. A draw whose seed is written down is a constant. */
#include "lang/ops/op.h"
#include "lang/script/export_inside.h"

static bool draws(const Node *node) { return node->op == OP_RANDOM_UNIFORM || node->op == OP_RANDOM_NORMAL || node->op == OP_RANDOM_GAMMA; }

/* The place of the exported function that this node draws at; NULL: its seed says which numbers. */
static const RandomSite *site_of(const Export *x, const Node *node) {
    const Elaborator *e = &x->session->elaborator;
    for (int k = x->first_site; draws(node) && k < e->site_count; k++)
        if (e->sites[k].site == node->ints[0]) return &e->sites[k];
    return NULL;
}

static bool refuse(Export *x, const Node *node, const RandomSite *site) {
    diagnose(&x->session->diagnostics, "E1002", node->span, "'%s' cannot be written as C: its numbers are new at every evaluation",
             site->what);
    return diagnose_help(
        &x->session->diagnostics,
        "draw them with a number as seed, such as `normal([2], seed = 1)`: then they are constants; or make them an input");
}

static bool check(Export *x, const Graph *graph, Node *const *roots, int count, const Node *other);

static bool check_node(Export *x, const Node *node) {
    const RandomSite *site = site_of(x, node);
    if (site) return refuse(x, node, site);
    const LoopBody *loop = node->loop;
    return !loop || check(x, loop->graph, loop->next, loop->carry_count, loop->condition);
}

/* All that the roots depend on, from the last node to the first: inputs come before what reads them. */
static bool check(Export *x, const Graph *graph, Node *const *roots, int count, const Node *other) {
    bool *is_needed = arena_alloc(x->session->arena, sizeof *is_needed * (graph->node_count + 1)), ok = true;
    for (int k = 0; k < count; k++) is_needed[roots[k]->id] = true;
    if (other) is_needed[other->id] = true;
    for (size_t k = graph->node_count; ok && k-- > 0;) {
        if (!is_needed[k]) continue;
        const Node *node = graph->nodes[k];
        ok = check_node(x, node);
        for (int i = 0; i < node->input_count; i++) is_needed[node->inputs[i]->id] = true;
    }
    return ok;
}

bool export_draws(Export *x) { return check(x, x->session->graph, x->results, x->output_count, NULL); }
