/* The graph as text, for `reg graph` and tests: nodes numbered in the order in which they are printed, inputs first. */
#include "lang/graph/graph.h"

#include "lang/ops/op.h"
#include "runtime/base/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct Dump {
    const Graph *graph;
    int *numbers; /* by node id; 0: not reached */
    const char *indent;
    Text *out;
} Dump;

static void mark_reached(const Graph *graph, Node *const *outputs, int output_count, int *numbers) {
    for (int k = 0; k < output_count; k++)
        if (outputs[k]) numbers[outputs[k]->id] = 1;
    for (size_t id = graph->node_count; id-- > 0;)
        for (int k = 0; numbers[id] && k < graph->nodes[id]->input_count; k++) numbers[graph->nodes[id]->inputs[k]->id] = 1;
}

static void add_type(Text *out, Type type) {
    char text[SHAPE_TEXT];
    text_addf(out, "%s %s", dtype_name(type.dtype), shape_text(type.shape, text));
}

static void add_constant(Text *out, const Tensor *tensor) {
    int64_t count = tensor_count(tensor);
    for (int64_t k = 0; k < count && k < 8; k++) text_addf(out, " %.9g", tensor_number(tensor, k));
    if (count > 8) text_add(out, " ...");
}

/* "axis=1", and for a name that ends in '*' as many as the rank: "perm=[1, 0]". */
static void add_ints(Text *out, const Node *node, const char *names) {
    int at = 0;
    while (names && *names && at < node->int_count) {
        size_t length = strcspn(names, " ");
        bool is_list = names[length - 1] == '*';
        int rank = node->op == OP_PAD || node->op == OP_SLICE || node->op == OP_FLIP || node->op == OP_TRANSPOSE
                       ? node->inputs[0]->type.shape.rank
                   : node->op == OP_SWEEP ? node->int_count
                                          : 1;
        text_addf(out, " %.*s=", (int)(is_list ? length - 1 : length), names);
        if (!is_list) text_addf(out, "%" PRId64, node->ints[at++]);
        for (int k = 0; is_list && k < rank; k++)
            text_addf(out, "%s%" PRId64 "%s", k == 0 ? "[" : ", ", node->ints[at++], k == rank - 1 ? "]" : "");
        names += length + (names[length] == ' ');
    }
}

static void dump_loop(const Dump *dump, const LoopBody *loop);

static void dump_node(const Dump *dump, const Node *node) {
    Text *out = dump->out;
    text_addf(out, "%s%%%d = %s[", dump->indent, dump->numbers[node->id], op_of(node)->name);
    add_type(out, node->type);
    for (int k = 1; k < node->part_count; k++) {
        text_add(out, ", ");
        add_type(out, node->parts[k]);
    }
    text_add_char(out, ']');
    for (int k = 0; k < node->input_count; k++) text_addf(out, " %%%d", dump->numbers[node->inputs[k]->id]);
    add_ints(out, node, op_of(node)->attributes);
    if (node->op != OP_CONSTANT)
        for (int k = 0; k < node->number_count; k++) text_addf(out, " %.9g", node->numbers[k]);
    if (node->constant) add_constant(out, node->constant);
    if (node->cell) text_addf(out, " \"%s\"", node->cell->name ? node->cell->name : "");
    text_add_char(out, '\n');
    if (node->loop) dump_loop(dump, node->loop);
}

static void add_references(const Dump *dump, const char *label, Node *const *nodes, int count) {
    text_addf(dump->out, "%s%s", dump->indent, label);
    for (int k = 0; k < count; k++) text_addf(dump->out, " %%%d", nodes[k] ? dump->numbers[nodes[k]->id] : 0);
    text_add_char(dump->out, '\n');
}

static void dump_nodes(const Dump *dump, Node *const *outputs, int output_count) {
    mark_reached(dump->graph, outputs, output_count, dump->numbers);
    int number = 0;
    for (size_t id = 0; id < dump->graph->node_count; id++)
        if (dump->numbers[id]) {
            dump->numbers[id] = ++number;
            dump_node(dump, dump->graph->nodes[id]);
        }
}

static void dump_loop(const Dump *outer, const LoopBody *loop) {
    int has_condition = loop->condition != NULL, count = loop->carry_count + has_condition;
    Node **outputs = allocate((size_t)(count + 1) * sizeof *outputs);
    outputs[0] = loop->condition;
    memcpy(outputs + has_condition, loop->next, (size_t)loop->carry_count * sizeof *outputs);
    char *indent = allocate(strlen(outer->indent) + 3);
    strcat(strcpy(indent, outer->indent), "  ");
    Dump dump = {
        .graph = loop->graph, .numbers = allocate((loop->graph->node_count + 1) * sizeof(int)), .indent = indent, .out = outer->out};
    dump_nodes(&dump, outputs, count);
    add_references(&dump, "until", outputs, has_condition);
    add_references(&dump, "next", outputs + has_condition, loop->carry_count);
    if (loop->max >= 0) text_addf(dump.out, "%smax %" PRId64 "\n", indent, loop->max);
    free(dump.numbers);
    free(indent);
    free(outputs);
}

void graph_dump(const Graph *graph, Node *const *outputs, int output_count, Text *out) {
    Dump dump = {.graph = graph, .numbers = allocate((graph->node_count + 1) * sizeof(int)), .indent = "", .out = out};
    dump_nodes(&dump, outputs, output_count);
    add_references(&dump, "return", outputs, output_count);
    free(dump.numbers);
}
