/* The derivative of a loop: a loop over its iterations from last to first.
 *
 * The forward loop gets a twin that records its carries (the pass in loops.c lets readers of the plain loop read the twin, so
 * that it runs once). The backward loop reads row t of the records, and its body is the pull-back of
 * the forward body at that row:
 *
 *   carries   t (iterations still to undo), the cotangent of each carry, the sum of the cotangents of each captured value
 *   captures  what the forward loop captured, the records, and the cotangents of the records (in a second derivative)
 *
 * What was computed from a sum that the forward loop kept (LoopBody.kept_count) and lies on no differentiable path is computed from the record of
 * the sum: so the decisions of a step are there before the step's states are. It is a loop of the same kind, so it can be
 * differentiated again. */
#include "lang/ops/rules.h"
#include "lang/passes/autodiff.h"
#include "lang/passes/simplify.h"
#include "runtime/base/memory.h"

#include <stdlib.h>
#include <string.h>

typedef struct Backward {
    Graph *graph;          /* of the loop */
    Graph *inner;          /* of the backward body */
    Node *node, *recorded; /* the loop, and its twin with records */
    const LoopBody *forward;
    Node *const *cotangents; /* of the loop's parts; NULL entries are zero */
    bool *carry_used;        /* by carry: has a cotangent carry */
    bool *captured_used;     /* by captured value: its cotangent is wanted */
    LoopBody *body;
    Node **inputs;
    int captured_total, carry_total, capacity; /* captures first; carries are kept apart until the end */
    Node **initials;
    Node **carry_values; /* by carry of the forward loop: its leaf's stand-in in `inner` */
    Node **captured_values;
    Node *left, *row; /* t, and t - 1, in the backward body: the iteration that is undone */
} Backward;

static void *list_new(Backward *b, size_t item_bytes) { return arena_alloc(b->graph->arena, item_bytes * (size_t)b->capacity); }

/* A cell that only says of which type a leaf of the body is: the loop binds its storage. */
static Node *leaf_of(Backward *b, const char *name, Type type, Cell **slot) {
    *slot = cell_new(name, tensor_wrap(type.dtype, type.shape, NULL));
    Node *leaf = build_leaf(b->inner, *slot);
    cell_release(*slot); /* the leaf holds it */
    return leaf;
}

/* `value` of the outer graph inside the body. */
static Node *capture(Backward *b, const char *name, Node *value) {
    if (!value) return NULL;
    int k = b->captured_total++;
    b->inputs[k] = value;
    return leaf_of(b, name, value->type, &b->body->captured_cells[k]);
}

/* A new carry of the backward loop: its leaf; `next` is filled later. */
static Node *carry(Backward *b, const char *name, Node *initial) {
    if (!initial) return NULL;
    int k = b->carry_total++;
    b->initials[k] = initial;
    return leaf_of(b, name, initial->type, &b->body->carry_cells[k]);
}

static Node *body_leaf(const LoopBody *body, Cell *cell) {
    Graph *graph = body->graph;
    for (size_t k = 0; k < graph->node_count; k++)
        if (graph->nodes[k]->op == OP_LEAF && graph->nodes[k]->cell == cell) return graph->nodes[k];
    return NULL;
}

/* --- which carries take part --------------------------------------------------------------------------------------------- */

/* Row k of `uses`: the carries (then the captured values) on which next[k] depends differentiably. */
static bool *dependencies(const LoopBody *body) {
    int width = body->carry_count + body->captured_count;
    bool *uses = allocate((size_t)(width * body->carry_count + 1));
    for (int j = 0; j < width; j++) {
        Node *leaf = body_leaf(body, j < body->carry_count ? body->carry_cells[j] : body->captured_cells[j - body->carry_count]);
        if (!leaf || !dtype_is_float(leaf->type.dtype)) continue;
        bool *active = autodiff_active(body->graph, body->next, body->carry_count, &leaf, 1);
        for (int k = 0; k < body->carry_count; k++) uses[k * width + j] = active[body->next[k]->id];
        free(active);
    }
    return uses;
}

/* Grows `set` along the carries: forwards (next uses a member) or backwards (a member's next uses it). */
static void close_set(const LoopBody *body, const bool *uses, bool *set, bool forwards) {
    int width = body->carry_count + body->captured_count;
    for (bool grown = true; grown;) {
        grown = false;
        for (int k = 0; k < body->carry_count; k++)
            for (int j = 0; j < body->carry_count; j++) {
                int from = forwards ? j : k, to = forwards ? k : j;
                if (uses[k * width + j] && set[from] && !set[to]) set[to] = grown = true;
            }
    }
}

