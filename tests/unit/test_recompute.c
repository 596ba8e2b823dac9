/* Cheap values are computed again instead of stored: fewer bytes, the same bits. */
#include "lang/passes/autodiff.h"
#include "tests/unit/world.h"

typedef struct Layer {
    World world;
    Cell *x, *w, *v;
    Node *outputs[3]; /* cost, its gradients in w and v */
} Layer;

/* 0.5 h (1 + tanh(h + 0.04 h^3)) of h = x w, then a product. */
static void open_layer(Layer *layer, int64_t rows) {
    World *world = &layer->world;
    world_open(world, DTYPE_F32);
    Graph *graph = world->graph;
    layer->x = new_cell(world, "x", DTYPE_F32, shape_2(rows, 32));
    layer->w = new_cell(world, "w", DTYPE_F32, shape_2(32, 64));
    layer->v = new_cell(world, "v", DTYPE_F32, shape_2(64, 32));
    Node *variables[] = {build_leaf(graph, layer->w), build_leaf(graph, layer->v)};
    Node *h = build_matmul(graph, build_leaf(graph, layer->x), variables[0]);
    Node *cube = build_binary(graph, OP_MUL, build_binary(graph, OP_MUL, h, h), h);
    Node *t = build_unary(graph, OP_TANH, plus(graph, h, times(graph, cube, 0.04)));
    Node *gelu = build_binary(graph, OP_MUL, times(graph, h, 0.5), plus(graph, t, build_number(graph, 1)));
    Node *y = build_matmul(graph, gelu, variables[1]);
    layer->outputs[0] = build_sum_all(graph, build_binary(graph, OP_MUL, y, y));
    assert_true(autodiff_grad(graph, layer->outputs[0], variables, 2, false, layer->outputs + 1));
}

static void close_layer(Layer *layer) {
    cell_release(layer->x), cell_release(layer->w), cell_release(layer->v);
    world_close(&layer->world);
}

/* Tensors of this many elements that fused steps write. */
static int count_stored(const Program *program, int64_t elements) {
    int count = 0;
    for (int k = 0; k < program->plan->step_count; k++) {
        const Fused *fused = program->plan->steps[k].fused;
        for (int j = 0; fused != NULL && j < fused->output_count; j++)
            count += shape_count(program->plan->buffers[fused->outputs[j].buffer].shape) == elements;
    }
    return count;
}

static void test_activation(void **state) {
    (void)state;
    Layer layer;
    open_layer(&layer, 512);
    Program *program = compile(&layer.world, layer.outputs, 3, NULL, 0, &WHOLE);
    assert_int_equal(count_stored(program, 512 * 64), 3); /* tanh, the activation, the cotangent of h */
    program_free(program);
    close_layer(&layer);
}

static void test_small_values_are_stored(void **state) {
    (void)state;
    Layer layer;
    open_layer(&layer, 8);
    Program *program = compile(&layer.world, layer.outputs, 3, NULL, 0, &WHOLE);
    assert_true(count_stored(program, 8 * 64) > 3);
    program_free(program);
    close_layer(&layer);
}

static void test_same_bits(void **state) {
    (void)state;
    Layer layer;
    open_layer(&layer, 512);
    Program *fused = compile(&layer.world, layer.outputs, 3, NULL, 0, &WHOLE);
    Program *plain = compile(&layer.world, layer.outputs, 3, NULL, 0, &UNFUSED);
    prepare(fused, NULL), prepare(plain, NULL);
    run(fused), run(plain);
    for (int64_t k = 0; k < 64 * 32; k++) assert_true(output_number(fused, 2, k) == output_number(plain, 2, k));
    program_free(fused), program_free(plain);
    close_layer(&layer);
}

/* One multiplication of three values that nothing else keeps: reading them again would cost more than reading the product. */
static void test_wide_sources(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F32);
    Graph *graph = world.graph;
    Cell *cell = new_cell(&world, "x", DTYPE_F32, shape_2(128, 128));
    Node *x = build_leaf(graph, cell), *a = build_matmul(graph, x, x), *b = build_matmul(graph, a, x), *c = build_matmul(graph, b, x);
    Node *product = build_binary(graph, OP_MUL, build_binary(graph, OP_MUL, a, b), c);
    Node *total = build_sum_all(graph, build_unary(graph, OP_EXP, product));
    Node *out = build_binary(graph, OP_MUL, product, total);
    Program *program = compile(&world, &out, 1, NULL, 0, &CHECKED);
    assert_int_equal(count_stored(program, 128 * 128), 2); /* the product and the result */
    program_free(program);
    cell_release(cell);
    world_close(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activation),
        cmocka_unit_test(test_small_values_are_stored),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_wide_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
