/* What a step sees of its data: rows of the batch by field, sample numbers and counts. */
#include "lang/script/train.h"

#include <string.h>

static Value stream_rows(Train *train, Stream *stream, Node *index, bool whole) {
    Elaborator *e = train->e;
    Record *rows = record_new(e);
    rows->is_split = true;
    rows->label = stream->name;
    for (int k = 0; k < stream->split.record->count; k++) {
        Field *field = &stream->split.record->fields[k];
        Value value = field->value;
        if (value.kind == VALUE_TENSOR && value.node->type.shape.rank) {
            Node *column = to_node(e, value);
            if (!column) return value_none();
            value = value_tensor(whole || !stream->batches ? column : build_gather(e->graph, column, index, 0), stream->tree->span);
            if (!value_ok(value)) return value;
        }
        record_add(e, rows, field->name, value);
    }
    return (Value){.kind = VALUE_RECORD, .span = stream->tree->span, .record = rows};
}

static int64_t class_count(Train *train, Value y) {
    if (y.kind != VALUE_TENSOR) return 0;
    if (dtype_is_float(y.node->type.dtype)) return y.node->type.shape.rank == 2 ? y.node->type.shape.dims[1] : 0;
    Clock *clock = train->e->clock;
    train->e->clock = NULL;
    Tensor *labels = to_tensor(train->e, y);
    train->e->clock = clock;
    int64_t largest = -1;
    for (int64_t k = 0; labels && k < tensor_count(labels); k++) {
        int64_t label = (int64_t)tensor_number(labels, k);
        if (label > largest) largest = label;
    }
    return largest + 1;
}

static void bind_counts(Train *train, Scope *scope, Stream *stream, Node *index) {
    Elaborator *e = train->e;
    Span span = stream->tree->span;
    scope_set(e, scope, "i", value_tensor(index, span));
    scope_set(e, scope, "samples", value_number((double)stream->sample_count, true, span));
    int64_t classes = class_count(train, record_field(stream->split.record, "y"));
    if (classes) scope_set(e, scope, "classes", value_number((double)classes, true, span));
}

static bool is_block_data(const Stream *stream) { return !stream->is_draw && !stream->is_own; }

/* The streams that a `minimize` sees: its own data in place of the block's, and all that is drawn. */
static bool sees(const Train *train, const Objective *objective, int stream) {
    if (train->streams[stream].is_draw) return true;
    if (objective && objective->stream >= 0) return stream == objective->stream;
    return is_block_data(&train->streams[stream]);
}

static bool bind_stream(Train *train, Stream *stream, bool by_field, bool is_first, Scope *scope, bool whole) {
    Elaborator *e = train->e;
    Node *index = build_leaf(e->graph, stream->index);
    if (is_first) bind_counts(train, scope, stream, index);
    if (is_first && !whole && !(index = hooks_sample(train, index, scope))) return false;
    Value rows = stream_rows(train, stream, index, whole);
    if (!value_ok(rows)) return false;
    for (int k = 0; by_field && k < rows.record->count; k++) scope_set(e, scope, rows.record->fields[k].name, rows.record->fields[k].value);
    if (!by_field) scope_set(e, scope, stream->name, rows);
    if (!is_first) return true;
    bind_counts(train, scope, stream, index); /* `classes` is the number of classes even where a field has that name */
    e->sample = whole ? NULL : index;
    return true;
}

bool train_bind_fields(Train *train, const Objective *objective, Scope *scope, bool whole) {
    int data_count = 0, bound = 0;
    for (int k = 0; k < train->stream_count; k++) data_count += sees(train, objective, k) && !train->streams[k].is_draw;
    for (int k = 0; k < train->stream_count; k++) {
        Stream *stream = &train->streams[k];
        if (!sees(train, objective, k)) continue;
        if (!bind_stream(train, stream, data_count == 1 && !stream->is_draw, bound++ == 0, scope, whole)) return false;
    }
    return true;
}
