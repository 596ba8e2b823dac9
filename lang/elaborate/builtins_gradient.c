/* Derivatives as expressions. The cost is elaborated after the variable; see variables.h. */
#include "lang/elaborate/variables.h"

#include "lang/passes/autodiff.h"

#include <string.h>

/* --- the built-ins --- */

/* data: the cost is summed first, as d(u, t) does. */
static Value run_grad(Elaborator *e, const Builtin *self, const Arguments *a) {
    Variables v;
    Value result = value_none();
    if (variables_read(e, self, a, 1, &v)) {
        Node *cost = variables_cost(e, self, a, &v);
        if (cost && self->data) cost = build_sum_all(e->graph, cost);
        Node **results = cost ? variables_gradients(e, self, a, &v, cost) : NULL;
        if (results) result = variables_structured(e, &v, results, a->span);
    }
    variables_restore(e, &v);
    return result;
}

static Node *directional(Elaborator *e, const Arguments *a, Node *direction, const Node *like, const char *of) {
    if (!direction) return NULL;
    Shape shape;
    if (!shape_broadcast(direction->type.shape, like->type.shape, &shape) || !shape_equal(shape, like->type.shape)) {
        char one[SHAPE_TEXT], two[SHAPE_TEXT];
        diagnose(e->diagnostics, "E0400", a->span, "the direction is %s, but %s is %s", shape_text(direction->type.shape, one), of,
                 shape_text(like->type.shape, two));
        return NULL;
    }
    return build_broadcast(e->graph, build_cast(e->graph, direction, like->type.dtype), like->type.shape);
}

static Value run_jvp(Elaborator *e, const Builtin *self, const Arguments *a) {
    Variables v;
    Value result = value_none(), direction = lazy_argument(e, self, a, 2);
    if (value_ok(direction) && variables_read(e, self, a, 1, &v)) {
        Node *output = variables_cost(e, self, a, &v);
        if (output && v.count != 1) diagnose(e->diagnostics, "E0401", a->span, "'jvp' takes one tensor as variable");
        else if (output) {
            Node *tangent = directional(e, a, to_node(e, direction), v.nodes[0], "the variable");
            bool is_reached = tangent && variables_reach(e, self, a, &v, output);
            result = result_of(a, is_reached ? autodiff_jvp(e->graph, output, v.nodes[0], tangent) : NULL);
        }
        variables_restore(e, &v);
    }
    return result;
}

static Value run_vjp(Elaborator *e, const Builtin *self, const Arguments *a) {
    Variables v;
    Value result = value_none(), direction = lazy_argument(e, self, a, 2);
    if (!value_ok(direction) || !variables_read(e, self, a, 1, &v)) return value_none();
    Node *output = variables_cost(e, self, a, &v);
    Node *cotangent = output ? directional(e, a, to_node(e, direction), output, "the value") : NULL;
    if (cotangent) { /* the gradient of sum(v y), v held */
        Node *cost = build_sum_all(e->graph, build_binary(e->graph, OP_MUL, output, build_stop(e->graph, cotangent)));
        Node **results = cost ? variables_gradients(e, self, a, &v, cost) : NULL;
        if (results) result = variables_structured(e, &v, results, a->span);
    }
    variables_restore(e, &v);
    return result;
}

/* Directions in the order of the variables' nodes. */
static bool read_directions(Elaborator *e, Value value, Value like, Node **out, int *at, const Arguments *a, Node *const *variables) {
    if (like.kind == VALUE_RECORD || like.kind == VALUE_LIST) {
        int count = like.kind == VALUE_LIST ? like.list->count : like.record->count;
        if (value.kind != like.kind || (value.kind == VALUE_LIST && value.list->count != count))
            return diagnose(e->diagnostics, "E0401", a->span, "the directions must have the structure of the variables");
        for (int k = 0; k < count; k++) {
            Value item = like.kind == VALUE_LIST ? value.list->items[k] : record_field(value.record, like.record->fields[k].name);
            Value sample = like.kind == VALUE_LIST ? like.list->items[k] : like.record->fields[k].value;
            if (!value_ok(item)) return diagnose(e->diagnostics, "E0401", a->span, "the directions lack '%s'", like.record->fields[k].name);
            if (!read_directions(e, item, sample, out, at, a, variables)) return false;
        }
        return true;
    }
    out[*at] = directional(e, a, to_node(e, value), variables[*at], "the variable");
    return out[(*at)++] != NULL;
}

