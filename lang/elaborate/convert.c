/* Values to nodes, numbers, shapes and axes, each with one clear error. */
#include "lang/elaborate/elaborate.h"

#include <math.h>
#include <string.h>

static void release_cell(void *cell) { cell_release(cell); }

Cell *own_cell(Elaborator *e, Cell *cell) {
    if (cell) arena_defer(e->arena, release_cell, cell);
    return cell;
}

static bool expected(Elaborator *e, const char *what, Value value) {
    char buffer[KIND_TEXT];
    if (!value_ok(value)) return false;
    return diagnose(e->diagnostics, "E0401", value.span, "expected %s, found %s", what, value_describe(value, buffer));
}

/* The leaf through which the loop body under construction sees `outer`, a node of the graph around it. */
static Node *capture_node(Elaborator *e, Capture *capture, Graph *body, Node *outer) {
    for (int k = 0; k < capture->count; k++)
        if (capture->nodes[k] == outer) return build_leaf(body, capture->cells[k]);
    int capacity = capture->capacity; /* of both lists */
    capture->nodes = arena_grow(e->arena, capture->nodes, sizeof(Node *), capture->count, &capacity);
    capture->cells = arena_grow(e->arena, capture->cells, sizeof(Cell *), capture->count, &capture->capacity);
    Fault fault;
    Tensor *tensor = tensor_zeros(outer->type.dtype, outer->type.shape, &fault);
    if (!tensor) {
        diagnose_fault(e->diagnostics, "E0901", e->graph->here, &fault);
        return NULL;
    }
    Cell *cell = own_cell(e, cell_new("captured", tensor));
    capture->nodes[capture->count] = outer;
    capture->cells[capture->count++] = cell;
    return build_leaf(body, cell);
}

static Node *import_into(Elaborator *e, Graph *graph, Capture *capture, Node *node, Span span) {
    if (graph_holds(graph, node)) return node;
    if (capture) {
        Node *outer = import_into(e, capture->outer, capture->parent, node, span);
        return outer ? capture_node(e, capture, graph, outer) : NULL;
    }
    if (node->op == OP_LEAF) return build_leaf(graph, node->cell);
    if (node->op == OP_CONSTANT) return build_constant(graph, node->constant);
    if (!node->materialised && !e->host.evaluate(e->host.context, node, span)) return NULL;
    return build_leaf(graph, node->materialised);
}

Node *import_node(Elaborator *e, Node *node, Span span) { return import_into(e, e->graph, e->capture, node, span); }

static Node *cell_into(Elaborator *e, Graph *graph, Capture *capture, Cell *cell) {
    if (!capture) return build_leaf(graph, cell);
    Node *outer = cell_into(e, capture->outer, capture->parent, cell);
    return outer ? capture_node(e, capture, graph, outer) : NULL;
}

Node *import_cell(Elaborator *e, Cell *cell) { return cell_into(e, e->graph, e->capture, cell); }

/* A rectangular nest of numbers becomes one constant: integers when all are whole, else floats. */
static bool nest_shape(const List *list, Shape *shape, int depth, bool *is_integer) {
    if (depth >= RANK_MAX) return false;
    if (depth == shape->rank) shape->dims[shape->rank++] = list->count;
    else if (shape->dims[depth] != list->count) return false;
    for (int k = 0; k < list->count; k++) {
        Value item = list->items[k];
        if (item.kind == VALUE_LIST) {
            if (!nest_shape(item.list, shape, depth + 1, is_integer)) return false;
        } else if (item.kind == VALUE_NUMBER) {
            if (shape->rank != depth + 1) return false;
            if (!item.is_integer) *is_integer = false;
        } else {
            return false;
        }
    }
    return true;
}

static void nest_fill(const List *list, Tensor *tensor, int64_t *at) {
    for (int k = 0; k < list->count; k++)
        if (list->items[k].kind == VALUE_LIST) nest_fill(list->items[k].list, tensor, at);
        else tensor_set_number(tensor, (*at)++, list->items[k].number);
}

static Node *nest_node(Elaborator *e, const List *list) {
    Shape shape = {0};
    bool is_integer = list->count > 0;
    if (!nest_shape(list, &shape, 0, &is_integer)) return NULL;
    Fault fault;
    Tensor *tensor = tensor_zeros(is_integer ? DTYPE_I64 : e->float_type, shape, &fault);
    if (!tensor) return NULL;
    int64_t at = 0;
    nest_fill(list, tensor, &at);
    if (at != shape_count(shape)) {
        tensor_release(tensor);
        return NULL;
    }
    Node *node = build_constant(e->graph, tensor);
    tensor_release(tensor);
    return node;
}

