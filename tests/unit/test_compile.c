/* The plans that come out: the meaning of commits, loops, how few kernels there are, the same bits, and the time it takes. */
#include "tests/unit/world.h"

#include <time.h>

/* ---- commits ------------------------------------------------------------------------------------------------------------ */

static void test_swap(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F32);
    Cell *a = new_cell(&world, "a", DTYPE_F32, shape_1(3)), *b = new_cell(&world, "b", DTYPE_F32, shape_1(3));
    fill(a, 10), fill(b, 20);
    Node *x = build_leaf(world.graph, a), *y = build_leaf(world.graph, b);
    Commit commits[] = {{a, y}, {b, x}};
    Program *program = compile_and_run(&world, &x, 1, commits, 2);
    assert_true(tensor_number(a->tensor, 1) == 21 && tensor_number(b->tensor, 1) == 11);
    assert_true(output_number(program, 0, 1) == 11); /* the value from before the step */
    program_free(program);
    cell_release(a), cell_release(b);
    world_close(&world);
}

/* Each reads the other's old value, transposed, so that neither may be overwritten first. */
static void test_crossed_updates(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F64);
    Cell *a = new_cell(&world, "a", DTYPE_F64, shape_2(40, 40)), *b = new_cell(&world, "b", DTYPE_F64, shape_2(40, 40));
    fill(a, 0), fill(b, 5000);
    Node *x = build_leaf(world.graph, a), *y = build_leaf(world.graph, b), *one = build_number(world.graph, 1);
    Commit commits[] = {{a, build_binary(world.graph, OP_ADD, build_swap_last(world.graph, y), one)},
                        {b, build_binary(world.graph, OP_SUB, build_swap_last(world.graph, x), one)}};
    Program *program = compile_and_run(&world, NULL, 0, commits, 2);
    assert_true(tensor_number(a->tensor, 3) == 5000 + 120 + 1);
    assert_true(tensor_number(b->tensor, 3) == 120 - 1);
    program_free(program);
    cell_release(a), cell_release(b);
    world_close(&world);
}

typedef struct Adam {
    Cell *w, *m, *v, *step;
} Adam;

static int adam_commits(Graph *graph, const Adam *adam, Node *g, Node *rate, Commit *commits) {
    Node *w = build_leaf(graph, adam->w), *m = build_leaf(graph, adam->m), *v = build_leaf(graph, adam->v);
    m = plus(graph, times(graph, m, 0.9), times(graph, g, 0.1));
    v = plus(graph, times(graph, v, 0.999), times(graph, build_binary(graph, OP_MUL, g, g), 0.001));
    Node *change = build_binary(graph, OP_DIV, build_binary(graph, OP_MUL, m, rate),
                                plus(graph, build_unary(graph, OP_SQRT, v), build_number(graph, 1e-8)));
    commits[0] = (Commit){adam->w, build_binary(graph, OP_SUB, w, change)};
    commits[1] = (Commit){adam->m, m};
    commits[2] = (Commit){adam->v, v};
    return 3;
}

static Node *adam_rate(Graph *graph, Node *step) {
    Node *one = build_number(graph, 1);
    Node *t = build_cast(graph, step, graph->float_type);
    Node *second = build_binary(graph, OP_SUB, one, build_binary(graph, OP_POW, build_number(graph, 0.999), t));
    Node *first = build_binary(graph, OP_SUB, one, build_binary(graph, OP_POW, build_number(graph, 0.9), t));
    return build_binary(graph, OP_DIV, times(graph, build_unary(graph, OP_SQRT, second), 1e-3), first);
}

