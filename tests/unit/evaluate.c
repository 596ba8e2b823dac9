#include "tests/unit/evaluate.h"

#include "lang/ops/op.h"
#include "runtime/base/memory.h"
#include "runtime/exec/elementwise.h"

#include <stdlib.h>
#include <string.h>

/* The outputs of each node, by id. */
typedef struct Values {
    const Graph *graph;
    const Binding *bindings;
    int binding_count;
    Tensor ***outputs;
    bool *needed;
    Fault *fault;
} Values;

static int output_count_of(const Node *node) { return node->parts ? node->part_count : 1; }
static Type output_type(const Node *node, int k) { return node->parts ? node->parts[k] : node->type; }
static Tensor *value_of(const Values *values, const Node *node) { return values->outputs[node->id][0]; }

static Tensor *bound(const Values *values, const Cell *cell) {
    for (int k = 0; k < values->binding_count; k++)
        if (values->bindings[k].cell == cell) return values->bindings[k].tensor;
    return cell->tensor;
}

static View view_of(const Tensor *tensor) { return (View){.data = tensor->data, .dtype = tensor->dtype, .shape = tensor->shape}; }

static void run_elementwise(const Values *values, const Node *node, Tensor *out) {
    const ElementwiseTable *table = elementwise_table();
    const void *operands[3] = {NULL, NULL, NULL};
    for (int k = 0; k < node->input_count; k++) operands[k] = value_of(values, node->inputs[k])->data;
    DType dtype = node->inputs[node->op == OP_WHERE ? 1 : 0]->type.dtype;
    if (tensor_count(out) > 0) table->functions[node->op][dtype](out->data, operands[0], operands[1], operands[2], tensor_count(out));
}

static bool run_kernel(const Values *values, const Node *node, Tensor **outputs) {
    const Kernel *kernel = kernel_find(op_of(node)->kernel);
    if (!kernel) return fault_set(values->fault, "there is no kernel '%s'", op_of(node)->kernel);
    View *inputs = allocate(sizeof *inputs * (size_t)(node->input_count + 1)),
         *views = allocate(sizeof *views * (size_t)output_count_of(node));
    for (int k = 0; k < node->input_count; k++) inputs[k] = view_of(value_of(values, node->inputs[k]));
    for (int k = 0; k < output_count_of(node); k++) views[k] = view_of(outputs[k]);
    KernelCall call = {.inputs = inputs,
                       .input_count = node->input_count,
                       .outputs = views,
                       .output_count = output_count_of(node),
                       .ints = node->ints,
                       .int_count = node->int_count,
                       .numbers = node->numbers,
                       .number_count = node->number_count,
                       .fault = values->fault};
    size_t scratch = kernel->scratch_bytes ? kernel->scratch_bytes(&call) : 0;
    call.scratch = aligned_alloc(64, (scratch + 127) / 64 * 64);
    bool ok = kernel->run(&call);
    free(call.scratch);
    free(inputs);
    free(views);
    return ok;
}

static void record_row(Tensor *record, int64_t row, const Tensor *carry) {
    size_t bytes = tensor_bytes(carry);
    if (bytes > 0) memcpy((char *)record->data + (size_t)row * bytes, carry->data, bytes);
}

