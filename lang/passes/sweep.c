#include "lang/passes/sweep.h"

#include "lang/graph/build.h"
#include "lang/ops/op.h"
#include "runtime/base/memory.h"

#include <stdlib.h>

enum {
    STEPS_MAX = 6, /* the ints of a node hold that many */
    OTHERS_MAX = 6,
    STEP_INTS = 4,
    ROW_MAX = 16384, /* elements: rows that are longer, and the sums along them, do not stay in a cache between the two uses */
};

typedef struct Match {
    Node *matrix, *v; /* y = matrix v */
    Node *others[OTHERS_MAX];
    int other_count;
    int64_t program[STEPS_MAX * STEP_INTS]; /* operands: 0 for y, -1 - k for others[k], 1 + k for the result of step k */
    int step_count;
} Match;

typedef struct Sweeps {
    int *uses;        /* by node id, as the next three */
    Match **match_of; /* of z */
    int *z_of;        /* of w: the id of its z, or -1 */
    Node **made;      /* what has become of a node; of z, see below */
    Node **sweep;     /* of z */
} Sweeps;

/* A matrix by one vector, whichever way it is written. */
typedef struct Product {
    Node *matrix, *vector;
    bool transposed;
} Product;

static bool as_product(const Node *node, Product *product) {
    if (node->op != OP_MATMUL || node->inputs[0]->type.shape.rank != 2 || node->inputs[1]->type.shape.rank != 2) return false;
    bool column = node->type.shape.dims[1] == 1;
    if (!column && node->type.shape.dims[0] != 1) return false;
    if (column) *product = (Product){node->inputs[0], node->inputs[1], node->ints[0] != 0};
    else *product = (Product){node->inputs[1], node->inputs[0], node->ints[1] == 0};
    const int64_t *dims = product->matrix->type.shape.dims;
    return dtype_is_float(node->type.dtype) && dims[0] > 1 && dims[1] > 1 && dims[1] <= ROW_MAX;
}

/* Past reshapes, which keep the order of a vector's elements. NULL when one of them has other readers. */
static Node *behind_reshapes(const Sweeps *sweeps, Node *node) {
    for (; node->op == OP_RESHAPE; node = node->inputs[0])
        if (sweeps->uses[node->id] != 1) return NULL;
    return node;
}

static bool is_step(const Node *node, int64_t count, DType dtype) {
    OperandKind kind = op_of(node)->kind;
    return (kind == OPERANDS_FLOAT || kind == OPERANDS_NUMBER) && node->op != OP_CAST && node->type.dtype == dtype &&
           shape_count(node->type.shape) == count;
}

static bool collect(const Sweeps *sweeps, Match *match, Node *node, int64_t *value);

/* The operand's value: something that comes from y, or another vector that is read as it is. */
static bool operand_value(const Sweeps *sweeps, Match *match, Node *operand, int64_t *value) {
    Node *inner = behind_reshapes(sweeps, operand);
    if (inner != NULL && sweeps->uses[inner->id] == 1) {
        Match before = *match;
        if (collect(sweeps, match, inner, value)) return true;
        *match = before;
    }
    if (operand->type.dtype != match->matrix->type.dtype || shape_count(operand->type.shape) != match->matrix->type.shape.dims[0] ||
        match->other_count == OTHERS_MAX)
        return false;
    match->others[match->other_count++] = operand;
    *value = -match->other_count;
    return true;
}

static bool collect_step(const Sweeps *sweeps, Match *match, Node *node, int64_t *value) {
    int64_t operands[3] = {0, 0, 0};
    bool reads_y = false;
    for (int k = 0; k < node->input_count; k++) {
        if (!operand_value(sweeps, match, node->inputs[k], &operands[k])) return false;
        reads_y = reads_y || operands[k] >= 0;
    }
    if (!reads_y || match->step_count == STEPS_MAX) return false;
    int64_t *step = match->program + STEP_INTS * match->step_count++;
    step[0] = node->op;
    for (int k = 0; k < 3; k++) step[k + 1] = operands[k];
    *value = match->step_count;
    return true;
}

