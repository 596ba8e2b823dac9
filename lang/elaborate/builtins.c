/* The list of families, lookup by name, and what built-ins of all families use to read their arguments. */
#include "lang/elaborate/builtins.h"

#include "lang/elaborate/model_ops.h"
#include "lang/ops/op.h"

#include <string.h>

/* In the order in which `reg doc` lists them. */
static const struct {
    const Builtin *builtins;
    const char *title;
} families[] = {
    {builtins_math, "elementwise"},
    {builtins_reduce, "sums and statistics"},
    {builtins_create, "tensors from sizes"},
    {builtins_shape, "shapes"},
    {builtins_join, "joining and windows"},
    {builtins_index, "picking and placing"},
    {builtins_product, "products"},
    {builtins_conv, "convolution"},
    {builtins_pool, "pooling"},
    {builtins_linalg, "linear algebra"},
    {builtins_solve, "solvers"},
    {builtins_fourier, "Fourier transforms"},
    {builtins_random, "random numbers"},
    {builtins_init, "first values"},
    {builtins_gradient, "derivatives"},
    {builtins_list, "lists and functions"},
    {builtins_loop, "loops and solves"},
    {builtins_text, "text"},
    {builtins_load, "loading data"},
    {builtins_split, "splits"},
    {builtins_labels, "label noise"},
    {builtins_synthetic, "data that is computed"},
    {builtins_model, "models"},
    {builtins_refuse, "refusals"},
    {builtins_substitute, "trial points"},
    {builtins_weights, "parameters as values"},
};
enum { FAMILY_COUNT = sizeof families / sizeof families[0] };

/* A miss costs one pass over a few hundred first characters; hits are kept in the standard scope by scope_find. */
const Builtin *builtin_find(const char *name) {
    size_t length = strlen(name);
    for (int f = 0; f < FAMILY_COUNT; f++)
        for (const Builtin *at = families[f].builtins; at->signature; at++)
            if (at->signature[0] == name[0] && !strncmp(at->signature, name, length) && at->signature[length] == '(') return at;
    return NULL;
}

const Builtin *builtin_at(int index) {
    for (int f = 0; f < FAMILY_COUNT; f++)
        for (const Builtin *at = families[f].builtins; at->signature; at++)
            if (index-- == 0) return at;
    return NULL;
}

const char *builtin_group(int index) {
    for (int f = 0; f < FAMILY_COUNT; f++)
        for (const Builtin *at = families[f].builtins; at->signature; at++)
            if (index-- == 0) return families[f].title;
    return NULL;
}

const char *builtin_name(const Builtin *builtin, char buffer[64]) {
    size_t length = strcspn(builtin->signature, "(");
    if (length > 63) length = 63;
    memcpy(buffer, builtin->signature, length);
    buffer[length] = '\0';
    return buffer;
}

bool choice_is(const Arguments *a, int k, const char *text) {
    return a->values[k].kind == VALUE_CHOICE && !strcmp(a->values[k].text, text);
}

bool flag_at(const Arguments *a, int k) { return a->values[k].kind == VALUE_BOOL && a->values[k].truth; }

Node *to_float(Elaborator *e, Node *x) { return !x || dtype_is_float(x->type.dtype) ? x : build_cast(e->graph, x, e->float_type); }

bool float_at(Elaborator *e, const Arguments *a, int k, Node **out) { return (*out = to_float(e, node_at(e, a, k))) != NULL; }

bool axis_at(Elaborator *e, const Arguments *a, int k, int rank, int *axis) { return to_axis(e, a->values[k], rank, axis); }

/* "'stride'", or "this". */
static const char *argument_name(Elaborator *e, const Arguments *a, int k) {
    Signature signature;
    if (!a->builtin) return "this";
    signature_parse(a->builtin->signature, &signature);
    return k < signature.count ? arena_format(e->arena, "'%.*s'", signature.parameters[k].length, signature.parameters[k].name) : "this";
}

static bool too_small(Elaborator *e, const Arguments *a, int k, int64_t least, int64_t found) {
    return diagnose(e->diagnostics, "E0304", a->values[k].span, "%s must be at least %lld, found %lld", argument_name(e, a, k),
                    (long long)least, (long long)found);
}

bool integer_at(Elaborator *e, const Arguments *a, int k, int64_t least, int64_t *out) {
    if (!to_integer(e, a->values[k], out)) return false;
    return *out >= least || too_small(e, a, k, least, *out);
}

bool integers_at(Elaborator *e, const Arguments *a, int k, int count, int64_t least, int64_t *out) {
    Value value = a->values[k];
    if (value.kind != VALUE_LIST && !(value.kind == VALUE_TENSOR && value.node->type.shape.rank == 1)) {
        if (!integer_at(e, a, k, least, out)) return false;
        for (int j = 1; j < count; j++) out[j] = out[0];
        return true;
    }
    Shape shape;
    if (!to_shape(e, value, &shape)) return false;
    if (shape.rank != count)
        return diagnose(e->diagnostics, "E0304", value.span, "expected one number or %d of them, found %d", count, shape.rank);
    for (int j = 0; j < count; j++) {
        out[j] = shape.dims[j];
        if (out[j] < least) return too_small(e, a, k, least, out[j]);
    }
    return true;
}

bool rank_at_least(Elaborator *e, const Arguments *a, int k, const Node *x, int rank) {
    if (!x) return false;
    if (x->type.shape.rank >= rank) return true;
    char shape[SHAPE_TEXT];
    return diagnose(e->diagnostics, "E0400", a->values[k].span, "expected a tensor with at least %d dimension%s, found %s", rank,
                    rank == 1 ? "" : "s", shape_text(x->type.shape, shape));
}

Node *call_op(Elaborator *e, OpCode op, Node *const *inputs, int count, const int64_t *ints, int int_count, const Type *type) {
    for (int k = 0; k < count; k++)
        if (!inputs[k]) return NULL;
    return build_full_call(e->graph, op, inputs, count, ints, int_count, type);
}

Node *constant_of(Elaborator *e, Tensor *tensor) {
    if (!tensor) return NULL;
    Node *node = build_constant(e->graph, tensor);
    tensor_release(tensor);
    return node;
}

Value list_value(List *list, Span span) { return (Value){.kind = VALUE_LIST, .span = span, .list = list}; }

Value record_value(Record *record, Span span) { return (Value){.kind = VALUE_RECORD, .span = span, .record = record}; }

Value tensor_fault(Elaborator *e, const Arguments *a, const char *code, const Fault *fault) {
    diagnose_fault(e->diagnostics, code, a->span, fault);
    return value_none();
}
