/* How arguments reach parameters: shared by functions, models, methods and hooks. */
#ifndef REG_ELABORATE_CALL_H
#define REG_ELABORATE_CALL_H

#include "lang/elaborate/elaborate.h"

/* What a call gives: leading values, then the arguments of `call` from item `first`, evaluated in `scope`. */
typedef struct Binding {
    const Value *leading;
    int leading_count;
    const Tree *call; /* NULL when there is none */
    int first;
    Scope *scope;
    Span span;
} Binding;

/* Binds to `parameters` (TREE_PARAMETERS) in `into`; `what` names the callee in messages. */
bool bind_arguments(Elaborator *e, const Tree *parameters, const Binding *binding, Scope *into, const char *what);
/* Keeps what the call gives to `parameters`, whose values are bound in `scope` (given.c). */
void note_given(Elaborator *e, Given **given, const Tree *parameters, const Binding *binding, Scope *scope);
Value call_bound(Elaborator *e, Value callee, const Binding *binding);
/* While the text of an instance is elaborated, what it makes becomes its parts, the same ones each time. */
typedef struct Making {
    Instance *instance;
    Occurrence *occurrences;
    int count, capacity;
    const char *random_path;
} Making;
Making begin_making(Elaborator *e, Instance *instance);
void end_making(Elaborator *e, const Making *before);
/* The body of a model, its inputs bound in `scope`. */
Value apply_bound(Elaborator *e, Instance *instance, Scope *scope, Span span);

#endif
