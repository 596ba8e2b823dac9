/* Equal nodes that are kept apart: what two derivatives of one value have in common is differentiated once. */
#include "lang/passes/autodiff.h"
#include "lang/passes/equal.h"
#include "tests/unit/world.h"

static void open_apart(World *world) {
    world_open(world, DTYPE_F32);
    graph_free(world->graph);
    world->graph = graph_new_apart(&world->diagnostics, DTYPE_F32);
}

static int count_products(const Graph *graph, size_t from) {
    int count = 0;
    for (size_t id = from; id < graph->node_count; id++) count += graph->nodes[id]->op == OP_MATMUL;
    return count;
}

static Node *slope(Graph *graph, Node *u, Node *x) {
    Node *result = NULL;
    assert_true(autodiff_grad(graph, build_sum_all(graph, u), &x, 1, false, &result));
    return result;
}

/* u = tanh([x, t] w) v; of (u_x + u_t)^2 the gradient in w takes as many products as that of the square of one derivative. */
static int gradient_products(bool both) {
    World world;
    open_apart(&world);
    Graph *graph = world.graph;
    Cell *cells[] = {new_cell(&world, "x", DTYPE_F32, shape_2(9, 1)), new_cell(&world, "t", DTYPE_F32, shape_2(9, 1)),
                     new_cell(&world, "w", DTYPE_F32, shape_2(2, 5)), new_cell(&world, "v", DTYPE_F32, shape_2(5, 1))};
    Node *leaf[4], *gradient = NULL;
    for (int k = 0; k < 4; k++) leaf[k] = build_leaf(graph, cells[k]);
    Node *u = build_matmul(graph, build_unary(graph, OP_TANH, build_matmul(graph, build_concat(graph, leaf, 2, 1), leaf[2])), leaf[3]);
    Node *r = slope(graph, u, leaf[0]);
    if (both) r = build_binary(graph, OP_ADD, r, slope(graph, u, leaf[1]));
    size_t before = graph->node_count;
    assert_true(autodiff_grad(graph, build_sum_all(graph, build_binary(graph, OP_MUL, r, r)), &leaf[2], 1, false, &gradient));
    int products = count_products(graph, before);
    for (int k = 0; k < 4; k++) cell_release(cells[k]);
    world_close(&world);
    return products;
}

static void test_shared_sweep(void **state) {
    (void)state;
    assert_int_equal(gradient_products(true), gradient_products(false));
}

/* The derivative of x x + y in x, where x and y are equal, is 2 x: y is another value. */
static void test_variables_stay_apart(void **state) {
    (void)state;
    World world;
    open_apart(&world);
    Graph *graph = world.graph;
    Cell *cell = new_cell(&world, "z", DTYPE_F32, shape_1(3));
    Node *z = build_leaf(graph, cell), *x = build_unary(graph, OP_EXP, z), *y = build_unary(graph, OP_EXP, z);
    assert_ptr_not_equal(x, y);
    Node *cost = build_sum_all(graph, build_binary(graph, OP_ADD, build_binary(graph, OP_MUL, x, x), y)), *gradient = NULL;
    Node **first = equal_nodes(graph, graph->node_count, &cost, 1, &x, 1);
    assert_ptr_equal(first[x->id], x);
    assert_ptr_equal(first[y->id], y);
    free(first);
    first = equal_nodes(graph, graph->node_count, &cost, 1, NULL, 0);
    assert_ptr_equal(first[y->id], x);
    free(first);
    assert_true(autodiff_grad(graph, cost, &x, 1, false, &gradient));
    Node *outputs[] = {x, gradient};
    Program *program = compile_and_run(&world, outputs, 2, NULL, 0);
    for (int k = 0; k < 3; k++)
        assert_true(((const float *)plan_output(program->plan, 1).data)[k] == 2 * ((const float *)plan_output(program->plan, 0).data)[k]);
    program_free(program);
    cell_release(cell);
    world_close(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared_sweep),
        cmocka_unit_test(test_variables_stay_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
