/* Parts of tensors: their arithmetic, and that what is left out of a computation was not needed. */
#include "lang/ops/op.h"
#include "lang/passes/autodiff.h"
#include "lang/passes/region.h"
#include "runtime/base/memory.h"
#include "tests/unit/evaluate.h"
#include "tests/unit/world.h"

/* ---- ranges ------------------------------------------------------------------------------------------------------------- */

static bool has(Range range, int64_t index) {
    return index >= range.start && index < range.start + range.count * range.step && (index - range.start) % range.step == 0;
}

static Range draw_range(World *world, int64_t size) {
    int64_t start = (int64_t)draw(world, (uint64_t)size), step = 1 + (int64_t)draw(world, 3);
    int64_t count = 1 + (int64_t)draw(world, (uint64_t)((size - 1 - start) / step + 1));
    return (Range){start, count, count < 2 ? 1 : step};
}

static void test_ranges(void **state) {
    (void)state;
    World world = {.seed = 3};
    enum { SIZE = 12 };
    for (int round = 0; round < 5000; round++) {
        Range a = draw_range(&world, SIZE), b = draw_range(&world, SIZE);
        Range cover = range_cover(a, b), clip = range_clip(a, b);
        assert_true(range_holds(cover, a) && range_holds(cover, b) && range_holds(a, clip));
        bool holds = true;
        for (int64_t k = 0; k < SIZE; k++) {
            holds &= has(a, k) || !has(b, k);
            if (has(a, k) && has(b, k)) assert_true(has(clip, k));
        }
        assert_int_equal(range_holds(a, b), holds);
        assert_true(clip.count == 0 || range_equal(range_of(a, range_within(a, clip)), clip));
    }
}

/* The elements of a region of `shape`, as a mask over the flat tensor. */
static void mark(const Region *region, Shape shape, bool *marks) {
    for (int64_t k = 0; k < shape_count(shape); k++) {
        int64_t rest = k;
        marks[k] = true;
        for (int axis = shape.rank; axis-- > 0; rest /= shape.dims[axis]) marks[k] &= has(region->axes[axis], rest % shape.dims[axis]);
    }
}

static void test_reshaped_regions(void **state) {
    (void)state;
    World world = {.seed = 5};
    const Shape shapes[] = {shape_1(24),
                            shape_2(6, 4),
                            shape_2(4, 6),
                            shape_of(3, (int64_t[]){2, 3, 4}),
                            shape_of(4, (int64_t[]){1, 6, 1, 4}),
                            shape_of(4, (int64_t[]){2, 2, 3, 2})};
    int64_t exact = 0;
    for (int round = 0; round < 5000; round++) {
        Shape to = shapes[draw(&world, 6)], from = shapes[draw(&world, 6)];
        Region region = {.rank = to.rank};
        for (int k = 0; k < to.rank; k++) region.axes[k] = draw_range(&world, to.dims[k]);
        Region before = region, other = region_reshape(&region, to, from);
        bool first[24], second[24];
        assert_true(region_holds(&region, &before));
        mark(&region, to, first), mark(&other, from, second);
        assert_memory_equal(first, second, sizeof first);
        exact += region_holds(&before, &region);
    }
    assert_true(exact > 1500);
}

/* ---- random graphs ------------------------------------------------------------------------------------------------------ */

enum { POOL = 60, LEAVES = 4 };

typedef struct Pool {
    World *world;
    Node *nodes[POOL];
    int count;
} Pool;

static Node *pick(Pool *pool, int least_rank) {
    for (;;) {
        Node *node = pool->nodes[draw(pool->world, (uint64_t)pool->count)];
        if (node->type.shape.rank >= least_rank) return node;
    }
}

static Node *draw_slice(Pool *pool) {
    Node *x = pick(pool, 1);
    int64_t start[RANK_MAX], stop[RANK_MAX], step[RANK_MAX];
    for (int k = 0; k < x->type.shape.rank; k++) {
        Range range = draw(pool->world, 2) ? range_all(x->type.shape.dims[k]) : draw_range(pool->world, x->type.shape.dims[k]);
        start[k] = range.start, step[k] = range.step, stop[k] = range.start + (range.count - 1) * range.step + 1;
    }
    return build_slice(pool->world->graph, x, start, stop, step);
}