static bool run_loop(const Values *values, const Node *node, Tensor **outputs) {
    const LoopBody *loop = node->loop;
    int captured = loop->captured_count, carries = loop->carry_count;
    bool is_recorded = node->part_count > carries + 1, ok = true;
    Binding *bindings = allocate(sizeof *bindings * (size_t)(captured + carries + 1));
    Tensor **next = allocate(sizeof *next * (size_t)(carries + 1));
    for (int k = 0; k < captured + carries; k++)
        bindings[k] = (Binding){k < captured ? loop->captured_cells[k] : loop->carry_cells[k - captured],
                                tensor_retain(value_of(values, node->inputs[k]))};
    int64_t steps = 0;
    for (;; steps++) {
        for (int k = 0; is_recorded && k < carries; k++) record_row(outputs[carries + 1 + k], steps, bindings[captured + k].tensor);
        Tensor *done = NULL;
        bool stop = loop->max >= 0 && steps == loop->max;
        if (!stop && loop->condition) {
            ok = evaluate(loop->graph, &loop->condition, 1, bindings, captured + carries, &done, values->fault);
            stop = !ok || tensor_bool(done)[0];
            tensor_release(done);
        }
        if (stop || !(ok = evaluate(loop->graph, loop->next, carries, bindings, captured + carries, next, values->fault))) break;
        for (int k = 0; k < carries; k++) {
            tensor_release(bindings[captured + k].tensor);
            bindings[captured + k].tensor = next[k];
        }
    }
    for (int k = 0; k < carries; k++) record_row(outputs[k], 0, bindings[captured + k].tensor);
    tensor_i64(outputs[carries])[0] = steps;
    for (int k = 0; k < captured + carries; k++) tensor_release(bindings[k].tensor);
    free(bindings);
    free(next);
    return ok;
}

static Tensor *as_shape(const Tensor *tensor, Shape shape, Fault *fault) {
    Tensor *copy = tensor_copy(tensor, fault);
    if (copy) copy->shape = shape;
    return copy;
}

static bool run_node(Values *values, const Node *node) {
    int count = output_count_of(node);
    Tensor **outputs = values->outputs[node->id] = allocate(sizeof *outputs * (size_t)count);
    const OpDef *def = op_of(node);
    if (node->op == OP_LEAF || node->op == OP_CONSTANT)
        return (outputs[0] = tensor_retain(node->op == OP_LEAF ? bound(values, node->cell) : node->constant)) != NULL;
    if (node->op == OP_PART) return (outputs[0] = tensor_retain(values->outputs[node->inputs[0]->id][node->ints[0]])) != NULL;
    if (def->fusion == FUSE_VIEW && !def->kernel)
        return (outputs[0] = as_shape(value_of(values, node->inputs[0]), node->type.shape, values->fault)) != NULL;
    for (int k = 0; k < count; k++)
        if (!(outputs[k] = tensor_zeros(output_type(node, k).dtype, output_type(node, k).shape, values->fault))) return false;
    if (node->op == OP_LOOP) return run_loop(values, node, outputs);
    if (def->kind == OPERANDS_STRUCTURAL) return run_kernel(values, node, outputs);
    run_elementwise(values, node, outputs[0]);
    return true;
}

static void mark_needed(Values *values, Node *const *outputs, int count) {
    for (int k = 0; k < count; k++) values->needed[outputs[k]->id] = true;
    for (size_t id = values->graph->node_count; id-- > 0;)
        for (int k = 0; values->needed[id] && k < values->graph->nodes[id]->input_count; k++)
            values->needed[values->graph->nodes[id]->inputs[k]->id] = true;
}

static void values_free(Values *values) {
    for (size_t id = 0; id < values->graph->node_count; id++) {
        for (int k = 0; values->outputs[id] && k < output_count_of(values->graph->nodes[id]); k++) tensor_release(values->outputs[id][k]);
        free(values->outputs[id]);
    }
    free(values->outputs);
    free(values->needed);
}

bool evaluate(const Graph *graph, Node *const *outputs, int output_count, const Binding *bindings, int binding_count, Tensor **results,
              Fault *fault) {
    Values values = {.graph = graph,
                     .bindings = bindings,
                     .binding_count = binding_count,
                     .fault = fault,
                     .outputs = allocate(sizeof(Tensor **) * (graph->node_count + 1)),
                     .needed = allocate(graph->node_count + 1)};
    mark_needed(&values, outputs, output_count);
    bool ok = true;
    for (size_t id = 0; ok && id < graph->node_count; id++) ok = !values.needed[id] || run_node(&values, graph->nodes[id]);
    for (int k = 0; k < output_count; k++) results[k] = ok ? tensor_retain(value_of(&values, outputs[k])) : NULL;
    values_free(&values);
    return ok;
}

Tensor *evaluate_one(const Graph *graph, Node *output, Fault *fault) {
    Tensor *result = NULL;
    return evaluate(graph, &output, 1, NULL, 0, &result, fault) ? result : NULL;
}
