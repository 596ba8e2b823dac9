/* Sums of terms with factors that come from sums along the same axes: see sums.h. */
#include "lang/passes/sums.h"

#include "lang/graph/build.h"
#include "lang/ops/op.h"
#include "runtime/base/memory.h"

#include <stdlib.h>

enum { TERMS_MAX = 4, VISITS_MAX = 24 };

typedef struct Sums {
    int *uses;   /* by node id, before */
    Node **made; /* by node id, after */
    Graph *graph;
} Sums;

/* Nodes after. */
typedef struct Term {
    bool is_negative;
    Node *core;         /* NULL: 1 */
    Node *over, *under; /* numbers of the row, NULL: 1 */
} Term;

typedef struct Sum {
    const Sums *sums;
    const Node *node; /* OP_REDUCE_SUM, before */
    Term terms[TERMS_MAX];
    int count;
    bool is_too_long, has_bare, has_factors;
} Sum;

/* Some of what the number was made of is a sum along the same axes. */
static bool comes_from_sum(const Sum *sum, const Node *node, int *visits) {
    bool is_alike = node->op == OP_REDUCE_SUM && node->ints[0] == sum->node->ints[0];
    if (is_alike && shape_equal(node->inputs[0]->type.shape, sum->node->inputs[0]->type.shape)) return true;
    if (op_of(node)->fusion != FUSE_ELEMENTWISE || --*visits < 0) return false;
    for (int k = 0; k < node->input_count; k++)
        if (comes_from_sum(sum, node->inputs[k], visits)) return true;
    return false;
}

/* The number of each row that is repeated along the summed axes; NULL for anything else. */
static Node *row_number(const Sum *sum, const Node *x) {
    int visits = VISITS_MAX;
    if (x->op != OP_BROADCAST || !shape_equal(x->inputs[0]->type.shape, sum->node->type.shape)) return NULL;
    return comes_from_sum(sum, x->inputs[0], &visits) ? sum->sums->made[x->inputs[0]->id] : NULL;
}

static Node *multiply(Graph *graph, Node *a, Node *b) { return a == NULL ? b : b == NULL ? a : build_binary(graph, OP_MUL, a, b); }

static Term term_of(const Sum *sum, const Node *x, bool is_summand);

static Term term_of_product(const Sum *sum, const Node *x) {
    Graph *graph = sum->sums->graph;
    Node *const *made = sum->sums->made;
    Term a = term_of(sum, x->inputs[0], false), b = term_of(sum, x->inputs[1], false);
    bool is_same = a.core == made[x->inputs[0]->id] && b.core == made[x->inputs[1]->id];
    return (Term){.is_negative = a.is_negative != b.is_negative,
                  .core = is_same ? made[x->id] : multiply(graph, a.core, b.core),
                  .over = multiply(graph, a.over, b.over),
                  .under = multiply(graph, a.under, b.under)};
}

/* What others read too is left whole: they need it in any case. */
static Term term_of(const Sum *sum, const Node *x, bool is_summand) {
    const Sums *sums = sum->sums;
    Node *row = row_number(sum, x);
    if (row != NULL) return (Term){.over = row};
    if (!is_summand && sums->uses[x->id] > 1) return (Term){.core = sums->made[x->id]};
    if (x->op == OP_NEG) {
        Term term = term_of(sum, x->inputs[0], is_summand);
        term.is_negative = !term.is_negative;
        return term;
    }
    if (x->op == OP_DIV && (row = row_number(sum, x->inputs[1])) != NULL) {
        Term term = term_of(sum, x->inputs[0], false);
        term.under = multiply(sums->graph, term.under, row);
        return term;
    }
    return x->op == OP_MUL ? term_of_product(sum, x) : (Term){.core = sums->made[x->id]};
}

static void add_terms(Sum *sum, const Node *x, bool is_negative) {
    if (x->op == OP_ADD || x->op == OP_SUB) {
        add_terms(sum, x->inputs[0], is_negative);
        add_terms(sum, x->inputs[1], is_negative != (x->op == OP_SUB));
    } else if (x->op == OP_NEG) {
        add_terms(sum, x->inputs[0], !is_negative);
    } else if (sum->count == TERMS_MAX) {
        sum->is_too_long = true;
    } else {
        Term term = term_of(sum, x, true);
        term.is_negative = term.is_negative != is_negative;
        sum->has_bare |= term.core == NULL;
        sum->has_factors |= term.over != NULL || term.under != NULL;
        sum->terms[sum->count++] = term;
    }
}

static Node *sum_of_term(const Sum *sum, const Term *term) {
    Graph *graph = sum->sums->graph;
    Type type = sum->node->type;
    NodeSpec spec = {.op = OP_REDUCE_SUM, .inputs = {term->core}, .input_count = 1, .ints = {sum->node->ints[0]}, .int_count = 1};
    double length = (double)shape_count(sum->node->inputs[0]->type.shape) / (double)shape_count(type.shape);
    Node *total = term->core != NULL ? graph_add(graph, &spec) : build_full(graph, type, length);
    total = multiply(graph, total, term->over);
    if (term->under != NULL) total = build_binary(graph, OP_DIV, total, term->under);
    return term->is_negative ? build_unary(graph, OP_NEG, total) : total;
}

static Node *take_apart(const Sums *sums, const Node *node) {
    Sum sum = {.sums = sums, .node = node};
    add_terms(&sum, node->inputs[0], false);
    if (sum.is_too_long || (sum.has_bare && sum.count > 1) || !sum.has_factors) return NULL;
    Node *total = NULL;
    for (int k = 0; k < sum.count; k++) {
        Node *part = sum_of_term(&sum, &sum.terms[k]);
        total = total == NULL ? part : build_binary(sums->graph, OP_ADD, total, part);
    }
    return total;
}

static Node *sums_rule(void *context, Graph *graph, const Node *node, Node *const *inputs) {
    Sums *sums = context;
    sums->graph = graph;
    bool is_sum = node->op == OP_REDUCE_SUM && dtype_is_float(node->type.dtype) && shape_count(node->inputs[0]->type.shape) > 0;
    Node *apart = is_sum ? take_apart(sums, node) : NULL;
    return sums->made[node->id] = apart != NULL ? apart : unit_copy_node(graph, node, inputs);
}

bool sums_take_apart(Unit *unit) {
    size_t count = unit->graph->node_count + 1;
    Sums sums = {.uses = unit_uses(unit), .made = allocate(sizeof(Node *) * count)};
    bool ok = unit_rebuild(unit, sums_rule, &sums);
    free(sums.uses), free(sums.made);
    return ok;
}