/* d/dw (g . v) with g = d cost / dw. */
static Value run_hvp(Elaborator *e, const Builtin *self, const Arguments *a) {
    Graph *graph = e->graph;
    Variables v;
    Value result = value_none(), direction = lazy_argument(e, self, a, 2);
    if (!value_ok(direction) || !variables_read(e, self, a, 1, &v)) return value_none();
    Node *cost = variables_cost(e, self, a, &v);
    Node **directions = arena_alloc(e->arena, sizeof *directions * (size_t)(v.count + 1)),
         **first = cost ? variables_gradients(e, self, a, &v, cost) : NULL;
    int at = 0;
    if (first && read_directions(e, direction, v.structure, directions, &at, a, v.nodes)) {
        Node *product = NULL;
        for (int k = 0; k < v.count; k++) {
            Node *term = build_sum_all(graph, build_binary(graph, OP_MUL, first[k], build_stop(graph, directions[k])));
            product = product ? build_binary(graph, OP_ADD, product, term) : term;
        }
        if (product && autodiff_grad(graph, product, v.nodes, v.count, true, directions))
            result = variables_structured(e, &v, directions, a->span);
    }
    variables_restore(e, &v);
    return result;
}

/* --- jacobians: one backward sweep an output element, or one forward product an input element, whichever are fewer --- */

static Node *unit_vector(Elaborator *e, Type type, int64_t index) {
    Fault fault;
    Tensor *tensor = tensor_zeros(type.dtype, type.shape, &fault);
    if (!tensor) {
        diagnose_fault(e->diagnostics, "E0901", e->graph->here, &fault);
        return NULL;
    }
    tensor_set_number(tensor, index, 1);
    return constant_of(e, tensor);
}

static Node *jacobian_row(Elaborator *e, Node *output, Node *variable, int64_t row) {
    Node *cotangent = unit_vector(e, output->type, row), *result = NULL;
    if (!cotangent || !autodiff_vjp(e->graph, &output, &cotangent, 1, &variable, 1, &result)) return NULL;
    return result ? result : build_zeros_like(e->graph, variable);
}

static Node *jacobian_of(Elaborator *e, const Arguments *a, Node *output, Node *variable) {
    int64_t rows = shape_count(output->type.shape), columns = shape_count(variable->type.shape);
    bool by_rows = rows <= columns;
    int64_t sweeps = by_rows ? rows : columns;
    Shape shape = output->type.shape;
    if (sweeps > 4096 || shape.rank + variable->type.shape.rank > RANK_MAX) {
        char one[SHAPE_TEXT], two[SHAPE_TEXT];
        diagnose(e->diagnostics, "E0400", a->span, "the jacobian of %s in %s is too large", shape_text(shape, one),
                 shape_text(variable->type.shape, two));
        diagnose_help(e->diagnostics, "jvp and vjp multiply with it without building it");
        return NULL;
    }
    for (int k = 0; k < variable->type.shape.rank; k++) shape.dims[shape.rank++] = variable->type.shape.dims[k];
    if (!sweeps) return build_full(e->graph, (Type){output->type.dtype, shape}, 0);
    Node **parts = arena_alloc(e->arena, sizeof *parts * (size_t)sweeps);
    for (int64_t k = 0; k < sweeps; k++) {
        if (by_rows) {
            parts[k] = jacobian_row(e, output, variable, k);
        } else {
            Node *unit = unit_vector(e, variable->type, k);
            parts[k] = unit ? autodiff_jvp(e->graph, output, variable, unit) : NULL;
        }
        if (!parts[k]) return NULL;
        parts[k] = build_reshape(e->graph, parts[k], shape_1(by_rows ? columns : rows));
    }
    return build_reshape(e->graph, build_stack(e->graph, parts, (int)sweeps, by_rows ? 0 : 1), shape);
}

