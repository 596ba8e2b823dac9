/* Fused groups as C text against the interpreter: the same bits for every op and dtype, broadcast any way, reduced along any axes, in
 * place, at all sizes of tiles. One text and one compilation for all cases of an instruction set. */
#include "runtime/base/memory.h"
#include "runtime/exec/compiler.h"
#include "runtime/exec/fused_text.h"
#include "runtime/exec/object.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    INPUTS = 5, /* two f32 (the first full), f64, i64, bool */
    OUTPUTS = 9,
    BUFFERS = INPUTS + OUTPUTS,
    INSTRUCTIONS_MAX = 90,
    RANDOM_GROUPS = 8
};

static const DType input_dtypes[INPUTS] = {DTYPE_F32, DTYPE_F32, DTYPE_F64, DTYPE_I64, DTYPE_BOOL};

typedef struct Case {
    FusedInput inputs[INPUTS];
    FusedInstruction instructions[INSTRUCTIONS_MAX];
    FusedOutput outputs[OUTPUTS];
    DType dtypes[INPUTS + INSTRUCTIONS_MAX];
    Fused fused;
    Buffer buffers[BUFFERS];
    void *data[BUFFERS], *start[BUFFERS]; /* `start`: what the buffers hold before a run */
    FusedProgram *program;
} Case;

static uint64_t state_of_random;

static uint32_t draw(uint32_t bound) {
    state_of_random = state_of_random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state_of_random >> 33) % bound;
}

/* --- values ------------------------------------------------------------------------------------------------------------------ */

static const double specials[] = {0.0, -0.0, 1, -1, NAN, INFINITY, -INFINITY, 1e-42, -1e-42, 5e-324, 3e38, -3e38, 88.8, -104.1, 2.5, 1e300};
enum { SPECIALS = sizeof specials / sizeof *specials };

static double draw_number(void) {
    if (draw(8) == 0) return specials[draw(SPECIALS)];
    double size = ldexp(1 + draw(1 << 20) * 0x1p-20, (int)draw(16) - 8);
    return draw(2) ? size : -size;
}

static void fill(void *data, DType dtype, int64_t count) {
    for (int64_t i = 0; i < count; i++) switch (dtype) {
        case DTYPE_BOOL: ((uint8_t *)data)[i] = (uint8_t)draw(2); break;
        case DTYPE_I64: ((int64_t *)data)[i] = draw(16) ? (int64_t)draw(2001) - 1000 : draw(2) ? INT64_MIN : INT64_MAX; break;
        case DTYPE_F32: ((float *)data)[i] = (float)draw_number(); break;
        case DTYPE_F64: ((double *)data)[i] = draw_number(); break;
        }
}

static bool is_same(const void *a, const void *b, DType dtype, int64_t count) {
    if (!dtype_is_float(dtype)) return memcmp(a, b, (size_t)count * dtype_bytes(dtype)) == 0;
    for (int64_t i = 0; i < count; i++) {
        size_t bytes = dtype_bytes(dtype);
        const char *x = (const char *)a + (size_t)i * bytes, *y = (const char *)b + (size_t)i * bytes;
        bool both_nan = dtype == DTYPE_F32 ? isnan(*(const float *)x) && isnan(*(const float *)y)
                                           : isnan(*(const double *)x) && isnan(*(const double *)y);
        if (!both_nan && memcmp(x, y, bytes) != 0) return false;
    }
    return true;
}

/* --- groups ------------------------------------------------------------------------------------------------------------------ */

/* A register of the dtype, more often a late one. */
static uint16_t pick(const Case *one, DType dtype) {
    for (;;) {
        int count = one->fused.register_count, back = (int)draw((uint32_t)count);
        int reg = draw(2) ? count - 1 - back % (count < 6 ? count : 6) : back;
        if (one->dtypes[reg] == dtype) return (uint16_t)reg;
    }
}

static void emit(Case *one, FusedInstruction instruction) {
    instruction.result = (uint16_t)one->fused.register_count;
    one->dtypes[one->fused.register_count++] = (DType)instruction.dtype;
    one->instructions[one->fused.instruction_count++] = instruction;
}

