/* Plans and loops built by hand: steps, cells, outputs, faults. */
#include "runtime/base/memory.h"
#include "runtime/exec/fused.h"
#include "runtime/exec/loop.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void *copy_of(const void *items, size_t bytes) {
    void *copy = allocate(bytes);
    if (bytes > 0) memcpy(copy, items, bytes);
    return copy;
}
#define COPY(type, ...) copy_of((type[]){__VA_ARGS__}, sizeof((type[]){__VA_ARGS__}))

/* result = code(a, b) over f32 scalars or vectors of one shape. */
static Fused *binary_group(int code, DType dtype, Shape shape, int a, int b, int out) {
    Fused *fused = allocate(sizeof *fused);
    FusedInput inputs[] = {{a, {0}}, {b, {0}}};
    shape_strides(shape, inputs[0].strides);
    shape_strides(shape, inputs[1].strides);
    *fused = (Fused){.shape = shape,
                     .register_count = 3,
                     .inputs = copy_of(inputs, sizeof inputs),
                     .input_count = 2,
                     .instructions = COPY(
                         FusedInstruction,
                         {.code = (uint16_t)code, .dtype = (uint8_t)dtype, .operand_dtype = DTYPE_F32, .result = 2, .operands = {0, 1}}),
                     .instruction_count = 1,
                     .outputs = COPY(FusedOutput, {out, 2, FUSED_STORE, 0}),
                     .output_count = 1};
    return fused;
}

static Buffer slab_buffer(DType dtype, Shape shape, size_t offset) {
    return (Buffer){.kind = BUFFER_SLAB, .dtype = dtype, .shape = shape, .offset = offset};
}

static Buffer cell_buffer(Cell *cell, DType dtype, Shape shape) {
    return (Buffer){.kind = BUFFER_CELL, .dtype = dtype, .shape = shape, .cell = cell_retain(cell)};
}

static Buffer number_buffer(double value) {
    return (Buffer){.kind = BUFFER_CONSTANT, .dtype = DTYPE_F32, .shape = shape_scalar(), .tensor = tensor_scalar(DTYPE_F32, value)};
}

/* y = x @ x, then w <- w + y: w is a cell, x a cell. */
static Plan *product_plan(Cell *x, Cell *w) {
    Plan *plan = allocate(sizeof *plan);
    Shape shape = shape_2(2, 2);
    plan->buffers = COPY(Buffer, cell_buffer(x, DTYPE_F32, shape), cell_buffer(w, DTYPE_F32, shape), slab_buffer(DTYPE_F32, shape, 64));
    plan->buffer_count = 3;
    plan->steps = COPY(PlanStep,
                       {.kernel = kernel_find("matmul"),
                        .inputs = COPY(int, 0, 0),
                        .input_count = 2,
                        .outputs = COPY(int, 2),
                        .output_count = 1,
                        .ints = COPY(int64_t, 0, 1),
                        .int_count = 2,
                        .label = "matmul"},
                       {.fused = binary_group(ELEMENTWISE_ADD, DTYPE_F32, shape, 1, 2, 1), .label = "add"});
    plan->step_count = 2;
    plan->commit_start = 1;
    plan->outputs = COPY(int, 2);
    plan->output_count = 1;
    plan->slab_bytes = 128;
    return plan;
}

static Tensor *square(float a, float b, float c, float d) {
    Tensor *tensor = tensor_new(DTYPE_F32, shape_2(2, 2), NULL);
    memcpy(tensor->data, (float[]){a, b, c, d}, 16);
    return tensor;
}

static void a_plan_runs_its_steps_and_writes_cells(void **state) {
    (void)state;
    Cell *x = cell_new("x", square(1, 2, 3, 4)), *w = cell_new("net.w", square(0, 0, 0, 1));
    Plan *plan = product_plan(x, w);
    Fault fault;
    assert_true(plan_prepare(plan, NULL, &fault));
    assert_true(plan_run(plan, &fault));
    assert_memory_equal(plan_output(plan, 0).data, ((float[]){5, 11, 11, 25}), 16);
    assert_memory_equal(w->tensor->data, ((float[]){5, 11, 11, 26}), 16);
    tensor_release(x->tensor);
    x->tensor = square(1, 0, 0, 1); /* a cell's tensor may be replaced between runs */
    assert_true(plan_run_range(plan, 0, plan->commit_start, &fault));
    assert_memory_equal(w->tensor->data, ((float[]){5, 11, 11, 26}), 16);
    Tensor *copy = plan_output_tensor(plan, 0, &fault);
    assert_memory_equal(copy->data, ((float[]){1, 0, 0, 1}), 16);
    tensor_release(copy);
    plan_free(plan);
    cell_release(x);
    cell_release(w);
}

static void faults_name_the_cell(void **state) {
    (void)state;
    Cell *x = cell_new("x", NULL), *w = cell_new("net.w", square(0, 0, 0, 1));
    Plan *plan = product_plan(x, w);
    Fault fault;
    assert_true(plan_prepare(plan, NULL, &fault));
    assert_false(plan_run(plan, &fault));
    assert_string_equal(fault.message, "'x' has no value yet");
    x->tensor = tensor_scalar(DTYPE_F32, 1);
    assert_false(plan_run(plan, &fault));
    assert_string_equal(fault.message, "'x' was planned as f32 [2, 2] but now is f32 []");
    plan_free(plan);
    cell_release(x);
    cell_release(w);
}