static Node *draw_pad(Pool *pool) {
    Node *x = pick(pool, 1);
    int64_t low[RANK_MAX], high[RANK_MAX], interior[RANK_MAX];
    for (int k = 0; k < x->type.shape.rank; k++) {
        bool grows = draw(pool->world, 2) && x->type.shape.dims[k] < 4;
        low[k] = grows ? (int64_t)draw(pool->world, 4) : 0;
        high[k] = grows ? (int64_t)draw(pool->world, 4) : 0;
        interior[k] = grows ? (int64_t)draw(pool->world, 2) : 0;
    }
    return build_pad(pool->world->graph, x, low, high, interior, draw(pool->world, 5) == 0 ? 0.5 : 0);
}

static Node *draw_product(Pool *pool) {
    Graph *graph = pool->world->graph;
    for (int attempt = 0; attempt < 100; attempt++) {
        Node *a = pick(pool, 2), *b = pick(pool, 2);
        int rank = a->type.shape.rank, other = b->type.shape.rank;
        bool ta = draw(pool->world, 2), tb = draw(pool->world, 2), fits = other == 2 || other == rank;
        for (int k = 0; fits && other > 2 && k < rank - 2; k++) fits = a->type.shape.dims[k] == b->type.shape.dims[k];
        if (fits && a->type.shape.dims[rank - 1 - ta] == b->type.shape.dims[other - 2 + tb])
            return build_unary(graph, OP_TANH, build_matmul_flags(graph, a, b, ta, tb));
    }
    return pick(pool, 1);
}

static Node *draw_elementwise(Pool *pool) {
    static const OpCode ops[] = {OP_ADD, OP_SUB, OP_MUL, OP_MUL, OP_MAX};
    Graph *graph = pool->world->graph;
    Node *a = pick(pool, 0), *b = pick(pool, 0);
    Shape shape;
    if (!shape_broadcast(a->type.shape, b->type.shape, &shape)) return build_unary(graph, OP_RELU, a);
    Node *c = build_binary(graph, ops[draw(pool->world, 5)], a, b);
    return draw(pool->world, 3) ? build_unary(graph, OP_TANH, c)
                                : build_ternary(graph, OP_WHERE, build_binary(graph, OP_GREATER, a, b), c, build_number(graph, 0));
}

static Node *draw_rows(Pool *pool) {
    Graph *graph = pool->world->graph;
    Node *x = pick(pool, 1);
    int axis = (int)draw(pool->world, (uint64_t)x->type.shape.rank);
    Node *index = build_iota(graph, DTYPE_I64, shape_1(3), 0);
    index = build_binary(graph, OP_MOD, index, build_integer(graph, x->type.shape.dims[axis]));
    Node *rows = build_gather(graph, x, index, axis);
    if (draw(pool->world, 2)) return rows;
    return build_scatter(graph, draw(pool->world, 2) ? OP_SCATTER_ADD : OP_SCATTER_SET, x, index, build_unary(graph, OP_SIN, rows), axis);
}

static Node *draw_move(Pool *pool) {
    Graph *graph = pool->world->graph;
    Node *x = pick(pool, 1);
    int rank = x->type.shape.rank, axis = (int)draw(pool->world, (uint64_t)rank), permutation[RANK_MAX];
    for (int k = 0; k < rank; k++) permutation[k] = (k + axis) % rank;
    switch (draw(pool->world, 6)) {
    case 0: return build_transpose(graph, x, permutation);
    case 1: return build_reshape(graph, x, shape_1(shape_count(x->type.shape)));
    case 2: return build_concat(graph, (Node *[]){x, build_unary(graph, OP_NEG, x)}, 2, axis);
    case 3: return build_full_call(graph, OP_CUMSUM, &x, 1, (int64_t[]){axis, 0}, 2, NULL);
    case 4: return build_reduce(graph, draw(pool->world, 3) ? OP_REDUCE_SUM : OP_REDUCE_MAX, x, 1u << axis, draw(pool->world, 2));
    default: return build_expand(graph, x, axis);
    }
}

static void open_pool(Pool *pool, World *world, Cell **cells) {
    static const int64_t dims[LEAVES][3] = {{4, 3, 6}, {6, 4, 1}, {5, 6, 1}, {4, 6, 3}};
    *pool = (Pool){.world = world};
    for (int k = 0; k < LEAVES; k++) {
        cells[k] = new_cell(world, "x", DTYPE_F64, shape_of(k == 0 || k == 3 ? 3 : 2, dims[k]));
        pool->nodes[pool->count++] = build_leaf(world->graph, cells[k]);
    }
}