static void test_adam_in_place(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F32);
    Graph *graph = world.graph;
    Shape shape = shape_2(300, 20);
    Adam adam = {new_cell(&world, "w", DTYPE_F32, shape), new_cell(&world, "m", DTYPE_F32, shape), new_cell(&world, "v", DTYPE_F32, shape),
                 new_cell(&world, "step", DTYPE_I64, shape_scalar())};
    Cell *x = new_cell(&world, "x", DTYPE_F32, shape_2(30, 300)), *dy = new_cell(&world, "dy", DTYPE_F32, shape_2(30, 20));
    fill(adam.m, 0), fill(adam.v, 0), fill(adam.step, 0);
    Node *step = plus(graph, build_leaf(graph, adam.step), build_integer(graph, 1));
    Node *g = build_matmul(graph, build_swap_last(graph, build_leaf(graph, x)), build_leaf(graph, dy));
    Commit commits[4];
    int count = adam_commits(graph, &adam, g, adam_rate(graph, step), commits);
    commits[count++] = (Commit){adam.step, step};
    double w0 = tensor_number(adam.w->tensor, 7), m0 = tensor_number(adam.m->tensor, 7), v0 = tensor_number(adam.v->tensor, 7);
    Program *program = compile(&world, &g, 1, commits, count, &CHECKED);
    prepare(program, NULL);
    run(program);
    if (program->plan->step_count > 5) show_plan(&world, &g, 1, commits, count);
    assert_true(program->plan->step_count <= 5); /* product, scalars, one update, the step's counter */
    assert_int_equal(count_labels(program, "matmul"), 1);
    double gradient = output_number(program, 0, 7), m = 0.9 * m0 + 0.1 * gradient, v = 0.999 * v0 + 0.001 * gradient * gradient;
    double rate = 1e-3 * sqrt(1 - 0.999) / (1 - 0.9);
    assert_true(fabs(tensor_number(adam.m->tensor, 7) - m) < 1e-5);
    assert_true(fabs(tensor_number(adam.w->tensor, 7) - (w0 - rate * m / (sqrt(v) + 1e-8))) < 1e-5);
    assert_true(tensor_number(adam.step->tensor, 0) == 1);
    program_free(program);
    cell_release(adam.w), cell_release(adam.m), cell_release(adam.v), cell_release(adam.step), cell_release(x), cell_release(dy);
    world_close(&world);
}

/* t[i] <- 0.7 t[i] + 0.3 p: in place, and the rows read are the old ones. */
static void test_table(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F32);
    Graph *graph = world.graph;
    Cell *table = new_cell(&world, "t", DTYPE_F32, shape_2(100, 4)), *p = new_cell(&world, "p", DTYPE_F32, shape_2(3, 4));
    Cell *index = new_cell(&world, "i", DTYPE_I64, shape_1(3));
    fill(index, 5), fill(table, 0), fill(p, 1000);
    Node *t = build_leaf(graph, table), *i = build_leaf(graph, index);
    Node *rows = build_gather(graph, t, i, 0);
    Node *fresh = plus(graph, times(graph, rows, 0.5), times(graph, build_leaf(graph, p), 0.5));
    Commit commit = {table, build_scatter(graph, OP_SCATTER_SET, t, i, fresh, 0)};
    Node *sum = build_sum_all(graph, rows);
    Program *program = compile_and_run(&world, &sum, 1, &commit, 1);
    assert_true(tensor_number(table->tensor, 20) == (20 + 1000) / 2.0);
    assert_true(tensor_number(table->tensor, 19) == 19 && tensor_number(table->tensor, 32) == 32);
    assert_int_equal(count_labels(program, "copy"), 0);
    assert_true(program->plan->slab_bytes < 100 * 4 * 4); /* no second table */
    program_free(program);
    cell_release(table), cell_release(p), cell_release(index);
    world_close(&world);
}

