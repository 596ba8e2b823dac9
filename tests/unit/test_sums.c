/* Sums are taken apart where a factor of the row is itself a sum along it, and only there. */
#include "lang/passes/autodiff.h"
#include "tests/unit/evaluate.h"
#include "tests/unit/world.h"

enum { ROWS = 64, COLUMNS = 96 };

typedef struct Norm {
    World world;
    Cell *cell;
    Node *x, *y; /* y = (x - mean) / sqrt(mean square + 0.1), along rows */
} Norm;

static void open_norm(Norm *norm, DType dtype) {
    world_open(&norm->world, dtype);
    Graph *graph = norm->world.graph;
    norm->cell = new_cell(&norm->world, "x", dtype, shape_2(ROWS, COLUMNS));
    norm->x = build_leaf(graph, norm->cell);
    Node *centred = build_binary(graph, OP_SUB, norm->x, build_mean(graph, norm->x, 2, true));
    Node *variance = build_mean(graph, build_binary(graph, OP_MUL, centred, centred), 2, true);
    norm->y = build_binary(graph, OP_DIV, centred, build_unary(graph, OP_SQRT, plus(graph, variance, build_number(graph, 0.1))));
}

static void close_norm(Norm *norm) {
    cell_release(norm->cell);
    world_close(&norm->world);
}

/* Steps that go through a whole tensor. */
static int count_passes(World *world, Node **outputs, int count) {
    Program *program = compile(world, outputs, count, NULL, 0, &CHECKED);
    int passes = 0;
    for (int k = 0; k < program->plan->step_count; k++)
        passes += program->plan->steps[k].fused != NULL && shape_count(program->plan->steps[k].fused->shape) == ROWS * COLUMNS;
    program_free(program);
    return passes;
}

static void check_same(World *world, Node **outputs, int count) {
    Tensor *expected[4];
    Fault fault = {0};
    assert_true(evaluate(world->graph, outputs, count, NULL, 0, expected, &fault));
    Program *program = compile_and_run(world, outputs, count, NULL, 0);
    for (int k = 0; k < count; k++) {
        for (int64_t i = 0; i < tensor_count(expected[k]); i++) {
            double value = tensor_number(expected[k], i);
            assert_true(fabs(output_number(program, k, i) - value) <= 1e-10 * (1 + fabs(value)));
        }
        tensor_release(expected[k]);
    }
    program_free(program);
}

static void test_normalisation(void **state) {
    (void)state;
    Norm norm;
    open_norm(&norm, DTYPE_F64);
    Graph *graph = norm.world.graph;
    Node *cost = build_sum_all(graph, build_unary(graph, OP_SIN, norm.y)), *outputs[3] = {cost};
    assert_true(autodiff_grad(graph, cost, &norm.x, 1, false, outputs + 1));
    Node *slope = build_sum_all(graph, build_binary(graph, OP_MUL, outputs[1], outputs[1]));
    assert_true(autodiff_grad(graph, slope, &norm.x, 1, false, outputs + 2));
    assert_int_equal(count_passes(&norm.world, outputs, 2), 4); /* mean; variance; cost and three sums; the gradient */
    check_same(&norm.world, outputs, 3);
    close_norm(&norm);
}

/* Divided by their largest, numbers can be squared that would overflow otherwise. */
static void test_scaled_norm(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F32);
    Graph *graph = world.graph;
    Cell *cell = new_cell(&world, "x", DTYPE_F32, shape_2(2, 3));
    fill(cell, 1e30);
    Node *x = build_leaf(graph, cell), *scaled = build_binary(graph, OP_DIV, x, build_reduce(graph, OP_REDUCE_MAX, x, 2, true));
    Node *sum = build_reduce(graph, OP_REDUCE_SUM, build_binary(graph, OP_MUL, scaled, scaled), 2, true);
    Program *program = compile_and_run(&world, &sum, 1, NULL, 0);
    assert_true(fabs(output_number(program, 0, 1) - 3) < 1e-5);
    program_free(program);
    cell_release(cell);
    world_close(&world);
}

/* The differences of a row from its mean are small; the sum of the row and of the means are not. */
static void test_differences(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F32);
    Graph *graph = world.graph;
    Cell *cell = new_cell(&world, "x", DTYPE_F32, shape_2(4, 1000));
    for (int64_t k = 0; k < 4000; k++) tensor_set_number(cell->tensor, k, 30000 + (double)(k % 7) / 8);
    Node *x = build_leaf(graph, cell), *shifted = build_binary(graph, OP_SUB, x, build_mean(graph, x, 2, true));
    Node *sum = build_reduce(graph, OP_REDUCE_SUM, shifted, 2, true);
    Tensor *expected = evaluate_one(graph, sum, NULL);
    Program *program = compile_and_run(&world, &sum, 1, NULL, 0);
    for (int64_t k = 0; k < 4; k++) assert_true(fabs(output_number(program, 0, k) - tensor_number(expected, k)) < 1e-3);
    tensor_release(expected);
    program_free(program);
    cell_release(cell);
    world_close(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normalisation),
        cmocka_unit_test(test_scaled_norm),
        cmocka_unit_test(test_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
