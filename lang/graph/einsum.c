/* Einstein sums: an equation such as "bij,bjk->bik" becomes transposes, reshapes, sums and matrix products.
 *
 * Operands are contracted two at a time from the left; a label is summed as soon as nothing later needs it. Labels are letters;
 * the dimensions under `...` get labels of their own, counted from the right as in broadcasting. */
#include "lang/graph/build_inside.h"

#include <ctype.h>
#include <string.h>

enum { LETTERS = 52, LABELS = LETTERS + RANK_MAX, TERMS_MAX = 16 };

/* A tensor whose axis k is called labels[k]. */
typedef struct Term {
    Node *node;
    int labels[2 * RANK_MAX];
    int count;
} Term;

typedef struct Einsum {
    Graph *graph;
    const char *equation;
    Term terms[TERMS_MAX];
    int term_count;
    int64_t sizes[LABELS]; /* -1: not seen */
    int uses[LABELS];      /* in how many places of operands it stands */
    int output[2 * RANK_MAX];
    int output_count;
    int ellipsis; /* the most dimensions that `...` covers */
} Einsum;

static int label_of(char c) { return islower((unsigned char)c) ? c - 'a' : 26 + (c - 'A'); }
static char letter_of(int label) { return (char)(label < 26 ? 'a' + label : label < LETTERS ? 'A' + label - 26 : '.'); }

static bool complain(const Einsum *e, const char *what) {
    return diagnose(e->graph->diagnostics, "E0400", e->graph->here, "einsum(\"%s\"): %s", e->equation, what);
}

/* How many letters and `...` a part of the equation holds; false for anything else in it. */
static bool scan(const Einsum *e, const char *text, size_t length, int *letters, bool *has_ellipsis) {
    *letters = 0;
    *has_ellipsis = false;
    for (size_t k = 0; k < length; k++) {
        if (isspace((unsigned char)text[k])) continue;
        if (length - k >= 3 && strncmp(text + k, "...", 3) == 0 && !*has_ellipsis) {
            *has_ellipsis = true;
            k += 2;
        } else if (isalpha((unsigned char)text[k])) {
            ++*letters;
        } else {
            return complain(e, "an equation holds letters, `,`, `->` and at most one `...` for each operand");
        }
    }
    return *letters <= RANK_MAX || complain(e, "too many dimensions");
}

/* Writes the labels of a part; `covered` dimensions stand under its `...`. */
static int read_labels(const char *text, size_t length, int covered, int *labels) {
    int count = 0;
    for (size_t k = 0; k < length; k++) {
        if (text[k] == '.') {
            for (int j = covered; j-- > 0;) labels[count++] = LETTERS + j;
            k += 2;
        } else if (isalpha((unsigned char)text[k])) {
            labels[count++] = label_of(text[k]);
        }
    }
    return count;
}

static bool note_size(Einsum *e, int label, int64_t size) {
    e->uses[label]++;
    if (e->sizes[label] == -1 || (label >= LETTERS && e->sizes[label] == 1)) e->sizes[label] = size;
    if (e->sizes[label] == size || (label >= LETTERS && size == 1)) return true;
    if (label >= LETTERS) return complain(e, "the dimensions under `...` do not broadcast");
    return diagnose(e->graph->diagnostics, "E0400", e->graph->here, "einsum(\"%s\"): '%c' is %lld in one place and %lld in another",
                    e->equation, letter_of(label), (long long)e->sizes[label], (long long)size);
}

static bool read_operand(Einsum *e, const char *text, size_t length, Node *operand) {
    Term *term = &e->terms[e->term_count++];
    int letters, rank = operand->type.shape.rank;
    bool has_ellipsis;
    char shape[SHAPE_TEXT];
    if (!scan(e, text, length, &letters, &has_ellipsis)) return false;
    if (has_ellipsis ? letters > rank : letters != rank)
        return diagnose(e->graph->diagnostics, "E0400", e->graph->here, "einsum(\"%s\"): operand %d has %d labels but the shape %s",
                        e->equation, e->term_count, letters, shape_text(operand->type.shape, shape));
    int covered = rank - letters;
    if (covered > e->ellipsis) e->ellipsis = covered;
    term->node = operand;
    term->count = read_labels(text, length, covered, term->labels);
    for (int k = 0; k < term->count; k++)
        if (!note_size(e, term->labels[k], operand->type.shape.dims[k])) return false;
    return true;
}

