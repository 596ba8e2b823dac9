/* What models and functions were last applied to, for who applies them again: saving a definition, exporting a function. */
#include "lang/elaborate/call.h"

#include <string.h>

static bool names(const Tree *call, int first, const char *parameter) {
    for (int k = first; call && k < call->count; k++)
        if (call->items[k]->name && !strcmp(call->items[k]->name, parameter)) return true;
    return false;
}

static int positional(const Binding *binding) {
    int count = binding->leading_count;
    for (int k = binding->first; binding->call && k < binding->call->count; k++) count += binding->call->items[k]->name == NULL;
    return count;
}

static Given given_of(Value value) {
    Given given = {.is_given = true, .value = value, .is_mixed = value.kind == VALUE_LIST || value.kind == VALUE_RECORD};
    if (value.kind == VALUE_TENSOR) given.type = value.node->type, given.value.node = NULL;
    return given;
}

void note_given(Elaborator *e, Given **given, const Tree *parameters, const Binding *binding, Scope *scope) {
    int count = positional(binding);
    if (!*given) *given = arena_alloc(e->arena, sizeof **given * (size_t)(parameters->count + 1));
    for (int k = 0; k < parameters->count; k++) {
        const char *name = parameters->items[k]->name;
        Value value = value_none();
        (*given)[k] = (Given){0};
        if ((k < count || names(binding->call, binding->first, name)) && scope_find(e, scope, name, &value)) (*given)[k] = given_of(value);
    }
}