/* A carry has a cotangent when a result needs it (backwards) and a wanted input reaches it (forwards). */
static void choose_carries(Backward *b, const bool *wanted) {
    const LoopBody *body = b->forward;
    int carries = body->carry_count, captured = body->captured_count, width = carries + captured;
    bool *uses = dependencies(body), *reached = allocate((size_t)carries + 1), *needed = allocate((size_t)carries + 1);
    for (int k = 0; k < carries; k++) {
        bool has_record = b->node->part_count > carries + 1;
        needed[k] = b->cotangents[k] || (has_record && b->cotangents[carries + 1 + k]);
        reached[k] = wanted[captured + k];
        for (int j = 0; j < captured; j++) reached[k] = reached[k] || (wanted[j] && uses[k * width + carries + j]);
    }
    close_set(body, uses, reached, true);
    close_set(body, uses, needed, false);
    for (int k = 0; k < carries; k++) b->carry_used[k] = reached[k] && needed[k];
    for (int j = 0; j < captured; j++)
        for (int k = 0; k < carries; k++)
            b->captured_used[j] = b->captured_used[j] || (wanted[j] && b->carry_used[k] && uses[k * width + carries + j]);
    free(uses);
    free(reached);
    free(needed);
}

/* --- building the body --------------------------------------------------------------------------------------------------- */

static Node *copied(Graph *graph, const Node *node, Node **inputs) {
    NodeSpec spec = {.op = node->op,
                     .more_inputs = node->input_count ? inputs : NULL,
                     .more_count = node->input_count,
                     .int_count = node->int_count,
                     .number_count = node->number_count,
                     .type = &node->type,
                     .cell = node->cell,
                     .constant = node->constant,
                     .rule = node->rule,
                     .loop = node->loop};
    memcpy(spec.ints, node->ints, sizeof *node->ints * (size_t)node->int_count);
    memcpy(spec.numbers, node->numbers, sizeof *node->numbers * (size_t)node->number_count);
    graph->here = node->span;
    return graph_add(graph, &spec);
}

/* Captures of the backward loop are made when first needed: what the forward loop captured, and its records, read at row t. */
static Node *captured_value(Backward *b, int k) {
    if (!b->captured_values[k]) b->captured_values[k] = capture(b, b->forward->captured_cells[k]->name, b->node->inputs[k]);
    return b->captured_values[k];
}

static Node *record_of(const Backward *b, int k) { return build_part(b->graph, b->recorded, b->forward->carry_count + 1 + k); }

static Node *carry_value(Backward *b, int k) {
    if (b->carry_values[k]) return b->carry_values[k];
    Node *record = capture(b, b->forward->carry_cells[k]->name, record_of(b, k));
    return b->carry_values[k] = record ? build_gather(b->inner, record, b->row, 0) : NULL;
}

static Node *stand_in(Backward *b, const Node *leaf) {
    for (int k = 0; k < b->forward->captured_count; k++)
        if (leaf->cell == b->forward->captured_cells[k]) return captured_value(b, k);
    for (int k = 0; k < b->forward->carry_count; k++)
        if (leaf->cell == b->forward->carry_cells[k]) return carry_value(b, k);
    return NULL;
}

/* By id of the forward body: on a differentiable path from what takes part to what has a cotangent. */
static bool *active_nodes(const Backward *b) {
    const LoopBody *body = b->forward;
    LIST(Node *) outputs = {0};
    LIST(Node *) variables = {0};
    for (int k = 0; k < body->carry_count; k++) {
        Node *leaf = b->carry_used[k] ? body_leaf(body, body->carry_cells[k]) : NULL;
        if (b->carry_used[k]) list_push(&outputs, body->next[k]);
        if (leaf) list_push(&variables, leaf);
    }
    for (int k = 0; k < body->captured_count; k++) {
        Node *leaf = b->captured_used[k] ? body_leaf(body, body->captured_cells[k]) : NULL;
        if (leaf) list_push(&variables, leaf);
    }
    bool *active = autodiff_active(body->graph, outputs.items, (int)outputs.count, variables.items, (int)variables.count);
    list_free(&outputs);
    list_free(&variables);
    return active;
}

/* Row t of the record holds what was kept before iteration t; the sum of iteration t is in the row after it. */
static void read_kept(Backward *b, Node **map) {
    const LoopBody *body = b->forward;
    bool *active = body->kept_count > 0 ? active_nodes(b) : NULL;
    for (int k = body->carry_count - body->kept_count; k < body->carry_count; k++)
        if (!active[body->next[k]->id]) map[body->next[k]->id] = build_gather(b->inner, capture(b, "kept", record_of(b, k)), b->left, 0);
    free(active);
}

