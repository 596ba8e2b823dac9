#include "runtime/exec/fused_program.h"

#include "runtime/base/memory.h"

#include <stdlib.h>
#include <string.h>

enum {
    STACK_LIMIT = 4 * 1024 * 1024,
    SLOT_PADDING = 128,   /* keeps slots from falling on the same cache sets */
    LARGE_BYTES = 8 << 20 /* from about here on inputs come from memory, and asking ahead pays */
};

typedef struct Builder {
    const Fused *fused;
    const Buffer *buffers;
    const ElementwiseTable *table;
    FusedProgram *program;
    DType *dtypes;   /* by register */
    int *defined_at; /* by register: instruction; -1 for inputs, -2 when nothing writes it */
    int *last_use;   /* by register: instruction, instruction_count for outputs, -1 when unused */
    Fault *fault;
} Builder;

static bool malformed(Builder *builder, const char *what, int index) {
    return fault_set(builder->fault, "malformed fused group: %s (instruction %d)", what, index);
}

static int arity_of(uint16_t code) { return code == FUSED_CONSTANT ? 0 : code == FUSED_CAST ? 1 : elementwise_info[code].arity; }

/* The dtype that chooses the loop: see ElementwiseTable. */
static DType loop_dtype(const FusedInstruction *instruction) {
    ElementwiseKind kind = elementwise_info[instruction->code].kind;
    return (DType)(kind == KIND_COMPARE || kind == KIND_TEST ? instruction->operand_dtype : instruction->dtype);
}

static bool check_instruction(Builder *builder, int index) {
    const FusedInstruction *instruction = &builder->fused->instructions[index];
    if (instruction->code > FUSED_CONSTANT || instruction->dtype >= DTYPE_COUNT || instruction->operand_dtype >= DTYPE_COUNT)
        return malformed(builder, "unknown operation", index);
    if (instruction->result >= builder->fused->register_count || builder->defined_at[instruction->result] != -2)
        return malformed(builder, "a register is written twice", index);
    for (int k = 0; k < arity_of(instruction->code); k++) {
        uint16_t operand = instruction->operands[k];
        if (operand >= builder->fused->register_count || builder->defined_at[operand] == -2)
            return malformed(builder, "a register is read before it is written", index);
        builder->last_use[operand] = index;
    }
    if (instruction->code < ELEMENTWISE_COUNT && !builder->table->functions[instruction->code][loop_dtype(instruction)])
        return fault_set(builder->fault, "'%s' does not take %s values", elementwise_info[instruction->code].name,
                         dtype_name(loop_dtype(instruction)));
    builder->defined_at[instruction->result] = index;
    builder->dtypes[instruction->result] = (DType)instruction->dtype;
    return true;
}

static bool analyse(Builder *builder) {
    const Fused *fused = builder->fused;
    if (fused->input_count > fused->register_count) return malformed(builder, "more inputs than registers", -1);
    for (int r = 0; r < fused->register_count; r++) {
        builder->defined_at[r] = r < fused->input_count ? -1 : -2;
        builder->last_use[r] = -1;
        if (r < fused->input_count) builder->dtypes[r] = builder->buffers[fused->inputs[r].buffer].dtype;
    }
    for (int i = 0; i < fused->instruction_count; i++)
        if (!check_instruction(builder, i)) return false;
    for (int k = 0; k < fused->output_count; k++) {
        uint16_t reg = fused->outputs[k].reg;
        if (reg >= fused->register_count || builder->defined_at[reg] == -2) return malformed(builder, "an output is never written", -1);
        DType dtype = builder->dtypes[reg], wanted = builder->buffers[fused->outputs[k].buffer].dtype;
        bool fits = fused->outputs[k].reduce == FUSED_STORE ? dtype == wanted : dtype_is_float(dtype) == dtype_is_float(wanted);
        if (!fits) return malformed(builder, "an output has another dtype than its buffer", -1);
        builder->last_use[reg] = fused->instruction_count;
    }
    return true;
}

