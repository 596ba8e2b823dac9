/* What loops leave behind: the history of a carry, and the record of a solve for the methods of a train block. */
#include "lang/elaborate/builtins.h"

#include <string.h>

/* A part of a loop node stands for a carry; its record is a later part of the same node. */
static Value run_history(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    const Node *carry = a->values[0].kind == VALUE_TENSOR ? a->values[0].node : NULL;
    Node *loop = carry && carry->op == OP_PART && carry->inputs[0]->op == OP_LOOP ? carry->inputs[0] : NULL;
    int carries = loop ? loop->loop->carry_count : 0;
    if (loop && loop->part_count > carries + 1 && carry->ints[0] < carries)
        return result_of(a, build_part(e->graph, loop, carries + 1 + (int)carry->ints[0]));
    diagnose(e->diagnostics, "E0401", a->span,
             loop && loop->part_count <= carries + 1
                 ? "a loop without `max N` has no history"
                 : "`history` takes a carry of a loop, such as (loop (x = 1.0) until x > 5 max 4 { x <- 2 * x }).x");
    return value_none();
}

static bool is_scalar_or_tensor(Value value) { return value.kind == VALUE_TENSOR || value.kind == VALUE_NUMBER; }

/* The values of a loop body do not exist outside of it: a solve inside a loop is not offered. */
static Value run_solved(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Value record = a->values[0];
    char buffer[KIND_TEXT];
    if (record.kind != VALUE_RECORD || !record.record->count || !is_scalar_or_tensor(record.record->fields[0].value)) {
        diagnose(e->diagnostics, "E0401", record.span, "`solved` takes the record of a solve, found %s", value_describe(record, buffer));
        return value_none();
    }
    SolveList *list = e->capture ? NULL : e->solves;
    if (!list) return record;
    Solve *items = arena_alloc(e->arena, sizeof *items * (size_t)(list->count + 1));
    if (list->count) memcpy(items, list->items, sizeof *items * (size_t)list->count);
    items[list->count++] = (Solve){record, e->instance};
    list->items = items;
    return record;
}

const Builtin builtins_loop[] = {
    {"history(carry)", run_history, 0,
     "The values of a carry of a loop with `max N`, [N + 1, ...]: row k before iteration k, row `steps` the last one, zeros beyond. Differentiable. Example: history((loop (x = 1.0) until x > 5 max 4 { x <- 2 * x }).x)",
     false},
    {"solved(record)", run_solved, 0,
     "The record of a solve as it is; in a train block it is also given to the `solve` hooks of methods that act on the model around. Solvers of the standard library call it last. Example: solved({y = ones([1]), steps = 3}).steps",
     false},
    {0},
};