static Node *list_node(Elaborator *e, Value value) {
    Node *constant = nest_node(e, value.list);
    if (constant) return constant;
    if (!value.list->count) return NULL;
    Node **nodes = arena_alloc(e->arena, sizeof *nodes * (size_t)value.list->count);
    DType widest = DTYPE_BOOL;
    for (int k = 0; k < value.list->count; k++) {
        if (!(nodes[k] = to_node(e, value.list->items[k]))) return NULL;
        if (nodes[k]->type.dtype > widest) widest = nodes[k]->type.dtype;
        if (!shape_equal(nodes[k]->type.shape, nodes[0]->type.shape)) {
            char a[SHAPE_TEXT], b[SHAPE_TEXT];
            diagnose(e->diagnostics, "E0400", value.list->items[k].span, "the items of a tensor must have one shape, found %s after %s",
                     shape_text(nodes[k]->type.shape, a), shape_text(nodes[0]->type.shape, b));
            return NULL;
        }
    }
    for (int k = 0; k < value.list->count; k++) nodes[k] = build_cast(e->graph, nodes[k], widest);
    return build_stack(e->graph, nodes, value.list->count, 0);
}

static Node *range_node(Elaborator *e, Value value) {
    Node *iota = build_iota(e->graph, DTYPE_I64, shape_1(value.to > value.from ? value.to - value.from : 0), 0);
    return value.from ? build_binary(e->graph, OP_ADD, iota, build_integer(e->graph, value.from)) : iota;
}

static Node *bool_node(Elaborator *e, bool truth) {
    Tensor *tensor = tensor_scalar(DTYPE_BOOL, truth);
    Node *node = build_constant(e->graph, tensor);
    tensor_release(tensor);
    return node;
}

Node *to_node(Elaborator *e, Value value) {
    switch (value.kind) {
    case VALUE_TENSOR: return import_node(e, value.node, value.span);
    case VALUE_NUMBER: return value.is_integer ? build_integer(e->graph, (int64_t)value.number) : build_number(e->graph, value.number);
    case VALUE_BOOL: return bool_node(e, value.truth);
    case VALUE_LIST: {
        size_t errors = e->diagnostics->error_count;
        Node *node = list_node(e, value);
        if (!node && e->diagnostics->error_count == errors) expected(e, "a tensor", value);
        return node;
    }
    case VALUE_RANGE: return range_node(e, value);
    case VALUE_NONE: return NULL;
    case VALUE_STRING:
    case VALUE_QUANTITY:
    case VALUE_RECORD:
    case VALUE_FUNCTION:
    case VALUE_MAKER:
    case VALUE_INSTANCE:
    case VALUE_SELECTION:
    case VALUE_CHOICE: break;
    }
    expected(e, "a tensor", value);
    if (value.kind == VALUE_RECORD && value.record->count)
        diagnose_help(e->diagnostics, "name one of its fields, such as '.%s'", value.record->fields[0].name);
    return NULL;
}

Tensor *to_tensor(Elaborator *e, Value value) {
    Node *node = to_node(e, value);
    if (!node) return NULL;
    if (node->op == OP_CONSTANT) return node->constant;
    if (node->op == OP_LEAF && node->cell->tensor && !e->clock) return node->cell->tensor;
    if (e->clock || e->capture) {
        diagnose(e->diagnostics, "E0402", value.span, "this must be known before the step runs, but it is computed inside it");
        return NULL;
    }
    return e->host.evaluate(e->host.context, node, value.span);
}

bool to_number(Elaborator *e, Value value, double *out) {
    if (value.kind == VALUE_NUMBER) {
        *out = value.number;
        return true;
    }
    if (value.kind != VALUE_TENSOR || shape_count(value.node->type.shape) != 1) return expected(e, "a number", value);
    Tensor *tensor = to_tensor(e, value);
    if (tensor) *out = tensor_number(tensor, 0);
    return tensor != NULL;
}

bool to_integer(Elaborator *e, Value value, int64_t *out) {
    double number = 0;
    if (!to_number(e, value, &number)) return false;
    if (number == floor(number) && fabs(number) > 9007199254740992.0)
        return diagnose(e->diagnostics, "E0304", value.span, "the whole number %.6g is too large: the largest here is 2^53", number);
    if (number != floor(number)) return diagnose(e->diagnostics, "E0401", value.span, "expected a whole number, found %.6g", number);
    *out = (int64_t)number;
    return true;
}