static void emit_op(Case *one, int code, DType dtype) {
    const ElementwiseInfo *info = &elementwise_info[code];
    bool tests = info->kind == KIND_COMPARE || info->kind == KIND_TEST;
    FusedInstruction instruction = {
        .code = (uint16_t)code, .dtype = (uint8_t)(tests ? DTYPE_BOOL : dtype), .operand_dtype = (uint8_t)dtype};
    for (int k = 0; k < info->arity; k++) instruction.operands[k] = pick(one, info->kind == KIND_SELECT && k == 0 ? DTYPE_BOOL : dtype);
    emit(one, instruction);
}

static void emit_cast(Case *one, DType from, DType to) {
    emit(one, (FusedInstruction){.code = FUSED_CAST, .dtype = (uint8_t)to, .operand_dtype = (uint8_t)from, .operands = {pick(one, from)}});
}

static void emit_random(Case *one) {
    DType dtype = draw(3) ? DTYPE_F32 : (DType)draw(DTYPE_COUNT);
    int code = (int)draw(ELEMENTWISE_COUNT + 6);
    if (code >= ELEMENTWISE_COUNT + 3) emit_cast(one, (DType)draw(DTYPE_COUNT), (DType)draw(DTYPE_COUNT));
    else if (code >= ELEMENTWISE_COUNT)
        emit(one, (FusedInstruction){.code = FUSED_CONSTANT,
                                     .dtype = (uint8_t)dtype,
                                     .operand_dtype = (uint8_t)dtype,
                                     .number = dtype == DTYPE_I64 ? (double)draw(9) - 4 : draw_number()});
    else if (elementwise_table()->functions[code][dtype] != NULL) emit_op(one, code, dtype);
}

static Shape kept_shape(Shape shape, uint32_t reduced) {
    for (int axis = 0; axis < shape.rank; axis++)
        if (reduced >> axis & 1) shape.dims[axis] = 1;
    return shape;
}

static int64_t buffer_count(const Buffer *buffer) { return shape_count(buffer->shape); }

static void add_buffer(Case *one, int index, DType dtype, Shape shape, size_t *offset) {
    size_t bytes = (size_t)shape_count(shape) * dtype_bytes(dtype);
    one->buffers[index] = (Buffer){.kind = BUFFER_SLAB, .dtype = dtype, .shape = shape, .offset = *offset};
    *offset += (bytes + 63) / 64 * 64;
    one->data[index] = aligned_alloc(64, (bytes + 127) / 64 * 64);
    one->start[index] = allocate(bytes + 1);
    fill(one->start[index], dtype, shape_count(shape));
}

/* Inputs: the first whole, the others repeated along some axes. */
static void start_group(Case *one, Shape shape, uint32_t broadcast, size_t *offset) {
    *one = (Case){.fused = {.shape = shape, .register_count = INPUTS, .input_count = INPUTS}};
    for (int i = 0; i < INPUTS; i++) {
        uint32_t repeated = i == 0 ? 0 : broadcast >> 3 * (i - 1) & 7;
        Shape own = kept_shape(shape, repeated);
        add_buffer(one, i, input_dtypes[i], own, offset);
        one->dtypes[i] = input_dtypes[i];
        one->inputs[i].buffer = i;
        shape_strides(own, one->inputs[i].strides);
        for (int axis = 0; axis < shape.rank; axis++)
            if (own.dims[axis] == 1) one->inputs[i].strides[axis] = 0;
    }
}

static void add_output(Case *one, uint16_t reg, FusedReduce reduce, uint32_t axes, DType dtype, size_t *offset) {
    int index = INPUTS + one->fused.output_count;
    Shape shape = reduce == FUSED_STORE ? one->fused.shape : kept_shape(one->fused.shape, axes);
    add_buffer(one, index, dtype, shape, offset);
    one->outputs[one->fused.output_count++] = (FusedOutput){index, reg, reduce, reduce == FUSED_STORE ? 0 : axes};
}

