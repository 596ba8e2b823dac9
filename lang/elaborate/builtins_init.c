/* First values of parameters and states: `param w: [d, units] ~ glorot`, `state m: [c] = zeros`. */
#include "lang/elaborate/builtins.h"

#include <math.h>
#include <string.h>

/* An initialiser is called as a built-in that knows what it fills. */
typedef struct Draft {
    Builtin builtin; /* first, so that `self` of a run is the draft */
    Type type;
    const char *path;
} Draft;

/* Dense weights are [in, out], kernels [out, in, size...]. */
static void fans(Shape shape, double *in, double *out) {
    double field = 1;
    for (int k = 2; k < shape.rank; k++) field *= (double)shape.dims[k];
    *in = shape.rank ? (double)shape.dims[0] : 1;
    *out = shape.rank > 1 ? (double)shape.dims[1] : *in;
    if (shape.rank > 2) {
        double swap = *in;
        *in = *out * field;
        *out = swap * field;
    }
    *in = fmax(*in, 1);
    *out = fmax(*out, 1);
}

static Node *scaled(Elaborator *e, const Draft *draft, OpCode op, double scale, double offset) {
    Graph *graph = e->graph;
    Node *x = random_initial(e, op, draft->type, draft->path);
    e->spread = op == OP_RANDOM_UNIFORM ? fabs(scale) / sqrt(12) : fabs(scale);
    if (scale != 1) x = build_binary(graph, OP_MUL, x, build_number(graph, scale));
    return offset != 0 ? build_binary(graph, OP_ADD, x, build_number(graph, offset)) : x;
}

static Value run_normal(Elaborator *e, const Builtin *self, const Arguments *a) {
    double mean, std;
    if (!to_number(e, a->values[0], &mean) || !to_number(e, a->values[1], &std)) return value_none();
    return result_of(a, scaled(e, (const Draft *)self, OP_RANDOM_NORMAL, std, mean));
}

static Value run_uniform(Elaborator *e, const Builtin *self, const Arguments *a) {
    double low, high;
    if (!to_number(e, a->values[0], &low) || !to_number(e, a->values[1], &high)) return value_none();
    return result_of(a, scaled(e, (const Draft *)self, OP_RANDOM_UNIFORM, high - low, low));
}

/* The spread keeps the size of signals through a layer: variance gain^2 * numerator / fan. */
enum { FAN_IN = 0, FAN_MEAN = 1, SPREAD_UNIFORM = 2, NUMERATOR_TWO = 4 };

static Value run_spread(Elaborator *e, const Builtin *self, const Arguments *a) {
    const Draft *draft = (const Draft *)self;
    double gain, in, out;
    if (!to_number(e, a->values[0], &gain)) return value_none();
    fans(draft->type.shape, &in, &out);
    double fan = self->data & FAN_MEAN ? (in + out) / 2 : in;
    double std = gain * sqrt((self->data & NUMERATOR_TWO ? 2 : 1) / fan);
    if (!(self->data & SPREAD_UNIFORM)) return result_of(a, scaled(e, draft, OP_RANDOM_NORMAL, std, 0));
    double limit = sqrt(3) * std;
    return result_of(a, scaled(e, draft, OP_RANDOM_UNIFORM, 2 * limit, -limit));
}

static Value run_constant(Elaborator *e, const Builtin *self, const Arguments *a) {
    double value = self->data;
    if (self->data < 0 && !to_number(e, a->values[0], &value)) return value_none();
    return result_of(a, build_full(e->graph, ((const Draft *)self)->type, value));
}

static bool needs_rank(Elaborator *e, const Draft *draft, const Arguments *a, int least) {
    if (draft->type.shape.rank >= least) return true;
    char shape[SHAPE_TEXT], name[64];
    return diagnose(e->diagnostics, "E0304", a->span, "'%s' needs a matrix or a kernel, and '%s' is %s",
                    builtin_name(&draft->builtin, name), draft->path, shape_text(draft->type.shape, shape));
}

/* q of a normal matrix, tall side first (Saxe et al. 2014). */
static Value run_orthogonal(Elaborator *e, const Builtin *self, const Arguments *a) {
    const Draft *draft = (const Draft *)self;
    Graph *graph = e->graph;
    double gain;
    if (!to_number(e, a->values[0], &gain) || !needs_rank(e, draft, a, 2)) return value_none();
    int64_t rows = draft->type.shape.dims[0], columns = rows ? shape_count(draft->type.shape) / rows : 0;
    bool is_wide = rows < columns;
    Type type = {draft->type.dtype, is_wide ? shape_2(columns, rows) : shape_2(rows, columns)};
    Node *normal = random_initial(e, OP_RANDOM_NORMAL, type, draft->path);
    Node *factors = call_op(e, OP_QR, &normal, 1, NULL, 0, NULL);
    Node *q = factors ? build_part(graph, factors, 0) : NULL;
    e->spread = fabs(gain) / sqrt((double)(is_wide ? columns : rows));
    if (is_wide) q = q ? build_swap_last(graph, q) : NULL;
    if (q && gain != 1) q = build_binary(graph, OP_MUL, q, build_number(graph, gain));
    return result_of(a, q ? build_reshape(graph, q, draft->type.shape) : NULL);
}

