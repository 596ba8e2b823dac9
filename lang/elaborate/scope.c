/* Scopes, records and lists: names and what they stand for. */
#include "lang/elaborate/elaborate.h"

#include <string.h>

Scope *scope_new(Elaborator *e, Scope *parent) {
    Scope *scope = arena_alloc(e->arena, sizeof *scope);
    scope->parent = parent;
    return scope;
}

/* Latest first, so that what a body has just bound is found at once. */
static Field *find_field(Field *fields, int count, const char *name) {
    for (int k = count; k-- > 0;)
        if (!strcmp(fields[k].name, name)) return &fields[k];
    return NULL;
}

void scope_set(Elaborator *e, Scope *scope, const char *name, Value value) {
    Field *field = find_field(scope->fields, scope->count, name);
    if (field) {
        field->value = value;
        return;
    }
    scope->fields = arena_grow(e->arena, scope->fields, sizeof *scope->fields, scope->count, &scope->capacity);
    scope->fields[scope->count++] = (Field){arena_string(e->arena, name), value};
}

void scope_set_maker(Elaborator *e, Scope *scope, const char *name, Value maker) {
    Field *field = find_field(scope->makers, scope->maker_count, name);
    if (field) {
        field->value = maker;
        return;
    }
    scope->makers = arena_grow(e->arena, scope->makers, sizeof *scope->makers, scope->maker_count, &scope->maker_capacity);
    scope->makers[scope->maker_count++] = (Field){arena_string(e->arena, name), maker};
}

static bool find_in(Scope *scope, const char *name, Value *out) {
    Field *field = find_field(scope->fields, scope->count, name);
    if (field) *out = field->value;
    return field != NULL;
}

bool scope_find(Elaborator *e, Scope *scope, const char *name, Value *out) {
    for (Scope *at = scope; at; at = at->parent) {
        if (find_in(at, name, out)) return true;
        if (at->owner) {
            Member *member = instance_member(at->owner, name);
            if (member) {
                *out = member_value(e, at->owner, member, (Span){0});
                return true;
            }
        }
    }
    if (e->host.define_standard(e->host.context, name, false)) return find_in(e->standard, name, out);
    const Builtin *builtin = builtin_find(name);
    if (!builtin) return false;
    Function *function = arena_alloc(e->arena, sizeof *function);
    function->name = arena_string(e->arena, name);
    function->builtin = builtin;
    *out = (Value){.kind = VALUE_FUNCTION, .function = function};
    scope_set(e, e->standard, name, *out);
    return true;
}

bool scope_find_maker(Elaborator *e, Scope *scope, const char *name, Value *out) {
    for (Scope *at = scope; at; at = at->parent) {
        Field *field = find_field(at->makers, at->maker_count, name);
        if (field) {
            *out = field->value;
            return true;
        }
    }
    if (!e->host.define_standard(e->host.context, name, true)) return false;
    Field *field = find_field(e->standard->makers, e->standard->maker_count, name);
    if (field) *out = field->value;
    return field != NULL;
}

Record *record_new(Elaborator *e) { return arena_alloc(e->arena, sizeof(Record)); }

void record_add(Elaborator *e, Record *record, const char *name, Value value) {
    Field *field = find_field(record->fields, record->count, name);
    if (field) {
        field->value = value;
        return;
    }
    Field *fields = arena_alloc(e->arena, sizeof *fields * (size_t)(record->count + 1));
    if (record->count) memcpy(fields, record->fields, sizeof *fields * (size_t)record->count);
    fields[record->count] = (Field){arena_string(e->arena, name), value};
    record->fields = fields;
    record->count++;
}

Value record_field(const Record *record, const char *name) {
    Field *field = find_field(record->fields, record->count, name);
    return field ? field->value : value_none();
}

List *list_new(Elaborator *e, int count) {
    List *list = arena_alloc(e->arena, sizeof *list);
    list->items = arena_alloc(e->arena, sizeof(Value) * (size_t)(count ? count : 1));
    list->count = count;
    return list;
}