/* data: of the gradient, which gives the hessian. */
static Value run_jacobian(Elaborator *e, const Builtin *self, const Arguments *a) {
    Variables v;
    Value result = value_none();
    if (!variables_read(e, self, a, 1, &v)) return value_none();
    Node *output = variables_cost(e, self, a, &v);
    if (output && !self->data && !variables_reach(e, self, a, &v, output)) output = NULL;
    if (output && v.count != 1) diagnose(e->diagnostics, "E0401", a->span, "a jacobian is taken in one tensor");
    else if (output && self->data) {
        Node **first = variables_gradients(e, self, a, &v, output);
        output = first ? first[0] : NULL;
    }
    if (output && v.count == 1) result = result_of(a, jacobian_of(e, a, output, v.nodes[0]));
    variables_restore(e, &v);
    return result;
}

/* --- second derivatives at points --- */

static Node *derivative(Elaborator *e, Node *u, Node *x) {
    Node *result = NULL, *sum = u ? build_sum_all(e->graph, u) : NULL;
    return sum && autodiff_grad(e->graph, sum, &x, 1, true, &result) ? result : NULL;
}

/* sum over k of d v_k / d x_k along the last axis; v is [..., d] like x. */
static Node *divergence_of(Elaborator *e, Node *v, Node *x) {
    int last = x->type.shape.rank - 1;
    Node *total = NULL;
    for (int64_t k = 0; v && k < x->type.shape.dims[last]; k++) {
        Node *slope = derivative(e, build_select(e->graph, v, last, k), x);
        Node *term = slope ? build_select(e->graph, slope, last, k) : NULL;
        if (!term) return NULL;
        total = total ? build_binary(e->graph, OP_ADD, total, term) : term;
    }
    return total;
}

/* data: laplacian, the divergence of the gradient. */
static Value run_divergence(Elaborator *e, const Builtin *self, const Arguments *a) {
    Variables v;
    Node *result = NULL;
    if (!variables_read(e, self, a, 1, &v)) return value_none();
    Node *field = variables_cost(e, self, a, &v);
    if (field && v.count != 1) diagnose(e->diagnostics, "E0401", a->span, "this is taken at the points of one tensor");
    else if (field) {
        Node *x = v.nodes[0];
        bool same = shape_equal(field->type.shape, x->type.shape);
        char one[SHAPE_TEXT], two[SHAPE_TEXT];
        if (!variables_reach(e, self, a, &v, field)) {
            result = NULL;
        } else if (self->data && (same || !x->type.shape.rank)) {
            result = derivative(e, derivative(e, field, x), x); /* points on a line */
        } else if (!x->type.shape.rank || (!self->data && !same)) {
            diagnose(e->diagnostics, "E0400", a->span, "a field %s at points %s has no divergence: the shapes must be equal",
                     shape_text(field->type.shape, one), shape_text(x->type.shape, two));
        } else {
            result = divergence_of(e, self->data ? derivative(e, field, x) : field, x);
        }
    }
    variables_restore(e, &v);
    return result_of(a, result);
}

/* --- values without derivative --- */

static Value stop_value(Elaborator *e, Value value, Span span) {
    if (value.kind == VALUE_NUMBER || value.kind == VALUE_BOOL || value.kind == VALUE_STRING) return value;
    if (value.kind == VALUE_LIST) {
        List *list = list_new(e, value.list->count);
        for (int k = 0; k < list->count; k++)
            if (!value_ok(list->items[k] = stop_value(e, value.list->items[k], span))) return value_none();
        return list_value(list, span);
    }
    if (value.kind == VALUE_RECORD) {
        Record *record = record_new(e);
        record->is_split = value.record->is_split;
        record->label = value.record->label;
        for (int k = 0; k < value.record->count; k++) {
            Value field = stop_value(e, value.record->fields[k].value, span);
            if (!value_ok(field)) return field;
            record_add(e, record, value.record->fields[k].name, field);
        }
        return record_value(record, span);
    }
    return value_tensor(build_stop(e->graph, to_node(e, value)), span);
}

static Value run_stop(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    return stop_value(e, a->values[0], a->span);
}

