/* From a call as written to the arguments of a built-in: signatures, defaults, choices, and one clear error for each slip. */
#include "lang/elaborate/builtins.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *skip_blanks(const char *at) {
    while (*at == ' ') at++;
    return at;
}

static const char *word_end(const char *at) {
    while (isalnum((unsigned char)*at) || *at == '_') at++;
    return at;
}

/* One parameter from `at`, which stands on its name; returns the `,` or `)` behind it. */
static const char *parse_parameter(const char *at, Parameter *out) {
    const char *end = word_end(at);
    *out = (Parameter){.name = at, .length = (int)(end - at)};
    at = end;
    if (*at == '?') {
        out->is_optional = true;
        at++;
    } else if (!strncmp(at, "...", 3)) {
        out->is_variadic = true;
        at += 3;
    }
    at = skip_blanks(at);
    if (*at == ':') {
        out->choices = skip_blanks(at + 1);
        at = out->choices + strcspn(out->choices, " ,)");
        out->choices_length = (int)(at - out->choices);
        if (out->choices[out->choices_length - 1] == '?') {
            out->choices_length--;
            out->is_optional = true;
        }
        at = skip_blanks(at);
    }
    if (*at == '=') {
        out->initial = skip_blanks(at + 1);
        at = out->initial + strcspn(out->initial, ",)");
        out->initial_length = (int)(at - out->initial);
    }
    return at;
}

void signature_parse(const char *text, Signature *out) {
    out->count = 0;
    const char *at = strchr(text, '(') + 1;
    while (*(at = skip_blanks(at)) != ')' && out->count < BUILTIN_PARAMETERS) {
        at = parse_parameter(at, &out->parameters[out->count++]);
        if (*at == ',') at++;
    }
}

static bool same_word(const char *text, const char *slice, int length) {
    return strlen(text) == (size_t)length && !strncmp(text, slice, (size_t)length);
}

static int find_parameter(const Signature *signature, const char *name) {
    for (int k = 0; k < signature->count; k++)
        if (same_word(name, signature->parameters[k].name, signature->parameters[k].length)) return k;
    return -1;
}

/* --- choices --- */

static bool choice_allows(const Parameter *parameter, const char *text) {
    const char *at = parameter->choices, *end = at + parameter->choices_length;
    while (at < end) {
        size_t length = strcspn(at, "| ,)");
        if (at + length > end) length = (size_t)(end - at);
        if (*at != '<' && same_word(text, at, (int)length)) return true;
        at += length + 1;
    }
    return false;
}

static bool choice_is_open(const Parameter *parameter) { return memchr(parameter->choices, '<', (size_t)parameter->choices_length); }

static bool unknown_choice(Elaborator *e, const Parameter *parameter, const char *text, Span span) {
    Text list = {0};
    for (int k = 0; k < parameter->choices_length; k++) {
        char c = parameter->choices[k];
        if (c == '|') text_add(&list, ", ");
        else if (c != '<' && c != '>') text_add_char(&list, c);
    }
    diagnose(e->diagnostics, "E0303", span, "'%.*s' has no choice '%s'", parameter->length, parameter->name, text);
    diagnose_help(e->diagnostics, "the choices are %s", text_string(&list));
    text_free(&list);
    return false;
}

static bool choose(Elaborator *e, const Parameter *parameter, Value *value) {
    if (value->kind == VALUE_CHOICE) return choice_allows(parameter, value->text) || unknown_choice(e, parameter, value->text, value->span);
    bool is_size = value->kind == VALUE_NUMBER || value->kind == VALUE_LIST || value->kind == VALUE_TENSOR;
    if (is_size && choice_is_open(parameter)) return true;
    if (value->kind == VALUE_STRING) {
        if (!choice_allows(parameter, value->text)) return unknown_choice(e, parameter, value->text, value->span);
        diagnose(e->diagnostics, "E0303", value->span, "expected a bare name for '%.*s', found a string", parameter->length,
                 parameter->name);
        return diagnose_help(e->diagnostics, "choices are bare names: write %s without quotes", value->text);
    }
    if (value->kind == VALUE_BOOL && choice_allows(parameter, value->truth ? "true" : "false")) return true;
    char buffer[KIND_TEXT];
    return unknown_choice(e, parameter, value_describe(*value, buffer), value->span);
}