/* Matrices: the identity. Kernels: each channel passes through, 1 in the middle of the window. */
static Value run_identity(Elaborator *e, const Builtin *self, const Arguments *a) {
    const Draft *draft = (const Draft *)self;
    Graph *graph = e->graph;
    Shape shape = draft->type.shape;
    double gain;
    if (!to_number(e, a->values[0], &gain) || !needs_rank(e, draft, a, 2)) return value_none();
    Node *hit = build_binary(graph, OP_EQUAL, build_iota(graph, DTYPE_I64, shape, 0), build_iota(graph, DTYPE_I64, shape, 1));
    for (int axis = 2; axis < shape.rank; axis++) {
        Node *centre = build_binary(graph, OP_EQUAL, build_iota(graph, DTYPE_I64, shape, axis), build_integer(graph, shape.dims[axis] / 2));
        hit = build_binary(graph, OP_AND, hit, centre);
    }
    Node *x = hit ? build_cast(graph, hit, draft->type.dtype) : NULL;
    return result_of(a, x && gain != 1 ? build_binary(graph, OP_MUL, x, build_number(graph, gain)) : x);
}

static const Builtin initialisers[] = {
    {"normal(mean = 0, std = 1)", run_normal, 0, NULL, false},
    {"uniform(low = 0, high = 1)", run_uniform, 0, NULL, false},
    {"glorot(gain = 1)", run_spread, FAN_MEAN | SPREAD_UNIFORM, NULL, false},
    {"glorot_normal(gain = 1)", run_spread, FAN_MEAN, NULL, false},
    {"he(gain = 1)", run_spread, FAN_IN | NUMERATOR_TWO, NULL, false},
    {"he_uniform(gain = 1)", run_spread, FAN_IN | NUMERATOR_TWO | SPREAD_UNIFORM, NULL, false},
    {"lecun(gain = 1)", run_spread, FAN_IN, NULL, false},
    {"lecun_uniform(gain = 1)", run_spread, FAN_IN | SPREAD_UNIFORM, NULL, false},
    {"zeros()", run_constant, 0, NULL, false},
    {"ones()", run_constant, 1, NULL, false},
    {"constant(value)", run_constant, -1, NULL, false},
    {"orthogonal(gain = 1)", run_orthogonal, 0, NULL, false},
    {"identity(gain = 1)", run_identity, 0, NULL, false},
};
enum { INITIALISER_COUNT = sizeof initialisers / sizeof initialisers[0] };

static const Builtin *find_initialiser(const char *name) {
    char buffer[64];
    for (int k = 0; k < INITIALISER_COUNT; k++)
        if (!strcmp(builtin_name(&initialisers[k], buffer), name)) return &initialisers[k];
    return NULL;
}

bool is_initialiser(const char *name) { return find_initialiser(name) != NULL; }

static Node *unknown_initialiser(Elaborator *e, const char *name, Span span) {
    diagnose(e->diagnostics, "E0303", span, "there is no initialiser '%s'", name);
    diagnose_help(e->diagnostics,
                  "the initialisers are normal(mean, std), uniform(low, high), glorot, glorot_normal, he, he_uniform, lecun, "
                  "lecun_uniform, orthogonal, identity, zeros, ones, constant(value)");
    return NULL;
}

/* The initialiser that the tree writes; NULL when it is an expression. normal([3, 2]) of a shape is one. */
static const Builtin *written_initialiser(const Tree *tree) {
    const Tree *callee = tree->kind == TREE_CALL ? tree->items[0] : tree;
    if (callee->kind != TREE_NAME) return NULL;
    const Builtin *found = find_initialiser(callee->name);
    if (!found || tree->kind == TREE_NAME) return found;
    for (int k = 1; k < tree->count; k++) {
        const Tree *argument = tree->items[k], *value = tree_item(argument, 0);
        if ((argument->name && !strcmp(argument->name, "shape")) || (value && value->kind == TREE_LIST)) return NULL;
    }
    return !strcmp(callee->name, "zeros") || !strcmp(callee->name, "ones") ? NULL : found;
}

static Node *fill(Elaborator *e, const Builtin *initialiser, const Tree *call, Type type, Scope *scope, const char *path, Span span) {
    Draft draft = {.builtin = *initialiser, .type = type, .path = path};
    return to_node(e, call_builtin(e, &draft.builtin, NULL, 0, call, scope, span));
}

