/* Fused groups and reductions: one loop nest over the group's space. Sums run in the order of the elements. */
#include "lang/backend/c99_inside.h"

#include <inttypes.h>
#include <string.h>

/* What is combined along axes of the nest. */
typedef struct Sum {
    Combine combine;
    DType from, to;
    uint32_t axes;
    int level;         /* axes level.. are all that is reduced: the sum is a variable; -1: an array */
    const char *sum;   /* the variable or array */
    const char *array; /* the buffer that gets it */
    Affine place;      /* in it, over the nest */
} Sum;

typedef struct Nest {
    Shape shape;
    Affine *inputs; /* of each input */
    Affine whole;   /* row-major over the nest: where outputs are stored */
    Sum *sums;
    int sum_count;
} Nest;

/* The nest -------------------------------------------------------------------------------------------------------------- */

static bool is_reduced(const Sum *sum, int axis) { return sum->axes >> axis & 1; }

static void place_sum(Sum *sum, Shape shape) {
    int64_t stride = 1;
    sum->level = shape.rank;
    for (int k = shape.rank - 1; k >= 0; k--) {
        sum->place.factors[k] = is_reduced(sum, k) ? 0 : stride;
        if (is_reduced(sum, k) && sum->level == k + 1) sum->level = k;
        if (!is_reduced(sum, k)) stride *= shape.dims[k];
    }
    if (sum->axes & ((1u << sum->level) - 1)) sum->level = -1;
}

/* Axes k and k + 1 are one where nothing tells them apart. */
static bool can_merge(const Nest *nest, int input_count, int k) {
    int64_t inner = nest->shape.dims[k + 1];
    for (int i = 0; i < input_count; i++)
        if (nest->inputs[i].factors[k] != nest->inputs[i].factors[k + 1] * inner) return false;
    for (int j = 0; j < nest->sum_count; j++)
        if (is_reduced(&nest->sums[j], k) != is_reduced(&nest->sums[j], k + 1)) return false;
    return true;
}

static void merge(Nest *nest, int input_count, int k) {
    nest->shape.dims[k] *= nest->shape.dims[k + 1];
    for (int axis = k + 1; axis + 1 < nest->shape.rank; axis++) nest->shape.dims[axis] = nest->shape.dims[axis + 1];
    for (int i = 0; i < input_count; i++)
        for (int axis = k; axis + 1 < nest->shape.rank; axis++) nest->inputs[i].factors[axis] = nest->inputs[i].factors[axis + 1];
    for (int j = 0; j < nest->sum_count; j++) {
        uint32_t low = nest->sums[j].axes & ((2u << k) - 1), high = nest->sums[j].axes >> (k + 2);
        nest->sums[j].axes = low | high << (k + 1);
    }
    nest->shape.rank--;
}

static void settle(Nest *nest, int input_count) {
    for (int k = nest->shape.rank - 2; k >= 0; k--)
        if (can_merge(nest, input_count, k)) merge(nest, input_count, k);
    nest->whole = affine_of(nest->shape);
    for (int j = 0; j < nest->sum_count; j++) place_sum(&nest->sums[j], nest->shape);
}

/* Sums ------------------------------------------------------------------------------------------------------------------ */

static bool is_added(const Sum *sum) { return sum->combine == COMBINE_SUM || sum->combine == COMBINE_PROD; }

static const char *sum_type(C99 *c, const Sum *sum) { return is_added(sum) ? c99_sum_type(c, sum->to) : c99_type(c, sum->from); }

static const char *first_value(C99 *c, const Sum *sum) {
    static const double lowest[DTYPE_COUNT] = {0, -0x1p63, -1.0 / 0.0, -1.0 / 0.0},
                        highest[DTYPE_COUNT] = {1, 0x1p63, 1.0 / 0.0, 1.0 / 0.0};
    switch (sum->combine) {
    case COMBINE_SUM: return "0";
    case COMBINE_PROD: return "1";
    case COMBINE_MAX: return c99_literal(c, lowest[sum->from], sum->from);
    case COMBINE_MIN: return c99_literal(c, highest[sum->from], sum->from);
    }
    return NULL;
}

/* The elements of the array of a sum that is not over the innermost axes only. */
static Shape kept_shape(const Sum *sum, Shape shape) {
    for (int k = 0; k < shape.rank; k++)
        if (is_reduced(sum, k)) shape.dims[k] = 1;
    return shape;
}

