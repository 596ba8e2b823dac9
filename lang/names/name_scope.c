#include "lang/names/name_scope.h"

#include "runtime/base/memory.h"

#include <stdlib.h>
#include <string.h>

const Bound *name_scope_find_here(const NameScope *scope, NameSpace space, const char *name) {
    for (size_t i = scope->bound.count; i-- > 0;) {
        const Bound *bound = &scope->bound.items[i];
        if ((bound->kind == BOUND_MAKER) == (space == NAMES_MAKERS) && !strcmp(bound->name, name)) return bound;
    }
    return NULL;
}

const Bound *name_scope_find(const NameScope *scope, NameSpace space, const char *name) {
    for (; scope; scope = scope->parent) {
        const Bound *bound = name_scope_find_here(scope, space, name);
        if (bound) return bound;
    }
    return NULL;
}

void name_scope_add(NameScope *scope, const char *name, Span span, BoundKind kind) {
    Bound bound = {name, span, kind};
    list_push(&scope->bound, bound);
}

bool name_scope_is_open(const NameScope *scope) {
    for (; scope; scope = scope->parent)
        if (scope->is_open) return true;
    return false;
}

void name_scope_free(NameScope *scope) { list_free(&scope->bound); }