/* The forward body inside the backward one; `next` becomes next's copies. */
static bool copy_body(Backward *b, Node **next) {
    Graph *from = b->forward->graph;
    Node **map = allocate((from->node_count + 1) * sizeof *map);
    bool *needed = allocate(from->node_count + 1), ok = true;
    LIST(Node *) inputs = {0};
    read_kept(b, map);
    for (int k = 0; k < b->forward->carry_count; k++) needed[b->forward->next[k]->id] = true;
    for (size_t id = from->node_count; id-- > 0;)
        for (int k = 0; needed[id] && !map[id] && k < from->nodes[id]->input_count; k++) needed[from->nodes[id]->inputs[k]->id] = true;
    for (size_t id = 0; ok && id < from->node_count; id++) {
        const Node *node = from->nodes[id];
        inputs.count = 0;
        for (int k = 0; needed[id] && !map[id] && k < node->input_count; k++) list_push(&inputs, map[node->inputs[k]->id]);
        if (needed[id] && node->op == OP_LEAF) map[id] = stand_in(b, node);
        if (needed[id] && !map[id]) map[id] = copied(b->inner, node, inputs.items);
        ok = !needed[id] || map[id];
    }
    for (int k = 0; ok && k < b->forward->carry_count; k++) next[k] = map[b->forward->next[k]->id];
    list_free(&inputs);
    free(map);
    free(needed);
    return ok;
}

/* The cotangent of the record of carry k; NULL when it is zero. */
static Node *record_cotangent(const Backward *b, int k) {
    int carries = b->forward->carry_count;
    return b->node->part_count > carries + 1 ? b->cotangents[carries + 1 + k] : NULL;
}

enum { FEW_ROWS = 4 }; /* rows that were read, times this, are few beside those of the record */

static bool reads_few(const Node *record) {
    if (record->op != OP_SCATTER_ADD) return false;
    const Shape *index = &record->inputs[1]->type.shape;
    return record->ints[0] == 0 && index->rank == 1 && index->dims[0] > 0 && FEW_ROWS * index->dims[0] <= record->type.shape.dims[0];
}

/* Where few rows of a record were read, its cotangent is zero but for them: row t is the sum of those that were read at t. So neither memory
 * nor time depends on how many iterations a loop may take. */
static Node *sum_of_reads(Graph *graph, Node *index, Node *reads, Node *row) {
    if (!index || !reads || !row) return NULL;
    Shape shape = reads->type.shape, one = shape;
    int64_t count = shape.dims[0], rest = shape_count(shape) / count;
    for (int k = 1; k < shape.rank; k++) one.dims[k - 1] = shape.dims[k];
    one.rank--;
    Node *chosen = build_cast(graph, build_binary(graph, OP_EQUAL, index, row), reads->type.dtype);
    Node *sum = build_matmul(graph, build_reshape(graph, chosen, shape_2(1, count)), build_reshape(graph, reads, shape_2(count, rest)));
    return build_reshape(graph, sum, one);
}

/* Row `row` of `record`, a node of b->graph, in `graph`: inside of the body it is captured. */
static Node *row_of(Backward *b, Graph *graph, Node *record, Node *row) {
    bool inside = graph == b->inner, has_room = 2 * b->captured_total < b->capacity;
    if (has_room && reads_few(record)) {
        Node *index = inside ? capture(b, "index", record->inputs[1]) : record->inputs[1];
        Node *reads = inside ? capture(b, "reads", record->inputs[2]) : record->inputs[2];
        Node *sum = sum_of_reads(graph, index, reads, row);
        return fold_is(record->inputs[0], 0) ? sum : build_accumulate(graph, row_of(b, graph, record->inputs[0], row), sum);
    }
    return build_gather(graph, inside ? capture(b, "record", record) : record, row, 0);
}

/* What the cotangent of carry k is after the last iteration. */
static Node *final_cotangent(Backward *b, int k) {
    Node *final = b->cotangents[k] ? b->cotangents[k] : build_full(b->graph, b->node->parts[k], 0);
    Node *record = record_cotangent(b, k);
    if (!record) return final;
    Node *steps = build_part(b->graph, b->recorded, b->forward->carry_count);
    return add(b->graph, final, row_of(b, b->graph, record, steps));
}

/* The lists of the forward carries and captured values that take part, and what the body makes of them. */
typedef struct Pull {
    Node **outputs, **cotangents, **variables, **results, **sums;
    int output_count, variable_count;
} Pull;

static bool add_carries(Backward *b, Pull *pull, Node **next) {
    for (int k = 0; k < b->forward->carry_count; k++)
        if (b->carry_used[k]) {
            Node *leaf = carry(b, "cotangent", final_cotangent(b, k));
            if (!leaf) return false;
            pull->outputs[pull->output_count] = next[k];
            pull->cotangents[pull->output_count++] = leaf;
            pull->sums[pull->variable_count] = NULL;
            pull->variables[pull->variable_count++] = carry_value(b, k);
        }
    for (int k = 0; k < b->forward->captured_count; k++)
        if (b->captured_used[k]) {
            Node *leaf = carry(b, "sum", build_zeros_like(b->graph, b->node->inputs[k]));
            if (!leaf) return false;
            pull->sums[pull->variable_count] = leaf;
            pull->variables[pull->variable_count++] = captured_value(b, k);
        }
    return true;
}

