/* What the families of built-ins share: one table a family, short ways to read arguments, and the functions that models and
 * train blocks call directly. For everybody else the built-ins are elaborate.h's builtin_find and call_builtin. */
#ifndef REG_ELABORATE_BUILTINS_H
#define REG_ELABORATE_BUILTINS_H

#include "lang/elaborate/elaborate.h"

/* Every table ends with a row without signature. */
extern const Builtin builtins_math[];    /* elementwise */
extern const Builtin builtins_reduce[];  /* sums, maxima, statistics along axes */
extern const Builtin builtins_create[];  /* tensors from sizes */
extern const Builtin builtins_shape[];   /* the same numbers in another shape */
extern const Builtin builtins_join[];    /* concat, pad, tile, windows */
extern const Builtin builtins_index[];   /* gather, scatter, sort, one-hot */
extern const Builtin builtins_product[]; /* matmul, einsum, outer ... */
extern const Builtin builtins_conv[];    /* convolution */
extern const Builtin builtins_pool[];    /* pooling, upsampling */
extern const Builtin builtins_linalg[];  /* solves and factorizations */
extern const Builtin builtins_solve[];   /* solvers in C */
extern const Builtin builtins_fourier[];
extern const Builtin builtins_random[];
extern const Builtin builtins_init[];       /* initialisers by name */
extern const Builtin builtins_gradient[];   /* derivatives */
extern const Builtin builtins_list[];       /* lists, functions of functions */
extern const Builtin builtins_loop[];       /* what loops leave behind */
extern const Builtin builtins_text[];       /* characters as numbers */
extern const Builtin builtins_load[];       /* data sets */
extern const Builtin builtins_split[];      /* splits of data sets */
extern const Builtin builtins_labels[];     /* label noise */
extern const Builtin builtins_synthetic[];  /* data sets that are computed */
extern const Builtin builtins_refuse[];     /* what a function or method does not accept */
extern const Builtin builtins_weights[];    /* parameters of models as records */
extern const Builtin builtins_substitute[]; /* values at trial points */

/* --- signatures (builtins_call.c) --- */
typedef struct Parameter {
    const char *name;
    int length; /* slices of the signature */
    const char *choices;
    int choices_length; /* "a|b|<size>": `<...>` stands for any value; NULL: not a choice */
    const char *initial;
    int initial_length; /* default; NULL: none */
    bool is_optional, is_variadic;
} Parameter;
typedef struct Signature {
    Parameter parameters[BUILTIN_PARAMETERS];
    int count;
} Signature;
void signature_parse(const char *text, Signature *out);
/* The tree of parameter `index` of a lazy built-in's call; NULL when it was not written there (a piped or passed value, or absent). */
const Tree *argument_tree(const Builtin *self, const Arguments *arguments, int index);

/* --- reading arguments --- */
static inline bool given(const Arguments *a, int k) { return a->values[k].kind != VALUE_NONE; }
static inline Node *node_at(Elaborator *e, const Arguments *a, int k) { return to_node(e, a->values[k]); }
bool choice_is(const Arguments *a, int k, const char *text);
static inline Value result_of(const Arguments *a, Node *node) { return value_tensor(node, a->span); }
bool flag_at(const Arguments *a, int k); /* an argument with default true or false that call_builtin has checked */
bool float_at(Elaborator *e, const Arguments *a, int k, Node **out); /* the node as a float */
Node *to_float(Elaborator *e, Node *x);                              /* integers and bools as e->float_type */
bool axis_at(Elaborator *e, const Arguments *a, int k, int rank, int *axis);
bool integer_at(Elaborator *e, const Arguments *a, int k, int64_t least, int64_t *out); /* E0304 below `least` */
/* `count` whole numbers >= least: one number stands for all. */
bool integers_at(Elaborator *e, const Arguments *a, int k, int count, int64_t least, int64_t *out);
bool rank_at_least(Elaborator *e, const Arguments *a, int k, const Node *x, int rank);
Node *call_op(Elaborator *e, OpCode op, Node *const *inputs, int count, const int64_t *ints, int int_count, const Type *type);
Node *constant_of(Elaborator *e, Tensor *tensor); /* takes the reference; NULL stays NULL */
Value list_value(List *list, Span span);
Value record_value(Record *record, Span span);
Value tensor_fault(Elaborator *e, const Arguments *a, const char *code, const Fault *fault); /* NONE, reported */
static inline uint32_t all_axes(const Node *x) { return (1u << x->type.shape.rank) - 1u; }

/* x with a border along one axis; mode "edge", "reflect" or "circular" (builtins_join.c). */
Node *pad_border(Elaborator *e, Node *x, int axis, int64_t low, int64_t high, const char *mode, Span span);

/* --- random numbers (random.c) --- */
/* The key of a call: the session's (with the step of a train block), or of `seed` when that is given. */
Node *random_key_of(Elaborator *e, Value seed);
/* uniform, normal, gamma of a site of its own; per-sample streams when the shape starts with the batch of the block. */
Node *random_draw(Elaborator *e, OpCode op, Type type, const char *what, Span span, Value seed, Node *alpha);

/* A draw that depends on the seed and the path of a parameter only. */
Node *random_initial(Elaborator *e, OpCode op, Type type, const char *path);

/* --- data (builtins_load.c) --- */
struct DataSet;
/* A record of splits, or the split itself where there is only "all"; columns become leaves of fresh cells. */
Value dataset_value(Elaborator *e, const struct DataSet *set, Span span);
Value column_value(Elaborator *e, const char *label, const char *name, Tensor *tensor,
                   Span span); /* takes the reference; NULL gives NONE */

/* --- initialisers (builtins_init.c) --- */
bool is_initialiser(const char *name); /* a distribution that may stand after `~`: glorot, he ... */
/* The first value of `path`: after `~` a distribution (normal(0, 0.1), glorot, he, zeros ...), after `=` an expression that is
 * broadcast to the shape. The draw depends on the session's seed and `path` only. NULL after a diagnostic. */
Node *initial_value(Elaborator *e, const Tree *initialiser, Shape shape, DType dtype, Scope *scope, const char *path);

#endif
