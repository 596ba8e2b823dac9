#include "runtime/exec/fused_text.h"

#include "runtime/base/hash.h"
#include "runtime/base/memory.h"
#include "runtime/exec/fused_program.h"
#include "runtime/kernels/kernel_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* For the compiler --------------------------------------------------------------------------------------------------- */

/* -fno-tree-loop-distribute-patterns: no calls of memcpy; nothing outside the text is linked. -fschedule-insns: the chains of a body side
 * by side, a fifth faster. */
const char *const fused_text_flags[] = {"-std=c17",
                                        "-O3",
                                        "-w",
                                        "-fPIC",
                                        "-shared",
                                        "-nostdlib",
                                        "-Wl,-z,defs",
                                        "-ffp-contract=off",
                                        "-fno-math-errno",
                                        "-fno-trapping-math",
                                        "-fwrapv",
                                        "-fno-tree-loop-distribute-patterns",
                                        "-fschedule-insns",
                                        NULL};

const char *const *fused_text_level_flags(int level) {
    static const char *const v3[] = {"-march=x86-64-v3", NULL}, *const v4[] = {"-march=x86-64-v4", "-mtune=icelake-server",
                                                                               "-mprefer-vector-width=512", NULL};
    return level == 4 ? v4 : level == 3 ? v3 : NULL;
}

void fused_text_prelude(Text *out) { text_add_bytes(out, kernel_text, (size_t)(kernel_text_end - kernel_text)); }

/* The value texts of elementwise.def. */
static const char *const value_texts[ELEMENTWISE_COUNT] = {
#define UNARY(NAME, name, kind, value, ...) [ELEMENTWISE_##NAME] = #value,
#define BINARY UNARY
#define TERNARY UNARY
#include "runtime/elementwise.def"
#undef UNARY
#undef BINARY
#undef TERNARY
};

static const char *const type_names[DTYPE_COUNT] = {
    [DTYPE_BOOL] = "uint8_t", [DTYPE_I64] = "int64_t", [DTYPE_F32] = "float", [DTYPE_F64] = "double"};

/* Cutting ------------------------------------------------------------------------------------------------------------ */

typedef struct Cutter {
    FusedProgram *program;
    const Fused *fused;
    DType *dtypes;                        /* by register */
    const FusedInstruction **definitions; /* by register; NULL for inputs */
    int *last_use;                        /* by register: step; step_count for outputs */
} Cutter;

static const FusedInstruction *instruction_of(const Cutter *cutter, int step) {
    return &cutter->fused->instructions[cutter->program->steps[step].instruction];
}

static int arity_of(const FusedInstruction *instruction) {
    return instruction->code == FUSED_CONSTANT ? 0 : instruction->code == FUSED_CAST ? 1 : elementwise_info[instruction->code].arity;
}

/* How vecmath.h computes what it does not compute in vectors of the dtype: through double, or one element at a time (the C library,
 * integer division), which would slow the whole loop. */
