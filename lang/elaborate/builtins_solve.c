/* Solvers that are written in C because their speed needs it. The standard library has the functions that users call. */
#include "lang/elaborate/builtins.h"

static Value run_lasso(Elaborator *e, const Builtin *self, const Arguments *a) {
    static const char *const names[] = {"w", "gap", "steps"};
    (void)self;
    Node *inputs[5];
    int64_t max_steps;
    for (int k = 0; k < 5; k++)
        if (!float_at(e, a, k, &inputs[k])) return value_none();
    if (!integer_at(e, a, 5, 1, &max_steps)) return value_none();
    for (int k = 1; k < 5; k++) inputs[k] = build_cast(e->graph, inputs[k], inputs[0]->type.dtype);
    Node *node = call_op(e, OP_LASSO, inputs, 5, &max_steps, 1, NULL);
    if (!node) return value_none();
    Record *record = record_new(e);
    for (int k = 0; k < 3; k++) record_add(e, record, names[k], value_tensor(build_part(e->graph, node, k), a->span));
    return record_value(record, a->span);
}

const Builtin builtins_solve[] = {
    {"lasso_descent(x, y, lambda, tol, start, max_steps)", run_lasso, 0,
     "The weights of lasso(...), which is what to call, by coordinate descent on working sets from `start` [d]: a record {w, gap, steps}, gap over |y|^2 / 2. Without derivative. Example: lasso_descent(eye(2), [1.0, 0.1], 0.1, 1e-6, [0.0, 0.0], 100).w",
     false},
    {0},
};