static const char *sum_element(C99 *c, const Nest *nest, const Sum *sum) {
    if (sum->level >= 0) return sum->sum;
    return arena_format(c->arena, "%s[%s]", sum->sum, c99_offset(c, &sum->place, nest->shape, 'i'));
}

static void begin_sum(C99 *c, const Nest *nest, Sum *sum) {
    sum->sum = arena_format(c->arena, "s%d", c->names++);
    if (sum->level >= 0) {
        c99_line(c, "%s %s = %s;", sum_type(c, sum), sum->sum, first_value(c, sum));
        return;
    }
    Shape kept = kept_shape(sum, nest->shape);
    const char *type = sum_type(c, sum);
    sum->sum = arena_format(c->arena, "%s_%s", c->name, sum->sum);
    text_addf(&c->arrays, "static %s %s[%" PRId64 "];\n", type, sum->sum, shape_count(kept));
    c->work_bytes += (size_t)shape_count(kept) * sizeof(double);
    c99_nest(c, kept, 'i');
    c99_line(c, "%s = %s;", sum_element(c, nest, sum), first_value(c, sum));
    c99_nest_end(c, kept);
}

static void end_sum(C99 *c, const Nest *nest, const Sum *sum) {
    Shape kept = kept_shape(sum, nest->shape);
    if (sum->level < 0) c99_nest(c, kept, 'i');
    c99_line(c, "%s[%s] = (%s)%s;", sum->array, c99_offset(c, &sum->place, nest->shape, 'i'), c99_type(c, sum->to),
             sum_element(c, nest, sum));
    if (sum->level < 0) c99_nest_end(c, kept);
}

static void add_to_sum(C99 *c, const Nest *nest, const Sum *sum, const char *value) {
    const char *element = sum_element(c, nest, sum), *operands[2] = {element, value};
    switch (sum->combine) {
    case COMBINE_SUM: c99_line(c, "%s += %s;", element, value); return;
    case COMBINE_PROD: c99_line(c, "%s *= %s;", element, value); return;
    case COMBINE_MAX: c99_line(c, "%s = %s;", element, c99_expression(c, ELEMENTWISE_MAX, sum->from, operands)); return;
    case COMBINE_MIN: c99_line(c, "%s = %s;", element, c99_expression(c, ELEMENTWISE_MIN, sum->from, operands)); return;
    }
}

static void sums_at(C99 *c, const Nest *nest, int level, bool begin) {
    for (int j = 0; j < nest->sum_count; j++) {
        if (nest->sums[j].level != level) continue;
        if (begin) begin_sum(c, nest, &nest->sums[j]);
        else end_sum(c, nest, &nest->sums[j]);
    }
}

static void open_nest(C99 *c, const Nest *nest) {
    sums_at(c, nest, -1, true);
    for (int k = 0; k < nest->shape.rank; k++) {
        sums_at(c, nest, k, true);
        c99_open(c, "for (long i%d = 0; i%d < %" PRId64 "; i%d++)", k, k, nest->shape.dims[k], k);
    }
    sums_at(c, nest, nest->shape.rank, true);
}

static void close_nest(C99 *c, const Nest *nest) {
    sums_at(c, nest, nest->shape.rank, false);
    for (int k = nest->shape.rank - 1; k >= 0; k--) {
        c99_close(c);
        sums_at(c, nest, k, false);
    }
    sums_at(c, nest, -1, false);
}

/* Groups ---------------------------------------------------------------------------------------------------------------- */

static bool load_inputs(C99 *c, C99Frame *frame, const Fused *fused, const Nest *nest, const char **registers) {
    for (int k = 0; k < fused->input_count; k++) {
        DType dtype = frame->plan->buffers[fused->inputs[k].buffer].dtype;
        const char *array = c99_buffer(c, frame, fused->inputs[k].buffer);
        if (!array) return false;
        registers[k] = arena_format(c->arena, "r%d", k);
        c99_line(c, "const %s r%d = %s[%s];", c99_type(c, dtype), k, array, c99_offset(c, &nest->inputs[k], nest->shape, 'i'));
    }
    return true;
}

