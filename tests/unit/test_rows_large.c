/* A batch whose values leave every cache goes by blocks of samples, also through convolutions and pooling: the same values, a fraction
 * of the memory, the same bits for any number of threads. */
#include "lang/passes/autodiff.h"
#include "runtime/exec/rows.h"
#include "tests/unit/world.h"

enum { CELLS = 4, OUTPUTS = 6 };

typedef struct Net {
    World world;
    Cell *cells[CELLS];
    Node *outputs[OUTPUTS];
    int output_count;
} Net;

static Node *call(Graph *graph, OpCode op, Node *a, Node *b, const int64_t *ints, int count) {
    return build_full_call(graph, op, (Node *[]){a, b}, b ? 2 : 1, ints, count, NULL);
}

/* Convolution, pooling, a wide product, rows picked from a table; with `trained` the gradients of all of it. */
static void net_open(Net *net, int64_t n, int64_t channels, bool trained) {
    *net = (Net){0};
    world_open(&net->world, DTYPE_F32);
    Graph *graph = net->world.graph;
    const Shape shapes[CELLS] = {{4, {n, 2, 24, 24}}, {4, {channels, 2, 3, 3}}, shape_2(channels * 144, 10), shape_2(7, channels * 144)};
    Node *leaf[CELLS];
    for (int k = 0; k < CELLS; k++) leaf[k] = build_leaf(graph, net->cells[k] = new_cell(&net->world, "cell", DTYPE_F32, shapes[k]));
    static const int64_t conv[] = {1, 1, 1, 1, 1, 1, 1, 1, 1}, pool[] = {2, 2, 2, 2, 0, 0, 0, 0};
    Node *h = build_unary(graph, OP_TANH, call(graph, OP_CONV, leaf[0], leaf[1], conv, 9));
    Node *flat = build_reshape(graph, build_part(graph, call(graph, OP_MAX_POOL, h, NULL, pool, 8), 0), shape_2(n, channels * 144));
    Node *index = build_iota(graph, DTYPE_I64, shape_1(n), 0);
    index = build_binary(graph, OP_MOD, index, build_integer(graph, 7));
    Node *picked = build_binary(graph, OP_ADD, flat, build_gather(graph, leaf[3], index, 0));
    Node *z = build_matmul(graph, build_unary(graph, OP_RELU, picked), leaf[2]);
    net->outputs[net->output_count++] = z;
    if (!trained) return;
    Node *loss = build_mean(graph, build_binary(graph, OP_MUL, z, z), 3, false);
    net->outputs[net->output_count++] = loss;
    assert_true(autodiff_grad(graph, loss, leaf + 1, 3, false, net->outputs + net->output_count));
    net->output_count += 3;
}

static void net_close(Net *net) {
    for (int k = 0; k < CELLS; k++) cell_release(net->cells[k]);
    world_close(&net->world);
}

static Program *net_run(Net *net, const CompileOptions *options, Threads *threads) {
    Program *program = compile(&net->world, net->outputs, net->output_count, NULL, 0, options);
    prepare(program, threads);
    run(program);
    return program;
}

static void expect_close(const Program *a, const Program *b, int output) {
    View x = plan_output(a->plan, output), y = plan_output(b->plan, output);
    const float *p = x.data, *q = y.data;
    double largest = 0;
    for (int64_t i = 0; i < shape_count(x.shape); i++) largest = fmax(largest, fabs((double)q[i]));
    for (int64_t i = 0; i < shape_count(x.shape); i++)
        if (!(fabs((double)p[i] - (double)q[i]) <= 2e-5 * largest))
            fail_msg("output %d [%d]: %.9g, expected %.9g", output, (int)i, (double)p[i], (double)q[i]);
}

/* Values of one batch take `channels` * 2304 bytes a sample. */
static void compare(int64_t n, int64_t channels, bool trained) {
    Net net;
    Threads *one = threads_new(1), *two = threads_new(2);
    net_open(&net, n, channels, trained);
    Program *whole = net_run(&net, &WHOLE, two), *blocks = net_run(&net, &CHECKED, two), *alone = net_run(&net, &CHECKED, one);
    assert_int_equal(count_labels(blocks, "conv"), 0);
    assert_int_equal(count_labels(whole, "rows"), 0);
    for (int k = 0; k < net.output_count; k++) {
        expect_close(blocks, whole, k);
        View x = plan_output(blocks->plan, k), y = plan_output(alone->plan, k);
        assert_memory_equal(x.data, y.data, (size_t)shape_count(x.shape) * dtype_bytes(x.dtype));
    }
    assert_true(4 * plan_peak_bytes(blocks->plan) < plan_peak_bytes(whole->plan));
    program_free(whole), program_free(blocks), program_free(alone);
    threads_free(one), threads_free(two);
    net_close(&net);
}

static void evaluation(void **state) {
    (void)state;
    compare(2048, 16, false);
    compare(2003, 16, false); /* no blocks of one size: the last overlaps the one before */
}

static void training(void **state) {
    (void)state;
    compare(2048, 16, true);
}

/* What fits the caches is left to the kernels. */
static void small_batches_stay_whole(void **state) {
    (void)state;
    Net net;
    net_open(&net, 256, 4, false);
    Program *program = compile(&net.world, net.outputs, net.output_count, NULL, 0, &CHECKED);
    assert_int_equal(count_labels(program, "conv"), 1);
    program_free(program);
    net_close(&net);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(evaluation), cmocka_unit_test(training),
                                       cmocka_unit_test(small_batches_stay_whole)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