/* Without `->`: the dimensions of `...`, then the labels that stand once, in alphabetical order. */
static bool implicit_output(Einsum *e) {
    for (int k = e->ellipsis; k-- > 0;) e->output[e->output_count++] = LETTERS + k;
    for (int step = 0; step < LETTERS; step++) { /* 'A' before 'a', as in numpy */
        int label = (step + 26) % LETTERS;
        if (e->uses[label] == 1) e->output[e->output_count++] = label;
    }
    return e->output_count <= RANK_MAX || complain(e, "too many dimensions in the result");
}

static bool explicit_output(Einsum *e, const char *text) {
    int letters;
    bool has_ellipsis, seen[LABELS] = {false};
    if (!scan(e, text, strlen(text), &letters, &has_ellipsis)) return false;
    e->output_count = read_labels(text, strlen(text), e->ellipsis, e->output);
    for (int k = 0; k < e->output_count; k++) {
        int label = e->output[k];
        if (seen[label])
            return diagnose(e->graph->diagnostics, "E0400", e->graph->here, "einsum(\"%s\"): '%c' stands twice in the result", e->equation,
                            letter_of(label));
        if (e->uses[label] == 0)
            return diagnose(e->graph->diagnostics, "E0400", e->graph->here, "einsum(\"%s\"): '%c' is in the result but in no operand",
                            e->equation, letter_of(label));
        seen[label] = true;
    }
    return e->output_count <= RANK_MAX || complain(e, "too many dimensions in the result");
}

static bool parse(Einsum *e, Node *const *operands, int count) {
    const char *arrow = strstr(e->equation, "->"), *at = e->equation;
    const char *end = arrow ? arrow : at + strlen(at);
    for (int k = 0; k < LABELS; k++) e->sizes[k] = -1;
    for (;;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        size_t length = (size_t)((comma ? comma : end) - at);
        if (e->term_count == count)
            return diagnose(e->graph->diagnostics, "E0302", e->graph->here, "einsum(\"%s\") names more operands than the %d given",
                            e->equation, count);
        if (e->term_count == TERMS_MAX) return complain(e, "too many operands");
        if (!read_operand(e, at, length, operands[e->term_count])) return false;
        if (!comma) break;
        at = comma + 1;
    }
    if (e->term_count != count)
        return diagnose(e->graph->diagnostics, "E0302", e->graph->here, "einsum(\"%s\") names %d operands, found %d", e->equation,
                        e->term_count, count);
    return arrow ? explicit_output(e, arrow + 2) : implicit_output(e);
}

/* --- contraction --------------------------------------------------------------------------------------------------------- */

static int find(const int *labels, int count, int label) {
    for (int k = 0; k < count; k++)
        if (labels[k] == label) return k;
    return -1;
}

/* Is the label needed by the result or by an operand from `next` on? */
static bool is_needed(const Einsum *e, int label, int next) {
    if (find(e->output, e->output_count, label) >= 0) return true;
    for (int k = next; k < e->term_count; k++)
        if (find(e->terms[k].labels, e->terms[k].count, label) >= 0) return true;
    return false;
}

/* The term's axes in the order of `labels` (a permutation of its own). */
static Node *ordered(Einsum *e, const Term *term, const int *labels) {
    int permutation[RANK_MAX] = {0};
    for (int k = 0; k < term->count; k++) permutation[k] = find(term->labels, term->count, labels[k]);
    return build_transpose(e->graph, term->node, permutation);
}

