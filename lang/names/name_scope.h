/* Scopes: which names are bound where. A scope holds one meaning per name and space. */
#ifndef REG_NAMES_NAME_SCOPE_H
#define REG_NAMES_NAME_SCOPE_H

#include "lang/names/names.h"

typedef enum BoundKind {
    BOUND_VALUE,     /* let, data, var, param, state, a carry, a loop variable */
    BOUND_PARAMETER, /* may stand for anything, a maker too */
    BOUND_FUNCTION,  /* fn, loss, penalty */
    BOUND_DIMENSION, /* a size named in a signature, or a choice */
    BOUND_GIVEN,     /* bound by the language: the names of hooks */
    BOUND_MAKER,     /* model, method */
} BoundKind;

typedef struct Bound {
    const char *name;
    Span span;
    BoundKind kind;
} Bound;

typedef struct NameScope NameScope;
struct NameScope {
    NameScope *parent;
    struct {
        Bound *items;
        size_t count;
        size_t capacity;
    } bound;
    bool is_open; /* names that are unknown here may be fields of the batch */
};

/* NULL where `name` has no meaning in this scope itself. */
const Bound *name_scope_find_here(const NameScope *scope, NameSpace space, const char *name);
const Bound *name_scope_find(const NameScope *scope, NameSpace space, const char *name);
void name_scope_add(NameScope *scope, const char *name, Span span, BoundKind kind);
bool name_scope_is_open(const NameScope *scope);
void name_scope_free(NameScope *scope); /* what it holds; the scope itself lives on the stack of the walk */

#endif