/* The first and the last result are stored, the last is reduced; late ones of all dtypes are stored, a f32 one over the first input. */
static void finish_group(Case *one, uint32_t axes, size_t *offset) {
    uint16_t last = (uint16_t)(one->fused.register_count - 1);
    DType dtype = one->dtypes[last], wide = dtype_is_float(dtype) ? DTYPE_F64 : DTYPE_I64;
    add_output(one, last, FUSED_STORE, 0, dtype, offset);
    add_output(one, INPUTS, FUSED_STORE, 0, one->dtypes[INPUTS], offset);
    add_output(one, last, FUSED_SUM, axes, wide, offset);
    add_output(one, pick(one, DTYPE_F32), FUSED_SUM, axes, DTYPE_F32, offset);
    add_output(one, last, FUSED_MAX, axes, dtype, offset);
    add_output(one, pick(one, DTYPE_F64), FUSED_MIN, axes, DTYPE_F64, offset);
    add_output(one, pick(one, DTYPE_BOOL), FUSED_STORE, 0, DTYPE_BOOL, offset);
    add_output(one, pick(one, DTYPE_F64), FUSED_STORE, 0, DTYPE_F64, offset);
    one->outputs[one->fused.output_count++] = (FusedOutput){0, pick(one, DTYPE_F32), FUSED_STORE, 0};
    one->fused.inputs = one->inputs;
    one->fused.instructions = one->instructions;
    one->fused.outputs = one->outputs;
    Fault fault;
    one->program = fused_prepare(&one->fused, one->buffers, &fault);
    assert_non_null(one->program);
}

