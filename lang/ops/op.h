/* The op table: what every pass may ask about an op. Nobody switches over ops; a new op is one line in ops.def (or
 * elementwise.def), its rules in this folder and one row in op.c. */
#ifndef REG_OPS_OP_H
#define REG_OPS_OP_H

#include "lang/graph/graph.h"

typedef enum OpFusion {
    FUSE_NONE,
    FUSE_ELEMENTWISE, /* computes element by element over equal shapes: any of these may share a group */
    FUSE_REDUCE,      /* may end a group: REDUCE_SUM, _MAX, _MIN */
    FUSE_VIEW,        /* kernel == NULL: the bytes of input 0 under another type. With a kernel (broadcast, transpose): input 0
                         read through other strides, which a group's load can do and the kernel does otherwise */
} OpFusion;

/* What elementwise operands may be; see runtime/elementwise.def. */
typedef enum OperandKind {
    OPERANDS_STRUCTURAL,
    OPERANDS_FLOAT,
    OPERANDS_NUMBER,
    OPERANDS_COMPARE,
    OPERANDS_LOGIC,
    OPERANDS_TEST,
    OPERANDS_SELECT
} OperandKind;

/* What a derivative rule is given and fills. Cotangents have the type of the value they belong to; NULL is zero. */
typedef struct VjpContext {
    Graph *graph;
    Node *node;                   /* whose inputs' cotangents are asked for */
    Node *cotangent;              /* of output 0 */
    Node *const *part_cotangents; /* of every output; may hold NULL. For ops with one output: &cotangent */
    const bool *wanted;           /* per input: only these lie on a way to a variable */
    Node **results;               /* per input; all NULL on entry */
} VjpContext;

typedef struct OpDef {
    const char *name; /* "matmul": as users and dumps see it, and the kernel's name */
    OpCode code;
    const char *doc;
    OpFusion fusion;
    OperandKind kind;       /* OPERANDS_STRUCTURAL for all but elementwise ops */
    const char *kernel;     /* name in runtime/kernels/kernels.def; NULL for leaves, views, parts, loops and elementwise ops */
    const char *attributes; /* names of `ints` in order, for dumps: "axis descending"; "start* step*" are rank-long lists */
    bool (*infer)(Graph *graph, const NodeSpec *spec, Type *types, int *count); /* false after a diagnostic */
    bool (*vjp)(VjpContext *context);                                           /* NULL: none. False after a diagnostic */
    const char *no_derivative;         /* advice for users when vjp is NULL and a derivative would have to pass; else NULL */
    uint32_t blocked_inputs;           /* bit k: the derivative in input k is zero (almost) everywhere; ~0: in all */
    double (*flops)(const Node *node); /* NULL: one an element for elementwise ops and reductions, none for the others */
    double (*bytes)(const Node *node); /* NULL: all of its inputs and outputs */
    bool inplace;                      /* the kernel may write output 0 over input 0 */
    bool is_pure;                      /* equal inputs and attributes give equal outputs: equal nodes are one node */
} OpDef;

const OpDef *op_def(OpCode code);
static inline const OpDef *op_of(const Node *node) { return op_def(node->op); }

/* Floating-point operations of one run of the node: a multiplication and an addition count as two. */
double op_flops(const Node *node);

/* Bytes that one run of the node reads and writes. */
double op_bytes(const Node *node);

/* The op of this name, OP_COUNT when there is none. */
OpCode op_find(const char *name);

#endif