static void test_plain_outputs(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F32);
    Graph *graph = world.graph;
    Cell *a = new_cell(&world, "a", DTYPE_F32, shape_2(2, 3));
    fill(a, 1);
    Node *leaf = build_leaf(graph, a), *empty = build_slice(graph, leaf, (int64_t[]){0, 0}, (int64_t[]){0, 3}, (int64_t[]){1, 1});
    Node *outputs[] = {leaf,
                       leaf,
                       build_number(graph, 3),
                       build_reshape(graph, leaf, shape_1(6)),
                       build_sum_all(graph, leaf),
                       empty,
                       build_full(graph, (Type){DTYPE_I64, shape_2(2, 2)}, 7),
                       build_sum_all(graph, empty),
                       build_unary(graph, OP_EXP, empty)};
    Program *program = compile_and_run(&world, outputs, 9, NULL, 0);
    assert_true(output_number(program, 0, 5) == 6 && output_number(program, 1, 0) == 1 && output_number(program, 2, 0) == 3);
    assert_true(output_number(program, 3, 4) == 5 && output_number(program, 4, 0) == 21);
    assert_true(output_number(program, 6, 3) == 7 && output_number(program, 7, 0) == 0);
    assert_int_equal(shape_count(plan_output(program->plan, 5).shape), 0);
    program_free(program);
    cell_release(a);
    world_close(&world);
}

/* x <- x / 2 + c until x < 1.1, at most 50 times; with a twin that records. */
static void test_loop(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F64);
    Graph *graph = world.graph;
    Cell *x = new_cell(&world, "x", DTYPE_F64, shape_scalar()), *c = new_cell(&world, "c", DTYPE_F64, shape_scalar());
    Cell *captured = cell_new("c", tensor_scalar(DTYPE_F64, 0)), *carry = cell_new("x", tensor_scalar(DTYPE_F64, 0));
    fill(x, 9), fill(c, 0.5);
    Graph *inner = graph_new_body(graph);
    Node *leaf = build_leaf(inner, carry), *next = plus(inner, times(inner, leaf, 0.5), build_leaf(inner, captured));
    LoopBody body = {.graph = inner,
                     .captured_cells = &captured,
                     .captured_count = 1,
                     .carry_cells = &carry,
                     .carry_count = 1,
                     .condition = build_binary(inner, OP_LESS, leaf, build_number(inner, 1.1)),
                     .next = &next,
                     .max = 50};
    NodeSpec spec = {
        .op = OP_LOOP, .inputs = {build_leaf(graph, c), build_leaf(graph, x)}, .input_count = 2, .int_count = 1, .loop = &body};
    Node *plain = graph_add(graph, &spec);
    spec.ints[0] = 1;
    Node *recorded = graph_add(graph, &spec);
    Node *outputs[] = {times(graph, build_part(graph, plain, 0), 2), build_part(graph, plain, 1), build_part(graph, recorded, 2)};
    Program *program = compile_and_run(&world, outputs, 3, NULL, 0);
    assert_int_equal(count_labels(program, "loop"), 1);
    assert_true(output_number(program, 0, 0) == 2 * (1 + 8.0 / 128)); /* 1 + 8 / 2^7 is the first below 1.1 */
    assert_true(output_number(program, 1, 0) == 7);
    assert_true(output_number(program, 2, 0) == 9 && output_number(program, 2, 1) == 5 && output_number(program, 2, 8) == 0);
    program_free(program);
    cell_release(x), cell_release(c), cell_release(captured), cell_release(carry);
    world_close(&world);
}

