/* Sums of terms with factors that come from sums along the same axes.
 *
 * The derivative of a normalisation sums along rows what was multiplied by a number of the row, which is itself made of sums
 * along that row: sum(a / s + c * r), where s and r are known when the whole row has been read. Taken apart, sum(a) / s + sum(c) * r
 * needs no second reading of it, and the fused group that made s and r sums a and c as well. Only factors that come from sums are taken
 * out: one that comes from a maximum may be there to keep the terms from overflowing. A number of the row by itself is left in place:
 * what it is subtracted from may be nearly the same. */
#include "lang/passes/simplify.h"

#include "lang/graph/build.h"
#include "lang/ops/op.h"

enum { TERMS_MAX = 4, VISITS_MAX = 24 };

typedef struct Term {
    bool is_negative;
    Node *core;         /* NULL: 1 */
    Node *over, *under; /* numbers of the row, NULL: 1 */
} Term;

typedef struct Sum {
    Graph *graph;
    const Node *node; /* OP_REDUCE_SUM, before */
    Shape space;      /* of what is summed */
    Term terms[TERMS_MAX];
    int count;
    bool is_too_long, has_bare, has_factors;
} Sum;

/* Some of what the number was made of is a sum along the same axes. */
static bool comes_from_sum(const Sum *sum, const Node *node, int *visits) {
    if (node->op == OP_REDUCE_SUM && node->ints[0] == sum->node->ints[0] && shape_equal(node->inputs[0]->type.shape, sum->space))
        return true;
    if (op_of(node)->fusion != FUSE_ELEMENTWISE || --*visits < 0) return false;
    for (int k = 0; k < node->input_count; k++)
        if (comes_from_sum(sum, node->inputs[k], visits)) return true;
    return false;
}

/* The number of each row that is repeated along the summed axes; NULL for anything else. */
static Node *row_number(const Sum *sum, Node *x) {
    int visits = VISITS_MAX;
    if (x->op != OP_BROADCAST) return NULL;
    Node *row = x->inputs[0];
    if (!shape_equal(row->type.shape, sum->node->type.shape)) return NULL;
    return comes_from_sum(sum, row, &visits) ? row : NULL;
}

static Node *multiply(Graph *graph, Node *a, Node *b) { return a == NULL ? b : b == NULL ? a : build_binary(graph, OP_MUL, a, b); }

static Term term_of(const Sum *sum, Node *x) {
    Node *row = row_number(sum, x);
    if (row != NULL) return (Term){.over = row};
    if (x->op == OP_NEG) {
        Term term = term_of(sum, x->inputs[0]);
        term.is_negative = !term.is_negative;
        return term;
    }
    if (x->op == OP_DIV && (row = row_number(sum, x->inputs[1])) != NULL) {
        Term term = term_of(sum, x->inputs[0]);
        term.under = multiply(sum->graph, term.under, row);
        return term;
    }
    if (x->op != OP_MUL) return (Term){.core = x};
    Term a = term_of(sum, x->inputs[0]), b = term_of(sum, x->inputs[1]);
    bool is_same = a.core == x->inputs[0] && b.core == x->inputs[1];
    return (Term){.is_negative = a.is_negative != b.is_negative,
                  .core = is_same ? x : multiply(sum->graph, a.core, b.core),
                  .over = multiply(sum->graph, a.over, b.over),
                  .under = multiply(sum->graph, a.under, b.under)};
}

static void add_terms(Sum *sum, Node *x, bool is_negative) {
    if (x->op == OP_ADD || x->op == OP_SUB) {
        add_terms(sum, x->inputs[0], is_negative);
        add_terms(sum, x->inputs[1], is_negative != (x->op == OP_SUB));
    } else if (x->op == OP_NEG) {
        add_terms(sum, x->inputs[0], !is_negative);
    } else if (sum->count == TERMS_MAX) {
        sum->is_too_long = true;
    } else {
        Term term = term_of(sum, x);
        term.is_negative = term.is_negative != is_negative;
        sum->has_bare |= term.core == NULL;
        sum->has_factors |= term.over != NULL || term.under != NULL;
        sum->terms[sum->count++] = term;
    }
}

static Node *sum_of_term(const Sum *sum, const Term *term) {
    Graph *graph = sum->graph;
    Type type = sum->node->type;
    NodeSpec spec = {.op = OP_REDUCE_SUM, .inputs = {term->core}, .input_count = 1, .ints = {sum->node->ints[0]}, .int_count = 1};
    double length = (double)shape_count(sum->space) / (double)shape_count(type.shape);
    Node *total = term->core != NULL ? graph_add(graph, &spec) : build_full(graph, type, length);
    total = multiply(graph, total, term->over);
    if (term->under != NULL) total = build_binary(graph, OP_DIV, total, term->under);
    return term->is_negative ? build_unary(graph, OP_NEG, total) : total;
}

Node *simplify_sum(const Candidate *candidate) {
    Node *x = candidate->inputs[0];
    Sum sum = {.graph = candidate->graph, .node = candidate->node, .space = x->type.shape};
    if (!dtype_is_float(x->type.dtype) || shape_count(sum.space) == 0) return NULL;
    add_terms(&sum, x, false);
    if (sum.is_too_long || (sum.has_bare && sum.count > 1) || !sum.has_factors) return NULL;
    Node *total = NULL;
    for (int k = 0; k < sum.count; k++) {
        Node *part = sum_of_term(&sum, &sum.terms[k]);
        total = total == NULL ? part : build_binary(sum.graph, OP_ADD, total, part);
    }
    return total;
}
