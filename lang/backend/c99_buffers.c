/* What a plan's buffers are called: constants and parameters are static arrays of their own, values in between lie in one static array
 * for each type, at the places that the plan gave them in its slab. */
#include "lang/backend/c99_inside.h"

#include <inttypes.h>
#include <string.h>

enum { VALUES_A_LINE = 12 };

/* C has no arrays of no elements: those have one that nobody reads. */
static int64_t array_count(int64_t count) { return count > 0 ? count : 1; }

static size_t buffer_bytes(const Buffer *buffer) { return (size_t)array_count(shape_count(buffer->shape)) * dtype_bytes(buffer->dtype); }

/* Work memory ----------------------------------------------------------------------------------------------------------- */

static const char *work_array(C99 *c, const C99Frame *frame, DType dtype) {
    if (frame->number == 0) return arena_format(c->arena, "%s_%s", c->name, dtype_name(dtype));
    return arena_format(c->arena, "%s_%s_%d", c->name, dtype_name(dtype), frame->number);
}

static void add_array(C99 *c, const char *name, DType dtype, size_t bytes) {
    text_addf(&c->arrays, "static %s %s[%zu];\n", c99_type(c, dtype), name, bytes / dtype_bytes(dtype));
    c->work_bytes += bytes;
}

void c99_frame_begin(C99 *c, C99Frame *frame) {
    const Plan *plan = frame->plan;
    frame->number = c->frames++;
    frame->names = arena_alloc(c->arena, sizeof *frame->names * (size_t)(plan->buffer_count + 1));
    for (int k = 0; k < plan->buffer_count; k++) {
        const Buffer *buffer = &plan->buffers[k];
        if (buffer->kind != BUFFER_SLAB) continue;
        size_t *first = &frame->first[buffer->dtype], *end = &frame->end[buffer->dtype], stop = buffer->offset + buffer_bytes(buffer);
        if (*end == 0 || buffer->offset < *first) *first = buffer->offset;
        if (stop > *end) *end = stop;
    }
    for (int dtype = 0; dtype < DTYPE_COUNT; dtype++)
        if (frame->end[dtype] > frame->first[dtype])
            add_array(c, work_array(c, frame, (DType)dtype), (DType)dtype, frame->end[dtype] - frame->first[dtype]);
}

const char *c99_local_array(C99 *c, DType dtype, int64_t count) {
    const char *name = arena_format(c->arena, "%s_a%d", c->name, c->names++);
    add_array(c, name, dtype, (size_t)array_count(count) * dtype_bytes(dtype));
    return name;
}

/* Constants ------------------------------------------------------------------------------------------------------------- */

static bool is_known(const C99 *c, const char *name) {
    for (size_t k = 0; k < c->constants.count; k++)
        if (!strcmp(c->constants.items[k].name, name)) return true;
    return false;
}

static const char *constant_name(C99 *c, const Tensor *tensor, const char *path) {
    for (size_t k = 0; k < c->constants.count; k++)
        if (c->constants.items[k].tensor == tensor) return c->constants.items[k].name;
    const char *wanted = c99_constant_name(c, path), *name = wanted;
    for (int k = 2; is_known(c, name); k++) name = arena_format(c->arena, "%s_%d", wanted, k);
    list_push(&c->constants, ((C99Constant){tensor, name}));
    c->value_bytes += tensor_bytes(tensor);
    return name;
}

static void add_values(C99 *c, const Tensor *tensor, Text *out) {
    int64_t count = tensor_count(tensor);
    const int64_t *whole = tensor->dtype == DTYPE_I64 ? tensor->data : NULL;
    Arena *arena = c->arena;
    for (int64_t k = 0; k < count; k++) {
        if (k % VALUES_A_LINE == 0) {
            c->arena = arena_new(); /* the texts of a few numbers at a time */
            text_add(out, "\n    ");
        }
        if (whole && whole[k] != INT64_MIN) text_addf(out, "INT64_C(%" PRId64 "),", whole[k]);
        else text_addf(out, "%s,", c99_literal(c, tensor_number(tensor, k), tensor->dtype));
        bool is_last = k % VALUES_A_LINE == VALUES_A_LINE - 1 || k == count - 1;
        if (is_last) arena_free(c->arena);
        else text_add_char(out, ' ');
    }
    c->arena = arena;
}

void c99_write_constants(C99 *c, Text *out) {
    for (size_t k = 0; k < c->constants.count; k++) {
        const C99Constant *constant = &c->constants.items[k];
        char shape[SHAPE_TEXT];
        text_addf(out, "static const %s %s[%" PRId64 "] = { /* %s */", c99_type(c, constant->tensor->dtype), constant->name,
                  array_count(tensor_count(constant->tensor)), shape_text(constant->tensor->shape, shape));
        if (tensor_count(constant->tensor)) add_values(c, constant->tensor, out);
        else text_add(out, " 0");
        text_add(out, "\n};\n");
    }
}

/* Names ----------------------------------------------------------------------------------------------------------------- */

static const char *cell_name(const C99Frame *frame, const Cell *cell) {
    for (; frame; frame = frame->outer)
        for (int k = 0; k < frame->cell_count; k++)
            if (frame->cells[k] == cell) return frame->cell_names[k];
    return NULL;
}

static const char *name_of(C99 *c, C99Frame *frame, int number) {
    const Buffer *buffer = &frame->plan->buffers[number];
    const Tensor *tensor;
    switch (buffer->kind) {
    case BUFFER_SLAB: return arena_format(c->arena, frame->number ? "t%d_%d" : "t%d", number, frame->number);
    case BUFFER_CONSTANT: return constant_name(c, buffer->tensor, NULL);
    case BUFFER_CELL:
    case BUFFER_NEXT: break; /* an evaluation commits nothing */
    }
    const char *own = cell_name(frame, buffer->cell);
    if (own) return own;
    tensor = c->request->value_of(c->request->context, buffer);
    return tensor ? constant_name(c, tensor, buffer->cell->name) : NULL;
}

const char *c99_buffer(C99 *c, C99Frame *frame, int buffer) {
    if (!frame->names[buffer]) frame->names[buffer] = name_of(c, frame, buffer);
    return frame->names[buffer];
}

void c99_frame_pointers(C99 *c, const C99Frame *frame, Text *out) {
    for (int k = 0; k < frame->plan->buffer_count; k++) {
        const Buffer *buffer = &frame->plan->buffers[k];
        if (buffer->kind != BUFFER_SLAB || !frame->names[k]) continue;
        size_t at = (buffer->offset - frame->first[buffer->dtype]) / dtype_bytes(buffer->dtype);
        char shape[SHAPE_TEXT];
        for (int depth = 0; depth < c->depth; depth++) text_add(out, "    ");
        text_addf(out, "%s *const %s = %s + %zu; /* %s */\n", c99_type(c, buffer->dtype), frame->names[k],
                  work_array(c, frame, buffer->dtype), at, shape_text(buffer->shape, shape));
    }
}
