/* The steps of a plan, in order; loops with the plans of their bodies inside them. */
#include "lang/backend/c99_inside.h"

#include "runtime/exec/loop.h"

#include <inttypes.h>
#include <string.h>

static Span span_of(const PlanStep *step) {
    if (step->origin_count == 0) return (Span){0};
    return (Span){step->origins[0].file, step->origins[0].start, step->origins[0].end};
}

bool c99_refuse(C99 *c, const PlanStep *step, const char *op, const char *why) {
    Span span = step->origin_count > 1 ? c->request->place_of(c->request->context, op) : span_of(step);
    return diagnose(c->request->diagnostics, "E1002", span, "'%s' cannot be written as C: %s", op, why);
}

/* Kernels --------------------------------------------------------------------------------------------------------------- */

static bool name_buffers(C99 *c, C99Frame *frame, const int *numbers, int count, const char ***names, const Buffer ***buffers) {
    *names = arena_alloc(c->arena, sizeof **names * (size_t)(count + 1));
    *buffers = arena_alloc(c->arena, sizeof **buffers * (size_t)(count + 1));
    for (int k = 0; k < count; k++) {
        (*buffers)[k] = &frame->plan->buffers[numbers[k]];
        if (!((*names)[k] = c99_buffer(c, frame, numbers[k]))) return false;
    }
    return true;
}

static bool write_kernel(C99 *c, C99Frame *frame, const PlanStep *step) {
    C99Writer *write = c99_writer(step->kernel->name);
    if (!write) return c99_refuse(c, step, step->label, "it needs the runtime of Reg");
    C99Step call = {.frame = frame, .step = step};
    return name_buffers(c, frame, step->inputs, step->input_count, &call.in, &call.input) &&
           name_buffers(c, frame, step->outputs, step->output_count, &call.out, &call.output) && write(c, &call);
}

/* Loops ----------------------------------------------------------------------------------------------------------------- */

typedef struct LoopText {
    const PlanLoop *loop;
    const char **in, **out;
    const Buffer **input, **output;
    C99Frame body, condition;
    const Cell **cells; /* captures, then carries */
    const char **names;
    const char **next; /* of each carry: what the body gave, until all of it is computed */
} LoopText;

static void copy_array(C99 *c, int64_t count, const char *to, const char *from) {
    if (count == 1) c99_line(c, "%s[0] = %s[0];", to, from);
    else c99_line(c, "for (long i = 0; i < %" PRId64 "; i++) %s[i] = %s[i];", count, to, from);
}

static int64_t carry_count(const LoopText *t, int k) { return shape_count(t->input[t->loop->captured_count + k]->shape); }

static void name_cells(C99 *c, LoopText *t) {
    int captured = t->loop->captured_count, count = captured + t->loop->carry_count;
    t->cells = arena_alloc(c->arena, sizeof *t->cells * (size_t)(count + 1));
    t->names = arena_alloc(c->arena, sizeof *t->names * (size_t)(count + 1));
    t->next = arena_alloc(c->arena, sizeof *t->next * (size_t)(count + 1));
    for (int k = 0; k < count; k++) {
        DType dtype = t->input[k]->dtype;
        t->cells[k] = k < captured ? t->loop->captured[k] : t->loop->carries[k - captured];
        t->names[k] = k < captured ? t->in[k] : c99_local_array(c, dtype, carry_count(t, k - captured));
        if (k >= captured) t->next[k - captured] = c99_local_array(c, dtype, carry_count(t, k - captured));
    }
}

static C99Frame inner_frame(const LoopText *t, C99Frame *outer, const Plan *plan) {
    return (C99Frame){.plan = plan,
                      .outer = outer,
                      .cells = t->cells,
                      .cell_names = t->names,
                      .cell_count = t->loop->captured_count + t->loop->carry_count};
}

static void clear_records(C99 *c, const LoopText *t) {
    for (int k = 0; t->loop->record && k < t->loop->carry_count; k++) {
        int record = t->loop->carry_count + 1 + k;
        int64_t count = shape_count(t->output[record]->shape);
        if (count > 0) c99_line(c, "for (long i = 0; i < %" PRId64 "; i++) %s[i] = 0;", count, t->out[record]);
    }
}

