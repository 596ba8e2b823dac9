/* Values as the expressions that give them. */
#include "lang/script/definition.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LITERAL_ELEMENTS = 256 };

/* Numbers --------------------------------------------------------------------------------------------------------------- */

static void add_number(double number, bool is_integer, Text *out) {
    char text[40];
    if (is_integer) {
        text_addf(out, "%.0f", number);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number) break;
    }
    text_addf(out, "%s%s", text, strpbrk(text, ".e") ? "" : ".0");
}

static bool add_elements(const Tensor *tensor, int axis, int64_t *at, Text *out) {
    bool is_float = dtype_is_float(tensor->dtype);
    if (axis == tensor->shape.rank) {
        double number = tensor_number(tensor, (*at)++);
        if (isfinite(number)) add_number(number, !is_float, out);
        return isfinite(number);
    }
    bool ok = true;
    for (int64_t k = 0; ok && k < tensor->shape.dims[axis]; k++) {
        text_add(out, k ? ", " : "[");
        ok = add_elements(tensor, axis + 1, at, out);
    }
    text_add(out, "]");
    return ok;
}

static bool add_tensor(Definition *d, Value value, Text *out) {
    if (d->session->options.check_only || shape_count(value.node->type.shape) > LITERAL_ELEMENTS) return false;
    const Tensor *tensor = to_tensor(&d->session->elaborator, value);
    int64_t at = 0;
    if (!tensor || tensor->dtype == DTYPE_BOOL || tensor_count(tensor) == 0) return false;
    return add_elements(tensor, 0, &at, out);
}

static bool add_string(const char *text, Text *out) {
    text_add_char(out, '"');
    for (const char *at = text; *at; at++) {
        if (*at == '"' || (*at == '\\' && at[1] != '{')) text_add_char(out, '\\');
        if (*at == '\n') text_add(out, "\\n");
        else text_add_char(out, *at);
    }
    text_add_char(out, '"');
    return true;
}

/* Structures ------------------------------------------------------------------------------------------------------------ */

static bool add_list(Definition *d, const List *list, Text *out) {
    text_add(out, "[");
    for (int k = 0; k < list->count; k++) {
        if (k) text_add(out, ", ");
        if (!definition_value(d, list->items[k], out)) return false;
    }
    text_add(out, "]");
    return true;
}

static bool add_record(Definition *d, const Record *record, Text *out) {
    if (record->is_split) return false;
    text_add(out, "{");
    for (int k = 0; k < record->count; k++) {
        text_addf(out, "%s%s = ", k ? ", " : "", record->fields[k].name);
        if (!definition_value(d, record->fields[k].value, out)) return false;
    }
    text_add(out, "}");
    return true;
}

static bool add_stages(Definition *d, const Function *function, Text *out) {
    text_add(out, function->is_evaluation ? "eval(" : "(");
    for (int k = 0; k < function->stage_count; k++) {
        if (k) text_add(out, " |> ");
        if (!definition_value(d, function->stages[k], out)) return false;
    }
    text_add(out, ")");
    return true;
}

/* A function from inside another one, or of a model, sees values that no text here could name. */
static bool add_function(Definition *d, const Function *function, Text *out) {
    const Elaborator *e = &d->session->elaborator;
    if (function->stages) return add_stages(d, function, out);
    if (function->owner || (function->tree && function->scope != e->globals && function->scope != e->standard)) return false;
    bool is_lambda = function->tree && function->tree->kind == TREE_LAMBDA;
    if (!is_lambda) {
        definition_need(d, &(Tree){.kind = TREE_NAME, .name = function->name});
        text_add(out, function->name);
        return true;
    }
    definition_need(d, function->tree);
    Span span = function->tree->span;
    text_addf(out, "(%.*s)", (int)(span.end - span.start), d->session->sources.items[span.file].text + span.start);
    return true;
}

/* Models ---------------------------------------------------------------------------------------------------------------- */

static const Tree *parameter_of(const Tree *parameters, const Tree *argument, int *next) {
    for (int k = 0; argument->name && k < parameters->count; k++)
        if (!strcmp(parameters->items[k]->name, argument->name)) return parameters->items[k];
    return (*next)++ < parameters->count ? parameters->items[*next - 1] : NULL;
}

static bool need_maker(Definition *d, const Maker *maker) {
    Tree name = {.kind = TREE_NAME, .name = maker->name};
    Tree *callee = &name;
    definition_need(d, &(Tree){.kind = TREE_MAKE, .items = &callee, .count = 1});
    return true;
}

/* The settings that were given, as they were when the model was made. */
static bool add_instance(Definition *d, const Instance *instance, Text *out) {
    const Tree *parameters = instance->maker->tree->items[0];
    int next = 0;
    if (instance->maker->kind != MAKER_MODEL || instance->method_count) return false;
    need_maker(d, instance->maker);
    text_addf(out, "%s{", instance->maker->name);
    for (int k = 1; k < instance->make->count; k++) {
        const Tree *parameter = parameter_of(parameters, instance->make->items[k], &next);
        Value value = value_none();
        for (int j = 0; parameter && j < instance->settings->count; j++)
            if (!strcmp(instance->settings->fields[j].name, parameter->name)) value = instance->settings->fields[j].value;
        if (!value_ok(value)) return false;
        text_addf(out, "%s%s = ", k > 1 ? ", " : "", parameter->name);
        if (!definition_value(d, value, out)) return false;
    }
    text_add(out, "}");
    return true;
}

bool definition_value(Definition *d, Value value, Text *out) {
    switch (value.kind) {
    case VALUE_NUMBER: return add_number(value.number, value.is_integer, out), isfinite(value.number);
    case VALUE_BOOL: return text_add(out, value.truth ? "true" : "false"), true;
    case VALUE_STRING: return add_string(value.text, out);
    case VALUE_CHOICE: return text_add(out, value.text), true;
    case VALUE_RANGE: return text_addf(out, "%" PRId64 "..%" PRId64, value.from, value.to), true;
    case VALUE_LIST: return add_list(d, value.list, out);
    case VALUE_RECORD: return add_record(d, value.record, out);
    case VALUE_TENSOR: return add_tensor(d, value, out);
    case VALUE_FUNCTION: return add_function(d, value.function, out);
    case VALUE_INSTANCE: return add_instance(d, value.instance, out);
    case VALUE_MAKER: return need_maker(d, value.maker) && (text_add(out, value.maker->name), true);
    case VALUE_QUANTITY:
    case VALUE_SELECTION:
    case VALUE_NONE: return false;
    }
    return false;
}