/* The body's matrix c c^T and its exponent do not change: they are computed before the loop. */
static void test_loop_invariant(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F64);
    Graph *graph = world.graph;
    Shape square = shape_2(4, 4);
    Cell *x = new_cell(&world, "x", DTYPE_F64, square), *c = new_cell(&world, "c", DTYPE_F64, square);
    Cell *captured = new_cell(&world, "c", DTYPE_F64, square), *carry = new_cell(&world, "x", DTYPE_F64, square);
    Graph *inner = graph_new_body(graph);
    Node *leaf = build_leaf(inner, carry), *fixed = build_leaf(inner, captured);
    Node *matrix = build_unary(inner, OP_TANH, build_matmul(inner, fixed, build_swap_last(inner, fixed)));
    Node *next = build_unary(inner, OP_TANH,
                             plus(inner, build_matmul(inner, leaf, matrix), build_reduce(inner, OP_REDUCE_SUM, matrix, 1, true)));
    LoopBody body = {
        .graph = inner, .captured_cells = &captured, .captured_count = 1, .carry_cells = &carry, .carry_count = 1, .next = &next, .max = 3};
    NodeSpec spec = {
        .op = OP_LOOP, .inputs = {build_leaf(graph, c), build_leaf(graph, x)}, .input_count = 2, .int_count = 1, .loop = &body};
    Node *m = build_leaf(graph, c), *y = build_leaf(graph, x);
    m = build_unary(graph, OP_TANH, build_matmul(graph, m, build_swap_last(graph, m)));
    for (int k = 0; k < 3; k++)
        y = build_unary(graph, OP_TANH, plus(graph, build_matmul(graph, y, m), build_reduce(graph, OP_REDUCE_SUM, m, 1, true)));
    Node *outputs[] = {build_part(graph, graph_add(graph, &spec), 0), y};
    Program *program = compile_and_run(&world, outputs, 2, NULL, 0), *alone = compile_and_run(&world, outputs, 1, NULL, 0);
    assert_int_equal(count_labels(alone, "matmul"), 1);
    for (int64_t k = 0; k < 16; k++) assert_true(output_number(program, 0, k) == output_number(program, 1, k));
    program_free(program), program_free(alone);
    cell_release(x), cell_release(c), cell_release(captured), cell_release(carry);
    world_close(&world);
}

static void test_several_results(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F32);
    Graph *graph = world.graph;
    Cell *x = new_cell(&world, "x", DTYPE_F32, shape_2(3, 40));
    Node *values = build_unary(graph, OP_NEG, build_leaf(graph, x));
    Node *sorted = build_full_call(graph, OP_SORT, &values, 1, (int64_t[]){1, 0, values->type.shape.dims[1]}, 3, NULL);
    Node *outputs[] = {build_part(graph, sorted, 0), build_gather_along(graph, values, build_part(graph, sorted, 1), 1)};
    Node *index_only = build_part(graph, build_full_call(graph, OP_SORT, &values, 1, (int64_t[]){1, 1, 7}, 3, NULL), 1);
    Program *program = compile_and_run(&world, (Node *[]){outputs[0], outputs[1], index_only}, 3, NULL, 0);
    for (int64_t k = 0; k < 120; k++) {
        assert_true(output_number(program, 0, k) == output_number(program, 1, k));
        assert_true(k % 40 == 0 || output_number(program, 0, k - 1) <= output_number(program, 0, k));
    }
    program_free(program);
    cell_release(x);
    world_close(&world);
}

/* ---- fusion ------------------------------------------------------------------------------------------------------------- */

/* Forward and backward of softmax cross-entropy over [128, 10], written out. */
static void test_cross_entropy(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F32);
    Graph *graph = world.graph;
    Cell *logits = new_cell(&world, "z", DTYPE_F32, shape_2(128, 10)), *labels = new_cell(&world, "y", DTYPE_I64, shape_1(128));
    Node *z = build_leaf(graph, logits), *target = build_one_hot(graph, build_leaf(graph, labels), 10);
    Node *log_p = build_log_softmax(graph, z, 1);
    Node *loss = build_unary(
        graph, OP_NEG,
        build_mean(graph, build_reduce(graph, OP_REDUCE_SUM, build_binary(graph, OP_MUL, target, log_p), 2, false), 1, false));
    Node *gradient = times(graph, build_binary(graph, OP_SUB, build_softmax(graph, z, 1), target), 1.0 / 128);
    Node *outputs[] = {loss, gradient, build_reduce(graph, OP_REDUCE_SUM, gradient, 1, false)};
    Program *program = compile_and_run(&world, outputs, 3, NULL, 0);
    if (program->plan->step_count > 8) show_plan(&world, outputs, 3, NULL, 0);
    assert_true(program->plan->step_count <= 8);
    double sum = 0;
    for (int64_t k = 0; k < 10; k++) sum += output_number(program, 2, k);
    assert_true(fabs(sum) < 1e-6);
    program_free(program);
    cell_release(logits), cell_release(labels);
    world_close(&world);
}

