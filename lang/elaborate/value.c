#include "lang/elaborate/value.h"

#include <stdio.h>

Value value_none(void) { return (Value){.kind = VALUE_NONE}; }

Value value_number(double number, bool is_integer, Span span) {
    return (Value){.kind = VALUE_NUMBER, .span = span, .number = number, .is_integer = is_integer};
}

Value value_bool(bool truth, Span span) { return (Value){.kind = VALUE_BOOL, .span = span, .truth = truth}; }

Value value_string(const char *text, Span span) { return (Value){.kind = VALUE_STRING, .span = span, .text = text}; }

Value value_tensor(Node *node, Span span) {
    if (!node) return value_none();
    return (Value){.kind = VALUE_TENSOR, .span = span, .node = node};
}

static const char *describe_tensor(const Node *node, char buffer[KIND_TEXT]) {
    char shape[SHAPE_TEXT];
    snprintf(buffer, KIND_TEXT, "a tensor %s %s", dtype_name(node->type.dtype), shape_text(node->type.shape, shape));
    return buffer;
}

static const char *describe_named(const char *what, const char *name, char buffer[KIND_TEXT]) {
    snprintf(buffer, KIND_TEXT, "%s '%s'", what, name ? name : "?");
    return buffer;
}

const char *value_describe(Value value, char buffer[KIND_TEXT]) {
    switch (value.kind) {
    case VALUE_NONE: return "nothing";
    case VALUE_NUMBER: return "a number";
    case VALUE_BOOL: return "a truth value";
    case VALUE_STRING: return "a string";
    case VALUE_QUANTITY: return "a duration";
    case VALUE_TENSOR: return describe_tensor(value.node, buffer);
    case VALUE_RECORD:
        return value.record->label ? describe_named(value.record->is_split ? "the split" : "the record", value.record->label, buffer)
                                   : "a record";
    case VALUE_LIST: return "a list";
    case VALUE_RANGE: return "a range";
    case VALUE_FUNCTION: return describe_named("the function", value.function->name, buffer);
    case VALUE_MAKER: return describe_named(value.maker->kind == MAKER_MODEL ? "the model" : "the method", value.maker->name, buffer);
    case VALUE_INSTANCE:
        return describe_named(value.instance->maker->kind == MAKER_MODEL ? "an instance of the model" : "an instance of the method",
                              value.instance->maker->name, buffer);
    case VALUE_SELECTION: return describe_named("the selection", value.selection->text, buffer);
    case VALUE_CHOICE: return describe_named("the choice", value.text, buffer);
    }
    return "nothing";
}