static const Shape shapes[] = {
    {1, {1}},      {1, {7}},      {1, {63}},        {1, {64}},         {1, {65}},       {1, {1025}},
    {2, {3, 341}}, {2, {33, 70}}, {3, {5, 3, 129}}, {3, {2, 1, 1500}}, {2, {1000, 70}}, {1, {100003}},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

typedef struct Cases {
    Case *items;
    int count;
} Cases;

static void make_case(Cases *cases, uint64_t seed, int code, DType dtype, int length, Shape shape) {
    size_t offset = 0;
    state_of_random = seed;
    uint32_t broadcast = draw(1 << 12), axes = 1 + draw(7);
    if (!(axes & ((1u << shape.rank) - 1))) axes = 1;
    Case *one = &cases->items[cases->count++];
    start_group(one, shape, broadcast, &offset);
    state_of_random = seed;
    if (code >= 0) {
        emit_op(one, code, dtype);
        DType result = one->dtypes[INPUTS];
        emit(one, (FusedInstruction){.code = FUSED_CAST,
                                     .dtype = (uint8_t)(draw(2) ? result : DTYPE_BOOL),
                                     .operand_dtype = (uint8_t)result,
                                     .operands = {INPUTS}});
    }
    while (one->fused.instruction_count < length) emit_random(one);
    finish_group(one, axes & ((1u << shape.rank) - 1), &offset);
}

static Cases make_cases(void) {
    Cases cases = {allocate(sizeof(Case) * (ELEMENTWISE_COUNT * DTYPE_COUNT + RANDOM_GROUPS) * SHAPES), 0};
    for (int s = 0; s < SHAPES; s++) {
        for (int code = 0; code < ELEMENTWISE_COUNT; code++)
            for (int dtype = 0; dtype < DTYPE_COUNT; dtype++)
                if (elementwise_table()->functions[code][dtype] != NULL)
                    make_case(&cases, (uint64_t)(code * DTYPE_COUNT + dtype), code, (DType)dtype, 2, shapes[s]);
        for (int k = 0; k < RANDOM_GROUPS; k++) make_case(&cases, 1000 + (uint64_t)k, -1, DTYPE_F32, 10 + 7 * k, shapes[s]);
    }
    return cases;
}

static void free_cases(Cases *cases) {
    for (int k = 0; k < cases->count; k++) {
        Case *one = &cases->items[k];
        fused_program_free(one->program);
        for (int b = 0; b < BUFFERS; b++) {
            free(one->data[b]);
            free(one->start[b]);
        }
    }
    free(cases->items);
}

static void run_case(Case *one, Threads *threads) {
    void *inputs[INPUTS], *outputs[OUTPUTS];
    for (int b = 0; b < BUFFERS; b++)
        if (one->data[b] != NULL)
            memcpy(one->data[b], one->start[b], (size_t)buffer_count(&one->buffers[b]) * dtype_bytes(one->buffers[b].dtype));
    for (int i = 0; i < INPUTS; i++) inputs[i] = one->data[i];
    for (int k = 0; k < one->fused.output_count; k++) outputs[k] = one->data[one->outputs[k].buffer];
    fused_run(one->program, inputs, outputs, threads);
}

/* --- compiled ---------------------------------------------------------------------------------------------------------------- */

static int find_name(FusedSegment **known, int count, const char *name) {
    for (int k = 0; k < count; k++)
        if (strcmp(known[k]->name, name) == 0) return k;
    return -1;
}

static bool compile_cases(Cases *cases, int level, Object *object) {
    Text text = {0};
    FusedSegment **known = allocate(sizeof *known * (size_t)cases->count * 8);
    int known_count = 0;
    fused_text_prelude(&text);
    for (int k = 0; k < cases->count; k++) {
        int count;
        FusedSegment *segments = fused_segments(cases->items[k].program, &cases->items[k].fused, cases->items[k].buffers, &count);
        for (int s = 0; s < count; s++)
            if (find_name(known, known_count, segments[s].name) < 0) {
                known[known_count++] = &segments[s];
                text_add(&text, segments[s].text);
            }
    }
    free(known);
    Fault fault = {0};
    Compilation *compilation = compiler_start(text.bytes, text.length, level, &fault);
    size_t length;
    bool ok = compilation != NULL && compiler_poll(compilation, true, &fault) == COMPILER_DONE;
    char *bytes = ok ? compiler_result(compilation, &length, &fault) : NULL;
    ok = bytes != NULL && object_load(object, bytes, length, &fault);
    if (!ok) print_message("%s\n", fault.message);
    free(bytes);
    compiler_free(compilation);
    text_free(&text);
    return ok;
}

static void use_object(Cases *cases, const Object *object, int *segment_count) {
    for (int k = 0; k < cases->count; k++) {
        int count;
        Case *one = &cases->items[k];
        FusedSegment *segments = fused_segments(one->program, &one->fused, one->buffers, &count);
        for (int s = 0; s < count; s++) {
            FusedFunction *function = (FusedFunction *)object_find(object, segments[s].name);
            assert_non_null(function);
            fused_use(one->program, &segments[s], function);
        }
        *segment_count += count;
    }
}

static void assert_same_bits(const Case *one, void *const *expected) {
    char shape[SHAPE_TEXT];
    for (int b = 0; b < BUFFERS; b++) {
        if (one->data[b] == NULL || is_same(one->data[b], expected[b], one->buffers[b].dtype, buffer_count(&one->buffers[b]))) continue;
        int code = one->instructions[0].code;
        fail_msg("buffer %d of the group that begins with %s %s over %s differs", b,
                 code < ELEMENTWISE_COUNT ? elementwise_info[code].name : "cast", dtype_name((DType)one->instructions[0].operand_dtype),
                 shape_text(one->fused.shape, shape));
    }
}

static void check_level(int level) {
    Cases cases = make_cases();
    void **expected = allocate(sizeof(void *) * BUFFERS * (size_t)cases.count);
    for (int k = 0; k < cases.count; k++) {
        run_case(&cases.items[k], NULL);
        for (int b = 0; b < BUFFERS; b++) {
            Case *one = &cases.items[k];
            if (one->data[b] == NULL) continue;
            size_t bytes = (size_t)buffer_count(&one->buffers[b]) * dtype_bytes(one->buffers[b].dtype);
            expected[k * BUFFERS + b] = allocate(bytes + 1);
            memcpy(expected[k * BUFFERS + b], one->data[b], bytes);
        }
    }
    Object object;
    int segments = 0;
    assert_true(compile_cases(&cases, level, &object));
    use_object(&cases, &object, &segments);
    assert_true(segments > cases.count / 3);
    Threads *threads = threads_new(3);
    for (int k = 0; k < cases.count; k++) {
        run_case(&cases.items[k], k % 2 ? threads : NULL);
        assert_same_bits(&cases.items[k], expected + k * BUFFERS);
    }
    threads_free(threads);
    for (int k = 0; k < cases.count * BUFFERS; k++) free(expected[k]);
    free(expected);
    free_cases(&cases);
    object_unload(&object);
}

static bool has_compiler(void) {
    Text text = {0};
    bool ok = compiler_identity(&text);
    text_free(&text);
    return ok;
}

static void same_bits_at(int level) {
    if (elementwise_level() < level || !has_compiler()) skip();
    check_level(level);
}

static void same_bits_avx2(void **state) {
    (void)state;
    same_bits_at(3);
}

static void same_bits_avx512(void **state) {
    (void)state;
    same_bits_at(4);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_bits_avx2), cmocka_unit_test(same_bits_avx512)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
