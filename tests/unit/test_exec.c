/* Fused groups against a naive evaluation, plans, loops and threads. */
#include "runtime/base/memory.h"
#include "runtime/exec/fused.h"
#include "runtime/exec/loop.h"
#include "runtime/kernels/kernels.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- a group of x, y, z (f32, broadcast any way): w = x * y + z; u = w < 0 ? 0.5 w : w; stores u, reduces w and the mask w < 0 --- */

enum { IN_X, IN_Y, IN_Z, R_XY, R_W, R_ZERO, R_LESS, R_HALF, R_HW, R_U, R_COUNT, REGISTERS };
enum { BUF_X, BUF_Y, BUF_Z, BUF_U, BUF_SUM, BUF_MAX, BUF_LESS, BUFFERS };

static FusedInstruction op(int code, DType dtype, DType operands, int result, int a, int b, int c) {
    return (FusedInstruction){.code = (uint16_t)code,
                              .dtype = (uint8_t)dtype,
                              .operand_dtype = (uint8_t)operands,
                              .result = (uint16_t)result,
                              .operands = {(uint16_t)a, (uint16_t)b, (uint16_t)c}};
}

typedef struct Group {
    Shape shape;
    FusedInput inputs[3];
    FusedInstruction instructions[8];
    FusedOutput outputs[4];
    Fused fused;
    Buffer buffers[BUFFERS];
    Tensor *tensors[BUFFERS];
} Group;

static Shape reduced_shape(Shape shape, uint32_t axes) {
    for (int i = 0; i < shape.rank; i++)
        if (axes >> i & 1) shape.dims[i] = 1;
    return shape;
}

static void add_tensor(Group *group, int index, DType dtype, Shape shape) {
    group->tensors[index] = tensor_new(dtype, shape, NULL);
    group->buffers[index] = (Buffer){.kind = BUFFER_CONSTANT, .dtype = dtype, .shape = shape, .tensor = group->tensors[index]};
    for (int64_t i = 0; i < shape_count(shape); i++) tensor_set_number(group->tensors[index], i, (rand() % 2001 - 1000) * 1e-3);
}

/* `broadcast[i]`: axes along which input i repeats; `masks`: axes that sum, max and count reduce. */
static void make_group(Group *group, Shape shape, const uint32_t *broadcast, const uint32_t *masks) {
    group->shape = shape;
    for (int i = 0; i < 3; i++) {
        Shape own = reduced_shape(shape, broadcast[i]);
        add_tensor(group, i, DTYPE_F32, own);
        group->inputs[i].buffer = i;
        shape_strides(own, group->inputs[i].strides);
        for (int axis = 0; axis < shape.rank; axis++)
            if (broadcast[i] >> axis & 1) group->inputs[i].strides[axis] = 0;
    }
    add_tensor(group, BUF_U, DTYPE_F32, shape);
    add_tensor(group, BUF_SUM, DTYPE_F32, reduced_shape(shape, masks[0]));
    add_tensor(group, BUF_MAX, DTYPE_F32, reduced_shape(shape, masks[1]));
    add_tensor(group, BUF_LESS, DTYPE_I64, reduced_shape(shape, masks[2]));
    const FusedInstruction instructions[] = {op(ELEMENTWISE_MUL, DTYPE_F32, DTYPE_F32, R_XY, IN_X, IN_Y, 0),
                                             op(ELEMENTWISE_ADD, DTYPE_F32, DTYPE_F32, R_W, R_XY, IN_Z, 0),
                                             {.code = FUSED_CONSTANT, .dtype = DTYPE_F32, .result = R_ZERO, .number = 0},
                                             op(ELEMENTWISE_LESS, DTYPE_BOOL, DTYPE_F32, R_LESS, R_W, R_ZERO, 0),
                                             {.code = FUSED_CONSTANT, .dtype = DTYPE_F32, .result = R_HALF, .number = 0.5},
                                             op(ELEMENTWISE_MUL, DTYPE_F32, DTYPE_F32, R_HW, R_W, R_HALF, 0),
                                             op(ELEMENTWISE_WHERE, DTYPE_F32, DTYPE_F32, R_U, R_LESS, R_HW, R_W),
                                             op(FUSED_CAST, DTYPE_I64, DTYPE_BOOL, R_COUNT, R_LESS, 0, 0)};
    memcpy(group->instructions, instructions, sizeof instructions);
    const FusedOutput outputs[] = {{BUF_U, R_U, FUSED_STORE, 0},
                                   {BUF_SUM, R_W, FUSED_SUM, masks[0]},
                                   {BUF_MAX, R_W, FUSED_MAX, masks[1]},
                                   {BUF_LESS, R_COUNT, FUSED_SUM, masks[2]}};
    memcpy(group->outputs, outputs, sizeof outputs);
    group->fused = (Fused){shape, REGISTERS, group->inputs, 3, group->instructions, 8, group->outputs, 4};
}