static void record_carries(C99 *c, const LoopText *t) {
    for (int k = 0; t->loop->record && k < t->loop->carry_count; k++) {
        int record = t->loop->carry_count + 1 + k;
        int64_t count = carry_count(t, k);
        if (shape_count(t->output[record]->shape) > 0)
            c99_line(c, "for (long i = 0; i < %" PRId64 "; i++) %s[%" PRId64 " * steps + i] = %s[i];", count, t->out[record], count,
                     t->names[t->loop->captured_count + k]);
    }
}

static bool write_condition(C99 *c, LoopText *t, C99Frame *frame) {
    if (t->loop->max >= 0) c99_line(c, "if (steps >= %" PRId64 ") break;", t->loop->max);
    if (!t->loop->condition) return true;
    c99_line(c, "int done;");
    c99_line(c, "{");
    c->depth++;
    t->condition = inner_frame(t, frame, t->loop->condition);
    if (!c99_plan(c, &t->condition)) return false;
    const char *stop = c99_buffer(c, &t->condition, t->loop->condition->outputs[0]);
    if (!stop) return false;
    c99_line(c, "done = %s[0];", stop);
    c99_close(c);
    c99_line(c, "if (done) break;");
    return true;
}

static bool write_body(C99 *c, LoopText *t, C99Frame *frame) {
    c99_line(c, "{");
    c->depth++;
    t->body = inner_frame(t, frame, t->loop->body);
    if (!c99_plan(c, &t->body)) return false;
    for (int k = 0; k < t->loop->carry_count; k++) {
        const char *value = c99_buffer(c, &t->body, t->loop->body->outputs[k]);
        if (!value) return false;
        copy_array(c, carry_count(t, k), t->next[k], value);
    }
    c99_close(c);
    for (int k = 0; k < t->loop->carry_count; k++) copy_array(c, carry_count(t, k), t->names[t->loop->captured_count + k], t->next[k]);
    return true;
}

static bool write_loop(C99 *c, C99Frame *frame, const PlanStep *step) {
    LoopText t = {.loop = step->loop};
    if (!name_buffers(c, frame, step->inputs, step->input_count, &t.in, &t.input) ||
        !name_buffers(c, frame, step->outputs, step->output_count, &t.out, &t.output))
        return false;
    int captured = t.loop->captured_count, carries = t.loop->carry_count;
    name_cells(c, &t);
    for (int k = 0; k < carries; k++) copy_array(c, carry_count(&t, k), t.names[captured + k], t.in[captured + k]);
    clear_records(c, &t);
    c99_line(c, "long steps = 0;");
    c99_open(c, "for (;; steps++)");
    record_carries(c, &t);
    if (!write_condition(c, &t, frame) || !write_body(c, &t, frame)) return false;
    c99_close(c);
    for (int k = 0; k < carries; k++) copy_array(c, carry_count(&t, k), t.out[k], t.names[captured + k]);
    c99_line(c, "%s[0] = steps;", t.out[carries]);
    return true;
}

/* Steps ----------------------------------------------------------------------------------------------------------------- */

static bool write_step(C99 *c, C99Frame *frame, const PlanStep *step) {
    if (step->fused) return c99_group(c, frame, step);
    return step->loop ? write_loop(c, frame, step) : write_kernel(c, frame, step);
}

/* The pointers of a frame are known once its steps are written, and stand before them. */
bool c99_plan(C99 *c, C99Frame *frame) {
    Text before = c->body;
    c->body = (Text){0};
    c99_frame_begin(c, frame);
    bool ok = true;
    for (int k = 0; k < frame->plan->step_count && ok; k++) {
        const PlanStep *step = &frame->plan->steps[k];
        c99_line(c, "{ /* %s */", step->label);
        c->depth++;
        ok = write_step(c, frame, step);
        c99_close(c);
    }
    for (int k = 0; k < frame->plan->output_count && ok; k++) ok = c99_buffer(c, frame, frame->plan->outputs[k]) != NULL;
    c99_frame_pointers(c, frame, &before);
    if (c->body.length) text_add_bytes(&before, c->body.bytes, c->body.length);
    text_free(&c->body);
    c->body = before;
    return ok;
}