/* A bare name that is one of the choices means the choice; another name may stand for one (a setting that is passed on). */
static bool choice_from_tree(Elaborator *e, const Parameter *parameter, const Tree *tree, Scope *scope, Value *out) {
    if (tree->kind == TREE_NAME) {
        if (choice_allows(parameter, tree->name)) {
            *out = (Value){.kind = VALUE_CHOICE, .span = tree->span, .text = tree->name};
            return true;
        }
        Value found;
        if (!scope_find(e, scope, tree->name, &found)) return unknown_choice(e, parameter, tree->name, tree->span);
        if (found.kind == VALUE_FUNCTION) return unknown_choice(e, parameter, tree->name, tree->span);
    }
    *out = elaborate(e, tree, scope);
    if (out->kind == VALUE_FUNCTION && out->function->name && choice_allows(parameter, out->function->name))
        *out = (Value){.kind = VALUE_CHOICE, .span = tree->span, .text = out->function->name};
    return value_ok(*out) && choose(e, parameter, out);
}

/* --- binding --- */

typedef struct Binding {
    Elaborator *e;
    const Builtin *builtin;
    Signature signature;
    Arguments *arguments;
    bool is_bound[BUILTIN_PARAMETERS]; /* a lazy argument has no value, but was given */
    int next;                          /* the parameter that the next positional argument fills */
    int rest_capacity;
} Binding;

static const char *name_of(const Binding *binding, char buffer[64]) { return builtin_name(binding->builtin, buffer); }

static void add_rest(Binding *binding, Value value) {
    Arguments *a = binding->arguments;
    a->rest = arena_grow(binding->e->arena, a->rest, sizeof *a->rest, a->rest_count, &binding->rest_capacity);
    a->rest[a->rest_count++] = value;
}

/* The parameter that a positional argument fills, -1 after E0302. */
static int next_positional(Binding *binding, Span span) {
    const Signature *signature = &binding->signature;
    while (binding->next < signature->count && binding->is_bound[binding->next] && !signature->parameters[binding->next].is_variadic)
        binding->next++;
    if (binding->next < signature->count) return binding->next;
    char buffer[64];
    diagnose(binding->e->diagnostics, "E0302", span, "'%s' takes at most %d argument%s", name_of(binding, buffer), signature->count,
             signature->count == 1 ? "" : "s");
    diagnose_help(binding->e->diagnostics, "%s", binding->builtin->signature);
    return -1;
}

static int named_parameter(Binding *binding, const char *name, Span span) {
    Diagnostics *diagnostics = binding->e->diagnostics;
    const Signature *signature = &binding->signature;
    int index = find_parameter(signature, name);
    char buffer[64];
    if (index >= 0 && signature->parameters[index].is_variadic) index = -1;
    if (index >= 0 && !binding->is_bound[index]) return index;
    if (index >= 0) {
        diagnose(diagnostics, "E0302", span, "'%s' is given the argument '%s' twice", name_of(binding, buffer), name);
        return -1;
    }
    diagnose(diagnostics, "E0300", span, "'%s' has no argument '%s'", name_of(binding, buffer), name);
    const char *names[BUILTIN_PARAMETERS];
    for (int k = 0; k < signature->count; k++)
        names[k] = arena_bytes(binding->e->arena, signature->parameters[k].name, (size_t)signature->parameters[k].length);
    const char *nearest = nearest_name(name, names, (size_t)signature->count);
    if (nearest) diagnose_help(diagnostics, "did you mean '%s'? %s", nearest, binding->builtin->signature);
    else diagnose_help(diagnostics, "%s", binding->builtin->signature);
    return -1;
}

static bool bind_value(Binding *binding, Value value) {
    int index = next_positional(binding, value.span);
    if (index < 0) return false;
    const Parameter *parameter = &binding->signature.parameters[index];
    if (parameter->is_variadic) {
        add_rest(binding, value);
        return true;
    }
    binding->is_bound[index] = true;
    if (parameter->choices && !choose(binding->e, parameter, &value)) return false;
    binding->arguments->values[index] = value;
    return true;
}