static bool compute(C99 *c, const PlanStep *step, const FusedInstruction *instruction, const char **registers) {
    int result = instruction->result;
    DType dtype = (DType)instruction->dtype;
    if (instruction->code == FUSED_CONSTANT) {
        const char *literal = c99_literal(c, instruction->number, dtype);
        registers[result] = *literal == '-' ? arena_format(c->arena, "(%s)", literal) : literal;
        return true;
    }
    const char *operands[3], *value;
    for (int k = 0; k < 3; k++) operands[k] = registers[instruction->operands[k]];
    if (instruction->code == FUSED_CAST) value = c99_cast(c, operands[0], (DType)instruction->operand_dtype, dtype);
    else value = c99_expression(c, instruction->code, (DType)instruction->operand_dtype, operands);
    if (!value) return c99_refuse(c, step, elementwise_info[instruction->code].name, "C99 has no such function");
    registers[result] = arena_format(c->arena, "r%d", result);
    c99_line(c, "const %s r%d = %s;", c99_type(c, dtype), result, value);
    return true;
}

static void deliver(C99 *c, C99Frame *frame, const Fused *fused, const Nest *nest, const char **registers) {
    for (int k = 0, j = 0; k < fused->output_count; k++) {
        const FusedOutput *output = &fused->outputs[k];
        if (output->reduce != FUSED_STORE) add_to_sum(c, nest, &nest->sums[j++], registers[output->reg]);
        else
            c99_line(c, "%s[%s] = %s;", c99_buffer(c, frame, output->buffer), c99_offset(c, &nest->whole, nest->shape, 'i'),
                     registers[output->reg]);
    }
}

static DType register_type(const C99Frame *frame, const Fused *fused, int reg) {
    if (reg < fused->input_count) return frame->plan->buffers[fused->inputs[reg].buffer].dtype;
    for (int k = 0; k < fused->instruction_count; k++)
        if (fused->instructions[k].result == reg) return (DType)fused->instructions[k].dtype;
    return DTYPE_F32;
}

static Nest nest_of(C99 *c, C99Frame *frame, const Fused *fused) {
    static const Combine combines[] = {[FUSED_SUM] = COMBINE_SUM, [FUSED_MAX] = COMBINE_MAX, [FUSED_MIN] = COMBINE_MIN};
    Nest nest = {.shape = fused->shape,
                 .inputs = arena_alloc(c->arena, sizeof(Affine) * (size_t)(fused->input_count + 1)),
                 .sums = arena_alloc(c->arena, sizeof(Sum) * (size_t)(fused->output_count + 1))};
    for (int k = 0; k < fused->input_count; k++) memcpy(nest.inputs[k].factors, fused->inputs[k].strides, sizeof nest.inputs[k].factors);
    for (int k = 0; k < fused->output_count; k++) {
        const FusedOutput *output = &fused->outputs[k];
        if (output->reduce == FUSED_STORE) continue;
        nest.sums[nest.sum_count++] = (Sum){.combine = combines[output->reduce],
                                            .from = register_type(frame, fused, output->reg),
                                            .to = frame->plan->buffers[output->buffer].dtype,
                                            .axes = output->reduced_axes,
                                            .array = c99_buffer(c, frame, output->buffer)};
    }
    settle(&nest, fused->input_count);
    return nest;
}

bool c99_group(C99 *c, C99Frame *frame, const PlanStep *step) {
    const Fused *fused = step->fused;
    Nest nest = nest_of(c, frame, fused);
    const char **registers = arena_alloc(c->arena, sizeof *registers * (size_t)(fused->register_count + 1));
    open_nest(c, &nest);
    bool ok = load_inputs(c, frame, fused, &nest, registers);
    for (int k = 0; k < fused->instruction_count && ok; k++) ok = compute(c, step, &fused->instructions[k], registers);
    if (ok) deliver(c, frame, fused, &nest, registers);
    close_nest(c, &nest);
    return ok;
}

bool c99_reduce(C99 *c, const C99Step *step, Combine combine) {
    Sum sum = {.combine = combine,
               .from = step->input[0]->dtype,
               .to = step->output[0]->dtype,
               .axes = (uint32_t)step->step->ints[0],
               .array = step->out[0]};
    Affine input = affine_of(step->input[0]->shape);
    Nest nest = {.shape = step->input[0]->shape, .inputs = &input, .sums = &sum, .sum_count = 1};
    settle(&nest, 1);
    open_nest(c, &nest);
    add_to_sum(c, &nest, &sum, arena_format(c->arena, "%s[%s]", step->in[0], c99_offset(c, &input, nest.shape, 'i')));
    close_nest(c, &nest);
    return true;
}