static Value run_straight_through(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *hard = node_at(e, a, 0), *soft = hard ? to_float(e, node_at(e, a, 1)) : NULL;
    if (!soft) return value_none();
    Shape shape = soft->type.shape;
    if (!shape_equal(hard->type.shape, shape)) {
        char one[SHAPE_TEXT], two[SHAPE_TEXT];
        diagnose(e->diagnostics, "E0400", a->span, "the hard value is %s and the soft one %s", shape_text(hard->type.shape, one),
                 shape_text(shape, two));
        return value_none();
    }
    return result_of(a, build_straight_through(e->graph, hard, soft));
}

#define VARIABLE \
    " The variable is a tensor or a name, a list or record of those (the result has the same structure), or a model or selection (a record by path). A value that mentions it and does not vary with it has derivative 0; E0500 when the value does not mention it, or an operation on the way has no derivative."
/* A cost that is one number per sample has one gradient per sample: the rows of its jacobian. */
static Value run_per_sample(Elaborator *e, const Builtin *self, const Arguments *a) {
    const Tree *call = argument_tree(self, a, 0);
    bool is_grad = call && call->kind == TREE_CALL && call->items[0]->kind == TREE_NAME && !strcmp(call->items[0]->name, "grad");
    if (!is_grad) {
        diagnose(e->diagnostics, "E0401", a->span, "per_sample is written around a gradient");
        diagnose_help(e->diagnostics, "write per_sample(grad(cost, w)) with one cost for each sample");
        return value_none();
    }
    const Builtin *jacobian = builtin_find("jacobian");
    return jacobian->run(e, jacobian, &(Arguments){.span = a->span, .tree = call, .scope = a->scope});
}

const Builtin builtins_gradient[] = {
    {"grad(cost, x)", run_grad, 0, "Derivative of a single number in x, with the shape of x." VARIABLE " Example: grad(x^3, x)", true},
    {"d(u, t)", run_grad, 1,
     "Pointwise derivative: grad(sum(u), t), right when element k of u depends on element k of t only." VARIABLE " Example: d(sin(t), t)",
     true},
    {"jvp(y, x, v)", run_jvp, 0, "Jacobian of y in x times the direction v (the shape of x), with the shape of y. Example: jvp(f(x), x, v)",
     true},
    {"vjp(y, x, v)", run_vjp, 0,
     "The direction v (the shape of y) times the jacobian of y in x, with the shape of x." VARIABLE " Example: vjp(f(x), x, v)", true},
    {"hvp(cost, w, v)", run_hvp, 0,
     "Hessian of a single number in w times the direction v, which has the structure of w." VARIABLE " Example: hvp(cost, w, v)", true},
    {"jacobian(y, x)", run_jacobian, 0,
     "All derivatives of y in the tensor x: shape of y, then shape of x; at most 4096 sweeps. Example: jacobian(f(x), x)", true},
    {"per_sample(gradient)", run_per_sample, 0,
     "per_sample(grad(cost, w)): the gradient of each sample's cost by itself, [n, shape of w], where cost is [n]; one backward sweep a sample, at most 4096. Example: per_sample(grad(cross_entropy(x @ w, y), w))",
     true},
    {"hessian(cost, x)", run_jacobian, 1, "All second derivatives of a single number: shape of x twice. Example: hessian(cost, x)", true},
    {"laplacian(u, x)", run_divergence, 1,
     "Sum of the second derivatives at each point: x [n, d] with u [n] or [n, 1] gives [n]; when u and x have one shape, the second derivative pointwise. Example: laplacian(u(x), x)",
     true},
    {"divergence(v, x)", run_divergence, 0,
     "Sum over k of d v[.., k] / d x[.., k] at each point; v and x are [n, d]. Example: divergence(f(x), x)", true},
    {"stop(x)", run_stop, 0, "The same value with derivative 0; lists and records item by item. Example: stop([1.0, 2.0])", false},
    {"straight_through(hard, soft)", run_straight_through, 0,
     "The value of `hard` with the derivative of `soft`. Example: straight_through(round([0.7]), [0.7])", false},
    {0},
};