static bool bind_tree(Binding *binding, const Tree *argument, Scope *scope) {
    Span name_span = argument->name ? argument->name_span : argument->span;
    int index = argument->name ? named_parameter(binding, argument->name, name_span) : next_positional(binding, argument->span);
    if (index < 0) return false;
    const Parameter *parameter = &binding->signature.parameters[index];
    if (!parameter->is_variadic) binding->is_bound[index] = true;
    const Tree *tree = tree_item(argument, 0);
    if (binding->builtin->lazy) return true;
    Value value;
    if (parameter->choices) {
        if (!choice_from_tree(binding->e, parameter, tree, scope, &value)) return false;
    } else {
        value = elaborate(binding->e, tree, scope);
        if (!value_ok(value)) return false;
    }
    if (parameter->is_variadic) add_rest(binding, value);
    else binding->arguments->values[index] = value;
    return true;
}

static Value default_value(Elaborator *e, const Parameter *parameter, Span span) {
    char text[64];
    snprintf(text, sizeof text, "%.*s", parameter->initial_length, parameter->initial);
    if (!strcmp(text, "true") || !strcmp(text, "false")) return value_bool(text[0] == 't', span);
    char *end;
    double number = strtod(text, &end);
    if (end != text && !*end) return value_number(number, !strpbrk(text, ".eE"), span);
    return (Value){.kind = VALUE_CHOICE, .span = span, .text = arena_string(e->arena, text)};
}

static bool complete(Binding *binding) {
    char buffer[64];
    for (int k = 0; k < binding->signature.count; k++) {
        const Parameter *parameter = &binding->signature.parameters[k];
        if (binding->is_bound[k] || parameter->is_variadic) continue;
        if (parameter->initial) {
            binding->arguments->values[k] = default_value(binding->e, parameter, binding->arguments->span);
        } else if (!parameter->is_optional) {
            diagnose(binding->e->diagnostics, "E0301", binding->arguments->span, "'%s' needs the argument '%.*s'", name_of(binding, buffer),
                     parameter->length, parameter->name);
            return diagnose_help(binding->e->diagnostics, "%s", binding->builtin->signature);
        }
    }
    return true;
}

/* Where the default is true or false only these are allowed, so that families may read a flag without a check. */
static bool check_flags(Binding *binding) {
    for (int k = 0; k < binding->signature.count; k++) {
        const Parameter *parameter = &binding->signature.parameters[k];
        bool is_flag = parameter->initial && !parameter->choices &&
                       (same_word("true", parameter->initial, parameter->initial_length) ||
                        same_word("false", parameter->initial, parameter->initial_length));
        if (!is_flag) continue;
        Value *value = &binding->arguments->values[k];
        bool truth;
        if (binding->builtin->lazy && !value_ok(*value)) continue;
        if (!to_bool(binding->e, *value, &truth)) return false;
        *value = value_bool(truth, value->span);
    }
    return true;
}

Value call_builtin(Elaborator *e, const Builtin *builtin, const Value *leading, int leading_count, const Tree *call, Scope *scope,
                   Span span) {
    Arguments arguments = {.span = span, .tree = call, .scope = scope, .builtin = builtin};
    Binding binding = {.e = e, .builtin = builtin, .arguments = &arguments};
    signature_parse(builtin->signature, &binding.signature);
    for (int k = 0; k < leading_count; k++)
        if (!value_ok(leading[k]) || !bind_value(&binding, leading[k])) return value_none();
    for (int k = 1; call && k < call->count; k++)
        if (!bind_tree(&binding, call->items[k], scope)) return value_none();
    if (!complete(&binding) || !check_flags(&binding)) return value_none();
    Span outer_span = e->graph->here;
    const Tree *outer_call = e->call_tree;
    e->graph->here = span;
    e->call_tree = call;
    Value result = builtin->run(e, builtin, &arguments);
    e->graph->here = outer_span;
    e->call_tree = outer_call;
    if (value_ok(result)) result.span = span;
    return result;
}

/* Replays the binding: lazy built-ins have no defaults, so what is given beforehand are the leading values. */
const Tree *argument_tree(const Builtin *self, const Arguments *arguments, int index) {
    Signature signature;
    bool is_bound[BUILTIN_PARAMETERS];
    signature_parse(self->signature, &signature);
    for (int k = 0; k < signature.count; k++) is_bound[k] = given(arguments, k);
    for (int k = 1; arguments->tree && k < arguments->tree->count; k++) {
        const Tree *argument = arguments->tree->items[k];
        int at = argument->name ? find_parameter(&signature, argument->name) : 0;
        while (!argument->name && at < signature.count && is_bound[at]) at++;
        if (at < 0 || at >= signature.count) continue;
        is_bound[at] = true;
        if (at == index) return tree_item(argument, 0);
    }
    return NULL;
}
