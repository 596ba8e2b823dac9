/* `expect CONDITION`: fails the script when it is false and shows both sides. */
#include "lang/elaborate/operator.h"
#include "lang/elaborate/statement.h"
#include "lang/script/statements.h"
#include "runtime/base/print.h"

#include <string.h>

static bool is_comparison(const Tree *tree) {
    static const char *const names[] = {"==", "!=", "<", "<=", ">", ">="};
    for (size_t k = 0; tree->kind == TREE_BINARY && k < sizeof names / sizeof *names; k++)
        if (!strcmp(tree->name, names[k])) return true;
    return false;
}

static bool is_true(Session *session, Value value, bool *truth) {
    Elaborator *e = &session->elaborator;
    if (value.kind == VALUE_BOOL) return *truth = value.truth, true;
    if (value.kind != VALUE_TENSOR || value.node->type.dtype != DTYPE_BOOL) return to_bool(e, value, truth);
    Tensor *tensor = to_tensor(e, value);
    *truth = tensor != NULL;
    for (int64_t k = 0; tensor && k < tensor_count(tensor); k++) *truth = *truth && tensor_bool(tensor)[k];
    return tensor != NULL;
}

static bool side_text(Session *session, Value value, Text *out) {
    if (value.kind == VALUE_TENSOR && shape_count(value.node->type.shape) > 64) {
        char shape[SHAPE_TEXT];
        text_addf(out, "a tensor %s", shape_text(value.node->type.shape, shape));
        return true;
    }
    value_text(&session->elaborator, value, out);
    return true;
}

/* The first elements that differ. False where there are none, or the sides are no numbers. */
static bool first_difference(Session *session, Value left, Value right, double *a, double *b) {
    Elaborator *e = &session->elaborator;
    left = settle_value(e, left);
    right = settle_value(e, right);
    if (left.kind == VALUE_NUMBER && right.kind == VALUE_NUMBER) return *a = left.number, *b = right.number, *a != *b;
    bool are_numbers = (left.kind == VALUE_NUMBER || left.kind == VALUE_TENSOR) &&
                       (right.kind == VALUE_NUMBER || right.kind == VALUE_TENSOR);
    const Tensor *one = are_numbers ? to_tensor(e, left) : NULL, *two = one ? to_tensor(e, right) : NULL;
    int64_t first = one && two ? tensor_count(one) : 0, second = first ? tensor_count(two) : 0;
    if (first != second && first != 1 && second != 1) return false;
    for (int64_t k = 0; k < first || k < second; k++) {
        *a = tensor_number(one, first == 1 ? 0 : k);
        *b = tensor_number(two, second == 1 ? 0 : k);
        if (*a != *b) return true;
    }
    return false;
}

/* As many digits as it takes to tell the sides apart. */
static void more_digits(Session *session, Value left, Value right, Text *a, Text *b) {
    double one, two;
    if (strcmp(text_string(a), text_string(b)) || !first_difference(session, left, right, &one, &two)) return;
    for (int digits = 7; digits <= 17 && !strcmp(text_string(a), text_string(b)); digits++) {
        text_free(a);
        text_free(b);
        number_print_digits(one, digits, a);
        number_print_digits(two, digits, b);
    }
}

static bool failed(Session *session, const Tree *condition, Value left, Value right) {
    Text a = {0}, b = {0};
    const Source *source = &session->sources.items[condition->span.file];
    int length = (int)(condition->span.end - condition->span.start);
    if (value_ok(left)) {
        side_text(session, left, &a);
        side_text(session, right, &b);
        more_digits(session, left, right, &a, &b);
        diagnose(&session->diagnostics, "E1000", condition->span, "expected %.*s, but the left side is %s and the right side is %s", length,
                 source->text + condition->span.start, text_string(&a), text_string(&b));
    } else {
        diagnose(&session->diagnostics, "E1000", condition->span, "expected %.*s, but it is false", length,
                 source->text + condition->span.start);
    }
    text_free(&a);
    text_free(&b);
    session->failed_expectations++;
    return false;
}

/* Of `a and b` the first that is false. */
static bool failed_side(Session *session, const Tree *condition, Value left, Value right, Scope *scope) {
    Elaborator *e = &session->elaborator;
    bool truth = true;
    while (condition->kind == TREE_BINARY && !strcmp(condition->name, "and")) {
        Value first = elaborate(e, condition->items[0], scope);
        if (!value_ok(first) || !is_true(session, first, &truth)) return false;
        condition = condition->items[truth ? 1 : 0];
        left = value_none();
    }
    if (!value_ok(left) && is_comparison(condition)) {
        left = elaborate(e, condition->items[0], scope);
        right = value_ok(left) ? elaborate(e, condition->items[1], scope) : left;
    }
    return failed(session, condition, left, right);
}

bool statement_expect(Session *session, const Tree *tree, Scope *scope) {
    Elaborator *e = &session->elaborator;
    const Tree *condition = tree->items[0];
    Value left = value_none(), right = value_none(), value;
    if (is_comparison(condition)) {
        left = elaborate(e, condition->items[0], scope);
        right = value_ok(left) ? elaborate(e, condition->items[1], scope) : left;
        if (!value_ok(right)) return false;
        e->graph->here = condition->span;
        value = operate(e, condition->name, left, right, condition->span);
    } else {
        value = elaborate(e, condition, scope);
    }
    bool truth;
    if (!value_ok(value)) return false;
    if (session->options.check_only) return true;
    if (!is_true(session, value, &truth)) return false;
    session->expectations++;
    return truth || failed_side(session, condition, left, right, scope);
}
