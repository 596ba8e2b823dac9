/* Blocks of rows: the same values as without, the same bits for any number of threads. */
#include "lang/passes/rows.h"
#include "runtime/exec/rows.h"
#include "tests/unit/world.h"

enum { CELLS = 5, OUTPUTS = 8 };

typedef struct Net {
    World world;
    Cell *cells[CELLS];
    Node *outputs[OUTPUTS];
    int output_count;
} Net;

static Node *output(Net *net, Node *node) { return net->outputs[net->output_count++] = node; }

static Node *dense(Graph *graph, Node *x, Node *w) { return build_unary(graph, OP_TANH, build_matmul(graph, x, w)); }

/* Two layers, everything that rows can end in, and rows that need a sum over all rows before they go on (x less its mean). */
static void net_open(Net *net, DType dtype, int64_t n) {
    *net = (Net){0};
    world_open(&net->world, dtype);
    Graph *graph = net->world.graph;
    const Shape shapes[CELLS] = {shape_2(n, 3), shape_2(3, 8), shape_2(8, 8), shape_1(n), shape_1(8)};
    Node *leaf[CELLS];
    for (int k = 0; k < CELLS; k++) leaf[k] = build_leaf(graph, net->cells[k] = new_cell(&net->world, "cell", dtype, shapes[k]));
    Node *h = dense(graph, leaf[0], leaf[1]);
    Node *centred = build_binary(graph, OP_SUB, h, build_mean(graph, h, 1, true));
    Node *again = build_unary(graph, OP_TANH, build_matmul_flags(graph, centred, leaf[2], false, true));
    Node *z = build_binary(graph, OP_ADD, again, leaf[4]);
    output(net, build_matmul_flags(graph, centred, z, true, false));
    output(net, build_reduce(graph, OP_REDUCE_MAX, z, 1, true));
    output(net, build_reduce(graph, OP_REDUCE_MIN, h, 3, false));
    output(net, build_reduce(graph, OP_REDUCE_SUM, build_binary(graph, OP_GREATER, z, h), 1, false));
    output(net, z);
    Node *weighted = build_binary(graph, OP_MUL, z, build_reshape(graph, leaf[3], shape_2(n, 1)));
    output(net, build_reduce(graph, OP_REDUCE_SUM, weighted, 2, false));
    output(net, build_sum_all(graph, build_concat(graph, (Node *[]){weighted, h}, 2, 1)));
}

static void net_close(Net *net) {
    for (int k = 0; k < CELLS; k++) cell_release(net->cells[k]);
    world_close(&net->world);
}

static Program *net_compile(Net *net, const CompileOptions *options, int threads, Threads **pool) {
    Program *program = compile(&net->world, net->outputs, net->output_count, NULL, 0, options);
    *pool = threads_new(threads);
    prepare(program, *pool);
    run(program);
    return program;
}

static void net_drop(Program *program, Threads *pool) {
    program_free(program);
    threads_free(pool);
}

static int count_rows(const Program *program) {
    int count = 0;
    for (int k = 0; k < program->plan->step_count; k++) count += program->plan->steps[k].rows != NULL;
    return count;
}

static double number_at(View view, int64_t index) {
    Tensor *tensor = tensor_wrap(view.dtype, view.shape, view.data);
    double value = tensor_number(tensor, index);
    tensor_release(tensor);
    return value;
}

static void expect_close(const Program *a, const Program *b, int output_count, double tolerance) {
    for (int k = 0; k < output_count; k++) {
        View x = plan_output(a->plan, k), y = plan_output(b->plan, k);
        assert_true(shape_equal(x.shape, y.shape) && x.dtype == y.dtype);
        for (int64_t i = 0; i < shape_count(x.shape); i++) {
            double p = number_at(x, i), q = number_at(y, i);
            if (!(fabs(p - q) <= tolerance * (1 + fabs(q)))) fail_msg("output %d [%lld]: %.9g, expected %.9g", k, (long long)i, p, q);
        }
    }
}

static void check_values(DType dtype, int64_t n, int groups, double tolerance) {
    Net net;
    Threads *one, *two;
    net_open(&net, dtype, n);
    Program *blocks = net_compile(&net, &CHECKED, 1, &one), *whole = net_compile(&net, &WHOLE, 1, &two);
    assert_int_equal(count_rows(blocks), groups);
    assert_int_equal(count_rows(whole), 0);
    expect_close(blocks, whole, net.output_count, tolerance);
    net_drop(blocks, one), net_drop(whole, two);
    net_close(&net);
}

static void test_values(void **state) {
    (void)state;
    check_values(DTYPE_F32, 512, 2, 2e-5);
    check_values(DTYPE_F64, 512, 2, 1e-12);
    check_values(DTYPE_F32, 3000, 2, 5e-5);
    check_values(DTYPE_F32, 509, 0, 0); /* a prime: no blocks of equal size */
    check_values(DTYPE_F32, 100, 0, 0);
}

static void test_threads(void **state) {
    (void)state;
    for (int threads = 2; threads <= 5; threads++) {
        Net net;
        Threads *one, *many;
        net_open(&net, DTYPE_F32, 6400);
        Program *a = net_compile(&net, &CHECKED, 1, &one), *b = net_compile(&net, &CHECKED, threads, &many);
        for (int again = 0; again < 3; again++) {
            for (int k = 0; k < net.output_count; k++) {
                View x = plan_output(a->plan, k), y = plan_output(b->plan, k);
                assert_memory_equal(x.data, y.data, (size_t)shape_count(x.shape) * dtype_bytes(x.dtype));
            }
            run(b);
        }
        net_drop(a, one), net_drop(b, many);
        net_close(&net);
    }
}

static void test_sizes(void **state) {
    (void)state;
    assert_int_equal(rows_in_block(4096), 128);
    assert_int_equal(rows_in_block(256), 128);
    assert_int_equal(rows_in_block(1000), 125);
    assert_int_equal(rows_in_block(255), 0);
    assert_int_equal(rows_in_block(100000), 125);
    for (int64_t n = 128; n < 3000; n++)
        if (rows_in_block(n) > 0) assert_true(n % rows_in_block(n) == 0 && n / rows_in_block(n) >= 2);
}

static void test_memory(void **state) {
    (void)state;
    Net net;
    Threads *one, *two;
    net_open(&net, DTYPE_F32, 65536);
    Program *blocks = net_compile(&net, &CHECKED, 1, &one), *whole = net_compile(&net, &WHOLE, 1, &two);
    assert_true(plan_peak_bytes(blocks->plan) < plan_peak_bytes(whole->plan));
    net_drop(blocks, one), net_drop(whole, two);
    net_close(&net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