static void grow_pool(Pool *pool) {
    static Node *(*const draws[])(Pool *) = {draw_slice,       draw_slice, draw_pad,  draw_product,
                                             draw_elementwise, draw_rows,  draw_move, draw_move};
    while (pool->count < POOL) {
        Node *node = draws[draw(pool->world, 8)](pool);
        show_diagnostics(pool->world);
        assert_non_null(node);
        if (node->type.shape.rank < 5 && shape_count(node->type.shape) < 600) pool->nodes[pool->count++] = node;
    }
}

static void check_same(World *world, Node **outputs, int count, uint64_t seed) {
    Tensor **expected = allocate(sizeof(Tensor *) * (size_t)count);
    Fault fault = {0};
    if (!evaluate(world->graph, outputs, count, NULL, 0, expected, &fault)) fail_msg("%s", fault.message);
    Program *program = compile_and_run(world, outputs, count, NULL, 0);
    for (int k = 0; k < count; k++) {
        for (int64_t i = 0; i < tensor_count(expected[k]); i++) {
            double a = tensor_number(expected[k], i), b = output_number(program, k, i);
            if (fabs(a - b) > 1e-9 * (1 + fabs(a)))
                fail_msg("seed %llu, output %d [%lld]: %.17g, not %.17g", (unsigned long long)seed, k, (long long)i, b, a);
        }
        tensor_release(expected[k]);
    }
    free(expected);
    program_free(program);
}

/* A value, its gradient, and the gradient of a number made of that. */
static void check_random(uint64_t seed) {
    World world;
    Cell *cells[LEAVES];
    Pool pool;
    world_open(&world, DTYPE_F64);
    world.seed = seed;
    open_pool(&pool, &world, cells);
    grow_pool(&pool);
    Graph *graph = world.graph;
    Node *outputs[2 + 2 * LEAVES] = {pool.nodes[POOL - 1], draw_slice(&pool)};
    Node *cost = build_sum_all(graph, build_unary(graph, OP_SIN, plus(graph, build_sum_all(graph, outputs[0]), outputs[1])));
    assert_true(autodiff_grad(graph, cost, pool.nodes, LEAVES, true, outputs + 2));
    Node *again = build_number(graph, 0);
    for (int k = 0; k < LEAVES; k++) again = plus(graph, again, build_sum_all(graph, build_unary(graph, OP_SIN, outputs[2 + k])));
    assert_true(autodiff_grad(graph, again, pool.nodes, LEAVES, true, outputs + 2 + LEAVES));
    check_same(&world, outputs, 2 + 2 * LEAVES, seed);
    for (int k = 0; k < LEAVES; k++) cell_release(cells[k]);
    world_close(&world);
}

static void test_random_parts(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) check_random(seed);
}

/* ---- what is left out --------------------------------------------------------------------------------------------------- */

/* Floating-point operations of the products that the compiled program runs. */
static double product_flops(const Program *program) {
    double flops = 0;
    for (int k = 0; k < program->plan->step_count; k++) {
        const PlanStep *step = &program->plan->steps[k];
        if (step->kernel == NULL || strcmp(step->kernel->name, "matmul") != 0) continue;
        const Shape *a = &program->plan->buffers[step->inputs[0]].shape, *c = &program->plan->buffers[step->outputs[0]].shape;
        flops += 2.0 * (double)shape_count(*c) * (double)a->dims[a->rank - (step->ints[0] ? 2 : 1)];
    }
    return flops;
}

static double flops_of(World *world, Node **outputs, int count) {
    Program *program = compile(world, outputs, count, NULL, 0, &CHECKED);
    double flops = product_flops(program);
    program_free(program);
    return flops;
}

typedef struct Network {
    World world;
    Cell *cells[3];
    Node *x, *w, *v; /* [20, 5, 8], [8, 8], [8, 8] */
} Network;

static void open_network(Network *network) {
    static const int64_t dims[3][3] = {{20, 5, 8}, {8, 8, 1}, {8, 8, 1}};
    Node **leaves[] = {&network->x, &network->w, &network->v};
    world_open(&network->world, DTYPE_F64);
    for (int k = 0; k < 3; k++) {
        network->cells[k] = new_cell(&network->world, "x", DTYPE_F64, shape_of(k == 0 ? 3 : 2, dims[k]));
        *leaves[k] = build_leaf(network->world.graph, network->cells[k]);
    }
}