static void run_group(Group *group, Threads *threads) {
    Fault fault;
    FusedProgram *program = fused_prepare(&group->fused, group->buffers, &fault);
    assert_non_null(program);
    void *inputs[3], *outputs[4];
    for (int i = 0; i < 3; i++) inputs[i] = group->tensors[i]->data;
    for (int k = 0; k < 4; k++) outputs[k] = group->tensors[BUF_U + k]->data;
    fused_run(program, inputs, outputs, threads);
    fused_run(program, inputs, outputs, threads); /* nothing is left behind by a run */
    fused_program_free(program);
}

static int64_t at_strides(const int64_t *strides, const int64_t *position, int rank) {
    int64_t at = 0;
    for (int i = 0; i < rank; i++) at += strides[i] * position[i];
    return at;
}

static int64_t reduced_at(Shape shape, uint32_t mask, const int64_t *position) {
    int64_t strides[RANK_MAX];
    shape_strides(reduced_shape(shape, mask), strides);
    for (int i = 0; i < shape.rank; i++)
        if (mask >> i & 1) strides[i] = 0;
    return at_strides(strides, position, shape.rank);
}

static void check_group(const Group *group) {
    Shape shape = group->shape;
    int64_t count = shape_count(shape), position[RANK_MAX] = {0};
    double *sums = allocate((size_t)tensor_count(group->tensors[BUF_SUM]) * 8 + 8);
    double *largest = allocate((size_t)tensor_count(group->tensors[BUF_MAX]) * 8 + 8);
    double *less = allocate((size_t)tensor_count(group->tensors[BUF_LESS]) * 8 + 8);
    for (int64_t i = 0; i < tensor_count(group->tensors[BUF_MAX]); i++) largest[i] = -INFINITY;
    for (int64_t i = 0; i < count; i++) {
        float x[3];
        for (int k = 0; k < 3; k++) x[k] = tensor_f32(group->tensors[k])[at_strides(group->inputs[k].strides, position, shape.rank)];
        float product = x[0] * x[1], w = product + x[2], u = w < 0 ? 0.5f * w : w;
        assert_true(tensor_f32(group->tensors[BUF_U])[i] == u);
        sums[reduced_at(shape, group->outputs[1].reduced_axes, position)] += (double)w;
        double *best = &largest[reduced_at(shape, group->outputs[2].reduced_axes, position)];
        *best = (double)w > *best ? (double)w : *best;
        less[reduced_at(shape, group->outputs[3].reduced_axes, position)] += w < 0;
        for (int axis = shape.rank - 1; axis >= 0 && ++position[axis] == shape.dims[axis]; axis--) position[axis] = 0;
    }
    double per_sum = (double)count / (double)(tensor_count(group->tensors[BUF_SUM]) + (count == 0));
    for (int64_t i = 0; i < tensor_count(group->tensors[BUF_SUM]); i++)
        assert_true(fabs(tensor_number(group->tensors[BUF_SUM], i) - sums[i]) <= 1e-6 * (1 + fabs(sums[i]) + sqrt(per_sum)));
    for (int64_t i = 0; i < tensor_count(group->tensors[BUF_MAX]); i++)
        assert_true(tensor_number(group->tensors[BUF_MAX], i) == largest[i]);
    for (int64_t i = 0; i < tensor_count(group->tensors[BUF_LESS]); i++) assert_true(tensor_number(group->tensors[BUF_LESS], i) == less[i]);
    free(sums);
    free(largest);
    free(less);
}

