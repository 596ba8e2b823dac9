#include "lang/elaborate/loop.h"

#include "lang/ops/op.h"

#include <string.h>

/* A loop under construction: its body graph and the cells of its carries. */
typedef struct LoopBuild {
    LoopBody *body;
    Capture capture;
    Node **initial;
    const Tree *carries;
    Scope *scope;
    bool sets_any; /* the body sets some carry */
} LoopBuild;

enum { KEPT_MAX = 16 };

static bool carry_initials(Elaborator *e, LoopBuild *loop, Scope *scope) {
    int count = loop->carries->count;
    size_t capacity = (size_t)(count + KEPT_MAX);
    loop->initial = arena_alloc(e->arena, sizeof(Node *) * capacity);
    loop->body->carry_cells = arena_alloc(e->arena, sizeof(Cell *) * capacity);
    loop->body->next = arena_alloc(e->arena, sizeof(Node *) * capacity);
    loop->body->carry_count = count;
    for (int k = 0; k < count; k++) {
        const Tree *carry = loop->carries->items[k];
        Node *node = to_node(e, elaborate(e, carry->items[0], scope));
        if (!node) return false;
        loop->initial[k] = node;
        Fault fault;
        Tensor *tensor = tensor_zeros(node->type.dtype, node->type.shape, &fault);
        if (!tensor) return diagnose_fault(e->diagnostics, "E0901", carry->span, &fault);
        loop->body->carry_cells[k] = own_cell(e, cell_new(carry->name, tensor));
    }
    return true;
}

static void bind_carries(Elaborator *e, LoopBuild *loop) {
    for (int k = 0; k < loop->carries->count; k++) {
        Node *leaf = build_leaf(loop->body->graph, loop->body->carry_cells[k]);
        loop->body->next[k] = leaf;
        scope_set(e, loop->scope, loop->carries->items[k]->name, value_tensor(leaf, loop->carries->items[k]->span));
    }
}

static bool set_carry(Elaborator *e, LoopBuild *loop, const Tree *commit) {
    const Tree *target = commit->items[0];
    int at = -1;
    for (int k = 0; k < loop->carries->count && target->kind == TREE_NAME; k++)
        if (!strcmp(loop->carries->items[k]->name, target->name)) at = k;
    if (at < 0) {
        diagnose(e->diagnostics, "E0200", target->span, "`<-` in a loop sets one of its carries");
        return diagnose_second(e->diagnostics, loop->carries->span, "the carries are declared here");
    }
    Value value = elaborate(e, commit->items[1], loop->scope);
    Node *node = to_node(e, value);
    Type type = loop->initial[at]->type;
    if (!node) return false;
    if (dtype_is_float(node->type.dtype) && !dtype_is_float(type.dtype)) {
        diagnose(e->diagnostics, "E0401", commit->span, "the carry '%s' starts as %s and cannot become %s", target->name,
                 type.dtype == DTYPE_I64 ? "a whole number" : "true or false", "a real number");
        diagnose_second(e->diagnostics, loop->carries->items[at]->span, "it starts here");
        return type.dtype == DTYPE_I64 && diagnose_help(e->diagnostics, "start it as a real number: 1.0 instead of 1, or float(x)");
    }
    loop->sets_any = true;
    node = build_cast(e->graph, node, type.dtype);
    if (node && node->type.shape.rank < type.shape.rank) node = build_broadcast(e->graph, node, type.shape);
    if (!node) return false;
    if (!shape_equal(node->type.shape, type.shape)) {
        char a[SHAPE_TEXT], b[SHAPE_TEXT];
        diagnose(e->diagnostics, "E0400", commit->span, "the carry '%s' starts as %s and cannot become %s", target->name,
                 shape_text(type.shape, b), shape_text(node->type.shape, a));
        return diagnose_second(e->diagnostics, loop->carries->items[at]->span, "it starts here");
    }
    loop->body->next[at] = node;
    return true;
}

/* All `<-` of one iteration read the values from before it. */
static bool loop_body(Elaborator *e, LoopBuild *loop, const Tree *block) {
    for (int k = 0; k < block->count; k++) {
        const Tree *statement = block->items[k];
        if (statement->kind == TREE_COMMIT) {
            if (!set_carry(e, loop, statement)) return false;
        } else if (!elaborate_statement(e, statement, loop->scope, NULL)) {
            return false;
        }
    }
    return true;
}

