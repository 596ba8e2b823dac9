/* Tree to graph: expressions are evaluated at compile time, tensors become nodes of the graph under construction. Functions are
 * inlined, models instantiated, signatures matched against shapes.
 *
 * A pass is one building of a graph: a statement at top level, or the step of a train block. Everything here fails if and
 * only if it reported a diagnostic; a failed expression is VALUE_NONE. */
#ifndef REG_ELABORATE_ELABORATE_H
#define REG_ELABORATE_ELABORATE_H

#include "lang/elaborate/value.h"

#include <signal.h>

/* Time inside a train block: what `step`, `epoch`, `progress` and durations mean. NULL outside. */
typedef struct Clock {
    Node *step, *epoch, *progress; /* float scalars, leaves of the step graph */
    double steps_per_epoch;        /* 0 when the block has no data */
    double total_steps;
} Clock;

/* A state change that the step under construction will commit. */
typedef struct PendingCommit {
    Cell *cell;
    Node *value;
    bool is_committed; /* false: the pass only reads it (extra forward pass, evaluation) */
} PendingCommit;

typedef struct Elaborator Elaborator;

/* The graph of a loop body reaches values around it through cells; the loop node then gets them as inputs. */
typedef struct Capture {
    Graph *outer;
    struct Capture *parent; /* of `outer`, when that is a loop body too */
    Node **nodes;           /* of `outer` */
    Cell **cells;
    int count, capacity;
} Capture;

typedef struct Occurrence {
    const Tree *site;
    int count;
} Occurrence;

/* A place that draws random numbers. */
typedef struct RandomSite {
    uint64_t hash;
    const char *path; /* of the model or method around it; NULL at top level */
    const char *what; /* "normal", "uniform", … */
    int64_t site;     /* as its node has it */
} RandomSite;

/* How many nameless instances a maker has given so far. */
typedef struct Numbered {
    const char *maker;
    int count;
} Numbered;

/* The first declared loss that a `minimize` calls is where `output` and `target` come from, and where methods change targets and
 * weigh samples. */
typedef struct LossTap {
    bool is_taken;
    Value output, target;
    Value (*retarget)(void *context, Value output, Value target); /* NULL: none */
    Value (*reweigh)(void *context, Value loss);                  /* per-sample losses; NULL: none */
    void *context;
} LossTap;

/* The records that solvers of differential equations gave, with the model that was being applied (NULL: none). */
typedef struct Solve {
    Value record;
    Instance *instance;
} Solve;

typedef struct SolveList {
    Solve *items;
    int count;
} SolveList;

/* What the elaborator needs from the session. */
typedef struct ElaboratorHost {
    void *context;
    /* The tensor of a compile-time node: runs the graph. Borrowed. NULL after a diagnostic. */
    Tensor *(*evaluate)(void *context, Node *node, Span span);
    /* Defines `name` from the standard library into the standard scope when it is there; false when it is not. */
    bool (*define_standard)(void *context, const char *name, bool is_maker);
} ElaboratorHost;

struct Elaborator {
    Arena *arena; /* session lifetime */
    Diagnostics *diagnostics;
    ElaboratorHost host;
    Graph *graph;    /* under construction */
    Scope *standard; /* the standard library, filled on demand; parent of all */
    Scope *globals;  /* the script's top level */
    DType float_type;
    uint64_t seed;
    Node *key;      /* i64 [2] (seed, step) for random nodes; made on demand */
    Cell *key_cell; /* bound by a train block; NULL at top level */
    Clock *clock;
    const Value *targets;
    int target_count; /* what the train block in progress trains */
    bool training;
    bool validating;                        /* in the terms of a `minimize … on SPLIT` */
    bool commits_allowed;                   /* false inside extra forward passes and evaluation */
    bool reads_stored;                      /* parameters as they are stored, not as methods show them */
    bool check_only;                        /* `reg check`: shapes but no numbers */
    const volatile sig_atomic_t *interrupt; /* not 0: Ctrl-C, everything stops; NULL: nothing interrupts */
    uint64_t pass;                          /* number of the pass, for Instance.pass */
    PendingCommit *pending;
    int pending_count, pending_capacity;
    Instance *instance;      /* being applied: makes inside become its parts */
    const char *random_path; /* names the context of random sites */
    RandomSite *sites;       /* that drew in this pass: for occurrence numbers and `reg explain` */
    int site_count, site_capacity;
    int depth;      /* calls in progress */
    int call_count; /* in pass `call_pass` */
    uint64_t call_pass;
    const Tree *call_tree; /* the call in progress, for messages of built-ins */
    Span user_span;        /* the innermost call or make in progress that the script itself wrote */
    double spread;         /* standard deviation of the initialiser that ran last; 0: none was drawn */
    Numbered *numbered;
    int numbered_count;          /* instances that no let named, by maker: one more of a kind moves no other's name */
    Node *sample;                /* sample numbers of the batch (i64 [n]); NULL outside */
    Capture *capture;            /* the loop body under construction, NULL outside of loops */
    LossTap *tap;                /* NULL: losses are just functions */
    struct Variables *variables; /* of the innermost derivative in progress; NULL elsewhere */
    SolveList *solves;           /* where the terms of an objective leave the records of their solves; NULL elsewhere */
    Occurrence *occurrences;
    int occurrence_count, occurrence_capacity; /* makes met in this application */
};