static Node *from_expression(Elaborator *e, Value value, Type type) {
    Node *node = to_node(e, value);
    Shape shape;
    if (!node) return NULL;
    if (!shape_broadcast(node->type.shape, type.shape, &shape) || !shape_equal(shape, type.shape)) {
        char found[SHAPE_TEXT], expected[SHAPE_TEXT];
        diagnose(e->diagnostics, "E0400", value.span, "the first value has the shape %s and is declared as %s",
                 shape_text(node->type.shape, found), shape_text(type.shape, expected));
        return NULL;
    }
    return build_broadcast(e->graph, build_cast(e->graph, node, type.dtype), type.shape);
}

Node *initial_value(Elaborator *e, const Tree *initialiser, Shape shape, DType dtype, Scope *scope, const char *path) {
    Type type = {dtype, shape};
    const Builtin *written = written_initialiser(initialiser);
    if (written) return fill(e, written, initialiser->kind == TREE_CALL ? initialiser : NULL, type, scope, path, initialiser->span);
    const Tree *name = initialiser->kind == TREE_CALL ? initialiser->items[0] : initialiser;
    Value found = value_none();
    if (name->kind == TREE_NAME && !scope_find(e, scope, name->name, &found)) return unknown_initialiser(e, name->name, name->span);
    Value value = elaborate(e, initialiser, scope);
    if (value.kind == VALUE_CHOICE) { /* a setting that names an initialiser */
        written = find_initialiser(value.text);
        return written ? fill(e, written, NULL, type, scope, path, value.span) : unknown_initialiser(e, value.text, value.span);
    }
    if (value.kind == VALUE_FUNCTION) { /* a function of the shape */
        const Builtin *builtin = value.function->builtin ? find_initialiser(value.function->name) : NULL;
        if (builtin) return fill(e, builtin, NULL, type, scope, path, value.span);
        List *list = list_new(e, shape.rank);
        for (int k = 0; k < shape.rank; k++) list->items[k] = value_number((double)shape.dims[k], true, value.span);
        Value argument = list_value(list, value.span);
        value = call_value(e, value, &argument, 1, initialiser->span);
    }
    return value_ok(value) ? from_expression(e, value, type) : NULL;
}

/* --- the same as functions of a shape, which also makes their names known --- */

static Value run_as_function(Elaborator *e, const Builtin *self, const Arguments *a) {
    char name[64];
    Shape shape;
    const Builtin *initialiser = find_initialiser(builtin_name(self, name));
    if (!to_shape(e, a->values[0], &shape)) return value_none();
    const char *path = random_path(e, name, a->span);
    Draft draft = {.builtin = *initialiser, .type = {e->float_type, shape}, .path = path};
    return call_builtin(e, &draft.builtin, &a->values[1], 1, NULL, a->scope, a->span);
}

static Value run_itself(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)e, (void)self;
    return a->values[0];
}

#define AFTER(name, rest) "A first value: `param w: [d, k] ~ " name "` " rest
#define FANS " A matrix is [in, out], a kernel [out, in, size...]. As a function it gives such a tensor. Example: "
const Builtin builtins_init[] = {
    {"glorot(shape, gain = 1)", run_as_function, 0,
     AFTER("glorot", "is uniform with variance 2 gain^2 / (in + out) (Glorot and Bengio 2010).") FANS "glorot([3, 2]).shape", false},
    {"glorot_normal(shape, gain = 1)", run_as_function, 0,
     AFTER("glorot_normal", "is normal with variance 2 gain^2 / (in + out).") FANS "glorot_normal([3, 2]).shape", false},
    {"he(shape, gain = 1)", run_as_function, 0,
     AFTER("he", "is normal with variance 2 gain^2 / in (He et al. 2015), right before a relu.") FANS "he([3, 2]).shape", false},
    {"he_uniform(shape, gain = 1)", run_as_function, 0,
     AFTER("he_uniform", "is uniform with variance 2 gain^2 / in.") FANS "he_uniform([3, 2]).shape", false},
    {"lecun(shape, gain = 1)", run_as_function, 0,
     AFTER("lecun", "is normal with variance gain^2 / in (LeCun et al. 1998).") FANS "lecun([3, 2]).shape", false},
    {"lecun_uniform(shape, gain = 1)", run_as_function, 0,
     AFTER("lecun_uniform", "is uniform with variance gain^2 / in.") FANS "lecun_uniform([3, 2]).shape", false},
    {"orthogonal(shape, gain = 1)", run_as_function, 0,
     AFTER("orthogonal", "has orthonormal columns, or rows when it is wide, times gain (Saxe et al. 2014).") FANS
     "orthogonal([3, 2]).shape",
     false},
    {"identity(x)", run_itself, 0,
     AFTER(
         "identity",
         "is the identity matrix, or the kernel that passes every channel through. As a function it gives back its argument. Example: identity(3)"),
     false},
    {"constant(value)", run_itself, 0,
     AFTER("constant(0.5)", "is this value everywhere. As a function it gives back its argument. Example: constant(0.5)"), false},
    {0},
};