static void free_group(Group *group) {
    for (int i = 0; i < BUFFERS; i++) tensor_release(group->tensors[i]);
}

static Shape shape_in(const int64_t *dims) {
    int rank = 0;
    while (rank < 4 && dims[rank] >= 0) rank++;
    return shape_of(rank, dims);
}

static const int64_t shapes[][5] = {
    {-1},           {1, -1},        {7, -1},         {1024, -1},     {1025, -1},        {100003, -1},     {0, -1},
    {5, 0, -1},     {0, 4, -1},     {3, 5, -1},      {1000, 10, -1}, {10, 1000, -1},    {2, 3000, -1},    {3000, 2, -1},
    {70, 1025, -1}, {17, 5, 3, -1}, {40, 30, 1, 50}, {6, 7, 8, 9},   {2, 3, 40000, -1}, {64, 3, 257, -1}, {3, 1, 2000, -1},
};

static void groups_agree_with_a_naive_evaluation(void **state) {
    (void)state;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int round = 0; round < 12; round++) {
            uint32_t broadcast[3], masks[3];
            for (int i = 0; i < 3; i++) {
                broadcast[i] = round == 0 ? 0 : (uint32_t)rand() & 15;
                masks[i] = round == 0 ? 15 : (uint32_t)rand() & 15;
            }
            Group group;
            make_group(&group, shape_in(shapes[s]), broadcast, masks);
            run_group(&group, NULL);
            check_group(&group);
            free_group(&group);
        }
}

static void bits_do_not_depend_on_threads(void **state) {
    (void)state;
    static const int64_t large[][5] = {{1000003, -1}, {1000, 1001, -1}, {30, 40000, -1}, {60000, 13, -1}, {50, 60, 300, -1}};
    for (size_t s = 0; s < sizeof large / sizeof *large; s++)
        for (uint32_t mask = 0; mask < 8; mask++) {
            uint32_t broadcast[3] = {0, 1, 2}, masks[3] = {mask, mask, 7 & ~mask};
            Group group;
            Tensor *first[BUFFERS] = {0};
            make_group(&group, shape_in(large[s]), broadcast, masks);
            for (int count = 1; count <= 4; count *= 2) {
                Threads *threads = threads_new(count);
                run_group(&group, threads);
                threads_free(threads);
                for (int k = BUF_U; k < BUFFERS; k++) {
                    if (count == 1) first[k] = tensor_copy(group.tensors[k], NULL);
                    else assert_memory_equal(first[k]->data, group.tensors[k]->data, tensor_bytes(first[k]));
                }
            }
            for (int k = BUF_U; k < BUFFERS; k++) tensor_release(first[k]);
            free_group(&group);
        }
}