bool to_bool(Elaborator *e, Value value, bool *out) {
    if (value.kind == VALUE_BOOL) {
        *out = value.truth;
        return true;
    }
    if (value.kind != VALUE_TENSOR || shape_count(value.node->type.shape) != 1 || value.node->type.dtype != DTYPE_BOOL)
        return expected(e, "true or false", value);
    Tensor *tensor = to_tensor(e, value);
    if (tensor) *out = tensor_number(tensor, 0) != 0;
    return tensor != NULL;
}

const char *to_string(Elaborator *e, Value value) {
    if (value.kind == VALUE_STRING) return value.text;
    expected(e, "a string", value);
    return NULL;
}

static const int64_t ELEMENTS_MAX = INT64_C(1) << 46;

static bool add_dimension(Elaborator *e, Value value, Shape *out) {
    int64_t size;
    if (!to_integer(e, value, &size)) return false;
    if (size < 0) return diagnose(e->diagnostics, "E0304", value.span, "a dimension cannot be %lld", (long long)size);
    if (out->rank == RANK_MAX) return diagnose(e->diagnostics, "E0400", value.span, "a tensor has at most %d dimensions", RANK_MAX);
    int64_t count = size;
    for (int k = 0; k < out->rank; k++)
        if (__builtin_mul_overflow(count, out->dims[k], &count) || count > ELEMENTS_MAX)
            return diagnose(e->diagnostics, "E0304", value.span, "a tensor of this shape has more elements than any memory holds");
    if (size > ELEMENTS_MAX) return diagnose(e->diagnostics, "E0304", value.span, "a dimension cannot be %lld", (long long)size);
    out->dims[out->rank++] = size;
    return true;
}

static bool tensor_shape(Elaborator *e, Value value, Shape *out) {
    Tensor *tensor = to_tensor(e, value);
    if (!tensor) return false;
    if (tensor->shape.rank > 1) return expected(e, "a shape such as [32, 10]", value);
    for (int64_t k = 0; k < tensor_count(tensor); k++)
        if (!add_dimension(e, value_number(tensor_number(tensor, k), true, value.span), out)) return false;
    return true;
}

bool to_shape(Elaborator *e, Value value, Shape *out) {
    *out = (Shape){0};
    if (value.kind == VALUE_NUMBER) return add_dimension(e, value, out);
    if (value.kind == VALUE_TENSOR) return tensor_shape(e, value, out);
    if (value.kind != VALUE_LIST) return expected(e, "a shape such as [32, 10]", value);
    for (int k = 0; k < value.list->count; k++)
        if (!add_dimension(e, value.list->items[k], out)) return false;
    return true;
}

bool to_axis(Elaborator *e, Value value, int rank, int *axis) {
    int64_t number;
    if (!to_integer(e, value, &number)) return false;
    if (number < -rank || number >= rank) {
        diagnose(e->diagnostics, "E0403", value.span, "axis %lld is out of range for a tensor with %d dimension%s", (long long)number, rank,
                 rank == 1 ? "" : "s");
        return rank > 0 && diagnose_help(e->diagnostics, "axes are 0 to %d, or -%d to -1 from the end", rank - 1, rank);
    }
    *axis = (int)(number < 0 ? number + rank : number);
    return true;
}

static bool add_axis(Elaborator *e, Value value, int rank, uint32_t *mask) {
    int axis;
    if (!to_axis(e, value, rank, &axis)) return false;
    if (*mask >> axis & 1u) return diagnose(e->diagnostics, "E0304", value.span, "axis %d is named twice", axis);
    *mask |= 1u << axis;
    return true;
}

bool to_axes(Elaborator *e, Value value, int rank, uint32_t *mask) {
    *mask = 0;
    if (value.kind == VALUE_TENSOR && value.node->op == OP_CONSTANT) {
        Tensor *tensor = value.node->constant;
        for (int64_t k = 0; k < tensor_count(tensor); k++)
            if (!add_axis(e, value_number(tensor_number(tensor, k), true, value.span), rank, mask)) return false;
        return true;
    }
    if (value.kind != VALUE_LIST) return add_axis(e, value, rank, mask);
    for (int k = 0; k < value.list->count; k++)
        if (!add_axis(e, value.list->items[k], rank, mask)) return false;
    return true;
}