static bool loop_graph(Elaborator *e, LoopBuild *loop, const Tree *tree, Scope *scope) {
    Graph *outer = e->graph;
    Capture *capture = e->capture;
    loop->capture = (Capture){.outer = outer, .parent = capture};
    loop->body->graph = graph_new_body(outer);
    Node *key = e->key;
    e->graph = loop->body->graph;
    e->capture = &loop->capture;
    e->key = NULL;
    loop->scope = scope_new(e, scope);
    bind_carries(e, loop);
    Value condition = elaborate(e, tree->items[1], loop->scope);
    loop->body->condition = to_node(e, condition);
    bool ok = loop->body->condition && loop_body(e, loop, tree->items[3]);
    if (ok && !loop->sets_any) {
        ok = diagnose(e->diagnostics, "E0600", tree->items[3]->span,
                      "the loop never sets a carry, so that nothing changes from one round to the next");
        diagnose_help(e->diagnostics, "write `%s <- ...` in its body", loop->carries->count ? loop->carries->items[0]->name : "carry");
    }
    if (ok && (loop->body->condition->type.dtype != DTYPE_BOOL || loop->body->condition->type.shape.rank != 0)) {
        char buffer[KIND_TEXT];
        ok = diagnose(e->diagnostics, "E0401", condition.span, "the condition of a loop is one truth value, found %s",
                      value_describe(condition, buffer));
    }
    e->graph = outer;
    e->capture = capture;
    e->key = key;
    loop->body->captured_cells = loop->capture.cells;
    loop->body->captured_count = loop->capture.count;
    return ok;
}

/* Its carries can be recorded, for `history` and derivatives; records that nobody reads are dropped (lang/passes/loops.h). */
static bool can_record(const LoopBuild *loop) {
    bool fits = loop->body->max >= 0;
    for (int k = 0; k < loop->carries->count; k++) fits = fits && loop->initial[k]->type.shape.rank < RANK_MAX;
    return fits;
}

static bool sums_up(const Node *node) {
    bool from_many = false;
    for (int k = 0; k < node->input_count; k++) from_many = from_many || shape_count(node->inputs[k]->type.shape) > 1;
    return from_many && node->part_count == 0 && shape_count(node->type.shape) == 1 && op_flops(node) > 0;
}

/* Carries for the derivative: see LoopBody. */
static bool keep_sums(Elaborator *e, LoopBuild *loop) {
    LoopBody *body = loop->body;
    for (size_t id = 0; id < body->graph->node_count && body->kept_count < KEPT_MAX; id++) {
        Node *node = body->graph->nodes[id];
        if (!sums_up(node)) continue;
        Fault fault;
        Tensor *tensor = tensor_zeros(node->type.dtype, node->type.shape, &fault);
        if (!tensor) return diagnose_fault(e->diagnostics, "E0901", node->span, &fault);
        loop->initial[body->carry_count] = build_full(e->graph, node->type, 0);
        body->carry_cells[body->carry_count] = own_cell(e, cell_new("kept", tensor));
        body->next[body->carry_count++] = node;
        body->kept_count++;
    }
    return true;
}

static Value loop_results(Elaborator *e, LoopBuild *loop, Node *node, Span span) {
    Record *record = record_new(e);
    for (int k = 0; k < loop->carries->count; k++)
        record_add(e, record, loop->carries->items[k]->name, value_tensor(build_part(e->graph, node, k), span));
    record_add(e, record, "steps", value_tensor(build_part(e->graph, node, loop->body->carry_count), span));
    return (Value){.kind = VALUE_RECORD, .span = span, .record = record};
}

Value elaborate_loop(Elaborator *e, const Tree *tree, Scope *scope) {
    LoopBuild loop = {.carries = tree->items[0]};
    loop.body = arena_alloc(e->arena, sizeof *loop.body);
    loop.body->max = -1;
    if (tree_item(tree, 2) && !to_integer(e, elaborate(e, tree->items[2], scope), &loop.body->max)) return value_none();
    if (tree_item(tree, 2) && loop.body->max < 0) {
        diagnose(e->diagnostics, "E0304", tree->items[2]->span, "a loop cannot run %lld times", (long long)loop.body->max);
        return value_none();
    }
    if (!carry_initials(e, &loop, scope) || !loop_graph(e, &loop, tree, scope)) return value_none();
    if (can_record(&loop) && !keep_sums(e, &loop)) return value_none();
    int captured = loop.body->captured_count, total = captured + loop.body->carry_count;
    Node **inputs = arena_alloc(e->arena, sizeof *inputs * (size_t)(total + 1));
    for (int k = 0; k < captured; k++) inputs[k] = loop.capture.nodes[k];
    for (int k = 0; k < loop.body->carry_count; k++) inputs[captured + k] = loop.initial[k];
    e->graph->here = tree->span;
    Node *node = graph_add(
        e->graph,
        &(NodeSpec){
            .op = OP_LOOP, .more_inputs = inputs, .more_count = total, .ints = {1}, .int_count = can_record(&loop), .loop = loop.body});
    return node ? loop_results(e, &loop, node, tree->span) : value_none();
}
