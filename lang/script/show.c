/* `print` and values as text. */
#include "lang/script/statements.h"
#include "runtime/base/print.h"

#include <string.h>

static void add_value(Elaborator *e, Value value, Text *out, bool quoted);

static void add_record(Elaborator *e, const Record *record, Text *out) {
    text_add(out, "{");
    for (int k = 0; k < record->count; k++) {
        text_addf(out, "%s%s = ", k ? ", " : "", record->fields[k].name);
        Value value = record->fields[k].value;
        char shape[SHAPE_TEXT];
        if (value.kind == VALUE_TENSOR && shape_count(value.node->type.shape) > 20)
            text_addf(out, "%s %s", dtype_name(value.node->type.dtype), shape_text(value.node->type.shape, shape));
        else add_value(e, value, out, true);
    }
    text_add(out, "}");
}

static void add_selection(const Selection *selection, Text *out) {
    char shape[SHAPE_TEXT];
    for (int k = 0; k < selection->count; k++) {
        const Member *member = selection->items[k].member;
        text_addf(out, "%s%s %s %s", k ? "\n" : "", member->cell->name, dtype_name(member->cell->tensor->dtype),
                  shape_text(member->cell->tensor->shape, shape));
        for (int j = 0; j < member->view_count; j++)
            text_addf(out, "%s%s", j ? ", " : "  seen through ", member->views[j].instance->maker->name);
        if (member->is_frozen) text_add(out, "  frozen");
    }
}

static void add_tensor(Elaborator *e, Value value, Text *out) {
    Tensor *tensor = to_tensor(e, value);
    if (tensor) tensor_print(tensor, out);
}

static void add_value(Elaborator *e, Value value, Text *out, bool quoted) {
    char buffer[KIND_TEXT];
    switch (value.kind) {
    case VALUE_NUMBER:
        if (value.is_integer) text_addf(out, "%.0f", value.number);
        else number_print(value.number, e->float_type, out);
        return;
    case VALUE_BOOL: text_add(out, value.truth ? "true" : "false"); return;
    case VALUE_STRING: text_addf(out, quoted ? "\"%s\"" : "%s", value.text); return;
    case VALUE_TENSOR: add_tensor(e, value, out); return;
    case VALUE_RECORD: add_record(e, value.record, out); return;
    case VALUE_LIST:
        text_add(out, "[");
        for (int k = 0; k < value.list->count; k++) {
            if (k) text_add(out, ", ");
            add_value(e, value.list->items[k], out, true);
        }
        text_add(out, "]");
        return;
    case VALUE_RANGE: text_addf(out, "%lld..%lld", (long long)value.from, (long long)value.to); return;
    case VALUE_QUANTITY: number_print(value.amount, DTYPE_F64, out), text_addf(out, " %s", value.unit); return;
    case VALUE_CHOICE: text_add(out, value.text); return;
    case VALUE_SELECTION: add_selection(value.selection, out); return;
    case VALUE_INSTANCE: {
        Selection *all = select_all(e, value.instance);
        text_addf(out, "%s%s", value_describe(value, buffer), all->count ? "\n" : "");
        add_selection(all, out);
        return;
    }
    case VALUE_NONE:
    case VALUE_FUNCTION:
    case VALUE_MAKER: text_add(out, value_describe(value, buffer)); return;
    }
}

void value_text(Elaborator *e, Value value, Text *out) { add_value(e, value, out, false); }

static bool write_value(Session *session, Value value, Text *text) {
    size_t errors = session->diagnostics.error_count;
    add_value(&session->elaborator, value, text, false);
    return session->diagnostics.error_count == errors;
}

bool show_value(Session *session, Value value) {
    Text text = {0};
    bool ok = value_ok(value) && write_value(session, value, &text);
    if (ok) {
        text_add(&text, "\n");
        session_write_text(session, &text);
    }
    text_free(&text);
    return ok;
}

/* Several values stand on one line; a tensor of several lines begins its own. */
bool statement_print(Session *session, const Tree *tree, Scope *scope) {
    Text text = {0};
    bool ok = true;
    for (int k = 0; k < tree->count && ok; k++) {
        const Tree *item = tree->items[k];
        Value value = elaborate(&session->elaborator, item->kind == TREE_ARGUMENT ? item->items[0] : item, scope);
        Text one = {0};
        ok = value_ok(value) && statement_compute(session, value, item->span) &&
             (session->options.check_only || write_value(session, value, &one));
        if (item->name) text_addf(&text, "%s%s = ", k ? " " : "", item->name);
        else if (k) text_add(&text, strchr(text_string(&one), '\n') ? "\n" : " ");
        text_add(&text, text_string(&one));
        text_free(&one);
    }
    text_add(&text, "\n");
    if (ok && !session->options.check_only) session_write_text(session, &text);
    text_free(&text);
    return ok;
}