/* --- expressions (expression.c) --- */
Value elaborate(Elaborator *e, const Tree *tree, Scope *scope);
bool elaborate_interrupted(Elaborator *e, Span span);                  /* true after E0902 when the user has asked to stop */
Value elaborate_block(Elaborator *e, const Tree *block, Scope *scope); /* statements, then the value of the last */
bool elaborate_statement(Elaborator *e, const Tree *tree, Scope *scope, Value *result); /* let, for, if, param, state, commit … */

Value record_access(Elaborator *e, const Tree *tree, Value base); /* the field tree->name of a record, or E0202 at its name_span */

/* --- calls (call.c) --- */
Value call_value(Elaborator *e, Value callee, const Value *arguments, int count, Span span); /* positional */
Value call_tree(Elaborator *e, Value callee, const Tree *call, int first, const Value *leading, int leading_count, Scope *scope);
/* Matches `value` against an annotation such as [n, d], binding names that are new in `scope`. */
bool match_annotation(Elaborator *e, const Tree *annotation, Value *value, Scope *scope, const char *parameter, Span span);

/* --- conversions (convert.c): each reports E0401/E0402 at the value's span --- */
Node *to_node(Elaborator *e, Value value);               /* number, bool, tensor, list of these -> node of e->graph */
bool to_number(Elaborator *e, Value value, double *out); /* compile-time; evaluates a scalar tensor at top level */
bool to_integer(Elaborator *e, Value value, int64_t *out);
bool to_bool(Elaborator *e, Value value, bool *out);
const char *to_string(Elaborator *e, Value value);                  /* NULL after a diagnostic */
bool to_shape(Elaborator *e, Value value, Shape *out);              /* integer or list of integers */
bool to_axes(Elaborator *e, Value value, int rank, uint32_t *mask); /* integer or list; negative from the end */
bool to_axis(Elaborator *e, Value value, int rank, int *axis);
Tensor *to_tensor(Elaborator *e, Value value);           /* evaluated; borrowed */
void value_text(Elaborator *e, Value value, Text *out);  /* as `print` shows it, evaluated where needed */
Node *import_node(Elaborator *e, Node *node, Span span); /* a node of another graph as a leaf of e->graph */
Cell *own_cell(Elaborator *e, Cell *cell);               /* the reference now belongs to the session; NULL stays NULL */
Node *import_cell(Elaborator *e, Cell *cell);            /* the leaf of a cell, captured by the loops around */

/* --- scopes (scope.c) --- */
Scope *scope_new(Elaborator *e, Scope *parent);
void scope_set(Elaborator *e, Scope *scope, const char *name, Value value); /* shadows or replaces in this scope */
void scope_set_maker(Elaborator *e, Scope *scope, const char *name, Value maker);
bool scope_find(Elaborator *e, Scope *scope, const char *name, Value *out); /* asks the standard library last */
bool scope_find_maker(Elaborator *e, Scope *scope, const char *name, Value *out);
Value record_field(const Record *record, const char *name); /* NONE when absent, no diagnostic */
Record *record_new(Elaborator *e);
void record_add(Elaborator *e, Record *record, const char *name, Value value);
List *list_new(Elaborator *e, int count);