/* The collapsed space, its tiles and units, and the inputs' strides over it. */
static void cut_space(Builder *builder, uint32_t *masks) {
    const Fused *fused = builder->fused;
    FusedProgram *program = builder->program;
    int64_t(*strides)[RANK_MAX] = allocate((size_t)fused->input_count * sizeof *strides);
    for (int i = 0; i < fused->input_count; i++) memcpy(strides[i], fused->inputs[i].strides, sizeof strides[i]);
    bool sums = false;
    for (int k = 0; k < fused->output_count; k++) {
        masks[k] = fused->outputs[k].reduce == FUSED_STORE ? 0 : fused->outputs[k].reduced_axes;
        sums = sums || fused->outputs[k].reduce == FUSED_SUM;
    }
    /* Which axes merge depends on the inputs, and the order of a sum on the axes. So that a sum has the same bits whatever it is
     * fused with, its group merges nothing: a mask that alternates is a border everywhere. */
    masks[fused->output_count] = sums ? 0x55555555u : 0;
    tiles_collapse(&program->space, fused->shape, strides, fused->input_count, masks, fused->output_count + 1);
    tiles_cut(&program->space, 0);
    uint32_t shared = 0;
    for (int k = 0; k < fused->output_count; k++)
        if (!reduction_is_complete(&program->space, masks[k])) shared |= masks[k];
    tiles_cut(&program->space, shared);
    for (int i = 0; i < fused->input_count; i++) {
        memcpy(program->inputs[i].strides, strides[i], sizeof strides[i]);
        program->inputs[i].element_bytes = dtype_bytes(builder->dtypes[i]);
    }
    free(strides);
}

static void choose_access(const TileSpace *space, InputAccess *input) {
    bool is_contiguous = true, is_repeated = true;
    int64_t expected = 1;
    for (int axis = space->rank - 1; axis >= space->axis; axis--) {
        int64_t extent = axis == space->axis ? space->block : space->dims[axis];
        is_contiguous = is_contiguous && (extent == 1 || input->strides[axis] == expected);
        is_repeated = is_repeated && (extent == 1 || input->strides[axis] == 0);
        expected *= extent;
    }
    input->mode = is_contiguous ? ACCESS_DIRECT : is_repeated ? ACCESS_REPEAT : ACCESS_GATHER;
    input->is_invariant = true;
    for (int axis = 0; axis <= space->axis; axis++)
        if (space->grid[axis] > 1 && input->strides[axis] != 0) input->is_invariant = false;
}

static int64_t direct_bytes(const FusedProgram *program) {
    int64_t bytes = 0;
    for (int i = 0; i < program->input_count; i++)
        if (program->inputs[i].mode == ACCESS_DIRECT) bytes += program->space.count * (int64_t)program->inputs[i].element_bytes;
    return bytes;
}

static bool share_memory(const Buffer *a, const Buffer *b) {
    if (a == b) return true;
    if (a->kind == BUFFER_CELL && b->kind == BUFFER_CELL) return a->cell == b->cell;
    if (a->kind != BUFFER_SLAB || b->kind != BUFFER_SLAB) return false;
    size_t a_end = a->offset + (size_t)shape_count(a->shape) * dtype_bytes(a->dtype);
    size_t b_end = b->offset + (size_t)shape_count(b->shape) * dtype_bytes(b->dtype);
    return a->offset < b_end && b->offset < a_end;
}

/* A value may be computed in its output's place unless that overwrites an input before its last use. */
static bool can_be_direct(const Builder *builder, int output) {
    const Fused *fused = builder->fused;
    uint16_t reg = fused->outputs[output].reg;
    int defined_at = builder->defined_at[reg];
    if (defined_at < 0 || fused->instructions[defined_at].code == FUSED_CONSTANT) return false;
    for (int k = 0; k < output; k++)
        if (fused->outputs[k].reg == reg && builder->program->outputs[k].is_direct) return false;
    for (int i = 0; i < fused->input_count; i++) {
        bool shares = share_memory(&builder->buffers[fused->inputs[i].buffer], &builder->buffers[fused->outputs[output].buffer]);
        if (shares && builder->last_use[i] > defined_at) return false;
    }
    return true;
}

static Combine combine_of(FusedReduce reduce) {
    return reduce == FUSED_MAX ? COMBINE_MAX : reduce == FUSED_MIN ? COMBINE_MIN : COMBINE_SUM;
}

