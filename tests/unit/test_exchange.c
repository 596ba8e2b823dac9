/* Updates of large cells that join the group of their gradient: the new value gets memory of its own and changes places with the old. */
#include "lang/passes/autodiff.h"
#include "tests/unit/world.h"

enum { LARGE = 1 << 20, SMALL = 1 << 12 };

typedef struct Chain {
    World world;
    Cell *x, *y;
    Node *outputs[2]; /* cost, the sum of its gradient */
    Node *gradient;
    Node *updated; /* x - 0.1 gradient */
} Chain;

/* cost = sum(tanh(x) y), and a step along its gradient in x. */
static void open_chain(Chain *chain, int64_t count) {
    World *world = &chain->world;
    world_open(world, DTYPE_F32);
    Graph *graph = world->graph;
    chain->x = new_cell(world, "x", DTYPE_F32, shape_1(count));
    chain->y = new_cell(world, "y", DTYPE_F32, shape_1(count));
    Node *x = build_leaf(graph, chain->x), *y = build_leaf(graph, chain->y);
    chain->outputs[0] = build_sum_all(graph, build_binary(graph, OP_MUL, build_unary(graph, OP_TANH, x), y));
    assert_true(autodiff_grad(graph, chain->outputs[0], &x, 1, false, &chain->gradient));
    chain->outputs[1] = build_sum_all(graph, chain->gradient);
    chain->updated = build_binary(graph, OP_SUB, x, times(graph, chain->gradient, 0.1));
}

static void close_chain(Chain *chain) {
    cell_release(chain->x), cell_release(chain->y);
    world_close(&chain->world);
}

static int count_exchanges(const Program *program) {
    int count = 0;
    for (int k = 0; k < program->plan->step_count; k++) count += program->plan->steps[k].is_exchange;
    return count;
}

/* Three steps under each of two ways to compile must leave the same bits in x and give the same outputs. */
static void expect_same_steps(int64_t count, int exchanges) {
    Chain chains[2];
    Program *programs[2];
    for (int k = 0; k < 2; k++) {
        open_chain(&chains[k], count);
        Commit commit = {chains[k].x, chains[k].updated};
        programs[k] = compile(&chains[k].world, chains[k].outputs, 2, &commit, 1, k == 0 ? &CHECKED : &UNFUSED);
        prepare(programs[k], NULL);
    }
    assert_int_equal(count_exchanges(programs[0]), exchanges);
    assert_int_equal(count_exchanges(programs[1]), 0);
    for (int step = 0; step < 3; step++)
        for (int k = 0; k < 2; k++) run(programs[k]);
    assert_memory_equal(chains[0].x->tensor->data, chains[1].x->tensor->data, (size_t)count * sizeof(float));
    for (int k = 0; k < 2; k++) {
        program_free(programs[k]);
        close_chain(&chains[k]);
    }
}

static void test_large_cell(void **state) {
    (void)state;
    expect_same_steps(LARGE, 1);
}

static void test_small_cell_stays_in_place(void **state) {
    (void)state;
    expect_same_steps(SMALL, 0);
}

/* A step that stops before its commits leaves the cell as it was, though the next value is there. */
static void test_nothing_before_the_commit(void **state) {
    (void)state;
    Chain chain;
    open_chain(&chain, LARGE);
    Commit commit = {chain.x, chain.updated};
    Program *program = compile(&chain.world, chain.outputs, 2, &commit, 1, &CHECKED);
    prepare(program, NULL);
    Fault fault;
    void *data = chain.x->tensor->data;
    float first = *(float *)data;
    assert_true(plan_run_range(program->plan, 0, program->plan->commit_start, &fault));
    assert_ptr_equal(chain.x->tensor->data, data);
    assert_true(*(float *)data == first);
    assert_true(plan_run_range(program->plan, program->plan->commit_start, program->plan->step_count, &fault));
    assert_ptr_not_equal(chain.x->tensor->data, data);
    program_free(program);
    close_chain(&chain);
}

/* Memory that belongs to someone else keeps its place; the value is copied. */
static void test_borrowed_memory(void **state) {
    (void)state;
    Chain chain;
    open_chain(&chain, LARGE);
    float *own = malloc(LARGE * sizeof(float));
    Tensor *tensor = chain.x->tensor;
    memcpy(own, tensor->data, LARGE * sizeof(float));
    chain.x->tensor = tensor_wrap(DTYPE_F32, shape_1(LARGE), own);
    tensor_release(tensor);
    Commit commit = {chain.x, chain.updated};
    Program *program = compile(&chain.world, chain.outputs, 2, &commit, 1, &CHECKED);
    prepare(program, NULL);
    float before = own[7];
    run(program);
    assert_ptr_equal(chain.x->tensor->data, own);
    assert_true(own[7] != before);
    program_free(program);
    close_chain(&chain);
    free(own);
}

/* A new value that an output shows too is computed as before. */
static void test_value_that_is_read(void **state) {
    (void)state;
    Chain chain;
    open_chain(&chain, LARGE);
    Commit commit = {chain.x, chain.updated};
    Node *outputs[] = {chain.outputs[0], chain.updated};
    Program *program = compile(&chain.world, outputs, 2, &commit, 1, &CHECKED);
    assert_int_equal(count_exchanges(program), 0);
    program_free(program);
    close_chain(&chain);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_large_cell),         cmocka_unit_test(test_small_cell_stays_in_place),
        cmocka_unit_test(test_borrowed_memory),    cmocka_unit_test(test_nothing_before_the_commit),
        cmocka_unit_test(test_value_that_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