static void a_value_may_be_stored_over_its_input(void **state) {
    (void)state;
    enum { N = 5000 };
    float w[N], m[N];
    Buffer buffers[2] = {{.kind = BUFFER_SLAB, .dtype = DTYPE_F32, .shape = shape_1(N), .offset = 0},
                         {.kind = BUFFER_SLAB, .dtype = DTYPE_F32, .shape = shape_1(N), .offset = 1 << 20}};
    FusedInput inputs[] = {{0, {1}}, {1, {1}}};
    FusedInstruction instructions[] = {op(ELEMENTWISE_ADD, DTYPE_F32, DTYPE_F32, 2, 0, 1, 0),
                                       op(ELEMENTWISE_MUL, DTYPE_F32, DTYPE_F32, 3, 0, 1, 0)};
    FusedOutput outputs[] = {{0, 2, FUSED_STORE, 0}, {1, 3, FUSED_STORE, 0}}; /* w <- w + m, m <- w * m from the old w */
    Fused fused = {shape_1(N), 4, inputs, 2, instructions, 2, outputs, 2};
    for (int i = 0; i < N; i++) w[i] = (float)i, m[i] = 0.5f;
    Fault fault;
    FusedProgram *program = fused_prepare(&fused, buffers, &fault);
    assert_non_null(program);
    void *data[] = {w, m};
    fused_run(program, data, data, NULL);
    for (int i = 0; i < N; i++) assert_true(w[i] == (float)i + 0.5f && m[i] == (float)i * 0.5f);
    fused_program_free(program);
}

static void sums_keep_their_digits(void **state) {
    (void)state;
    enum { N = 10000000 };
    Tensor *x = tensor_new(DTYPE_F32, shape_1(N), NULL);
    for (int i = 0; i < N; i++) tensor_f32(x)[i] = 0.1f;
    float sum;
    Buffer buffers[2] = {{.kind = BUFFER_CONSTANT, .dtype = DTYPE_F32, .shape = x->shape}, {.kind = BUFFER_CONSTANT, .dtype = DTYPE_F32}};
    FusedInput input = {0, {1}};
    FusedOutput output = {1, 0, FUSED_SUM, 1};
    Fused fused = {x->shape, 1, &input, 1, NULL, 0, &output, 1};
    FusedProgram *program = fused_prepare(&fused, buffers, NULL);
    fused_run(program, &x->data, (void *[]){&sum}, NULL);
    assert_true(fabs((double)sum / (N * (double)0.1f) - 1) < 3e-7);
    fused_program_free(program);
    tensor_release(x);
}

static void a_malformed_group_is_a_fault(void **state) {
    (void)state;
    Buffer buffer = {.kind = BUFFER_SLAB, .dtype = DTYPE_I64, .shape = shape_1(3)};
    FusedInput input = {0, {1}};
    FusedInstruction instruction = op(ELEMENTWISE_EXP, DTYPE_I64, DTYPE_I64, 1, 0, 0, 0);
    FusedOutput output = {0, 1, FUSED_STORE, 0};
    Fused fused = {shape_1(3), 2, &input, 1, &instruction, 1, &output, 1};
    Fault fault;
    assert_null(fused_prepare(&fused, &buffer, &fault));
    assert_string_equal(fault.message, "'exp' does not take i64 values");
    instruction.operands[0] = 1;
    assert_null(fused_prepare(&fused, &buffer, &fault));
}

/* --- threads --- */

static void count_tile(void *context, int64_t tile) { __atomic_fetch_add(&((int *)context)[tile], 1, __ATOMIC_RELAXED); }

static void every_tile_runs_once(void **state) {
    (void)state;
    for (int count = 1; count <= 5; count++) {
        Threads *threads = threads_new(count);
        assert_int_equal(threads_count(threads), count);
        for (int round = 0; round < 300; round++) {
            int seen[40] = {0};
            threads_run(threads, round % 41, count_tile, seen);
            for (int i = 0; i < 40; i++) assert_int_equal(seen[i], i < round % 41);
        }
        threads_free(threads);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_agree_with_a_naive_evaluation), cmocka_unit_test(bits_do_not_depend_on_threads),
        cmocka_unit_test(a_value_may_be_stored_over_its_input), cmocka_unit_test(sums_keep_their_digits),
        cmocka_unit_test(a_malformed_group_is_a_fault),         cmocka_unit_test(every_tile_runs_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