static void prepare_outputs(Builder *builder, const uint32_t *masks) {
    FusedProgram *program = builder->program;
    size_t bytes = 0;
    for (int k = 0; k < program->output_count; k++) {
        const FusedOutput *output = &builder->fused->outputs[k];
        OutputAccess *access = &program->outputs[k];
        DType dtype = builder->buffers[output->buffer].dtype;
        access->reg = output->reg;
        access->is_reduced = output->reduce != FUSED_STORE;
        access->element_bytes = dtype_bytes(dtype);
        access->is_direct = !access->is_reduced && can_be_direct(builder, k);
        if (!access->is_reduced) continue;
        reduction_init(&access->reduction, &program->space, masks[k], combine_of(output->reduce), builder->dtypes[output->reg], dtype,
                       builder->table);
        bytes += (reduction_bytes(&access->reduction) + 63) / 64 * 64;
    }
    if (bytes == 0) return;
    program->accumulator_memory = aligned_alloc(64, bytes);
    char *next = program->accumulator_memory;
    for (int k = 0; k < program->output_count && next != NULL; k++) {
        OutputAccess *access = &program->outputs[k];
        size_t own = access->is_reduced ? reduction_bytes(&access->reduction) : 0;
        access->reduction.accumulators = own > 0 ? next : NULL;
        next += (own + 63) / 64 * 64;
    }
}

/* Storage of registers: the slots that are free, by size of element (1, 4 or 8 bytes). */
typedef struct SlotPool {
    size_t *free[9];
    int free_count[9];
    size_t used_bytes;
    int64_t tile_elements;
} SlotPool;

static size_t take_slot(SlotPool *pool, size_t element_bytes) {
    if (pool->free_count[element_bytes] > 0) return pool->free[element_bytes][--pool->free_count[element_bytes]];
    size_t slot = pool->used_bytes;
    pool->used_bytes += ((size_t)pool->tile_elements * element_bytes + 63) / 64 * 64 + SLOT_PADDING;
    return slot;
}

static void release_operands(Builder *builder, SlotPool *pool, int index) {
    const FusedInstruction *instruction = &builder->fused->instructions[index];
    for (int k = 0; k < arity_of(instruction->code); k++) {
        uint16_t reg = instruction->operands[k];
        bool again = (k > 0 && instruction->operands[0] == reg) || (k > 1 && instruction->operands[1] == reg);
        bool lasts = reg < builder->fused->input_count && builder->program->inputs[reg].is_invariant;
        if (again || lasts || builder->last_use[reg] != index || builder->program->slots[reg] == NO_SLOT) continue;
        size_t element_bytes = dtype_bytes(builder->dtypes[reg]);
        pool->free[element_bytes][pool->free_count[element_bytes]++] = builder->program->slots[reg];
    }
}

static bool is_direct_output(const FusedProgram *program, uint16_t reg) {
    for (int k = 0; k < program->output_count; k++)
        if (program->outputs[k].reg == reg && program->outputs[k].is_direct) return true;
    return false;
}

static void assign_slots(Builder *builder) {
    FusedProgram *program = builder->program;
    SlotPool pool = {.tile_elements = program->space.block * program->space.inner};
    for (size_t bytes = 1; bytes <= 8; bytes++) pool.free[bytes] = allocate((size_t)program->register_count * sizeof(size_t));
    for (int r = 0; r < program->register_count; r++) program->slots[r] = NO_SLOT;
    for (int i = 0; i < program->input_count; i++)
        if (program->inputs[i].mode != ACCESS_DIRECT) program->slots[i] = take_slot(&pool, program->inputs[i].element_bytes);
    for (int i = 0; i < builder->fused->instruction_count; i++) {
        const FusedInstruction *instruction = &builder->fused->instructions[i];
        release_operands(builder, &pool, i); /* first: a loop may write where it reads */
        if (instruction->code != FUSED_CONSTANT && !is_direct_output(program, instruction->result))
            program->slots[instruction->result] = take_slot(&pool, dtype_bytes((DType)instruction->dtype));
    }
    program->stack_bytes = pool.used_bytes;
    for (size_t bytes = 1; bytes <= 8; bytes++) free(pool.free[bytes]);
}

static void spread_constant(void *memory, DType dtype, double number, int64_t count) {
    for (int64_t i = 0; i < count; i++) switch (dtype) {
        case DTYPE_BOOL: ((uint8_t *)memory)[i] = number != 0; break;
        case DTYPE_I64: ((int64_t *)memory)[i] = (int64_t)number; break;
        case DTYPE_F32: ((float *)memory)[i] = (float)number; break;
        case DTYPE_F64: ((double *)memory)[i] = number; break;
        }
}

