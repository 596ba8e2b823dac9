/* The shape rule of loops; their derivative is in lang/passes/autodiff_loop.c. */
#include "lang/ops/rules.h"

static bool same_type(Graph *graph, const char *what, int k, Type expected, Type found) {
    char left[SHAPE_TEXT], right[SHAPE_TEXT];
    if (expected.dtype == found.dtype && shape_equal(expected.shape, found.shape)) return true;
    return diagnose(graph->diagnostics, "E0400", graph->here, "carry %d of a loop is %s %s, but %s is %s %s", k + 1,
                    dtype_name(expected.dtype), shape_text(expected.shape, left), what, dtype_name(found.dtype),
                    shape_text(found.shape, right));
}

static bool inputs_fit(Graph *graph, const NodeSpec *spec) {
    const LoopBody *loop = spec->loop;
    if (spec_inputs(spec) != loop->captured_count + loop->carry_count)
        return diagnose(graph->diagnostics, "E0401", graph->here, "the loop needs %d values, found %d",
                        loop->captured_count + loop->carry_count, spec_inputs(spec));
    for (int k = 0; k < loop->carry_count; k++) {
        Type initial = spec_type(spec, loop->captured_count + k);
        if (!loop->next[k] || !same_type(graph, "its next value", k, initial, loop->next[k]->type)) return false;
    }
    if (!loop->condition && loop->max < 0) return diagnose(graph->diagnostics, "E0401", graph->here, "a loop needs a condition or `max N`");
    Type condition = loop->condition ? loop->condition->type : (Type){.dtype = DTYPE_BOOL};
    return (condition.dtype == DTYPE_BOOL && condition.shape.rank == 0) ||
           diagnose(graph->diagnostics, "E0401", graph->here, "the condition of a loop is one truth value");
}

bool infer_loop(Graph *graph, const NodeSpec *spec, Type *types, int *count) {
    const LoopBody *loop = spec->loop;
    bool is_recorded = spec->int_count > 0 && spec->ints[0] != 0;
    int64_t dropped = spec->int_count > 1 ? spec->ints[1] : 0;
    if (!inputs_fit(graph, spec)) return false;
    if (is_recorded && loop->max < 0)
        return diagnose(graph->diagnostics, "E0500", graph->here, "a loop that is differentiated needs `max N`");
    for (int k = 0; k < loop->carry_count; k++) {
        Type carry = spec_type(spec, loop->captured_count + k);
        types[k] = types[loop->carry_count + 1 + k] = carry;
        Shape *record = &types[loop->carry_count + 1 + k].shape;
        if (k < LOOP_DROPPED_MAX && dropped >> k & 1) {
            *record = shape_1(0);
            continue;
        }
        if (is_recorded && carry.shape.rank == RANK_MAX)
            return diagnose(graph->diagnostics, "E0400", graph->here, "a carry of a loop that is differentiated has at most %d dimensions",
                            RANK_MAX - 1);
        *record = (Shape){.rank = is_recorded ? carry.shape.rank + 1 : 0, .dims = {loop->max + 1}};
        for (int axis = 0; is_recorded && axis < carry.shape.rank; axis++) record->dims[axis + 1] = carry.shape.dims[axis];
    }
    types[loop->carry_count] = (Type){.dtype = DTYPE_I64, .shape = shape_scalar()};
    *count = is_recorded ? 2 * loop->carry_count + 1 : loop->carry_count + 1;
    return true;
}
