#include "runtime/exec/fused_program.h"

#include <alloca.h>
#include <string.h>

enum { LINE_BYTES = 64 };

/* Copies a tile with any strides into consecutive elements. */
#define GATHER(name, type) \
    static void name##_row(type *restrict y, const type *x, int64_t stride, int64_t count) { \
        if (stride == 1) { \
            for (int64_t i = 0; i < count; i++) y[i] = x[i]; \
        } else if (stride == 0) { \
            type value = x[0]; \
            for (int64_t i = 0; i < count; i++) y[i] = value; \
        } else { \
            for (int64_t i = 0; i < count; i++) y[i] = x[i * stride]; \
        } \
    } \
    static type *name(type *restrict y, const type *x, const int64_t *dims, const int64_t *strides, int rank) { \
        if (rank == 1) { \
            name##_row(y, x, strides[0], dims[0]); \
            return y + dims[0]; \
        } \
        if (strides[0] != 0 || dims[0] == 0) { \
            for (int64_t i = 0; i < dims[0]; i++) y = name(y, x + i * strides[0], dims + 1, strides + 1, rank - 1); \
            return y; \
        } \
        int64_t row = name(y, x, dims + 1, strides + 1, rank - 1) - y, count = row * dims[0]; \
        for (int64_t done = row; done < count; done *= 2) \
            memcpy(y + done, y, (size_t)(done < count - done ? done : count - done) * sizeof *y); \
        return y + count; \
    }
GATHER(gather_1, uint8_t)
GATHER(gather_4, uint32_t)
GATHER(gather_8, uint64_t)

static void gather(void *out, const void *in, size_t element_bytes, const int64_t *dims, const int64_t *strides, int rank) {
    if (element_bytes == 1) gather_1(out, in, dims, strides, rank);
    else if (element_bytes == 4) gather_4(out, in, dims, strides, rank);
    else gather_8(out, in, dims, strides, rank);
}

typedef struct Run {
    const FusedProgram *program;
    void *const *inputs;
    void *const *outputs;
} Run;

static void fetch(const TileWalk *walk, const InputAccess *input, const char *from, char *to) {
    const TileSpace *space = walk->space;
    int rank = space->rank - space->axis;
    int64_t dims[RANK_MAX] = {walk->block};
    for (int i = 1; i < rank; i++) dims[i] = space->dims[space->axis + i];
    if (input->mode == ACCESS_REPEAT) {
        int64_t stride = 0;
        gather(to, from, input->element_bytes, &walk->count, &stride, 1);
    } else {
        gather(to, from, input->element_bytes, dims, input->strides + space->axis, rank);
    }
}

/* Points or copies each input's register to the tile. Invariant ones are fetched with the first tile of a unit, which is the
 * largest. */
static void load_inputs(const Run *run, const TileWalk *walk, char **registers, bool is_first) {
    const FusedProgram *program = run->program;
    for (int i = 0; i < program->input_count; i++) {
        const InputAccess *input = &program->inputs[i];
        if (input->is_invariant && !is_first) continue;
        char *from = (char *)run->inputs[i] + tiles_offset(walk, input->strides) * (int64_t)input->element_bytes;
        if (input->mode == ACCESS_DIRECT) registers[i] = from;
        else fetch(walk, input, from, registers[i]);
    }
}

/* The lines of the inputs that the next tile will read are asked for in equal parts between the steps of this one: otherwise
 * the first step that touches an input waits for memory, and the others have no use for it. */
static void prefetch_part(const FusedProgram *program, char *const *registers, size_t from, size_t to) {
    for (int i = 0; i < program->input_count; i++)
        if (program->inputs[i].mode == ACCESS_DIRECT)
            for (size_t at = from * program->inputs[i].element_bytes; at < to * program->inputs[i].element_bytes; at += LINE_BYTES)
                __builtin_prefetch(registers[i] + at);
}

static void run_segment(const FusedSegment *segment, char *const *registers, int64_t count) {
    char *tiles[SEGMENT_REGISTERS];
    for (int k = 0; k < segment->register_count; k++) tiles[k] = registers[segment->registers[k]];
    segment->function(tiles, count);
}

static void run_steps(const FusedProgram *program, char *const *registers, int64_t count) {
    size_t part = ((size_t)count / (size_t)(program->step_count + 1) + LINE_BYTES) / LINE_BYTES * LINE_BYTES;
    size_t next = (size_t)count, end = 2 * (size_t)count;
    for (int i = 0; i < program->step_count; i++) {
        const FusedStep *step = &program->steps[i];
        if (step->segment != NULL) {
            run_segment(step->segment, registers, count);
            i += step->segment->count - 1;
            continue;
        }
        const char *a = registers[step->operands[0]], *b = registers[step->operands[1]], *c = registers[step->operands[2]];
        if (program->is_large && next < end) prefetch_part(program, registers, next, next + part < end ? next + part : end);
        next += part;
        if (step->function != NULL) step->function(registers[step->result], a, b, c, count);
        else step->cast(registers[step->result], a, count);
    }
}

static void place_outputs(const Run *run, const TileWalk *walk, char **registers) {
    for (int k = 0; k < run->program->output_count; k++) {
        const OutputAccess *output = &run->program->outputs[k];
        if (output->is_direct) registers[output->reg] = (char *)run->outputs[k] + walk->start * (int64_t)output->element_bytes;
    }
}

/* Reductions first: a stored value may overwrite an input that is reduced as it is. */
static void deliver_outputs(const Run *run, const TileWalk *walk, int64_t unit, char *const *registers) {
    const FusedProgram *program = run->program;
    for (int k = 0; k < program->output_count; k++)
        if (program->outputs[k].is_reduced)
            reduction_add_tile(&program->outputs[k].reduction, unit, walk, registers[program->outputs[k].reg]);
    for (int k = 0; k < program->output_count; k++) {
        const OutputAccess *output = &program->outputs[k];
        if (output->is_reduced || output->is_direct) continue;
        char *to = (char *)run->outputs[k] + walk->start * (int64_t)output->element_bytes;
        memmove(to, registers[output->reg], (size_t)walk->count * output->element_bytes);
    }
}

static void run_unit(void *context, int64_t unit) {
    const Run *run = context;
    const FusedProgram *program = run->program;
    char **registers = alloca(((size_t)program->register_count + 1) * sizeof *registers);
    char *stack = alloca(program->stack_bytes + 64);
    stack += 63 - ((uintptr_t)stack + 63) % 64;
    for (int r = 0; r < program->register_count; r++)
        registers[r] = program->slots[r] != NO_SLOT ? stack + program->slots[r] : (char *)program->constants[r];
    TileWalk walk;
    bool is_first = true;
    for (bool more = tiles_first(&walk, &program->space, unit); more; more = tiles_next(&walk)) {
        load_inputs(run, &walk, registers, is_first);
        place_outputs(run, &walk, registers);
        run_steps(program, registers, walk.count);
        deliver_outputs(run, &walk, unit, registers);
        is_first = false;
    }
}

void fused_run(FusedProgram *program, void *const *inputs, void *const *outputs, Threads *threads) {
    Run run = {program, inputs, outputs};
    for (int k = 0; k < program->output_count; k++) {
        Reduction *reduction = &program->outputs[k].reduction;
        if (!program->outputs[k].is_reduced) continue;
        reduction->out = outputs[k];
        reduction_start(reduction, threads);
    }
    threads_run(threads, program->space.unit_count, run_unit, &run);
    for (int k = 0; k < program->output_count; k++)
        if (program->outputs[k].is_reduced) reduction_finish(&program->outputs[k].reduction, threads);
}