/* The same bits for any number of threads, and with or without fusion. */
static void test_same_bits(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F32);
    Graph *graph = world.graph;
    Cell *cell = new_cell(&world, "x", DTYPE_F32, shape_2(700, 190));
    Node *x = build_leaf(graph, cell), *e = build_unary(graph, OP_EXP, x);
    Node *bias = build_reduce(graph, OP_REDUCE_MAX, x, 1, true);
    Node *outputs[] = {build_sum_all(graph, e), build_reduce(graph, OP_REDUCE_SUM, build_binary(graph, OP_MUL, e, bias), 1, false),
                       build_reduce(graph, OP_REDUCE_SUM, e, 2, false), build_softmax(graph, x, 1)};
    Tensor *expected[4] = {0};
    for (int variant = 0; variant < 4; variant++) {
        Program *program = compile(&world, outputs, 4, NULL, 0, variant == 3 ? &UNFUSED : &CHECKED);
        Threads *threads = variant == 0 ? NULL : threads_new(variant == 2 ? 4 : 2);
        prepare(program, threads);
        run(program);
        for (int k = 0; k < 4; k++) {
            Tensor *found = plan_output_tensor(program->plan, k, NULL);
            if (variant > 0 && memcmp(found->data, expected[k]->data, tensor_bytes(found)) != 0)
                fail_msg("variant %d output %d differs", variant, k);
            if (variant > 0) tensor_release(found);
            else expected[k] = found;
        }
        program_free(program);
        if (threads != NULL) threads_free(threads);
    }
    for (int k = 0; k < 4; k++) tensor_release(expected[k]);
    cell_release(cell);
    world_close(&world);
}

/* A long graph compiles in near linear time. */
static void test_compile_time(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F32);
    Graph *graph = world.graph;
    enum { LAYERS = 800 };
    static Commit commits[LAYERS];
    Cell *x = new_cell(&world, "x", DTYPE_F32, shape_2(64, 32));
    Node *h = build_leaf(graph, x);
    for (int k = 0; k < LAYERS; k++) {
        Cell *w = new_cell(&world, "w", DTYPE_F32, shape_2(32, 32));
        Node *leaf = build_leaf(graph, w), *product = build_matmul(graph, h, leaf);
        h = build_softmax(graph, plus(graph, build_unary(graph, OP_TANH, product), build_reduce(graph, OP_REDUCE_SUM, leaf, 1, true)), 1);
        Node *g = build_matmul(graph, build_swap_last(graph, product), h);
        commits[k] = (Commit){w, build_binary(graph, OP_SUB, leaf, times(graph, g, 0.1 + k))};
        cell_release(w);
    }
    Node *loss = build_sum_all(graph, h);
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    Program *program = compile(&world, &loss, 1, commits, LAYERS, &(CompileOptions){.verify = false});
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds = (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
    print_message("%zu nodes, %d steps, %zu slab bytes, compiled in %.3f s\n", graph->node_count, program->plan->step_count,
                  program->plan->slab_bytes, seconds);
    assert_true(seconds < 2);
    program_free(program);
    cell_release(x);
    world_close(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_swap),           cmocka_unit_test(test_crossed_updates), cmocka_unit_test(test_adam_in_place),
        cmocka_unit_test(test_table),          cmocka_unit_test(test_plain_outputs),   cmocka_unit_test(test_loop),
        cmocka_unit_test(test_loop_invariant), cmocka_unit_test(test_several_results), cmocka_unit_test(test_cross_entropy),
        cmocka_unit_test(test_same_bits),      cmocka_unit_test(test_compile_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