/* Axes i < j of one label become one: the diagonal is every (n + 1)th element of the flattened plane. */
static void take_diagonal(Einsum *e, Term *term, int i, int j) {
    int rank = term->count, order[RANK_MAX] = {0}, at = 0;
    int64_t n = term->node->type.shape.dims[i], start[RANK_MAX] = {0}, stop[RANK_MAX] = {0}, step[RANK_MAX];
    Shape flat = {.rank = rank - 1};
    for (int k = 0; k < rank; k++)
        if (k != i && k != j) {
            flat.dims[at] = term->node->type.shape.dims[k];
            order[at++] = k;
        }
    order[at] = i, order[at + 1] = j;
    flat.dims[at] = n * n;
    for (int k = 0; k < RANK_MAX; k++) step[k] = 1, stop[k] = flat.dims[k];
    step[at] = n + 1;
    Node *planes = build_reshape(e->graph, build_transpose(e->graph, term->node, order), flat);
    term->node = build_slice(e->graph, planes, start, stop, step);
    int label = term->labels[i], kept[RANK_MAX];
    for (int k = 0; k < at; k++) kept[k] = term->labels[order[k]];
    memcpy(term->labels, kept, (size_t)at * sizeof kept[0]);
    term->labels[at] = label;
    term->count = rank - 1;
}

static void take_diagonals(Einsum *e, Term *term) {
    for (int i = 0; i < term->count; i++)
        for (int j = i + 1; term->node && j < term->count; j++)
            if (term->labels[i] == term->labels[j]) {
                take_diagonal(e, term, i, j);
                i = -1;
                break;
            }
}

/* Sums over the labels that neither `partner` nor anything from `next` on needs. */
static void sum_unneeded(Einsum *e, Term *term, const Term *partner, int next) {
    uint32_t axes = 0;
    int kept = 0;
    for (int k = 0; k < term->count; k++) {
        int label = term->labels[k];
        if (is_needed(e, label, next) || (partner && find(partner->labels, partner->count, label) >= 0)) term->labels[kept++] = label;
        else axes |= 1u << k;
    }
    term->count = kept;
    if (axes) term->node = build_reduce(e->graph, OP_REDUCE_SUM, term->node, axes, false);
}

/* Dimensions of size 1 under `...` grow to the common size. */
static void widen(Einsum *e, Term *term) {
    Shape shape = term->node->type.shape;
    for (int k = 0; k < term->count; k++)
        if (term->labels[k] >= LETTERS) shape.dims[k] = e->sizes[term->labels[k]];
    term->node = build_broadcast(e->graph, term->node, shape);
}

typedef struct Groups {
    int batch[RANK_MAX], left[RANK_MAX], right[RANK_MAX], inner[RANK_MAX];
    int batch_count, left_count, right_count, inner_count;
} Groups;

static Groups split(const Einsum *e, const Term *a, const Term *b, int next) {
    Groups g = {0};
    for (int k = 0; k < a->count; k++) {
        int label = a->labels[k];
        if (find(b->labels, b->count, label) < 0) g.left[g.left_count++] = label;
        else if (is_needed(e, label, next)) g.batch[g.batch_count++] = label;
        else g.inner[g.inner_count++] = label;
    }
    for (int k = 0; k < b->count; k++)
        if (find(a->labels, a->count, b->labels[k]) < 0) g.right[g.right_count++] = b->labels[k];
    return g;
}

static int64_t size_of(const Einsum *e, const int *labels, int count) {
    int64_t size = 1;
    for (int k = 0; k < count; k++) size *= e->sizes[labels[k]];
    return size;
}

static int append(int *labels, int count, const int *more, int more_count) {
    if (more_count > 0) memcpy(labels + count, more, (size_t)more_count * sizeof *labels);
    return count + more_count;
}

