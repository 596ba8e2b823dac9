/* Refusals and warnings: what a function or a method written in Reg does not accept, or does not trust, is reported at the place where
 * the script uses it. */
#include "lang/elaborate/builtins.h"

#include <string.h>

/* Whether the condition is known now; what a step computes first is not. */
static bool is_known(const Elaborator *e, Value condition) {
    if (condition.kind != VALUE_TENSOR || condition.node->op == OP_CONSTANT) return true;
    return !e->clock && !e->capture && !e->check_only;
}

enum { REFUSE, WARN };

/* A step is built several times, and said once. */
static bool is_said(const Diagnostics *diagnostics, Span span, const char *message) {
    for (size_t k = 0; k < diagnostics->count; k++)
        if (diagnostics->items[k].span.file == span.file && diagnostics->items[k].span.start == span.start &&
            !strcmp(diagnostics->items[k].message, message))
            return true;
    return false;
}

static Value run_refuse(Elaborator *e, const Builtin *self, const Arguments *a) {
    const Tree *condition_tree = argument_tree(self, a, 0), *message_tree = argument_tree(self, a, 1);
    bool is_refused = false;
    Value condition = condition_tree ? elaborate(e, condition_tree, a->scope) : a->values[0];
    if (!value_ok(condition)) return condition;
    Value accepted = value_bool(false, a->span);
    if (!is_known(e, condition)) return accepted;
    if (!to_bool(e, condition, &is_refused)) return value_none();
    if (!is_refused) return accepted;
    const char *message = to_string(e, message_tree ? elaborate(e, message_tree, a->scope) : a->values[1]);
    if (!message) return value_none();
    Span span = diagnostics_place(e->diagnostics, a->span); /* what the script wrote to get into the library, or a function of its own */
    if (span.file == a->span.file) span = e->user_span.file ? e->user_span : a->span;
    if (self->data == WARN) {
        if (!is_said(e->diagnostics, span, message)) diagnose_warning(e->diagnostics, "E0304", span, "%s", message);
        return value_bool(true, a->span);
    }
    diagnose(e->diagnostics, "E0304", span, "%s", message);
    return value_none();
}

const Builtin builtins_refuse[] = {
    {"refuse(condition, message)", run_refuse, REFUSE,
     "Ends the script with `message` where the condition is true, at the place where the script made or called what refuses. In a function, or as a line of a method, for settings out of range. A condition that only a training step computes is not checked. Example: refuse(rate < 0, \"the rate must not be negative, found {rate}\")",
     true},
    {"warn(condition, message)", run_refuse, WARN,
     "Shows `message` as a warning where the condition is true, as `refuse` does, and goes on. Example: warn(rate > 1, \"the rate {rate} may not converge\")",
     true},
    {0},
};
