/* The inputs of an exported function: the sizes of the last application, with another batch. */
#include "lang/script/export_inside.h"

#include <inttypes.h>
#include <string.h>

/* What the first dimension of the first tensor is called in the signature; all dimensions of that name are the batch. */
typedef struct BatchName {
    bool is_fixed;    /* a number: there is no batch */
    const char *name; /* NULL: only the first dimension of each tensor can be it */
    int64_t size;     /* as last applied */
} BatchName;

static const Tree *shape_of_parameter(const Export *x, int k) {
    const Tree *annotation = tree_item(x->parameters->items[k], 0);
    return annotation && annotation->kind == TREE_SHAPE && annotation->count ? annotation : NULL;
}

static bool is_setting(const Export *x, const char *name) {
    if (x->callee.kind != VALUE_INSTANCE) return false;
    const Scope *settings = x->callee.instance->settings;
    return value_ok(record_field(&(Record){.fields = settings->fields, .count = settings->count}, name));
}

static bool is_tensor(const Given *given) { return given->is_given && given->value.kind == VALUE_TENSOR; }

static BatchName find_batch(const Export *x) {
    for (int k = 0; k < x->parameters->count; k++) {
        if (!is_tensor(&x->given[k])) continue;
        const Tree *shape = shape_of_parameter(x, k), *first = shape ? shape->items[0] : NULL;
        if (x->given[k].type.shape.rank == 0) return (BatchName){.is_fixed = true};
        BatchName batch = {.size = x->given[k].type.shape.dims[0]};
        if (first && first->kind == TREE_NAME) batch.name = first->name;
        batch.is_fixed = first && first->kind != TREE_SLICE && (first->kind != TREE_NAME || is_setting(x, first->name));
        return batch;
    }
    return (BatchName){.is_fixed = true};
}

/* The dimension of the tensor that `item` of its signature stands for; those behind `...` are counted from the end. */
static int axis_of(const Tree *shape, int item, int rank) {
    for (int k = 0; k < item; k++)
        if (shape->items[k]->kind == TREE_SLICE) return rank - (shape->count - item);
    return item;
}

static Shape with_batch(const Export *x, int k, const BatchName *batch, int64_t size) {
    Shape shape = x->given[k].type.shape;
    const Tree *written = shape_of_parameter(x, k);
    if (batch->is_fixed) return shape;
    for (int j = 0; written && batch->name && j < written->count; j++)
        if (written->items[j]->kind == TREE_NAME && !strcmp(written->items[j]->name, batch->name))
            shape.dims[axis_of(written, j, shape.rank)] = size;
    bool is_open = !written || written->items[0]->kind == TREE_SLICE;
    if (is_open && shape.rank > 0 && shape.dims[0] == batch->size) shape.dims[0] = size;
    return shape;
}

static bool add_input(Export *x, int k, Type type) {
    Elaborator *e = &x->session->elaborator;
    const char *name = x->parameters->items[k]->name;
    Fault fault = {0};
    Tensor *tensor = tensor_zeros(type.dtype, type.shape, &fault);
    if (!tensor) return diagnose_fault(e->diagnostics, "E0901", (Span){0}, &fault);
    Cell *cell = own_cell(e, cell_new(name, tensor));
    x->arguments[k] = value_tensor(build_leaf(x->session->graph, cell), (Span){0});
    x->inputs[x->input_count++] = (C99Argument){name, type, cell};
    return value_ok(x->arguments[k]);
}

/* Numbers and choices stay what they were: the function is made for them. */
static bool add_constant(Export *x, int k) {
    const char *name = x->parameters->items[k]->name;
    if (x->given[k].is_mixed)
        return diagnose(&x->session->diagnostics, "E1002", (Span){0},
                        "the input '%s' of '%s' is not one tensor: only tensors become arguments of a C function", name, x->name);
    x->arguments[k] = x->given[k].value;
    text_addf(&x->constants, "%s%s = ", x->constants.length ? ", " : "", name);
    value_text(&x->session->elaborator, x->given[k].value, &x->constants);
    return true;
}

/* A list of numbers that was written in place is a tensor like any other. */
static bool settle_lists(Export *x) {
    size_t bytes = sizeof(Given) * (size_t)x->parameters->count;
    Given *settled = arena_alloc(x->session->arena, bytes + 1);
    memcpy(settled, x->given, bytes);
    for (int k = 0; k < x->parameters->count; k++) {
        if (!settled[k].is_given || settled[k].value.kind != VALUE_LIST) continue;
        Node *node = to_node(&x->session->elaborator, settled[k].value);
        if (!node) return false;
        settled[k] = (Given){.is_given = true, .value = {.kind = VALUE_TENSOR}, .type = node->type};
    }
    x->given = settled;
    return true;
}

bool export_inputs(Export *x) {
    if (!settle_lists(x)) return false;
    BatchName batch = find_batch(x);
    int64_t size = x->request->batch ? x->request->batch : 1;
    if (batch.is_fixed && x->request->batch > 1)
        return diagnose(&x->session->diagnostics, "E1002", (Span){0}, "'%s' has no batch: the first size of its input is fixed", x->name);
    if (x->parameters->count > EXPORT_ARGUMENTS)
        return diagnose(&x->session->diagnostics, "E1002", (Span){0}, "'%s' has more than %d inputs", x->name, EXPORT_ARGUMENTS);
    for (int k = 0; k < x->parameters->count; k++) {
        if (!x->given[k].is_given) continue;
        bool ok = is_tensor(&x->given[k]) ? add_input(x, k, (Type){x->given[k].type.dtype, with_batch(x, k, &batch, size)})
                                          : add_constant(x, k);
        if (!ok) return false;
        x->argument_count = k + 1;
    }
    return true;
}
