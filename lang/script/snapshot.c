#include "lang/script/snapshot.h"

#include <string.h>

static bool is_changed(const Selection *changed, const Cell *cell) {
    for (int k = 0; k < changed->count; k++)
        if (changed->items[k].member->cell == cell) return true;
    return false;
}

static bool snapshot_value(Session *session, const Selection *changed, Value *value);

static bool snapshot_fields(Session *session, const Selection *changed, Record *record) {
    for (int k = 0; k < record->count; k++)
        if (!snapshot_value(session, changed, &record->fields[k].value)) return false;
    return true;
}

static bool snapshot_value(Session *session, const Selection *changed, Value *value) {
    if (value->kind == VALUE_RECORD) return snapshot_fields(session, changed, value->record);
    if (value->kind == VALUE_LIST) {
        for (int k = 0; k < value->list->count; k++)
            if (!snapshot_value(session, changed, &value->list->items[k])) return false;
        return true;
    }
    if (value->kind != VALUE_TENSOR || value->node->op != OP_LEAF || !is_changed(changed, value->node->cell)) return true;
    Fault fault = {0};
    Tensor *copy = tensor_copy(value->node->cell->tensor, &fault);
    if (!copy) return diagnose_fault(&session->diagnostics, "E0901", value->span, &fault);
    *value = value_tensor(build_constant(session->graph, copy), value->span);
    tensor_release(copy);
    return true;
}

/* A free variable is the one name that goes along with its cell. */
bool snapshot_lets(Session *session, const Selection *changed) {
    Scope *globals = session->elaborator.globals;
    for (int k = 0; k < globals->count; k++) {
        Field *field = &globals->fields[k];
        Variable *variable = session_variable(session, field->name);
        bool is_variable = variable && field->value.kind == VALUE_TENSOR && field->value.node->cell == variable->member->cell;
        if (!is_variable && !snapshot_value(session, changed, &field->value)) return false;
    }
    return true;
}