/* --- models (model.c) --- */
Value make_instance(Elaborator *e, Value maker, const Tree *make, Scope *scope);
Value apply_instance(Elaborator *e, Instance *instance, const Value *arguments, int count, Span span);
void instance_name(Elaborator *e, Instance *instance, const char *name); /* by its let; no effect once it has a path */
const char *instance_path(Elaborator *e, Instance *instance);            /* settled on first use */
Member *instance_member(Instance *instance, const char *name);
Member *add_member(Elaborator *e, Instance *instance, MemberKind kind, const char *name, Span span);
/* The initial value of a `param`, `state` or `var` tree, computed at once; the caller's reference. NULL after a diagnostic. */
Tensor *initial_tensor(Elaborator *e, const Tree *tree, Shape shape, DType dtype, Scope *scope, const char *path);
Value elaborate_shape(Elaborator *e, const Tree *shape, Scope *scope); /* SHAPE -> list of sizes */
Node *state_node(Elaborator *e, Cell *cell);                           /* the value that is to be committed, or the leaf */
void commit_cell(Elaborator *e, Cell *cell, Node *value, bool is_committed);
Value instance_field(Elaborator *e, Instance *instance, const char *name, Span span);
Value member_value(Elaborator *e, Instance *owner, Member *member, Span span);   /* as the model sees it */
bool member_rate(Elaborator *e, const Tree *tree, Scope *scope, Member *member); /* reads the rate that a `param` of a method may have */
bool declare_member(Elaborator *e, const Tree *tree, Scope *scope);              /* param, state: creates on first application */
bool commit_member(Elaborator *e, const Tree *tree, Scope *scope);               /* `m <- value` */
/* Every member below an instance, depth first. */
void instance_walk(Instance *instance, void (*visit)(void *context, Instance *owner, Member *member), void *context);

Value elaborate_without(Elaborator *e, const Tree *tree, Scope *scope); /* `net without METHOD` */

/* --- selectors (selector.c) --- */
Value select_tree(Elaborator *e, const Tree *tree, Scope *scope); /* SELECTION, or NONE after E0700 */
Selection *select_all(Elaborator *e, Instance *instance);         /* every parameter below it */
bool is_selector(const Tree *tree);                               /* holds a glob, a predicate or `except` */

/* --- random sites (random.c) --- */
Node *random_key(Elaborator *e);
const char *random_path(Elaborator *e, const char *what, Span span); /* of first values that are drawn here: a site's, for random_initial */

/* --- built-ins (builtins.c and one file per family) --- */
enum { BUILTIN_PARAMETERS = 10 };
typedef struct Arguments {
    Value values[BUILTIN_PARAMETERS]; /* by parameter; VALUE_NONE where an optional one was not given */
    Value *rest;
    int rest_count;         /* variadic built-ins */
    Span span;              /* of the call */
    const Tree *tree;       /* the call as written; NULL when called through a value */
    const Builtin *builtin; /* what is called, for messages; NULL: not said */
    Scope *scope;
} Arguments;

struct Builtin {
    /* "reshape(x, shape)", "sum(x, axis?, keep = false)", "concat(xs..., axis = 0)", "pad(x, width, mode: zero|circular|reflect = zero)":
     * `?` optional, `= v` default (number, true, false, a choice), `a|b` a closed set of bare names, `...` any number. */
    const char *signature;
    Value (*run)(Elaborator *e, const Builtin *self, const Arguments *arguments);
    int data;        /* an OpCode or whatever `run` wants */
    const char *doc; /* what it computes, shapes, defaults, errors */
    bool lazy;       /* gets the trees unevaluated (arguments->tree, scope): grad(cost, x) and the like */
};

/* Binds `leading` values, then the arguments of `call` (TREE_CALL; NULL when there is none) evaluated in `scope`, to the signature
 * and runs the built-in. */
Value call_builtin(Elaborator *e, const Builtin *builtin, const Value *leading, int leading_count, const Tree *call, Scope *scope,
                   Span span);
const Builtin *builtin_find(const char *name);
const Builtin *builtin_at(int index); /* NULL past the end: for completion and `reg doc` */
const char *builtin_group(int index); /* "linear algebra": the title of its family */
const char *builtin_name(const Builtin *builtin, char buffer[64]);

#endif
