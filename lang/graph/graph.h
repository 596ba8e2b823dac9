/* The graph: typed nodes with known shapes, built by the elaborator and by derivatives, rewritten by passes.
 *
 * Nodes live in the graph's arena and are identified by address; `id` is their order of creation, so inputs always have
 * smaller ids. A node never changes after graph_add except by passes. Structurally equal pure nodes are the same node, unless
 * the graph keeps them apart. */
#ifndef REG_GRAPH_GRAPH_H
#define REG_GRAPH_GRAPH_H

#include "lang/syntax/diagnostics.h"
#include "runtime/base/arena.h"
#include "runtime/base/tensor.h"
#include "runtime/exec/plan.h" /* Cell */

typedef enum OpCode {
#define UNARY(NAME, ...) OP_##NAME,
#define BINARY(NAME, ...) OP_##NAME,
#define TERNARY(NAME, ...) OP_##NAME,
#include "runtime/elementwise.def"
#undef UNARY
#undef BINARY
#undef TERNARY
    OP_ELEMENTWISE_COUNT,
    OP_BEFORE_STRUCTURAL = OP_ELEMENTWISE_COUNT - 1,
#define STRUCTURAL(NAME, name, doc) OP_##NAME,
#include "lang/ops/ops.def"
#undef STRUCTURAL
    OP_COUNT
} OpCode;

typedef struct Node Node;
typedef struct Graph Graph;

typedef struct Type {
    DType dtype;
    Shape shape;
} Type;

/* A derivative rule of the user's own (OP_CUSTOM): called when the derivative is built. Fills one cotangent (or NULL for zero)
 * for each argument a1..an of the node; false after a diagnostic. */
typedef struct CustomRule {
    bool (*vjp)(void *context, Graph *graph, Node *node, Node *cotangent, Node **argument_cotangents);
    void *context;
} CustomRule;

/* Records of carries that nobody reads are dropped: a bit for each of the first so many carries. */
enum { LOOP_DROPPED_MAX = 62 };

/* The body of OP_LOOP. A graph of its own: its leaves are the cells `captured_cells` then `carry_cells`. */
typedef struct LoopBody {
    Graph *graph;
    Cell **captured_cells;
    int captured_count; /* the node's first inputs, bound to these leaves */
    Cell **carry_cells;
    int carry_count; /* the node's other inputs are their initial values */
    int kept_count;  /* the last so many carries are single numbers that were computed from many: the body does not read them, but the
                        derivative does (the next row of their record) instead of computing the many again */
    Node *condition; /* bool scalar over carries and captures; the loop ends before an iteration where it is true;
                              NULL: only max ends it */
    Node **next;     /* next value of each carry */
    int64_t max;     /* at most so many iterations; -1: no limit */
} LoopBody;

/* How the blocks' values of a result of OP_ROWS make the whole one. */
typedef enum RowsResult { ROWS_KEPT, ROWS_SUM, ROWS_MAX, ROWS_MIN } RowsResult;

/* The body of OP_ROWS: what is computed for one block of rows. A graph of its own, whose leaves are `cells`. */
typedef struct RowsBody {
    Graph *graph;
    Cell **cells; /* one for each input of the node */
    bool *is_cut; /* by input: the body sees the rows of its block (else all of it) */
    int input_count;
    Node **results;
    RowsResult *kinds;
    int result_count;
    int64_t row_count, block_rows, block_count; /* of uneven blocks the last begins earlier, so that it is whole too */
} RowsBody;

struct Node {
    int id;
    uint64_t hash; /* structural */
    OpCode op;
    Type type; /* of output 0 */
    Node **inputs;
    int input_count;
    int64_t *ints; /* attributes in the order of lang/ops/ops.def */
    int int_count;
    double *numbers; /* of OP_CONSTANT: the exact value when it is a weak scalar (build_number), else none */
    int number_count;
    Type *parts; /* all outputs, when there are several (then only OP_PART may use the node) */
    int part_count;
    Cell *cell;             /* OP_LEAF */
    Tensor *constant;       /* OP_CONSTANT */
    const CustomRule *rule; /* OP_CUSTOM */
    LoopBody *loop;         /* OP_LOOP */
    RowsBody *rows;         /* OP_ROWS */
    Span span;              /* the source text it came from */
    Cell *materialised;     /* session graph: the value of this node, once computed (a reference that graph_free releases);
                              extraction stops here */
};

struct Graph {
    Arena *arena;
    Diagnostics *diagnostics;
    Span here;        /* given to nodes that are added */
    DType float_type; /* of float constants and of integers that become floats: DTYPE_F32 or DTYPE_F64 */
    Node **nodes;
    size_t node_count;
    size_t node_capacity;
    Node **table;
    size_t table_capacity; /* structural hash */
    bool keeps_apart;      /* equal nodes stay two nodes: set where names are elaborated, since a derivative in one of two equal values
                            * is not one in the other. Leaves of one cell and constants of one tensor are one node all the same. */
    Graph **bodies;
    size_t body_count;
    size_t body_capacity;      /* graphs of loop bodies, freed with this one */
    Cell *probes[DTYPE_COUNT]; /* what autodiff_jvp takes derivatives in: one each, so that repeated calls share their nodes */
};

Graph *graph_new(Diagnostics *diagnostics, DType float_type);
Graph *graph_new_apart(Diagnostics *diagnostics, DType float_type); /* one that keeps equal nodes apart */
/* A graph for the body of a loop of `outer`, which owns it. LoopBody itself and its arrays live in outer's arena. */
Graph *graph_new_body(Graph *outer);
/* Leaves and constants hold references of their own to cells and tensors until then. NULL allowed. */
void graph_free(Graph *graph);

/* The one way to make a node: checks inputs, infers type(s) by the op's rule, finds an equal node or adds one.
 * NULL after a diagnostic at graph->here (E04xx with both shapes). `type` is needed only by ops whose shape is not a function of
 * inputs and attributes (iota, cast, broadcast, reshape, slice, conv_input, conv_kernel, window_sum_adjoint, random_*); else NULL. */
typedef struct NodeSpec {
    OpCode op;
    Node *inputs[8];
    int input_count; /* small lists; for longer ones: */
    Node **more_inputs;
    int more_count; /* used instead when not NULL */
    int64_t ints[3 * RANK_MAX];
    int int_count;
    double numbers[4];
    int number_count;
    const Type *type;
    Cell *cell;
    Tensor *constant;
    const CustomRule *rule;
    LoopBody *loop;
    RowsBody *rows;
} NodeSpec;
Node *graph_add(Graph *graph, const NodeSpec *spec);

/* The values of cells have changed: from now on nodes are new, even where an equal one, perhaps with a materialised value from
 * before, exists. Leaves and constants stay the same nodes. */
void graph_renew(Graph *graph);
/* Of op, attributes, type and which nodes the inputs are; node_equal compares the stored hashes first. */
uint64_t node_hash(const Node *node);
bool node_equal(const Node *a, const Node *b);

/* Whether the node was made in this graph. */
static inline bool graph_holds(const Graph *graph, const Node *node) {
    return (size_t)node->id < graph->node_count && graph->nodes[node->id] == node;
}

void graph_dump(const Graph *graph, Node *const *outputs, int output_count, Text *out); /* stable text */

#endif
