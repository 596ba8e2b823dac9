/* What an expression of a script stands for while it is elaborated.
 *
 * Numbers, strings, records, functions and makers exist at compile time; a tensor is a node of the graph under construction.
 * Values are small and passed by value; what they point to lives in the session's arena. */
#ifndef REG_ELABORATE_VALUE_H
#define REG_ELABORATE_VALUE_H

#include "lang/graph/build.h"
#include "lang/syntax/tree.h"

typedef enum ValueKind {
    VALUE_NONE,   /* no value: an error was reported */
    VALUE_NUMBER, /* a compile-time scalar */
    VALUE_BOOL,
    VALUE_STRING,
    VALUE_QUANTITY, /* 2 epochs, 50 percent */
    VALUE_TENSOR,   /* a node */
    VALUE_RECORD,   /* also a split of a data set (is_split) */
    VALUE_LIST,
    VALUE_RANGE,
    VALUE_FUNCTION,  /* fn, loss, penalty, lambda, built-in, composition */
    VALUE_MAKER,     /* model or method, before the braces */
    VALUE_INSTANCE,  /* model or method, after the braces */
    VALUE_SELECTION, /* parameters that a selector found */
    VALUE_CHOICE     /* a bare name given to a setting with a closed set of choices */
} ValueKind;

typedef struct Value Value;
typedef struct Record Record;
typedef struct List List;
typedef struct Function Function;
typedef struct Maker Maker;
typedef struct Instance Instance;
typedef struct Selection Selection;
typedef struct Scope Scope;

struct Value {
    ValueKind kind;
    Span span; /* where it was written: the "where each came from" of messages */
    union {
        struct {
            double number;
            bool is_integer;
        };
        bool truth;
        const char *text; /* STRING, CHOICE */
        struct {
            double amount;
            const char *unit;
        }; /* QUANTITY: "epochs" "steps" "percent" */
        Node *node;
        Record *record;
        List *list;
        struct {
            int64_t from, to;
        };
        Function *function;
        Maker *maker;
        Instance *instance;
        Selection *selection;
    };
};

typedef struct Field {
    const char *name;
    Value value;
} Field;

struct Record {
    Field *fields;
    int count;
    bool is_split;     /* equally long arrays: can be trained on, sliced, shuffled */
    const char *label; /* "fashion.train": for messages */
};

struct List {
    Value *items;
    int count;
};

/* An argument of the last application of a model or function: of a tensor only the type, since graphs come and go. Enough to apply it
 * again to the same sizes. */
typedef struct Given {
    bool is_given; /* false: left to its default */
    bool is_mixed; /* a list or record, which may hold tensors: cannot be told again */
    Value value;   /* a tensor's has no node */
    Type type;     /* of a tensor */
} Given;

/* What lies behind a call. Exactly one of tree, builtin, stages, bound is used. */
typedef struct Builtin Builtin;
struct Function {
    const char *name; /* "lambda" when it has none */
    const Tree *tree; /* TREE_FN, _LOSS, _PENALTY, _LAMBDA, _HOOK */
    Scope *scope;     /* where the tree was defined */
    const Builtin *builtin;
    Value *stages; /* composition: applied in order */
    int stage_count;
    bool is_penalty;    /* sums over a selection */
    bool is_evaluation; /* of its one stage: as outside of training */
    Instance *owner;    /* part or hook of an instance: its members are in scope */
    Given *given;       /* by parameter; NULL: never called, or not from the top level's own text */
};

typedef enum MakerKind { MAKER_MODEL, MAKER_METHOD } MakerKind;

struct Maker {
    MakerKind kind;
    const char *name;
    const Tree *tree; /* TREE_MODEL, TREE_METHOD */
    Scope *scope;
    bool is_standard; /* from the standard library */
};

/* A parameter or state that an instance owns. */
typedef enum MemberKind { MEMBER_PARAM, MEMBER_STATE } MemberKind;
typedef struct Member {
    const char *name;
    MemberKind kind;
    Cell *cell; /* path and value; NULL until the first application */
    bool is_frozen;
    bool of_method; /* owned by a method itself, not by a model */
    bool has_rate;
    double rate;  /* of its steps, in place of the optimizer's */
    Span span;    /* its declaration */
    Value *views; /* methods whose weight hook the model reads this parameter through, in order */
    int view_count;
} Member;

typedef struct Part {
    const Tree *site; /* the MAKE expression ... */
    int occurrence;   /* ... and its number within one application */
    const char *name; /* "dense_1", or the name of its let */
    Instance *instance;
} Part;

struct Instance {
    Maker *maker;
    const char *path; /* "net.dense_1"; NULL until named or first applied */
    Instance *parent;
    Scope *settings;  /* settings by name (models: evaluated at making) */
    const Tree *make; /* the MAKE expression: a method's settings are evaluated at each use */
    Scope *make_scope;
    Span span;
    Member *members;
    int member_count, member_capacity;
    Part *parts;
    int part_count, part_capacity;
    Value *methods;
    int method_count;                    /* methods whose activation hook sees what the model gives, in order */
    int application;                     /* how often it was applied in the pass under construction */
    uint64_t pass;                       /* the pass that `application` counts for; of a method: where its settings were evaluated */
    double steps_per_epoch, total_steps; /* of the block where a method was used last */
    bool is_frozen;
    Given *given;             /* by input; NULL: never applied */
    const TensorTable *saved; /* values that wait for parameters to exist, by path below this model; NULL: none */
};

typedef struct Selected {
    Instance *owner; /* NULL for a free variable */
    Member *member;
} Selected;

struct Selection {
    Selected *items;
    int count;
    const char *text; /* as written */
};

/* A state that `<-` may change under this name (per-parameter states of a method: one cell for each parameter). */
typedef struct Slot {
    const char *name;
    Cell *cell;
} Slot;

/* Names in scope, innermost first. `owner`: members of this instance are visible here and `<-` may change its state. */
struct Scope {
    Scope *parent;
    Field *fields;
    int count, capacity;
    Field *makers;
    int maker_count, maker_capacity;
    Instance *owner;
    Slot *slots;
    int slot_count;
    bool is_call; /* arguments of a call or settings of an instance: where dimension names are bound */
};

static inline bool value_ok(Value value) { return value.kind != VALUE_NONE; }
Value value_none(void);
Value value_number(double number, bool is_integer, Span span);
Value value_bool(bool truth, Span span);
Value value_string(const char *text, Span span);
Value value_tensor(Node *node, Span span); /* NONE when node is NULL */

/* "a number", "a tensor f32 [32, 10]", "the model 'mlp'": for messages. Written into `buffer`. */
enum { KIND_TEXT = 256 };
const char *value_describe(Value value, char buffer[KIND_TEXT]);

#endif