/* Fills `next` of the backward loop: after t, one for each variable of the pull. */
static bool close_body(Backward *b, Pull *pull, Node *row) {
    if (!autodiff_vjp(b->inner, pull->outputs, pull->cotangents, pull->output_count, pull->variables, pull->variable_count, pull->results))
        return false;
    int at = 0;
    for (int k = 0; k < b->forward->carry_count; k++)
        if (b->carry_used[k]) {
            Node *record = record_cotangent(b, k), *sum = pull->results[at];
            if (record) sum = build_accumulate(b->inner, sum, row_of(b, b->inner, record, row));
            b->body->next[1 + at] = sum ? sum : build_full(b->inner, b->node->parts[k], 0);
            at++;
        }
    for (; at < pull->variable_count; at++)
        b->body->next[1 + at] = pull->results[at] ? build_accumulate(b->inner, pull->sums[at], pull->results[at]) : pull->sums[at];
    for (int k = 0; k <= pull->variable_count; k++)
        if (!b->body->next[k]) return false;
    return true;
}

static bool build_body(Backward *b, Pull *pull) {
    Node *left = carry(b, "left", build_part(b->graph, b->recorded, b->forward->carry_count));
    Node *row = left ? subtract(b->inner, left, build_integer(b->inner, 1)) : NULL;
    Node **next = list_new(b, sizeof *next);
    b->left = left;
    b->row = row;
    if (!row || !copy_body(b, next) || !add_carries(b, pull, next)) return false;
    b->inner->here = b->node->span;
    b->body->next[0] = row;
    b->body->condition = build_binary(b->inner, OP_LESS_EQUAL, left, build_integer(b->inner, 0));
    return b->body->condition && close_body(b, pull, row);
}

static Node *backward_loop(Backward *b) {
    b->body->captured_count = b->captured_total;
    b->body->carry_count = b->carry_total;
    memcpy(b->inputs + b->captured_total, b->initials, sizeof(Node *) * (size_t)b->carry_total);
    return graph_add(
        b->graph,
        &(NodeSpec){
            .op = OP_LOOP, .more_inputs = b->inputs, .more_count = b->captured_total + b->carry_total, .int_count = 1, .loop = b->body});
}

static Node *recording_twin(Graph *graph, Node *node) {
    if (node->int_count > 0 && node->ints[0]) return node;
    return graph_add(
        graph,
        &(NodeSpec){
            .op = OP_LOOP, .more_inputs = node->inputs, .more_count = node->input_count, .ints = {1}, .int_count = 1, .loop = node->loop});
}

static void make_lists(Backward *b, Pull *pull) {
    b->capacity = 8 * (b->forward->captured_count + b->forward->carry_count) + 4;
    b->carry_used = list_new(b, sizeof(bool));
    b->captured_used = list_new(b, sizeof(bool));
    b->inputs = list_new(b, sizeof(Node *));
    b->initials = list_new(b, sizeof(Node *));
    b->carry_values = list_new(b, sizeof(Node *));
    b->captured_values = list_new(b, sizeof(Node *));
    b->body = arena_alloc(b->graph->arena, sizeof *b->body);
    *b->body = (LoopBody){.graph = b->inner,
                          .captured_cells = list_new(b, sizeof(Cell *)),
                          .carry_cells = list_new(b, sizeof(Cell *)),
                          .next = list_new(b, sizeof(Node *)),
                          .max = b->forward->max};
    pull->outputs = list_new(b, sizeof(Node *));
    pull->cotangents = list_new(b, sizeof(Node *));
    pull->variables = list_new(b, sizeof(Node *));
    pull->results = list_new(b, sizeof(Node *));
    pull->sums = list_new(b, sizeof(Node *));
}

bool vjp_loop(VjpContext *context) {
    Graph *graph = context->graph;
    Node *node = context->node;
    Backward b = {.graph = graph, .node = node, .forward = node->loop, .cotangents = context->part_cotangents};
    Pull pull = {0};
    if (!(b.recorded = recording_twin(graph, node))) return false;
    b.inner = graph_new_body(graph);
    make_lists(&b, &pull);
    choose_carries(&b, context->wanted);
    if (!build_body(&b, &pull)) return false;
    Node *loop = backward_loop(&b);
    int at = 1, captured = b.forward->captured_count;
    for (int k = 0; k < b.forward->carry_count; k++)
        if (b.carry_used[k] && !vjp_give(context, captured + k, build_part(graph, loop, at++))) return false;
    for (int k = 0; k < captured; k++)
        if (b.captured_used[k] && !vjp_give(context, k, build_part(graph, loop, at++))) return false;
    return loop != NULL;
}
