/* With respect to what a derivative is taken: tensors, structures of them, parameters of models. */
#ifndef REG_ELABORATE_VARIABLES_H
#define REG_ELABORATE_VARIABLES_H

#include "lang/elaborate/builtins.h"

enum { REBOUND_MAX = 16, TWINS_MAX = 64 };

/* A name that stands for a leaf while the cost is elaborated. */
typedef struct Rebound {
    Scope *scope;
    const char *name;
    Value before;
} Rebound;

/* A leaf and the named constant that it stands for. */
typedef struct Twin {
    Node *leaf, *original;
} Twin;

/* What a derivative is taken with respect to: the nodes, and the structure that gets their derivatives. */
typedef struct Variables {
    Value structure;
    Node **nodes;
    int count, capacity;
    bool is_computed;        /* the variable is written as an expression such as x * 2: no cost depends on that */
    bool is_group;           /* parameters of a model: those that the cost does not reach have derivative 0 */
    bool *is_varied;         /* by node: a derivative inside the cost was taken of what depends on it. Where that is constant, it is 0 */
    struct Variables *outer; /* of the derivative around this one */
    Rebound rebound[REBOUND_MAX];
    int rebound_count;
    Twin twins[TWINS_MAX];
    int twin_count;
} Variables;

/* Reads argument `index` of a lazy built-in; from here to variables_restore a named constant stands for a leaf. False after a
 * diagnostic; nothing stands for anything else then. */
bool variables_read(Elaborator *e, const Builtin *self, const Arguments *a, int index, Variables *v);
void variables_restore(Elaborator *e, Variables *v);
/* Argument 0, the value that is differentiated, and with it which node each variable is; NULL after a diagnostic. */
Node *variables_cost(Elaborator *e, const Builtin *self, const Arguments *a, Variables *v);
/* False after E0500 when the cost does not mention a variable, or only below an op that lets no derivative through. A cost that
 * mentions a variable and does not vary with it has derivative 0. */
bool variables_reach(Elaborator *e, const Builtin *self, const Arguments *a, const Variables *v, Node *cost);
/* Derivatives of a scalar in every variable, zeros where it does not depend on one. NULL after a diagnostic. */
Node **variables_gradients(Elaborator *e, const Builtin *self, const Arguments *a, const Variables *v, Node *cost);
/* One node a variable, in the structure that the script gave. */
Value variables_structured(Elaborator *e, const Variables *v, Node *const *nodes, Span span);

/* An argument of a lazy built-in, evaluated now. */
Value lazy_argument(Elaborator *e, const Builtin *self, const Arguments *a, int index);

#endif