static void too_large_a_slab_is_a_fault(void **state) {
    (void)state;
    Plan *plan = allocate(sizeof *plan);
    plan->slab_bytes = (size_t)1 << 60;
    Fault fault;
    assert_false(plan_prepare(plan, NULL, &fault));
    assert_non_null(strstr(fault.message, "not enough memory"));
    plan_free(plan);
}

static void the_first_bad_number_is_found(void **state) {
    (void)state;
    Cell *x = cell_new("x", square(1, 2, 3, 4)), *w = cell_new("w", square(0, 0, 0, 1));
    Plan *plan = product_plan(x, w);
    Fault fault;
    assert_true(plan_prepare(plan, NULL, &fault));
    assert_int_equal(plan_find_nonfinite(plan, &fault), -1);
    tensor_f32(x->tensor)[0] = INFINITY;
    assert_int_equal(plan_find_nonfinite(plan, &fault), 0);
    plan_free(plan);
    cell_release(x);
    cell_release(w);
}

/* A plan with one scalar group: out = code(a, b), where a and b are buffers. */
static Plan *scalar_plan(int code, DType dtype, Buffer a, Buffer b) {
    Plan *plan = allocate(sizeof *plan);
    plan->buffers = COPY(Buffer, a, b, slab_buffer(dtype, shape_scalar(), 0));
    plan->buffer_count = 3;
    plan->steps = COPY(PlanStep, {.fused = binary_group(code, dtype, shape_scalar(), 0, 1, 2)});
    plan->step_count = plan->commit_start = 1;
    plan->outputs = COPY(int, 2);
    plan->output_count = 1;
    plan->slab_bytes = 64;
    return plan;
}

/* while not (v > limit): v <- v * 2, u <- v. */
static PlanLoop *doubling_loop(int64_t max, bool record) {
    Cell *limit = cell_new("limit", NULL), *v = cell_new("v", NULL), *u = cell_new("u", NULL);
    PlanLoop *loop = allocate(sizeof *loop);
    Buffer v_buffer = cell_buffer(v, DTYPE_F32, shape_scalar());
    *loop = (PlanLoop){.condition = scalar_plan(ELEMENTWISE_GREATER, DTYPE_BOOL, v_buffer, cell_buffer(limit, DTYPE_F32, shape_scalar())),
                       .captured = COPY(Cell *, limit),
                       .captured_count = 1,
                       .carries = COPY(Cell *, v, u),
                       .carry_count = 2,
                       .max = max,
                       .record = record};
    loop->body = scalar_plan(ELEMENTWISE_MUL, DTYPE_F32, cell_buffer(v, DTYPE_F32, shape_scalar()), number_buffer(2));
    free(loop->body->outputs);
    loop->body->outputs = COPY(int, 2, 0); /* the second result is the first carry itself */
    loop->body->output_count = 2;
    return loop;
}

static void check_loop(int64_t max, float limit, float expected_v, float expected_u, int64_t expected_steps) {
    PlanLoop *loop = doubling_loop(max, max >= 0);
    float start_v = 1, start_u = -1, v, u, record_v[8] = {0}, record_u[8] = {0};
    int64_t steps;
    View inputs[] = {{&limit, DTYPE_F32, shape_scalar()}, {&start_v, DTYPE_F32, shape_scalar()}, {&start_u, DTYPE_F32, shape_scalar()}};
    View outputs[] = {{&v, DTYPE_F32, shape_scalar()},
                      {&u, DTYPE_F32, shape_scalar()},
                      {&steps, DTYPE_I64, shape_scalar()},
                      {record_v, DTYPE_F32, shape_1(max + 1)},
                      {record_u, DTYPE_F32, shape_1(max + 1)}};
    Fault fault;
    assert_true(loop_prepare(loop, inputs, NULL, &fault));
    for (int run = 0; run < 2; run++) {
        assert_true(loop_run(loop, inputs, outputs, &fault));
        assert_true(v == expected_v && u == expected_u && steps == expected_steps);
        for (int64_t i = 0; max >= 0 && i <= max; i++)
            assert_true(record_v[i] == (i <= steps ? ldexpf(1, (int)i) : 0) && record_u[i] == (i > steps ? 0
                                                                                               : i == 0  ? -1
                                                                                                         : ldexpf(1, (int)i - 1)));
    }
    loop_free(loop);
}

static void loops_run_until_their_condition(void **state) {
    (void)state;
    check_loop(-1, 100, 128, 64, 7);
    check_loop(7, 10, 16, 8, 4);
    check_loop(3, 100, 8, 4, 3);
    check_loop(0, 100, 1, -1, 0);
    check_loop(5, 0, 1, -1, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_runs_its_steps_and_writes_cells),
        cmocka_unit_test(faults_name_the_cell),
        cmocka_unit_test(too_large_a_slab_is_a_fault),
        cmocka_unit_test(the_first_bad_number_is_found),
        cmocka_unit_test(loops_run_until_their_condition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