static void prepare_steps(Builder *builder) {
    FusedProgram *program = builder->program;
    int64_t elements = program->space.block * program->space.inner;
    size_t constant_bytes = ((size_t)elements * 8 + 63) / 64 * 64 + SLOT_PADDING, constant_count = 0;
    for (int i = 0; i < builder->fused->instruction_count; i++) constant_count += builder->fused->instructions[i].code == FUSED_CONSTANT;
    program->constant_memory = allocate(constant_count * constant_bytes + 64);
    char *next = program->constant_memory;
    for (int i = 0; i < builder->fused->instruction_count; i++) {
        const FusedInstruction *instruction = &builder->fused->instructions[i];
        if (instruction->code == FUSED_CONSTANT) {
            spread_constant(next, (DType)instruction->dtype, instruction->number, elements);
            program->constants[instruction->result] = next;
            next += constant_bytes;
            continue;
        }
        FusedStep *step = &program->steps[program->step_count++];
        step->instruction = i;
        step->result = instruction->result;
        for (int k = 0; k < 3; k++) /* operands beyond the arity read register 0, which the loop ignores */
            step->operands[k] = k < arity_of(instruction->code) ? instruction->operands[k] : 0;
        if (instruction->code == FUSED_CAST) step->cast = builder->table->casts[instruction->operand_dtype][instruction->dtype];
        else step->function = builder->table->functions[instruction->code][loop_dtype(instruction)];
    }
}

static bool build(Builder *builder) {
    const Fused *fused = builder->fused;
    FusedProgram *program = builder->program;
    if (!analyse(builder)) return false;
    uint32_t *masks = allocate(((size_t)fused->output_count + 1) * sizeof *masks);
    cut_space(builder, masks);
    for (int i = 0; i < fused->input_count; i++) choose_access(&program->space, &program->inputs[i]);
    program->is_large = direct_bytes(program) >= LARGE_BYTES;
    prepare_outputs(builder, masks);
    free(masks);
    for (int k = 0; k < program->output_count; k++)
        if (program->outputs[k].is_reduced && reduction_bytes(&program->outputs[k].reduction) > 0 &&
            program->outputs[k].reduction.accumulators == NULL)
            return fault_set(builder->fault, "not enough memory for the sums of a fused group");
    assign_slots(builder);
    prepare_steps(builder);
    if (program->stack_bytes > STACK_LIMIT)
        return fault_set(builder->fault, "a fused group of %d instructions keeps too many values alive at once", fused->instruction_count);
    return true;
}

FusedProgram *fused_prepare(const Fused *fused, const Buffer *buffers, Fault *fault) {
    FusedProgram *program = allocate(sizeof *program);
    program->input_count = fused->input_count;
    program->output_count = fused->output_count;
    program->register_count = fused->register_count;
    size_t registers = (size_t)fused->register_count;
    program->inputs = allocate((size_t)fused->input_count * sizeof *program->inputs);
    program->outputs = allocate((size_t)fused->output_count * sizeof *program->outputs);
    program->steps = allocate((size_t)fused->instruction_count * sizeof *program->steps);
    program->slots = allocate(registers * sizeof *program->slots);
    program->constants = allocate(registers * sizeof *program->constants);
    Builder builder = {fused,
                       buffers,
                       elementwise_table(),
                       program,
                       allocate(registers * sizeof(DType)),
                       allocate(registers * sizeof(int)),
                       allocate(registers * sizeof(int)),
                       fault};
    bool is_ready = build(&builder);
    free(builder.dtypes);
    free(builder.defined_at);
    free(builder.last_use);
    if (is_ready) return program;
    fused_program_free(program);
    return NULL;
}

void fused_program_free(FusedProgram *program) {
    if (program == NULL) return;
    free(program->inputs);
    fused_segments_free(program->segments, program->segment_count);
    free(program->steps);
    free(program->outputs);
    free(program->slots);
    free(program->constants);
    free(program->constant_memory);
    free(program->accumulator_memory);
    free(program);
}

void fused_free(Fused *fused) {
    if (fused == NULL) return;
    free(fused->inputs);
    free(fused->instructions);
    free(fused->outputs);
    free(fused);
}