static void close_network(Network *network) {
    for (int k = 0; k < 3; k++) cell_release(network->cells[k]);
    world_close(&network->world);
}

/* tanh(x w) v at every position */
static Node *layers(const Network *network) {
    Graph *graph = network->world.graph;
    return build_matmul(graph, build_unary(graph, OP_TANH, build_matmul(graph, network->x, network->w)), network->v);
}

static void test_last_position(void **state) {
    (void)state;
    Network network;
    open_network(&network);
    Graph *graph = network.world.graph;
    Node *outputs[4], *variables[] = {network.w, network.v};
    Node *last = build_select(graph, layers(&network), 1, -1);
    outputs[0] = build_sum_all(graph, build_binary(graph, OP_MUL, last, last));
    assert_true(autodiff_grad(graph, outputs[0], variables, 2, false, outputs + 1));
    double one = 2.0 * 20 * 8 * 8; /* a product over one position */
    assert_true(flops_of(&network.world, outputs, 1) == 2 * one);
    assert_true(flops_of(&network.world, outputs, 3) == 5 * one);
    Node *slope = build_sum_all(graph, build_binary(graph, OP_MUL, outputs[1], outputs[1]));
    assert_true(autodiff_grad(graph, slope, variables, 1, false, outputs + 3));
    assert_true(flops_of(&network.world, outputs, 4) <= 12 * one);
    check_same(&network.world, outputs, 4, 0);
    close_network(&network);
}

/* Another reader needs every position: the product is computed once, whole. */
static void test_other_reader(void **state) {
    (void)state;
    Network network;
    open_network(&network);
    Graph *graph = network.world.graph;
    Node *all = layers(&network);
    Node *outputs[] = {build_select(graph, all, 1, -1), build_reduce(graph, OP_REDUCE_MAX, all, 2, false)};
    assert_true(flops_of(&network.world, outputs, 2) == 2 * 5 * 2.0 * 20 * 8 * 8);
    check_same(&network.world, outputs, 2, 0);
    close_network(&network);
}

/* Columns of one product that different readers need at different positions are computed apart. */
static void test_parts_of_a_product(void **state) {
    (void)state;
    Network network;
    open_network(&network);
    Graph *graph = network.world.graph;
    Node *both = build_matmul(graph, network.x, network.w);
    int64_t start[] = {0, 0, 0}, stop[] = {20, 5, 2}, step[] = {1, 1, 1}, from[] = {0, 4, 2}, to[] = {20, 5, 8};
    Node *outputs[] = {build_slice(graph, both, start, stop, step), build_slice(graph, both, from, to, step)};
    assert_true(flops_of(&network.world, outputs, 2) == 2.0 * 20 * 8 * (5 * 2 + 6));
    check_same(&network.world, outputs, 2, 0);
    close_network(&network);
}

/* A random number belongs to its sample: the draws are made for all of them and then cut. */
static void test_random_sites(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F64);
    Graph *graph = world.graph;
    Tensor *key = tensor_zeros(DTYPE_I64, shape_1(2), NULL), *sample = tensor_zeros(DTYPE_I64, shape_1(9), NULL);
    for (int k = 0; k < 9; k++) tensor_i64(sample)[k] = 100 + 7 * k;
    Type type = {DTYPE_F64, shape_2(9, 4)};
    Cell *keys = cell_new("key", key), *samples = cell_new("sample", sample);
    Node *operands[] = {build_leaf(graph, keys), build_leaf(graph, samples)};
    Node *noise = build_full_call(graph, OP_RANDOM_NORMAL, operands, 2, (int64_t[]){1}, 1, &type);
    int64_t start[] = {5, 1}, stop[] = {6, 2}, step[] = {1, 1};
    Node *all = build_unary(graph, OP_SIN, noise), *one = build_slice(graph, all, start, stop, step);
    Program *whole = compile_and_run(&world, &all, 1, NULL, 0), *part = compile_and_run(&world, &one, 1, NULL, 0);
    assert_true(output_number(part, 0, 0) == output_number(whole, 0, 5 * 4 + 1));
    program_free(whole), program_free(part);
    cell_release(keys), cell_release(samples);
    world_close(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),        cmocka_unit_test(test_reshaped_regions), cmocka_unit_test(test_random_parts),
        cmocka_unit_test(test_last_position), cmocka_unit_test(test_other_reader),     cmocka_unit_test(test_parts_of_a_product),
        cmocka_unit_test(test_random_sites),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