/* The term as [batch, rows, columns] of label groups; `*flipped`: stored as [batch, columns, rows] because that needs no move. */
static Node *as_matrix(Einsum *e, const Term *term, const Groups *g, const int *rows, int row_count, const int *columns, int column_count,
                       bool *flipped) {
    int order[RANK_MAX], count = append(order, 0, g->batch, g->batch_count);
    count = append(order, count, columns, column_count);
    append(order, count, rows, row_count);
    *flipped = memcmp(order, term->labels, (size_t)term->count * sizeof *order) == 0;
    if (!*flipped) {
        count = append(order, g->batch_count, rows, row_count);
        append(order, count, columns, column_count);
    }
    Node *moved = ordered(e, term, order);
    int64_t m = size_of(e, rows, row_count), n = size_of(e, columns, column_count);
    Shape shape = {0};
    if (g->batch_count) shape.dims[shape.rank++] = size_of(e, g->batch, g->batch_count);
    shape.dims[shape.rank++] = *flipped ? n : m;
    shape.dims[shape.rank++] = *flipped ? m : n;
    return build_reshape(e->graph, moved, shape);
}

/* No label is summed: align both to batch, left, right and multiply. */
static Node *outer_product(Einsum *e, const Term *a, const Term *b, const Groups *g, const int *labels, int count) {
    int own[RANK_MAX];
    Shape left = {.rank = count}, right = {.rank = count};
    for (int k = 0; k < count; k++) {
        bool in_left = k < g->batch_count + g->left_count, in_right = k < g->batch_count || !in_left;
        left.dims[k] = in_left ? e->sizes[labels[k]] : 1;
        right.dims[k] = in_right ? e->sizes[labels[k]] : 1;
    }
    append(own, append(own, 0, g->batch, g->batch_count), g->left, g->left_count);
    Node *first = build_reshape(e->graph, ordered(e, a, own), left);
    append(own, g->batch_count, g->right, g->right_count);
    Node *second = build_reshape(e->graph, ordered(e, b, own), right);
    return build_binary(e->graph, OP_MUL, first, second);
}

static bool contract(Einsum *e, Term *a, Term *b, int next) {
    sum_unneeded(e, a, b, next);
    sum_unneeded(e, b, a, next);
    if (!a->node || !b->node) return false;
    Groups g = split(e, a, b, next);
    int labels[2 * RANK_MAX], count = append(labels, 0, g.batch, g.batch_count);
    count = append(labels, count, g.left, g.left_count);
    count = append(labels, count, g.right, g.right_count);
    if (count > RANK_MAX) return complain(e, "too many dimensions in a product; write it in steps");
    Node *product;
    if (g.inner_count == 0) {
        product = outer_product(e, a, b, &g, labels, count);
    } else {
        bool flipped_a, flipped_b;
        Node *left = as_matrix(e, a, &g, g.left, g.left_count, g.inner, g.inner_count, &flipped_a);
        Node *right = as_matrix(e, b, &g, g.inner, g.inner_count, g.right, g.right_count, &flipped_b);
        Shape shape = {.rank = count};
        for (int k = 0; k < count; k++) shape.dims[k] = e->sizes[labels[k]];
        product = build_reshape(e->graph, build_matmul_flags(e->graph, left, right, flipped_a, flipped_b), shape);
    }
    a->node = product;
    a->count = append(a->labels, 0, labels, count);
    return product != NULL;
}

Node *build_einsum(Graph *graph, const char *equation, Node *const *operands, int count) {
    Einsum e = {.graph = graph, .equation = equation};
    for (int k = 0; k < count; k++)
        if (!operands[k]) return NULL;
    if (!parse(&e, operands, count)) return NULL;
    for (int k = 0; k < count; k++) {
        Term *term = &e.terms[k];
        term->node = build_convert(graph, term->node, build_float_type(graph, term->node));
        widen(&e, term);
        take_diagonals(&e, term);
        if (!term->node) return NULL;
    }
    for (int k = 1; k < count; k++)
        if (!contract(&e, &e.terms[0], &e.terms[k], k + 1)) return NULL;
    sum_unneeded(&e, &e.terms[0], NULL, count);
    return e.terms[0].node ? ordered(&e, &e.terms[0], e.output) : NULL;
}
