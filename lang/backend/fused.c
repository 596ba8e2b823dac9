/* A fused task as a program over registers: inputs first, then one instruction for each member and number. */
#include "lang/backend/lowering.h"

#include "lang/passes/access.h"
#include "lang/passes/simplify.h"
#include "runtime/exec/fused.h"

#include <stdlib.h>
#include <string.h>

enum { LOAD_BASE = 1 << 20 }; /* registers from here on stand for inputs until their number is known */

typedef struct Numbered {
    DType dtype;
    double value;
    int reg;
} Numbered;

typedef struct Builder {
    Lowering *lowering;
    const Task *task;
    int number; /* of the task */
    int next;   /* register, counted from the first that is not an input */
    LIST(FusedInput) inputs;
    LIST(FusedInstruction) instructions;
    LIST(int) operands; /* three for each instruction, with LOAD_BASE */
    LIST(FusedOutput) outputs;
    LIST(int) output_registers;
    LIST(Numbered) numbers;
} Builder;

static int emit(Builder *builder, FusedInstruction instruction, const int operands[3]) {
    for (int k = 0; k < 3; k++) list_push(&builder->operands, operands[k]);
    list_push(&builder->instructions, instruction);
    return builder->next++;
}

static int number_register(Builder *builder, DType dtype, double value) {
    for (size_t k = 0; k < builder->numbers.count; k++) {
        const Numbered *known = &builder->numbers.items[k];
        if (known->dtype == dtype && memcmp(&known->value, &value, sizeof value) == 0) return known->reg;
    }
    FusedInstruction instruction = {.code = FUSED_CONSTANT, .dtype = (uint8_t)dtype, .operand_dtype = (uint8_t)dtype, .number = value};
    int reg = emit(builder, instruction, (int[3]){0, 0, 0});
    list_push(&builder->numbers, ((Numbered){dtype, value, reg}));
    return reg;
}

static int load_register(Builder *builder, const Access *access) {
    FusedInput input = {.buffer = lowering_buffer(builder->lowering, access->base)};
    memcpy(input.strides, access->strides, sizeof input.strides);
    for (size_t k = 0; k < builder->inputs.count; k++) {
        const FusedInput *known = &builder->inputs.items[k];
        if (known->buffer == input.buffer && memcmp(known->strides, input.strides, sizeof input.strides) == 0) return LOAD_BASE + (int)k;
    }
    list_push(&builder->inputs, input);
    return LOAD_BASE + (int)builder->inputs.count - 1;
}

static int operand_register(Builder *builder, Node *operand) {
    double value;
    if (fold_uniform(operand, &value)) return number_register(builder, operand->type.dtype, value);
    Access access = access_resolve(operand);
    if (builder->lowering->tasks->task_of[access.base->id] == builder->number) return builder->lowering->register_of[access.base->id];
    return load_register(builder, &access);
}

/* The register that holds the member's value (of a reduction: the values to reduce). */
static int member_register(Builder *builder, const Node *node) {
    int operands[3] = {0, 0, 0};
    /* a broadcast is read over the broader space: through itself, not through its input */
    if (node->op == OP_BROADCAST) return operand_register(builder, (Node *)(uintptr_t)node);
    for (int k = 0; k < node->input_count; k++) operands[k] = operand_register(builder, node->inputs[k]);
    if (access_is_reduce(node)) return operands[0];
    /* of WHERE, the operands that are chosen from */
    const Node *typical = node->inputs[node->input_count == 3 ? 1 : 0];
    FusedInstruction instruction = {.code = node->op == OP_CAST ? (uint16_t)FUSED_CAST : (uint16_t)node->op,
                                    .dtype = (uint8_t)node->type.dtype,
                                    .operand_dtype = (uint8_t)typical->type.dtype};
    return emit(builder, instruction, operands);
}

static uint32_t reduced_axes(const Node *reduce) {
    Shape shape = reduce->inputs[0]->type.shape;
    uint32_t mask = 0;
    for (int k = 0, axis = 0; k < shape.rank; k++)
        if (shape.dims[k] != 1) mask |= (uint32_t)(reduce->ints[0] >> k & 1) << axis++;
    return mask;
}

static void add_output(Builder *builder, Node *node, int reg) {
    FusedOutput output = {.buffer = lowering_buffer(builder->lowering, node), .reduce = FUSED_STORE};
    if (access_is_reduce(node)) {
        output.reduce = node->op == OP_REDUCE_SUM ? FUSED_SUM : node->op == OP_REDUCE_MAX ? FUSED_MAX : FUSED_MIN;
        output.reduced_axes = reduced_axes(node);
    }
    list_push(&builder->outputs, output);
    list_push(&builder->output_registers, reg);
}

static uint16_t final_register(const Builder *builder, int reg) {
    return (uint16_t)(reg >= LOAD_BASE ? reg - LOAD_BASE : reg + (int)builder->inputs.count);
}

static Fused *finish(Builder *builder, Shape space) {
    Fused *fused = allocate(sizeof *fused);
    *fused = (Fused){.shape = space,
                     .register_count = (int)builder->inputs.count + builder->next,
                     .inputs = builder->inputs.items,
                     .input_count = (int)builder->inputs.count,
                     .instructions = builder->instructions.items,
                     .instruction_count = (int)builder->instructions.count,
                     .outputs = builder->outputs.items,
                     .output_count = (int)builder->outputs.count};
    for (int k = 0; k < fused->instruction_count; k++) {
        FusedInstruction *instruction = &fused->instructions[k];
        instruction->result = final_register(builder, k); /* one register for each instruction, in order */
        if (instruction->code == FUSED_CONSTANT) continue;
        for (int j = 0; j < 3; j++) instruction->operands[j] = final_register(builder, builder->operands.items[3 * k + j]);
    }
    for (int k = 0; k < fused->output_count; k++) fused->outputs[k].reg = final_register(builder, builder->output_registers.items[k]);
    list_free(&builder->operands);
    list_free(&builder->output_registers);
    list_free(&builder->numbers);
    return fused;
}

Fused *lower_fused(Lowering *lowering, int task) {
    Builder builder = {.lowering = lowering, .task = &lowering->tasks->items[task], .number = task};
    for (int k = 0; k < builder.task->member_count; k++) {
        Node *node = builder.task->members[k];
        int reg = member_register(&builder, node);
        lowering->register_of[node->id] = reg;
        if (lowering->tasks->is_stored[node->id]) add_output(&builder, node, reg);
    }
    return finish(&builder, builder.task->space);
}

Fused *lower_copy(int64_t count, int from, int to) {
    Fused *fused = allocate(sizeof *fused);
    FusedInput input = {.buffer = from, .strides = {1}};
    FusedOutput output = {.buffer = to, .reg = 0, .reduce = FUSED_STORE};
    *fused = (Fused){.shape = count == 1 ? shape_scalar() : shape_1(count),
                     .register_count = 1,
                     .inputs = lower_array(&input, sizeof input),
                     .input_count = 1,
                     .instructions = allocate(1),
                     .outputs = lower_array(&output, sizeof output),
                     .output_count = 1};
    return fused;
}