/* Adds to the match what computes `node` from y; false when it does not come from y. */
static bool collect(const Sweeps *sweeps, Match *match, Node *node, int64_t *value) {
    Product product;
    *value = 0;
    if (as_product(node, &product)) {
        if (product.matrix != match->matrix || product.transposed || match->v != NULL) return false;
        match->v = product.vector;
        return true;
    }
    return is_step(node, match->matrix->type.shape.dims[0], match->matrix->type.dtype) && collect_step(sweeps, match, node, value);
}

static void find_match(const Sweeps *sweeps, Node *w) {
    Product product;
    if (!as_product(w, &product) || !product.transposed) return;
    Node *z = product.vector;
    while (z->op == OP_RESHAPE) z = z->inputs[0];
    if (sweeps->match_of[z->id] != NULL) return;
    Match match = {.matrix = product.matrix};
    int64_t value;
    if (!collect(sweeps, &match, z, &value) || match.v == NULL) return;
    sweeps->match_of[z->id] = allocate(sizeof match);
    *sweeps->match_of[z->id] = match;
    sweeps->z_of[w->id] = z->id;
}

static Node *as_column(Graph *graph, Node *vector) { return build_reshape(graph, vector, shape_2(shape_count(vector->type.shape), 1)); }

static Node *build_sweep(const Sweeps *sweeps, Graph *graph, const Match *match) {
    NodeSpec spec = {.op = OP_SWEEP, .input_count = 2 + match->other_count, .int_count = STEP_INTS * match->step_count};
    spec.inputs[0] = sweeps->made[match->matrix->id];
    spec.inputs[1] = as_column(graph, sweeps->made[match->v->id]);
    for (int k = 0; k < match->other_count; k++) spec.inputs[2 + k] = as_column(graph, sweeps->made[match->others[k]->id]);
    for (int k = 0; k < spec.int_count; k++) {
        int64_t operand = match->program[k];
        if (k % STEP_INTS == 0) spec.ints[k] = operand;
        else spec.ints[k] = operand < 0 ? -operand : operand > 0 ? operand + match->other_count : 0;
    }
    return graph_add(graph, &spec);
}

static Node *part_as(Graph *graph, Node *sweep, int part, const Node *like) {
    return sweep ? build_reshape(graph, build_part(graph, sweep, part), like->type.shape) : NULL;
}

static Node *sweep_rule(void *context, Graph *graph, const Node *node, Node *const *inputs) {
    Sweeps *sweeps = context;
    Node *result;
    if (sweeps->match_of[node->id] != NULL) {
        sweeps->sweep[node->id] = build_sweep(sweeps, graph, sweeps->match_of[node->id]);
        result = part_as(graph, sweeps->sweep[node->id], 0, node);
    } else if (sweeps->z_of[node->id] >= 0) {
        result = part_as(graph, sweeps->sweep[sweeps->z_of[node->id]], 1, node);
    } else {
        result = unit_copy_node(graph, node, inputs);
    }
    return sweeps->made[node->id] = result;
}

bool sweep_products(Unit *unit) {
    size_t count = unit->graph->node_count + 1;
    Sweeps sweeps = {.uses = unit_uses(unit),
                     .match_of = allocate(sizeof(Match *) * count),
                     .z_of = allocate(sizeof(int) * count),
                     .made = allocate(sizeof(Node *) * count),
                     .sweep = allocate(sizeof(Node *) * count)};
    bool any = false, ok = true;
    for (size_t id = 0; id < unit->graph->node_count; id++) sweeps.z_of[id] = -1;
    for (size_t id = 0; id < unit->graph->node_count; id++) {
        find_match(&sweeps, unit->graph->nodes[id]);
        any = any || sweeps.z_of[id] >= 0;
    }
    if (any) ok = unit_rebuild(unit, sweep_rule, &sweeps);
    for (size_t id = 0; id < count; id++) free(sweeps.match_of[id]);
    free(sweeps.uses), free(sweeps.match_of), free(sweeps.z_of), free(sweeps.made), free(sweeps.sweep);
    return ok;
}