typedef enum Way { VECTOR, WIDENED, SCALAR } Way;
static const uint8_t ways[ELEMENTWISE_COUNT][DTYPE_COUNT] = {
    [ELEMENTWISE_SIN] = {[DTYPE_F32] = WIDENED},
    [ELEMENTWISE_COS] = {[DTYPE_F32] = WIDENED},
    [ELEMENTWISE_TAN] = {[DTYPE_F32] = WIDENED},
    [ELEMENTWISE_ASIN] = {[DTYPE_F32] = SCALAR, [DTYPE_F64] = SCALAR},
    [ELEMENTWISE_ACOS] = {[DTYPE_F32] = SCALAR, [DTYPE_F64] = SCALAR},
    [ELEMENTWISE_ATAN] = {[DTYPE_F32] = WIDENED, [DTYPE_F64] = SCALAR},
    [ELEMENTWISE_SINH] = {[DTYPE_F32] = WIDENED, [DTYPE_F64] = SCALAR},
    [ELEMENTWISE_COSH] = {[DTYPE_F32] = WIDENED, [DTYPE_F64] = SCALAR},
    [ELEMENTWISE_ASINH] = {[DTYPE_F32] = WIDENED, [DTYPE_F64] = SCALAR},
    [ELEMENTWISE_ACOSH] = {[DTYPE_F32] = WIDENED, [DTYPE_F64] = SCALAR},
    [ELEMENTWISE_ATANH] = {[DTYPE_F32] = WIDENED, [DTYPE_F64] = SCALAR},
    [ELEMENTWISE_ERF] = {[DTYPE_F64] = SCALAR},
    [ELEMENTWISE_ERFC] = {[DTYPE_F32] = SCALAR, [DTYPE_F64] = SCALAR},
    [ELEMENTWISE_ERFINV] = {[DTYPE_F32] = SCALAR, [DTYPE_F64] = SCALAR},
    [ELEMENTWISE_LGAMMA] = {[DTYPE_F32] = SCALAR, [DTYPE_F64] = SCALAR},
    [ELEMENTWISE_DIGAMMA] = {[DTYPE_F32] = SCALAR, [DTYPE_F64] = SCALAR},
    [ELEMENTWISE_POLYGAMMA] = {[DTYPE_F32] = SCALAR, [DTYPE_F64] = SCALAR},
    [ELEMENTWISE_ATAN2] = {[DTYPE_F32] = SCALAR, [DTYPE_F64] = SCALAR},
    [ELEMENTWISE_POW] = {[DTYPE_F32] = WIDENED, [DTYPE_F64] = SCALAR},
    [ELEMENTWISE_FLOOR_DIV] = {[DTYPE_F32] = WIDENED, [DTYPE_I64] = SCALAR},
    [ELEMENTWISE_MOD] = {[DTYPE_F32] = WIDENED, [DTYPE_I64] = SCALAR},
};

