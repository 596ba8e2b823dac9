/* What compiling costs: building, deriving twice and once more for training, all passes and planning, of networks of growing depth.
 * Work is counted in nodes and steps; time is this process's own and the best of a few runs, so that neighbours do not matter. */
#include "lang/passes/autodiff.h"
#include "runtime/base/memory.h"
#include "tests/unit/world.h"

#include <time.h>

enum { RUNS = 5, WIDTH = 32, ROWS = 64 };

typedef struct Cost {
    double seconds;
    size_t nodes;
    int steps;
} Cost;

static double processor_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static Node *parameter(World *world, Shape shape, Node **parameters, int *count) {
    Cell *cell = new_cell(world, "w", DTYPE_F32, shape);
    Node *leaf = build_leaf(world->graph, cell);
    cell_release(cell);
    return parameters[(*count)++] = leaf;
}

static Node *derivative(World *world, Node *y, Node *x) {
    Node *result = NULL;
    assert_true(autodiff_grad(world->graph, build_sum_all(world->graph, y), &x, 1, false, &result));
    return result;
}

/* The mean square of u_xx, and one step of gradient descent on it. */
static Cost cost_of(int depth) {
    World world;
    world_open(&world, DTYPE_F32);
    Graph *graph = world.graph;
    Node **parameters = allocate(sizeof(Node *) * (2 * (size_t)depth + 2)),
         **gradients = allocate(sizeof(Node *) * (2 * (size_t)depth + 2));
    Commit *commits = allocate(sizeof(Commit) * (2 * (size_t)depth + 2));
    int count = 0;
    double begin = processor_seconds();
    Cell *cell = new_cell(&world, "x", DTYPE_F32, shape_2(ROWS, 1));
    Node *x = build_leaf(graph, cell), *u = x;
    for (int k = 0; k <= depth; k++) {
        int64_t from = k == 0 ? 1 : WIDTH, to = k == depth ? 1 : WIDTH;
        Node *w = parameter(&world, shape_2(from, to), parameters, &count), *b = parameter(&world, shape_1(to), parameters, &count);
        u = plus(graph, build_matmul(graph, u, w), b);
        if (k < depth) u = build_unary(graph, OP_TANH, u);
    }
    Node *bend = derivative(&world, derivative(&world, u, x), x);
    Node *loss = build_mean(graph, build_binary(graph, OP_MUL, bend, bend), 3, false);
    assert_true(autodiff_grad(graph, loss, parameters, count, true, gradients));
    for (int k = 0; k < count; k++)
        commits[k] = (Commit){parameters[k]->cell, build_binary(graph, OP_SUB, parameters[k], times(graph, gradients[k], 0.01))};
    Program *program = compile(&world, &loss, 1, commits, count, &(CompileOptions){.verify = false});
    Cost cost = {processor_seconds() - begin, graph->node_count, program->plan->step_count};
    program_free(program);
    cell_release(cell);
    free(parameters), free(gradients), free(commits);
    world_close(&world);
    return cost;
}

static Cost best_of(int depth) {
    Cost best = cost_of(depth);
    for (int k = 1; k < RUNS; k++) {
        Cost next = cost_of(depth);
        if (next.seconds < best.seconds) best.seconds = next.seconds;
    }
    print_message("%4d layers: %6zu nodes, %5d steps, %.1f ms\n", depth, best.nodes, best.steps, 1e3 * best.seconds);
    return best;
}

static void test_depth(void **state) {
    (void)state;
    Cost costs[5];
    for (int k = 0; k < 5; k++) costs[k] = best_of(12 << k);
    for (int k = 1; k < 5; k++) {
        assert_true((double)costs[k].nodes < 2.1 * (double)costs[k - 1].nodes);
        assert_true(costs[k].steps < 2.1 * costs[k - 1].steps);
        assert_true(costs[k].seconds < 2.8 * costs[k - 1].seconds);
    }
}

static void test_fifty_layers(void **state) {
    (void)state;
    assert_true(best_of(50).seconds < 0.5);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_depth), cmocka_unit_test(test_fifty_layers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