static Way way_of(const FusedInstruction *instruction) {
    DType to = (DType)instruction->dtype, from = (DType)instruction->operand_dtype;
    if (instruction->code == FUSED_CAST)
        return (to == DTYPE_I64 && dtype_is_float(from)) || (from == DTYPE_I64 && dtype_is_float(to)) ? SCALAR : VECTOR;
    return instruction->code < ELEMENTWISE_COUNT ? ways[instruction->code][to] : VECTOR;
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* Bytes of the numbers in the loop of a step; a truth value goes with any size. Loops of two sizes vectorise badly or not at all. */
static size_t step_bytes(const FusedInstruction *instruction) {
    if (way_of(instruction) == WIDENED) return sizeof(double);
    return larger(dtype_bytes((DType)instruction->dtype), dtype_bytes((DType)instruction->operand_dtype));
}

static bool changes_size(const FusedInstruction *instruction) {
    return instruction->code == FUSED_CAST && dtype_bytes((DType)instruction->dtype) > 1 &&
           dtype_bytes((DType)instruction->operand_dtype) > 1 &&
           dtype_bytes((DType)instruction->dtype) != dtype_bytes((DType)instruction->operand_dtype);
}

/* Steps from `first` on that one loop can hold. */
static int segment_length(const Cutter *cutter, int first) {
    size_t bytes = 1;
    int count = 0;
    for (; first + count < cutter->program->step_count && count < SEGMENT_STEPS; count++) {
        const FusedInstruction *instruction = instruction_of(cutter, first + count);
        size_t own = step_bytes(instruction);
        if (way_of(instruction) == SCALAR || changes_size(instruction) || (own > 1 && bytes > 1 && own != bytes)) break;
        bytes = larger(bytes, own);
    }
    return count;
}

static bool add_register(FusedSegment *segment, uint16_t reg) {
    for (int k = 0; k < segment->register_count; k++)
        if (segment->registers[k] == reg) return true;
    if (segment->register_count == SEGMENT_REGISTERS) return false;
    segment->registers[segment->register_count++] = reg;
    return true;
}

static bool is_inside(const Cutter *cutter, const FusedSegment *segment, uint16_t reg) {
    for (int k = 0; k < segment->count; k++)
        if (cutter->program->steps[segment->first + k].result == reg) return true;
    return false;
}

static bool is_constant(const Cutter *cutter, uint16_t reg) {
    return cutter->definitions[reg] != NULL && cutter->definitions[reg]->code == FUSED_CONSTANT;
}

/* False when there are too many. */
static bool find_registers(const Cutter *cutter, FusedSegment *segment) {
    segment->register_count = 0;
    for (int k = 0; k < segment->count; k++) {
        const FusedInstruction *instruction = instruction_of(cutter, segment->first + k);
        for (int j = 0; j < arity_of(instruction); j++) {
            uint16_t reg = instruction->operands[j];
            if (!is_constant(cutter, reg) && !is_inside(cutter, segment, reg) && !add_register(segment, reg)) return false;
        }
    }
    for (int k = 0; k < segment->count; k++) {
        uint16_t reg = instruction_of(cutter, segment->first + k)->result;
        if (cutter->last_use[reg] >= segment->first + segment->count && !add_register(segment, reg)) return false;
    }
    return true;
}

/* Writing ------------------------------------------------------------------------------------------------------------ */

/* One value all over every tile: it stays in a register of the processor. */
static bool is_repeated(const Cutter *cutter, uint16_t reg) {
    return reg < cutter->program->input_count && cutter->program->inputs[reg].mode == ACCESS_REPEAT;
}

/* By its bits: NaN has a sign. */
static void add_nan(Text *out, DType dtype, double number) {
    float single = (float)number;
    uint32_t single_bits;
    uint64_t bits;
    memcpy(&single_bits, &single, sizeof single_bits);
    memcpy(&bits, &number, sizeof bits);
    if (dtype == DTYPE_F32) text_addf(out, "vm_from_bits_f32(0x%xu)", single_bits);
    else text_addf(out, "vm_from_bits_f64(0x%llxull)", (unsigned long long)bits);
}

static void add_number(Text *out, DType dtype, double number) {
    switch (dtype) {
    case DTYPE_BOOL: text_addf(out, "%d", number != 0); return;
    case DTYPE_I64: text_addf(out, "(int64_t)0x%llxu", (unsigned long long)(int64_t)number); return;
    case DTYPE_F32: number = (double)(float)number; break;
    case DTYPE_F64: break;
    }
    const char *ending = dtype == DTYPE_F32 ? "f" : "";
    if (isnan(number)) add_nan(out, dtype, number);
    else if (isinf(number)) text_addf(out, "%s__builtin_inf%s()", number < 0 ? "-" : "", ending);
    else text_addf(out, "%a%s", number, ending);
}

/* Registers are named by their places in the segment's list or by the step that computes them, so that the text does not depend on
 * where in the group the segment stands. */
static void add_operand(const Cutter *cutter, const FusedSegment *segment, uint16_t reg, Text *out) {
    if (is_constant(cutter, reg)) {
        add_number(out, cutter->dtypes[reg], cutter->definitions[reg]->number);
        return;
    }
    for (int k = 0; k < segment->count; k++)
        if (cutter->program->steps[segment->first + k].result == reg) text_addf(out, "v%d", k);
    if (is_inside(cutter, segment, reg)) return;
    for (int k = 0; k < segment->register_count; k++)
        if (segment->registers[k] == reg) text_addf(out, is_repeated(cutter, reg) ? "p%d" : "p%d[i]", k);
}

static void add_step(const Cutter *cutter, const FusedSegment *segment, int k, Text *out) {
    const FusedInstruction *instruction = instruction_of(cutter, segment->first + k);
    const char *result = type_names[instruction->dtype];
    bool is_select = instruction->code != FUSED_CAST && elementwise_info[instruction->code].kind == KIND_SELECT;
    text_addf(out, "  %s v%d; { typedef %s T; const", result, k, type_names[is_select ? instruction->dtype : instruction->operand_dtype]);
    for (int j = 0; j < arity_of(instruction); j++) {
        const char *type = is_select && j == 0 ? " uint8_t a = " : j == 0 ? " T a = " : j == 1 ? " T b = " : " T c = ";
        text_addf(out, "%s%s", j > 0 ? "; const" : "", type);
        add_operand(cutter, segment, instruction->operands[j], out);
    }
    const char *value = instruction->code != FUSED_CAST    ? value_texts[instruction->code]
                        : instruction->dtype == DTYPE_BOOL ? "a != 0"
                                                           : "a";
    text_addf(out, "; v%d = (%s)(%s); }\n", k, result, value);
}

static void add_pointers(const Cutter *cutter, const FusedSegment *segment, Text *out) {
    for (int k = 0; k < segment->register_count; k++) {
        uint16_t reg = segment->registers[k];
        const char *type = type_names[cutter->dtypes[reg]];
        if (is_inside(cutter, segment, reg)) text_addf(out, " %s *p%d = (%s *)t[%d];\n", type, k, type, k);
        else if (is_repeated(cutter, reg)) text_addf(out, " const %s p%d = *(const %s *)t[%d];\n", type, k, type, k);
        else text_addf(out, " const %s *p%d = (const %s *)t[%d];\n", type, k, type, k);
    }
}

/* ivdep: what shares memory is read and written at the same place. */
static void write_segment(const Cutter *cutter, FusedSegment *segment) {
    Text body = {0}, whole = {0};
    add_pointers(cutter, segment, &body);
    text_add(&body, "#pragma GCC ivdep\n for (int64_t i = 0; i < n; i++) {\n");
    for (int k = 0; k < segment->count; k++) add_step(cutter, segment, k, &body);
    for (int k = 0; k < segment->register_count; k++)
        for (int j = 0; j < segment->count; j++)
            if (cutter->program->steps[segment->first + j].result == segment->registers[k]) text_addf(&body, "  p%d[i] = v%d;\n", k, j);
    text_add(&body, " }\n}\n");
    segment->name[0] = 's';
    hash_text(hash_add(hash_start(), body.bytes, body.length), segment->name + 1);
    text_addf(&whole, "void %s(char *const *t, int64_t n) {\n%s", segment->name, text_string(&body));
    segment->text = copy_string(text_string(&whole));
    text_free(&body);
    text_free(&whole);
}

static void cut(Cutter *cutter) {
    FusedProgram *program = cutter->program;
    for (int first = 0; first < program->step_count;) {
        FusedSegment segment = {.first = first, .count = segment_length(cutter, first)};
        while (segment.count > 1 && !find_registers(cutter, &segment)) segment.count /= 2;
        if (segment.count > 1) {
            write_segment(cutter, &segment);
            program->segments[program->segment_count++] = segment;
        }
        first += segment.count > 0 ? segment.count : 1;
    }
}

static void analyse(Cutter *cutter, const Buffer *buffers) {
    const Fused *fused = cutter->fused;
    for (int r = 0; r < fused->input_count; r++) cutter->dtypes[r] = buffers[fused->inputs[r].buffer].dtype;
    for (int i = 0; i < fused->instruction_count; i++) {
        const FusedInstruction *instruction = &fused->instructions[i];
        cutter->dtypes[instruction->result] = (DType)instruction->dtype;
        cutter->definitions[instruction->result] = instruction;
    }
    for (int s = 0; s < cutter->program->step_count; s++) {
        const FusedInstruction *instruction = instruction_of(cutter, s);
        for (int k = 0; k < arity_of(instruction); k++) cutter->last_use[instruction->operands[k]] = s;
    }
    for (int k = 0; k < fused->output_count; k++) cutter->last_use[fused->outputs[k].reg] = cutter->program->step_count;
}

FusedSegment *fused_segments(FusedProgram *program, const Fused *fused, const Buffer *buffers, int *count) {
    if (program->segments == NULL) {
        size_t registers = (size_t)fused->register_count;
        program->segments = allocate((size_t)program->step_count * sizeof *program->segments);
        Cutter cutter = {program, fused, allocate(registers * sizeof(DType)), allocate(registers * sizeof(FusedInstruction *)),
                         allocate(registers * sizeof(int))};
        analyse(&cutter, buffers);
        cut(&cutter);
        free(cutter.dtypes);
        free(cutter.definitions);
        free(cutter.last_use);
    }
    *count = program->segment_count;
    return program->segments;
}

void fused_use(FusedProgram *program, FusedSegment *segment, FusedFunction *function) {
    segment->function = function;
    program->steps[segment->first].segment = segment;
}

void fused_segments_free(FusedSegment *segments, int count) {
    for (int k = 0; k < count; k++) free(segments[k].text);
    free(segments);
}
